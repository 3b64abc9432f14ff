package states

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options says where the engine stands and who does its work.
type Options struct {
	// Invoke calls a function synchronously. An error of the function is a
	// *FunctionError, one of Lambda itself a *ServiceError; anything else counts
	// as States.TaskFailed. It must return when ctx ends, which is when the
	// engine is closed.
	Invoke func(ctx context.Context, functionARN string, payload []byte) ([]byte, error)
	// OnEvent is told every event of every execution, in the goroutine of the
	// execution and before it goes on; it may call the engine, except Close.
	OnEvent func(Event)
	// Region and Account of the ARNs; empty: us-east-1 and 123456789012.
	Region, Account string
}

// Engine is an embedded Step Functions. It is safe for concurrent use.
type Engine struct {
	options Options
	ctx     context.Context //nolint:containedctx // the life of the engine
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	machines   map[string]*machine   // by ARN
	executions map[string]*execution // by ARN
	order      []*execution          // as started
	waiting    map[string]*waiter    // by task token
}

// machine is a state machine with its current definition; executions keep the
// one they started with.
type machine struct {
	arn, name, role, kind string
	created, updated      time.Time
	revision              string
	definition            string
	program               *program
}

// Machine describes a state machine.
type Machine struct {
	Name, ARN string
	// Definition is the definition in the States Language, substituted.
	Definition       string
	Created, Updated time.Time
}

