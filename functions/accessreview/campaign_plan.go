package accessreview

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/fault"
	"lifecycle/shared/report"
	"lifecycle/shared/workflow"
)

// campaignState is the data of the campaign's state machine. Its subject is the
// review: sys_id is the review's id.
type campaignState struct {
	workflow.Subject

	Campaign campaignPlan      `json:"campaign"`
	Security securityTask      `json:"security"`
	Opened   openedTasks       `json:"opened"`
	Look     campaignLook      `json:"look"`
	SignOff  signOff           `json:"sign_off"`
	Error    *workflow.Failure `json:"error"`
}

func (s campaignState) review() string { return s.SysID }

// campaignPlan is how many are asked about how much: $.campaign.
type campaignPlan struct {
	// Disposition is workflow.HandedOver, workflow.NothingToDo or workflow.Ready.
	Disposition string `json:"disposition"`
	Reviewers   int    `json:"reviewers,omitempty"`
	Findings    int    `json:"findings,omitempty"`
	// Began is when the questions are put, Ends when open ones are waited for no
	// longer.
	Began time.Time `json:"began,omitzero"`
	Ends  time.Time `json:"ends,omitzero"`
}

// plan is who decides about what, fixed when the campaign begins: reviewers may
// leave while tasks are being opened.
type plan struct {
	// Stands is who decides in the place of each reviewer that the findings name:
	// the reviewer, the next one up who is there, or a group. Above is who decides
	// about the access of the one that decides.
	Stands map[string]string `json:"stands"`
	Above  map[string]string `json:"above"`
	// Asked are those who decide, with how much, in the order of their keys.
	Asked []report.Reviewer `json:"asked"`
}

// assignee is who decides about a finding. Nobody decides about their own access.
func (p plan) assignee(f report.Finding) string {
	who := p.Stands[f.Reviewer]
	if who == f.Person.ServiceNowID && who != "" {
		return p.Above[who]
	}
	return who
}

// toDecide reports whether anybody is asked about a finding: one that is no more
// is told only.
func toDecide(f report.Finding) bool { return f.Standing != report.Fixed }

func planKey(review string) string { return "reviews/" + review + "/campaign.json" }

// PrepareCampaign takes custody of the review and works out who decides about
// what.
func (c *Campaign) PrepareCampaign(ctx context.Context, st campaignState) (campaignPlan, error) {
	holding, err := c.custodian.Take(ctx, st.Subject)
	if err != nil || !holding.Held {
		return campaignPlan{Disposition: workflow.HandedOver}, err
	}
	review, err := c.store.Review(ctx, st.review())
	if err != nil {
		return campaignPlan{}, err
	}
	if !review.Closed.IsZero() {
		return campaignPlan{Disposition: workflow.NothingToDo}, nil
	}
	p, err := c.plan(ctx, review)
	if err != nil {
		return campaignPlan{}, err
	}
	began := entered(ctx)
	out := campaignPlan{Disposition: workflow.Ready, Reviewers: len(p.Asked), Began: began, Ends: began.Add(c.settings.longestCampaign())}
	for _, r := range p.Asked {
		out.Findings += r.Count
	}
	review.Due = began.Add(c.settings.DecisionWait)
	return out, c.store.PutReview(ctx, review)
}

// plan reads the campaign's plan, or makes it.
func (c *Campaign) plan(ctx context.Context, review report.Review) (plan, error) {
	p, err := c.planned(ctx, review.ID)
	if !fault.Is[*fault.NotFound](err) {
		return p, err
	}
	p = plan{Stands: map[string]string{}, Above: map[string]string{}}
	counts := map[string]int{}
	as := map[string]string{}
	for f, err := range c.store.Findings(ctx, review.ID)() {
		if err != nil {
			return plan{}, err
		}
		if !toDecide(f) {
			continue
		}
		if err := c.resolve(ctx, &p, f); err != nil {
			return plan{}, err
		}
		who := p.assignee(f)
		counts[who]++
		if _, known := as[who]; !known {
			as[who] = roleOf(review, who)
		}
	}
	for who, n := range counts {
		p.Asked = append(p.Asked, report.Reviewer{ID: who, As: as[who], Count: n})
	}
	slices.SortFunc(p.Asked, func(a, b report.Reviewer) int { return strings.Compare(a.ID, b.ID) })
	content, err := json.Marshal(p)
	if err != nil {
		return plan{}, &fault.Invalid{Message: "the plan of the campaign cannot be written", Cause: err}
	}
	return p, c.store.write(ctx, planKey(review.ID), "application/json", content)
}

// planned reads the plan that was made when the campaign began.
func (c *Campaign) planned(ctx context.Context, review string) (plan, error) {
	content, err := c.store.read(ctx, planKey(review))
	if err != nil {
		return plan{}, err
	}
	var p plan
	if err := json.Unmarshal(content, &p); err != nil {
		return plan{}, &fault.Conflict{Message: c.store.place(planKey(review)) + " cannot be read; it was altered", Cause: err}
	}
	return p, nil
}

// roleOf is as what somebody is asked: as the review says, or as who follows.
func roleOf(review report.Review, who string) string {
	for _, r := range review.Reviewers {
		if r.ID == who {
			return r.As
		}
	}
	if isGroup(who) {
		return "fallback"
	}
	return "next in line"
}

// sysID is what a person's key looks like; everything else names a group.
var sysID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func isGroup(reviewer string) bool { return !sysID.MatchString(reviewer) }

// resolve finds out who decides about a finding, once for each reviewer.
func (c *Campaign) resolve(ctx context.Context, p *plan, f report.Finding) error {
	if _, known := p.Stands[f.Reviewer]; !known {
		who, err := c.stands(ctx, f.Reviewer)
		if err != nil {
			return err
		}
		p.Stands[f.Reviewer] = who
	}
	who := p.Stands[f.Reviewer]
	if who != f.Person.ServiceNowID || who == "" {
		return nil
	}
	if _, known := p.Above[who]; known {
		return nil
	}
	next, err := c.inCharge(ctx, who, map[string]bool{who: true})
	if err != nil {
		return err
	}
	p.Above[who] = c.orGroup(next)
	return nil
}

// stands is who decides in the place of a reviewer.
func (c *Campaign) stands(ctx context.Context, reviewer string) (string, error) {
	if reviewer != "" && isGroup(reviewer) {
		return reviewer, nil
	}
	next, err := c.inCharge(ctx, reviewer, nil)
	return c.orGroup(next), err
}

func (c *Campaign) orGroup(who string) string {
	if who == "" {
		return c.settings.FallbackGroup
	}
	return who
}

// longestLine bounds the way up from a manager who has left.
const longestLine = 10

// inCharge is the first one who may answer, from the person upwards: active, and
// none of those whom it is about. Empty when there is none.
func (c *Campaign) inCharge(ctx context.Context, person string, about map[string]bool) (string, error) {
	seen := map[string]bool{}
	for range longestLine {
		if person == "" || seen[person] {
			return "", nil
		}
		p, err := c.servicenow.PersonBySysID(ctx, person)
		if fault.Is[*fault.NotFound](err) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if p.Active && !p.LockedOut && !about[p.SysID] {
			return p.SysID, nil
		}
		seen[person], person = true, p.Manager
	}
	return "", nil
}

// hand names who is to answer: the person, or the group.
func (c *Campaign) hand(ctx context.Context, values map[string]string, who string) error {
	if !isGroup(who) {
		values["assigned_to"] = who
		return nil
	}
	group, err := c.servicenow.GroupSysID(ctx, who)
	values["assigned_to"], values["assignment_group"] = "", group
	return err
}
