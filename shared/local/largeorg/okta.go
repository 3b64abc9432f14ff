package largeorg

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lifecycle/shared/local/oktasim"
)

// window is a minute of a limit.
type window struct {
	minute int64
	calls  int
}

// transport answers requests in the caller's goroutine.
type transport func(*http.Request) *http.Response

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r), nil }

// Okta answers the lists of the org's Okta, each call after a time.
func (o *Org) Okta(latency time.Duration) http.RoundTripper {
	return transport(func(r *http.Request) *http.Response {
		bucket := oktasim.BucketOf(r.Method, r.URL.EscapedPath())
		limit, left, reset, ok := o.count(bucket)
		var response *http.Response
		if ok {
			wait(r.Context(), latency)
			response = o.page(r)
		} else {
			response = answer(r, http.StatusTooManyRequests, []byte(`{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests.","errorLink":"E0000047","errorId":"oae0","errorCauses":[]}`))
		}
		response.Header.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
		response.Header.Set("X-Rate-Limit-Remaining", strconv.Itoa(left))
		response.Header.Set("X-Rate-Limit-Reset", strconv.FormatInt(reset, 10))
		response.Header.Set("X-Okta-Request-Id", "reqLarge0000000000000")
		return response
	})
}

// count takes a call's place in its minute.
func (o *Org) count(bucket oktasim.Bucket) (limit, left int, reset int64, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	limit = oktasim.DefaultLimits()[bucket]
	minute := time.Now().Unix() / 60
	w := o.windows[bucket]
	if w.minute != minute {
		w = window{minute: minute}
	}
	w.calls++
	o.windows[bucket] = w
	if w.calls > limit {
		o.throttled++
		return limit, 0, (minute + 1) * 60, false
	}
	o.calls[string(bucket)]++
	return limit, limit - w.calls, (minute + 1) * 60, true
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// page answers one call.
func (o *Org) page(r *http.Request) *http.Response {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/"), "/")
	base := "https://" + r.URL.Host
	switch {
	case r.Method != http.MethodGet:
	case r.URL.Path == "/api/v1/users" && strings.Contains(r.URL.Query().Get("filter"), "DEPROVISIONED"):
		return o.list(r, o.Former, func(b *bytes.Buffer, i int) { o.user(b, base, o.Users+i) })
	case r.URL.Path == "/api/v1/users":
		return o.list(r, o.Users, func(b *bytes.Buffer, i int) { o.user(b, base, i) })
	case r.URL.Path == "/api/v1/groups":
		return o.list(r, o.Groups+1, func(b *bytes.Buffer, i int) { o.group(b, base, i) })
	case r.URL.Path == "/api/v1/apps":
		return o.list(r, o.Apps, func(b *bytes.Buffer, i int) { o.app(b, base, i) })
	case r.URL.Path == "/api/v1/iam/assignees/users":
		return o.administrators(r, base)
	case len(parts) == 3 && parts[2] == "users" && parts[0] == "groups":
		if g, ok := numbered(parts[1], "00gL", o.Groups); ok {
			c, more := o.groups[g], o.members[g]
			return o.list(r, c.size+len(more), func(b *bytes.Buffer, i int) { o.user(b, base, nth(c, more, i)) })
		}
	case len(parts) == 3 && parts[2] == "users" && parts[0] == "apps":
		if a, ok := numbered(parts[1], "0oaL", o.Apps); ok {
			c, more := o.apps[a], o.assigned[a]
			return o.list(r, c.size+len(more), func(b *bytes.Buffer, i int) { o.appUser(b, base, a, nth(c, more, i), i >= c.size) })
		}
	case len(parts) == 3 && parts[2] == "roles" && parts[0] == "users":
		return o.roles(r, base, parts[1])
	}
	return answer(r, http.StatusNotFound, []byte(`{"errorCode":"E0000007","errorSummary":"Not found: Resource not found","errorLink":"E0000007","errorId":"oae0","errorCauses":[]}`))
}

func nth(c crowd, more []int, i int) int {
	if i < c.size {
		return c.at(i)
	}
	return more[i-c.size]
}

func numbered(id, prefix string, below int) (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(id, prefix))
	return n, err == nil && strings.HasPrefix(id, prefix) && n >= 0 && n < below
}

// list is one page of a list of so many entries.
func (o *Org) list(r *http.Request, total int, write func(*bytes.Buffer, int)) *http.Response {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 {
		limit = 20
	}
	from, err := strconv.Atoi(query.Get("after"))
	if err != nil {
		from = 0
	}
	to := min(total, from+limit)
	var b bytes.Buffer
	b.Grow((to - from) * 900)
	b.WriteByte('[')
	for i := from; i < to; i++ {
		if i > from {
			b.WriteByte(',')
		}
		write(&b, i)
	}
	b.WriteByte(']')
	response := answer(r, http.StatusOK, b.Bytes())
	if to < total {
		query.Set("after", strconv.Itoa(to))
		next := *r.URL
		next.RawQuery = query.Encode()
		response.Header.Add("Link", "<"+r.URL.String()+">; rel=\"self\"")
		response.Header.Add("Link", "<"+next.String()+">; rel=\"next\"")
	}
	return response
}

