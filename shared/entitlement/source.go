package entitlement

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/singleflight"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// objects is the part of the S3 client that a Source needs.
type objects interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Source reads the rules from S3 and notices when they change.
type Source struct {
	objects     objects
	bucket, key string
	onProblem   func(context.Context, error)

	// flight lets one caller ask S3 while the others wait for its answer.
	flight singleflight.Group

	mu      sync.Mutex // never held while S3 is asked
	rules   *Rules     // the last that loaded; nil before
	etag    string     // of the object seen last, whether it loaded or not
	broken  error      // why the object seen last did not load; nil when it did
	checked time.Time  // when S3 answered or failed to, last
	problem error      // why rules may not be what S3 holds; nil when they are
}

// keep is for how long the rules are taken as they are.
const keep = time.Minute

// NewSource returns a Source for the object with the key in the bucket.
func NewSource(client objects, bucket, key string, options ...Option) *Source {
	s := &Source{objects: client, bucket: bucket, key: key, onProblem: func(context.Context, error) {}}
	for _, o := range options {
		o(s)
	}
	return s
}

// Option changes how a Source works.
type Option func(*Source)

// OnProblem is told each time the rules could not be renewed, besides the line
// in the log: the place for a metric with an alarm.
func OnProblem(tell func(context.Context, error)) Option {
	return func(s *Source) { s.onProblem = tell }
}

// Rules are the rules as of at most a minute ago. When those in S3 cannot be
// read or do not load, they are the last that did; the log and Problem tell why,
// and S3 is asked again after a minute. Before any has loaded the error is
// *fault.Unavailable: without rules nothing is decided, and the step is tried
// again.
func (s *Source) Rules(ctx context.Context) (*Rules, error) {
	if rules, _ := s.fresh(); rules != nil {
		return rules, nil
	}
	_, _, _ = s.flight.Do("", func() (any, error) { //nolint:dogsled // what it finds stands in s
		if rules, _ := s.fresh(); rules == nil { // nobody was faster
			s.refresh(ctx)
		}
		return struct{}{}, nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules == nil {
		return nil, &fault.Unavailable{Message: "there are no entitlement rules to decide by, so nothing was granted or taken away", Cause: s.problem}
	}
	return s.rules, nil
}

// fresh are the rules when S3 was asked less than a minute ago, and the ETag of
// the object seen last.
func (s *Source) fresh() (_ *Rules, etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.checked) >= keep {
		return nil, s.etag
	}
	return s.rules, s.etag
}

// Problem is why the rules in use are not those that S3 holds; nil when they
// are.
func (s *Source) Problem() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// refresh asks S3 for the object unless it is still the one that was seen last.
func (s *Source) refresh(ctx context.Context) {
	_, seen := s.fresh()
	doc, etag, err := s.get(ctx, seen)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && ctx.Err() != nil && s.rules != nil {
		return // the caller ran out of time; that says nothing about the rules
	}
	s.checked = time.Now()
	switch {
	case err != nil:
		s.problem = err
	case doc == nil:
		s.problem = s.broken
	default:
		s.load(doc, etag)
	}
	if s.problem == nil {
		return
	}
	inUse := "none"
	if s.rules != nil {
		inUse = s.rules.Version()
	}
	platform.Logger(ctx).ErrorContext(ctx, "the entitlement rules could not be renewed",
		"object", s.place(), "in_use", inUse, "error", s.problem.Error())
	s.onProblem(ctx, s.problem)
}

func (s *Source) load(doc []byte, etag string) {
	rules, err := Load(doc)
	if err != nil {
		// Flattened: whoever asks for rules meets Unavailable, not Invalid.
		err = fmt.Errorf("%s (ETag %s) does not load: %s", s.place(), etag, err.Error())
	} else {
		s.rules = rules
	}
	s.etag, s.broken, s.problem = etag, err, err
}

// get reads the object; no document and no error mean that it is the one seen.
func (s *Source) get(ctx context.Context, seen string) (doc []byte, etag string, err error) {
	in := &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(s.key)}
	if seen != "" {
		in.IfNoneMatch = aws.String(seen)
	}
	out, err := s.objects.GetObject(ctx, in)
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotModified {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", errors.New(platform.AWSError(s.place()+" could not be read", err).Error())
	}
	defer out.Body.Close()
	doc, err = io.ReadAll(io.LimitReader(out.Body, LargestDocument+1))
	if err != nil {
		return nil, "", fmt.Errorf("%s could not be read to its end: %w", s.place(), err)
	}
	return doc, aws.ToString(out.ETag), nil
}

func (s *Source) place() string { return "s3://" + s.bucket + "/" + s.key }
