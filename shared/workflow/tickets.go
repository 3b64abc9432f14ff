package workflow

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/servicenow"
)

// Dispositions of a ticket that has been read: $.ticket.disposition.
const (
	// Ready is carried out now.
	Ready = "ready"
	// Early waits for its moment.
	Early = "early"
	// Invalid cannot be carried out until a person mends it.
	Invalid = "invalid"
	// NothingToDo is closed, cancelled, or untouched since it was left with people.
	NothingToDo = "nothing_to_do"
	// HandedOver is being worked on by another execution.
	HandedOver = "handed_over"
)

// longestNap bounds a wait, so that a change whose webhook was lost is seen
// within half a day.
const longestNap = 12 * time.Hour

// Nothing is the result of a step that only acts.
type Nothing struct{}

// Reading is what ReadTicket found: $.ticket. It holds nothing personal.
type Reading struct {
	Disposition string `json:"disposition"`
	// Fingerprint changes when what the ticket asks for changes, and not with
	// our own notes.
	Fingerprint string `json:"fingerprint"`
	// Problems lists what to mend, one sentence each.
	Problems []string `json:"problems,omitempty"`
	// At is when to act; zero means now.
	At time.Time `json:"at,omitzero"`
	// WaitSeconds is how long to sleep until the next look.
	WaitSeconds int `json:"wait_seconds,omitempty"`
	// Hold asks for the account to be kept, suspended and empty-handed.
	Hold bool `json:"hold,omitempty"`
	// Owner is the execution that works on the ticket when it is handed over.
	Owner string `json:"owner,omitempty"`
}

// Tickets is the one way in which use cases read tickets and write to them.
type Tickets struct {
	Kind       servicenow.Kind
	servicenow *servicenow.Client
	custodian  *Custodian
}

// NewTickets returns the desk for one kind of ticket.
func NewTickets(kind servicenow.Kind, client *servicenow.Client, custodian *Custodian) *Tickets {
	return &Tickets{Kind: kind, servicenow: client, custodian: custodian}
}

// Register adds the steps that every ticket process has.
func (t *Tickets) Register(table *Steps) {
	Add(table, "AwaitChange", t.AwaitChange)
	Add(table, "ReleaseTicket", t.ReleaseTicket)
	Add(table, "TellFailure", t.TellFailure)
}

// Read takes custody of the ticket, reads it, and lets check say what it asks
// for: check fills in Problems, At and Hold.
func (t *Tickets) Read(ctx context.Context, s Subject, check func(context.Context, servicenow.Ticket) (Reading, error)) (Reading, error) {
	holding, err := t.custodian.Take(ctx, s)
	if err != nil {
		return Reading{}, err
	}
	if !holding.Held {
		return Reading{Disposition: HandedOver, Owner: holding.Owner}, nil
	}
	ticket, err := t.servicenow.Ticket(ctx, t.Kind, s.SysID)
	if err != nil {
		return Reading{}, err
	}
	fingerprint := ticket.Fingerprint()
	if done := ticket.Phase != servicenow.Open && ticket.Phase != servicenow.InProgress && ticket.Phase != servicenow.OnHold; done {
		return Reading{Disposition: NothingToDo, Fingerprint: fingerprint}, nil
	}
	if handed := holding.LastOutcome == Returned || holding.LastOutcome == Failed; handed {
		if holding.LastFingerprint == fingerprint && t.servicenow.Own(ticket) {
			return Reading{Disposition: NothingToDo, Fingerprint: fingerprint}, nil
		}
		if err := t.custodian.Resume(ctx, s); err != nil {
			return Reading{}, err
		}
	}
	reading, err := check(ctx, ticket)
	if err != nil {
		return Reading{}, err
	}
	reading.Fingerprint = fingerprint
	reading.Disposition = Ready
	if ahead := time.Until(reading.At); !reading.At.IsZero() && ahead > 0 {
		reading.Disposition = Early
		reading.WaitSeconds = int(math.Ceil(min(ahead, longestNap).Seconds()))
	}
	if len(reading.Problems) > 0 {
		reading.Disposition = Invalid
	}
	return reading, nil
}

