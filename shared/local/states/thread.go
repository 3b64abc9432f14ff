package states

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// thread runs a program: the execution's own, a branch or an iteration.
type thread struct {
	x       *execution
	ctx     context.Context //nolint:containedctx // ends with the execution, or with the failure of a sibling
	top     bool
	context contextObject
	// previous is the id of the event before, on this thread.
	previous int
	// entered is the id of the event that entered the current state.
	entered int
}

// add writes an event behind the thread's last one.
func (t *thread) add(e event) error {
	if t.ctx.Err() != nil {
		return errStopped
	}
	e.previous = t.previous
	id, err := t.x.append(e)
	if err == nil {
		t.previous = id
	}
	return err
}

// program runs from a state to the end, and returns the output. An error is a
// *failure or errStopped.
func (t *thread) program(p *program, start string, input any) (any, error) {
	for name := start; ; {
		s := p.states[name]
		if t.top {
			t.x.mu.Lock()
			t.x.at, t.x.with = name, input
			t.x.mu.Unlock()
		}
		output, next, err := t.state(s, input)
		switch {
		case err != nil:
			return nil, err
		case next == "":
			return output, nil
		}
		name, input = next, output
	}
}

// state runs one state.
func (t *thread) state(s *state, input any) (output any, next string, err error) {
	c := &t.context
	c.state, c.entered, c.retries, c.token = s.name, time.Now(), 0, ""
	c.inRetryable = s.kind == "Task" || s.kind == "Parallel" || s.kind == "Map"
	if err := t.add(event{kind: s.kind + "StateEntered", name: s.name, data: input, hasData: true}); err != nil {
		return nil, "", err
	}
	t.entered = t.previous
	if c.inRetryable {
		output, next, err = t.attempts(s, input)
	} else {
		output, next, err = t.plain(s, input)
	}
	if err == nil && sizeOf(output) > mostPayload {
		err = t.tooLarge(s.name)
	}
	if err != nil {
		t.x.mu.Lock()
		t.x.leave(s.name)
		t.x.mu.Unlock()
		return nil, "", t.located(err)
	}
	return output, next, t.add(event{kind: s.kind + "StateExited", name: s.name, data: output, hasData: true})
}

// tooLarge is the failure of a result beyond the limit.
func (t *thread) tooLarge(who string) error {
	return &failure{name: errDataLimit, cause: fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", who)}
}

// located puts the state in front of the cause of a States.Runtime error, once.
func (t *thread) located(err error) error {
	var f *failure
	if !errors.As(err, &f) || f.name != errRuntime || f.located {
		return err
	}
	at := fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). ", t.context.state, t.entered)
	return &failure{name: f.name, cause: at + f.cause, located: true}
}

// input applies InputPath.
func (t *thread) input(s *state, raw any) (any, error) { return t.filter(s.inputPath, s.noInput, raw) }

// output applies OutputPath.
func (t *thread) output(s *state, v any) (any, error) { return t.filter(s.outputPath, s.noOutput, v) }

func (t *thread) filter(p *path, none bool, v any) (any, error) {
	if none {
		return map[string]any{}, nil
	}
	out, found := p.get(v, &t.context)
	if !found {
		return nil, runtimeFailure("Invalid path '%s' : No results for path: %s", p.text, p.text)
	}
	return out, nil
}

// placed applies ResultPath to a result, against the state's raw input.
func placed(p *path, none bool, raw, result any) (any, error) {
	if none {
		return raw, nil
	}
	return p.put(raw, result)
}

// plain runs a state that has no Retry.
func (t *thread) plain(s *state, raw any) (any, string, error) {
	if s.kind == "Fail" {
		return nil, "", t.fail(s.fail, raw)
	}
	v, err := t.input(s, raw)
	if err != nil {
		return nil, "", err
	}
	next := s.next
	switch s.kind {
	case "Pass":
		v, err = t.pass(s, raw, v)
	case "Wait":
		err = t.wait(s.wait, v)
	case "Choice":
		next, err = t.choose(s.choice, v)
	}
	if err != nil {
		return nil, "", err
	}
	v, err = t.output(s, v)
	return v, next, err
}

func (t *thread) pass(s *state, raw, v any) (result any, err error) {
	if s.parameters != nil {
		if v, err = s.parameters.evaluate(v, &t.context); err != nil {
			return nil, err
		}
	}
	if s.result != nil {
		v = s.result.constant
	}
	return placed(s.resultPath, s.noResult, raw, v)
}

