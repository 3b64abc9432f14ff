package servicenow

import (
	"context"

	"lifecycle/shared/fault"
)

// AlertMark is the correlation_display of the incidents that this integration
// makes of suspicious events in Okta; AlertMarkKind is their u_kind where they are
// kept in the table incident.
const (
	AlertMark     = "Okta security alert"
	AlertMarkKind = "security_alert"
)

// SecurityAlertKind is how an alert looks in an instance without the plugin
// Security Incident Response, unless configuration says otherwise: an incident made
// by this integration, whose column u_kind is "security_alert". u_email and
// u_employee_number name the person whose account it is about, if it is one.
func SecurityAlertKind() Kind {
	k := incident(AlertMarkKind, "Security Operations", "email", "employee_number")
	k.Name, k.ReturnGroup = "security-alert", k.EscalationGroup
	k.Fields["title"], k.Fields["description"] = "short_description", "description"
	return k
}

// SecurityIncidentKind is how an alert looks in an instance with that plugin: a
// security incident, known by its correlation_display.
func SecurityIncidentKind() Kind {
	return Kind{
		Name: "security-alert", Table: "sn_si_incident", Query: "correlation_display=" + AlertMark,
		Fields: map[string]string{
			"title": "short_description", "description": "description",
			"person": "affected_user", "source_ip": "source_ip", "rule": "alert_rule", "url": "external_url",
		},
		// Draft; analysis, contain, eradicate, recover, review; closed; cancelled.
		States: map[Phase]State{
			Open: {Values: []string{"10"}}, InProgress: {Values: []string{"16", "18", "19", "20", "100"}},
			Resolved:  {Values: []string{"3"}, Set: map[string]string{"close_code": "Threat mitigated", closeNotes: "The work notes tell what was done."}},
			Cancelled: {Values: []string{"7"}},
		},
		ReturnGroup: "Security Operations", EscalationGroup: "Security Operations",
	}
}

// HasTable reports whether the instance has a table, which a plugin may bring. One
// that the integration is denied counts as not there.
func (c *Client) HasTable(ctx context.Context, table string) (bool, error) {
	l := listing{what: "ServiceNow: looking whether there is a table " + table, table: table, size: 1}
	for _, err := range c.list(ctx, l) {
		switch {
		case noSuchTable(err), fault.Is[*fault.NotFound](err), fault.Is[*fault.Denied](err):
			return false, nil
		case err != nil:
			return false, err
		}
		return true, nil
	}
	return true, nil
}
