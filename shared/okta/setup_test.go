package okta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
)

const orgURL = "https://example.okta.com"

// specModule carries Okta's OpenAPI description of its Management API.
const specModule = "github.com/okta/okta-sdk-golang/v5"

var spec = sync.OnceValues(func() (routers.Router, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", specModule).Output()
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", specModule, err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile(filepath.Join(strings.TrimSpace(string(out)), "okta", "api", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	return gorillamux.NewRouter(doc)
})

func TestMain(m *testing.M) {
	_, _ = spec() // here, since it runs a program, which no test in a bubble may
	os.Exit(m.Run())
}

var parameter = regexp.MustCompile(`{[^}]+}`)

// seen are all operations that any test has called, by method and path.
var seen sync.Map

// conforming holds every request that the client sends against Okta's API
// description.
type conforming struct {
	t    testing.TB
	next http.RoundTripper
}

func (c conforming) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	if r.URL.Path != "/oauth2/v1/token" { // which the description leaves out
		c.check(r)
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	return c.next.RoundTrip(r)
}

func (c conforming) check(r *http.Request) {
	router, err := spec()
	if err != nil {
		c.t.Fatal(err)
	}
	route, params, err := router.FindRoute(r)
	if err != nil {
		c.t.Errorf("%s %s is no operation of Okta's: %v", r.Method, r.URL, err)
		return
	}
	seen.Store(r.Method+" "+parameter.ReplaceAllString(route.Path, "{}"), true)
	err = openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, MultiError: true},
	})
	if err != nil {
		c.t.Errorf("%s %s is not as Okta describes it: %v", r.Method, r.URL, err)
	}
}

type testBundle struct {
	sim    *oktasim.Sim
	db     *dynamo.DB
	ledger *audit.Ledger
	seats  *ratelimit.Seats
	client *okta.Client
	// id is the subject of most tests: an active person with something of all
	// that an account can hold.
	id     string
	roleID string
	token  string    // id of an API token
	before okta.User // the subject as it was, for what compares
	factor string    // id of an Okta Verify push factor
}

// The subject's particulars, easy to find where they must not be.
const (
	login     = "zebediah.quackenbush@example.com"
	firstName = "Zebediah"
	lastName  = "Quackenbush"
	number    = "E-ZQ-8812"
)

var (
	groupID = seed.GroupID("Salesforce Users")
	otherID = seed.GroupID("AWS Developers")
	appID   = seed.AppID(seed.AppPagerDuty)
	appTwo  = seed.AppID(seed.AppNetSuite)
)

const stream = "incident/1f0e"

func setup(t testing.TB, options oktasim.Options, change ...func(*okta.Options)) *testBundle {
	t.Helper()
	b := &testBundle{sim: oktasim.New(options), db: dynamo.New()}
	for _, spec := range []dynamo.Spec{
		{Name: "ledger", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{
			{Name: "subject", Hash: "subject", Range: "at_seq"}, {Name: "actor", Hash: "actor", Range: "at_seq"}, {Name: "day", Hash: "day", Range: "at_seq"},
		}},
		{Name: "control", Hash: "pk", Range: "sk", TTL: "expires"},
	} {
		must(t, b.db.CreateTable(context.Background(), spec))
	}
	b.ledger = audit.New(b.db.Client(), "ledger")
	b.seats = ratelimit.New(b.db.Client(), "control", 0.92)
	o := okta.Options{
		URL: orgURL, Credentials: `{"token":"` + oktasim.DefaultToken + `"}`,
		Transport: conforming{t, b.sim.Transport()}, Ledger: b.ledger, Seats: b.seats,
	}
	for _, c := range change {
		c(&o)
	}
	b.client = b.build(t, o)
	b.furnish(t)
	return b
}

func (b *testBundle) build(t testing.TB, o okta.Options) *okta.Client {
	t.Helper()
	client, err := okta.New(context.Background(), o)
	must(t, err)
	return client
}

// furnish makes the subject.
func (b *testBundle) furnish(t testing.TB) {
	t.Helper()
	var err error
	b.id, err = b.sim.CreateUser(map[string]any{
		"login": login, "email": login, "firstName": firstName, "lastName": lastName, "employeeNumber": number,
		"userType": "employee", "department": "Sales", "title": "Clerk", "city": "Berlin", "managerId": "E1001", "timezone": "Europe/Berlin",
	}, oktasim.Active)
	must(t, err)
	b.roleID, err = b.sim.GiveRole(b.id, "HELP_DESK_ADMIN")
	must(t, err)
	b.token, _, err = b.sim.CreateAPIToken(b.id, "report script")
	must(t, err)
	must(t, b.sim.AddMember(groupID, b.id))
	must(t, b.sim.MakeOwner(groupID, b.id))
	must(t, b.sim.AssignApp(appID, b.id))
	must(t, b.sim.SignIn(b.id))
	must(t, b.sim.Consent(b.id, appID, "openid"))
	b.factor, err = b.sim.EnrolFactor(b.id, oktasim.FactorPush)
	must(t, err)
}

// ctx is a step's context.
func (b *testBundle) ctx(t testing.TB) context.Context {
	return audit.WithTrail(t.Context(), audit.Trail{
		Stream: stream, Execution: "arn:execution:1", Ticket: "INC0010001", Actor: "system:test", Step: "Step",
	})
}

func (b *testBundle) account(t testing.TB) oktasim.Account {
	t.Helper()
	account, found := b.sim.Snapshot(b.id)
	if !found {
		t.Fatal("the subject is gone")
	}
	return account
}

func (b *testBundle) records(t testing.TB) []audit.Record {
	t.Helper()
	records, err := b.ledger.Stream(b.ctx(t), stream)
	must(t, err)
	return records
}

// requests are the calls of the API so far, by method and path.
func (b *testBundle) requests() []string {
	calls := b.sim.Calls()
	all := make([]string, 0, len(calls))
	for _, c := range calls {
		all = append(all, c.Method+" "+c.Path)
	}
	return all
}

var why = audit.Reason{Kind: "ticket", Ref: "INC0010001", Text: "test"}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encoded(t testing.TB, value any) string {
	t.Helper()
	out, err := json.Marshal(value)
	must(t, err)
	return string(out)
}

// bubble runs a subtest on virtual time.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, test)
	})
}
