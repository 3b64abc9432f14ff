package credentialreset

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
)

// weighAccount finds the one account of the person, and holds it against what
// the ticket says.
func (s *Steps) weighAccount(ctx context.Context, a *assessment, w *weighing) error {
	person := w.request.Person
	var found []okta.User
	add := func(users []okta.User, err error) error {
		for _, u := range users {
			if !slices.ContainsFunc(found, func(f okta.User) bool { return f.ID == u.ID }) {
				found = append(found, u)
			}
		}
		return err
	}
	if person.EmployeeNumber != "" {
		if err := add(s.okta.UsersByEmployeeNumber(ctx, person.EmployeeNumber)); err != nil {
			return err
		}
	}
	if person.Email != "" {
		if err := add(s.okta.UsersByEmail(ctx, person.Email)); err != nil {
			return err
		}
	}
	// Who came back under a new account has an old one besides.
	if inUse := slices.DeleteFunc(slices.Clone(found), func(u okta.User) bool { return u.Status == okta.Deprovisioned }); len(inUse) > 0 {
		found = inUse
	}
	switch {
	case len(found) == 0:
		a.mends("The person has no Okta account under the employee number or the address in sys_user.")
	case len(found) > 1:
		a.mends("Employee number and address in sys_user lead to several Okta accounts (%s): correct the ones that are wrong.", ids(found))
	default:
		w.user, a.UserID, a.Plan.Status = found[0], found[0].ID, found[0].Status
		s.compare(a, w)
	}
	return nil
}

// compare holds the account against the person: whoever wrote another's address
// or number into one of the two systems gets no further.
func (s *Steps) compare(a *assessment, w *weighing) {
	profile, person := w.user.Profile, w.request.Person
	if person.EmployeeNumber != "" && profile.EmployeeNumber != "" && !strings.EqualFold(person.EmployeeNumber, profile.EmployeeNumber) {
		a.refer("The account carries another employee number than the person has in ServiceNow.")
	}
	if person.Email != "" && !strings.EqualFold(person.Email, profile.Email) && !strings.EqualFold(person.Email, profile.Login) {
		a.refer("The account has another address than the person has in ServiceNow: find out which is right, and who changed it.")
	}
	if !person.Active {
		a.refer("The person is no longer active in ServiceNow.")
	}
}

func ids(users []okta.User) string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.ID
	}
	return strings.Join(list, ", ")
}

// weighRank: protected accounts and administrators are always for a person.
func (s *Steps) weighRank(ctx context.Context, a *assessment, w *weighing) error {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return err
	}
	groups, err := s.okta.Groups(ctx, w.user.ID)
	if err != nil {
		return err
	}
	held := make([]string, len(groups))
	for i, g := range groups {
		held[i] = g.ID
	}
	if reason, protected := rules.Protected(w.user.ID, held); protected {
		a.refer("The account is protected: %s.", reason)
	}
	if w.roles, err = s.okta.AdminRoles(ctx, w.user.ID); err != nil {
		return err
	}
	for _, r := range w.roles {
		a.refer("The account is an administrator's (%s).", r.Label)
	}
	return nil
}

// weighStatus: what Okta allows in the account's status.
func (s *Steps) weighStatus(ctx context.Context, a *assessment, w *weighing) error {
	var err error
	if w.factors, err = s.okta.Factors(ctx, w.user.ID); err != nil {
		return err
	}
	can := planFor(a.Type, w.user, w.factors, w.request.Factor, slices.Contains(s.policy.EndSessions, a.Type))
	a.Plan, a.Explanation = can.plan, can.explain
	if can.refer != "" {
		a.refer("%s", can.refer)
	}
	if can.problem != "" {
		a.mends("%s", can.problem)
	}
	return nil
}

// weighLimits: how often this person, and everybody, was helped lately.
func (s *Steps) weighLimits(ctx context.Context, a *assessment, w *weighing) error {
	if err := s.count(ctx, a, w, s.policy.Limits.Person, "credential-reset/person/"+w.user.ID, "for this account"); err != nil {
		return err
	}
	return s.count(ctx, a, w, s.policy.Limits.Overall, "credential-reset", "in the whole company")
}

