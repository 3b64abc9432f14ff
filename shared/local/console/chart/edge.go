package chart

import (
	"fmt"
	"math"
)

func (n *Node) right() float64  { return n.X + n.W }
func (n *Node) middle() float64 { return n.Y + n.H/2 }
func (n *Node) centre() float64 { return n.X + n.W/2 }
func (n *Node) bottom() float64 { return n.Y + n.H }

// arrow is how far a line ends before the box, for the head to fit.
const arrow = 2

// edge leads a line from one state to another.
func (s *sheet) edge(a, b *Node) Edge {
	e := Edge{From: a.Name, To: b.Name}
	switch {
	case a == b:
		e.Path = s.side(a, b)
	case a.column != b.column:
		e.Path, e.Far = s.across(a, b)
	case a.lane == b.lane && b.row == a.row+1:
		e.Path = line(point{a.centre(), a.bottom()}, point{b.centre(), b.Y - arrow})
	case a.lane == b.lane:
		e.Path = s.side(a, b)
	case a.row == b.row && abs(a.lane-b.lane) == 1:
		from, to := a.right(), b.X-arrow
		if b.lane < a.lane {
			from, to = a.X, b.right()+arrow
		}
		e.Path = line(point{from, a.middle()}, point{to, b.middle()})
	default:
		e.Path = s.aside(a, b)
	}
	return e
}

// side leads a line between two states of one lane round those between them:
// on the left of the main way, on the right of the others.
func (s *sheet) side(a, b *Node) string {
	y1, y2 := a.middle()+4, b.middle()-4
	if b.row < a.row {
		y1, y2 = a.middle()-4, b.middle()+4
	}
	offset := 8 + track*float64(min(3, s.claim(fmt.Sprint("side", a.column, a.lane), y1, y2)))
	if a.lane == 0 {
		x := a.X - offset
		return line(point{a.X, y1}, point{x, y1}, point{x, y2}, point{b.X - arrow, y2})
	}
	x := a.right() + offset
	return line(point{a.right(), y1}, point{x, y1}, point{x, y2}, point{b.right() + arrow, y2})
}

// aside leads a line between two lanes of a column, through the gap between
// them.
func (s *sheet) aside(a, b *Node) string {
	left, right := a, b
	if b.lane < a.lane {
		left, right = b, a
	}
	y1, y2 := a.middle(), b.middle()
	if left == b { // comes back: below the line that went out
		y1, y2 = a.middle()+4, b.middle()+4
		if b.row > a.row {
			y2 = b.middle() - 4
		}
	}
	offset := track * float64(min(2, s.claim(fmt.Sprint("gap", a.column, left.lane), y1, y2)))
	x := left.right() + 7 + offset
	if right.lane-left.lane > 1 { // over the lane between, where rows part
		between := right.Y - (s.pitch-boxHeight)/2
		far := right.X - 8
		points := []point{{left.right(), left.middle()}, {x, left.middle()}, {x, between}, {far, between}, {far, right.middle()}, {right.X - arrow, right.middle()}}
		if left == b {
			points = []point{{right.X, right.middle()}, {far, right.middle()}, {far, between}, {x, between}, {x, left.middle() + 5}, {left.right() + arrow, left.middle() + 5}}
		}
		return line(points...)
	}
	if left == a {
		return line(point{a.right(), y1}, point{x, y1}, point{x, y2}, point{b.X - arrow, y2})
	}
	return line(point{a.X, y1}, point{x, y1}, point{x, y2}, point{b.right() + arrow, y2})
}

// across leads a line to another column: the main way round the end of the
// column, others by a curve over what lies between.
func (s *sheet) across(a, b *Node) (path string, far bool) {
	if a.lane == 0 && b.lane == 0 && b.column == a.column+1 && b.row == a.row+1 {
		x := b.X - gutter/2
		down, up := a.bottom()+6, b.Y-6
		return line(point{a.centre(), a.bottom()}, point{a.centre(), down}, point{x, down}, point{x, up}, point{b.centre(), up}, point{b.centre(), b.Y - arrow}), false
	}
	from, to := point{a.right(), a.middle()}, point{b.X - arrow, b.middle()}
	if b.column < a.column {
		from, to = point{a.X, a.middle()}, point{b.right() + arrow, b.middle()}
	}
	bend := math.Copysign(math.Max(30, math.Abs(to.x-from.x)/2), to.x-from.x)
	return fmt.Sprintf("M%g %gC%g %g %g %g %g %g", round(from.x), round(from.y), round(from.x+bend), round(from.y), round(to.x-bend), round(to.y), round(to.x), round(to.y)), true
}
