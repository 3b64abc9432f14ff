package statesync

import (
	"context"
	"fmt"
	"strings"

	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/workflow"
)

// registerComparison adds the steps of the comparison of all people, in the order
// of statemachines/state-comparison.asl.json.
func (s *Steps) registerComparison(table *workflow.Steps) {
	workflow.Add(table, "TakeTurn", s.TakeTurn)
	workflow.Add(table, "StartRun", s.StartRun)
	workflow.Add(table, "BookSlice", s.BookSlice)
	workflow.Add(table, "ReadSlice", s.ReadSlice)
	workflow.Add(table, "ComparePiles", s.ComparePiles)
	workflow.Add(table, "PlanRepairs", s.PlanRepairs)
	workflow.Add(table, "OpenReport", s.OpenReport)
	workflow.Add(table, "AskApproval", s.AskApproval)
	workflow.Add(table, "BookRepairs", s.BookRepairs)
	workflow.Add(table, "RepairSome", s.RepairSome)
	workflow.Add(table, "CloseReport", s.CloseReport)
	workflow.Add(table, "ReleaseTurn", s.tickets.ReleaseTicket)
}

// comparison is the data of a run, as far as its steps read it. It holds
// positions and numbers; the people are on piles in a table.
type comparison struct {
	workflow.Subject

	Slice    slice          `json:"slice"`
	Seats    workflow.Seats `json:"seats"`
	Piles    piles          `json:"piles"`
	Planned  planned        `json:"plan"`
	Report   report         `json:"report"`
	Decision decision       `json:"decision"`
	Repairs  repairs        `json:"repairs"`
}

// turn says whether this execution is the one that compares: $.turn.
type turn struct {
	Held bool `json:"held"`
}

// TakeTurn lets one comparison run at a time.
func (s *Steps) TakeTurn(ctx context.Context, st comparison) (turn, error) {
	held, err := s.tickets.TakeOver(ctx, st.Subject)
	return turn{held}, err
}

// The lists that are read, one after the other.
const (
	inUse  = "okta_in_use"
	former = "okta_former"
	users  = "sys_user"
)

// slice is how far reading has come: $.slice. Everything a step needs to go on is
// in it, so a run that is cut off goes on with the slice that it was at.
type slice struct {
	// Run names the run, and its piles.
	Run  string `json:"run"`
	List string `json:"list"`
	// Number counts the slices, After is where the next one begins.
	Number int    `json:"number"`
	After  string `json:"after,omitempty"`
	Done   bool   `json:"done"`
	// Accounts and Users count the records, Pages the calls.
	Accounts int `json:"accounts"`
	Users    int `json:"users"`
	Pages    int `json:"pages"`
}

const (
	// oktaPages and userPages are how many pages make a slice: about 4,000 people,
	// some seconds of work.
	oktaPages = 20
	userPages = 4
)

// StartRun names the run after its execution: a retry of the state means the same
// run.
func (s *Steps) StartRun(ctx context.Context, _ comparison) (slice, error) {
	task, _ := workflow.TaskOf(ctx)
	return slice{Run: task.Name(), List: inUse}, nil
}

// BookSlice books the calls of the next slice in the bulk lane.
func (s *Steps) BookSlice(ctx context.Context, st comparison) (workflow.Seats, error) {
	calls := okta.NewCalls()
	if st.Slice.List != users {
		calls.Add("GET", "/api/v1/users", oktaPages)
	}
	return workflow.BookSeats(ctx, s.seats, ratelimit.Bulk, calls.Needs(), st.Seats)
}

// ReadSlice reads the next pages and lays the people onto piles. Doing it again
// lays the same people onto the same places.
func (s *Steps) ReadSlice(ctx context.Context, st comparison) (slice, error) {
	next := st.Slice
	sorted := sorting{run: next.Run, piles: map[string][]string{}}
	var err error
	if next.List == users {
		err = s.readUsers(ctx, &next, &sorted)
	} else {
		err = s.readAccounts(ctx, &next, &sorted)
	}
	if err != nil {
		return slice{}, err
	}
	name := fmt.Sprintf("%s#%05d", side(st.Slice.List), st.Slice.Number)
	for pile, lines := range sorted.piles {
		if err := s.shelf.put(ctx, pile, name, lines); err != nil {
			return slice{}, err
		}
	}
	next.Number++
	return next, nil
}

