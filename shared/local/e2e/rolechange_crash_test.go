package e2e_test

import (
	"time"

	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// moverProcesses are those of a change of role whose every call goes wrong once.
func moverProcesses() []process {
	login := scenario.Login(mover)
	strict := scenario.Options{}
	strict.Parameters = map[string]string{"RemovalLimit": "1"}
	hours := scenario.Options{} // fewer than until the schedules run
	hours.Parameters = map[string]string{"RoleChangeGrace": "2h"}
	return []process{
		{
			name: "change of role with exceptions", machine: moving, login: login,
			prepare: func(o *office) { o.excepted() },
			play:    func(o *office) scenario.Ticket { return o.move(toEngineering(nil)) },
		},
		{
			name: "change of role that a second person has to agree to", machine: moving, login: login, every: 5, options: strict,
			play: func(o *office) scenario.Ticket {
				ticket := o.move(toEngineering(nil))
				o.answersOnceAsked(ticket, "E1007", snowsim.Approved)
				return ticket
			},
		},
		{
			name: "change of role with grace", machine: moving, login: login, every: 4, options: hours,
			play: func(o *office) scenario.Ticket { return o.move(toEngineering(nil)) },
		},
		{
			name: "change of role whose place a later one takes", machine: moving, login: login, every: 6,
			play: func(o *office) scenario.Ticket {
				first := o.move(toEngineering(map[string]string{"effective_date": "2000-01-15"}))
				o.rests(moving, first, "WaitForMoment")
				second := o.move(map[string]string{"employee_number": mover, "department": "Legal", "title": "Paralegal", "manager": "E1009"})
				o.rests(moving, first)
				return second
			},
		},
		{
			name: "recertification", machine: recertifies, login: login, every: 2,
			prepare: func(o *office) {
				o.excepted()
				o.isResolved(o.moved(toEngineering(nil)))
			},
			play: func(o *office) scenario.Ticket {
				task := o.question()
				o.saves(task, scenario.Login("E1010"), map[string]string{"state": taskComplete, "close_notes": "1 keep\n2 revoke"})
				return task
			},
		},
		{
			name: "recertification that nobody answers", machine: recertifies, login: login, every: 3,
			prepare: func(o *office) {
				o.excepted()
				o.isResolved(o.moved(toEngineering(nil)))
			},
			play: func(o *office) scenario.Ticket {
				task := o.question()
				soon := func() string { return time.Now().UTC().Add(time.Hour).Format(time.DateTime) }
				o.saves(task, scenario.Requester, map[string]string{"due_date": soon()})
				for o.Column(task, "assigned_to") == seed.PersonSysID("E1010") {
					time.Sleep(time.Minute)
				}
				o.saves(task, scenario.Requester, map[string]string{"due_date": soon()})
				return task
			},
		},
	}
}
