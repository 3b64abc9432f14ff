package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"lifecycle/shared/local/scenario"
)

// serveAll serves the webhooks' API until ctx ends.
func serveAll(ctx context.Context, w *scenario.World, address string, out io.Writer) error {
	server := &http.Server{Addr: address, Handler: w.API(), ReadHeaderTimeout: 5 * time.Second}
	go w.Outbox.Run(ctx)
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	fmt.Fprintf(out, "\nServing on http://%s. Ctrl-C ends it.\n", address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
