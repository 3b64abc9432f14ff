package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle/shared/local/console/chart"
	"lifecycle/shared/local/states"
)

// area is where a state machine is drawn, in pixels of a laptop's screen.
type area struct{ width, height float64 }

var (
	panel = area{710, 505}
	board = area{1400, 690}
)

// enlarged is how much a small drawing is enlarged at most.
const enlarged = 1.2

// shownExecutions bounds the list.
const shownExecutions = 80

// routine tells whether a schedule started an execution and it went well: of
// these there is no end.
func (s *sight) routine(x states.Execution) bool {
	return x.Status == states.Succeeded && s.scheduled[x.Machine+x.Input]
}

// executionRow is an execution in a list.
type executionRow struct {
	Ref, ID, Machine, Number, Status, Where string
	Tone                                    tone
	Started                                 time.Time
	Took                                    string
	Chosen                                  bool
}

func rowOf(s *sight, x states.Execution) executionRow {
	row := executionRow{
		Ref: refOf(x.ARN), ID: domID(refOf(x.ARN)), Machine: machineName(s.machines[x.Machine].Name), Number: numberOf(x.Input), Status: statusWords[x.Status],
		Tone: executionTone(x.Status), Started: x.Started, Where: strings.Join(x.Current, ", "),
	}
	switch {
	case x.Status == states.Running:
	case x.Error != "":
		row.Where = x.Error
	default:
		row.Where = ""
	}
	if !x.Stopped.IsZero() {
		row.Took = took(x.Stopped.Sub(x.Started))
	}
	return row
}

// refOf is what tells an execution apart in addresses: machine and name, the end
// of its ARN.
func refOf(arn string) string {
	_, ref, _ := strings.Cut(arn, ":execution:")
	return ref
}

var statusWords = map[string]string{
	states.Running: "Running", states.Succeeded: "Succeeded", states.Failed: "Failed", states.TimedOut: "Timed out", states.Aborted: "Aborted",
}

func executionTone(status string) tone {
	switch status {
	case states.Running:
		return toneBusy
	case states.Succeeded:
		return toneGood
	}
	return toneBad
}

