package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lifecycle/shared/local"
	"lifecycle/shared/local/console"
	"lifecycle/shared/local/scenario"
)

func TestEachPathIsServedByWhomItBelongsTo(t *testing.T) {
	t.Parallel()
	w, err := scenario.New(t.Context(), scenario.Options{Options: local.Options{Root: "../../.."}})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	server := newServer(w, "127.0.0.1:0", console.Options{})
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/":                           {http.StatusOK, "<title>Lifecycle console</title>"},
		"/console/assets/console.css": {http.StatusOK, "--accent"},
		"/console/nothing":            {http.StatusNotFound, ""},
		"/api/v1/users":               {http.StatusUnauthorized, "E0000011"},
		"/api/now/table/incident":     {http.StatusUnauthorized, "User Not Authenticated"},
		"/nothing":                    {http.StatusNotFound, `{"message":"Not Found"}`},
	} {
		recorder := httptest.NewRecorder()
		server.http.Handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8080"+path, nil))
		if recorder.Code != want.status || !strings.Contains(recorder.Body.String(), want.says) {
			t.Errorf("%s: %d %.200s", path, recorder.Code, recorder.Body)
		}
	}
}
