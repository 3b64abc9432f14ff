// Package syslog writes System Log events the way Okta does, for tests, the demo
// and the labelled set that detection is measured by. Field names and values are
// those of Okta's documentation and of events that defenders have published;
// people, addresses and networks are made up (RFC 5737, RFC 5398).
package syslog

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
)

// Event is an event in the System Log's own form.
type Event map[string]any

// Option says more about an event.
type Option func(Event)

// New makes an event of a type, which succeeded unless an option says otherwise.
func New(eventType string, options ...Option) Event {
	e := Event{
		"eventType": eventType, "displayMessage": strings.ReplaceAll(eventType, ".", " "), "severity": "INFO", "version": "0",
		"outcome":               map[string]any{"result": "SUCCESS", "reason": nil},
		"actor":                 party("SystemPrincipal", "okta.system", "system@okta.com", "Okta System"),
		"target":                []any{},
		"client":                map[string]any{"ipAddress": nil, "geographicalContext": nil, "userAgent": nil, "zone": "null", "device": "Unknown", "id": nil},
		"securityContext":       map[string]any{"asNumber": nil, "asOrg": nil, "isp": nil, "domain": nil, "isProxy": nil},
		"authenticationContext": map[string]any{"authenticationStep": 0, "externalSessionId": "unknown"},
		"debugContext":          map[string]any{"debugData": map[string]any{}},
		"transaction":           map[string]any{"type": "WEB", "detail": map[string]any{}},
		"request":               map[string]any{"ipChain": []any{}},
	}
	for _, o := range options {
		o(e)
	}
	return e
}

func party(kind, id, alternate, name string) map[string]any {
	return map[string]any{"id": id, "type": kind, "alternateId": alternate, "displayName": name, "detailEntry": nil}
}

