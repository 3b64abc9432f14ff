package platform

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// safe answers every GetSecretValue with its value.
type safe struct{ value string }

func (s *safe) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"ARN":"x","Name":"x","SecretString":"` + s.value + `"}`
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

func TestPrepare(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (*safe, *Cloud) {
		t.Helper()
		vault := &safe{value: "first"}
		cloud, err := NewCloud(t.Context(), Options{
			AWS: &aws.Config{Region: "us-east-1", HTTPClient: &http.Client{Transport: vault}, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")},
			Out: &bytes.Buffer{},
		})
		if err != nil {
			t.Fatal(err)
		}
		return vault, cloud
	}
	built := func(ctx context.Context, c *Cloud) (lambda.Handler, error) {
		secret, err := c.Secrets.Value(ctx, "okta")
		if secret == "broken" {
			return nil, errors.New("the secret is no credential")
		}
		return lambda.NewHandler(func() (string, error) { return secret, nil }), err
	}
	says := func(t *testing.T, h lambda.Handler, want string) {
		t.Helper()
		if got, err := h.Invoke(t.Context(), []byte("{}")); err != nil || string(got) != `"`+want+`"` {
			t.Fatalf("got %s, %v; want %q", got, err, want)
		}
	}

	t.Run("takes a rotated secret up within five minutes", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			vault, cloud := setup(t)
			h, err := cloud.Prepare(t.Context(), built)
			if err != nil {
				t.Fatal(err)
			}
			says(t, h, "first")
			vault.value = "second"
			says(t, h, "first")
			time.Sleep(secretAge)
			says(t, h, "second")
		})
	})

	t.Run("goes on with the secret before when the new one cannot be used", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			vault, cloud := setup(t)
			h, err := cloud.Prepare(t.Context(), built)
			if err != nil {
				t.Fatal(err)
			}
			vault.value = "broken"
			time.Sleep(secretAge)
			says(t, h, "first")
			vault.value = "third"
			time.Sleep(secretAge)
			says(t, h, "third")
		})
	})
}
