package okta

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// LogEvent is one line of the System Log (spec, schema LogEvent), as far as it
// is read here. It holds personal data: names, addresses, places.
type LogEvent struct {
	UUID      string    `json:"uuid"`
	Type      string    `json:"eventType"`
	Published time.Time `json:"published"`
	Message   string    `json:"displayMessage"`
	Severity  string    `json:"severity"`
	// Actor is who did it, Targets what it was done to.
	Actor   LogParty   `json:"actor"`
	Targets []LogParty `json:"target"`
	Outcome struct {
		Result string `json:"result"`
		Reason string `json:"reason"`
	} `json:"outcome"`
	Client struct {
		Address string `json:"ipAddress"`
		Place   struct {
			City    string `json:"city"`
			Country string `json:"country"`
		} `json:"geographicalContext"`
	} `json:"client"`
}

// LogParty is an actor or a target of an event.
type LogParty struct {
	ID   string `json:"id"`
	Type string `json:"type"`
	// AlternateID is the login of a user.
	AlternateID string `json:"alternateId"`
	DisplayName string `json:"displayName"`
}

// LogQuery asks for the events of a fixed range of time.
type LogQuery struct {
	// Since and Until bound the time of publication, Until exclusively; a zero
	// Until is now.
	Since, Until time.Time
	// Filter is an expression such as `target.id eq "00u1"`; empty: all.
	Filter string
	// Newest begins with the latest event.
	Newest bool
	// Most ends the list; 0 reads all of it.
	Most int
}

// logsPerPage is the most Okta gives at once (spec, listLogEvents).
const logsPerPage = 1000

// Logs reads the System Log of a fixed range. An event that Okta stores late may
// be missing: such a query goes by the time of publication, and only polling
// does not skip any (developer.okta.com, reference/system-log-query).
func (c *Client) Logs(ctx context.Context, q LogQuery) ([]LogEvent, error) {
	limit := logsPerPage
	if q.Most > 0 {
		limit = min(limit, q.Most)
	}
	until := q.Until
	if until.IsZero() {
		until = time.Now()
	}
	params := url.Values{"limit": {strconv.Itoa(limit)}, "until": {stamp(until)}, "since": {stamp(q.Since)}}
	if q.Filter != "" {
		params.Set("filter", q.Filter)
	}
	if q.Newest {
		params.Set("sortOrder", "DESCENDING")
	}
	var found []LogEvent
	_, err := c.do(ctx, call{doing: "reading the System Log", read: true}, func(ctx context.Context) (err error) {
		found, err = logPages(ctx, "/api/v1/logs?"+params.Encode(), q.Most)
		return err
	})
	return found, err
}

// logPages reads pages until there are enough.
func logPages(ctx context.Context, path string, most int) ([]LogEvent, error) {
	var all []LogEvent
	response, err := raw(ctx, "GET", path, &all)
	for n := 1; err == nil && response.HasNextPage() && (most == 0 || len(all) < most); n++ {
		if n == mostPages {
			return nil, errors.New("the list does not end")
		}
		var more []LogEvent
		if response, err = response.Next(ctx, &more); err == nil {
			all = append(all, more...)
		}
	}
	if most > 0 && len(all) > most {
		all = all[:most]
	}
	return all, err
}

// stamp is a time in the form of the System Log, in UTC and to the millisecond.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// LogFilter is a filter for events of the given types, of any when there are
// none, of which the user is actor or target.
func LogFilter(userID string, types ...string) string {
	about := "(actor.id eq " + quoted(userID) + " or target.id eq " + quoted(userID) + ")"
	if len(types) == 0 {
		return about
	}
	alternatives := make([]string, len(types))
	for i, t := range types {
		alternatives[i] = "eventType eq " + quoted(t)
	}
	return about + " and (" + strings.Join(alternatives, " or ") + ")"
}
