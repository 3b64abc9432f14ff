package statesync

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// finding is something that differs.
type finding struct {
	Kind Kind `json:"kind"`
	// OktaID and SysID name the two records, as far as there are two.
	OktaID string `json:"okta,omitempty"`
	SysID  string `json:"user,omitempty"`
	// Detail names what differs, never the values.
	Detail string `json:"detail,omitempty"`
	// Repair says that policy allows to mend it and that there is a value to mend
	// it with.
	Repair bool `json:"repair,omitempty"`
	// Outcome is what came of that; empty: nothing yet.
	Outcome string `json:"outcome,omitempty"`
}

// match finds the two records of each person on a pile, in round 1 by employee
// number and in round 2 by address. left are those that found no partner.
func match(pile []record, round int, policy Policy) (found []finding, left []record) {
	groups := map[string][]record{}
	for _, r := range pile {
		key := r.Number
		if round == 2 {
			key = r.Email
		}
		if key == "" {
			left = append(left, r)
			continue
		}
		groups[key] = append(groups[key], r)
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		f, l := matchGroup(groups[key], policy)
		found, left = append(found, f...), append(left, l...)
	}
	return found, left
}

// matchGroup looks at the records that carry the same number or address.
func matchGroup(group []record, policy Policy) (found []finding, left []record) {
	accounts, users := split(group)
	account, doubleAccount := single(accounts, DuplicateInOkta)
	user, doubleUser := single(users, DuplicateInServiceNow)
	found = append(found, doubleAccount...)
	found = append(found, doubleUser...)
	switch {
	case len(found) > 0: // who is meant is for people to say
		return found, nil
	case account == nil:
		return nil, []record{*user}
	case user == nil:
		return nil, []record{*account}
	case account.Number != "" && user.Number != "" && account.Number != user.Number:
		return nil, []record{*account, *user} // an address that was given to somebody else
	}
	return differences(*account, *user, policy), nil
}

func split(group []record) (accounts, users []record) {
	slices.SortFunc(group, func(a, b record) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range group {
		if r.Account {
			accounts = append(accounts, r)
		} else {
			users = append(users, r)
		}
	}
	return accounts, users
}

// single is the record that counts among several of one side: the one in use. A
// person may have had others before.
func single(records []record, kind Kind) (*record, []finding) {
	var used []record
	for _, r := range records {
		if r.Used {
			used = append(used, r)
		}
	}
	switch {
	case len(records) == 0:
		return nil, nil
	case len(used) == 0:
		return &records[0], nil
	case len(used) == 1:
		return &used[0], nil
	}
	f := finding{Kind: kind}
	var others []string
	for _, r := range used[1:] {
		others = append(others, r.ID)
	}
	if f.Detail = "the same person as " + strings.Join(others, ", "); used[0].Account {
		f.OktaID = used[0].ID
	} else {
		f.SysID = used[0].ID
	}
	return nil, []finding{f}
}

// differences compares the two records of one person.
func differences(account, user record, policy Policy) []finding {
	found := func(kind Kind, detail string, possible bool) finding {
		return finding{Kind: kind, OktaID: account.ID, SysID: user.ID, Detail: detail, Repair: possible && slices.Contains(policy.Repair, kind)}
	}
	flags := policy.owner(activeFlag) == Okta
	switch {
	case !account.Used && user.Used:
		return []finding{found(InactiveInOkta, "", flags)}
	case account.Used && !user.Used && account.Settled:
		return []finding{found(InactiveInServiceNow, "", flags)}
	case !account.Used || !user.Used:
		return nil // has left, on both sides
	}
	var list []finding
	if owner := policy.owner(lockedFlag); owner != Ignore && account.Settled && account.Locked != user.Locked {
		list = append(list, found(Locked, "", owner == Okta))
	}
	var mendable, others []string
	for i, a := range attributes {
		if account.Values[i] == user.Values[i] {
			continue
		}
		owner := policy.owner(a.name)
		if owner == Okta && account.Values[i] != "" || owner == ServiceNow && user.Values[i] != "" {
			mendable = append(mendable, a.name)
		} else {
			others = append(others, a.name)
		}
	}
	if len(mendable) > 0 {
		list = append(list, found(Attributes, strings.Join(mendable, " "), true))
	}
	if len(others) > 0 {
		list = append(list, found(Attributes, strings.Join(others, " "), false))
	}
	return list
}

// alone is what is to be said of a record without a partner.
func alone(r record) []finding {
	switch {
	case !r.Used || r.Young:
		return nil
	case r.Account:
		return []finding{{Kind: MissingInServiceNow, OktaID: r.ID}}
	}
	return []finding{{Kind: MissingInOkta, SysID: r.ID}}
}
