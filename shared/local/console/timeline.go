package console

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"lifecycle/shared/local"
)

// timelinePolicy lets the page of a timeline have its own style; it has no script
// and needs nothing else.
const timelinePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// timeline hands on the page that the audit's API draws up of a person or a
// ticket, signed as an auditor would.
func (c *Console) timeline(w http.ResponseWriter, r *http.Request) {
	asked := map[string]string{"format": "html"}
	for _, name := range []string{"person", "ticket"} {
		if value := r.URL.Query().Get(name); value != "" {
			asked[name] = value
		}
	}
	body, err := json.Marshal(asked)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	question, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "https://api.simulated.example/audit/timeline", strings.NewReader(string(body)))
	if err == nil {
		question.Header.Set("Content-Type", "application/json")
		err = local.Sign(r.Context(), question, body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := httptest.NewRecorder()
	c.world.API().ServeHTTP(answer, question)
	w.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	if answer.Code == http.StatusOK {
		w.Header().Set("Content-Security-Policy", timelinePolicy)
	}
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w) // the browser may have gone
}
