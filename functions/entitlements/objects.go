package entitlements

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lifecycle/shared/entitlement"
	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// shelf is the bucket that the rules are in, with what a change of them needs.
type shelf struct {
	client *s3.Client
	bucket string
}

// candidateKey is where a changed document is kept, by the hash of its content.
func candidateKey(hash string) string { return "candidates/" + hash + ".json" }

// get reads an object and its ETag. None is *fault.NotFound.
func (s shelf) get(ctx context.Context, key string) (content []byte, etag string, err error) {
	out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(s.bucket), Key: aws.String(key)})
	if statusOf(err) == http.StatusNotFound {
		return nil, "", &fault.NotFound{Message: s.place(key) + " does not exist"}
	}
	if err != nil {
		return nil, "", platform.AWSError(s.place(key)+" could not be read", err)
	}
	defer func() { _ = out.Body.Close() }()
	content, err = io.ReadAll(io.LimitReader(out.Body, entitlement.LargestDocument+1))
	if err != nil {
		return nil, "", &fault.Unavailable{Message: s.place(key) + " could not be read to its end", Cause: err}
	}
	return content, aws.ToString(out.ETag), nil
}

// put writes an object. With an ETag it takes the place of that version only:
// another one is *fault.Conflict.
func (s shelf) put(ctx context.Context, key string, content []byte, etag string) error {
	in := &s3.PutObjectInput{
		Bucket: aws.String(s.bucket), Key: aws.String(key), Body: bytes.NewReader(content), ContentType: aws.String("application/json"),
	}
	if etag != "" {
		in.IfMatch = aws.String(etag)
	}
	_, err := s.client.PutObject(ctx, in, func(o *s3.Options) {
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	})
	if status := statusOf(err); status == http.StatusPreconditionFailed || status == http.StatusConflict {
		return &fault.Conflict{Message: s.place(key) + " has been changed meanwhile"}
	}
	return platform.AWSError(s.place(key)+" could not be written", err)
}

func (s shelf) place(key string) string { return "s3://" + s.bucket + "/" + key }

func statusOf(err error) int {
	var answered interface{ HTTPStatusCode() int }
	if errors.As(err, &answered) {
		return answered.HTTPStatusCode()
	}
	return 0
}
