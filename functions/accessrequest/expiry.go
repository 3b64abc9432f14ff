package accessrequest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// registerExpiry adds the steps of the sweep that ends what is past its time,
// in the order of statemachines/lease-expiry.asl.json. It goes by the register
// alone: no request has to be waiting for its end.
func (s *Steps) registerExpiry(table *workflow.Steps) {
	workflow.Add(table, "TakeTurn", s.TakeTurn)
	workflow.Add(table, "FindDue", s.FindDue)
	workflow.Add(table, "BookExpiry", s.BookExpiry)
	workflow.Add(table, "EndAccess", s.EndAccess)
	workflow.Add(table, "WarnHolder", s.WarnHolder)
	workflow.Add(table, "CountFailures", s.CountFailures)
}

// sweep is the sweep's data as far as its steps read it.
type sweep struct {
	workflow.Subject
	Due    dueList        `json:"due"`
	Seats  workflow.Seats `json:"seats"`
	Ended  []swept        `json:"ended"`
	Warned []swept        `json:"warned"`
}

// dueList is what has to be done now: $.due.
type dueList struct {
	Any  bool       `json:"any"`
	End  []dueLease `json:"end"`
	Warn []dueLease `json:"warn"`
}

// dueLease names a lease.
type dueLease struct {
	Subject string `json:"subject"`
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Key     string `json:"key"`
}

func (d dueLease) entitlement() lease.Entitlement { return lease.Entitlement{Kind: d.Kind, ID: d.ID} }

// swept is what came of one lease: Failed when something failed for good.
type swept struct {
	Failed bool `json:"failed"`
}

// one is the data of an iteration of the Map states.
type one struct {
	workflow.Subject
	Lease dueLease `json:"lease"`
}

// turn says whether this execution is the one that sweeps: $.turn.
type turn struct {
	Held bool `json:"held"`
}

// TakeTurn lets one sweep run at a time: one that has to wait, for Okta or for
// the switch that stops all writes, is not overtaken by a hundred others.
func (s *Steps) TakeTurn(ctx context.Context, st sweep) (turn, error) {
	held, err := s.tickets.TakeOver(ctx, st.Subject)
	return turn{held}, err
}

// mostDue bounds one run, for the size of the data and the length of the
// history. The next run finds the rest.
const mostDue = 200

// FindDue lists the leases that are past their time, and those whose holders are
// to be warned.
func (s *Steps) FindDue(ctx context.Context, _ sweep) (dueList, error) {
	out := dueList{End: []dueLease{}, Warn: []dueLease{}}
	now := time.Now()
	for h, err := range s.leases.Due(ctx, now.Add(s.settings.Warning)) {
		if err != nil {
			return dueList{}, err
		}
		for _, l := range h.Leases {
			due := dueLease{Subject: h.Subject, Kind: h.Entitlement.Kind, ID: h.Entitlement.ID, Key: l.Key}
			switch {
			case l.Ended(now) && !l.Retry.After(now):
				out.End = append(out.End, due)
			case toWarn(l, now, s.settings.Warning):
				out.Warn = append(out.Warn, due)
			}
		}
	}
	for _, list := range []*[]dueLease{&out.End, &out.Warn} {
		// Chance decides who waits, so that a few that always fail do not keep
		// the others from ever having their turn.
		rand.Shuffle(len(*list), func(i, j int) { (*list)[i], (*list)[j] = (*list)[j], (*list)[i] })
		*list = (*list)[:min(mostDue, len(*list))]
	}
	out.Any = len(out.End)+len(out.Warn) > 0
	return out, nil
}

// toWarn reports whether the holder of a lease is to be told of its end now.
func toWarn(l lease.Lease, now time.Time, ahead time.Duration) bool {
	if l.Until.IsZero() || !l.Warned.IsZero() {
		return false
	}
	ahead = min(ahead, l.Until.Sub(l.Since)/2)
	return !now.Before(l.Until.Add(-ahead))
}

