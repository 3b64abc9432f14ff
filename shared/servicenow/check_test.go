package servicenow

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"lifecycle/shared/fault"
	"lifecycle/shared/local/snowsim"
)

func TestCheckStates(t *testing.T) {
	t.Parallel()

	t.Run("a plain instance with the documented columns fits", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{FixedColumns: true}, func(t *testing.T, b *testBundle) {
			for _, k := range []Kind{OnboardingKind(), OffboardingKind()} {
				if err := b.client.CheckStates(b.ctx, k); err != nil {
					t.Errorf("%s: %v", k.Name, err)
				}
			}
		})
	})

	t.Run("catalog tables fit but for the state that only some instances have", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			k, err := OffboardingKind().With([]byte(`{"table":"sc_task","query":"short_descriptionLIKEleaver","states":{"cancelled":{"values":["4","7"]}},
				"fields":{"email":"description","employee_number":"","legal_hold":"","termination_at":"","time_zone":"","requested_by":"opened_by"}}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.client.CheckStates(b.ctx, k); err != nil {
				t.Error(err)
			}
		})
	})

	t.Run("says everything that does not fit", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{FixedColumns: true}, func(t *testing.T, b *testBundle) {
			k, err := OnboardingKind().With([]byte(`{"fields":{"role":"u_rolle"},"return_group":"Nobody","escalation_group":"Nobody else",
				"states":{"in_progress":{"values":["22"]},"resolved":{"values":["6"],"set":{"close_code":"Solved (Permanently)","close_notes":"free text"}}}}`))
			if err != nil {
				t.Fatal(err)
			}
			err = b.client.CheckStates(b.ctx, k)
			var invalid *fault.Invalid
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			for _, part := range []string{`"22"`, "in_progress", "Solved (Permanently)", "u_rolle", `"Nobody"`, `"Nobody else"`} {
				if !slices.ContainsFunc(invalid.Problems, func(p string) bool { return strings.Contains(p, part) }) {
					t.Errorf("nothing about %s in %q", part, invalid.Problems)
				}
			}
			if len(invalid.Problems) != 5 {
				t.Errorf("%d problems: %q", len(invalid.Problems), invalid.Problems)
			}
		})
	})

	t.Run("a choice that was switched off does not count", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			for _, r := range b.sim.Query("sys_choice", "name=incident^element=close_code^value=Solution provided") {
				b.sim.Update("sys_choice", r["sys_id"], map[string]string{"inactive": "true"})
			}
			if err := b.client.CheckStates(b.ctx, OnboardingKind()); !fault.Is[*fault.Invalid](err) {
				t.Errorf("got %v", err)
			}
		})
	})

	t.Run("a plugin's table that is not there is told", func(t *testing.T) {
		t.Parallel()
		inBubble(t, snowsim.Options{}, func(t *testing.T, b *testBundle) {
			k, err := OffboardingKind().With([]byte(`{"table":"sn_hr_core_case","query":"active=true","states":{"open":{"values":["10"]},"in_progress":{"values":["18"]},"resolved":{"values":["3"]}}}`))
			if err != nil {
				t.Fatal(err)
			}
			if err := b.client.CheckStates(b.ctx, k); !fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "sn_hr_core_case") {
				t.Errorf("got %v", err)
			}
		})
	})
}
