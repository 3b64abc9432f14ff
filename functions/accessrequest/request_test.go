package accessrequest

import (
	"testing"
	"time"

	"lifecycle/shared/servicenow"
)

func TestUntil(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name      string
		asked     request
		longest   time.Duration
		want      time.Time
		shortened bool
	}{
		{"without any limit has no end", request{}, 0, time.Time{}, false},
		{"without a wish lasts as long as is allowed", request{}, 30 * day, now.Add(30 * day), false},
		{"lasts as long as was asked for", request{Duration: 2 * day}, 30 * day, now.Add(2 * day), false},
		{"lasts until the date that was asked for", request{Until: now.Add(9 * day)}, 0, now.Add(9 * day), false},
		{"may last exactly as long as is allowed", request{Duration: 30 * day}, 30 * day, now.Add(30 * day), false},
		{"lasts no longer than is allowed", request{Duration: 31 * day}, 30 * day, now.Add(30 * day), true},
		{"lasts no longer than is allowed, whatever the date", request{Until: now.Add(99 * day)}, 30 * day, now.Add(30 * day), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got, shortened := test.asked.until(now, test.longest); !got.Equal(test.want) || shortened != test.shortened {
				t.Errorf("%s, shortened %t; want %s, %t", got, shortened, test.want, test.shortened)
			}
		})
	}
}

func TestContent(t *testing.T) {
	t.Parallel()
	person := func(id string) servicenow.Person { return servicenow.Person{SysID: id} }
	base := request{Item: "Jira", Requester: person("a"), For: person("b"), Duration: day}

	t.Run("stays the same for what means the same", func(t *testing.T) {
		t.Parallel()
		same := base
		same.Item, same.Reason, same.Approval, same.For.Manager = " jira ", "because", approvedThere, "c"
		if same.content() != base.content() {
			t.Error("it changed")
		}
	})
	for name, change := range map[string]func(*request){
		"item":        func(r *request) { r.Item = "Zoom" },
		"beneficiary": func(r *request) { r.For = person("c") },
		"requester":   func(r *request) { r.Requester = person("c") },
		"duration":    func(r *request) { r.Duration = 2 * day },
		"end":         func(r *request) { r.Duration, r.Until = 0, time.Unix(0, 0) },
	} {
		t.Run("changes with another "+name, func(t *testing.T) {
			t.Parallel()
			other := base
			change(&other)
			if other.content() == base.content() {
				t.Error("it stayed the same: approvals would hold for something else")
			}
		})
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"30": true, "30d": true, "30 days": true, "1 day": true, "12h": true, "12 Hours": true, "90m": true, "90 min": true, "2w": true, "2 weeks": true,
		"": false, "0": false, "-3d": false, "3.5d": false, "d": false, "30x": false, "1000000d": false, "3d 2h": false, "3 months": false, "03": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if got := duration.MatchString(text); got != want {
				t.Errorf("read: %t", got)
			}
		})
	}
}
