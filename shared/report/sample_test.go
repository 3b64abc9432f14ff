package report

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// The sample review of the tests: a company of 1,204 people, whatever somebody would have to look
// at, and names that a careless page would trip over.

func at(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

// someName is a person with a name, a title and a department.
type someName struct{ name, login, title, department string }

var people = []someName{
	{"Nina Kovacs", "nina.kovacs", "Site Reliability Engineer", "Engineering"},
	{"Jonas Lindgren", "jonas.lindgren", "Controller", "Finance"},
	{"Aoife O’Brien", "aoife.obrien", "Account Executive", "Sales"},
	{"Rosa Martín Díaz", "rosa.martin", "People Partner", "People"},
	{"Henk van 't Hof", "henk.vanthof", "Platform Engineer", "Engineering"},
	{"山田 花子", "hanako.yamada", "Data Analyst", "Finance"},
	{"Kwame Asante", "kwame.asante", "Support Lead", "Customer Care"},
	{"Lea <b>Roth</b>", "lea.roth", "Contractor", "Engineering"},
	{"=HYPERLINK(\"http://evil.example\",\"Click\")", "mallory", "Intern", "Sales"},
	{"Tomasz Wiśniewski", "tomasz.wisniewski", "Database Administrator", "Engineering"},
	{"Priya Raman", "priya.raman", "Treasury Manager", "Finance"},
	{"Old Service Account", "svc-legacy", "", ""},
}

// kindOfFinding is a template for findings of one flag.
type kindOfFinding struct {
	flag      Flag
	risk      Risk
	holding   Holding
	origin    Origin
	evidence  []string
	suggested Answer
	why       string
	reviewer  string
	dormant   bool
}

var sampleKinds = []kindOfFinding{
	{Leaver, Critical, Holding{Group, "00gprod", "Production Operators", "", "critical"}, Origin{Kind: "request", Ref: "RITM0010188", ApprovedBy: "Marta Silva", At: at(2, 9).AddDate(0, -8, 0), Record: "sc_req_item/9f1c/14"},
		[]string{"Okta: DEPROVISIONED since 3 November 2026.", "The group still lists the account."}, Revoke, "A former employee holds nothing.", "security", true},
	{Incompatible, Critical, Holding{Group, "00gpay", "Payments Release", "", "high"}, Origin{Kind: "request", Ref: "RITM0010204", ApprovedBy: "Priya Raman", At: at(12, 10).AddDate(0, -2, 0), Until: at(12, 10).AddDate(0, 4, 0), Record: "sc_req_item/aa07/9"},
		[]string{"Also holds Payments Entry; rule sod-payments forbids both for one person."}, Revoke, "One of the two has to go.", "mgr-finance", false},
	{Orphan, Critical, Holding{Account, "00uorphan", "Okta account", "", ""}, Origin{Kind: "unknown"},
		[]string{"Active in Okta; ServiceNow has no user with this employee number or login."}, None, "Nobody answers for this account.", "security", true},
	{AdminRole, High, Holding{Role, "ORG_ADMIN", "Organization Administrator", "", ""}, Origin{Kind: "unknown"},
		[]string{"Held in person, not through a group.", "The policy allows this role to two people."}, None, "", "security", false},
	{Unapproved, High, Holding{Group, "00gaws", "AWS Administrators", "", "high"}, Origin{Kind: "unknown"},
		[]string{"No rule gives it to this title and department.", "No closed request item of the catalog names it."}, Revoke, "Nothing explains it.", "mgr-eng", false},
	{Overdue, High, Holding{App, "0oasnow", "Snowflake", "", "medium"}, Origin{Kind: "exception", Ref: "INC0010077", ApprovedBy: "Sam Okoro", At: at(1, 8).AddDate(0, -7, 0), Until: at(1, 8).AddDate(0, -1, 0), Record: "incident/77b0/31"},
		[]string{"Its last reason ended on 1 October 2026."}, Revoke, "Its time is over.", "owner-data", false},
	{Dormant, Medium, Holding{App, "0oasales", "Salesforce", "Sales Everyone", "medium"}, Origin{Kind: "birthright", Ref: "sales-base", At: at(4, 9).AddDate(-1, 0, 0), Record: "incident/31aa/7"},
		[]string{"No sign-in for more than 90 days."}, Revoke, "Reclaims a licence.", "mgr-sales", true},
	{DirectAssignment, Medium, Holding{App, "0oajira", "Jira", "", "low"}, Origin{Kind: "request", Ref: "RITM0010420", ApprovedBy: "Kwame Asante", At: at(20, 15).AddDate(0, -1, 0), Record: "sc_req_item/be11/8"},
		[]string{"Given to the person; the group Jira Users gives the same app."}, Keep, "Move it to the group.", "owner-it", false},
	{NotDelivered, Low, Holding{Group, "00gwiki", "Handbook Editors", "", "low"}, Origin{Kind: "request", Ref: "RITM0010511", ApprovedBy: "Rosa Martín Díaz", At: at(18, 12), Record: "sc_req_item/c0de/5"},
		[]string{"Approved on 18 November 2026; Okta does not list it."}, None, "Deliver it or close the request.", "mgr-people", false},
}

var sampleReviewers = []Reviewer{
	{ID: "security", Name: "Security Operations", As: "security", Task: "TASK0020001"},
	{ID: "mgr-finance", Name: "Priya Raman", As: "manager", Task: "TASK0020002"},
	{ID: "mgr-eng", Name: "Sam Okoro", As: "manager", Task: "TASK0020003"},
	{ID: "owner-data", Name: "Data Platform", As: "owner", Task: "TASK0020004"},
	{ID: "mgr-sales", Name: "Marta Silva", As: "manager", Task: "TASK0020005"},
	{ID: "owner-it", Name: "Workplace IT", As: "owner", Task: "TASK0020006"},
	{ID: "mgr-people", Name: "Rosa Martín Díaz", As: "manager", Task: "TASK0020007"},
}

// sampleFinding is the i-th finding; decided ones carry their outcome.
func sampleFinding(i int, decided bool) Finding {
	k, p := sampleKinds[i%len(sampleKinds)], people[(i*5+i/9)%len(people)]
	f := Finding{
		ID: fmt.Sprintf("%s/%04d/%s", k.flag, i, k.holding.ID), Flag: k.flag, Risk: k.risk, Standing: Open, Since: at(1, 6).AddDate(0, -1-i%3, 0),
		Person: Person{
			OktaID: fmt.Sprintf("00u%06d", i), Login: p.login + "@example.com", Name: p.name, Department: p.department, Title: p.title,
			Manager: "sam.okoro@example.com", Status: "ACTIVE", LastSignIn: at(23, 7).AddDate(0, 0, -i%19), ServiceNowID: fmt.Sprintf("%032d", i),
		},
		Holding: k.holding, Origin: k.origin, Evidence: k.evidence, Suggested: k.suggested, Why: k.why, Reviewer: k.reviewer,
	}
	if k.dormant {
		f.Person.LastSignIn = time.Time{}
		if i%2 == 0 {
			f.Person.LastSignIn = at(3, 11).AddDate(0, -4-i%5, 0)
		}
	}
	if k.flag == Leaver {
		f.Person.Status = "DEPROVISIONED"
	}
	if i%4 == 1 {
		f.Standing, f.Since = New, at(24, 6)
	}
	if decided {
		decide(&f, i)
	}
	return f
}

func decide(f *Finding, i int) {
	switch i % 5 {
	case 0:
		f.Decision = Decision{Revoke, "sam.okoro@example.com", at(25, 10), "Not needed since the move.", "removed and read back", fmt.Sprintf("review/2026-11/%d", 100+i)}
	case 1:
		f.Decision = Decision{Keep, "priya.raman@example.com", at(25, 14), "", "kept", fmt.Sprintf("review/2026-11/%d", 100+i)}
	case 2:
		f.Decision = Decision{Answer: Revoke, By: "policy", At: at(30, 0), Outcome: "parked", Record: fmt.Sprintf("review/2026-11/%d", 100+i)}
	}
}

// sampleFindings are n open findings, riskiest first, and n/10 fixed ones.
func sampleFindings(n int, decided bool) []Finding {
	list := make([]Finding, n, n+n/10)
	for i := range list {
		list[i] = sampleFinding(i, decided)
	}
	for i := range n / 10 {
		f := sampleFinding(i*7+3, false)
		f.ID, f.Standing = "fixed/"+f.ID, Fixed
		list = append(list, f)
	}
	slices.SortStableFunc(list, func(a, b Finding) int { return rank(a.Risk) - rank(b.Risk) })
	return list
}

func sampleReview(closed bool) Review {
	r := Review{
		ID: "2026-11-24-monthly", Title: "Monthly access review, November 2026", Scope: "everybody, all groups and apps",
		Began: at(24, 6), Read: at(24, 6).Add(4*time.Minute + 12*time.Second), Due: at(24, 6).AddDate(0, 0, 10), Rules: "2026.11.3",
		Figures: Figures{
			People: 1204, Groups: 86, Apps: 41, Memberships: 9312, Assignments: 3871,
			Calls: map[string]int{"/api/v1/users": 7, "/api/v1/groups": 142, "/api/v1/apps": 61},
		},
		Reviewers: sampleReviewers, Stream: "review/2026-11-24-monthly",
	}
	for i, n := range []int{71, 64, 66, 52, 47, 49, 38} {
		r.Trend = append(r.Trend, Point{
			Review: fmt.Sprintf("2026-%02d", 4+i), At: at(24, 6).AddDate(0, i-7, 0),
			Figures: Figures{Risks: map[Risk]int{Critical: 3 + (7-i)/2, High: n / 4, Medium: n / 3, Low: n - n/4 - n/3 - 3 - (7-i)/2}},
		})
	}
	if closed {
		r.Closed, r.SignedOff = at(30, 16), "Ingrid Solberg, CISO"
	}
	return r
}

func yielding(list []Finding) Findings {
	return func() iter.Seq2[Finding, error] {
		return func(yield func(Finding, error) bool) {
			for _, f := range list {
				if !yield(f, nil) {
					return
				}
			}
		}
	}
}
