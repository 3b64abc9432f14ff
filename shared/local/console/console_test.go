package console_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/console"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

func TestTheBoardShowsWhatHappens(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		b.has(b.get("/"), "No tickets yet", "47 active of 50", "An execution appears here", "Nothing has been changed yet")
		ticket := b.opens("hire")
		page := b.get("/")
		b.has(page, ticket.Number, "Resolved", "Nora Lindgren", "Provisioned", "Onboarding", "Succeeded",
			`data-state="ResolveTicket" data-look="passed"`, `data-state="WaitForStart" data-look="idle"`,
			"Group add", "GitHub Engineers", "/v2/table/incident/"+ticket.SysID)
		if !regexp.MustCompile(`role="meter" aria-label="/api/v1/groups" aria-valuemin="0" aria-valuemax="500" aria-valuenow="[1-9]`).MatchString(page) {
			t.Error("the gauge of the groups bucket does not show the calls")
		}
		time.Sleep(3 * time.Second) // until the ledger is verified anew
		b.get("/")
		time.Sleep(time.Second)
		b.has(b.get("/"), "Ledger verified", "in 1 stream, all intact")
	})
}

func TestATicketIsShownWithAllThatBelongsToIt(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("hire")
		b.has(b.get("/?ticket="+ticket.SysID), "Okta user id: 00u", "The account is ready", "GitHub Engineers: role engineer", `value="nora.lindgren@example.com"`,
			"Lena Vogel", "intact", "User create", "birthright", " steps", `aria-current="true"`)
		b.has(b.get("/?ticket=nothing"), "There is no such ticket")
		b.has(b.get("/?person=nobody"), "Okta has no such account")
	})
}

func TestAPersonIsShownWithAccessReasonsAndTimeline(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("hire")
		a, _ := b.Okta.Snapshot("nora.lindgren@" + seed.Domain)
		b.has(b.get("/?person="+a.ID), "role engineer, for title", "birthright, "+ticket.Number, "Okta puts everybody in it", "Made by a group rule of Okta",
			"User activate", "Lease grant", "Follow the welcome mail", "E5001")
		old, _ := b.Okta.Snapshot(seed.PersonOktaID("E1011"))
		b.has(b.get("/?person="+old.ID), "No reason on record", "Comes with a group", "The ledger has no record of this person")
	})
}

func TestTheTimelineOfAnAuditorIsOneLinkAway(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("hire")
		a, _ := b.Okta.Snapshot("nora.lindgren@" + seed.Domain)
		person, ofTicket := "/console/timeline?person="+a.ID, "/console/timeline?ticket="+ticket.Number
		b.has(b.get("/?person="+a.ID), person)
		b.has(b.get("/?ticket="+ticket.SysID), ofTicket)
		b.has(b.get(person), "<!doctype html>", a.ID, "GitHub Engineers")
		b.has(b.get(ofTicket), "<!doctype html>", ticket.Number)
		if response := b.serve(httptest.NewRequest(http.MethodGet, "http://localhost/console/timeline?person=nobody9", nil)); response.StatusCode != http.StatusNotFound {
			t.Errorf("nobody's timeline was answered %d", response.StatusCode)
		}
	})
}

func TestTheWayOfAnExecutionIsDrawn(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		asked := b.opens("leave-protected")
		page := b.get("/?ticket=" + asked.SysID)
		b.has(page, `data-state="AskApproval" data-look="current"`, "Waiting for a decision", "Daniel Okafor", "now in AskApproval")
		b.lacks(page, `data-look="failed"`)
		b.has(b.get("/?big=1&ticket="+asked.SysID), "Smaller", `data-state="AskApproval" data-look="current"`)

		b.Okta.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Status: http.StatusForbidden} })
		failed := b.opens("hire")
		page = b.get("/?ticket=" + failed.SysID)
		b.has(page, `data-state="Failed" data-look="failed"`, `class="caught"`, "OnboardingFailed")
		b.lacks(page, `data-look="current"`)

		// A chosen execution stays although a later one is there.
		ref := b.Executions("OffboardingMachine", asked)[0].ARN
		_, ref, _ = strings.Cut(ref, ":execution:")
		b.has(b.get("/?x="+ref), `data-state="AskApproval" data-look="current"`, "Follow the latest")
	})
}

func TestTicketsAndPeopleAreFound(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("hire")
		page := b.get("/?q=BIANCHI")
		b.has(page, "Marco Bianchi", "No ticket matches “BIANCHI”", `value="BIANCHI"`)
		b.lacks(page, "Amelia Clarke</b>")
		b.has(b.get("/?q=lindgren"), "Nora Lindgren", ticket.Number)
		b.has(b.get("/?q=suspended"), "George Papadopoulos")
	})
}

