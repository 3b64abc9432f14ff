package states

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var functionARN = regexp.MustCompile(`^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9-_]+(:[A-Za-z0-9-_$]+)?$`)

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// task reads a Task state.
func (l *loader) task(s *state, f *fields) {
	t := &task{}
	s.task = t
	s.parameters = f.payload("Parameters")
	l.retryable(s, f)
	f.refuse("other roles are not taken on here", "Credentials")
	t.timeout, t.heartbeat = f.seconds("TimeoutSeconds", 1), f.seconds("HeartbeatSeconds", 1)
	if t.timeout.fixed > 0 && t.heartbeat.fixed >= t.timeout.fixed {
		f.problemf("HeartbeatSeconds", "has to be less than TimeoutSeconds")
	}
	if t.heartbeat.set() && !strings.HasSuffix(fmt.Sprint(f.values["Resource"]), ".waitForTaskToken") {
		f.problemf("HeartbeatSeconds", "only a task that waits for its token is sent heartbeats")
	}
	resource, given := f.text("Resource")
	if !given {
		f.problemf("Resource", "is missing")
		return
	}
	t.resource = resource
	integration, isIntegration := strings.CutPrefix(resource, "arn:aws:states:::")
	switch {
	case !isIntegration && functionARN.MatchString(resource):
		t.service = lambdaDirect
	case !isIntegration:
		f.problemf("Resource", "%q is neither a function's ARN nor an integration that is run here", resource)
	default:
		l.integration(t, integration, f)
	}
}

// integration reads what follows arn:aws:states:::.
func (l *loader) integration(t *task, name string, f *fields) {
	base, pattern, _ := strings.Cut(name, ".")
	switch base {
	case "lambda:invoke":
		t.service = lambdaInvoke
	case "states:startExecution":
		t.service = startExecution
	default:
		f.problemf("Resource", "the integration %s is not run here", t.resource)
		return
	}
	switch {
	case pattern == "":
	case pattern == "waitForTaskToken":
		t.callback = true
	case t.service == startExecution && pattern == "sync":
		t.sync = 1
	case t.service == startExecution && pattern == "sync:2":
		t.sync = 2
	default:
		f.problemf("Resource", "%s has no pattern .%s", base, pattern)
	}
	l.arguments(t, f)
}

// arguments checks the names under an integration's Parameters.
func (l *loader) arguments(t *task, f *fields) {
	known, needed := []string{"FunctionName", "Payload", "Qualifier", "InvocationType", "ClientContext", "LogType"}, "FunctionName"
	if t.service == startExecution {
		known, needed = []string{"StateMachineArn", "Input", "Name", "TraceHeader"}, "StateMachineArn"
	}
	parameters, given := f.object("Parameters")
	if !given {
		f.problemf("Parameters", "has to name the %s", needed)
		return
	}
	found := false
	for _, name := range sortedNames(parameters) {
		bare := strings.TrimSuffix(name, ".$")
		found = found || bare == needed
		switch {
		case !contains(known, bare):
			f.problemf("Parameters."+name, "%s does not take it", t.resource)
		case bare == "InvocationType" && parameters[name] != "RequestResponse":
			f.problemf("Parameters."+name, "only RequestResponse is run here")
		}
	}
	if !found {
		f.problemf("Parameters", "has to name the %s", needed)
	}
}

// taskToken checks that a task that waits for its token hands it out, and that
// nobody else asks for one.
func (l *loader) taskToken(s *state, f *fields) {
	all := slices.Concat(s.parameters.paths(), s.selector.paths())
	if s.each != nil {
		all = append(all, s.each.selector.paths()...)
	}
	asks := func(p *path) bool {
		return p.inContext && len(p.steps) > 0 && p.steps[0].name == "Task"
	}
	waits := s.task != nil && s.task.callback
	switch {
	case waits && !slices.ContainsFunc(all, func(p *path) bool { return asks(p) || p.inContext && len(p.steps) == 0 }):
		f.problemf("Parameters", "nothing in it hands out $$.Task.Token, so nobody could ever answer")
	case !waits && slices.ContainsFunc(all, asks):
		f.problemf("Parameters", "there is no $$.Task.Token without .waitForTaskToken")
	}
}
