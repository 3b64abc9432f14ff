package largeorg

import (
	"fmt"
	"sync"
	"time"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/report"
)

// Size says how large the org is.
type Size struct {
	// Users are in use, Former deactivated.
	Users, Former int
	// Groups hold Memberships, Apps Assignments.
	Groups, Memberships int
	Apps, Assignments   int
	// Violations is how many are planted of every kind.
	Violations int
}

// Full is a company of 100,000; Part is one so many times smaller.
func Full() Size {
	return Size{Users: 100_000, Former: 2_000, Groups: 2_000, Memberships: 1_500_000, Apps: 300, Assignments: 600_000, Violations: 20}
}

// Part is a company so many times smaller.
func (s Size) Part(by int) Size {
	return Size{
		Users: s.Users / by, Former: s.Former / by, Groups: s.Groups / by, Memberships: s.Memberships / by,
		Apps: s.Apps / by, Assignments: s.Assignments / by, Violations: s.Violations,
	}
}

// What the first groups are; those behind them are managed by nobody.
const (
	everybody   = 0  // All Employees: by rule
	department  = 1  // and the next departments-1: by rule
	licence     = 21 // three: by request
	enters      = 24 // who enters invoices, by request
	releases    = 25 // who releases payments, by request; never together with enters
	leased      = 26 // by leases in the register
	unmanaged   = 27
	departments = 20
	// Leased is how many hold the group that the register knows.
	Leased = 200
)

// crowd is some of the people: from first on, every stride-th of all, size of
// them.
type crowd struct{ first, stride, size, of int }

// at is the k-th of them.
func (c crowd) at(k int) int { return (c.first + k*c.stride) % c.of }

// has reports whether somebody is one of them. Strides are prime to the number
// of people, so each number comes up once.
func (c crowd) has(user int) bool {
	inverse := 1
	for (inverse*c.stride)%c.of != 1 {
		inverse++
	}
	return ((user-c.first+c.of)*inverse)%c.of < c.size
}

// Org is the org. It is safe for concurrent use.
type Org struct {
	Size

	now    time.Time
	groups []crowd
	apps   []crowd
	// members and assigned are planted besides, by group and by app.
	members, assigned map[int][]int
	dormant, inactive map[int]bool
	missing           map[int]bool
	doubled           []int
	admins            []int
	requests          []request
	planted           []Violation

	mu        sync.Mutex
	calls     map[string]int
	windows   map[oktasim.Bucket]window
	throttled int
}

// request is a closed request item that was planted.
type request struct {
	user, group int
	closed      time.Time
	duration    string
}

// Violation is something that a review has to find.
type Violation struct {
	Flag report.Flag
	// User is the Okta user id, Holding the name of what is held.
	User, Holding string
}

// New makes an org as it is at that time.
func New(size Size, now time.Time) *Org {
	o := &Org{
		Size: size, now: now.UTC().Truncate(time.Second), members: map[int][]int{}, assigned: map[int][]int{}, dormant: map[int]bool{},
		inactive: map[int]bool{}, missing: map[int]bool{}, calls: map[string]int{}, windows: map[oktasim.Bucket]window{},
	}
	o.fillGroups()
	o.apps = o.shared(size.Apps, size.Assignments, []crowd{{0, 1, size.Users, size.Users}, {0, 1, size.Users, size.Users}}, 11)
	o.plant()
	return o
}

func (o *Org) fillGroups() {
	n := o.Users
	first := []crowd{{0, 1, n, n}}
	for d := range departments {
		first = append(first, crowd{d, departments, n / departments, n})
	}
	for i := range 3 {
		first = append(first, crowd{3 + 31*i, 7, n / 20, n})
	}
	first = append(first, crowd{2 * n / 100, 1, 100, n}, crowd{40 * n / 100, 1, 100, n}, crowd{60 * n / 100, 1, Leased, n})
	o.groups = o.shared(o.Groups, o.Memberships, first, 13)
}

// shared divides what is left over unequally among the rest.
func (o *Org) shared(count, total int, first []crowd, stride int) []crowd {
	all := first
	for _, c := range first {
		total -= c.size
	}
	rest := count - len(first)
	for i := range rest {
		fair := total / (rest - i)
		size := fair/20 + (i*7919)%(2*max(fair-fair/20, 1))
		if i == rest-1 {
			size = total
		}
		size = min(size, o.Users, total)
		total -= size
		all = append(all, crowd{(i * 101) % o.Users, stride, size, o.Users})
	}
	return all
}