// New makes an engine. Nothing runs before the first execution starts.
func New(o Options) *Engine {
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Account == "" {
		o.Account = "123456789012"
	}
	e := &Engine{
		options: o, machines: map[string]*machine{}, executions: map[string]*execution{}, waiting: map[string]*waiter{},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// Create loads a definition, with its substitutions filled in, as a state
// machine. The error of a definition that cannot run is a *DefinitionError.
func (e *Engine) Create(name, definition string, substitutions map[string]string) error {
	_, err := e.create(name, substitute(definition, substitutions), "")
	return err
}

// Validate reports what is wrong with a definition, as a *DefinitionError.
func Validate(definition string, substitutions map[string]string) error {
	_, err := load(substitute(definition, substitutions))
	return err
}

func (e *Engine) create(name, definition, role string) (*machine, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	p, err := load(definition)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	m := &machine{
		arn: e.arn("stateMachine", name), name: name, role: role, kind: "STANDARD", created: now, updated: now,
		definition: definition, program: p, revision: "INITIAL",
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if known, exists := e.machines[m.arn]; exists {
		// Creating the same again is harmless (API reference).
		if known.definition == definition && known.role == role {
			return known, nil
		}
		return nil, refuse("StateMachineAlreadyExists", "State Machine Already Exists: '%s'", m.arn)
	}
	e.machines[m.arn] = m
	return m, nil
}

// update gives a machine another definition or role; what runs already goes on
// with the one it has.
func (e *Engine) update(arn, definition, role string) (*machine, error) {
	var p *program
	if definition != "" {
		var err error
		if p, err = load(definition); err != nil {
			return nil, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known, exists := e.machines[arn]
	if !exists {
		return nil, refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
	}
	changed := *known
	changed.updated, changed.revision = time.Now(), uuid()
	if p != nil {
		changed.definition, changed.program = definition, p
	}
	if role != "" {
		changed.role = role
	}
	e.machines[arn] = &changed
	return &changed, nil
}

// Machines are all state machines, by name.
func (e *Engine) Machines() []Machine {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Machine, 0, len(e.machines))
	for _, m := range e.machines {
		all = append(all, Machine{Name: m.name, ARN: m.arn, Definition: m.definition, Created: m.created, Updated: m.updated})
	}
	slices.SortFunc(all, func(a, b Machine) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (e *Engine) arn(kind, name string) string {
	return fmt.Sprintf("arn:aws:states:%s:%s:%s:%s", e.options.Region, e.options.Account, kind, name)
}

// Start starts an execution and returns its ARN. An empty name gets a UUID, an
// empty input is {}. The same name with the same input returns the execution
// that runs under it; otherwise the name is taken for 90 days after its end.
func (e *Engine) Start(machineARN, name, input string) (string, error) {
	x, err := e.start(e.ctx, machineARN, name, input)
	if err != nil {
		return "", err
	}
	return x.arn, nil
}

// nameKept is how long a name stays taken after its execution's end (docs:
// quotas).
const nameKept = 90 * 24 * time.Hour

// start starts an execution that ends with parent: the engine, or another
// execution that waits for it.
func (e *Engine) start(parent context.Context, machineARN, name, input string) (*execution, error) {
	if name == "" {
		name = uuid()
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	if input == "" {
		input = "{}"
	}
	value, err := decode([]byte(input))
	if err != nil {
		return nil, refuse("InvalidExecutionInput", "Invalid State Machine Execution Input: '%v'", err)
	}
	if len(input) > mostPayload {
		return nil, refuse("ValidationException", "1 validation error detected: Value at 'input' failed to satisfy constraint: Member must have length less than or equal to %d", mostPayload)
	}
	e.mu.Lock()
	m, exists := e.machines[machineARN]
	if !exists {
		e.mu.Unlock()
		return nil, refuse("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", machineARN)
	}
	if e.closed {
		e.mu.Unlock()
		return nil, refuse("ServiceUnavailable", "the engine is closed")
	}
	arn := e.arn("execution", m.name+":"+name)
	if known, taken := e.executions[arn]; taken {
		status, stopped := known.end()
		switch {
		case status == Running && known.inputText == input:
			e.mu.Unlock()
			return known, nil
		case status == Running || time.Since(stopped) < nameKept:
			e.mu.Unlock()
			return nil, refuse("ExecutionAlreadyExists", "Execution Already Exists: '%s'", arn)
		}
		e.order = slices.DeleteFunc(e.order, func(x *execution) bool { return x == known })
	}
	x := newExecution(e, m, arn, name, input, value)
	e.executions[arn] = x
	e.order = append(e.order, x)
	x.launch(parent)
	e.mu.Unlock()
	return x, nil
}

func (e *Engine) execution(arn string) (*execution, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x, exists := e.executions[arn]
	if !exists {
		return nil, refuse("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
	}
	return x, nil
}

// Stop ends an execution as StopExecution does; one that has ended stays as it
// is.
func (e *Engine) Stop(arn, errorName, cause string) error {
	x, err := e.execution(arn)
	if err == nil {
		x.finish(Aborted, nil, errorName, cause)
	}
	return err
}

// Execution describes one execution.
func (e *Engine) Execution(arn string) (Execution, error) {
	x, err := e.execution(arn)
	if err != nil {
		return Execution{}, err
	}
	return x.describe(), nil
}

// Executions describes all executions, in the order of their start; of one
// machine, by its ARN, or of all when machineARN is empty. It leaves out the
// outputs, so that it is cheap enough to be asked often.
func (e *Engine) Executions(machineARN string) []Execution {
	e.mu.Lock()
	all := slices.Clone(e.order)
	e.mu.Unlock()
	var out []Execution
	for _, x := range all {
		if machineARN == "" || x.machine.arn == machineARN {
			out = append(out, x.summary())
		}
	}
	return out
}

// Wait waits until an execution has ended. It gives up when ctx ends or the
// engine is closed.
func (e *Engine) Wait(ctx context.Context, arn string) (Execution, error) {
	x, err := e.execution(arn)
	if err != nil {
		return Execution{}, err
	}
	select {
	case <-x.ended():
		return x.describe(), nil
	case <-ctx.Done():
		return x.describe(), ctx.Err()
	case <-e.ctx.Done():
		return x.describe(), fmt.Errorf("the engine was closed while %s ran", arn)
	}
}

// Close stops everything that runs and waits for it, functions included. What
// ran stays RUNNING, as after a power cut.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.running.Wait()
}

// checkName refuses what the API refuses in names.
func checkName(name string) error {
	bad := strings.ContainsFunc(name, func(r rune) bool {
		return r <= 0x20 || r >= 0x7f && r <= 0x9f || strings.ContainsRune("<>{}[]?*\"#%\\^|~`$&,;:/", r)
	})
	if n := len([]rune(name)); n == 0 || n > 80 || bad {
		return refuse("InvalidName", "Invalid Name: '%s'", name)
	}
	return nil
}

// APIError is a refusal of the service's API.
type APIError struct {
	// Code is the API's exception, such as ExecutionAlreadyExists.
	Code, Message string
}

func (e *APIError) Error() string { return e.Code + ": " + e.Message }

func refuse(code, format string, args ...any) error {
	return &APIError{code, fmt.Sprintf(format, args...)}
}
