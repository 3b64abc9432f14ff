package accessreview

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
)

// Piles of what was read.
const (
	accountsPile = "accounts" // by Okta user id
	heldPile     = "held"     // by Okta user id
	keysPile     = "keys"     // people of both systems, by employee number or address
	leftPile     = "left"     // those whose number matched nobody, by address
	linksPile    = "links"    // who in ServiceNow is who in Okta, by Okta user id
	leasesPile   = "leases"   // by Okta user id
	carriersPile = "carriers" // which groups carry which app
	groupsPile   = "groups-list"
	appsPile     = "apps-list"
)

// account is an account as a review keeps it.
type account struct {
	ID           string      `json:"i"`
	Status       okta.Status `json:"s"`
	Leaving      bool        `json:"x,omitempty"` // on its way to be deactivated
	Login        string      `json:"l"`
	Name         string      `json:"n"`
	Department   string      `json:"d,omitempty"`
	Title        string      `json:"t,omitempty"`
	Location     string      `json:"c,omitempty"`
	EmployeeType string      `json:"e,omitempty"`
	Manager      string      `json:"m,omitempty"` // employee number
	Number       string      `json:"u,omitempty"`
	Created      time.Time   `json:"a"`
	Activated    time.Time   `json:"v,omitzero"`
	LastSignIn   time.Time   `json:"o,omitzero"`
}

// held is something that somebody holds.
type held struct {
	User string `json:"u"`
	// Kind is report.Group, App or Role.
	Kind string `json:"k"`
	ID   string `json:"i"`
	Name string `json:"n"`
	// Type is a group's type or a role's; Scope an assignment's.
	Type  string `json:"t,omitempty"`
	Scope string `json:"s,omitempty"`
	// Via is the id of the group that gives it, where one does.
	Via string    `json:"v,omitempty"`
	At  time.Time `json:"a,omitzero"`
}

// carrier says that an app comes to people through a group.
type carrier struct {
	App   string `json:"a"`
	Group string `json:"g,omitempty"` // empty where Okta does not name it
}

// listed is a group or an app of the org.
type listed struct {
	ID   string `json:"i"`
	Name string `json:"n"`
	Type string `json:"t,omitempty"`
}

// usersAt is where the list of users goes on.
type usersAt struct {
	Former bool   `json:"former,omitempty"`
	After  string `json:"after,omitempty"`
}

// readUsers reads the accounts that are not deactivated, then those that are:
// what somebody who has left still holds can only be told of these.
func (s *Steps) readUsers(ctx context.Context, _ state, cursor json.RawMessage, calls int, onto *sheet) (position, error) {
	at, err := cursorOf[usersAt](cursor)
	if err != nil {
		return position{}, err
	}
	for n := range calls {
		page, err := s.okta.UserPage(ctx, at.Former, at.After)
		if err != nil {
			return position{}, err
		}
		for _, u := range page.Users {
			onto.account(u)
			if !at.Former {
				onto.counts["people"]++
			}
		}
		switch at.After = page.Next; {
		case at.After != "":
		case at.Former:
			return position{Cursor: at, Calls: n + 1, Done: true}, nil
		default:
			at.Former = true
		}
	}
	return position{Cursor: at, Calls: calls}, nil
}

// account lays an account down, and by what it is found in ServiceNow.
func (s *sheet) account(u okta.User) {
	p := u.Profile
	s.lay(accountsPile, u.ID, account{
		ID: u.ID, Status: u.Status, Leaving: u.TransitioningTo == okta.Deprovisioned, Login: p.Login, Name: joined(p.FirstName, p.LastName),
		Department: p.Department, Title: p.Title, Location: p.Location, EmployeeType: p.EmployeeType, Manager: p.ManagerID, Number: p.EmployeeNumber,
		Created: u.Created, Activated: u.Activated, LastSignIn: u.LastLogin,
	})
	s.identity(identity{Account: u.ID, Number: fold(p.EmployeeNumber), Email: fold(p.Email), Used: u.Status != okta.Deprovisioned})
}

func joined(first, last string) string {
	if first == "" || last == "" {
		return first + last
	}
	return first + " " + last
}

// catalogueAt is where reading what hangs on the entries of a catalogue goes on:
// the catalogue is read first, then the pages of one entry after the other.
type catalogueAt struct {
	Listed bool   `json:"listed,omitempty"`
	Entry  int    `json:"entry,omitempty"`
	After  string `json:"after,omitempty"`
}

