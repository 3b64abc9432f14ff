package oktasim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// specModule carries Okta's OpenAPI description of its Management API.
const specModule = "github.com/okta/okta-sdk-golang/v5"

// specFile is the description to hold the simulator against: another release of
// it where OKTA_OPENAPI names a file, else the one that the module carries.
func specFile() (string, error) {
	if file := os.Getenv("OKTA_OPENAPI"); file != "" {
		return file, nil
	}
	out, err := exec.Command("go", "mod", "download", "-json", specModule).Output()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", specModule, err)
	}
	var module struct {
		Dir string `json:"Dir"`
	}
	if err := json.Unmarshal(out, &module); err != nil {
		return "", err
	}
	return filepath.Join(module.Dir, "okta", "api", "openapi.yaml"), nil
}

// spec routes requests to the operations of Okta's API description.
var spec = sync.OnceValues(func() (routers.Router, error) {
	file, err := specFile()
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromFile(file)
	if err != nil {
		return nil, err
	}
	doc.Servers = nil
	mend(doc)
	return gorillamux.NewRouter(doc)
})

var parameter = regexp.MustCompile(`{[^}]+}`)

func TestMain(m *testing.M) {
	_, _ = spec() // here, since it runs a program, which no test in a bubble may
	os.Exit(m.Run())
}

// mend corrects two places where the description contradicts its own examples.
func mend(doc *openapi3.T) {
	schemas := doc.Components.Schemas
	// The module's generator broke the look-ahead of this pattern, so that no
	// duration matches it.
	schemas["ApiToken"].Value.Properties["tokenWindow"].Value.Pattern = ""
	// Release 2026.06.3 has the embedded application user hold objects only.
	if user := schemas["Application"].Value.Properties["_embedded"].Value.Properties["user"]; user != nil {
		user.Value.AdditionalProperties = openapi3.AdditionalProperties{}
	}
}

// conforming is a transport that holds every request and every answer against
// Okta's API description, and notes what it has seen.
type conforming struct {
	t    testing.TB
	next http.RoundTripper

	mu   sync.Mutex
	seen map[string][]int // statuses answered, by method and path with {} for a parameter
}

// outsideSpec are calls that the description does not cover.
func outsideSpec(r *http.Request) bool { return r.URL.Path == "/oauth2/v1/token" }

func (c *conforming) RoundTrip(r *http.Request) (*http.Response, error) {
	if outsideSpec(r) {
		return c.next.RoundTrip(r)
	}
	var sent []byte
	if r.Body != nil {
		sent, _ = io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	input, problem := c.request(r)
	r.Body = io.NopCloser(bytes.NewReader(sent))
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < 300 && problem != nil {
		c.t.Errorf("the simulator accepts %s %s, which the description does not: %v", r.Method, r.URL, problem)
	}
	if input != nil {
		c.answer(input, answer)
	}
	return answer, nil
}

func (c *conforming) request(r *http.Request) (*openapi3filter.RequestValidationInput, error) {
	router, err := spec()
	if err != nil {
		c.t.Fatal(err)
	}
	route, params, err := router.FindRoute(r)
	if err != nil {
		return nil, fmt.Errorf("no such operation: %w", err)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, MultiError: true,
		},
	}
	return input, openapi3filter.ValidateRequest(context.Background(), input)
}

func (c *conforming) answer(input *openapi3filter.RequestValidationInput, answer *http.Response) {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	operation := input.Route.Method + " " + parameter.ReplaceAllString(input.Route.Path, "{}")
	c.seen[operation] = append(c.seen[operation], answer.StatusCode)
	c.mu.Unlock()
	if input.Route.Path == "/api/v1/logs" && answer.StatusCode == http.StatusOK {
		body = withoutNulls(c.t, body)
	}
	output := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: answer.StatusCode, Header: answer.Header,
		Body: io.NopCloser(bytes.NewReader(body)),
	}
	// A refusal whose status the description does not list for the operation
	// (it lists few) still has to be an Error.
	if answer.StatusCode >= 300 && input.Route.Operation.Responses.Status(answer.StatusCode) == nil {
		output.Status = http.StatusForbidden
	}
	if err := openapi3filter.ValidateResponse(context.Background(), output); err != nil {
		c.t.Errorf("%s %s answers %d not as described: %v\n%s", input.Request.Method, input.Request.URL, answer.StatusCode, err, body)
	}
}

// withoutNulls drops the nulls from System Log events. Okta sends them, also in
// the example of the description, whose schemas do not allow them.
func withoutNulls(t testing.TB, body []byte) []byte {
	var events any
	if err := json.Unmarshal(body, &events); err != nil {
		t.Fatal(err)
	}
	var strip func(value any)
	strip = func(value any) {
		switch value := value.(type) {
		case []any:
			for _, element := range value {
				strip(element)
			}
		case map[string]any:
			maps.DeleteFunc(value, func(_ string, inner any) bool { return inner == nil })
			for _, inner := range value {
				strip(inner)
			}
		}
	}
	strip(events)
	stripped, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return stripped
}
