package entitlements

import (
	"context"
	"fmt"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/okta"
	"lifecycle/shared/ratelimit"
)

// atOnce is how many people's leases are read at the same time.
const atOnce = 16

// WhatIf tells what would happen if the candidate took the place of the rules in
// force, over all people who are not deactivated. request tells one question from
// the next; visit, when not nil, is told each person's change.
//
// A group whose members are protected protects, here, those whom the catalog or
// an exception put into it: reading every membership of every person would take
// hours.
func (s *Service) WhatIf(ctx context.Context, request string, candidate *entitlement.Rules, visit func(entitlement.Change) error) (entitlement.Summary, error) {
	current, err := s.rules.Rules(ctx)
	if err != nil {
		return entitlement.Summary{}, err
	}
	return entitlement.WhatIf(current, candidate, s.people(ctx, request), visit)
}

// people reads everybody, a page at a time.
func (s *Service) people(ctx context.Context, request string) iter.Seq2[entitlement.Person, error] {
	return func(yield func(entitlement.Person, error) bool) {
		after := ""
		for n := 0; ; n++ {
			calls := okta.NewCalls().Add("GET", "/api/v1/users", 1)
			if err := s.seat(ctx, ratelimit.Bulk, fmt.Sprintf("what-if/%s/%d", request, n), calls); err != nil {
				yield(entitlement.Person{}, err)
				return
			}
			page, err := s.okta.UserPage(ctx, false, after)
			if err != nil {
				yield(entitlement.Person{}, err)
				return
			}
			people, err := s.persons(ctx, page.Users)
			if err != nil {
				yield(entitlement.Person{}, err)
				return
			}
			for _, p := range people {
				if !yield(p, nil) {
					return
				}
			}
			if after = page.Next; after == "" {
				return
			}
		}
	}
}

// persons adds to each account what it holds by exception.
func (s *Service) persons(ctx context.Context, users []okta.User) ([]entitlement.Person, error) {
	people := make([]entitlement.Person, len(users))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, u := range users {
		group.Go(func() error {
			holdings, err := s.leases.Of(ctx, u.ID)
			people[i] = entitlement.Person{ID: u.ID, Profile: profileOf(u)}
			for _, h := range holdings {
				if len(exceptional(h, time.Now())) > 0 {
					people[i].Held = append(people[i].Held, h.Entitlement.ID)
				}
			}
			return err
		})
	}
	return people, group.Wait()
}
