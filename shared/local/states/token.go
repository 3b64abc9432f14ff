package states

import (
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
)

// waiter waits for the answer that comes with a task token.
type waiter struct {
	execution *execution
	token     string
	answered  chan answer // holds one

	mu   sync.Mutex
	last time.Time // heartbeat, or start
}

// tokenMark tells our tokens from other text.
const tokenMark = "states/1"

// newToken makes a task token. It is opaque to everybody else; inside are the
// execution and the number of its token, so that one that was used can be told
// from one that never was.
func (x *execution) newToken() string {
	x.mu.Lock()
	x.tokens++
	n := x.tokens
	x.mu.Unlock()
	return base64.StdEncoding.EncodeToString([]byte(strings.Join([]string{tokenMark, x.arn, strconv.Itoa(n), uuid()}, "\n")))
}

// await makes a token valid.
func (e *Engine) await(x *execution, token string) *waiter {
	w := &waiter{execution: x, token: token, answered: make(chan answer, 1), last: time.Now()}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting[token] = w
	return w
}

// forget makes a token invalid.
func (e *Engine) forget(w *waiter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.waiting, w.token)
}

// expire makes a token invalid because its time is over, unless the answer was
// just before. A task without a token, a nil w, just expires.
func (e *Engine) expire(w *waiter) (answer, bool) {
	if w == nil {
		return answer{}, false
	}
	e.forget(w)
	select {
	case got := <-w.answered:
		return got, true
	default:
		return answer{}, false
	}
}

// left is how long the next heartbeat may still take. Without a token nobody
// can send one.
func (w *waiter) left(every time.Duration) time.Duration {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Until(w.last.Add(every))
}

// take finds who waits for a token, and for an answer makes it invalid at once:
// a token is answered once.
func (e *Engine) take(token string, answers bool) (*waiter, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	w, waits := e.waiting[token]
	if waits {
		// One that was stopped a moment ago may not have let go of it yet.
		status, _ := w.execution.end()
		waits = status == Running
	}
	if waits {
		if answers {
			delete(e.waiting, token)
		}
		return w, nil
	}
	invalid := refuse("InvalidToken", "Invalid Token: 'Invalid token'")
	text, err := base64.StdEncoding.DecodeString(token)
	parts := strings.Split(string(text), "\n")
	if err != nil || len(parts) != 4 || parts[0] != tokenMark {
		return nil, invalid
	}
	n, err := strconv.Atoi(parts[2])
	if err != nil {
		return nil, invalid
	}
	x, exists := e.executions[parts[1]]
	if !exists || !x.handedOut(n) {
		return nil, refuse("TaskDoesNotExist", "Task Does Not Exist: 'Provided task does not exist'")
	}
	return nil, refuse("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
}

func (x *execution) handedOut(n int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return n >= 1 && n <= x.tokens
}

// Succeed answers a task that waits for its token, with a JSON output.
func (e *Engine) Succeed(token, output string) error {
	v, err := decode([]byte(output))
	if err != nil {
		return refuse("InvalidOutput", "Invalid Output: '%v'", err)
	}
	if len(output) > mostPayload {
		return refuse("ValidationException", "1 validation error detected: Value at 'output' failed to satisfy constraint: Member must have length less than or equal to %d", mostPayload)
	}
	w, err := e.take(token, true)
	if err == nil {
		w.answered <- answer{result: v}
	}
	return err
}

// Fail answers a task that waits for its token with an error.
func (e *Engine) Fail(token, errorName, cause string) error {
	w, err := e.take(token, true)
	if err == nil {
		w.answered <- answer{err: &failure{name: errorName, cause: cause}}
	}
	return err
}

// Heartbeat says that the task that waits for the token is still worked on.
func (e *Engine) Heartbeat(token string) error {
	w, err := e.take(token, false)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = time.Now()
	return nil
}
