package states

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
)

// Handler is the wire API, for a server.
func (e *Engine) Handler() http.Handler { return e }

// Transport returns a RoundTripper that hands every request to the engine in
// the caller's own goroutine, whatever host it names: no sockets, no goroutines
// besides the executions', so it works on virtual time.
func (e *Engine) Transport() http.RoundTripper { return transport{e} }

type transport struct{ engine *Engine }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer func() { _ = r.Body.Close() }()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	t.engine.ServeHTTP(recorder, r)
	response := recorder.Result()
	response.Request = r
	response.Status = fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode))
	body := recorder.Body.Bytes()
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	return response, nil
}
