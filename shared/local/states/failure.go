package states

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Error names of the States Language (spec, "Errors").
const (
	errAll         = "States.ALL"
	errTaskFailed  = "States.TaskFailed"
	errTimeout     = "States.Timeout"
	errHeartbeat   = "States.HeartbeatTimeout"
	errRuntime     = "States.Runtime"
	errDataLimit   = "States.DataLimitExceeded"
	errResultPath  = "States.ResultPathMatchFailure"
	errNoChoice    = "States.NoChoiceMatched"
	errIntrinsic   = "States.IntrinsicFailure"
	errPermissions = "States.Permissions"
)

// reservedErrors are the names that may begin with "States.".
var reservedErrors = map[string]bool{
	errAll: true, errTaskFailed: true, errTimeout: true, errHeartbeat: true, errRuntime: true, errDataLimit: true,
	errResultPath: true, errNoChoice: true, errIntrinsic: true, errPermissions: true,
	"States.ParameterPathFailure": true, "States.BranchFailed": true, "States.QueryEvaluationError": true,
	"States.ExceedToleratedFailureThreshold": true, "States.ItemReaderFailed": true, "States.ResultWriterFailed": true,
	"States.Http.Socket": true,
}

// FunctionError says that a function ran and answered with an error. Retry and
// Catch see its errorType, and its payload as the cause.
type FunctionError struct {
	// Payload is what the function answered:
	// {"errorMessage": "...", "errorType": "...", ...}.
	Payload []byte
}

func (e *FunctionError) Error() string { return "the function failed: " + string(e.Payload) }

// failure is the error as the state machine sees it. A payload without errorType
// is Lambda.Unknown.
func (e *FunctionError) failure() *failure {
	var told struct {
		ErrorType string `json:"errorType"`
	}
	if err := json.Unmarshal(e.Payload, &told); err != nil || told.ErrorType == "" {
		told.ErrorType = "Lambda.Unknown"
	}
	return &failure{name: told.ErrorType, cause: string(e.Payload)}
}

// ServiceError says that Lambda itself refused or failed an invocation: the
// function may or may not have run.
type ServiceError struct {
	// Name is what Retry and Catch match, such as
	// "Lambda.TooManyRequestsException".
	Name string
	// Cause is the service's message.
	Cause string
}

func (e *ServiceError) Error() string { return e.Name + ": " + e.Cause }

// failure ends a state, a branch or an execution.
type failure struct {
	name, cause string
	// located is set once the cause names the state.
	located bool
}

func (f *failure) Error() string { return f.name + ": " + f.cause }

// errStopped unwinds a thread whose execution, branch or engine has ended.
var errStopped = errors.New("stopped")

// runtimeFailure is a States.Runtime error; the cause gets the state's name in
// front where it leaves the state.
func runtimeFailure(format string, args ...any) *failure {
	return &failure{name: errRuntime, cause: fmt.Sprintf(format, args...)}
}

// asFailure is the failure in err, if it is one and not an end from outside.
func asFailure(err error) (*failure, bool) {
	var f *failure
	return f, errors.As(err, &f)
}

// invocationFailure is what an error of the Invoke callback means for the task.
func invocationFailure(err error) *failure {
	var function *FunctionError
	var service *ServiceError
	switch {
	case errors.As(err, &function):
		return function.failure()
	case errors.As(err, &service):
		return &failure{name: service.Name, cause: service.Cause}
	}
	return &failure{name: errTaskFailed, cause: err.Error()}
}
