package lease

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/audit"
)

// Entitlement is a group or an app.
type Entitlement struct {
	// Kind is "group" or "app".
	Kind string `json:"kind"`
	// ID is Okta's id.
	ID string `json:"id"`
}

// String is the entitlement in sort keys, targets and messages: "group/<id>".
func (e Entitlement) String() string { return e.Kind + "/" + e.ID }

// Lease is one reason for which a person holds an entitlement.
type Lease struct {
	// Subject is the person's Okta user id.
	Subject     string      `json:"subject"`
	Entitlement Entitlement `json:"entitlement"`
	// Name is the group's name or the app's label, for people.
	Name string `json:"name"`
	// Key tells the reasons apart: "birthright", "request/RITM0010001",
	// "exception/<ticket>". Granting again under the same key renews the lease.
	Key    string       `json:"key"`
	Reason audit.Reason `json:"reason"`
	// ApprovedBy are the sys_ids of who approved it; empty for a birthright.
	ApprovedBy []string `json:"approved_by,omitempty"`
	// Since is when it was first granted, Until when it ends; zero: open-ended.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
	// Ticket is the number of the ticket it was granted by.
	Ticket string `json:"ticket,omitempty"`
	// Warned is when its holder was told that it ends; zero: not yet. Renewing
	// it forgets that.
	Warned time.Time `json:"warned,omitzero"`
	// Retry is when ending it is tried again: Okta does not take a person's own
	// assignment to an app away while a group gives it too. Zero: at once.
	Retry time.Time `json:"retry,omitzero"`
}

// Birthright is the key of the lease that the entitlement rules give.
const Birthright = "birthright"

// RequestKey is the key of the lease that an approved request item gives.
func RequestKey(number string) string { return "request/" + number }

// ExceptionKey is the key of a lease that somebody keeps although no rule gives
// it any more, confirmed on that ticket.
func ExceptionKey(number string) string { return "exception/" + number }

// Ended reports whether the lease's time is over.
func (l Lease) Ended(now time.Time) bool { return !l.Until.IsZero() && !l.Until.After(now) }

// Holding is all leases of one person on one entitlement.
type Holding struct {
	Subject     string
	Entitlement Entitlement
	// Leases in the order of their keys, ended ones included until they are
	// swept.
	Leases []Lease
	// version counts the changes of the item.
	version int64
}

// Valid are the leases whose time is not over.
func (h Holding) Valid(now time.Time) []Lease {
	return slices.DeleteFunc(slices.Clone(h.Leases), func(l Lease) bool { return l.Ended(now) })
}

// Find returns the lease under that key.
func (h Holding) Find(key string) (Lease, bool) {
	i := slices.IndexFunc(h.Leases, func(l Lease) bool { return l.Key == key })
	if i < 0 {
		return Lease{}, false
	}
	return h.Leases[i], true
}

// with is the holding with the lease added or renewed.
func (h Holding) with(l Lease) Holding {
	if old, found := h.Find(l.Key); found {
		l.Since = old.Since
	}
	next := h.without(l.Key)
	next.Leases = append(next.Leases, l)
	slices.SortFunc(next.Leases, func(a, b Lease) int { return strings.Compare(a.Key, b.Key) })
	return next
}

func (h Holding) without(key string) Holding {
	h.Leases = slices.DeleteFunc(slices.Clone(h.Leases), func(l Lease) bool { return l.Key == key })
	return h
}

// due is when the first of the leases ends; zero when none does.
func (h Holding) due() time.Time {
	var first time.Time
	for _, l := range h.Leases {
		if !l.Until.IsZero() && (first.IsZero() || l.Until.Before(first)) {
			first = l.Until
		}
	}
	return first
}

// same reports whether two leases say the same, apart from when they were given.
func same(a, b Lease) bool {
	return a.Key == b.Key && a.Reason == b.Reason && a.Until.Equal(b.Until) && a.Name == b.Name &&
		cmp.Compare(a.Ticket, b.Ticket) == 0 && slices.Equal(a.ApprovedBy, b.ApprovedBy)
}
