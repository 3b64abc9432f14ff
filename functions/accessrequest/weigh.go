package accessrequest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// weighing is one look at a request. Each weigh function leaves the verdict as
// it is or ends it.
type weighing struct {
	subject workflow.Subject
	request request
	rules   *entitlement.Rules
	item    entitlement.Item
	now     time.Time

	user   okta.User
	groups []string // ids of the groups that the account is in
}

// weighRefusal: a rejection in ServiceNow counts whatever the policy says.
func (s *Steps) weighRefusal(_ context.Context, a *assessment, w *weighing) error {
	if w.request.Approval == rejectedThere {
		*a = a.ended(endRejected, "It was rejected in ServiceNow.")
	}
	return nil
}

// weighPeople: both who asks and who is to get it still work here.
func (s *Steps) weighPeople(_ context.Context, a *assessment, w *weighing) error {
	switch {
	case !w.request.For.Active:
		*a = a.ended(endLeft, "The person it is for is no longer active in ServiceNow.")
	case !w.request.Requester.Active:
		*a = a.ended(endLeft, "The requester is no longer active in ServiceNow. Whoever still needs the access requests it anew.")
	}
	return nil
}

// weighAccount: there is one account, in use, not protected, and its owner may
// hold the item at all.
func (s *Steps) weighAccount(ctx context.Context, a *assessment, w *weighing) error {
	u, problem, err := s.account(ctx, w.request.For)
	if err != nil {
		return err
	}
	if problem != "" {
		*a = a.toMend(problem)
		return nil
	}
	w.user, a.UserID = u, u.ID
	if gone(u) {
		*a = a.ended(endLeft, "The account of the person it is for (Okta user %s) is %s.", u.ID, strings.ToLower(string(u.Status)))
		return nil
	}
	groups, err := s.okta.Groups(ctx, u.ID)
	if err != nil {
		return err
	}
	for _, g := range groups {
		w.groups = append(w.groups, g.ID)
	}
	if reason, protected := w.rules.Protected(u.ID, w.groups); protected {
		*a = a.ended(endProtected, "The account (Okta user %s) is protected: %s.", u.ID, reason)
		return nil
	}
	if ok, condition := w.item.MayHold(profileOf(u)); !ok {
		*a = a.ended(endNotFor, "%q is not for this person: it is only for those of whom %s holds.", w.item.Name, condition)
	}
	return nil
}

// gone reports whether nothing is to be granted to the account any more.
func gone(u okta.User) bool {
	return u.Status == okta.Suspended || u.Status == okta.Deprovisioned || u.TransitioningTo == okta.Deprovisioned
}

func profileOf(u okta.User) entitlement.Profile {
	p := u.Profile
	return entitlement.Profile{Department: p.Department, Title: p.Title, Location: p.Location, EmployeeType: p.EmployeeType, Manager: p.ManagerID}
}

// account finds the one account of a person, by employee number or else by
// address.
func (s *Steps) account(ctx context.Context, p servicenow.Person) (u okta.User, problem string, err error) {
	var found []okta.User
	if p.EmployeeNumber != "" {
		if found, err = s.okta.UsersByEmployeeNumber(ctx, p.EmployeeNumber); err != nil {
			return okta.User{}, "", err
		}
	}
	if len(found) == 0 && p.Email != "" {
		if found, err = s.okta.UsersByEmail(ctx, p.Email); err != nil {
			return okta.User{}, "", err
		}
		found = slices.DeleteFunc(found, func(u okta.User) bool {
			return p.EmployeeNumber != "" && u.Profile.EmployeeNumber != "" && u.Profile.EmployeeNumber != p.EmployeeNumber
		})
	}
	switch len(found) {
	case 0:
		return okta.User{}, "The person it is for has no Okta account under the employee number or the address in sys_user: correct the record, or wait until the person has one.", nil
	case 1:
		return found[0], "", nil
	}
	list := make([]string, len(found))
	for i, u := range found {
		list[i] = u.ID
	}
	return okta.User{}, fmt.Sprintf("The person it is for has %d Okta accounts (%s): correct the employee number of those that are not meant.", len(found), strings.Join(list, ", ")), nil
}

