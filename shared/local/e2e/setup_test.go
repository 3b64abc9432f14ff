package e2e_test

import (
	"bytes"
	"context"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle/shared/local/scenario"
)

// root is where template.yaml is, seen from here.
const root = "../../.."

// inWorld runs a test on virtual time, in a world of its own.
func inWorld(t *testing.T, o scenario.Options, test func(t *testing.T, ctx context.Context, w *scenario.World)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 400*24*time.Hour)
		defer cancel()
		var log bytes.Buffer
		o.Root = root
		if o.Log == nil {
			o.Log = &log
		}
		w, err := scenario.New(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			w.Stop()
			if t.Failed() && testing.Verbose() {
				t.Log(log.String())
			}
			if name := os.Getenv("E2E_LOG"); name != "" {
				_ = os.WriteFile(name, log.Bytes(), 0o600)
			}
		}()
		test(t, ctx, w)
	})
}
