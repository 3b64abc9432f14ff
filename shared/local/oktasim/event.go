package oktasim

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// event is one line of the System Log.
type event struct {
	seq       int
	persisted time.Time
	published time.Time
	body      map[string]any
}

// target is one thing that an event happened to, as the System Log shows it.
type target map[string]any

// subject is whatever can be the target of an event.
type subject interface{ target() target }

func (u *user) target() target {
	return target{"id": u.id, "type": "User", "alternateId": text(u.profile, "login"), "displayName": u.name(), "detailEntry": nil}
}

func (g *group) target() target {
	return target{"id": g.id, "type": "UserGroup", "alternateId": "unknown", "displayName": g.name, "detailEntry": nil}
}

func (a *app) target() target {
	return target{"id": a.id, "type": "AppInstance", "alternateId": a.label, "displayName": a.label, "detailEntry": nil}
}

func (a *appUser) target() target {
	return target{"id": a.id(), "type": "AppUser", "alternateId": text(a.user.profile, "login"), "displayName": a.user.name(), "detailEntry": nil}
}

// note writes what a call did. Event types and messages are those of Okta's
// catalogue (developer.okta.com/docs/reference/api/event-types).
func (s *Sim) note(c *call, kind, message string, targets ...subject) {
	if c.quiet {
		return
	}
	body := s.eventBody(c.actor, kind, message, targets)
	body["transaction"] = map[string]any{"type": "WEB", "id": c.id, "detail": map[string]any{}}
	body["debugContext"] = map[string]any{"debugData": map[string]any{
		"requestId": c.id, "requestUri": c.request.URL.EscapedPath(), "url": c.request.URL.EscapedPath() + "?",
	}}
	body["client"] = map[string]any{
		"userAgent": map[string]any{"rawUserAgent": c.request.UserAgent(), "os": "Unknown", "browser": "UNKNOWN"},
		"zone":      "null", "device": "Unknown", "id": nil, "ipAddress": address, "geographicalContext": nil,
	}
	s.persist(body, c.now, c.now)
}

// noteSystem writes what nobody called for.
func (s *Sim) noteSystem(now time.Time, by actor, kind, message string, targets ...subject) {
	body := s.eventBody(by, kind, message, targets)
	body["transaction"] = map[string]any{"type": "JOB", "id": s.org.newID("job"), "detail": map[string]any{}}
	body["debugContext"] = map[string]any{"debugData": map[string]any{}}
	body["client"] = map[string]any{"userAgent": nil, "zone": nil, "device": nil, "id": nil, "ipAddress": nil, "geographicalContext": nil}
	s.persist(body, now, now)
}

// address stands for whoever calls the API (RFC 5737).
const address = "192.0.2.10"

func (s *Sim) eventBody(by actor, kind, message string, targets []subject) map[string]any {
	list := make([]any, 0, len(targets))
	for _, t := range targets {
		list = append(list, map[string]any(t.target()))
	}
	return map[string]any{
		"eventType": kind, "displayMessage": message, "version": "0", "severity": "INFO",
		"legacyEventType": "core." + strings.ReplaceAll(kind, ".", "_"),
		"actor":           map[string]any{"id": by.id, "type": by.kind, "alternateId": by.alternateID, "displayName": by.displayName, "detailEntry": nil},
		"outcome":         map[string]any{"result": "SUCCESS"},
		"target":          list,
		"authenticationContext": map[string]any{
			"authenticationStep": 0, "externalSessionId": "trs" + by.id,
		},
		"securityContext": map[string]any{"asNumber": nil, "asOrg": nil, "isp": nil, "domain": nil, "isProxy": nil},
		"request":         map[string]any{"ipChain": []any{}},
	}
}

func (s *Sim) persist(body map[string]any, published, persisted time.Time) {
	seq := s.org.next()
	if _, has := body["uuid"]; !has {
		body["uuid"] = fmt.Sprintf("51300000-0000-4000-8000-%012x", seq)
	}
	body["published"] = instant(published)
	s.org.log.add(seq, &event{seq: seq, persisted: persisted, published: published, body: body})
}

// Emit adds an event to the System Log as if Okta had seen it happen at
// published and stored it now: a published time that lies back makes a late
// event. body is in the System Log's own form; eventType is required, uuid and
// published are filled in.
func (s *Sim) Emit(published time.Time, body map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.settle(now)
	kind, _ := body["eventType"].(string)
	full := s.eventBody(system, kind, "", nil)
	full["transaction"] = map[string]any{"type": "WEB", "id": s.org.newID("req"), "detail": map[string]any{}}
	full["debugContext"] = map[string]any{"debugData": map[string]any{}}
	maps.Copy(full, body)
	s.persist(full, published, now)
}

const layout = "2006-01-02T15:04:05.000Z"

// instant is a time in Okta's form, with milliseconds and in UTC.
func instant(t time.Time) string { return t.UTC().Format(layout) }

// stamp is a time in JSON, null when zero.
type stamp time.Time

func (t stamp) MarshalJSON() ([]byte, error) {
	if time.Time(t).IsZero() {
		return []byte("null"), nil
	}
	return []byte(`"` + instant(time.Time(t)) + `"`), nil
}
