package credentialreset

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// asker is who asks.
type asker struct {
	// Creator made the ticket, Saver last saved it; Saver is zero when that was
	// this integration or the platform.
	Creator, Saver servicenow.Person
	// Relation is what the creator is to the person: self, manager or helpdesk.
	Relation string
	acceptance
}

// acceptance is what is kept of a content once it was found to come from people
// who may ask.
type acceptance struct {
	// Vouched says that what stands on the ticket comes from the helpdesk, or from
	// those it was handed to.
	Vouched bool `json:"vouched"`
	// Concerned are the sys_ids of all who have a part in it: they must not decide.
	Concerned []string `json:"concerned"`
}

// handed is what members of the group are that tickets are handed to: they
// may save them, and ask for nothing themselves.
const handed = "handed"

// weighAsker finds out who really asks, and whether they may. The ticket's own
// words for it, opener and caller, are held against what nobody can write; and
// whatever it asks for has to have been saved by somebody who may ask, so that
// nobody turns another's ticket to an account of their choice.
func (s *Steps) weighAsker(ctx context.Context, a *assessment, w *weighing) error {
	creator, err := s.servicenow.PersonByUserName(ctx, w.request.Creator)
	switch {
	case fault.Is[*fault.NotFound](err), fault.Is[*fault.Invalid](err):
		a.refer("Who asks cannot be told: the ticket was made by a program or out of a mail, not by a person known in ServiceNow.")
		return nil
	case err != nil:
		return err
	}
	w.asker.Creator = creator
	if w.asker.Relation, err = s.relation(ctx, creator, w.request.Person); err != nil {
		return err
	}
	if err := s.countRequester(ctx, a, w); err != nil {
		return err
	}
	if w.request.Opener != creator.SysID {
		a.refer("The ticket names sys_user %s as its opener and was made by sys_user %s.", w.request.Opener, creator.SysID)
	}
	s.mayAsk(a, w, creator, w.asker.Relation, "who made the ticket")
	if w.request.Caller != "" && w.request.Caller != creator.SysID {
		if err := s.weighCaller(ctx, a, w); err != nil {
			return err
		}
	}
	return s.weighSaver(ctx, a, w)
}

func (s *Steps) weighCaller(ctx context.Context, a *assessment, w *weighing) error {
	caller, err := s.servicenow.PersonBySysID(ctx, w.request.Caller)
	if fault.Is[*fault.NotFound](err) {
		a.refer("The ticket's caller is nobody known in ServiceNow.")
		return nil
	}
	if err != nil {
		return err
	}
	relation, err := s.relation(ctx, caller, w.request.Person)
	s.mayAsk(a, w, caller, relation, "the ticket's caller")
	return err
}

// weighSaver looks at who last saved a ticket whose content has not been looked
// at before.
func (s *Steps) weighSaver(ctx context.Context, a *assessment, w *weighing) error {
	if earlier, found := w.history.accepted(a.key()); found {
		w.asker.acceptance = earlier
		return nil
	}
	relation := w.asker.Relation
	switch {
	case w.request.Own:
		a.refer("The ticket was changed while it was worked on, and by whom cannot be told any more.")
		return nil
	case w.request.Saver != w.request.Creator && !slices.Contains(s.policy.Savers, w.request.Saver):
		saver, err := s.servicenow.PersonByUserName(ctx, w.request.Saver)
		if fault.Is[*fault.NotFound](err) || fault.Is[*fault.Invalid](err) {
			a.refer("Who changed the ticket last cannot be told: it was no person known in ServiceNow.")
			return nil
		}
		if err != nil {
			return err
		}
		w.asker.Saver = saver
		if relation, err = s.relation(ctx, saver, w.request.Person); err != nil {
			return err
		}
		if relation == "" {
			if relation, err = s.handedTo(ctx, saver); err != nil {
				return err
			}
		}
		if relation != handed {
			s.mayAsk(a, w, saver, relation, "who changed the ticket last")
		}
	}
	w.asker.Vouched = relation == helpdesk || relation == handed
	for _, id := range []string{w.request.Person.SysID, w.asker.Creator.SysID, w.request.Opener, w.request.Caller, w.asker.Saver.SysID} {
		if id != "" && !slices.Contains(w.asker.Concerned, id) {
			w.asker.Concerned = append(w.asker.Concerned, id)
		}
	}
	return nil
}

