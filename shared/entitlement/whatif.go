package entitlement

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"iter"
	"math/bits"
	"slices"

	"lifecycle/shared/fault"
)

// Person is somebody whose access a change of rules may change.
type Person struct {
	// ID is the Okta user id.
	ID      string
	Profile Profile
	// Held are the ids of the groups and apps that the person has for another
	// reason than a birthright rule: an approved request, an exception, or a
	// group that nobody manages. A rule's end does not take these away.
	Held []string
}

// Change is what a change of rules does to one person.
type Change struct {
	ID string `json:"id"`
	// Gained and Lost are given and taken away; Released stay as they are, for
	// the candidate does not manage them any more.
	Gained   []Grant `json:"gained,omitempty"`
	Lost     []Grant `json:"lost,omitempty"`
	Released []Grant `json:"released,omitempty"`
	// Collisions are incompatible pairs that the candidate brings about, among
	// its grants or with what the person holds.
	Collisions []Pair `json:"collisions,omitempty"`
}

// Summary is what a change of rules does to all. Its size depends on the rules,
// not on the number of people.
type Summary struct {
	// Current and Candidate are the versions compared.
	Current   string `json:"current"`
	Candidate string `json:"candidate"`
	// People were looked at; Protected ones are left alone whatever the rules
	// say; Changed ones gain or lose something.
	People    int `json:"people"`
	Protected int `json:"protected"`
	Changed   int `json:"changed"`
	// Granted and Removed count grants over all people.
	Granted int `json:"granted"`
	Removed int `json:"removed"`
	// Losers are the people who lose something.
	Losers int `json:"losers"`
	// Gains, Losses and Releases tell by group and app how many people are
	// concerned.
	Gains    []Tally `json:"gains,omitempty"`
	Losses   []Tally `json:"losses,omitempty"`
	Releases []Tally `json:"releases,omitempty"`
	// Trials tell what the candidate's rules on trial would change besides, by
	// group and app.
	Trials []Tally `json:"trials,omitempty"`
	// Uncovered are the people to whom the candidate gives the baseline alone,
	// Gaps the reasons; MoreGaps is true when there are more than MostGaps.
	Uncovered Tally   `json:"uncovered"`
	Gaps      []Tally `json:"gaps,omitempty"`
	MoreGaps  bool    `json:"more_gaps,omitempty"`
	// Collisions tell by pair how many people would hold both.
	Collisions []Tally `json:"collisions,omitempty"`
	// Hash stands for the whole plan: both versions and every change of every
	// person, in whatever order the people came. A plan is stale when it is
	// computed again and the hash differs.
	Hash string `json:"hash"`
}

// Tally counts people.
type Tally struct {
	// What is counted, in words.
	What string `json:"what"`
	// Kind and ID are those of the group or app, empty for other things.
	Kind   string `json:"kind,omitempty"`
	ID     string `json:"id,omitempty"`
	People int    `json:"people"`
	// Sample are the first of the people's ids in order, at most SampleSize.
	Sample []string `json:"sample"`
}

// Limits of a summary.
const (
	SampleSize = 20
	MostGaps   = 500
)

// WhatIf tells what would happen if candidate took the place of current, without
// doing anything. People are read once, one at a time, and nothing is kept of
// them but counts and samples; visit, when not nil, is told each person's
// change, and may write it down. An error of the people or of visit ends it:
// there is no summary of half a company.
func WhatIf(current, candidate *Rules, people iter.Seq2[Person, error], visit func(Change) error) (Summary, error) {
	if current == nil || candidate == nil {
		return Summary{}, &fault.Invalid{Message: "a what-if needs the current rules and a candidate"}
	}
	s := newSurvey(current, candidate)
	for person, err := range people {
		if err != nil {
			return Summary{}, err
		}
		if person.ID == "" {
			return Summary{}, &fault.Invalid{Message: "a what-if needs everybody's Okta user id", Cause: errors.New("a person without an id")}
		}
		change, protected := s.look(person)
		if protected || visit == nil || change.empty() {
			continue
		}
		if err := visit(change); err != nil {
			return Summary{}, err
		}
	}
	return s.summary(), nil
}

// survey is a what-if under way.
type survey struct {
	current, candidate                                        *Rules
	out                                                       Summary
	gains, losses, releases, trials, gaps, collisions, barely tallies
	plan                                                      digest
}

func newSurvey(current, candidate *Rules) *survey {
	return &survey{
		current: current, candidate: candidate,
		out:   Summary{Current: current.version, Candidate: candidate.version},
		gains: tallies{}, losses: tallies{}, releases: tallies{}, trials: tallies{},
		gaps: tallies{}, collisions: tallies{}, barely: tallies{},
	}
}

// look decides about one person under both documents.
func (s *survey) look(p Person) (_ Change, protected bool) {
	s.out.People++
	_, before := s.current.Protected(p.ID, p.Held)
	_, after := s.candidate.Protected(p.ID, p.Held)
	if before || after {
		s.out.Protected++
		return Change{}, true
	}
	is := s.candidate.Birthright(p.Profile)
	was := s.current.Birthright(p.Profile)
	c := Change{ID: p.ID}
	d := between(was.Grants, is.Grants)
	other := func(g Grant) bool { return slices.Contains(p.Held, g.ID) }
	c.Gained = slices.DeleteFunc(d.Gained, other)
	for _, g := range slices.DeleteFunc(d.Lost, other) {
		if s.candidate.Managed(g.Kind, g.ID) {
			c.Lost = append(c.Lost, g)
		} else {
			c.Released = append(c.Released, g)
		}
	}
	c.Collisions = s.candidate.withHeld(is, p.Held)
	s.count(c, is)
	return c, false
}

