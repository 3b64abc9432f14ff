package securityalert

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// alert is all that belongs to one incident: the findings with the same key, from
// the first one until the incident is closed. What comes after that begins a new
// episode, whose incident refers to the one before.
type alert struct {
	ID string `json:"id"`
	// As is the name that its findings correlate under.
	As string `json:"as"`

	// Episode counts incidents, Run the executions that work on the alert. Live says
	// that one does, Started that it is known to exist.
	Episode int  `json:"episode"`
	Run     int  `json:"run"`
	Live    bool `json:"live"`
	Started bool `json:"started"`

	// Incident is nil until there is one. Previous is the number of the one before.
	Incident *incident `json:"incident,omitempty"`
	Previous string    `json:"previous,omitempty"`
	// Over says that the incident is closed.
	Over bool `json:"over,omitempty"`

	Severity  detect.Severity    `json:"severity"`
	Rules     []string           `json:"rules"` // in the order in which they matched
	Count     int                `json:"count"`
	First     time.Time          `json:"first"`
	Last      time.Time          `json:"last"`
	Addresses []address          `json:"addresses,omitempty"`
	People    map[string]*person `json:"people,omitempty"` // by user id, or by what stands for a login that nobody has
	// Unlisted counts addresses and people beyond those that are kept.
	Unlisted int `json:"unlisted,omitempty"`
	// Evidence are the events that are shown whole, by uuid; the first Attached of
	// them are on the incident. Okta keeps them.
	Evidence []string `json:"evidence,omitempty"`
	Attached int      `json:"attached,omitempty"`

	Priority int `json:"priority,omitempty"` // as on the incident
	// Privileged says that somebody privileged has raised it.
	Privileged bool `json:"privileged,omitempty"`
	Paged      int  `json:"paged,omitempty"`    // the priority that was paged
	Troubles   int  `json:"troubles,omitempty"` // of containment, that were paged
	Told       told `json:"told"`
	// Wrote stands for the title and the description as they were last written:
	// when somebody has changed them, they are left as they are.
	Wrote map[string]string `json:"wrote,omitempty"`
	// Bare says that the description was written before the events could be read.
	Bare  bool      `json:"bare,omitempty"`
	Notes int       `json:"notes"` // updates of the incident so far
	Quiet time.Time `json:"quiet"` // until then an ordinary event wakes nobody
	// Urgent says that something came that cannot wait.
	Urgent bool `json:"urgent,omitempty"`
	// Token resumes the execution that waits for news.
	Token string `json:"token,omitempty"`
	// Failed is when an execution gave up.
	Failed time.Time `json:"failed,omitzero"`

	// version counts writes of the item.
	version int
}

// incident is the record in ServiceNow.
type incident struct {
	Table  string `json:"table"`
	SysID  string `json:"sys_id"`
	Number string `json:"number"`
}

func (i incident) ref() servicenow.Ref { return servicenow.Ref{Table: i.Table, SysID: i.SysID} }

type address struct {
	IP    string `json:"ip"`
	Place string `json:"place,omitempty"`
}

// person is somebody whom findings are about. Who it is is read when it is needed.
type person struct {
	// ID is the Okta user id; empty for a login that nobody has.
	ID string `json:"id,omitempty"`
	// Described says that the incident tells who it is.
	Described bool       `json:"described,omitempty"`
	Suspicion *suspicion `json:"suspicion,omitempty"`
}