func (t *thread) fail(s *failState, raw any) error {
	f := &failure{name: s.name, cause: s.cause}
	for _, from := range []struct {
		source expression
		into   *string
		field  string
	}{{s.namePath, &f.name, "ErrorPath"}, {s.causePath, &f.cause, "CausePath"}} {
		if from.source == nil {
			continue
		}
		v, err := from.source.evaluate(raw, &t.context)
		if err != nil {
			return runtimeFailure("The %s parameter cannot be resolved: %v", from.field, err)
		}
		text, isText := v.(string)
		if !isText {
			return runtimeFailure("The %s parameter does not give a string: %s", from.field, encode(v))
		}
		*from.into = text
	}
	return f
}

// choose finds the first rule that holds.
func (t *thread) choose(c *choice, v any) (string, error) {
	for i := range c.rules {
		holds, err := t.holds(&c.rules[i], v)
		if err != nil {
			return "", err
		}
		if holds {
			return c.rules[i].next, nil
		}
	}
	if c.fallback == "" {
		return "", &failure{name: errNoChoice, cause: fmt.Sprintf("No choice rule of the state '%s' matched and it has no Default.", t.context.state)}
	}
	return c.fallback, nil
}

// holds evaluates a rule. And and Or look no further than they need, which is
// what makes IsPresent in front of a comparison useful.
func (t *thread) holds(r *rule, v any) (bool, error) {
	switch r.operator {
	case "And", "Or":
		for i := range r.inner {
			holds, err := t.holds(&r.inner[i], v)
			if err != nil || holds == (r.operator == "Or") {
				return holds, err
			}
		}
		return r.operator == "And", nil
	case "Not":
		holds, err := t.holds(&r.inner[0], v)
		return !holds, err
	}
	value, found := r.variable.get(v, &t.context)
	if r.operator == "IsPresent" {
		return found == r.operand, nil
	}
	if !found {
		return false, runtimeFailure("Invalid path '%s': The choice state's condition path references an invalid value.", r.variable.text)
	}
	operand := r.operand
	if r.path != nil {
		if operand, found = r.path.get(v, &t.context); !found {
			return false, runtimeFailure("Invalid path '%s': The choice state's condition path references an invalid value.", r.path.text)
		}
	}
	return comparisons[r.operator].holds(value, operand), nil
}

// wait sleeps until a Wait state ends; a moment that has passed is no wait.
func (t *thread) wait(w *wait, v any) error {
	text, field := w.timestamp, "Timestamp"
	if w.path != nil {
		given, found := w.path.get(v, &t.context)
		if !found {
			return runtimeFailure("The TimestampPath parameter does not reference an input value: %s", w.path.text)
		}
		s, isText := given.(string)
		if !isText || !okTimestamp(s) {
			return runtimeFailure("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s", w.path.text, encode(given))
		}
		text, field = s, "TimestampPath"
	}
	if text != "" {
		at, ok := timestamp(text)
		if !ok {
			return runtimeFailure("The %s parameter does not reference a valid ISO-8601 extended offset date-time format string: %s", field, text)
		}
		return t.sleep(time.Until(at))
	}
	n, err := t.seconds(w.seconds, v, "SecondsPath", 0)
	if err != nil {
		return err
	}
	return t.sleep(time.Duration(n) * time.Second)
}

// seconds resolves a number of seconds.
func (t *thread) seconds(s seconds, v any, field string, least int64) (int64, error) {
	if s.path == nil {
		return s.fixed, nil
	}
	given, found := s.path.get(v, &t.context)
	if !found {
		return 0, runtimeFailure("The %s parameter does not reference an input value: %s", field, s.path.text)
	}
	n, isWhole := asWhole(given)
	switch {
	case !isWhole:
		return 0, runtimeFailure("The %s parameter cannot be parsed as a long value: %s == %s", field, s.path.text, encode(given))
	case n < least:
		return 0, runtimeFailure("The %s parameter references a negative value: %s == %d", field, s.path.text, n)
	case n > mostSeconds:
		return 0, runtimeFailure("The %s parameter references a value beyond %d: %s == %d", field, mostSeconds, s.path.text, n)
	}
	return n, nil
}

// sleep waits on virtual or real time; it ends early with the thread.
func (t *thread) sleep(d time.Duration) error {
	if t.ctx.Err() != nil {
		return errStopped
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.ctx.Done():
		return errStopped
	}
}
