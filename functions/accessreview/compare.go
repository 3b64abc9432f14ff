package accessreview

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
)

// share is one of the parts of the people that are compared side by side:
// $.share. It goes through every shareCount-th partition.
type share struct {
	Number int  `json:"number"`
	Part   int  `json:"part"`
	Done   bool `json:"done"`
}

// longestStep is after how long a step lets the next one go on.
const longestStep = 2 * time.Minute

// ComparePeople compares the people of the next parts, one part at a time. A part
// that is done stays done.
func (s *Steps) ComparePeople(ctx context.Context, st state) (share, error) {
	at := st.Share
	if at.Part == 0 {
		at.Part = at.Number
	}
	all, err := s.store.stacks(ctx, st.Review.ID)
	if err != nil {
		return share{}, err
	}
	judge, err := s.judge(ctx, st.Review, all)
	if err != nil {
		return share{}, err
	}
	for began := time.Now(); at.Part < partitions; at.Part += shareCount {
		if time.Since(began) > longestStep {
			return at, nil
		}
		if err := s.comparePart(ctx, st.Review, all, judge, at.Part); err != nil {
			return share{}, err
		}
	}
	at.Done = true
	return at, nil
}

// person is everything that is known of somebody.
type person struct {
	id      string
	account *account
	link    *link
	held    []held
	// registered are the register's entries, ended ones included.
	registered []registered
	// before are the findings of the last review that were not fixed then.
	before []report.Finding
}

// people are those of one part, by Okta user id.
type people map[string]*person

func (p people) of(id string) *person {
	if p[id] == nil {
		p[id] = &person{id: id}
	}
	return p[id]
}

// load reads one part of the people.
func (s *Steps) load(ctx context.Context, r begun, all *stacks, n int) (people, error) {
	crowd := people{}
	steps := []func() error{
		func() error {
			return part(ctx, all, accountsPile, n, func(a account) error {
				// The list is read page by page while people change: the later one counts.
				crowd.of(a.ID).account = &a
				return nil
			})
		},
		func() error {
			return part(ctx, all, heldPile, n, func(h held) error {
				p := crowd.of(h.User)
				p.held = append(p.held, h)
				return nil
			})
		},
		func() error {
			return part(ctx, all, linksPile, n, func(l link) error { crowd.of(l.Account).link = &l; return nil })
		},
		func() error {
			return part(ctx, all, leasesPile, n, func(l registered) error {
				p := crowd.of(l.User)
				p.registered = append(p.registered, l)
				return nil
			})
		},
		func() error {
			return s.store.findingsBefore(ctx, r, n, func(f report.Finding) { p := crowd.of(f.Person.OktaID); p.before = append(p.before, f) })
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return crowd, nil
}

// tidy puts what somebody holds into an order that does not depend on how it was
// read, each once.
func (p *person) tidy() {
	slices.SortFunc(p.held, func(a, b held) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID), strings.Compare(a.Scope, b.Scope), strings.Compare(a.Via, b.Via))
	})
	p.held = slices.CompactFunc(p.held, func(a, b held) bool { return a.Kind == b.Kind && a.ID == b.ID })
	slices.SortFunc(p.registered, func(a, b registered) int { return strings.Compare(a.Held.String(), b.Held.String()) })
}

// holds is what somebody holds of an entitlement.
func (p *person) holds(kind, id string) (held, bool) {
	i := slices.IndexFunc(p.held, func(h held) bool { return h.Kind == kind && h.ID == id })
	if i < 0 {
		return held{}, false
	}
	return p.held[i], true
}

// former reports whether the account is deactivated or about to be.
func (p *person) former() bool {
	return p.account != nil && (p.account.Status == okta.Deprovisioned || p.account.Leaving)
}

func (p *person) profile() entitlement.Profile {
	a := p.account
	return entitlement.Profile{Department: a.Department, Title: a.Title, Location: a.Location, EmployeeType: a.EmployeeType, Manager: a.Manager}
}

// parted are the figures of one part, kept beside its findings.
type parted struct {
	Flags     map[report.Flag]int        `json:"flags"`
	Risks     map[report.Risk]int        `json:"risks"`
	Standings map[report.Standing]int    `json:"standings"`
	Reviewers map[string]report.Reviewer `json:"reviewers"`
	Findings  int                        `json:"findings"`
	Bytes     int                        `json:"bytes"`
}

func partKey(review string, n int) key { return key{"review#" + review, fmt.Sprintf("part#%02d", n)} }

