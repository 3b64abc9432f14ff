package e2e_test

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/snowsim"
)

// accessProcesses are those of access requests and of their end.
func accessProcesses() []process {
	return []process{
		{
			name: "access request", machine: asking, login: scenario.Login("E1042"),
			play: func(o *office) scenario.Ticket {
				ticket, err := o.Request(scenario.Ask{By: scenario.Login("E1042"), Item: "AWS development access", Duration: "90d"})
				o.must(err)
				o.insists(ticket, "E1009", snowsim.Approved)
				o.insists(ticket, "E1010", snowsim.Approved)
				return ticket
			},
		},
		{
			name: "rejected access request", machine: asking, login: scenario.Login("E1042"),
			play: func(o *office) scenario.Ticket {
				ticket, err := o.Request(paralegal)
				o.must(err)
				o.insists(ticket, "E1009", snowsim.Rejected)
				return ticket
			},
		},
		{
			name: "lease expiry", machine: asking, login: scenario.Login("E1042"),
			prepare: func(o *office) {
				o.asks(jira("E1042", "3h"))
				time.Sleep(4 * time.Hour)
			},
			play: func(o *office) scenario.Ticket {
				o.sweeps()
				items := o.ServiceNow.Query("sc_req_item", "")
				return scenario.Ticket{Table: "sc_req_item", SysID: items[0]["sys_id"], Number: items[0]["number"]}
			},
		},
	}
}

// insists answers as soon as the person is asked, however long that takes.
func (o *office) insists(t scenario.Ticket, number, state string) {
	o.t.Helper()
	for range 10_000 {
		if o.Answer(t, number, state, "") == nil {
			return
		}
		time.Sleep(30 * time.Second)
	}
	o.t.Fatalf("%s is never asked about %s", number, t.Number)
}

// sweeps lets the sweep of leases run once.
func (o *office) sweeps() {
	o.t.Helper()
	started, err := o.SFN().StartExecution(o.ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(o.Machine("LeaseExpiryMachine")), Input: aws.String(`{"table":"lease","sys_id":"expiry","number":"lease expiry"}`),
	})
	o.must(err)
	x, err := o.States.Wait(o.ctx, aws.ToString(started.ExecutionArn))
	o.must(err)
	o.is("the sweep", x.Status, "SUCCEEDED")
}
