package e2e_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/functions/accessrequest"
	"lifecycle/functions/rolechange"
	"lifecycle/shared/audit"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
)

const (
	syncing   = "StateSyncMachine"
	comparing = "StateComparisonMachine"
)

// synced waits until the poller has looked and nothing is being synchronised any
// more.
func (o *office) synced() {
	o.t.Helper()
	quiet := 0
	for range 2000 {
		time.Sleep(30 * time.Second)
		o.Outbox.Deliver(o.ctx)
		if len(o.syncs(states.Running)) > 0 || o.undelivered() {
			quiet = 0
			continue
		}
		if quiet++; quiet > 5 {
			return
		}
	}
	o.t.Fatal("the synchronisation does not come to rest")
}

func (o *office) undelivered() bool {
	return slices.ContainsFunc(o.Outbox.Messages(), func(m snowsim.Message) bool { return m.State == snowsim.Waiting })
}

// syncs are the executions for people in a status; empty: all.
func (o *office) syncs(status string) []states.Execution {
	return slices.DeleteFunc(o.States.Executions(o.Machine(syncing)), func(x states.Execution) bool { return status != "" && x.Status != status })
}

// settled also checks that nothing failed.
func (o *office) settled() {
	o.t.Helper()
	o.synced()
	for _, x := range o.syncs(states.Failed) {
		o.t.Errorf("%s failed: %s %s", x.Input, x.Error, x.Cause)
	}
}

// sysUser is a seeded person's record in ServiceNow.
func (o *office) sysUser(number string) map[string]string {
	return o.ServiceNow.Record("sys_user", seed.PersonSysID(number))
}

// flags are how ServiceNow sees somebody.
func (o *office) flags(number string) string {
	r := o.sysUser(number)
	return "active=" + r["active"] + " locked_out=" + r["locked_out"]
}

// edit changes somebody's sys_user record, as HR's import does.
func (o *office) edit(number string, columns map[string]string) {
	o.ServiceNow.Update("sys_user", seed.PersonSysID(number), columns)
}

// oktaWrites are the changes of profiles that the synchronisation made.
func (o *office) oktaWrites() int {
	n := 0
	for _, c := range o.Okta.Calls() {
		if c.Method == http.MethodPost && strings.HasPrefix(c.Path, "/api/v1/users/00u") && !strings.Contains(c.Path, "/lifecycle/") {
			n++
		}
	}
	return n
}

// quiet is a story in which nothing is written.
func quiet(t *testing.T, name string, tell func(o *office)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		inOffice(t, scenario.Options{}, func(o *office) {
			tell(o)
			var changes []string
			for stream, err := range o.ledger().Streams(o.ctx) {
				o.must(err)
				records, err := o.ledger().Stream(o.ctx, stream)
				o.must(err)
				for _, r := range records {
					if r.Phase == audit.Intent {
						changes = append(changes, r.Verb+" "+r.Target)
					}
				}
			}
			o.is("changes", changes, []string(nil))
		})
	})
}

// Somebody in the seeded org, their manager, and how ServiceNow sees people.
const (
	engineer = "E1013"
	boss     = "E1010"
	there    = "active=true locked_out=false"
	gone     = "active=false locked_out=true"
)

