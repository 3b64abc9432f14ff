package console

import (
	"encoding/json"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/workflow"
)

// ledgerRow is a record as it is shown.
type ledgerRow struct {
	ID                                   string
	Seq                                  int64
	At                                   time.Time
	Phase                                string
	Tone                                 tone
	System, Verb, Words, Target, Subject string
	Thing                                string // what it is about, by name where there is one
	About                                string // whom, by name
	Ticket, TicketID                     string // number and sys_id
	Actor, Step, Why, Error, Hash        string
	Previous, Effect                     string
	Uncertain                            bool
	// Settled records tell how something ended, rather than that it begins.
	Settled bool
}

func (s *sight) ledgerRows(records []audit.Record) []ledgerRow {
	rows := make([]ledgerRow, 0, len(records))
	for _, r := range records {
		// What a step was given and gave back is for auditors: the machine shows its steps.
		if r.Verb != workflow.StepDone {
			rows = append(rows, s.ledgerRowOf(r))
		}
	}
	return rows
}

func (s *sight) ledgerRowOf(r audit.Record) ledgerRow {
	_, sysID, _ := strings.Cut(r.Stream, "/")
	row := ledgerRow{
		ID: domID(r.ID), Seq: r.Seq, At: r.At, Phase: r.Phase, System: r.System, Verb: r.Verb, Words: verbWords(r.Verb), Target: r.Target,
		Subject: r.Subject, Ticket: r.Ticket, TicketID: sysID, Actor: strings.TrimPrefix(r.Actor, "system:"), Step: r.Step, Error: r.Error,
		Uncertain: r.Uncertain, Hash: short(r.Hash), Previous: short(r.Previous), Settled: r.Phase != audit.Intent,
	}
	row.Tone = map[string]tone{audit.Intent: toneOpen, audit.Done: toneGood, audit.Failed: toneBad, audit.Fact: toneQuiet}[r.Phase]
	if !s.tickets[sysID] {
		row.TicketID = ""
	}
	row.About = s.names["user/"+r.Subject]
	if row.Thing = s.names[r.Target]; row.Thing == "" && row.Ticket == "" {
		row.Thing = r.Target
	}
	if row.Why = r.Reason.Text; row.Why == "" {
		row.Why = r.Reason.Kind
		if r.Reason.Ref != r.Ticket {
			row.Why = strings.TrimSpace(row.Why + " " + r.Reason.Ref)
		}
	}
	row.Why = strings.ReplaceAll(row.Why, "_", " ")
	if r.After != nil {
		if text, err := json.Marshal(r.After); err == nil {
			row.Effect = string(text)
		}
	}
	return row
}

func short(hash string) string { return hash[:min(10, len(hash))] }

// verbWords makes "Group add" of group.add.
func verbWords(verb string) string {
	words := strings.NewReplacer(".", " ", "_", " ").Replace(verb)
	if words == "" {
		return "Record"
	}
	return strings.ToUpper(words[:1]) + words[1:]
}
