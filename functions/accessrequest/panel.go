package accessrequest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"lifecycle/shared/approval"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/servicenow"
)

// panel seats those who decide in a stage as things stand now. A missing or
// inactive approver is replaced by the next in line, the manager above, and in
// the end by the fallback group; nobody sits whom the request concerns. Once it
// is escalated the managers of those who sit join them.
func (s *Steps) panel(ctx context.Context, one entitlement.Stage, item entitlement.Item, r request, escalated bool) ([]approval.Seat, error) {
	o := &organisation{steps: s, concerned: r.concerned(), people: map[string]servicenow.Person{}}
	seats := make([]approval.Seat, 0, len(one.Approvers))
	for _, party := range one.Approvers {
		seat, err := o.seat(ctx, party, item, r)
		if err == nil && len(seat.People) == 0 {
			seat.People, err = o.members(ctx, s.settings.FallbackGroup)
		}
		if err != nil {
			return nil, err
		}
		seats = append(seats, seat)
	}
	if one.Need == entitlement.All {
		apart(seats)
	}
	if !escalated {
		return seats, nil
	}
	for i := range seats {
		for _, p := range slices.Clone(seats[i].People) {
			above, err := o.above(ctx, p)
			if err != nil {
				return nil, err
			}
			if above != "" && !slices.Contains(seats[i].People, above) {
				seats[i].People = append(seats[i].People, above)
			}
		}
	}
	return seats, nil
}

// apart seats nobody twice as long as there is somebody else for the seat: where
// all have to agree, it is to be several people. Small seats choose first.
func apart(seats []approval.Seat) {
	order := make([]int, len(seats))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(len(seats[a].People), len(seats[b].People)) })
	var seated []string
	for _, i := range order {
		others := slices.DeleteFunc(slices.Clone(seats[i].People), func(p string) bool { return slices.Contains(seated, p) })
		if len(others) > 0 {
			seats[i].People = others
		}
		seated = append(seated, seats[i].People...)
	}
}

// organisation looks up who is whose manager, each person once.
type organisation struct {
	steps     *Steps
	concerned []string
	people    map[string]servicenow.Person
}

func (o *organisation) seat(ctx context.Context, party entitlement.Party, item entitlement.Item, r request) (approval.Seat, error) {
	switch party.Kind {
	case entitlement.Manager:
		first, err := o.first(ctx, r.For.Manager)
		return approval.Seat{Name: "manager", People: first}, err
	case entitlement.Owner:
		people, err := o.owners(ctx, item)
		return approval.Seat{Name: "owner", People: people}, err
	case entitlement.Employee:
		sysID, err := o.numbered(ctx, party.Ref)
		if err != nil {
			return approval.Seat{}, err
		}
		first, err := o.first(ctx, sysID)
		return approval.Seat{Name: "employee " + party.Ref, People: first}, err
	case entitlement.Team:
		people, err := o.members(ctx, party.Ref)
		return approval.Seat{Name: party.Ref, People: people}, err
	}
	return approval.Seat{}, &fault.Invalid{Message: fmt.Sprintf("the approval policy %q asks a %q, which is not known here", item.Policy.Name, party.Kind)}
}

// owners are all owners of the item who may decide, and only where there is none
// the next in line of each.
func (o *organisation) owners(ctx context.Context, item entitlement.Item) ([]string, error) {
	var able, next []string
	for _, owner := range item.Owners {
		if owner.Kind == entitlement.Team {
			people, err := o.members(ctx, owner.Ref)
			if err != nil && !fault.Is[*fault.NotFound](err) {
				return nil, err
			}
			able = append(able, people...)
			continue
		}
		sysID, err := o.numbered(ctx, owner.Ref)
		if err != nil {
			return nil, err
		}
		first, err := o.first(ctx, sysID)
		if err != nil {
			return nil, err
		}
		if slices.Contains(first, sysID) {
			able = append(able, sysID)
		} else {
			next = append(next, first...)
		}
	}
	if len(able) == 0 {
		able = next
	}
	slices.Sort(able)
	return slices.Compact(able), nil
}

// members of a group who may decide.
func (o *organisation) members(ctx context.Context, group string) ([]string, error) {
	id, err := o.steps.servicenow.GroupSysID(ctx, group)
	if err != nil {
		return nil, err
	}
	people, err := o.steps.servicenow.GroupMembers(ctx, id)
	return slices.DeleteFunc(people, func(p string) bool { return slices.Contains(o.concerned, p) }), err
}

// numbered is the sys_id of the person with that employee number; empty when
// there is nobody, or not only one.
func (o *organisation) numbered(ctx context.Context, number string) (string, error) {
	p, err := o.steps.servicenow.PersonByEmployeeNumber(ctx, number)
	if fault.Is[*fault.NotFound](err) || fault.Is[*fault.Invalid](err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	o.people[p.SysID] = p
	return p.SysID, nil
}

// farthest is how many managers are gone up.
const farthest = 10

// first is the person, or the next in line above who may decide; nobody when
// there is none.
func (o *organisation) first(ctx context.Context, sysID string) ([]string, error) {
	for range farthest {
		p, known, err := o.person(ctx, sysID)
		if err != nil || !known {
			return nil, err
		}
		if p.Active && !p.LockedOut && !slices.Contains(o.concerned, p.SysID) {
			return []string{p.SysID}, nil
		}
		sysID = p.Manager
	}
	return nil, nil
}

// above is the next in line above a person; empty when there is nobody.
func (o *organisation) above(ctx context.Context, sysID string) (string, error) {
	p, known, err := o.person(ctx, sysID)
	if err != nil || !known {
		return "", err
	}
	first, err := o.first(ctx, p.Manager)
	if err != nil || len(first) == 0 {
		return "", err
	}
	return first[0], nil
}

func (o *organisation) person(ctx context.Context, sysID string) (p servicenow.Person, known bool, err error) {
	if sysID == "" {
		return p, false, nil
	}
	if p, known = o.people[sysID]; known {
		return p, true, nil
	}
	p, err = o.steps.servicenow.PersonBySysID(ctx, sysID)
	if fault.Is[*fault.NotFound](err) {
		return p, false, nil
	}
	if err == nil {
		o.people[sysID] = p
	}
	return p, err == nil, err
}
