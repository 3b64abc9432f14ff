package oktasim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// User statuses (spec, schema UserStatus).
const (
	Staged          = "STAGED"
	Provisioned     = "PROVISIONED"
	Active          = "ACTIVE"
	Recovery        = "RECOVERY"
	PasswordExpired = "PASSWORD_EXPIRED"
	LockedOut       = "LOCKED_OUT"
	Suspended       = "SUSPENDED"
	Deprovisioned   = "DEPROVISIONED"
)

// org is everything that an org holds. The Sim's lock protects it.
type org struct {
	seq    int
	users  ordered[*user]
	groups ordered[*group]
	apps   ordered[*app]
	rules  ordered[*rule]
	log    ordered[*event]

	userByID map[string]*user
	byLogin  map[string]*user   // lower case
	byNumber map[string][]*user // lower case; need not be unique in Okta
	byEmail  map[string][]*user // lower case; need not be unique either
	groupID  map[string]*group
	appID    map[string]*app
	everyone *group

	settling map[*user]bool // users of whom search still shows an old version
	later    []task

	tokens  ordered[*apiToken]
	secrets map[string]*apiToken
	clients map[string]*client
	bearers map[string]*bearer
	mail    []Mail
}

func newOrg() org {
	return org{
		userByID: map[string]*user{}, byLogin: map[string]*user{}, byNumber: map[string][]*user{},
		byEmail: map[string][]*user{}, groupID: map[string]*group{}, appID: map[string]*app{},
		settling: map[*user]bool{}, secrets: map[string]*apiToken{}, clients: map[string]*client{}, bearers: map[string]*bearer{},
	}
}

// record is what Okta shows of a user. Its profile is replaced, never changed
// in place, so a record may be copied and read without the lock.
type record struct {
	profile                                                                    map[string]any
	status, transition                                                         string
	created, activated, statusChanged, lastLogin, lastUpdated, passwordChanged time.Time
	password                                                                   bool
}

type user struct {
	record
	seq      int
	id       string
	versions []version // what search will show next; empty without a lag
	shown    *record   // what search shows now; nil while it does not show the user, or has no lag

	members  []*member  // Everyone is not among them; oldest first
	appUsers []*appUser // oldest first
	factors  []*factor
	sessions []*session
	refresh  []*refreshToken
	grants   []*grant
	roles    []*role
	devices  int // devices on which a factor is remembered
	link     string
	linkKind string
	linkMade time.Time
}

type version struct {
	at     time.Time
	record record
}

type group struct {
	seq                              int
	id, name, description, kind      string
	source                           *app
	apps                             []*app
	roster                           ordered[*member]
	owners                           []*user
	roles                            []*role // every member holds them
	created, updated, membersUpdated time.Time
}

// member is one person's membership of one group, by hand, by a rule, or both.
type member struct {
	seq   int
	user  *user
	group *group
	hand  bool
	rule  *rule
}

type app struct {
	seq              int
	id, label, name  string
	groups           []*group
	roster           ordered[*appUser]
	created, updated time.Time
}

// appUser is one person's assignment to one app: direct, through groups, or
// both.
type appUser struct {
	seq              int
	user             *user
	app              *app
	direct           bool
	groups           int // how many of the person's groups carry the app
	created, updated time.Time
}

func (a *appUser) scope() string {
	if a.direct {
		return "USER"
	}
	return "GROUP"
}

// task is something that happens by itself later.
type task struct {
	at time.Time
	do func(now time.Time)
}

func (o *org) next() int {
	o.seq++
	return o.seq
}

// newID has the shape of Okta's ids.
func (o *org) newID(prefix string) string {
	return fmt.Sprintf("%ssim%014x", prefix, o.next())
}

// schedule runs do at the first call after that time.
func (s *Sim) schedule(at time.Time, do func(time.Time)) {
	s.org.later = append(s.org.later, task{at, do})
}

// settle brings the org up to date with the clock: what was due meanwhile
// happens now, in order, under the time it was due.
func (s *Sim) settle(now time.Time) {
	if len(s.org.later) == 0 {
		return
	}
	var due []task
	s.org.later = slices.DeleteFunc(s.org.later, func(t task) bool {
		if t.at.After(now) {
			return false
		}
		due = append(due, t)
		return true
	})
	slices.SortStableFunc(due, func(a, b task) int { return a.at.Compare(b.at) })
	for _, t := range due {
		t.do(t.at)
	}
}

// user finds by id or login. Okta also takes a login shortname (spec, parameter
// id); the simulator does not, since a caller should never rely on one.
func (o *org) user(idOrLogin string) *user {
	if u := o.userByID[idOrLogin]; u != nil {
		return u
	}
	return o.byLogin[strings.ToLower(idOrLogin)]
}

func text(profile map[string]any, name string) string {
	value, _ := profile[name].(string)
	return value
}

// index files the user under login, e-mail and number.
func (o *org) index(u *user) {
	o.userByID[u.id] = u
	o.byLogin[strings.ToLower(text(u.profile, "login"))] = u
	put(o.byEmail, strings.ToLower(text(u.profile, "email")), u)
	put(o.byNumber, strings.ToLower(text(u.profile, "employeeNumber")), u)
}

func (o *org) unindex(u *user) {
	delete(o.byLogin, strings.ToLower(text(u.profile, "login")))
	drop(o.byEmail, strings.ToLower(text(u.profile, "email")), u)
	drop(o.byNumber, strings.ToLower(text(u.profile, "employeeNumber")), u)
}

func put(index map[string][]*user, key string, u *user) {
	if key != "" {
		index[key] = append(index[key], u)
	}
}

func drop(index map[string][]*user, key string, u *user) {
	rest := slices.DeleteFunc(index[key], func(other *user) bool { return other == u })
	if len(rest) == 0 {
		delete(index, key)
		return
	}
	index[key] = rest
}

// touch stamps a change and lets search know, now or after the lag.
func (s *Sim) touch(u *user, now time.Time) {
	u.lastUpdated = now
	if s.options.SearchLag <= 0 {
		return
	}
	u.versions = append(u.versions, version{now.Add(s.options.SearchLag), u.record})
	s.org.settling[u] = true
}

// searchable is the version of the user that search shows, if it shows one.
func (s *Sim) searchable(u *user, now time.Time) (record, bool) {
	if s.options.SearchLag <= 0 {
		return u.record, true
	}
	for len(u.versions) > 0 && !u.versions[0].at.After(now) {
		u.shown = &u.versions[0].record
		u.versions = u.versions[1:]
	}
	if len(u.versions) == 0 {
		delete(s.org.settling, u)
	}
	if u.shown == nil {
		return record{}, false
	}
	return *u.shown, true
}

// showNow lets search show the user as it is, without a lag.
func (s *Sim) showNow(u *user) {
	if s.options.SearchLag > 0 {
		current := u.record
		u.shown = &current
	}
}
