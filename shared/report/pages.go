package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"strings"
	"time"
)

//go:embed templates
var templates embed.FS

// pages are the templates of what people read.
var pages = template.Must(template.New("").Funcs(functions).ParseFS(templates, "templates/*.html"))

var functions = template.FuncMap{
	"number": number, "count": count, "day": day, "minute": minute, "second": second, "iso": iso, "because": because,
	"title": title, "sentence": sentence, "capital": capital, "ago": ago, "lower": strings.ToLower, "short": short, "shortRecord": shortRecord,
	"args": func(list ...any) []any { return list },
}

// ago is how long before t something was, in days: nobody decides by the hour.
func ago(then, t time.Time) string {
	switch days := int(t.Sub(then).Hours() / 24); {
	case days < 0:
		return "since then"
	case days == 0:
		return "within a day"
	default:
		return count(days, "day", "days") + " before"
	}
}

func short(hash string) string { return hash[:min(12, len(hash))] }

// shortRecord leaves of a sys_id what tells it from others on the same page.
func shortRecord(record string) string {
	parts := strings.Split(record, "/")
	for i, part := range parts {
		if len(part) == 32 {
			parts[i] = part[:8] + "…"
		}
	}
	return strings.Join(parts, "/")
}

// shell is what every page brings along: its style and script, and the policy that allows
// nothing else, from nowhere.
type shell struct {
	Style  template.CSS
	Script template.JS
	Policy string
}

var sheet = newShell()

func newShell() shell {
	style, script := asset("page.css"), asset("page.js")
	return shell{
		Style: template.CSS(style), Script: template.JS(script), //nolint:gosec // embedded, ours
		Policy: "default-src 'none'; img-src data:; style-src '" + digest(style) + "'; script-src '" + digest(script) + "'; base-uri 'none'; form-action 'none'",
	}
}

func asset(name string) string {
	text, err := templates.ReadFile("templates/" + name)
	if err != nil {
		panic(err) // embedded: it is there or nothing builds
	}
	return string(text)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
