package okta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/fault"
)

// LogEvent is one line of the System Log (spec, schema LogEvent). It holds
// personal data: names, addresses, places. The expr tags are the log's own names,
// by which rules speak of it.
type LogEvent struct {
	UUID      string    `expr:"uuid"                  json:"uuid"`
	Type      string    `expr:"eventType"             json:"eventType"`
	Published time.Time `expr:"published"             json:"published"`
	Message   string    `expr:"displayMessage"        json:"displayMessage"`
	Severity  string    `expr:"severity"              json:"severity"`
	// Actor is who did it, Targets what it was done to.
	Actor          LogParty          `expr:"actor"                 json:"actor"`
	Targets        []LogParty        `expr:"target"                json:"target"`
	Outcome        LogOutcome        `expr:"outcome"               json:"outcome"`
	Client         LogClient         `expr:"client"                json:"client"`
	Security       LogSecurity       `expr:"securityContext"       json:"securityContext"`
	Authentication LogAuthentication `expr:"authenticationContext" json:"authenticationContext"`
	Debug          LogDebug          `expr:"debugContext"          json:"debugContext"`
	Transaction    LogTransaction    `expr:"transaction"           json:"transaction"`
	Device         LogDevice         `expr:"device"                json:"device"`

	// Raw is the event as Okta sent it.
	Raw json.RawMessage `expr:"-" json:"-"`
}

// LogParty is an actor or a target of an event.
type LogParty struct {
	ID   string `expr:"id"   json:"id"`
	Type string `expr:"type" json:"type"`
	// AlternateID is the login of a user.
	AlternateID string    `expr:"alternateId" json:"alternateId"`
	DisplayName string    `expr:"displayName" json:"displayName"`
	Detail      LogDetail `expr:"detailEntry" json:"detailEntry"`
}

// LogOutcome is how it ended: SUCCESS, FAILURE, DENY, ALLOW, CHALLENGE, ... and
// why.
type LogOutcome struct {
	Result string `expr:"result" json:"result"`
	Reason string `expr:"reason" json:"reason"`
}

// LogClient is where it came from; empty for what Okta did by itself.
type LogClient struct {
	ID        string       `expr:"id"                  json:"id"`
	Address   string       `expr:"ipAddress"           json:"ipAddress"`
	Zone      string       `expr:"zone"                json:"zone"`
	Device    string       `expr:"device"              json:"device"`
	UserAgent LogUserAgent `expr:"userAgent"           json:"userAgent"`
	Place     LogPlace     `expr:"geographicalContext" json:"geographicalContext"`
}

// LogUserAgent is the program that was used.
type LogUserAgent struct {
	Raw     string `expr:"rawUserAgent" json:"rawUserAgent"`
	OS      string `expr:"os"           json:"os"`
	Browser string `expr:"browser"      json:"browser"`
}

// LogPlace is where an address is said to be.
type LogPlace struct {
	City       string         `expr:"city"        json:"city"`
	State      string         `expr:"state"       json:"state"`
	Country    string         `expr:"country"     json:"country"`
	PostalCode string         `expr:"postalCode"  json:"postalCode"`
	Location   LogCoordinates `expr:"geolocation" json:"geolocation"`
}

// LogCoordinates are in degrees.
type LogCoordinates struct {
	Latitude  float64 `expr:"lat" json:"lat"`
	Longitude float64 `expr:"lon" json:"lon"`
}

// LogSecurity is whose network an address is in.
type LogSecurity struct {
	Number  int    `expr:"asNumber" json:"asNumber"`
	Org     string `expr:"asOrg"    json:"asOrg"`
	ISP     string `expr:"isp"      json:"isp"`
	Domain  string `expr:"domain"   json:"domain"`
	IsProxy bool   `expr:"isProxy"  json:"isProxy"`
}

