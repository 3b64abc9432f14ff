package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// positions are some that the seed's rules know, and one that they do not.
var positions = []struct{ department, title, manager string }{
	{"Sales", "Account Executive", "E1003"}, {"Sales", "Sales Engineer", "E1003"}, {"Engineering", "Engineer", "E1010"},
	{"Engineering", "Engineering Manager", "E1002"}, {"Finance", "Accountant", "E1004"}, {"Finance", "Financial Controller", "E1004"},
	{"IT", "Support Engineer", "E1006"}, {"Security", "Security Engineer", "E1007"}, {"Support", "Support Engineer", "E1008"},
	{"People", "People Partner", "E1005"}, {"Legal", "Juggler", "E1009"},
}

// TestRandomRoleChanges moves a person again and again, through tickets of which
// webhooks are lost, repeated and late, with requests granted and groups changed
// by hand in between. After each change the person has exactly what rules and
// valid leases give, each with its reason, and what nobody manages is untouched.
func TestRandomRoleChanges(t *testing.T) {
	t.Parallel()
	rules, err := entitlement.Load(seed.Rules())
	if err != nil {
		t.Fatal(err)
	}
	runs := 12
	if testing.Short() {
		runs = 3
	}
	for run := range runs {
		dice := rand.New(rand.NewPCG(uint64(run), 7))
		options := scenario.Options{Mishap: func(snowsim.Message) snowsim.Mishap {
			return snowsim.Mishap{Lose: dice.IntN(6) == 0, Copies: dice.IntN(2), Late: time.Duration(dice.IntN(3)) * time.Minute}
		}}
		story(t, fmt.Sprintf("run %d", run), options, func(o *office) {
			for n := range 4 {
				o.meddles(dice, n)
				unmanaged := o.unmanaged(rules)
				to := positions[dice.IntN(len(positions))]
				ticket := o.move(map[string]string{"employee_number": mover, "department": to.department, "title": to.title, "manager": to.manager})
				time.Sleep(40 * time.Minute) // the sweep finds what was lost
				o.rests(moving, ticket)
				o.isResolved(ticket)
				o.isExact(rules, entitlement.Profile{Department: to.department, Title: to.title, Location: "Berlin", EmployeeType: "employee", Manager: to.manager})
				o.is("what nobody manages", o.unmanaged(rules), unmanaged)
			}
		})
	}
}

// meddles grants something, or adds a membership that nobody knows the reason of.
func (o *office) meddles(dice *rand.Rand, n int) {
	o.t.Helper()
	groups := []string{"PagerDuty Responders", "Zendesk Agents", "AWS Developers", "GitHub Engineers", "Salesforce Users", "NetSuite Payment Approvers"}
	group := groups[dice.IntN(len(groups))]
	switch dice.IntN(4) {
	case 0:
		o.holds(mover, group, lease.RequestKey(fmt.Sprintf("RITM%d", n)), time.Time{})
	case 1:
		o.holds(mover, group, lease.RequestKey(fmt.Sprintf("RITM%d", n)), time.Now().Add(30*time.Minute))
	case 2:
		o.holds(mover, group, "", time.Time{})
	}
}

// unmanaged are the mover's groups that the rules say nothing about.
func (o *office) unmanaged(rules *entitlement.Rules) []string {
	return slices.DeleteFunc(groupsOf(o.person(mover)), func(name string) bool { return rules.Managed("group", seed.GroupID(name)) })
}

// isExact checks that the mover has what rules and valid leases give.
func (o *office) isExact(rules *entitlement.Rules, p entitlement.Profile) {
	o.t.Helper()
	want := map[string]bool{}
	leases := o.leases(seed.PersonOktaID(mover))
	var exceptions []string
	for _, l := range leases {
		if !l.Ended(time.Now()) && l.Entitlement.Kind == entitlement.Group {
			want[l.Name] = true
			if l.Key != lease.Birthright {
				exceptions = append(exceptions, l.Entitlement.ID)
			}
		}
	}
	for _, g := range rules.Birthright(p).Grants {
		if g.Kind != entitlement.Group {
			continue
		}
		if len(rules.Incompatible(exceptions, g.ID)) == 0 && !want[g.Name] {
			o.t.Errorf("%s is given by the rules, and has no lease", g.Name)
		}
	}
	for _, l := range leases {
		given := slices.ContainsFunc(rules.Birthright(p).Grants, func(g entitlement.Grant) bool { return g.Kind == l.Entitlement.Kind && g.ID == l.Entitlement.ID })
		if l.Key == lease.Birthright && !given && l.Until.IsZero() {
			o.t.Errorf("%s is not given by the rules any more, and has a birthright lease", l.Name)
		}
	}
	var names []string
	for name := range want {
		names = append(names, name)
	}
	slices.Sort(names)
	managed := slices.DeleteFunc(groupsOf(o.person(mover)), func(name string) bool { return !rules.Managed("group", seed.GroupID(name)) })
	o.is("managed groups", managed, names)
}
