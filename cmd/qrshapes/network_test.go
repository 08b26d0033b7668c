package qrshapes

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// network is the line between terminal and hall. What is written never waits: HTTP/2 holds a lock while it writes, and
// virtual time stands still while somebody waits for a lock.
type network struct {
	calls  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newNetwork() *network { return &network{calls: make(chan net.Conn), closed: make(chan struct{})} }

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := newEnd(), newEnd()
	near.other, far.other = far, near
	select {
	case n.calls <- far:
		return near, nil
	case <-n.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.calls:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { n.once.Do(func() { close(n.closed) }); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// end is one end of a connection.
type end struct {
	other *end

	mu     sync.Mutex // guards all below
	coming bytes.Buffer
	closed bool // no more comes
	until  time.Time
	stirs  chan struct{} // closed and replaced when something has changed
}

func newEnd() *end { return &end{stirs: make(chan struct{})} }

// change does something to an end and wakes who waits at it.
func (e *end) change(fn func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fn()
	close(e.stirs)
	e.stirs = make(chan struct{})
}

func (e *end) Read(b []byte) (int, error) {
	for {
		e.mu.Lock()
		stirs, until := e.stirs, e.until
		switch {
		case e.coming.Len() > 0:
			defer e.mu.Unlock()
			return e.coming.Read(b)
		case e.closed:
			defer e.mu.Unlock()
			return 0, io.EOF
		}
		e.mu.Unlock()
		var late <-chan time.Time
		if !until.IsZero() {
			t := time.NewTimer(time.Until(until))
			defer t.Stop()
			late = t.C
		}
		select {
		case <-stirs:
		case <-late:
			return 0, context.DeadlineExceeded
		}
	}
}

func (e *end) Write(b []byte) (n int, err error) {
	e.other.change(func() {
		if n, err = len(b), nil; e.other.closed {
			n, err = 0, net.ErrClosed
			return
		}
		e.other.coming.Write(b)
	})
	return n, err
}

func (e *end) Close() error {
	for _, one := range []*end{e, e.other} {
		one.change(func() { one.closed = true })
	}
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.change(func() { e.until = t })
	return nil
}

func (e *end) SetDeadline(t time.Time) error    { return e.SetReadDeadline(t) }
func (e *end) SetWriteDeadline(time.Time) error { return nil }
func (e *end) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (e *end) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// switchboard carries requests without sockets to the handler of a host, breaks the line where that does, and stops waiting
// when the caller does.
type switchboard map[string]http.Handler

func (s switchboard) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body) // it is in memory
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	in := httptest.NewRequestWithContext(ctx, r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	in.Header = r.Header.Clone()
	answered := make(chan *http.Response, 1)
	go func() {
		w := httptest.NewRecorder()
		defer func() {
			if recover() != nil {
				answered <- nil
				return
			}
			answered <- w.Result()
		}()
		s[r.URL.Host].ServeHTTP(w, in)
	}()
	select {
	case answer := <-answered:
		if answer == nil {
			return nil, io.ErrUnexpectedEOF
		}
		return answer, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}
