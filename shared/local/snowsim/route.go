package snowsim

import (
	"net/http"
	"net/url"
	"strings"
)

// operation is one operation of the API.
type operation struct {
	method, pattern string
	do              func(*Sim, *call) (answer, *Error)
}

// operations is all that the simulator can do below /api/now, where a version
// may come first. A segment in braces is a parameter; a literal one wins.
var operations = []operation{
	{"GET", "table/{table}", (*Sim).listRecords},
	{"POST", "table/{table}", (*Sim).createRecord},
	{"GET", "table/{table}/{id}", (*Sim).getRecord},
	{"PATCH", "table/{table}/{id}", (*Sim).updateRecord},
	// PUT changes what it names, like PATCH (docs: c_TableAPI, PUT).
	{"PUT", "table/{table}/{id}", (*Sim).updateRecord},
	{"DELETE", "table/{table}/{id}", (*Sim).deleteRecord},
	{"GET", "attachment", (*Sim).listAttachments},
	{"POST", "attachment/file", (*Sim).attachFile},
	{"POST", "attachment/upload", (*Sim).attachForm},
	{"GET", "attachment/{id}", (*Sim).getAttachment},
	{"DELETE", "attachment/{id}", (*Sim).deleteAttachment},
	{"GET", "attachment/{id}/file", (*Sim).readAttachment},
}

const apiRoot = "/api/now"

// dispatch finds out who calls, counts the call and does what it asks.
func (s *Sim) dispatch(c *call) (answer, *Error) {
	if c.request.URL.Path == "/oauth_token.do" {
		return s.oauthToken(c)
	}
	op, refusal := match(c)
	if refusal != nil {
		return answer{}, refusal
	}
	if c.user, refusal = s.signedIn(c); refusal != nil {
		return answer{}, refusal
	}
	if refusal := s.count(c); refusal != nil {
		return answer{}, refusal
	}
	if accept := c.request.Header.Get("Accept"); accept != "" && !strings.Contains(accept, "json") && !strings.Contains(accept, "*/*") {
		return answer{}, refuse(http.StatusNotAcceptable, "Not acceptable", "Only application/json is simulated")
	}
	if refusal := c.simulated(); refusal != nil {
		return answer{}, refusal
	}
	return op.do(s, c)
}

// match finds the operation and fills c.params and c.prefix.
func match(c *call) (operation, *Error) {
	path := c.request.URL.EscapedPath()
	rest, below := strings.CutPrefix(path, apiRoot+"/")
	if !below {
		return operation{}, unknownResource(path)
	}
	c.prefix = apiRoot
	for _, version := range []string{"v1", "v2"} {
		if after, versioned := strings.CutPrefix(rest, version+"/"); versioned {
			rest, c.prefix = after, apiRoot+"/"+version
		}
	}
	segments := strings.Split(rest, "/")
	var best operation
	bestLiterals, known := -1, false
	for _, op := range operations {
		params, literals := capture(op.pattern, segments)
		if params == nil {
			continue
		}
		known = true
		if op.method == c.request.Method && literals > bestLiterals {
			best, bestLiterals, c.params = op, literals, params
		}
	}
	switch {
	case bestLiterals >= 0:
		return best, nil
	case known:
		return operation{}, refuse(http.StatusMethodNotAllowed, "Method not supported", "")
	}
	return operation{}, unknownResource(path)
}

// unknownResource is seen with 400 and with 404; unconfirmed which when.
func unknownResource(path string) *Error {
	return refuse(http.StatusBadRequest, "Requested URI does not represent any resource", path)
}

func capture(pattern string, segments []string) (params map[string]string, literals int) {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(segments) {
		return nil, 0
	}
	params = map[string]string{}
	for i, part := range parts {
		if name, isParam := strings.CutPrefix(part, "{"); isParam {
			value, err := url.PathUnescape(segments[i])
			if err != nil || value == "" {
				return nil, 0
			}
			params[strings.TrimSuffix(name, "}")] = value
			continue
		}
		if part != segments[i] {
			return nil, 0
		}
		literals++
	}
	return params, literals
}
