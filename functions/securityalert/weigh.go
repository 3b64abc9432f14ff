package securityalert

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/workflow"
)

// deed is what is to be done to one account.
type deed struct {
	UserID string `json:"user_id"`
	// Do is contain or release.
	Do string `json:"do"`
}

const (
	contain = "contain"
	release = "release"
)

// weighed is the result of WeighContainment: $.containment.
type weighed struct {
	Deeds []deed `json:"deeds"`
	// Any says whether there is anything to do.
	Any bool `json:"any"`
}

// WeighContainment decides about everybody whose account somebody else may be
// using: contain it, ask the person first, ask a second person, or leave it alone;
// and reads what those who were asked have answered.
func (s *Steps) WeighContainment(ctx context.Context, st state) (weighed, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil {
		return weighed{}, err
	}
	for _, p := range a.suspects(suspected, asked, held, contained) {
		before := *p.Suspicion
		if err := s.weigh(ctx, a, rules, p); err != nil {
			return weighed{}, err
		}
		if p.Suspicion.same(before) {
			continue
		}
		if a, err = s.decide(ctx, a, p); err != nil {
			return weighed{}, err
		}
	}
	out := weighed{Deeds: []deed{}}
	for _, p := range a.suspects(due) {
		out.Deeds = append(out.Deeds, deed{p.ID, contain})
	}
	for _, p := range a.suspects(undoing) {
		out.Deeds = append(out.Deeds, deed{p.ID, release})
	}
	out.Any = len(out.Deeds) > 0
	return out, nil
}

// decide keeps what was decided about a person.
func (s *Steps) decide(ctx context.Context, a alert, p *person) (alert, error) {
	return s.keep(ctx, a, func(now *alert) {
		if q := now.People[p.ID]; q != nil && q.Suspicion != nil && q.Suspicion.N == p.Suspicion.N {
			repeat := q.Suspicion.Repeat
			q.Suspicion = p.Suspicion
			q.Suspicion.Since, q.Suspicion.Repeat = time.Now().UTC(), repeat
		}
	})
}

// weigh moves a suspicion on by one step, where there is one.
func (s *Steps) weigh(ctx context.Context, a alert, rules *detect.Rules, p *person) error {
	c := p.Suspicion
	switch c.State {
	case suspected:
		return s.judge(ctx, a, p)
	case asked:
		return s.heard(ctx, a, p)
	case held:
		return s.permitted(ctx, a, p)
	case contained:
		return s.offered(ctx, a, rules, p)
	}
	return nil
}

// judge decides about a suspicion that is new.
func (s *Steps) judge(ctx context.Context, a alert, p *person) error {
	c := p.Suspicion
	if s.settings.Containment == off {
		c.State, c.Note = shadowed, "Containment is switched off."
		return nil
	}
	why, protected, err := s.isProtected(ctx, p.ID)
	switch {
	case fault.Is[*fault.NotFound](err):
		c.State, c.Note = spared, "The account does not exist any more."
		return nil
	case err != nil:
		return err
	case protected:
		c.State, c.Note = spared, "The account is protected ("+why+") and was left alone: decide by hand, now."
		return nil
	case s.settings.Containment == shadow:
		c.State, c.Note = shadowed, "Would have been contained: "+deedsOf(c)+"."
		if c.Consent == detect.Ask {
			c.Note = fmt.Sprintf("Would have been asked, and contained without a yes within %s: %s.", s.settings.AskWait, deedsOf(c))
		}
		return nil
	}
	owner, reachable, err := s.owner(ctx, p)
	if err != nil {
		return err
	}
	c.Asked = owner
	if c.Consent != detect.Ask {
		return s.permit(ctx, a, p)
	}
	if !reachable {
		c.Note = "The person could not be asked: ServiceNow knows nobody with this address who may sign in."
		return s.permit(ctx, a, p)
	}
	c.State, c.Until = asked, time.Now().Add(s.settings.AskWait).UTC().Truncate(time.Second)
	return nil
}

