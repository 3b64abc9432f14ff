package seed

// Labels of the apps, for tests and rules that name them.
const (
	AppGoogle     = "Google Workspace"
	AppSlack      = "Slack"
	AppZoom       = "Zoom"
	AppGitHub     = "GitHub Enterprise"
	AppAWS        = "AWS IAM Identity Center"
	AppSalesforce = "Salesforce"
	AppJira       = "Jira"
	AppZendesk    = "Zendesk"
	AppNetSuite   = "NetSuite"
	AppWorkday    = "Workday"
	AppPagerDuty  = "PagerDuty"
	AppAD         = "Active Directory"
)

// Apps lists the org's twelve apps. Each call returns its own copy.
func Apps() []App {
	list := []App{
		{Label: AppGoogle, Name: "google"},
		{Label: AppSlack, Name: "slack"},
		{Label: AppZoom, Name: "zoomus"},
		{Label: AppGitHub, Name: "githubcloud"},
		{Label: AppAWS, Name: "amazon_aws_sso"},
		{Label: AppSalesforce, Name: "salesforce"},
		{Label: AppJira, Name: "jira_cloud"},
		{Label: AppZendesk, Name: "zendesk"},
		{Label: AppNetSuite, Name: "netsuite"},
		{Label: AppWorkday, Name: "workday"},
		{Label: AppPagerDuty, Name: "pagerduty"},
		{Label: AppAD, Name: "active_directory"},
	}
	for i := range list {
		list[i].ID = AppID(list[i].Label)
	}
	return list
}

// Groups lists the org's 25 groups: 22 of Okta's own, two of them filled by a
// rule, two imported from Active Directory, and Everyone. Each call returns its
// own copy.
func Groups() []Group {
	return []Group{
		group("All Employees", "Everyone with an employment contract", AppGoogle, AppSlack, AppZoom, AppWorkday),
		group("Contractors", "External people with an end date", AppGoogle, AppSlack),
		group("Managers", "Everyone with direct reports"),
		group("Engineering", "Department", AppJira),
		group("Sales", "Department"),
		group("Finance", "Department"),
		group("People", "Department"),
		group("IT", "Department", AppJira),
		group("Security", "Department", AppJira),
		group("Support", "Department", AppJira),
		group("Legal", "Department"),
		group("GitHub Engineers", "Write access to source code", AppGitHub),
		group("AWS Developers", "Development accounts", AppAWS),
		group("AWS Production Operators", "Production accounts; by approval only", AppAWS),
		group("Salesforce Users", "Salesforce licence", AppSalesforce),
		group("Zendesk Agents", "Zendesk licence", AppZendesk),
		group("NetSuite Accountants", "Create vendors and enter invoices", AppNetSuite),
		group("NetSuite Payment Approvers", "Release payments; never together with NetSuite Accountants", AppNetSuite),
		group("Workday Partners", "People business partners", AppWorkday),
		group("PagerDuty Responders", "On call", AppPagerDuty),
		ruled("Location Berlin", "Berlin"),
		ruled("Location London", "London"),
		imported("Domain Users", "example.com/Users/Domain Users"),
		imported("Finance Share", "example.com/Groups/Finance Share"),
		{ID: GroupID("Everyone"), Name: "Everyone", Description: "All users in your organization", Type: BuiltIn},
	}
}

func group(name, description string, apps ...string) Group {
	g := Group{ID: GroupID(name), Name: name, Description: description, Type: OktaGroup}
	for _, label := range apps {
		g.Apps = append(g.Apps, AppID(label))
	}
	return g
}

// ruled is a group that a rule fills with everybody in city. Location is kept
// in Okta's profile attribute city: the default profile has no "location".
func ruled(name, city string) Group {
	g := group(name, "Made by the rule of the same name")
	g.Rule = `user.city=="` + city + `"`
	return g
}

func imported(name, description string) Group {
	return Group{ID: GroupID(name), Name: name, Description: description, Type: AppGroup, Source: AppID(AppAD)}
}
