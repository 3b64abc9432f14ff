// Package servicenow reads tickets, people, groups and approvals of a ServiceNow
// instance, and writes notes, states, attachments and approvals to it, over the
// Table API (v2) and the Attachment API.
//
// It is built around what that API does when something is slightly wrong:
//
//   - A part of a query that it cannot read, and a column that it does not
//     have, are silently ignored. So every row is held against the query here
//     too, and an answer that lacks a column that was asked for is an error.
//   - A write drops what the integration may not write, and answers 200. So what
//     comes back is held against what was asked for.
//   - A page is cut before access rules are applied: a short or an empty page is
//     not the last one.
//   - Journals append. A write with a note is therefore never sent again blindly:
//     each note ends in a reference that is looked for before a second attempt.
//   - An answer of 200 may carry an error after part of the result, or the web
//     page of an instance that hibernates.
//
// Every write goes through the ledger. Errors are the kinds of shared/fault; they
// name tables, ticket numbers and sys_ids, and nothing personal.
//
// # What the instance has to provide
//
// The integration's user reads the tickets' table, sys_user, sys_user_group,
// sys_user_grmember, sys_choice, sys_journal_field, sys_attachment and, for
// catalog variables, sc_item_option_mtom or question_answer; it writes the
// tickets, attachments and sysapproval_approver. Withdrawing the approvals that
// the first decision made superfluous needs the role approval_admin; without it
// they stay on their approvers' lists.
//
// The tickets are incidents with columns of their own unless configuration says
// otherwise: see OnboardingKind and OffboardingKind for the columns, and
// Kind.With for catalog items and other tables.
package servicenow
