package local

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// awsTransport routes the AWS calls of the functions to what answers them:
// the JSON services by their target, SNS by its form, S3 by its lack of either.
func (c *Cloud) awsTransport() http.RoundTripper {
	db, machines := c.DB.Transport(), c.States.Transport()
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		target := r.Header.Get("X-Amz-Target")
		switch {
		case strings.HasPrefix(target, "DynamoDB_"):
			return db.RoundTrip(r)
		case strings.HasPrefix(target, "AWSStepFunctions."):
			return machines.RoundTrip(r)
		case strings.HasPrefix(target, "secretsmanager."):
			return c.vault.RoundTrip(r)
		case target == "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
			return c.topics.RoundTrip(r)
		case target == "":
			return c.objects.RoundTrip(awsHost, r)
		}
		return nil, fmt.Errorf("the embedded cloud has no service for %s", target)
	})
}

// vault is Secrets Manager as far as the functions use it: GetSecretValue by
// stage.
type vault struct {
	mu      sync.Mutex
	secrets map[string][]string // by ARN: the current value, then the one before
}

// put makes value the current one.
func (v *vault) put(arn, value string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.secrets == nil {
		v.secrets = map[string][]string{}
	}
	versions := append([]string{value}, v.secrets[arn]...)
	v.secrets[arn] = versions[:min(len(versions), 2)]
}

func (v *vault) value(arn string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.secrets[arn]) == 0 {
		return ""
	}
	return v.secrets[arn][0]
}

func (v *vault) RoundTrip(r *http.Request) (*http.Response, error) {
	var asked struct{ SecretId, VersionStage string }
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, err
	}
	if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetSecretValue") {
		return nil, fmt.Errorf("the embedded Secrets Manager does not do %s", r.Header.Get("X-Amz-Target"))
	}
	v.mu.Lock()
	versions := v.secrets[asked.SecretId]
	v.mu.Unlock()
	i := 0
	if asked.VersionStage == "AWSPREVIOUS" {
		i = 1
	}
	if i >= len(versions) {
		return reply(r, http.StatusBadRequest, "application/x-amz-json-1.1",
			[]byte(`{"__type":"ResourceNotFoundException","Message":"Secrets Manager can't find the specified secret value for staging label."}`)), nil
	}
	body, err := json.Marshal(map[string]any{
		"ARN": asked.SecretId, "Name": asked.SecretId, "SecretString": versions[i],
		"VersionId": fmt.Sprintf("%08d-0000-0000-0000-000000000000", i), "VersionStages": []string{"AWSCURRENT", "AWSPREVIOUS"}[i : i+1],
		"CreatedDate": float64(time.Now().Unix()),
	})
	if err != nil {
		return nil, err
	}
	return reply(r, http.StatusOK, "application/x-amz-json-1.1", body), nil
}

// reply is an HTTP answer made in memory.
func reply(r *http.Request, status int, contentType string, body []byte) *http.Response {
	response := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}, Request: r,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	if contentType != "" {
		response.Header.Set("Content-Type", contentType)
	}
	return response
}

// refusal is an answer of whatever stands before the called system: a load
// balancer's 503 without a word, or a 429 whose limit is over in a second.
func refusal(r *http.Request, status int) *http.Response {
	response := reply(r, status, "text/plain", nil)
	if status == http.StatusTooManyRequests {
		response.Header.Set("Retry-After", "1")
		response.Header.Set("X-Rate-Limit-Limit", "600")
		response.Header.Set("X-Rate-Limit-Remaining", "0")
		response.Header.Set("X-Rate-Limit-Reset", fmt.Sprint(time.Now().Add(time.Second).Unix()))
	}
	return response
}

// base64Body decodes what an HTTP API answer carries encoded.
func base64Body(body string, encoded bool) ([]byte, error) {
	if !encoded {
		return []byte(body), nil
	}
	return base64.StdEncoding.DecodeString(body)
}
