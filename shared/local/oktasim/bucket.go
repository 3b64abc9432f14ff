package oktasim

import (
	"maps"
	"net/http"
	"strings"
	"time"
)

// Bucket is one of the rate limits of an org: all calls that fall into a bucket
// share its number per minute. The value is the path as Okta's table of limits
// prints it.
type Bucket string

// The buckets of a Workforce org (developer.okta.com/docs/reference/rl-global-mgmt).
const (
	BucketUsers     Bucket = "/api/v1/users"             // list, create
	BucketUserRead  Bucket = "/api/v1/users/{idOrLogin}" // GET of one user
	BucketUserWrite Bucket = "/api/v1/users/{id}"        // POST, PUT, DELETE of one user
	BucketGroups    Bucket = "/api/v1/groups"            // and everything below, except one group itself
	BucketGroup     Bucket = "/api/v1/groups/{id}"       // one group
	BucketApps      Bucket = "/api/v1/apps"              // and everything below, except one app itself
	BucketApp       Bucket = "/api/v1/apps/{id}"         // one app
	BucketLogs      Bucket = "/api/v1/logs"              //
	BucketOther     Bucket = "/api/v1"                   // all that has no bucket of its own
	BucketOAuth     Bucket = "/oauth2/v1"                // the token endpoint (figure unconfirmed)
)

// Concurrency is how many requests an org may have in flight at once
// (developer.okta.com/docs/reference/rl-additional-limits).
const Concurrency = 75

// DefaultLimits returns calls per minute for every bucket, as an org has them
// that bought nothing extra.
func DefaultLimits() map[Bucket]int {
	return map[Bucket]int{
		BucketUsers: 600, BucketUserRead: 2000, BucketUserWrite: 600, BucketGroups: 500, BucketGroup: 1000,
		BucketApps: 100, BucketApp: 500, BucketLogs: 120, BucketOther: 1200, BucketOAuth: 2000,
	}
}

// BucketOf tells which bucket a call falls into. The path may carry an escaped
// login; a query string must not be part of it.
func BucketOf(method, path string) Bucket {
	rest, ok := strings.CutPrefix(path, "/api/v1/")
	if !ok {
		return BucketOAuth
	}
	part := strings.Split(strings.Trim(rest, "/"), "/")
	switch {
	case part[0] == "users" && len(part) == 1:
		return BucketUsers
	case part[0] == "users" && len(part) == 2 && method == http.MethodGet:
		return BucketUserRead
	case part[0] == "users" && len(part) == 2:
		return BucketUserWrite
	case part[0] == "groups" && len(part) == 2 && part[1] != "rules":
		return BucketGroup
	case part[0] == "groups":
		return BucketGroups
	case part[0] == "apps" && len(part) == 2:
		return BucketApp
	case part[0] == "apps":
		return BucketApps
	case part[0] == "logs" && len(part) == 1:
		return BucketLogs
	}
	return BucketOther
}

// Gauge shows one bucket at a moment.
type Gauge struct {
	Bucket    Bucket
	Limit     int       // calls per window
	Used      int       // calls in the running window, at most Limit
	Reset     time.Time // end of the running window; zero when none runs
	Calls     int       // since the start, answered 429 or not
	Throttled int       // since the start, answered 429 by this bucket
}

// window counts one bucket's calls. Windows are one minute long and fixed, not
// sliding; each starts with the first call after the end of the one before
// (where exactly Okta's windows start is unconfirmed).
type window struct {
	gauge Gauge
}

// take counts a call and tells whether the bucket still had room for it.
func (w *window) take(now time.Time) bool {
	if !now.Before(w.gauge.Reset) {
		w.gauge.Used, w.gauge.Reset = 0, now.Add(time.Minute)
	}
	w.gauge.Calls++
	if w.gauge.Used >= w.gauge.Limit {
		w.gauge.Throttled++
		return false
	}
	w.gauge.Used++
	return true
}

// at shows the gauge; a window that is over counts no more.
func (w *window) at(now time.Time) Gauge {
	gauge := w.gauge
	if !now.Before(gauge.Reset) {
		gauge.Used, gauge.Reset = 0, time.Time{}
	}
	return gauge
}

func newWindows(limits map[Bucket]int) map[Bucket]*window {
	all := DefaultLimits()
	maps.Copy(all, limits)
	windows := make(map[Bucket]*window, len(all))
	for bucket, limit := range all {
		windows[bucket] = &window{gauge: Gauge{Bucket: bucket, Limit: limit}}
	}
	return windows
}
