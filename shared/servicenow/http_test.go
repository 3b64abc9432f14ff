package servicenow

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

type responder = func(*http.Request) (*http.Response, error)

func TestAnswersOfAnInstance(t *testing.T) {
	t.Parallel()

	// read reads one person, which is one GET.
	read := func(t *testing.T, answers ...responder) (Person, *script, error) {
		t.Helper()
		c, s := scripted(t, basic, answers...)
		p, err := c.PersonBySysID(t.Context(), "u1")
		return p, s, err
	}

	for name, test := range map[string]struct {
		answer responder
		is     func(error) bool
		says   string
	}{
		"401 means that the credentials are wrong":               {says(401, `{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}`), fault.Is[*fault.Denied], "credentials"},
		"403 means that a rule forbids it, and the reason stays": {says(403, `{"error":{"message":"Operation Failed","detail":"ACL Exception Update Failed due to security constraints"},"status":"failure"}`), fault.Is[*fault.Denied], "ACL Exception"},
		"404 may be an access rule":                              {says(404, `{"error":{"message":"No Record found","detail":"Record doesn't exist or ACL restricts the record retrieval"},"status":"failure"}`), fault.Is[*fault.NotFound], "access rule"},
		"400 is a mistake of ours":                               {says(400, `{"error":{"message":"Invalid table sn_hr_core_case","detail":null},"status":"failure"}`), fault.Is[*fault.Invalid], "Invalid table"},
		"409 is a conflict":                                      {says(409, `{}`), fault.Is[*fault.Conflict], ""},
		"413 is too large":                                       {says(413, `<html>`), fault.Is[*fault.Invalid], "413"},
		"500 may pass":                                           {says(500, `{"error":{"message":"java.lang.NullPointerException"}}`), fault.Is[*fault.Unavailable], "500"},
		"504 may pass":                                           {says(504, ``), fault.Is[*fault.Unavailable], "504"},
		"408 may pass":                                           {says(408, ``), fault.Is[*fault.Unavailable], "408"},
		"a web page with 200 is a hibernating instance":          {says(200, `<html><title>Instance Hibernating page</title></html>`, "Content-Type", "text/html"), fault.Is[*fault.Unavailable], "hibernating"},
		"a web page is one whatever its type says":               {says(200, "\n <!DOCTYPE html><html>"), fault.Is[*fault.Unavailable], "hibernating"},
		"a redirect means that the address is wrong":             {says(302, ``, "Location", "/login.do"), fault.Is[*fault.Invalid], "SERVICENOW_URL"},
		"200 with an error beside the result is an error": {says(200, `{"result":{"sys_id":"u1"},"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"Check logs"},"status":"failure"}`),
			fault.Is[*fault.Unavailable], "Transaction cancelled"},
		"200 that breaks off is no answer":            {says(200, `{"result":{"sys_id":"u1","user_na`), fault.Is[*fault.Unavailable], "breaks off"},
		"200 without a result is no answer":           {says(200, `{}`), fault.Is[*fault.Unavailable], ""},
		"200 with another record is no answer":        {says(200, person(map[string]any{"sys_id": "u2"})), fault.Is[*fault.Unavailable], "another record"},
		"a reset is no answer":                        {cuts, fault.Is[*fault.Unavailable], "no answer"},
		"a column that is missing is not taken empty": {says(200, `{"result":{"sys_id":"u1","active":"true"}}`), fault.Is[*fault.Invalid], "locked_out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, _, err := read(t, test.answer)
				if err == nil || !test.is(err) || !strings.Contains(err.Error(), test.says) {
					t.Errorf("got %T %v", err, err)
				}
				if err != nil && !strings.Contains(err.Error(), "sys_user/u1") {
					t.Errorf("the message does not say what was read: %v", err)
				}
			})
		})
	}

	t.Run("references with links and values with display values are read all the same", func(t *testing.T) {
		t.Parallel()
		p, _, err := read(t, says(200, person(map[string]any{
			"manager": map[string]string{"link": "https://x/api/now/table/sys_user/u9", "value": "u9"},
			"active":  map[string]string{"display_value": "Ja", "value": "true"}, "time_zone": nil,
		})))
		if err != nil || p.Manager != "u9" || !p.Active || p.TimeZone != "" {
			t.Errorf("%+v, %v", p, err)
		}
	})

	t.Run("no address of a person gets into an error", func(t *testing.T) {
		t.Parallel()
		for _, answer := range []responder{
			cuts, hangsUp, says(403, `{"error":{"message":"Invalid value ada@example.com","detail":"<ada@example.com>"}}`), says(429, ``, "X-RateLimit-Rule", "ada@example.com"),
		} {
			synctest.Test(t, func(t *testing.T) {
				c, _ := scripted(t, basic, answer)
				_, err := c.PersonByEmail(t.Context(), "ada@example.com")
				if err == nil || strings.Contains(err.Error(), "ada") || strings.Contains(err.Error(), "horse") {
					t.Errorf("got %v", err)
				}
			})
		}
	})
}

