// Package idempotency makes sure that what is delivered twice, late or out of
// order is done once.
//
// It knows two things. Custody: one execution at a time works on a ticket, and
// a change that arrives meanwhile is not lost, because the holder cannot give
// the ticket back before it has looked again. Claims: an event's key is taken
// once, and whoever brings the same event again gets the stored answer.
//
// Both are single items changed by one conditional write each, so that any of
// the calls may be repeated after its answer was lost.
package idempotency
