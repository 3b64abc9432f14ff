package oktasim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// rule is an active group rule. While its expression holds for somebody, it
// makes that person a member of its group; when it ceases to hold, the
// membership ends unless it was also given by hand. Rules do not run for
// deactivated accounts.
type rule struct {
	seq        int
	id, name   string
	expression string
	program    *vm.Program
	group      *group
	excluded   []string // ids of users the rule leaves alone
	created    time.Time
}

var (
	ruleAttribute = regexp.MustCompile(`\buser\.(\w+)`)
	ruleFunction  = regexp.MustCompile(`\w\s*\(`)
)

// ruleSubject is what an expression can name.
func ruleSubject(profile map[string]any) map[string]any { return map[string]any{"user": profile} }

// newRule compiles an expression of Okta's expression language: comparisons of
// profile attributes with AND, OR and ! in between. Functions are refused.
func (s *Sim) newRule(g *group, expression string, now time.Time) (*rule, error) {
	for _, match := range ruleAttribute.FindAllStringSubmatch(expression, -1) {
		if !slices.Contains(base, match[1]) && !slices.Contains(s.options.Attributes, match[1]) {
			return nil, fmt.Errorf("the rule of group %q names user.%s, which is no profile attribute", g.name, match[1])
		}
	}
	text := strings.NewReplacer(" AND ", " and ", " OR ", " or ").Replace(expression)
	if ruleFunction.MatchString(strings.NewReplacer("and (", "", "or (", "").Replace(text)) {
		return nil, fmt.Errorf("the rule of group %q calls a function, which is not simulated", g.name)
	}
	program, err := expr.Compile(text, expr.Env(ruleSubject(map[string]any{})), expr.AsBool(), expr.DisableAllBuiltins())
	if err != nil {
		return nil, fmt.Errorf("the rule of group %q: %w", g.name, err)
	}
	sample := map[string]any{} // a text for a condition shows only when there is one
	for _, name := range base {
		sample[name] = "text"
	}
	if _, err := expr.Run(program, ruleSubject(sample)); err != nil {
		return nil, fmt.Errorf("the rule of group %q: %w", g.name, err)
	}
	return &rule{
		seq: s.org.next(), id: s.org.newID("0pr"), name: g.name, expression: expression, program: program, group: g, created: now,
	}, nil
}

func (r *rule) holds(u *user) bool {
	held, err := expr.Run(r.program, ruleSubject(u.profile))
	return err == nil && held == true && !slices.Contains(r.excluded, u.id)
}

// evaluateRules brings the memberships that rules make in line with the user's
// profile. The acts are Okta's own, whoever changed the profile.
func (s *Sim) evaluateRules(c *call, u *user) {
	if u.status == Deprovisioned || s.org.userByID[u.id] != u {
		return
	}
	for r := range s.org.rules.all() {
		m, holds := u.memberOf(r.group), r.holds(u)
		switch {
		case holds && (m == nil || m.rule == nil):
			s.join(c.as(system, c.now), r.group, u, false, r)
		case !holds && m != nil && m.rule == r:
			m.rule = nil
			if !m.hand {
				s.endMembership(c.as(system, c.now), m)
			}
		}
	}
}

type ruleView struct {
	Type        string         `json:"type"`
	ID          string         `json:"id"`
	Status      string         `json:"status"`
	Name        string         `json:"name"`
	Created     stamp          `json:"created"`
	LastUpdated stamp          `json:"lastUpdated"`
	Conditions  map[string]any `json:"conditions"`
	Actions     map[string]any `json:"actions"`
}

func (r *rule) view() ruleView {
	return ruleView{
		Type: "group_rule", ID: r.id, Status: "ACTIVE", Name: r.name, Created: stamp(r.created), LastUpdated: stamp(r.created),
		Conditions: map[string]any{
			"people": map[string]any{
				"users":  map[string]any{"exclude": append([]string{}, r.excluded...)},
				"groups": map[string]any{"exclude": []string{}},
			},
			"expression": map[string]any{"value": r.expression, "type": "urn:okta:expression:1.0"},
		},
		Actions: map[string]any{"assignUserToGroups": map[string]any{"groupIds": []string{r.group.id}}},
	}
}

// listRules is GET /api/v1/groups/rules.
func (s *Sim) listRules(c *call) (answer, *Error) {
	if refusal := c.only("limit", "after", "search"); refusal != nil {
		return answer{}, refusal
	}
	limit, refusal := c.limit(50, 200)
	if refusal != nil {
		return answer{}, refusal
	}
	cursor, refusal := c.cursor()
	if refusal != nil {
		return answer{}, refusal
	}
	word := strings.ToLower(c.query.Get("search"))
	found, next := s.org.rules.slice(cursor, limit, func(r *rule) bool { return strings.Contains(strings.ToLower(r.name), word) })
	views := make([]ruleView, 0, len(found))
	for _, r := range found {
		views = append(views, r.view())
	}
	return c.paged(views, next)
}

func (s *Sim) getRule(c *call) (answer, *Error) {
	for r := range s.org.rules.all() {
		if r.id == c.params["rule"] {
			return ok(r.view())
		}
	}
	return answer{}, missing(c.params["rule"], "GroupRule")
}
