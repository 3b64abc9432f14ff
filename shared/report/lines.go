package report

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
)

// timelineView is a timeline as its page shows it.
type timelineView struct {
	Timeline
	Style   template.CSS
	Policy  string
	Title   string
	Proof   proofState
	Ticks   []tick
	Lanes   []lane
	Days    []dayOf
	Tiles   []tile
	Between string
	Left    int // entries that the page does not show
}

// EntriesPerPage is the most entries that the page of a timeline lists: the latest. What is said
// about access takes all records into account.
const EntriesPerPage = 2000

// Listed is how many entries the page lists.
func (v timelineView) Listed() int { return len(v.Entries) - v.Left }

// Unexplained says that no record gives a reason.
func (r reasonRow) Unexplained() bool { return r.Why == audit.Reason{} }

// proofState is how the chains stand, all together.
type proofState struct {
	Class, Word, Text string
	Bad               []string
}

// tick is a mark on the axis of time, at X percent.
type tick struct {
	X     float64
	Label string
}

// lane is an access in the drawing and in the table.
type lane struct {
	Access
	Bars   []bar
	State  string // in words
	Warn   string // what somebody should look at
	Rows   []reasonRow
	entry  map[string]int  // where a record stands among the entries
	broken map[string]bool // records that the chain does not prove
}

// reasonRow is a reason in the table. Same says that there is none but the one that the change of
// Okta itself gave.
type reasonRow struct {
	Span
	Same bool
}

// bar is a span in the drawing, in percent.
type bar struct {
	X, W       float64
	Y, H       int
	Class, Why string
}

// dayOf are the entries of a day.
type dayOf struct {
	Day     time.Time
	Entries []line
}

// line is an entry with its place, to which proofs lead.
type line struct {
	Entry
	No     int
	Proven string // "", "bad"
}

// OfStep says that it is the record of a step, which changes nothing itself.
func (l line) OfStep() bool { return strings.HasPrefix(l.Verb, "step.") }

// lag is how long taking access away may take before somebody should look at it.
const lag = time.Hour

func timelinePage(t Timeline) timelineView {
	v := timelineView{
		Timeline: t, Style: sheet.Style, Proof: proofOf(t), Title: cmp.Or(t.Name, t.Of),
		Policy: "default-src 'none'; img-src data:; style-src '" + digest(string(sheet.Style)) + "'; base-uri 'none'; form-action 'none'",
	}
	entry, broken := map[string]int{}, map[string]bool{}
	v.Left = max(0, len(t.Entries)-EntriesPerPage)
	for i, e := range t.Entries {
		if c := t.Chains[e.Chain]; c.Checked && !c.OK() && e.Proof.Seq >= c.Verification.Bad {
			broken[e.Proof.Record] = true
		}
		if i < v.Left {
			continue
		}
		entry[e.Proof.Record], entry[e.Intent.Record] = i+1, i+1
		l := line{Entry: e, No: i + 1}
		if broken[e.Proof.Record] {
			l.Proven = "bad"
		}
		if n := len(v.Days); n == 0 || day(v.Days[n-1].Day) != day(e.At) {
			v.Days = append(v.Days, dayOf{Day: e.At})
		}
		last := &v.Days[len(v.Days)-1]
		last.Entries = append(last.Entries, l)
	}
	from, to := extent(t)
	v.Ticks = ticks(from, to)
	v.Between = day(from) + " to " + day(to)
	for _, a := range t.Access {
		v.Lanes = append(v.Lanes, laneOf(t, a, from, to, entry, broken))
	}
	slices.SortStableFunc(v.Lanes, func(a, b lane) int { // the account is what all else hangs on
		return cmp.Compare(boolRank(a.Kind != Account), boolRank(b.Kind != Account))
	})
	v.Tiles = lineTiles(t, v.Lanes)
	return v
}

func boolRank(last bool) int {
	if last {
		return 1
	}
	return 0
}

// lineTiles are the figures of a timeline.
func lineTiles(t Timeline, lanes []lane) []tile {
	holds, held, look := 0, 0, 0
	concerned := map[string]bool{}
	for _, l := range lanes {
		concerned[l.Person] = true
		if l.Warn != "" {
			look++
		}
		if l.Kind == Account {
			continue
		}
		held++
		if l.Lasts() {
			holds++
		}
	}
	records := tile{Label: "Records", Value: number(t.Records), Note: "in " + count(len(t.Chains), "stream", "streams")}
	if t.Kind == OfTicket {
		return []tile{
			{Label: "People concerned", Value: number(len(concerned)), Note: "whose access it touched"},
			{Label: "Access", Value: number(held), Note: number(holds) + " of it lasts, as far as this ticket tells"},
			{Label: "Decisions", Value: number(len(t.Approvals)), Note: "of approvers"}, records,
		}
	}
	return []tile{
		{Label: "Holds now", Value: number(holds), Note: "groups, apps and roles that the ledger knows of"},
		{Label: "Held before", Value: number(held - holds), Note: "and was taken away"},
		{Label: "To look at", Value: number(look), Note: "access without a recorded reason", Tone: toneIf(look > 0, "bad")}, records,
	}
}

