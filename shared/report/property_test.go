package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
)

// hostile are texts that careless code trips over.
var hostile = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `</style><x>`, `</script><x>`, `<!--`, `-->`, `]]>`,
	"`${alert(1)}`", `{{.}}`, `&lt;b&gt;`, `=1+1`, `+1`, `-1`, `@SUM(A1)`, "\t=1", "\r=1", ` =cmd|' /C calc'!A0`, `'=1+1`, `''t Hof`, `＝1+1`, `a,b;"c"`,
	"two\nlines", "two\r\nlines", "\u202egnp.exe", "\x00", "\xff\xfe", "Ingrid \"Inga\" O'Brien", `javascript:alert(1)`, `00u1/../..`, "山田 花子", "🦊",
}

// anyText draws a hostile text, one that says nothing, or anything at all.
func anyText(t *rapid.T, label string) string {
	switch rapid.IntRange(0, 3).Draw(t, label+" is") {
	case 0:
		return "plain"
	case 1:
		return rapid.String().Draw(t, label)
	default:
		return rapid.SampledFrom(hostile).Draw(t, label)
	}
}

func anyTime(t *rapid.T, label string) time.Time {
	if rapid.Bool().Draw(t, label+" is none") {
		return time.Time{}
	}
	return time.Unix(rapid.Int64Range(1.6e9, 1.8e9).Draw(t, label), 0).UTC()
}

func anyFinding(t *rapid.T, i int) Finding {
	say := func(label string) string { return anyText(t, label) }
	return Finding{
		ID: fmt.Sprint(i, say("id")), Flag: rapid.SampledFrom(kinds).Draw(t, "flag"), Risk: rapid.SampledFrom(risks).Draw(t, "risk"),
		Standing: rapid.SampledFrom([]Standing{New, Open, Fixed}).Draw(t, "standing"), Since: anyTime(t, "since"),
		Person:   Person{say("okta id"), say("login"), say("name"), say("department"), say("title"), say("manager"), say("status"), anyTime(t, "sign-in"), say("sys_id")},
		Holding:  Holding{rapid.SampledFrom([]string{Group, App, Role, Account}).Draw(t, "kind"), say("holding"), say("held"), say("via"), say("its risk")},
		Origin:   Origin{rapid.SampledFrom([]string{"birthright", "request", "exception", "unknown"}).Draw(t, "origin"), say("ref"), say("approver"), anyTime(t, "granted"), anyTime(t, "until"), say("record")},
		Evidence: rapid.SliceOfN(rapid.SampledFrom(hostile), 0, 3).Draw(t, "evidence"), Suggested: rapid.SampledFrom([]Answer{None, Keep, Revoke}).Draw(t, "suggested"),
		Why: say("why"), Reviewer: rapid.SampledFrom([]string{"security", "mgr-eng", "<i>", "nobody known"}).Draw(t, "reviewer"),
		Decision: Decision{rapid.SampledFrom([]Answer{None, Keep, Revoke}).Draw(t, "answer"), say("by"), anyTime(t, "decided"), say("comment"), say("outcome"), say("proof")},
	}
}

func anyFindings(t *rapid.T) []Finding {
	list := make([]Finding, rapid.IntRange(0, 12).Draw(t, "findings"))
	for i := range list {
		list[i] = anyFinding(t, i)
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return rank(a.Risk) - rank(b.Risk) })
	return list
}

func anyReview(t *rapid.T) Review {
	r := sampleReview(rapid.Bool().Draw(t, "closed"))
	r.Title, r.Scope, r.Rules, r.Stream, r.ID = anyText(t, "title"), anyText(t, "scope"), anyText(t, "rules"), anyText(t, "stream"), anyText(t, "review")
	r.Reviewers = append(slices.Clone(r.Reviewers), Reviewer{ID: "<i>", Name: anyText(t, "reviewer"), As: anyText(t, "as"), Task: anyText(t, "task")})
	return r
}

// letters replaces every text by harmless ones that are as empty or full.
var plain = regexp.MustCompile(`(?s).+`)

func harmless(f Finding) Finding {
	for _, text := range []*string{
		&f.Person.OktaID, &f.Person.Login, &f.Person.Name, &f.Person.Department, &f.Person.Title, &f.Person.Status, &f.Holding.ID, &f.Holding.Name, &f.Holding.Via,
		&f.Holding.Risk, &f.Origin.Ref, &f.Origin.ApprovedBy, &f.Origin.Record, &f.Why, &f.Decision.By, &f.Decision.Comment, &f.Decision.Outcome, &f.Decision.Record,
	} {
		*text = plain.ReplaceAllString(*text, "a")
	}
	f.Evidence = slices.Clone(f.Evidence)
	for i := range f.Evidence {
		f.Evidence[i] = "a"
	}
	return f
}

