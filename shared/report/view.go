package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// reviewersPerPage is the most reviewers that the table of reviewers lists.
const reviewersPerPage = 500

// reviewView is the page of a review.
type reviewView struct {
	shell
	Review
	Manifest Manifest
	// Own names the reviewer whose page it is; empty on the page of all.
	Own      string
	Findings int // open ones
	Undone   int // of them without a decision
	Shown    int
	Each     int // the most of one reviewer's that are shown
	Tiles    []tile
	Trend    trendChart
	Kinds    kindsChart
	Answers  answersChart
	Desks    []desk
	Others   int // reviewers that are not listed
	Fixed    []Finding
	FixedAll int
	Controls []control
	Read     []readFigure
	Calls    []readFigure
	Risks    []choice
	Flags    []choice
}

// desk is a reviewer and what lies before them.
type desk struct {
	Reviewer
	ID       string // of the element
	Open     int
	Decided  int
	Critical int
	High     int
	Rows     []row
}

// More is how many findings of the reviewer the page does not show.
func (d desk) More() int { return d.Open - len(d.Rows) }

// Left is how many of them are undecided.
func (d desk) Left() int { return d.Open - d.Decided }

// Share is how much is decided, in percent.
func (d desk) Share() int {
	if d.Open == 0 {
		return 100
	}
	return 100 * d.Decided / d.Open
}

// row is a finding as the page shows it.
type row struct {
	Finding
	Rank int // 0 is the riskiest
	No   int // among the reviewer's, in the order in which they were put before them
}

// tile is a figure of the summary.
type tile struct {
	Label, Value, Note string
	Tone               string
}

// readFigure is one of the figures of what was read.
type readFigure struct {
	Label string
	Value string
}

// choice is an option of a filter.
type choice struct {
	Value, Label string
	Count        int
}

var (
	risks  = []Risk{Critical, High, Medium, Low}
	kinds  = []Flag{Leaver, Orphan, Incompatible, AdminRole, Unapproved, Overdue, Dormant, DirectAssignment, NotDelivered}
	titles = map[string]string{
		string(Unapproved): "No approval", string(Overdue): "Past its end", string(Orphan): "Orphan account",
		string(Leaver): "Leaver with access", string(Dormant): "Dormant", string(Incompatible): "Incompatible pair",
		string(AdminRole): "Administrator", string(DirectAssignment): "Direct assignment", string(NotDelivered): "Not delivered",
	}
)

// title is a flag in words.
func title(f Flag) string { return cmp.Or(titles[string(f)], sentence(string(f))) }

// rank is the place of a risk: a smaller one is decided first.
func rank(r Risk) int {
	if i := slices.Index(risks, r); i >= 0 {
		return i
	}
	return len(risks)
}

// ranked sorts what was kept, which is sorted already where findings came riskiest first.
func ranked(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.Rank, b.Rank) })
	return rows
}

// page is the review as the page shows it.
func (w *writing) page(r Review) reviewView {
	v := reviewView{
		shell: sheet, Review: r, Manifest: w.manifest, Findings: w.tally.open, Undone: w.tally.answers[None], Each: w.shown.each,
		Fixed: w.shown.fixed, FixedAll: w.tally.standings[Fixed],
	}
	w.manifest.sort()
	v.Desks = w.desks(r)
	for _, d := range v.Desks {
		v.Shown += len(d.Rows)
		if w.shown.reviewer != "" {
			v.Own = cmp.Or(d.Name, d.Reviewer.ID)
		}
	}
	if v.Own == "" && w.shown.reviewer != "" {
		v.Own = w.shown.reviewer
	}
	v.Tiles, v.Kinds, v.Answers = tilesOf(r, w.tally, v.Own), kindsOf(w.tally), answersOf(w.tally)
	if v.Own == "" {
		v.Trend, v.Controls, v.Read, v.Calls = trendOf(r), controlsOf(r), readOf(r.Figures), callsOf(r.Figures)
		if len(v.Desks) > reviewersPerPage {
			v.Others = len(v.Desks) - reviewersPerPage
		}
	}
	for _, k := range risks {
		v.Risks = append(v.Risks, choice{string(k), sentence(string(k)), w.tally.risks[k]})
	}
	for _, f := range flagsOf(w.tally) {
		v.Flags = append(v.Flags, choice{string(f), title(f), w.tally.flags[f]})
	}
	return v
}