// BookExpiry books the calls of the run.
func (s *Steps) BookExpiry(ctx context.Context, st sweep) (workflow.Seats, error) {
	groups, apps := 0, 0
	for _, d := range st.Due.End {
		if d.Kind == entitlement.App {
			apps++
		} else {
			groups++
		}
	}
	calls := okta.NewCalls().
		Add("DELETE", "/api/v1/groups/{id}/users/{id}", groups).Add("GET", "/api/v1/users/{id}/groups", groups).
		Add("DELETE", "/api/v1/apps/{id}/users/{id}", apps).Add("GET", "/api/v1/apps", apps)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Seats)
}

// EndAccess ends one lease that is past its time. The lease goes last: as long as
// it is in the register a later run finds it, wherever this one dies. What
// another lease still gives stays.
func (s *Steps) EndAccess(ctx context.Context, st one) (swept, error) {
	d := st.Lease
	l, others, ok, err := s.current(ctx, d)
	if err != nil || !ok || !l.Ended(time.Now()) {
		return swept{}, err
	}
	ctx, ticket, err := s.ticketOf(ctx, l)
	if err != nil {
		return swept{}, err
	}
	why := audit.Reason{Kind: "expiry", Ref: l.Ticket, Text: "its time was over on " + moment(l.Until)}
	text := fmt.Sprintf("Access to %s has ended: its time was over on %s.", l.Name, moment(l.Until))
	held, err := s.leases.Settle(ctx, s.okta, d.Subject, d.entitlement(), why)
	viaGroup := d.Kind == entitlement.App && fault.Is[*fault.Conflict](err)
	switch {
	case viaGroup:
		text = fmt.Sprintf("The time of this access to %s was over on %s. A group gives it too: the person has it as long as that does.", l.Name, moment(l.Until))
	case err != nil:
		return swept{}, err
	case held:
		text = fmt.Sprintf("The time of this access to %s was over on %s. The person keeps it, because it is given for another reason too", l.Name, moment(l.Until))
		if len(others) > 0 { // none: it was given in this very moment
			text += ": " + given(others[0])
		}
		text += "."
	default:
		stays, err := s.remains(ctx, d)
		if err != nil {
			return swept{}, err
		}
		text = strings.TrimSpace(text + " " + stays)
	}
	if err := s.tell(ctx, ticket, fmt.Sprintf("ended/%s/%s", l.Key, l.Until.UTC().Format(time.RFC3339)), text, why); err != nil {
		return swept{}, err
	}
	if viaGroup {
		return swept{}, s.leases.Postpone(ctx, d.Subject, d.entitlement(), d.Key, time.Now().Add(day), why)
	}
	return swept{}, s.leases.Expire(ctx, d.Subject, d.entitlement(), d.Key, why)
}

// current reads the lease, and the others of the same person on the same
// entitlement that are valid; ok is false when it is gone.
func (s *Steps) current(ctx context.Context, d dueLease) (l lease.Lease, others []lease.Lease, ok bool, err error) {
	h, err := s.leases.Holding(ctx, d.Subject, d.entitlement())
	if err != nil {
		return lease.Lease{}, nil, false, err
	}
	l, ok = h.Find(d.Key)
	others = slices.DeleteFunc(h.Valid(time.Now()), func(o lease.Lease) bool { return o.Key == d.Key })
	return l, others, ok, nil
}

// patience is how many attempts are made to see that access is gone before it is
// taken as given by something that is not ours to end.
const patience = 6

// remains reads back that the access is gone; in the end it says that something
// else gives it, such as a group rule of Okta.
func (s *Steps) remains(ctx context.Context, d dueLease) (string, error) {
	there, err := s.direct(ctx, d)
	if fault.Is[*fault.NotFound](err) { // the account itself is gone
		return "", nil
	}
	if err != nil || !there {
		return "", err
	}
	if task, _ := workflow.TaskOf(ctx); task.Attempt < patience {
		return "", &fault.Unavailable{Message: fmt.Sprintf("the %s %s was taken from %s and still shows", d.Kind, d.ID, d.Subject)}
	}
	return "Okta still shows it: a rule or somebody in Okta gives it again, which has to be ended there.", nil
}

