package largeorg

import "encoding/json"

// Rules are the org's entitlement rules: everybody has the first group, every
// department one of its own, and the next ones are given on request.
func (o *Org) Rules() []byte {
	type object = map[string]any
	groups, roles := object{}, object{"employee": object{"description": "everybody", "groups": []string{groupName(everybody)}}}
	for g := range unmanaged {
		groups[groupName(g)] = groupID(g)
	}
	var rows []object
	names := []string{}
	for d := range departments {
		names = append(names, deptName(d))
		roles[deptName(d)] = object{"description": "the department's own", "groups": []string{groupName(department + d)}}
		rows = append(rows, object{"department": deptName(d), "gives": []string{deptName(d)}})
	}
	catalog := object{}
	for g := licence; g < unmanaged; g++ {
		risk := "medium"
		if g == enters || g == releases {
			risk = "high"
		}
		catalog[item(g)] = object{"description": "on request", "group": groupName(g), "risk": risk, "approval": "manager"}
	}
	rules, err := json.Marshal(object{
		"version": "large", "description": "The rules of a large org.", "values": object{"department": names}, "groups": groups, "apps": object{}, "roles": roles,
		"baseline": object{"employeeType": object{"employee": []string{"employee"}}},
		"tables":   []object{{"name": "department", "description": "Every department's own group.", "columns": []string{"department"}, "complete": true, "rows": rows}},
		"catalog":  catalog,
		"incompatible": []object{{
			"name": "payments", "between": []object{{"group": groupName(enters)}, {"group": groupName(releases)}}, "reason": "whoever enters invoices must not release their payment",
		}},
		"approvalPolicies": object{"manager": object{"description": "The manager decides", "stages": []object{{"name": "manager", "approvers": []string{"manager"}, "expire": "14d"}}}},
	})
	if err != nil {
		panic("largeorg: " + err.Error()) // it is made of maps and texts
	}
	return rules
}

// item is the name under which a group is asked for.
func item(group int) string { return "Access to " + groupName(group) }
