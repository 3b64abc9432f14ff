// Package local is the embedded cloud: everything that template.yaml describes,
// in one process, for `make demo`, `make run` and the tests.
//
// The functions are the ones that are deployed, built by the same constructors
// and reached over the same wire APIs: DynamoDB (package dynamo), Step Functions
// (package states), Secrets Manager and S3 as far as the functions use them, the
// HTTP API with payload 2.0, schedules. Around it stand a simulated Okta org
// (package oktasim) and a simulated ServiceNow instance (package snowsim), or
// real ones.
//
// Nothing touches a socket or the clock of the machine by itself: inside a
// testing/synctest bubble a wait of fourteen days takes milliseconds. A Saboteur
// may end a function, cut a connection or refuse an answer at any single call.
package local
