package hall

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Serve answers terminals on one listener and people on the other, and runs the hall, until ctx ends.
// Both listeners are closed then.
func (h *Hall) Serve(ctx context.Context, terminals, people net.Listener) error {
	conf, err := h.TLS()
	if err == nil {
		err = h.Wake(ctx)
	}
	if err != nil {
		return errors.Join(err, terminals.Close(), people.Close())
	}
	quiet := log.New(handshakes{h.log}, "", 0)
	servers := []*http.Server{
		{Handler: h.Handler(), TLSConfig: conf, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, ErrorLog: quiet},
		{Handler: h.People(), ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, ReadTimeout: peopleWait, ErrorLog: quiet},
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{tls.NewListener(terminals, conf), people} {
		wg.Go(func() {
			// The listener speaks TLS already; h2 is agreed on in the handshake.
			if err := servers[i].Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("hall: serve: %w", err)
				stop()
			}
		})
	}
	err = h.Run(ctx) // until the context ends
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	h.end()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWait)
	defer cancel()
	for _, s := range servers {
		if s.Shutdown(grace) != nil {
			err = errors.Join(err, s.Close())
		}
	}
	wg.Wait()
	close(failed)
	return errors.Join(err, <-failed)
}

// handshakes takes what the HTTP server says of connections that never became one.
type handshakes struct{ log *slog.Logger }

func (h handshakes) Write(p []byte) (int, error) {
	h.log.Debug("connection", "cause", string(p))
	return len(p), nil
}
