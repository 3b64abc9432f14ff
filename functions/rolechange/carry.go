package rolechange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// granted is what was given: $.granted. It adds up over everything that the
// execution does.
type granted struct {
	// Begun is true once anything may have been changed.
	Begun bool `json:"begun,omitempty"`
	// Gone is true when the account was deactivated or suspended meanwhile:
	// nothing was given.
	Gone    bool                `json:"gone,omitempty"`
	Grants  []entitlement.Grant `json:"grants,omitempty"`
	Refused []refusal           `json:"refused,omitempty"`
	// Taken went before something that is incompatible with it came.
	Taken []entitlement.Grant `json:"taken,omitempty"`
}

// ended is what was taken away: $.ended. It adds up, too.
type ended struct {
	Taken []entitlement.Grant `json:"taken,omitempty"`
	// Pending stay for a time of grace, until Until.
	Pending []entitlement.Grant `json:"pending,omitempty"`
	Until   time.Time           `json:"until,omitzero"`
	// WaitSeconds is how long to wait until the next look; 0 when nothing is
	// pending.
	WaitSeconds int `json:"wait_seconds,omitempty"`
	// Shared are apps that a group gives too: Okta does not end the direct
	// assignment while it does.
	Shared  []entitlement.Grant `json:"shared,omitempty"`
	Refused []refusal           `json:"refused,omitempty"`
}

// BookChange books the calls of the change.
func (s *Steps) BookChange(ctx context.Context, st state) (workflow.Seats, error) {
	groups, apps := 0, 0
	count := func(kind string) {
		if kind == entitlement.App {
			apps++
		} else {
			groups++
		}
	}
	for _, g := range slices.Concat(st.Plan.Comes, st.Plan.Stays) {
		if !g.Settled {
			count(g.Kind)
		}
	}
	for _, x := range st.Plan.Goes {
		count(x.Kind)
	}
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users/{id}", 4).
		Add("POST", "/api/v1/users/{id}", 1).
		Add("PUT", "/api/v1/groups/{id}/users/{id}", groups).
		Add("POST", "/api/v1/apps/{id}/users", apps+1).
		Add("GET", "/api/v1/users/{id}/groups", 1)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

// GrantAccess gives what the new role gives, each with its reason in the register
// first, and writes down as an exception what was found without a reason. What
// must not be held together with something that comes goes before that. An
// entitlement that Okta refuses does not keep the person from the others.
func (s *Steps) GrantAccess(ctx context.Context, st state) (granted, error) {
	out := granted{Begun: true, Grants: st.Granted.Grants, Taken: st.Granted.Taken}
	u, err := s.okta.User(ctx, st.Mover.UserID)
	if err != nil {
		return granted{}, err
	}
	if left(u) || u.Status == okta.Suspended {
		out.Begun, out.Gone = st.Granted.Begun, true
		return out, nil
	}
	for _, x := range st.Plan.Goes {
		if !x.First {
			continue
		}
		if gone, err := s.end(ctx, st, x); err != nil {
			return granted{}, err
		} else if gone {
			out.Taken = added(out.Taken, x.Grant)
		}
	}
	for _, k := range st.Plan.Kept {
		if len(k.Keys) == 0 {
			if err := s.leases.Grant(ctx, exception(st, k)); err != nil {
				return granted{}, err
			}
		}
	}
	for _, g := range slices.Concat(st.Plan.Comes, st.Plan.Stays) {
		err := s.grant(ctx, st, g)
		switch {
		case err == nil && slices.ContainsFunc(st.Plan.Comes, func(c due) bool { return c.Grant == g.Grant }):
			out.Grants = added(out.Grants, g.Grant)
		case err == nil:
		case fault.Retryable(err):
			return granted{}, err
		default:
			out.Refused = append(out.Refused, refusal{Grant: g.Grant, Why: err.Error()})
		}
	}
	return out, nil
}

// grant records the reason first: no access without one, even for a moment.
func (s *Steps) grant(ctx context.Context, st state, g due) error {
	l := birthright(st, g.Grant, st.Plan.Version)
	if err := s.leases.Grant(ctx, l); err != nil || g.Settled {
		return err
	}
	err := s.clash(ctx, l)
	if err == nil {
		_, err = s.leases.Settle(ctx, s.okta, l.Subject, l.Entitlement, l.Reason)
	}
	if err == nil || fault.Retryable(err) {
		return err
	}
	// Refused: there is nothing to hold a reason for.
	return errors.Join(err, s.leases.End(ctx, l.Subject, l.Entitlement, lease.Birthright, l.Reason))
}

// clash looks once more, when the lease is written, whether something was
// approved meanwhile that must not be held together with it: of two that are
// given in the same moment at least one sees the other.
func (s *Steps) clash(ctx context.Context, l lease.Lease) error {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return err
	}
	for _, e := range rules.Opposites(l.Entitlement.ID) {
		h, err := s.leases.Holding(ctx, l.Subject, lease.Entitlement{Kind: e.Kind, ID: e.ID})
		if err != nil {
			return err
		}
		if len(exceptional(h, time.Now())) == 0 {
			continue
		}
		for _, pair := range rules.Incompatible([]string{e.ID}, l.Entitlement.ID) {
			if pair.Mode == entitlement.Enforce {
				return &fault.Denied{Message: fmt.Sprintf("the person holds %s by now: %s", pair.A.Name, pair.Reason)}
			}
		}
	}
	return nil
}