// isProtected reports whether the account has to be left alone until a person says
// otherwise.
func (s *Steps) isProtected(ctx context.Context, userID string) (why string, protected bool, err error) {
	rules, err := s.protected.Rules(ctx)
	if err != nil {
		return "", false, err
	}
	groups, err := s.okta.Groups(ctx, userID)
	if err != nil {
		return "", false, err
	}
	ids := make([]string, len(groups))
	for i, g := range groups {
		ids[i] = g.ID
	}
	why, protected = rules.Protected(userID, ids)
	return why, protected, nil
}

// owner finds the person in ServiceNow. What cannot be found out is no reason to
// leave an account open.
func (s *Steps) owner(ctx context.Context, p *person) (sysID string, reachable bool, err error) {
	u, err := s.okta.User(ctx, p.ID)
	if err != nil {
		return "", false, err
	}
	found, err := s.servicenow.PersonByEmail(ctx, u.Profile.Email)
	switch {
	case fault.Retryable(err):
		return "", false, err
	case err != nil:
		return "", false, nil //nolint:nilerr // nobody, or several: then nobody is asked
	}
	return found.SysID, found.Active && !found.LockedOut, nil
}

// permit lets a containment go ahead, unless there are unusually many.
func (s *Steps) permit(ctx context.Context, a alert, p *person) error {
	c := p.Suspicion
	recent, err := s.breaker.Register(ctx, "containment", fmt.Sprintf("%s/%s/%d", a.ID, p.ID, c.N), s.settings.ContainmentWindow)
	if err != nil {
		return err
	}
	if recent <= s.settings.ContainmentLimit {
		c.State, c.Until = due, time.Time{}
		return nil
	}
	c.State, c.Until = held, time.Now().Add(s.settings.HoldWait).UTC().Truncate(time.Second)
	c.Note = strings.TrimSpace(fmt.Sprintf("%s This would be containment number %d within %s, and more than %d need a second person: %s are asked.",
		c.Note, recent, s.settings.ContainmentWindow, s.settings.ContainmentLimit, s.settings.ApprovalGroup))
	return nil
}

// heard reads what the person has answered. Silence counts as no.
func (s *Steps) heard(ctx context.Context, a alert, p *person) error {
	c := p.Suspicion
	standing, err := s.questions.Standing(ctx, questionKey(a, p))
	if err != nil {
		return err
	}
	switch {
	case standing.Decision == approval.Approved:
		c.State, c.Until = cleared, time.Time{}
		c.Note = "Asked, the person says that it was them. Whoever holds the account's session could have answered, too: hold it against what else is known."
		return nil
	case standing.Decision == approval.Rejected:
		c.Note = "Asked, the person says that it was not them."
	case standing.Decision != "" || !time.Now().Before(c.Until):
		c.Note = fmt.Sprintf("Asked, the person has not answered within %s.", s.settings.AskWait)
	default:
		return nil
	}
	return s.permit(ctx, a, p)
}

// permitted reads what the second person has decided.
func (s *Steps) permitted(ctx context.Context, a alert, p *person) error {
	c := p.Suspicion
	standing, err := s.questions.Standing(ctx, questionKey(a, p))
	if err != nil {
		return err
	}
	switch {
	case standing.Decision == approval.Approved:
		c.State, c.Until = due, time.Time{}
		c.Note = fmt.Sprintf("A second person (sys_user %s) agreed to the containment.", standing.Votes[0].By)
	case standing.Decision == approval.Rejected:
		c.State, c.Until = spared, time.Time{}
		c.Note = "A second person decided against the containment."
	case standing.Decision != "" || !time.Now().Before(c.Until):
		c.State, c.Until = spared, time.Time{}
		c.Note = fmt.Sprintf("Nobody of %s decided about the containment within %s: the account is as it was.", s.settings.ApprovalGroup, s.settings.HoldWait)
	}
	return nil
}

