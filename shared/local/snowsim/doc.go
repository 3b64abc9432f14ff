// Package snowsim is a ServiceNow instance in memory, behind the REST API that
// ServiceNow publishes, for `make run` and the tests.
//
// It is faithful where software that talks to ServiceNow goes wrong: a part of a
// query that it cannot read is ignored and every row comes back, the page limit
// is cut before access rules hide rows, journals append and read back empty, a
// column that does not exist is dropped without a word, a text that is too long
// is cut, an unknown closing code counts as none, an approval can be answered by
// its approver only, rate rules ask for an hour, and a 200 may be a web page or
// break off in the middle.
//
// Sources named in the comments: "docs" is ServiceNow/ServiceNowDocs, release
// australia, path below markdown; "seen" is an answer of a real instance quoted
// in a public repository; "KB" is an article of support.servicenow.com. Where no
// source tells, the comment says "unconfirmed" and the behaviour is taken that
// is harder on the caller.
//
// Time is package time throughout and nothing runs in the background: hooks run
// in the goroutine of whoever made the change, webhooks are sent when somebody
// asks Outbox to. So a Sim runs inside a testing/synctest bubble, on virtual
// time.
package snowsim
