// Package dynamo is DynamoDB in memory, behind DynamoDB's own wire protocol, for
// `make run` and the tests.
//
// It does what software on DynamoDB relies on: conditional writes, update
// expressions that see the item as it was, transactions that happen whole or not
// at all and once per token, sparse indexes, pages of a megabyte, exact
// decimals, and DynamoDB's refusals: a reserved word in an expression, a value
// that nothing uses, an empty set, a parameter it does not know. What is not
// implemented is refused, never ignored.
//
// It differs in three ways. Indexes and reads are always up to date. Nothing is
// throttled and no transaction meets another, because one call is carried out
// after the other (Fault makes either happen). Items whose TTL attribute has run
// out are deleted two days late, by whoever uses the table next.
//
// Time is package time, nothing runs in the background and there are no
// sockets, so a DB works inside a testing/synctest bubble, on virtual time.
//
// Why not a library: github.com/truora/minidyn v0.8.2, the only embeddable
// engine with transactions, copies the whole table for every transaction (15 ms
// each at 4,000 ledger records, growing with every record), evaluates a query
// against every item of the table, and answers wrongly where we depend on it:
// REMOVE of an attribute leaves it, an item made by UpdateItem is lost to an
// index, numbers are rounded to 53 bits, an empty map is not returned.
package dynamo
