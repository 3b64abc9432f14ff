package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/fault"
)

func asInvalid(err error, target **fault.Invalid) bool { return errors.As(err, target) }

// vault is a Secrets Manager with one secret.
type vault struct {
	mu       sync.Mutex
	versions map[string]string // stage -> value
	status   int               // answered instead, when set
	calls    int
	latency  time.Duration
}

func (v *vault) set(stage, value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.versions[stage] = value
}

func (v *vault) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.calls
}

func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(v.latency)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	var ask struct {
		SecretID     string `json:"SecretId"`
		VersionStage string `json:"VersionStage"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		return nil, err
	}
	if v.status != 0 {
		return reply(v.status, nil, `{"__type":"InternalServiceError","Message":"try later"}`), nil
	}
	value, ok := v.versions[ask.VersionStage]
	if !ok {
		return reply(400, nil, `{"__type":"ResourceNotFoundException","Message":"no such stage"}`), nil
	}
	return reply(200, nil, fmt.Sprintf(`{"Name":%q,"SecretString":%q}`, ask.SecretID, value)), nil
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	type bundle struct {
		vault   *vault
		secrets *Secrets
	}
	setup := func(versions map[string]string) bundle {
		v := &vault{versions: versions}
		return bundle{v, newSecrets(*awsOver(v))}
	}
	versions := func(t *testing.T, b bundle) []string {
		t.Helper()
		got, err := b.secrets.Versions(t.Context(), "webhook")
		if err != nil {
			t.Fatal(err)
		}
		return got
	}

	t.Run("a value is read once in five minutes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(map[string]string{current: "one"})
			for range 3 {
				if got, err := b.secrets.Value(t.Context(), "webhook"); err != nil || got != "one" {
					t.Fatalf("Value = %q, %v", got, err)
				}
				time.Sleep(99 * time.Second)
			}
			if n := b.vault.count(); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
			b.vault.set(current, "two")
			time.Sleep(4 * time.Second) // 301 s after the first call
			if got, _ := b.secrets.Value(t.Context(), "webhook"); got != "two" {
				t.Errorf("after five minutes Value = %q, want two", got)
			}
		})
	})
	t.Run("during a rotation the current version comes first and the previous one is still there", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(map[string]string{current: "one"})
			if got := versions(t, b); !slices.Equal(got, []string{"one"}) {
				t.Errorf("before: %v", got)
			}
			b.vault.set(previous, "one")
			b.vault.set(current, "two")
			if got := versions(t, b); !slices.Equal(got, []string{"one"}) {
				t.Errorf("within the cache's time: %v", got)
			}
			if n := b.vault.count(); n != 2 {
				t.Errorf("%d calls, want 2: that there is no previous version is remembered too", n)
			}
			time.Sleep(secretAge)
			if got := versions(t, b); !slices.Equal(got, []string{"two", "one"}) {
				t.Errorf("after: %v", got)
			}
		})
	})
	t.Run("who suspects a rotation gets fresher values", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(map[string]string{current: "one"})
			versions(t, b)
			b.vault.set(current, "two")
			time.Sleep(31 * time.Second)
			got, err := b.secrets.VersionsWithin(t.Context(), "webhook", 30*time.Second)
			if err != nil || !slices.Equal(got, []string{"two"}) {
				t.Errorf("VersionsWithin = %v, %v", got, err)
			}
			if got := versions(t, b); !slices.Equal(got, []string{"two"}) {
				t.Errorf("others then see it as well: %v", got)
			}
		})
	})
	t.Run("the same value twice is one version", func(t *testing.T) {
		t.Parallel()
		if got := versions(t, setup(map[string]string{current: "one", previous: "one"})); !slices.Equal(got, []string{"one"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("a secret that does not exist is not found", func(t *testing.T) {
		t.Parallel()
		b := setup(map[string]string{})
		if _, err := b.secrets.Value(t.Context(), "webhook"); !fault.Is[*fault.NotFound](err) {
			t.Errorf("Value: %T %v", err, err)
		}
		if _, err := b.secrets.Versions(t.Context(), "webhook"); !fault.Is[*fault.NotFound](err) {
			t.Errorf("Versions: %T %v", err, err)
		}
	})
	t.Run("a failure is not remembered", func(t *testing.T) {
		t.Parallel()
		b := setup(map[string]string{current: "one"})
		b.vault.status = 500
		if _, err := b.secrets.Value(t.Context(), "webhook"); !fault.Is[*fault.Unavailable](err) {
			t.Errorf("Value: %T %v", err, err)
		}
		b.vault.status = 0
		if got, err := b.secrets.Value(t.Context(), "webhook"); got != "one" || err != nil {
			t.Errorf("Value = %q, %v", got, err)
		}
	})
	t.Run("concurrent readers on virtual time do not stop the clock", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			b := setup(map[string]string{current: "one"})
			b.vault.latency = time.Second
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					if got, err := b.secrets.Value(t.Context(), "webhook"); got != "one" || err != nil {
						t.Errorf("Value = %q, %v", got, err)
					}
				})
			}
			all.Wait()
		})
	})
}
