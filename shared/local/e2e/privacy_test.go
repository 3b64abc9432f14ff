package e2e_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/seed"
	"lifecycle/shared/local/snowsim"
)

// keepsSecrets looks through everything that the system leaves behind for names
// and addresses of people, secrets, and links that open an account.
func (o *office) keepsSecrets() {
	o.t.Helper()
	words := append(o.people(), o.secrets()...)
	for where, text := range map[string]string{
		"a log line": o.log.String(), "a table": o.tables(), "a state machine's data": o.histories(), "a note on a ticket": o.ownNotes(),
	} {
		text = strings.ToLower(text)
		for _, word := range words {
			if i := strings.Index(text, strings.ToLower(word)); i >= 0 {
				o.t.Errorf("%s holds %q: …%s…", where, word, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// people are the names and addresses of everybody in the org and on the tickets.
func (o *office) people() []string {
	var words []string
	add := func(first, last, email string) {
		if first != "" && last != "" {
			words = append(words, first+" "+last)
		}
		if strings.Contains(email, "@") {
			words = append(words, email)
		}
	}
	for _, p := range seed.People() {
		if p.EmployeeType != "service" {
			add(p.First, p.Last, p.Email)
		}
	}
	for _, ticket := range o.ServiceNow.Query("incident", "") {
		add(ticket["u_first_name"], ticket["u_last_name"], ticket["u_email"])
		for _, name := range []string{ticket["u_first_name"], ticket["u_last_name"]} {
			if len(name) > 5 && !slices.Contains([]string{"Robert"}, name) {
				words = append(words, name)
			}
		}
	}
	return words
}

// secrets are the credentials of this office, and every link that was mailed.
func (o *office) secrets() []string {
	words := []string{oktasim.DefaultToken, snowsim.IntegrationPassword, o.Secret("WebhookSecret"), "/welcome/", "/reset_password/", "activationUrl", "activationToken"}
	for _, m := range o.Okta.Mailbox() {
		words = append(words, path.Base(m.Link))
	}
	return words
}

// tables is all that stands in DynamoDB.
func (o *office) tables() string {
	o.t.Helper()
	var b strings.Builder
	for _, t := range o.Template.Tables {
		pages := dynamodb.NewScanPaginator(o.DynamoDB(), &dynamodb.ScanInput{TableName: aws.String(t.Name)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(o.ctx)
			o.must(err)
			for _, item := range page.Items {
				var plain map[string]any
				o.must(attributevalue.UnmarshalMap(item, &plain))
				fmt.Fprintf(&b, "%s: %v\n", t.Name, plain)
			}
		}
	}
	return b.String()
}

// histories is what every execution was given, passed on and answered.
func (o *office) histories() string {
	o.t.Helper()
	var b strings.Builder
	for _, x := range o.States.Executions("") {
		fmt.Fprintf(&b, "%s %s %s %s\n", x.Input, x.Output, x.Error, x.Cause)
		if strings.Contains(x.Input, "reconcile") {
			continue
		}
		pages := sfn.NewGetExecutionHistoryPaginator(o.SFN(), &sfn.GetExecutionHistoryInput{
			ExecutionArn: aws.String(x.ARN), IncludeExecutionData: aws.Bool(true), MaxResults: 1000,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(o.ctx)
			o.must(err)
			for _, e := range page.Events {
				if d := e.StateEnteredEventDetails; d != nil {
					b.WriteString(aws.ToString(d.Input) + "\n")
				}
				if d := e.LambdaFunctionFailedEventDetails; d != nil {
					b.WriteString(aws.ToString(d.Cause) + "\n")
				}
				if d := e.TaskFailedEventDetails; d != nil {
					b.WriteString(aws.ToString(d.Cause) + "\n")
				}
			}
		}
	}
	return b.String()
}

var loginLine = regexp.MustCompile(`(?m)^Login: .*$`)

// ownNotes are what the integration wrote on tickets, without the logins that it
// is to tell.
func (o *office) ownNotes() string {
	var b strings.Builder
	for _, ticket := range o.ServiceNow.Query("incident", "") {
		for _, e := range o.ServiceNow.Journal("incident", ticket["sys_id"], "") {
			if e.By == snowsim.IntegrationUser {
				b.WriteString(loginLine.ReplaceAllString(e.Text, "Login") + "\n")
			}
		}
	}
	return b.String()
}

// TestPrivacy shows that the search finds what it looks for.
func TestPrivacy(t *testing.T) {
	t.Parallel()
	inOffice(t, slowly, func(o *office) {
		ticket := o.hired(nil)
		for where, text := range map[string]string{"logs": o.log.String(), "tables": o.tables(), "histories": o.histories(), "notes": o.ownNotes()} {
			if !strings.Contains(text, o.account(jana).ID) && !strings.Contains(text, ticket.Number) {
				o.t.Errorf("the %s hold neither the account's id nor the ticket's number", where)
			}
		}
		if !slices.Contains(o.people(), jana) || len(o.secrets()) < 8 {
			o.t.Error("nothing is looked for")
		}
	})
}
