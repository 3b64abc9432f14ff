package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
)

// drawing is a timeline in the making.
type drawing struct {
	line     Timeline
	names    func(ref string) string
	verified map[string]audit.Verification
	chains   map[string]int // where a stream stands in line.Chains
	access   map[string]*Access
	order    []*Access
	intents  map[string]audit.Record // by record, until their outcome is met
	known    map[string]string       // names that the records themselves tell, by target
	last     map[string]audit.Record // the latest record of each stream
}

func draw(kind, of string, records iter.Seq2[audit.Record, error], options []Option) (Timeline, error) {
	d := &drawing{
		line: Timeline{Kind: kind, Of: of, At: time.Now().UTC()}, names: func(string) string { return "" },
		verified: map[string]audit.Verification{}, chains: map[string]int{}, access: map[string]*Access{},
		intents: map[string]audit.Record{}, known: map[string]string{}, last: map[string]audit.Record{},
	}
	for _, option := range options {
		option(d)
	}
	for r, err := range records {
		if err != nil {
			return Timeline{}, err
		}
		d.take(r)
	}
	for _, r := range d.intents {
		d.enter(r, audit.Record{})
	}
	d.finish()
	return d.line, nil
}

// take takes the next record in.
func (d *drawing) take(r audit.Record) {
	d.line.Records++
	d.link(r)
	d.learn(r.Before)
	d.learn(r.After)
	if r.Phase == audit.Intent {
		d.intents[recordRef(r)] = r
		return
	}
	begun := d.intents[fmt.Sprintf("%s/%d", r.Stream, r.Intent)]
	delete(d.intents, recordRef(begun))
	if r.Phase == audit.Done || r.Phase == audit.Fact {
		d.weigh(r)
	}
	d.enter(r, begun)
}

// link counts the record to its chain, and sees that it names the record before it where both
// are here.
func (d *drawing) link(r audit.Record) {
	i, found := d.chains[r.Stream]
	if !found {
		v, checked := d.verified[r.Stream]
		i = len(d.line.Chains)
		d.chains[r.Stream] = i
		d.line.Chains = append(d.line.Chains, Chain{Stream: r.Stream, Checked: checked, Verification: v})
	}
	c := &d.line.Chains[i]
	c.Records++
	before := d.last[r.Stream]
	d.last[r.Stream] = r
	if before.Seq != 0 && before.Seq+1 == r.Seq && before.Hash != r.Previous && c.Verification.OK() {
		c.Checked = true
		c.Verification = audit.Verification{Stream: r.Stream, Bad: r.Seq, Problem: "it does not name the record before it"}
	}
}

// weigh sees what a record says about access.
func (d *drawing) weigh(r audit.Record) {
	switch r.Verb {
	case "lease.grant":
		d.granted(r)
	case "lease.end":
		var l lease.Lease
		decode(r.Before, &l)
		d.ended(r, l)
	case lease.EndedAll:
		var all []lease.Lease
		decode(r.Before, &all)
		for _, l := range all {
			d.ended(r, l)
		}
	case "approval.decision":
		d.decided(r)
	case "account.snapshot":
		d.seen(r)
	case "group.add", "app.assign", "admin_role.assign", "user.activate", "user.reactivate", "user.unsuspend":
		given(d.of(r), r)
	case "group.remove", "app.unassign", "admin_role.remove", "user.deactivate", "user.suspend":
		taken(d.of(r), r)
	}
	if r.Verb == "user.deactivate" {
		d.closed(r)
	}
}

// of finds the access that a record is about.
func (d *drawing) of(r audit.Record) *Access {
	key := r.Subject + " " + r.Target
	if a := d.access[key]; a != nil {
		return a
	}
	kind, id, _ := strings.Cut(r.Target, "/")
	if kind == "user" {
		kind = Account
	}
	a := &Access{Person: r.Subject, Kind: kind, ID: id}
	d.access[key] = a
	d.order = append(d.order, a)
	return a
}

func (d *drawing) granted(r audit.Record) {
	var l lease.Lease
	decode(r.After, &l)
	if l.Name != "" {
		d.known[r.Target] = l.Name
	}
	a := d.of(r)
	if s := lasting(a.Reasons, r.Key); s != nil { // renewed: from now on for this reason
		s.Until, s.Taken, s.TakenWhy = r.At, proof(r), audit.Reason{Kind: "renewed", Ref: l.Ticket}
	}
	a.Reasons = append(a.Reasons, d.reason(l, r.Key, r.At, proof(r), r.Reason))
}

