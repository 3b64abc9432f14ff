package detect

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/expr-lang/expr/vm"

	"lifecycle/shared/okta"
	"lifecycle/shared/platform"
)

// Detector holds events against rules. It is safe for concurrent use.
type Detector struct {
	cells   cells
	metrics *platform.Metrics
}

// New returns a detector that remembers what it has to in the table: keys pk and
// sk (S), TTL attribute expires.
func New(client *dynamodb.Client, table string, metrics *platform.Metrics) *Detector {
	return &Detector{cells: cells{client, table}, metrics: metrics}
}

// Finding is what a rule found.
type Finding struct {
	Rule     *Rule
	Severity Severity
	// Key says which findings belong to one incident.
	Key Key
	// Sightings are the events that make it up, oldest first.
	Sightings []Sighting
}

// Key is what correlates findings: those with the same belong to one incident.
type Key struct {
	// As is the name, ID stands for it and the values that it goes by.
	As string `json:"a"`
	ID string `json:"i"`
}

func keyBy(as string, by ...string) Key { return Key{as, digest(fmt.Sprintf("%q%q", as, by))} }

// batch is one call of Detect.
type batch struct {
	rules   *Rules
	machine vm.VM
	now     time.Time
	metrics *platform.Metrics

	cells    map[string]*cell
	findings []Finding
}

// Detect finds what the rules say of the events. They may come in any order and
// more than once; of a threshold that they pass together with earlier ones, those
// are told as well.
func (d *Detector) Detect(ctx context.Context, rules *Rules, events []okta.LogEvent) ([]Finding, error) {
	b := &batch{rules: rules, now: time.Now(), metrics: d.metrics, cells: map[string]*cell{}}
	for _, e := range events {
		if err := b.consider(ctx, e); err != nil {
			return nil, err
		}
	}
	if err := b.remember(ctx, d.cells); err != nil {
		return nil, err
	}
	for _, r := range rules.rules {
		b.conclude(r)
	}
	return b.findings, nil
}

// consider holds one event against every rule.
func (b *batch) consider(ctx context.Context, e okta.LogEvent) error {
	var env *environment
	for _, r := range b.rules.rules {
		if !r.takes(e) {
			continue
		}
		if env == nil {
			made := newEnvironment(e)
			env = &made
		}
		env.User = env.about(r.subject)
		holds, err := r.when.holds(&b.machine, env)
		if err != nil {
			// Load leaves nothing that can fail; should it all the same, the other
			// rules still have their say.
			b.broken(ctx, r, err)
			continue
		}
		if !holds || b.suppressed(ctx, r, env) {
			continue
		}
		if err := b.matched(r, env); err != nil {
			b.broken(ctx, r, err)
		}
	}
	return ctx.Err()
}

func (b *batch) broken(ctx context.Context, r *Rule, err error) {
	platform.Logger(ctx).ErrorContext(ctx, "a rule could not be evaluated", "rule", r.ID, "error", err.Error())
	b.metrics.Count("RuleFailed", 1, "Rule", r.ID)
}

// suppressed reports whether somebody has said that the event is none.
func (b *batch) suppressed(ctx context.Context, r *Rule, env *environment) bool {
	for _, s := range b.rules.suppressions {
		if !b.now.Before(s.expires) || len(s.rules) > 0 && !slices.Contains(s.rules, r.ID) {
			continue
		}
		if holds, err := s.when.holds(&b.machine, env); err == nil && holds {
			platform.Logger(ctx).InfoContext(ctx, "an event was suppressed", "rule", r.ID, "suppression", s.id, "event", env.UUID)
			b.metrics.Count("EventSuppressed", 1, "Suppression", s.id)
			return true
		}
	}
	return false
}