func TestSyncFromOkta(t *testing.T) {
	t.Parallel()
	id := seed.PersonOktaID(engineer)

	for name, one := range map[string]struct{ status, want string }{
		"deactivated": {oktasim.Deprovisioned, gone},
		"suspended":   {oktasim.Suspended, "active=true locked_out=true"},
	} {
		story(t, "an account that is "+name+" in the console", scenario.Options{}, func(o *office) {
			o.must(o.Okta.SetStatus(id, one.status))
			o.settled()
			o.is("ServiceNow", o.flags(engineer), one.want)
		})
	}
	quiet(t, "too many wrong passwords say nothing about ServiceNow", func(o *office) {
		o.must(o.Okta.SetStatus(id, oktasim.LockedOut))
		o.settled()
		o.is("ServiceNow", o.flags(engineer), there)
	})
	story(t, "an account that comes back makes the person active again", scenario.Options{}, func(o *office) {
		for _, status := range []string{oktasim.Suspended, oktasim.Active, oktasim.Deprovisioned, oktasim.Active} {
			o.must(o.Okta.SetStatus(id, status))
			o.settled()
		}
		o.is("ServiceNow", o.flags(engineer), there)
		o.is("terminations", len(o.ServiceNow.Query("incident", "u_kind=offboarding")), 0)
	})
	story(t, "what Okta owns is carried over, what ServiceNow owns is put right", scenario.Options{}, func(o *office) {
		o.must(o.Okta.EditProfile(id, map[string]any{"email": "jonas.new@example.com", "title": "Chief of Everything"}))
		o.settled()
		o.is("email in ServiceNow", o.sysUser(engineer)["email"], "jonas.new@example.com")
		o.is("title in Okta", o.account(id).Profile["title"], any("Engineer"))
		o.is("executions: the change, and nothing for the echo", len(o.syncs("")), 1)
	})
	story(t, "a department is reported, never carried over", scenario.Options{}, func(o *office) {
		o.must(o.Okta.EditProfile(id, map[string]any{"department": "Sales"}))
		o.settled()
		o.is("department in Okta", o.account(id).Profile["department"], any("Sales"))
		report, found := o.compared()
		o.is("a report was made", found, true)
		o.says(o.outcomes(report), "attributes,"+id+","+seed.PersonSysID(engineer)+",department,reported")
	})
	story(t, "an account for which ServiceNow has nobody changes nothing", scenario.Options{}, func(o *office) {
		_, err := o.Okta.CreateUser(map[string]any{"login": "new@example.com", "email": "new@example.com", "firstName": "N", "lastName": "N"}, oktasim.Active)
		o.must(err)
		o.must(o.Okta.EditProfile(id, map[string]any{"timezone": "Asia/Tokyo"}))
		o.settled()
		o.is("time zone in Okta", o.account(id).Profile["timezone"], any("Europe/Berlin"))
	})
	story(t, "somebody with a second account in use has not left", scenario.Options{}, func(o *office) {
		p := o.account(id).Profile
		_, err := o.Okta.CreateUser(map[string]any{"login": "jonas2@example.com", "email": "jonas2@example.com", "firstName": "J", "lastName": "W", "employeeNumber": p["employeeNumber"]}, oktasim.Active)
		o.must(err)
		o.must(o.Okta.SetStatus(id, oktasim.Deprovisioned))
		o.settled()
		o.is("ServiceNow", o.flags(engineer)[:len("active=true")], "active=true")
	})
	story(t, "a leaver of our own process is inactive in ServiceNow, too", scenario.Options{}, func(o *office) {
		ticket := o.leaver("E1040", nil)
		o.rests(leaving, ticket, "WaitOneHour")
		o.settled()
		o.is("ServiceNow", o.flags("E1040"), gone)
	})
}

// A change of role writes to Okta as the process of ours that it is; what it wrote
// is the later word.
func TestSyncCarriesAChangeOfRoleOver(t *testing.T) {
	t.Parallel()
	story(t, "also what ServiceNow owns", scenario.Options{}, func(o *office) {
		const seller = "E1019"
		time.Sleep(time.Hour) // the seeded records were saved just now
		// Nobody has changed the person's record: the ticket is all there is.
		ticket, err := o.Open(rolechange.DefaultKind(), scenario.Requester, "Change of role", map[string]string{
			"employee_number": seller, "department": "Engineering", "title": "Engineer", "manager": seed.PersonSysID(boss),
		})
		o.must(err)
		o.rests("RoleChangeMachine", ticket)
		o.settled()
		o.is("title in Okta", o.person(seller).Profile["title"], any("Engineer"))
		o.is("title in ServiceNow", o.sysUser(seller)["title"], "Engineer")
		o.is("department in ServiceNow", o.ServiceNow.Record("cmn_department", o.sysUser(seller)["department"])["name"], "Engineering")
		o.is("manager in ServiceNow", o.sysUser(seller)["manager"], seed.PersonSysID(boss))
	})
}

