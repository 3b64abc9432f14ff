package local

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"lifecycle/shared/local/template"
)

// mostBody is what an HTTP API accepts: 10 MB.
const mostBody = 10 << 20

// API is the HTTP API: routes as in the template, payload format 2.0.
func (c *Cloud) API() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, route, known := c.route(r)
		if !known {
			answer(w, http.StatusNotFound, []byte(`{"message":"Not Found"}`))
			return
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, mostBody+1))
		switch {
		case err != nil:
			answer(w, http.StatusBadRequest, []byte(`{"message":"Bad Request"}`))
			return
		case len(body) > mostBody:
			answer(w, http.StatusRequestEntityTooLarge, []byte(`{"message":"Request Entity Too Large"}`))
			return
		}
		event := c.request(r, route, body)
		if route.IAM {
			caller := identify(r, body)
			if caller == nil {
				answer(w, http.StatusForbidden, []byte(`{"message":"Forbidden"}`))
				return
			}
			event.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{IAM: caller}
		}
		payload, err := json.Marshal(event)
		if err != nil {
			answer(w, http.StatusInternalServerError, []byte(`{"message":"Internal Server Error"}`))
			return
		}
		out, err := f.invoke(r.Context(), payload)
		var response events.APIGatewayV2HTTPResponse
		if err != nil || json.Unmarshal(out, &response) != nil || response.StatusCode == 0 {
			c.log("function %s failed behind the HTTP API: %v", f.ID, err)
			answer(w, http.StatusInternalServerError, []byte(`{"message":"Internal Server Error"}`))
			return
		}
		for name, value := range response.Headers {
			w.Header().Set(name, value)
		}
		content, err := base64Body(response.Body, response.IsBase64Encoded)
		if err != nil {
			answer(w, http.StatusInternalServerError, []byte(`{"message":"Internal Server Error"}`))
			return
		}
		answer(w, response.StatusCode, content)
	})
}

func (c *Cloud) route(r *http.Request) (*function, template.Route, bool) {
	for _, f := range c.byID {
		i := slices.IndexFunc(f.Routes, func(route template.Route) bool {
			return strings.EqualFold(route.Method, r.Method) && route.Path == r.URL.Path
		})
		if i >= 0 {
			return f, f.Routes[i], true
		}
	}
	return nil, template.Route{}, false
}

// request is the event that API Gateway makes of a request: header names in
// lower case, several values of one joined by commas.
func (c *Cloud) request(r *http.Request, route template.Route, body []byte) events.APIGatewayV2HTTPRequest {
	headers := map[string]string{}
	for name, values := range r.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "127.0.0.1"
	}
	event := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: route.Method + " " + route.Path, RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Headers: headers,
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: route.Method + " " + route.Path, AccountID: template.Account, Stage: "$default", RequestID: c.requestID(),
			APIID: "local", DomainName: r.Host, TimeEpoch: time.Now().UnixMilli(), Time: time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: host, UserAgent: r.UserAgent(),
			},
		},
	}
	if utf8.Valid(body) {
		event.Body = string(body)
	} else {
		event.Body, event.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return event
}

func answer(w http.ResponseWriter, status int, body []byte) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the caller may have gone
}