// catalogue is how a list of groups or apps, and then what hangs on each, is
// read.
type catalogue struct {
	pile string
	list func(ctx context.Context, after string) (entries []listed, next string, err error)
	page func(ctx context.Context, entry listed, after string) (people []held, next string, err error)
	// lay counts the people of a page.
	lay func(onto *sheet, people []held)
}

func (s *Steps) readEvenGroups(ctx context.Context, st state, cursor json.RawMessage, calls int, onto *sheet) (position, error) {
	return s.readGroups(ctx, st, cursor, calls, onto, 0)
}

func (s *Steps) readOddGroups(ctx context.Context, st state, cursor json.RawMessage, calls int, onto *sheet) (position, error) {
	return s.readGroups(ctx, st, cursor, calls, onto, 1)
}

// readGroups reads one half of the groups. There are so many pages of members
// that one after the other they would take longer than Okta's limit asks for; and
// no function makes two calls at once, so that the reserved concurrency of all
// stays below what Okta allows.
func (s *Steps) readGroups(ctx context.Context, st state, cursor json.RawMessage, calls int, onto *sheet, half int) (position, error) {
	wanted, err := s.wanted(ctx, st.Review)
	if err != nil {
		return position{}, err
	}
	return s.readCatalogue(ctx, st, cursor, calls, onto, catalogue{
		pile: fmt.Sprintf("%s-%d", groupsPile, half),
		list: func(ctx context.Context, after string) (entries []listed, next string, err error) {
			page, err := s.okta.GroupPage(ctx, after)
			for _, g := range page.Items {
				// Nobody can be taken out of a built-in group, and everybody is in it.
				if g.Type != okta.GroupTypeBuiltIn && partitionOf(g.ID)%2 == half && wanted(report.Group, g.ID, g.Name) {
					entries = append(entries, listed{ID: g.ID, Name: g.Name, Type: g.Type})
				}
			}
			onto.counts["groups"] += len(entries)
			return entries, page.Next, err
		},
		page: func(ctx context.Context, g listed, after string) (people []held, next string, err error) {
			page, err := s.okta.MemberPage(ctx, g.ID, after)
			for _, m := range page.Items {
				people = append(people, held{User: m.UserID, Kind: report.Group, ID: g.ID, Name: g.Name, Type: g.Type})
			}
			return people, page.Next, err
		},
		lay: func(onto *sheet, people []held) { onto.counts["memberships"] += len(people) },
	})
}

func (s *Steps) readApps(ctx context.Context, st state, cursor json.RawMessage, calls int, onto *sheet) (position, error) {
	wanted, err := s.wanted(ctx, st.Review)
	if err != nil {
		return position{}, err
	}
	carriers := map[carrier]bool{}
	return s.readCatalogue(ctx, st, cursor, calls, onto, catalogue{
		pile: appsPile,
		list: func(ctx context.Context, after string) (entries []listed, next string, err error) {
			page, err := s.okta.AppPage(ctx, after)
			for _, a := range page.Items {
				if a.Active && wanted(report.App, a.ID, a.Label) {
					entries = append(entries, listed{ID: a.ID, Name: a.Label})
				}
			}
			onto.counts["apps"] += len(entries)
			return entries, page.Next, err
		},
		page: func(ctx context.Context, a listed, after string) (people []held, next string, err error) {
			page, err := s.okta.AppUserPage(ctx, a.ID, after)
			for _, u := range page.Items {
				people = append(people, held{User: u.UserID, Kind: report.App, ID: a.ID, Name: a.Name, Scope: u.Scope, Via: u.GroupID, At: u.Created})
			}
			return people, page.Next, err
		},
		lay: func(onto *sheet, people []held) {
			onto.counts["assignments"] += len(people)
			for _, h := range people {
				if c := (carrier{h.ID, h.Via}); h.Scope == okta.ScopeGroup && !carriers[c] {
					carriers[c] = true
					onto.lay(carriersPile, h.ID, c)
				}
			}
		},
	})
}

