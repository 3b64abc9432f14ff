package chart

import (
	"cmp"
	"slices"
)

// grid gives every state a row and a lane of its own: the main way down lane 0,
// what leaves it to the right of where it leaves.
type grid struct {
	*way
	taken  map[[2]int]*Node // by row and lane
	placed map[string]bool
	rows   int
	breaks []int // rows before which nothing runs on, such as where a way begins
}

const mostLanes = 2

func newGrid(w *way) *grid {
	g := &grid{way: w, taken: map[[2]int]*Node{}, placed: map[string]bool{}}
	g.lay(w.start)
	for _, n := range w.nodes { // reached by caught errors alone
		if !g.placed[n.Name] {
			g.rows++ // a blank row
			g.breaks = append(g.breaks, g.rows)
			n.Apart = true
			g.lay(n.Name)
		}
	}
	return g
}

func (g *grid) put(name string, row, lane int) {
	n := g.byID[name]
	n.row, n.lane = row, lane
	g.taken[[2]int{row, lane}], g.placed[name] = n, true
	g.rows = max(g.rows, row+1)
}

func (g *grid) free(name string) bool { return !g.placed[name] }

// lay places everything that can be reached from a state and has no place yet.
func (g *grid) lay(root string) {
	var spine []string
	for name := root; name != ""; name = g.main(name, g.free) {
		g.put(name, g.rows, 0)
		spine = append(spine, name)
	}
	var late []string
	for i := 0; i < len(spine); i++ {
		for _, to := range g.next[spine[i]] {
			if g.placed[to] || slices.Contains(late, to) {
				continue
			}
			if g.spread(to) {
				late = append(late, to)
				continue
			}
			spine = append(spine, g.aside(to, g.byID[spine[i]].row)...)
		}
	}
	for _, name := range late {
		if g.free(name) {
			more := g.aside(name, g.beforeSuccessor(name))
			for _, from := range more {
				for _, to := range g.next[from] {
					if g.free(to) {
						g.aside(to, g.byID[from].row)
					}
				}
			}
		}
	}
}

// spread tells whether a state is come to from places far apart, so that it
// stands better near where it leads to.
func (g *grid) spread(name string) bool {
	before := g.before(name)
	if len(before) < 2 || len(g.next[name]) == 0 {
		return false
	}
	var rows []int
	for _, from := range before {
		if g.placed[from] {
			rows = append(rows, g.byID[from].row)
		}
	}
	return len(rows) < len(before) || slices.Max(rows)-slices.Min(rows) > 3
}

// beforeSuccessor is the row from which a state leads best to where it goes.
func (g *grid) beforeSuccessor(name string) int {
	for _, to := range g.next[name] {
		if g.placed[to] {
			return max(0, g.byID[to].row-1)
		}
	}
	return g.rows
}

// aside places a state and what follows it from there alone to the right of the
// main way, as near to the row as there is room; it returns their names.
func (g *grid) aside(name string, row int) []string {
	var chain []string
	for at := name; at != "" && g.free(at) && !slices.Contains(chain, at); at = g.main(at, g.free) {
		if at != name && g.spread(at) {
			break
		}
		chain = append(chain, at)
	}
	type place struct{ row, lane int }
	var places []place
	for r := max(0, row-1); r <= row+8; r++ {
		for lane := 1; lane < mostLanes; lane++ {
			if g.room(r, lane, len(chain)) {
				places = append(places, place{r, lane})
			}
		}
	}
	if len(places) == 0 {
		places = []place{{g.rows, 1}}
	}
	cost := func(p place) int {
		far := (p.row - row) * 2
		if far < 0 {
			far = 5 // above is the wrong way
		}
		return far + p.lane*7
	}
	best := slices.MinFunc(places, func(a, b place) int { return cmp.Compare(cost(a), cost(b)) })
	for i, at := range chain {
		g.put(at, best.row+i, best.lane)
	}
	return chain
}

func (g *grid) room(row, lane, length int) bool {
	for r := row; r < row+length; r++ {
		if g.taken[[2]int{r, lane}] != nil || r >= g.rows {
			return false
		}
	}
	return true
}
