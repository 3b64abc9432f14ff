package entitlement

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// builder turns a document into rules and collects what is wrong with it.
type builder struct {
	doc   document
	rules *Rules
	problems
	index    map[Entitlement]int // by kind and name, without id
	policies map[string]Policy
	closed   [fields]map[string]bool // the closed lists of values; nil: open
	rows     int                     // so far, with lists written out

	usedRoles, usedPolicies map[string]bool
	// offered are in the catalog, spoken are named anywhere.
	offered, spoken map[int]bool
}

func newBuilder(doc document) *builder {
	return &builder{
		doc: doc, rules: &Rules{}, index: map[Entitlement]int{}, policies: map[string]Policy{},
		usedRoles: map[string]bool{}, usedPolicies: map[string]bool{},
		offered: map[int]bool{}, spoken: map[int]bool{},
	}
}

// build reads everything; what it cannot use it reports and leaves out.
func (b *builder) build() {
	b.buildEntitlements()
	b.buildValues()
	b.buildBaseline()
	b.buildTables()
	b.buildConditions()
	slices.SortStableFunc(b.rules.rules, func(x, y *rule) int {
		return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.name, y.name), cmp.Compare(x.mode, y.mode))
	})
	for i, r := range b.rules.rules {
		r.order = i
	}
	b.shareOut()
	b.buildPolicies()
	b.buildCatalog()
	b.buildPairs()
	b.buildProtected()
	b.buildManaged()
	b.findUnused()
	b.findContradictions()
}

// buildEntitlements numbers the groups and apps in the order in which decisions
// list them.
func (b *builder) buildEntitlements() {
	owner := map[string]string{}
	declare := func(kind, section string, declared map[string]string) {
		for _, name := range slices.SortedFunc(maps.Keys(declared), byName) {
			id := declared[name]
			if other, taken := owner[id]; taken {
				b.add(pointer("").at(section, name), "keep one name for it and use that everywhere", "it has the same id as %q", other)
			}
			owner[id] = name
			b.index[Entitlement{Kind: kind, Name: name}] = len(b.rules.entitlements)
			b.rules.entitlements = append(b.rules.entitlements, Entitlement{Kind: kind, ID: id, Name: name})
		}
	}
	declare(Group, "groups", b.doc.Groups)
	declare(App, "apps", b.doc.Apps)
}

// byName sorts as people look things up: case last.
func byName(a, b string) int { return cmp.Or(cmp.Compare(fold(a), fold(b)), cmp.Compare(a, b)) }

func (b *builder) buildValues() {
	for _, name := range slices.Sorted(maps.Keys(b.doc.Values)) {
		f, ok := fieldNamed(name)
		if !ok {
			continue
		}
		b.closed[f] = map[string]bool{}
		for i, v := range b.doc.Values[name] {
			if b.closed[f][fold(v)] {
				b.add(pointer("/values").at(name, i), "take out the repetition", "%q stands in the list already, but for case or spaces", v)
			}
			b.closed[f][fold(v)] = true
		}
	}
}

// checkValue refuses a value that is not in the closed list of its attribute.
func (b *builder) checkValue(where pointer, f field, value string) {
	if b.closed[f] == nil || b.closed[f][fold(value)] {
		return
	}
	list := pointer("/values").at(f.String())
	if _, explicit := b.doc.Values[f.String()]; !explicit {
		list = "/baseline/employeeType" // the baseline knows all employee types
	}
	b.add(where, "correct it, or add it to "+string(list), "there is no %s %q", phrases[f].first, shortened(value))
}

func (b *builder) buildBaseline() {
	b.rules.everybody = &rule{
		name: "baseline", text: "for everybody", where: "/baseline/everybody", mode: Enforce,
		roles: b.roles("/baseline/everybody", b.doc.Baseline.Everybody),
	}
	b.addRule(b.rules.everybody)
	b.rules.types = map[string]*rule{}
	for _, name := range slices.Sorted(maps.Keys(b.doc.Baseline.EmployeeType)) {
		where := pointer("/baseline/employeeType").at(name)
		b.checkValue(where, employeeType, name)
		if b.rules.types[fold(name)] != nil {
			b.add(where, "merge the two", "the employee type stands there already, but for case or spaces")
			continue
		}
		r := &rule{
			name: fmt.Sprintf("baseline[employeeType=%s]", name), text: fmt.Sprintf("for employee type %q", name),
			where: where, mode: Enforce, roles: b.roles(where, b.doc.Baseline.EmployeeType[name]),
			needs: needs{employeeType: {fold(name)}},
		}
		b.rules.types[fold(name)] = r
		b.addRule(r)
	}
	if b.closed[employeeType] == nil && len(b.rules.types) > 0 {
		b.closed[employeeType] = map[string]bool{}
		for name := range b.rules.types {
			b.closed[employeeType][name] = true
		}
	}
}

