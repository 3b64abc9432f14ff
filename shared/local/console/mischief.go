package console

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lifecycle/shared/local"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/scenario"
	"lifecycle/shared/local/snowsim"
)

// mischief makes things go wrong, and the simulated systems as slow as real
// ones, so that one can watch.
type mischief struct {
	world *scenario.World
	slow  atomic.Int64 // nanoseconds that every call takes

	mu     sync.Mutex
	until  map[string]time.Time // by the fault's name
	dying  bool                 // the next function that calls out is killed
	killed string               // the one that was killed last
}

// faultKind is something that can be made to go wrong.
type faultKind struct {
	Name, Title, Hint string
	// Lasts is zero for what happens once.
	Lasts time.Duration
}

// Names of the faults.
const (
	oktaBusy = "okta-429"
	oktaDown = "okta-500"
	snowDown = "servicenow-500"
	killOne  = "kill"
)

var faultKinds = []faultKind{
	{Name: oktaBusy, Title: "Okta answers 429", Hint: "Every call is refused for 20 seconds", Lasts: 20 * time.Second},
	{Name: oktaDown, Title: "Okta answers 500", Hint: "Every call fails for 20 seconds, after doing the work", Lasts: 20 * time.Second},
	{Name: snowDown, Title: "ServiceNow answers 500", Hint: "Every call fails for 20 seconds", Lasts: 20 * time.Second},
	{Name: killOne, Title: "Kill a function", Hint: "The next one that changes something dies right after its call"},
}

// activeFault is a fault as long as it lasts.
type activeFault struct {
	Title string
	Until time.Time // zero: until it has happened
}

func newMischief(w *scenario.World) *mischief {
	return &mischief{world: w, until: map[string]time.Time{}}
}

// SetPace makes every call to a simulated system take that long from now on, as
// it does to a real one; 0 makes them as fast as they are.
func (c *Console) SetPace(d time.Duration) { c.mischief.setPace(d) }

func (m *mischief) pace() time.Duration { return time.Duration(m.slow.Load()) }

func (m *mischief) setPace(d time.Duration) {
	m.slow.Store(int64(d))
	m.arm()
}

// arm puts the faults in place. The simulators ask under their own locks, so what
// they ask takes no lock that is held while they are called.
func (m *mischief) arm() {
	m.world.Okta.Fault(func(r *http.Request, _ int) *oktasim.Fault {
		f := oktasim.Fault{Latency: m.pace()}
		switch {
		case m.lasts(oktaBusy):
			f.Status = http.StatusTooManyRequests
		case m.lasts(oktaDown):
			f.Status, f.Work = http.StatusInternalServerError, true
		case f.Latency == 0:
			return nil
		}
		return &f
	})
	m.world.ServiceNow.Fault(func(r *http.Request, _ int) *snowsim.Fault {
		f := snowsim.Fault{Latency: m.pace()}
		switch {
		case m.lasts(snowDown):
			f.Status = http.StatusInternalServerError
		case f.Latency == 0:
			return nil
		}
		return &f
	})
}

func (m *mischief) lasts(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Now().Before(m.until[name])
}

// inject starts a fault.
func (m *mischief) inject(name string) (string, error) {
	i := slices.IndexFunc(faultKinds, func(k faultKind) bool { return k.Name == name })
	if i < 0 {
		return "", fmt.Errorf("there is no fault %q", name)
	}
	kind := faultKinds[i]
	m.mu.Lock()
	if kind.Lasts > 0 {
		m.until[name] = time.Now().Add(kind.Lasts)
	} else {
		m.dying = true
	}
	m.mu.Unlock()
	if kind.Lasts > 0 {
		m.arm()
	} else {
		m.world.Sabotage(m.judge)
	}
	return kind.Title + ": " + strings.ToLower(kind.Hint[:1]) + kind.Hint[1:] + ".", nil
}

// judge kills the next function that changes something in Okta or ServiceNow,
// once it is done: the worst moment.
func (m *mischief) judge(o local.Outgoing) local.Verdict {
	changes := o.Request.Method != http.MethodGet && strings.HasPrefix(o.Request.URL.Path, "/api/")
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.dying || !changes {
		return local.Pass
	}
	m.dying, m.killed = false, o.Function
	return local.KillAfter
}

// calm ends all faults; the pace stays.
func (m *mischief) calm() {
	m.mu.Lock()
	clear(m.until)
	m.dying = false
	m.mu.Unlock()
	m.world.Sabotage(nil)
}

// active are the faults that last.
func (m *mischief) active() []activeFault {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []activeFault
	for _, kind := range faultKinds {
		if until := m.until[kind.Name]; time.Now().Before(until) {
			list = append(list, activeFault{kind.Title, until})
		}
	}
	if m.dying {
		list = append(list, activeFault{Title: "The next function dies"})
	}
	maps.DeleteFunc(m.until, func(_ string, until time.Time) bool { return !time.Now().Before(until) })
	return list
}