// TestNothingIsTakenForMarkup writes what an attacker would wherever people can
// write, and looks for it in the page and in the stream.
func TestNothingIsTakenForMarkup(t *testing.T) {
	const evil = `"'><script>x()</script><img src=x>`
	inWorld(t, console.Options{}, func(b *testBundle) {
		id, err := b.ServiceNow.As(scenario.Requester).Insert("incident", map[string]string{
			"short_description": evil, "u_kind": "onboarding", "u_first_name": evil, "u_email": evil, "u_title": evil, "comments": evil, "work_notes": evil,
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if err := b.Okta.EditProfile(seed.PersonOktaID("E1011"), map[string]any{"firstName": evil, "title": evil}); err != nil {
			b.t.Fatal(err)
		}
		b.does("stop", map[string]string{"reason": evil})
		b.passes(time.Minute)
		pages := []string{
			b.get("/"), b.get("/?ticket=" + id), b.get("/?person=" + seed.PersonOktaID("E1011")),
			b.get(`/?q=%22%27%3E%3Cscript%3Ex()%3C/script%3E`), b.get(`/?ticket=%22%3E%3Cscript%3E&x=%22%3E%3Cscript%3E&person=%3Cscript%3E`),
		}
		for _, message := range b.listen("/console/live?ticket="+id, 2*time.Second) {
			for _, html := range message {
				pages = append(pages, html)
			}
		}
		b.has(strings.Join(pages, ""), "&lt;script&gt;x()")
		for _, page := range pages {
			b.lacks(strings.ReplaceAll(page, `<script src="/console/assets/console.js"`, ""), "<script", "<img", `"'>`)
		}
	})
}

func TestLookingUsesUpNoLimit(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		ticket := b.opens("hire")
		calls := func() int { return len(b.Okta.Calls()) + len(b.ServiceNow.Calls()) }
		before := calls()
		for range 20 {
			b.get("/?ticket=" + ticket.SysID)
			b.get("/?person=" + seed.PersonOktaID("E1011"))
			time.Sleep(300 * time.Millisecond)
		}
		if after := calls(); after != before {
			t.Errorf("looking made %d calls", after-before)
		}
	})
}

func TestRealTenantsAreNotPlayedWith(t *testing.T) {
	inWorld(t, console.Options{Real: true}, func(b *testBundle) {
		page := b.get("/")
		b.has(page, "Real tenants", "Tickets are in your ServiceNow instance", "Stop changes")
		b.lacks(page, "Open ticket", "Break something", "Lifelike", "Nora")
		for action, values := range map[string]map[string]string{
			"open": {"sample": "hire"}, "fault": {"fault": "kill"}, "pace": {"pace": "slow"}, "welcome": {"person": "x"},
			"cancel": {"ticket": "x"}, "mend": {"ticket": "x"}, "approval": {"approval": "x", "state": snowsim.Approved}, "alert": {"alert": "spray"},
		} {
			if status, said := b.post(action, values); status != http.StatusUnprocessableEntity || !strings.Contains(said, "Real tenants") {
				t.Errorf("%s was answered %d: %s", action, status, said)
			}
		}
	})
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	inWorld(t, console.Options{}, func(b *testBundle) {
		response := b.serve(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+host+"/", nil))
		policy := response.Header.Get("Content-Security-Policy")
		for _, wanted := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, wanted) {
				t.Errorf("the policy lacks %s: %s", wanted, policy)
			}
		}
		page := text(t, response)
		b.lacks(page, "http://", "https://", "style=", "onclick", "javascript:")
		for _, match := range regexp.MustCompile(`(?:src|href)="(/console/[^"]+)"`).FindAllStringSubmatch(page, -1) {
			asset := b.serve(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+host+match[1], nil))
			if kind := asset.Header.Get("Content-Type"); asset.StatusCode != http.StatusOK || !slices.Contains([]string{"text/css; charset=utf-8", "text/javascript; charset=utf-8", "image/svg+xml"}, kind) {
				t.Errorf("%s: %d %s", match[1], asset.StatusCode, kind)
			}
		}
		if r := b.serve(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, "http://"+host+"/elsewhere", nil)); r.StatusCode != http.StatusNotFound {
			t.Errorf("an unknown path was answered %d", r.StatusCode)
		}
	})
}

func TestTheScriptStaysSmall(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("assets/console.js")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(script), "\n"); lines >= 100 {
		t.Errorf("the script has %d lines", lines)
	}
}
