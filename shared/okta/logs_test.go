package okta_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/okta"
)

func TestTheSystemLogIsPolledByItsNextLinks(t *testing.T) {
	t.Parallel()
	emit := func(b *testBundle, n int) {
		for i := range n {
			b.sim.Emit(time.Now(), map[string]any{"eventType": "test.event", "displayMessage": fmt.Sprint(i)})
		}
	}

	bubble(t, "page after page until one is not full, and then from there on", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		time.Sleep(time.Second)
		cursor := okta.LogCursor(time.Now())
		emit(b, 1001)
		first, err := b.client.PollLogs(b.ctx(t), cursor)
		must(t, err)
		second, err := b.client.PollLogs(b.ctx(t), first.Next)
		must(t, err)
		third, err := b.client.PollLogs(b.ctx(t), second.Next)
		must(t, err)
		got := []any{len(first.Events), first.More, len(second.Events), second.More, len(third.Events), third.Next == second.Next}
		if d := cmp.Diff([]any{1000, true, 1, false, 0, true}, got); d != "" {
			t.Error(d)
		}
		emit(b, 1)
		again, err := b.client.PollLogs(b.ctx(t), third.Next)
		must(t, err)
		if len(again.Events) != 1 || again.Events[0].Message != "0" {
			t.Errorf("%d events", len(again.Events))
		}
	})

	bubble(t, "and a cursor that Okta does not know, or that leads elsewhere, is said to be invalid", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		for _, cursor := range []string{"/api/v1/logs?after=rubbish", "/api/v1/users?limit=1", "https://elsewhere.example/api/v1/logs?", ""} {
			if _, err := b.client.PollLogs(b.ctx(t), cursor); !fault.Is[*fault.Invalid](err) {
				t.Errorf("%q: %v", cursor, err)
			}
		}
	})

	bubble(t, "and an answer without a next link is not taken for the end", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		b.sim.Fault(func(*http.Request, int) *oktasim.Fault { return &oktasim.Fault{Work: true, Status: 200} })
		if _, err := b.client.PollLogs(b.ctx(t), okta.LogCursor(time.Now())); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("%v", err)
		}
	})
}

func TestAnEventIsReadAsFarAsItCanBe(t *testing.T) {
	t.Parallel()
	const text = `{
		"uuid": "u1", "eventType": "user.session.start", "published": "2026-11-24T10:00:00.123Z",
		"actor": {"id": "00u1", "type": "User", "alternateId": "a@example.com", "displayName": "A", "detailEntry": null},
		"client": {"ipAddress": null, "userAgent": {"rawUserAgent": 7}, "geographicalContext": {"geolocation": {"lat": 52.5, "lon": "east"}}},
		"securityContext": {"asNumber": 64500, "isProxy": null},
		"debugContext": {"debugData": {"threatSuspected": "true", "risk": {"level": "HIGH"}, "n": 3, "nothing": null}},
		"target": [{"type": "AppInstance", "displayName": "Slack", "detailEntry": {"signOnModeType": "SAML_2_0"}}],
		"somethingNew": [1, 2]
	}`
	var e okta.LogEvent
	must(t, json.Unmarshal([]byte(text), &e))
	got := []any{
		e.UUID, e.Published.Format(time.RFC3339Nano), e.Actor.AlternateID, e.Client.Place.Location.Latitude, e.Client.Place.Location.Longitude,
		e.Security.Number, e.Security.IsProxy, e.Debug.Data["threatSuspected"], e.Debug.Data["risk"], e.Debug.Data["n"],
		e.Targets[0].Detail["signOnModeType"], string(e.Raw) == text,
	}
	want := []any{
		"u1", "2026-11-24T10:00:00.123Z", "a@example.com", 52.5, 0.0, 64500, false, "true", `{"level": "HIGH"}`, "3", "SAML_2_0", true,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	for name, broken := range map[string]string{
		"a time that is none":       `{"uuid": "u1", "eventType": "x", "published": "yesterday"}`,
		"a target that is a text":   `{"uuid": "u1", "eventType": "x", "target": "everything"}`,
		"debug data that is a list": `{"uuid": "u1", "eventType": "x", "debugContext": {"debugData": [1]}}`,
	} {
		var e okta.LogEvent
		if err := json.Unmarshal([]byte(broken), &e); err != nil || e.UUID != "u1" || e.Type != "x" {
			t.Errorf("%s: %v, %+v", name, err, e)
		}
	}
	for _, none := range []string{`"text"`, `[]`, `{"uuid":`} {
		if err := json.Unmarshal([]byte(none), new(okta.LogEvent)); err == nil {
			t.Errorf("%s was taken for an event", none)
		}
	}
}

func FuzzAnEventNeverFailsInPart(f *testing.F) {
	f.Add(`{"uuid":"a","debugContext":{"debugData":{"x":[1]}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var e okta.LogEvent
		if json.Unmarshal([]byte(text), &e) == nil && strings.TrimSpace(text) != "null" && len(e.Raw) == 0 {
			t.Errorf("%q was read without being kept", text)
		}
	})
}

func TestARoleSaysWhichGroupGivesIt(t *testing.T) {
	t.Parallel()
	bubble(t, "and a role of the person's own says none", func(t *testing.T) {
		b := setup(t, oktasim.Options{})
		_, err := b.sim.GiveGroupRole(groupID, "APP_ADMIN")
		must(t, err)
		roles, err := b.client.AdminRoles(b.ctx(t), b.id)
		must(t, err)
		given := map[string]string{}
		for _, r := range roles {
			given[r.Type] = r.GroupID
		}
		if d := cmp.Diff(map[string]string{"HELP_DESK_ADMIN": "", "APP_ADMIN": groupID}, given); d != "" {
			t.Error(d)
		}
	})
}