// suspicion is that somebody else uses a person's account, and what is done about
// it.
type suspicion struct {
	Rule     string          `json:"rule"`
	Severity detect.Severity `json:"severity"`
	Actions  []detect.Action `json:"actions"`
	Consent  detect.Consent  `json:"consent"`
	At       time.Time       `json:"at"`
	Place    string          `json:"place,omitempty"`
	// N counts the suspicions about this person, so that each asks anew.
	N     int     `json:"n"`
	State standof `json:"state"`
	// Until is when an open question runs out; Asked is the sys_id of whom it
	// concerns, who is asked first and must not decide otherwise.
	Until time.Time `json:"until,omitzero"`
	Asked string    `json:"asked,omitempty"`
	// Note is what came of it, in words for the incident; ToldState is the state
	// that the incident tells.
	Note      string  `json:"note,omitempty"`
	ToldState standof `json:"told_state,omitempty"`
	// Since is when the state was decided, Repeat what has come after that and the
	// incident does not tell: if it is closed by then, the next one begins with it.
	Since  time.Time  `json:"since,omitzero"`
	Repeat *suspicion `json:"repeat,omitempty"`
}

// same reports whether nothing has been decided since.
func (c *suspicion) same(before suspicion) bool {
	return c.State == before.State && c.Until.Equal(before.Until) && c.Note == before.Note && c.Asked == before.Asked
}

// standof is how far containment has come.
type standof string

const (
	suspected standof = ""          // nothing has been decided
	asked     standof = "asked"     // the person is asked
	held      standof = "held"      // a second person is asked whether to contain
	due       standof = "due"       // is to be contained now
	contained standof = "contained" // suspended or without sessions; undoing is offered
	undoing   standof = "undoing"   // is to be let in again now
	released  standof = "released"  // was let in again
	cleared   standof = "cleared"   // it was the person
	spared    standof = "spared"    // protected, or nothing that can be done
	shadowed  standof = "shadowed"  // would have been contained, if that were switched on
	failed    standof = "failed"    // could not be contained
)

// told is what the incident says already.
type told struct {
	Count     int             `json:"count"`
	Addresses int             `json:"addresses"`
	People    int             `json:"people"`
	Rules     int             `json:"rules"`
	Severity  detect.Severity `json:"severity"`
}

// news reports whether anything has come that the incident does not say.
func (a *alert) news() bool { return a.Count > a.Told.Count || len(a.Rules) > a.Told.Rules }

// pressing reports whether there is something that an execution must not sleep
// over: somebody about whom nothing is decided yet, or news whose time has come.
func (a *alert) pressing(now time.Time) bool {
	return len(a.suspects(suspected)) > 0 || a.news() && (a.Urgent || !now.Before(a.Quiet))
}

// due is the priority that the alert ought to have.
func (a *alert) due(rules *detect.Rules) int {
	priority := rules.Priority(a.Severity)
	if a.Privileged {
		priority = max(1, priority-1)
	}
	return priority
}

// subject is what the execution is about: the ledger's stream is that of the
// episode.
func (a *alert) subject() workflow.Subject {
	name := fmt.Sprintf("%s-%d", a.ID, a.Episode)
	return workflow.Subject{Table: alertTable, SysID: name, Number: "alert " + name}
}

// alertTable is the table of the subject, which is none of ServiceNow's.
const alertTable = "okta_alert"

// execution is the name of the execution of the present run.
func (a *alert) execution() string { return fmt.Sprintf("alert-%s-%d-%d", a.ID, a.Episode, a.Run) }

const (
	mostAddresses = 50
	mostPeople    = 60
	mostEvidence  = 25
)

// absorb takes in a finding. fresh are its sightings that are new to the alert,
// others may be new to the rule.
func (a *alert) absorb(rules *detect.Rules, f detect.Finding, fresh []detect.Sighting) {
	if !slices.Contains(a.Rules, f.Rule.ID) {
		a.Rules = append(a.Rules, f.Rule.ID)
	}
	if f.Severity.Worse(a.Severity) {
		a.Severity, a.Urgent = f.Severity, true
	}
	for _, s := range fresh {
		at := time.UnixMilli(s.At).UTC()
		if a.Count == 0 || at.Before(a.First) {
			a.First = at
		}
		if at.After(a.Last) {
			a.Last = at
		}
		a.Count++
		a.place(address{s.Address, s.Place})
		a.concern(s)
		if len(a.Evidence) < mostEvidence {
			a.Evidence = append(a.Evidence, s.UUID)
		}
	}
	consent := rules.Consent(f.Rule, f.Severity)
	if consent == detect.Never {
		return
	}
	for _, s := range f.Sightings {
		a.suspect(f, s, consent)
	}
}

