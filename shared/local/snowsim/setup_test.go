package snowsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lifecycle/shared/local/seed"
)

// testBundle is an instance and a caller of its API.
type testBundle struct {
	*Sim
	t              *testing.T
	user, password string
	bearer         string
}

func setup(t *testing.T, options Options) *testBundle {
	t.Helper()
	return &testBundle{Sim: New(options), t: t, user: IntegrationUser, password: IntegrationPassword}
}

// as is the same caller with somebody else's sign-in.
func (b *testBundle) as(userName string) *testBundle {
	b.t.Helper()
	b.SetPassword(userName, "password of "+userName)
	other := *b
	other.user, other.password = userName, "password of "+userName
	return &other
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// result decodes the reply's result into a value of type T.
func result[T any](t *testing.T, r reply) T {
	t.Helper()
	var parts struct {
		Result T `json:"result"`
	}
	if err := json.Unmarshal(r.body, &parts); err != nil {
		t.Fatalf("%d %s: %v", r.status, r.body, err)
	}
	return parts.Result
}

func (b *testBundle) request(method, path string, query url.Values, body any) *http.Request {
	b.t.Helper()
	var reader io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		reader = bytes.NewReader(encoded)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, "https://instance.example"+path+"?"+query.Encode(), reader)
	if err != nil {
		b.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	switch {
	case b.bearer != "":
		r.Header.Set("Authorization", "Bearer "+b.bearer)
	case b.user != "":
		r.SetBasicAuth(b.user, b.password)
	}
	return r
}

func (b *testBundle) send(r *http.Request) reply {
	b.t.Helper()
	response, err := b.Transport().RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, body}
}

func (b *testBundle) call(method, path string, query url.Values, body any) reply {
	b.t.Helper()
	return b.send(b.request(method, path, query, body))
}

func (b *testBundle) get(path string, query url.Values) reply {
	b.t.Helper()
	return b.call("GET", path, query, nil)
}

// list is the sys_ids that a query finds.
func (b *testBundle) list(table, encoded string) []string {
	b.t.Helper()
	r := b.get("/api/now/v2/table/"+table, url.Values{"sysparm_query": {encoded}, "sysparm_fields": {"sys_id"}})
	b.want(r, http.StatusOK)
	rows := result[[]map[string]string](b.t, r)
	ids := make([]string, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row["sys_id"])
	}
	return ids
}

func (b *testBundle) want(r reply, status int, texts ...string) {
	b.t.Helper()
	if r.status != status {
		b.t.Fatalf("answered %d, want %d: %s", r.status, status, r.body)
	}
	for _, text := range texts {
		if !strings.Contains(string(r.body), text) {
			b.t.Errorf("the answer lacks %q: %s", text, r.body)
		}
	}
}

// incident makes a ticket as an administrator.
func (b *testBundle) incident(values map[string]string) string {
	b.t.Helper()
	return b.Insert("incident", values)
}

func person(number string) string { return seed.PersonSysID(number) }

func emailOf(number string) string {
	for _, p := range seed.People() {
		if p.Number == number {
			return p.Email
		}
	}
	panic("nobody has the number " + number)
}

var (
	none   = url.Values{}
	itHead = seed.NumberSuperAdmin
)
