package securityalert

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"lifecycle/functions/securityalert/detect"
	"lifecycle/shared/audit"
	"lifecycle/shared/platform"
	"lifecycle/shared/workflow"
)

// PageOnCall tells whoever is on call: once for an incident whose severity asks
// for it, again when its priority becomes the highest, and when a containment needs
// a person. The message names nobody.
func (s *Steps) PageOnCall(ctx context.Context, st state) (workflow.Nothing, error) {
	a, rules, err := s.own(ctx, st.Subject)
	if err != nil || s.settings.Topic == "" {
		return workflow.Nothing{}, err
	}
	troubles := len(a.suspects(held, spared, failed))
	why := ""
	switch {
	case a.Paged == 0 && (rules.Pages(a.Severity) || a.Priority == 1):
		why = "new"
	case a.Priority == 1 && a.Paged != 1 && a.Paged != 0:
		why = "priority raised"
	case troubles > a.Troubles:
		why = "containment needs a decision"
	}
	if why == "" {
		return workflow.Nothing{}, nil
	}
	if err := s.page(ctx, a, rules, why); err != nil {
		return workflow.Nothing{}, err
	}
	_, err = s.keep(ctx, a, func(now *alert) { now.Paged, now.Troubles = max(a.Priority, 1), troubles })
	return workflow.Nothing{}, err
}

// page publishes one message. It goes through the ledger like a change; after a
// crash it may be sent again rather than not at all.
func (s *Steps) page(ctx context.Context, a alert, rules *detect.Rules, why string) error {
	title := "Security alert"
	if r := leading(a, rules); r != nil {
		title = r.Title
	}
	number, link := "not opened yet", s.links.log(a)
	if a.Incident != nil {
		number, link = a.Incident.Number, s.links.incident(*a.Incident)
	}
	text := fmt.Sprintf("%s (%s)\nPriority %d, severity %s, %d events since %s.\n%s\n", title, why, a.Priority, a.Severity, a.Count, a.First.Format("15:04 UTC on 2 January"), link)
	if n := len(a.suspects(held, spared, failed)); n > 0 {
		text += fmt.Sprintf("%d accounts need a decision about their containment: see the work notes.\n", n)
	}
	change := audit.Change{System: "sns", Verb: "on_call.page", Target: number, Reason: because(a, rules), Key: fmt.Sprintf("%s/%d/%d", why, a.Priority, a.Troubles)}
	return s.ledger.Do(ctx, change, func(ctx context.Context, _ audit.Attempt) (audit.Effect, error) {
		out, err := s.pager.Publish(ctx, &sns.PublishInput{
			TopicArn: aws.String(s.settings.Topic), Subject: aws.String(cut("P"+strconv.Itoa(a.Priority)+" "+number+": "+title, 99)), Message: aws.String(text),
			MessageAttributes: map[string]snstypes.MessageAttributeValue{
				"priority": {DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(a.Priority))},
				"severity": {DataType: aws.String("String"), StringValue: aws.String(string(a.Severity))},
			},
		})
		if err != nil {
			return audit.Effect{}, platform.AWSError("whoever is on call could not be told", err)
		}
		return audit.Effect{RequestID: aws.ToString(out.MessageId)}, nil
	})
}
