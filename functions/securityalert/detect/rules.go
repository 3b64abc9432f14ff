package detect

import (
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/vm"

	"lifecycle/shared/okta"
)

// Severity is how bad it is if it is what it looks like.
type Severity string

// The severities.
const (
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

var severities = []Severity{Low, Medium, High, Critical}

// Worse reports whether s is worse than other; anything is worse than none.
func (s Severity) Worse(other Severity) bool {
	return slices.Index(severities, s) > slices.Index(severities, other)
}

// Consent says who has to agree before an account is contained.
type Consent string

// The ways.
const (
	AtOnce Consent = "at_once"
	Ask    Consent = "ask"
	Never  Consent = "never"
)

// Action is what is done to an account.
type Action string

// The actions.
const (
	Suspend     Action = "suspend"
	EndSessions Action = "end_sessions"
)

type subject string

const (
	theActor  subject = "actor"
	theTarget subject = "target"
	nobody    subject = "nobody"
)

// Rules are a document that has been checked. They are safe for concurrent use.
type Rules struct {
	version    string
	treatments map[Severity]treatment
	privileged []string
	rules      []*Rule
	byID       map[string]*Rule
	// followers are the rules that come after another, by that one's id.
	followers    map[string][]*Rule
	suppressions []*suppression
}

// Rule is one rule.
type Rule struct {
	ID, Title, Description string
	// Respond are the steps to take, Techniques those of MITRE ATT&CK.
	Respond, Techniques          []string
	Category, Subcategory, Group string
	// Contain is what may be done to the account of whom the event is about.
	Contain []Action

	silent    bool
	consent   Consent // empty: the severity's
	severity  Severity
	raise     []raised
	exact     []string
	prefixes  []string
	outcomes  []string
	when      *expression
	subject   subject
	counting  *counting
	travel    *travel
	after     *after
	correlate correlation
	// stamp changes with everything that windows depend on.
	stamp string
}

type raised struct {
	when *expression
	to   Severity
}

// counting is a threshold over a window.
type counting struct {
	count  int
	of     *expression // nil: events are counted
	per    *expression
	within time.Duration
}

type travel struct {
	km, kmh float64
	within  time.Duration
}

type after struct {
	rule   *Rule
	by     *expression
	within time.Duration
}

type correlation struct {
	as string
	by []*expression // none: the person, or the rule
}

type suppression struct {
	id, owner, reason string
	rules             []string // none: all
	when              *expression
	expires           time.Time
}

// Version names the state of the rules.
func (r *Rules) Version() string { return r.version }

// Priority is ServiceNow's priority for a severity, 1 to 5.
func (r *Rules) Priority(s Severity) int { return r.treatments[s].Priority }

// Pages reports whether whoever is on call is told of a severity.
func (r *Rules) Pages(s Severity) bool { return r.treatments[s].Page }

// Consent says who has to agree to containing an account because of a rule, at a
// severity.
func (r *Rules) Consent(rule *Rule, s Severity) Consent {
	consent := rule.consent
	if consent == "" {
		consent = r.treatments[s].Contain
	}
	if consent == "" || len(rule.Contain) == 0 {
		return Never
	}
	return consent
}

// PrivilegedGroups are the ids of groups whose members are privileged besides
// administrators.
func (r *Rules) PrivilegedGroups() []string { return slices.Clone(r.privileged) }

// Rule finds a rule by its id.
func (r *Rules) Rule(id string) (*Rule, bool) {
	rule, found := r.byID[id]
	return rule, found
}

// All lists the rules that are in force, in the document's order.
func (r *Rules) All() []*Rule { return slices.Clone(r.rules) }

// Wanted are the events that any rule has something to say about by themselves: the
// others need not be looked at further.
func (r *Rules) Wanted(events []okta.LogEvent) []okta.LogEvent {
	var machine vm.VM
	var wanted []okta.LogEvent
	for _, e := range events {
		if e.UUID != "" && r.wants(&machine, e) {
			wanted = append(wanted, e)
		}
	}
	return wanted
}

func (r *Rules) wants(machine *vm.VM, e okta.LogEvent) bool {
	var env *environment
	for _, rule := range r.rules {
		if !rule.takes(e) {
			continue
		}
		if env == nil {
			made := newEnvironment(e)
			env = &made
		}
		env.User = env.about(rule.subject)
		if holds, err := rule.when.holds(machine, env); holds || err != nil {
			return true
		}
	}
	return false
}

// takes reports whether the rule looks at events of the type and the outcome.
func (r *Rule) takes(e okta.LogEvent) bool {
	if len(r.outcomes) > 0 && !slices.Contains(r.outcomes, e.Outcome.Result) {
		return false
	}
	return slices.Contains(r.exact, e.Type) ||
		slices.ContainsFunc(r.prefixes, func(p string) bool { return strings.HasPrefix(e.Type, p) })
}

// Overdue lists the suppressions that have expired, as "id (owner)".
func (r *Rules) Overdue(now time.Time) []string {
	var list []string
	for _, s := range r.suppressions {
		if !now.Before(s.expires) {
			list = append(list, s.id+" ("+s.owner+")")
		}
	}
	return list
}

// Severity is the rule's severity without what may raise it.
func (r *Rule) Severity() Severity { return r.severity }
