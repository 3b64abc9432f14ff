package snowsim

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
)

// Transport returns a RoundTripper that hands every request to the instance in the
// caller's own goroutine, whatever host it names: no sockets, no goroutines, so
// it works on virtual time. A cut connection becomes ECONNRESET, a caller who
// gave up gets his context's error.
func (s *Sim) Transport() http.RoundTripper { return transport{s} }

// TransportTo is the same for any handler, such as the receiver of an Outbox.
func TransportTo(handler http.Handler) http.RoundTripper { return transport{handler} }

type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case cause != http.ErrAbortHandler: //nolint:errorlint // a panic value, as net/http compares it
			panic(cause)
		case r.Context().Err() != nil:
			response, err = nil, r.Context().Err()
		default:
			response, err = nil, &net.OpError{Op: "read", Net: "tcp", Err: fmt.Errorf("connection cut by the simulator: %w", syscall.ECONNRESET)}
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	t.handler.ServeHTTP(recorder, r)
	response = recorder.Result()
	response.Request = r
	response.Status = fmt.Sprintf("%d %s", response.StatusCode, http.StatusText(response.StatusCode))
	body := recorder.Body.Bytes()
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	return response, nil
}
