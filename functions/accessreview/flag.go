package accessreview

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
)

// ledger is the part of *audit.Ledger that tells where access comes from.
type ledger interface {
	BySubject(ctx context.Context, subject string) iter.Seq2[audit.Record, error]
}

// judge decides what is to be flagged. It holds what is the same for everybody.
type judge struct {
	review   begun
	rules    *entitlement.Rules
	settings Settings
	ledger   ledger
	owners   owners
	pairs    []entitlement.Pair
	items    map[string]entitlement.Item // by kind/id
	names    map[string]string           // of groups by id
	// carriers are the groups that carry an app, by the app's id; an empty list
	// where Okta names none.
	carriers map[string][]string
}

// judge reads what is the same for everybody.
func (s *Steps) judge(ctx context.Context, r begun, all *stacks) (*judge, error) {
	rules, err := s.rules.of(ctx, s.store, r)
	if err != nil {
		return nil, err
	}
	j := &judge{
		review: r, rules: rules, settings: s.settings, ledger: s.ledger, pairs: rules.Pairs(),
		items: map[string]entitlement.Item{}, names: map[string]string{}, carriers: map[string][]string{},
	}
	if j.owners, err = s.store.owners(ctx, r.ID); err != nil {
		return nil, err
	}
	for _, i := range rules.Items() {
		if best, ok := rules.ItemFor(i.Entitlement.Kind, i.Entitlement.ID); ok {
			j.items[i.Entitlement.Kind+"/"+i.Entitlement.ID] = best
		}
	}
	for half := range 2 {
		err := whole(ctx, all, fmt.Sprintf("%s-%d", groupsPile, half), func(g listed) error { j.names[g.ID] = g.Name; return nil })
		if err != nil {
			return nil, err
		}
	}
	err = whole(ctx, all, carriersPile, func(c carrier) error {
		groups := j.carriers[c.App]
		if groups == nil {
			groups = []string{}
		}
		if c.Group != "" && !slices.Contains(groups, c.Group) {
			groups = append(groups, c.Group)
		}
		j.carriers[c.App] = groups
		return nil
	})
	for _, groups := range j.carriers {
		slices.Sort(groups)
	}
	return j, err
}

// judged is one person while being judged.
type judged struct {
	*judge
	*person

	birthright []entitlement.Grant
	protected  string // why, empty when the account is not
	roles      []held
	found      []report.Finding
	reviewers  map[string]report.Reviewer
	records    []audit.Record // of the person, read when they are first needed
	recorded   bool
}

// findings are those about one person, with who is to decide.
func (j *judge) findings(ctx context.Context, p *person) ([]report.Finding, map[string]report.Reviewer, error) {
	d := &judged{judge: j, person: p, reviewers: map[string]report.Reviewer{}}
	if p.account != nil {
		if !j.review.Scope.includes(p.account.Department) {
			return nil, nil, nil // nothing is said of them, not even that something is fixed
		}
		if err := d.all(ctx); err != nil {
			return nil, nil, err
		}
	}
	d.since()
	return d.found, d.reviewers, nil
}

// all applies every rule of the review.
func (d *judged) all(ctx context.Context) error {
	var groups []string
	for _, h := range d.held {
		switch h.Kind {
		case report.Group:
			groups = append(groups, h.ID)
		case report.Role:
			d.roles = append(d.roles, h)
		}
	}
	d.protected, _ = d.rules.Protected(d.id, groups)
	if d.former() {
		return d.leaver(ctx)
	}
	d.birthright = d.rules.Birthright(d.profile()).Grants
	d.orphan()
	d.dormant()
	d.adminRoles()
	for _, h := range d.held {
		if err := d.access(ctx, h); err != nil {
			return err
		}
	}
	if err := d.incompatible(ctx); err != nil {
		return err
	}
	return d.undelivered(ctx)
}

// since compares with the last review: what it found too has been open since
// then, and what it found and is no more is fixed.
func (d *judged) since() {
	before := map[string]report.Finding{}
	for _, f := range d.before {
		before[f.ID] = f
	}
	for i := range d.found {
		f := &d.found[i]
		f.Standing, f.Since = report.New, d.review.Began
		if earlier, known := before[f.ID]; known {
			f.Standing, f.Since = report.Open, earlier.Since
			delete(before, f.ID)
		}
	}
	for _, f := range d.before {
		if _, gone := before[f.ID]; !gone {
			continue
		}
		f.Standing, f.Decision = report.Fixed, report.Decision{}
		f.Evidence = append([]string{fmt.Sprintf("The review of %s found it; the review of %s does not.", date(f.Since), date(d.review.Began))}, f.Evidence...)
		d.found = append(d.found, f)
	}
}

