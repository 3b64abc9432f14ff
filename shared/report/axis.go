package report

import "time"

// ticks are marks at round times, at most nine.
func ticks(from, to time.Time) (list []tick) {
	next, layout := spacing(to.Sub(from))
	whole := to.Sub(from).Seconds()
	for t := next(from); t.Before(to) && len(list) < 9; t = next(t) {
		x := 100 * t.Sub(from).Seconds() / whole
		if x > 2 && x < 97 {
			list = append(list, tick{hundredth(x), t.Format(layout)})
		}
	}
	return list
}

// spacing picks the distance of the marks for a length of time: next is the first round time
// after a given one.
func spacing(length time.Duration) (next func(time.Time) time.Time, layout string) {
	for _, step := range []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 12 * time.Hour, 24 * time.Hour, 4 * 24 * time.Hour} {
		if length/step <= 8 {
			layout = "15:04"
			if step < time.Minute {
				layout = "15:04:05"
			}
			if step >= 12*time.Hour {
				layout = "2 Jan"
			}
			return func(t time.Time) time.Time { return t.UTC().Truncate(step).Add(step) }, layout
		}
	}
	months := 1
	for _, months = range []int{1, 2, 3, 6, 12, 24, 60, 120} {
		if length/(time.Duration(months)*30*24*time.Hour) <= 8 {
			break
		}
	}
	return func(t time.Time) time.Time {
		t = t.UTC()
		n := (t.Year()*12 + int(t.Month()) - 1) / months * months
		return time.Date(n/12, time.Month(n%12+1), 1, 0, 0, 0, 0, time.UTC).AddDate(0, months, 0)
	}, "Jan 2006"
}
