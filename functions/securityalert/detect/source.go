package detect

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

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// objects is the part of the S3 client that a Source needs.
type objects interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Source reads the rules from S3 and notices when they change. Where there is no
// object the default set is in force: an alert is never missed for want of a file.
type Source struct {
	objects     objects
	bucket, key string
	metrics     *platform.Metrics

	mu      sync.Mutex
	rules   *Rules
	etag    string
	checked time.Time
}

// keep is for how long the rules are taken as they are.
const keep = time.Minute

// NewSource returns a source for the object with the key in the bucket; without a
// key it always gives the default set.
func NewSource(client objects, bucket, key string, metrics *platform.Metrics) *Source {
	return &Source{objects: client, bucket: bucket, key: key, metrics: metrics}
}

// Rules are the rules as of at most a minute ago. When those in S3 cannot be read
// or do not load, they are the last that did, or the default set; the log tells
// why, and the metric AlertRulesNotRenewed counts it.
func (s *Source) Rules(ctx context.Context) (*Rules, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules != nil && (s.key == "" || time.Since(s.checked) < keep) {
		return s.rules, nil
	}
	problem := s.refresh(ctx)
	if s.rules == nil {
		rules, err := Load(defaultText)
		if err != nil {
			return nil, err
		}
		s.rules = rules
	}
	if problem != nil {
		platform.Logger(ctx).ErrorContext(ctx, "the alert rules could not be renewed", "object", s.place(), "in_use", s.rules.Version(), "error", problem.Error())
		s.metrics.Count("AlertRulesNotRenewed", 1)
	}
	s.checked = time.Now()
	for _, overdue := range s.rules.Overdue(s.checked) {
		platform.Logger(ctx).WarnContext(ctx, "a suppression has expired and should be taken out of the rules", "suppression", overdue)
	}
	return s.rules, nil
}

// refresh reads the object unless it is still the one that was read last.
func (s *Source) refresh(ctx context.Context) error {
	if s.key == "" {
		return nil
	}
	in := &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(s.key)}
	if s.etag != "" {
		in.IfNoneMatch = aws.String(s.etag)
	}
	out, err := s.objects.GetObject(ctx, in)
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusNotModified {
		return nil
	}
	if err := platform.AWSError(s.place()+" could not be read", err); err != nil {
		if fault.Is[*fault.NotFound](err) && s.etag == "" {
			return nil // nobody has ever put one there
		}
		return err
	}
	defer func() { _ = out.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(out.Body, LargestDocument+1))
	if err != nil {
		return fmt.Errorf("%s could not be read to its end: %w", s.place(), err)
	}
	rules, err := Load(text)
	if err != nil {
		return err
	}
	s.rules, s.etag = rules, aws.ToString(out.ETag)
	return nil
}

func (s *Source) place() string { return "s3://" + s.bucket + "/" + s.key }
