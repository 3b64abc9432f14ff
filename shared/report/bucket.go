package report

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"lifecycle/shared/fault"
	"lifecycle/shared/platform"
)

// Bucket is a store in S3: the keys that begin with Prefix, such as "reviews/<id>/report/".
type Bucket struct {
	Client *s3.Client
	Name   string
	Prefix string
}

// Put implements Store. The file is laid down on disk first, where a Lambda has 512 MB: S3
// wants to know its length, and a file that could not be finished never gets there.
func (b Bucket) Put(ctx context.Context, name, contentType string, write func(io.Writer) error) error {
	f, err := os.CreateTemp("", "report-*")
	if err != nil {
		return unwritten(name, err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	if err := write(f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return unwritten(name, err)
	}
	_, err = b.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(b.Name), Key: aws.String(b.Prefix + name), ContentType: aws.String(contentType), Body: f,
	})
	return platform.AWSError("the report's file "+name+" could not be written", err)
}

// Open implements Store.
func (b Bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	out, err := b.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(b.Name), Key: aws.String(b.Prefix + name)})
	var missing *types.NoSuchKey
	switch {
	case errors.As(err, &missing):
		return nil, &fault.NotFound{Message: "the report's file " + name + " does not exist", Cause: err}
	case err != nil:
		return nil, platform.AWSError("the report's file "+name+" could not be read", err)
	}
	return out.Body, nil
}