func (a *alert) place(seen address) {
	switch {
	case seen.IP == "", slices.ContainsFunc(a.Addresses, func(b address) bool { return b.IP == seen.IP }):
	case len(a.Addresses) < mostAddresses:
		a.Addresses = append(a.Addresses, seen)
	default:
		a.Unlisted++
	}
}

// concern notes whom an event is about.
func (a *alert) concern(s detect.Sighting) {
	switch {
	case s.Who == "", a.People[s.Who] != nil:
	case len(a.People) >= mostPeople:
		a.Unlisted++
	default:
		a.add(s)
	}
}

func (a *alert) add(s detect.Sighting) *person {
	if a.People == nil {
		a.People = map[string]*person{}
	}
	a.People[s.Who] = &person{ID: s.UserID()}
	return a.People[s.Who]
}

// suspect notes that somebody else may use a person's account. A suspicion that
// has been dealt with is raised again only by something worse, or by another rule.
func (a *alert) suspect(f detect.Finding, s detect.Sighting, consent detect.Consent) {
	if s.UserID() == "" {
		return
	}
	p := a.People[s.Who]
	if p == nil { // also when the list is full: whoever can be contained is kept
		p = a.add(s)
	}
	at := time.UnixMilli(s.At).UTC()
	fresh := &suspicion{
		Rule: f.Rule.ID, Severity: f.Severity, Actions: f.Rule.Contain, Consent: consent, At: at, Place: s.Place, N: 1,
	}
	if old := p.Suspicion; old != nil {
		fresh.N = old.N + 1
		closed := slices.Contains([]standof{cleared, released}, old.State)
		if again := f.Severity.Worse(old.Severity) || closed && f.Rule.ID != old.Rule; !again || old.State == contained || old.State == due {
			if !old.Since.IsZero() && at.After(old.Since) {
				old.Repeat = fresh
				// Nobody can enter a contained account unless somebody has let it in
				// again by hand, as they do who close the incident.
				a.Urgent = a.Urgent || old.State == contained
			}
			return
		}
	}
	p.Suspicion = fresh
	a.Urgent, p.Described = true, false // whoever was one of many is looked at now
	if !slices.Contains(a.Evidence, s.UUID) && len(a.Evidence) < 2*mostEvidence {
		a.Evidence = append(a.Evidence, s.UUID)
	}
}

// suspects are those whose suspicion is in one of the states, in a fixed order.
func (a *alert) suspects(states ...standof) []*person {
	var list []*person
	for _, p := range a.People {
		if p.Suspicion != nil && slices.Contains(states, p.Suspicion.State) {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(x, y *person) int { return cmp.Compare(x.ID, y.ID) })
	return list
}

// next begins another episode, after its incident was closed. What the old one
// did not say any more is the new one's.
func (a *alert) next() {
	if a.Incident != nil {
		a.Previous = a.Incident.Number
	}
	news, before := a.news(), *a
	*a = alert{
		ID: a.ID, As: a.As, Episode: a.Episode + 1, Run: a.Run, Previous: a.Previous, version: a.version,
	}
	if !news {
		return
	}
	a.Severity, a.Rules, a.Urgent = before.Severity, before.Rules, before.Urgent
	a.Count, a.First, a.Last = before.Count-before.Told.Count, before.Last, before.Last
	a.Addresses, a.Unlisted, a.People = before.Addresses, before.Unlisted, before.People
	a.Evidence = before.Evidence[before.Attached:]
	for _, p := range a.People {
		p.Described = false
		if p.Suspicion != nil && p.Suspicion.State != suspected {
			p.Suspicion = p.Suspicion.Repeat
			a.Urgent = a.Urgent || p.Suspicion != nil
		}
	}
}
