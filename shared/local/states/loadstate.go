package states

import (
	"fmt"
	"strings"
)

const (
	noJSONata      = "belongs to JSONata, which is not run here"
	noVariables    = "variables are not run here"
	noDistribution = "belongs to distributed Map, which is not run here; inline Map is"
)

// state compiles one state.
func (l *loader) state(name string, f *fields) *state {
	s := &state{name: name}
	s.kind, _ = f.text("Type")
	f.text("Comment")
	f.language()
	f.refuse(noJSONata, "Arguments", "Output")
	f.refuse(noVariables, "Assign")
	switch s.kind {
	case "Task":
		l.task(s, f)
	case "Choice":
		l.choice(s, f)
	case "Wait":
		l.wait(s, f)
	case "Pass":
		s.parameters = f.payload("Parameters")
		if v, given := f.value("Result"); given {
			s.result = &payload{constant: v}
		}
		s.resultPath, s.noResult = f.resultPath()
	case "Succeed":
	case "Fail":
		l.fail(s, f)
	case "Parallel":
		l.parallel(s, f)
	case "Map":
		l.each(s, f)
	default:
		f.problemf("Type", "there is no type %q", s.kind)
		return s
	}
	if s.kind != "Fail" {
		s.inputPath, s.noInput = f.optionalPath("InputPath")
		s.outputPath, s.noOutput = f.optionalPath("OutputPath")
	}
	switch s.kind {
	case "Task", "Wait", "Pass", "Parallel", "Map":
		l.next(s, f)
	}
	l.taskToken(s, f)
	f.done()
	return s
}

// next reads Next and End, of which exactly one has to be there.
func (l *loader) next(s *state, f *fields) {
	next, given := f.text("Next")
	_, ends := f.values["End"]
	end := f.truth("End")
	switch {
	case given && ends:
		f.problemf("Next", "stands beside End: which of the two is meant?")
	case !given && !end:
		f.problemf("Next", "is missing; a state that ends the execution says \"End\": true")
	}
	s.next = next
}

// retryable reads what Task, Parallel and Map have in common.
func (l *loader) retryable(s *state, f *fields) {
	s.selector = f.payload("ResultSelector")
	s.resultPath, s.noResult = f.resultPath()
	retriers := f.objects("Retry")
	for i, r := range retriers {
		s.retry = append(s.retry, l.retrier(r, i == len(retriers)-1))
	}
	catchers := f.objects("Catch")
	for i, c := range catchers {
		c.text("Comment")
		c.refuse(noJSONata, "Output")
		c.refuse(noVariables, "Assign")
		entry := catcher{errors: c.errorNames(i == len(catchers)-1)}
		entry.resultPath, entry.noResult = c.resultPath()
		next, given := c.text("Next")
		if !given {
			c.problemf("Next", "is missing")
		}
		entry.next = next
		c.done()
		s.catch = append(s.catch, entry)
	}
}

func (l *loader) retrier(f *fields, last bool) retrier {
	f.text("Comment")
	r := retrier{errors: f.errorNames(last)}
	interval := f.whole("IntervalSeconds", 1, mostSeconds, 1)
	r.interval = float64(interval)
	r.most = f.whole("MaxAttempts", 0, mostSeconds, 3)
	r.rate = 2
	if v, given := f.value("BackoffRate"); given {
		rate, isNumber := asFloat(v)
		if !isNumber || rate < 1 {
			f.problemf("BackoffRate", "has to be a number of 1 or more")
		}
		r.rate = rate
	}
	// Spec: less than a year, and more than the interval it limits.
	longest := f.whole("MaxDelaySeconds", 1, 31622399, 0)
	if longest > 0 && longest <= interval {
		f.problemf("MaxDelaySeconds", "has to be more than IntervalSeconds, which is %d", interval)
	}
	r.longest = float64(longest)
	if jitter, given := f.text("JitterStrategy"); given {
		if jitter != "FULL" && jitter != "NONE" {
			f.problemf("JitterStrategy", "has to be FULL or NONE")
		}
		r.fullJitter = jitter == "FULL"
	}
	f.done()
	return r
}

