package audit

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	ledger "lifecycle/shared/audit"
)

// schema is what OCSF 1.2.0 requires of the classes in use, taken from the
// schema's events/iam and objects.
type schema struct {
	Version string `json:"version"`
	// Required are paths that each event has, and those of each class by its number.
	Required map[string][]string `json:"required"`
	// Activities are the activity ids of each class.
	Activities map[string][]int `json:"activities"`
	// Known are the attributes that a class may have.
	Known map[string][]string `json:"known"`
}

func readSchema(t testing.TB) schema {
	t.Helper()
	text, err := os.ReadFile("testdata/ocsf-1.2.0.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// problems are what the schema finds wrong with an event.
func (s schema) problems(event map[string]any) (problems []string) {
	class := jsonText(event["class_uid"])
	for _, path := range slices.Concat(s.Required["every"], s.Required[class]) {
		at := any(event)
		for part := range strings.SplitSeq(path, ".") {
			fields, _ := at.(map[string]any)
			at = fields[part]
		}
		if at == nil || at == "" {
			problems = append(problems, path+" is missing")
		}
	}
	for name := range event {
		if !slices.Contains(s.Known["every"], name) && !slices.Contains(s.Known[class], name) {
			problems = append(problems, name+" is not part of the class")
		}
	}
	id, _ := event["activity_id"].(float64)
	uid, _ := event["class_uid"].(float64)
	if !slices.Contains(s.Activities[class], int(id)) {
		problems = append(problems, "the class has no such activity")
	}
	if event["type_uid"] != uid*100+id || event["category_uid"] != float64(3) {
		problems = append(problems, "type_uid or category_uid does not fit")
	}
	return problems
}

func jsonText(v any) string {
	return strings.Trim(fmt.Sprintf("%#v", v), `"`)
}

func TestEveryVerbBecomesAnEventThatTheSchemaTakes(t *testing.T) {
	t.Parallel()
	s := readSchema(t)
	verbs := []string{"user.update_profile", "session.clear", "grant.revoke", "api_token.revoke", "ticket.update", "person.update", "rules.publish", "approval.decision", "", "anything.else"}
	for verb := range activities {
		verbs = append(verbs, verb)
	}
	for _, verb := range verbs {
		for _, phase := range []string{ledger.Done, ledger.Failed, ledger.Fact} {
			for _, subject := range []string{"00u1", ""} {
				for _, target := range []string{"group/00g1", "user/00u1", "incident", ""} {
					r := ledger.Record{
						Stream: "incident/1", Seq: 3, At: time.Date(2026, 11, 24, 12, 0, 0, 5, time.UTC), Phase: phase, System: "okta", Verb: verb,
						Target: target, Subject: subject, Error: "no", Hash: "h", Uncertain: verb == "user.create",
					}
					event, ok := OCSF(r, "{}")
					if !ok {
						t.Fatalf("%s (%s) is no event", verb, phase)
					}
					text, err := json.Marshal(event)
					if err != nil {
						t.Fatal(err)
					}
					var plain map[string]any
					if err := json.Unmarshal(text, &plain); err != nil {
						t.Fatal(err)
					}
					if wrong := s.problems(plain); len(wrong) > 0 {
						t.Errorf("%s of %q about %q, %s: %v in %s", verb, target, subject, phase, wrong, text)
					}
				}
			}
		}
	}
}

func TestWhatIsNoEventStaysAway(t *testing.T) {
	t.Parallel()
	for _, r := range []ledger.Record{{Phase: ledger.Intent, Verb: "group.add"}, {Phase: ledger.Fact, Verb: "step.done"}} {
		if _, ok := OCSF(r, "{}"); ok {
			t.Errorf("%s %s became an event", r.Phase, r.Verb)
		}
	}
}

func TestAnEventSaysWhoWasGivenWhatAndHowItEnded(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for verb, want := range map[string]string{
		"group.add":       `300603 Add User user 00u1 group 00g1`,
		"app.assign":      `300501 Assign Privileges user 00u1 resource 00g1`,
		"user.deactivate": `300105 Disable user 00u1`,
		"ticket.update":   `300403 Update entity 00g1`,
	} {
		subject := "00u1"
		if verb == "ticket.update" {
			subject = ""
		}
		e, _ := OCSF(ledger.Record{Stream: "s/1", Seq: 1, At: at, Phase: ledger.Done, System: "okta", Verb: verb, Target: "x/00g1", Subject: subject, Actor: "system:onboarding"}, "{}")
		got := jsonText(e.TypeUID) + " " + jsonText(e.ActivityName)
		if e.User != nil {
			got += " user " + e.User.UID
		}
		if e.Group != nil {
			got += " group " + e.Group.UID
		}
		if e.Resource != nil {
			got += " resource " + e.Resource.UID
		}
		if e.Entity != nil {
			got += " entity " + e.Entity.UID
		}
		if got != want || e.Time != at.UnixMilli() || e.Status != "Success" || e.Metadata.UID != "s/1/1" {
			t.Errorf("%s: %s, want %s; %+v", verb, got, want, e)
		}
	}
	e, _ := OCSF(ledger.Record{Phase: ledger.Failed, Verb: "group.add", Subject: "u", Target: "group/g", Error: "no answer", Uncertain: true}, "{}")
	if e.StatusID != 0 || e.StatusDetail != "no answer" {
		t.Errorf("an uncertain failure: %+v", e)
	}
}