func (e Event) object(path ...string) map[string]any {
	at := map[string]any(e)
	for _, name := range path {
		next, isObject := at[name].(map[string]any)
		if !isObject {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	return at
}

// By makes a person the actor.
func By(p seed.Person) Option {
	return func(e Event) { e["actor"] = party("User", p.OktaID, p.Email, p.First+" "+p.Last) }
}

// ByLogin is an attempt with a login that nobody has.
func ByLogin(login string) Option {
	return func(e Event) { e["actor"] = party("User", "unknown", login, "unknown") }
}

// ByAddress is an event about an address, as ThreatInsight writes them.
func ByAddress(ip string) Option {
	return func(e Event) { e["actor"] = party("IP address", ip, "unknown", ip) }
}

// On makes a person a target.
func On(p seed.Person) Option {
	return Target("User", p.OktaID, p.Email, p.First+" "+p.Last)
}

// App makes an application a target.
func App(label string) Option {
	return Target("AppInstance", seed.AppID(label), label, label)
}

// Target adds any target.
func Target(kind, id, alternate, name string) Option {
	return func(e Event) {
		list, _ := e["target"].([]any)
		e["target"] = append(list, party(kind, id, alternate, name))
	}
}

// Outcome says how it ended. An empty reason is none.
func Outcome(result, reason string) Option {
	return func(e Event) {
		e["outcome"] = map[string]any{"result": result, "reason": nil}
		if reason != "" {
			e.object("outcome")["reason"] = reason
		}
	}
}

// Failed is the outcome of a wrong password.
func Failed() Option { return Outcome("FAILURE", "INVALID_CREDENTIALS") }

// Place is where somebody is.
type Place struct {
	IP, City, State, Country string
	Lat, Lon                 float64
	AS                       int
	Org, ISP, Domain         string
	Proxy                    bool
}

// At returns the place behind another address.
func (p Place) At(ip string) Place { p.IP = ip; return p }

// Some places.
var (
	Berlin    = Place{"192.0.2.10", "Berlin", "Land Berlin", "Germany", 52.52, 13.405, 64496, "example berlin access gmbh", "example berlin access gmbh", "access.example", false}
	London    = Place{"192.0.2.40", "London", "England", "United Kingdom", 51.507, -0.128, 64497, "example london broadband ltd", "example london broadband ltd", "broadband.example", false}
	NewYork   = Place{"198.51.100.20", "New York", "New York", "United States", 40.713, -74.006, 64498, "example new york fibre inc", "example new york fibre inc", "fibre.example", false}
	Tokyo     = Place{"198.51.100.70", "Tokyo", "Tokyo", "Japan", 35.68, 139.69, 64499, "example tokyo telecom kk", "example tokyo telecom kk", "telecom.example", false}
	Lagos     = Place{"203.0.113.60", "Lagos", "Lagos", "Nigeria", 6.455, 3.394, 64500, "example lagos mobile", "example lagos mobile", "mobile.example", false}
	Hosting   = Place{"203.0.113.7", "Amsterdam", "North Holland", "Netherlands", 52.37, 4.895, 64501, "example virtual servers bv", "example virtual servers bv", "servers.example", false}
	Proxy     = Place{"203.0.113.99", "Bucharest", "Bucharest", "Romania", 44.43, 26.10, 64502, "example anonymous vpn srl", "example anonymous vpn srl", "vpn.example", true}
	CloudEast = Place{"198.51.100.200", "Ashburn", "Virginia", "United States", 39.04, -77.49, 64503, "example cloud inc", "example cloud inc", "cloud.example", false}
)

// From says where it came from.
func From(p Place) Option {
	return func(e Event) {
		geo := map[string]any{
			"city": p.City, "state": p.State, "country": p.Country, "postalCode": nil,
			"geolocation": map[string]any{"lat": p.Lat, "lon": p.Lon},
		}
		maps.Copy(e.object("client"), map[string]any{"ipAddress": p.IP, "geographicalContext": geo})
		e["securityContext"] = map[string]any{"asNumber": p.AS, "asOrg": p.Org, "isp": p.ISP, "domain": p.Domain, "isProxy": p.Proxy}
		e["request"] = map[string]any{"ipChain": []any{map[string]any{"ip": p.IP, "geographicalContext": geo, "version": "V4", "source": nil}}}
	}
}

// Device is what somebody uses.
type Device struct{ Agent, OS, Browser, Kind string }

// Some devices.
var (
	Mac     = Device{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36", "Mac OS X", "CHROME", "Computer"}
	Windows = Device{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0", "Windows 10", "EDGE", "Computer"}
	Linux   = Device{"Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0", "Linux", "FIREFOX", "Computer"}
	IPhone  = Device{"Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1", "iOS", "SAFARI", "Mobile"}
	Script  = Device{"python-requests/2.32.3", "Unknown", "UNKNOWN", "Unknown"}
)

// With says what device was used.
func With(d Device) Option {
	return func(e Event) {
		maps.Copy(e.object("client"), map[string]any{
			"device": d.Kind, "userAgent": map[string]any{"rawUserAgent": d.Agent, "os": d.OS, "browser": d.Browser},
		})
	}
}

// Session names the Okta session.
func Session(id string) Option {
	return func(e Event) { e.object("authenticationContext")["externalSessionId"] = id }
}

// Debug adds members of debugData: name, value, name, value.
func Debug(members ...string) Option {
	return func(e Event) {
		data := e.object("debugContext", "debugData")
		for i := 0; i+1 < len(members); i += 2 {
			data[members[i]] = members[i+1]
		}
	}
}

var behaviors = []string{"New Geo-Location", "New Device", "New IP", "New State", "New Country", "Velocity", "New City"}

// Behaviors names those that Okta has seen for the first time; all others are
// negative.
func Behaviors(positive ...string) Option {
	return func(e Event) {
		parts := make([]string, 0, len(behaviors))
		for _, b := range behaviors {
			verdict := "NEGATIVE"
			for _, p := range positive {
				if p == b {
					verdict = "POSITIVE"
				}
			}
			parts = append(parts, b+"="+verdict)
		}
		Debug("behaviors", "{"+strings.Join(parts, ", ")+"}")(e)
	}
}

// Elsewhere are the behaviors of somebody who has never been seen there.
func Elsewhere() Option {
	return Behaviors("New Geo-Location", "New Device", "New IP", "New State", "New Country", "New City")
}

// Risk is Okta's estimate.
func Risk(level, reasons string) Option {
	return Debug("risk", fmt.Sprintf("{reasons=%s, level=%s}", reasons, level))
}

// Token says that the call was made with an API token.
func Token(id string) Option {
	return func(e Event) { e.object("transaction", "detail")["requestApiTokenId"] = id }
}

// Stamped is the event with its uuid and time, as it is read from the log.
func (e Event) Stamped(uuid string, at time.Time) okta.LogEvent {
	full := maps.Clone(e)
	full["uuid"], full["published"] = uuid, at.UTC().Format("2006-01-02T15:04:05.000Z")
	text, err := json.Marshal(full)
	if err != nil {
		panic("syslog: " + err.Error())
	}
	var out okta.LogEvent
	if err := json.Unmarshal(text, &out); err != nil {
		panic("syslog: " + err.Error())
	}
	return out
}
