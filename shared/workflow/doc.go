// Package workflow joins state machines to Go.
//
// A Task state names a step; Steps finds the function registered under that
// name, decodes its typed input, puts the audit trail and the log attributes of
// the ticket into the context, runs it, and hands back its output or exactly
// one of the error types of shared/fault, because the name of that type is what
// Retry and Catch in the state machine match.
//
// Tickets are worked on by one execution at a time: Custodian takes, waits with
// and gives back the custody of a ticket, and passes on "look again" when a
// ticket changes while somebody else works on it.
package workflow
