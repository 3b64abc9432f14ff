package statesync

import (
	"context"
	"slices"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Why the records of a person are left as they are.
const (
	unmatched = "unmatched"       // the other system has none
	ambiguous = "ambiguous"       // it has several that may be meant
	succeeded = "another_account" // the account is gone, but the person has another
	exempt    = "exempt"
)

// pair are the two records of one person.
type pair struct {
	account okta.User
	user    servicenow.User
}

// find reads the record that the execution is about and finds the other one. Why
// says why there is no pair. What is not clear is left to the comparison, which
// reports it.
func (s *Steps) find(ctx context.Context, subject workflow.Subject) (p pair, why string, err error) {
	if subject.Table == oktaUser {
		return s.findUser(ctx, subject.SysID)
	}
	return s.findAccount(ctx, subject.SysID)
}

func (s *Steps) findUser(ctx context.Context, id string) (p pair, why string, err error) {
	p.account, err = s.okta.User(ctx, id)
	if fault.Is[*fault.NotFound](err) {
		return p, unmatched, nil
	}
	if err != nil {
		return p, "", err
	}
	profile := p.account.Profile
	var found []servicenow.User
	if profile.EmployeeNumber != "" {
		found, err = s.servicenow.UsersByEmployeeNumber(ctx, profile.EmployeeNumber)
	}
	if err == nil && len(found) == 0 && profile.Email != "" {
		found, err = s.servicenow.UsersByEmail(ctx, profile.Email)
		found = slices.DeleteFunc(found, func(u servicenow.User) bool { return !sameNumber(u.EmployeeNumber, profile.EmployeeNumber) })
	}
	if fault.Is[*fault.Invalid](err) { // a value that cannot be searched for
		return p, unmatched, nil
	}
	if err != nil {
		return p, "", err
	}
	if p.user, why = chosen(found, func(u servicenow.User) bool { return u.Active }); why != "" {
		return p, why, nil
	}
	if s.exempts(p.user) {
		return p, exempt, nil
	}
	if live(p.account) {
		return p, "", nil
	}
	return s.succession(ctx, p)
}

// succession looks whether the person has another account than the one that is
// gone: a contractor who became an employee.
func (s *Steps) succession(ctx context.Context, p pair) (pair, string, error) {
	others, err := s.accounts(ctx, p.user)
	if err != nil {
		return p, "", err
	}
	if slices.ContainsFunc(others, func(u okta.User) bool { return u.ID != p.account.ID && live(u) }) {
		return p, succeeded, nil
	}
	return p, "", nil
}

func (s *Steps) findAccount(ctx context.Context, sysID string) (p pair, why string, err error) {
	p.user, err = s.servicenow.User(ctx, sysID)
	if fault.Is[*fault.NotFound](err) {
		return p, unmatched, nil
	}
	if err != nil {
		return p, "", err
	}
	if s.exempts(p.user) {
		return p, exempt, nil
	}
	found, err := s.accounts(ctx, p.user)
	if err != nil {
		return p, "", err
	}
	p.account, why = chosen(found, live)
	return p, why, nil
}

// accounts are those that may belong to a sys_user record.
func (s *Steps) accounts(ctx context.Context, user servicenow.User) ([]okta.User, error) {
	var found []okta.User
	var err error
	if user.EmployeeNumber != "" {
		if found, err = s.okta.UsersByEmployeeNumber(ctx, user.EmployeeNumber); err != nil {
			return nil, err
		}
	}
	if len(found) == 0 && user.Email != "" {
		found, err = s.okta.UsersByEmail(ctx, user.Email)
		found = slices.DeleteFunc(found, func(u okta.User) bool { return !sameNumber(u.Profile.EmployeeNumber, user.EmployeeNumber) })
	}
	return found, err
}

// sameNumber reports whether two employee numbers can be one person's: two that
// differ cannot, whatever the address.
func sameNumber(a, b string) bool {
	number := attributeNamed("employee_number")
	return a == "" || b == "" || number.plain(a) == number.plain(b)
}

// chosen is the one record that is meant: the only one in use, or the only one.
func chosen[T any](found []T, used func(T) bool) (one T, why string) {
	inUse := slices.DeleteFunc(slices.Clone(found), func(t T) bool { return !used(t) })
	switch {
	case len(inUse) == 1:
		return inUse[0], ""
	case len(inUse) == 0 && len(found) == 1:
		return found[0], ""
	case len(found) == 0:
		return one, unmatched
	}
	return one, ambiguous
}

// exempts reports whether a sys_user record belongs to no person in Okta.
func (s *Steps) exempts(u servicenow.User) bool {
	return u.ServiceOnly || s.servicenow.Ours(u.UserName) || slices.Contains(s.policy.Exempt, u.UserName)
}