// fewEvents are enough to find one that counts among some that failed.
const fewEvents = 20

// weighCoolDown: what changed on the account shortly before.
func (s *Steps) weighCoolDown(ctx context.Context, a *assessment, w *weighing) error {
	rest := s.policy.CoolDown[a.Type]
	if rest.For == 0 {
		return nil
	}
	since := w.now.Add(-time.Duration(rest.For))
	for _, f := range w.factors { // read by id: the System Log may lag behind
		if f.Created.After(since) {
			a.refer("A factor (%s) was enrolled on %s, and for %s after that a person decides.", f.Type, moment(f.Created), rest.For)
			return nil
		}
	}
	events, err := s.okta.Logs(ctx, okta.LogQuery{Since: since, Filter: okta.LogFilter(w.user.ID, rest.After...), Newest: true, Most: fewEvents})
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Outcome.Result != "FAILURE" && concerns(e, w.user.ID) {
			a.refer("The account was changed on %s (%s), and for %s after that a person decides.", moment(e.Published), e.Type, rest.For)
			return nil
		}
	}
	return nil
}

// concerns reports whether an event happened to the user, rather than being
// something that the user did to another.
func concerns(e okta.LogEvent, userID string) bool {
	people := 0
	for _, t := range e.Targets {
		if t.ID == userID {
			return true
		}
		if t.Type == "User" {
			people++
		}
	}
	return people == 0
}

// weighIncidents: whether a security incident is open about the person. When
// that cannot be told, a person looks.
func (s *Steps) weighIncidents(ctx context.Context, a *assessment, w *weighing) error {
	for _, d := range s.policy.Incidents {
		numbers, err := s.servicenow.About(ctx, d, w.request.Person)
		switch {
		case fault.Is[*fault.Denied](err), fault.Is[*fault.Invalid](err):
			a.refer("Whether a security incident is open about this person cannot be told: %s.", strings.TrimSuffix(err.Error(), "."))
		case err != nil:
			return err
		case len(numbers) > 0:
			a.refer("A security incident is open about this person: %s.", strings.Join(numbers, ", "))
		}
	}
	return nil
}

// weighProof: evidence of who the person is, where policy asks for it. It has to
// come from the helpdesk: nobody proves their own identity by writing that it is
// proved.
func (s *Steps) weighProof(_ context.Context, a *assessment, w *weighing) error {
	if !slices.Contains(s.policy.Proof.Needed[a.Relation], a.Type) {
		return nil
	}
	methods := strings.Join(s.policy.Proof.Methods, ", ")
	switch {
	case w.request.Proof == "":
		a.mends("Evidence is missing that the person is who they say: enter how it was proved (%s) and a reference of the evidence.", methods)
	case !proves(w.request.Proof, s.policy.Proof.Methods):
		a.mends("The evidence of identity has to be one of %s, followed by a reference, such as %q.", methods, s.policy.Proof.Methods[0]+": 12345")
	case !w.asker.Vouched:
		a.mends("The evidence of identity has to be entered by a member of the helpdesk.")
	}
	return nil
}

// shortestReference is what tells a reference from a word of politeness.
const shortestReference = 4

// proves reports whether a text is one of the methods with a reference behind it.
func proves(text string, methods []string) bool {
	folded := strings.ToLower(strings.Join(strings.Fields(text), " "))
	for _, m := range methods {
		if rest, ok := strings.CutPrefix(folded, strings.ToLower(m)); ok {
			reference := strings.TrimLeft(rest, " :,;-")
			return reference != rest && len([]rune(reference)) >= shortestReference
		}
	}
	return false
}

// eligible are those of a list who are not concerned.
func eligible(people, concerned []string) []string {
	return slices.DeleteFunc(slices.Clone(people), func(id string) bool { return id == "" || slices.Contains(concerned, id) })
}

// active reports whether somebody can decide.
func active(p servicenow.Person) bool { return p.Active && !p.LockedOut }

// said is a list of sentences as lines of a note.
func said(sentences []string) string {
	var b strings.Builder
	for _, text := range sentences {
		fmt.Fprintf(&b, "- %s\n", text)
	}
	return b.String()
}