// desks are the reviewers with something before them, who has the riskiest first.
func (w *writing) desks(r Review) []desk {
	known := map[string]Reviewer{}
	for _, reviewer := range r.Reviewers {
		known[reviewer.ID] = reviewer
	}
	var list []desk
	for id, s := range w.tally.reviewers {
		reviewer, found := known[id]
		if !found {
			reviewer = Reviewer{ID: id, Name: cmp.Or(id, "Nobody yet")}
		}
		reviewer.Count = s.open
		reviewer.Name = cmp.Or(reviewer.Name, id)
		list = append(list, desk{
			Reviewer: reviewer, Open: s.open, Decided: s.decided, Critical: s.risks[Critical], High: s.risks[High],
			Rows: ranked(w.shown.open[id]),
		})
	}
	slices.SortFunc(list, func(a, b desk) int {
		return cmp.Or(cmp.Compare(b.Critical, a.Critical), cmp.Compare(b.High, a.High), cmp.Compare(b.Open, a.Open),
			strings.Compare(a.Name, b.Name), strings.Compare(a.Reviewer.ID, b.Reviewer.ID))
	})
	for i := range list {
		list[i].ID = fmt.Sprintf("r%d", i+1)
	}
	return list
}

// Urgent is how many findings are critical.
func (v reviewView) Urgent() int { return v.Figures.Risks[Critical] }

// Revoked and Kept are how many were decided so.
func (v reviewView) Revoked() int { return v.Figures.Answers[Revoke] }
func (v reviewView) Kept() int    { return v.Figures.Answers[Keep] }

// Answerable says that this is a page on which an answer is composed.
func (v reviewView) Answerable() bool { return v.Own != "" && v.Closed.IsZero() && v.Undone > 0 }

// Listed are the reviewers that the table lists.
func (v reviewView) Listed() []desk { return v.Desks[:min(len(v.Desks), reviewersPerPage)] }

// flagsOf are the flags that were found, those first that the page explains.
func flagsOf(t *tally) []Flag {
	var found, others []Flag
	for _, f := range kinds {
		if t.flags[f] > 0 {
			found = append(found, f)
		}
	}
	for f := range t.flags {
		if !slices.Contains(kinds, f) {
			others = append(others, f)
		}
	}
	slices.Sort(others)
	return append(found, others...)
}

func tilesOf(r Review, t *tally, own string) []tile {
	urgent := t.risks[Critical] + t.risks[High]
	decided := t.open - t.answers[None]
	compared := since(r, t.open)
	if own != "" {
		compared = "to be decided by " + day(r.Due)
	}
	tiles := []tile{
		{Label: "Open findings", Value: number(t.open), Note: compared},
		{Label: "Critical or high", Value: number(urgent), Note: number(t.risks[Critical]) + " critical", Tone: toneIf(t.risks[Critical] > 0, "bad")},
		{Label: "New", Value: number(t.standings[New]), Note: number(t.standings[Open]) + " open since before"},
		{Label: "Fixed", Value: number(t.standings[Fixed]), Note: "since the last review", Tone: toneIf(t.standings[Fixed] > 0, "good")},
	}
	decisions := tile{Label: "Decided", Value: share100(decided, t.open), Note: number(decided) + " of " + number(t.open)}
	if t.answers[None] == 0 && t.open > 0 {
		decisions.Tone = "good"
	}
	return append(tiles, decisions, tile{
		Label: "To revoke", Value: number(t.answers[Revoke]), Note: number(t.answers[Keep]) + " to keep",
	})
}

func toneIf(so bool, tone string) string {
	if so {
		return tone
	}
	return ""
}

// since compares with the review before.
func since(r Review, open int) string {
	if len(r.Trend) == 0 {
		return "the first review"
	}
	last := r.Trend[len(r.Trend)-1]
	before := 0
	for _, n := range last.Figures.Risks {
		before += n
	}
	switch {
	case open < before:
		return fmt.Sprintf("%s fewer than on %s", number(before-open), day(last.At))
	case open > before:
		return fmt.Sprintf("%s more than on %s", number(open-before), day(last.At))
	}
	return "as many as on " + day(last.At)
}

func share100(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%d %%", 100*part/whole)
}

func readOf(f Figures) []readFigure {
	return []readFigure{
		{"People", number(f.People)}, {"Groups", number(f.Groups)}, {"Apps", number(f.Apps)},
		{"Memberships", number(f.Memberships)}, {"App assignments", number(f.Assignments)},
	}
}

func callsOf(f Figures) (list []readFigure) {
	for bucket, n := range f.Calls {
		list = append(list, readFigure{bucket, number(n)})
	}
	slices.SortFunc(list, func(a, b readFigure) int { return strings.Compare(a.Label, b.Label) })
	return list
}