// finding is what a rule has found, before it has its id, person and reviewer.
type finding struct {
	flag      report.Flag
	risk      report.Risk
	holding   report.Holding
	origin    report.Origin
	suggested report.Answer
	why       string
	evidence  []string
	// key tells findings about the same holding apart.
	key string
}

// add takes a finding in, unless the review is not about it.
func (d *judged) add(f finding) {
	scope := d.review.Scope
	aboutAccount := f.holding.Kind == report.Account || f.holding.Kind == report.Role
	if !scope.reaches(f.risk) || scope.named() && (aboutAccount || !scope.covers(f.holding.Kind, f.holding.ID, f.holding.Name)) {
		return
	}
	if d.protected != "" {
		f.evidence = append(f.evidence, "The account is protected: "+d.protected+". Nothing about it is changed before a person has said so.")
		f.suggested, f.why = report.None, "A protected account: look before anything is changed. "+f.why
	}
	if f.origin.Kind == "" {
		f.origin.Kind = "unknown"
	}
	reviewer := d.reviewer(f)
	d.reviewers[reviewer.ID] = reviewer
	d.found = append(d.found, report.Finding{
		ID: short(string(f.flag), d.id, f.holding.Kind, f.holding.ID, f.key), Flag: f.flag, Risk: f.risk,
		Person: d.shown(), Holding: f.holding, Origin: f.origin, Evidence: f.evidence, Suggested: f.suggested, Why: f.why, Reviewer: reviewer.ID,
	})
}

// shown is the person as a report shows them.
func (d *judged) shown() report.Person {
	p := report.Person{OktaID: d.id}
	if a := d.account; a != nil {
		p.Login, p.Name, p.Department, p.Title, p.Status, p.LastSignIn = a.Login, a.Name, a.Department, a.Title, string(a.Status), a.LastSignIn
	}
	if l := d.link; l != nil {
		p.ServiceNowID = l.Record
		if l.Manager != nil {
			p.Manager = l.Manager.UserName
		}
	}
	return p
}

// riskOf is how much harm an entitlement can do.
func (d *judged) riskOf(kind, id string) entitlement.Risk { return d.items[kind+"/"+id].Risk }

// holdingOf is a holding as a report shows it.
func (d *judged) holdingOf(h held) report.Holding {
	out := report.Holding{Kind: h.Kind, ID: h.ID, Name: h.Name, Risk: string(d.riskOf(h.Kind, h.ID))}
	if h.Scope == okta.ScopeGroup {
		out.Via = d.names[h.Via]
	}
	return out
}

func (d *judged) accountHolding() report.Holding {
	return report.Holding{Kind: report.Account, ID: d.id, Name: "Okta account"}
}

// entry is what the register says of an entitlement; known is false when it says
// nothing.
func (d *judged) entry(kind, id string) (r registered, known bool) {
	of := lease.Entitlement{Kind: kind, ID: id}
	i := slices.IndexFunc(d.registered, func(r registered) bool { return r.Held == of })
	if i < 0 {
		return r, false
	}
	return d.registered[i], true
}

// requestFor is the newest closed request for an entitlement.
func (d *judged) requestFor(kind, id string) (newest request, found bool) {
	if d.link == nil {
		return newest, false
	}
	for _, r := range d.link.Requests {
		item, ok := d.rules.Item(r.Item)
		if !ok || item.Entitlement.Kind != kind || item.Entitlement.ID != id {
			continue
		}
		if end := item.Longest; end > 0 && (r.Until.IsZero() || r.Until.After(r.Closed.Add(end))) && !r.Closed.IsZero() {
			r.Until = r.Closed.Add(end)
		}
		if !found || r.Closed.After(newest.Closed) {
			newest, found = r, true
		}
	}
	return newest, found
}

// date and moment are times as evidence names them.
func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// lives is when a request's time is over, in words.
func lives(until time.Time) string {
	if until.IsZero() {
		return "without end"
	}
	return "until " + date(until)
}

func quoted(s string) string { return "“" + strings.TrimSpace(s) + "”" }

// grace is how old something has to be to be held against anybody: what was
// given or taken within it may be under way.
const grace = time.Hour

// youngest is how old an account has to be to be missed in ServiceNow.
const youngest = 24 * time.Hour
