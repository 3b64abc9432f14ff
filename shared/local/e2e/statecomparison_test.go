package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

// compared waits for the next comparison of all people to end, or to reach one of
// the states, and tells its report, if there is one.
func (o *office) compared(waiting ...string) (report scenario.Ticket, found bool) {
	o.t.Helper()
	before := len(o.States.Executions(o.Machine(comparing)))
	for range 10_000 {
		time.Sleep(time.Minute)
		o.Outbox.Deliver(o.ctx)
		runs := o.States.Executions(o.Machine(comparing))
		if len(runs) == before {
			continue
		}
		last := runs[len(runs)-1]
		if last.Status == states.Running && !slices.ContainsFunc(last.Current, func(s string) bool { return slices.Contains(waiting, s) }) {
			continue
		}
		if last.Status != states.Running {
			o.is("the comparison", last.Status+" "+last.Error, states.Succeeded+" ")
		}
		return o.reportOf(last)
	}
	o.t.Fatal("no comparison has run")
	return report, false
}

func (o *office) reportOf(run states.Execution) (scenario.Ticket, bool) {
	for _, row := range o.ServiceNow.Query("sc_task", "correlation_id=statesync-"+run.Name) {
		return scenario.Ticket{Table: "sc_task", SysID: row["sys_id"], Number: row["number"]}, true
	}
	return scenario.Ticket{}, false
}

// outcomes is the list that a comparison attaches to its report.
func (o *office) outcomes(t scenario.Ticket) string {
	o.t.Helper()
	for _, f := range o.ServiceNow.Attachments(t.Table, t.SysID) {
		if f.Name == "outcome.csv" {
			return string(f.Content)
		}
	}
	o.t.Errorf("%s has no file outcome.csv", t.Number)
	return ""
}

// deaf is a world in which no webhook tells of people.
func deaf(policy string) scenario.Options {
	o := scenario.Options{Mishap: func(m snowsim.Message) snowsim.Mishap {
		return snowsim.Mishap{Lose: strings.HasSuffix(m.URL, "/servicenow/user")}
	}}
	o.Parameters = map[string]string{"StateSyncPolicy": policy}
	return o
}

// unheard keeps the poller from reading the System Log.
func (o *office) unheard() {
	o.Sabotage(func(c local.Outgoing) local.Verdict {
		if c.Function == "StateSyncPoller" {
			return local.Fail
		}
		return local.Pass
	})
}

func TestComparison(t *testing.T) {
	t.Parallel()
	id := seed.PersonOktaID(engineer)
	story(t, "mends the one difference of the seeded org, and needs no report for it", scenario.Options{}, func(o *office) {
		_, found := o.compared()
		o.is("a report was made", found, false)
		o.is("ServiceNow", o.flags(seed.NumberSuspended), "active=true locked_out=true")
		_, found = o.compared()
		o.is("a report was made the day after", found, false)
	})
	story(t, "reports everybody that one system lacks, and every double", scenario.Options{}, func(o *office) {
		lonely, err := o.Okta.CreateUser(map[string]any{"login": "lonely@example.com", "email": "lonely@example.com", "firstName": "L", "lastName": "L", "employeeNumber": "E9001"}, oktasim.Active)
		o.must(err)
		_, err = o.Okta.CreateUser(map[string]any{"login": "twice@example.com", "email": "twice@example.com", "firstName": "T", "lastName": "T", "employeeNumber": engineer}, oktasim.Active)
		o.must(err)
		lost := o.ServiceNow.Insert("sys_user", map[string]string{"user_name": "lost", "email": "lost@example.com", "employee_number": "E9002"})
		o.ServiceNow.Insert("sys_user", map[string]string{"user_name": "second", "email": "second@example.com", "employee_number": "E1014"})
		o.ServiceNow.Insert("sys_user", map[string]string{"user_name": "robot", "email": "robot@example.com", "web_service_access_only": "true"})
		former, err := o.Okta.CreateUser(map[string]any{"login": "former@example.com", "email": "former@example.com", "firstName": "F", "lastName": "F", "employeeNumber": "E9003"}, oktasim.Deprovisioned)
		o.must(err)
		report, found := o.compared()
		o.is("a report was made", found, true)
		list := o.outcomes(report)
		o.says(list, "missing_in_servicenow,"+lonely+",", "missing_in_okta,,"+lost+",", "duplicate_in_okta,", "duplicate_in_servicenow,")
		o.is("a former account that nobody has is no drift", strings.Contains(list, former), false)
		o.is("lines", strings.Count(list, "\n"), 6) // the header, these, and the one that was repaired
		o.is("the report is open", o.Column(report, "state"), "1")
		o.says(o.Column(report, "description"), "1 accounts in use without a sys_user", "1 people with several Okta accounts in use")
	})
	story(t, "mends what no event told, by the address where there is no number", deaf(""), func(o *office) {
		o.unheard()
		o.must(o.Okta.EditProfile(id, map[string]any{"title": "Wrong", "employeeNumber": nil}))
		o.must(o.Okta.SetStatus(seed.PersonOktaID("E1014"), oktasim.Deprovisioned))
		o.edit("E1015", map[string]string{"title": "Later"})
		o.edit("E1016", map[string]string{"active": "false"})
		report, found := o.compared()
		o.is("title in Okta", o.account(id).Profile["title"], any("Engineer"))
		o.is("number in Okta", o.account(id).Profile["employeeNumber"], any(engineer))
		o.is("deactivated in Okta", o.flags("E1014"), gone)
		o.is("title from ServiceNow", o.person("E1015").Profile["title"], any("Later"))
		o.is("a report was made", found, true)
		o.says(o.outcomes(report), "inactive_in_servicenow,"+seed.PersonOktaID("E1016"), "reported")
		o.is("the account of somebody inactive in ServiceNow", o.person("E1016").Status, oktasim.Active)
	})
	story(t, "opens the termination of somebody inactive where policy says so", deaf(`{"repair":["inactive_in_servicenow"]}`), func(o *office) {
		o.unheard()
		o.edit("E1016", map[string]string{"active": "false"})
		o.compared()
		o.is("terminations", len(o.ServiceNow.Query("incident", "u_kind=offboarding")), 1)
		o.is("what policy does not name", o.flags(seed.NumberSuspended), there)
	})
	story(t, "an address that was given to somebody else makes nobody the other", deaf(""), func(o *office) {
		o.unheard()
		o.must(o.Okta.EditProfile(id, map[string]any{"employeeNumber": "E7777"}))
		report, found := o.compared()
		o.is("a report was made", found, true)
		o.says(o.outcomes(report), "missing_in_servicenow,"+id, "missing_in_okta,,"+seed.PersonSysID(engineer))
	})
}