// mayAsk adds the reason why somebody may not ask for this, if there is one.
func (s *Steps) mayAsk(a *assessment, w *weighing, who servicenow.Person, relation, as string) {
	switch {
	case relation == "":
		a.refer("sys_user %s, %s, is neither the person it is for, nor their manager, nor of the helpdesk.", who.SysID, as)
	case !who.Active || who.LockedOut:
		a.refer("sys_user %s, %s, is no longer active in ServiceNow, or locked out.", who.SysID, as)
	case !slices.Contains(s.policy.MayAsk[relation], w.request.Type):
		a.refer("sys_user %s, %s, asks as %s, and by policy may not ask for a reset of type %s.", who.SysID, as, words[relation], w.request.Type)
	}
}

// words say in a sentence what somebody is to the person concerned.
var words = map[string]string{self: "the person themself", manager: "their manager", helpdesk: "the helpdesk"}

// relation is what somebody is to a person; empty: nothing that counts. Somebody
// of the helpdesk has no more rights for themself than everybody else.
func (s *Steps) relation(ctx context.Context, who, person servicenow.Person) (string, error) {
	switch {
	case who.SysID == person.SysID:
		return self, nil
	case person.Manager != "" && who.SysID == person.Manager:
		return manager, nil
	}
	agents, err := s.agents(ctx)
	if err != nil || !slices.Contains(agents, who.SysID) {
		return "", err
	}
	return helpdesk, nil
}

// agents are the active members of the helpdesk.
func (s *Steps) agents(ctx context.Context) ([]string, error) {
	var all []string
	for _, name := range s.policy.Helpdesk {
		members, err := s.members(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, members...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (s *Steps) members(ctx context.Context, group string) ([]string, error) {
	id, err := s.servicenow.GroupSysID(ctx, group)
	if err != nil {
		return nil, err
	}
	return s.servicenow.GroupMembers(ctx, id)
}

// handedTo is handed for members of the group that gets what was not carried out.
func (s *Steps) handedTo(ctx context.Context, who servicenow.Person) (string, error) {
	members, err := s.members(ctx, s.tickets.Kind.EscalationGroup)
	if err != nil || !slices.Contains(members, who.SysID) {
		return "", err
	}
	return handed, nil
}

// countRequester holds who asks against the limit on them. Every ticket counts,
// also one that nobody may ask for: who tries many names is to be noticed.
func (s *Steps) countRequester(ctx context.Context, a *assessment, w *weighing) error {
	limit := s.policy.Limits.Requester
	if w.asker.Relation == helpdesk {
		limit = s.policy.Limits.Helpdesk
	}
	return s.count(ctx, a, w, limit, "credential-reset/requester/"+w.asker.Creator.SysID, "by the same person (sys_user "+w.asker.Creator.SysID+")")
}

// count registers the ticket under a limit.
func (s *Steps) count(ctx context.Context, a *assessment, w *weighing, limit Limit, kind, of string) error {
	n, err := s.breaker.Register(ctx, kind, fmt.Sprintf("%s/%d", w.subject.Stream(), a.Round), time.Duration(limit.Window))
	if err == nil && n > limit.Resets {
		a.refer("This is request number %d within %s %s, and more than %d are for a person to decide.", n, limit.Window, of, limit.Resets)
	}
	return err
}

// accept records that what the ticket asks for was saved by somebody who may ask,
// so that later saves by others do not matter as long as it stays the same.
func (s *Steps) accept(ctx context.Context, subject workflow.Subject, a *assessment, w *weighing) error {
	if _, found := w.history.accepted(a.key()); found {
		return nil
	}
	_, err := s.ledger.Fact(ctx, audit.Change{
		System: "lifecycle", Verb: verbAsked, Target: subject.Stream(), Subject: a.UserID, Key: a.key(), Reason: s.because(subject),
		After: w.asker.acceptance,
	})
	return err
}
