package entitlement_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
)

// bucket answers GetObject as S3 does, over the wire.
type bucket struct {
	doc, etag string // no etag: no object
	down      bool
	latency   time.Duration
	calls     int
	unchanged int // answered 304
}

func (b *bucket) RoundTrip(r *http.Request) (*http.Response, error) {
	b.calls++
	time.Sleep(b.latency)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer := func(status int, body string, header http.Header) *http.Response {
		return &http.Response{
			StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
		}
	}
	header := http.Header{"Etag": {b.etag}, "X-Amz-Request-Id": {"R1"}}
	switch {
	case b.down:
		return nil, errors.New("connection reset by peer")
	case r.URL.Path != "/rules-bucket/rules.json" || b.etag == "":
		return answer(404, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`, header), nil
	case r.Header.Get("If-None-Match") == b.etag:
		b.unchanged++
		return answer(304, "", header), nil
	default:
		return answer(200, b.doc, header), nil
	}
}

func TestSource(t *testing.T) {
	t.Parallel()

	type testBundle struct {
		bucket *bucket
		source *entitlement.Source
		told   []error
	}
	setup := func() *testBundle {
		b := &testBundle{bucket: &bucket{doc: small, etag: `"1"`}}
		client := s3.New(s3.Options{
			Region: "eu-central-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
			BaseEndpoint: aws.String("http://s3.test"), UsePathStyle: true,
			HTTPClient: &http.Client{Transport: b.bucket}, Retryer: aws.NopRetryer{},
		})
		b.source = entitlement.NewSource(client, "rules-bucket", "rules.json",
			entitlement.OnProblem(func(_ context.Context, err error) { b.told = append(b.told, err) }))
		return b
	}
	version := func(t *testing.T, b *testBundle) string {
		t.Helper()
		rules, err := b.source.Rules(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return rules.Version()[:1]
	}
	newer := string(bytes.Replace([]byte(small), []byte(`"version": "1"`), []byte(`"version": "2"`), 1))

	for _, test := range []struct {
		name string
		run  func(*testing.T, *testBundle)
	}{
		{"asks S3 at most once a minute, and then only whether the object has changed", func(t *testing.T, b *testBundle) {
			for range 90 {
				version(t, b)
				time.Sleep(time.Second)
			}
			if b.bucket.calls != 2 || b.bucket.unchanged != 1 {
				t.Errorf("%d calls, %d of them answered 304", b.bucket.calls, b.bucket.unchanged)
			}
		}},
		{"takes up a change within a minute", func(t *testing.T, b *testBundle) {
			version(t, b)
			b.bucket.doc, b.bucket.etag = newer, `"2"`
			time.Sleep(59 * time.Second)
			if v := version(t, b); v != "1" {
				t.Errorf("version %s after 59 s", v)
			}
			time.Sleep(time.Second)
			if v := version(t, b); v != "2" {
				t.Errorf("version %s after 60 s", v)
			}
		}},
		{"keeps the last good rules when new ones do not load, says so, and recovers", func(t *testing.T, b *testBundle) {
			version(t, b)
			b.bucket.doc, b.bucket.etag = strings.Replace(newer, `"staff":`, `"stuff":`, 1), `"2"`
			for range 3 { // answered 304 the second and third time: still broken
				time.Sleep(time.Minute)
				if v := version(t, b); v != "1" {
					t.Errorf("version %s", v)
				}
			}
			err := b.source.Problem()
			if err == nil || !strings.Contains(err.Error(), `s3://rules-bucket/rules.json (ETag "2") does not load`) || !strings.Contains(err.Error(), `there is no role "staff"`) {
				t.Error(err)
			}
			if len(b.told) != 3 || b.bucket.unchanged != 2 {
				t.Errorf("told %d times, %d answers 304", len(b.told), b.bucket.unchanged)
			}
			b.bucket.doc, b.bucket.etag = newer, `"3"`
			time.Sleep(time.Minute)
			if v := version(t, b); v != "2" || b.source.Problem() != nil {
				t.Errorf("version %s, %v", v, b.source.Problem())
			}
		}},
		{"keeps the last good rules while S3 is away", func(t *testing.T, b *testBundle) {
			version(t, b)
			b.bucket.down = true
			time.Sleep(time.Minute)
			if v := version(t, b); v != "1" {
				t.Errorf("version %s", v)
			}
			if err := b.source.Problem(); err == nil || !strings.Contains(err.Error(), "could not be read") {
				t.Error(err)
			}
			b.bucket.down = false
			time.Sleep(time.Minute)
			if version(t, b); b.source.Problem() != nil {
				t.Error(b.source.Problem())
			}
		}},
		{"is unavailable while there are none, and asks again each time", func(t *testing.T, b *testBundle) {
			b.bucket.etag = ""
			for range 2 {
				_, err := b.source.Rules(t.Context())
				if !fault.Is[*fault.Unavailable](err) || fault.Is[*fault.NotFound](err) || !strings.Contains(err.Error(), "NoSuchKey") {
					t.Errorf("%T %v", err, err)
				}
			}
			b.bucket.etag = `"1"`
			if v := version(t, b); v != "1" || b.source.Problem() != nil {
				t.Errorf("version %s, %v", v, b.source.Problem())
			}
		}},
		{"is unavailable, not invalid, while the first ones do not load", func(t *testing.T, b *testBundle) {
			b.bucket.doc = `{}`
			_, err := b.source.Rules(t.Context())
			if !fault.Is[*fault.Unavailable](err) || fault.Is[*fault.Invalid](err) || !strings.Contains(err.Error(), "missing propert") {
				t.Errorf("%T %v", err, err)
			}
		}},
		{"asks once for all who wait, without holding up the clock", func(t *testing.T, b *testBundle) {
			b.bucket.latency = 100 * time.Millisecond
			began := time.Now()
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					if _, err := b.source.Rules(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if b.bucket.calls != 1 || time.Since(began) != b.bucket.latency {
				t.Errorf("%d calls in %v", b.bucket.calls, time.Since(began))
			}
		}},
		{"does not blame S3 when the caller has run out of time", func(t *testing.T, b *testBundle) {
			version(t, b)
			time.Sleep(time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if rules, err := b.source.Rules(ctx); err != nil || rules == nil {
				t.Error(err)
			}
			if len(b.told) != 0 || b.source.Problem() != nil {
				t.Errorf("%v", b.told)
			}
			calls := b.bucket.calls
			if version(t, b); b.bucket.calls == calls {
				t.Error("the next caller did not ask again")
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { test.run(t, setup()) })
		})
	}
}
