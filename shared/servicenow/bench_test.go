package servicenow

import (
	"context"
	"errors"
	"net"
	"net/http"
	"runtime"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// testBundle is a client of a simulated instance, with one onboarding ticket.
type testBundle struct {
	sim    *snowsim.Sim
	db     *dynamo.DB
	ledger *audit.Ledger
	client *Client
	ticket Ref
	// ctx is that of a step that works on the ticket.
	ctx context.Context //nolint:containedctx // it stands for the step's
	// wire, when set, stands between client and instance.
	wire func(r *http.Request, next http.RoundTripper) (*http.Response, error)
}

func (b *testBundle) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.wire != nil {
		return b.wire(r, b.sim.Transport())
	}
	return b.sim.Transport().RoundTrip(r)
}

// hire is what a new hire's ticket holds.
func hire() map[string]string {
	return map[string]string{
		"short_description": "New hire", "u_kind": "onboarding", "u_first_name": "Ada", "u_last_name": "Lovelace",
		"u_email": "ada.lovelace@example.com", "u_department": "Engineering", "u_title": "Engineer", "u_location": "Berlin",
		"u_employee_number": "E2001", "u_manager": seed.PersonSysID("E1010"), "u_start_date": "2000-02-01", "u_employee_type": "employee",
	}
}

func setup(t *testing.T, options snowsim.Options) *testBundle {
	t.Helper()
	b := &testBundle{sim: snowsim.New(options)}
	b.ledger, b.db = newLedger(t)
	b.ticket = Ref{"incident", b.sim.Insert("incident", hire())}
	b.ctx = trailed(t.Context(), b.ticket)
	b.client = b.open(t, 3)
	return b
}

// open returns a new client, signed in with nothing yet, as after a cold start.
func (b *testBundle) open(t *testing.T, pageSize int) *Client {
	t.Helper()
	c, err := New(Options{
		URL: "https://example.service-now.com", Transport: b, Ledger: b.ledger, PageSize: pageSize,
		Credentials: `{"clientId":"` + snowsim.ClientID + `","clientSecret":"` + snowsim.ClientSecret + `"}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// notes are the texts in the ticket's journals.
func (b *testBundle) notes() (texts []string) {
	for _, e := range b.sim.Journal(b.ticket.Table, b.ticket.SysID, "") {
		texts = append(texts, e.Field+": "+e.Text)
	}
	return texts
}

func (b *testBundle) value(column string) string {
	return b.sim.Record(b.ticket.Table, b.ticket.SysID)[column]
}

// inBubble runs a test on virtual time.
func inBubble(t *testing.T, options snowsim.Options, test func(t *testing.T, b *testBundle)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, setup(t, options)) })
}

// misfortune is something that happens to one call.
type misfortune string

// What can happen to a call. "work" means that the instance did what it was
// asked before things went wrong.
const (
	nothing      misfortune = "nothing"
	throttled    misfortune = "429"
	failed500    misfortune = "500"
	failed503    misfortune = "503"
	work503      misfortune = "work, then 503"
	reset        misfortune = "a reset"
	workReset    misfortune = "work, then a reset"
	hang         misfortune = "no answer"
	workHang     misfortune = "work, then no answer"
	hibernating  misfortune = "a web page"
	brokenOff    misfortune = "work, then an answer that breaks off"
	lateWork     misfortune = "no answer, and work half a minute later"
	killedBefore misfortune = "the function is killed before"
	killedAfter  misfortune = "the function is killed after the work"
)

var misfortunes = []misfortune{
	throttled, failed500, failed503, work503, reset, workReset, hang, workHang, hibernating, brokenOff, lateWork, killedBefore, killedAfter,
}

// meet carries out a call with what happens to it.
func (b *testBundle) meet(m misfortune, r *http.Request, next http.RoundTripper) (*http.Response, error) {
	cut := &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	wait := func() error { <-r.Context().Done(); return r.Context().Err() }
	switch m {
	case throttled:
		return says(429, `{"error":{"message":"Rate limit exceeded"}}`, "Retry-After", "3600")(r)
	case failed500:
		return says(500, ``)(r)
	case failed503:
		return says(503, ``)(r)
	case hibernating:
		return says(200, `<html>`, "Content-Type", "text/html")(r)
	case reset:
		return nil, cut
	case hang:
		return nil, wait()
	case killedBefore:
		runtime.Goexit()
	case lateWork:
		late := r.Clone(context.WithoutCancel(r.Context()))
		go func() {
			time.Sleep(35 * time.Second)
			_, _ = next.RoundTrip(late)
		}()
		return nil, wait()
	}
	response, err := next.RoundTrip(r)
	switch m {
	case work503:
		return says(503, ``)(r)
	case workReset:
		return nil, cut
	case workHang:
		return nil, wait()
	case brokenOff:
		return says(200, `{"result":[{"sys_id":"x"}],"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"}`)(r)
	case killedAfter:
		runtime.Goexit()
	}
	return response, err
}

var errKilled = errors.New("the function was killed")

// attempt runs do as one invocation of a function, which may be killed.
func attempt(do func() error) error {
	ended := make(chan error, 1)
	go func() {
		err := errKilled
		defer func() { ended <- err }()
		err = do()
	}()
	return <-ended
}

// persist does it again until it succeeds, with the state machine's pauses. It
// gives up on an error that the state machine would not retry.
func persist(do func() error) error {
	for try := range 20 {
		err := attempt(do)
		if err == nil || !errors.Is(err, errKilled) && !fault.Retryable(err) {
			return err
		}
		time.Sleep(min(2*time.Second<<try, 2*time.Minute))
	}
	return errors.New("it never succeeded")
}
