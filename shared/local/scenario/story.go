package scenario

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/oktasim"
)

// Act is one thing that happens in the demo.
type Act struct {
	Title string
	// Play makes it happen and returns what is to be told about it. Its error
	// says which end state is not as it has to be.
	Play func(ctx context.Context, w *World) (Told, error)
}

// Anywhere are the acts that look at nothing but the two systems, so that they
// can be played through a deployed stack.
func Anywhere() []Act {
	requests := AccessRequests()
	return []Act{Joiners()[0], Joiners()[1], Joiners()[3], requests[0], requests[1], requests[3], Movers()[0], Leavers()[0], ReviewAnywhere(), Sync()[1], Credentials()[0], Sync()[0]}
}

// Told is what a spectator sees of an act.
type Told struct {
	Ticket Ticket
	// Happened are the steps of the story, in order.
	Happened []string
	// Okta and ServiceNow are lines about how things stand in the end.
	Okta, ServiceNow []string
}

func (t *Told) happened(format string, args ...any) {
	t.Happened = append(t.Happened, fmt.Sprintf(format, args...))
}

// account tells how an account stands.
func (t *Told) account(a oktasim.Account) {
	t.Okta = append(t.Okta, fmt.Sprintf("%s is %s", a.Login, a.Status))
	var groups, apps []string
	for _, g := range a.Groups {
		if g.Type != "BUILT_IN" {
			groups = append(groups, g.Name)
		}
	}
	for _, app := range a.Apps {
		apps = append(apps, app.Label)
	}
	t.Okta = append(t.Okta, "groups: "+orNone(groups), "apps: "+orNone(apps))
	if a.Status == oktasim.Deprovisioned {
		t.Okta = append(t.Okta, fmt.Sprintf("sessions %d, refresh tokens %d, consents %d, API tokens %d, factors %d, admin roles %d",
			a.Sessions, a.RefreshTokens, len(a.Grants), len(a.APITokens), len(a.Factors), len(a.Roles)))
	}
}

// ticket tells how a ticket stands, with its last note.
func (t *Told) ticket(w *World, ticket Ticket) {
	t.Ticket = ticket
	states := map[string]string{"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
	state := w.Column(ticket, "state")
	line := ticket.Number + " is " + states[state]
	if group := w.Column(ticket, "assignment_group"); group != "" && state == "1" {
		line += ", with " + w.ServiceNow.Record("sys_user_group", group)["name"]
	}
	t.ServiceNow = append(t.ServiceNow, line)
	for _, field := range []string{"comments", "work_notes"} {
		notes := w.Notes(ticket, field)
		if len(notes) == 0 {
			continue
		}
		for _, l := range strings.Split(notes[len(notes)-1], "\n") {
			t.ServiceNow = append(t.ServiceNow, "| "+l)
		}
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// expect says what is wrong when a condition does not hold.
func expect(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// finalNotes counts the notes that a ticket was resolved with: exactly one is
// right, whatever was delivered twice.
func (w *World) finalNotes(t Ticket, beginning string) int {
	n := 0
	for _, note := range w.Notes(t, "work_notes") {
		if strings.HasPrefix(note, beginning) {
			n++
		}
	}
	return n
}

// Ledger is the ledger as an auditor reads it.
func (w *World) Ledger() *audit.Ledger { return audit.New(w.DynamoDB(), w.Table("LedgerTable")) }

// patience bounds how long an act may take in real time.
const patience = 30 * time.Second
