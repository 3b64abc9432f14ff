package rolechange

import (
	"fmt"
	"strings"
	"time"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/workflow"
)

// difference tells the plan, for the ticket.
func (s *Steps) difference(st state, asked transfer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Change of role of Okta user %s. What it changes:\n", st.Mover.UserID)
	p := st.Plan
	section(&b, "Comes", p.Comes, func(g due) string { return named(g.Grant) + ": " + g.Text })
	section(&b, "Goes", p.news(), func(x loss) string {
		text := named(x.Grant) + ": " + x.Text
		if x.Stays {
			text += " (only this reason goes; it is kept by exception)"
		}
		if x.First {
			text += " (before the new access comes, which must not be held together with it)"
		}
		return text
	})
	section(&b, "Stays, by rule", p.Stays, func(g due) string { return named(g.Grant) })
	section(&b, "Kept by exception, until the manager decides", p.Kept, func(k kept) string { return fmt.Sprintf("%s %s: %s", k.Kind, k.Name, k.Text) })
	tell(&b, "Not given", p.Withheld)
	if n := len(p.Unmanaged); n > 0 {
		fmt.Fprintf(&b, "Not managed, and untouched: %s\n", listed(p.Unmanaged))
	}
	p.remarks(&b)
	switch {
	case st.Ticket.Disposition == workflow.Early:
		fmt.Fprintf(&b, "It is carried out on %s (%s). Until then, changing this ticket changes that and cancelling it cancels it.\n",
			asked.At.Format("2 January 2006 at 15:04"), asked.Zone)
	case s.settings.Grace > 0 && len(p.removals()) > 0:
		fmt.Fprintf(&b, "What goes does so %s after what comes.\n", span(s.settings.Grace))
	}
	fmt.Fprintf(&b, "Rules: %s", p.Version)
	return b.String()
}

// remarks are about the rules rather than the person.
func (p plan) remarks(b *strings.Builder) {
	for _, gap := range p.Gaps {
		fmt.Fprintf(b, "No rule: %s. The person has the baseline; whoever keeps the access rules should add a mapping.\n", gap)
	}
	for _, trial := range p.Trials {
		fmt.Fprintf(b, "On trial, changes nothing yet: the person %s.\n", trial)
	}
}

func named(g entitlement.Grant) string { return g.Kind + " " + g.Name }

// section lists under a title, or says that there is nothing.
func section[T any](b *strings.Builder, title string, list []T, line func(T) string) {
	if len(list) == 0 {
		fmt.Fprintf(b, "%s: nothing\n", title)
		return
	}
	fmt.Fprintf(b, "%s:\n", title)
	for _, x := range list {
		fmt.Fprintf(b, "- %s\n", line(x))
	}
}

// tell lists refusals, of which there are usually none.
func tell(b *strings.Builder, what string, list []refusal) {
	for _, r := range list {
		fmt.Fprintf(b, "%s: %s. %s\n", what, named(r.Grant), sentence(r.Why))
	}
}

// mostNames keeps a line readable.
const mostNames = 30

func listed(list []string) string {
	if len(list) <= mostNames {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:mostNames], ", "), len(list)-mostNames)
}

// span is a duration in days where it is whole days.
func span(d time.Duration) string {
	n := int(d / (24 * time.Hour))
	switch {
	case d%(24*time.Hour) != 0 || n == 0:
		return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
	case n == 1:
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
