package oktasim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/oktasim"
)

// client calls a simulated org as a program does, and holds all that is said
// against Okta's API description.
type client struct {
	t      testing.TB
	sim    *oktasim.Sim
	spec   http.RoundTripper // a *conforming, but for large orgs
	auth   string
	header http.Header
}

func newClient(t testing.TB, options oktasim.Options) *client {
	t.Helper()
	sim := oktasim.New(options)
	return &client{
		t: t, sim: sim, auth: "SSWS " + oktasim.DefaultToken, header: http.Header{},
		spec: &conforming{t: t, next: sim.Transport(), seen: map[string][]int{}},
	}
}

// as is the same client with other credentials.
func (c *client) as(auth string) *client {
	other := *c
	other.auth = auth
	return &other
}

// with is the same client with one more header.
func (c *client) with(name, value string) *client {
	other := *c
	other.header = c.header.Clone()
	other.header.Set(name, value)
	return &other
}

// reply is an answer, read to its end.
type reply struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   []byte
	Err    error
}

func (c *client) do(method, path string, body any) reply {
	c.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = "https://example.okta.com" + path
	}
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = strings.NewReader(string(encoded))
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, address, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	for name := range c.header {
		r.Header.Set(name, c.header.Get(name))
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", c.auth)
	answer, err := c.spec.RoundTrip(r)
	if err != nil {
		return reply{t: c.t, Err: err}
	}
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{t: c.t, Status: answer.StatusCode, Header: answer.Header, Body: read}
}

func (c *client) get(path string) reply            { c.t.Helper(); return c.do("GET", path, nil) }
func (c *client) post(path string, body any) reply { c.t.Helper(); return c.do("POST", path, body) }
func (c *client) put(path string, body any) reply  { c.t.Helper(); return c.do("PUT", path, body) }
func (c *client) delete(path string) reply         { c.t.Helper(); return c.do("DELETE", path, nil) }
func (c *client) lifecycle(id, operation string) reply {
	c.t.Helper()
	return c.post(users(id)+"/lifecycle/"+operation, nil)
}
func users(id string, rest ...string) string {
	return strings.Join(append([]string{"/api/v1/users", url.PathEscape(id)}, rest...), "/")
}
func groups(id string, rest ...string) string {
	return strings.Join(append([]string{"/api/v1/groups", id}, rest...), "/")
}
func apps(id string, rest ...string) string {
	return strings.Join(append([]string{"/api/v1/apps", id}, rest...), "/")
}
func query(path string, pairs ...string) string {
	values := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		values.Set(pair[0], pair[1])
	}
	return path + "?" + values.Encode()
}

// want fails unless the answer has that status and, for a refusal, that code.
func (r reply) want(status int, code ...string) reply {
	r.t.Helper()
	if r.Err != nil || r.Status != status {
		r.t.Fatalf("answer %d %s, want %d (error %v)", r.Status, r.Body, status, r.Err)
	}
	if len(code) > 0 && r.code() != code[0] {
		r.t.Fatalf("answer %d %s, want code %s", r.Status, r.Body, code[0])
	}
	return r
}

func (r reply) code() string {
	var body struct {
		Code string `json:"errorCode"`
	}
	_ = json.Unmarshal(r.Body, &body)
	return body.Code
}

// object decodes the answer's object.
func (r reply) object() map[string]any {
	r.t.Helper()
	var object map[string]any
	if err := json.Unmarshal(r.Body, &object); err != nil {
		r.t.Fatalf("%v in %s", err, r.Body)
	}
	return object
}

// list decodes the answer's list.
func (r reply) list() []map[string]any {
	r.t.Helper()
	var list []map[string]any
	if err := json.Unmarshal(r.Body, &list); err != nil {
		r.t.Fatalf("%v in %s", err, r.Body)
	}
	return list
}

// column is one field of every element, as text.
func (r reply) column(name string) []string {
	r.t.Helper()
	list := r.list()
	column := make([]string, 0, len(list))
	for _, element := range list {
		text, _ := element[name].(string)
		column = append(column, text)
	}
	return column
}

var nextLink = regexp.MustCompile(`<([^>]+)>; rel="next"`)

// next is the link to the next page, empty on the last one.
func (r reply) next() string {
	for _, value := range r.Header.Values("Link") {
		if match := nextLink.FindStringSubmatch(value); match != nil {
			return match[1]
		}
	}
	return ""
}

// pages reads a list to its end and tells how many pages it had.
func (c *client) pages(path string) (all []map[string]any, pages int) {
	c.t.Helper()
	for path != "" {
		page := c.get(path).want(200)
		all, path, pages = append(all, page.list()...), page.next(), pages+1
	}
	return all, pages
}

// limits are the three rate-limit headers.
func (r reply) limits() (limit, remaining int, reset time.Time) {
	r.t.Helper()
	number := func(name string) int {
		n, err := strconv.Atoi(r.Header.Get(name))
		if err != nil {
			r.t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	return number("X-Rate-Limit-Limit"), number("X-Rate-Limit-Remaining"), time.Unix(int64(number("X-Rate-Limit-Reset")), 0)
}

// account reads an account that must exist, past the API.
func (c *client) account(id string) oktasim.Account {
	c.t.Helper()
	account, found := c.sim.Snapshot(id)
	if !found {
		c.t.Fatalf("account %s does not exist", id)
	}
	return account
}

// hire creates an account with that status and returns its id.
func (c *client) hire(status string) string {
	c.t.Helper()
	n := strconv.Itoa(len(c.sim.Accounts()))
	id, err := c.sim.CreateUser(map[string]any{
		"login": "new" + n + "@example.com", "email": "new" + n + "@example.com", "firstName": "New", "lastName": "Hire " + n,
		"employeeNumber": "N" + n, "city": "Tokyo",
	}, status)
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}
