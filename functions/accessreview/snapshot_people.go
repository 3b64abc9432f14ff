package accessreview

import (
	"context"
	"encoding/json"
	"time"

	"lifecycle/shared/lease"
	"lifecycle/shared/servicenow"
)

// identity is somebody on the way to be matched: an account of Okta's, a record
// of ServiceNow's, or a part of what a closed request gave to such a record.
type identity struct {
	// Account is an Okta user id, Record a sys_user; one of them is there.
	Account string `json:"o,omitempty"`
	Record  string `json:"r,omitempty"`
	Number  string `json:"n,omitempty"`
	Email   string `json:"e,omitempty"`
	// Used is true of an account that is not deactivated and of an active record.
	Used bool `json:"u,omitempty"`
	// Manager is the record's; nil when it has none.
	Manager *servicenow.Manager `json:"m,omitempty"`
	// Granted makes it a request's.
	Granted *granted `json:"g,omitempty"`
}

// granted is a part of what a closed request says.
type granted struct {
	ID     string    `json:"i"`
	Number string    `json:"n"`
	Closed time.Time `json:"c,omitzero"`
	Field  string    `json:"f"`
	Value  string    `json:"v"`
}

// identity lays somebody down to be matched by the number, or without one by the
// address. Who has neither matches nobody.
func (s *sheet) identity(i identity) {
	switch {
	case i.Number != "":
		s.lay(keysPile, i.Number, i)
	case i.Email != "":
		s.lay(leftPile, i.Email, i)
	case i.Account != "":
		s.lay(linksPile, i.Account, link{Account: i.Account})
	}
}

// peopleAt is where the lists of ServiceNow go on.
type peopleAt struct {
	Requests bool   `json:"requests,omitempty"`
	After    string `json:"after,omitempty"`
}

// readPeople reads all records of people, then what the closed requests gave
// them.
func (s *Steps) readPeople(ctx context.Context, _ state, cursor json.RawMessage, calls int, onto *sheet) (position, error) {
	at, err := cursorOf[peopleAt](cursor)
	if err != nil {
		return position{}, err
	}
	for n := range calls {
		var done bool
		if at.Requests {
			done, err = s.readRequests(ctx, &at, onto)
		} else {
			done, err = s.readRecords(ctx, &at, onto)
		}
		switch {
		case err != nil:
			return position{}, err
		case done && at.Requests:
			return position{Cursor: at, Calls: n + 1, Done: true}, nil
		case done:
			at = peopleAt{Requests: true}
		}
	}
	return position{Cursor: at, Calls: calls}, nil
}

func (s *Steps) readRecords(ctx context.Context, at *peopleAt, onto *sheet) (done bool, err error) {
	page, err := s.servicenow.ReviewedPage(ctx, at.After)
	if err != nil {
		return false, err
	}
	for _, p := range page.People {
		i := identity{Record: p.SysID, Number: fold(p.EmployeeNumber), Email: fold(p.Email), Used: p.Active}
		if p.Manager.SysID != "" {
			i.Manager = &p.Manager
		}
		onto.identity(i)
	}
	at.After = page.Next
	return page.Done, nil
}

func (s *Steps) readRequests(ctx context.Context, at *peopleAt, onto *sheet) (done bool, err error) {
	page, err := s.servicenow.GrantedPage(ctx, s.requests, at.After)
	if err != nil {
		return false, err
	}
	for _, g := range page.Granted {
		if g.For == "" || g.Value == "" {
			continue
		}
		onto.identity(identity{Record: g.For, Number: fold(g.EmployeeNumber), Email: fold(g.Email), Granted: &granted{
			ID: g.SysID, Number: g.Number, Closed: g.Closed, Field: g.Field, Value: g.Value,
		}})
	}
	at.After = page.Next
	return page.Done, nil
}

// registered is what the register says of one person and one entitlement.
type registered struct {
	User   string            `json:"u"`
	Held   lease.Entitlement `json:"e"`
	Leases []lease.Lease     `json:"l,omitempty"`
}

// readLeases reads the register of access. It comes after everything else: a
// reason is there before the access it is for.
func (s *Steps) readLeases(ctx context.Context, _ state, cursor json.RawMessage, calls int, onto *sheet) (position, error) {
	after, err := cursorOf[string](cursor)
	if err != nil {
		return position{}, err
	}
	for n := range calls {
		page, err := s.leases.Page(ctx, after)
		if err != nil {
			return position{}, err
		}
		for _, h := range page.Holdings {
			onto.lay(leasesPile, h.Subject, registered{User: h.Subject, Held: h.Entitlement, Leases: h.Leases})
		}
		if after = page.Next; after == "" {
			return position{Cursor: after, Calls: n + 1, Done: true}, nil
		}
	}
	return position{Cursor: after, Calls: calls}, nil
}
