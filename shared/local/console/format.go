package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// tone is how something stands. It decides a colour and always comes with an
// icon and words.
type tone string

const (
	toneOpen  tone = "open"
	toneBusy  tone = "busy"
	toneGood  tone = "good"
	toneWarn  tone = "warn"
	toneBad   tone = "bad"
	toneQuiet tone = "quiet"
)

var functions = template.FuncMap{
	"clock": clock,
	"iso":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"day":   func(t time.Time) string { return t.Local().Format("2 January 2006, 15:04:05") },
	"args":  func(list ...any) []any { return list },
	"lower": strings.ToLower,
	"words": words,
	"icon":  icon,
}

// words makes "Locked out" of LOCKED_OUT.
func words(status string) string {
	return sentence(strings.ToLower(strings.ReplaceAll(status, "_", " ")))
}

// clock is the time of day, with the date when that is not today.
func clock(t time.Time) string {
	t = t.Local()
	if t.Format(time.DateOnly) != time.Now().Format(time.DateOnly) {
		return t.Format("2 Jan 15:04")
	}
	return t.Format("15:04:05")
}

// took is a duration for people.
func took(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// domID makes an id for an element of any text: distinct texts get distinct ids.
func domID(text string) string {
	var id strings.Builder
	for _, r := range text {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			id.WriteRune(r)
		} else {
			fmt.Fprintf(&id, "_%x_", r)
		}
	}
	return id.String()
}

// icon is a sign for a tone or a type of state, drawn in the page's sprite.
func icon(name any) template.HTML {
	return template.HTML(`<svg class="icon" aria-hidden="true"><use href="#i-` + template.HTMLEscapeString(fmt.Sprint(name)) + `"/></svg>`) //nolint:gosec // escaped
}
