package oktasim_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"lifecycle/shared/local/largeorg"
)

// TestLargeOrgConforms holds pages of an org that is worked out, not held,
// against Okta's API description, as the simulator's are.
func TestLargeOrgConforms(t *testing.T) {
	t.Parallel()
	org := largeorg.New(largeorg.Full().Part(10), time.Now())
	okta := &conforming{t: t, next: org.Okta(0), seen: map[string][]int{}}
	for path, want := range map[string]int{
		"/api/v1/users?limit=200": 200, "/api/v1/users?limit=200&after=9800": 200,
		"/api/v1/users?limit=200&filter=status+eq+%22DEPROVISIONED%22": 200,
		"/api/v1/groups?limit=1000":                                    200,
		"/api/v1/groups/00gL0000000000000000/users?limit=1000":         200,
		"/api/v1/groups/00gL0000000000000999/users?limit=1000":         404,
		"/api/v1/apps?limit=200":                                       200,
		"/api/v1/apps/0oaL0000000000000005/users?limit=500":            200,
		"/api/v1/iam/assignees/users?limit=100":                        200,
		"/api/v1/users/00uL0000000000000005/roles":                     200,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://okta.large.example"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := okta.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		if answer.StatusCode != want {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}