func (b *builder) buildConditions() {
	seen := map[string]bool{}
	for i, from := range b.doc.Conditions {
		where := pointer("/conditions").at(i)
		if seen[from.Name] {
			b.add(where.at("name"), "give it another name", "there are two conditions called %q", from.Name)
		}
		seen[from.Name] = true
		r := &rule{
			name: from.Name, text: from.Description, where: where, mode: mode(from.Mode),
			roles: b.roles(where.at("gives"), from.Gives),
		}
		if r.condition = b.condition(where.at("when"), "the condition "+strconv.Quote(from.Name), from.When); r.condition == nil {
			continue
		}
		r.needs = r.condition.needs
		b.rules.conditions = append(b.rules.conditions, r)
		b.addRule(r)
	}
	slices.SortStableFunc(b.rules.conditions, func(x, y *rule) int { return strings.Compare(x.name, y.name) })
}

// condition compiles an expression and refuses one that decides nothing.
func (b *builder) condition(where pointer, what, source string) *condition {
	c, err := newCondition(source)
	if err != nil {
		b.add(where, "correct the expression; the schema says what it may contain", "%s cannot be read: %s", what, complaint(err))
		return nil
	}
	for _, constant := range c.compared {
		b.checkValue(where, constant.field, constant.value)
	}
	switch c.outlook() {
	case never:
		b.add(where, "correct the expression, or take it out", "%s can never hold", what)
	case always:
		b.add(where, "give it to everybody in the baseline, or correct the expression", "%s holds for everybody", what)
	}
	return c
}

// outlook is never or always when the condition comes to the same for everybody.
func (c *condition) outlook() verdict {
	if c.needs.impossible() {
		return never
	}
	if v := c.logic(knowledge{}); v != unknown {
		return v
	}
	possible := false
	c.needs.combinations(func(k knowledge) bool {
		possible = c.logic(k) != never
		return !possible
	})
	if !possible {
		return never
	}
	return unknown
}

// addRule puts a rule into its class of precedence.
func (b *builder) addRule(r *rule) {
	switch {
	case r.condition != nil:
		r.order = 2
	case r.table != nil:
		r.order = 1
	}
	b.rules.rules = append(b.rules.rules, r)
}

// roles looks up the roles that a rule gives.
func (b *builder) roles(where pointer, names []string) []string {
	var known []string
	for i, name := range names {
		if _, ok := b.doc.Roles[name]; !ok {
			b.add(where.at(i), "declare it under roles, or name one that is declared", "there is no role %q", shortened(name))
			continue
		}
		b.usedRoles[name] = true
		known = append(known, name)
	}
	return distinct(known)
}

// shareOut resolves what the roles bring, and with which reason.
func (b *builder) shareOut() {
	brings := map[string][]int{}
	for _, name := range slices.Sorted(maps.Keys(b.doc.Roles)) {
		where := pointer("/roles").at(name)
		brings[name] = b.named(where, b.doc.Roles[name].docNames)
	}
	for _, r := range b.rules.rules {
		by := map[int][]string{}
		for _, name := range r.roles {
			for _, e := range brings[name] {
				by[e] = append(by[e], name)
			}
		}
		for _, e := range slices.Sorted(maps.Keys(by)) {
			r.shares = append(r.shares, share{e, r.reason(by[e])})
		}
	}
}

// reason is the text of a grant that the rule gives by the named roles.
func (r *rule) reason(roles []string) string {
	text := "role "
	if len(roles) > 1 {
		text = "roles "
	}
	text += strings.Join(roles, " and ")
	if r.condition != nil {
		return text + ": " + r.text
	}
	return text + ", " + r.text
}

// named looks up groups and apps by name.
func (b *builder) named(where pointer, names docNames) []int {
	var out []int
	for i, name := range names.Groups {
		if e, ok := b.entitlement(where.at("groups", i), Group, name); ok {
			out = append(out, e)
		}
	}
	for i, name := range names.Apps {
		if e, ok := b.entitlement(where.at("apps", i), App, name); ok {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (b *builder) entitlement(where pointer, kind, name string) (int, bool) {
	e, ok := b.index[Entitlement{Kind: kind, Name: name}]
	if !ok {
		b.add(where, fmt.Sprintf("declare it under %ss with its Okta id, or name one that is declared", kind), "there is no %s %q", kind, shortened(name))
		return 0, false
	}
	b.spoken[e] = true
	return e, true
}

func (b *builder) target(where pointer, t docTarget) (int, bool) {
	switch {
	case t.Group != "":
		return b.entitlement(where.at("group"), Group, t.Group)
	case t.App != "":
		return b.entitlement(where.at("app"), App, t.App)
	}
	return 0, false // the schema has reported it
}
