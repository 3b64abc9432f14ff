// Package entitlement answers who gets which access, and why.
//
// One JSON document holds the rules; its form is published as a JSON Schema
// (Schema). Load refuses a document that is broken, refers to what it does not
// declare, holds a rule that can never apply, or contradicts itself, and lists
// every problem at once with the place and the remedy. What loads cannot fail
// later: a decision is a pure function of the profile and has no error.
//
// How a decision comes about:
//
//   - The baseline gives roles to everybody and to each employee type.
//   - Each lookup table gives the roles of at most one row: the one that names
//     the most columns among those that fit; of two that name as many, the one
//     that names the earlier column in the table's list of columns. The order of
//     rows and tables in the document means nothing.
//   - Each condition that holds gives its roles.
//   - The roles are added up: a grant that several rules give is listed once,
//     with all of their reasons.
//
// Upper and lower case and surplus spaces never matter, neither in tables nor in
// conditions: titles are typed by people.
//
// A row or condition on trial (mode record or warn) changes no decision; what it
// would change is reported beside it.
package entitlement
