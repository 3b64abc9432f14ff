package platform

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"lifecycle/shared/fault"
)

// secretAge is how long a value read from Secrets Manager is used. A rotation is
// seen within that time, and until then the previous version has to be valid.
const secretAge = 5 * time.Minute

const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// Secrets reads secrets from Secrets Manager and remembers them for five
// minutes. Concurrent use is fine; two callers may read the same secret at once.
type Secrets struct {
	cfg aws.Config

	// mu is never held during a call: on virtual time, whoever waits for a lock
	// keeps the clock from moving.
	mu     sync.Mutex
	client *secretsmanager.Client
	cache  map[secretVersion]secretValue
	given  map[string]string // what Value last returned, by id
}

type secretVersion struct{ id, stage string }

type secretValue struct {
	value string
	// absent is true when the secret has no version at this stage.
	absent bool
	read   time.Time
}

func newSecrets(cfg aws.Config) *Secrets {
	return &Secrets{cfg: cfg, cache: map[secretVersion]secretValue{}, given: map[string]string{}}
}

// Value returns the current version of the secret with this name or ARN. Errors
// are those of AWSError.
func (s *Secrets) Value(ctx context.Context, id string) (string, error) {
	v, err := s.version(ctx, secretVersion{id, current}, secretAge)
	if err == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.given[id] = v.value
	}
	return v.value, err
}

// Versions returns the versions of a secret that are valid side by side while it
// is rotated: the current one first, then the previous one if there is one.
func (s *Secrets) Versions(ctx context.Context, id string) ([]string, error) {
	return s.VersionsWithin(ctx, id, secretAge)
}

// VersionsWithin is Versions with values read at most age ago, for whoever has
// reason to believe that the secret was rotated just now.
func (s *Secrets) VersionsWithin(ctx context.Context, id string, age time.Duration) ([]string, error) {
	now, err := s.version(ctx, secretVersion{id, current}, age)
	if err != nil {
		return nil, err
	}
	before, err := s.version(ctx, secretVersion{id, previous}, age)
	if err != nil {
		return nil, err
	}
	if before.absent || before.value == now.value {
		return []string{now.value}, nil
	}
	return []string{now.value, before.value}, nil
}

func (s *Secrets) version(ctx context.Context, which secretVersion, age time.Duration) (secretValue, error) {
	client, known, ok := s.look(which)
	if ok && time.Since(known.read) < age {
		return known, nil
	}
	fresh := secretValue{read: time.Now()}
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{
		SecretId: aws.String(which.id), VersionStage: aws.String(which.stage),
	})
	var none *types.ResourceNotFoundException
	switch {
	case errors.As(err, &none) && which.stage == current:
		// A mistake that somebody is about to mend: not remembered.
		return secretValue{}, &fault.NotFound{Message: "the secret " + which.id + " does not exist or has no current value"}
	case errors.As(err, &none):
		fresh.absent = true
	case err != nil:
		return secretValue{}, AWSError("the secret "+which.id+" could not be read", err)
	case out.SecretString == nil:
		return secretValue{}, &fault.Invalid{Message: "the secret " + which.id + " is binary; store it as a string"}
	default:
		fresh.value = *out.SecretString
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache[which] = fresh
	return fresh, nil
}

// look returns the client, made when it is first needed, and what is remembered.
func (s *Secrets) look(which secretVersion) (*secretsmanager.Client, secretValue, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		s.client = secretsmanager.NewFromConfig(s.cfg)
	}
	known, ok := s.cache[which]
	return s.client, known, ok
}
