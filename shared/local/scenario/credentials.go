package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
