package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/functions/rolechange"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// rulesWith are the seeded rules with one text replaced by another.
func rulesWith(o *office, from, to string) []byte {
	o.t.Helper()
	doc := string(seed.Rules())
	if strings.Count(doc, from) != 1 {
		o.t.Fatalf("%q stands %d times in the rules", from, strings.Count(doc, from))
	}
	doc = strings.Replace(doc, from, to, 1)
	_, err := entitlement.Load([]byte(doc))
	o.must(err)
	return []byte(doc)
}

func TestAccessRequestUnderOtherRules(t *testing.T) {
	t.Parallel()

	story(t, "is asked anew when the item gets another policy during the wait", calm(licensed()), func(o *office) {
		ticket := o.asks(paralegal)
		o.is("asked", o.approvers(ticket), []string{"E1009"})
		o.PutRules(rulesWith(o, `"owners": ["employee:E1010"], "approval": "manager"`, `"owners": ["employee:E1010"], "approval": "manager-then-security"`))
		time.Sleep(13 * time.Hour)
		o.is("asked under the new policy", o.approvers(ticket), []string{"E1009"})
		o.answers(ticket, "E1009", snowsim.Approved, "")
		o.is("asked in the second stage", len(o.approvers(ticket)), 5)
		o.answers(ticket, "E1034", snowsim.Approved, "")
		o.answers(ticket, "E1010", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")
		o.says(o.lastNote(ticket), "Policy: manager-then-security")
	})

	story(t, "ends when the item is taken out of the catalog during the wait", calm(licensed()), func(o *office) {
		ticket := o.asks(paralegal)
		o.PutRules(rulesWith(o, `"GitHub access": {`, `"GitHub access, the old way": {`))
		time.Sleep(13 * time.Hour)
		o.ended(ticket, itemIncomplete, "There is nothing to request under the name that was given.", "GitHub access, the old way", "Nothing was granted.")
		o.is("still asked", o.approvers(ticket), []string(nil))
	})

	story(t, "tells the approver of a pair on trial, and lets it through", calm(scenario.Options{}), func(o *office) {
		o.PutRules(rulesWith(o, `"reason": "whoever enters invoices must not release their payment"`, `"mode": "warn", "reason": "whoever enters invoices must not release their payment"`))
		ticket := o.asks(scenario.Ask{By: scenario.Login(seed.NumberOtherNamesake), Item: "NetSuite payment approval"})
		o.says(o.lastNote(ticket), `Mind: "NetSuite Accountants" and "NetSuite Payment Approvers" must not be held together (payments)`, "(on trial)")
		o.answers(ticket, "E1004", snowsim.Approved, "")
		o.answers(ticket, "E1036", snowsim.Approved, "")
		// The manager who agreed is the owner, too, and agrees once more as that.
		o.answers(ticket, "E1004", snowsim.Approved, "")
		o.ended(ticket, itemComplete, "was given")
		o.says(o.lastNote(ticket), "Mind: ")
	})
}

// event is one thing in the working life of the person of TestWorkingLife.
type event struct {
	Kind  string
	Job   int
	Item  int
	For   int
	Pause time.Duration
}

// jobs are departments and titles between which the person moves, with the
// manager.
var jobs = []struct{ department, title, manager string }{
	{"Sales", "Account Executive", "E1003"}, {"Engineering", "Engineer", "E1010"}, {"Support", "Support Specialist", "E1008"}, {"Legal", "Paralegal", "E1009"},
}

var lives = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event {
	return event{
		Kind: rapid.SampledFrom([]string{"move", "request", "request", "time"}).Draw(t, "kind"),
		Job:  rapid.IntRange(0, len(jobs)-1).Draw(t, "job"), Item: rapid.IntRange(0, 2).Draw(t, "item"),
		For:   rapid.SampledFrom([]int{1, 4, 29}).Draw(t, "for"),
		Pause: time.Duration(rapid.IntRange(1, 9).Draw(t, "pause")) * 13 * time.Hour,
	}
}), 5, 9)

