package states

import (
	"math"
	"math/rand/v2"
	"time"
)

// attempts runs a state that may be retried and whose failures may be caught.
func (t *thread) attempts(s *state, raw any) (output any, next string, err error) {
	counts := make([]int64, len(s.retry)) // each retrier counts for itself
	for {
		output, err = t.attempt(s, raw)
		f, failed := asFailure(err)
		if !failed {
			return output, s.next, err
		}
		delay, again := s.delay(f, counts)
		if !again {
			return t.caught(s, raw, f)
		}
		if err := t.sleep(delay); err != nil {
			return nil, "", err
		}
		t.context.retries++
	}
}

// attempt runs the state once, from its raw input to its output.
func (t *thread) attempt(s *state, raw any) (any, error) {
	t.context.token = ""
	v, err := t.input(s, raw)
	if err != nil {
		return nil, err
	}
	result, err := t.work(s, v)
	if err != nil {
		return nil, err
	}
	if s.selector != nil {
		if result, err = s.selector.evaluate(result, &t.context); err != nil {
			return nil, err
		}
	}
	if v, err = placed(s.resultPath, s.noResult, raw, result); err != nil {
		return nil, err
	}
	return t.output(s, v)
}

func (t *thread) work(s *state, v any) (any, error) {
	if s.kind == "Map" {
		return t.each(s, v)
	}
	if s.task != nil && s.task.callback {
		t.context.token = t.x.newToken()
	}
	effective := v
	if s.parameters != nil {
		var err error
		if effective, err = s.parameters.evaluate(v, &t.context); err != nil {
			return nil, err
		}
	}
	if s.kind == "Parallel" {
		return t.parallel(s, effective)
	}
	return t.task(s.task, v, effective)
}

// delay finds the first retrier that names the failure, and how long it waits;
// when that one is exhausted, no later one is asked (spec, "Retrying after
// error").
func (s *state) delay(f *failure, counts []int64) (time.Duration, bool) {
	for i := range s.retry {
		r := &s.retry[i]
		if !matchesError(r.errors, f.name) {
			continue
		}
		if counts[i] >= r.most {
			return 0, false
		}
		wait := r.interval * math.Pow(r.rate, float64(counts[i]))
		counts[i]++
		if r.longest > 0 {
			wait = min(wait, r.longest)
		}
		if r.fullJitter {
			wait *= rand.Float64()
		}
		return time.Duration(min(wait, mostSeconds) * float64(time.Second)), true
	}
	return 0, false
}

// caught goes on with the first catcher that names the failure; its output is
// not filtered by OutputPath.
func (t *thread) caught(s *state, raw any, f *failure) (any, string, error) {
	for _, c := range s.catch {
		if !matchesError(c.errors, f.name) {
			continue
		}
		if located, is := asFailure(t.located(f)); is {
			f = located
		}
		output, err := placed(c.resultPath, c.noResult, raw, map[string]any{"Error": f.name, "Cause": f.cause})
		return output, c.next, err
	}
	return nil, "", f
}

// matchesError says whether ErrorEquals names the error. States.ALL leaves out
// the two that end an execution, States.TaskFailed also timeouts (docs, "Error
// names").
func matchesError(names []string, name string) bool {
	for _, n := range names {
		switch {
		case n == name:
			return true
		case n == errTimeout && name == errHeartbeat:
			return true // a missed heartbeat is a timeout too (spec, "Errors")
		case n == errAll && name != errRuntime && name != errDataLimit:
			return true
		case n == errTaskFailed && name != errTimeout && name != errHeartbeat && name != errRuntime && name != errDataLimit:
			return true
		}
	}
	return false
}