func TestNothingThatIsSaidBecomesMarkup(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r, list := anyReview(t), anyFindings(t)
		tame, calm := r, make([]Finding, len(list))
		for _, text := range []*string{&tame.Title, &tame.Scope, &tame.Rules, &tame.Stream, &tame.ID} {
			*text = plain.ReplaceAllString(*text, "a")
		}
		tame.Reviewers = slices.Clone(tame.Reviewers)
		last := &tame.Reviewers[len(tame.Reviewers)-1]
		for _, text := range []*string{&last.Name, &last.As, &last.Task} {
			*text = plain.ReplaceAllString(*text, "a")
		}
		for i, f := range list {
			calm[i] = harmless(f)
		}
		wild, quiet := pageOf(t, r, list), pageOf(t, tame, calm)
		if a, b := sorted(skeleton(t, wild)), sorted(skeleton(t, quiet)); a != b {
			t.Fatalf("what is said changes what the page consists of:\n%s", wild)
		}
	})
}

// sorted forgets the order: reviewers are listed by name.
func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func pageOf(t fatal, r Review, list []Finding) []byte {
	t.Helper()
	store := newMemory()
	if _, err := Write(context.Background(), r, yielding(list), store); err != nil {
		t.Fatalf("%v", err)
	}
	return store.files[PageFile]
}

func TestPageTableDocumentAndManifestAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := anyFindings(t)
		store := newMemory()
		m, err := Write(context.Background(), anyReview(t), yielding(list), store)
		if err != nil {
			t.Fatalf("%v", err)
		}
		risks, answers, fixed := map[string]int{}, map[string]int{}, 0
		for _, e := range elements(t, store.files[PageFile]) {
			if e.name == "tr" && e.attrs["data-risk"] != "" {
				risks[e.attrs["data-risk"]]++
				answers[e.attrs["data-answer"]]++
			}
		}
		var document struct {
			Findings []Finding
			Count    int
			Review   Review
		}
		if err := json.Unmarshal(store.files[DocumentFile], &document); err != nil {
			t.Fatalf("%v", err)
		}
		rows := tableOf(t, store.files[TableFile])
		if len(rows) != len(list) || document.Count != len(list) || len(document.Findings) != len(list) || m.Findings != len(list) {
			t.Fatalf("%d findings: %d in the CSV, %d (%d) in the JSON, %d in the manifest", len(list), len(rows), len(document.Findings), document.Count, m.Findings)
		}
		for i, f := range list {
			if rows[i]["risk"] != string(f.Risk) || document.Findings[i].Risk != f.Risk {
				t.Fatalf("finding %d stands elsewhere in the CSV or the JSON", i)
			}
			if f.Standing == Fixed {
				fixed++
			}
		}
		for _, k := range []Risk{Critical, High, Medium, Low} {
			if risks[string(k)] != m.Figures.Risks[k] || document.Review.Figures.Risks[k] != m.Figures.Risks[k] {
				t.Fatalf("%s: %d rows, the manifest says %d", k, risks[string(k)], m.Figures.Risks[k])
			}
		}
		if answers["none"] != m.Figures.Answers[None] || answers["keep"] != m.Figures.Answers[Keep] || answers["revoke"] != m.Figures.Answers[Revoke] || fixed != m.Figures.Standings[Fixed] {
			t.Fatalf("answers %v and %d fixed, the manifest says %v and %v", answers, fixed, m.Figures.Answers, m.Figures.Standings)
		}
	})
}

// tableOf reads a CSV as the package's comment tells its readers to.
func tableOf(t fatal, text []byte) (rows []map[string]string) {
	t.Helper()
	text, found := bytes.CutPrefix(text, []byte(byteOrderMark))
	if !found {
		t.Fatalf("the CSV does not begin with a byte order mark")
	}
	all, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("the CSV cannot be read: %v", err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			if formula(cell) {
				t.Fatalf("a spreadsheet takes %q for a formula", cell)
			}
			if inner := strings.TrimLeft(cell, "'"); inner != cell && formula(inner) {
				cell = cell[1:]
			}
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func TestTheTableGivesBackWhatWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := anyFindings(t)
		store := newMemory()
		if _, err := Write(context.Background(), sampleReview(false), yielding(list), store); err != nil {
			t.Fatalf("%v", err)
		}
		for i, row := range tableOf(t, store.files[TableFile]) {
			for _, c := range columns {
				want := strings.ReplaceAll(strings.ToValidUTF8(c.value(list[i]), "\ufffd"), "\r\n", "\n")
				if row[c.name] != want {
					t.Fatalf("%s was %q and came back as %q", c.name, want, row[c.name])
				}
			}
		}
	})
}

