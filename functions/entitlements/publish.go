package entitlements

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// published is what came of PublishRules: $.published.
type published struct {
	// Overtaken is true when other rules came into force since the plan was
	// weighed: nothing was changed.
	Overtaken bool `json:"overtaken,omitempty"`
}

// PublishRules puts the document into force, in the place of the very version
// that the plan was weighed against.
func (s *Steps) PublishRules(ctx context.Context, st changing) (published, error) {
	doc, err := s.document(ctx, changeOf(st.SysID).candidate)
	if err != nil {
		return published{}, err
	}
	now, etag, err := s.shelf.get(ctx, s.rulesKey)
	switch {
	case err != nil:
		return published{}, err
	case contentHash(now) == contentHash(doc):
		return published{}, nil // by an earlier attempt
	case etag != st.Change.ETag:
		return published{Overtaken: true}, nil
	}
	err = s.ledger.Do(ctx, audit.Change{
		System: "s3", Verb: "rules.publish", Target: "rules/" + s.rulesKey, Reason: reason(st), Key: st.SysID,
		Before: map[string]any{"version": st.Change.Current}, After: map[string]any{"version": st.Number, "plan": st.Change.Hash, "agreed_by": st.Risk.By},
	}, func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		return audit.Effect{}, s.shelf.put(ctx, s.rulesKey, doc, etag)
	})
	if fault.Is[*fault.Conflict](err) {
		// Somebody else, or an earlier attempt of ours whose answer was lost.
		if now, _, lookErr := s.shelf.get(ctx, s.rulesKey); lookErr != nil {
			return published{}, lookErr
		} else if contentHash(now) != contentHash(doc) {
			return published{Overtaken: true}, nil
		}
		return published{}, nil
	}
	return published{}, err
}

// progress is how far the plan has been carried out: $.progress.
type progress struct {
	// Next is the part to carry out; Left is true when there is one.
	Next int  `json:"next"`
	Left bool `json:"left"`

	People int `json:"people"`
	Given  int `json:"given"`
	Taken  int `json:"taken"`
	// Kept were to be taken away, and are given for another reason.
	Kept int `json:"kept"`
	// Skipped are people who have left, are protected, or have changed role since.
	Skipped int `json:"skipped"`
	// Failed names what could not be done, as "<user id> <group or app>".
	Failed []string `json:"failed,omitempty"`
}

// mostFailed bounds the list; the ledger has them all.
const mostFailed = 50

// part reads the next part of the plan.
func (s *Steps) part(ctx context.Context, st changing) ([]entitlement.Change, error) {
	raw, _, err := s.shelf.get(ctx, partKey(st.Change.Prefix, st.Progress.Next))
	if err != nil {
		return nil, err
	}
	var changes []entitlement.Change
	if err := json.Unmarshal(raw, &changes); err != nil {
		return nil, &fault.Conflict{Message: "a part of the plan cannot be read", Cause: err}
	}
	return changes, nil
}

// BookPart books the calls of the next part in the lane for bulk work.
func (s *Steps) BookPart(ctx context.Context, st changing) (workflow.Seats, error) {
	if st.Progress.Next >= st.Change.Parts {
		return workflow.Seats{}, nil
	}
	changes, err := s.part(ctx, st)
	if err != nil {
		return workflow.Seats{}, err
	}
	calls := okta.NewCalls().Add("GET", "/api/v1/users/{id}", len(changes)).Add("GET", "/api/v1/users/{id}/groups", len(changes))
	for _, c := range changes {
		for _, g := range slices.Concat(c.Gained, c.Lost) {
			if g.Kind == entitlement.App {
				calls.Add("POST", "/api/v1/apps/{id}/users", 1)
			} else {
				calls.Add("PUT", "/api/v1/groups/{id}/users/{id}", 1)
			}
		}
	}
	return workflow.BookSeats(ctx, s.seats, ratelimit.Bulk, calls.Needs(), st.Seats)
}

// CarryOutPart gives and takes away what the next part of the plan says, as far
// as it still holds for each person.
func (s *Steps) CarryOutPart(ctx context.Context, st changing) (progress, error) {
	out := st.Progress
	if out.Next >= st.Change.Parts {
		out.Left = false
		return out, nil
	}
	rules, err := s.candidate(ctx, changeOf(st.SysID).candidate)
	if err != nil {
		return progress{}, err
	}
	changes, err := s.part(ctx, st)
	if err != nil {
		return progress{}, err
	}
	out.Failed = slices.Clone(out.Failed)
	for _, c := range changes {
		if err := s.carryOut(ctx, st, rules, c, &out); err != nil {
			return progress{}, err
		}
	}
	out.Next++
	out.Left = out.Next < st.Change.Parts
	return out, nil
}

// carryOut changes one person's access.
func (s *Steps) carryOut(ctx context.Context, st changing, rules *entitlement.Rules, c entitlement.Change, out *progress) error {
	u, err := s.okta.User(ctx, c.ID)
	if fault.Is[*fault.NotFound](err) || err == nil && (u.Status == okta.Deprovisioned || u.TransitioningTo == okta.Deprovisioned || u.Status == okta.Suspended) {
		out.Skipped++
		return nil
	}
	if err != nil {
		return err
	}
	groups, err := s.okta.Groups(ctx, c.ID)
	if err != nil {
		return err
	}
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	if _, protected := rules.Protected(c.ID, ids); protected {
		out.Skipped++
		return nil
	}
	out.People++
	given := rules.Birthright(profileOf(u)).Grants
	gives := func(g entitlement.Grant) bool {
		return slices.ContainsFunc(given, func(x entitlement.Grant) bool { return x.Kind == g.Kind && x.ID == g.ID })
	}
	// Added first, removed after: nobody is without access in between.
	for _, g := range slices.Concat(c.Gained, c.Lost) {
		var err error
		switch gains := slices.Contains(c.Gained, g); {
		case gains && gives(g):
			err = s.give(ctx, st, rules, c.ID, g, out)
		case !gains && !gives(g):
			err = s.take(ctx, st, c.ID, g, out)
		default:
			continue // the person has changed role since
		}
		if fault.Retryable(err) {
			return err
		}
		if err != nil && len(out.Failed) < mostFailed {
			out.Failed = append(out.Failed, c.ID+" "+key(g.Kind, g.ID))
		}
	}
	return nil
}

