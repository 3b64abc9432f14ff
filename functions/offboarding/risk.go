package offboarding

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"lifecycle/shared/approval"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/workflow"
)

// leaver is whose account it is: $.leaver.
type leaver struct {
	// Found is found, unknown or ambiguous.
	Found  string      `json:"found"`
	UserID string      `json:"user_id,omitempty"`
	Status okta.Status `json:"status,omitempty"`
	// Problem says what a person has to clear up.
	Problem string `json:"problem,omitempty"`
}

// FindLeaver finds the account by login or email, and holds it against the
// employee number where the ticket gives one.
func (s *Steps) FindLeaver(ctx context.Context, st state) (leaver, error) {
	asked, _, err := s.termination(ctx, st.Subject)
	if err != nil {
		return leaver{}, err
	}
	candidates, err := s.okta.UsersByEmail(ctx, asked.Email)
	if err != nil {
		return leaver{}, err
	}
	if asked.EmployeeNumber != "" {
		numbered, err := s.okta.UsersByEmployeeNumber(ctx, asked.EmployeeNumber)
		if err != nil {
			return leaver{}, err
		}
		for _, u := range numbered {
			if !contains(candidates, u.ID) {
				candidates = append(candidates, u)
			}
		}
	}
	switch {
	case len(candidates) == 0:
		return leaver{Found: "unknown", Problem: "No Okta account has this email address or employee number. Check the spelling: if there is an account, it is still active."}, nil
	case len(candidates) > 1:
		return leaver{Found: "ambiguous", Problem: fmt.Sprintf("Email address and employee number lead to %d accounts (Okta users %s). Correct the one that is wrong.", len(candidates), ids(candidates))}, nil
	}
	u := candidates[0]
	if asked.EmployeeNumber != "" && u.Profile.EmployeeNumber != "" && u.Profile.EmployeeNumber != asked.EmployeeNumber {
		return leaver{Found: "ambiguous", Problem: fmt.Sprintf("The account with this email address (Okta user %s) carries another employee number than the ticket. Correct the one that is wrong.", u.ID)}, nil
	}
	return leaver{Found: "found", UserID: u.ID, Status: u.Status}, nil
}

// risk is whether a second person has to agree: $.risk.
type risk struct {
	NeedsApproval bool     `json:"needs_approval"`
	Reasons       []string `json:"reasons,omitempty"`
	// Recent counts the terminations within the breaker's window, this one included.
	Recent int `json:"recent"`
	// Few is true when there are not many at once.
	Few bool `json:"few"`
	// Groups counts the groups whose memberships can be removed.
	Groups int `json:"groups"`
	// Key names the question, Content what it is about, and Until is when it
	// expires, which is ApprovalSeconds from now.
	Key             string    `json:"key,omitempty"`
	Content         string    `json:"content,omitempty"`
	Until           time.Time `json:"until,omitzero"`
	ApprovalSeconds int       `json:"approval_seconds"`
}

// AssessRisk asks the two guards: is the account protected, and are there
// unusually many terminations. What was asked about stays parked until somebody
// decides, and what was agreed to needs no second agreement, as long as the
// ticket asks for the same.
func (s *Steps) AssessRisk(ctx context.Context, st state) (risk, error) {
	out := risk{Content: st.Leaver.UserID + "/" + st.Ticket.Fingerprint}
	groups, err := s.okta.Groups(ctx, st.Leaver.UserID)
	if err != nil {
		return risk{}, err
	}
	out.Groups = len(holdings{Groups: groups}.removable())
	if out.Reasons, out.Recent, err = s.reasons(ctx, st, groups); err != nil {
		return risk{}, err
	}
	out.Few = out.Recent <= fewLeavers
	before := st.Risk
	if before.Key == "" && len(out.Reasons) == 0 {
		return out, nil
	}
	if before.Key != "" && before.Content == out.Content {
		standing, err := s.desk.Standing(ctx, before.Key)
		if err != nil {
			return risk{}, err
		}
		// A no that came while the ticket was read again is handed on by AskApproval.
		if standing.Decision == "" || standing.Decision == approval.Approved || standing.Decision == approval.Rejected {
			out.NeedsApproval = standing.Decision != approval.Approved
			out.Reasons, out.Key, out.Until = before.Reasons, before.Key, before.Until
			return out.waiting(), nil
		}
	}
	if len(out.Reasons) > 0 {
		task, _ := workflow.TaskOf(ctx)
		out.NeedsApproval = true
		out.Key, out.Until = task.Name()+"/risk/"+task.Entered, time.Now().Add(s.settings.ApprovalWait).UTC()
	}
	_, err = s.desk.Withdraw(ctx, workflow.Ref(st.Subject), out.Key)
	return out.waiting(), err
}

// waiting fills in how long it is until the question expires.
func (r risk) waiting() risk {
	if !r.Until.IsZero() {
		r.ApprovalSeconds = max(1, int(math.Ceil(time.Until(r.Until).Seconds())))
	}
	return r
}

// reasons are what speaks against going ahead without a second person.
func (s *Steps) reasons(ctx context.Context, st state, groups []okta.Group) (reasons []string, recent int, err error) {
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return nil, 0, err
	}
	held := make([]string, len(groups))
	for i, g := range groups {
		held[i] = g.ID
	}
	if reason, protected := rules.Protected(st.Leaver.UserID, held); protected {
		reasons = append(reasons, "the account is protected: "+reason)
	}
	recent, err = s.breaker.Register(ctx, "offboarding", st.Stream(), s.settings.BreakerWindow)
	if err == nil && recent > s.settings.BreakerLimit {
		reasons = append(reasons, fmt.Sprintf("this is termination number %d within %s, and more than %d need a second person",
			recent, s.settings.BreakerWindow, s.settings.BreakerLimit))
	}
	return reasons, recent, err
}

// decision is how the approvers decided: $.approval. Woken is set instead when
// the ticket changed, Error when the wait timed out.
type decision struct {
	Decision string `json:"decision"`
	By       string `json:"by"`
	Woken    bool   `json:"woken"`
	Error    string `json:"Error"`
}

// AskApproval asks the approvers in ServiceNow. The requester and the leaver
// are not asked. Their decision resumes the state, and so does a change of the
// ticket.
func (s *Steps) AskApproval(ctx context.Context, st state) (workflow.Nothing, error) {
	asked, ticket, err := s.termination(ctx, st.Subject)
	if err != nil {
		return workflow.Nothing{}, err
	}
	exclude := []string{ticket.OpenedBy, ticket.Value("requested_by")}
	person, err := s.servicenow.PersonByEmail(ctx, asked.Email)
	if fault.Retryable(err) {
		return workflow.Nothing{}, err
	}
	if err == nil {
		exclude = append(exclude, person.SysID)
	}
	task, _ := workflow.TaskOf(ctx)
	opened, err := s.desk.Open(ctx, approval.Ask{
		Ticket: workflow.Ref(st.Subject), Key: st.Risk.Key, Group: s.settings.ApprovalGroup, Exclude: exclude,
		Subject:   "Termination needs a second person",
		Text:      fmt.Sprintf("Okta user %s: %s. Nothing has been touched yet.", st.Leaver.UserID, strings.Join(st.Risk.Reasons, "; ")),
		Expires:   st.Risk.Until,
		Token:     task.Token,
		Execution: task.Execution,
	}, because(st.Subject))
	if err != nil || opened.Resumed {
		return workflow.Nothing{}, err
	}
	return workflow.Nothing{}, s.tickets.Await(ctx, st.Subject)
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
