package chart

import "slices"

// way knows how the graph runs when its loops are left out.
type way struct {
	*graph
	back   map[[2]string]bool
	length map[string]int
	onward map[string]string // the first step of the longest way
}

func newWay(g *graph) *way {
	w := &way{graph: g, back: map[[2]string]bool{}, length: map[string]int{}, onward: map[string]string{}}
	const fresh, open, done = 0, 1, 2
	colour := map[string]int{}
	var visit func(name string)
	visit = func(name string) {
		colour[name] = open
		for _, to := range g.next[name] {
			switch colour[to] {
			case open:
				w.back[[2]string{name, to}] = true
			case fresh:
				visit(to)
			}
		}
		colour[name] = done
		w.length[name] = 1
		if g.byID[name].Type == "Fail" {
			w.length[name] = -len(g.nodes) // any way to a good end is longer
		}
		first := true
		for _, to := range g.next[name] {
			if !w.back[[2]string{name, to}] && (first || w.length[to]+1 > w.length[name]) {
				w.length[name], w.onward[name], first = w.length[to]+1, to, false
			}
		}
	}
	visit(g.start)
	for _, n := range g.nodes {
		if colour[n.Name] == fresh {
			visit(n.Name)
		}
	}
	return w
}

// detour is how many steps at most are a way round, rather than the way.
const detour = 10

// main is the step of the main way from a state, among those that may be taken:
// towards the most that is still to come, but not by a way round that comes back
// to another of its own successors a few steps later.
func (w *way) main(from string, free func(string) bool) string {
	var open []string
	for _, to := range w.next[from] {
		if !w.back[[2]string{from, to}] && free(to) {
			open = append(open, to)
		}
	}
	if len(open) == 0 {
		return ""
	}
	best := slices.MaxFunc(open, func(a, b string) int { return w.length[a] - w.length[b] })
	at := best
	for steps := 1; steps <= detour; steps++ {
		if at = w.onward[at]; at == "" {
			break
		}
		if slices.Contains(open, at) && w.length[at] > steps {
			best, steps = at, 0
		}
	}
	return best
}

// before are the states that lead to one, loops left out.
func (w *way) before(name string) (list []string) {
	for _, n := range w.nodes {
		if slices.Contains(w.next[n.Name], name) && !w.back[[2]string{n.Name, name}] {
			list = append(list, n.Name)
		}
	}
	return list
}
