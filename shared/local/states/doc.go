// Package states is AWS Step Functions in one process: an interpreter of the
// Amazon States Language (query language JSONPath) behind the service's own wire
// API, for `make run`, the tests and `make validate`.
//
// It runs what the project's state machines may use, with the names, limits and
// moments of the real service, and refuses at load, with the state and the field,
// everything that the language forbids and everything that it does not run. So a
// definition that loads does here what it does in AWS:
//
//   - Task (a Lambda ARN, lambda:invoke, states:startExecution, with
//     .waitForTaskToken and .sync), Choice, Wait, Map (inline), Parallel, Pass,
//     Succeed, Fail;
//   - all paths, payload templates, intrinsic functions and the context object;
//   - Retry, Catch, timeouts, heartbeats, the limits of 256 KiB for a payload and
//     25,000 events for an execution.
//
// Not run, and so refused: JSONata, variables (Assign), activities, distributed
// Map, Express workflows, other service integrations.
//
// Sources: "spec" is states-language.net/spec.html, "docs" the Step Functions
// Developer Guide and API Reference. Where they are silent, behaviour seen in
// published execution histories is followed, and the comment says so.
//
// Each execution is one goroutine (branches and iterations have their own), a
// waiting one sleeps on a timer of package time, nothing runs in the background
// before the first execution starts. So an Engine works inside a
// testing/synctest bubble, on virtual time. As in AWS, stopping an execution or
// timing a task out does not end a function that is running: it goes on, and
// nobody hears its answer.
package states
