package states

// program is a state machine, a branch or what a Map does with each item.
type program struct {
	startAt string
	states  map[string]*state
	// timeout in seconds, of the top only; 0 is none.
	timeout int64
}

// state is one state, with the fields of its type.
type state struct {
	name, kind string
	next       string // "" ends
	inputPath  *path  // nil with noInput: the state gets {}
	noInput    bool
	outputPath *path
	noOutput   bool

	parameters *payload // nil: the input as it is
	selector   *payload // ResultSelector
	resultPath *path
	noResult   bool // "ResultPath": null
	retry      []retrier
	catch      []catcher

	task     *task
	choice   *choice
	wait     *wait
	fail     *failState
	result   *payload // Pass
	branches []*program
	each     *each
}

// task is what a Task state calls.
type task struct {
	// resource as written; arn of the function for a direct call.
	resource string
	service  service
	callback bool
	// sync is 1 for .sync and 2 for .sync:2.
	sync               int
	timeout, heartbeat seconds
}

// service is who does the work of a Task.
type service int

const (
	lambdaDirect service = iota
	lambdaInvoke
	startExecution
)

// seconds is a number of seconds, fixed or from a path; the zero value is none.
type seconds struct {
	fixed int64
	path  *path
}

func (s seconds) set() bool { return s.fixed > 0 || s.path != nil }

// wait is when a Wait state ends.
type wait struct {
	seconds   seconds
	timestamp string
	path      *path // TimestampPath
}

type failState struct {
	name, cause         string
	namePath, causePath expression
}

// each is what a Map does.
type each struct {
	program  *program
	items    *path
	selector *payload
	most     int64 // MaxConcurrency; 0 is as many as the service allows
	mostPath *path
}

type retrier struct {
	errors     []string
	interval   float64 // seconds
	rate       float64
	most       int64
	longest    float64 // seconds; 0 is no limit
	fullJitter bool
}

type catcher struct {
	errors     []string
	resultPath *path
	noResult   bool
	next       string
}

// choice is a Choice state.
type choice struct {
	rules    []rule
	fallback string // Default
}

// rule is one choice rule: a comparison, or And, Or, Not over others.
type rule struct {
	next     string // top rules only
	operator string // And, Or, Not, or the comparison
	inner    []rule
	variable *path
	operand  any
	path     *path // of the ...Path operators
}
