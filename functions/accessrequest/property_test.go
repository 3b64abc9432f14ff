package accessrequest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
	"lifecycle/shared/workflow"
)

// The groups and apps of the property test: some that the rules may name, some
// that they never do.
var (
	manageable = []string{"Sales", "Finance", "Legal", "GitHub Engineers", "AWS Developers", "Zendesk Agents", "PagerDuty Responders"}
	apps       = []string{seed.AppJira, seed.AppPagerDuty} // PagerDuty last
	unmanaged  = []string{"Managers", "Workday Partners"}
	titles     = []string{"Clerk", "Builder", "Lead"}
)

// ruleset is what a generated document gives, in its simplest form: who has the
// title has these.
type ruleset map[string][]lease.Entitlement

// document is the same as a rules document.
func (r ruleset) document(t interface{ Fatal(...any) }, version int) *entitlement.Rules {
	doc := map[string]any{"version": fmt.Sprint(version), "groups": map[string]string{}, "apps": map[string]string{}, "roles": map[string]any{}}
	rows := make([]any, 0, len(r))
	for _, title := range slices.Sorted(maps.Keys(r)) {
		role := map[string][]string{"groups": {}, "apps": {}}
		for _, e := range r[title] {
			name := nameOf(e)
			doc[e.Kind+"s"].(map[string]string)[name] = e.ID
			role[e.Kind+"s"] = append(role[e.Kind+"s"], name)
		}
		doc["roles"].(map[string]any)["role "+title] = map[string]any{"description": "d", "groups": role["groups"], "apps": role["apps"]}
		rows = append(rows, map[string]any{"title": title, "gives": []string{"role " + title}})
	}
	doc["baseline"] = map[string]any{"employeeType": map[string]any{"employee": []string{}}}
	doc["tables"] = []any{map[string]any{"name": "job", "columns": []string{"title"}, "complete": true, "rows": rows}}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := entitlement.Load(text)
	if err != nil {
		t.Fatal(err, string(text))
	}
	return rules
}

func nameOf(e lease.Entitlement) string {
	for _, name := range slices.Concat(manageable, unmanaged) {
		if seed.GroupID(name) == e.ID {
			return name
		}
	}
	for _, label := range apps {
		if seed.AppID(label) == e.ID {
			return label
		}
	}
	return e.ID
}

// everything can be requested; rules give it except PagerDuty, which is an app
// that a group of the rules gives too.
func everything() []lease.Entitlement {
	all := make([]lease.Entitlement, 0, len(manageable)+len(apps))
	for _, name := range manageable {
		all = append(all, lease.Entitlement{Kind: "group", ID: seed.GroupID(name)})
	}
	for _, label := range apps {
		all = append(all, lease.Entitlement{Kind: "app", ID: seed.AppID(label)})
	}
	return all
}

func drawRules(t *rapid.T, name string) ruleset {
	r := ruleset{}
	for _, title := range titles {
		all := everything()
		picked := rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-2), 1, 4, rapid.ID).Draw(t, name+" gives "+title)
		slices.Sort(picked)
		for _, i := range picked {
			r[title] = append(r[title], all[i])
		}
	}
	return r
}

// move is one thing that happens to a person's access.
type move struct {
	Kind  string
	Title string
	Rules int
	What  int
	For   time.Duration
	Pause time.Duration
	Cut   int
}

var kinds = []string{"mover", "new rules", "request", "request", "time", "sweep", "sweep cut off", "leaver"}

func drawMoves(t *rapid.T) []move {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) move {
		return move{
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Title: rapid.SampledFrom(titles).Draw(t, "title"),
			Rules: rapid.IntRange(0, 2).Draw(t, "rules"), What: rapid.IntRange(0, len(everything())-1).Draw(t, "what"),
			For:   time.Duration(rapid.SampledFrom([]int{0, 1, 5, 48}).Draw(t, "hours")) * time.Hour,
			Pause: time.Duration(rapid.IntRange(0, 30).Draw(t, "pause")) * time.Hour,
			Cut:   rapid.IntRange(1, 12).Draw(t, "cut"),
		}
	}), 1, 14).Draw(t, "moves")
}

