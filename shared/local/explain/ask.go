package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/local"
)

// explain asks what somebody gets.
func explain(ctx context.Context, f flags, out io.Writer) error {
	answer, err := ask(ctx, f, "/entitlements/explain", "text/plain", map[string]string{"user": f.user})
	if err != nil {
		return err
	}
	_, err = out.Write(answer)
	return err
}

// whatIf asks what the candidate would change.
func whatIf(ctx context.Context, f flags, out io.Writer) error {
	candidate, err := os.ReadFile(f.candidate)
	if err != nil {
		return err
	}
	answer, err := ask(ctx, f, "/entitlements/what-if", "application/json", map[string]json.RawMessage{"candidate": candidate})
	if err != nil {
		return err
	}
	var s entitlement.Summary
	if err := json.Unmarshal(answer, &s); err != nil {
		return err
	}
	tell(out, s)
	return nil
}

// tell lays a summary out for a terminal.
func tell(out io.Writer, s entitlement.Summary) {
	fmt.Fprintf(out, "From rules %s to %s, over %d people (%d protected, left alone):\n%d would change; %d grants come, %d go, %d people lose something.\n",
		s.Current, s.Candidate, s.People, s.Protected, s.Changed, s.Granted, s.Removed, s.Losers)
	for _, part := range []struct {
		title string
		list  []entitlement.Tally
	}{
		{"Given", s.Gains}, {"Taken away", s.Losses}, {"No longer managed, left as they are", s.Releases}, {"On trial, would change besides", s.Trials},
		{"Must not be held together", s.Collisions}, {"No rule", s.Gaps}, {"Covered by", []entitlement.Tally{s.Uncovered}},
	} {
		for i, t := range part.list {
			if t.People == 0 {
				continue
			}
			if i == 0 {
				fmt.Fprintf(out, "\n%s:\n", part.title)
			}
			what := t.What
			if t.Kind != "" {
				what += " (" + t.Kind + ")"
			}
			fmt.Fprintf(out, "  %s: %d people, such as %s\n", what, t.People, sample(t))
		}
	}
	fmt.Fprintf(out, "\nPlan %s\n", s.Hash)
}

func sample(t entitlement.Tally) string {
	return strings.Join(t.Sample[:min(3, len(t.Sample))], ", ")
}

// ask starts the embedded cloud and sends one signed request to its HTTP API.
func ask(ctx context.Context, f flags, path, accept string, question any) ([]byte, error) {
	cloud, err := local.Start(ctx, local.Options{Root: f.root})
	if err != nil {
		return nil, err
	}
	defer cloud.Stop()
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.simulated.example"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", accept)
	if err := local.Sign(ctx, r, body); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	cloud.API().ServeHTTP(recorder, r)
	answer := recorder.Body.Bytes()
	if recorder.Code == http.StatusOK {
		return answer, nil
	}
	return nil, refused(recorder.Code, answer)
}

// refused is the error for an answer that is none.
func refused(status int, answer []byte) error {
	var said struct {
		Message  string                `json:"message"`
		Problems []entitlement.Problem `json:"problems"`
	}
	if err := json.Unmarshal(answer, &said); err != nil {
		return fmt.Errorf("answered with %d", status)
	}
	for _, p := range said.Problems {
		said.Message += "\n- " + p.String()
	}
	return fmt.Errorf("%s", said.Message)
}
