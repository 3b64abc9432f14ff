package states

import (
	"context"
	"sync"
)

// mostIterations run at once in an inline Map (docs).
const mostIterations = 40

// parallel runs all branches at once on the same input; the result is the list
// of their outputs. The first failure stops the others and is the failure of the
// state.
func (t *thread) parallel(s *state, input any) (any, error) {
	if err := t.add(event{kind: "ParallelStateStarted"}); err != nil {
		return nil, err
	}
	g := t.group(len(s.branches))
	for i, branch := range s.branches {
		inner := g.thread(t)
		g.start(func() (any, error) { return inner.program(branch, branch.startAt, input) }, i)
	}
	out, err := g.wait()
	return t.gathered(out, err, "ParallelState")
}

// gathered writes the end of a Parallel or Map.
func (t *thread) gathered(out []any, err error, kind string) (any, error) {
	f, failed := asFailure(err)
	switch {
	case failed:
		if err := t.add(event{kind: kind + "Failed"}); err != nil {
			return nil, err
		}
		return nil, f
	case err != nil:
		return nil, err
	}
	if sizeOf(out) > mostPayload {
		return nil, t.tooLarge(t.context.state)
	}
	return out, t.add(event{kind: kind + "Succeeded"})
}

// each runs the program of a Map for every item.
func (t *thread) each(s *state, input any) (any, error) {
	e := s.each
	listed := input
	text := "$"
	if e.items != nil {
		text = e.items.text
		v, found := e.items.get(input, &t.context)
		if !found {
			return nil, runtimeFailure("Invalid path '%s': The items path references an invalid value.", text)
		}
		listed = v
	}
	items, isList := listed.([]any)
	if !isList {
		return nil, runtimeFailure("Reference path \"%s\" must point to array.", text)
	}
	most, err := t.concurrency(e, input)
	if err != nil {
		return nil, err
	}
	inputs, err := t.iterations(s, items, input)
	if err != nil {
		return nil, err
	}
	if err := t.add(event{kind: "MapStateStarted", number: len(items)}); err != nil {
		return nil, err
	}
	g := t.group(len(items))
	var next sync.Mutex
	taken := 0
	for range min(most, len(items)) {
		g.work(func() bool {
			next.Lock()
			i := taken
			taken++
			next.Unlock()
			if i >= len(items) {
				return false
			}
			out, err := t.iteration(g, s, i, items[i], inputs[i])
			return g.done(i, out, err)
		})
	}
	out, err := g.wait()
	return t.gathered(out, err, "MapState")
}

func (t *thread) concurrency(e *each, input any) (int, error) {
	most := e.most
	if e.mostPath != nil {
		var err error
		if most, err = t.seconds(seconds{path: e.mostPath}, input, "MaxConcurrencyPath", 0); err != nil {
			return 0, err
		}
	}
	if most == 0 || most > mostIterations {
		most = mostIterations
	}
	return int(most), nil
}

// iterations are the inputs of all iterations, by ItemSelector.
func (t *thread) iterations(s *state, items []any, input any) ([]any, error) {
	if s.each.selector == nil {
		return items, nil
	}
	inputs := make([]any, len(items))
	outer := t.context.item
	defer func() { t.context.item = outer }()
	for i, item := range items {
		t.context.item = &mapItem{i, item}
		v, err := s.each.selector.evaluate(input, &t.context)
		if err != nil {
			return nil, err
		}
		inputs[i] = v
	}
	return inputs, nil
}

// iteration runs the program for one item.
func (t *thread) iteration(g *group, s *state, i int, item, input any) (any, error) {
	inner := g.thread(t)
	inner.context.item = &mapItem{i, item}
	e := event{name: s.name, number: i}
	e.kind = "MapIterationStarted"
	if err := inner.add(e); err != nil {
		return nil, err
	}
	out, err := inner.program(s.each.program, s.each.program.startAt, input)
	_, failed := asFailure(err)
	switch {
	case failed:
		e.kind = "MapIterationFailed"
	case err != nil:
		return nil, err
	default:
		e.kind = "MapIterationSucceeded"
	}
	if err := inner.add(e); err != nil {
		return nil, err
	}
	return out, err
}

// group is what runs beneath a Parallel or Map.
type group struct {
	ctx    context.Context //nolint:containedctx // one for all that run beneath the state
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu  sync.Mutex
	out []any
	err error // of the first that failed
}

func (t *thread) group(n int) *group {
	g := &group{out: make([]any, n)}
	g.ctx, g.cancel = context.WithCancel(t.ctx)
	return g
}

// thread makes a thread that starts where t stands.
func (g *group) thread(t *thread) *thread {
	return &thread{x: t.x, ctx: g.ctx, context: t.context, previous: t.previous}
}

func (g *group) start(run func() (any, error), i int) {
	g.all.Go(func() {
		out, err := run()
		g.done(i, out, err)
	})
}

// work calls step again and again until it says that there is no more.
func (g *group) work(step func() bool) {
	g.all.Go(func() {
		for step() {
		}
	})
}

// done keeps the outcome of one, and says whether the others may go on.
func (g *group) done(i int, out any, err error) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil && g.err == nil {
		g.err = err
		g.cancel()
	}
	g.out[i] = out
	return g.err == nil
}

func (g *group) wait() ([]any, error) {
	g.all.Wait()
	g.cancel()
	return g.out, g.err
}
