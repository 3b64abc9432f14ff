package report

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// block is a rectangle of a chart. Coordinates are in the units of the chart's view box.
type block struct {
	X, Y, W, H float64
	Class      string
	Title      string
}

// trendChart shows the open findings of this and the earlier reviews by risk, a column each.
type trendChart struct {
	W, H    float64
	Columns []trendColumn
	Grid    []gridLine
	Base    float64
}

type trendColumn struct {
	Label  string
	Total  int
	Counts []int // in the order of risks
	Blocks []block
	X, Y   float64 // of the total above the column
	This   bool
}

type gridLine struct {
	Y     float64
	Label string
}

// trendShown is the most reviews that the chart of the trend shows.
const trendShown = 12

func trendOf(r Review) trendChart {
	points := slices.Clone(r.Trend[max(0, len(r.Trend)-trendShown+1):])
	points = append(points, Point{Review: r.ID, At: r.Began, Figures: r.Figures})
	c := trendChart{W: 640, H: 262, Base: 230}
	const left, top = 40.0, 22.0
	most := 0
	for _, p := range points {
		most = max(most, total(p.Figures.Risks))
	}
	step := niceStep(most)
	ceiling := max(step, step*int(math.Ceil(float64(most)/float64(step))))
	scale := (c.Base - top) / float64(ceiling)
	for n := 0; n <= ceiling; n += step {
		c.Grid = append(c.Grid, gridLine{c.Base - float64(n)*scale, number(n)})
	}
	slot := (c.W - left) / float64(len(points))
	width := math.Min(46, slot*.58)
	for i, p := range points {
		column := trendColumn{Label: shortDay(p.At, r.Began), Total: total(p.Figures.Risks), This: i == len(points)-1}
		x, y := left+slot*(float64(i)+.5)-width/2, c.Base
		for _, k := range slices.Backward(risks) { // the lowest at the bottom
			n := p.Figures.Risks[k]
			h := float64(n) * scale
			if n > 0 {
				y -= h
				column.Blocks = append(column.Blocks, block{round(x), round(y), round(width), round(h), string(k), fmt.Sprintf("%s: %s %s", day(p.At), number(n), k)})
			}
		}
		for _, k := range risks {
			column.Counts = append(column.Counts, p.Figures.Risks[k])
		}
		column.X, column.Y = round(x+width/2), round(y-6)
		c.Columns = append(c.Columns, column)
	}
	return c
}

// niceStep is a distance of grid lines that people count in: at most five lines.
func niceStep(most int) int {
	for step := 1; ; step *= 10 {
		for _, by := range []int{1, 2, 5} {
			if step*by*4 >= most {
				return step * by
			}
		}
	}
}

// shortDay leaves the year out where it is the present one.
func shortDay(t, present time.Time) string {
	if t.Year() == present.Year() {
		return t.UTC().Format("2 Jan")
	}
	return t.UTC().Format("Jan 2006")
}

func total[K comparable](counts map[K]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

func round(x float64) float64 { return math.Round(x*10) / 10 }

// kindsChart shows how many findings of each kind there are, by risk.
type kindsChart struct {
	Rows []kindRow
}

type kindRow struct {
	Flag   Flag
	Label  string
	Total  int
	Blocks []block // in percent
}

func kindsOf(t *tally) (c kindsChart) {
	most := 0
	for _, n := range t.flags {
		most = max(most, n)
	}
	for _, f := range flagsOf(t) {
		row := kindRow{Flag: f, Label: title(f), Total: t.flags[f]}
		x := 0.0
		for _, k := range risks {
			n := t.kinds[f][k]
			if n == 0 {
				continue
			}
			w := 100 * float64(n) / float64(most)
			row.Blocks = append(row.Blocks, block{X: round(x), W: round(w), Class: string(k), Title: fmt.Sprintf("%s: %s %s", title(f), number(n), k)})
			x += w
		}
		c.Rows = append(c.Rows, row)
	}
	slices.SortStableFunc(c.Rows, func(a, b kindRow) int { return b.Total - a.Total })
	return c
}

// answersChart is a ring of what was decided.
type answersChart struct {
	Total int
	Arcs  []arc
	Share string // that is decided
}

type arc struct {
	Label, Class string
	Count        int
	Dash, Gap    float64 // of a circle whose circumference is 100
	Offset       float64
}

func answersOf(t *tally) answersChart {
	c := answersChart{Total: t.open, Share: share100(t.open-t.answers[None], t.open)}
	at := 0.0
	for _, a := range []arc{
		{Label: "Revoke", Class: "revoke", Count: t.answers[Revoke]},
		{Label: "Keep", Class: "keep", Count: t.answers[Keep]},
		{Label: "To decide", Class: "none", Count: t.answers[None]},
	} {
		if t.open > 0 {
			a.Dash = round(100 * float64(a.Count) / float64(t.open))
		}
		a.Gap = round(100 - a.Dash)
		a.Offset = round(math.Mod(125-at, 100)) // begins at the top
		at += a.Dash
		c.Arcs = append(c.Arcs, a)
	}
	return c
}
