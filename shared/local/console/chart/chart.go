// Package chart draws a state machine: it reads a definition in the States
// Language and gives every state a place and every transition a line, so that
// the process can be read like a page of text.
//
// The main way runs down, folded into as many columns as fit the area best; what
// leaves it stands to the right of where it leaves. Loops are led round the
// side. Which way is the main one is not in the definition: it is the one with
// most still to come (see way.main). Transitions of caught errors are no part of
// the drawing, because nearly every state has one; Line draws one when it was
// taken.
package chart

import (
	"cmp"
	"slices"
)

// Node is a state in its place; lengths are in units of the drawing.
type Node struct {
	Name, Type, Comment string
	X, Y, W, H          float64
	// Apart begins a part that only caught errors lead to.
	Apart bool

	row, lane, column int
}

// Edge is a transition.
type Edge struct {
	From, To string
	// Path is the line in SVG's path language.
	Path string
	// Far lines cross other parts of the drawing.
	Far bool
}

// Chart is a drawing.
type Chart struct {
	Nodes         []*Node
	Edges         []Edge
	Width, Height float64

	byName map[string]*Node
	sheet  *sheet
}

// Measures of the drawing.
const (
	boxHeight = 20
	leastBox  = 96
	pitch     = 27 // from row to row, at least
	mostPitch = 38 // and at most, where there is room
	laneGap   = 26
	gutter    = 40 // between columns
	margin    = 6
	track     = 5   // between lines that run side by side
	letter    = 6.1 // at 11 units
	padding   = 30  // in a box, besides its text
)

// New draws a definition for an area of that proportion.
func New(definition string, width, height float64) (*Chart, error) {
	parsed, err := parse(definition)
	if err != nil {
		return nil, err
	}
	g := newGrid(newWay(parsed))
	c := &Chart{Nodes: parsed.nodes, byName: parsed.byID}
	c.sheet = fold(g, width, height)
	c.Width, c.Height = c.sheet.width, c.sheet.height
	for _, n := range parsed.nodes {
		for _, to := range parsed.next[n.Name] {
			c.Edges = append(c.Edges, c.sheet.edge(n, c.byName[to]))
		}
	}
	// What lies below is drawn first.
	slices.SortStableFunc(c.Edges, func(a, b Edge) int { return cmp.Compare(weight(a), weight(b)) })
	return c, nil
}

func weight(e Edge) int {
	if e.Far {
		return 0
	}
	return 1
}

// Line is the line of a transition that is not drawn, such as that of a caught
// error; ok is false when there are no such states.
func (c *Chart) Line(from, to string) (e Edge, ok bool) {
	a, b := c.byName[from], c.byName[to]
	if a == nil || b == nil {
		return Edge{}, false
	}
	return c.sheet.edge(a, b), true
}

// Has tells whether the transition is drawn.
func (c *Chart) Has(from, to string) bool {
	return slices.ContainsFunc(c.Edges, func(e Edge) bool { return e.From == from && e.To == to })
}
