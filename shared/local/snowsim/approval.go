package snowsim

import "slices"

// The states of an approval (FACTS).
const (
	NotRequested = "not requested"
	Requested    = "requested"
	Approved     = "approved"
	Rejected     = "rejected"
	Withdrawn    = "cancelled"
	NotRequired  = "not_required"
	Skipped      = "skipped"
)

var undecided = []string{NotRequested, Requested}

// beforeApproval fills in what an approval's maker may leave out.
func (s *Sim) beforeApproval(w *write) {
	task := s.tables["task"].shelf.find(w.get("sysapproval"))
	if task == nil {
		return
	}
	if w.get("source_table") == "" {
		w.set["source_table"] = task.table.name
	}
	if w.get("document_id") == "" {
		w.set["document_id"] = task.id
	}
}

// withdrawApprovals ends what is still asked about a cancelled task (FACTS).
func (s *Sim) withdrawApprovals(task *record) {
	for _, r := range slices.Clone(s.tables["sysapproval_approver"].shelf.by("sysapproval", task.id)) {
		s.settleApproval(r)
	}
}

func (s *Sim) settleApproval(r *record) {
	if slices.Contains(undecided, r.get("state")) {
		s.must(s.update(platform, r, map[string]string{"state": NotRequired}))
	}
}

// askGroup asks each active member of the group that a group approval names.
func (s *Sim) askGroup(group *record) {
	for _, member := range slices.Clone(s.tables["sys_user_grmember"].shelf.by("group", group.get("assignment_group"))) {
		user := s.tables["sys_user"].shelf.find(member.get("user"))
		if user == nil || user.get("active") != "true" {
			continue
		}
		_, refusal := s.create(platform, s.tables["sysapproval_approver"], "", map[string]string{
			"sysapproval": group.get("parent"), "group": group.id, "approver": user.id, "state": Requested,
		})
		s.must(refusal)
	}
	s.must(s.update(platform, group, map[string]string{"approval": Requested}))
}

// rollUp decides a group approval by its members' answers: one rejection rejects
// it; wait_for says whether one approval is enough or all are needed.
func (s *Sim) rollUp(answered *record) {
	group := s.tables["sysapproval_group"].shelf.find(answered.get("group"))
	if group == nil || group.get("approval") != Requested {
		return
	}
	open := 0
	members := slices.Clone(s.tables["sysapproval_approver"].shelf.by("group", group.id))
	for _, r := range members {
		if slices.Contains(undecided, r.get("state")) {
			open++
		}
	}
	state := answered.get("state")
	if state != Rejected && (state != Approved || group.get("wait_for") == "all" && open > 0) {
		return
	}
	s.must(s.update(platform, group, map[string]string{"approval": state}))
	for _, r := range members {
		s.settleApproval(r)
	}
}

// must is for what the platform does itself, which nothing may refuse.
func (s *Sim) must(refusal *Error) {
	if refusal != nil {
		panic("snowsim: the platform was refused: " + refusal.Error())
	}
}
