package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
)

// Seat is one of those whose agreement is asked for: a manager, the owners of
// something, a group. One yes of its people fills it.
type Seat struct {
	// Name is what the ticket calls it, such as "manager"; it tells the seats of
	// a panel apart.
	Name string `dynamodbav:"name"`
	// People are the sys_ids of those who may fill it.
	People []string `dynamodbav:"people"`
}

// Vote is an answer that counted.
type Vote struct {
	// Approval is the sys_id of the approval record, By that of the approver.
	Approval string `dynamodbav:"approval"`
	By       string `dynamodbav:"by"`
	// At is when ServiceNow took it, to the second.
	At time.Time `dynamodbav:"at"`
}

// peopleOf lists everybody who sits in any of the seats, once.
func peopleOf(seats []Seat) []string {
	var people []string
	for _, s := range seats {
		for _, p := range s.People {
			if !slices.Contains(people, p) {
				people = append(people, p)
			}
		}
	}
	return people
}

// complete refuses a panel that could not decide.
func complete(a Ask, excluded []string) error {
	for _, s := range a.Seats {
		if len(s.People) == 0 || slices.ContainsFunc(s.People, func(p string) bool { return p == "" || slices.Contains(excluded, p) }) {
			return &fault.Invalid{Message: fmt.Sprintf("nobody may decide about %s as %s: name somebody whom the request does not concern", a.Ticket, s.Name)}
		}
	}
	return nil
}

// awaited says in words who is waited for.
func (a Ask) awaited(approvals int) string {
	if len(a.Seats) == 0 {
		return fmt.Sprintf("the first of %d members of %s to decide", approvals, a.Group)
	}
	names := make([]string, len(a.Seats))
	for i, s := range a.Seats {
		names[i] = s.Name
		if n := len(s.People); n > 1 {
			names[i] += fmt.Sprintf(" (one of %d people)", n)
		}
	}
	switch {
	case len(names) == 1:
		return names[0] + " to decide"
	case a.All:
		return "each of these to agree: " + strings.Join(names, ", ")
	}
	return "the first of these to decide: " + strings.Join(names, ", ")
}

// vacant are the seats that none of the votes fills.
func (q question) vacant(yes []Vote) []Seat {
	return slices.DeleteFunc(slices.Clone(q.Seats), func(s Seat) bool {
		return slices.ContainsFunc(yes, func(v Vote) bool { return slices.Contains(s.People, v.By) })
	})
}

// hopeless reports whether those who may still answer cannot decide it any more.
func (q question) hopeless(yes []Vote, open []string) bool {
	if len(q.Seats) == 0 {
		return len(open) == 0
	}
	waited := func(s Seat) bool {
		return slices.ContainsFunc(s.People, func(p string) bool { return slices.Contains(open, p) })
	}
	if !q.All {
		return !slices.ContainsFunc(q.Seats, waited)
	}
	return slices.ContainsFunc(q.vacant(yes), func(s Seat) bool { return !waited(s) })
}

// seat brings a panel up to date: people who no longer sit in it are not asked
// any more, others are, and a seat that a yes has filled stays as it is.
func (d *Desk) seat(ctx context.Context, q question, a Ask) (question, error) {
	if len(a.Seats) == 0 {
		return q, nil
	}
	if err := complete(a, q.Excluded); err != nil {
		return question{}, err
	}
	records, err := d.records(ctx, q)
	if err != nil {
		return question{}, err
	}
	q.again = map[string]string{}
	agreed := map[string]bool{}
	for _, r := range records {
		switch r.State {
		case servicenow.ApprovalApproved:
			void, err := d.void(ctx, q, r)
			if err != nil {
				return question{}, err
			}
			agreed[r.Approver] = !void
		case servicenow.ApprovalNotRequired, servicenow.ApprovalSkipped:
			if !slices.Contains(q.Approvers, r.Approver) { // withdrawn by release
				q.again[r.Approver] += "/again"
			}
		}
	}
	q.Seats, q.All = reseated(q.Seats, a.Seats, agreed), a.All
	q.Approvers = peopleOf(q.Seats)
	return q, nil
}

// reseated are the seats as they are wanted now; one that somebody has agreed
// from is theirs alone.
func reseated(before, wanted []Seat, agreed map[string]bool) []Seat {
	seats := make([]Seat, len(wanted))
	for i, s := range wanted {
		seats[i] = s
		people := s.People
		if j := slices.IndexFunc(before, func(b Seat) bool { return b.Name == s.Name }); j >= 0 {
			people = slices.Concat(people, before[j].People)
		}
		people = slices.DeleteFunc(slices.Clone(people), func(p string) bool { return !agreed[p] })
		if len(people) > 0 {
			seats[i].People = peopleOf([]Seat{{People: people}})
		}
	}
	return seats
}

// release withdraws the questions of those who were asked before and are not
// any more.
func (d *Desk) release(ctx context.Context, q question, before []string) error {
	gone := slices.DeleteFunc(slices.Clone(before), func(p string) bool { return slices.Contains(q.Approvers, p) })
	if len(gone) == 0 || q.Decision != "" {
		return nil
	}
	records, err := d.records(ctx, q)
	if err != nil {
		return err
	}
	return d.withdraw(ctx, q, slices.DeleteFunc(records, func(r servicenow.Approval) bool { return !slices.Contains(gone, r.Approver) }))
}
