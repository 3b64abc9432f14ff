package platform

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/fault"
)

type tables struct {
	Ledger  string `env:"LEDGER_TABLE,required"`
	Control string `env:"CONTROL_TABLE,required"`
}

type settings struct {
	tables
	Tables   tables        `envPrefix:""`
	URL      string        `env:"SERVICE_URL,required"`
	Lead     time.Duration `env:"LEAD_TIME"            envDefault:"72h"`
	Share    float64       `env:"LIMIT_SHARE"          envDefault:"0.92"`
	Domains  []string      `env:"EMAIL_DOMAINS"`
	Optional string        `env:"OPTIONAL"`
}

func TestConfig(t *testing.T) {
	t.Parallel()
	complete := map[string]string{"LEDGER_TABLE": "ledger", "CONTROL_TABLE": "control", "SERVICE_URL": "https://a.example"}
	with := func(changes map[string]string) map[string]string {
		env := maps.Clone(complete)
		maps.Copy(env, changes)
		return env
	}
	cases := []struct {
		name     string
		env      map[string]string
		problems []string
	}{
		{"a complete environment has no problems", complete, nil},
		{"everything that is missing is named at once", map[string]string{}, []string{
			"CONTROL_TABLE is missing", "LEDGER_TABLE is missing", "SERVICE_URL is missing",
		}},
		{"no environment at all is an empty one, never that of the process", nil, []string{
			"CONTROL_TABLE is missing", "LEDGER_TABLE is missing", "SERVICE_URL is missing",
		}},
		{"an empty value counts as missing", with(map[string]string{"LEDGER_TABLE": ""}), []string{"LEDGER_TABLE is missing"}},
		{
			"what does not fit is named by its variable beside what is missing",
			with(map[string]string{"LEAD_TIME": "soon-secret", "LIMIT_SHARE": "most-secret", "SERVICE_URL": ""}),
			[]string{"LEAD_TIME is not a valid time.Duration", "LIMIT_SHARE is not a valid float64", "SERVICE_URL is missing"},
		},
		{"an empty value takes the default", with(map[string]string{"LEAD_TIME": ""}), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Config[settings](&Cloud{Env: c.env})
			if c.problems == nil {
				if err != nil {
					t.Fatal(err)
				}
				if got.Lead != 72*time.Hour || got.Share != 0.92 || got.Tables.Ledger != "ledger" {
					t.Errorf("read %+v", got)
				}
				return
			}
			var invalid *fault.Invalid
			if !asInvalid(err, &invalid) {
				t.Fatalf("error %T %v, want *fault.Invalid", err, err)
			}
			slices.Sort(invalid.Problems)
			if diff := cmp.Diff(c.problems, invalid.Problems); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the error repeats a value: %v", err)
			}
		})
	}
}

func TestConfigReadsValues(t *testing.T) {
	t.Parallel()
	got, err := Config[settings](&Cloud{Env: map[string]string{
		"LEDGER_TABLE": "l", "CONTROL_TABLE": "c", "SERVICE_URL": "u", "LEAD_TIME": "36h", "EMAIL_DOMAINS": "a.example,b.example",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Lead != 36*time.Hour || !slices.Equal(got.Domains, []string{"a.example", "b.example"}) || got.Tables.Control != "c" {
		t.Errorf("read %+v", got)
	}
}
