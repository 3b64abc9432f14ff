package entitlement

// Kinds of entitlement.
const (
	Group = "group"
	App   = "app"
)

// Grant is one entitlement that a decision gives, with the reason.
type Grant struct {
	// Kind is Group or App.
	Kind string `json:"kind"`
	// ID is the Okta id of the group or app.
	ID string `json:"id"`
	// Name is what the rules call it.
	Name string `json:"name"`
	// Rule names the rule that gives it; where several do, all of them in order
	// of precedence (baseline, tables, conditions), separated by semicolons.
	Rule string `json:"rule"`
	// Text is the reason in words, for the reader of a ticket.
	Text string `json:"text"`
}

// Decision is what the rules give to one profile. It holds nothing personal.
type Decision struct {
	// Version names the document that decided.
	Version string `json:"version"`
	// Grants are sorted, groups before apps, then by name; each stands once.
	Grants []Grant `json:"grants"`
	// Gaps name what no rule covers, in words for the ticket.
	Gaps []string `json:"gaps,omitempty"`
	// Covered is true when a table row or a condition applied, not just the
	// baseline.
	Covered bool `json:"covered"`
	// Trials are what rules on trial would change. Nothing of it is granted.
	Trials []Trial `json:"trials,omitempty"`
	// Collisions are the incompatible pairs that both stand in Grants. Pairs
	// that are enforced are never among them: Load refuses such rules.
	Collisions []Pair `json:"collisions,omitempty"`
}

// Mode says how seriously a rule is meant.
type Mode string

// The modes of a rule.
const (
	// Enforce: the rule decides. It is the mode of a rule that names none.
	Enforce Mode = "enforce"
	// Warn: the rule decides nothing; what it would change is told on tickets.
	Warn Mode = "warn"
	// Record: the rule decides nothing; what it would change is recorded only.
	Record Mode = "record"
)

// Trial is one change that rules on trial would make to a decision.
type Trial struct {
	// Mode is Warn when any rule that takes part in the change is in that mode.
	Mode Mode `json:"mode"`
	// Loses is true when the person would no longer be given the grant, because
	// a row on trial replaces the row that gives it.
	Loses bool  `json:"loses,omitempty"`
	Grant Grant `json:"grant"`
	// Rules are the rules on trial that take part in the change.
	Rules []string `json:"rules"`
}

// Entitlement is a group or app, as the rules name it.
type Entitlement struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Pair is two entitlements that nobody may hold together.
type Pair struct {
	Name string `json:"name"`
	// A and B are the two; Incompatible gives the one that is asked for as B.
	A Entitlement `json:"a"`
	B Entitlement `json:"b"`
	// Reason is why, in words for the ticket.
	Reason string `json:"reason"`
	// Mode is Enforce when the pair must not come about, Warn or Record when it
	// is only to be told or recorded.
	Mode Mode `json:"mode"`
}

// Difference is what a change of profile or of rules does to one person.
type Difference struct {
	Gained []Grant `json:"gained,omitempty"`
	// Lost carry the reason for which they were given.
	Lost []Grant `json:"lost,omitempty"`
	// Kept carry the reason for which they are given now.
	Kept []Grant `json:"kept,omitempty"`
}