// LogAuthentication is how the actor was authenticated.
type LogAuthentication struct {
	Provider       string `expr:"authenticationProvider" json:"authenticationProvider"`
	CredentialType string `expr:"credentialType"         json:"credentialType"`
	Interface      string `expr:"interface"              json:"interface"`
	// Session stands for the actor's session, RootSession for the one that it
	// was made from.
	Session     string `expr:"externalSessionId" json:"externalSessionId"`
	RootSession string `expr:"rootSessionId"     json:"rootSessionId"`
}

// LogDebug holds what each type of event has of its own.
type LogDebug struct {
	Data LogDetail `expr:"debugData" json:"debugData"`
}

// LogTransaction holds the events of one request together.
type LogTransaction struct {
	ID     string    `expr:"id"     json:"id"`
	Type   string    `expr:"type"   json:"type"`
	Detail LogDetail `expr:"detail" json:"detail"`
}

// LogDevice is the registered device, if it was one.
type LogDevice struct {
	ID         string `expr:"id"          json:"id"`
	Name       string `expr:"name"        json:"name"`
	Platform   string `expr:"os_platform" json:"os_platform"`
	Managed    bool   `expr:"managed"     json:"managed"`
	Registered bool   `expr:"registered"  json:"registered"`
}

// LogDetail is an object whose members differ from type to type. What is no text
// is kept as JSON.
type LogDetail map[string]string

// UnmarshalJSON takes any object, and anything else for none.
func (d *LogDetail) UnmarshalJSON(raw []byte) error {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil //nolint:nilerr // a list or a text in its place has no members
	}
	*d = make(LogDetail, len(members))
	for name, value := range members {
		var text string
		if json.Unmarshal(value, &text) != nil {
			text = string(value)
		}
		(*d)[name] = text
	}
	return nil
}

// UnmarshalJSON reads what it can of an event: a member of another type than
// expected is left empty, because the rest of the event is not to be lost for it.
func (e *LogEvent) UnmarshalJSON(raw []byte) error {
	type members LogEvent
	var read struct {
		members

		Published string `json:"published"`
	}
	var mistyped *json.UnmarshalTypeError
	if err := json.Unmarshal(raw, &read); err != nil && (!errors.As(err, &mistyped) || mistyped.Field == "") {
		return err
	}
	*e = LogEvent(read.members)
	e.Raw = bytes.Clone(raw)
	if at, err := time.Parse(time.RFC3339, read.Published); err == nil {
		e.Published = at
	}
	return nil
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

// LogPage is one page of the System Log as it is polled.
type LogPage struct {
	Events []LogEvent
	// Next is the cursor behind the page, also behind an empty one.
	Next string
	// More says that the page was full, so that there is more to read at once.
	More bool
}

const logsPath = "/api/v1/logs?"

// LogCursor is where polling begins: with the events that were stored since then.
func LogCursor(since time.Time) string {
	return logsPath + url.Values{"since": {stamp(since)}, "sortOrder": {"ASCENDING"}, "limit": {strconv.Itoa(logsPerPage)}}.Encode()
}

// PollLogs reads the page behind a cursor, which is LogCursor or Next of the page
// before: Okta's next link without the org. A poll goes by the time of storage and
// skips no event, however late Okta stores it; the same one may come twice
// (developer.okta.com, reference/system-log-query). It is *fault.Invalid when Okta
// does not know the cursor any more.
func (c *Client) PollLogs(ctx context.Context, cursor string) (LogPage, error) {
	const doing = "polling the System Log"
	if !strings.HasPrefix(cursor, logsPath) {
		return LogPage{}, &fault.Invalid{Message: doing + ": the cursor does not lead into the System Log"}
	}
	var page LogPage
	_, err := c.do(ctx, call{doing: doing, read: true}, func(ctx context.Context) error {
		response, err := raw(ctx, "GET", cursor, &page.Events)
		if err == nil {
			page.Next = pathOf(response.NextPage)
		}
		return err
	})
	if err != nil {
		return LogPage{}, err
	}
	if !strings.HasPrefix(page.Next, logsPath) {
		return LogPage{}, &fault.Unavailable{Message: doing + ": the answer does not say where to go on"}
	}
	page.More = len(page.Events) >= logsPerPage
	return page, nil
}
