package entitlement

import (
	"fmt"
	"strings"
)

// Explanation tells how a decision came about: every table and rule, whether it
// applied, and why or why not.
type Explanation struct {
	// About is the profile in words. The manager stands only with the conditions
	// that look at it, as an employee number.
	About    string   `json:"about"`
	Steps    []Step   `json:"steps"`
	Decision Decision `json:"decision"`
}

// Step is one part of the baseline, one table, or one condition.
type Step struct {
	// Rule names the rule; of a table in which no row applied, the table.
	Rule string `json:"rule"`
	// Where is the JSON pointer to the rule, or to the table.
	Where string `json:"where"`
	Mode  Mode   `json:"mode"`
	// Applied is true when the rule fits; on trial that grants nothing.
	Applied bool `json:"applied"`
	// Why is the reason in words.
	Why string `json:"why"`
	// Roles are what the rule gives.
	Roles []string `json:"roles,omitempty"`
}

// Explain tells what somebody with the profile gets, and by which rule.
func (r *Rules) Explain(p Profile) Explanation {
	written := p.values()
	v := written.folded()
	e := Explanation{About: written.words([]field{title, department, location, employeeType, role}), Decision: r.Birthright(p)}
	if e.About == "" {
		e.About = "an empty profile"
	}
	e.Steps = append(e.Steps, applied(r.everybody, "it is for everybody"))
	if own, ok := r.types[v[employeeType]]; ok {
		e.Steps = append(e.Steps, applied(own, "it is the employee type's own"))
	} else {
		e.Steps = append(e.Steps, Step{Rule: "baseline[employeeType]", Where: "/baseline/employeeType", Mode: Enforce, Why: typeGap(written)})
	}
	for _, t := range r.tables {
		e.Steps = append(e.Steps, t.explain(written, v)...)
	}
	env := v.environment()
	for _, c := range r.conditions {
		s := Step{Rule: c.name, Where: string(c.where), Mode: c.mode, Roles: c.roles, Applied: r.holds(c.condition, env)}
		s.Why = fmt.Sprintf("%s is %t for %s", c.condition.source, s.Applied, c.condition.read(written))
		e.Steps = append(e.Steps, s)
	}
	return e
}

func applied(r *rule, why string) Step {
	return Step{Rule: r.name, Where: string(r.where), Mode: r.mode, Applied: true, Why: why, Roles: r.roles}
}

// read tells the attributes that the condition looks at.
func (c *condition) read(v values) string {
	parts := make([]string, len(c.reads))
	for i, f := range c.reads {
		parts[i] = fmt.Sprintf("%s %q", phrases[f].first, shortened(v[f]))
	}
	return strings.Join(parts, ", ")
}

// explain tells which rows fit and which of them decides.
func (t *table) explain(written, v values) []Step {
	enforced, onTrial := t.find(v)
	fitting := t.fitting(v)
	if len(fitting) == 0 {
		return []Step{{Rule: t.name, Where: string(t.where), Mode: Enforce, Why: t.gap(written)}}
	}
	steps := make([]Step, 0, len(fitting))
	for _, r := range fitting {
		s := Step{Rule: r.name, Where: string(r.where), Mode: r.mode, Roles: r.roles}
		switch {
		case r == enforced && onTrial != enforced:
			s.Applied, s.Why = true, "it fits; the row on trial would take its place"
		case r == enforced || r == onTrial:
			s.Applied, s.Why = true, "it fits"
			if len(fitting) > 1 {
				s.Why = fmt.Sprintf("of %d rows that fit it comes first", len(fitting))
			}
		default:
			s.Why = "it fits, and a row that names more, or an earlier column, comes before it"
		}
		steps = append(steps, s)
	}
	return steps
}

// fitting are all rows that fit, those that come first first.
func (t *table) fitting(v values) []*rule {
	var out []*rule
	for _, s := range t.shapes {
		at := s.rows[s.key(v)]
		for _, r := range []*rule{at.trial, at.enforced} {
			if r != nil {
				out = append(out, r)
			}
		}
	}
	return out
}

// String lays the explanation out for a terminal.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Rules %s\nProfile: %s\n\nHow it was decided:\n", e.Decision.Version, e.About)
	for _, s := range e.Steps {
		mark := "-"
		switch {
		case s.Applied && s.Mode == Enforce:
			mark = "+"
		case s.Applied:
			mark = "?"
		}
		fmt.Fprintf(&b, "%s %s: %s", mark, s.Rule, s.Why)
		if s.Applied {
			fmt.Fprintf(&b, "; gives %s", listed(s.Roles))
		}
		if s.Mode != Enforce {
			fmt.Fprintf(&b, " (on trial: %s)", s.Mode)
		}
		b.WriteByte('\n')
	}
	d := e.Decision
	b.WriteString("\nGets:\n")
	for _, g := range d.Grants {
		fmt.Fprintf(&b, "  %s %s: %s [%s]\n", g.Kind, g.Name, g.Text, g.Rule)
	}
	if len(d.Grants) == 0 {
		b.WriteString("  nothing\n")
	}
	for _, t := range d.Trials {
		verb := "get"
		if t.Loses {
			verb = "no longer get"
		}
		fmt.Fprintf(&b, "Would %s %s %s (%s: %s)\n", verb, t.Grant.Kind, t.Grant.Name, t.Mode, listed(t.Rules))
	}
	for _, gap := range d.Gaps {
		fmt.Fprintf(&b, "Gap: %s\n", gap)
	}
	for _, p := range d.Collisions {
		fmt.Fprintf(&b, "Collision: %s and %s (%s: %s)\n", p.A.Name, p.B.Name, p.Name, p.Reason)
	}
	return b.String()
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