// TestWorkingLife lets somebody be hired, change jobs, and ask for access, in
// random order, through tickets alone. After each step and in the end Okta has
// exactly what the rules give to the present job and what valid grants give
// besides, and nothing was done to what nobody manages.
func TestWorkingLife(t *testing.T) {
	t.Parallel()
	many := 3
	if testing.Short() {
		many = 1
	}
	for n := range many {
		story(t, fmt.Sprintf("number %d", n), calm(scenario.Options{}), func(o *office) {
			o.isResolved(o.hired(seller))
			// The person gets an account in ServiceNow, and something by hand.
			a := o.account(jana)
			sysID := o.ServiceNow.Insert("sys_user", map[string]string{
				"user_name": jana, "email": jana, "employee_number": "E2001", "active": "true", "manager": seed.PersonSysID("E1003"),
			})
			o.must(o.Okta.AddMember(seed.GroupID("Managers"), a.ID))
			o.must(o.Okta.FollowWelcomeLink(a.ID))
			life := lives.Example(n)
			job := jobs[0]
			for _, e := range life {
				switch e.Kind {
				case "move":
					job = o.moves(job.manager, e.Job, sysID)
				case "request":
					o.wants(sysID, job.manager, e)
				case "time":
					time.Sleep(e.Pause)
				}
				o.holdsWhatIsGiven(job.department, job.title, life)
			}
			time.Sleep(60 * days)
			o.holdsWhatIsGiven(job.department, job.title, life)
		})
	}
}

// moves changes the person's job.
func (o *office) moves(from string, to int, sysID string) struct{ department, title, manager string } {
	o.t.Helper()
	ticket, err := o.Open(rolechange.DefaultKind(), scenario.Requester, "Change of role", map[string]string{
		"employee_number": "E2001", "department": jobs[to].department, "title": jobs[to].title,
		"old_manager": seed.PersonSysID(from), "manager": seed.PersonSysID(jobs[to].manager),
	})
	o.must(err)
	o.rests(moving, ticket)
	o.ServiceNow.Update("sys_user", sysID, map[string]string{"manager": seed.PersonSysID(jobs[to].manager)})
	return jobs[to]
}

// wants requests something, which the manager approves where that is asked for.
func (o *office) wants(sysID, manager string, e event) {
	o.t.Helper()
	item := []string{"Jira", "PagerDuty on call", "GitHub access"}[e.Item]
	ticket, err := o.Request(scenario.Ask{By: sysID, Item: item, Duration: fmt.Sprintf("%dd", e.For)})
	o.must(err)
	o.quiet(ticket)
	if len(o.approvers(ticket)) > 0 {
		o.answers(ticket, manager, snowsim.Approved, "")
	}
	o.is("executions that still work on "+ticket.Number, len(o.running(asking, ticket)), 0)
}

// holdsWhatIsGiven compares Okta with the rules and the register. Apps that a
// group gives are left out: Okta does not let go of the person's own assignment
// as long as that does.
func (o *office) holdsWhatIsGiven(department, title string, life []event) {
	o.t.Helper()
	rules, err := entitlement.Load(seed.Rules())
	o.must(err)
	a := o.account(jana)
	given, held := map[string]bool{}, map[string]bool{}
	for _, g := range rules.Birthright(entitlement.Profile{Department: department, Title: title, EmployeeType: "employee", Location: "New York"}).Grants {
		given[g.Kind+" "+g.Name] = true
	}
	covered := appsByGroup(a)
	for _, l := range o.leases(a.ID) {
		name := l.Entitlement.Kind + " " + l.Name
		if l.Key == lease.Birthright && !given[name] && !covered[name] {
			o.t.Errorf("%s is a birthright in the register and not by the rules, in %+v", name, life)
		}
		// The sweep runs now and then only: what ended a moment ago may be there.
		if !l.Ended(time.Now().Add(-12 * time.Hour)) {
			given[name] = true
		}
	}
	for _, name := range managedBy(rules, a) {
		held[name] = true
		if !given[name] && !covered[name] {
			o.t.Errorf("%s is held without a reason, in %+v", name, life)
		}
	}
	for name := range given {
		if !held[name] && !covered[name] {
			o.t.Errorf("%s is given and not held, in %+v", name, life)
		}
	}
	o.is("what was given by hand", slices.Contains(groupsOf(a), "Managers"), true)
}

// appsByGroup are the apps that the groups of an account give.
func appsByGroup(a oktasim.Account) map[string]bool {
	in := map[string]bool{}
	for _, g := range a.Groups {
		in[g.ID] = true
	}
	labels := map[string]string{}
	for _, app := range seed.Apps() {
		labels[app.ID] = app.Label
	}
	covered := map[string]bool{}
	for _, g := range seed.Groups() {
		for _, app := range g.Apps {
			if in[g.ID] {
				covered["app "+labels[app]] = true
			}
		}
	}
	return covered
}

// managedBy lists what an account holds of what the rules manage.
func managedBy(rules *entitlement.Rules, a oktasim.Account) []string {
	var list []string
	for _, g := range a.Groups {
		if rules.Managed("group", g.ID) {
			list = append(list, "group "+g.Name)
		}
	}
	for _, app := range a.Apps {
		if app.Scope == "USER" && rules.Managed("app", app.AppID) {
			list = append(list, "app "+app.Label)
		}
	}
	return list
}
