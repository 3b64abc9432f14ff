package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/snowsim"
)

// action does what a form asks and returns what to tell whoever sent it, and
// where to go, if elsewhere.
type action func(r *http.Request) (said, to string, err error)

// actor is who acts through the console.
const actor = "the console"

// Lifelike is how long a call takes when things are slow enough to watch: about
// what real tenants need.
const Lifelike = 350 * time.Millisecond

func (c *Console) actions() map[string]action {
	return map[string]action{
		"open": c.open, "approval": c.decide, "cancel": c.cancel, "mend": c.mend, "welcome": c.welcome,
		"fault": c.inject, "calm": c.calm, "pace": c.setPaceTo, "stop": c.stop, "start": c.start, "verify": c.verify, "alert": c.alert,
	}
}

// errUnsimulated refuses to play with what is real.
var errUnsimulated = errors.New("real tenants are plugged in: this works with the simulated ones only")

// mostForm bounds what a form may bring.
const mostForm = 64 << 10

// act does an action and tells the script, or sends a browser without it on.
func (c *Console) act(do action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		script := strings.Contains(r.Header.Get("Accept"), "application/json")
		said, to, err := "", "", r.ParseForm()
		if err == nil {
			said, to, err = do(r)
		}
		c.forget()
		switch {
		case script:
			status, answer := http.StatusOK, map[string]string{"said": said, "to": to}
			if err != nil {
				status, answer = http.StatusUnprocessableEntity, map[string]string{"said": sentence(err.Error())}
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(answer) // the browser may have gone
		case err != nil:
			http.Error(w, sentence(err.Error()), http.StatusUnprocessableEntity)
		default:
			if to == "" {
				to = queryOf(r.PostForm).String()
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
		}
	}
}

func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// forget makes the next look a fresh one.
func (c *Console) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = nil
}

func (c *Console) open(r *http.Request) (said, to string, err error) {
	if c.options.Real {
		return "", "", errUnsimulated
	}
	samples := c.world.Samples()
	i := slices.IndexFunc(samples, func(s scenario.Sample) bool { return s.ID == r.PostFormValue("sample") })
	if i < 0 {
		return "", "", fmt.Errorf("there is no sample ticket %q", r.PostFormValue("sample"))
	}
	t, err := samples[i].Open(c.world, int(c.opened.Add(1)), r.PostFormValue("number"))
	if err != nil {
		return "", "", err
	}
	return t.Number + " opened: " + samples[i].Title + ".", query{Ticket: t.SysID}.String(), nil
}

func (c *Console) decide(r *http.Request) (said, to string, err error) {
	if c.options.Real {
		return "", "", errUnsimulated
	}
	id, state := r.PostFormValue("approval"), r.PostFormValue("state")
	if state != snowsim.Approved && state != snowsim.Rejected {
		return "", "", fmt.Errorf("an approval is approved or rejected, not %q", state)
	}
	for _, a := range c.world.ServiceNow.Approvals("") {
		if a.SysID != id {
			continue
		}
		if a.State != snowsim.Requested {
			return "", "", fmt.Errorf("the question was %s meanwhile", a.State)
		}
		if err := c.world.ServiceNow.ApproveAs(a.Approver, a.SysID, state, strings.TrimSpace(r.PostFormValue("comment"))); err != nil {
			return "", "", err
		}
		return fmt.Sprintf("%s %s %s.", a.Name, state, a.Number), "", nil
	}
	return "", "", errors.New("there is no such question any more")
}

// ticket finds the ticket that a form names.
func (c *Console) ticket(r *http.Request) (snowsim.Ticket, error) {
	if c.options.Real {
		return snowsim.Ticket{}, errUnsimulated
	}
	t, found := c.world.ServiceNow.Ticket("task", r.PostFormValue("ticket"))
	if !found {
		return t, errors.New("there is no such ticket")
	}
	return t, nil
}

func (c *Console) save(t snowsim.Ticket, columns map[string]string) error {
	return c.world.Save(scenario.Ticket{Table: t.Table, SysID: t.SysID, Number: t.Number}, scenario.Requester, columns)
}

// cancelled is the state that a cancelled ticket has, by table.
var cancelled = map[string]string{"incident": "8", "sc_req_item": "4", "sc_task": "4"}

func (c *Console) cancel(r *http.Request) (said, to string, err error) {
	t, err := c.ticket(r)
	if err != nil {
		return "", "", err
	}
	state, known := cancelled[t.Table]
	if !known {
		return "", "", fmt.Errorf("tickets of %s are not cancelled here", t.Table)
	}
	return t.Number + " cancelled.", "", c.save(t, map[string]string{"state": state})
}

// mend saves the columns of a ticket that the form shows.
func (c *Console) mend(r *http.Request) (said, to string, err error) {
	t, err := c.ticket(r)
	if err != nil {
		return "", "", err
	}
	columns := map[string]string{}
	for name := range r.PostForm {
		if column, of := strings.CutPrefix(name, "set-"); of && strings.HasPrefix(column, "u_") && t.Fields[column] != r.PostFormValue(name) {
			columns[column] = r.PostFormValue(name)
		}
	}
	if len(columns) == 0 {
		// Saving is what takes a ticket up again, changed or not.
		columns["comments"] = "Please try again."
	}
	return t.Number + " saved.", "", c.save(t, columns)
}

func (c *Console) welcome(r *http.Request) (said, to string, err error) {
	if c.options.Real {
		return "", "", errUnsimulated
	}
	a, found := c.world.Okta.Snapshot(r.PostFormValue("person"))
	if !found {
		return "", "", errors.New("there is no such account")
	}
	return nameOf(a) + " followed the welcome mail and set a password.", "", c.world.Okta.FollowWelcomeLink(a.ID)
}

func (c *Console) inject(r *http.Request) (said, to string, err error) {
	if c.options.Real {
		return "", "", errUnsimulated
	}
	said, err = c.mischief.inject(r.PostFormValue("fault"))
	return said, "", err
}

func (c *Console) calm(*http.Request) (said, to string, err error) {
	c.mischief.calm()
	return "Everything works again.", "", nil
}

func (c *Console) setPaceTo(r *http.Request) (said, to string, err error) {
	if c.options.Real {
		return "", "", errUnsimulated
	}
	if r.PostFormValue("pace") == "slow" {
		c.SetPace(Lifelike)
		return fmt.Sprintf("Every call takes %d ms now, as with real tenants.", Lifelike.Milliseconds()), "", nil
	}
	c.SetPace(0)
	return "Calls are as fast as they can be.", "", nil
}

func (c *Console) stop(r *http.Request) (said, to string, err error) {
	why := strings.TrimSpace(r.PostFormValue("reason"))
	if why == "" {
		return "", "", errors.New("say why: everybody whose ticket has to wait is told")
	}
	return "All changes are stopped.", "", c.brake.Stop(r.Context(), actor, why)
}

func (c *Console) start(r *http.Request) (said, to string, err error) {
	return "Changes are made again. What waits tries again within minutes.", "", c.brake.Start(r.Context(), actor)
}

func (c *Console) verify(r *http.Request) (said, to string, err error) {
	report, err := c.ledger.VerifyAll(r.Context())
	if err != nil {
		return "", "", err
	}
	c.mu.Lock()
	c.proof = proof{report: report, at: time.Now(), head: c.proof.head}
	c.mu.Unlock()
	return "Ledger: " + report.String() + ".", "", nil
}
