package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"lifecycle/shared/local"
	"lifecycle/shared/local/console"
	"lifecycle/shared/local/scenario"
)

// BenchmarkPage is one look at everything and the whole page, over a world in
// which much has happened: what every open page costs twice a second.
func BenchmarkPage(b *testing.B) {
	ctx := context.Background()
	w, err := scenario.New(ctx, scenario.Options{Options: local.Options{Root: "../../.."}})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Stop()
	for _, act := range slices.Concat(scenario.Joiners()[:3], scenario.AccessRequests(), scenario.Leavers()[:2]) {
		if _, err := act.Play(ctx, w); err != nil {
			b.Fatal(err)
		}
	}
	page := console.New(w, console.Options{Freshness: -1})
	ticket := w.ServiceNow.Snapshot(1).Tickets[0].SysID
	b.ReportAllocs()
	for b.Loop() {
		recorder := httptest.NewRecorder()
		page.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/?ticket="+ticket, nil))
		if recorder.Code != http.StatusOK {
			b.Fatal(recorder.Code)
		}
	}
}