// machineName makes "Access request" of local-access-request.
func machineName(name string) string {
	_, name, _ = strings.Cut(name, "-")
	name = strings.ReplaceAll(name, "-", " ")
	if name == "" {
		return "Unknown"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// numberOf is the ticket's number in an execution's input, if it has one.
func numberOf(input string) string {
	var given struct {
		Number string `json:"number"`
	}
	_ = json.Unmarshal([]byte(input), &given) // an input without one is fine
	return given.Number
}

// machineView is the drawing of one execution.
type machineView struct {
	executionRow
	Found        bool
	Following    bool   // the latest rather than a chosen one
	View         string // the part of the drawing's plane that is shown
	Nodes        []nodeView
	Edges        []edgeView
	Now          []nowView
	Steps        []stepView
	Error, Cause string
	Problem      string
}

// Looks of a node or an edge.
const (
	lookIdle    = "idle"
	lookPassed  = "passed"
	lookCurrent = "current"
	lookFailed  = "failed"
	lookCaught  = "caught"
)

type nodeView struct {
	*chart.Node
	Look  string
	Badge string
	Words string // for a tooltip
}

// TextX, TextY and BadgeX place what is in a box.
func (n nodeView) TextX() float64  { return n.X + 21 }
func (n nodeView) TextY() float64  { return n.Y + n.H/2 + 3.8 }
func (n nodeView) IconX() float64  { return n.X + 6 }
func (n nodeView) IconY() float64  { return n.Y + n.H/2 - 5.5 }
func (n nodeView) BadgeX() float64 { return n.X + n.W - 6 }
func (n nodeView) HaloX() float64  { return n.X - 3 }
func (n nodeView) HaloY() float64  { return n.Y - 3 }
func (n nodeView) HaloW() float64  { return n.W + 6 }
func (n nodeView) HaloH() float64  { return n.H + 6 }

type edgeView struct{ Path, Look string }

// nowView is a state that the execution is in.
type nowView struct {
	Name, Comment string
	Since         time.Time
	Failures      int
	Error         string
}

// stepView is a stay in a state.
type stepView struct {
	Number      int
	Name, Took  string
	At          time.Time
	Failures    int
	Error       string
	Now, Failed bool
}

func (c *Console) machineOf(s *sight, q query) machineView {
	x, found := chosen(s, q)
	if !found {
		return machineView{}
	}
	v := machineView{executionRow: rowOf(s, x), Found: true, Following: q.Execution == ""}
	room := panel
	if q.Big {
		room = board
	}
	drawn, err := c.chart(s.machines[x.Machine].Definition, room)
	if err != nil {
		v.Problem = err.Error()
		return v
	}
	x, visits, err := c.moment(x.ARN)
	if err != nil {
		v.Problem = err.Error()
		return v
	}
	v.executionRow, v.Error, v.Cause = rowOf(s, x), x.Error, x.Cause
	v.View = frame(drawn, room)
	v.follow(drawn, x, visits)
	return v
}

// moment is an execution with its way so far, both of one moment where it does
// not run too fast for that.
func (c *Console) moment(arn string) (x states.Execution, visits []states.Visit, err error) {
	for range 5 {
		if x, err = c.world.States.Execution(arn); err != nil {
			return x, nil, err
		}
		if visits, err = c.world.States.Visits(arn); err != nil {
			return x, nil, err
		}
		if after, err := c.world.States.Execution(arn); err != nil || after.Events == x.Events {
			break
		}
	}
	return x, visits, nil
}

// frame is the viewBox of a drawing: a small one is not blown up.
func frame(drawn *chart.Chart, room area) string {
	width, height := max(drawn.Width, room.width/enlarged), max(drawn.Height, room.height/enlarged)
	return fmt.Sprintf("%g %g %g %g", (drawn.Width-width)/2, (drawn.Height-height)/2, width, height)
}

// chosen is the execution that is drawn.
func chosen(s *sight, q query) (states.Execution, bool) {
	i := -1
	switch {
	case q.Execution != "":
		i = slices.IndexFunc(s.executions, func(x states.Execution) bool { return refOf(x.ARN) == q.Execution })
	case q.Ticket != "":
		i = best(s.executions, func(x states.Execution) bool { return strings.Contains(x.Input, q.Ticket) })
	}
	if i < 0 && q.Execution == "" {
		// What only carries an answer on is not what people want to follow.
		i = best(s.executions, func(x states.Execution) bool {
			return !s.scheduled[x.Machine+x.Input] && !strings.HasSuffix(s.machines[x.Machine].Name, "-approvals")
		})
	}
	if i < 0 {
		return states.Execution{}, false
	}
	return s.executions[i], true
}

// best is the one of the latest that satisfy which has done most: an execution
// that found another one at work, and left at once, tells nothing.
func best(list []states.Execution, which func(states.Execution) bool) int {
	found := -1
	for i, x := range list {
		switch {
		case !which(x):
		case found < 0:
			found = i
		case numberOf(x.Input) != numberOf(list[found].Input) || x.Machine != list[found].Machine:
		case x.Events > list[found].Events || x.Status == states.Running && list[found].Status != states.Running:
			found = i
		}
	}
	return found
}

// follow marks the way that the execution has taken.
func (v *machineView) follow(drawn *chart.Chart, x states.Execution, visits []states.Visit) {
	count, last := map[string]int{}, map[string]states.Visit{}
	failures := map[string]int{}
	ways := map[[2]string]bool{}
	for i, visit := range visits {
		count[visit.State]++
		failures[visit.State] += visit.Failures
		last[visit.State] = visit
		if visit.From != "" {
			ways[[2]string{visit.From, visit.State}] = true
		}
		v.Steps = append(v.Steps, step(i+1, visit, x))
	}
	slices.Reverse(v.Steps)
	for _, n := range drawn.Nodes {
		node := nodeView{Node: n, Look: lookIdle, Words: n.Name}
		if n.Comment != "" {
			node.Words += ": " + n.Comment
		}
		visit, seen := last[n.Name]
		switch {
		case !seen:
		case slices.Contains(x.Current, n.Name):
			node.Look = lookCurrent
			v.Now = append(v.Now, nowView{Name: n.Name, Comment: n.Comment, Since: visit.Entered, Failures: visit.Failures, Error: visit.Error})
		case visit.Exited.IsZero() && x.Status != states.Running && x.Status != states.Succeeded:
			node.Look = lookFailed
		default:
			node.Look = lookPassed
		}
		node.Badge = badge(count[n.Name], failures[n.Name])
		v.Nodes = append(v.Nodes, node)
	}
	v.lines(drawn, ways)
}

func (v *machineView) lines(drawn *chart.Chart, ways map[[2]string]bool) {
	var passed []edgeView
	for _, e := range drawn.Edges {
		switch {
		case ways[[2]string{e.From, e.To}]:
			passed = append(passed, edgeView{e.Path, lookPassed})
		case e.Far:
			v.Edges = append(v.Edges, edgeView{e.Path, "far"})
		default:
			v.Edges = append(v.Edges, edgeView{e.Path, lookIdle})
		}
	}
	for way := range ways {
		if e, known := drawn.Line(way[0], way[1]); known && !drawn.Has(way[0], way[1]) {
			passed = append(passed, edgeView{e.Path, lookCaught})
		}
	}
	slices.SortFunc(passed, func(a, b edgeView) int { return strings.Compare(a.Look+a.Path, b.Look+b.Path) })
	v.Edges = append(v.Edges, passed...)
}

func badge(count, failures int) string {
	var words []string
	if count > 1 {
		words = append(words, fmt.Sprintf("×%d", count))
	}
	if failures > 0 {
		words = append(words, fmt.Sprintf("%d!", failures))
	}
	return strings.Join(words, " ")
}

func step(number int, visit states.Visit, x states.Execution) stepView {
	v := stepView{Number: number, Name: visit.State, At: visit.Entered, Failures: visit.Failures, Error: visit.Error}
	switch {
	case !visit.Exited.IsZero():
		v.Took = took(visit.Exited.Sub(visit.Entered))
	case x.Status == states.Running:
		v.Now = true
	default:
		v.Failed = x.Status != states.Succeeded
	}
	return v
}
