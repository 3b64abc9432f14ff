package snowsim

import (
	"maps"
	"slices"
	"strconv"
)

// Order is what somebody asks for in the service catalog.
type Order struct {
	// Item is the catalog item's name; it is made when there is none.
	Item string
	// For is the sys_id of whom it is for; empty: who orders.
	For string
	// Variables are the answers to the item's questions, by variable name.
	Variables map[string]string
	// Sets are multi-row variable sets: rows of answers by the set's name.
	Sets map[string][]map[string]string
	// Values are further columns of the request item.
	Values map[string]string
}

// Order places an order and returns the sys_id of its sc_req_item.
//
// It commits in the order in which a real instance may do it: the request item
// first, then its variables, then the request that it belongs to. Hooks run in
// between, so that whoever is told of the request item meets it without
// variables and without a parent (FACTS).
func (n *Session) Order(o Order) (requestItem string, err error) {
	item := n.sim.catalogItem(o.Item)
	values := maps.Clone(o.Values)
	if values == nil {
		values = map[string]string{}
	}
	values["cat_item"], values["requested_for"] = item, o.For
	if o.For == "" {
		n.sim.transact(func() { values["requested_for"] = n.actor().id() })
	}
	if requestItem, err = n.Insert("sc_req_item", values); err != nil {
		return "", err
	}
	n.sim.transact(func() {
		for i, name := range slices.Sorted(maps.Keys(o.Variables)) {
			option := n.sim.script("sc_item_option", map[string]string{
				"item_option_new": n.sim.variable(item, name), "value": o.Variables[name], "order": strconv.Itoa(i),
			})
			n.sim.script("sc_item_option_mtom", map[string]string{"request_item": requestItem, "sc_item_option": option})
		}
		for set, rows := range o.Sets {
			n.sim.fillSet(requestItem, item, set, rows)
		}
	})
	request, err := n.Insert("sc_request", map[string]string{"requested_for": values["requested_for"], "short_description": o.Item})
	if err != nil {
		return "", err
	}
	n.sim.Update("sc_req_item", requestItem, map[string]string{"request": request})
	return requestItem, nil
}

// Produce makes a record by a record producer: the record first, then the
// answers to the form's questions, which are kept apart from it.
func (n *Session) Produce(table string, values, answers map[string]string) (sysID string, err error) {
	if sysID, err = n.Insert(table, values); err != nil {
		return "", err
	}
	n.sim.transact(func() {
		for i, name := range slices.Sorted(maps.Keys(answers)) {
			n.sim.script("question_answer", map[string]string{
				"question": n.sim.variable("", name), "table_name": table, "table_sys_id": sysID,
				"value": answers[name], "order": strconv.Itoa(i),
			})
		}
	})
	return sysID, nil
}

// script makes a record as the platform does, within a transaction.
func (s *Sim) script(table string, values map[string]string) (sysID string) {
	r, refusal := s.create(platform, s.tables[table], "", values)
	s.must(refusal)
	return r.id
}

func (s *Sim) catalogItem(name string) (sysID string) {
	s.transact(func() {
		for _, r := range s.tables["sc_cat_item"].shelf.all() {
			if r.get("name") == name {
				sysID = r.id
				return
			}
		}
		sysID = s.script("sc_cat_item", map[string]string{"name": name})
	})
	return sysID
}

// variable finds or makes the question of that name, of a catalog item or, with
// an empty item, of a record producer.
func (s *Sim) variable(item, name string) (sysID string) {
	for _, r := range s.tables["item_option_new"].shelf.all() {
		if r.get("name") == name && r.get("cat_item") == item {
			return r.id
		}
	}
	return s.script("item_option_new", map[string]string{"name": name, "question_text": name, "cat_item": item})
}

func (s *Sim) fillSet(requestItem, item, set string, rows []map[string]string) {
	for i, row := range rows {
		for _, name := range slices.Sorted(maps.Keys(row)) {
			s.script("sc_multi_row_question_answer", map[string]string{
				"parent_id": requestItem, "parent_table_name": "sc_req_item", "variable_set": set, "row_index": strconv.Itoa(i),
				"item_option_new": s.variable(item, name), "value": row[name],
			})
		}
	}
}
