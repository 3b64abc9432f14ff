package securityalert

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// mostDescribed is how many people one round describes; the next goes on soon.
const mostDescribed = 10

// BookDescription books the reads about the people, urgent like all that a person
// waits for who has to decide.
func (s *Steps) BookDescription(ctx context.Context, st state) (workflow.Seats, error) {
	a, _, err := s.own(ctx, st.Subject)
	if err != nil {
		return workflow.Seats{}, err
	}
	people := a.toDescribe()
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users/{id}", len(people)).
		Add("GET", "/api/v1/users/{id}/groups", 2*len(people)). // and roles
		Add("GET", "/api/v1/logs", len(crowds(people))+1+(len(a.Evidence)-a.Attached+perQuery-1)/perQuery)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Urgent, calls.Needs(), st.Seats)
}

// toDescribe are the next people whom the incident does not tell of yet: the
// suspected first.
func (a *alert) toDescribe() []*person {
	var list []*person
	for _, p := range a.People {
		if p.ID != "" && !p.Described {
			list = append(list, p)
		}
	}
	rank := func(p *person) int {
		if p.Suspicion != nil {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(x, y *person) int { return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.ID, y.ID)) })
	return list[:min(len(list), mostDescribed)]
}

// portrait is what is read about a person. Nothing of it is kept here.
type portrait struct {
	id         string
	user       okta.User
	manager    string
	groups     []okta.Group
	roles      []okta.Role
	recent     []okta.LogEvent
	privileged bool
	// gaps are what could not be read.
	gaps []string
}

// DescribePeople tells the incident who the people are, raises its priority for
// privileged ones, and attaches the events. What Okta does not tell now is named
// as missing: nobody waits for it.
//
// Portraits go into a file, and the one of the person whom the incident is about
// into its description too; the note, which is mailed about, names nobody.
func (s *Steps) DescribePeople(ctx context.Context, st state) (workflow.Nothing, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	if err := s.attach(ctx, a, rules); err != nil {
		return workflow.Nothing{}, err
	}
	people := a.toDescribe()
	if len(people) == 0 && !a.Bare {
		return workflow.Nothing{}, nil
	}
	portraits := make([]portrait, 0, len(people))
	recent, err := s.signIns(ctx, people)
	if err != nil {
		return workflow.Nothing{}, err
	}
	for _, p := range people {
		one, err := s.portray(ctx, p, recent, rules)
		if err != nil {
			return workflow.Nothing{}, err
		}
		portraits = append(portraits, one)
		a.Privileged = a.Privileged || one.privileged
	}
	posting := servicenow.Posting{Key: noteKey(a, "people", idsOf(people)), WorkNote: "The events could be read by now: see the description.", Set: map[string]string{}}
	if len(people) > 0 {
		name := fmt.Sprintf("okta-people-%d.txt", 1+a.described())
		if err := s.file(ctx, a, rules, name, "text/plain", []byte(s.portraitsText(portraits))); err != nil {
			return workflow.Nothing{}, err
		}
		posting.WorkNote = peopleNote(portraits, name)
	}
	if err := s.introduce(ctx, &a, rules, portraits, posting.Set); err != nil {
		return workflow.Nothing{}, err
	}
	priority := a.Priority
	if raised := a.due(rules); raised < priority {
		priority = raised
		maps.Copy(posting.Set, priorityColumns(priority))
	}
	if err := s.post(ctx, a, rules, posting); err != nil {
		return workflow.Nothing{}, err
	}
	_, err = s.keep(ctx, a, func(now *alert) {
		now.Priority, now.Privileged, now.Wrote, now.Bare = priority, a.Privileged, a.Wrote, a.Bare
		for _, p := range people {
			if q := now.People[p.ID]; q != nil {
				q.Described = true
			}
		}
	})
	return workflow.Nothing{}, err
}

// described counts the people whom the incident tells of.
func (a *alert) described() int {
	n := 0
	for _, p := range a.People {
		if p.Described {
			n++
		}
	}
	return n
}

func idsOf(people []*person) string {
	list := make([]string, len(people))
	for i, p := range people {
		list[i] = p.ID
	}
	return strings.Join(list, ",")
}