// TestAccess lets a person change job, the rules change, requests be granted for
// a time, time pass and sweeps run and die, in random order. Then the person
// holds exactly what the present rules and the requests that are valid give, and
// what no rule and no request manages is as it was.
func TestAccess(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		rules := []ruleset{drawRules(rt, "first"), drawRules(rt, "second"), drawRules(rt, "third")}
		moves := drawMoves(rt)
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t)
			for i, m := range moves {
				b.move(i, m, rules)
			}
			b.ends()
			b.check(moves)
		})
	})
}

// access is one person's access with everything that changes it, and a model of
// what it has to be.
type access struct {
	t     *testing.T
	ctx   context.Context //nolint:containedctx // the bench lives as long as its test
	sim   *oktasim.Sim
	steps *Steps
	cut   int // outgoing calls until the next is cut off; 0: none is

	person string
	before []string
	title  string
	gives  ruleset
	loaded *entitlement.Rules
	valid  map[string]grantedUntil // by key
	left   bool
}

type grantedUntil struct {
	e     lease.Entitlement
	until time.Time
}

func newBench(t *testing.T) *access {
	t.Helper()
	b := &access{t: t, sim: oktasim.New(oktasim.Options{URL: "https://okta.example"}), valid: map[string]grantedUntil{}, gives: ruleset{}}
	b.ctx = audit.WithTrail(t.Context(), audit.Trail{Stream: "incident/1", Ticket: "INC1", Actor: "system:test"})
	db := dynamo.New()
	for _, s := range []dynamo.Spec{
		{Name: "ledger", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{{Name: "subject", Hash: "subject", Range: "at_seq"}}},
		{Name: "leases", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{{Name: "due", Hash: "due_list", Range: "due"}, {Name: "entitlement", Hash: "sk", Range: "pk"}}},
	} {
		if err := db.CreateTable(b.ctx, s); err != nil {
			t.Fatal(err)
		}
	}
	ledger := audit.New(db.Client(), "ledger")
	client, err := okta.New(b.ctx, okta.Options{
		URL: "https://okta.example", Credentials: `{"token":"` + oktasim.DefaultToken + `"}`, Transport: b, Ledger: ledger,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.steps = &Steps{okta: client, ledger: ledger, leases: lease.New(db.Client(), "leases", ledger), settings: Settings{Warning: 24 * time.Hour}}
	if b.person, err = b.sim.CreateUser(map[string]any{"login": "p@example.com", "email": "p@example.com", "firstName": "P", "lastName": "Q"}, "ACTIVE"); err != nil {
		t.Fatal(err)
	}
	for _, name := range unmanaged[:1] {
		if err := b.sim.AddMember(seed.GroupID(name), b.person); err != nil {
			t.Fatal(err)
		}
	}
	b.before = b.holds(false)
	return b
}

// RoundTrip is the wire to Okta, which may be cut.
func (b *access) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.cut > 0 {
		if b.cut--; b.cut == 0 {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return b.sim.Transport().RoundTrip(r)
}

func (b *access) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *access) move(i int, m move, rules []ruleset) {
	why := audit.Reason{Kind: "test", Ref: fmt.Sprint(i)}
	switch m.Kind {
	case "mover":
		if !b.left {
			b.title = m.Title
			b.birthright(why)
		}
	case "new rules":
		b.gives = rules[m.Rules]
		b.loaded = b.gives.document(b.t, i)
		if !b.left && b.title != "" {
			b.birthright(why)
		}
	case "request":
		if b.left {
			return
		}
		e, key := everything()[m.What], lease.RequestKey(fmt.Sprintf("RITM%d", i))
		l := lease.Lease{Subject: b.person, Entitlement: e, Name: nameOf(e), Key: key, Reason: why}
		if m.For > 0 {
			l.Until = time.Now().Add(m.For)
		}
		b.must(b.steps.leases.Grant(b.ctx, l))
		b.settle(e, why)
		b.valid[key] = grantedUntil{e, l.Until}
	case "time":
		time.Sleep(m.Pause)
	case "sweep":
		b.sweep()
	case "sweep cut off":
		b.cut = m.Cut
		b.sweep()
		b.cut = 0
	case "leaver":
		holdings, err := b.steps.leases.EndAll(b.ctx, b.person, why)
		b.must(err)
		slices.SortFunc(holdings, func(x, y lease.Holding) int { return strings.Compare(y.Entitlement.Kind, x.Entitlement.Kind) })
		for _, h := range holdings { // groups first
			b.settle(h.Entitlement, why)
		}
		b.left, b.valid = true, map[string]grantedUntil{}
	}
}

// birthright makes the register say what the rules give, added before removed.
func (b *access) birthright(why audit.Reason) {
	if b.loaded == nil {
		return
	}
	decision := b.loaded.Birthright(entitlement.Profile{Title: b.title, EmployeeType: "employee"})
	given := map[lease.Entitlement]bool{}
	for _, g := range decision.Grants {
		e := lease.Entitlement{Kind: g.Kind, ID: g.ID}
		given[e] = true
		b.must(b.steps.leases.Grant(b.ctx, lease.Lease{Subject: b.person, Entitlement: e, Name: g.Name, Key: lease.Birthright, Reason: why}))
		b.settle(e, why)
	}
	held, err := b.steps.leases.Of(b.ctx, b.person)
	b.must(err)
	for _, h := range held {
		if _, birth := h.Find(lease.Birthright); birth && !given[h.Entitlement] {
			b.must(b.steps.leases.End(b.ctx, b.person, h.Entitlement, lease.Birthright, why))
			b.settle(h.Entitlement, why)
		}
	}
}

func (b *access) settle(e lease.Entitlement, why audit.Reason) {
	_, err := b.steps.leases.Settle(b.ctx, b.steps.okta, b.person, e, why)
	b.must(err)
}

// sweep runs the sweep's steps once, as the state machine does, without trying
// again.
func (b *access) sweep() {
	due, err := b.steps.FindDue(b.ctx, sweep{})
	b.must(err)
	for _, d := range due.End {
		if _, err := b.steps.EndAccess(b.ctx, one{Subject: workflow.Subject{Table: "lease", SysID: "expiry"}, Lease: d}); err != nil && !fault.Retryable(err) {
			b.t.Fatal(err)
		}
	}
}

// ends lets the sweep come to its end.
func (b *access) ends() {
	for range 3 {
		time.Sleep(25 * time.Hour)
		b.sweep()
	}
}

// holds lists what the person holds in Okta: groups that are not made by Okta
// itself, and apps that are assigned directly.
func (b *access) holds(managed bool) []string {
	list := []string{}
	a, _ := b.sim.Snapshot(b.person)
	for _, g := range a.Groups {
		if g.Type == okta.GroupTypeOkta && slices.Contains(manageable, g.Name) == managed {
			list = append(list, "group "+g.Name)
		}
	}
	for _, app := range a.Apps {
		if managed && app.Scope == okta.ScopeUser {
			list = append(list, "app "+app.Label)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func (b *access) check(moves []move) {
	b.t.Helper()
	want := []string{}
	if !b.left && b.title != "" {
		for _, e := range b.gives[b.title] {
			want = append(want, e.Kind+" "+nameOf(e))
		}
	}
	for _, g := range b.valid {
		if g.until.IsZero() || g.until.After(time.Now()) {
			want = append(want, g.e.Kind+" "+nameOf(g.e))
		}
	}
	slices.Sort(want)
	want, got := slices.Compact(want), b.holds(true)
	// While a group gives an app, Okta does not let go of the direct assignment.
	if pager := "app " + seed.AppPagerDuty; slices.Contains(got, "group PagerDuty Responders") {
		want = slices.DeleteFunc(want, func(s string) bool { return s == pager })
		got = slices.DeleteFunc(got, func(s string) bool { return s == pager })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("after %+v (-rules and grants +Okta):\n%s", moves, diff)
	}
	if diff := cmp.Diff(b.before, b.holds(false)); diff != "" {
		b.t.Errorf("what is not managed was touched: %s", diff)
	}
	held, err := b.steps.leases.Of(b.ctx, b.person)
	b.must(err)
	for _, h := range held {
		for _, l := range h.Leases {
			if l.Ended(time.Now()) && l.Retry.IsZero() {
				b.t.Errorf("the register still has %s, which ended %s", l.Key, strings.TrimSpace(l.Until.String()))
			}
		}
	}
}