func proofOf(t Timeline) (p proofState) {
	checked, bad := 0, 0
	for _, c := range t.Chains {
		switch {
		case c.Checked && !c.OK():
			bad++
			p.Bad = append(p.Bad, c.Verification.String())
			fallthrough
		case c.Checked:
			checked++
		}
	}
	of := count(t.Records, "record", "records") + " in " + count(len(t.Chains), "stream", "streams") + " of the ledger"
	switch {
	case bad > 0:
		p.Class, p.Word, p.Text = "damaged", "Proof broken", count(bad, "stream is", "streams are")+" not as written; do not rely on what is marked"
	case len(t.Chains) == 0:
		p.Class, p.Word, p.Text = "open", "No records", "the ledger tells nothing about it"
	case checked < len(t.Chains):
		p.Class, p.Word, p.Text = "open", "Proof not checked", of+"; verify before relying on it"
	default:
		p.Class, p.Word, p.Text = "closed", "Proof intact", of+", chain of hashes verified"
	}
	return p
}

// extent is the time that the drawing covers.
func extent(t Timeline) (from, to time.Time) {
	earliest := func(at time.Time) {
		if !at.IsZero() && (from.IsZero() || at.Before(from)) {
			from = at
		}
		if at.After(to) {
			to = at
		}
	}
	lasts, before := false, false
	for _, e := range t.Entries {
		earliest(e.At)
	}
	for _, a := range t.Access {
		for _, s := range append(append([]Span{}, a.Held...), a.Reasons...) {
			earliest(s.From)
			earliest(s.Until)
			lasts, before = lasts || s.Lasts(), before || s.From.IsZero()
		}
	}
	if lasts && t.At.After(to) {
		to = t.At
	}
	if from.IsZero() {
		from, to = t.At, t.At
	}
	length := max(to.Sub(from), 10*time.Second)
	to = from.Add(length)
	if !lasts {
		to = to.Add(length / 50)
	}
	if before { // room for what began earlier
		from = from.Add(-length / 12)
	}
	return from, to
}

func laneOf(t Timeline, a Access, from, to time.Time, entry map[string]int, broken map[string]bool) lane {
	l := lane{Access: a, State: stateOf(a), entry: entry, broken: broken}
	for _, s := range a.Reasons {
		l.Rows = append(l.Rows, reasonRow{Span: s})
	}
	if len(l.Rows) == 0 { // then Okta's own times are all there is, and the reason that the change gave
		for _, s := range a.Held {
			l.Rows = append(l.Rows, reasonRow{s, true})
		}
	}
	at := func(moment time.Time, otherwise float64) float64 {
		if moment.IsZero() {
			return otherwise
		}
		return 100 * moment.Sub(from).Seconds() / to.Sub(from).Seconds()
	}
	add := func(s Span, y, h int, class string) {
		x, end := at(s.From, 0), at(s.Until, at(t.At, 100))
		if s.Lasts() {
			end = max(min(end, 100), x)
		}
		if s.From.IsZero() {
			class += " before"
		}
		l.Bars = append(l.Bars, bar{X: hundredth(x), W: hundredth(max(end-x, .5)), Y: y, H: h, Class: class, Why: spanWords(s)})
	}
	for _, s := range a.Held {
		add(s, 4, 11, "held")
	}
	for _, s := range a.Reasons {
		kind, _, _ := strings.Cut(s.Key, "/")
		add(s, 19, 5, "reason "+kind)
	}
	if t.Kind == OfPerson {
		l.Warn = gap(a)
	}
	return l
}

func hundredth(x float64) float64 { return float64(int(x*100+.5)) / 100 }

func spanWords(s Span) string {
	begin, end := "before the first record", "lasts"
	if !s.From.IsZero() {
		begin = minute(s.From)
	}
	if !s.Lasts() {
		end = minute(s.Until)
	}
	return begin + " – " + end + ": " + because(s.Why, "")
}

// Lasts reports whether the access is there at the end.
func (a Access) Lasts() bool {
	spans := a.Held
	if len(spans) == 0 {
		spans = a.Reasons
	}
	return slices.ContainsFunc(spans, Span.Lasts)
}

// stateOf says whether the access is there at the end.
func stateOf(a Access) string {
	spans, on, off := a.Held, "held", "taken away "
	if len(spans) == 0 {
		spans, on, off = a.Reasons, "given", "reason ended "
	}
	if a.Kind == Account {
		on, off = "can sign in", "closed "
	}
	if a.Lasts() {
		return on
	}
	var last time.Time
	for _, s := range spans {
		if s.Until.After(last) {
			last = s.Until
		}
	}
	return off + day(last)
}

// gap tells when Okta gave what no recorded reason asked for.
func gap(a Access) string {
	if a.Kind != Group && a.Kind != App || len(a.Held) == 0 {
		return ""
	}
	var ended time.Time
	for _, s := range a.Reasons {
		if s.Lasts() {
			return ""
		}
		if s.Until.After(ended) {
			ended = s.Until
		}
	}
	held := a.Held[len(a.Held)-1]
	switch {
	case held.From.IsZero():
		return ""
	case len(a.Reasons) == 0:
		return "no reason is recorded"
	case held.Lasts():
		return "held on after the last reason ended " + day(ended)
	case held.Until.Sub(ended) > lag:
		return fmt.Sprintf("taken away %s after the last reason ended", lasted(held.Until.Sub(ended)))
	}
	return ""
}

// Line is where the record of a proof stands among the entries; 0: nowhere.
func (l lane) Line(p Proof) int { return l.entry[p.Record] }

// Broken reports whether the chain of hashes does not prove the record.
func (l lane) Broken(p Proof) bool { return l.broken[p.Record] }
