package statesync

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// person is what came of bringing somebody's records in step: $.person. It holds
// nothing personal.
type person struct {
	OktaID string `json:"okta_id,omitempty"`
	SysID  string `json:"user_sys_id,omitempty"`
	// Untouched says why nothing was compared.
	Untouched string `json:"untouched,omitempty"`
	// Left is true for somebody whose account is deactivated.
	Left bool `json:"left"`
	// Since is when that was.
	Since time.Time `json:"since,omitzero"`
	// Changed names what was written, as system and attribute.
	Changed []string `json:"changed,omitempty"`
	// Parked is true when so much changes at once that it is left to the
	// comparison and a person.
	Parked bool `json:"parked"`
	// Termination is the number of the ticket that was opened.
	Termination string `json:"termination,omitempty"`
}

// callsPerPerson is what one person takes of Okta: at most two searches, the
// record read twice, its groups, and one change.
func callsPerPerson(people int) []ratelimit.Need {
	return okta.NewCalls().Add("GET", "/api/v1/users", 2*people).Add("GET", "/api/v1/users/{id}", 3*people).
		Add("GET", "/api/v1/users/{id}/groups", people).Add("POST", "/api/v1/users/{id}", people).Needs()
}

// BookLook books the calls for one person.
func (s *Steps) BookLook(ctx context.Context, st state) (workflow.Seats, error) {
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, callsPerPerson(1), st.Seats)
}

// SyncPerson reads both records and brings them in step.
func (s *Steps) SyncPerson(ctx context.Context, st state) (person, error) {
	p, why, err := s.find(ctx, st.Subject)
	if err != nil {
		return person{}, err
	}
	if why != "" {
		return person{OktaID: p.account.ID, SysID: p.user.SysID, Untouched: why}, nil
	}
	return s.settle(ctx, p, false)
}

// about records under the person, whichever system the change came from.
func about(ctx context.Context, oktaID string) context.Context {
	trail, _ := audit.TrailOf(ctx)
	trail.Stream = "person/" + oktaID
	return audit.WithTrail(ctx, trail)
}

// settle brings the two records in step. released says that a person has agreed
// to it, or the comparison found it to be few.
func (s *Steps) settle(ctx context.Context, p pair, released bool) (person, error) {
	ctx = about(ctx, p.account.ID)
	out := person{OktaID: p.account.ID, SysID: p.user.SysID}
	past, err := s.history(ctx, p.account.ID)
	if err != nil {
		return person{}, err
	}
	stands := standingOf(p.account.Status, p.account.TransitioningTo)
	if !live(p.account) {
		out.Since = p.account.StatusChanged
		return s.depart(ctx, p, past, out, released)
	}
	if stands.Settled && !p.user.Active && s.policy.owner(activeFlag) == Okta && !s.cameBack(p, past) {
		out.Termination, err = s.openTermination(ctx, p)
		return out, err
	}
	plan := s.plan(p, past)
	if len(plan.toServiceNow)+len(plan.toOkta) == 0 {
		return out, nil
	}
	if plan.attributes > 0 && !released {
		if out.Parked, err = s.parks(ctx, "attributes", p.account.ID); err != nil || out.Parked {
			return out, err
		}
	}
	if out.Changed, err = s.carry(ctx, p, plan); err != nil {
		return person{}, err
	}
	return out, nil
}

// depart makes the record of somebody who has left inactive. Deactivations that
// a process of ours made have passed a guard already; many others at once wait
// for a person.
func (s *Steps) depart(ctx context.Context, p pair, past history, out person, released bool) (person, error) {
	set := map[string]string{}
	for flag, differs := range map[string]bool{activeFlag: p.user.Active, lockedFlag: !p.user.LockedOut} {
		if differs && s.policy.owner(flag) == Okta {
			set[flag] = strconv.FormatBool(flag == lockedFlag)
		}
	}
	guarded := !past.deactivated.IsZero() && p.account.StatusChanged.Sub(past.deactivated).Abs() < breakerWindow
	if p.user.Active && !released && !guarded {
		parked, err := s.parks(ctx, "leavers", p.account.ID)
		if err != nil || parked {
			out.Parked = parked
			return out, err
		}
	}
	out.Left = true
	if len(set) == 0 {
		return out, nil
	}
	if s.policy.owner(activeFlag) == Okta {
		set[activeFlag] = "false" // noted also where it is so already: whoever comes back is told from whoever leaves by it
	}
	if err := s.servicenow.UpdatePerson(ctx, p.user.SysID, set, p.account.ID, because("the Okta account is deactivated")); err != nil {
		return person{}, err
	}
	out.Changed = named("servicenow", set)
	return out, nil
}

// cameBack tells an account that was activated again from a record that was made
// inactive: whoever changed last.
func (s *Steps) cameBack(p pair, past history) bool {
	switch {
	case !past.inactive.IsZero():
		return p.account.StatusChanged.After(past.inactive)
	case s.servicenow.Ours(p.user.UpdatedBy):
		return true
	}
	return p.account.StatusChanged.After(p.user.Updated)
}

// plan is what has to be written to bring two records in step.
type plan struct {
	toServiceNow map[string]string
	toOkta       []attribute
	// attributes counts the attributes in it, flags apart.
	attributes int
}

