package accessrequest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/approval"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
)

func TestDue(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	fortnight := entitlement.Stage{Remind: 2 * day, Escalate: 5 * day, Expire: 14 * day}
	plain := entitlement.Stage{Expire: 14 * day}
	asked := approval.Standing{Asked: true, Began: began}
	with := func(change func(*approval.Standing)) approval.Standing { s := asked; change(&s); return s }
	reminded := with(func(s *approval.Standing) { s.Reminded = began.Add(2 * day) })
	escalated := with(func(s *approval.Standing) { s.Escalated = began.Add(5 * day) })
	decided := func(how string) approval.Standing {
		return with(func(s *approval.Standing) { s.Decision = how })
	}
	for _, test := range []struct {
		name  string
		stage entitlement.Stage
		now   approval.Standing
		after time.Duration
		next  string
		wait  time.Duration
	}{
		{"asks what has not been asked", fortnight, approval.Standing{}, 0, nextAsk, 2 * day},
		{"waits until it is time to remind", fortnight, asked, day, nextAsk, day},
		{"reminds on the second", fortnight, asked, 2 * day, nextRemind, 0},
		{"then waits until it is time to escalate", fortnight, reminded, 2 * day, nextAsk, 3 * day},
		{"escalates on the second", fortnight, reminded, 5 * day, nextEscalate, 0},
		{"escalates rather than reminds when both are due", fortnight, asked, 6 * day, nextEscalate, -4 * day},
		{"does not remind any more once it is escalated", fortnight, escalated, 6 * day, nextAsk, 8 * day},
		{"never reminds nor escalates where the policy names no time", plain, asked, 13 * day, nextAsk, day},
		{"goes on when it is approved", fortnight, decided(approval.Approved), day, nextGrant, day},
		{"ends when it is rejected, however late it is", fortnight, decided(approval.Rejected), 6 * day, nextRejected, -4 * day},
		{"ends when it is expired", fortnight, decided(approval.Expired), 14 * day, nextExpired, -12 * day},
		{"goes to a person when it is taken back", fortnight, decided(approval.Cancelled), day, nextWithdrawn, day},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := began.Add(test.after)
			if got := due(test.stage, test.now, at); got != test.next {
				t.Errorf("next is %s, want %s", got, test.next)
			}
			if got := untilDue(test.stage, test.now, at); got != test.wait {
				t.Errorf("waits %s, want %s", got, test.wait)
			}
		})
	}
}

func TestApart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		seats, want [][]string
	}{
		{"leaves seats alone that have nobody in common", [][]string{{"a"}, {"b", "c"}}, [][]string{{"a"}, {"b", "c"}}},
		{"takes who sits alone out of the group", [][]string{{"a", "b", "c"}, {"a"}}, [][]string{{"b", "c"}, {"a"}}},
		{"seats somebody twice where nobody else is left", [][]string{{"a"}, {"a"}}, [][]string{{"a"}, {"a"}}},
		{"lets the smaller seat choose first", [][]string{{"a", "b", "c"}, {"b", "c"}, {"c"}}, [][]string{{"a"}, {"b"}, {"c"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			seats := make([]approval.Seat, len(test.seats))
			for i, people := range test.seats {
				seats[i].People = people
			}
			apart(seats)
			for i, s := range seats {
				if diff := cmp.Diff(test.want[i], s.People); diff != "" {
					t.Errorf("seat %d: %s", i, diff)
				}
			}
		})
	}
}

func TestToWarn(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name  string
		lasts time.Duration
		after time.Duration
		told  bool
		want  bool
	}{
		{"not long before the end", 90 * day, 82 * day, false, false},
		{"a week before", 90 * day, 83 * day, false, true},
		{"not twice", 90 * day, 84 * day, true, false},
		{"not in the first half of a short time", 2 * day, 23 * time.Hour, false, false},
		{"in the second half of a short time", 2 * day, 24 * time.Hour, false, true},
		{"never of what has no end", 0, 1000 * day, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lease.Lease{Since: since}
			if test.lasts > 0 {
				l.Until = since.Add(test.lasts)
			}
			if test.told {
				l.Warned = since
			}
			if got := toWarn(l, since.Add(test.after), 7*day); got != test.want {
				t.Errorf("warned: %t", got)
			}
		})
	}
}
