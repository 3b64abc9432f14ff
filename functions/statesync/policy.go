package statesync

import (
	"bytes"
	_ "embed" // the default policy
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle/shared/fault"
)

// Owner says whose word about an attribute counts.
type Owner string

// The owners. An attribute under Report is compared and its differences are
// reported, but it is never carried over: for those that another process looks
// after, such as the department, on which access depends. One under Ignore is not
// even compared.
const (
	Okta       Owner = "okta"
	ServiceNow Owner = "servicenow"
	Report     Owner = "report"
	Ignore     Owner = "ignore"
)

// Policy says who owns which attribute and what the comparison may repair.
type Policy struct {
	// Attributes are the owners by sys_user column. What is not named is ignored.
	// active and locked_out, which follow the Okta status, belong to okta or to
	// nobody: an account that ServiceNow calls inactive is offboarded, not edited.
	Attributes map[string]Owner `json:"attributes"`
	// Repair are the kinds of drift that the comparison mends; all others are
	// reported only.
	Repair []Kind `json:"repair"`
	// Exempt are user names of sys_user records that belong to no person in Okta.
	// Accounts for programs (web_service_access_only) are exempt anyway.
	Exempt []string `json:"exempt"`
}

//go:embed policy.json
var defaultPolicy []byte

// DefaultPolicy is the policy unless configuration says otherwise.
func DefaultPolicy() Policy {
	p, err := parsePolicy(Policy{}, defaultPolicy)
	if err != nil {
		panic("statesync: the default policy: " + err.Error())
	}
	return p
}

// ParsePolicy lays a JSON document over the default policy: owners are replaced
// attribute by attribute, the lists as a whole. An empty document changes
// nothing. The error is *fault.Invalid and names everything that is wrong.
func ParsePolicy(document []byte) (Policy, error) {
	if len(bytes.TrimSpace(document)) == 0 {
		return DefaultPolicy(), nil
	}
	return parsePolicy(DefaultPolicy(), document)
}

func parsePolicy(base Policy, document []byte) (Policy, error) {
	var given Policy
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&given); err != nil || decoder.More() {
		return Policy{}, &fault.Invalid{Message: "the synchronisation policy is not a JSON object with the members attributes, repair and exempt", Cause: err}
	}
	p := Policy{Attributes: maps.Clone(base.Attributes), Repair: base.Repair, Exempt: base.Exempt}
	if p.Attributes == nil {
		p.Attributes = map[string]Owner{}
	}
	maps.Copy(p.Attributes, given.Attributes)
	if given.Repair != nil {
		p.Repair = given.Repair
	}
	if given.Exempt != nil {
		p.Exempt = given.Exempt
	}
	if problems := p.problems(); len(problems) > 0 {
		return Policy{}, &fault.Invalid{Message: "the synchronisation policy cannot be used", Problems: problems}
	}
	return p, nil
}

func (p Policy) problems() []string {
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		owner, flag := p.Attributes[name], name == activeFlag || name == lockedFlag
		switch {
		case !flag && attributeNamed(name) == nil:
			problems = append(problems, fmt.Sprintf("The attribute %q is not known; there are active, locked_out, %s.", name, strings.Join(attributeNames(), ", ")))
		case !slices.Contains([]Owner{Okta, ServiceNow, Report, Ignore}, owner):
			problems = append(problems, fmt.Sprintf("The owner of %s is %q; it has to be okta, servicenow, report or ignore.", name, owner))
		case flag && owner == ServiceNow:
			problems = append(problems, name+" cannot belong to servicenow: a person who is made inactive there is offboarded.")
		}
	}
	for _, kind := range p.Repair {
		if !slices.Contains(repairable, kind) {
			problems = append(problems, fmt.Sprintf("%q cannot be repaired; there are %v.", kind, repairable))
		}
	}
	return problems
}

// owner is whose word about the attribute counts.
func (p Policy) owner(name string) Owner {
	if owner, named := p.Attributes[name]; named {
		return owner
	}
	return Ignore
}

// Kind is a kind of drift between the systems.
type Kind string

// The kinds of drift.
const (
	// MissingInServiceNow is an account in use that belongs to no sys_user, and
	// MissingInOkta an active sys_user without an account.
	MissingInServiceNow Kind = "missing_in_servicenow"
	MissingInOkta       Kind = "missing_in_okta"
	// InactiveInOkta is a sys_user that is active although the account is
	// deactivated, InactiveInServiceNow an account in use of an inactive sys_user.
	InactiveInOkta       Kind = "inactive_in_okta"
	InactiveInServiceNow Kind = "inactive_in_servicenow"
	// Locked is a sys_user that is locked or not against the account's status.
	Locked Kind = "locked"
	// Attributes are attributes that differ.
	Attributes Kind = "attributes"
	// DuplicateInOkta and DuplicateInServiceNow are several accounts in use, or
	// active sys_users, of what looks like one person.
	DuplicateInOkta       Kind = "duplicate_in_okta"
	DuplicateInServiceNow Kind = "duplicate_in_servicenow"
)

// repairable are the kinds that can be mended without a person. To repair
// InactiveInServiceNow is to open a termination ticket.
var repairable = []Kind{InactiveInOkta, InactiveInServiceNow, Locked, Attributes}