func (s *Steps) plan(p pair, past history) plan {
	out := plan{toServiceNow: map[string]string{}}
	if stands := standingOf(p.account.Status, p.account.TransitioningTo); stands.Settled {
		if s.policy.owner(activeFlag) == Okta && stands.Active != p.user.Active {
			out.toServiceNow[activeFlag] = strconv.FormatBool(stands.Active)
		}
		if s.policy.owner(lockedFlag) == Okta && stands.Locked != p.user.LockedOut {
			out.toServiceNow[lockedFlag] = strconv.FormatBool(stands.Locked)
		}
	}
	for _, a := range attributes {
		owner := s.policy.owner(a.name)
		if owner == Ignore || !a.differs(p.account.Profile, p.user) {
			continue
		}
		// What another process of ours wrote to Okta after the record was last
		// saved is the later word, whoever owns the attribute.
		if at := past.written[a.okta]; owner != Okta && at.After(p.user.Updated) {
			owner = Okta
		}
		// An empty value never goes over a full one: most often it is only missing.
		value := strings.TrimSpace(*a.inOkta(&p.account.Profile))
		switch {
		case owner == Okta && value != "":
			out.toServiceNow[a.name] = value
			out.attributes++
		case owner == ServiceNow && a.plain(a.inServiceNow(p.user)) != "":
			out.toOkta = append(out.toOkta, a)
			out.attributes++
		}
	}
	return out
}

// carry writes what was planned and names it.
func (s *Steps) carry(ctx context.Context, p pair, plan plan) ([]string, error) {
	why := because("the two systems differed")
	if err := s.toServiceNow(ctx, p, plan.toServiceNow, why); err != nil {
		return nil, err
	}
	changed := named("servicenow", plan.toServiceNow)
	if len(plan.toOkta) == 0 {
		return changed, nil
	}
	protected, err := s.protected(ctx, p.account.ID)
	if err != nil || protected {
		return changed, err
	}
	err = s.okta.Amend(ctx, p.account.ID, func(profile *okta.Profile) {
		for _, a := range plan.toOkta {
			*a.inOkta(profile) = strings.TrimSpace(a.inServiceNow(p.user))
		}
	}, why)
	for _, a := range plan.toOkta {
		changed = append(changed, "okta "+a.okta)
	}
	return changed, err
}

// toServiceNow writes to sys_user. A department, location or manager that
// ServiceNow does not know keeps the rest from nothing; the comparison goes on
// reporting it.
func (s *Steps) toServiceNow(ctx context.Context, p pair, set map[string]string, why audit.Reason) error {
	err := s.servicenow.UpdatePerson(ctx, p.user.SysID, set, p.account.ID, why)
	if !fault.Is[*fault.NotFound](err) && !fault.Is[*fault.Invalid](err) {
		return err
	}
	platform.Logger(ctx).WarnContext(ctx, "a record that sys_user is to refer to was not found", "person", p.account.ID, "error", err.Error())
	rest := maps.Clone(set)
	for _, reference := range []string{"department", "location", "manager"} {
		delete(rest, reference)
	}
	if len(rest) == len(set) {
		return err
	}
	return s.servicenow.UpdatePerson(ctx, p.user.SysID, rest, p.account.ID, why)
}

// protected reports whether the account is one that only people may change.
func (s *Steps) protected(ctx context.Context, oktaID string) (bool, error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return false, err
	}
	groups, err := s.okta.Groups(ctx, oktaID)
	if err != nil {
		return false, err
	}
	held := make([]string, len(groups))
	for i, g := range groups {
		held[i] = g.ID
	}
	reason, protected := rules.Protected(oktaID, held)
	if protected {
		platform.Logger(ctx).InfoContext(ctx, "a protected account was left as it is", "person", oktaID, "reason", reason)
	}
	return protected, nil
}

// parks counts a change that events ask for, and reports whether there are so
// many that this one has to wait. Then a task says so, one for each window.
func (s *Steps) parks(ctx context.Context, what, oktaID string) (bool, error) {
	recent, err := s.breaker.Register(ctx, "statesync-"+what, oktaID, breakerWindow)
	if err != nil || recent <= s.settings.BreakerLimit {
		return false, err
	}
	text := fmt.Sprintf("More than %d people's records were to change within an hour because of changes in the other system (%s). "+
		"The rest has not been carried over. If this was meant, nothing has to be done: the next comparison of all people lists what is left and asks for a decision. "+
		"If it was not, mend it in the system where it happened, before then.", s.settings.BreakerLimit, what)
	key := fmt.Sprintf("statesync-parked-%s-%d", what, time.Now().Truncate(breakerWindow).Unix())
	return true, s.task(ctx, key, "State sync: mass change parked", text, s.settings.ApprovalGroup, because("mass change"))
}

// task makes a task for people, once per key, under a stream of its own.
func (s *Steps) task(ctx context.Context, key, title, text, group string, why audit.Reason) error {
	trail, _ := audit.TrailOf(ctx)
	trail.Stream = "statesync/" + key
	ctx = audit.WithTrail(ctx, trail)
	id, err := s.servicenow.GroupSysID(ctx, group)
	if err != nil {
		return err
	}
	_, err = s.servicenow.CreateTask(ctx, servicenow.NewTask{Table: s.settings.ReportTable, Key: key, Values: map[string]string{
		"short_description": title, "description": text, "assignment_group": id,
	}}, why)
	return err
}

func named(system string, set map[string]string) []string {
	list := make([]string, 0, len(set))
	for _, column := range slices.Sorted(maps.Keys(set)) {
		list = append(list, system+" "+column)
	}
	return list
}
