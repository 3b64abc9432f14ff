package servicenow

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"lifecycle/shared/audit"
	"lifecycle/shared/fault"
)

// Ledger is the part of audit.Ledger that the client needs.
type Ledger interface {
	Do(ctx context.Context, change audit.Change, act func(context.Context, audit.Attempt) (audit.Effect, error)) error
	Fact(ctx context.Context, change audit.Change) (audit.Record, error)
	Stream(ctx context.Context, stream string) ([]audit.Record, error)
	Done(ctx context.Context, verb, target, key string) (audit.Record, bool, error)
}

// Options are what New needs.
type Options struct {
	// URL is the instance's address, such as "https://example.service-now.com".
	URL string
	// Credentials is the secret: the JSON object {"user","password"} for basic
	// authentication or {"clientId","clientSecret"} for OAuth client credentials.
	Credentials string
	// User is the user name that the integration writes under, by which it tells
	// its own changes from others'; empty: the one in the credentials, if any.
	User string
	// Transport sends the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
	// Ledger records every write.
	Ledger Ledger
	// RequestTimeout is how long one answer may take; 0 means 20 seconds.
	RequestTimeout time.Duration
	// PageSize is how many rows are asked for at a time; 0 means 500.
	PageSize int
}

// Client talks to one instance. It is safe for concurrent use.
type Client struct {
	base     *url.URL
	http     *retryablehttp.Client
	signIn   signIn
	user     string
	ledger   Ledger
	pageSize int
}

// New returns a client; it makes no call. A wrong URL or secret is
// *fault.Invalid, and the message does not repeat the secret.
func New(o Options) (*Client, error) {
	base, err := url.Parse(strings.TrimRight(o.URL, "/"))
	if err != nil || base.Scheme != "https" && base.Scheme != "http" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, &fault.Invalid{Message: "the ServiceNow URL must be of the form https://example.service-now.com"}
	}
	if o.Ledger == nil {
		return nil, &fault.Invalid{Message: "the ServiceNow client needs a ledger"}
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = requestTimeout
	}
	if o.PageSize == 0 {
		o.PageSize = 500
	}
	client := newHTTP(o.Transport, o.RequestTimeout)
	signIn, err := newSignIn(o.Credentials, base, client.StandardClient())
	if err != nil {
		return nil, err
	}
	if basic, ok := signIn.(password); ok && o.User == "" {
		o.User = basic.user
	}
	return &Client{base: base, http: client, signIn: signIn, user: o.User, ledger: o.Ledger, pageSize: o.PageSize}, nil
}

// Ref names a record.
type Ref struct{ Table, SysID string }

// String is "incident/46d44a23…", which is also the name of a ticket's stream in
// the ledger.
func (r Ref) String() string { return r.Table + "/" + r.SysID }

// check refuses what must not get into a URL.
func (r Ref) check() error {
	if !tableName.MatchString(r.Table) || !sysIDShape.MatchString(r.SysID) {
		return &fault.NotFound{Message: "ServiceNow cannot have the record: its table or sys_id is not of the form these have"}
	}
	return nil
}
