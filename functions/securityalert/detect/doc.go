// Package detect finds what is suspicious among the events of Okta's System Log.
//
// What counts as suspicious is data: a JSON document of rules (schema.json, with
// a default set in default.json) that name event types, conditions over any field,
// thresholds over windows, and sequences. Load checks the document and says what is
// wrong with it, where, and what to do.
//
// A Detector holds batches of events against the rules. What a rule has to
// remember between batches are windows of sightings in DynamoDB, by the time of
// the events and not of their arrival: so an event that comes late, twice, out of
// order, or on several ways at once changes nothing but when it is noticed. Detect
// may be called again with the same events; it finds the same.
package detect
