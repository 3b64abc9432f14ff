package accessreview

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lifecycle/shared/audit"
	"lifecycle/shared/entitlement"
	"lifecycle/shared/lease"
	"lifecycle/shared/okta"
	"lifecycle/shared/report"
	"lifecycle/shared/servicenow"
)

// rulesDocument gives Engineering to engineers by rule, Production and the two
// sides of payments on request; Tools is a managed app.
const rulesDocument = `{
	"version": "test", "description": "For tests of the review.", "values": {"department": ["Engineering"]},
	"groups": {"Staff": "00gstaff000000000000", "Engineering": "00geng00000000000000", "Production": "00gprod0000000000000", "Enters": "00genters00000000000", "Releases": "00greleases000000000", "Small": "00gsmall000000000000"},
	"apps": {"Tools": "0oatools000000000000"},
	"roles": {"staff": {"description": "everybody", "groups": ["Staff"]}, "engineer": {"description": "engineers", "groups": ["Engineering"]}},
	"baseline": {"employeeType": {"employee": ["staff"]}},
	"tables": [{"name": "department", "description": "departments", "columns": ["department"], "complete": true, "rows": [{"department": "Engineering", "gives": ["engineer"]}]}],
	"catalog": {
		"Production": {"description": "production", "group": "Production", "risk": "high", "owners": ["group:Platform"], "approval": "manager", "longest": "90d"},
		"Enters": {"description": "invoices", "group": "Enters", "risk": "high", "approval": "manager"},
		"Releases": {"description": "payments", "group": "Releases", "risk": "high", "approval": "manager"},
		"Small": {"description": "harmless", "group": "Small", "risk": "low", "approval": "manager"},
		"Tools": {"description": "tools", "app": "Tools", "risk": "medium", "approval": "manager"}
	},
	"incompatible": [{"name": "payments", "between": [{"group": "Enters"}, {"group": "Releases"}], "reason": "nobody pays their own invoice"}],
	"protected": {"users": [{"id": "00uprotected00000000", "reason": "the last way in"}]},
	"approvalPolicies": {"manager": {"description": "the manager decides", "stages": [{"name": "manager", "approvers": ["manager"], "expire": "14d"}]}}
}`

var began = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func before(days int) time.Time { return began.AddDate(0, 0, -days) }

// recorded is a ledger that holds these records of everybody.
type recorded []audit.Record

func (r recorded) BySubject(context.Context, string) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for _, one := range r {
			if !yield(one, nil) {
				return
			}
		}
	}
}

func testJudge(t *testing.T, scope Scope, records ...audit.Record) *judge {
	t.Helper()
	rules, err := entitlement.Load([]byte(rulesDocument))
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{
		review: begun{ID: "r1", Began: began, Scope: scope}, rules: rules, ledger: recorded(records), pairs: rules.Pairs(),
		settings: Settings{DormantDays: 90, SecurityGroup: "Security", FallbackGroup: "Fallback"},
		owners:   owners{"group/00gprod0000000000000": {ID: "Platform", Name: "Platform", As: "owner"}},
		items:    map[string]entitlement.Item{}, names: map[string]string{"00geng00000000000000": "Engineering", "00gcarrier0000000000": "Carrier"},
		carriers: map[string][]string{"0oawiki0000000000000": {"00gcarrier0000000000"}},
	}
	for _, i := range rules.Items() {
		j.items[i.Entitlement.Kind+"/"+i.Entitlement.ID] = i
	}
	return j
}

// inOrder is somebody about whom nothing is to be said.
func inOrder() *person {
	return &person{
		id: "u1",
		account: &account{
			ID: "u1", Status: okta.Active, Login: "ada@example.com", Name: "Ada", Department: "Engineering", Title: "Engineer", EmployeeType: "employee", Number: "E1",
			Created: before(800), Activated: before(800), LastSignIn: before(1),
		},
		link: &link{Account: "u1", Record: "s1", Active: true, Manager: &servicenow.Manager{SysID: "m1", Name: "Mona", UserName: "mona", Active: true}},
		held: []held{member("00gstaff000000000000", "Staff"), member("00geng00000000000000", "Engineering"), member("00gother000000000000", "Other")},
	}
}

