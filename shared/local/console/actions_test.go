package console_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/console"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestOnlyTheConsolesOwnPagesMayChangeAnything(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		for name, change := range map[string]func(r *http.Request){
			"another site":                 func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"a sibling":                    func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"an old browser, another site": func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "http://evil.example") },
			"another port":                 func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "http://127.0.0.1:9999") },
			"a name that somebody rebound": func(r *http.Request) {
				r.Host = "evil.example:8080"
				r.Header.Set("Origin", "http://evil.example:8080")
			},
			"a name that looks like a host": func(r *http.Request) { r.Host = "localhost.evil.example" },
		} {
			r := b.form("open", map[string]string{"sample": "hire"})
			change(r)
			if response := b.serve(r); response.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %d", name, response.StatusCode)
			}
		}
		r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://evil.example/", nil)
		if response := b.serve(r); response.StatusCode != http.StatusForbidden {
			t.Errorf("a rebound name may read: %d", response.StatusCode)
		}
		r = httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+host+"/console/open?sample=hire", nil)
		if response := b.serve(r); response.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("a link opens a ticket: %d", response.StatusCode)
		}
		if n := len(b.ServiceNow.Snapshot(10).Tickets); n != 0 {
			t.Errorf("%d tickets were opened", n)
		}
		for _, host := range []string{"localhost:8080", "[::1]:8080", "192.168.1.20:8080", "127.0.0.1"} {
			r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+host+"/", nil)
			if response := b.serve(r); response.StatusCode != http.StatusOK {
				t.Errorf("%s: %d", host, response.StatusCode)
			}
		}
	})
}

func TestABrowserWithoutTheScriptIsSentOn(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		response := b.serve(b.form("open", map[string]string{"sample": "hire"}))
		ticket := b.ServiceNow.Snapshot(1).Tickets[0].SysID
		if got := response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther || got != "/?ticket="+ticket {
			t.Errorf("%d to %s", response.StatusCode, got)
		}
		response = b.serve(b.form("pace", map[string]string{"pace": "slow", "ticket": "//evil.example", "x": "https://evil.example"}))
		if got := response.Header.Get("Location"); !strings.HasPrefix(got, "/?") {
			t.Errorf("sent to %s", got)
		}
		response = b.serve(b.form("stop", nil))
		if body := text(t, response); response.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(body, "Say why") {
			t.Errorf("%d: %s", response.StatusCode, body)
		}
	})
}

func TestWhatMakesNoSenseIsRefusedInWords(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		for name, given := range map[string]struct {
			action string
			values map[string]string
			wanted string
		}{
			"an unknown sample":          {"open", map[string]string{"sample": "coup"}, "no sample ticket"},
			"a stranger's ticket":        {"open", map[string]string{"sample": "request", "number": "E9999"}, "no user for this person"},
			"an unknown fault":           {"fault", map[string]string{"fault": "flood"}, "no fault"},
			"a third kind of answer":     {"approval", map[string]string{"approval": "x", "state": "maybe"}, "approved or rejected"},
			"an answer to nothing":       {"approval", map[string]string{"approval": "x", "state": snowsim.Approved}, "no such question"},
			"a ticket that is not there": {"cancel", map[string]string{"ticket": "x"}, "no such ticket"},
			"mending nothing":            {"mend", map[string]string{"ticket": "x"}, "no such ticket"},
			"a mail to nobody":           {"welcome", map[string]string{"person": "x"}, "no such account"},
			"stopping without a reason":  {"stop", map[string]string{"reason": "  "}, "say why"},
			"an unknown event":           {"alert", map[string]string{"alert": "x"}, "no security event"},
			"a form without end":         {"stop", map[string]string{"reason": strings.Repeat("x", 100<<10)}, "too large"},
		} {
			status, said := b.post(given.action, given.values)
			if status != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(said), strings.ToLower(given.wanted)) {
				t.Errorf("%s: %d %s", name, status, said)
			}
		}
	})
}

func TestAQuestionIsAnsweredOnce(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("leave-protected")
		question := b.ServiceNow.Approvals(ticket.SysID)[0]
		answer := map[string]string{"approval": question.SysID, "state": snowsim.Rejected, "comment": "It is in use."}
		b.does("approval", answer)
		b.passes(20 * time.Second)
		b.has(b.get("/?ticket="+ticket.SysID), "rejected it", `data-state="ReturnTicket" data-look="passed"`)
		if status, said := b.post("approval", answer); status != http.StatusUnprocessableEntity || !strings.Contains(said, "rejected meanwhile") {
			t.Errorf("a second answer: %d %s", status, said)
		}
	})
}

