package credentialreset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
)

// Types of reset, as the ticket says them.
const (
	unlock   = "unlock"
	password = "password"
	mfa      = "mfa"
)

var types = []string{unlock, password, mfa}

// What somebody who asks is to the person they ask for.
const (
	self     = "self"
	manager  = "manager"
	helpdesk = "helpdesk"
)

var relations = []string{self, manager, helpdesk}

// Policy says who may ask for what, how often, and what has to be proved. It is
// one JSON document; what it does not name is as in DefaultPolicy.
type Policy struct {
	// Version names the document in the ledger, with a hash of its content.
	Version string `json:"version"`
	// Helpdesk are the names of the ServiceNow groups whose members may ask for
	// others.
	Helpdesk []string `json:"helpdesk"`
	// MayAsk are the types of reset that each of self, manager and helpdesk may
	// ask for.
	MayAsk map[string][]string `json:"may_ask"`
	// Savers are user names of the platform's own jobs, which may save a ticket
	// without asking for anything.
	Savers []string `json:"savers"`

	Limits   Limits              `json:"limits"`
	CoolDown map[string]CoolDown `json:"cool_down"`
	Approval Approval            `json:"second_approval"`
	Proof    Proof               `json:"identity_proof"`
	// Incidents are where an open security incident names the person.
	Incidents []servicenow.Dossier `json:"incidents"`
	// EndSessions are the types of reset after which every session, token and
	// remembered device of the account ends.
	EndSessions []string `json:"end_sessions"`
	Watch       Watch    `json:"watch"`

	version string
}

// Limits are how many resets go ahead without a person. Each counts tickets
// within its window, those included that were not carried out.
type Limits struct {
	// Person is for one person, Requester for whoever asks, Helpdesk instead of
	// it for members of the helpdesk, Overall for all together.
	Person    Limit `json:"person"`
	Requester Limit `json:"requester"`
	Helpdesk  Limit `json:"helpdesk"`
	Overall   Limit `json:"overall"`
}

// Limit is a number within a window of time.
type Limit struct {
	Resets int  `json:"resets"`
	Window Span `json:"window"`
}

// CoolDown is how long an account is left to people after certain events: who
// has just changed a factor or an address may be an attacker who now wants the
// rest.
type CoolDown struct {
	For Span `json:"for"`
	// After are event types of the System Log; enrolled factors are seen by their
	// age besides.
	After []string `json:"after"`
}

// Approval is when a second person has to agree, and who: manager, helpdesk.
type Approval struct {
	Types []string `json:"types"`
	From  []string `json:"from"`
	Wait  Span     `json:"wait"`
}

// Proof is when evidence is needed that the person is who they say.
type Proof struct {
	// Needed are the types of reset for which it is, by who asks.
	Needed map[string][]string `json:"needed"`
	// Methods are the ways of proving that count; the ticket gives one of them and
	// a reference of the evidence.
	Methods []string `json:"methods"`
}

// Watch is how a helped account is looked after.
type Watch struct {
	// After are the times after the reset at which the System Log is looked at.
	After []Span `json:"after"`
	// Events are the event types that would be admin access.
	Events []string `json:"events"`
	// Group is the ServiceNow group that gets the ticket then.
	Group string `json:"group"`
}

// Span is a duration, in JSON as Go writes it: "24h", "90m".
//
//nolint:recvcheck // a number is passed by value; decoding has to replace it
type Span time.Duration

// MarshalJSON writes it as Go does.
func (d Span) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// UnmarshalJSON reads it.
func (d *Span) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("a duration must be a text such as \"24h\": %w", err)
	}
	read, err := time.ParseDuration(text)
	*d = Span(read)
	return err
}

func (d Span) String() string {
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(time.Duration(d).String())
}

// changes are the events after which an account cools down: its factors, and the
// addresses that its mails go to (Okta's catalogue of event types).
var changes = []string{
	"user.mfa.factor.activate", "user.mfa.factor.deactivate", "user.mfa.factor.reset_all", "user.mfa.factor.update",
	"user.account.update_primary_email", "user.account.update_secondary_email",
}

// DefaultPolicy is the policy unless a document says otherwise.
func DefaultPolicy() Policy {
	const hour = Span(time.Hour)
	p := Policy{
		Version: "default", Helpdesk: []string{"Service Desk"}, Savers: []string{"system"},
		MayAsk: map[string][]string{self: slices.Clone(types), manager: slices.Clone(types), helpdesk: slices.Clone(types)},
		Limits: Limits{
			Person: Limit{3, 24 * hour}, Requester: Limit{5, 24 * hour}, Helpdesk: Limit{40, 24 * hour}, Overall: Limit{60, hour},
		},
		CoolDown: map[string]CoolDown{
			unlock: {4 * hour, slices.Clone(changes)}, password: {24 * hour, slices.Clone(changes)},
			mfa: {72 * hour, append(slices.Clone(changes), "user.account.reset_password")},
		},
		Approval: Approval{Types: []string{mfa}, From: []string{manager, helpdesk}, Wait: 24 * hour},
		Proof: Proof{
			Needed:  map[string][]string{helpdesk: {password, mfa}},
			Methods: []string{"in person", "video call", "call back"},
		},
		Incidents: []servicenow.Dossier{
			{Table: "sn_si_incident", Query: "active=true", ByID: []string{"affected_user"}},
			{
				Table: "incident", Query: "u_kind=security_alert^stateNOT IN6,7,8",
				ByID: []string{"caller_id"}, ByEmail: []string{"u_email"}, ByNumber: []string{"u_employee_number"},
			},
		},
		EndSessions: []string{password, mfa},
		Watch: Watch{
			After: []Span{hour, 8 * hour}, Group: "Security Operations",
			Events: []string{
				"user.session.access_admin_app", "user.account.privilege.grant", "group.privilege.grant", "system.api_token.create",
			},
		},
	}
	p.version = p.named()
	return p
}