func member(id, name string) held {
	return held{User: "u1", Kind: report.Group, ID: id, Name: name, Type: okta.GroupTypeOkta}
}

func has(id, name, scope, via string) held {
	return held{User: "u1", Kind: report.App, ID: id, Name: name, Scope: scope, Via: via, At: before(30)}
}

func lent(id string, since, until time.Time) registered {
	l := lease.Lease{
		Subject: "u1", Entitlement: lease.Entitlement{Kind: "group", ID: id}, Name: "lent", Key: "request/RITM7", Ticket: "RITM7", Since: since, Until: until,
		Reason: audit.Reason{Kind: "request", Ref: "RITM7"}, ApprovedBy: []string{"boss"},
	}
	return registered{User: "u1", Held: l.Entitlement, Leases: []lease.Lease{l}}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		change  func(p *person)
		scope   Scope
		records []audit.Record
		// want is flag, risk, holding, suggested answer and reviewer of each finding.
		want []string
		// says are parts that the evidence has to have.
		says []string
	}{
		{name: "nothing is said of somebody in order", change: func(*person) {}},
		{
			name: "access that nothing gives", change: func(p *person) { p.held = append(p.held, member("00gprod0000000000000", "Production")) },
			want: []string{"unapproved critical Production revoke m1"},
			says: []string{"No rule of version test", "Engineer in Engineering", "The register of access holds no reason", "No closed request", "not given by this system"},
		},
		{
			name: "who gave it stands in the ledger", change: func(p *person) { p.held = append(p.held, member("00gsmall000000000000", "Small")) },
			records: []audit.Record{{Verb: "group.add", Target: "group/00gsmall000000000000", Phase: audit.Done, Stream: "incident/1", Seq: 4, Ticket: "INC1", At: before(10)}},
			want:    []string{"unapproved medium Small revoke m1"},
		},
		{
			name: "a lease gives it", change: func(p *person) {
				p.held, p.registered = append(p.held, member("00gprod0000000000000", "Production")), []registered{lent("00gprod0000000000000", before(5), began.AddDate(0, 0, 5))}
			},
		},
		{
			name: "a lease that ended", change: func(p *person) {
				p.held, p.registered = append(p.held, member("00gprod0000000000000", "Production")), []registered{lent("00gprod0000000000000", before(95), before(5))}
			},
			want: []string{"overdue high Production revoke m1"}, says: []string{"until 2026-02-25", "request/RITM7"},
		},
		{
			name: "a lease that ended minutes ago is about to be carried out", change: func(p *person) {
				p.held, p.registered = append(p.held, member("00gprod0000000000000", "Production")), []registered{lent("00gprod0000000000000", before(95), began.Add(-10*time.Minute))}
			},
		},
		{
			name: "a lease that was taken away", change: func(p *person) {
				p.held, p.registered = append(p.held, member("00gsmall000000000000", "Small")), []registered{{User: "u1", Held: lease.Entitlement{Kind: "group", ID: "00gsmall000000000000"}}}
				p.link.Requests = []request{{Number: "RITM8", Item: "Small", Closed: before(50)}}
			},
			records: []audit.Record{{Verb: "lease.end", Target: "group/00gsmall000000000000", Stream: "incident/9", Seq: 2, At: before(3)}},
			want:    []string{"overdue medium Small revoke m1"}, says: []string{"holds no reason for it any more", "incident/9/2"},
		},
		{
			name: "a lease that ended while the review was under way", change: func(p *person) {
				p.held, p.registered = append(p.held, member("00gsmall000000000000", "Small")), []registered{{User: "u1", Held: lease.Entitlement{Kind: "group", ID: "00gsmall000000000000"}}}
			},
			records: []audit.Record{{Verb: "lease.end", Target: "group/00gsmall000000000000", Stream: "incident/9", Seq: 2, At: began.Add(time.Minute)}},
		},
		{
			name: "a closed request gives it", change: func(p *person) {
				p.held, p.link.Requests = append(p.held, member("00gsmall000000000000", "Small")), []request{{Number: "RITM8", Item: "small", Closed: before(500)}}
			},
		},
		{
			name: "a closed request gives it no longer than the catalog allows", change: func(p *person) {
				p.held, p.link.Requests = append(p.held, member("00gprod0000000000000", "Production")), []request{{Number: "RITM8", Item: "Production", Closed: before(100)}}
			},
			want: []string{"overdue high Production revoke m1"}, says: []string{"RITM8 gave it until"},
		},
		{
			name: "nobody in ServiceNow", change: func(p *person) { p.link = &link{Account: "u1"} },
			want: []string{"orphan high Okta account revoke Security"}, says: []string{"employee number is E1", "no person with this number"},
		},
		{name: "an account made today may be on its way", change: func(p *person) { p.link, p.account.Created = nil, began.Add(-time.Hour) }},
		{
			name: "inactive in ServiceNow, with much in hand", change: func(p *person) {
				p.link.Active = false
				p.held = append(p.held, held{User: "u1", Kind: report.Role, ID: "r1", Name: "Super Administrator", Type: okta.SuperAdmin})
			},
			want: []string{"orphan critical Okta account revoke Security", "admin-role high Super Administrator  Security"},
			says: []string{"s1 of the person is inactive", "administrator role or an entitlement of high risk"},
		},
		{name: "suspended, and inactive in ServiceNow", change: func(p *person) { p.link.Active, p.account.Status = false, okta.Suspended }, want: []string{"leaver high Okta account revoke Security"}},
		{name: "two active records", change: func(p *person) { p.link.Doubles = []string{"s2"} }, want: []string{"orphan medium Okta account  Security"}, says: []string{"s1 and s2"}},
		{
			name: "a leaver with something left", change: func(p *person) {
				p.account.Status = okta.Deprovisioned
				p.held = []held{member("00gother000000000000", "Other"), {User: "u1", Kind: report.Role, ID: "r1", Name: "Help Desk Administrator"}}
				p.registered = []registered{lent("00gprod0000000000000", before(5), time.Time{})}
			},
			want: []string{"leaver high Other revoke Security", "leaver critical Help Desk Administrator revoke Security", "leaver medium lent revoke Security"},
		},
		{name: "a leaver with nothing left", change: func(p *person) { p.account.Status, p.held, p.link.Active = okta.Deprovisioned, nil, false }},
		{name: "not used for long", change: func(p *person) { p.account.LastSignIn = before(91) }, want: []string{"dormant low Okta account revoke m1"}, says: []string{"91 days before the review; the policy allows 90"}},
		{name: "used within the time", change: func(p *person) { p.account.LastSignIn = before(89) }},
		{name: "never used", change: func(p *person) { p.account.LastSignIn = time.Time{} }, want: []string{"dormant low Okta account revoke m1"}, says: []string{"Nobody has ever signed in"}},
		{
			name: "what must not be together", change: func(p *person) {
				p.held = append(p.held, member("00genters00000000000", "Enters"), member("00greleases000000000", "Releases"))
				p.registered = []registered{lent("00genters00000000000", before(9), time.Time{}), lent("00greleases000000000", before(8), time.Time{})}
			},
			want: []string{"incompatible high Releases revoke Security"}, says: []string{"both “Enters” and “Releases”", "nobody pays their own invoice"},
		},
		{
			name: "an app given by hand that a group carries", change: func(p *person) { p.held = append(p.held, has("0oawiki0000000000000", "Wiki", okta.ScopeUser, "")) },
			want: []string{"direct-assignment low Wiki  m1"}, says: []string{"through the group “Carrier”", "since 2026-01-31"},
		},
		{
			name: "an app given by hand besides the group", change: func(p *person) {
				p.held = append(p.held, has("0oawiki0000000000000", "Wiki", okta.ScopeUser, ""), member("00gcarrier0000000000", "Carrier"))
			},
			want: []string{"direct-assignment low Wiki revoke m1"},
		},
		{name: "an app through its group", change: func(p *person) {
			p.held = append(p.held, has("0oawiki0000000000000", "Wiki", okta.ScopeGroup, "00gcarrier0000000000"))
		}},
		{name: "an app that no group carries", change: func(p *person) { p.held = append(p.held, has("0oaown00000000000000", "Own", okta.ScopeUser, "")) }},
		{name: "a managed app that nothing gives", change: func(p *person) { p.held = append(p.held, has("0oatools000000000000", "Tools", okta.ScopeUser, "")) }, want: []string{"unapproved high Tools revoke m1"}},
		{name: "approved and not there", change: func(p *person) { p.registered = []registered{lent("00gprod0000000000000", before(3), time.Time{})} }, want: []string{"not-delivered low lent  m1"}, says: []string{"approved on 2026-02-27 (request RITM7)"}},
		{name: "approved an hour ago", change: func(p *person) {
			p.registered = []registered{lent("00gprod0000000000000", began.Add(-time.Minute), time.Time{})}
		}},
		{name: "requested, closed, and not there", change: func(p *person) { p.link.Requests = []request{{Number: "RITM9", Item: "Small", Closed: before(4)}} }, want: []string{"not-delivered low Small  m1"}},
		{
			name: "a protected account is named as such, and neither orphan nor dormant", change: func(p *person) {
				p.id, p.account.ID, p.link, p.account.LastSignIn = "00uprotected00000000", "00uprotected00000000", nil, before(400)
				p.held = append(p.held, member("00gprod0000000000000", "Production"))
			},
			want: []string{"unapproved critical Production  Platform"}, says: []string{"protected: the last way in"},
		},
		{name: "who has no manager is put before the owner", change: func(p *person) {
			p.link.Manager, p.held = nil, append(p.held, member("00gprod0000000000000", "Production"))
		}, want: []string{"unapproved critical Production revoke Platform"}},
		{name: "or before the fallback group", change: func(p *person) {
			p.link.Manager.Active, p.held = false, append(p.held, member("00gsmall000000000000", "Small"))
		}, want: []string{"unapproved medium Small revoke Fallback"}},
		{name: "nobody decides about their own access", change: func(p *person) {
			p.link.Manager.SysID, p.held = "s1", append(p.held, member("00gsmall000000000000", "Small"))
		}, want: []string{"unapproved medium Small revoke Fallback"}},
		{name: "another department is not looked at", scope: Scope{Departments: []string{"Sales"}}, change: func(p *person) { p.held = append(p.held, member("00gprod0000000000000", "Production")) }},
		{name: "risk below the scope's is left out", scope: Scope{Risk: report.High}, change: func(p *person) { p.held = append(p.held, member("00gsmall000000000000", "Small")) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := inOrder()
			test.change(p)
			p.tidy()
			found, reviewers, err := testJudge(t, test.scope, test.records...).findings(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			var evidence strings.Builder
			for _, f := range found {
				got = append(got, strings.Join([]string{string(f.Flag), string(f.Risk), f.Holding.Name, string(f.Suggested), f.Reviewer}, " "))
				evidence.WriteString(strings.Join(f.Evidence, "\n") + "\n")
				if f.Why == "" || len(f.Evidence) == 0 || reviewers[f.Reviewer].As == "" || f.Standing != report.New || !f.Since.Equal(began) {
					t.Errorf("%+v", f)
				}
			}
			slices.Sort(got)
			slices.Sort(test.want)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
			for _, part := range test.says {
				if !strings.Contains(evidence.String(), part) {
					t.Errorf("the evidence does not say %q:\n%s", part, evidence.String())
				}
			}
		})
	}
}
