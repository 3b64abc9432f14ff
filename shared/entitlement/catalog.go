package entitlement

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Item is something that can be requested.
type Item struct {
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Entitlement Entitlement `json:"entitlement"`
	Risk        Risk        `json:"risk"`
	// Owners answer for the item; Policy may ask them.
	Owners []Party `json:"owners,omitempty"`
	Policy Policy  `json:"policy"`
	// Longest is the longest time it is granted for; zero means without end.
	Longest time.Duration `json:"longest,omitempty"`

	rules *Rules
	may   *condition // nil: everybody may
}

// MayHold reports whether somebody with the profile may hold the item at all;
// where not, condition is the expression that does not hold.
func (i Item) MayHold(p Profile) (ok bool, condition string) {
	if i.may == nil {
		return true, ""
	}
	return i.rules.holds(i.may, p.values().folded().environment()), i.may.source
}

// Risk is how much harm an entitlement can do in the wrong hands.
type Risk string

// The risks. What is High is never approved without a person.
const (
	Low    Risk = "low"
	Medium Risk = "medium"
	High   Risk = "high"
)

// Policy says who approves a request.
type Policy struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	// Stages follow one another; without any the request is approved at once,
	// with the description as the reason, unless ServiceNow decides.
	Stages []Stage `json:"stages"`
	// DecidedBy is ByServiceNow when ServiceNow's own approval of the request
	// item decides, and empty otherwise.
	DecidedBy string `json:"decidedBy,omitempty"`
}

// ByServiceNow is the DecidedBy of a policy that leaves the decision to
// ServiceNow's own approval of the request item.
const ByServiceNow = "servicenow"

// AsksNobody reports whether a request is approved at once.
func (p Policy) AsksNobody() bool { return len(p.Stages) == 0 && p.DecidedBy == "" }

// Stage is one round of approval. Its times count from its beginning; zero means
// never.
type Stage struct {
	Name      string        `json:"name"`
	Approvers []Party       `json:"approvers"`
	Need      Need          `json:"need"`
	Remind    time.Duration `json:"remind,omitempty"`
	Escalate  time.Duration `json:"escalate,omitempty"`
	Expire    time.Duration `json:"expire"`
}

// Need says how many of a stage's approvers have to approve.
type Need string

// The needs of a stage.
const (
	Any Need = "any"
	All Need = "all"
)

// Party is somebody who may be asked.
type Party struct {
	// Kind is Manager, Owner, Employee or Team.
	Kind string `json:"kind"`
	// Ref is the employee number of an Employee and the name of the ServiceNow
	// group of a Team; empty otherwise.
	Ref string `json:"ref,omitempty"`
}

// Kinds of party.
const (
	// Manager is the manager of the person the request is for.
	Manager = "manager"
	// Owner stands for all owners of the item.
	Owner = "owner"
	// Employee is one person.
	Employee = "employee"
	// Team is a group of ServiceNow.
	Team = "group"
)

// Item finds what a request names. Case and surplus spaces do not matter.
func (r *Rules) Item(name string) (Item, bool) {
	i, ok := r.items[fold(name)]
	return i, ok
}

// Named finds a declared group or app by its name, whether it can be requested
// or not. Case and surplus spaces do not matter.
func (r *Rules) Named(name string) (Entitlement, bool) {
	i := slices.IndexFunc(r.entitlements, func(e Entitlement) bool { return fold(e.Name) == fold(name) })
	if i < 0 {
		return Entitlement{}, false
	}
	return r.entitlements[i], true
}

// Items lists the catalog by name.
func (r *Rules) Items() []Item {
	list := slices.Collect(maps.Values(r.items))
	slices.SortFunc(list, func(a, b Item) int { return byName(a.Name, b.Name) })
	return list
}

// ItemFor finds the catalog item that gives an entitlement; of several, the
// riskiest.
func (r *Rules) ItemFor(kind, id string) (found Item, ok bool) {
	order := []Risk{Low, Medium, High}
	for _, i := range r.Items() {
		if i.Entitlement.Kind != kind || i.Entitlement.ID != id {
			continue
		}
		if !ok || slices.Index(order, i.Risk) > slices.Index(order, found.Risk) {
			found, ok = i, true
		}
	}
	return found, ok
}

