package onboarding

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
)

// account is what FindAccount decided and what came of it: $.account.
type account struct {
	// Action is create, rehire, convert, complete, or clash.
	Action string `json:"action"`
	UserID string `json:"user_id,omitempty"`
	// Problem says, for a clash, what a person has to decide.
	Problem string `json:"problem,omitempty"`
	// OtherLogin is true when the requested login belongs to somebody else.
	OtherLogin bool `json:"other_login,omitempty"`
	// Former are entitlements that only the role before a conversion gave.
	Former []entitlement.Grant `json:"former,omitempty"`
}

// FindAccount decides what the ticket means for the accounts there are.
func (s *Steps) FindAccount(ctx context.Context, st state) (account, error) {
	h, _, problems, err := s.hire(ctx, st.Subject)
	if err != nil {
		return account{}, err
	}
	if len(problems) > 0 {
		return account{}, &fault.Invalid{Message: "the ticket was changed and can no longer be carried out", Problems: problems}
	}
	known, err := s.sameNumber(ctx, h)
	if err != nil {
		return account{}, err
	}
	holder, err := s.okta.User(ctx, h.Email)
	taken := err == nil
	if err != nil && !fault.Is[*fault.NotFound](err) {
		return account{}, err
	}
	if taken && len(known) == 0 && h.isNumberOf(holder) { // search lags behind; reading by login does not
		known = append(known, holder)
	}
	switch {
	case len(known) > 1:
		return clash("%d accounts carry the employee number of this ticket (%s). Say which one is meant by correcting the others.", len(known), ids(known)), nil
	case len(known) == 1:
		return s.judge(ctx, st, h, known[0], taken && holder.ID != known[0].ID)
	case taken && sameName(h, holder) && holder.Profile.EmployeeType == "contractor" && h.EmployeeType != "contractor":
		return clash("The requested login belongs to a contractor of the same name (Okta user %s) with another employee number. If it is the same person, enter that number as the previous employee number; if not, request another address.", holder.ID), nil
	}
	return account{Action: "create", OtherLogin: taken}, nil
}

// sameNumber finds the accounts that carry the ticket's employee number or the
// previous one. Every hit has been read again by id.
func (s *Steps) sameNumber(ctx context.Context, h NewHire) ([]okta.User, error) {
	known, err := s.okta.UsersByEmployeeNumber(ctx, h.EmployeeNumber)
	if err != nil || h.PreviousNumber == "" || h.PreviousNumber == h.EmployeeNumber {
		return known, err
	}
	earlier, err := s.okta.UsersByEmployeeNumber(ctx, h.PreviousNumber)
	if err != nil {
		return nil, err
	}
	for _, u := range earlier {
		if !contains(known, u.ID) {
			known = append(known, u)
		}
	}
	return known, nil
}

// judge decides about the one account that belongs to the person.
func (s *Steps) judge(ctx context.Context, st state, h NewHire, u okta.User, loginTaken bool) (account, error) {
	found := account{UserID: u.ID, OtherLogin: loginTaken}
	switch u.Status {
	case okta.Suspended:
		return clash("The person's account (Okta user %s) is suspended. Whoever suspended it decides: unsuspend it and update this ticket, and it goes on from there.", u.ID), nil
	case okta.Deprovisioned:
		found.Action = "rehire"
		return found, nil
	}
	if u.TransitioningTo == okta.Deprovisioned {
		return account{}, &fault.Unavailable{Message: "the person's account " + u.ID + " is being deactivated right now; it can be brought back when that is finished"}
	}
	found.Action = "complete"
	if u.Profile.EmployeeType == "contractor" && h.EmployeeType != "contractor" {
		found.Action = "convert"
		rules, err := s.rules.Rules(ctx)
		if err != nil {
			return account{}, err
		}
		found.Former = without(rules.Birthright(profileOf(u)).Grants, st.Access.Grants)
	}
	return found, nil
}

// CreateAccount creates the account, not activated, under the requested login
// or the next free one. It may run again after having succeeded: the login then
// belongs to an account with the ticket's employee number, which is ours.
func (s *Steps) CreateAccount(ctx context.Context, st state) (account, error) {
	h, _, problems, err := s.hire(ctx, st.Subject)
	if err != nil {
		return account{}, err
	}
	if len(problems) > 0 {
		return account{}, &fault.Invalid{Message: "the ticket was changed and can no longer be carried out", Problems: problems}
	}
	for n := 1; n <= mostLogins; n++ {
		login := s.settings.login(h.Email, n)
		u, err := s.okta.User(ctx, login)
		if fault.Is[*fault.NotFound](err) {
			u, err = s.okta.CreateUser(ctx, h.oktaProfile(login), because(st.Subject))
			if fault.Is[*fault.Conflict](err) { // somebody was faster
				u, err = s.okta.User(ctx, login)
			}
		}
		if err != nil {
			return account{}, err
		}
		if h.isNumberOf(u) {
			return account{Action: "create", UserID: u.ID, OtherLogin: n > 1}, nil
		}
	}
	return account{}, &fault.Invalid{Message: fmt.Sprintf("no free login: the requested one and %d others made from it belong to other people; request another address", mostLogins-1)}
}

