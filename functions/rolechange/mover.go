package rolechange

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// mover is whose role changes: $.mover.
type mover struct {
	// Found is one of the constants below.
	Found  string `json:"found"`
	UserID string `json:"user_id,omitempty"`
	// Problems say what a person has to clear up.
	Problems []string `json:"problems,omitempty"`
	// By is the number of the ticket that replaces this one, or that is still
	// being carried out.
	By string `json:"by,omitempty"`
	// WaitSeconds is how long to wait for the turn until the next look.
	WaitSeconds int `json:"wait_seconds,omitempty"`
}

// Waits for the turn double from the first to the longest: an earlier ticket that
// waits gives way within seconds, one that is at work may take its time.
const (
	firstWait   = 2
	longestWait = 60
)

// What FindMover came to: $.mover.found.
const (
	found = "found"
	// mend: a person has to mend the ticket or the account.
	mend = "mend"
	// busy: an earlier ticket about the same person is being wound up.
	busy = "busy"
	// replaced: a later ticket about the same person takes this one's place.
	replaced = "replaced"
)

// BookLook books the calls that it takes to find the person and to see what the
// person has.
func (s *Steps) BookLook(ctx context.Context, st state) (workflow.Seats, error) {
	calls := okta.NewCalls().
		Add("GET", "/api/v1/users", 1).
		Add("GET", "/api/v1/users/{id}", 2).
		Add("GET", "/api/v1/users/{id}/groups", 1).
		Add("GET", "/api/v1/apps", 1)
	return workflow.BookSeats(ctx, s.seats, ratelimit.Normal, calls.Needs(), st.Look)
}

// FindMover finds the account by the employee number, asks for the person's turn
// (of several tickets about one person only the latest is carried out), and holds
// the account against what the ticket says of the old position.
func (s *Steps) FindMover(ctx context.Context, st state) (mover, error) {
	asked, _, err := s.transfer(ctx, st.Subject)
	if err != nil {
		return mover{}, err
	}
	candidates, err := s.okta.UsersByEmployeeNumber(ctx, asked.EmployeeNumber)
	if err != nil {
		return mover{}, err
	}
	if live := slices.DeleteFunc(slices.Clone(candidates), left); len(live) > 0 {
		candidates = live
	}
	switch {
	case len(candidates) == 0:
		return mends("No Okta account has this employee number. Check it."), nil
	case len(candidates) > 1:
		return mends("%d accounts carry this employee number (Okta users %s). Correct the others.", len(candidates), ids(candidates)), nil
	}
	u := candidates[0]
	turn, err := s.turns.Enter(ctx, turnOf(u.ID), st.Subject, asked.Rank)
	switch {
	case err != nil:
		return mover{}, err
	case turn.Replaced != "":
		return mover{Found: replaced, UserID: u.ID, By: turn.Replaced}, nil
	case !turn.Held:
		wait := min(longestWait, max(firstWait, 2*st.Mover.WaitSeconds))
		return mover{Found: busy, UserID: u.ID, By: turn.Holder.Number, WaitSeconds: wait}, nil
	}
	problems := unfit(u)
	if len(problems) == 0 && !(st.Mover.Found == found && st.Mover.UserID == u.ID) {
		// Once it is the right person it stays so, whatever else changes Okta's profile.
		problems = contradictions(u, asked)
	}
	if len(problems) > 0 {
		return mover{Found: mend, UserID: u.ID, Problems: problems}, nil
	}
	return mover{Found: found, UserID: u.ID}, nil
}

func mends(format string, args ...any) mover {
	return mover{Found: mend, Problems: []string{fmt.Sprintf(format, args...)}}
}

// turnOf names what tickets about one person take turns at.
func turnOf(userID string) string { return "access/" + userID }

func left(u okta.User) bool {
	return u.Status == okta.Deprovisioned || u.TransitioningTo == okta.Deprovisioned
}

// unfit says why the account's role cannot be changed.
func unfit(u okta.User) []string {
	switch {
	case left(u):
		return []string{fmt.Sprintf("The account (Okta user %s) is deactivated. Somebody who comes back is an onboarding; otherwise cancel this ticket.", u.ID)}
	case u.Status == okta.Suspended:
		return []string{fmt.Sprintf("The account (Okta user %s) is suspended. Whoever suspended it decides: unsuspend it and save this ticket, and it goes on from there.", u.ID)}
	}
	return nil
}

// contradictions are between the old position on the ticket and Okta's.
func contradictions(u okta.User, asked transfer) []string {
	var problems []string
	now := positionOf(u.Profile)
	for _, c := range []struct{ what, is, was, becomes string }{
		{"department", now.Department, asked.Old.Department, asked.New.Department},
		{"title", now.Title, asked.Old.Title, asked.New.Title},
		{"location", now.Location, asked.Old.Location, asked.New.Location},
		{"manager", now.Manager, asked.Old.Manager, asked.New.Manager},
	} {
		// Okta may have the new value already: from an earlier attempt, or because
		// another system was faster.
		if c.was == "" || c.is == "" || same(c.is, c.was) || c.becomes != "" && same(c.is, c.becomes) {
			continue
		}
		problems = append(problems, fmt.Sprintf("The old %s on this ticket is not the one that Okta has (Okta user %s). Make sure that it is the right person, and correct or clear it.", c.what, u.ID))
	}
	return problems
}

// same compares as the rules do: without regard to case and surplus spaces.
func same(a, b string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

func ids(users []okta.User) string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.ID
	}
	return strings.Join(list, ", ")
}

// LeaveTurn lets the next ticket about the person have its turn, and takes back
// what is still asked about this one. A ticket that has changed nothing is not
// counted any more, unless it waits for somebody to mend it: an earlier one may
// then be carried out after all.
func (s *Steps) LeaveTurn(ctx context.Context, st state) (workflow.Nothing, error) {
	if st.Mover.UserID == "" {
		return workflow.Nothing{}, nil
	}
	if st.Risk.Key != "" {
		if _, err := s.desk.Withdraw(ctx, workflow.Ref(st.Subject)); err != nil {
			return workflow.Nothing{}, err
		}
	}
	withdrawn := st.Ticket.Disposition == workflow.NothingToDo && st.Outcome.How == "" && !st.Granted.Begun
	return workflow.Nothing{}, s.turns.Leave(ctx, turnOf(st.Mover.UserID), st.Subject, withdrawn)
}
