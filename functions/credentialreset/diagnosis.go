package credentialreset

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
	"lifecycle/shared/okta"
	"lifecycle/shared/workflow"
)

const (
	// recent is how far back failures are looked for.
	recent = 24 * time.Hour
	// mostFailures is how many are counted, shownFailures how many are listed.
	mostFailures, shownFailures = 100, 5
	// tries is how often a look is repeated before the ticket is told without it.
	tries = 4
)

// diagnose tells what a person needs to know about the account. What cannot be
// read is said rather than waited for without end.
func (s *Steps) diagnose(ctx context.Context, st state) (string, error) {
	if st.Request.UserID == "" {
		return "No Okta account was looked for.\n", nil
	}
	var b strings.Builder
	for _, look := range []struct {
		what string
		tell func(context.Context, state, *strings.Builder) error
	}{
		{"The account", s.tellAccount}, {"Factors", s.tellFactors}, {"Failures", s.tellFailures}, {"What was tried", s.tellTried},
	} {
		err := look.tell(ctx, st, &b)
		if task, _ := workflow.TaskOf(ctx); fault.Retryable(err) && task.Attempt < tries {
			return "", err
		}
		if err != nil {
			fmt.Fprintf(&b, "%s could not be read: %s\n", look.what, err)
		}
	}
	return b.String(), nil
}

func (s *Steps) tellAccount(ctx context.Context, st state, b *strings.Builder) error {
	u, err := s.okta.User(ctx, st.Request.UserID)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "Okta user id: %s\nStatus: %s", u.ID, u.Status)
	if !u.StatusChanged.IsZero() {
		fmt.Fprintf(b, " since %s", moment(u.StatusChanged))
	}
	fmt.Fprintf(b, "\nLast sign-in: %s\nPassword set: %s\n", momentOr(u.LastLogin, "never"), momentOr(u.PasswordChanged, "never"))
	return nil
}

func momentOr(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return moment(t)
}

func (s *Steps) tellFactors(ctx context.Context, st state, b *strings.Builder) error {
	factors, err := s.okta.Factors(ctx, st.Request.UserID)
	if err != nil {
		return err
	}
	list := make([]string, len(factors))
	for i, f := range factors {
		list[i] = fmt.Sprintf("%s (since %s)", f.Type, momentOr(f.Created, "an unknown time"))
	}
	if len(list) == 0 {
		list = []string{"none"}
	}
	fmt.Fprintf(b, "Factors enrolled: %s\n", strings.Join(list, ", "))
	return nil
}

func (s *Steps) tellFailures(ctx context.Context, st state, b *strings.Builder) error {
	events, err := s.okta.Logs(ctx, okta.LogQuery{
		Since: time.Now().Add(-recent), Newest: true, Most: mostFailures,
		Filter: okta.LogFilter(st.Request.UserID) + ` and (outcome.result eq "FAILURE" or outcome.result eq "DENY")`,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "Failures in the System Log within %s: %d\n", Span(recent), len(events))
	for _, e := range events[:min(len(events), shownFailures)] {
		fmt.Fprintf(b, "- %s %s %s%s\n", moment(e.Published), e.Type, strings.TrimSpace(e.Outcome.Result+" "+e.Outcome.Reason), origin(e))
	}
	return nil
}

// origin is where an event came from, as far as Okta knows.
func origin(e okta.LogEvent) string {
	var parts []string
	for _, part := range []string{e.Client.Address, e.Client.Place.City, e.Client.Place.Country} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ", from " + strings.Join(parts, ", ")
}

// tellTried lists what this ticket has changed in Okta, and what it could not.
func (s *Steps) tellTried(ctx context.Context, st state, b *strings.Builder) error {
	h, err := s.history(ctx, st.Subject)
	if err != nil {
		return err
	}
	var lines []string
	for _, r := range h.records {
		switch {
		case r.System != "okta":
		case r.Phase == audit.Done:
			lines = append(lines, fmt.Sprintf("%s: %s, done", moment(r.At), r.Verb))
		case r.Phase == audit.Failed:
			lines = append(lines, fmt.Sprintf("%s: %s, failed: %s", moment(r.At), r.Verb, r.Error))
		}
	}
	if len(lines) == 0 {
		lines = []string{"nothing"}
	}
	fmt.Fprintf(b, "Tried in Okta:\n%s", said(lines))
	return nil
}

// codes are Okta's error codes in words (developer.okta.com,
// reference/error-codes), as far as they come in answer to what is done here.
var codes = map[string]string{
	"E0000001": "Okta does not accept the values that were sent.",
	"E0000004": "Okta does not accept the integration's credentials.",
	"E0000006": "the integration's scopes or admin role do not allow this: an Okta administrator has to grant it. A helpdesk role cannot touch administrators.",
	"E0000007": "Okta knows no such user or factor.",
	"E0000009": "an internal error of Okta's.",
	"E0000011": "the integration's token is invalid or was revoked.",
	"E0000016": "the account is active already.",
	"E0000022": "Okta does not offer this for the account.",
	"E0000032": "Okta does not unlock this account: it is not locked, or it belongs to a directory where it has to be unlocked.",
	"E0000034": "Okta does not let this account's password be reset by mail.",
	"E0000038": "the account's status does not allow this.",
	"E0000047": "Okta's rate limit was used up.",
	"E0000060": "Okta does not offer this operation for the account, often because a directory or another identity provider keeps it.",
	"E0000069": "the account is locked.",
	"E0000095": "the account may not be recovered by Okta's password policy.",
	"E0000112": "Okta is still activating the account.",
}

var code = regexp.MustCompile(`\bE\d{7}\b`)

// meanings say in words what the error codes in a message mean.
func meanings(message string) []string {
	var list []string
	seen := map[string]bool{}
	for _, c := range code.FindAllString(message, -1) {
		if text, known := codes[c]; known && !seen[c] {
			seen[c] = true
			list = append(list, c+" means: "+text)
		}
	}
	return list
}
