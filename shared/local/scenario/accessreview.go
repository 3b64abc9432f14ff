package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifecycle/functions/accessreview"
	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/states"
	"lifecycle/shared/report"
)

// AccessReviews are the acts about access reviews.
func AccessReviews() []Act {
	return []Act{{"An access review finds one violation of every kind; reviewers decide, and what they revoke is gone", accessReview}}
}

// The state machines of a review.
const (
	reviewMachine   = "AccessReviewMachine"
	campaignMachine = "AccessReviewCampaignMachine"
)

// reviewPatience is how long a review may take in real time: it books its calls
// behind all others, and there are two times of grace to wait for.
const reviewPatience = 2 * time.Minute

// accessReview plays in a company of its own: what it has to find must be what
// was planted and nothing else, and what is taken away nobody else's.
func accessReview(ctx context.Context, w *World) (told Told, err error) {
	ctx, cancel := context.WithTimeout(ctx, reviewPatience)
	defer cancel()
	own, stop, err := w.another(ctx, map[string]string{"AccessReviewGrace": "1s", "AccessReviewWatchers": seed.PersonSysID("E1006")})
	if err != nil {
		return told, err
	}
	defer stop()
	if err := own.EnterAccess(ctx); err != nil {
		return told, err
	}
	planted, err := own.PlantViolations(ctx)
	if err != nil {
		return told, err
	}
	for _, v := range planted {
		told.happened("planted: %s", v)
	}
	r, err := own.reviewOnDemand(ctx)
	if err != nil {
		return told, err
	}
	told.happened("a review was started on demand: %d people, %d memberships, %d app assignments", r.Figures.People, r.Figures.Memberships, r.Figures.Assignments)
	wrong := own.foundExactly(ctx, r.ID, slices.Concat(planted, KnownFindings()))
	told.happened("it found exactly what was planted, and the %d that every review of this company lists", len(KnownFindings()))
	if err := own.answerAll(ctx, &told, planted); err != nil {
		return told, errors.Join(wrong, err)
	}
	security, err := own.signOff(ctx, &told)
	if err != nil {
		return told, errors.Join(wrong, err)
	}
	told.Ticket = security
	proof, err := own.Ledger().VerifyAll(ctx)
	return told, errors.Join(wrong, err, own.revoked(), own.told(ctx, &told, r.ID),
		expect(proof.OK(), "the ledger does not verify: %+v", proof.First))
}

// another is a world of its own beside this one, with other parameters and higher
// limits. Stop ends it.
func (w *World) another(ctx context.Context, parameters map[string]string) (own *World, stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	own, err = New(ctx, Options{Options: local.Options{
		Root: w.root, Log: w.logs, Parameters: parameters, Okta: oktasim.New(oktasim.Options{URL: local.OktaURL, Limits: Granted()}),
	}})
	if err != nil {
		cancel()
		return nil, nil, err
	}
	if err := own.KnowLimits(ctx, Granted()); err != nil {
		cancel()
		own.Stop()
		return nil, nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		own.Outbox.Run(ctx)
	}()
	return own, func() {
		cancel()
		<-done
		own.Stop()
	}, nil
}

// reviewOnDemand starts a review with a signed request and waits until its
// questions are put.
func (w *World) reviewOnDemand(ctx context.Context) (report.Review, error) {
	if err := w.startReview(ctx, `{"title":"access review of the demo"}`); err != nil {
		return report.Review{}, err
	}
	var campaign states.Execution
	err := w.soon(ctx, func() bool {
		runs := w.States.Executions(w.Machine(campaignMachine))
		if len(runs) > 0 {
			campaign = runs[0]
		}
		return slices.Contains(campaign.Current, "WaitForAnswers") || campaign.Stopped.After(campaign.Started) || w.failed(reviewMachine)
	})
	if err != nil || campaign.Status != states.Running {
		return report.Review{}, errors.Join(err, fmt.Errorf("the review did not come to its questions: %s", campaign.Cause))
	}
	return w.reviews().Review(ctx, campaign.Name)
}

// startReview asks for a review, with a signed request.
func (w *World) startReview(ctx context.Context, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.api.url+"/access-reviews", strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if err := local.Sign(ctx, r, []byte(body)); err != nil {
		return err
	}
	answer, err := w.api.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusAccepted {
		why, _ := io.ReadAll(answer.Body)
		return fmt.Errorf("the review was not started: %d %s", answer.StatusCode, why)
	}
	return nil
}

