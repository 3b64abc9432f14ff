// Package seed describes one small company, the same on every run, that both
// simulators start from: 50 people, 25 groups, 12 apps, in Okta and in
// ServiceNow under matching ids.
//
// The org is meant to be plausible rather than tidy: departments in five time
// zones, contractors, two people of the same name, somebody suspended, somebody
// locked out, a former employee who may come back, groups made by hand, by rule
// and by Active Directory, a break-glass and a service account, and
// administrators of different rank.
//
// Nothing here is random and nothing reads the clock: an id is a function of
// the record's own key, so a test may name one and find it again tomorrow.
package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"math/big"
)

// Domain is the mail domain of everybody in the org (RFC 2606).
const Domain = "example.com"

// Group types as Okta names them. Only an OktaGroup's memberships can be
// changed by hand; an AppGroup belongs to the app it was imported from, a
// BuiltIn group to nobody.
const (
	OktaGroup = "OKTA_GROUP"
	AppGroup  = "APP_GROUP"
	BuiltIn   = "BUILT_IN"
)

// Person is one account in Okta and the same person's sys_user in ServiceNow.
type Person struct {
	Number        string // employee number, e.g. "E1001"; unique
	First, Last   string
	Email         string // also the Okta login and the ServiceNow user_name
	Department    string // Sales, Engineering, Finance, People, IT, Security, Support, Legal
	Title         string
	Location      string // a city: Berlin, London, New York, San Francisco, Tokyo
	EmployeeType  string // employee, contractor, intern; service for accounts that are nobody's
	ManagerNumber string // employee number; empty for the chief executive and the accounts
	TimeZone      string // IANA name, follows from Location

	OktaID     string   // "00u" and 17 more characters
	SysID      string   // 32 hex digits
	OktaStatus string   // ACTIVE, SUSPENDED, LOCKED_OUT, DEPROVISIONED
	Groups     []string // group ids, with Everyone and the rule-made ones
	DirectApps []string // ids of apps assigned to the person, not through a group
	AdminRoles []string // Okta role types, e.g. SUPER_ADMIN
}

// Group is an Okta group.
type Group struct {
	ID, Name, Description string
	Type                  string   // OktaGroup, AppGroup or BuiltIn
	Apps                  []string // ids of the apps everybody in the group is assigned
	Rule                  string   // the group rule's expression, when a rule makes the memberships
	Source                string   // id of the app an AppGroup was imported from
}

// App is an Okta app instance.
type App struct {
	ID, Label string
	Name      string // the catalog name, e.g. "salesforce"
}

// PersonOktaID is the Okta id of the person with that employee number.
func PersonOktaID(number string) string { return oktaID("00u", "person/"+number) }

// PersonSysID is the sys_user.sys_id of the person with that employee number.
func PersonSysID(number string) string { return SysID("person/" + number) }

// GroupID is the Okta id of the group with that name.
func GroupID(name string) string { return oktaID("00g", "group/"+name) }

// AppID is the Okta id of the app with that label.
func AppID(label string) string { return oktaID("0oa", "app/"+label) }

// SysID is a ServiceNow sys_id, 32 hex digits, that always belongs to key.
func SysID(key string) string {
	sum := sha256.Sum256([]byte("servicenow/" + key))
	return hex.EncodeToString(sum[:16])
}

// oktaID has the look of Okta's ids: a three-letter prefix that tells the kind
// and 17 letters or digits.
func oktaID(prefix, key string) string {
	sum := sha256.Sum256([]byte("okta/" + key))
	text := new(big.Int).SetBytes(sum[:16]).Text(62)
	for len(text) < 17 {
		text += "0"
	}
	return prefix + text[:17]
}
