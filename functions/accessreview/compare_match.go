package accessreview

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/servicenow"
)

// link says who in ServiceNow an account belongs to.
type link struct {
	Account string `json:"o"`
	// Record is the sys_user; empty: nobody has the number or the address.
	Record string `json:"r,omitempty"`
	// Active is true when the record is.
	Active bool `json:"a,omitempty"`
	// Doubles are further active records of what looks like the same person.
	Doubles []string            `json:"d,omitempty"`
	Manager *servicenow.Manager `json:"m,omitempty"`
	// Requests are those that were closed for the person.
	Requests []request `json:"g,omitempty"`
}

// request is what a closed request gave.
type request struct {
	Number string    `json:"n"`
	Item   string    `json:"i"`
	Closed time.Time `json:"c"`
	Until  time.Time `json:"u,omitzero"`
}

// matchAt is where matching goes on: by employee number first, and those left
// over by address.
type matchAt struct {
	Round int `json:"round"`
	Part  int `json:"part"`
}

// enough is after how many records a step lets the next one go on.
const enough = 60_000

// MatchPeople finds for the next parts of the people who in ServiceNow is who in
// Okta.
func (s *Steps) MatchPeople(ctx context.Context, st state) (slice, error) {
	return s.oneSlice(ctx, st, func(cursor json.RawMessage, onto *sheet) (position, error) {
		at, err := cursorOf[matchAt](cursor)
		if err != nil {
			return position{}, err
		}
		all, err := s.store.stacks(ctx, st.Review.ID)
		if err != nil {
			return position{}, err
		}
		for seen := 0; seen < enough; {
			pile := []string{keysPile, leftPile}[at.Round]
			var crowd []identity
			if err := part(ctx, all, pile, at.Part, func(i identity) error { crowd = append(crowd, i); return nil }); err != nil {
				return position{}, err
			}
			seen += len(crowd)
			for _, left := range matched(crowd, at.Round, onto) {
				onto.lay(leftPile, left.Email, left)
			}
			if at.Part++; at.Part < partitions {
				continue
			}
			if at.Round == 1 {
				return position{Cursor: at, Done: true}, nil
			}
			// What this slice has left over is read by the next one.
			return position{Cursor: matchAt{Round: 1}}, nil
		}
		return position{Cursor: at}, nil
	})
}

// matched lays down who is who, and returns those who may be found by their
// address yet.
func matched(crowd []identity, round int, onto *sheet) (left []identity) {
	groups := map[string][]identity{}
	for _, i := range crowd {
		by := i.Number
		if round == 1 {
			by = i.Email
		}
		groups[by] = append(groups[by], i)
	}
	for _, by := range slices.Sorted(maps.Keys(groups)) {
		left = append(left, matchedGroup(groups[by], round, onto)...)
	}
	return left
}

// matchedGroup looks at those who have a number or an address in common.
func matchedGroup(group []identity, round int, onto *sheet) (left []identity) {
	var accounts, records, requests []identity
	for _, i := range group {
		switch {
		case i.Account != "":
			accounts = append(accounts, i)
		case i.Granted != nil:
			requests = append(requests, i)
		default:
			records = append(records, i)
		}
	}
	if round == 0 && (len(accounts) == 0 || len(records) == 0) {
		for _, i := range group {
			if i.Email != "" {
				left = append(left, i)
			} else if i.Account != "" {
				onto.lay(linksPile, i.Account, link{Account: i.Account})
			}
		}
		return left
	}
	for _, a := range accounts {
		onto.lay(linksPile, a.Account, linked(a, records, requests))
	}
	return nil
}

// linked is the record that an account belongs to: the active one, or the only
// one. An address that was given to somebody with another number is nobody's.
func linked(a identity, records, requests []identity) link {
	l := link{Account: a.Account}
	mine := slices.DeleteFunc(slices.Clone(records), func(r identity) bool { return r.Number != "" && a.Number != "" && r.Number != a.Number })
	slices.SortFunc(mine, func(x, y identity) int {
		if x.Used != y.Used {
			return map[bool]int{true: -1, false: 1}[x.Used]
		}
		return cmp.Compare(x.Record, y.Record)
	})
	own := map[string]bool{}
	for n, r := range mine {
		own[r.Record] = true
		switch {
		case n == 0:
			l.Record, l.Active, l.Manager = r.Record, r.Used, r.Manager
		case r.Used:
			l.Doubles = append(l.Doubles, r.Record)
		}
	}
	l.Requests = requestsOf(slices.DeleteFunc(slices.Clone(requests), func(i identity) bool { return !own[i.Record] }))
	return l
}

// requestsOf puts the parts of requests together.
func requestsOf(parts []identity) []request {
	byID := map[string]map[string]string{}
	about := map[string]*granted{}
	for _, p := range parts {
		if byID[p.Granted.ID] == nil {
			byID[p.Granted.ID] = map[string]string{}
		}
		byID[p.Granted.ID][p.Granted.Field], about[p.Granted.ID] = p.Granted.Value, p.Granted
	}
	var list []request
	for id, values := range byID {
		if values["item"] == "" {
			continue
		}
		r := request{Number: about[id].Number, Item: values["item"], Closed: about[id].Closed}
		r.Until = endOf(r.Closed, values["duration"], values["until"])
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b request) int { return strings.Compare(a.Number, b.Number) })
	return list
}

// endOf is when access ends that was asked for so long, or until that day; zero
// when it does not say. A day is given to the world's last time zone.
func endOf(from time.Time, span, until string) time.Time {
	if at, err := time.Parse(time.DateOnly, strings.TrimSpace(until)); err == nil {
		return at.Add(wholeDay + 12*time.Hour)
	}
	span = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(span), " ", ""))
	digits := strings.TrimRight(span, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.Atoi(digits)
	if err != nil || n <= 0 || from.IsZero() {
		return time.Time{}
	}
	unit := wholeDay
	switch strings.TrimPrefix(span, digits) {
	case "m", "min", "minute", "minutes":
		unit = time.Minute
	case "h", "hour", "hours":
		unit = time.Hour
	case "w", "week", "weeks":
		unit = 7 * wholeDay
	}
	return from.Add(time.Duration(n) * unit)
}
