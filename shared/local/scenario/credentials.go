package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"lifecycle/functions/credentialreset"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
)

const credentialResetMachine = "CredentialResetMachine"

// lookingBack are the states in which a resolved reset is only watched.
var lookingBack = []string{"WaitToLook", "WaitToLookAgain"}

// Reset is the form of a reset for the person with that employee number, with
// changes.
func Reset(kind, number string, changes map[string]string) map[string]string {
	form := map[string]string{"reset_type": kind, "email": Login(number), "employee_number": number}
	maps.Copy(form, changes)
	maps.DeleteFunc(form, func(_, value string) bool { return value == "" })
	return form
}

// Credentials are the acts about people who cannot sign in, or say so.
func Credentials() []Act {
	return []Act{
		{"Somebody is locked out, and helped without an agent", lockedOut},
		{"Factors are to be reset while a security incident is open about the person", underAttack},
	}
}

// help opens a credential reset and waits until it has come to rest.
func help(ctx context.Context, w *World, told *Told, by, title string, form map[string]string) (Ticket, error) {
	ticket, err := w.Open(credentialreset.DefaultKind(), by, title, form)
	if err != nil {
		return Ticket{}, err
	}
	told.happened("%s opened %s: %s", by, ticket.Number, title)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ticket, w.Settled(ctx, ticket, credentialResetMachine, append(lookingBack, "AskApproval")...)
}

func lockedOut(ctx context.Context, w *World) (told Told, err error) {
	const number = seed.NumberLockedOut
	a, _ := w.Okta.Snapshot(Login(number))
	told.happened("%s is %s after too many wrong passwords", a.Login, a.Status)
	began := time.Now()
	ticket, err := help(ctx, w, &told, Login(number), "I am locked out", Reset("unlock", number, nil))
	if err != nil {
		return told, err
	}
	told.happened("%.1f s later:", time.Since(began).Seconds())
	a, _ = w.Okta.Snapshot(Login(number))
	told.Okta = append(told.Okta, fmt.Sprintf("%s is %s", a.Login, a.Status))
	told.ticket(w, ticket)
	return told, errors.Join(expect(a.Status == oktasim.Active, "%s is %s", a.Login, a.Status), w.Okta.SignIn(a.ID), resolvedOnce(w, ticket))
}

func underAttack(ctx context.Context, w *World) (told Told, err error) {
	const number, agent = "E1021", "E1032"
	incident := w.ServiceNow.Insert("incident", map[string]string{
		"u_kind": "security_alert", "short_description": "Sign-in from a new country by proxy", "caller_id": seed.PersonSysID(number), "state": "2",
	})
	told.happened("%s is open about %s", w.ServiceNow.Record("incident", incident)["number"], Login(number))
	before, _ := w.Okta.Snapshot(Login(number))
	ticket, err := help(ctx, w, &told, Login(agent), "Caller has lost her phone, it is urgent", Reset("mfa", number, map[string]string{
		"identity_proof": "call back: 7731",
	}))
	if err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(number))
	told.Okta = append(told.Okta, fmt.Sprintf("%s is %s with factors %v, as before", a.Login, a.Status, a.Factors))
	told.ticket(w, ticket)
	return told, errors.Join(
		expect(slices.Equal(a.Factors, before.Factors), "factors are %v", a.Factors),
		expect(w.Column(ticket, "state") == "1", "%s is in state %s", ticket.Number, w.Column(ticket, "state")),
		expect(len(w.ServiceNow.Approvals(ticket.SysID)) == 0, "somebody was asked to approve it"),
		w.Save(ticket, Login(agent), map[string]string{"state": "8"}))
}