// TakeOver takes custody without reading the ticket.
func (t *Tickets) TakeOver(ctx context.Context, s Subject) (held bool, err error) {
	holding, err := t.custodian.Take(ctx, s)
	return holding.Held, err
}

// Outcomes of an execution, remembered with the ticket.
const (
	// Returned was left with people to be mended or decided, Failed because
	// something could not be done. Either is taken up again when somebody else
	// than us has saved the ticket.
	Returned = "returned"
	Failed   = "failed"
	Resolved = "resolved"
	Ended    = "ended"
)

type waiting struct{ Subject }

// AwaitChange leaves the task token with the ticket; whoever learns of a change
// resumes the state.
func (t *Tickets) AwaitChange(ctx context.Context, st waiting) (Nothing, error) {
	return Nothing{}, t.custodian.Await(ctx, st.Subject)
}

// Await is AwaitChange for a step that waits for something else besides: an
// approval. What happens first resumes the state.
func (t *Tickets) Await(ctx context.Context, s Subject) error { return t.custodian.Await(ctx, s) }

// Wake resumes the running state at once, when there is nothing to wait for.
func (t *Tickets) Wake(ctx context.Context) error {
	task, err := current(ctx)
	if err != nil {
		return err
	}
	return t.custodian.wake(ctx, task.Token)
}

// Release is the result of ReleaseTicket: $.release.
type Release struct {
	// Again is true when the ticket changed and has to be read once more.
	Again bool `json:"again"`
}

// Outcome is how the work on a ticket ended: $.outcome, of which a use case may
// have more to say.
type Outcome struct {
	// How is remembered with the ticket.
	How string `json:"how,omitempty"`
	// Fingerprint is the ticket's as it was left, where that is not how it was
	// last read.
	Fingerprint string `json:"fingerprint,omitempty"`
}

type releasing struct {
	Subject
	Ticket  Reading `json:"ticket"`
	Outcome Outcome `json:"outcome"`
}

// ReleaseTicket gives custody back.
func (t *Tickets) ReleaseTicket(ctx context.Context, st releasing) (Release, error) {
	how, fingerprint := st.Outcome.How, st.Ticket.Fingerprint
	switch {
	case st.Outcome.Fingerprint != "":
		fingerprint = st.Outcome.Fingerprint
	case st.Ticket.Disposition == NothingToDo:
		// Keep what an earlier execution left: a returned ticket stays returned.
		how, fingerprint = "", ""
	case how == "":
		how = Ended
	}
	again, err := t.custodian.Release(ctx, st.Subject, how, fingerprint)
	return Release{Again: again}, err
}

// LetGo gives custody back whatever has changed meanwhile: for work that is done
// whatever the ticket says.
func (t *Tickets) LetGo(ctx context.Context, s Subject) error {
	for {
		again, err := t.custodian.Release(ctx, s, "", "")
		if err != nil || !again {
			return err
		}
		// Taking it again says that the change has been seen.
		if held, err := t.TakeOver(ctx, s); err != nil || !held {
			return err
		}
	}
}

// Note is what goes onto a ticket in one write.
type Note struct {
	// Comment is read by requester and watchers, WorkNote by those who work on it.
	Comment, WorkNote string
	// Set are further columns to write.
	Set map[string]string
}

// Announce writes a work note, once per key and execution, and marks the ticket
// as being worked on.
func (t *Tickets) Announce(ctx context.Context, s Subject, key, text string, why audit.Reason) error {
	return t.servicenow.Post(ctx, Ref(s), servicenow.Posting{
		Key: keyed(ctx, key), WorkNote: text, Set: t.Kind.Columns(servicenow.InProgress),
	}, why)
}

// Remark writes a work note, once per key and execution, and leaves the ticket's
// state as it is: for tickets that are no longer ours to work on.
func (t *Tickets) Remark(ctx context.Context, s Subject, key, text string, why audit.Reason) error {
	return t.servicenow.Post(ctx, Ref(s), servicenow.Posting{Key: keyed(ctx, key), WorkNote: text}, why)
}

