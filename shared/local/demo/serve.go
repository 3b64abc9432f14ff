package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"lifecycle/shared/local/console"
	"lifecycle/shared/local/scenario"
)

// server serves everything on one port: each system keeps its own paths.
type server struct {
	world   *scenario.World
	console *console.Console
	http    *http.Server
	ended   chan error
}

func newServer(w *scenario.World, address string, o console.Options) *server {
	api, page := w.API(), console.New(w, o)
	handler := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.HasPrefix(path, "/api/v1/"), strings.HasPrefix(path, "/oauth2/"):
			w.Okta.ServeHTTP(rw, r)
		case strings.HasPrefix(path, "/api/now/"), path == "/oauth_token.do":
			w.ServiceNow.ServeHTTP(rw, r)
		case path == "/", strings.HasPrefix(path, "/console/"):
			page.ServeHTTP(rw, r)
		default:
			api.ServeHTTP(rw, r)
		}
	})
	return &server{
		world: w, console: page, ended: make(chan error, 1),
		http: &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second},
	}
}

// start listens, and has webhooks delivered as they come.
func (s *server) start(ctx context.Context) error {
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", s.http.Addr)
	if err != nil {
		return err
	}
	go s.world.Outbox.Run(ctx)
	go func() { s.ended <- s.http.Serve(listener) }()
	return nil
}

// wait serves until ctx ends.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		_ = s.http.Close()
		return nil
	case err := <-s.ended:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
}
