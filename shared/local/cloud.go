package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lifecycle/shared/local/buckets"
	"lifecycle/shared/local/dynamo"
	"lifecycle/shared/local/oktasim"
	"lifecycle/shared/local/snowsim"
	"lifecycle/shared/local/states"
	"lifecycle/shared/local/template"
)

// Addresses of the simulated systems; the host decides where a call goes.
const (
	OktaURL       = "https://okta.simulated.example"
	ServiceNowURL = "https://servicenow.simulated.example"
	awsHost       = "aws.simulated.example"
	awsEndpoint   = "https://" + awsHost
)

// Options says what to run. The zero value with a Root is the whole system
// around the seeded org.
type Options struct {
	// Root is the directory of template.yaml.
	Root string
	// Parameters override the template's.
	Parameters map[string]string
	// Rules are the entitlement rules; nil means those of the seeded org.
	Rules []byte
	// Okta and ServiceNow are the simulated systems; nil makes seeded ones.
	Okta       *oktasim.Sim
	ServiceNow *snowsim.Sim
	// Outside carries calls to any other host, such as a real tenant; nil
	// refuses them.
	Outside http.RoundTripper
	// Secrets replaces the value of a secret, by logical id.
	Secrets map[string]string
	// Pace is the shortest interval between two runs of a schedule, for tests in
	// which months pass; 0 leaves the template's.
	Pace time.Duration
	// Log receives the functions' log lines; nil drops them.
	Log io.Writer
}

// Cloud is a running embedded cloud.
type Cloud struct {
	Template   *template.Cloud
	Okta       *oktasim.Sim
	ServiceNow *snowsim.Sim
	DB         *dynamo.DB
	States     *states.Engine

	options    Options
	logs       io.Writer
	functions  map[string]*function // by ARN
	byID       map[string]*function
	vault      vault
	objects    buckets.Store
	topics     topics
	saboteur   atomic.Pointer[func(Outgoing) Verdict]
	calls      atomic.Int64
	fedCalls   atomic.Int64
	requests   atomic.Int64
	background sync.WaitGroup
	stop       context.CancelFunc
}

// Start brings the cloud up. Stop has to be called.
func Start(ctx context.Context, o Options) (*Cloud, error) {
	text, err := os.ReadFile(filepath.Join(o.Root, "template.yaml"))
	if err != nil {
		return nil, fmt.Errorf("the embedded cloud: %w", err)
	}
	parameters := map[string]string{"OktaOrgUrl": OktaURL, "ServiceNowUrl": ServiceNowURL, "AlertContainment": "enforce"}
	for name, value := range o.Parameters {
		parameters[name] = value
	}
	described, err := template.Parse(text, "local", parameters)
	if err != nil {
		return nil, err
	}
	c := &Cloud{
		Template: described, Okta: o.Okta, ServiceNow: o.ServiceNow, DB: dynamo.New(), options: o,
		logs: &lockedWriter{w: io.Discard}, functions: map[string]*function{}, byID: map[string]*function{},
	}
	if o.Log != nil {
		c.logs = &lockedWriter{w: o.Log}
	}
	ctx, c.stop = context.WithCancel(ctx)
	if err := c.fill(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	if err := c.feed(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	c.schedule(ctx)
	return c, nil
}

// fill creates what the template describes.
func (c *Cloud) fill(ctx context.Context) error {
	c.simulate()
	for _, t := range c.Template.Tables {
		if err := c.DB.CreateTable(ctx, tableOf(t)); err != nil {
			return fmt.Errorf("table %s: %w", t.Name, err)
		}
	}
	if err := c.fillVault(); err != nil {
		return err
	}
	for _, b := range c.Template.Buckets {
		c.objects.Create(buckets.Bucket{Name: b.Name, Versioned: b.Versioned, Lock: buckets.Retention{Mode: b.LockMode, Days: b.LockDays}})
	}
	c.fillObjects()
	for _, f := range c.Template.Functions {
		build, known := builders[f.ID]
		if !known {
			return fmt.Errorf("function %s of the template is not in the table of functions", f.ID)
		}
		c.byID[f.ID] = &function{Function: f, build: build, box: c}
		c.functions[f.ARN] = c.byID[f.ID]
	}
	c.States = states.New(states.Options{Invoke: c.invoke})
	for _, m := range c.Template.Machines {
		definition, err := os.ReadFile(filepath.Join(c.options.Root, m.File))
		if err != nil {
			return err
		}
		if err := c.States.Create(m.Name, string(definition), m.Substitutions); err != nil {
			return fmt.Errorf("%s: %w", m.File, err)
		}
	}
	return nil
}

// Stop ends everything that runs and waits for it.
func (c *Cloud) Stop() {
	c.stop()
	if c.States != nil {
		c.States.Close()
	}
	c.background.Wait()
}

// invoke is how Step Functions, the HTTP API and schedules call a function.
func (c *Cloud) invoke(ctx context.Context, arn string, payload []byte) ([]byte, error) {
	f, known := c.functions[arn]
	if !known {
		return nil, fmt.Errorf("there is no function %s", arn)
	}
	return f.invoke(ctx, payload)
}

// Invoke calls a function by its logical id.
func (c *Cloud) Invoke(ctx context.Context, id string, payload []byte) ([]byte, error) {
	f, known := c.byID[id]
	if !known {
		return nil, fmt.Errorf("there is no function %s", id)
	}
	return f.invoke(ctx, payload)
}

// Sabotage lets decide judge every outgoing call of every function from now on,
// counted from 1; nil lets all calls pass. It runs in the caller's goroutine
// and must be safe for concurrent use.
func (c *Cloud) Sabotage(decide func(Outgoing) Verdict) {
	c.calls.Store(0)
	if decide == nil {
		c.saboteur.Store(nil)
		return
	}
	c.saboteur.Store(&decide)
}

// Calls counts the functions' outgoing calls since the last Sabotage.
func (c *Cloud) Calls() int { return int(c.calls.Load()) }

func (c *Cloud) judge(function string, r *http.Request) Verdict {
	var n int64
	if f := c.byID[function]; f != nil && len(f.Feeds) > 0 {
		n = -c.fedCalls.Add(1)
	} else {
		n = c.calls.Add(1)
	}
	decide := c.saboteur.Load()
	if decide == nil {
		return Pass
	}
	return (*decide)(Outgoing{Function: function, N: int(n), Request: r})
}

// outside routes a call by its host.
func (c *Cloud) outside() http.RoundTripper {
	okta, servicenow := c.Okta.Transport(), c.ServiceNow.Transport()
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(OktaURL, "//"+r.URL.Host):
			return okta.RoundTrip(r)
		case strings.HasSuffix(ServiceNowURL, "//"+r.URL.Host):
			return servicenow.RoundTrip(r)
		case c.options.Outside != nil:
			return c.options.Outside.RoundTrip(r)
		}
		return nil, fmt.Errorf("the embedded cloud knows no host %s", r.URL.Host)
	})
}

func (c *Cloud) requestID() string { return fmt.Sprintf("local-%08d", c.requests.Add(1)) }

func (c *Cloud) log(format string, args ...any) {
	_, _ = fmt.Fprintf(c.logs, format+"\n", args...) // nobody to tell when the log is gone
}