// With returns the policy changed by a JSON document; nothing but white space
// changes nothing. Its error is *fault.Invalid and lists everything that is wrong.
func (p Policy) With(document []byte) (Policy, error) {
	if len(bytes.TrimSpace(document)) == 0 {
		return p, nil
	}
	var changed Policy // a copy of its own: decoding writes into lists and maps
	for _, text := range [][]byte{p.text(), document} {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&changed); err != nil {
			return Policy{}, &fault.Invalid{Message: "the policy cannot be read", Cause: err}
		}
		if decoder.More() {
			return Policy{}, &fault.Invalid{Message: "the policy cannot be read: something stands behind its end"}
		}
	}
	if problems := changed.check(); len(problems) > 0 {
		return Policy{}, &fault.Invalid{Message: "the policy cannot be used", Problems: problems}
	}
	changed.version = changed.named()
	return changed, nil
}

// text is the policy as JSON, the members of maps in order.
func (p Policy) text() []byte {
	text, err := json.Marshal(p)
	if err != nil {
		panic("credentialreset: a policy does not go into JSON: " + err.Error())
	}
	return text
}

// named is the version with a hash of the content, such as "default+5f3c9a0d1b2e".
func (p Policy) named() string {
	sum := sha256.Sum256(p.text())
	return p.Version + "+" + hex.EncodeToString(sum[:6])
}

// check lists what cannot be: a limit of nothing, a name that does not exist.
func (p Policy) check() []string {
	var c checker
	c.filled("helpdesk", p.Helpdesk)
	c.byRelation("may_ask", p.MayAsk)
	c.byRelation("identity_proof.needed", p.Proof.Needed)
	c.filled("identity_proof.methods", p.Proof.Methods)
	c.limit("person", p.Limits.Person)
	c.limit("requester", p.Limits.Requester)
	c.limit("helpdesk", p.Limits.Helpdesk)
	c.limit("overall", p.Limits.Overall)
	for _, t := range slices.Sorted(maps.Keys(p.CoolDown)) {
		c.among("cool_down", types, t)
		if rest := p.CoolDown[t]; rest.For < 0 || rest.For > 0 && len(rest.After) == 0 {
			c.problem("cool_down.%s: it is negative, or names no event to cool down after", t)
		}
	}
	c.among("second_approval.types", types, p.Approval.Types...)
	c.among("second_approval.from", []string{manager, helpdesk}, p.Approval.From...)
	if len(p.Approval.Types) > 0 && (len(p.Approval.From) == 0 || p.Approval.Wait < Span(time.Minute)) {
		c.problem("second_approval: it needs somebody to ask, and a minute at least to wait")
	}
	for _, d := range p.Incidents {
		for _, wrong := range d.Check() {
			c.problem("incidents, %s: %s", d.Table, wrong)
		}
	}
	c.among("end_sessions", types, p.EndSessions...)
	if !slices.IsSorted(p.Watch.After) || slices.ContainsFunc(p.Watch.After, func(d Span) bool { return d <= 0 }) {
		c.problem("watch.after: the times have to be positive and in order")
	}
	c.filled("watch.events", p.Watch.Events)
	c.filled("watch.group", []string{p.Watch.Group})
	slices.Sort(c.problems)
	return c.problems
}

// checker collects problems.
type checker struct{ problems []string }

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) among(where string, known []string, names ...string) {
	for _, n := range names {
		if !slices.Contains(known, n) {
			c.problem("%s: %q is none of %s", where, n, strings.Join(known, ", "))
		}
	}
}

func (c *checker) filled(where string, names []string) {
	if len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.TrimSpace(n) == "" }) {
		c.problem("%s: it is empty, or has an empty name in it", where)
	}
}

func (c *checker) byRelation(where string, allowed map[string][]string) {
	for _, relation := range slices.Sorted(maps.Keys(allowed)) {
		c.among(where, relations, relation)
		c.among(where+"."+relation, types, allowed[relation]...)
	}
}

func (c *checker) limit(where string, l Limit) {
	if l.Resets < 0 || l.Window <= 0 {
		c.problem("limits.%s: %d within %s is no limit", where, l.Resets, l.Window)
	}
}
