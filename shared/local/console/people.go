package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/lease"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/snowsim"
)

// shownPeople bounds the list; the search goes through all.
const shownPeople = 120

// peopleView is the list of Okta accounts.
type peopleView struct {
	Rows          []personRow
	Total, Active int
}

type personRow struct {
	ID, Name, Login, Title, Department, Status, Number string
	Tone                                               tone
	Moving                                             string // what the status is about to become
	Chosen                                             bool
}

func peopleOf(s *sight, q query) peopleView {
	v := peopleView{Total: len(s.accounts)}
	for _, a := range s.accounts {
		row := rowOfAccount(a)
		row.Chosen = a.ID == q.Person
		if a.Status == oktasim.Active {
			v.Active++
		}
		if q.found(row.Name, row.Login, row.Title, row.Department, row.Status, row.Number, row.ID) {
			v.Rows = append(v.Rows, row)
		}
	}
	// Newest first among those who came while we look, then by name.
	slices.SortStableFunc(v.Rows, func(a, b personRow) int {
		return cmp.Or(cmp.Compare(rank(a.Status), rank(b.Status)), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)))
	})
	v.Rows = v.Rows[:min(shownPeople, len(v.Rows))]
	return v
}

// rank puts first who is on the way in or out of something.
func rank(status string) int {
	switch status {
	case oktasim.Staged, oktasim.Provisioned, oktasim.Recovery, oktasim.PasswordExpired:
		return 0
	case oktasim.LockedOut, oktasim.Suspended:
		return 1
	case oktasim.Active:
		return 2
	}
	return 3
}

func rowOfAccount(a oktasim.Account) personRow {
	return personRow{
		ID: a.ID, Name: nameOf(a), Login: a.Login, Title: text(a, "title"), Department: text(a, "department"),
		Number: text(a, "employeeNumber"), Status: a.Status, Tone: statusTone(a.Status), Moving: a.TransitioningTo,
	}
}

func text(a oktasim.Account, attribute string) string {
	value, _ := a.Profile[attribute].(string)
	return value
}

func nameOf(a oktasim.Account) string {
	if name := strings.TrimSpace(text(a, "firstName") + " " + text(a, "lastName")); name != "" {
		return name
	}
	return a.Login
}

func statusTone(status string) tone {
	switch status {
	case oktasim.Active:
		return toneGood
	case oktasim.Provisioned, oktasim.Staged, oktasim.Recovery:
		return toneBusy
	case oktasim.Suspended, oktasim.LockedOut, oktasim.PasswordExpired:
		return toneWarn
	}
	return toneQuiet
}

// personView is a person in full.
type personView struct {
	personRow
	Facts    []field
	Access   []access
	Leases   int
	Timeline []ledgerRow // latest first
	// Invited people can follow the welcome mail.
	Invited bool
	// Known people have a user in ServiceNow, so that they can open tickets.
	Known   bool
	Problem string
}

// access is a group or app that somebody holds, with every reason for it.
type access struct {
	Kind, ID, Name string
	Reasons        []reason
	// Note says where it comes from when no lease gives it.
	Note string
	// Unexplained access has neither.
	Unexplained bool
	// Gone is registered and not there.
	Gone bool
}

// reason is a lease.
type reason struct {
	Text, Kind, Ticket string
	ApprovedBy         []string
	Since, Until       time.Time
}

func (c *Console) personOf(ctx context.Context, s *sight, q query) *personView {
	a, known := s.account(q.Person)
	if !known {
		return nil
	}
	v := &personView{personRow: rowOfAccount(a), Invited: a.Status == oktasim.Provisioned}
	for _, f := range []field{
		{Label: "Login", Shown: a.Login}, {Label: "Employee number", Shown: text(a, "employeeNumber")},
		{Label: "Title", Shown: text(a, "title")}, {Label: "Department", Shown: text(a, "department")},
		{Label: "Location", Shown: text(a, "city")}, {Label: "Type", Shown: text(a, "userType")},
		{Label: "Okta id", Shown: a.ID}, {Label: "Signed in", Shown: signedIn(a.LastLogin)},
		{Label: "Holds", Shown: fmt.Sprintf("%s, %s, %s, %s", count(a.Sessions, "session"), count(len(a.Factors), "factor"), count(len(a.APITokens), "API token"), count(len(a.Roles), "admin role"))},
	} {
		if f.Shown != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	v.Known = slices.ContainsFunc(s.snow.People, func(p snowsim.Person) bool { return p.Number != "" && p.Number == v.Number })
	holdings, err := c.leases.Of(ctx, a.ID)
	if err != nil {
		v.Problem = err.Error()
	}
	v.Access = accessOf(s, a, holdings)
	for _, held := range v.Access {
		v.Leases += len(held.Reasons)
	}
	for r, err := range c.ledger.BySubject(ctx, a.ID) {
		if err != nil {
			v.Problem = err.Error()
			break
		}
		if row := s.ledgerRowOf(r); row.Settled {
			v.Timeline = append(v.Timeline, row)
		}
	}
	slices.Reverse(v.Timeline)
	return v
}

func signedIn(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.Local().Format("2 January 15:04")
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// accessOf joins what somebody holds with the reasons in the register.
func accessOf(s *sight, a oktasim.Account, holdings []lease.Holding) (list []access) {
	reasons := map[string][]reason{}
	names := map[string]string{}
	for _, h := range holdings {
		key := h.Entitlement.String()
		for _, l := range h.Valid(s.at) {
			r := reason{Text: l.Reason.Text, Kind: kindOf(l.Key), Ticket: l.Ticket, Since: l.Since, Until: l.Until}
			for _, by := range l.ApprovedBy {
				r.ApprovedBy = append(r.ApprovedBy, s.readable(by))
			}
			reasons[key] = append(reasons[key], r)
			names[key] = l.Name
		}
	}
	add := func(kind, id, name, note string) {
		key := kind + "/" + id
		held := access{Kind: kind, ID: id, Name: name, Reasons: reasons[key]}
		if len(held.Reasons) == 0 {
			held.Note, held.Unexplained = note, note == ""
		}
		delete(reasons, key)
		list = append(list, held)
	}
	for _, g := range a.Groups {
		add("group", g.ID, g.Name, groupNote(g))
	}
	for _, app := range a.Apps {
		note := ""
		if app.Scope == "GROUP" {
			note = "Comes with a group"
		}
		add("app", app.AppID, app.Label, note)
	}
	for key, left := range reasons {
		kind, id, _ := strings.Cut(key, "/")
		list = append(list, access{Kind: kind, ID: id, Name: names[key], Reasons: left, Gone: true})
	}
	slices.SortStableFunc(list, func(a, b access) int {
		return cmp.Or(cmp.Compare(b.Kind, a.Kind), cmp.Compare(len(b.Reasons), len(a.Reasons)), cmp.Compare(a.Name, b.Name))
	})
	return list
}

func kindOf(key string) string {
	kind, _, _ := strings.Cut(key, "/")
	return kind
}

func groupNote(g oktasim.Membership) string {
	switch {
	case g.Type == "BUILT_IN":
		return "Okta puts everybody in it"
	case g.Type == "APP_GROUP":
		return "Belongs to the app that it is imported from"
	case g.ByRule:
		return "Made by a group rule of Okta"
	}
	return ""
}