func partFindingsKey(review string, n int) string {
	return fmt.Sprintf("reviews/%s/findings/%02d.ndjson.gz", review, n)
}

func partFiguresKey(review string, n int) string {
	return fmt.Sprintf("reviews/%s/findings/%02d.json", review, n)
}

// comparePart finds what is to be found in one part, and keeps it in the order
// in which the findings of all parts are put together.
func (s *Steps) comparePart(ctx context.Context, r begun, all *stacks, j *judge, n int) error {
	done, err := s.store.table.get(ctx, partKey(r.ID, n))
	if err != nil || len(done) > 0 {
		return err
	}
	crowd, err := s.load(ctx, r, all, n)
	if err != nil {
		return err
	}
	figures := parted{Flags: map[report.Flag]int{}, Risks: map[report.Risk]int{}, Standings: map[report.Standing]int{}, Reviewers: map[string]report.Reviewer{}}
	var found []report.Finding
	for _, id := range slices.Sorted(maps.Keys(crowd)) {
		p := crowd[id]
		p.tidy()
		mine, reviewers, err := j.findings(ctx, p)
		if err != nil {
			return err
		}
		for _, f := range mine {
			figures.count(f, reviewers[f.Reviewer])
		}
		found = append(found, mine...)
		delete(crowd, id)
	}
	slices.SortFunc(found, order)
	return s.keepPart(ctx, r, n, found, figures)
}

func (p *parted) count(f report.Finding, by report.Reviewer) {
	p.Findings++
	p.Standings[f.Standing]++
	if f.Standing == report.Fixed {
		return
	}
	p.Flags[f.Flag]++
	p.Risks[f.Risk]++
	known := p.Reviewers[f.Reviewer]
	by.Count += known.Count + 1
	p.Reviewers[f.Reviewer] = by
}

func (s *Steps) keepPart(ctx context.Context, r begun, n int, found []report.Finding, figures parted) error {
	var plain, packed bytes.Buffer
	for _, f := range found {
		line, err := json.Marshal(f)
		if err != nil {
			return &fault.Invalid{Message: "a finding cannot be written", Cause: err}
		}
		plain.Write(append(line, '\n'))
	}
	figures.Bytes = plain.Len()
	if plain.Len() > 0 {
		if err := squeeze(&packed, plain.Bytes()); err != nil {
			return &fault.Invalid{Message: "the findings of a part cannot be packed", Cause: err}
		}
		if err := s.store.write(ctx, partFindingsKey(r.ID, n), "application/gzip", packed.Bytes()); err != nil {
			return err
		}
	}
	content, err := json.Marshal(figures)
	if err != nil {
		return &fault.Invalid{Message: "the figures of a part cannot be written", Cause: err}
	}
	if err := s.store.write(ctx, partFiguresKey(r.ID, n), "application/json", content); err != nil {
		return err
	}
	return s.store.table.put(ctx, partKey(r.ID, n), item{})
}

// findingsBefore reads what the last review found in a part and was not fixed
// then.
func (s *Store) findingsBefore(ctx context.Context, r begun, n int, do func(report.Finding)) error {
	if r.Previous == "" {
		return nil
	}
	content, err := s.read(ctx, partFindingsKey(r.Previous, n))
	if fault.Is[*fault.NotFound](err) { // nothing was found there
		return nil
	}
	if err != nil {
		return err
	}
	return unpack(bytes.NewReader(content), s.place(partFindingsKey(r.Previous, n)), func(f report.Finding) error {
		if f.Standing != report.Fixed {
			do(f)
		}
		return nil
	})
}

// order is the order of the findings: the open ones, riskiest first; then those
// that are no more.
func order(a, b report.Finding) int {
	return cmp.Or(
		cmp.Compare(fixedLast(a), fixedLast(b)),
		cmp.Compare(slices.Index(risks, a.Risk), slices.Index(risks, b.Risk)),
		cmp.Compare(slices.Index(flags, a.Flag), slices.Index(flags, b.Flag)),
		strings.Compare(a.Person.Login, b.Person.Login),
		strings.Compare(a.Holding.Name, b.Holding.Name),
		strings.Compare(a.ID, b.ID),
	)
}

func fixedLast(f report.Finding) int {
	if f.Standing == report.Fixed {
		return 1
	}
	return 0
}

// flags in the order in which they are told among findings of the same risk.
var flags = []report.Flag{
	report.Leaver, report.Orphan, report.Unapproved, report.Incompatible, report.AdminRole, report.Overdue, report.Dormant,
	report.DirectAssignment, report.NotDelivered,
}