// exception is the lease of what was found without a reason.
func exception(st state, k kept) lease.Lease {
	return lease.Lease{
		Subject: st.Mover.UserID, Entitlement: lease.Entitlement{Kind: k.Kind, ID: k.ID}, Name: k.Name, Key: lease.ExceptionKey(st.Number),
		Reason: audit.Reason{Kind: "exception", Ref: st.Number, Version: st.Plan.Version, Text: unexplained}, Ticket: st.Number,
	}
}

// UpdateProfile writes the new position onto the account.
func (s *Steps) UpdateProfile(ctx context.Context, st state) (workflow.Nothing, error) {
	asked, _, err := s.transfer(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	u, err := s.okta.User(ctx, st.Mover.UserID)
	if err != nil {
		return workflow.Nothing{}, err
	}
	p, becomes := u.Profile, asked.New.over(positionOf(u.Profile))
	p.Department, p.Title, p.Location, p.ManagerID = becomes.Department, becomes.Title, becomes.Location, becomes.Manager
	if p == u.Profile {
		return workflow.Nothing{}, nil
	}
	return workflow.Nothing{}, s.okta.UpdateProfile(ctx, u.ID, p, because(st.Subject))
}

// EndAccess takes away what only the former role gave, now or when its grace is
// over. The end of the grace stands in the register, so that it does not depend
// on this execution: the sweep of leases ends it, too.
func (s *Steps) EndAccess(ctx context.Context, st state) (ended, error) {
	out := ended{Taken: slices.Clone(st.Ended.Taken)}
	for _, g := range st.Granted.Taken {
		out.Taken = added(out.Taken, g)
	}
	now, until := time.Now(), entered(ctx).Add(s.settings.Grace)
	for _, x := range slices.Concat(st.Plan.Goes, swept(st)) {
		if x.First {
			continue
		}
		if x.Until.IsZero() && s.settings.Grace > 0 && !x.Stays {
			x.Until = until
			l := birthright(st, x.Grant, st.Plan.Version)
			l.Reason = audit.Reason{Kind: "birthright", Ref: x.Rule, Version: st.Plan.Version, Text: "former role: " + x.Text}
			l.Warned = until.Add(-s.settings.Grace) // the ticket has said so
			if l.Until = until; now.Before(until) {
				if err := s.leases.Grant(ctx, l); err != nil {
					return ended{}, err
				}
			}
		}
		if x.Until.After(now) && !x.Stays {
			out.Pending = append(out.Pending, x.Grant)
			if out.Until.Before(x.Until) {
				out.Until = x.Until
			}
			out.WaitSeconds = seconds(min(s.settings.Look, x.Until.Sub(now), orLonger(out.WaitSeconds)))
			continue
		}
		gone, err := s.end(ctx, st, x)
		switch {
		case fault.Retryable(err):
			return ended{}, err
		case x.Kind == entitlement.App && fault.Is[*fault.Conflict](err):
			if err := s.postpone(ctx, st, x.Grant); err != nil {
				return ended{}, err
			}
			if !x.Over {
				out.Shared = append(out.Shared, x.Grant)
			}
		case err != nil:
			out.Refused = append(out.Refused, refusal{Grant: x.Grant, Why: err.Error()})
		case gone:
			out.Taken = added(out.Taken, x.Grant)
		}
	}
	return out, nil
}

// retry is when ending an app that a group gives too is tried again.
const retry = 24 * time.Hour

// postpone leaves the end of an app that a group gives too to the sweep of
// leases: Okta ends the person's own assignment only when no group gives it.
func (s *Steps) postpone(ctx context.Context, st state, g entitlement.Grant) error {
	l := stuck(st, g)
	l.Until, l.Warned = time.Now().UTC(), time.Now().UTC()
	if err := s.leases.Grant(ctx, l); err != nil {
		return err
	}
	return s.leases.Postpone(ctx, l.Subject, l.Entitlement, l.Key, time.Now().Add(retry), l.Reason)
}

// swept are those whose grace the sweep of leases has ended before us: they are
// read back and told all the same.
func swept(st state) []loss {
	var list []loss
	for _, g := range st.Ended.Pending {
		goes := slices.ContainsFunc(st.Plan.Goes, func(x loss) bool { return keyOf(x.Grant) == keyOf(g) })
		given := slices.ContainsFunc(slices.Concat(st.Plan.Comes, st.Plan.Stays), func(d due) bool { return keyOf(d.Grant) == keyOf(g) })
		if !goes && !given {
			list = append(list, loss{Grant: g, Until: time.Unix(0, 0)})
		}
	}
	return list
}

func orLonger(wait int) time.Duration {
	if wait == 0 {
		return furthest
	}
	return time.Duration(wait) * time.Second
}

// entered is when the running state was entered: the same for all its retries.
func entered(ctx context.Context) time.Time {
	task, _ := workflow.TaskOf(ctx)
	if at, err := time.Parse(time.RFC3339Nano, task.Entered); err == nil {
		return at.UTC().Truncate(time.Second)
	}
	return time.Now().UTC().Truncate(time.Second)
}

// end ends the birthright; what another lease gives besides stays. An entitlement
// that Okta does not take away keeps a reason.
func (s *Steps) end(ctx context.Context, st state, x loss) (gone bool, err error) {
	why := audit.Reason{Kind: "role change", Ref: st.Number, Version: st.Plan.Version, Text: "no rule gives it to the new role"}
	e := lease.Entitlement{Kind: x.Kind, ID: x.ID}
	if err := s.leases.End(ctx, st.Mover.UserID, e, lease.Birthright, why); err != nil {
		return false, err
	}
	held, err := s.leases.Settle(ctx, s.okta, st.Mover.UserID, e, why)
	if err == nil || fault.Retryable(err) {
		return !held, err
	}
	return false, errors.Join(err, s.leases.Grant(ctx, stuck(st, x.Grant)))
}

func added(list []entitlement.Grant, g entitlement.Grant) []entitlement.Grant {
	if slices.ContainsFunc(list, func(x entitlement.Grant) bool { return keyOf(x) == keyOf(g) }) {
		return list
	}
	return append(list, g)
}

// verified is what was read back: $.verified.
type verified struct {
	// Remains was taken away and is there all the same.
	Remains []entitlement.Grant `json:"remains,omitempty"`
}

// lag is how many looks are given to Okta's lists, which lag behind its writes,
// before something that was taken away counts as not gone.
const lag = 6

// VerifyAccess reads back what was given and taken away. What does not show yet
// is looked for again by the state machine's retry.
func (s *Steps) VerifyAccess(ctx context.Context, st state) (verified, error) {
	inv, err := s.inventory(ctx, st.Mover.UserID)
	if err != nil {
		return verified{}, err
	}
	held := inv.held()
	for _, g := range st.Granted.Grants {
		wanted := leased(inv.holdings, g)
		if _, there := held[keyOf(g)]; wanted && !there {
			return verified{}, &fault.Unavailable{Message: fmt.Sprintf("the %s %q was granted to %s and does not show yet", g.Kind, g.Name, st.Mover.UserID)}
		}
	}
	var out verified
	for _, g := range st.Ended.Taken {
		given := leased(inv.holdings, g)
		if _, there := held[keyOf(g)]; there && !given {
			out.Remains = append(out.Remains, g)
		}
	}
	task, _ := workflow.TaskOf(ctx)
	if len(out.Remains) > 0 && task.Attempt < lag {
		return verified{}, &fault.Unavailable{Message: fmt.Sprintf("%d entitlements of %s were taken away and still show", len(out.Remains), st.Mover.UserID)}
	}
	for _, g := range out.Remains {
		if err := s.leases.Grant(ctx, stuck(st, g)); err != nil {
			return verified{}, err
		}
	}
	return out, nil
}

// stuck is the lease of what could not be taken away: the register tells the
// truth, and the next attempt finds it.
func stuck(st state, g entitlement.Grant) lease.Lease {
	l := birthright(st, g, st.Plan.Version)
	l.Reason.Text = "of the former role; could not be taken away for " + st.Number
	return l
}

// leased reports whether a valid lease gives the entitlement.
func leased(holdings []lease.Holding, g entitlement.Grant) bool {
	for _, h := range holdings {
		if h.Entitlement.String() != keyOf(g) {
			continue
		}
		if len(h.Valid(time.Now())) > 0 {
			return true
		}
	}
	return false
}