// introduce names the person whom the incident is about, in its columns, its title
// and its description. One that was opened before its events could be read is told
// what they say, too.
func (s *Steps) introduce(ctx context.Context, a *alert, rules *detect.Rules, portraits []portrait, set map[string]string) error {
	var known map[string]string
	about := ""
	if who := a.foremost(); who != nil {
		i := slices.IndexFunc(portraits, func(p portrait) bool { return p.id == who.ID })
		if i < 0 || portraits[i].user.ID == "" {
			return nil
		}
		if err := s.name(ctx, *a, portraits[i].user.Profile, set); err != nil {
			return err
		}
		known, about = map[string]string{who.ID: portraits[i].user.Profile.Login}, s.portraitText(portraits[i])
	} else if !a.Bare {
		return nil
	}
	found, missing, err := s.firstEvents(ctx, *a)
	if err != nil {
		return err
	}
	a.Bare = a.Bare && missing != ""
	return s.rewrite(ctx, a, set, map[string]string{
		"title": title(*a, rules, known), "description": s.description(*a, rules, found, missing, about),
	})
}

// name sets the columns that say whom the incident is about.
func (s *Steps) name(ctx context.Context, a alert, profile okta.Profile, set map[string]string) error {
	kind := s.kinds.of(a.Incident.Table)
	put := func(field, value string) {
		if column := kind.Fields[field]; column != "" && value != "" {
			set[column] = value
		}
	}
	put("employee_number", profile.EmployeeNumber)
	put("email", profile.Email)
	if kind.Fields["person"] != "" {
		found, err := s.servicenow.PersonByEmail(ctx, profile.Email)
		if fault.Retryable(err) {
			return err
		}
		put("person", found.SysID)
	}
	return nil
}

// rewrite sets columns anew that nobody has changed since they were last written;
// what somebody has changed is theirs.
func (s *Steps) rewrite(ctx context.Context, a *alert, set, texts map[string]string) error {
	kind := s.kinds.of(a.Incident.Table)
	ticket, err := s.servicenow.Ticket(ctx, kind, a.Incident.SysID)
	if err != nil {
		return err
	}
	wrote := map[string]string{}
	maps.Copy(wrote, a.Wrote)
	for field, text := range texts {
		now := digest(ticket.Value(field))
		if column := kind.Fields[field]; column != "" && (now == wrote[field] || now == digest(text)) {
			set[column], wrote[field] = text, digest(text)
		}
	}
	a.Wrote = wrote
	return nil
}

// portray reads about a person. At the first attempt a call that may succeed
// later is tried again; after that the portrait has a gap.
func (s *Steps) portray(ctx context.Context, p *person, recent signIns, rules *detect.Rules) (portrait, error) {
	out := portrait{id: p.ID, recent: recent.of[p.ID]}
	task, _ := workflow.TaskOf(ctx)
	var failed error
	missing := func(what string, err error) {
		switch {
		case err == nil:
		case fault.Is[*fault.Stopped](err), fault.Retryable(err) && task.Attempt == 0:
			failed = cmp.Or(failed, err)
		default:
			out.gaps = append(out.gaps, what+" ("+err.Error()+")")
		}
	}
	var err error
	out.user, err = s.okta.User(ctx, p.ID)
	missing("profile and status", err)
	out.groups, err = s.okta.Groups(ctx, p.ID)
	missing("groups", err)
	out.roles, err = s.okta.AdminRoles(ctx, p.ID)
	missing("admin roles", err)
	missing("recent sign-ins", recent.missing[p.ID])
	if number := out.user.Profile.ManagerID; number != "" {
		manager, err := s.servicenow.PersonByEmployeeNumber(ctx, number)
		out.manager = manager.UserName
		if fault.Retryable(err) {
			missing("manager", err)
		}
	}
	out.privileged = len(out.roles) > 0 || slices.ContainsFunc(out.groups, func(g okta.Group) bool {
		return slices.Contains(rules.PrivilegedGroups(), g.ID)
	})
	return out, failed
}
