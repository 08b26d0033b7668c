package gateway

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Run serves the gateway of dir until ctx ends. listen is an address whose port may be 0: the kernel
// chooses once, and every later start takes the same port again, so that the hall finds it. ready is
// told the address when calls are taken.
func Run(ctx context.Context, dir, listen string, ready func(url string)) error {
	g, err := Open(dir)
	if err != nil {
		return err
	}
	l, err := listenAgain(ctx, dir, listen)
	if err != nil {
		return errors.Join(fmt.Errorf("gateway: %w", err), g.Close())
	}
	server := &http.Server{Handler: g.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(quiet{}, "", 0)}
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	ready("http://" + l.Addr().String())
	err = server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, g.Close())
}

// quiet drops what net/http says about connections that a fault cuts on purpose.
type quiet struct{}

func (quiet) Write(p []byte) (int, error) { return len(p), nil }

// listenAgain opens the port that was asked for, or else the one of the last start, or else a new one.
// A port that the last start still holds is waited for.
func listenAgain(ctx context.Context, dir, listen string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "address")
	if port != "0" {
		return listenWaiting(ctx, listen)
	}
	old, err := os.ReadFile(path)
	if err == nil {
		var l net.Listener
		if l, err = listenWaiting(ctx, strings.TrimSpace(string(old))); err == nil {
			return l, nil
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	// First start, or the kernel has given the port to somebody else since.
	return listenNew(path, listen)
}

func listenWaiting(ctx context.Context, address string) (net.Listener, error) {
	deadline := time.Now().Add(restartWindow)
	for {
		l, err := net.Listen("tcp", address)
		if err == nil || time.Now().After(deadline) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func listenNew(path, listen string) (net.Listener, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".new", []byte(l.Addr().String()+"\n"), 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, os.Rename(path+".new", path)
}