func TestAnyChangedByteOfAnyFileIsFound(t *testing.T) {
	t.Parallel()
	store, m := written(t, sampleReview(true), sampleFindings(30, true))
	rapid.Check(t, func(t *rapid.T) {
		changed := store.clone()
		name := rapid.SampledFrom([]string{PageFile, TableFile, DocumentFile}).Draw(t, "file")
		at := rapid.IntRange(0, len(changed.files[name])-1).Draw(t, "at")
		changed.files[name][at] ^= byte(rapid.IntRange(1, 255).Draw(t, "bits"))
		v, err := Verify(context.Background(), m, changed)
		if err != nil || v.OK() || v.Bad != name {
			t.Fatalf("byte %d of %s was changed: %v, %v", at, name, v, err)
		}
	})
}

func TestNothingInTheLedgerBecomesMarkup(t *testing.T) {
	t.Parallel()
	verbs := []string{"lease.grant", "lease.end", lease.EndedAll, "group.add", "group.remove", "approval.decision", "user.activate", "other.thing"}
	phases := []string{audit.Intent, audit.Done, audit.Failed, audit.Fact}
	rapid.Check(t, func(t *rapid.T) {
		say := func(label string) string { return anyText(t, label) }
		var wild, calm []audit.Record
		for i := range rapid.IntRange(0, 8).Draw(t, "records") {
			l := map[string]any{"name": say("name"), "key": "request/" + say("key"), "ticket": say("lease's ticket"), "approved_by": []string{say("approver")}, "state": say("state"), "approver": say("by")}
			r := audit.Record{
				Stream: "s", Seq: int64(i + 1), At: at(1, i), Phase: rapid.SampledFrom(phases).Draw(t, "phase"), Verb: rapid.SampledFrom(verbs).Draw(t, "verb"),
				Target: "group/x", Subject: "00u", Key: "request/x", Reason: audit.Reason{Kind: say("kind"), Ref: say("ref"), Version: say("version"), Text: say("text")},
				After: l, Error: say("error"), Actor: say("actor"), Ticket: "T", Step: say("step"), RequestID: say("request"), Hash: say("hash"),
			}
			wild = append(wild, r)
			r.Reason, r.Error, r.Actor, r.Step, r.RequestID, r.Hash = audit.Reason{Kind: tamed(r.Reason.Kind), Ref: tamed(r.Reason.Ref), Version: tamed(r.Reason.Version), Text: tamed(r.Reason.Text)}, tamed(r.Error), tamed(r.Actor), tamed(r.Step), tamed(r.RequestID), tamed(r.Hash)
			r.After = map[string]any{"name": tamed(l["name"].(string)), "key": "request/" + tamed(l["key"].(string)[8:]), "ticket": tamed(l["ticket"].(string)), "approved_by": []string{tamed(l["approved_by"].([]string)[0])}, "state": tamed(l["state"].(string)), "approver": tamed(l["approver"].(string))}
			calm = append(calm, r)
		}
		if a, b := skeleton(t, lineOf(t, wild)), skeleton(t, lineOf(t, calm)); strings.Count(a, "\n") < 20 || markup(a) != markup(b) {
			t.Fatalf("what is said changes what the page consists of:\n%s", lineOf(t, wild))
		}
	})
}

// markup are the kinds of elements of a page, not how many of each: texts decide which parts of a
// sentence are there.
func markup(skeleton string) string {
	lines := strings.Split(skeleton, "\n")
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

func tamed(text string) string { return plain.ReplaceAllString(text, "a") }

func lineOf(t fatal, records []audit.Record) []byte {
	t.Helper()
	line, err := PersonTimeline("00u", reading(records), WithTime(at(24, 7)))
	if err != nil {
		t.Fatalf("%v", err)
	}
	var b bytes.Buffer
	if err := line.WriteHTML(&b); err != nil {
		t.Fatalf("%v", err)
	}
	return b.Bytes()
}

func FuzzNames(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	page := func(t *testing.T, name string) string {
		one := sampleFinding(3, true)
		one.Person.Name, one.Holding.Name, one.Decision.Comment = name, name, name
		r := sampleReview(false)
		r.Title = name
		return skeleton(t, pageOf(t, r, []Finding{one}))
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name == "" {
			return
		}
		if page(t, name) != page(t, "a") {
			t.Errorf("the name %q changes what the page consists of", name)
		}
		cell := guarded(name)
		if formula(cell) {
			t.Errorf("a spreadsheet takes %q for a formula", cell)
		}
	})
}
