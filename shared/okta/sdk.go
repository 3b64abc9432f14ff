package okta

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	sdkokta "github.com/okta/okta-sdk-golang/v2/okta"
)

// sdk is the one SDK client of the process. It serves every Client: its
// transport finds in the context of a call whose org, credentials and policy
// apply. It is made here, when the program starts, because each SDK client has a
// goroutine that never ends (its token cache's), which no test in a
// testing/synctest bubble survives.
//
// Everything the SDK would read from OKTA_* variables and ~/.okta is overwritten.
// Switched off are its cache (it shows a user as it was before our own write),
// its retries (it sleeps up to 30 seconds in place, or tries before the limit is
// reset) and its own token request (it ignores the context, reads PKCS#1 alone
// and puts the assertion into the URL).
var sdk, sdkErr = newSDK()

func newSDK() (*sdkokta.Client, error) {
	_, client, err := sdkokta.NewClient(context.Background(),
		sdkokta.WithOrgUrl("https://org.invalid"), sdkokta.WithTestingDisableHttpsCheck(false),
		sdkokta.WithAuthorizationMode("SSWS"), sdkokta.WithToken("set-by-the-transport"),
		sdkokta.WithClientId(""), sdkokta.WithScopes(nil), sdkokta.WithPrivateKey(""), sdkokta.WithPrivateKeyId(""),
		sdkokta.WithPrivateKeySigner(nil), sdkokta.WithClientAssertion(""),
		sdkokta.WithCache(false), sdkokta.WithCacheManager(nil), sdkokta.WithCacheTti(0), sdkokta.WithCacheTtl(0),
		sdkokta.WithRequestTimeout(0), sdkokta.WithConnectionTimeout(0),
		sdkokta.WithRateLimitMaxRetries(0), sdkokta.WithRateLimitMaxBackOff(1),
		sdkokta.WithProxyHost(""), sdkokta.WithProxyPort(0), sdkokta.WithProxyUsername(""), sdkokta.WithProxyPassword(""),
		sdkokta.WithUserAgentExtra("lifecycle"),
		sdkokta.WithHttpClientPtr(&http.Client{
			Transport:     router{},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	)
	return client, err
}

// router hands a request of the SDK to the Client it was made for.
type router struct{}

func (router) RoundTrip(r *http.Request) (*http.Response, error) {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		return nil, errors.New("a request to Okta was made outside a call")
	}
	return x.client.send(x, r)
}

// exchange is what the transport has to know about a call, and what it learned.
type exchange struct {
	client *Client
	// repeatable says that the request may be sent again when no answer came.
	repeatable bool
	// prefer is the Prefer header, which the SDK cannot set.
	prefer string

	// reply is the last answer, nil when none came.
	reply *reply
	// failure is why none came.
	failure error
}

type exchangeKey struct{}

// requestID is Okta's name for the last request.
func (x *exchange) requestID() string {
	if x.reply == nil {
		return ""
	}
	return x.reply.header.Get("X-Okta-Request-Id")
}

// call is one call, or one list with all its pages.
type call struct {
	// doing completes "… failed": "reading Okta user 00u1".
	doing string
	// read says that the call changes nothing.
	read bool
	// once says that it must not be sent again without looking first.
	once   bool
	prefer string
}

// do runs an SDK call and turns its error into a fault.
func (c *Client) do(ctx context.Context, call call, run func(context.Context) error) (*exchange, error) {
	x := &exchange{client: c, repeatable: !call.once, prefer: call.prefer}
	if err := run(context.WithValue(ctx, exchangeKey{}, x)); err != nil {
		return x, x.fault(call)
	}
	return x, nil
}

// raw makes a call that the SDK has no method for. path is escaped already.
func raw(ctx context.Context, method, path string, into any) (*sdkokta.Response, error) {
	executor := sdk.CloneRequestExecutor()
	request, err := executor.WithAccept("application/json").WithContentType("application/json").NewRequest(method, path, nil)
	if err != nil {
		return nil, err
	}
	return executor.Do(ctx, request, into)
}

// escaped is an id or login as part of a path: the SDK puts it in as it is.
func escaped(part string) string { return url.PathEscape(part) }

// mostPages bounds a list: at 200 to a page, two million entries. More means
// that its next links go round in a circle.
const mostPages = 10_000

// pages reads a list to its end, from its first page on.
func pages[T any](ctx context.Context, first func(context.Context) ([]T, *sdkokta.Response, error)) ([]T, error) {
	all, response, err := first(ctx)
	for n := 1; err == nil && response.HasNextPage(); n++ {
		if n == mostPages {
			return nil, errors.New("the list does not end")
		}
		var more []T
		if response, err = response.Next(ctx, &more); err == nil {
			all = append(all, more...)
		}
	}
	return all, err
}
