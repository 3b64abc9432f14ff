package securityalert

import (
	"context"
	"fmt"
	"time"

	"lifecycle/shared/servicenow"
	"lifecycle/shared/workflow"
)

// TellFailure is where an execution that cannot go on ends: the incident says so,
// whoever is on call is told, and in an hour the poller gives the alert another
// execution, which goes on from there.
func (s *Steps) TellFailure(ctx context.Context, st state) (workflow.Nothing, error) {
	a, mine, err := s.mine(ctx, st.Subject)
	if err != nil || !mine {
		return workflow.Nothing{}, err
	}
	rules, err := s.rules.Rules(ctx)
	if err != nil {
		return workflow.Nothing{}, err
	}
	if _, err := s.keep(ctx, a, func(now *alert) { now.Failed, now.Token = time.Now().UTC(), "" }); err != nil {
		return workflow.Nothing{}, err
	}
	message := "unknown"
	if st.Error != nil {
		message = st.Error.Message()
	}
	if s.settings.Topic != "" {
		if err := s.page(ctx, a, rules, "automation failed"); err != nil {
			return workflow.Nothing{}, err
		}
	}
	if a.Incident == nil {
		return workflow.Nothing{}, nil
	}
	note := fmt.Sprintf("The automation of this alert has stopped: %s\nIt is tried again in an hour. Until then look at the alert, and at the accounts it names, by hand.", message)
	return workflow.Nothing{}, s.servicenow.Post(ctx, a.Incident.ref(), servicenow.Posting{Key: noteKey(a, "failed", a.Run), WorkNote: note}, because(a, rules))
}
