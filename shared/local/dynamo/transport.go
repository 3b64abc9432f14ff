package dynamo

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
)

// Transport returns a RoundTripper that hands every request to the DB in the
// caller's own goroutine, whatever host it names: no sockets, no goroutines, so
// it works on virtual time. A cut connection becomes ECONNRESET, a caller who
// gave up gets his context's error.
func (db *DB) Transport() http.RoundTripper { return transport{db} }

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
			response, err = nil, &net.OpError{Op: "read", Net: "tcp", Err: fmt.Errorf("%w: %w", errCut, syscall.ECONNRESET)}
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	// The DB replaces the body of the request it is given; a RoundTripper must
	// leave the caller's alone.
	t.handler.ServeHTTP(recorder, r.WithContext(r.Context()))
	response = recorder.Result()
	response.Request = r
	body := recorder.Body.Bytes()
	response.Body = io.NopCloser(bytes.NewReader(body))
	response.ContentLength = int64(len(body))
	return response, nil
}
