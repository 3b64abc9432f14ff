package okta_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

func TestTheLedgerAndErrorsCarryNothingPersonal(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]*oktasim.Fault{
		"done": nil, "denied": {Status: 403}, "not found": {Status: 404, Code: "E0000007"}, "invalid": {Status: 400, Code: "E0000001"},
		"unavailable": {Status: 503}, "throttled": {Status: 429}, "cut": {Reset: true},
	} {
		for _, m := range all() {
			bubble(t, m.name+", "+name, func(t *testing.T) {
				b := m.start(t)
				if failure != nil {
					b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return failure })
				}
				err := m.run(b.ctx(t), b)
				_, missing := b.client.User(b.ctx(t), "another."+login)
				_, short := b.client.User(b.ctx(t), "quackenbush")
				p := promoted()
				p.Login = seed.People()[0].Email
				taken := b.client.UpdateProfile(b.ctx(t), b.id, p, why)
				texts := []string{encoded(t, b.records(t)), fmt.Sprint(err), fmt.Sprint(missing), fmt.Sprint(short), fmt.Sprint(taken)}
				for _, text := range texts {
					for _, personal := range []string{firstName, "zebediah", lastName, "quackenbush", number, "example.com", "%40", newcomer.EmployeeNumber, "Clerk", "Head of"} {
						if strings.Contains(text, personal) {
							t.Errorf("%q stands in %s", personal, text)
						}
					}
				}
			})
		}
	}
}
