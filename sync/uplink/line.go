package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"connectrpc.com/connect"

	"yichuang/sync/hallapi"
	"yichuang/sync/hallapi/hallapiconnect"
)

// line is the connections to the hall and what is known of them. Whether the hall is there is told by
// bytes: any byte from it is a sign of life, also one of an answer that takes a minute on a slow line.
type line struct {
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	broken func() // called when a conversation broke off

	mu      sync.Mutex // guards all below
	running bool
	conns   []*conn       // in the order in which they were made
	heard   time.Time     // when the last byte came
	reached bool          // the hall answered since the line last broke, whatever it said
	willing bool          // and it lets itself be asked
	seenUp  bool          // what up said when it was last looked at
	down    time.Time     // since when it is not up
	changed chan struct{} // closed and replaced when something of this changes
}

func newLine(dial func(ctx context.Context, network, address string) (net.Conn, error)) *line {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialLimit}).DialContext
	}
	return &line{dial: dial, broken: func() {}, changed: make(chan struct{})}
}

func (n *line) open() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running, n.reached, n.willing, n.seenUp, n.down = true, false, false, false, time.Now()
	n.tell()
}

// shut closes what is open and refuses new connections.
func (n *line) shut() {
	n.mu.Lock()
	n.running, n.reached, n.willing, n.seenUp = false, false, false, false
	n.tell()
	open := n.conns
	n.conns = nil
	n.mu.Unlock()
	for _, c := range open {
		c.Conn.Close()
	}
}

// tell is called with the lock held.
func (n *line) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *line) up() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.isUp(time.Now())
}

func (n *line) isUp(now time.Time) bool { return n.willing && now.Sub(n.heard) < silentMax }

// note takes in how a conversation ended. What our own side broke off says nothing of the line.
func (n *line) note(ctx context.Context, err error) { n.noteOf(ctx, err, true) }

// noteOf is note for a conversation that the hall has, when asked is false, with terminals too that it
// does not let ask: it then says only that the hall is there.
func (n *line) noteOf(ctx context.Context, err error, asked bool) {
	if err != nil && ended(ctx) && !errors.Is(context.Cause(ctx), errSlow) {
		return
	}
	reached, willing := true, true
	switch {
	case err == nil:
	case isBroken(err):
		reached, willing = false, false
	case isRefused(err):
		willing = false
	default:
		return // the hall is in trouble of its own; the line is as it was
	}
	n.mu.Lock()
	if reached && !asked {
		willing = n.willing
	}
	changed := n.reached != reached || n.willing != willing
	was := n.reached
	if reached {
		n.heard = time.Now()
	}
	if n.running {
		n.reached, n.willing = reached, willing
		n.look(time.Now())
	}
	if changed {
		n.tell()
	}
	n.mu.Unlock()
	if was && !reached {
		n.broken()
	}
}

// look is called with the lock held; it keeps since when the line is down.
func (n *line) look(now time.Time) (changed bool) {
	up := n.isUp(now)
	if up == n.seenUp {
		return false
	}
	if n.seenUp = up; !up {
		n.down = now
	}
	n.tell()
	return true
}

