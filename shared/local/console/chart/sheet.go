package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// sheet is the grid folded into columns.
type sheet struct {
	width, height float64
	pitch         float64     // from row to row
	rows          int         // of the tallest column
	left          [][]float64 // of each column's lanes
	box           [][]float64 // widths of their boxes
	nodes         []*Node
	tracks        map[string][]span // lines that run side by side, by where
}

// span is a line that occupies a track between two heights.
type span struct {
	from, to float64
	number   int
}

// enough is the scale above which a drawing gains nothing from being larger.
const enough = 1.2

// mostColumns bounds how often the main way is folded.
const mostColumns = 4

// fold gives every node its coordinates, in the number of columns in which the
// drawing comes out largest.
func fold(g *grid, width, height float64) *sheet {
	var best *sheet
	largest := 0.0
	for columns := 1; columns <= mostColumns; columns++ {
		starts := g.cut(columns)
		s := &sheet{pitch: pitch, nodes: g.nodes, tracks: map[string][]span{}}
		s.measure(g, starts)
		scale := math.Min(enough, math.Min(width/s.width, height/s.height))
		if best == nil || scale > largest*1.02 {
			best, largest = s, scale
		}
	}
	best.stretch(width, height)
	best.settle(g.cut(len(best.left)))
	return best
}

// cut finds the rows at which columns begin, where little is torn apart.
func (g *grid) cut(columns int) []int {
	starts := []int{0}
	per := int(math.Ceil(float64(g.rows) / float64(columns)))
	for i := 1; i < columns; i++ {
		wanted := min(starts[i-1]+per, g.rows-1)
		best, least := wanted, 1000
		for row := max(starts[i-1]+1, wanted-5); row <= min(wanted+2, g.rows-1); row++ {
			torn := 2 * abs(row-wanted)
			for lane := 1; lane < mostLanes; lane++ {
				above, below := g.taken[[2]int{row - 1, lane}], g.taken[[2]int{row, lane}]
				if above != nil && below != nil && slices.Contains(g.next[above.Name], below.Name) {
					torn += 6
				}
			}
			if slices.Contains(g.breaks, row) {
				torn -= 20
			}
			if torn < least {
				best, least = row, torn
			}
		}
		starts = append(starts, best)
	}
	return starts
}

func abs(n int) int { return max(n, -n) }

func (s *sheet) measure(g *grid, starts []int) {
	x, tallest := float64(margin), 0
	for i, start := range starts {
		end := g.rows
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		widths := []float64{leastBox}
		for _, n := range g.nodes {
			if n.row < start || n.row >= end {
				continue
			}
			for len(widths) <= n.lane {
				widths = append(widths, leastBox)
			}
			widths[n.lane] = math.Max(widths[n.lane], math.Ceil(float64(len(n.Name))*letter)+padding)
		}
		x += gutter / 2
		var left []float64
		for _, width := range widths {
			left = append(left, x)
			x += width + laneGap
		}
		x += gutter/2 - laneGap
		s.left, s.box = append(s.left, left), append(s.box, widths)
		tallest = max(tallest, end-start)
	}
	s.width, s.rows = x+margin, tallest
	s.height = s.tall()
}

func (s *sheet) tall() float64 { return float64(s.rows-1)*s.pitch + boxHeight + 2*margin + 14 }

// stretch lets the rows use the height that a wide drawing leaves.
func (s *sheet) stretch(width, height float64) {
	for s.pitch < mostPitch {
		s.pitch++
		if s.tall()/s.width > height/width {
			s.pitch--
			break
		}
	}
	s.height = s.tall()
}

// settle writes the coordinates into the nodes.
func (s *sheet) settle(starts []int) {
	for _, n := range s.nodes {
		n.column = 0
		for i, start := range starts {
			if n.row >= start {
				n.column = i
			}
		}
		n.X, n.W, n.H = s.left[n.column][n.lane], s.box[n.column][n.lane], boxHeight
		n.Y = margin + 7 + float64(n.row-starts[n.column])*s.pitch
	}
}

// claim finds a free track for a line between two heights at a place, as near
// to the middle as there is one.
func (s *sheet) claim(where string, a, b float64) int {
	from, to := math.Min(a, b)-2, math.Max(a, b)+2
	for number := 0; ; number++ {
		if !slices.ContainsFunc(s.tracks[where], func(other span) bool {
			return other.number == number && other.from < to && from < other.to
		}) {
			s.tracks[where] = append(s.tracks[where], span{from, to, number})
			return number
		}
	}
}

// point of a line.
type point struct{ x, y float64 }

// line joins points by straight strokes with round corners.
func line(points ...point) string {
	const radius = 6
	var out strings.Builder
	for i, p := range points {
		switch {
		case i == 0:
			fmt.Fprintf(&out, "M%g %g", round(p.x), round(p.y))
		case i == len(points)-1:
			fmt.Fprintf(&out, "L%g %g", round(p.x), round(p.y))
		default:
			before, after := points[i-1], points[i+1]
			r := math.Min(radius, math.Min(distance(before, p), distance(p, after))/2)
			a, b := towards(p, before, r), towards(p, after, r)
			fmt.Fprintf(&out, "L%g %gQ%g %g %g %g", round(a.x), round(a.y), round(p.x), round(p.y), round(b.x), round(b.y))
		}
	}
	return out.String()
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

func distance(a, b point) float64 { return math.Hypot(a.x-b.x, a.y-b.y) }

// towards is the point that far from one on the way to another.
func towards(from, to point, far float64) point {
	d := distance(from, to)
	if d == 0 {
		return from
	}
	return point{from.x + (to.x-from.x)*far/d, from.y + (to.y-from.y)*far/d}
}
