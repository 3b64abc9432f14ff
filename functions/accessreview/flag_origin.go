package accessreview

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/report"
)

// explain adds what the ledger knows of where a holding comes from. A finding
// that came about while the review was under way loses its flag: the access was
// about to go.
func (d *judged) explain(ctx context.Context, f *finding, kind, id string) error {
	if !d.recorded {
		for r, err := range d.ledger.BySubject(ctx, d.id) {
			if err != nil {
				return err
			}
			if ofAccess(r) {
				d.records = append(d.records, r)
			}
		}
		d.recorded = true
	}
	target := kind + "/" + id
	for _, r := range d.records {
		if r.Target != target {
			continue
		}
		switch r.Verb {
		case "lease.end", "lease.end_all":
			if r.At.After(d.review.Began.Add(-grace)) && f.flag == report.Overdue {
				f.flag = ""
				return nil
			}
			if f.flag == report.Overdue {
				f.evidence = append(f.evidence, fmt.Sprintf("The ledger says that a reason ended on %s (%s/%d).", date(r.At), r.Stream, r.Seq))
			}
		default:
			f.origin.Record = fmt.Sprintf("%s/%d", r.Stream, r.Seq)
			if f.origin.At.IsZero() {
				f.origin.At = r.At
			}
			if f.origin.Ref == "" {
				f.origin.Kind, f.origin.Ref = "request", r.Ticket
			}
		}
	}
	if f.origin.Record == "" && f.origin.Ref == "" {
		f.evidence = append(f.evidence, "The ledger has no record of who gave it: it was not given by this system.")
	}
	return nil
}

// ofAccess reports whether a record says that access was given or that a reason
// ended.
func ofAccess(r audit.Record) bool {
	switch r.Verb {
	case "lease.grant", "lease.end", "lease.end_all":
		return true
	case "group.add", "app.assign":
		return r.Phase == audit.Done
	}
	return false
}

// owners are who answers for an entitlement, by kind/id.
type owners map[string]report.Reviewer

func ownersKey(review string) string { return "reviews/" + review + "/snapshot/owners.json" }

// keepOwners finds out who the owners of the catalog's items are, once for a
// review.
func (s *Steps) keepOwners(ctx context.Context, r begun) error {
	rules, err := s.rules.of(ctx, s.store, r)
	if err != nil {
		return err
	}
	found, known := owners{}, map[string]report.Reviewer{}
	for _, item := range rules.Items() {
		at := item.Entitlement.Kind + "/" + item.Entitlement.ID
		if _, has := found[at]; has {
			continue
		}
		for _, party := range item.Owners {
			owner, err := s.ownerOf(ctx, party, known)
			if err != nil {
				return err
			}
			if owner.ID != "" {
				found[at] = owner
				break
			}
		}
	}
	content, err := json.Marshal(found)
	if err != nil {
		return &fault.Invalid{Message: "the owners of what is reviewed cannot be written", Cause: err}
	}
	return s.store.jot(ctx, ownersKey(r.ID), "application/json", content)
}

// ownerOf is the active person or the group that a party means; none when there
// is nobody.
func (s *Steps) ownerOf(ctx context.Context, p entitlement.Party, known map[string]report.Reviewer) (report.Reviewer, error) {
	switch p.Kind {
	case entitlement.Team:
		return report.Reviewer{ID: p.Ref, Name: p.Ref, As: "owner"}, nil
	case entitlement.Employee:
	default:
		return report.Reviewer{}, nil
	}
	if r, asked := known[p.Ref]; asked {
		return r, nil
	}
	found, err := s.servicenow.PersonByEmployeeNumber(ctx, p.Ref)
	if fault.Is[*fault.NotFound](err) || fault.Is[*fault.Invalid](err) || err == nil && (!found.Active || found.LockedOut) {
		known[p.Ref] = report.Reviewer{}
		return report.Reviewer{}, nil
	}
	if err != nil {
		return report.Reviewer{}, err
	}
	name, err := s.servicenow.PersonName(ctx, found.SysID)
	if err != nil {
		return report.Reviewer{}, err
	}
	if strings.TrimSpace(name) == "" {
		name = found.UserName
	}
	known[p.Ref] = report.Reviewer{ID: found.SysID, Name: name, As: "owner"}
	return known[p.Ref], nil
}

func (s *Store) owners(ctx context.Context, review string) (owners, error) {
	content, err := s.read(ctx, ownersKey(review))
	if err != nil {
		return nil, err
	}
	var o owners
	if err := json.Unmarshal(content, &o); err != nil {
		return nil, &fault.Conflict{Message: s.place(ownersKey(review)) + " is damaged", Cause: err}
	}
	return o, nil
}

// reviewer is who decides about a finding: the security team about accounts and
// administrators, the owner about how an app is assigned, the manager about the
// rest. Nobody decides about their own access.
func (d *judged) reviewer(f finding) report.Reviewer {
	security := report.Reviewer{ID: d.settings.SecurityGroup, Name: d.settings.SecurityGroup, As: "security"}
	manager, hasManager := d.manager()
	owner, hasOwner := d.owners[f.holding.Kind+"/"+f.holding.ID]
	hasOwner = hasOwner && (d.link == nil || owner.ID != d.link.Record)
	switch {
	case f.flag == report.Orphan, f.flag == report.Leaver, f.flag == report.Incompatible, f.flag == report.AdminRole:
		return security
	case f.flag == report.DirectAssignment && hasOwner:
		return owner
	case hasManager:
		return manager
	case hasOwner:
		return owner
	}
	return report.Reviewer{ID: d.settings.FallbackGroup, Name: d.settings.FallbackGroup, As: "fallback"}
}

// manager is the person's, where there is an active one.
func (d *judged) manager() (report.Reviewer, bool) {
	if d.link == nil || d.link.Manager == nil || !d.link.Manager.Active || d.link.Manager.SysID == d.link.Record {
		return report.Reviewer{}, false
	}
	m := d.link.Manager
	return report.Reviewer{ID: m.SysID, Name: m.Name, As: "manager"}, true
}