func TestSyncFromServiceNow(t *testing.T) {
	t.Parallel()
	id := seed.PersonOktaID(engineer)

	story(t, "a title and a manager reach Okta, and the echo of that settles", scenario.Options{}, func(o *office) {
		o.edit(engineer, map[string]string{"title": "Senior Engineer", "manager": seed.PersonSysID("E1002")})
		o.settled()
		o.is("title", o.account(id).Profile["title"], any("Senior Engineer"))
		o.is("manager", o.account(id).Profile["managerId"], any("E1002"))
		o.is("writes to Okta", o.oktaWrites(), 1)
		o.is("executions", len(o.syncs("")), 1)
		o.is("our writes to ServiceNow", o.sysUser(engineer)["sys_mod_count"], "1")
	})
	quiet(t, "an empty value does not go over a full one", func(o *office) {
		o.edit(engineer, map[string]string{"title": ""})
		o.settled()
		o.is("title", o.account(id).Profile["title"], any("Engineer"))
	})
	story(t, "who is made inactive gets one termination, which goes its own way", scenario.Options{}, func(o *office) {
		o.edit(engineer, map[string]string{"active": "false"})
		o.settled()
		o.edit(engineer, map[string]string{"phone": "1"})
		o.settled()
		tickets := o.ServiceNow.Query("incident", "u_kind=offboarding")
		o.is("terminations", len(tickets), 1)
		o.rests(leaving, scenario.Ticket{Table: "incident", SysID: tickets[0]["sys_id"], Number: tickets[0]["number"]}, "WaitOneHour", "WaitOneDay")
		o.hasNothing(o.account(id))
		o.settled()
		o.is("ServiceNow", o.flags(engineer), gone)
	})
	story(t, "a protected account waits for approval and keeps its profile", scenario.Options{}, func(o *office) {
		o.edit(seed.NumberBreakGlass, map[string]string{"title": "Something else"})
		o.settled()
		o.is("title", o.person(seed.NumberBreakGlass).Profile["title"], any("Break-glass account"))
		o.edit(seed.NumberBreakGlass, map[string]string{"active": "false"})
		o.settled()
		o.is("terminations", len(o.ServiceNow.Query("incident", "u_kind=offboarding")), 1)
		o.is("the account", o.person(seed.NumberBreakGlass).Status, oktasim.Active)
	})
	story(t, "duplicated, late and reordered webhooks end in the same place", scenario.Options{
		Mishap: func(m snowsim.Message) snowsim.Mishap {
			return snowsim.Mishap{Copies: 2, Late: time.Duration(len(m.ID)%3+int(m.Made.Unix()%5)) * 7 * time.Second, Deaf: 1}
		},
	}, func(o *office) {
		for i, title := range []string{"One", "Two", "Three", "Four"} {
			o.edit(engineer, map[string]string{"title": title})
			if i == 2 {
				o.must(o.Okta.EditProfile(id, map[string]any{"title": "From the console"}))
			}
			time.Sleep(time.Second)
		}
		o.settled()
		o.is("title in Okta", o.account(id).Profile["title"], any("Four"))
		o.is("title in ServiceNow", o.sysUser(engineer)["title"], "Four")
		before := o.oktaWrites()
		o.settled()
		o.is("writes once all is quiet", o.oktaWrites(), before)
	})
	story(t, "both systems change the same person at once, again and again, and it settles", scenario.Options{}, func(o *office) {
		for i := range 6 {
			o.edit(engineer, map[string]string{"title": fmt.Sprint("Title ", i), "email": fmt.Sprintf("wrong%d@example.com", i)})
			o.must(o.Okta.EditProfile(id, map[string]any{"title": fmt.Sprint("Other ", i), "email": fmt.Sprintf("right%d@example.com", i)}))
			time.Sleep(time.Duration(i) * 17 * time.Second)
		}
		o.settled()
		a := o.account(id)
		o.is("Okta", []any{a.Profile["title"], a.Profile["email"]}, []any{"Title 5", "right5@example.com"})
		o.is("ServiceNow", []string{o.sysUser(engineer)["title"], o.sysUser(engineer)["email"]}, []string{"Title 5", "right5@example.com"})
		seen := len(o.syncs(""))
		time.Sleep(time.Hour)
		o.is("executions in the quiet hour after it", len(o.syncs(""))-seen, 0)
	})
}

