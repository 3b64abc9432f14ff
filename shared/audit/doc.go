// Package audit is the ledger: what was done to whom, by whom, why, and how it
// ended, in a form that shows if anyone has changed it afterwards.
//
// Every ticket has a stream of records, numbered from 1. A record names the
// SHA-256 hash of the one before it, and the stream's head names the last one,
// so a record that was altered, removed, slipped in or moved breaks the chain
// (Verify says where). A record and the head are written in one transaction
// that checks the head, so two writers cannot fork a stream.
//
// A change to another system goes through Do: an intent stands in the ledger
// before the change is made and an outcome after it. A process that dies in
// between leaves an intent without an outcome, and whoever does the same change
// next is told so (Attempt.Repeated): it may have been made already. The head
// carries these open intents, so that telling costs no reading of the stream.
//
// In the table, a stream is a partition: "head", the records under their
// twelve-digit numbers, and "done#..." items that find the latest record of a
// change that was made. The hash of a record is over the text in its attribute
// "body" exactly as stored, so the chain can be checked with nothing but
// sha256sum. It proves integrity against everyone who cannot rewrite a whole
// stream together with its head. Against whoever can, each record is archived as
// it is written in a bucket with Object Lock (functions/audit), and verification
// compares both.
//
// Records are found by person, ticket, target, actor and day, each by an index of
// its own, so that a search reads what it finds and nothing else.
package audit
