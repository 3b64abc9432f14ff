package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/functions/offboarding"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

const offboardingMachine = "OffboardingMachine"

// watching are the states in which a resolved termination only looks again.
var watching = []string{"WaitOneHour", "WaitOneDay"}

// Leavers are the acts about offboarding.
func Leavers() []Act {
	return []Act{
		{"A leaver with everything a person can hold", leaver},
		{"A protected account: two people have to agree", protected},
		{"A termination at the end of the month, which is moved to now", moved},
		{"A mistake, undone by one command", undone},
	}
}

func leave(ctx context.Context, w *World, told *Told, title string, form map[string]string, waiting ...string) (Ticket, error) {
	ticket, err := w.Open(offboarding.DefaultKind(), Requester, title, form)
	if err != nil {
		return Ticket{}, err
	}
	told.happened("%s opened %s: %s", Requester, ticket.Number, title)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ticket, w.Settled(ctx, ticket, offboardingMachine, append(waiting, watching...)...)
}

// burden gives an account everything that could outlive a deactivation.
func burden(w *World, login string) error {
	a, _ := w.Okta.Snapshot(login)
	_, roleErr := w.Okta.GiveRole(a.ID, "HELP_DESK_ADMIN")
	_, _, tokenErr := w.Okta.CreateAPIToken(a.ID, "nightly export")
	_, factorErr := w.Okta.EnrolFactor(a.ID, "push")
	return errors.Join(roleErr, tokenErr, factorErr, w.Okta.SignIn(a.ID), w.Okta.Consent(a.ID, seed.AppID(seed.AppSlack), "openid", "offline_access"),
		w.Okta.AssignApp(seed.AppID(seed.AppZendesk), a.ID), w.Okta.MakeOwner(seed.GroupID("GitHub Engineers"), a.ID))
}

func leaver(ctx context.Context, w *World) (told Told, err error) {
	const number = "E1011"
	if err := burden(w, Login(number)); err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(number))
	told.happened("%s holds %d groups, %d apps, an admin role, an API token, a session, consents and factors", a.Login, len(a.Groups), len(a.Apps))
	ticket, err := leave(ctx, w, &told, "Termination, effective now", Leaver(number, nil))
	if err != nil {
		return told, err
	}
	a, _ = w.Okta.Snapshot(Login(number))
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(emptyHanded(a), resolvedOnce(w, ticket))
}

// emptyHanded is what promise 1 asks of a former employee.
func emptyHanded(a oktasim.Account) error {
	var held []string
	for _, g := range a.Groups {
		if g.Type == "OKTA_GROUP" && !g.ByRule {
			held = append(held, g.Name)
		}
	}
	return errors.Join(
		expect(a.Status == oktasim.Deprovisioned, "%s is %s", a.Login, a.Status),
		expect(len(held) == 0, "%s is still in %v", a.Login, held),
		expect(len(a.Apps) == 0, "%s still has apps: %v", a.Login, a.Apps),
		expect(a.Sessions+a.RefreshTokens+len(a.Grants)+len(a.APITokens)+len(a.Roles)+len(a.Factors) == 0, "%s still holds something: %+v", a.Login, a))
}

func protected(ctx context.Context, w *World) (told Told, err error) {
	const number = seed.NumberService
	ticket, err := leave(ctx, w, &told, "Retire the service account", Leaver(number, nil), "AskApproval")
	if err != nil {
		return told, err
	}
	// The state is entered before everybody has been asked.
	err = w.Until(ctx, func() bool {
		return slices.ContainsFunc(w.Notes(ticket, "work_notes"), func(n string) bool { return strings.Contains(n, "Waiting until") })
	})
	if err != nil {
		return told, fmt.Errorf("nobody was asked about %s: %w", ticket.Number, err)
	}
	a, _ := w.Okta.Snapshot(Login(number))
	untouched := a.Status == oktasim.Active
	asked := w.ServiceNow.Approvals(ticket.SysID)
	told.happened("the account is protected: %d approvers were asked, and nothing has been touched", len(asked))
	by, err := w.ServiceNow.Decide(ticket.SysID, "rejected")
	if err != nil {
		return told, err
	}
	told.happened("%s rejected it", w.ServiceNow.Record("sys_user", by)["name"])
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = w.Settled(ctx, ticket, offboardingMachine)
	a, _ = w.Okta.Snapshot(Login(number))
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err, expect(untouched, "the account was touched before anybody agreed"),
		expect(a.Status == oktasim.Active, "the account is %s", a.Status),
		expect(w.Column(ticket, "state") == "1", "the ticket is in state %s, not open", w.Column(ticket, "state")))
}

func moved(ctx context.Context, w *World) (told Told, err error) {
	const number = "E1016" // works in Tokyo
	last := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	ticket, err := leave(ctx, w, &told, "Termination at the end of "+last+", Tokyo time", Leaver(number, map[string]string{"termination_at": last}), "WaitForMoment")
	if err != nil {
		return told, err
	}
	notes := w.Notes(ticket, "work_notes")
	if len(notes) == 0 {
		return told, fmt.Errorf("%s was not told when access will end", ticket.Number)
	}
	told.happened("  | %s", strings.Split(notes[0], "\n")[0])
	if err := w.Save(ticket, Requester, Columns(offboarding.DefaultKind(), map[string]string{"termination_at": ""})); err != nil {
		return told, err
	}
	told.happened("%s cleared the date: now", Requester)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = w.Settled(ctx, ticket, offboardingMachine, watching...)
	a, _ := w.Okta.Snapshot(Login(number))
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err, emptyHanded(a), resolvedOnce(w, ticket))
}

func undone(ctx context.Context, w *World) (told Told, err error) {
	const number = "E1040"
	before, _ := w.Okta.Snapshot(Login(number))
	ticket, err := leave(ctx, w, &told, "Termination (of the wrong person)", Leaver(number, nil))
	if err != nil {
		return told, err
	}
	gone, _ := w.Okta.Snapshot(Login(number))
	told.happened("%s is %s", gone.Login, gone.Status)
	input := fmt.Sprintf(`{"table":%q,"sys_id":%q,"number":%q}`, ticket.Table, ticket.SysID, ticket.Number)
	started, err := w.SFN().StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(w.Machine("OffboardingUndoMachine")), Input: aws.String(input),
	})
	if err != nil {
		return told, err
	}
	told.happened("an operator started the undo: aws stepfunctions start-execution --input '{\"table\":…,\"sys_id\":…,\"number\":…}'")
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	x, err := w.States.Wait(ctx, aws.ToString(started.ExecutionArn))
	if err != nil {
		return told, err
	}
	if err := w.Settled(ctx, ticket, offboardingMachine); err != nil {
		return told, err
	}
	a, err := welcome(w, &told, Login(number))
	told.account(a)
	told.ticket(w, ticket)
	return told, errors.Join(err, expect(x.Status == "SUCCEEDED", "the undo %s: %s", x.Status, x.Cause),
		expect(a.Status == oktasim.Active, "the account is %s", a.Status),
		expect(len(a.Groups) == len(before.Groups), "groups before %v, now %v", before.Groups, a.Groups))
}
