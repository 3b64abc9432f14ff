package platform

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"
)

func TestMainNamesEverythingThatIsMissing(t *testing.T) {
	t.Parallel()
	out := &output{}
	_, err := prepare(t.Context(), Options{AWS: awsOver(nil), Out: out, Env: map[string]string{"LEAD_TIME": "soon"}},
		func(_ context.Context, c *Cloud) (lambda.Handler, error) {
			_, err := Config[settings](c)
			return nil, err
		})
	if err == nil {
		t.Fatal("no error")
	}
	got := out.only(t)
	delete(got, "time")
	want := map[string]any{
		"level": "ERROR", "msg": "the function cannot start", "error_type": "*fault.Invalid",
		"error":    "the function's environment is not complete: CONTROL_TABLE is missing; LEAD_TIME is not a valid time.Duration; LEDGER_TABLE is missing; SERVICE_URL is missing",
		"problems": []any{"CONTROL_TABLE is missing", "LEAD_TIME is not a valid time.Duration", "LEDGER_TABLE is missing", "SERVICE_URL is missing"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMainRefusesAFunctionWithoutAHandler(t *testing.T) {
	t.Parallel()
	out := &output{}
	if _, err := prepare(t.Context(), Options{AWS: awsOver(nil), Out: out}, func(context.Context, *Cloud) (lambda.Handler, error) {
		return nil, nil //nolint:nilnil // the mistake under test
	}); err == nil || !strings.Contains(out.text(), "no handler") {
		t.Errorf("error %v, wrote %s", err, out.text())
	}
}

func TestMainServesWhatWasBuilt(t *testing.T) {
	t.Parallel()
	out := &output{}
	handler, err := prepare(t.Context(), Options{AWS: awsOver(nil), Out: out}, func(context.Context, *Cloud) (lambda.Handler, error) {
		return lambda.NewHandler(func(ctx context.Context, in map[string]string) (string, error) {
			Logger(ctx).Info("called")
			if in["fail"] != "" {
				return "", errors.New("as asked")
			}
			return "hello " + in["name"], nil
		}), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := handler.Invoke(t.Context(), []byte(`{"name":"world"}`)); err != nil || string(got) != `"hello world"` {
		t.Errorf("Invoke = %s, %v", got, err)
	}
	if _, err := handler.Invoke(t.Context(), []byte(`{"fail":"yes"}`)); err == nil {
		t.Error("the handler's error is lost")
	}
	if n := strings.Count(out.text(), `"called"`); n != 2 {
		t.Errorf("%d lines: %s", n, out.text())
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	got := environment([]string{"A=1", "B=x=y", "EMPTY=", "=C:=odd", "nothing"})
	if want := map[string]string{"A": "1", "B": "x=y", "EMPTY": ""}; !maps.Equal(got, want) {
		t.Errorf("environment = %v, want %v", got, want)
	}
}

func TestNewCloudFillsInWhatIsLeftOut(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	cloud, err := NewCloud(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if cloud.Transport == nil || cloud.DynamoDB == nil || cloud.SFN == nil || cloud.S3 == nil || cloud.AWS.Region != "eu-central-1" {
		t.Errorf("built %+v", cloud)
	}
}