func (s *Steps) give(ctx context.Context, st changing, rules *entitlement.Rules, userID string, g entitlement.Grant, out *progress) error {
	l := birthright(userID, g, rules.Version(), st.Task.Number)
	for _, e := range rules.Opposites(g.ID) {
		h, err := s.leases.Holding(ctx, userID, lease.Entitlement{Kind: e.Kind, ID: e.ID})
		if err != nil {
			return err
		}
		if len(exceptional(h, time.Now())) > 0 && len(rules.Incompatible([]string{e.ID}, g.ID)) > 0 {
			return &fault.Denied{Message: fmt.Sprintf("%s holds %s, which must not be held together with %s", userID, e.Name, g.Name)}
		}
	}
	if err := s.leases.Grant(ctx, l); err != nil {
		return err
	}
	_, err := s.leases.Settle(ctx, s.okta, userID, l.Entitlement, l.Reason)
	if err == nil {
		out.Given++
		return nil
	}
	if fault.Retryable(err) {
		return err
	}
	if endErr := s.leases.End(ctx, userID, l.Entitlement, lease.Birthright, l.Reason); endErr != nil {
		return endErr
	}
	return err
}

func (s *Steps) take(ctx context.Context, st changing, userID string, g entitlement.Grant, out *progress) error {
	e, why := lease.Entitlement{Kind: g.Kind, ID: g.ID}, reason(st)
	if err := s.leases.End(ctx, userID, e, lease.Birthright, why); err != nil {
		return err
	}
	held, err := s.leases.Settle(ctx, s.okta, userID, e, why)
	switch {
	case err == nil && held:
		out.Kept++
	case err == nil:
		out.Taken++
	case g.Kind == entitlement.App && fault.Is[*fault.Conflict](err):
		// A group gives it too: the sweep of leases ends the person's own assignment
		// when no group does any more.
		out.Kept++
		l := birthright(userID, g, st.Change.Current, st.Task.Number)
		l.Until, l.Warned = time.Now().UTC(), time.Now().UTC()
		if err := s.leases.Grant(ctx, l); err != nil {
			return err
		}
		return s.leases.Postpone(ctx, userID, e, lease.Birthright, time.Now().Add(24*time.Hour), why)
	}
	return err
}

// CloseTask tells on the task what came of the change. One of which something
// failed stays open, with the group.
func (s *Steps) CloseTask(ctx context.Context, st changing) (workflow.Nothing, error) {
	kind := servicenow.RulesChangeKind()
	set := kind.Columns(servicenow.Resolved)
	var text string
	p := st.Progress
	switch {
	case st.Change.Verdict == looked:
		text = fmt.Sprintf("Nothing was changed. To put these rules into force, ask for the change with the plan %s.", st.Change.Hash)
	case st.Change.Verdict == stale || st.Published.Overtaken:
		set = kind.Columns(servicenow.Cancelled)
		text = "Nothing was changed: people or rules have changed since the plan was looked at. Look at the plan above, and ask again with its hash."
	case st.Change.Verdict == inForce:
		text = "These rules are in force already; nothing was changed."
	case st.Risk.Verdict == refused:
		set = kind.Columns(servicenow.Cancelled)
		text = fmt.Sprintf("Nothing was changed: a second person of %s was asked, because %s, and did not agree.", s.settings.ApprovalGroup, strings.Join(st.Risk.Reasons, "; "))
	default:
		text = fmt.Sprintf("Rules %s are in force. Carried out for %d people: %d grants given, %d taken away, %d kept for another reason; %d people were left alone because they have left or are protected.",
			st.Number, p.People, p.Given, p.Taken, p.Kept, p.Skipped)
	}
	if len(p.Failed) > 0 {
		set = kind.Columns(servicenow.Open)
		text += "\nCould not be done; the ledger says why:\n- " + strings.Join(p.Failed, "\n- ") + "\nMend the cause and ask for the same change again: what is done is not repeated."
	}
	return workflow.Nothing{}, s.servicenow.Post(ctx, st.Task.ref(), servicenow.Posting{Key: "closed/" + st.SysID, WorkNote: text, Set: set}, reason(st))
}

// TellFailure says on the task what failed for good; a change that failed before
// there was a task is told by the alarm on failed executions.
func (s *Steps) TellFailure(ctx context.Context, st changing) (workflow.Nothing, error) {
	if st.Task.SysID == "" || st.Error == nil {
		return workflow.Nothing{}, nil
	}
	text := fmt.Sprintf("This change could not be carried out: %s\nWhat was done up to there stands in the ledger under %s. When the cause is mended, ask for the same change again: what is done is not repeated.",
		st.Error.Message(), st.Stream())
	return workflow.Nothing{}, s.servicenow.Post(ctx, st.Task.ref(), servicenow.Posting{Key: "failed/" + st.SysID + "/" + st.Error.Error, WorkNote: text}, reason(st))
}
