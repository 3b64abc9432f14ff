package platform

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-lambda-go/lambda"
)

// Build wires a function's handler.
type Build func(context.Context, *Cloud) (lambda.Handler, error)

// Prepare builds a function and keeps it current: when a secret that it was
// built with has been replaced, it is built anew before the next invocation, at
// the latest five minutes later (the age of the secrets' cache). So a rotated
// credential is taken up without a deployment; the one before has to stay valid
// for that long.
func (c *Cloud) Prepare(ctx context.Context, build Build) (lambda.Handler, error) {
	ctx = WithLogger(ctx, c.Log)
	h, err := build(ctx, c)
	if err == nil && h == nil {
		err = errors.New("the function has no handler")
	}
	if err != nil {
		return nil, err
	}
	return c.Handler(&currentHandler{cloud: c, build: build, handler: h}), nil
}

// currentHandler serves one invocation at a time, as a Lambda's instance does.
type currentHandler struct {
	cloud   *Cloud
	build   Build
	handler lambda.Handler
}

func (h *currentHandler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if h.cloud.Secrets.replaced(ctx) {
		rebuilt, err := h.build(ctx, h.cloud)
		if err != nil {
			// The credential before may still be good; if not, the call says so.
			Logger(ctx).ErrorContext(ctx, "a replaced secret could not be taken up", "error", err.Error())
		} else {
			h.handler = rebuilt
		}
	}
	return h.handler.Invoke(ctx, payload)
}

// replaced reports whether a secret has another value than Value last gave out.
func (s *Secrets) replaced(ctx context.Context) bool {
	s.mu.Lock()
	given := maps.Clone(s.given)
	s.mu.Unlock()
	for id, value := range given {
		now, err := s.version(ctx, secretVersion{id, current}, secretAge)
		if err == nil && now.value != value {
			return true
		}
	}
	return false
}
