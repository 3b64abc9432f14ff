package e2e_test

import (
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/audit"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
)

// What the tests look at, in words.

// is compares; what names the thing.
func (o *office) is(what string, got, want any) {
	o.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		o.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// says checks that a text contains each part.
func (o *office) says(text string, parts ...string) {
	o.t.Helper()
	missing := slices.DeleteFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	if len(missing) > 0 {
		o.t.Errorf("%q missing in:\n%s", missing, text)
	}
}

// isResolved checks that a ticket was resolved, with one final note.
func (o *office) isResolved(t scenario.Ticket) {
	o.t.Helper()
	o.is(t.Number+" is in state", o.Column(t, "state"), stateResolved)
	o.is("final notes of "+t.Number, len(o.finalNotes(t)), 1)
	if o.Column(t, "state") != stateResolved {
		o.t.Logf("its notes: %q", o.Notes(t, ""))
	}
}

// finalNotes are the work notes that a ticket was resolved with.
func (o *office) finalNotes(t scenario.Ticket) []string {
	return slices.DeleteFunc(o.Notes(t, "work_notes"), func(n string) bool {
		return !strings.HasPrefix(n, "Okta user id: ") && !strings.Contains(n, "\nRead back: ")
	})
}

// isWith checks that a ticket is open and with a group, and that its last work
// note says all the parts.
func (o *office) isWith(t scenario.Ticket, group string, parts ...string) {
	o.t.Helper()
	shown := o.ticket(t)
	o.is(t.Number+" is in state", shown.Value, stateNew)
	o.is(t.Number+" is assigned to", shown.Group, group)
	o.says(o.lastNote(t), parts...)
}

func (o *office) lastNote(t scenario.Ticket) string    { return o.last(t, "work_notes") }
func (o *office) lastComment(t scenario.Ticket) string { return o.last(t, "comments") }

func (o *office) last(t scenario.Ticket, journal string) string {
	o.t.Helper()
	notes := o.Notes(t, journal)
	if len(notes) == 0 {
		o.t.Errorf("%s has no %s; all notes: %q", t.Number, journal, o.Notes(t, ""))
		return ""
	}
	return notes[len(notes)-1]
}

// groupsOf are the names of an account's groups, Everyone apart.
func groupsOf(a oktasim.Account) []string {
	var names []string
	for _, g := range a.Groups {
		if g.Type != "BUILT_IN" {
			names = append(names, g.Name)
		}
	}
	slices.Sort(names)
	return names
}

// appsOf are the labels of an account's apps with their scope.
func appsOf(a oktasim.Account) []string {
	var labels []string
	for _, app := range a.Apps {
		labels = append(labels, app.Label+" ("+app.Scope+")")
	}
	slices.Sort(labels)
	return labels
}

// directApps are the labels of the apps that were assigned to the person.
func directApps(a oktasim.Account) []string {
	var labels []string
	for _, app := range a.Apps {
		if app.Scope == "USER" {
			labels = append(labels, app.Label)
		}
	}
	slices.Sort(labels)
	return labels
}

// hasNothing checks that a former employee holds nothing that outlives the
// deactivation.
func (o *office) hasNothing(a oktasim.Account) {
	o.t.Helper()
	o.is(a.ID+" is", a.Status, oktasim.Deprovisioned)
	var left []string
	for _, g := range a.Groups {
		if g.Type == "OKTA_GROUP" && !g.ByRule {
			left = append(left, g.Name)
		}
	}
	o.is("groups of "+a.ID, left, []string(nil))
	o.is("apps of "+a.ID, appsOf(a), []string(nil))
	o.is("admin roles of "+a.ID, len(a.Roles), 0)
	o.is("factors of "+a.ID, len(a.Factors), 0)
	o.is("API tokens of "+a.ID, len(a.APITokens), 0)
	o.is("grants of "+a.ID, len(a.Grants), 0)
	o.is("sessions, refresh tokens and devices of "+a.ID, []int{a.Sessions, a.RefreshTokens, a.Devices}, []int{0, 0, 0})
	o.is("leases of "+a.ID, len(o.leases(a.ID)), 0)
}

// changesOf are the verbs and targets of the changes to Okta that a ticket's
// records say were made, in order.
func changesOf(records []audit.Record) []string {
	var list []string
	for _, r := range records {
		if r.System == "okta" && r.Phase == audit.Done {
			list = append(list, r.Verb+" "+r.Target)
		}
	}
	return list
}

// verifiesLedger checks the chain of every stream.
func (o *office) verifiesLedger() {
	o.t.Helper()
	report, err := o.ledger().VerifyAll(o.ctx)
	o.must(err)
	if !report.OK() || report.Records == 0 {
		o.t.Errorf("the ledger: %s", report)
	}
	o.archiveAgrees()
}

// plainNotes are a ticket's work notes without their references.
func (o *office) plainNotes(t scenario.Ticket) []string {
	var plain []string
	for _, note := range o.Notes(t, "work_notes") {
		plain = append(plain, strings.TrimSpace(reference.ReplaceAllString(note, "")))
	}
	return plain
}