// watch looks at the silence: it says when the line goes down or comes back, and gives dead connections up.
func (l *Link) watch(ctx context.Context) {
	n := l.line
	logged := false
	for !ended(ctx) {
		now := time.Now()
		n.mu.Lock()
		n.look(now)
		up, changed := n.seenUp, n.changed
		if len(n.conns) > 0 {
			changed = nil // the silence is looked at even when nothing happens
		}
		var dead []*conn
		for _, c := range n.conns {
			if now.Sub(c.heard) > deadAfter {
				dead = append(dead, c)
			}
		}
		n.mu.Unlock()
		for _, c := range dead {
			c.Close()
		}
		if up != logged {
			l.log.Info("hall: line", "up", up)
			logged = up
		}
		if changed == nil {
			sleep(ctx, watchEvery, nil)
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// anew says that nothing has been heard over the connections that come now: one of the conversations begins, and the
// others wait for its connection and do not make their own.
func (n *line) anew() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reached = false
	n.tell()
}

// isReached says whether the hall has answered since the line last broke.
func (n *line) isReached() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.reached
}

// awaitReached waits until the hall has answered something.
func (n *line) awaitReached(ctx context.Context) bool {
	for {
		n.mu.Lock()
		reached, changed := n.reached, n.changed
		n.mu.Unlock()
		if reached {
			return ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

var (
	errDown    = errors.New("the line is down")
	errStopped = errors.New("the line is not being worked")
	errSlow    = errors.New("the hall did not answer in time")
)

// awaitUp waits until the hall can be asked, but not when it could not for longer than sinceDown.
func (n *line) awaitUp(ctx context.Context) error {
	for {
		n.mu.Lock()
		now := time.Now()
		n.look(now)
		up, running, changed, left := n.seenUp, n.running, n.changed, n.down.Add(sinceDown).Sub(now)
		n.mu.Unlock()
		switch {
		case !running:
			return errStopped
		case up:
			return ctx.Err()
		case left <= 0:
			return errDown
		}
		t := time.NewTimer(left)
		select {
		case <-changed:
		case <-t.C:
		case <-ctx.Done():
		}
		t.Stop()
		if ended(ctx) {
			return errDown
		}
	}
}

// conn is one connection; heard is guarded by the line's lock.
type conn struct {
	net.Conn
	line  *line
	heard time.Time
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		now := time.Now()
		c.line.mu.Lock()
		c.heard, c.line.heard = now, now
		c.line.mu.Unlock()
	}
	return n, err
}

func (c *conn) Close() error {
	c.line.mu.Lock()
	c.line.conns = slices.DeleteFunc(c.line.conns, func(other *conn) bool { return other == c })
	c.line.mu.Unlock()
	return c.Conn.Close()
}

func (n *line) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, done := context.WithTimeout(ctx, dialLimit)
	defer done()
	raw, err := n.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, line: n, heard: time.Now()}
	n.mu.Lock()
	running := n.running
	if running {
		n.conns = append(n.conns, c)
		n.tell()
	}
	n.mu.Unlock()
	if !running {
		return nil, errors.Join(errStopped, raw.Close())
	}
	return c, nil
}

// transport speaks HTTP/2 over the line.
func (n *line) transport(config *tls.Config) *http.Transport {
	t := &http.Transport{
		DialContext: n.connect, TLSClientConfig: config, TLSHandshakeTimeout: shakeLimit, IdleConnTimeout: idleLimit,
		Protocols: new(http.Protocols), HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingLimit},
		DisableCompression: true, // Connect does that
	}
	t.Protocols.SetHTTP2(true)
	return t
}

// pieces makes a request travel in small frames. The hall answers each with a word that it may go on, and
// those are the signs of life while a batch goes up a slow line; in one frame, a batch would be silence
// until its last byte has arrived.
type pieces struct{ http.RoundTripper }

func (p pieces) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		way, ok := r.Context().Value(passageKey{}).(passage)
		if !ok {
			way.piece = pieceMax
		}
		cut := *r // a RoundTripper may not change the request itself
		cut.Body = pieceReader{r.Body, way, r.Context().Done()}
		r = &cut
	}
	return p.RoundTripper.RoundTrip(r)
}

// passage is how a request's body goes over the line: in which pieces, and behind which other one. Two that went side by
// side would each take twice the time, and the hall would wait for both.
type passage struct {
	piece  int
	behind *mark // of the one before it, nil when there is none
	gone   *mark // reached when all of this one is on the line
}

type passageKey struct{}

func (p passage) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, passageKey{}, p)
}

// mark is a point that is reached once.
type mark struct {
	once    sync.Once
	reached chan struct{}
}

func newMark() *mark { return &mark{reached: make(chan struct{})} }

func (m *mark) reach() { m.once.Do(func() { close(m.reached) }) }

type pieceReader struct {
	io.ReadCloser
	way   passage
	ended <-chan struct{}
}

func (p pieceReader) Read(b []byte) (int, error) {
	if p.way.behind != nil {
		select {
		case <-p.way.behind.reached:
		case <-p.ended:
			return 0, context.Canceled
		}
	}
	n, err := p.ReadCloser.Read(b[:min(len(b), p.way.piece)])
	if err != nil && p.way.gone != nil {
		p.way.gone.reach() // what was read before has been written
	}
	return n, err
}

// newClient speaks to the hall; squeeze has what it says compressed.
func newClient(t *http.Transport, address string, squeeze bool) hallapiconnect.HallClient {
	options := []connect.ClientOption{hallapi.AcceptZstd(), connect.WithReadMaxBytes(hallapi.MessageMax)}
	if squeeze {
		options = append(options, connect.WithSendCompression(hallapi.Zstd), connect.WithCompressMinBytes(hallapi.CompressMin))
	}
	return hallapiconnect.NewHallClient(&http.Client{Transport: pieces{t}}, address, options...)
}

// isBroken says whether an error is that of the line and not the hall's word or an answer that cannot be
// read.
func isBroken(err error) bool {
	var call *connect.Error
	if !errors.As(err, &call) || connect.IsWireError(err) {
		return false
	}
	switch call.Code() {
	case connect.CodeUnavailable, connect.CodeUnknown, connect.CodeCanceled, connect.CodeDeadlineExceeded:
		return true
	}
	return false
}

// isRefused says whether the hall does not take this terminal's certificate.
func isRefused(err error) bool {
	return connect.IsWireError(err) && (connect.CodeOf(err) == connect.CodeUnauthenticated || connect.CodeOf(err) == connect.CodePermissionDenied)
}

// change is closed when something of the line changes.
func (n *line) change() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}
