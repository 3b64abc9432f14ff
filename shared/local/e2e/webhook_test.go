package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// TestWebhooks shows that it does not matter how webhooks are delivered.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	for _, p := range processes() {
		if p.machine != joining && p.machine != leaving || p.every%2 == 1 { // some of the longer stories are enough
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			_, want := p.undisturbed(t)
			for luck := range uint64(6) {
				t.Run(fmt.Sprintf("ends the same when they come in any order, late, often or never: %d", luck), func(t *testing.T) {
					t.Parallel()
					p.delivered(t, badLuck(luck), want)
				})
			}
			t.Run("ends the same when every one comes four times", func(t *testing.T) {
				t.Parallel()
				p.delivered(t, func(snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Copies: 3} }, want)
			})
			t.Run("ends the same when none comes at all", func(t *testing.T) {
				t.Parallel()
				p.delivered(t, func(snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Lose: true} }, want)
			})
		})
	}

	story(t, "a ticket whose webhook was lost is started by the sweep within ten minutes", scenario.Options{
		Mishap: func(snowsim.Message) snowsim.Mishap { return snowsim.Mishap{Lose: true} },
	}, func(o *office) {
		hire, leave := o.hire(nil), o.leaver("E1013", nil)
		time.Sleep(10 * time.Minute)
		o.isResolved(hire)
		o.isResolved(leave)
		o.is("executions", []int{len(o.Executions(joining, hire)), len(o.Executions(leaving, leave))}, []int{1, 1})
	})

	story(t, "two tickets for the same new hire end in one account, and each is resolved", scenario.Options{}, func(o *office) {
		before := len(o.Okta.Accounts())
		first, second := o.hire(nil), o.hire(nil)
		o.rests(joining, first)
		o.rests(joining, second)
		o.isResolved(first)
		o.isResolved(second)
		o.is("accounts", len(o.Okta.Accounts()), before+1)
		o.is("mails", len(o.mailsTo(o.account(jana).ID)), 1)
	})

	story(t, "two terminations of the same person are both resolved", scenario.Options{}, func(o *office) {
		first, second := o.leaver("E1013", nil), o.leaver("E1013", nil)
		o.rests(leaving, first, "WaitOneHour")
		o.rests(leaving, second, "WaitOneHour")
		o.isResolved(first)
		o.isResolved(second)
		o.hasNothing(o.person("E1013"))
	})

	story(t, "a person who is hired and terminated at once has nothing in the end", slowly, func(o *office) {
		number := seed.NumberFormer
		hire := o.hire(map[string]string{"first_name": "Maria", "last_name": "Santos", "email": scenario.Login(number), "employee_number": number})
		leave := o.leaver(number, nil)
		o.rests(joining, hire)
		o.rests(leaving, leave, "WaitOneHour")
		o.days(2)
		if o.Column(leave, "state") == stateResolved {
			return // the order was leave, hire: hired again
		}
		o.isWith(leave, "Security Operations")
	})

	story(t, "somebody who saves a ticket ten times while it is worked on gets one answer", scenario.Options{}, func(o *office) {
		ticket := o.hire(nil)
		for i := range 10 {
			o.saves(ticket, scenario.Requester, map[string]string{"comments": fmt.Sprintf("And one more thing, the %dth.", i)})
		}
		o.rests(joining, ticket)
		o.isResolved(ticket)
		o.is("mails", len(o.mailsTo(o.account(jana).ID)), 1)
	})
}

// badLuck loses one webhook in five, repeats some, holds others back for up to
// ten minutes, and misses answers.
func badLuck(seed uint64) func(snowsim.Message) snowsim.Mishap {
	dice := rand.New(rand.NewPCG(seed, seed))
	return func(snowsim.Message) snowsim.Mishap {
		return snowsim.Mishap{
			Lose: dice.IntN(5) == 0, Copies: dice.IntN(3), Deaf: dice.IntN(3),
			Late: time.Duration(dice.IntN(600)) * time.Second * time.Duration(dice.IntN(2)),
		}
	}
}

func (p process) delivered(t *testing.T, mishap func(snowsim.Message) snowsim.Mishap, want string) {
	t.Helper()
	options := p.options
	options.Mishap, options.Pace = mishap, time.Hour
	inOffice(t, options, func(o *office) {
		if p.prepare != nil {
			p.prepare(o)
		}
		ticket := p.play(o)
		time.Sleep(3 * time.Hour) // what was lost is found by then
		o.rests(p.machine, ticket)
		if diff := cmp.Diff(want, o.endState(p, ticket)); diff != "" {
			t.Errorf("it ends otherwise (-undisturbed +disturbed):\n%s", diff)
			for _, x := range o.Executions(p.machine, ticket) {
				t.Logf("%s %s %s, %s to %s", x.Name, x.Status, x.Error, x.Started, x.Stopped)
			}
		}
		o.verifiesLedger()
	})
}