func answer(r *http.Request, status int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body:   io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

const stamp = "2006-01-02T15:04:05.000Z"

func (o *Org) user(b *bytes.Buffer, base string, n int) {
	made := o.now.AddDate(-2, 0, 0).Format(stamp)
	signedIn, status := o.now.AddDate(0, 0, -(n%30)).Format(stamp), oktasim.Active
	if o.dormant[n] {
		signedIn = o.now.AddDate(0, 0, -200).Format(stamp)
	}
	if n >= o.Users {
		status = oktasim.Deprovisioned
	}
	id, mail := userID(n), login(n)
	manager := ""
	if n > 0 {
		manager = `,"managerId":"` + employee(n/20) + `"`
	}
	fmt.Fprintf(b, `{"id":"%s","status":"%s","created":"%s","activated":"%s","statusChanged":"%s","lastLogin":"%s","lastUpdated":"%s","passwordChanged":"%s",`+
		`"type":{"id":"otysim00000000000001"},"profile":{"login":"%s","email":"%s","firstName":"Person","lastName":"No %d","employeeNumber":"%s","userType":"employee",`+
		`"department":"%s","title":"Clerk","city":"Berlin"%s,"timezone":"Europe/Berlin"},"credentials":{"password":{},"provider":{"type":"OKTA","name":"OKTA"}},`+
		`"_links":{"self":{"href":"%s/api/v1/users/%s"}}}`,
		id, status, made, made, made, signedIn, made, made, mail, mail, n, employee(n), deptName(n%departments), manager, base, id)
}

// group is one of the groups; the last is Everyone.
func (o *Org) group(b *bytes.Buffer, base string, n int) {
	id, name, kind, made := groupID(n), groupName(n), "OKTA_GROUP", o.now.AddDate(-2, 0, 0).Format(stamp)
	if n == o.Groups {
		name, kind = "Everyone", "BUILT_IN"
	}
	self := base + "/api/v1/groups/" + id
	fmt.Fprintf(b, `{"id":"%s","created":"%s","lastUpdated":"%s","lastMembershipUpdated":"%s","objectClass":["okta:user_group"],"type":"%s",`+
		`"profile":{"name":"%s","description":"one of many"},"_links":{"self":{"href":"%s"},"users":{"href":"%s/users"},"apps":{"href":"%s/apps"},`+
		`"logo":[{"name":"medium","href":"%s/img/logos/groups/okta-medium.png","type":"image/png"}]}}`, id, made, made, made, kind, name, self, self, self, base)
}

func (o *Org) app(b *bytes.Buffer, base string, n int) {
	id, made := appID(n), o.now.AddDate(-2, 0, 0).Format(stamp)
	self := base + "/api/v1/apps/" + id
	fmt.Fprintf(b, `{"id":"%s","name":"app_%04d","label":"%s","status":"ACTIVE","created":"%s","lastUpdated":"%s","signOnMode":"SAML_2_0","features":[],`+
		`"accessibility":{"selfService":false},"visibility":{"autoSubmitToolbar":false,"hide":{"iOS":false,"web":false},"appLinks":{"login":true}},`+
		`"_links":{"self":{"href":"%s"},"users":{"href":"%s/users"},"groups":{"href":"%s/groups"}}}`, id, n, appName(n), made, made, self, self, self)
}

func (o *Org) appUser(b *bytes.Buffer, base string, app, n int, direct bool) {
	id, made, scope := userID(n), o.now.AddDate(-1, 0, 0).Format(stamp), "GROUP"
	carrier := `,"group":{"href":"` + base + "/api/v1/groups/" + groupID(unmanaged+app%(o.Groups-unmanaged)) + `"}`
	if direct {
		scope, carrier = "USER", ""
	}
	fmt.Fprintf(b, `{"id":"%s","created":"%s","lastUpdated":"%s","scope":"%s","status":"ACTIVE","statusChanged":"%s","syncState":"DISABLED",`+
		`"credentials":{"userName":"%s"},"profile":{"email":"%s"},"_links":{"app":{"href":"%s/api/v1/apps/%s"},"user":{"href":"%s/api/v1/users/%s"}%s}}`,
		id, made, made, scope, made, login(n), login(n), base, appID(app), base, id, carrier)
}

// administrators is one page of them: all, for they are few.
func (o *Org) administrators(r *http.Request, base string) *http.Response {
	var b bytes.Buffer
	b.WriteString(`{"value":[`)
	for i, n := range o.admins {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%s","orn":"orn:okta:directory:00o1:users:%s","_links":{"self":{"href":"%s/api/v1/users/%s"},"roles":{"href":"%s/api/v1/users/%s/roles"}}}`,
			userID(n), userID(n), base, userID(n), base, userID(n))
	}
	fmt.Fprintf(&b, `],"_links":{"self":{"href":"%s/api/v1/iam/assignees/users"}}}`, base)
	return answer(r, http.StatusOK, b.Bytes())
}

func (o *Org) roles(r *http.Request, base, id string) *http.Response {
	made := o.now.AddDate(-1, 0, 0).Format(stamp)
	return answer(r, http.StatusOK, fmt.Appendf(nil, `[{"id":"irb%s","label":"Help Desk Administrator","type":"HELP_DESK_ADMIN","status":"ACTIVE","assignmentType":"USER",`+
		`"created":"%s","lastUpdated":"%s","_links":{"assignee":{"href":"%s/api/v1/users/%s"}}}]`, id[3:], made, made, base, id))
}