// matched files an event under a rule.
func (b *batch) matched(r *Rule, env *environment) error {
	seen := sightingOf(env)
	seen.Severity = r.severity
	for _, raise := range r.raise {
		if holds, err := raise.when.holds(&b.machine, env); err != nil {
			return err
		} else if holds {
			seen.Severity = raise.to
		}
	}
	var err error
	if seen.Key, err = b.keyOf(r, env); err != nil {
		return err
	}
	switch {
	case r.counting != nil:
		return b.counted(r, env, seen)
	case r.travel != nil:
		if seen.Lat != 0 || seen.Lon != 0 { // nobody signs in from the Gulf of Guinea
			b.file(b.cell("travel", r, seen.Who, 20, r.travel.within), seen)
		}
		return nil
	case r.after != nil:
		by, err := r.after.by.text(&b.machine, env)
		b.file(b.cell("then", r, by, mostSightings, r.after.within), seen)
		return err
	}
	b.together(r, []Sighting{seen})
	for _, f := range b.rules.followers[r.ID] {
		by, err := f.after.by.text(&b.machine, env)
		if err != nil {
			return err
		}
		b.file(b.cell("first", f, by, mostPassed, f.after.within), seen)
	}
	return nil
}

func (b *batch) counted(r *Rule, env *environment, seen Sighting) (err error) {
	if of := r.counting.of; of != nil {
		value, err := of.text(&b.machine, env)
		if err != nil || value == "" {
			return err
		}
		seen.Value = digest(value)
	}
	per, err := r.counting.per.text(&b.machine, env)
	b.file(b.cell("count", r, per, min(mostSightings, max(20, 3*r.counting.count)), r.reach(b.rules)), seen)
	return err
}

// file puts an event into the window that it belongs to.
func (b *batch) file(c *cell, seen Sighting) {
	if c != nil {
		c.fresh = append(c.fresh, seen)
	}
}

// cell is the batch's window of a rule for a key; what has no key belongs to none.
func (b *batch) cell(part string, r *Rule, by string, keep int, reach time.Duration) *cell {
	if by == "" {
		return nil
	}
	pk := place(part, r, by)
	if b.cells[pk] == nil {
		b.cells[pk] = &cell{pk: pk, rule: r, part: part, by: by, keep: keep, reach: reach}
	}
	return b.cells[pk]
}

// reach is how far back a rule's window has to go: for those that come after it,
// too.
func (r *Rule) reach(rules *Rules) time.Duration {
	reach := r.counting.within
	for _, f := range rules.followers[r.ID] {
		reach = max(reach, f.after.within)
	}
	return reach
}

// keyOf says what an event correlates with.
func (b *batch) keyOf(r *Rule, env *environment) (Key, error) {
	var values []string
	for _, by := range r.correlate.by {
		value, err := by.text(&b.machine, env)
		if err != nil {
			return Key{}, err
		}
		values = append(values, value)
	}
	switch who := env.User.key(); {
	case len(values) > 0 || r.subject == nobody:
		return keyBy(r.correlate.as, values...), nil
	case who == "": // it is about nobody that is known
		return keyBy(r.ID, env.Address), nil
	default:
		return keyBy(r.correlate.as, who), nil
	}
}

// remember brings the windows up to date. Those of both sides of a sequence are
// read after the own side was written: of two that see one side each, at the same
// time, at least one sees both.
func (b *batch) remember(ctx context.Context, store cells) error {
	own := slices.Collect(maps.Values(b.cells))
	err := store.merge(ctx, own, func(c *cell) []int64 {
		switch c.part {
		case "count":
			_, passed := c.rule.counting.crowds(c.full, nil)
			return passed
		case "first":
			return moments(c.full)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var others []*cell
	partner := func(part string, r *Rule, by string) {
		if pk := place(part, r, by); b.cells[pk] == nil {
			c := b.cell(part, r, by, 0, 0)
			others = append(others, c)
		}
	}
	for _, c := range own {
		switch {
		case c.part == "then" && c.rule.after.rule.counting != nil:
			partner("count", c.rule.after.rule, c.by)
		case c.part == "then":
			partner("first", c.rule, c.by)
		case c.part == "first":
			partner("then", c.rule, c.by)
		case c.part == "count":
			for _, f := range b.rules.followers[c.rule.ID] {
				partner("then", f, c.by)
			}
		}
	}
	if err := store.read(ctx, others); err != nil {
		return err
	}
	for _, c := range others {
		c.full = c.Sightings
	}
	return nil
}

func moments(all []Sighting) []int64 {
	list := make([]int64, len(all))
	for i, s := range all {
		list[i] = s.At
	}
	return list
}