func TestSyncClosesWhatALeaverAskedFor(t *testing.T) {
	t.Parallel()
	ask := func(o *office, by string) scenario.Ticket {
		ticket, err := o.Request(scenario.Ask{By: scenario.Login(by), Item: "GitHub access", Reason: "work"})
		o.must(err)
		o.must(o.Settled(o.ctx, ticket, "AccessRequestMachine", "AskApprovers"))
		return ticket
	}
	open := func(o *office, t scenario.Ticket) (names []string) {
		for _, a := range o.ServiceNow.Approvals(t.SysID) {
			if a.State == snowsim.Requested {
				names = append(names, a.Name)
			}
		}
		return names
	}
	story(t, "requests for the leaver are closed with a note, others stay", scenario.Options{}, func(o *office) {
		const leaver, other = "E1037", "E1038"
		mine, theirs := ask(o, leaver), ask(o, other)
		o.must(o.Okta.SetStatus(seed.PersonOktaID(leaver), oktasim.Deprovisioned))
		o.settled()
		o.must(o.Settled(o.ctx, mine, "AccessRequestMachine"))
		o.is("state", o.Column(mine, "state"), accessrequest.DefaultKind().Columns("cancelled")["state"])
		closing := slices.DeleteFunc(o.Notes(mine, "comments"), func(n string) bool { return !strings.HasPrefix(n, "Closed: the person") })
		o.is("notes that say why", len(closing), 1)
		o.is("still asked", open(o, mine), []string(nil))
		o.is("the other request is open", o.Column(theirs, "active"), "true")
		o.is("and asked about", len(open(o, theirs)), 1)
	})
	story(t, "a leaver who was to approve is replaced by our own process", scenario.Options{}, func(o *office) {
		o.ServiceNow.GrantRole(snowsim.IntegrationUser, "approval_admin") // else the old question stays on the list
		ticket := ask(o, "E1037")                                         // whose manager leads Support
		o.must(o.Okta.SetStatus(seed.PersonOktaID("E1008"), oktasim.Deprovisioned))
		o.settled()
		o.must(o.Settled(o.ctx, ticket, "AccessRequestMachine", "AskApprovers"))
		o.is("asked now", open(o, ticket), []string{"Charlotte Adler"})
	})
	for name, one := range map[string]struct {
		right, group bool
		leaver, want string
	}{
		"is moved to the manager":                                     {true, false, engineer, boss},
		"is asked of the manager anew without the right to move it":   {false, false, engineer, boss},
		"goes to the ticket's group where there is no manager":        {true, true, "E1001", "E1032"},
		"goes to the group, too, without the right to move approvals": {false, true, "E1001", "E1032"},
	} {
		story(t, "an approval that ServiceNow asked for "+name, scenario.Options{}, func(o *office) {
			if one.right {
				o.ServiceNow.GrantRole(snowsim.IntegrationUser, "approval_admin")
			}
			values := map[string]string{"short_description": "A laptop", "requested_for": seed.PersonSysID("E1012")}
			if one.group {
				values["assignment_group"] = snowsim.GroupSysID(snowsim.GroupIdentity)
				// The head of IT asked for it, and must not decide.
				values["requested_for"] = seed.PersonSysID(seed.NumberSuperAdmin)
			}
			id := o.ServiceNow.Insert("sc_request", values)
			o.ServiceNow.Insert("sysapproval_approver", map[string]string{"sysapproval": id, "approver": seed.PersonSysID(one.leaver), "state": "requested"})
			o.must(o.Okta.SetStatus(seed.PersonOktaID(one.leaver), oktasim.Deprovisioned))
			o.settled()
			asked := slices.DeleteFunc(o.ServiceNow.Approvals(id), func(a snowsim.Approval) bool {
				return a.State != snowsim.Requested || a.Approver == seed.PersonSysID(one.leaver)
			})
			o.is("asked in their place", len(asked), 1)
			o.is("who is asked", o.ServiceNow.Record("sys_user", asked[0].Approver)["employee_number"], one.want)
			o.is("notes about it", len(o.ServiceNow.Journal("sc_request", id, "work_notes")), 1)
			// Once more changes nothing.
			o.must(o.Okta.SetStatus(seed.PersonOktaID(one.leaver), oktasim.Deprovisioned))
			o.settled()
			o.is("notes about it in the end", len(o.ServiceNow.Journal("sc_request", id, "work_notes")), 1)
		})
	}
}
