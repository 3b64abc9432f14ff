// Package onboarding turns a new hire's ticket into an account that works on
// the first day.
//
// A ticket is read and checked, the rules say what access the person gets, an
// existing account is found or a new one made under a free login, access is
// granted with its reason in the ledger, the account is activated with Okta's
// welcome mail, and everything is read back before the ticket is resolved. What
// cannot be processed stays open with a note that says what to mend. The steps
// stand here in the order of statemachines/onboarding.asl.json.
package onboarding

import (
	"context"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// Steps holds what the steps of an onboarding work with.
type Steps struct {
	okta       *okta.Client
	servicenow *servicenow.Client
	tickets    *workflow.Tickets
	rules      *entitlement.Source
	ledger     *audit.Ledger
	leases     *lease.Register
	seats      *ratelimit.Seats
	settings   Settings
}

// Settings are the onboarding's own settings, each from the environment
// variable named beside it.
type Settings struct {
	// LeadTime is how long before the start date the account is made.
	LeadTime time.Duration `env:"ONBOARDING_LEAD_TIME" envDefault:"72h"`
	// TimeZone is where a start date is read when the ticket names no zone.
	TimeZone string `env:"ONBOARDING_TIME_ZONE" envDefault:"UTC"`
	// EmailDomains are the domains accounts are given in; none means any.
	EmailDomains []string `env:"ONBOARDING_EMAIL_DOMAINS"`
	// LoginPattern makes further logins when the requested one belongs to
	// somebody else: {local} and {domain} are the parts of the requested
	// address, {n} counts from 2.
	LoginPattern string `env:"ONBOARDING_LOGIN_PATTERN" envDefault:"{local}{n}@{domain}"`
}

// state is the state machine's data as far as the steps read it.
type state struct {
	workflow.Subject
	Ticket  workflow.Reading  `json:"ticket"`
	Access  access            `json:"access"`
	Seats   workflow.Seats    `json:"seats"`
	Account account           `json:"account"`
	Granted granted           `json:"granted"`
	Taken   withdrawn         `json:"withdrawn"`
	Error   *workflow.Failure `json:"error"`
}

// Register adds the steps to the table, under the names of the states.
func (s *Steps) Register(table *workflow.Steps) {
	s.tickets.Register(table)
	workflow.Add(table, "ReadTicket", s.ReadTicket)
	workflow.Add(table, "AnnounceStart", s.AnnounceStart)
	workflow.Add(table, "PlanAccess", s.PlanAccess)
	workflow.Add(table, "BookSeats", s.BookSeats)
	workflow.Add(table, "FindAccount", s.FindAccount)
	workflow.Add(table, "CreateAccount", s.CreateAccount)
	workflow.Add(table, "ReviveAccount", s.ReviveAccount)
	workflow.Add(table, "UpdateAccount", s.UpdateAccount)
	workflow.Add(table, "GrantAccess", s.GrantAccess)
	workflow.Add(table, "WithdrawAccess", s.WithdrawAccess)
	workflow.Add(table, "ActivateAccount", s.ActivateAccount)
	workflow.Add(table, "VerifyAccount", s.VerifyAccount)
	workflow.Add(table, "ResolveTicket", s.ResolveTicket)
	workflow.Add(table, "ReturnTicket", s.ReturnTicket)
	workflow.Add(table, "TellLeftBehind", s.TellLeftBehind)
}

// because is the reason of every change that the ticket itself asks for.
func because(s workflow.Subject) audit.Reason {
	return audit.Reason{Kind: "ticket", Ref: s.Number, Text: "onboarding"}
}

// hire reads the ticket again. Personal data is read where it is used rather
// than carried through the state machine, whose history keeps what it carried.
func (s *Steps) hire(ctx context.Context, subject workflow.Subject) (NewHire, servicenow.Ticket, []string, error) {
	t, err := s.servicenow.Ticket(ctx, s.tickets.Kind, subject.SysID)
	if err != nil {
		return NewHire{}, servicenow.Ticket{}, nil, err
	}
	h, problems := newHire(t, s.settings, time.Now())
	managerProblems, err := s.readManager(ctx, t.Value("manager"), &h)
	if err != nil {
		return NewHire{}, servicenow.Ticket{}, nil, err
	}
	return h, t, append(problems, managerProblems...), nil
}
