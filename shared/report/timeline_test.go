package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/workflow"
)

func lineOfNina(t *testing.T, options ...Option) Timeline {
	t.Helper()
	line, err := PersonTimeline(nina, reading(about(ninasStory())), append([]Option{WithTime(at(24, 7)), WithNames(named)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func accessTo(t *testing.T, line Timeline, name string) Access {
	t.Helper()
	for _, a := range line.Access {
		if a.Name == name {
			return a
		}
	}
	t.Fatalf("the timeline does not tell about %s", name)
	return Access{}
}

func TestAPersonsTimelineTellsWhatWhenWhyAndByWhom(t *testing.T) {
	t.Parallel()
	line := lineOfNina(t)
	t.Run("a renewal follows the reason that it renews", func(t *testing.T) {
		t.Parallel()
		a := accessTo(t, line, "AWS Administrators")
		if len(a.Reasons) != 2 || !a.Reasons[0].Until.Equal(a.Reasons[1].From) || a.Reasons[0].TakenWhy.Kind != "renewed" || strings.Join(a.Reasons[1].ApprovedBy, ", ") != "Sam Okoro, Priya Raman" {
			t.Errorf("%+v", a.Reasons)
		}
	})
	t.Run("a change without an answer ends nothing", func(t *testing.T) {
		t.Parallel()
		a := accessTo(t, line, "AWS Administrators")
		if len(a.Held) != 1 || day(a.Held[0].Until) != "15 Dec 2025" {
			t.Errorf("%+v", a.Held)
		}
		if got := gap(a); got != "taken away 42 hours after the last reason ended" {
			t.Errorf("what is to be looked at: %q", got)
		}
	})
	t.Run("what was announced and not done lasts", func(t *testing.T) {
		t.Parallel()
		a := accessTo(t, line, "On-call Rotation")
		if !a.Lasts() || gap(a) != "held on after the last reason ended 3 Nov 2026" {
			t.Errorf("%+v %q", a.Held, gap(a))
		}
		last := line.Entries[len(line.Entries)-1]
		if last.What != "Removed from the group On-call Rotation: announced, and no outcome recorded" {
			t.Errorf("the last entry says %q", last.What)
		}
	})
	t.Run("what was there before the first record has no beginning", func(t *testing.T) {
		t.Parallel()
		if a := accessTo(t, line, "Legacy <Admins>"); len(a.Held) != 1 || !a.Held[0].From.IsZero() || a.Held[0].Lasts() {
			t.Errorf("%+v", a.Held)
		}
	})
	t.Run("what was only seen has a name, no beginning, and goes with the account", func(t *testing.T) {
		t.Parallel()
		slack := accessTo(t, line, "Slack")
		if len(slack.Held) != 1 || !slack.Held[0].From.IsZero() || slack.Held[0].Given.Record == "" || slack.Held[0].TakenWhy.Text != "goes with the deactivated account" {
			t.Errorf("%+v", slack.Held)
		}
		if berlin := accessTo(t, line, "Location Berlin"); len(berlin.Held) != 1 || berlin.Lasts() || berlin.Held[0].TakenWhy.Kind != "offboarding" {
			t.Errorf("%+v", berlin.Held)
		}
		for _, a := range line.Access {
			if a.Name == "Everyone" {
				t.Error("it tells of a group that everybody is in")
			}
		}
	})
	t.Run("a suspension interrupts the account", func(t *testing.T) {
		t.Parallel()
		if a := accessTo(t, line, "Okta account"); len(a.Held) != 2 || a.Held[0].TakenWhy.Kind != "security-alert" || stateOf(a) != "closed 3 Nov 2026" {
			t.Errorf("%+v", a.Held)
		}
	})
	t.Run("an intent and its outcome are one entry", func(t *testing.T) {
		t.Parallel()
		for _, e := range line.Entries {
			if e.Phase == audit.Done && e.Intent.Record == "" {
				t.Errorf("%s does not name its intent", e.Proof.Record)
			}
		}
		if len(line.Entries) >= line.Records {
			t.Errorf("%d entries of %d records", len(line.Entries), line.Records)
		}
	})
}

func TestAStepThatRanAgainChangesNothing(t *testing.T) {
	t.Parallel()
	var s story
	why := audit.Reason{Kind: "birthright", Ref: "r"}
	s.does(at(1, 1), "INC1", "x", "group.add", "group/g", why)
	s.does(at(1, 2), "INC1", "x", "group.add", "group/g", why)
	s.does(at(2, 1), "INC1", "x", "group.remove", "group/g", why)
	s.does(at(2, 2), "INC1", "x", "group.remove", "group/g", why)
	line, err := TicketTimeline("INC1", reading(s.records))
	if err != nil {
		t.Fatal(err)
	}
	if held := line.Access[0].Held; len(held) != 1 || held[0].From.Day() != 1 || held[0].Until.Day() != 2 || held[0].Until.Hour() != 1 {
		t.Errorf("%+v", held)
	}
}

func TestProofIsOnlyClaimedWhereItWasChecked(t *testing.T) {
	t.Parallel()
	records := about(ninasStory())
	whole := intact(records)
	damaged := append([]audit.Verification{}, whole...)
	damaged[0].Bad, damaged[0].Problem = 2, "it was altered"
	for name, c := range map[string]struct {
		options []Option
		word    string
	}{
		"nobody checked":      {nil, "Proof not checked"},
		"one was not checked": {[]Option{WithChains(whole[1:]...)}, "Proof not checked"},
		"all are intact":      {[]Option{WithChains(whole...)}, "Proof intact"},
		"one is damaged":      {[]Option{WithChains(damaged...)}, "Proof broken"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := lineOfNina(t, c.options...)
			var page bytes.Buffer
			if err := line.WriteHTML(&page); err != nil {
				t.Fatal(err)
			}
			if got := proofOf(line).Word; got != c.word || !strings.Contains(page.String(), "<b>"+c.word+"</b>") {
				t.Errorf("it says %q, not %q", got, c.word)
			}
			if marked := strings.Contains(page.String(), "not proven"); marked != (c.word == "Proof broken") {
				t.Errorf("records are marked as not proven: %v", marked)
			}
		})
	}
}

func TestARecordThatDoesNotNameTheOneBeforeIsFound(t *testing.T) {
	t.Parallel()
	records := on("INC0010144", ninasStory())
	records[4].Previous = strings.Repeat("0", 64)
	line, err := TicketTimeline("INC0010144", reading(records), WithChains(intact(records)...))
	if err != nil {
		t.Fatal(err)
	}
	if v := line.Chains[0].Verification; v.OK() || v.Bad != 5 {
		t.Errorf("%v", v)
	}
}

func TestTheErrorOfTheRecordsIsTheTimelines(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	records := func(yield func(audit.Record, error) bool) { yield(audit.Record{}, broken) }
	if _, err := PersonTimeline(nina, records); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestALongTimelineListsTheLatestAndSaysSo(t *testing.T) {
	t.Parallel()
	var s story
	for i := range EntriesPerPage + 50 {
		s.fact(at(1, 0).Add(time.Duration(i)*time.Minute), "INC1", "x", "user.seen", "user/u", "", audit.Reason{}, nil, nil)
	}
	line, err := TicketTimeline("INC1", reading(s.records))
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := line.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "The latest 2,000 are listed; 50 earlier ones are in the export.") || strings.Count(page.String(), "<details>") != EntriesPerPage {
		t.Error("the page does not say that it leaves entries out")
	}
}

// TestTheLedgersOwnRecordsAreUnderstood holds the timeline against the ledger and the register
// themselves, so that neither changes its records unnoticed.
func TestTheLedgersOwnRecordsAreUnderstood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := tables(t)
		ledger := audit.New(client, "ledger")
		register := lease.New(client, "leases", ledger)
		ctx := audit.WithTrail(t.Context(), audit.Trail{Stream: "sc_req_item/1", Ticket: "RITM1", Actor: "system:accessrequest", Step: "Grant"})
		why := audit.Reason{Kind: "request", Ref: "RITM1", Text: "policy standard"}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		does := func(verb string) error {
			return ledger.Do(ctx, audit.Change{System: "okta", Verb: verb, Target: github.String(), Subject: nina, Reason: why}, func(context.Context, audit.Attempt) (audit.Effect, error) {
				return audit.Effect{RequestID: "r"}, nil
			})
		}
		began := time.Now().UTC()
		must(register.Grant(ctx, lease.Lease{Subject: nina, Entitlement: github, Name: "GitHub Engineers", Key: lease.RequestKey("RITM1"), Reason: why, Ticket: "RITM1", ApprovedBy: []string{"u-sam"}, Until: began.Add(48 * time.Hour)}))
		must(does("group.add"))
		must(register.End(ctx, nina, github, lease.RequestKey("RITM1"), audit.Reason{Kind: "expiry", Ref: "RITM1"}))
		must(does("group.remove"))
		must(register.Grant(ctx, lease.Lease{Subject: nina, Entitlement: github, Name: "GitHub Engineers", Key: lease.Birthright, Reason: audit.Reason{Kind: "birthright", Ref: "role"}}))
		_, err := register.EndAll(ctx, nina, audit.Reason{Kind: "offboarding"})
		must(err)
		v, err := ledger.Verify(ctx, "sc_req_item/1")
		must(err)
		line, err := PersonTimeline(nina, ledger.BySubject(ctx, nina), WithChains(v), WithNames(named))
		must(err)
		a := accessTo(t, line, "GitHub Engineers")
		switch {
		case !line.Chains[0].OK() || line.Records != v.Records:
			t.Errorf("%d records of %d, %+v", line.Records, v.Records, line.Chains)
		case len(a.Reasons) != 2 || len(a.Held) != 1:
			t.Errorf("%+v", a)
		case !a.Reasons[0].From.Equal(began) || a.Reasons[0].Lasts() || !a.Reasons[0].Ends.Equal(began.Add(48*time.Hour)) || a.Reasons[0].ApprovedBy[0] != "Sam Okoro" || a.Reasons[0].TakenWhy.Kind != "expiry":
			t.Errorf("%+v", a.Reasons[0])
		case a.Reasons[1].Lasts() || a.Reasons[1].TakenWhy.Kind != "offboarding" || a.Held[0].Taken.Hash == "":
			t.Errorf("%+v", a.Reasons[1])
		}
	})
}

