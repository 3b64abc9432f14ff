package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	ledger "lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// question is what records are asked for. All that is given has to hold.
type question struct {
	// Person is an Okta user id.
	Person string `json:"person,omitempty"`
	// Ticket is a number, "INC0010001", or a stream, "<table>/<sys_id>".
	Ticket string `json:"ticket,omitempty"`
	// Entitlement is "group/<id>", "app/<id>", or whatever else a record's target is.
	Entitlement string `json:"entitlement,omitempty"`
	// Actor is who acted, "system:onboarding".
	Actor string `json:"actor,omitempty"`
	// From and To bound the period: days, "2026-11-24", or moments (RFC 3339). To
	// is not part of it, unless it is a day.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Cursor is where the page before ended.
	Cursor string `json:"cursor,omitempty"`
	// Limit is how many records are read for a page at most.
	Limit int `json:"limit,omitempty"`
}

const (
	example   = `{"person": "<Okta user id>"} or {"ticket": "<number, or table/sys_id>"}, {"entitlement": "group/<id>"}, {"actor": "system:onboarding"}, {"from": "2026-11-01", "to": "2026-11-30"}, or several of them; "cursor" and "limit" as in the answer before`
	mostLimit = 500
)

var (
	oktaID   = regexp.MustCompile(`^[A-Za-z0-9]{4,64}$`)
	number   = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{2,79}$`)
	stream   = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,79}/[^\s/]{1,120}$`)
	target   = regexp.MustCompile(`^[A-Za-z0-9_./:@-]{2,200}$`)
	actorOf  = regexp.MustCompile(`^[A-Za-z0-9_.:@/-]{2,200}$`)
	longTime = 400 * 24 * time.Hour
)

// search checks the question and turns it into a search of the ledger.
func (q question) search() (ledger.Search, error) {
	s := ledger.Search{Subject: q.Person, Target: q.Entitlement, Actor: q.Actor, Limit: q.Limit}
	switch {
	case strings.Contains(q.Person, "@"):
		return s, &fault.Invalid{Message: "the ledger knows people by their Okta user id and holds no logins: ask POST /entitlements/explain {\"user\": \"<login>\"} for the user_id and ask again with that"}
	case q.Person != "" && !oktaID.MatchString(q.Person):
		return s, notValid("person", "an Okta user id")
	case q.Entitlement != "" && !target.MatchString(q.Entitlement):
		return s, notValid("entitlement", "group/<id> or app/<id>")
	case q.Actor != "" && !actorOf.MatchString(q.Actor):
		return s, notValid("actor", "such as system:onboarding")
	case q.Limit < 0 || q.Limit > mostLimit:
		return s, notValid("limit", fmt.Sprintf("a number up to %d", mostLimit))
	}
	switch {
	case q.Ticket == "":
	case stream.MatchString(q.Ticket):
		s.Stream = q.Ticket
	case number.MatchString(q.Ticket):
		s.Ticket = strings.ToUpper(q.Ticket)
	default:
		return s, notValid("ticket", "a number, or <table>/<sys_id>")
	}
	if err := q.period(&s); err != nil {
		return s, err
	}
	if s.Subject+s.Stream+s.Ticket+s.Target+s.Actor == "" && (s.From.IsZero() || s.To.IsZero()) {
		return s, &fault.Invalid{Message: "nothing was asked for; ask " + example}
	}
	if s.Limit == 0 {
		s.Limit = 100
	}
	return s, q.resume(&s)
}

func notValid(member, want string) error {
	return &fault.Invalid{Message: fmt.Sprintf("%s has to be %s", member, want)}
}

func (q question) period(s *ledger.Search) error {
	var err error
	if s.From, _, err = moment("from", q.From); err != nil {
		return err
	}
	var whole bool
	if s.To, whole, err = moment("to", q.To); err != nil {
		return err
	}
	if whole {
		s.To = s.To.AddDate(0, 0, 1)
	}
	switch {
	case s.From.IsZero() || s.To.IsZero():
	case !s.From.Before(s.To):
		return &fault.Invalid{Message: "the period ends before it begins"}
	case s.To.Sub(s.From) > longTime:
		return &fault.Invalid{Message: "a period is at most 400 days long"}
	}
	return nil
}

// moment reads a day or a moment; whole is true of a day.
func moment(member, text string) (at time.Time, whole bool, err error) {
	if text == "" {
		return time.Time{}, false, nil
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	at, err = time.Parse(time.RFC3339, text)
	if err != nil {
		return at, false, notValid(member, `a day, "2026-11-24", or a moment, "2026-11-24T15:04:05Z"`)
	}
	return at.UTC(), false, nil
}

// cursor is where a page ended and whose page it was.
type cursor struct {
	Of    string       `json:"q"`
	Place ledger.Place `json:"p"`
	// Phase and Key belong to verifications.
	Phase string `json:"f,omitempty"`
	Key   string `json:"k,omitempty"`
}

// of names the question without its page.
func (q question) of(kind string) string {
	q.Cursor, q.Limit = "", 0
	text, err := json.Marshal(q)
	if err != nil {
		panic(err) // strings
	}
	sum := sha256.Sum256(append([]byte(kind), text...))
	return hex.EncodeToString(sum[:6])
}

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readCursor(text, of string) (cursor, error) {
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = strictly(raw, &c, "with the cursor of the answer before")
	}
	if err != nil {
		return c, notValid("cursor", "the one of the answer before")
	}
	if c.Of != of {
		return c, &fault.Invalid{Message: "the cursor belongs to another question: ask the same one, with the cursor added"}
	}
	return c, nil
}

func (q question) resume(s *ledger.Search) error {
	if q.Cursor == "" {
		return nil
	}
	c, err := readCursor(q.Cursor, q.of(""))
	s.After = c.Place
	return err
}

func (q question) next(p ledger.Place) string {
	if p == (ledger.Place{}) {
		return ""
	}
	return cursor{Of: q.of(""), Place: p}.String()
}