// side is the first part of a sheet's name.
func side(list string) string {
	if list == users {
		return "s"
	}
	return "o"
}

func (s *Steps) readAccounts(ctx context.Context, at *slice, into *sorting) error {
	for range oktaPages {
		page, err := s.okta.UserPage(ctx, at.List == former, at.After)
		if err != nil {
			return err
		}
		at.Pages++
		at.Accounts += len(page.Users)
		for _, u := range page.Users {
			into.add(into.account(u, s.policy))
		}
		if at.After = page.Next; page.Next != "" {
			continue
		}
		if at.List == inUse {
			at.List = former
		} else {
			at.List = users
		}
		return nil
	}
	return nil
}

func (s *Steps) readUsers(ctx context.Context, at *slice, into *sorting) error {
	for range userPages {
		page, err := s.servicenow.UserPage(ctx, at.After)
		if err != nil {
			return err
		}
		at.Pages++
		at.Users += len(page.Users)
		for _, u := range page.Users {
			if !s.exempts(u) {
				into.add(into.user(u, s.policy))
			}
		}
		at.After = page.Next
		if page.Done {
			at.Done, at.After = true, ""
			return nil
		}
	}
	return nil
}

// piles is how far comparing has come: $.piles.
type piles struct {
	// Round is 1 by employee number, 2 by email address.
	Round int  `json:"round"`
	Next  int  `json:"next"`
	Done  bool `json:"done"`
}

// pilesPerStep bounds one step.
const pilesPerStep = 8

// ComparePiles compares the next few piles, one at a time.
func (s *Steps) ComparePiles(ctx context.Context, st comparison) (piles, error) {
	at := st.Piles
	if at.Round == 0 {
		at.Round = 1
	}
	for range pilesPerStep {
		if err := s.comparePile(ctx, st.Slice.Run, at.Round, at.Next); err != nil {
			return piles{}, err
		}
		if at.Next++; at.Next < pileCount {
			continue
		}
		if at.Round == 2 {
			at.Done = true
			break
		}
		at.Round, at.Next = 2, 0
	}
	return at, nil
}

// comparePile matches the records of one pile, lays what found no partner onto
// the pile of its address, and writes down what differs.
func (s *Steps) comparePile(ctx context.Context, run string, round, n int) error {
	pile, err := s.load(ctx, pileName(run, round, n))
	if err != nil {
		return err
	}
	found, left := match(pile, round, s.policy)
	name := fmt.Sprintf("%d-%02d", round, n)
	sorted := sorting{run: run, piles: map[string][]string{}}
	for _, r := range left {
		if round == 2 || r.Email == "" {
			found = append(found, alone(r)...)
			continue
		}
		sorted.lay(2, r.Email, r)
	}
	for pile, lines := range sorted.piles {
		for _, of := range []string{"o", "s"} {
			mine := ofSide(lines, of)
			if err := s.shelf.put(ctx, pile, of+"#from"+name, mine); err != nil {
				return err
			}
		}
	}
	return s.keepFindings(ctx, run, name, found)
}

// load reads a pile, both sides of it: the only people that a step holds.
func (s *Steps) load(ctx context.Context, pile string) ([]record, error) {
	var records []record
	after := ""
	for {
		one, ok, err := s.shelf.next(ctx, pile, after)
		if err != nil || !ok {
			return records, err
		}
		after = one.name
		for _, line := range one.lines {
			r, err := parseRecord(line)
			if err != nil {
				return nil, err
			}
			records = append(records, r)
		}
	}
}

func ofSide(lines []string, of string) []string {
	var mine []string
	for _, line := range lines {
		if strings.HasPrefix(line, `{"o":true`) == (of == "o") {
			mine = append(mine, line)
		}
	}
	return mine
}
