// Package guard holds what stops the machinery for a person: the breaker, which
// counts destructive work in a rolling window, and the switch, which stops every
// change to other systems.
//
// Both live in the control table: pk and sk (S), TTL attribute expires.
package guard