// Resolve writes the final note and the final state, once per execution.
func (t *Tickets) Resolve(ctx context.Context, s Subject, n Note, why audit.Reason) error {
	set := t.Kind.Columns(servicenow.Resolved)
	maps.Copy(set, n.Set)
	return t.servicenow.Post(ctx, Ref(s), servicenow.Posting{
		Key: keyed(ctx, "resolved"), Comment: n.Comment, WorkNote: n.WorkNote, Set: set,
	}, why)
}

// Cancel writes the final note on a ticket that is not to be carried out any
// more, and cancels it.
func (t *Tickets) Cancel(ctx context.Context, s Subject, key, text string, why audit.Reason) error {
	return t.servicenow.Post(ctx, Ref(s), servicenow.Posting{Key: keyed(ctx, key), WorkNote: text, Set: t.Kind.Columns(servicenow.Cancelled)}, why)
}

// Return leaves the ticket open with the group that mends tickets, and says
// what was left undone and what to do, once for each content of the ticket.
func (t *Tickets) Return(ctx context.Context, s Subject, fingerprint, undone string, problems []string, why audit.Reason) error {
	var b strings.Builder
	fmt.Fprintf(&b, "This ticket cannot be carried out yet. %s To go on:\n", undone)
	for _, p := range problems {
		fmt.Fprintf(&b, "- %s\n", p)
	}
	b.WriteString("Saving the corrected ticket starts it again; nothing else is needed.")
	return t.hand(ctx, s, keyed(ctx, "returned/"+fingerprint), b.String(), t.Kind.ReturnGroup, why)
}

// Escalate leaves the ticket open with the group that handles what could not be
// done.
func (t *Tickets) Escalate(ctx context.Context, s Subject, key, text string, why audit.Reason) error {
	return t.hand(ctx, s, keyed(ctx, key), text, t.Kind.EscalationGroup, why)
}

func (t *Tickets) hand(ctx context.Context, s Subject, key, text, group string, why audit.Reason) error {
	set := t.Kind.Columns(servicenow.Open)
	id, err := t.servicenow.GroupSysID(ctx, group)
	if err != nil {
		return err
	}
	set["assignment_group"] = id
	return t.servicenow.Post(ctx, Ref(s), servicenow.Posting{Key: key, WorkNote: text, Set: set}, why)
}

type failing struct {
	Subject
	Error Failure `json:"error"`
}

// TellFailure says on the ticket what failed for good and what to do about it.
func (t *Tickets) TellFailure(ctx context.Context, st failing) (Outcome, error) {
	text := fmt.Sprintf("This ticket could not be carried out: %s\n%s\nWhat was done up to there stands in the ledger under %s. "+
		"When the cause is mended, save the ticket again (any change will do) and it goes on: steps that are done already are not repeated.",
		st.Error.Message(), advice(st.Error.Error), st.Stream())
	return Outcome{How: Failed}, t.Escalate(ctx, st.Subject, "failed/"+st.Error.Error, text, audit.Reason{Kind: "failure", Ref: st.Number, Text: st.Error.Error})
}

// advice says who has to act on an error that retrying did not mend.
func advice(name string) string {
	switch name {
	case "Invalid":
		return "Something in the request has to be corrected."
	case "Denied":
		return "A permission or a policy forbids it: an administrator of the system named above has to grant or decide it."
	case "Conflict":
		return "A record is in another state than expected: look at it in the system named above."
	case "NotFound":
		return "A record that is needed does not exist, or the integration may not see it."
	case "Throttled", "Unavailable", "Stopped":
		return "It was tried again for a long time without success."
	default:
		return "This was not foreseen; the operators of the integration have been alarmed."
	}
}

// keyed makes a note's key unique to the execution: a ticket that is opened
// again later gets its notes again.
func keyed(ctx context.Context, key string) string {
	task, _ := TaskOf(ctx)
	return task.Name() + "/" + key
}

// Ref is the ticket as the ServiceNow client names it.
func Ref(s Subject) servicenow.Ref { return servicenow.Ref{Table: s.Table, SysID: s.SysID} }
