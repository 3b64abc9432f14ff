// Package largeorg answers as Okta and ServiceNow would for an org of any size
// that nobody has to hold: every page is worked out when it is asked for, from
// arithmetic over the numbers of people and groups. It serves the lists that an
// access review reads, in the form of oktasim and snowsim, within Okta's limits.
//
// What is wrong in the org is planted, so that it is known what has to be found.
package largeorg
