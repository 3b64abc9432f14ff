package report

// tally counts findings while they pass. Its size depends on how many reviewers there are, not
// on how many findings.
type tally struct {
	all       int
	open      int // all but the fixed ones
	flags     map[Flag]int
	risks     map[Risk]int
	standings map[Standing]int
	answers   map[Answer]int
	kinds     map[Flag]map[Risk]int
	reviewers map[string]*share
}

// share is one reviewer's part.
type share struct {
	open, decided int
	risks         map[Risk]int
}

func newTally() *tally {
	return &tally{
		flags: map[Flag]int{}, risks: map[Risk]int{}, standings: map[Standing]int{}, answers: map[Answer]int{},
		kinds: map[Flag]map[Risk]int{}, reviewers: map[string]*share{},
	}
}

func (t *tally) count(f Finding) {
	t.all++
	t.standings[f.Standing]++
	if f.Standing == Fixed {
		return
	}
	t.open++
	t.flags[f.Flag]++
	t.risks[f.Risk]++
	t.answers[f.Decision.Answer]++
	if t.kinds[f.Flag] == nil {
		t.kinds[f.Flag] = map[Risk]int{}
	}
	t.kinds[f.Flag][f.Risk]++
	s := t.reviewers[f.Reviewer]
	if s == nil {
		s = &share{risks: map[Risk]int{}}
		t.reviewers[f.Reviewer] = s
	}
	s.open++
	s.risks[f.Risk]++
	if f.Decision.Answer != None {
		s.decided++
	}
}

// figures are the review's, with what was counted in place of what was noted: so that the page,
// the tables and the manifest agree whatever happened in between.
func (t *tally) figures(f Figures) Figures {
	f.Flags, f.Risks, f.Standings, f.Answers = t.flags, t.risks, t.standings, t.answers
	return f
}