func hangsUp(*http.Request) (*http.Response, error) { return nil, errors.New("EOF") }

func TestRetryPolicy(t *testing.T) {
	t.Parallel()
	ref := Ref{"incident", "t1"}
	good := says(200, person(nil))

	read := func(ctx context.Context, c *Client) error { _, err := c.PersonBySysID(ctx, "u1"); return err }
	note := func(ctx context.Context, c *Client) error {
		return c.Post(trailed(ctx, ref), ref, Posting{Key: "k", WorkNote: "Done."}, audit.Reason{})
	}
	set := func(ctx context.Context, c *Client) error {
		return c.Post(trailed(ctx, ref), ref, Posting{Key: "k", Set: map[string]string{"state": "2"}}, audit.Reason{})
	}
	done := says(200, `{"result":{"sys_id":"t1","state":"2"}}`)

	for name, test := range map[string]struct {
		do      func(context.Context, *Client) error
		answers []responder
		calls   int
		fails   bool
	}{
		"a read is repeated after a reset":                            {read, []responder{cuts, cuts, good}, 3, false},
		"a read is repeated after 502, 503 and 504":                   {read, []responder{says(503, ``), says(504, ``), good}, 3, false},
		"a read is given up after two repetitions":                    {read, []responder{says(502, ``)}, 3, true},
		"a read is not repeated after 500":                            {read, []responder{says(500, ``), good}, 1, true},
		"a write of values is repeated":                               {set, []responder{cuts, says(503, ``), done}, 3, false},
		"a note is never repeated after a reset":                      {note, []responder{cuts, done}, 1, true},
		"a note is never repeated after 504":                          {note, []responder{says(504, ``), done}, 1, true},
		"a note is repeated where no connection came about":           {note, []responder{refusesConnection, done}, 2, false},
		"a note that a rate rule turned away for a moment is":         {note, []responder{says(429, ``, "Retry-After", "2"), done}, 2, false},
		"a read that a rate rule turned away for a moment is":         {read, []responder{says(429, ``, "Retry-After", "1"), good}, 2, false},
		"nothing is repeated when the rate rule does not say when":    {read, []responder{says(429, ``), good}, 1, true},
		"nothing is repeated when a rate rule asks for half a minute": {note, []responder{says(429, ``, "Retry-After", "30"), done}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, s := scripted(t, basic, test.answers...)
				err := test.do(t.Context(), c)
				if (err != nil) != test.fails || len(s.calls) != test.calls {
					t.Errorf("%d calls, error %v", len(s.calls), err)
				}
				if err != nil && !fault.Retryable(err) {
					t.Errorf("the state machine would not try again: %T", err)
				}
			})
		})
	}

	t.Run("a rate rule that asks for an hour is returned at once, with the time", func(t *testing.T) {
		t.Parallel()
		for header, value := range map[string]func(at time.Time) string{
			"Retry-After":       func(time.Time) string { return "3600" },
			"X-RateLimit-Reset": func(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) },
			"retry-after":       func(at time.Time) string { return at.UTC().Format(http.TimeFormat) },
		} {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				free := began.Add(time.Hour)
				c, s := scripted(t, basic, says(429, `{}`, header, value(free), "X-RateLimit-Rule", "Integration hourly"))
				err := read(t.Context(), c)
				var throttled *fault.Throttled
				if !errors.As(err, &throttled) || !throttled.Until.Equal(free) || !strings.Contains(err.Error(), "Integration hourly") {
					t.Errorf("%s: %v", header, err)
				}
				if elapsed(began) != 0 || len(s.calls) != 1 {
					t.Errorf("%s: %s, %d calls", header, elapsed(began), len(s.calls))
				}
			})
		}
	})

	t.Run("an instance that never answers is left after 20 seconds, once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			c, s := scripted(t, basic, hangs)
			err := read(t.Context(), c)
			if !fault.Is[*fault.Unavailable](err) || elapsed(began) != requestTimeout || len(s.calls) != 1 {
				t.Errorf("%v after %s and %d calls", err, elapsed(began), len(s.calls))
			}
		})
	})

	t.Run("the caller's own deadline ends it too", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			c, _ := scripted(t, basic, hangs)
			if err := read(ctx, c); !fault.Is[*fault.Unavailable](err) || elapsed(began) != time.Second {
				t.Errorf("%v after %s", err, elapsed(began))
			}
		})
	})
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	good := says(200, person(nil))
	token := func(word, lifetime string) responder {
		return says(200, `{"access_token":"`+word+`","token_type":"Bearer","expires_in":`+lifetime+`}`)
	}
	// as answers the token endpoint and the API apart, and remembers who signed.
	type instance struct {
		tokens, reads []responder
		signed        []string
		s             *script
	}
	open := func(t *testing.T, credentials string, i *instance) *Client {
		t.Helper()
		next := func(list *[]responder, r *http.Request) (*http.Response, error) {
			answer := (*list)[0]
			if len(*list) > 1 {
				*list = (*list)[1:]
			}
			return answer(r)
		}
		c, s := scripted(t, credentials, func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/oauth_token.do" {
				return next(&i.tokens, r)
			}
			i.signed = append(i.signed, r.Header.Get("Authorization"))
			return next(&i.reads, r)
		})
		i.s = s
		return c
	}
	read := func(t *testing.T, c *Client) error {
		t.Helper()
		_, err := c.PersonBySysID(t.Context(), "u1")
		return err
	}

	t.Run("basic authentication goes with every call", func(t *testing.T) {
		t.Parallel()
		i := &instance{reads: []responder{good}}
		if err := read(t, open(t, basic, i)); err != nil || !strings.HasPrefix(i.signed[0], "Basic ") {
			t.Errorf("%v, %q", err, i.signed)
		}
	})

	t.Run("a client's token is asked for in the form, kept, and renewed when it ends", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			i := &instance{tokens: []responder{token("one", "1800"), token("two", "1800")}, reads: []responder{good}}
			c := open(t, oauth, i)
			for _, wait := range []time.Duration{0, 20 * time.Minute, 20 * time.Minute} {
				time.Sleep(wait)
				if err := read(t, c); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(i.signed, ","); got != "Bearer one,Bearer one,Bearer two" {
				t.Errorf("signed %s", got)
			}
			if form := i.s.bodies[0]; !strings.Contains(form, "grant_type=client_credentials") || !strings.Contains(form, "client_id=id-1") || !strings.Contains(form, "client_secret=battery+staple") {
				t.Errorf("asked with %s", form)
			}
		})
	})

	t.Run("a token that was revoked is replaced once, also for a note", func(t *testing.T) {
		t.Parallel()
		i := &instance{tokens: []responder{token("one", "1800"), token("two", "1800")}, reads: []responder{says(401, `{}`), good}}
		if err := read(t, open(t, oauth, i)); err != nil || len(i.signed) != 2 || i.signed[1] != "Bearer two" {
			t.Errorf("%v, %q", err, i.signed)
		}
		i = &instance{tokens: []responder{token("one", "1800")}, reads: []responder{says(401, `{}`)}}
		if err := read(t, open(t, oauth, i)); !fault.Is[*fault.Denied](err) || len(i.signed) != 2 {
			t.Errorf("%v, %q", err, i.signed)
		}
	})

	for name, test := range map[string]struct {
		answer responder
		is     func(error) bool
	}{
		"a wrong secret":                   {says(401, `{"error":"invalid_client","error_description":"battery staple"}`), fault.Is[*fault.Denied]},
		"a grant that is switched off":     {says(400, `{"error":"unsupported_grant_type"}`), fault.Is[*fault.Denied]},
		"an error with 200":                {says(200, `{"error":"server_error","error_description":"access_denied"}`), fault.Is[*fault.Denied]},
		"a hibernating instance":           {says(200, `<html>`, "Content-Type", "text/html"), fault.Is[*fault.Unavailable]},
		"an instance that is down":         {says(503, `<html>`), fault.Is[*fault.Unavailable]},
		"a rate rule":                      {says(429, ``, "Retry-After", "3600"), fault.Is[*fault.Throttled]},
		"a reset":                          {cuts, fault.Is[*fault.Unavailable]},
		"an instance that does not answer": {hangs, fault.Is[*fault.Unavailable]},
		"an answer without a token":        {says(200, `{"scope":"useraccount"}`), fault.Is[*fault.Unavailable]},
	} {
		t.Run("signing in meets "+name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				i := &instance{tokens: []responder{test.answer}, reads: []responder{good}}
				err := read(t, open(t, oauth, i))
				if err == nil || !test.is(err) || len(i.signed) > 0 {
					t.Errorf("%T %v, %d calls went out", err, err, len(i.signed))
				}
				if err != nil && strings.Contains(err.Error(), "battery") {
					t.Errorf("the secret is in the message: %v", err)
				}
			})
		})
	}

	t.Run("many callers at once share one sign-in", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			slow := func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Second)
				return token("one", "1800")(r)
			}
			i := &instance{tokens: []responder{slow}, reads: []responder{good}}
			c := open(t, oauth, i)
			failed := make(chan error, 10)
			began := time.Now()
			for range 10 {
				go func() {
					_, err := c.sign10(t)
					failed <- err
				}()
			}
			for range 10 {
				if err := <-failed; err != nil {
					t.Error(err)
				}
			}
			if len(i.s.calls) != 1 || elapsed(began) != time.Second {
				t.Errorf("%d sign-ins in %s", len(i.s.calls), elapsed(began))
			}
		})
	})
}

