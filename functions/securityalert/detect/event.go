package detect

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"lifecycle/shared/okta"
)

// Person is whom an event is about.
type Person struct {
	// ID is the Okta user id; empty for a login that belongs to nobody.
	ID    string `expr:"id"`
	Login string `expr:"login"`
	Name  string `expr:"name"`
}

// key names the person, also one without an account, without saying who it is.
func (p Person) key() string {
	if p.ID != "" || p.Login == "" {
		return p.ID
	}
	return "~" + digest(p.Login)
}

// digest stands for a text that is nobody's business who looks at the table:
// logins, and whatever a rule counts or goes by.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Risk is Okta's own estimate, as it stands in debugData.risk.
type Risk struct {
	Level     string `expr:"level"`
	Reasons   string `expr:"reasons"`
	Detection string `expr:"detection"`
}

// environment is what an expression sees: the event by the System Log's names,
// and what would be awkward to get at.
type environment struct {
	okta.LogEvent

	User      Person            `expr:"user"`
	Address   string            `expr:"address"`
	App       string            `expr:"app"`
	Behaviors map[string]string `expr:"behaviors"`
	Risk      Risk              `expr:"risk"`
}

func newEnvironment(e okta.LogEvent) environment {
	env := environment{LogEvent: e, Address: e.Client.Address, Behaviors: map[string]string{}}
	for _, t := range e.Targets {
		if t.Type == "AppInstance" {
			env.App = t.DisplayName
			break
		}
	}
	data := e.Debug.Data
	env.Behaviors = pairs(data["behaviors"])
	risk := pairs(data["risk"])
	if data["behaviors"] == "" && data["risk"] == "" {
		env.Behaviors, risk = logOnly(data["logOnlySecurityData"])
	}
	env.Risk = Risk{Level: risk["level"], Reasons: risk["reasons"], Detection: risk["detectionName"]}
	return env
}

// about finds the person whom a rule is about.
func (env *environment) about(s subject) Person {
	switch s {
	case theActor:
		return personOf(env.Actor)
	case theTarget:
		for _, t := range env.Targets {
			if t.Type == "User" {
				return personOf(t)
			}
		}
	}
	return Person{}
}

func personOf(p okta.LogParty) Person {
	if p.Type != "User" || p.AlternateID == "system@okta.com" {
		return Person{}
	}
	who := Person{ID: p.ID, Login: strings.ToLower(p.AlternateID), Name: p.DisplayName}
	if !strings.HasPrefix(who.ID, "00u") { // "unknown": somebody typed a login that nobody has
		who.ID = ""
	}
	if who.Login == "unknown" {
		who.Login = ""
	}
	return who
}

// pairs reads Okta's way of writing an object down: {New Device=POSITIVE,
// Velocity=NEGATIVE}, where a value may hold a comma. JSON is taken as well.
func pairs(text string) map[string]string {
	found := map[string]string{}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, `{"`) {
		var members okta.LogDetail
		if json.Unmarshal([]byte(text), &members) == nil {
			return members
		}
	}
	last := ""
	for part := range strings.SplitSeq(strings.Trim(text, "{}"), ", ") {
		name, value, begins := strings.Cut(part, "=")
		switch {
		case begins:
			last = strings.TrimSpace(name)
			found[last] = value
		case last != "":
			found[last] += ", " + part
		}
	}
	return found
}

// logOnly reads debugData.logOnlySecurityData, which stands in the place of
// behaviors and risk where no policy evaluates them.
func logOnly(text string) (behaviors, risk map[string]string) {
	var data struct {
		Behaviors okta.LogDetail `json:"behaviors"`
		Risk      okta.LogDetail `json:"risk"`
	}
	if json.Unmarshal([]byte(text), &data) != nil {
		return map[string]string{}, nil
	}
	if data.Behaviors == nil {
		data.Behaviors = okta.LogDetail{}
	}
	return data.Behaviors, data.Risk
}

// Sighting is an event as a window remembers it.
type Sighting struct {
	// UUID is the event's.
	UUID string `json:"u"`
	// At is its publication, in milliseconds since 1970.
	At int64 `json:"t"`
	// Value stands for what different ones are counted of.
	Value string `json:"v,omitempty"`
	// Who is the Okta user id of whom it is about; what begins with ~ stands for a
	// login that nobody has. Names are nowhere: they are read when they are needed.
	Who     string `json:"w,omitempty"`
	Address string `json:"a,omitempty"`
	// Place is "City, Country".
	Place string  `json:"p,omitempty"`
	Lat   float64 `json:"y,omitempty"`
	Lon   float64 `json:"x,omitempty"`
	// Key and Severity are what the rule made of it.
	Key      Key      `json:"k"`
	Severity Severity `json:"e"`
}

// UserID is the account that a sighting is about; empty when there is none.
func (s Sighting) UserID() string {
	if strings.HasPrefix(s.Who, "~") {
		return ""
	}
	return s.Who
}

func sightingOf(env *environment) Sighting {
	where := env.Client.Place
	return Sighting{
		UUID: env.UUID, At: env.Published.UnixMilli(), Who: env.User.key(), Address: env.Address,
		Place: strings.Trim(where.City+", "+where.Country, ", "),
		Lat:   where.Location.Latitude, Lon: where.Location.Longitude,
	}
}
