package report

import (
	"cmp"

	"lifecycle/shared/audit"
)

// learn takes names from what a record holds: an object with an id and a name or label names
// that id.
func (d *drawing) learn(value any) {
	switch v := value.(type) {
	case map[string]any:
		id, name := cmp.Or(word(v["id"]), word(v["app_id"])), cmp.Or(word(v["name"]), word(v["label"]))
		if id != "" && name != "" && d.known[id] == "" {
			d.known[id] = name
		}
		for _, inner := range v {
			d.learn(inner)
		}
	case []any:
		for _, inner := range v {
			d.learn(inner)
		}
	}
}

func word(value any) string {
	text, _ := value.(string)
	return text
}

// sight is what account.snapshot noted an account to hold.
type sight struct {
	Groups []struct {
		ID   string `json:"id"`
		Type string `json:"type"`
	} `json:"groups"`
	Apps []struct {
		ID    string `json:"app_id"`
		Scope string `json:"scope"`
	} `json:"apps"`
	Roles []struct {
		ID string `json:"id"`
	} `json:"roles"`
}

// seen notes access that was there without a record of how it came.
func (d *drawing) seen(r audit.Record) {
	var what sight
	decode(r.Before, &what)
	note := func(target, text string) {
		r := r
		r.Target = target
		if a := d.of(r); len(a.Held) == 0 {
			a.Held = append(a.Held, Span{Why: audit.Reason{Text: text}, Given: proof(r)})
		}
	}
	for _, g := range what.Groups {
		if g.Type == "OKTA_GROUP" { // the others are the apps' own, or everybody's
			note(Group+"/"+g.ID, "")
		}
	}
	for _, a := range what.Apps {
		text := ""
		if a.Scope == "GROUP" {
			text = "comes with a group"
		}
		note(App+"/"+a.ID, text)
	}
	for _, role := range what.Roles {
		note(Role+"/"+role.ID, "")
	}
}

// closed ends the apps of an account that was deactivated: Okta takes them away with it.
func (d *drawing) closed(r audit.Record) {
	for _, a := range d.order {
		if a.Person != r.Subject || a.Kind != App {
			continue
		}
		if s := lasting(a.Held, ""); s != nil {
			s.Until, s.Taken, s.TakenWhy = r.At, proof(r), audit.Reason{Kind: r.Reason.Kind, Ref: r.Reason.Ref, Text: "goes with the deactivated account"}
		}
	}
}