func (c *Client) sign10(t *testing.T) (string, error) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.service-now.com", nil)
	if err != nil {
		return "", err
	}
	err = c.signIn.sign(t.Context(), r)
	return r.Header.Get("Authorization"), err
}

func TestNew(t *testing.T) {
	t.Parallel()
	ledger, _ := newLedger(t)
	for name, o := range map[string]Options{
		"no address":                        {Credentials: basic, Ledger: ledger},
		"an address without a scheme":       {URL: "example.service-now.com", Credentials: basic, Ledger: ledger},
		"an address with a query":           {URL: "https://example.service-now.com?a=b", Credentials: basic, Ledger: ledger},
		"an address with a password":        {URL: "https://a:b@example.service-now.com", Credentials: basic, Ledger: ledger},
		"no ledger":                         {URL: "https://example.service-now.com", Credentials: basic},
		"no secret":                         {URL: "https://example.service-now.com", Ledger: ledger},
		"a secret that is not JSON":         {URL: "https://example.service-now.com", Credentials: "correct horse", Ledger: ledger},
		"a user without a password":         {URL: "https://example.service-now.com", Credentials: `{"user":"correct horse"}`, Ledger: ledger},
		"both kinds at once":                {URL: "https://example.service-now.com", Credentials: `{"user":"a","password":"correct horse","clientId":"b","clientSecret":"c"}`, Ledger: ledger},
		"an unknown key in the secret":      {URL: "https://example.service-now.com", Credentials: `{"username":"a","password":"correct horse"}`, Ledger: ledger},
		"something after the secret's JSON": {URL: "https://example.service-now.com", Credentials: basic + basic, Ledger: ledger},
	} {
		_, err := New(o)
		if !fault.Is[*fault.Invalid](err) {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: the message repeats the secret", name)
		}
	}
	if _, err := New(Options{URL: "https://example.service-now.com/", Credentials: oauth, Ledger: ledger}); err != nil {
		t.Error(err)
	}
}
