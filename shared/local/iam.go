package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"lifecycle/shared/local/template"
)

// keys is the one access key that the embedded cloud knows.
var keys = aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", Source: "local"}

const (
	// longestSkew is how far a signature's clock may be off, in either direction.
	longestSkew = 5 * time.Minute
	// signedFor is the service that requests to an HTTP API are signed for.
	signedFor = "execute-api"
	// signingTime is how X-Amz-Date is written.
	signingTime = "20060102T150405Z"
)

// Sign signs a request to the HTTP API with the embedded cloud's access key (AWS
// Signature Version 4), as a caller of an IAM-authorised route has to.
func Sign(ctx context.Context, r *http.Request, body []byte) error {
	return v4.NewSigner().SignHTTP(ctx, keys, r, hashOf(body), signedFor, template.Region, time.Now())
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// signature is what a signed request says about itself.
type signature struct {
	key     string
	headers []string
}

// identify checks a request's signature by signing it again, and says who the
// caller is; nil when nobody vouches for it.
func identify(r *http.Request, body []byte) *events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription {
	signed, ok := readSignature(r.Header.Get("Authorization"))
	at, err := time.Parse(signingTime, r.Header.Get("X-Amz-Date"))
	if !ok || err != nil || signed.key != keys.AccessKeyID || time.Since(at).Abs() > longestSkew {
		return nil
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "https://"+r.Host+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil
	}
	for _, name := range signed.headers {
		for _, value := range r.Header.Values(name) {
			again.Header.Add(name, value)
		}
	}
	again.Header.Del("Host")
	again.ContentLength = r.ContentLength
	if err := v4.NewSigner().SignHTTP(r.Context(), keys, again, hashOf(body), signedFor, template.Region, at); err != nil {
		return nil
	}
	if again.Header.Get("Authorization") != r.Header.Get("Authorization") {
		return nil
	}
	return &events.APIGatewayV2HTTPRequestContextAuthorizerIAMDescription{
		AccessKey: signed.key, AccountID: template.Account, UserARN: "arn:aws:iam::" + template.Account + ":user/local",
	}
}

// readSignature reads "AWS4-HMAC-SHA256 Credential=key/..., SignedHeaders=a;b,
// Signature=...".
func readSignature(header string) (s signature, ok bool) {
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			s.key, _, _ = strings.Cut(value, "/")
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		}
	}
	return s, ok && s.key != "" && len(s.headers) > 0
}
