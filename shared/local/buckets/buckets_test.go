package buckets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"lifecycle/shared/local/buckets"
)

const host = "s3.invalid"

type transport struct{ store *buckets.Store }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.store.RoundTrip(host, r)
}

// setup is a client of a store with a plain and a locked bucket.
func setup() (*buckets.Store, *s3.Client) {
	store := &buckets.Store{}
	store.Create(buckets.Bucket{Name: "plain"})
	store.Create(buckets.Bucket{Name: "locked", Versioned: true, Lock: buckets.Retention{Mode: "COMPLIANCE", Days: 7}})
	return store, s3.New(s3.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String("https://" + host), HTTPClient: &http.Client{Transport: transport{store}},
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
}

func put(ctx context.Context, c *s3.Client, bucket, key, content string, change ...func(*s3.PutObjectInput)) (*s3.PutObjectOutput, error) {
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)}
	for _, f := range change {
		f(in)
	}
	return c.PutObject(ctx, in)
}

func code(err error) string {
	var coded smithy.APIError
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestConditionsAndChecksumsDecideAboutAPut(t *testing.T) {
	t.Parallel()
	_, c := setup()
	none := func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }
	first, err := put(t.Context(), c, "plain", "a/b c", "one", none)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*s3.PutObjectInput)
		want   string
	}{
		"there already":        {none, "PreconditionFailed"},
		"changed since":        {func(in *s3.PutObjectInput) { in.IfMatch = aws.String(`"0"`) }, "PreconditionFailed"},
		"not what was summed":  {func(in *s3.PutObjectInput) { in.ChecksumSHA256 = aws.String("AAAA") }, "BadDigest"},
		"no bucket":            {func(in *s3.PutObjectInput) { in.Bucket = aws.String("none") }, "NoSuchBucket"},
		"what stood there now": {func(in *s3.PutObjectInput) { in.IfMatch = first.ETag }, "<nil>"},
	} {
		if _, err := put(t.Context(), c, "plain", "a/b c", "one", tt.change); code(err) != tt.want {
			t.Errorf("%s: %s, want %s", name, code(err), tt.want)
		}
	}
	got, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("plain"), Key: aws.String("a/b c")})
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(got.Body); err != nil || string(content) != "one" {
		t.Errorf("read %q, %v", content, err)
	}
}

func TestALockedVersionStaysUntilItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, c := setup()
		bucket, key := aws.String("locked"), aws.String("k")
		first, err := put(t.Context(), c, *bucket, *key, "true")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := put(t.Context(), c, *bucket, *key, "forged"); err != nil {
			t.Fatal(err) // another version, as in S3
		}
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: first.VersionId}); code(err) != "AccessDenied" {
			t.Errorf("a locked version was deleted: %v", err)
		}
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key}); err != nil {
			t.Errorf("a delete marker: %v", err)
		}
		if keys := store.Keys("locked"); len(keys) != 0 {
			t.Errorf("the delete marker hides nothing: %v", keys)
		}
		versions, err := c.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: bucket})
		if err != nil || len(versions.Versions) != 2 || len(versions.DeleteMarkers) != 1 || !*versions.DeleteMarkers[0].IsLatest {
			t.Errorf("versions %v, %v", versions, err)
		}
		old, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key, VersionId: first.VersionId})
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(old.Body); err != nil || string(content) != "true" || old.ObjectLockMode != "COMPLIANCE" {
			t.Errorf("the first version reads %q, locked by %q, %v", content, old.ObjectLockMode, err)
		}
		time.Sleep(8 * 24 * time.Hour)
		if _, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: first.VersionId}); err != nil {
			t.Errorf("after its time: %v", err)
		}
	})
}

func TestListingsComeInPages(t *testing.T) {
	t.Parallel()
	store, c := setup()
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("s/%c/%03d", 'a'+i/10, i)
		want = append(want, key)
		store.Put("locked", key, []byte("x"))
		store.Put("locked", key, []byte("y"))
	}
	store.Put("locked", "t/1", nil)
	bucket, prefix := aws.String("locked"), aws.String("s/")

	var keys []string
	pages := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: prefix, MaxKeys: aws.Int32(4)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			keys = append(keys, *o.Key)
		}
	}
	if !slices.Equal(keys, want) {
		t.Errorf("objects %v", keys)
	}

	var under []string
	folders := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: bucket, Prefix: prefix, Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)})
	for folders.HasMorePages() {
		page, err := folders.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.CommonPrefixes {
			under = append(under, *p.Prefix)
		}
	}
	if !slices.Equal(under, []string{"s/a/", "s/b/", "s/c/"}) {
		t.Errorf("common prefixes %v", under)
	}

	n := 0
	versions := s3.NewListObjectVersionsPaginator(c, &s3.ListObjectVersionsInput{Bucket: bucket, Prefix: prefix, MaxKeys: aws.Int32(3)})
	for versions.HasMorePages() {
		page, err := versions.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Versions)
	}
	if n != 50 {
		t.Errorf("%d versions, want 50", n)
	}
}

func TestPartsOfAnObject(t *testing.T) {
	t.Parallel()
	_, c := setup()
	if _, err := put(t.Context(), c, "plain", "parts", "0123456789"); err != nil {
		t.Fatal(err)
	}
	for span, want := range map[string]string{"bytes=0-3": "0123", "bytes=4-9": "456789", "bytes=8-20": "89", "bytes=10-12": "InvalidRange"} {
		got, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("plain"), Key: aws.String("parts"), Range: aws.String(span)})
		if err != nil {
			if code(err) != want {
				t.Errorf("%s: %v", span, err)
			}
			continue
		}
		if content, err := io.ReadAll(got.Body); err != nil || string(content) != want {
			t.Errorf("%s: %q, %v", span, content, err)
		}
	}
}
