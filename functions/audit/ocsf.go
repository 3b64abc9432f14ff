package audit

import (
	"strings"
	"time"

	ledger "lifecycle/shared/audit"
)

// OCSFVersion is the version of the Open Cybersecurity Schema Framework that
// exports are written in (https://schema.ocsf.io/1.2.0/categories/iam). The classes
// and their required attributes are those of events/iam/*.json and objects/*.json
// of github.com/ocsf/ocsf-schema at the tag v1.2.0.
const OCSFVersion = "1.2.0"

// Classes of the category Identity & Access Management that records become.
const (
	categoryIAM = 3

	accountChange    = 3001 // what happens to an account
	entityManagement = 3004 // what happens to a ticket, a task, an approval, the rules
	userAccess       = 3005 // a right that a person is given or loses
	groupManagement  = 3006 // a person who is put into a group or taken out
)

// classNames are the captions of the classes.
var classNames = map[int]string{
	accountChange: "Account Change", entityManagement: "Entity Management", userAccess: "User Access Management", groupManagement: "Group Management",
}

// activity is a class with one of its activities.
type activity struct {
	class, id int
	name      string
}

const other = 99

// activities are those of verbs. What is not among them and changes a person is
// another change of an account, what concerns nobody an update of an entity.
var activities = map[string]activity{
	"user.create":         {accountChange, 1, "Create"},
	"user.activate":       {accountChange, 2, "Enable"},
	"user.reactivate":     {accountChange, 2, "Enable"},
	"user.unsuspend":      {accountChange, 2, "Enable"},
	"user.reset_password": {accountChange, 4, "Password Reset"},
	"user.deactivate":     {accountChange, 5, "Disable"},
	"user.suspend":        {accountChange, 5, "Disable"},
	"user.unlock":         {accountChange, other, "Unlock"},
	"factor.reset_all":    {accountChange, 11, "MFA Factor Disable"},
	"factor.unenroll":     {accountChange, 11, "MFA Factor Disable"},
	"group.add":           {groupManagement, 3, "Add User"},
	"group.remove":        {groupManagement, 4, "Remove User"},
	"app.assign":          {userAccess, 1, "Assign Privileges"},
	"app.unassign":        {userAccess, 2, "Revoke Privileges"},
	"admin_role.assign":   {userAccess, 1, "Assign Privileges"},
	"admin_role.remove":   {userAccess, 2, "Revoke Privileges"},
	"lease.grant":         {userAccess, 1, "Assign Privileges"},
	"lease.end":           {userAccess, 2, "Revoke Privileges"},
	"lease.end_all":       {userAccess, 2, "Revoke Privileges"},
	"task.create":         {entityManagement, 1, "Create"},
	"approval.request":    {entityManagement, 1, "Create"},
	"attachment.add":      {entityManagement, 1, "Create"},
	"approval.withdraw":   {entityManagement, 4, "Delete"},
	"account.snapshot":    {entityManagement, 2, "Read"},
}

// Event is a record as an OCSF event.
type Event struct {
	ActivityID   int      `json:"activity_id"`
	ActivityName string   `json:"activity_name"`
	CategoryUID  int      `json:"category_uid"`
	CategoryName string   `json:"category_name"`
	ClassUID     int      `json:"class_uid"`
	ClassName    string   `json:"class_name"`
	TypeUID      int      `json:"type_uid"`
	TypeName     string   `json:"type_name"`
	Time         int64    `json:"time"` // milliseconds since 1970
	SeverityID   int      `json:"severity_id"`
	Severity     string   `json:"severity"`
	StatusID     int      `json:"status_id"`
	Status       string   `json:"status"`
	StatusDetail string   `json:"status_detail,omitempty"`
	Message      string   `json:"message"`
	Metadata     metadata `json:"metadata"`
	Actor        actor    `json:"actor"`

	User       *uid      `json:"user,omitempty"`
	Group      *uid      `json:"group,omitempty"`
	Privileges []string  `json:"privileges,omitempty"`
	Resource   *resource `json:"resource,omitempty"`
	Entity     *entity   `json:"entity,omitempty"`
	Comment    string    `json:"comment,omitempty"`

	// RawData is the record's text, whose SHA-256 is Unmapped.Hash.
	RawData  string   `json:"raw_data"`
	Unmapped unmapped `json:"unmapped"`
}

