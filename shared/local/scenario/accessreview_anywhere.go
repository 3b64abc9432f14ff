package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/local/seed"
)

// ReviewAnywhere is an access review of one group, told by what the two systems
// show of it, so that it can be played through a deployed stack. What is revoked
// is only looked for where the stack's time of grace is over within a minute.
func ReviewAnywhere() Act {
	return Act{"An access review of one group: a stray membership is put to the manager and revoked", reviewAnywhere}
}

func reviewAnywhere(ctx context.Context, w *World) (told Told, err error) {
	const group, number = "AWS Production Operators", "E1013"
	ctx, cancel := context.WithTimeout(ctx, 2*reviewPatience)
	defer cancel()
	if err := w.Okta.AddMember(seed.GroupID(group), seed.PersonOktaID(number)); err != nil {
		return told, err
	}
	told.happened("somebody put %s into %s by hand", Login(number), group)
	if err := w.startReview(ctx, `{"title":"production access","scope":{"groups":["`+group+`"]}}`); err != nil {
		return told, err
	}
	task, row, err := w.asksAbout(ctx, Login(number))
	if err != nil {
		return told, err
	}
	told.Ticket = task
	manager := w.ServiceNow.Record("sys_user", row["assigned_to"])["user_name"]
	var answer []string
	for _, m := range line.FindAllStringSubmatch(row["description"], -1) {
		answer = append(answer, m[1]+" "+map[bool]string{true: "revoke", false: "keep"}[m[2] == Login(number)])
	}
	if err := w.Save(task, manager, map[string]string{"state": "3", "close_notes": strings.Join(answer, "\n")}); err != nil {
		return told, err
	}
	told.happened("%s asked %s, who answered %s", task.Number, manager, strings.Join(answer, ", "))
	if err := w.noted(ctx, task, "comments", "The answer is recorded:"); err != nil {
		return told, err
	}
	told.ServiceNow = append(told.ServiceNow, task.Number+": "+strings.Split(w.lastNote(task, "comments"), "\n")[0])
	if !w.graceIsShort(task) {
		return told, nil
	}
	err = w.noted(ctx, task, "work_notes", "The decisions are carried out.")
	a, _ := w.Okta.Snapshot(Login(number))
	told.account(a)
	return told, errors.Join(err,
		expect(!holdsGroup(a, group), "%s was revoked and is still there", group),
		expect(w.finalNotes(task, "The decisions are carried out.") == 1, "it was not told once what came of it"))
}

// asksAbout waits for the reviewer's task that asks about a login.
func (w *World) asksAbout(ctx context.Context, login string) (Ticket, map[string]string, error) {
	var found map[string]string
	err := w.soon(ctx, func() bool {
		w.Outbox.Deliver(ctx)
		tasks := w.ServiceNow.Query("sc_task", "correlation_display=Access review^assigned_toISNOTEMPTY")
		i := slices.IndexFunc(tasks, func(row map[string]string) bool { return strings.Contains(row["description"], login) })
		if i >= 0 {
			found = tasks[i]
		}
		return i >= 0
	})
	if err != nil {
		return Ticket{}, nil, fmt.Errorf("nobody was asked about %s: %w", login, err)
	}
	return Ticket{Table: "sc_task", SysID: found["sys_id"], Number: found["number"]}, found, nil
}

// noted waits for a note on a task.
func (w *World) noted(ctx context.Context, task Ticket, journal, text string) error {
	err := w.soon(ctx, func() bool {
		w.Outbox.Deliver(ctx)
		return slices.ContainsFunc(w.Notes(task, journal), func(note string) bool { return strings.Contains(note, text) })
	})
	if err != nil {
		return fmt.Errorf("%s does not tell %q: %w", task.Number, text, err)
	}
	return nil
}

// graceIsShort reads on the task whether what was answered is carried out soon.
func (w *World) graceIsShort(task Ticket) bool {
	_, after, _ := strings.Cut(w.lastNote(task, "comments"), "carried out after ")
	moment, _, _ := strings.Cut(after, ";")
	until, err := time.Parse("2 January 2006 15:04 MST", moment)
	return err == nil && time.Until(until) < time.Minute
}