// wait reads a Wait state: one of its four fields.
func (l *loader) wait(s *state, f *fields) {
	w := &wait{seconds: f.seconds("Seconds", 0)}
	given := 0
	for _, name := range []string{"Seconds", "SecondsPath", "Timestamp", "TimestampPath"} {
		if _, is := f.values[name]; is {
			given++
		}
	}
	if given != 1 {
		f.problemf("Seconds", "a Wait has exactly one of Seconds, SecondsPath, Timestamp, TimestampPath")
	}
	if text, is := f.text("Timestamp"); is {
		if _, ok := timestamp(text); !ok {
			f.problemf("Timestamp", "%q is no RFC 3339 timestamp such as 2026-03-14T01:59:00Z", text)
		}
		w.timestamp = text
	}
	w.path = f.reference("TimestampPath")
	s.wait = w
}

// fail reads a Fail state.
func (l *loader) fail(s *state, f *fields) {
	w := &failState{}
	w.name, _ = f.text("Error")
	w.cause, _ = f.text("Cause")
	w.namePath, w.causePath = f.reason("ErrorPath"), f.reason("CausePath")
	if w.name != "" && w.namePath != nil {
		f.problemf("ErrorPath", "stands beside Error: which of the two is meant?")
	}
	if w.cause != "" && w.causePath != nil {
		f.problemf("CausePath", "stands beside Cause: which of the two is meant?")
	}
	s.fail = w
}

// textFunctions are the intrinsic functions that ErrorPath and CausePath may
// use: those that give a text (docs, "Fail").
var textFunctions = []string{
	"States.Format", "States.JsonToString", "States.ArrayGetItem", "States.Base64Encode", "States.Base64Decode", "States.Hash", "States.UUID",
}

func (f *fields) reason(name string) expression {
	text, given := f.text(name)
	if !given {
		return nil
	}
	if strings.HasPrefix(text, "$") {
		if p, err := parseReference(text); err != nil {
			f.problemf(name, "%v", err)
		} else {
			return p
		}
		return nil
	}
	c, err := parseIntrinsic(text)
	if err != nil {
		f.problemf(name, "%v", err)
		return nil
	}
	if !contains(textFunctions, c.name) {
		f.problemf(name, "%s gives no text", c.name)
	}
	return c
}

// parallel reads a Parallel state.
func (l *loader) parallel(s *state, f *fields) {
	s.parameters = f.payload("Parameters")
	l.retryable(s, f)
	branches := f.objects("Branches")
	if _, given := f.values["Branches"]; !given {
		f.problemf("Branches", "is missing")
	}
	for i, b := range branches {
		inner := l.fields(fmt.Sprintf("%s, Branches[%d]", f.at, i), b.values)
		s.branches = append(s.branches, l.program(inner))
		inner.done()
	}
}

// each reads a Map state.
func (l *loader) each(s *state, f *fields) {
	e := &each{}
	l.retryable(s, f)
	f.refuse(noDistribution, "ItemReader", "ItemBatcher", "ResultWriter", "Label", "ToleratedFailureCount",
		"ToleratedFailureCountPath", "ToleratedFailurePercentage", "ToleratedFailurePercentagePath")
	f.refuse(noJSONata, "Items")
	e.items = f.reference("ItemsPath")
	e.selector = f.payload("ItemSelector")
	if old := f.payload("Parameters"); old != nil {
		if e.selector != nil {
			f.problemf("Parameters", "is the old name of ItemSelector, which is there too")
		}
		e.selector = old
	}
	e.most = f.whole("MaxConcurrency", 0, mostSeconds, 0)
	e.mostPath = f.reference("MaxConcurrencyPath")
	if _, both := f.values["MaxConcurrency"]; both && e.mostPath != nil {
		f.problemf("MaxConcurrencyPath", "stands beside MaxConcurrency: which of the two is meant?")
	}
	name := "ItemProcessor"
	body, given := f.object(name)
	if old, isOld := f.object("Iterator"); isOld {
		if given {
			f.problemf("Iterator", "is the old name of ItemProcessor, which is there too")
		}
		name, body, given = "Iterator", old, true
	}
	s.each = e
	if !given {
		f.problemf(name, "is missing")
		return
	}
	inner := l.fields(f.at+", "+name, body)
	if config, is := inner.object("ProcessorConfig"); is && name == "ItemProcessor" {
		c := inner.inside("ProcessorConfig", config)
		if mode, given := c.text("Mode"); given && mode != "INLINE" {
			c.problemf("Mode", "only INLINE is run here, not %s", mode)
		}
		c.done()
	}
	e.program = l.program(inner)
	inner.done()
}
