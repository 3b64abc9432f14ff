package detect

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// window is what a rule remembers for one key: the latest sightings, and when its
// threshold was passed.
type window struct {
	Sightings []Sighting `json:"s"`
	// Passed are the moments, in milliseconds since 1970, at which the threshold
	// was reached, the latest few.
	Passed []int64 `json:"p,omitempty"`
}

const (
	// patience is how late an event may come and still be counted with those of
	// its time.
	patience = 6 * time.Hour
	// mostPassed is how many moments are kept: enough for those who come after.
	mostPassed = 50
	// mostSightings of one window keep an item within what DynamoDB writes
	// cheaply; a threshold is 100 at most.
	mostSightings = 250
)

// add merges sightings into the window and then drops what no later event can
// need. full is everything that was there in between, by time; grown says whether
// anything is new.
func (w *window) add(fresh []Sighting, keep int, reach time.Duration) (full []Sighting, grown bool) {
	known := make(map[string]bool, len(w.Sightings)+len(fresh))
	full = slices.Clone(w.Sightings)
	for _, s := range full {
		known[s.UUID] = true
	}
	for _, s := range fresh {
		if !known[s.UUID] {
			known[s.UUID], grown = true, true
			full = append(full, s)
		}
	}
	if !grown {
		return full, false
	}
	slices.SortStableFunc(full, func(a, b Sighting) int { return cmp.Compare(a.At, b.At) })
	oldest := full[len(full)-1].At - (reach + patience).Milliseconds()
	recent := full[slices.IndexFunc(full, func(s Sighting) bool { return s.At >= oldest }):]
	w.Sightings = thinned(recent, keep)
	return full, true
}

// thinned keeps of every value the latest few and of all the latest, so that one
// value that comes again and again does not push the others out.
func thinned(all []Sighting, keep int) []Sighting {
	const perValue = 3
	if len(all) <= keep {
		return slices.Clone(all)
	}
	seen := map[string]int{}
	kept := make([]Sighting, 0, keep)
	for _, s := range slices.Backward(all) {
		if s.Value != "" {
			if seen[s.Value]++; seen[s.Value] > perValue {
				continue
			}
		}
		if kept = append(kept, s); len(kept) == keep {
			break
		}
	}
	slices.Reverse(kept)
	return kept
}

// note keeps the latest moments at which the threshold was reached, and reports
// whether they are others than before.
func (w *window) note(passed []int64) bool {
	all := slices.Concat(w.Passed, passed)
	slices.Sort(all)
	all = slices.Compact(all)
	all = all[max(0, len(all)-mostPassed):]
	changed := !slices.Equal(all, w.Passed)
	w.Passed = all
	return changed
}

// crowds finds the stretches in which the threshold is passed: all sightings in
// any of them that holds one of those that are asked about, and the moments at
// which one was reached.
func (c *counting) crowds(all []Sighting, asked map[string]bool) (in []Sighting, passed []int64) {
	edges := make([]int, len(all)+1) // +1 where a stretch begins, -1 behind its end
	values := map[string]int{}
	first, askedIn := 0, 0
	for last, s := range all {
		values[c.valueOf(s)]++
		if asked[s.UUID] {
			askedIn++
		}
		for s.At-all[first].At > c.within.Milliseconds() {
			v := c.valueOf(all[first])
			if values[v]--; values[v] == 0 {
				delete(values, v)
			}
			if asked[all[first].UUID] {
				askedIn--
			}
			first++
		}
		if len(values) < c.count {
			continue
		}
		passed = append(passed, s.At)
		if askedIn > 0 {
			edges[first]++
			edges[last+1]--
		}
	}
	depth := 0
	for i, s := range all {
		if depth += edges[i]; depth > 0 {
			in = append(in, s)
		}
	}
	return in, passed
}

// valueOf is what is counted: different values, or every event.
func (c *counting) valueOf(s Sighting) string {
	if c.of == nil {
		return s.UUID
	}
	return s.Value
}

// jumps finds the sightings of which two are further apart than can be travelled,
// one of them being asked about.
func (t *travel) jumps(all []Sighting, asked map[string]bool) []Sighting {
	member := make([]bool, len(all))
	for i, a := range all {
		for j := i + 1; j < len(all); j++ {
			b := all[j]
			if !asked[a.UUID] && !asked[b.UUID] || b.At-a.At > t.within.Milliseconds() {
				continue
			}
			km := distance(a, b)
			hours := max(float64(b.At-a.At)/float64(time.Hour.Milliseconds()), 1.0/60)
			if km >= t.km && km/hours >= t.kmh {
				member[i], member[j] = true, true
			}
		}
	}
	var in []Sighting
	for i, s := range all {
		if member[i] {
			in = append(in, s)
		}
	}
	return in
}

// distance is how far apart two sightings are, in kilometres along a great circle.
func distance(a, b Sighting) float64 {
	const radius = 6371
	rad := func(degrees float64) float64 { return degrees * math.Pi / 180 }
	lat, lon := rad(b.Lat-a.Lat), rad(b.Lon-a.Lon)
	h := math.Pow(math.Sin(lat/2), 2) + math.Cos(rad(a.Lat))*math.Cos(rad(b.Lat))*math.Pow(math.Sin(lon/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(h)))
}

// followed finds the sightings that come no later than within after one of the
// moments.
func (a *after) followed(all []Sighting, moments []int64) []Sighting {
	var in []Sighting
	for _, s := range all {
		if slices.ContainsFunc(moments, func(at int64) bool { return at <= s.At && s.At-at <= a.within.Milliseconds() }) {
			in = append(in, s)
		}
	}
	return in
}
