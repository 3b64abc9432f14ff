package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lifecycle/shared/audit"
)

// sentences say what a verb of the ledger means; %s is the target.
var sentences = map[string]string{
	"group.add":                 "Added to the group %s",
	"group.remove":              "Removed from the group %s",
	"app.assign":                "Given the app %s",
	"app.unassign":              "The app %s was taken away",
	"admin_role.assign":         "Given the admin role %s",
	"admin_role.remove":         "The admin role %s was taken away",
	"user.create":               "Okta account created",
	"user.activate":             "Okta account activated",
	"user.reactivate":           "Okta account activated again",
	"user.deactivate":           "Okta account deactivated",
	"user.suspend":              "Okta account suspended",
	"user.unsuspend":            "Suspension of the Okta account lifted",
	"user.unlock":               "Okta account unlocked",
	"user.update_profile":       "Okta profile changed",
	"session.clear":             "Okta sessions ended",
	"grant.revoke":              "OAuth grants revoked",
	"api_token.revoke":          "API token revoked",
	"factor.reset_all":          "All factors reset",
	"factor.unenroll":           "A factor removed",
	"lease.grant":               "Reason recorded for access to %s",
	"lease.end":                 "A reason for access to %s ended",
	"lease.end_all":             "All reasons for access to %s ended",
	"lease.warn":                "Told that access to %s is about to end",
	"lease.postpone":            "Taking %s away put off",
	"approval.request":          "Approval asked for",
	"approval.decision":         "Approval decided",
	"approval.withdraw":         "Approval no longer asked for",
	"approval.reassign":         "Approval handed on to somebody else",
	"ticket.update":             "Ticket updated",
	"task.create":               "Task opened",
	"attachment.add":            "File attached to the ticket",
	"person.update":             "ServiceNow user updated",
	"birthright.decided":        "Access by birthright decided",
	"request.assessed":          "Request assessed",
	"recertification.decided":   "Recertification of %s decided",
	"role_change.planned":       "Change of role planned",
	"account.snapshot":          "What the account held was noted",
	"approval.deputy":           "A deputy stands in for an approver",
	"request.ended":             "Request ended",
	"recertification.opened":    "Recertification asked for",
	"recertification.escalated": "Recertification passed up",
	"reset.asked":               "Reset of credentials asked about",
	"reset.assessed":            "Reset of credentials assessed",
	"reset.carried_out":         "Reset of credentials carried out",
	"reset.ended":               "Reset of credentials ended",
	"rules.weighed":             "Change of the rules weighed",
	"rules.publish":             "Rules published",
	"on_call.page":              "On-call told",
	"review.start":              "Access review started",
	"review.findings":           "Findings of the access review sealed",
	"access_review.asked":       "A reviewer asked",
	"access_review.answered":    "A reviewer answered",
	"access_review.decided":     "Decided in the access review: %s",
	"access_review.taken_back":  "A reviewer took the answer back",
	"access_review.passed_on":   "Review passed on",
	"access_review.failed":      "A decision of the access review could not be carried out",
	"access_review.closed":      "Access review closed",
}

// said is what happened, in words.
func said(e Entry, target string) string {
	text, known := sentences[e.Verb]
	switch {
	case e.Verb == "step.done":
		return "Step " + e.Step + " done"
	case e.Verb == "step.failed":
		return "Step " + e.Step + " failed"
	case known && strings.Contains(text, "%s"):
		text = fmt.Sprintf(text, target)
	case !known:
		text = strings.TrimSpace(sentence(e.Verb) + " " + target)
	}
	switch {
	case e.Phase == audit.Failed && e.Uncertain:
		text += ": no answer came, it may have been done"
	case e.Phase == audit.Failed:
		text += ": not done"
	case e.Phase == audit.Intent:
		text += ": announced, and no outcome recorded"
	}
	return text
}

// sentence makes "Role change planned" of role_change.planned.
func sentence(text string) string {
	text = strings.NewReplacer(".", " ", "_", " ", "-", " ").Replace(text)
	if text == "" {
		return "Record"
	}
	return capital(text)
}

// capital begins a text with a capital letter.
func capital(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 || first == utf8.RuneError {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// because is a reason in words; ticket is the one that the reader knows already.
func because(r audit.Reason, ticket string) string {
	text := cmp.Or(r.Text, strings.ReplaceAll(strings.ReplaceAll(r.Kind, "_", " "), "-", " "))
	if r.Ref != "" && r.Ref != ticket && !strings.Contains(text, r.Ref) {
		text = strings.TrimSpace(text + " (" + r.Ref + ")")
	}
	return text
}

// day, minute and second are times as people read them, in UTC.
func day(t time.Time) string    { return t.UTC().Format("2 Jan 2006") }
func minute(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04") }
func second(t time.Time) string { return t.UTC().Format("2 Jan 2006, 15:04:05") }
func iso(t time.Time) string    { return t.UTC().Format(time.RFC3339) }

// number is 1,204.
func number(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// count is "1 person" or "1,204 people".
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// lasted is a duration for people.
func lasted(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(int(d.Seconds()), "second", "seconds")
	case d < 2*time.Hour:
		return count(int(d.Minutes()), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour", "hours")
	}
	return count(int(d.Hours()/24), "day", "days")
}
