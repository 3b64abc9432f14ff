package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/lease"
)

// story is a ledger written by hand: what happened to somebody from hire to leave.
type story struct {
	records []audit.Record
	seq     map[string]int64
	last    map[string]string
}

const nina = "00u1nina"

// tell adds a record and returns it.
func (s *story) tell(at time.Time, ticket, actor string, r audit.Record) audit.Record {
	table := "incident/"
	if strings.HasPrefix(ticket, "RITM") {
		table = "sc_req_item/"
	}
	sysID := sha256.Sum256([]byte(ticket))
	r.Stream, r.At, r.Ticket, r.Actor = table+hex.EncodeToString(sysID[:16]), at, ticket, "system:"+actor
	if s.seq == nil {
		s.seq, s.last = map[string]int64{}, map[string]string{}
	}
	s.seq[r.Stream]++
	r.Seq, r.Previous = s.seq[r.Stream], s.last[r.Stream]
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", r.Stream, r.Seq))
	r.Hash = hex.EncodeToString(sum[:])
	s.last[r.Stream] = r.Hash
	s.records = append(s.records, r)
	return r
}

// does is a change of Okta: intent and outcome.
func (s *story) does(at time.Time, ticket, actor, verb, target string, why audit.Reason) {
	c := audit.Record{Phase: audit.Intent, System: "okta", Verb: verb, Target: target, Subject: nina, Reason: why, Key: nina, Step: "GrantAccess"}
	begun := s.tell(at, ticket, actor, c)
	c.Phase, c.Intent, c.RequestID = audit.Done, begun.Seq, "req-"+begun.Hash[:8]
	s.tell(at.Add(300*time.Millisecond), ticket, actor, c)
}

func (s *story) fact(at time.Time, ticket, actor, verb, target, key string, why audit.Reason, before, after any) {
	s.tell(at, ticket, actor, audit.Record{Phase: audit.Fact, System: "lifecycle", Verb: verb, Target: target, Subject: nina, Key: key, Reason: why, Before: before, After: after})
}

// grants records a lease and, unless Okta gives it already, makes Okta give it.
func (s *story) grants(at time.Time, actor string, l lease.Lease, okta bool) lease.Lease {
	l.Subject, l.Since = nina, at
	s.fact(at, l.Ticket, actor, "lease.grant", l.Entitlement.String(), l.Key, l.Reason, nil, l)
	if okta {
		verb := "group.add"
		if l.Entitlement.Kind == App {
			verb = "app.assign"
		}
		s.does(at.Add(2*time.Second), l.Ticket, actor, verb, l.Entitlement.String(), l.Reason)
	}
	return l
}

var (
	github  = lease.Entitlement{Kind: Group, ID: "00ggithub"}
	onCall  = lease.Entitlement{Kind: Group, ID: "00goncall"}
	awsRoot = lease.Entitlement{Kind: Group, ID: "00gaws"}
	figma   = lease.Entitlement{Kind: App, ID: "0oafigma"}
)

