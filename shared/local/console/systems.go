package console

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// systemsView is what the simulated systems were asked.
type systemsView struct {
	Gauges    []gaugeView
	Calls     []callView
	Throttled int
	Total     int // of Okta
}

// gaugeView is one rate limit in its running minute.
type gaugeView struct {
	ID, Name, Words string
	Used, Limit     int
	Percent         int
	Tone            tone
	Throttled       int
}

type callView struct {
	ID, System, Method, Path, Words string
	Status                          int
	Tone                            tone
	At                              time.Time
	Took                            string
}

func systemsOf(s *sight) systemsView {
	var v systemsView
	for _, g := range s.gauges {
		if g.Bucket == "concurrency" {
			v.Total = g.Calls
			v.Throttled += g.Throttled
			continue
		}
		v.Throttled += g.Throttled
		view := gaugeView{ID: domID(string(g.Bucket)), Name: bucketName(string(g.Bucket)), Words: string(g.Bucket), Used: g.Used, Limit: g.Limit, Throttled: g.Throttled}
		if g.Limit > 0 {
			view.Percent = 100 * g.Used / g.Limit
		}
		switch {
		case view.Percent >= 90:
			view.Tone = toneBad
		case view.Percent >= 60:
			view.Tone = toneWarn
		default:
			view.Tone = toneBusy
		}
		v.Gauges = append(v.Gauges, view)
	}
	for _, c := range s.okta {
		v.Calls = append(v.Calls, callView{
			ID: "o" + domID(c.ID), System: "Okta", Method: c.Method, Path: strings.TrimPrefix(c.Path, "/api/v1"), Words: c.Path,
			Status: c.Status, Tone: codeTone(c.Status), At: c.At, Took: took(c.Took),
		})
	}
	for _, c := range s.servicenow {
		v.Calls = append(v.Calls, callView{
			ID: "s" + domID(c.ID), System: "ServiceNow", Method: c.Method, Path: strings.TrimPrefix(c.Path, "/api/now"), Words: c.Path,
			Status: c.Status, Tone: codeTone(c.Status), At: c.At, Took: took(c.Took),
		})
	}
	slices.SortStableFunc(v.Calls, func(a, b callView) int { return b.At.Compare(a.At) })
	v.Calls = v.Calls[:min(mostCalls, len(v.Calls))]
	return v
}

// bucketName shortens /api/v1/users/{id} to users/{id}.
func bucketName(bucket string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(bucket, "/api/v1"), "/")
	if name == "" {
		return "everything else"
	}
	return name
}

func codeTone(status int) tone {
	switch {
	case status == 0, status >= 500, status == 429:
		return toneBad
	case status >= 400:
		return toneWarn
	}
	return toneQuiet
}

// code is a status as it is shown; no answer at all is "cut".
func (c callView) Code() string {
	if c.Status == 0 {
		return "cut"
	}
	return fmt.Sprint(c.Status)
}