func TestATicketIsMendedAndCancelled(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("hire-broken")
		b.has(b.get("/?ticket="+ticket.SysID), "Waits for", "somebody(at)example.com")
		b.does("mend", map[string]string{"ticket": ticket.SysID, "set-u_email": "nora.lindgren@example.com", "set-u_manager": seed.PersonSysID("E1010"), "set-state": "6"})
		b.passes(20 * time.Second)
		b.has(b.get("/?ticket="+ticket.SysID), "Resolved", "The account is ready")

		later := b.opens("hire-later")
		b.has(b.get("/?ticket="+later.SysID), `data-state="WaitForStart" data-look="current"`)
		b.does("cancel", map[string]string{"ticket": later.SysID})
		b.passes(20 * time.Second)
		page := b.get("/?ticket=" + later.SysID)
		b.has(page, "Canceled")
		b.lacks(page, `data-look="current"`)
	})
}

func TestTheSwitchStopsAndStartsChanges(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		b.does("stop", map[string]string{"reason": "A bad rule went out"})
		b.has(b.get("/"), "Changes are stopped.", "A bad rule went out", "Start again")
		ticket := b.opens("hire")
		if _, found := b.Okta.Snapshot("nora.lindgren@" + seed.Domain); found {
			t.Error("an account was made while changes were stopped")
		}
		b.does("start", nil)
		b.lacks(b.get("/"), "Changes are stopped.")
		b.passes(10 * time.Minute)
		b.has(b.get("/?ticket="+ticket.SysID), "Resolved")
	})
}

func TestFaultsLastAndEndAndNothingIsLost(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"okta-429", "okta-500", "servicenow-500", "kill"} {
		t.Run(fault, func(t *testing.T) {
			inWorld(t, console.Options{}, func(b *testBundle) {
				b.console.SetPace(200 * time.Millisecond)
				b.does("fault", map[string]string{"fault": fault})
				b.has(b.get("/"), "End faults")
				b.does("open", map[string]string{"sample": "hire"})
				b.passes(10 * time.Minute)
				page := b.get("/?ticket=" + b.ServiceNow.Snapshot(1).Tickets[0].SysID)
				b.has(page, "Resolved", "failed attempts")
				b.lacks(page, "End faults")
				a, _ := b.Okta.Snapshot("nora.lindgren@" + seed.Domain)
				if a.Status != oktasim.Provisioned {
					t.Errorf("the new hire is %s", a.Status)
				}
			})
		})
	}
}

func TestFaultsAreEndedAtOnce(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		b.does("fault", map[string]string{"fault": "okta-429"})
		b.does("fault", map[string]string{"fault": "kill"})
		b.does("calm", nil)
		b.lacks(b.get("/"), "End faults")
		ticket := b.opens("hire")
		page := b.get("/?ticket=" + ticket.SysID)
		b.has(page, "Resolved")
		b.lacks(page, "failed attempts")
	})
}

func TestTheWelcomeMailIsFollowedAndTheLedgerVerified(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		b.opens("hire")
		a, _ := b.Okta.Snapshot("nora.lindgren@" + seed.Domain)
		b.does("welcome", map[string]string{"person": a.ID})
		if a, _ = b.Okta.Snapshot(a.ID); a.Status != oktasim.Active {
			t.Errorf("the new hire is %s", a.Status)
		}
		if said := b.does("verify", nil); !strings.Contains(said, "all intact") {
			t.Errorf("the ledger: %s", said)
		}
	})
}

func TestASecurityEventBecomesAnIncident(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		for _, alert := range []string{"reported", "spray", "fatigue"} {
			b.does("alert", map[string]string{"alert": alert})
		}
		b.passes(2 * time.Minute)
		b.has(b.get("/"), "Security alert", "Suspicious activity reported by the person", "Account entered after a password spray", "Push request approved after many were denied")
	})
}

func TestEverySampleTicketStartsItsProcess(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		samples := b.Samples()
		if len(samples) < 10 {
			b.t.Fatalf("only %d samples", len(samples))
		}
		for round := range 2 {
			for _, sample := range samples {
				ticket := b.opens(sample.ID)
				if len(b.Executions(sample.Machine, ticket)) == 0 {
					t.Errorf("%s, round %d: nothing works on %s", sample.ID, round+1, ticket.Number)
				}
			}
		}
	})
}