// weighHolding: who holds it anyway, for as long as is asked for, needs nothing.
// A lease that ends earlier is extended by this request.
func (s *Steps) weighHolding(ctx context.Context, a *assessment, w *weighing) error {
	holding, err := s.leases.Holding(ctx, w.user.ID, a.entitlement())
	if err != nil {
		return err
	}
	wanted, _ := w.request.until(w.now, w.item.Longest)
	for _, l := range holding.Valid(w.now) {
		if l.Key == lease.RequestKey(w.subject.Number) {
			return nil // ours, from before something failed
		}
		if l.Until.IsZero() {
			*a = a.ended(endHeld, "The person holds %q already, without an end: %s.", a.Name, given(l))
			return nil
		}
		if !wanted.IsZero() && !l.Until.Before(wanted) {
			*a = a.ended(endHeld, "The person holds %q already, until %s: %s.", a.Name, moment(l.Until), given(l))
			return nil
		}
	}
	if len(holding.Leases) > 0 {
		return nil // to be extended, or just over
	}
	held, err := s.holds(ctx, w, a.entitlement())
	if err == nil && held {
		*a = a.ended(endHeld, "The person holds %q already. It was given outside this system, which keeps no record of why and does not end it.", a.Name)
	}
	return err
}

// given says in words what gives a lease.
func given(l lease.Lease) string {
	if l.Key == lease.Birthright {
		return "by the rule " + l.Reason.Ref
	}
	if l.Ticket != "" {
		return "by " + l.Ticket
	}
	return "by " + l.Key
}

// holds reports whether Okta says that the person has the group or app.
func (s *Steps) holds(ctx context.Context, w *weighing, e lease.Entitlement) (bool, error) {
	if e.Kind == entitlement.App {
		return s.okta.HasApp(ctx, e.ID, w.user.ID)
	}
	return slices.Contains(w.groups, e.ID), nil
}

// weighPairs: separation of duties, over what the register gives and what Okta
// has.
func (s *Steps) weighPairs(ctx context.Context, a *assessment, w *weighing) error {
	held, err := s.opposed(ctx, w, a.entitlement())
	if err != nil {
		return err
	}
	for _, p := range w.rules.Incompatible(held, a.ID) {
		sentence := fmt.Sprintf("%q and %q must not be held together (%s): %s", p.A.Name, p.B.Name, p.Name, p.Reason)
		switch p.Mode {
		case entitlement.Enforce:
			*a = a.ended(endIncompatible, "The person holds %q. %s.", p.A.Name, sentence)
			return nil
		case entitlement.Warn:
			a.Warnings = append(a.Warnings, sentence+" (on trial)")
		}
	}
	return nil
}

// opposed are the ids of what the person holds that may not be held together
// with the entitlement.
func (s *Steps) opposed(ctx context.Context, w *weighing, with lease.Entitlement) (held []string, err error) {
	for _, e := range w.rules.Opposites(with.ID) {
		opposite := lease.Entitlement{Kind: e.Kind, ID: e.ID}
		there, err := s.holds(ctx, w, opposite)
		if err == nil && !there {
			var h lease.Holding
			h, err = s.leases.Holding(ctx, w.user.ID, opposite)
			there = len(h.Valid(time.Now())) > 0
		}
		if err != nil {
			return nil, err
		}
		if there {
			held = append(held, e.ID)
		}
	}
	return held, nil
}

// weighPolicy: where ServiceNow decides, it has to have done so.
func (s *Steps) weighPolicy(ctx context.Context, a *assessment, w *weighing) error {
	if w.item.Policy.DecidedBy != entitlement.ByServiceNow {
		return nil
	}
	if w.request.Approval == approvedThere {
		votes, err := s.votesThere(ctx, w.subject, w.request)
		if err == nil && len(votes) == 0 {
			*a = a.toMend("The item is marked as approved, and nobody but the requester and the person it is for is recorded as an approver: have somebody else approve it in ServiceNow.")
		}
		return err
	}
	left := a.Since.Add(s.settings.ServiceNowWait).Sub(w.now)
	if left <= 0 {
		*a = a.ended(endExpired, "ServiceNow has not decided about it within %s.", days(s.settings.ServiceNowWait))
		return nil
	}
	a.Verdict, a.WaitSeconds = wait, seconds(min(left, s.settings.Look))
	return nil
}

// votesThere are the approvals that ServiceNow itself has asked for and got, of
// people whom the request does not concern.
func (s *Steps) votesThere(ctx context.Context, subject workflow.Subject, r request) ([]approval.Vote, error) {
	list, err := s.servicenow.ItemApprovals(ctx, workflow.Ref(subject))
	if err != nil {
		return nil, err
	}
	var votes []approval.Vote
	for _, v := range list {
		if v.State != servicenow.ApprovalApproved || slices.Contains(r.concerned(), v.Approver) {
			continue
		}
		by, err := s.servicenow.PersonByUserName(ctx, v.UpdatedBy)
		if err != nil && !fault.Is[*fault.NotFound](err) {
			return nil, err
		}
		if err != nil || !slices.Contains(r.concerned(), by.SysID) {
			votes = append(votes, approval.Vote{Approval: v.SysID, By: v.Approver, At: v.Updated})
		}
	}
	return votes, nil
}
