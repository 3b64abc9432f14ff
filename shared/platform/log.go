package platform

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

type (
	loggerKey struct{}
	attrsKey  struct{}
)

// LogWith adds attributes, given as slog takes them, to every line that is
// logged with the returned context's Logger.
func LogWith(ctx context.Context, args ...any) context.Context {
	before, _ := ctx.Value(attrsKey{}).([]any)
	return context.WithValue(ctx, attrsKey{}, append(slices.Clip(before), args...))
}

// Logger returns the log of the running function. Its lines are JSON and carry
// the attributes given to LogWith, the AWS request id and, where the invocation
// is traced, the X-Ray trace id. Secrets and addresses are replaced before they
// are written.
func Logger(ctx context.Context) *slog.Logger {
	log, ok := ctx.Value(loggerKey{}).(*slog.Logger)
	if !ok {
		log = slog.Default()
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok && lc.AwsRequestID != "" {
		log = log.With("request_id", lc.AwsRequestID)
	}
	if id := traceID(TraceHeader(ctx)); id != "" {
		log = log.With("trace_id", id)
	}
	if args, _ := ctx.Value(attrsKey{}).([]any); len(args) > 0 {
		log = log.With(args...)
	}
	return log
}

// TraceHeader is the X-Ray trace header of the running invocation, to be handed
// on to what the function starts; empty when the invocation is not traced.
func TraceHeader(ctx context.Context) string {
	// The Lambda runtime stores the header under this plain string.
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	return header
}

// traceID is the Root part of a trace header, which names the whole trace.
func traceID(header string) string {
	for part := range strings.SplitSeq(header, ";") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok {
			return id
		}
	}
	return ""
}

// WithLogger makes log the one that Logger finds. Functions get it from
// Cloud.Handler; it is exported for whoever runs parts of a function alone.
func WithLogger(ctx context.Context, log *slog.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, log)
}

// newLogger writes JSON lines from the given level up: DEBUG, INFO, WARN or
// ERROR; INFO when it is none of these.
func newLogger(out io.Writer, level string) *slog.Logger {
	var from slog.Level
	if from.UnmarshalText([]byte(level)) != nil {
		from = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: from, ReplaceAttr: redact}))
}