func (d *drawing) ended(r audit.Record, l lease.Lease) {
	key := cmp.Or(l.Key, r.Key)
	if l.Name != "" {
		d.known[r.Target] = l.Name
	}
	a := d.of(r)
	s := lasting(a.Reasons, key)
	if s == nil {
		a.Reasons = append(a.Reasons, d.reason(l, key, l.Since, Proof{}, l.Reason))
		s = &a.Reasons[len(a.Reasons)-1]
	}
	s.Until, s.Taken, s.TakenWhy = r.At, proof(r), r.Reason
}

func (d *drawing) reason(l lease.Lease, key string, from time.Time, given Proof, why audit.Reason) Span {
	s := Span{From: from, Ends: l.Until, Key: key, Why: why, Ticket: l.Ticket, Given: given}
	for _, by := range l.ApprovedBy {
		s.ApprovedBy = append(s.ApprovedBy, cmp.Or(d.names("sys_user/"+by), by))
	}
	return s
}

func (d *drawing) decided(r audit.Record) {
	after, _ := r.After.(map[string]any)
	by, _ := after["approver"].(string)
	verdict, _ := after["state"].(string)
	d.line.Approvals = append(d.line.Approvals, Approval{
		By: cmp.Or(d.names("sys_user/"+by), by), Verdict: verdict, Ticket: r.Ticket, Why: r.Reason, Proof: proof(r),
	})
}

// given begins a time in which Okta gave the access; a step that ran again changes nothing.
func given(a *Access, r audit.Record) {
	if lasting(a.Held, "") == nil {
		a.Held = append(a.Held, Span{From: r.At, Why: r.Reason, Ticket: r.Ticket, Given: proof(r)})
	}
}

func taken(a *Access, r audit.Record) {
	s := lasting(a.Held, "")
	if s == nil {
		if len(a.Held) > 0 { // taken away before: a step that ran again
			return
		}
		a.Held = append(a.Held, Span{})
		s = &a.Held[0]
	}
	s.Until, s.Taken, s.TakenWhy = r.At, proof(r), r.Reason
}

// lasting finds the span under that key that nobody ended.
func lasting(spans []Span, key string) *Span {
	for i := range spans {
		if spans[i].Key == key && spans[i].Lasts() {
			return &spans[i]
		}
	}
	return nil
}

// enter adds an outcome, or an intent without one, to the entries.
func (d *drawing) enter(r, begun audit.Record) {
	e := Entry{
		At: r.At, Phase: r.Phase, Verb: r.Verb, Target: r.Target, System: r.System, Person: r.Subject, Why: r.Reason,
		Ticket: r.Ticket, Step: r.Step, Proof: proof(r), Before: asJSON(r.Before), After: asJSON(r.After), Error: r.Error,
		Uncertain: r.Uncertain, RequestID: r.RequestID, Chain: d.chains[r.Stream],
	}
	if begun.Seq != 0 {
		e.Intent = proof(begun)
	}
	d.line.Entries = append(d.line.Entries, e)
}

// finish puts names to everything, now that all are known, and intents without an outcome where
// they belong.
func (d *drawing) finish() {
	t := &d.line
	switch {
	case t.Name != "":
	case t.Kind == OfPerson:
		t.Name = d.names("user/" + t.Of)
	default:
		t.Name = d.names("ticket/" + t.Of)
	}
	for _, a := range d.order {
		a.Name, a.PersonName = d.name(a.Kind+"/"+a.ID), d.names("user/"+a.Person)
		if a.Kind == Account {
			a.Name = "Okta account"
		}
		t.Access = append(t.Access, *a)
	}
	slices.SortStableFunc(t.Entries, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Proof.Stream, b.Proof.Stream), cmp.Compare(a.Proof.Seq, b.Proof.Seq))
	})
	for i := range t.Entries {
		e := &t.Entries[i]
		e.PersonName = d.names("user/" + e.Person)
		e.What = said(*e, d.name(e.Target))
	}
}

// name is the words for a target: from outside, from the records, or the id.
func (d *drawing) name(target string) string {
	_, id, _ := strings.Cut(target, "/")
	return cmp.Or(d.names(target), d.known[target], d.known[id], id)
}

func recordRef(r audit.Record) string { return fmt.Sprintf("%s/%d", r.Stream, r.Seq) }

func proof(r audit.Record) Proof {
	return Proof{Record: recordRef(r), Stream: r.Stream, Seq: r.Seq, Hash: r.Hash, Actor: r.Actor, At: r.At}
}

// decode reads a value of the ledger, as written or as read back; what does not fit is left
// empty, for the record itself is shown as well.
func decode(value, into any) {
	raw, err := json.Marshal(value)
	if err == nil {
		_ = json.Unmarshal(raw, into)
	}
}

func asJSON(value any) string {
	if value == nil {
		return ""
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