const mostLogins = 20

// login is the n-th login to try, the first being the requested one.
func (s Settings) login(email string, n int) string {
	if n == 1 {
		return email
	}
	local, domain, _ := strings.Cut(email, "@")
	return strings.NewReplacer("{local}", local, "{domain}", domain, "{n}", strconv.Itoa(n)).Replace(s.LoginPattern)
}

// ReviveAccount brings a former employee's account back. What is left of the
// earlier employment goes first, so that nothing is held without a reason when
// the account comes to life; no mail is sent until the access is there.
func (s *Steps) ReviveAccount(ctx context.Context, st state) (account, error) {
	h, _, problems, err := s.hire(ctx, st.Subject)
	if err != nil {
		return account{}, err
	}
	if len(problems) > 0 {
		return account{}, &fault.Invalid{Message: "the ticket was changed and can no longer be carried out", Problems: problems}
	}
	u, err := s.okta.User(ctx, st.Account.UserID)
	if err != nil {
		return account{}, err
	}
	if u.Status == okta.Deprovisioned {
		if err := s.clearLeftovers(ctx, st); err != nil {
			return account{}, err
		}
		if err := s.okta.Activate(ctx, u.ID, false, because(st.Subject)); err != nil {
			return account{}, err
		}
	}
	return s.writeProfile(ctx, st, h, u)
}

// clearLeftovers removes the managed groups of the earlier employment that the
// rules do not give any more.
func (s *Steps) clearLeftovers(ctx context.Context, st state) error {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return err
	}
	groups, err := s.okta.Groups(ctx, st.Account.UserID)
	if err != nil {
		return err
	}
	why := audit.Reason{Kind: "rehire", Ref: st.Number, Text: "left over from the earlier employment"}
	for _, g := range groups {
		if g.Type != okta.GroupTypeOkta || !rules.Managed("group", g.ID) || holds(st.Access.Grants, "group", g.ID) {
			continue
		}
		if err := s.okta.RemoveFromGroup(ctx, g.ID, st.Account.UserID, why); err != nil {
			return err
		}
	}
	return nil
}

// UpdateAccount writes the ticket's profile onto the account that is in use;
// its login stays as it is.
func (s *Steps) UpdateAccount(ctx context.Context, st state) (account, error) {
	h, _, problems, err := s.hire(ctx, st.Subject)
	if err != nil {
		return account{}, err
	}
	if len(problems) > 0 {
		return account{}, &fault.Invalid{Message: "the ticket was changed and can no longer be carried out", Problems: problems}
	}
	u, err := s.okta.User(ctx, st.Account.UserID)
	if err != nil {
		return account{}, err
	}
	return s.writeProfile(ctx, st, h, u)
}

func (s *Steps) writeProfile(ctx context.Context, st state, h NewHire, u okta.User) (account, error) {
	wanted := h.oktaProfile(u.Profile.Login)
	wanted.Email = u.Profile.Email
	if wanted == u.Profile {
		return st.Account, nil
	}
	return st.Account, s.okta.UpdateProfile(ctx, u.ID, wanted, because(st.Subject))
}

func clash(format string, args ...any) account {
	return account{Action: "clash", Problem: fmt.Sprintf(format, args...)}
}

// isNumberOf reports whether the account carries the ticket's employee number.
func (h NewHire) isNumberOf(u okta.User) bool {
	return u.Profile.EmployeeNumber != "" && u.Profile.EmployeeNumber == h.EmployeeNumber
}

func sameName(h NewHire, u okta.User) bool {
	return strings.EqualFold(h.FirstName, u.Profile.FirstName) && strings.EqualFold(h.LastName, u.Profile.LastName)
}

func profileOf(u okta.User) entitlement.Profile {
	return entitlement.Profile{
		Department: u.Profile.Department, Title: u.Profile.Title,
		Location: u.Profile.Location, EmployeeType: u.Profile.EmployeeType, Manager: u.Profile.ManagerID,
	}
}

func contains(users []okta.User, id string) bool {
	for _, u := range users {
		if u.ID == id {
			return true
		}
	}
	return false
}

func ids(users []okta.User) string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.ID
	}
	return strings.Join(list, ", ")
}
