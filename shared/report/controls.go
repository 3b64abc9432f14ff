package report

import "fmt"

// control is a requirement of a framework, with what this review shows for it.
type control struct {
	Framework, Ref, Asks string
	// Shows is the evidence, Where it is found.
	Shows, Where string
	// Partly says what the review does not show.
	Partly string
}

// controlsOf maps the review to SOC 2 (Trust Services Criteria 2017, revised points of focus
// 2022), ISO/IEC 27001:2022 annex A and the HIPAA Security Rule. What they ask is in our words:
// the texts themselves are their publishers'.
func controlsOf(r Review) []control {
	f := r.Figures
	held := fmt.Sprintf("%s and %s of %s were compared with approvals and with rules %s", count(f.Memberships, "membership", "memberships"),
		count(f.Assignments, "app assignment", "app assignments"), count(f.People, "person", "people"), or(r.Rules, "in force"))
	unapproved := count(f.Flags[Unapproved], "finding", "findings") + " without approval"
	accounts := fmt.Sprintf("%s and %s with something left", count(f.Flags[Orphan], "orphan account", "orphan accounts"), count(f.Flags[Leaver], "leaver", "leavers"))
	late := count(f.Flags[Overdue], "grant", "grants") + " past the end"
	pairs := count(f.Flags[Incompatible], "incompatible pair", "incompatible pairs")
	decided := fmt.Sprintf("%s to revoke, %s to keep, %s undecided", number(f.Answers[Revoke]), number(f.Answers[Keep]), number(f.Answers[None]))
	admins := count(f.Flags[AdminRole], "administrator", "administrators")
	const soc, iso, hipaa = "SOC 2", "ISO 27001:2022", "HIPAA"
	return []control{
		{soc, "CC6.1", "Access to systems and data is restricted to those who are authorised.", held + "; " + unapproved + ", " + admins + " put before security.", "findings of the kinds No approval and Administrator; findings.csv", ""},
		{soc, "CC6.2", "People are registered and authorised before they get access, and lose it when they no longer need it.", accounts + "; the origin of each grant names its ticket and approver.", "findings of the kinds Orphan account and Leaver; column Origin", ""},
		{soc, "CC6.3", "Access follows roles, least privilege and separation of duties, and is changed and removed in time.", pairs + "; " + late + "; decisions: " + decided + ".", "findings of the kinds Incompatible pair and Past its end; column Decision", ""},
		{iso, "A.5.15", "Rules for access are set and applied.", held + ".", "What was read; the rules document of that version", ""},
		{iso, "A.5.16", "Identities are managed over their whole life.", accounts + "; " + count(f.Flags[Dormant], "dormant account", "dormant accounts") + ".", "findings of the kinds Orphan account, Leaver and Dormant", ""},
		{iso, "A.5.17", "Authentication information is allocated and handled under control.", "Last sign-in of each person; accounts that nobody uses.", "column Last sign-in", "How credentials were issued and reset is shown by the ledger of the tickets, not by this review."},
		{iso, "A.5.18", "Access rights are given, reviewed, changed and removed by the rules.", "This review itself: " + decided + "; what came of each decision stands beside it.", "column Decision, with its ledger record", ""},
		{hipaa, "164.308(a)(3)", "Workforce security: authorisation, clearance and termination of access.", accounts + "; " + unapproved + "; " + decided + ".", "findings of the kinds Leaver and No approval; column Decision", "Clearance of people before they are hired is not in these systems."},
		{hipaa, "164.308(a)(4)", "Information access management: access is authorised, established and modified by policy.", held + "; " + late + "; origin, approver and ledger record of each grant.", "column Origin; findings.csv, origin_record", ""},
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
