// Package approval asks people in ServiceNow and resumes the execution that
// waits for their answer.
//
// A state machine waits with a task token. Desk.Open asks every eligible member
// of a group by an approval record each, and keeps the token under these records'
// sys_ids. The first decision counts. ServiceNow's webhook names the record that
// changed, and Desk.Settle reads it, resumes the execution and withdraws the
// other questions; because webhooks get lost, Desk.Reconcile does the same for
// everything that is waited for. Whatever comes twice, late or out of order ends
// in the same place: a decision is stored once, and a token that is used, stale
// or unknown is harmless.
//
// A question may also go to a panel of seats, such as the manager and the owners
// of something: any of them decides, or each seat has to be filled by a yes. A
// panel is asked again and again with the seats as they are then, so that whoever
// leaves is replaced and whoever is escalated to joins; Standing tells how far it
// has come, Remind and Escalate move it on, Withdraw takes everything back.
//
// Nobody decides about their own request: those who are excluded are not asked,
// and a decision they enter in somebody else's record, as an administrator or
// as a delegate, does not count.
package approval
