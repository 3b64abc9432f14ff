package okta

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"lifecycle/shared/ratelimit"
)

// Calls counts the calls that a stretch of work is going to make, to book their
// seats.
type Calls struct {
	byBucket map[string]int
}

// NewCalls counts nothing yet.
func NewCalls() *Calls { return &Calls{byBucket: map[string]int{}} }

// Add counts n more calls of a method on a path such as
// "/api/v1/groups/{id}/users/{id}".
func (c *Calls) Add(method, pathPattern string, n int) *Calls {
	c.byBucket[BucketOf(method, pathPattern)] += n
	return c
}

// Needs is what has to be booked, by the limits that the calls fall into.
func (c *Calls) Needs() []ratelimit.Need {
	var needs []ratelimit.Need
	for _, bucket := range slices.Sorted(maps.Keys(c.byBucket)) {
		if n := c.byBucket[bucket]; n > 0 {
			needs = append(needs, ratelimit.Need{Bucket: bucket, Calls: n})
		}
	}
	return needs
}

// BucketOf names the limit that a call falls into, as ratelimit.DefaultLimits
// does (developer.okta.com, reference/rl-global-mgmt). path is escaped and has
// no query; braces may stand for parameters.
func BucketOf(method, path string) string {
	rest, ours := strings.CutPrefix(path, "/api/v1/")
	if !ours {
		return "/oauth2/v1"
	}
	parts := strings.Split(strings.Trim(rest, "/"), "/")
	all, single := len(parts) == 1, len(parts) == 2
	switch parts[0] {
	case "users":
		switch {
		case all:
			return "/api/v1/users"
		case single && method == http.MethodGet:
			return "/api/v1/users/{idOrLogin}"
		case single:
			return "/api/v1/users/{id}"
		}
	case "groups", "apps":
		if single && parts[1] != "rules" {
			return "/api/v1/" + parts[0] + "/{id}"
		}
		return "/api/v1/" + parts[0]
	case "logs":
		if all {
			return "/api/v1/logs"
		}
	}
	return "/api/v1"
}
