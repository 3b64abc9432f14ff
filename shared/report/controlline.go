package report

// ControlLines are the controls that a review is evidence for, each in a sentence with what the
// review shows: for a summary that is read without the page.
func ControlLines(r Review) []string {
	var lines []string
	for _, c := range controlsOf(r) {
		line := c.Framework + " " + c.Ref + ": " + c.Shows
		if c.Partly != "" {
			line += " " + c.Partly
		}
		lines = append(lines, line)
	}
	return lines
}
