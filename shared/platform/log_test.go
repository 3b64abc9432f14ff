package platform

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"
)

const header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

func TestLoggerCarriesWhoAndWhat(t *testing.T) {
	t.Parallel()
	cloud, out := newCloud(t, nil, nil)
	handler := cloud.Handler(lambda.NewHandler(func(ctx context.Context) error {
		ctx = LogWith(ctx, "execution", "INC1-abc")
		ctx = LogWith(ctx, "step", "Suspend")
		Logger(ctx).InfoContext(ctx, "step done")
		return nil
	}))
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "req-7"})
	ctx = context.WithValue(ctx, "x-amzn-trace-id", header) //nolint:staticcheck // as the Lambda runtime does it
	if TraceHeader(ctx) != header {
		t.Errorf("TraceHeader = %q", TraceHeader(ctx))
	}
	if _, err := handler.Invoke(ctx, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	got := out.only(t)
	delete(got, "time")
	want := map[string]any{
		"level": "INFO", "msg": "step done", "execution": "INC1-abc", "step": "Suspend",
		"request_id": "req-7", "trace_id": "1-5759e988-bd862e3fe1be46a994272793",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLogWithDoesNotShareAttributesBetweenBranches(t *testing.T) {
	t.Parallel()
	_, out := newCloud(t, nil, nil)
	// Three steps leave room behind the third attribute.
	base := LogWith(LogWith(LogWith(WithLogger(t.Context(), newLogger(out, "")), "a", 1), "b", 2), "c", 3)
	left, right := LogWith(base, "side", "left"), LogWith(base, "side", "right")
	Logger(left).Info("x")
	Logger(right).Info("x")
	docs := out.documents(t)
	if docs[0]["side"] != "left" || docs[1]["side"] != "right" {
		t.Errorf("sides %v and %v", docs[0]["side"], docs[1]["side"])
	}
}

func TestLevelComesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	for level, lines := range map[string]int{"": 1, "debug": 2, "ERROR": 0, "nonsense": 1} {
		cloud, out := newCloud(t, map[string]string{"LOG_LEVEL": level}, nil)
		cloud.Log.Debug("d")
		cloud.Log.Info("i")
		if got := strings.Count(out.text(), "\n"); got != lines {
			t.Errorf("LOG_LEVEL=%q wrote %d lines, want %d", level, got, lines)
		}
	}
}

func TestRedaction(t *testing.T) {
	t.Parallel()
	const value = "s3cr3t-value-0001"
	type login struct {
		User     string `json:"user"`
		Password string `json:"old_password"`
	}
	cases := []struct {
		name string
		args []any
	}{
		{"a password", []any{"Password", value}},
		{"a name in another case and spelling", []any{"X-API-Key", value, "PrivateKey", value, "client_secret", value}},
		{"authorization and cookies", []any{"Authorization", value, "set-cookie", value}},
		{"an email address under its name", []any{"email", value}},
		{"a group", []any{slog.Group("credentials", "user", value)}},
		{"inside a group", []any{slog.Group("request", "token", value)}},
		{"a struct", []any{"request", login{"u", value}}},
		{"a map at depth", []any{"body", map[string]any{"list": []any{map[string]any{"activationUrl": value}}}}},
		{"headers", []any{"headers", http.Header{"Authorization": {value}}}},
		{"an SSWS token in a text", []any{"error", "sent SSWS " + value}},
		{"a bearer token in an error", []any{"error", errors.New("Authorization: Bearer " + value)}},
		{"a webhook key in a text", []any{"note", "key whsec_" + value}},
		{"an assertion in a URL", []any{"url", "https://a.example/token?x=1&client_assertion=" + value + "&y=2"}},
		{"an address in a text", []any{"error", "no user " + value + "@corp.example"}},
		{"a log valuer", []any{"token", valuer(value)}},
		{"what cannot be shown as JSON", []any{"channel", map[string]any{"x": make(chan int), "y": value}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cloud, out := newCloud(t, nil, nil)
			cloud.Log.Info("m", c.args...)
			cloud.Log.With(c.args...).Warn("n")
			if strings.Contains(out.text(), value) {
				t.Errorf("logged: %s", out.text())
			}
			if n := len(out.documents(t)); n != 2 {
				t.Errorf("%d lines, want 2", n)
			}
		})
	}
	t.Run("the message itself", func(t *testing.T) {
		t.Parallel()
		cloud, out := newCloud(t, nil, nil)
		cloud.Log.Info("calling with Bearer " + value)
		if strings.Contains(out.text(), value) {
			t.Errorf("logged: %s", out.text())
		}
	})
	t.Run("what a reader needs stays", func(t *testing.T) {
		t.Parallel()
		cloud, out := newCloud(t, nil, nil)
		cloud.Log.Info("step done", "ticket", "INC0010001", "user", "00u1abcd", "count", 3, "target", "group/00g1 Basic Administrators", "detail", map[string]any{"n": 1})
		got := out.only(t)
		for key, want := range map[string]any{"ticket": "INC0010001", "user": "00u1abcd", "count": 3.0, "target": "group/00g1 Basic Administrators"} {
			if got[key] != want {
				t.Errorf("%s = %v, want %v", key, got[key], want)
			}
		}
	})
}

type valuer string

func (v valuer) LogValue() slog.Value { return slog.StringValue(string(v)) }

func TestLinesDoNotRunIntoEachOther(t *testing.T) {
	t.Parallel()
	cloud, out := newCloud(t, nil, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				cloud.Log.Info(strings.Repeat("x", 300))
				cloud.Metrics.Count("N", 1, "UseCase", "test")
			}
		})
	}
	all.Wait()
	if n := len(out.documents(t)); n != 800 {
		t.Errorf("%d documents, want 800", n)
	}
}
