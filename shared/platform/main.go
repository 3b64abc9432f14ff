package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"lifecycle/shared/fault"
)

// Main is the body of every Lambda's main: it builds the Cloud from the
// process's environment, lets build wire the handler, and serves it. When the
// function cannot be built, one log line names everything that is missing and
// the process exits with status 1.
func Main(build Build) {
	handler, err := prepare(context.Background(), Options{Env: environment(os.Environ()), Out: os.Stdout}, build)
	if err != nil {
		os.Exit(1)
	}
	lambda.Start(handler)
}

// prepare builds the function, and logs why when it cannot.
func prepare(ctx context.Context, o Options, build Build) (lambda.Handler, error) {
	cloud, err := NewCloud(ctx, o)
	if err != nil {
		logStart(o.Out, err)
		return nil, err
	}
	handler, err := cloud.Prepare(ctx, build)
	if err != nil {
		logStart(o.Out, err)
		return nil, err
	}
	return handler, nil
}

func logStart(out io.Writer, err error) {
	args := []any{slog.String("error_type", fmt.Sprintf("%T", err)), slog.Any("error", err)}
	var invalid *fault.Invalid
	if errors.As(err, &invalid) && len(invalid.Problems) > 0 {
		args = append(args, "problems", invalid.Problems)
	}
	newLogger(out, "").Error("the function cannot start", args...)
}
