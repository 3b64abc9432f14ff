package detect_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"lifecycle/functions/securityalert/detect"
)

// bucket is an S3 with one object, or none.
type bucket struct {
	content string
	broken  bool
	asked   int
}

type notModified struct{}

func (notModified) Error() string       { return "not modified" }
func (notModified) HTTPStatusCode() int { return 304 }

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	b.asked++
	etag := aws.String("e" + b.content[:min(len(b.content), 40)])
	switch {
	case b.broken:
		return nil, errors.New("no answer")
	case b.content == "":
		return nil, &types.NoSuchKey{}
	case aws.ToString(in.IfNoneMatch) == *etag:
		return nil, notModified{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(b.content)), ETag: etag}, nil
}

func TestRulesAreRenewedWithinAMinute(t *testing.T) {
	t.Parallel()
	bubble(t, "and what cannot be used leaves the last that could in force", func(t *testing.T) {
		b := newBench(t)
		s3 := &bucket{}
		source := detect.NewSource(s3, "rules", "alerts.json", nil)
		version := func(after time.Duration) string {
			time.Sleep(after)
			rules, err := source.Rules(b.ctx)
			if err != nil {
				t.Fatal(err)
			}
			return rules.Version()
		}
		mine := strings.Replace(remembering, `"version": "1"`, `"version": "mine"`, 1)
		steps := []struct {
			what    string
			content string
			broken  bool
			after   time.Duration
			want    string
		}{
			{"without an object the default set", "", false, 0, "default-1"},
			{"a new object is not seen within the minute", mine, false, 30 * time.Second, "default-1"},
			{"but after it", mine, false, 31 * time.Second, "mine"},
			{"the same again", mine, false, 2 * time.Minute, "mine"},
			{"a broken one is not used", "{", false, 2 * time.Minute, "mine"},
			{"nor is one that cannot be read", mine, true, 2 * time.Minute, "mine"},
			{"nor does a deleted one bring the default set back", "", false, 2 * time.Minute, "mine"},
			{"a mended one is", strings.Replace(mine, "mine", "mended", 1), false, 2 * time.Minute, "mended"},
		}
		for _, s := range steps {
			s3.content, s3.broken = s.content, s.broken
			if got := version(s.after); got != s.want {
				t.Errorf("%s: %s, want %s", s.what, got, s.want)
			}
		}
	})

	bubble(t, "and without a key nobody is asked", func(t *testing.T) {
		s3 := &bucket{content: remembering}
		rules, err := detect.NewSource(s3, "rules", "", nil).Rules(newBench(t).ctx)
		if err != nil || rules.Version() != "default-1" || s3.asked != 0 {
			t.Errorf("%v, asked %d times", err, s3.asked)
		}
	})
}
