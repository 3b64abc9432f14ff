package servicenow

// Tables and columns that stand in several places.
const (
	incidents     = "incident"
	tasks         = "task"
	requestItems  = "sc_req_item"
	catalogTasks  = "sc_task"
	journals      = "sys_journal_field"
	idColumn      = "sys_id"
	stateColumn   = "state"
	nameColumn    = "name"
	valueColumn   = "value"
	activeColumn  = "active"
	userColumn    = "user"
	emailColumn   = "email"
	numberColumn  = "employee_number"
	managerColumn = "manager"
	zoneColumn    = "time_zone"
	loginColumn   = "user_name"
	elementColumn = "element"
	askedColumn   = "approver"
	aboutColumn   = "sysapproval"
	sourceColumn  = "source_table"
	lockedColumn  = "locked_out"
	publicNotes   = "comments"
	internalNotes = "work_notes"
	closeNotes    = "close_notes"
	ownerTable    = "table_name"
	ownerColumn   = "table_sys_id"
)

// Truth as the Table API writes it.
const (
	yes = "true"
	no  = "false"
)