// withHeld are the pairs among the decision's grants, and between these and what
// is held.
func (r *Rules) withHeld(d Decision, held []string) []Pair {
	out := slices.Clone(d.Collisions)
	for _, p := range r.pairs {
		a, b := r.entitlements[p.a], r.entitlements[p.b]
		givenA, givenB := has(d.Grants, a.ID), has(d.Grants, b.ID)
		if givenA == givenB {
			continue // counted already, or not ours
		}
		if givenA {
			a, b = b, a
		}
		if slices.Contains(held, a.ID) {
			out = append(out, Pair{Name: p.name, A: a, B: b, Reason: p.reason, Mode: p.mode})
		}
	}
	return out
}

func (s *survey) count(c Change, d Decision) {
	s.out.Granted += len(c.Gained)
	s.out.Removed += len(c.Lost)
	if len(c.Gained)+len(c.Lost) > 0 {
		s.out.Changed++
	}
	if len(c.Lost) > 0 {
		s.out.Losers++
	}
	s.gains.grants(c.Gained, c.ID)
	s.losses.grants(c.Lost, c.ID)
	s.releases.grants(c.Released, c.ID)
	for _, t := range d.Trials {
		what := "would get "
		if t.Loses {
			what = "would lose "
		}
		s.trials.count(Tally{What: what + t.Grant.Name, Kind: t.Grant.Kind, ID: t.Grant.ID}, c.ID)
	}
	for _, p := range c.Collisions {
		s.collisions.count(Tally{What: p.Name}, c.ID)
	}
	for _, gap := range d.Gaps {
		s.gaps.count(Tally{What: gap}, c.ID)
	}
	s.out.MoreGaps = s.gaps.trim(MostGaps) || s.out.MoreGaps
	if !d.Covered {
		s.barely.count(Tally{}, c.ID)
	}
	if !c.empty() {
		s.plan.add(c)
	}
}

func (s *survey) summary() Summary {
	out := s.out
	out.Gains, out.Losses, out.Releases = s.gains.sorted(), s.losses.sorted(), s.releases.sorted()
	out.Trials, out.Gaps, out.Collisions = s.trials.sorted(), s.gaps.sorted(), s.collisions.sorted()
	out.Uncovered = Tally{What: "the baseline alone", Sample: []string{}}
	if barely := s.barely.sorted(); len(barely) > 0 {
		out.Uncovered.People, out.Uncovered.Sample = barely[0].People, barely[0].Sample
	}
	out.Hash = s.plan.sum(out.Current, out.Candidate)
	return out
}

func (c Change) empty() bool {
	return len(c.Gained)+len(c.Lost)+len(c.Released)+len(c.Collisions) == 0
}

// tallies count by what is counted.
type tallies map[tallyKey]*Tally

type tallyKey struct{ what, kind, id string }

func (t tallies) grants(list []Grant, person string) {
	for _, g := range list {
		t.count(Tally{What: g.Name, Kind: g.Kind, ID: g.ID}, person)
	}
}

func (t tallies) count(what Tally, person string) {
	key := tallyKey{what.What, what.Kind, what.ID}
	one := t[key]
	if one == nil {
		one = &what
		t[key] = one
	}
	one.People++
	at, _ := slices.BinarySearch(one.Sample, person)
	if at == SampleSize {
		return
	}
	one.Sample = slices.Insert(one.Sample, at, person)
	one.Sample = one.Sample[:min(len(one.Sample), SampleSize)]
}

// trim drops what sorts last beyond most. What it drops cannot come back, since
// most others sort before it: the counts of the rest are exact.
func (t tallies) trim(most int) (dropped bool) {
	for len(t) > most {
		var last tallyKey
		for key := range t {
			if key.what > last.what {
				last = key
			}
		}
		delete(t, last)
		dropped = true
	}
	return dropped
}

// sorted lists the tallies, those with most people first.
func (t tallies) sorted() []Tally {
	var out []Tally
	for _, one := range t {
		out = append(out, *one)
	}
	slices.SortFunc(out, func(a, b Tally) int {
		return cmp.Or(cmp.Compare(b.People, a.People), cmp.Compare(a.What, b.What), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// digest sums up hashes modulo 2^256, so that order does not matter. (With
// exclusive or, two equal changes would cancel each other out.)
type digest [4]uint64

// add hashes a change. Every part is written with its length, so that no two
// changes look the same.
func (d *digest) add(c Change) {
	h := sha256.New()
	var size [8]byte
	write := func(parts ...string) {
		for _, s := range parts {
			binary.BigEndian.PutUint64(size[:], uint64(len(s)))
			h.Write(size[:])
			h.Write([]byte(s))
		}
	}
	write(c.ID)
	for i, list := range [][]Grant{c.Gained, c.Lost, c.Released} {
		for _, g := range list {
			write(string(rune('0'+i)), g.Kind, g.ID)
		}
	}
	for _, p := range c.Collisions {
		write("pair", p.Name)
	}
	var carry uint64
	sum := h.Sum(nil)
	for i := range d {
		d[i], carry = bits.Add64(d[i], binary.LittleEndian.Uint64(sum[8*i:]), carry)
	}
}

func (d *digest) sum(current, candidate string) string {
	h := sha256.New()
	h.Write([]byte(current + "\n" + candidate + "\n"))
	for _, word := range d {
		h.Write(binary.LittleEndian.AppendUint64(nil, word))
	}
	return hex.EncodeToString(h.Sum(nil))
}
