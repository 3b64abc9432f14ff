package console

import (
	"embed"
	"html/template"
	"io/fs"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/guard"
	"lifecycle/shared/lease"
	"lifecycle/shared/local/console/chart"
	"lifecycle/shared/local/scenario"
)

//go:embed assets templates
var files embed.FS

// Options says what the console is for.
type Options struct {
	// Real means that real tenants are plugged in: the simulated systems stand
	// still, so they are not shown and nothing can be played in them.
	Real bool
	// Interval is how often an open page is brought up to date at most; 0 means
	// twice a second.
	Interval time.Duration
	// Freshness is how long one look at the world serves all pages; 0 means 200
	// milliseconds, less than nothing that each page looks anew.
	Freshness time.Duration
}

// Console is the page, an http.Handler for "/" and all below "/console/". It is
// safe for concurrent use.
type Console struct {
	world    *scenario.World
	options  Options
	page     *template.Template
	handler  http.Handler
	ledger   *audit.Ledger
	leases   *lease.Register
	brake    *guard.Switch
	mischief *mischief
	opened   atomic.Int64 // sample tickets so far
	// scheduled are ARN of the machine and input of what schedules start.
	scheduled map[string]bool

	mu     sync.Mutex
	latest *sight
	proof  proof

	drawing sync.Mutex
	charts  map[drawing]*chart.Chart
}

// New makes the console of a world. Nothing runs until a page is asked for.
func New(w *scenario.World, o Options) *Console {
	if o.Interval == 0 {
		o.Interval = 500 * time.Millisecond
	}
	if o.Freshness == 0 {
		o.Freshness = 200 * time.Millisecond
	}
	ledger := w.Ledger()
	c := &Console{
		world: w, options: o, charts: map[drawing]*chart.Chart{}, scheduled: map[string]bool{}, ledger: ledger, mischief: newMischief(w),
		page:   template.Must(template.New("").Funcs(functions).ParseFS(files, "templates/*.html")),
		leases: lease.New(w.DynamoDB(), w.Table("LeasesTable"), ledger),
		brake:  guard.NewSwitch(w.DynamoDB(), w.Table("ControlTable")),
	}
	for _, m := range w.Template.Machines {
		for _, tick := range m.Ticks {
			c.scheduled[m.ARN+tick.Input] = true
		}
	}
	assets, err := fs.Sub(files, "assets")
	if err != nil {
		panic(err) // the directory is embedded
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.show)
	mux.HandleFunc("GET /console/live", c.live)
	mux.HandleFunc("GET /console/timeline", c.timeline)
	mux.Handle("GET /console/assets/", http.StripPrefix("/console/assets/", http.FileServerFS(assets)))
	for name, do := range c.actions() {
		mux.HandleFunc("POST /console/"+name, c.act(do))
	}
	c.handler = http.NewCrossOriginProtection().Handler(mux)
	return c
}

// ServeHTTP answers a browser.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	if !nearby(r.Host) {
		// A name that somebody else makes point here would make their page this
		// page's origin (DNS rebinding).
		http.Error(w, "The console answers to localhost and to addresses only, not to the name "+r.Host+".", http.StatusForbidden)
		return
	}
	c.handler.ServeHTTP(w, r)
}

// nearby tells whether a Host header names this machine: localhost, or an address
// rather than a name.
func nearby(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return name == "localhost" || net.ParseIP(name) != nil
}

// show answers with the whole page.
func (c *Console) show(w http.ResponseWriter, r *http.Request) {
	v := c.view(r.Context(), queryOf(r.URL.Query()))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := c.page.ExecuteTemplate(w, "page.html", v); err != nil {
		return // the browser has gone
	}
}

// drawing is a definition in an area.
type drawing struct {
	definition string
	area
}

// chart draws a definition once for each area.
func (c *Console) chart(definition string, room area) (*chart.Chart, error) {
	c.drawing.Lock()
	defer c.drawing.Unlock()
	wanted := drawing{definition, room}
	if known := c.charts[wanted]; known != nil {
		return known, nil
	}
	drawn, err := chart.New(definition, room.width, room.height)
	if err == nil {
		c.charts[wanted] = drawn
	}
	return drawn, err
}
