package statesync

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/approval"
	"lifecycle/shared/audit"
	"lifecycle/shared/servicenow"
)

// ofReport records under the task.
func ofReport(ctx context.Context, ref servicenow.Ref) context.Context {
	trail, _ := audit.TrailOf(ctx)
	trail.Stream = ref.String()
	return audit.WithTrail(ctx, trail)
}

// OpenReport makes the task, once per run, and attaches what was found.
func (s *Steps) OpenReport(ctx context.Context, st comparison) (report, error) {
	r, err := s.openReport(ctx, st)
	if err != nil {
		return report{}, err
	}
	list, _, err := s.list(ctx, st.Slice.Run, "waits for a decision")
	if err != nil {
		return report{}, err
	}
	return r, s.servicenow.Attach(ofReport(ctx, r.ref()), r.ref(), "found.csv", "text/csv", list, because("comparison"))
}

func (s *Steps) openReport(ctx context.Context, st comparison) (report, error) {
	group, err := s.servicenow.GroupSysID(ctx, s.settings.ReportGroup)
	if err != nil {
		return report{}, err
	}
	key := "statesync-" + st.Slice.Run
	made, err := s.servicenow.CreateTask(ctx, servicenow.NewTask{
		Table: s.settings.ReportTable, Key: key[:min(len(key), 100)], Values: map[string]string{
			"short_description": "Okta and ServiceNow differ about people", "description": s.summary(st), "assignment_group": group,
		},
	}, because("comparison"))
	return report{Table: s.settings.ReportTable, SysID: made.SysID, Number: made.Number}, err
}

// words are the kinds of drift as people read them.
var words = map[Kind]string{
	MissingInServiceNow: "accounts in use without a sys_user", MissingInOkta: "active sys_users without an Okta account",
	InactiveInOkta: "active sys_users whose Okta account is deactivated", InactiveInServiceNow: "Okta accounts in use of inactive sys_users",
	Locked: "sys_users locked or not against their account's status", Attributes: "people whose attributes differ",
	DuplicateInOkta: "people with several Okta accounts in use", DuplicateInServiceNow: "people with several active sys_users",
}

// summary tells in words what was found.
func (s *Steps) summary(st comparison) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d Okta accounts and %d sys_user records were compared.\n", st.Slice.Accounts, st.Slice.Users)
	for _, kind := range slices.Sorted(maps.Keys(st.Planned.Counts)) {
		fmt.Fprintf(&b, "- %d %s\n", st.Planned.Counts[kind], words[kind])
	}
	b.WriteString("The attached file names each by its ids.")
	return b.String()
}

// CloseReport tells what became of what was found. Where nothing is left for
// people no task is made, or the one that is there is closed.
func (s *Steps) CloseReport(ctx context.Context, st comparison) (report, error) {
	left := "reported: policy leaves it to people"
	refused := st.Planned.Over && st.Decision.Decision != approval.Approved
	if refused {
		left = "not released"
	}
	list, open, err := s.list(ctx, st.Slice.Run, left)
	if err != nil || open == 0 && st.Report.SysID == "" {
		return report{}, err
	}
	r, err := s.openReport(ctx, st)
	if err != nil {
		return report{}, err
	}
	ctx = ofReport(ctx, r.ref())
	if err := s.servicenow.Attach(ctx, r.ref(), "outcome.csv", "text/csv", list, because("comparison")); err != nil {
		return report{}, err
	}
	note := fmt.Sprintf("%d repaired or agreed by then, %d failed, %d left for people.", st.Repairs.Mended, st.Repairs.Failed, open)
	switch {
	case refused && st.Decision.Decision == "":
		note += " Nobody decided about the repairs in time, so none was made; the next comparison asks again."
	case refused:
		note += " The repairs were not released, so none was made; the next comparison asks again unless the cause is mended."
	}
	posting := servicenow.Posting{Key: st.Slice.Run + "/outcome", WorkNote: note + " The attached file outcome.csv tells what became of each."}
	if open == 0 {
		posting.Set = servicenow.TaskKind(s.settings.ReportTable).Columns(servicenow.Resolved)
	}
	return r, s.servicenow.Post(ctx, r.ref(), posting, because("comparison"))
}

// mostRows bounds the file: nobody reads more, and the next comparison lists
// what is left.
const mostRows = 20_000

// list is the file of all findings; open counts those that are left for people.
func (s *Steps) list(ctx context.Context, run, otherwise string) (content []byte, open int, err error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"kind", "okta_user", "sys_user", "detail", "outcome"}}
	total := 0
	for after := ""; ; {
		name, found, ok, err := s.findings(ctx, run, after)
		if err != nil {
			return nil, 0, err
		}
		if !ok {
			break
		}
		for _, f := range found {
			if f.Outcome == "" || f.failed() {
				open++
			}
			if f.Outcome == "" {
				f.Outcome = otherwise
			}
			if total++; total <= mostRows {
				rows = append(rows, []string{string(f.Kind), f.OktaID, f.SysID, f.Detail, f.Outcome})
			}
		}
		after = name
	}
	if total > mostRows {
		rows = append(rows, []string{fmt.Sprintf("and %d more", total-mostRows), "", "", "", ""})
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, 0, err
	}
	return b.Bytes(), open, nil
}