type metadata struct {
	Version        string  `json:"version"`
	Product        product `json:"product"`
	UID            string  `json:"uid"`
	CorrelationUID string  `json:"correlation_uid,omitempty"`
	EventCode      string  `json:"event_code"`
	LogName        string  `json:"log_name"`
	LogProvider    string  `json:"log_provider"`
	Sequence       int64   `json:"sequence"`
	OriginalTime   string  `json:"original_time"`
}

type product struct {
	Name       string `json:"name"`
	VendorName string `json:"vendor_name"`
}

type actor struct {
	AppName string `json:"app_name"`
	AppUID  string `json:"app_uid,omitempty"`
}

type uid struct {
	UID  string `json:"uid"`
	Type string `json:"type,omitempty"`
}

type resource struct {
	UID  string `json:"uid"`
	Type string `json:"type,omitempty"`
}

type entity struct {
	UID  string `json:"uid"`
	Type string `json:"type"`
}

// unmapped is what the schema has no attribute for: the proof, and the reason.
type unmapped struct {
	Stream   string        `json:"stream"`
	Seq      int64         `json:"seq"`
	Previous string        `json:"previous"`
	Hash     string        `json:"hash"`
	Phase    string        `json:"phase"`
	Reason   ledger.Reason `json:"reason"`
	Ticket   string        `json:"ticket,omitempty"`
}

// OCSF is a record as an event; ok is false for what is no event for a SIEM: an
// intent, whose outcome follows, and the bookkeeping of a step.
func OCSF(r ledger.Record, body string) (e Event, ok bool) {
	if r.Phase == ledger.Intent || strings.HasPrefix(r.Verb, "step.") {
		return Event{}, false
	}
	a := activityOf(r)
	e = Event{
		ActivityID: a.id, ActivityName: a.name, CategoryUID: categoryIAM, CategoryName: "Identity & Access Management",
		ClassUID: a.class, ClassName: classNames[a.class], TypeUID: a.class*100 + a.id, TypeName: classNames[a.class] + ": " + a.name,
		Time: r.At.UnixMilli(), SeverityID: 1, Severity: "Informational", StatusID: 1, Status: "Success", Message: r.Verb + " of " + r.Target,
		Metadata: metadata{
			Version: OCSFVersion, Product: product{Name: "lifecycle", VendorName: "lifecycle"}, UID: r.Ref(), CorrelationUID: r.Execution,
			EventCode: r.Verb, LogName: "ledger", LogProvider: r.System, Sequence: r.Seq, OriginalTime: r.At.UTC().Format(time.RFC3339Nano),
		},
		Actor: actor{AppName: r.Actor, AppUID: r.Execution}, RawData: body,
		Unmapped: unmapped{Stream: r.Stream, Seq: r.Seq, Previous: r.Previous, Hash: r.Hash, Phase: r.Phase, Reason: r.Reason, Ticket: r.Ticket},
	}
	if e.Actor.AppName == "" {
		e.Actor.AppName = "lifecycle"
	}
	if r.Phase == ledger.Failed {
		e.SeverityID, e.Severity, e.StatusID, e.Status, e.StatusDetail = 2, "Low", 2, "Failure", r.Error
		if r.Uncertain {
			e.StatusID, e.Status = 0, "Unknown"
		}
	}
	e.about(r)
	return e, true
}

func activityOf(r ledger.Record) activity {
	a, known := activities[r.Verb]
	switch {
	case !known && r.Subject != "" && r.System == "okta":
		a = activity{accountChange, other, "Other"}
	case !known:
		a = activity{entityManagement, 3, "Update"}
	case r.Subject == "" && a.class == accountChange && r.Verb == "user.create":
		// The account that is created has no id before Okta gave it one.
	case r.Subject == "" && a.class != entityManagement:
		a = activity{entityManagement, 3, "Update"}
	}
	return a
}

// about fills in what the class requires besides what every event has.
func (e *Event) about(r ledger.Record) {
	kind, id, _ := strings.Cut(r.Target, "/")
	if id == "" {
		kind, id = "record", r.Target
	}
	if id == "" {
		id = r.Stream
	}
	subject := r.Subject
	if subject == "" {
		subject = id
	}
	switch e.ClassUID {
	case accountChange:
		e.User = &uid{UID: subject}
	case groupManagement:
		e.Group, e.User = &uid{UID: id, Type: kind}, &uid{UID: subject}
	case userAccess:
		e.User, e.Privileges, e.Resource = &uid{UID: subject}, []string{r.Target}, &resource{UID: id, Type: kind}
	default:
		e.Entity, e.Comment = &entity{UID: id, Type: kind}, r.Reason.Text
	}
}