// readCatalogue reads a slice of a catalogue and of what hangs on its entries.
func (s *Steps) readCatalogue(ctx context.Context, st state, cursor json.RawMessage, calls int, onto *sheet, c catalogue) (position, error) {
	at, err := cursorOf[catalogueAt](cursor)
	if err != nil {
		return position{}, err
	}
	if at.Listed {
		entries, err := s.entriesOf(ctx, st, c.pile)
		if err != nil {
			return position{}, err
		}
		return c.pages(ctx, at, entries, calls, onto)
	}
	fresh := at.After == ""
	entries, made, err := c.entries(ctx, &at, calls, onto)
	if err != nil || !at.Listed || !fresh || made == calls {
		return position{Cursor: at, Calls: made}, err
	}
	// A list that fits into one slice leaves calls over, which go to its first
	// entries.
	to, err := c.pages(ctx, at, entries, calls-made, onto)
	to.Calls += made
	return to, err
}

// entriesOf is a catalogue as earlier slices have read it.
func (s *Steps) entriesOf(ctx context.Context, st state, pile string) (entries []listed, err error) {
	all, err := s.store.stacks(ctx, st.Review.ID)
	if err != nil {
		return nil, err
	}
	err = whole(ctx, all, pile, func(e listed) error { entries = append(entries, e); return nil })
	return entries, err
}

// entries reads pages of the catalogue itself.
func (c catalogue) entries(ctx context.Context, at *catalogueAt, calls int, onto *sheet) (entries []listed, made int, err error) {
	for made < calls && !at.Listed {
		page, next, err := c.list(ctx, at.After)
		if err != nil {
			return nil, made, err
		}
		made++
		for _, e := range page {
			onto.lay(c.pile, "", e) // one part: it is always read whole
		}
		entries = append(entries, page...)
		at.After, at.Listed = next, next == ""
	}
	return entries, made, nil
}

// pages reads the people of one entry after the other.
func (c catalogue) pages(ctx context.Context, at catalogueAt, entries []listed, calls int, onto *sheet) (position, error) {
	made := 0
	for ; made < calls && at.Entry < len(entries); made++ {
		people, next, err := c.page(ctx, entries[at.Entry], at.After)
		if fault.Is[*fault.NotFound](err) { // deleted since it was listed
			people, next, err = nil, "", nil
		}
		if err != nil {
			return position{}, err
		}
		for _, h := range people {
			onto.lay(heldPile, h.User, h)
		}
		c.lay(onto, people)
		if at.After = next; next == "" {
			at.Entry++
		}
	}
	return position{Cursor: at, Calls: made, Done: at.Entry >= len(entries)}, nil
}

// readRoles reads the administrators of one page, and the roles of each.
func (s *Steps) readRoles(ctx context.Context, _ state, cursor json.RawMessage, _ int, onto *sheet) (position, error) {
	after, err := cursorOf[string](cursor)
	if err != nil {
		return position{}, err
	}
	page, err := s.okta.AdminPage(ctx, after)
	if err != nil {
		return position{}, err
	}
	for _, id := range page.Items {
		roles, err := s.okta.AdminRoles(ctx, id)
		if err != nil && !fault.Is[*fault.NotFound](err) {
			return position{}, err
		}
		for _, r := range roles {
			onto.lay(heldPile, id, held{User: id, Kind: report.Role, ID: r.ID, Name: r.Label, Type: r.Type, Scope: r.AssignmentType, Via: r.GroupID})
		}
	}
	return position{Cursor: page.Next, Calls: 1 + len(page.Items), Done: page.Next == ""}, nil
}

// wanted says which groups and apps have to be read for the scope.
func (s *Steps) wanted(ctx context.Context, r begun) (func(kind, id, name string) bool, error) {
	scope := r.Scope
	if !scope.named() {
		return func(string, string, string) bool { return true }, nil
	}
	rules, err := s.rules.of(ctx, s.store, r)
	if err != nil {
		return nil, err
	}
	opposite := map[string]bool{}
	for _, p := range rules.Pairs() {
		if scope.covers(p.A.Kind, p.A.ID, p.A.Name) {
			opposite[p.B.ID] = true
		}
		if scope.covers(p.B.Kind, p.B.ID, p.B.Name) {
			opposite[p.A.ID] = true
		}
	}
	return func(kind, id, name string) bool { return opposite[id] || scope.covers(kind, id, name) }, nil
}

func cursorOf[T any](cursor json.RawMessage) (at T, err error) {
	if len(cursor) == 0 {
		return at, nil
	}
	if err := json.Unmarshal(cursor, &at); err != nil {
		return at, &fault.Conflict{Message: "the place where the review goes on cannot be read", Cause: err}
	}
	return at, nil
}
