package detect_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/syslog"
)

var update = flag.Bool("update", false, "write the golden files anew")

// background is what goes on all the time: everybody signs in and works.
func background() []moment {
	moments := make([]moment, 0, 48)
	for i := range 24 {
		session := fmt.Sprint("s-day-", i)
		from := syslog.Berlin
		if i%3 == 0 {
			from = syslog.NewYork.At(fmt.Sprintf("198.51.100.%d", 100+i))
		}
		begin := time.Duration(i) * 150 * time.Second
		moments = append(moments,
			moment{begin, syslog.SignIn(person(i), from, syslog.Mac, syslog.Session(session))},
			moment{begin + time.Minute, syslog.SingleSignOn(person(i), seed.AppSlack, from, syslog.Mac, session)})
	}
	return moments
}

// score is how a rule did.
type score struct{ due, hits, alarms int }

// TestQuality measures the default set on the labelled episodes, each in the middle
// of an ordinary hour, and holds the result against testdata/quality.md, which the
// README shows.
func TestQuality(t *testing.T) {
	if testing.Short() {
		t.Skip("what is found is counted over every labelled set, or not at all")
	}
	t.Parallel()
	rules := withNetwork(t, `"192.0.2.0/25"`)
	scores := map[string]*score{}
	for _, r := range rules.All() {
		scores[r.ID] = &score{}
	}
	var missed, alarmed []string
	quiet, noticed := 0, 0
	for _, e := range slices.Concat(attacks, ordinary) {
		var got []string
		synctest.Test(t, func(t *testing.T) {
			got = newBench(t).detect(t, rules, line(time.Now(), slices.Concat(later(-30*time.Minute, background()...), later(13*time.Hour, e.events...))...)).rules()
		})
		for id, s := range scores {
			due, hit := slices.Contains(e.expects, id), slices.Contains(got, id)
			switch {
			case due && hit:
				s.due++
				s.hits++
			case due:
				s.due++
				missed = append(missed, fmt.Sprintf("%s: %s", id, e.name))
			case hit:
				s.alarms++
				alarmed = append(alarmed, fmt.Sprintf("%s: %s", id, e.name))
			}
		}
		switch {
		case len(e.expects) == 0 && len(got) == 0:
			quiet++
		case slices.ContainsFunc(e.expects, func(id string) bool { return slices.Contains(got, id) }):
			noticed++
		}
	}
	for _, e := range attacks {
		for _, id := range e.expects {
			if scores[id] == nil {
				t.Errorf("%s expects %s, which is no rule", e.name, id)
			}
		}
	}
	page := report(rules, scores, missed, alarmed, noticed, quiet)
	const golden = "testdata/quality.md"
	if *update {
		if err := os.WriteFile(golden, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(kept), page); diff != "" {
		t.Errorf("detection has changed; look at it, and if it is right, go test -update (-kept +now):\n%s", diff)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), strings.TrimSpace(string(kept))) {
		t.Errorf("README shows another table than %s: paste it there", golden)
	}
}

// report is the page that the README shows.
func report(rules *detect.Rules, scores map[string]*score, missed, alarmed []string, noticed, quiet int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %d attacks built from public descriptions and %d ordinary days, each within an hour of ordinary work:\n"+
		"%d of %d attacks are noticed, %d of %d ordinary days raise nothing.\n\n", len(attacks), len(ordinary), noticed, len(attacks), quiet, len(ordinary))
	b.WriteString("| rule | due | hits | false alarms |\n|---|--:|--:|--:|\n")
	var sum score
	for _, r := range rules.All() {
		s := scores[r.ID]
		if r.ID == "factor-reset" { // silent
			continue
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", r.ID, s.due, s.hits, s.alarms)
		sum.due, sum.hits, sum.alarms = sum.due+s.due, sum.hits+s.hits, sum.alarms+s.alarms
	}
	fmt.Fprintf(&b, "| **all** | **%d** | **%d** | **%d** |\n", sum.due, sum.hits, sum.alarms)
	slices.Sort(missed)
	slices.Sort(alarmed)
	fmt.Fprintf(&b, "\nNot found:\n- %s\n\nFalse alarms:\n- %s\n", strings.Join(missed, "\n- "), strings.Join(alarmed, "\n- "))
	return b.String()
}
