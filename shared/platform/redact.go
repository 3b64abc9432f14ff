package platform

import (
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"
)

const redacted = "[redacted]"

// sensitive are parts of names whose values are never logged: credentials, and
// what names a person. They are compared in lower case, without - and _.
var sensitive = []string{
	"password", "passwd", "passphrase", "passcode", "secret", "token", "authorization", "cookie", "credential",
	"apikey", "privatekey", "signature", "assertion", "activationurl", "reseturl", "email", "firstname", "lastname",
}

var (
	bearers     = regexp.MustCompile(`(?i)\b(SSWS|Bearer|Basic|whsec_)[\s:=]*[A-Za-z0-9+/=._~-]{16,}`)
	queryValues = regexp.MustCompile(`(?i)([?&](?:token|[a-z_]*secret|[a-z_]*token|client_assertion|code|password)=)[^&\s"]+`)
	addresses   = regexp.MustCompile(`[A-Za-z0-9._%+'-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)
)

// redact is the last look at every attribute, the message included. It is a net
// below code that does not log such things in the first place.
func redact(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return a
	}
	if isSensitive(a.Key) || slices.ContainsFunc(groups, isSensitive) {
		return slog.String(a.Key, redacted)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, scrub(v.String()))
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			return slog.String(a.Key, scrub(err.Error()))
		}
		return slog.Any(a.Key, scrubbed(v.Any()))
	default:
		return a
	}
}

func isSensitive(name string) bool {
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	for _, part := range sensitive {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// scrub replaces what looks like a credential or an email address in free text.
func scrub(text string) string {
	text = bearers.ReplaceAllString(text, "$1 "+redacted)
	text = queryValues.ReplaceAllString(text, "${1}"+redacted)
	return addresses.ReplaceAllString(text, "[address]")
}

// scrubbed is the value as JSON shows it, with the same rules applied at every
// depth; what JSON cannot show is not logged.
func scrubbed(value any) any {
	raw, err := json.Marshal(value)
	if err != nil {
		return redacted
	}
	var decoded any
	if json.Unmarshal(raw, &decoded) != nil {
		return redacted
	}
	return walk(decoded)
}

func walk(value any) any {
	switch v := value.(type) {
	case string:
		return scrub(v)
	case []any:
		for i := range v {
			v[i] = walk(v[i])
		}
		return v
	case map[string]any:
		for name := range v {
			if isSensitive(name) {
				v[name] = redacted
			} else {
				v[name] = walk(v[name])
			}
		}
		return v
	default:
		return v
	}
}
