package e2e_test

import (
	"context"
	"testing"

	"lifecycle/functions/onboarding"
	"lifecycle/shared/local/scenario"
)

func TestOnboarding(t *testing.T) {
	t.Parallel()
	inWorld(t, scenario.Options{}, func(t *testing.T, ctx context.Context, w *scenario.World) {
		ticket, err := w.Open(onboarding.DefaultKind(), scenario.Requester, "New hire", scenario.NewHire(nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Settled(ctx, ticket, "OnboardingMachine"); err != nil {
			t.Fatal(err)
		}
		for _, x := range w.Executions("OnboardingMachine", ticket) {
			t.Log(x.Name, x.Status, x.Error, x.Cause, x.Output)
		}
		t.Log(w.Notes(ticket, "work_notes"), w.Notes(ticket, "comments"), w.Column(ticket, "state"))
		a, _ := w.Okta.Snapshot("jana.keller@example.com")
		t.Logf("%+v", a)
	})
}
