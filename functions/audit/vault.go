package audit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"lifecycle/shared/platform"
)

// Vault is the archive of the ledger: the bucket with Object Lock.
type Vault struct {
	client *s3.Client
	bucket string
}

// NewVault returns the archive in the bucket.
func NewVault(client *s3.Client, bucket string) *Vault { return &Vault{client: client, bucket: bucket} }

const (
	// recordsPrefix is where the records are: records/<stream>/<number>-<hash>.json,
	// with the slashes of the stream's name escaped, so that a listing with a
	// delimiter gives the streams.
	recordsPrefix = "records/"
	// findingsPrefix is where changes of records are kept as they were seen:
	// findings/<day>/<event id>.json.
	findingsPrefix = "findings/"
)

func streamPrefix(stream string) string { return recordsPrefix + url.PathEscape(stream) + "/" }

func recordKey(stream string, seq int64, hash string) string {
	return fmt.Sprintf("%s%012d-%s.json", streamPrefix(stream), seq, hash)
}

// Copy is an archived record.
type Copy struct {
	Seq int64
	// Hash is the one that the record was archived under.
	Hash string
	// At is when it was archived.
	At time.Time
	// Versions is how many versions the object has: 1, unless somebody wrote over it.
	Versions int
	// Hidden is true when a delete marker lies on top.
	Hidden bool

	key, version string // of the oldest version
}

// keep archives the text of a record. A record that is archived already stays as
// it is.
func (v *Vault) keep(ctx context.Context, stream string, seq int64, hash, body string) error {
	return v.put(ctx, recordKey(stream, seq, hash), []byte(body))
}

// put writes an object once; the bucket's default retention locks it. S3 holds the
// content against the checksum and keeps it.
func (v *Vault) put(ctx context.Context, key string, content []byte) error {
	sum := sha256.Sum256(content)
	_, err := v.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(v.bucket), Key: aws.String(key), Body: strings.NewReader(string(content)), ContentType: aws.String("application/json"),
		IfNoneMatch: aws.String("*"), ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	})
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "PreconditionFailed" {
		return nil
	}
	return platform.AWSError("the archive of the ledger could not be written", err)
}

// Copies lists what is archived of a stream, in the order of the numbers. Nothing
// of the content is read.
func (v *Vault) Copies(ctx context.Context, stream string) ([]Copy, error) {
	var copies []Copy
	at := map[string]int{}
	place := func(key string) (int, bool) { // of the record's copy, made when it is first met
		if i, known := at[key]; known {
			return i, true
		}
		c, ok := copyOf(key)
		if ok {
			at[key] = len(copies)
			copies = append(copies, c)
		}
		return len(copies) - 1, ok
	}
	pages := s3.NewListObjectVersionsPaginator(v.client, &s3.ListObjectVersionsInput{Bucket: aws.String(v.bucket), Prefix: aws.String(streamPrefix(stream))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, platform.AWSError("the archive of "+stream+" could not be listed", err)
		}
		for _, version := range page.Versions {
			key := aws.ToString(version.Key)
			i, known := place(key)
			if !known {
				continue
			}
			c := &copies[i]
			c.Versions++
			c.version, c.At = aws.ToString(version.VersionId), aws.ToTime(version.LastModified) // the oldest comes last
		}
		for _, marker := range page.DeleteMarkers {
			key := aws.ToString(marker.Key)
			i, known := place(key)
			if !known {
				continue
			}
			copies[i].Hidden = copies[i].Hidden || aws.ToBool(marker.IsLatest)
		}
	}
	return copies, nil
}

func copyOf(key string) (Copy, bool) {
	name := key[strings.LastIndexByte(key, '/')+1:]
	number, rest, found := strings.Cut(name, "-")
	hash, isJSON := strings.CutSuffix(rest, ".json")
	seq, err := strconv.ParseInt(number, 10, 64)
	return Copy{Seq: seq, Hash: hash, key: key}, found && isJSON && err == nil && seq > 0 && len(hash) == hex.EncodedLen(sha256.Size)
}

// content reads a copy and says whether it is what its key names.
func (v *Vault) content(ctx context.Context, c Copy) (text string, intact bool, err error) {
	const what = "the archive of the ledger could not be read"
	out, err := v.client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(v.bucket), Key: aws.String(c.key), VersionId: aws.String(c.version)})
	if err != nil {
		return "", false, platform.AWSError(what, err)
	}
	defer func() { _ = out.Body.Close() }() // it was read to its end, or failed
	content, err := io.ReadAll(out.Body)
	if err != nil {
		return "", false, platform.AWSError(what, err)
	}
	sum := sha256.Sum256(content)
	return string(content), hex.EncodeToString(sum[:]) == c.Hash, nil
}

// Streams names the archived streams behind a key, in order, with the key to go
// on behind. What a delete marker hides is named as long as anything of the stream
// is not hidden.
func (v *Vault) Streams(ctx context.Context, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		pages := s3.NewListObjectsV2Paginator(v.client, &s3.ListObjectsV2Input{
			Bucket: aws.String(v.bucket), Prefix: aws.String(recordsPrefix), Delimiter: aws.String("/"), StartAfter: optional(after),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", platform.AWSError("the archive of the ledger could not be listed", err))
				return
			}
			for _, p := range page.CommonPrefixes {
				name := strings.TrimSuffix(strings.TrimPrefix(aws.ToString(p.Prefix), recordsPrefix), "/")
				stream, err := url.PathUnescape(name)
				if err != nil {
					continue // nothing that was archived here
				}
				if !yield(stream, nil) {
					return
				}
			}
		}
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
