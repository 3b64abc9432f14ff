package report

import (
	"io"
	"iter"
	"time"

	"lifecycle/shared/audit"
)

// Timeline is what the ledger tells about one person or one ticket: what access, when, why,
// who approved it, when it was taken away. It is read by people who were not there.
type Timeline struct {
	// Kind is OfPerson or OfTicket, Of the Okta user id or the ticket's number, Name the words
	// for it; empty when nobody said.
	Kind string `json:"kind"`
	Of   string `json:"of"`
	Name string `json:"name,omitempty"`
	// At is when it was drawn up: what nobody took away lasts until then.
	At time.Time `json:"at"`
	// Access is in the order in which it was first given.
	Access []Access `json:"access"`
	// Approvals are decisions of approvers, oldest first.
	Approvals []Approval `json:"approvals,omitempty"`
	// Entries are all records, oldest first, an intent and its outcome as one.
	Entries []Entry `json:"entries"`
	// Records is how many records that were.
	Records int `json:"records"`
	// Chains is the state of the proof, one for each stream that a record is from.
	Chains []Chain `json:"chains"`
}

// Kinds of timelines.
const (
	OfPerson = "person"
	OfTicket = "ticket"
)

// Access is a group, an app, an admin role or the account itself, and one person's time with it.
type Access struct {
	// Person is the Okta user id, PersonName the words for it.
	Person     string `json:"person"`
	PersonName string `json:"person_name,omitempty"`
	// Kind is Group, App, Role or Account.
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// Held is when Okta gave it, as far as the records tell.
	Held []Span `json:"held,omitempty"`
	// Reasons are the leases: why it was to be given. They may overlap.
	Reasons []Span `json:"reasons,omitempty"`
}

// Span is a time during which something held.
type Span struct {
	// From is zero when it began before the first record, Until when it lasts.
	From  time.Time `json:"from,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Ends is when it was meant to end; zero: open-ended.
	Ends time.Time `json:"ends,omitzero"`
	// Key tells the reasons apart: "birthright", "request/RITM0010001".
	Key string `json:"key,omitempty"`
	// Why it was given, and on which ticket.
	Why    audit.Reason `json:"why,omitzero"`
	Ticket string       `json:"ticket,omitempty"`
	// ApprovedBy are the names of the approvers, their ids where no name is known.
	ApprovedBy []string `json:"approved_by,omitempty"`
	Given      Proof    `json:"given,omitzero"`
	// Taken is the record that ended it, TakenWhy its reason.
	Taken    Proof        `json:"taken,omitzero"`
	TakenWhy audit.Reason `json:"taken_why,omitzero"`
}

// Lasts reports whether nobody ended it.
func (s Span) Lasts() bool { return s.Until.IsZero() }

// Proof is the record in the ledger that says so.
type Proof struct {
	// Record is "stream/seq"; empty: there is none among the records.
	Record string    `json:"record"`
	Stream string    `json:"stream"`
	Seq    int64     `json:"seq"`
	Hash   string    `json:"hash"`
	Actor  string    `json:"actor,omitempty"`
	At     time.Time `json:"at,omitzero"`
}

// Approval is what an approver decided.
type Approval struct {
	// By is the name of the approver, or the id.
	By      string       `json:"by"`
	Verdict string       `json:"verdict"` // approved, rejected, ...
	Ticket  string       `json:"ticket,omitempty"`
	Why     audit.Reason `json:"why,omitzero"`
	Proof   Proof        `json:"proof"`
}

// Entry is one thing that happened.
type Entry struct {
	At time.Time `json:"at"`
	// Phase is that of the ledger; an intent stands for itself only when no outcome followed.
	Phase string `json:"phase"`
	// What says it in words, Verb and Target as the ledger has it.
	What   string `json:"what"`
	Verb   string `json:"verb"`
	Target string `json:"target,omitempty"`
	System string `json:"system,omitempty"`
	// Person is the Okta user id, PersonName the words for it.
	Person     string       `json:"person,omitempty"`
	PersonName string       `json:"person_name,omitempty"`
	Why        audit.Reason `json:"why,omitzero"`
	Ticket     string       `json:"ticket,omitempty"`
	Step       string       `json:"step,omitempty"`
	// Intent is the record that announced it.
	Intent Proof `json:"intent,omitzero"`
	Proof  Proof `json:"proof"`
	// Before and After are JSON.
	Before    string `json:"before,omitempty"`
	After     string `json:"after,omitempty"`
	Error     string `json:"error,omitempty"`
	Uncertain bool   `json:"uncertain,omitempty"`
	RequestID string `json:"request_id,omitempty"`
	// Chain is where its stream stands in Timeline.Chains.
	Chain int `json:"chain"`
}

// Chain is the state of the proof of one stream.
type Chain struct {
	Stream string `json:"stream"`
	// Records is how many of its records are in the timeline.
	Records int `json:"records"`
	// Checked is false when nobody verified the stream for this timeline.
	Checked      bool               `json:"checked"`
	Verification audit.Verification `json:"verification"`
}

// OK reports whether the stream was verified and is intact.
func (c Chain) OK() bool { return c.Checked && c.Verification.OK() }

// Option adds to a timeline what the ledger does not hold.
type Option func(*drawing)

// WithNames gives words for what the ledger knows by id only: "user/<Okta id>", "group/<id>",
// "app/<id>", "sys_user/<sys_id>". An empty answer leaves the id.
func WithNames(of func(ref string) string) Option {
	return func(d *drawing) { d.names = of }
}

// WithChains adds what verification of the streams found.
func WithChains(found ...audit.Verification) Option {
	return func(d *drawing) {
		for _, v := range found {
			d.verified[v.Stream] = v
		}
	}
}

// WithTime is when the timeline is drawn up; without it, now.
func WithTime(at time.Time) Option {
	return func(d *drawing) { d.line.At = at.UTC() }
}

// PersonTimeline draws up the timeline of a person, by the Okta user id, from the records about
// them, oldest first (audit.Ledger.BySubject). Its error is that of the records.
func PersonTimeline(subject string, records iter.Seq2[audit.Record, error], options ...Option) (Timeline, error) {
	return draw(OfPerson, subject, records, options)
}

// TicketTimeline draws up the timeline of a ticket, by its number, from the records of its
// stream. What is given on the ticket and taken away elsewhere lasts, as far as it can tell.
func TicketTimeline(ticket string, records iter.Seq2[audit.Record, error], options ...Option) (Timeline, error) {
	return draw(OfTicket, ticket, records, options)
}

// WriteHTML writes the timeline as a page that needs nothing else: no network, no script.
func (t Timeline) WriteHTML(w io.Writer) error {
	return pages.ExecuteTemplate(w, "timeline.html", timelinePage(t))
}
