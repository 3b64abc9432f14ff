package securityalert

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// kinds says where incidents are kept: in the table of the plugin Security
// Incident Response where the instance has it, else among the incidents.
type kinds struct {
	plain, plugin servicenow.Kind
	// fixed says that the configuration names the table, so that nobody is asked.
	fixed bool

	mu     *sync.Mutex
	probed time.Time
	has    bool
}

// probeAgain is for how long an answer about the plugin is believed.
const probeAgain = 10 * time.Minute

// newKinds reads the configuration: a JSON object as servicenow.Kind.With takes it,
// which replaces both built-in kinds; empty: these.
func newKinds(overrides string) (kinds, error) {
	k := kinds{plain: servicenow.SecurityAlertKind(), plugin: servicenow.SecurityIncidentKind(), mu: &sync.Mutex{}}
	if overrides == "" {
		return k, nil
	}
	configured, err := k.plain.With([]byte(overrides))
	if err != nil {
		return kinds{}, fmt.Errorf("the environment variable ALERT_TICKETS: %w", err)
	}
	k.plain, k.fixed = configured, true
	return k, nil
}

// of is the kind of incidents of a table.
func (k *kinds) of(table string) servicenow.Kind {
	if table == k.plugin.Table && !k.fixed {
		return k.plugin
	}
	return k.plain
}

// choose is the kind that new incidents get.
func (k *kinds) choose(ctx context.Context, sn *servicenow.Client) (servicenow.Kind, error) {
	if k.fixed {
		return k.plain, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.probed.IsZero() || time.Since(k.probed) > probeAgain {
		has, err := sn.HasTable(ctx, k.plugin.Table)
		if err != nil {
			return servicenow.Kind{}, err
		}
		k.has, k.probed = has, time.Now()
	}
	if k.has {
		return k.plugin, nil
	}
	return k.plain, nil
}

// OpenIncident makes the incident, with all that the events themselves say: it
// does not wait for anybody else. It is found again by its correlation_id.
func (s *Steps) OpenIncident(ctx context.Context, st state) (workflow.Nothing, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil || a.Incident != nil {
		return workflow.Nothing{}, err
	}
	kind, err := s.kinds.choose(ctx, s.servicenow)
	if err != nil {
		return workflow.Nothing{}, err
	}
	a.Priority = a.due(rules)
	values, err := s.columns(ctx, &a, rules, kind)
	if err != nil {
		return workflow.Nothing{}, err
	}
	made, err := s.create(ctx, a, rules, kind, values)
	if fault.Is[*fault.Denied](err) && kind.Table != s.kinds.plain.Table {
		// The plugin is there, and its role was not given to the integration.
		if values, err = s.columns(ctx, &a, rules, s.kinds.plain); err == nil {
			made, err = s.create(ctx, a, rules, s.kinds.plain, values)
		}
	}
	if err != nil {
		return workflow.Nothing{}, err
	}
	tell, wrote := a.tells(), map[string]string{"title": digest(values["short_description"]), "description": digest(values["description"])}
	_, err = s.keep(ctx, a, func(now *alert) {
		now.Incident = &incident{Table: made.Table, SysID: made.SysID, Number: made.Number}
		now.Priority, now.Told, now.Wrote, now.Bare = a.Priority, tell, wrote, a.Bare
		now.Urgent = now.Urgent && now.news()
		now.Quiet = time.Now().Add(interval(0)).UTC()
	})
	return workflow.Nothing{}, err
}

func (s *Steps) create(ctx context.Context, a alert, rules *detect.Rules, kind servicenow.Kind, values map[string]string) (servicenow.Made, error) {
	return s.servicenow.CreateTask(ctx, servicenow.NewTask{
		Table: kind.Table, Key: "okta-alert-" + a.subject().SysID, Values: values,
	}, because(a, rules))
}

// mostTitle and mostDescription are what these columns hold, in characters, with a
// little spare.
const mostTitle, mostDescription = 150, 3900

// columns are the values of a new incident, whose description is bare where the
// System Log does not show the events yet.
func (s *Steps) columns(ctx context.Context, a *alert, rules *detect.Rules, kind servicenow.Kind) (map[string]string, error) {
	values := kind.Columns(servicenow.Open)
	maps.Copy(values, priorityColumns(a.Priority))
	events, missing, err := s.lookUp(ctx, *a)
	if err != nil {
		return nil, err
	}
	a.Bare = len(events) < min(perQuery, len(a.Evidence))
	known := loginsOf(events)
	values["short_description"] = title(*a, rules, known)
	values["description"] = s.description(*a, rules, events, missing, "")
	values["correlation_display"] = servicenow.AlertMark
	rule := leading(*a, rules)
	if rule != nil {
		values["category"], values["subcategory"] = rule.Category, rule.Subcategory
		group, err := s.servicenow.GroupSysID(ctx, rule.Group)
		switch {
		case fault.Is[*fault.NotFound](err), fault.Is[*fault.Invalid](err):
			// An incident without a group is better than none; the note says so.
			values["description"] = fmt.Sprintf("The group %q of the rule does not exist: assign the incident by hand.\n\n", rule.Group) + values["description"]
		case err != nil:
			return nil, err
		default:
			values["assignment_group"] = group
		}
	}
	set := func(field, value string) {
		if column := kind.Fields[field]; column != "" && value != "" {
			values[column] = value
		}
	}
	if kind.Table == s.kinds.plain.Table {
		values["u_kind"] = servicenow.AlertMarkKind
	}
	if p := a.foremost(); p != nil {
		set("email", known[p.ID])
	}
	if len(a.Addresses) > 0 {
		set("source_ip", a.Addresses[0].IP)
	}
	if rule != nil {
		set("rule", rule.ID)
	}
	set("url", s.links.log(*a))
	return values, nil
}

// priorityColumns are what gives an incident its priority: where that is looked up
// from impact and urgency, they give the same.
func priorityColumns(priority int) map[string]string {
	pairs := map[int][2]string{1: {"1", "1"}, 2: {"1", "2"}, 3: {"2", "2"}, 4: {"2", "3"}, 5: {"3", "3"}}
	return map[string]string{"priority": strconv.Itoa(priority), "impact": pairs[priority][0], "urgency": pairs[priority][1]}
}

// leading is the rule that gives the incident its name: the worst, of those the
// first.
func leading(a alert, rules *detect.Rules) *detect.Rule {
	var worst *detect.Rule
	for _, id := range a.Rules {
		if r, known := rules.Rule(id); known && (worst == nil || r.Severity().Worse(worst.Severity())) {
			worst = r
		}
	}
	return worst
}

// foremost is the person whom the incident is about, if it is one: somebody
// suspected before anybody else.
func (a *alert) foremost() *person {
	if list := a.suspects(suspected, asked, held, due, contained, undoing, released, cleared, spared, shadowed, failed); len(list) > 0 {
		return list[0]
	}
	if len(a.People) == 1 {
		for _, p := range a.People {
			return p
		}
	}
	return nil
}
