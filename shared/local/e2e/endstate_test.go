package e2e_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lifecycle/shared/idempotency"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/states"
)

// endState tells how everything stands in the end, without ids and times that
// differ from run to run and without what only a disturbance adds to the log.
func (o *office) endState(p process, t scenario.Ticket) string {
	o.t.Helper()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("accounts: %d", len(o.Okta.Accounts()))
	a, found := o.Okta.Snapshot(p.login)
	if found {
		line("status %s%s", a.Status, a.TransitioningTo)
		line("groups %q", groupsOf(a))
		line("apps %q", appsOf(a))
		line("roles %d, factors %d, API tokens %d, grants %d, sessions %d, refresh tokens %d, devices %d",
			len(a.Roles), len(a.Factors), len(a.APITokens), len(a.Grants), a.Sessions, a.RefreshTokens, a.Devices)
		line("profile %v", a.Profile)
		line("mails %q", o.mailsTo(a.ID))
		for _, l := range o.leases(a.ID) {
			line("lease %s %s %s", l.Entitlement, l.Key, l.Reason.Ref)
		}
	}
	shown := o.ticket(t)
	line("ticket %s, with %q, watched by %q, files %d", shown.State, shown.Group, o.Column(t, "watch_list"), len(shown.Files))
	for _, field := range []string{"comments", "work_notes"} {
		var notes []string
		for _, note := range o.Notes(t, field) {
			notes = append(notes, steady(note, a.ID))
		}
		slices.Sort(notes) // what only informs may come sooner or later
		for _, note := range notes {
			line("%s:\n%s", field, note)
		}
	}
	for _, approval := range o.ServiceNow.Approvals(t.SysID) {
		line("approval of %s: %s", approval.Name, approval.State)
	}
	for _, x := range o.Executions(p.machine, t) {
		if x.Status != states.Succeeded {
			line("execution %s %s", x.Status, x.Error)
		}
	}
	custody, _, err := idempotency.New(o.DynamoDB(), o.Table("IdempotencyTable")).Custody(o.ctx, t.Table+"/"+t.SysID)
	o.must(err)
	line("custody held %t, last outcome %s", custody.Held, custody.LastOutcome)
	return b.String()
}

var (
	reference = regexp.MustCompile(`(\[record [^\]]+\] )?\[ref [0-9a-f]{10}\]`)
	moment    = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC`)
	spoken    = regexp.MustCompile(`\d{1,2} [A-Z][a-z]+ \d{4} \d\d:\d\d UTC`)
	cutOff    = regexp.MustCompile(` \(without an answer; [^)]*\)`)
	recorded  = regexp.MustCompile(`ledger record \d+`)
)

// steady is a note without references, times and the user's id; of the lines of
// a log it keeps each once, and none of an attempt that failed and was repeated.
func steady(note, userID string) string {
	note = reference.ReplaceAllString(note, "[ref]")
	note = cutOff.ReplaceAllString(note, "")
	note = moment.ReplaceAllString(note, "(time)")
	note = spoken.ReplaceAllString(note, "(time)")
	note = recorded.ReplaceAllString(note, "ledger record")
	if userID != "" {
		note = strings.ReplaceAll(note, userID, "(user)")
	}
	var kept []string
	for _, l := range strings.Split(note, "\n") {
		if strings.HasPrefix(l, "(time)") && (strings.Contains(l, " FAILED: ") || slices.Contains(kept, l)) {
			continue
		}
		kept = append(kept, l)
	}
	return strings.Join(kept, "\n")
}
