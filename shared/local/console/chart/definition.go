package chart

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// state is a state of the States Language as far as it is drawn.
type state struct {
	Type, Comment, Next, Default string
	Choices                      []struct{ Next string }
	Branches                     []machine
	Iterator, ItemProcessor      *machine
}

// machine is a definition, or a branch of one.
type machine struct {
	StartAt string
	States  ordered
}

// ordered are states in the order in which the author wrote them, which is the
// order of the process.
type ordered []named

type named struct {
	name string
	state
}

// UnmarshalJSON keeps the order of the keys.
func (o *ordered) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		name, isText := key.(string)
		if !isText {
			return errors.New("a state without a name")
		}
		n := named{name: name}
		if err := d.Decode(&n.state); err != nil {
			return fmt.Errorf("state %s: %w", name, err)
		}
		*o = append(*o, n)
	}
	return nil
}

// graph is a definition as nodes and edges, those of branches among them.
type graph struct {
	nodes []*Node
	byID  map[string]*Node
	next  map[string][]string // forward or back, without caught errors; each once
	start string
}

func parse(definition string) (*graph, error) {
	var m machine
	if err := json.Unmarshal([]byte(definition), &m); err != nil {
		return nil, fmt.Errorf("the state machine cannot be drawn: %w", err)
	}
	g := &graph{byID: map[string]*Node{}, next: map[string][]string{}, start: m.StartAt}
	g.add(m)
	for from, to := range g.next {
		g.next[from] = slices.DeleteFunc(to, func(name string) bool { return g.byID[name] == nil })
	}
	if g.byID[g.start] == nil {
		return nil, fmt.Errorf("the state machine cannot be drawn: it has no state %q to start at", g.start)
	}
	return g, nil
}

func (g *graph) add(m machine) {
	for _, s := range m.States {
		if g.byID[s.name] != nil {
			continue // names are unique in a machine that loads
		}
		n := &Node{Name: s.name, Type: s.Type, Comment: s.Comment}
		g.nodes = append(g.nodes, n)
		g.byID[s.name] = n
		inner := slices.Clone(s.Branches)
		for _, each := range []*machine{s.Iterator, s.ItemProcessor} {
			if each != nil {
				inner = append(inner, *each)
			}
		}
		for _, branch := range inner {
			g.link(s.name, branch.StartAt)
		}
		for _, choice := range s.Choices {
			g.link(s.name, choice.Next)
		}
		g.link(s.name, s.Next)
		g.link(s.name, s.Default)
		for _, branch := range inner {
			g.add(branch)
		}
	}
}

func (g *graph) link(from, to string) {
	if to != "" && !slices.Contains(g.next[from], to) {
		g.next[from] = append(g.next[from], to)
	}
}
