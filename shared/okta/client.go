package okta

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// Ledger writes every change down before and after it is made; *audit.Ledger is
// one.
type Ledger interface {
	Do(ctx context.Context, c audit.Change, act func(context.Context, audit.Attempt) (audit.Effect, error)) error
}

// Seats is told what Okta says of its limits; *ratelimit.Seats is one.
type Seats interface {
	Learn(ctx context.Context, bucket string, limit, remaining int, reset time.Time) error
	Overrun(ctx context.Context, bucket string, until time.Time) error
}

// Options says which org to work with, and how.
type Options struct {
	// URL is the org's address, e.g. "https://example.okta.com".
	URL string
	// Credentials is the secret, a JSON object: {"token": "…"} for an SSWS token,
	// or {"clientId", "privateKey", "keyId", "scopes"} for a service app with a
	// private key (PEM, RSA, PKCS#8 or PKCS#1). scopes may be left out: then all
	// those in Scopes are asked for.
	Credentials string
	// Transport carries the calls; nil means a transport of its own.
	Transport http.RoundTripper
	// Ledger is where changes are recorded; required.
	Ledger Ledger
	// Seats learns from Okta's answers; nil learns nothing.
	Seats Seats
	// RequestTimeout bounds every single request; 0 means 10 seconds.
	RequestTimeout time.Duration
}

// Client works with one Okta org. It is safe for concurrent use.
type Client struct {
	org       *url.URL
	signer    signer
	transport http.RoundTripper
	ledger    Ledger
	seats     Seats
	timeout   time.Duration
}

const usualTimeout = 10 * time.Second

// New returns a client of the org. It calls nobody and starts nothing. Its error
// is *fault.Invalid and names all that is wrong with the options.
func New(_ context.Context, o Options) (*Client, error) {
	var problems []string
	org, problem := parseOrg(o.URL)
	if problem != "" {
		problems = append(problems, problem)
	}
	c := &Client{org: org, transport: o.Transport, ledger: o.Ledger, seats: o.Seats, timeout: o.RequestTimeout}
	if c.ledger == nil {
		problems = append(problems, "A ledger is missing: no change is made without a trace.")
	}
	if c.transport == nil {
		c.transport = newTransport()
	}
	if c.timeout <= 0 {
		c.timeout = usualTimeout
	}
	var err error
	if c.signer, err = newSigner(o.Credentials, c); err != nil {
		problems = append(problems, "The credentials cannot be used: "+err.Error()+".")
	}
	if sdkErr != nil {
		problems = append(problems, "The Okta SDK cannot be set up: "+sdkErr.Error()+".")
	}
	if len(problems) > 0 {
		return nil, &fault.Invalid{Message: "the client of Okta cannot be built", Problems: problems}
	}
	return c, nil
}

// newTransport is http.DefaultTransport with bounds on what may hang.
func newTransport() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   5 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// parseOrg reads the org's address; problem says in a sentence what is wrong.
func parseOrg(text string) (org *url.URL, problem string) {
	org, err := url.Parse(strings.TrimRight(strings.TrimSpace(text), "/"))
	switch {
	case err != nil || org.Host == "" || org.User != nil || org.Path != "" || org.RawQuery != "" || org.Fragment != "":
		return nil, fmt.Sprintf("The org's URL %q is not of the form https://example.okta.com.", text)
	case strings.Contains(org.Hostname(), "-admin."):
		return nil, fmt.Sprintf("The org's URL %q is the address of the admin console; the API's has no -admin.", text)
	case org.Scheme == "http" && nowhere(org.Hostname()):
		return org, ""
	case org.Scheme != "https":
		return nil, fmt.Sprintf("The org's URL %q must begin with https.", text)
	}
	return org, ""
}

// nowhere reports whether a host can only be this machine or a simulator (RFC
// 2606): a token sent there in clear reaches nobody.
func nowhere(host string) bool {
	if address := net.ParseIP(host); address != nil {
		return address.IsLoopback()
	}
	for _, suffix := range []string{"localhost", ".localhost", ".example", ".invalid", ".test"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