// offered reads whether the containment is to be undone.
func (s *Steps) offered(ctx context.Context, a alert, _ *detect.Rules, p *person) error {
	c := p.Suspicion
	if c.Until.IsZero() {
		return nil
	}
	standing, err := s.questions.Standing(ctx, questionKey(a, p))
	if err != nil {
		return err
	}
	switch {
	case standing.Decision == approval.Approved:
		c.State, c.Until = undoing, time.Time{}
		c.Note = fmt.Sprintf("sys_user %s decided that the containment be undone.", standing.Votes[0].By)
	case standing.Decision != "" || !time.Now().Before(c.Until):
		c.Until = time.Time{} // it stays
	}
	return nil
}

// questionKey names the open question about a person: another one in each state.
func questionKey(a alert, p *person) string {
	return fmt.Sprintf("%s/%s/%d/%s", a.subject().SysID, p.ID, p.Suspicion.N, p.Suspicion.State)
}

// ask puts every open question, with the token of the state that waits.
func (s *Steps) ask(ctx context.Context, a alert, rules *detect.Rules, token string) error {
	task, _ := workflow.TaskOf(ctx)
	for _, p := range a.suspects(asked, held, contained) {
		if p.Suspicion.Until.IsZero() {
			continue
		}
		question := s.question(rules, p)
		question.Ticket, question.Key, question.Expires = a.Incident.ref(), questionKey(a, p), p.Suspicion.Until
		question.Token, question.Execution = token, task.Execution
		_, err := s.questions.Open(ctx, question, because(a, rules))
		if fault.Is[*fault.Invalid](err) || fault.Is[*fault.NotFound](err) {
			err = s.unasked(ctx, a, p, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// question is what is asked about a person. No names are in it: those who are
// asked read the incident, and the person knows who they are.
func (s *Steps) question(rules *detect.Rules, p *person) approval.Ask {
	c := p.Suspicion
	from := ""
	if c.Place != "" {
		from = " from " + c.Place
	}
	group := s.settings.ApprovalGroup
	if rule, known := rules.Rule(c.Rule); known {
		group = rule.Group
	}
	switch c.State {
	case asked:
		return approval.Ask{
			Seats: []approval.Seat{{Name: "the owner of the account", People: []string{c.Asked}}}, Subject: "Was this you?",
			Text: fmt.Sprintf("Your Okta account was used at %s%s. Approve if it was you; reject if not. Without an answer until then it counts as no, and for your protection: %s.",
				c.At.Format("15:04 UTC on 2 January"), from, deedsOf(c)),
		}
	case held:
		return approval.Ask{
			Group: s.settings.ApprovalGroup, Exclude: []string{c.Asked}, Subject: "Contain another account?",
			Text: fmt.Sprintf("Okta user %s, because of %s. %s Approve to contain it (%s).", p.ID, c.Rule, c.Note, deedsOf(c)),
		}
	default:
		return approval.Ask{
			Group: group, Exclude: []string{c.Asked}, Subject: "Undo the containment?",
			Text: fmt.Sprintf("Okta user %s was contained because of %s. Approve to let the account in again; reject to leave it as it is.", p.ID, c.Rule),
		}
	}
}

// unasked decides about a question that nobody could be asked.
func (s *Steps) unasked(ctx context.Context, a alert, p *person, why error) error {
	c := p.Suspicion
	switch c.State {
	case asked:
		c.Until = time.Now().UTC() // as if it had not been answered
	case held:
		c.State, c.Until, c.Note = spared, time.Time{}, "Nobody could be asked about the containment ("+why.Error()+"): decide by hand, now."
	default:
		c.Until = time.Time{}
	}
	if _, err := s.decide(ctx, a, p); err != nil {
		return err
	}
	task, _ := workflow.TaskOf(ctx)
	return s.desk.wake(ctx, task.Token)
}

// deedsOf says what is done to an account.
func deedsOf(c *suspicion) string {
	var list []string
	for _, action := range c.Actions {
		switch action {
		case detect.Suspend:
			list = append(list, "the account is suspended")
		case detect.EndSessions:
			list = append(list, "its sessions are ended")
		}
	}
	return strings.Join(list, ", ")
}
