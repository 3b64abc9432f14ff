package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lifecycle/functions/rolechange"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

const (
	roleChangeMachine      = "RoleChangeMachine"
	recertificationMachine = "RecertificationMachine"
)

// Movers are the acts about changes of role.
func Movers() []Act {
	return []Act{
		{"A transfer from Sales to Engineering, whose exceptions the new manager decides about", transfer},
		{"Two changes of role for one person: the later one counts", overtaken},
	}
}

// move records a person's new position, as HR does, opens the ticket and waits
// until it has come to rest.
func move(ctx context.Context, w *World, told *Told, title string, form map[string]string) (Ticket, error) {
	if form["effective_date"] == "" {
		w.ServiceNow.Update("sys_user", seed.PersonSysID(form["employee_number"]), map[string]string{
			"title": form["title"], "department": seed.SysID("cmn_department/" + form["department"]), "manager": form["manager"],
		})
	}
	ticket, err := w.Open(rolechange.DefaultKind(), Requester, title, form)
	if err != nil {
		return Ticket{}, err
	}
	told.happened("%s opened %s: %s", Requester, ticket.Number, title)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ticket, w.Settled(ctx, ticket, roleChangeMachine, "WaitForMoment", "AskApproval")
}

// quoted tells a note, line by line.
func (t *Told) quoted(note string) {
	for _, l := range strings.Split(note, "\n") {
		t.happened("  | %s", l)
	}
}

func transfer(ctx context.Context, w *World) (told Told, err error) {
	const number, former, manager = "E1020", "E1003", "E1010"
	request, err := request(ctx, w, &told, Ask{By: Login(number), Item: "PagerDuty on call", Reason: "looks after the demo system"})
	if err != nil {
		return told, err
	}
	if err := w.Answer(request, former, snowsim.Approved, ""); err != nil {
		return told, err
	}
	if err := requestRests(ctx, w, request); err != nil {
		return told, err
	}
	told.happened("%s approved %s", Login(former), request.Number)
	if err := w.Okta.AddMember(seed.GroupID("Zendesk Agents"), seed.PersonOktaID(number)); err != nil {
		return told, err
	}
	told.happened("somebody put %s into Zendesk Agents by hand, and told nobody why", Login(number))
	ticket, err := move(ctx, w, &told, "From Sales to Engineering", map[string]string{
		"employee_number": number, "old_department": "Sales", "department": "Engineering", "old_title": "Account Executive", "title": "Engineer",
		"old_manager": seed.PersonSysID(former), "manager": seed.PersonSysID(manager),
	})
	if err != nil {
		return told, err
	}
	told.happened("the difference was written onto the ticket before anything was touched:")
	told.quoted(w.Notes(ticket, "work_notes")[0])
	moved, _ := w.Okta.Snapshot(Login(number))
	task, err := answered(ctx, w, &told, ticket, manager, "1 keep, until the handover is done\n2 revoke")
	a, _ := w.Okta.Snapshot(Login(number))
	told.account(a)
	told.ticket(w, ticket)
	told.ServiceNow = append(told.ServiceNow, task.Number+": "+strings.Join(strings.Split(w.lastNote(task, "work_notes"), "\n"), " "))
	return told, errors.Join(err, resolvedOnce(w, ticket),
		expect(a.Status == oktasim.Active && a.Profile["department"] == "Engineering", "the account is %s, in %v", a.Status, a.Profile["department"]),
		expect(holdsGroup(moved, "Engineering") && holdsGroup(moved, "GitHub Engineers") && !holdsGroup(moved, "Sales") && !holdsGroup(moved, "Salesforce Users"),
			"not exactly the right access moved: %v", moved.Groups),
		expect(holdsGroup(moved, "PagerDuty Responders") && holdsGroup(moved, "Zendesk Agents"), "an exception was taken before anybody decided: %v", moved.Groups),
		expect(holdsGroup(a, "PagerDuty Responders") && !holdsGroup(a, "Zendesk Agents"), "the manager decided otherwise: %v", a.Groups))
}

// answered finds the recertification of a change of role, answers it as the
// manager and waits until the answer is carried out.
func answered(ctx context.Context, w *World, told *Told, ticket Ticket, manager, answer string) (Ticket, error) {
	tasks := w.ServiceNow.Query("sc_task", "parent="+ticket.SysID)
	if len(tasks) != 1 {
		return Ticket{}, fmt.Errorf("%s has %d recertifications", ticket.Number, len(tasks))
	}
	task := Ticket{Table: "sc_task", SysID: tasks[0]["sys_id"], Number: tasks[0]["number"]}
	told.happened("%s asked %s, due %s:", task.Number, Login(manager), tasks[0]["due_date"])
	told.quoted(tasks[0]["description"])
	if err := w.Save(task, Login(manager), map[string]string{"state": "3", "close_notes": answer}); err != nil {
		return task, err
	}
	told.happened("%s closed it with %q", Login(manager), answer)
	err := w.until(ctx, task.Number+" has not been carried out", func() bool {
		return strings.Contains(w.lastNote(task, "work_notes"), "The decisions are carried out.")
	})
	if err != nil || w.deployed {
		return task, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return task, w.Settled(ctx, task, recertificationMachine)
}

func overtaken(ctx context.Context, w *World) (told Told, err error) {
	const number = "E1017"
	day := time.Now().AddDate(0, 0, 21).Format(time.DateOnly)
	first, err := move(ctx, w, &told, "To Support, in three weeks", map[string]string{
		"employee_number": number, "department": "Support", "title": "Support Engineer", "manager": seed.PersonSysID("E1008"), "effective_date": day,
	})
	if err != nil {
		return told, err
	}
	waiting, _ := w.Okta.Snapshot(Login(number))
	told.happened("it waits for the day in WaitForMoment")
	second, err := move(ctx, w, &told, "To Security, now", map[string]string{
		"employee_number": number, "department": "Security", "title": "Security Engineer", "manager": seed.PersonSysID("E1007"),
	})
	if err != nil {
		return told, err
	}
	a, _ := w.Okta.Snapshot(Login(number))
	told.account(a)
	told.ticket(w, second)
	told.ServiceNow = append(told.ServiceNow, first.Number+": "+strings.Split(w.lastNote(first, "work_notes"), "\n")[0])
	return told, errors.Join(resolvedOnce(w, second),
		expect(holdsGroup(waiting, "Engineering"), "the first change was carried out three weeks early: %v", waiting.Groups),
		expect(w.Column(first, "state") == "8", "%s is in state %s, not cancelled", first.Number, w.Column(first, "state")),
		expect(holdsGroup(a, "Security") && holdsGroup(a, "GitHub Engineers") && !holdsGroup(a, "Engineering") && !holdsGroup(a, "Support"), "the groups are %v", a.Groups))
}
