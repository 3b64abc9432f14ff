package accessreview

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// objects is the evidence bucket.
type objects struct {
	client *s3.Client
	bucket string
}

func (o objects) place(key string) string { return "s3://" + o.bucket + "/" + key }

// open reads an object as it comes. None is *fault.NotFound.
func (o objects) open(ctx context.Context, key string) (io.ReadCloser, error) {
	return o.get(ctx, key, nil)
}

// part reads length bytes of an object from offset on.
func (o objects) part(ctx context.Context, key string, offset, length int) ([]byte, error) {
	body, err := o.get(ctx, key, aws.String(fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	content := make([]byte, length)
	if _, err := io.ReadFull(body, content); err != nil {
		return nil, &fault.Unavailable{Message: o.place(key) + " could not be read to its end", Cause: err}
	}
	return content, nil
}

func (o objects) get(ctx context.Context, key string, span *string) (io.ReadCloser, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(o.bucket), Key: aws.String(key), Range: span})
	var answered interface{ HTTPStatusCode() int }
	if errors.As(err, &answered) && answered.HTTPStatusCode() == http.StatusNotFound {
		return nil, &fault.NotFound{Message: o.place(key) + " does not exist"}
	}
	if err != nil {
		return nil, platform.AWSError(o.place(key)+" could not be read", err)
	}
	return out.Body, nil
}

// read reads a small object whole.
func (o objects) read(ctx context.Context, key string) ([]byte, error) {
	body, err := o.open(ctx, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	content, err := io.ReadAll(body)
	if err != nil {
		return nil, &fault.Unavailable{Message: o.place(key) + " could not be read to its end", Cause: err}
	}
	return content, nil
}

func (o objects) write(ctx context.Context, key, contentType string, content []byte) error {
	return o.send(ctx, key, contentType, bytes.NewReader(content), int64(len(content)))
}

// jot writes an object that goes after a month (template.yaml, EvidenceBucket).
func (o objects) jot(ctx context.Context, key, contentType string, content []byte) error {
	return o.put(ctx, &s3.PutObjectInput{
		Key: aws.String(key), Body: bytes.NewReader(content), ContentLength: aws.Int64(int64(len(content))), ContentType: aws.String(contentType),
		Tagging: aws.String("keep=month"),
	})
}

// send writes an object of which only a piece is held at a time.
func (o objects) send(ctx context.Context, key, contentType string, from io.ReadSeeker, size int64) error {
	return o.put(ctx, &s3.PutObjectInput{Key: aws.String(key), Body: from, ContentLength: aws.Int64(size), ContentType: aws.String(contentType)})
}

func (o objects) put(ctx context.Context, in *s3.PutObjectInput) error {
	in.Bucket = aws.String(o.bucket)
	_, err := o.client.PutObject(ctx, in, func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired })
	return platform.AWSError(o.place(aws.ToString(in.Key))+" could not be written", err)
}