// parties reads "manager", "owner", "employee:E1001" and "group:IT".
func parties(list []string) []Party {
	out := make([]Party, 0, len(list))
	for _, s := range list {
		kind, ref, _ := strings.Cut(s, ":")
		out = append(out, Party{Kind: kind, Ref: ref})
	}
	return out
}

// duration reads "90m", "48h" and "14d"; what the schema refuses is zero.
func duration(s string) time.Duration {
	if s == "" {
		return 0
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 17)
	if err != nil {
		return 0
	}
	return time.Duration(n) * units[s[len(s)-1]]
}

// buildPolicies reads the approval policies.
func (b *builder) buildPolicies() {
	for _, name := range slices.Sorted(maps.Keys(b.doc.Policies)) {
		from := b.doc.Policies[name]
		where := pointer("").at("approvalPolicies", name)
		policy := Policy{Name: name, Description: from.Description, DecidedBy: from.DecidedBy}
		if policy.DecidedBy != "" && len(from.Stages) > 0 {
			b.add(where.at("stages"), "take out the stages, or decidedBy", "the policy leaves the decision to ServiceNow and has stages of its own")
		}
		seen := map[string]bool{}
		for i, s := range from.Stages {
			at := where.at("stages", i)
			if seen[s.Name] {
				b.add(at.at("name"), "give each stage a name of its own", "the policy has two stages called %q", s.Name)
			}
			seen[s.Name] = true
			policy.Stages = append(policy.Stages, b.stage(at, s))
		}
		b.policies[name] = policy
	}
}

func (b *builder) stage(at pointer, s docStage) Stage {
	stage := Stage{
		Name: s.Name, Approvers: parties(s.Approvers), Need: s.Need,
		Remind: duration(s.Remind), Escalate: duration(s.Escalate), Expire: duration(s.Expire),
	}
	if stage.Need == "" {
		stage.Need = Any
	}
	const order = "a stage reminds first, then escalates, then expires: change the times accordingly"
	if stage.Expire > 0 && (stage.Remind >= stage.Expire || stage.Escalate >= stage.Expire) {
		b.add(at, order, "the stage would remind or escalate (%s) when it has expired already (%s)", strings.Trim(s.Remind+", "+s.Escalate, ", "), s.Expire)
	}
	if stage.Escalate > 0 && stage.Remind >= stage.Escalate {
		b.add(at, order, "the stage would remind (%s) when it has escalated already (%s)", s.Remind, s.Escalate)
	}
	return stage
}

// buildCatalog reads what can be requested.
func (b *builder) buildCatalog() {
	b.rules.items = map[string]Item{}
	for _, name := range slices.Sorted(maps.Keys(b.doc.Catalog)) {
		where := pointer("").at("catalog", name)
		if other, ok := b.rules.items[fold(name)]; ok {
			b.add(where, "give it another name", "the item's name differs from that of %q only in case or spaces", other.Name)
			continue
		}
		b.rules.items[fold(name)] = b.item(where, name, b.doc.Catalog[name])
	}
}

func (b *builder) item(where pointer, name string, from docItem) Item {
	item := Item{
		Name: name, Description: from.Description, Risk: from.Risk,
		Owners: parties(from.Owners), Longest: duration(from.Longest), rules: b.rules,
	}
	if i, ok := b.target(where, from.docTarget); ok {
		item.Entitlement = b.rules.entitlements[i]
		b.offered[i] = true
	}
	if from.For != "" {
		item.may = b.condition(where.at("for"), "the item "+strconv.Quote(name), from.For)
	}
	policy, ok := b.policies[from.Approval]
	if !ok {
		b.add(where.at("approval"), "declare it under approvalPolicies, or name one that is declared", "there is no approval policy %q", from.Approval)
		return item
	}
	item.Policy = policy
	b.usedPolicies[from.Approval] = true
	if item.Risk == High && policy.AsksNobody() {
		b.add(where.at("approval"), "choose a policy with at least one stage", "the item's risk is high, and its policy approves without asking anybody")
	}
	for _, stage := range policy.Stages {
		if slices.Contains(stage.Approvers, Party{Kind: Owner}) && len(item.Owners) == 0 {
			b.add(where, "name its owners, or choose another policy", "the policy %q asks the owners, and the item has none", policy.Name)
		}
	}
	return item
}
