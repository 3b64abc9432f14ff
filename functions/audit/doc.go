// Package audit is the evidence: what the ledger knows is archived where nobody
// can change it, searched, shown, exported and verified.
//
// The Archiver copies each record as it is written, from the table's stream into a
// bucket with Object Lock, one object per record: the object is the text that the
// record's hash is over, and its key says stream, number and hash, so that a
// listing alone is enough to hold the archive against the table. A change or
// deletion of a record in the table, which nothing here ever makes, is kept there
// too and raises an alarm.
//
// The Service answers auditors behind routes of the HTTP API that callers sign for
// with IAM. It changes nothing and holds no credential of Okta or ServiceNow: people
// are known to it by their Okta user id, as to the ledger, which holds neither names
// nor logins.
package audit
