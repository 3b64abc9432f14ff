package servicenow

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
)

// AccessRequestKind is how a request for access looks unless configuration says
// otherwise: a request item of the catalog item "Access request", with the
// columns requested_for (whom it is for) and approval, and the catalog variables
//
//	access_item (the name of an item of the rules' catalog)
//
// and, whose answers may be empty, access_reason (why it is needed),
// access_duration (for how long, such as 30d or 12h; a bare number means days)
// and access_until (a date such as 2026-01-31, in the time zone of whom it is
// for). Where each entitlement has a catalog item of its own, the field item
// comes from cat_item.name.
func AccessRequestKind() Kind {
	return Kind{
		Name: "access-request", Table: "sc_req_item", Query: "cat_item.name=Access request",
		Fields: map[string]string{
			"requested_for": "requested_for", "approval": "approval",
			"item": variablePrefix + "access_item", "reason": variablePrefix + "access_reason",
			"duration": variablePrefix + "access_duration", "until": variablePrefix + "access_until",
		},
		States: statesOf("sc_req_item"), ReturnGroup: "Service Desk", EscalationGroup: "Identity Operations",
	}
}

// Ref is the approval as a record that can be written to.
func (a Approval) Ref() Ref { return Ref{approvals, a.SysID} }

// Open reports whether the approver is still asked.
func (a Approval) Open() bool { return !a.State.ended() }

// ItemApprovals lists every approval of a request item and of the request that
// it belongs to: an instance asks on either. An item whose request is not there
// yet has only its own.
func (c *Client) ItemApprovals(ctx context.Context, item Ref) ([]Approval, error) {
	list, err := c.ApprovalsOf(ctx, item)
	if err != nil {
		return nil, err
	}
	r, err := c.get(ctx, item, []string{"request"})
	if err != nil || r["request"] == "" {
		return list, err
	}
	more, err := c.ApprovalsOf(ctx, Ref{"sc_request", r["request"]})
	return append(list, more...), err
}

// ownNote is the last line of a note that this integration has written.
var ownNote = regexp.MustCompile(`\[ref [0-9a-f]{10}\]\s*$`)

// ApprovalComment is what was said last on an approval, by anybody but this
// integration; empty when nothing was.
func (c *Client) ApprovalComment(ctx context.Context, sysID string) (string, error) {
	own, err := where("element_id", sysID)
	if err != nil {
		return "", err
	}
	rows, err := c.all(ctx, listing{
		what: "ServiceNow: reading the comments on " + Ref{approvals, sysID}.String(), table: "sys_journal_field",
		q: query{own, {"element", equals, []string{"comments"}}}, columns: []string{"value", "sys_created_on"},
	})
	if err != nil {
		return "", err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return ownNote.MatchString(r["value"]) })
	if len(rows) == 0 {
		return "", nil
	}
	last := slices.MaxFunc(rows, func(a, b row) int { return cmp.Compare(a["sys_created_on"], b["sys_created_on"]) })
	return strings.TrimSpace(last["value"]), nil
}

// TaskByNumber finds the one ticket of any table with that number. None is
// *fault.NotFound.
func (c *Client) TaskByNumber(ctx context.Context, number string) (Ref, error) {
	r, err := c.only(ctx, "task", "number", number, "sys_class_name")
	if err != nil {
		return Ref{}, err
	}
	return Ref{r["sys_class_name"], r["sys_id"]}, nil
}
