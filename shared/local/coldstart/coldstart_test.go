package coldstart_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle/shared/local/template"
)

const root = "../../.."

// BenchmarkColdStart reports for each function the median time from exec to
// ready in milliseconds, the ratio to a bare handler's, and the size of the
// stripped linux/arm64 bootstrap in megabytes.
func BenchmarkColdStart(b *testing.B) {
	directory := b.TempDir()
	bare := build(b, directory, "bare", "./shared/local/coldstart/testdata/bare", runtime.GOARCH)
	var floor float64
	b.Run("bare", func(b *testing.B) {
		floor = measure(b, bare, nil)
		b.ReportMetric(floor, "ms")
		b.ReportMetric(megabytes(b, build(b, directory, "bare-arm64", "./shared/local/coldstart/testdata/bare", "arm64")), "MB")
	})
	for id, path := range functions(b) {
		env := environment(b, id)
		b.Run(id, func(b *testing.B) {
			ms := measure(b, build(b, directory, id, "./"+path, runtime.GOARCH), env)
			b.ReportMetric(ms, "ms")
			b.ReportMetric(ms/floor, "x-bare")
			b.ReportMetric(megabytes(b, build(b, directory, id+"-arm64", "./"+path, "arm64")), "MB")
		})
	}
}

// functions are the Makefile's: logical id to directory.
func functions(b *testing.B) map[string]string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		b.Fatal(err)
	}
	found := map[string]string{}
	for _, word := range strings.Fields(string(text)) {
		if id, path, is := strings.Cut(word, "=functions/"); is {
			found[id] = "functions/" + path
		}
	}
	if len(found) == 0 {
		b.Fatal("the Makefile names no functions")
	}
	return found
}

// environment is the function's, from the template.
func environment(b *testing.B, id string) map[string]string {
	b.Helper()
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		b.Fatal(err)
	}
	cloud, err := template.Parse(text, "bench", map[string]string{"OktaOrgUrl": "https://example.okta.com", "ServiceNowUrl": "https://example.service-now.com"})
	if err != nil {
		b.Fatal(err)
	}
	f, known := cloud.Function(id)
	if !known {
		b.Fatalf("the template has no function %s", id)
	}
	return f.Env
}

func build(b *testing.B, directory, name, path, arch string) string {
	b.Helper()
	out := filepath.Join(directory, name)
	if _, err := os.Stat(out); err == nil {
		return out
	}
	command := exec.CommandContext(b.Context(), "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w -buildid=", "-o", out, path)
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if text, err := command.CombinedOutput(); err != nil {
		b.Fatalf("building %s: %v\n%s", path, err, text)
	}
	return out
}

// runs is how often each bootstrap is started; the median counts.
const runs = 15

func measure(b *testing.B, bootstrap string, env map[string]string) float64 {
	b.Helper()
	if runtime.GOOS != "linux" {
		b.Skip("bootstraps are linux programs")
	}
	ready := make(chan struct{}, 1)
	secrets := credentials()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/runtime/invocation/next"):
			ready <- struct{}{}
			<-r.Context().Done() // no invocation comes
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetSecretValue"):
			secrets(w, r)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	times := make([]float64, 0, runs)
	for range runs {
		times = append(times, start(b, bootstrap, env, server.URL, ready))
	}
	slices.Sort(times)
	b.ResetTimer() // what the framework would count means nothing here
	return times[len(times)/2]
}

func start(b *testing.B, bootstrap string, env map[string]string, url string, ready <-chan struct{}) float64 {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	command := exec.CommandContext(ctx, bootstrap)
	command.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(url, "http://"), "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=" + url,
		"AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "HOME=" + b.TempDir(),
	}
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	began := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		b.Fatalf("%s does not get ready", bootstrap)
	}
	took := time.Since(began)
	cancel()
	_ = command.Wait() // killed
	return float64(took.Microseconds()) / 1000
}

// credentials answers for Secrets Manager at once, so that no network is
// measured: one document that satisfies every reader.
func credentials() http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ SecretId string }
		_ = json.NewDecoder(r.Body).Decode(&asked)
		value := `{"token":"00bench"}`
		if strings.Contains(asked.SecretId, "ServiceNow") {
			value = `{"user":"bench","password":"bench"}`
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"ARN": asked.SecretId, "Name": asked.SecretId, "SecretString": value})
	}
}

func megabytes(b *testing.B, path string) float64 {
	b.Helper()
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}