func ninasStory() []audit.Record {
	var s story
	day := func(year, month, day, hour int) time.Time {
		return time.Date(year, time.Month(month), day, hour, 12, 0, 0, time.UTC)
	}
	birthright := func(rule, text string) audit.Reason {
		return audit.Reason{Kind: "birthright", Ref: rule, Version: "2025.3.1", Text: text}
	}
	hired := day(2025, 3, 3, 8)
	s.grants(hired, "onboarding", lease.Lease{Entitlement: github, Name: "GitHub Engineers", Key: lease.Birthright, Reason: birthright("role-engineer", "role engineer, for title Site Reliability Engineer"), Ticket: "INC0010001"}, true)
	s.grants(hired.Add(4*time.Second), "onboarding", lease.Lease{Entitlement: onCall, Name: "On-call Rotation", Key: lease.Birthright, Reason: birthright("role-sre", "role SRE, for department Engineering"), Ticket: "INC0010001"}, true)
	s.does(hired.Add(9*time.Second), "INC0010001", "onboarding", "user.activate", "user/"+nina, audit.Reason{Kind: "ticket", Ref: "INC0010001", Text: "onboarding"})

	request := audit.Reason{Kind: "request", Ref: "RITM0010188", Version: "2025.6.2", Text: "AWS administration, policy privileged: two approvals, at most 90 days"}
	asked := day(2025, 6, 16, 14)
	s.tell(asked, "RITM0010188", "accessrequest", audit.Record{Phase: audit.Fact, System: "servicenow", Verb: "approval.decision", Target: "sysapproval_approver/a1", Reason: request, After: map[string]any{"state": "approved", "approver": "u-sam", "ticket": "sc_req_item/188"}})
	l := s.grants(asked.Add(time.Minute), "accessrequest", lease.Lease{Entitlement: awsRoot, Name: "AWS Administrators", Key: "request/RITM0010188", Reason: request, Ticket: "RITM0010188", ApprovedBy: []string{"u-sam", "u-priya"}, Until: day(2025, 9, 14, 14)}, true)
	l.Until, l.Ticket = day(2025, 12, 13, 14), "RITM0010188"
	l = s.grants(day(2025, 9, 10, 9), "accessrequest", l, false)
	over := audit.Reason{Kind: "expiry", Ref: "RITM0010188", Text: "its time was over on 13 December 2025"}
	s.fact(day(2025, 12, 13, 15), "RITM0010188", "accessrequest", "lease.end", awsRoot.String(), l.Key, over, l, nil)
	s.tell(day(2025, 12, 13, 15).Add(time.Second), "RITM0010188", "accessrequest", audit.Record{Phase: audit.Failed, System: "okta", Verb: "group.remove", Target: awsRoot.String(), Subject: nina, Reason: over, Error: "Okta did not answer within 10 seconds", Uncertain: true})
	s.does(day(2025, 12, 15, 9), "RITM0010188", "accessrequest", "group.remove", awsRoot.String(), over)

	kept := audit.Reason{Kind: "exception", Ref: "INC0010090", Text: "kept by the manager's decision in INC0010090"}
	s.grants(day(2026, 1, 12, 10), "rolechange", lease.Lease{Entitlement: figma, Name: "Figma", Key: "exception/INC0010090", Reason: kept, Ticket: "INC0010090", ApprovedBy: []string{"u-sam"}}, true)

	alert := audit.Reason{Kind: "security-alert", Ref: "SIR0010007", Version: "4", Text: "password spray with one success"}
	s.does(day(2026, 8, 4, 2), "SIR0010007", "securityalert", "user.suspend", "user/"+nina, alert)
	s.does(day(2026, 8, 6, 9), "SIR0010007", "securityalert", "user.unsuspend", "user/"+nina, alert)

	left, why := day(2026, 11, 3, 17), audit.Reason{Kind: "offboarding", Ref: "INC0010144"}
	s.fact(left.Add(-time.Second), "INC0010144", "offboarding", "account.snapshot", "user/"+nina, "", why, map[string]any{
		"groups": []any{map[string]any{"id": "00gberlin", "name": "Location Berlin", "type": "OKTA_GROUP"}, map[string]any{"id": "00geveryone", "name": "Everyone", "type": "BUILT_IN"}},
		"apps":   []any{map[string]any{"app_id": "0oaslack", "label": "Slack", "scope": "GROUP"}, map[string]any{"app_id": "0oafigma", "label": "Figma", "scope": "USER"}},
		"roles":  []any{},
	}, nil)
	s.does(left, "INC0010144", "offboarding", "user.deactivate", "user/"+nina, why)
	s.does(left.Add(time.Second), "INC0010144", "offboarding", "session.clear", "user/"+nina, why)
	for i, e := range []lease.Entitlement{github, onCall, figma} {
		key := lease.Birthright
		if e == figma {
			key = "exception/INC0010090"
		}
		before := []lease.Lease{{Subject: nina, Entitlement: e, Key: key}}
		s.fact(left.Add(time.Duration(2+i)*time.Second), "INC0010144", "offboarding", lease.EndedAll, e.String(), "", why, before, nil)
	}
	s.does(left.Add(6*time.Second), "INC0010144", "offboarding", "group.remove", github.String(), why)
	s.does(left.Add(7*time.Second), "INC0010144", "offboarding", "app.unassign", figma.String(), why)
	s.does(left.Add(7500*time.Millisecond), "INC0010144", "offboarding", "group.remove", "group/00gberlin", why)
	s.does(left.Add(8*time.Second), "INC0010144", "offboarding", "group.remove", "group/00glegacy", why)
	s.tell(left.Add(9*time.Second), "INC0010144", "offboarding", audit.Record{Phase: audit.Intent, System: "okta", Verb: "group.remove", Target: onCall.String(), Subject: nina, Reason: why})
	return s.records
}

var ninasNames = map[string]string{
	"user/" + nina: "Nina Kovacs", "sys_user/u-sam": "Sam Okoro", "sys_user/u-priya": "Priya Raman", "group/00glegacy": "Legacy <Admins>",
}

func named(ref string) string { return ninasNames[ref] }

func reading(records []audit.Record) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// about are the records about Nina, as the ledger's index gives them.
func about(records []audit.Record) (list []audit.Record) {
	for _, r := range records {
		if r.Subject == nina {
			list = append(list, r)
		}
	}
	return list
}

// on are the records of one ticket.
func on(ticket string, records []audit.Record) (list []audit.Record) {
	for _, r := range records {
		if r.Ticket == ticket {
			list = append(list, r)
		}
	}
	return list
}

// intact is what verification finds of streams that nobody touched.
func intact(records []audit.Record) (list []audit.Verification) {
	at := map[string]int{}
	for _, r := range records {
		i, found := at[r.Stream]
		if !found {
			i = len(list)
			at[r.Stream] = i
			list = append(list, audit.Verification{Stream: r.Stream})
		}
		list[i].Records++
	}
	return list
}