func TestVerbsAreSaidInWords(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Entry{
		"Step GrantAccess done":              {Verb: workflow.StepDone, Step: "GrantAccess", Phase: audit.Fact},
		"Step GrantAccess failed":            {Verb: workflow.StepFailed, Step: "GrantAccess", Phase: audit.Fact},
		"Added to the group Z":               {Verb: "group.add", Phase: audit.Done},
		"The app Z was taken away: not done": {Verb: "app.unassign", Phase: audit.Failed},
		"Unheard of deed Z":                  {Verb: "unheard_of.deed", Phase: audit.Fact},
		"Record Z":                           {Phase: audit.Fact},
	} {
		if got := said(e, "Z"); got != want {
			t.Errorf("%s %s is told as %q, not %q", e.Phase, e.Verb, got, want)
		}
	}
}

func TestATimelineKeepsItsWordsInJSON(t *testing.T) {
	t.Parallel()
	line := lineOfNina(t, WithChains(intact(about(ninasStory()))...))
	text, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	var back Timeline
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(line, back); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(string(text), `"Held"`) || !strings.Contains(string(text), `"approved_by":["Sam Okoro","Priya Raman"]`) {
		t.Errorf("%.600s", text)
	}
}

// tables is a DynamoDB with the tables of the ledger and of the register.
func tables(t *testing.T) *dynamodb.Client {
	t.Helper()
	db := dynamo.New()
	for _, s := range []dynamo.Spec{
		{Name: "ledger", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{{Name: "subject", Hash: "subject", Range: "at_seq"}}},
		{Name: "leases", Hash: "pk", Range: "sk", Indexes: []dynamo.Index{{Name: "due", Hash: "due_list", Range: "due"}, {Name: "entitlement", Hash: "sk", Range: "pk"}}},
	} {
		if err := db.CreateTable(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return db.Client()
}
