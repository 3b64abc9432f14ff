package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifecycle/functions/onboarding"
	"lifecycle/shared/local"
	"lifecycle/shared/local/scenario"
)

// TestAStackIsVerifiedAndExportedFromOutside goes the whole way: signed calls over
// a socket, page by page, and the file that proves itself.
func TestAStackIsVerifiedAndExportedFromOutside(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "local")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "local")
	t.Setenv("AWS_REGION", "us-east-1")
	w, err := scenario.New(t.Context(), scenario.Options{Options: local.Options{Root: "../../.."}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	server := httptest.NewServer(w.API())
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticket, err := w.Open(onboarding.DefaultKind(), scenario.Requester, "New hire", scenario.NewHire(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Settled(ctx, ticket, "OnboardingMachine"); err != nil {
		t.Fatal(err)
	}

	var out bytes.Buffer
	if err := remote(ctx, &out, server.URL, `{"all":true}`); err != nil || !strings.Contains(out.String(), "records in 1 streams, 0 problems") {
		t.Errorf("%v: %s", err, &out)
	}
	name := filepath.Join(t.TempDir(), "export.ndjson")
	today := time.Now().UTC()
	period := `{"format":"ndjson","from":"` + today.AddDate(0, 0, -1).Format(time.DateOnly) + `","to":"` + today.Format(time.DateOnly) + `","limit":20}`
	if err := fetch(ctx, server.URL, period, name); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := file(&out, name, true); err != nil || !strings.Contains(out.String(), "0 between them are not in the export") {
		t.Errorf("%v: %s", err, &out)
	}
	if err := remote(ctx, &out, server.URL, `{"al":true}`); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("a misspelt question: %v", err)
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	if err := remote(ctx, &out, server.URL, `{"all":true}`); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("with a wrong key: %v", err)
	}
}
