package snowsim

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// render is a record as the Table API shows it: every value a text, references
// with a link unless that is excluded, display values as sysparm_display_value
// asks for them. Fields that do not exist are left out.
func (s *Sim) render(c *call, t *table, r *record) map[string]any {
	fields := t.names()
	if asked := c.query.Get("sysparm_fields"); asked != "" {
		fields = strings.Split(asked, ",")
	}
	shown := make(map[string]any, len(fields))
	for _, name := range fields {
		name = strings.TrimSpace(name)
		if p, known := s.resolve(t, name); known {
			shown[name] = s.field(c, r, p)
		}
	}
	return shown
}

func (s *Sim) field(c *call, r *record, p path) any {
	mode := c.query.Get("sysparm_display_value")
	owner, value := s.follow(r, p)
	if owner == nil || s.veiled(c.user, p) {
		// An empty reference on the way, or an access rule on the column: empty
		// (KB2971488), not absent.
		owner, value = nil, ""
	}
	column := p.last()
	shown := value
	if owner != nil && mode != "" && mode != "false" {
		shown = s.display(owner, column, s.zoneOf(c.user))
	}
	linked := column.Type == Reference && value != "" && !c.flag("sysparm_exclude_reference_link")
	link := c.base + c.prefix + "/table/" + column.Refers + "/" + url.PathEscape(value)
	switch mode {
	case "true":
		if linked {
			return map[string]any{"display_value": shown, "link": link}
		}
		return shown
	case "all":
		both := map[string]any{"display_value": shown, "value": value}
		if linked {
			both["link"] = link
		}
		return both
	default:
		if linked {
			return map[string]any{"link": link, "value": value}
		}
		return value
	}
}

// display is what people read: the label of a choice, the name behind a
// reference, a time in the reader's zone, a journal with all its entries.
func (s *Sim) display(r *record, c *Column, zone *time.Location) string {
	value := r.get(c.Name)
	switch c.Type {
	case Reference:
		return s.displayOf(c.Refers, value)
	case List:
		var names []string
		for id := range strings.SplitSeq(value, ",") {
			if name := s.displayOf(c.Refers, strings.TrimSpace(id)); name != "" {
				names = append(names, name)
			}
		}
		return strings.Join(names, ", ")
	case DateTime:
		at, err := time.ParseInLocation(time.DateTime, value, time.UTC)
		if err != nil {
			return value
		}
		if zone == nil {
			zone = s.zone
		}
		return at.In(zone).Format(time.DateTime)
	case Journal:
		return s.journalText(r, c, zone)
	case Text, Integer:
		if c.Name == "sys_class_name" {
			return r.table.label
		}
		if value == "" || c.System {
			return value
		}
		if label, isChoice := s.choicesOf(r.table, c.Name)[value]; isChoice {
			return label
		}
	}
	return value
}

func (s *Sim) displayOf(table, id string) string {
	t := s.tables[table]
	if t == nil || id == "" {
		return ""
	}
	r := t.shelf.find(id)
	if r == nil {
		return ""
	}
	return r.get(r.table.displayColumn())
}

// zoneOf is the time zone in which a user reads.
func (s *Sim) zoneOf(user *actor) *time.Location {
	if user != nil && user.record != nil {
		if zone, err := time.LoadLocation(user.record.get("time_zone")); err == nil && user.record.get("time_zone") != "" {
			return zone
		}
	}
	return s.zone
}

// journalText is a journal as display values show it, newest entry first.
func (s *Sim) journalText(r *record, c *Column, zone *time.Location) string {
	if zone == nil {
		zone = s.zone
	}
	var b strings.Builder
	for _, e := range slices.Backward(s.entries(r, c.Name)) {
		b.WriteString(e.At.In(zone).Format(time.DateTime) + " - " + s.nameOf(e.By) + " (" + c.label() + ")\n" + e.Text + "\n\n")
	}
	return b.String()
}

// nameOf is the name of the user with that user name.
func (s *Sim) nameOf(userName string) string {
	for _, r := range s.tables["sys_user"].shelf.by("user_name", userName) {
		return r.get("name")
	}
	return userName
}
