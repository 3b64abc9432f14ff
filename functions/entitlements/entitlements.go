// Package entitlements answers questions about the access rules, and changes
// nothing.
//
// Explain tells what somebody gets and by which rule, what they would get and
// lose if the rules were carried out now, and what they hold for another reason.
// WhatIf holds a changed document against the one in force over all people: who
// gains and loses what, whom no rule covers, which pairs collide, under a hash
// that stands for the whole plan. It reads people page by page through the lane
// for bulk work, so that nobody else waits for it, and keeps counts and samples
// only.
package entitlements

import (
	"context"
	"fmt"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
)

// Service answers the questions.
type Service struct {
	okta   *okta.Client
	leases *lease.Register
	rules  *entitlement.Source
	seats  *ratelimit.Seats
}

// seat waits in place for a seat for the calls. When it would be free only after
// the caller's time is up the error is *fault.Throttled.
func (s *Service) seat(ctx context.Context, class ratelimit.Class, id string, calls *okta.Calls) error {
	booking, err := s.seats.Book(ctx, class, id, calls.Needs())
	for err == nil {
		ahead := time.Until(booking.At)
		if deadline, bounded := ctx.Deadline(); bounded && time.Now().Add(ahead).After(deadline) {
			return &fault.Throttled{Message: "Okta's limits leave no room for this question in the time that there is; nothing was changed", Until: booking.At}
		}
		if ahead > 0 {
			if err := pause(ctx, ahead); err != nil {
				return err
			}
		}
		if booking, err = s.seats.CheckIn(ctx, booking); err == nil && !booking.At.After(time.Now()) {
			return nil
		}
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return &fault.Unavailable{Message: "the question ran out of time", Cause: ctx.Err()}
	case <-timer.C:
		return nil
	}
}

// profileOf is an account as the rules see it.
func profileOf(u okta.User) entitlement.Profile {
	return entitlement.Profile{
		Department: u.Profile.Department, Title: u.Profile.Title, Location: u.Profile.Location,
		EmployeeType: u.Profile.EmployeeType, Manager: u.Profile.ManagerID,
	}
}

func key(kind, id string) string { return kind + "/" + id }

// exceptional are the valid leases that no rule gives.
func exceptional(h lease.Holding, now time.Time) []lease.Lease {
	var list []lease.Lease
	for _, l := range h.Valid(now) {
		if l.Key != lease.Birthright {
			list = append(list, l)
		}
	}
	return list
}

// because tells what a lease rests on.
func because(l lease.Lease) string {
	text := l.Reason.Text
	if text == "" {
		text = l.Reason.Kind
	}
	if l.Ticket != "" {
		text = fmt.Sprintf("%s (%s)", text, l.Ticket)
	}
	if !l.Until.IsZero() {
		text += ", until " + l.Until.UTC().Format("2 January 2006")
	}
	return text
}