// plant brings about violations of every kind, none of which makes another.
func (o *Org) plant() {
	year := 365 * 24 * time.Hour
	taken := 0
	// next is somebody who holds none of the groups that requests give.
	next := func() int {
		for {
			taken++
			u := (taken*97 + 5) % o.Users
			if !o.groups[licence].has(u) && !o.groups[licence+1].has(u) && !o.groups[licence+2].has(u) &&
				!o.groups[enters].has(u) && !o.groups[releases].has(u) && !o.groups[leased].has(u) && !o.assigns(5, u) {
				return u
			}
		}
	}
	note := func(flag report.Flag, user int, holding string) {
		o.planted = append(o.planted, Violation{flag, userID(user), holding})
	}
	for i := range o.Violations {
		u := next()
		o.members[licence] = append(o.members[licence], u)
		note(report.Unapproved, u, groupName(licence))

		u = next()
		o.members[licence+1] = append(o.members[licence+1], u)
		o.requests = append(o.requests, request{u, licence + 1, o.now.Add(-year), "30d"})
		note(report.Overdue, u, groupName(licence+1))

		u = next()
		switch i % 3 {
		case 0:
			o.missing[u] = true
		case 1:
			o.inactive[u] = true
		default:
			o.doubled = append(o.doubled, u)
		}
		note(report.Orphan, u, "Okta account")

		o.members[unmanaged+3] = append(o.members[unmanaged+3], o.Users+i)
		note(report.Leaver, o.Users+i, groupName(unmanaged+3))

		u = next()
		o.dormant[u] = true
		note(report.Dormant, u, "Okta account")

		u = o.groups[enters].at(i)
		o.members[releases] = append(o.members[releases], u)
		o.requests = append(o.requests, request{u, releases, o.now.Add(-year / 2), ""})
		note(report.Incompatible, u, groupName(releases))

		u = next()
		o.admins = append(o.admins, u)
		note(report.AdminRole, u, "Help Desk Administrator")

		u = next()
		o.assigned[5] = append(o.assigned[5], u)
		note(report.DirectAssignment, u, appName(5))

		u = next()
		o.requests = append(o.requests, request{u, licence + 2, o.now.Add(-year / 2), ""})
		note(report.NotDelivered, u, groupName(licence+2))
	}
}

func (o *Org) assigns(app, user int) bool { return o.apps[app].has(user) }

// Planted is what a review has to find, and all that it has to find.
func (o *Org) Planted() []Violation { return o.planted }

// LeasedGroup is the id and name of the group that the register has to know, with
// its members' user ids.
func (o *Org) LeasedGroup() (id, name string, members []string) {
	for k := range o.groups[leased].size {
		members = append(members, userID(o.groups[leased].at(k)))
	}
	return groupID(leased), groupName(leased), members
}

// Floor is how many pages a picture of the org has, by the limit they fall into.
func (o *Org) Floor() map[string]int {
	pages := func(n, size int) int { return max(1, (n+size-1)/size) }
	floor := map[string]int{
		string(oktasim.BucketUsers):  pages(o.Users, 200) + pages(o.Former, 200),
		string(oktasim.BucketGroups): pages(o.Groups, 10_000),
		string(oktasim.BucketApps):   pages(o.Apps, 200),
		string(oktasim.BucketOther):  1 + len(o.admins),
	}
	for g, c := range o.groups {
		floor[string(oktasim.BucketGroups)] += pages(c.size+len(o.members[g]), 1000)
	}
	for a, c := range o.apps {
		floor[string(oktasim.BucketApps)] += pages(c.size+len(o.assigned[a]), 500)
	}
	return floor
}

// Calls counts the calls that were answered, by limit; Throttled those that were
// refused because the limit was used up.
func (o *Org) Calls() (calls map[string]int, throttled int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	calls = map[string]int{}
	for bucket, n := range o.calls {
		calls[bucket] = n
	}
	return calls, o.throttled
}

func userID(n int) string   { return fmt.Sprintf("00uL%016d", n) }
func groupID(n int) string  { return fmt.Sprintf("00gL%016d", n) }
func appID(n int) string    { return fmt.Sprintf("0oaL%016d", n) }
func recordID(n int) string { return fmt.Sprintf("%032x", n) }
func employee(n int) string { return fmt.Sprintf("L%07d", n) }
func login(n int) string    { return fmt.Sprintf("person%07d@example.com", n) }
func appName(n int) string  { return fmt.Sprintf("App %04d", n) }
func deptName(d int) string { return fmt.Sprintf("Department %02d", d) }
func groupName(n int) string {
	return map[bool]string{true: "Managed", false: "Group"}[n < unmanaged] + fmt.Sprintf(" %05d", n)
}