func (w *World) failed(machine string) bool {
	return slices.ContainsFunc(w.States.Executions(w.Machine(machine)), func(x states.Execution) bool { return x.Error != "" })
}

// soon waits until something is so, as long as the context allows.
func (w *World) soon(ctx context.Context, so func() bool) error {
	for !so() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func (w *World) reviews() *accessreview.Store {
	return accessreview.NewStore(w.S3(), w.Bucket("EvidenceBucket"), w.DynamoDB(), w.Table("ReviewsTable"))
}

// foundExactly says what the review has found too much and what too little.
func (w *World) foundExactly(ctx context.Context, review string, expected []Violation) error {
	var wrong []error
	missing := map[Violation]bool{}
	for _, v := range expected {
		missing[v] = true
	}
	for f, err := range w.reviews().Findings(ctx, review)() {
		if err != nil {
			return err
		}
		v := Violation{f.Flag, f.Person.Login, f.Holding.Name}
		wrong = append(wrong, expect(missing[v], "found, and nobody planted it: %s", v))
		delete(missing, v)
	}
	for v := range missing {
		wrong = append(wrong, fmt.Errorf("planted, and not found: %s", v))
	}
	return errors.Join(wrong...)
}

// line is a numbered line of a reviewer's task.
var line = regexp.MustCompile(`(?m)^(\d+)\. \[\w+\] (\S+): (\w+) (.+?)(?: \(through .*?\))? - ([a-z-]+)[:.]`)

// answerAll answers each reviewer's task as who may: what was planted is revoked,
// everything else kept.
func (w *World) answerAll(ctx context.Context, told *Told, planted []Violation) error {
	tasks := w.ServiceNow.Query("sc_task", "correlation_display=Access review^short_descriptionLIKEKeep or revoke")
	for _, row := range tasks {
		task := Ticket{Table: "sc_task", SysID: row["sys_id"], Number: row["number"]}
		var answer []string
		about := map[string]bool{}
		for _, m := range line.FindAllStringSubmatch(row["description"], -1) {
			word := "keep"
			if revocable(planted, Violation{report.Flag(m[5]), m[2], m[4]}) {
				word = "revoke"
			}
			about[m[2]] = true
			answer = append(answer, m[1]+" "+word)
		}
		who := w.reviewerOf(row, about)
		if err := w.Save(task, who, map[string]string{"state": "3", "close_notes": strings.Join(answer, "\n")}); err != nil {
			return err
		}
		told.happened("%s answered %s: %s", who, task.Number, strings.Join(answer, ", "))
	}
	return w.soon(ctx, func() bool {
		return !slices.ContainsFunc(tasks, func(row map[string]string) bool {
			return w.finalNotes(Ticket{Table: "sc_task", SysID: row["sys_id"]}, "The decisions are carried out.") == 0
		})
	})
}

// revocable reports whether something was planted that can be taken away: of two
// records for one person, a person has to make one inactive.
func revocable(planted []Violation, v Violation) bool {
	return slices.Contains(planted, v) && v != Violation{report.Orphan, Login("E1041"), "Okta account"}
}

// reviewerOf is who answers a task: whom it is assigned to, or somebody of its
// group whom no line is about.
func (w *World) reviewerOf(row map[string]string, about map[string]bool) string {
	if row["assigned_to"] != "" {
		return w.ServiceNow.Record("sys_user", row["assigned_to"])["user_name"]
	}
	for _, member := range w.ServiceNow.Query("sys_user_grmember", "group="+row["assignment_group"]) {
		if login := w.ServiceNow.Record("sys_user", member["user"])["user_name"]; !about[login] {
			return login
		}
	}
	return ""
}

// signOff closes the security team's task once the summary is on it, and waits
// until the review is closed.
func (w *World) signOff(ctx context.Context, told *Told) (Ticket, error) {
	rows := w.ServiceNow.Query("sc_task", "correlation_display=Access review^short_descriptionLIKEsign-off")
	if len(rows) != 1 {
		return Ticket{}, fmt.Errorf("the security team has %d tasks", len(rows))
	}
	task := Ticket{Table: "sc_task", SysID: rows[0]["sys_id"], Number: rows[0]["number"]}
	err := w.soon(ctx, func() bool { return strings.Contains(w.lastNote(task, "comments"), "that signs the review off") })
	if err != nil {
		return task, err
	}
	told.happened("%s tells the security team:", task.Number)
	for _, l := range strings.Split(w.lastNote(task, "comments"), "\n") {
		if l != "" && !strings.HasPrefix(l, "[") {
			told.happened("  | %s", l)
		}
	}
	if err := w.Save(task, Login("E1007"), map[string]string{"state": "3", "close_notes": "Seen."}); err != nil {
		return task, err
	}
	told.happened("%s signed it off", Login("E1007"))
	return task, w.soon(ctx, func() bool {
		runs := w.States.Executions(w.Machine(campaignMachine))
		return len(runs) == 1 && runs[0].Status != states.Running
	})
}

// revoked says what was revoked and is still there, and what was kept and is not.
func (w *World) revoked() error {
	account := func(login string) oktasim.Account { a, _ := w.Okta.Snapshot(login); return a }
	former, _ := w.Okta.Snapshot(seed.PersonOktaID(seed.NumberFormer))
	ghost := account("temp.agency@example.com")
	return errors.Join(
		expect(!holdsGroup(account(Login("E1013")), "AWS Production Operators"), "access without approval is still there"),
		expect(!holdsGroup(account(Login("E1028")), "Workday Partners"), "access past its end is still there"),
		expect(ghost.Status == oktasim.Suspended, "the account that is nobody's is %s", ghost.Status),
		expect(!holdsGroup(former, "GitHub Engineers"), "the former employee still has access"),
		expect(account(Login("E1042")).Status == oktasim.Suspended, "the dormant account is %s", account(Login("E1042")).Status),
		expect(!holdsGroup(account(Login("E1026")), "NetSuite Payment Approvers") && holdsGroup(account(Login("E1026")), "NetSuite Accountants"), "not one side of the incompatible pair is left"),
		expect(len(account(Login("E1032")).Roles) == 0, "the administrator's role is still there"),
		expect(!holdsGroup(account(Login("E1043")), "AWS Developers"), "what was not delivered has come"),
		expect(account(Login("E1041")).Status == oktasim.Active, "the account with two records is %s", account(Login("E1041")).Status),
		expect(len(account(Login(seed.NumberSuperAdmin)).Roles) == 1, "a role that was kept is gone"),
	)
}

// told tells what came of the decisions and writes the signed report to disk.
func (w *World) told(ctx context.Context, told *Told, id string) error {
	r, err := w.reviews().Review(ctx, id)
	if err != nil {
		return err
	}
	outcomes := map[string]int{}
	for f, err := range w.reviews().Decided(ctx, id)() {
		if err != nil {
			return err
		}
		outcomes[f.Decision.Outcome]++
	}
	for _, outcome := range slices.Sorted(maps.Keys(outcomes)) {
		told.Okta = append(told.Okta, fmt.Sprintf("%d %s", outcomes[outcome], outcome))
	}
	dir, err := w.write(id)
	for _, by := range r.Reviewers {
		told.ServiceNow = append(told.ServiceNow, fmt.Sprintf("%s: %d asked of %s (%s)", by.Task, by.Count, by.Name, by.As))
	}
	told.ServiceNow = append(told.ServiceNow, told.Ticket.Number+" is signed off by "+r.SignedOff, "report     "+filepath.Join(dir, report.PageFile))
	return errors.Join(err, expect(!r.Closed.IsZero() && r.SignedOff != "", "the review is not signed off"))
}

// write copies the report of a review to where it can be opened.
func (w *World) write(id string) (string, error) {
	dir := filepath.Join(w.root, ".demo", "access-review")
	if _, err := os.Stat(filepath.Dir(dir)); err != nil { // not in the demo
		dir = filepath.Join(os.TempDir(), "access-review-demo")
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return dir, err
	}
	for _, name := range []string{report.PageFile, report.TableFile, report.DocumentFile, report.ManifestFile} {
		content, found := w.Objects().Get(w.Bucket("EvidenceBucket"), "reviews/"+id+"/report/"+name)
		if !found {
			return dir, fmt.Errorf("the report has no %s", name)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return dir, err
		}
	}
	return dir, nil
}