// direct reports whether Okta shows the access, for an app other than through a
// group.
func (s *Steps) direct(ctx context.Context, d dueLease) (bool, error) {
	if d.Kind != entitlement.App {
		return s.shows(ctx, d.Subject, d.entitlement())
	}
	assigned, err := s.okta.Assignments(ctx, d.Subject)
	return slices.ContainsFunc(assigned, func(a okta.Assignment) bool { return a.AppID == d.ID && a.Scope != okta.ScopeGroup }), err
}

// WarnHolder tells on the ticket that access is about to end, and how to keep it.
func (s *Steps) WarnHolder(ctx context.Context, st one) (swept, error) {
	d := st.Lease
	l, others, ok, err := s.current(ctx, d)
	if err != nil || !ok || !toWarn(l, time.Now(), s.settings.Warning) || l.Ended(time.Now()) {
		return swept{}, err
	}
	ctx, ticket, err := s.ticketOf(ctx, l)
	if err != nil {
		return swept{}, err
	}
	why := audit.Reason{Kind: "expiry", Ref: l.Ticket, Text: "it is about to end"}
	longer := slices.ContainsFunc(others, func(o lease.Lease) bool { return o.Until.IsZero() || o.Until.After(l.Until) })
	if !longer { // who keeps it anyway need not hear of it
		how, err := s.toKeep(ctx, l)
		if err != nil {
			return swept{}, err
		}
		text := fmt.Sprintf("Access to %s ends on %s. %s", l.Name, moment(l.Until), how)
		if err := s.tell(ctx, ticket, fmt.Sprintf("warned/%s/%s", l.Key, l.Until.UTC().Format(time.RFC3339)), text, why); err != nil {
			return swept{}, err
		}
	}
	return swept{}, s.leases.Warned(ctx, d.Subject, d.entitlement(), d.Key, l.Until, why)
}

// toKeep says how what a lease gives can be kept.
func (s *Steps) toKeep(ctx context.Context, l lease.Lease) (string, error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return "", err
	}
	for _, item := range rules.Items() {
		if item.Entitlement.Kind == l.Entitlement.Kind && item.Entitlement.ID == l.Entitlement.ID {
			return fmt.Sprintf("To keep it, request %q again before then.", item.Name), nil
		}
	}
	return "It cannot be requested: to keep it, talk to your manager before then.", nil
}

// ticketOf finds the ticket that a lease was given by, and a context that
// records under it. One that is gone leaves the record under the person.
func (s *Steps) ticketOf(ctx context.Context, l lease.Lease) (context.Context, servicenow.Ref, error) {
	trail, _ := audit.TrailOf(ctx)
	trail.Stream, trail.Ticket = "access/"+l.Subject, l.Ticket
	if l.Ticket == "" {
		return audit.WithTrail(ctx, trail), servicenow.Ref{}, nil
	}
	ref, err := s.servicenow.TaskByNumber(ctx, l.Ticket)
	switch {
	case fault.Is[*fault.NotFound](err), fault.Is[*fault.Invalid](err):
		return audit.WithTrail(ctx, trail), servicenow.Ref{}, nil
	case err != nil:
		return ctx, servicenow.Ref{}, err
	}
	trail.Stream = ref.String()
	return audit.WithTrail(ctx, trail), ref, nil
}

// tell comments on the ticket, where there is one. A ticket that takes no
// comment keeps no access alive.
func (s *Steps) tell(ctx context.Context, ticket servicenow.Ref, key, text string, why audit.Reason) error {
	if ticket.SysID == "" {
		return nil
	}
	err := s.servicenow.Post(ctx, ticket, servicenow.Posting{Key: key, Comment: text}, why)
	if err != nil && !fault.Retryable(err) {
		platform.Logger(ctx).WarnContext(ctx, "the ticket could not be told", "ticket", ticket.String(), "error", err.Error())
		return nil
	}
	return err
}

// failures is how many leases could not be dealt with: $.failures. They are tried
// again in the next run.
type failures struct {
	Count int `json:"count"`
}

// CountFailures counts them, so that the execution can end as failed.
func (s *Steps) CountFailures(_ context.Context, st sweep) (failures, error) {
	var out failures
	for _, one := range slices.Concat(st.Ended, st.Warned) {
		if one.Failed {
			out.Count++
		}
	}
	return out, nil
}
