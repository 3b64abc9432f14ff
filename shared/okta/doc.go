// Package okta is what the system needs of Okta, over okta-sdk-golang v2.
//
// A write goes through the ledger, which holds its intent before Okta is called
// and its outcome after; and it is idempotent: what is done already counts as
// done, so a step may run again. Errors are those of shared/fault, worded for
// the person who reads the ticket; neither they nor the ledger carry personal
// data.
//
// There is one HTTP policy, in send.go: reads, and writes that may be repeated,
// are sent again at once after 502, 503, 504 or a cut connection; a creation is
// never sent twice without looking first; a 429 is for the state machine to wait
// out. Every answer's rate-limit headers go to shared/ratelimit.
//
// The SDK gives typed calls and nothing else. Its cache, retries, waiting, token
// request, configuration files and environment are switched off or bypassed
// (sdk.go says why and how).
package okta
