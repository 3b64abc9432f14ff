package statesync

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/servicenow"
)

// record is somebody on a pile: hashes instead of values, so that nothing
// personal is kept, and 200 bytes whatever the values are.
type record struct {
	// Account is true for an Okta account, false for a sys_user record.
	Account bool   `json:"o"`
	ID      string `json:"i"`
	// Number and Email are hashes to match by, empty for an empty value.
	Number string `json:"n,omitempty"`
	Email  string `json:"e,omitempty"`
	// Used is true for an account that is not deactivated, and for an active
	// sys_user.
	Used bool `json:"u,omitempty"`
	// Settled is true unless the account has never been used.
	Settled bool `json:"t,omitempty"`
	Locked  bool `json:"k,omitempty"`
	// Young is true for a record so new that its partner may be on its way.
	Young bool `json:"y,omitempty"`
	// Values are hashes of the attributes, in their order; empty for an empty
	// value, and for attributes that are not compared.
	Values []string `json:"v"`
}

// young is how old a record without a partner has to be to be reported.
const young = time.Hour

// pileCount is how many piles each round has: with 100,000 people on both sides
// about 6,000 records lie on each.
const pileCount = 32

func pileName(run string, round, n int) string { return fmt.Sprintf("%s/%d/%02d", run, round, n) }

// findingsPile is where what differs is written down.
func findingsPile(run string) string { return run + "/findings" }

// sorting lays records onto piles.
type sorting struct {
	run   string
	piles map[string][]string
}

// hash stands for a value within one run: equal values have equal hashes, and
// another run has others.
func (s *sorting) hash(what, value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s.run + "\x00" + what + "\x00" + value))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

func (s *sorting) account(u okta.User, policy Policy) record {
	stands := standingOf(u.Status, u.TransitioningTo)
	r := record{
		Account: true, ID: u.ID, Used: live(u), Settled: stands.Settled, Locked: stands.Locked, Young: time.Since(u.Created) < young,
	}
	s.fill(&r, policy, func(a attribute) string { return *a.inOkta(&u.Profile) })
	return r
}

func (s *sorting) user(u servicenow.User, policy Policy) record {
	r := record{ID: u.SysID, Used: u.Active, Settled: true, Locked: u.LockedOut, Young: time.Since(u.Created) < young}
	s.fill(&r, policy, func(a attribute) string { return a.inServiceNow(u) })
	return r
}

func (s *sorting) fill(r *record, policy Policy, value func(attribute) string) {
	r.Values = make([]string, len(attributes))
	for i, a := range attributes {
		plain := a.plain(value(a))
		switch a.name {
		case "employee_number":
			r.Number = s.hash("number", plain)
		case "email":
			r.Email = s.hash("address", plain)
		}
		if policy.owner(a.name) != Ignore {
			r.Values[i] = s.hash(a.name, plain)
		}
	}
}

// add lays a record onto the pile of its employee number, or without one onto
// that of its address. One with neither has its own kind of pile.
func (s *sorting) add(r record) {
	switch {
	case r.Number != "":
		s.lay(1, r.Number, r)
	default:
		s.lay(2, r.Email, r)
	}
}

func (s *sorting) lay(round int, hash string, r record) {
	n := 0
	if hash != "" {
		sum := sha256.Sum256([]byte(hash))
		n = int(sum[0]) % pileCount
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic("statesync: a record of hashes cannot be encoded: " + err.Error())
	}
	pile := pileName(s.run, round, n)
	s.piles[pile] = append(s.piles[pile], string(line))
}

func parseRecord(line string) (record, error) {
	var r record
	if err := json.Unmarshal([]byte(line), &r); err != nil || len(r.Values) != len(attributes) {
		return record{}, &fault.Conflict{Message: "a pile of the comparison is damaged, or was laid by another version of the function; the next comparison begins anew"}
	}
	return r, nil
}
