package event

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
)

// jsonType is the media type of a notice, and of our answers.
const jsonType = "application/json"

// maxBody is the longest body that is read, in bytes. A notice has about 200.
const maxBody = 64 << 10

// request is what a trigger looks at: header and body as the sender made them.
type request struct {
	id     string
	header http.Header
	body   []byte
}

// readRequest undoes what API Gateway (payload format 2.0) did to the request.
// tooLarge is true when the body was not even decoded.
func readRequest(r events.APIGatewayV2HTTPRequest) (req request, tooLarge bool) {
	req = request{id: r.RequestContext.RequestID, header: make(http.Header, len(r.Headers))}
	for name, value := range r.Headers {
		// Names differing in case only are one header with several values, which
		// nothing below accepts where it wants one.
		req.header.Add(name, value)
	}
	if !r.IsBase64Encoded {
		req.body = []byte(r.Body)
		return req, len(req.body) > maxBody
	}
	if base64.StdEncoding.DecodedLen(len(r.Body)) > maxBody+2 {
		return req, true
	}
	body, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		// Not what the sender signed, whatever it was.
		body = nil
	}
	req.body = body
	return req, len(body) > maxBody
}

// one returns the header's value if it is given exactly once.
func (r request) one(name string) string {
	if values := r.header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// isJSON reports whether the request declares a JSON body in UTF-8.
func (r request) isJSON() bool {
	media, parameters, err := mime.ParseMediaType(r.one("Content-Type"))
	if err != nil || media != jsonType {
		return false
	}
	charset, given := parameters["charset"]
	return !given || strings.EqualFold(charset, "utf-8")
}
