package event

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// minKey is the shortest signing key in bytes that Standard Webhooks allows. The
// library takes any, also an empty one, with which everybody can sign.
const minKey = 24

// rotationGap bounds how often a signature that does not match makes us look for
// a newer key: whoever sends rubbish costs two calls in that time at most.
const rotationGap = 30 * time.Second

// secretReader is the part of platform.Secrets that is needed here.
type secretReader interface {
	Versions(ctx context.Context, id string) ([]string, error)
	VersionsWithin(ctx context.Context, id string, age time.Duration) ([]string, error)
}

// verifier checks Standard Webhooks signatures with the keys of one secret. The
// current and the previous version are valid side by side, so that ServiceNow
// can follow a rotation in its own time. The library tolerates clocks that
// differ by five minutes.
type verifier struct {
	secrets secretReader
	secret  string
}

// unsignedError says that a request is not signed by a key of ours. What exactly
// is wrong with it is for the log only.
type unsignedError struct{ why error }

func (e *unsignedError) Error() string { return e.why.Error() }
func (e *unsignedError) Unwrap() error { return e.why }

// verify returns nil, *unsignedError, or a fault when the keys cannot be had.
func (v verifier) verify(ctx context.Context, r request) error {
	header := http.Header{}
	for _, name := range []string{
		standardwebhooks.HeaderWebhookID, standardwebhooks.HeaderWebhookTimestamp, standardwebhooks.HeaderWebhookSignature,
	} {
		header.Set(name, r.one(name))
	}
	versions, err := v.secrets.Versions(ctx, v.secret)
	if err != nil {
		return err
	}
	err = v.check(ctx, versions, header, r.body)
	if !errors.Is(err, standardwebhooks.ErrNoMatchingSignature) {
		return err
	}
	// The key may have been rotated within the time that it is remembered.
	if versions, err = v.secrets.VersionsWithin(ctx, v.secret, rotationGap); err != nil {
		return err
	}
	return v.check(ctx, versions, header, r.body)
}

// check tries every usable key; it fails with a fault when none is usable.
func (v verifier) check(ctx context.Context, versions []string, header http.Header, body []byte) error {
	var refused error
	for _, secret := range versions {
		webhook, err := newWebhook(secret)
		if err != nil {
			platform.Logger(ctx).ErrorContext(ctx, "a version of the webhook's signing key is not usable", "name", v.secret, "error", err.Error())
			continue
		}
		if err = webhook.Verify(body, header); err == nil {
			return nil
		}
		refused = err
	}
	if refused == nil {
		return &fault.Invalid{Message: "no version of the secret " + v.secret + " is a usable signing key: store at least 24 random bytes as base64, with or without whsec_ before it"}
	}
	return &unsignedError{why: refused}
}

// newWebhook refuses keys that are no keys before the library sees them.
func newWebhook(secret string) (*standardwebhooks.Webhook, error) {
	secret = strings.TrimPrefix(strings.TrimSpace(secret), "whsec_")
	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, errors.New("it is not base64")
	}
	if len(key) < minKey {
		return nil, fmt.Errorf("it has %d bytes, and %d is the least", len(key), minKey)
	}
	return standardwebhooks.NewWebhookRaw(key)
}
