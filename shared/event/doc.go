// Package event is the way in: signed webhooks of ServiceNow become executions,
// exactly one for each event.
//
// A trigger faces the internet and holds no credential of Okta or ServiceNow.
// What it accepts is a hint, which table and which record; the steps read the
// record itself. Every request goes the same way, and stops at the first thing
// that is wrong:
//
//	too large            413  the only answer that is given before the signature
//	                          is checked; it depends on nothing but the size
//	signature            401  the same answer, whatever is wrong with it
//	not JSON by its type 415
//	not a notice         400  by the published schema (schema.json), each field
//	other table          400
//	id with other body   409
//	accepted, or again   202  {"execution":"<name>"}
//	AWS throttles        429  Retry-After
//	anything else        503  Retry-After
//
// A 202 means that the execution exists. Its name is derived from the event, and
// Step Functions takes a name once in 90 days, so neither a crash between claim,
// start and completion nor two deliveries at once start it twice. Starter is
// that part alone; the sweep starts through it too.
package event
