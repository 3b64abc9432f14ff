// Package oktasim is an Okta Workforce org in memory, behind the API that Okta
// publishes, for `make run` and the tests.
//
// It is faithful where software that talks to Okta goes wrong: which lifecycle
// operation is legal in which status and how it is refused, what survives a
// deactivation (memberships do, app assignments do not), which memberships can
// be changed at all, answers in pages with opaque cursors, a search that lags
// behind, a rate limit for every bucket with its headers, an overrun of
// concurrency that says something else, a System Log to be polled by its next
// link, and tokens that die.
//
// Sources named in the comments: "spec" is Okta's OpenAPI description, release
// 2026.06.3; "error codes" is developer.okta.com/docs/reference/error-codes;
// "support" is a support.okta.com article. Where no source tells, the comment
// says "unconfirmed" and the stricter behaviour is taken.
//
// A test or a demo looks at the org without calling its API: Snapshot and
// Accounts show all that people hold, Events the System Log, Calls and Gauges
// what was called and how much of the limits it used. SignIn, Consent,
// FollowWelcomeLink and others do what people do; AddMember, SetStatus,
// EditProfile and others what an administrator does in the console; Fault makes
// calls go wrong.
//
// What is not simulated is refused, never ignored: unknown parameters, user
// types, custom roles, functions in rules. Any administrator role may do
// anything.
//
// Time is package time throughout and nothing runs in the background: what
// happens later (an asynchronous deactivation, a rule that takes somebody back)
// is worked out when the next call looks. So a Sim runs inside a
// testing/synctest bubble, on virtual time.
package oktasim
