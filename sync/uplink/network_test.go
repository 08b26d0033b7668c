package uplink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// network is the line between terminal and hall in a bubble. It can be cut (connections break, none are
// made), be a hole (connections stand and not a byte passes), or slow. What is written never waits, as
// with a kernel that has buffers: HTTP/2 holds a lock while it writes, and time stands still in a bubble
// where somebody waits for a lock.
type network struct {
	queue  chan net.Conn
	closed chan struct{}

	mu      sync.Mutex // guards all below, and all of its connections
	mode    string     // up, cut, hole
	changed chan struct{}
	conns   map[*netConn]bool
	dials   int
	came    int           // bytes from the terminal that have reached the hall
	kbit    int           // thousands of bits a second each way, 0 without limit
	half    time.Duration // half a round trip
}

func newNetwork() *network {
	return &network{mode: "up", changed: make(chan struct{}), conns: map[*netConn]bool{}, queue: make(chan net.Conn), closed: make(chan struct{})}
}

func (n *network) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *network) set(mode string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mode = mode
	for c := range n.conns {
		if mode == "cut" {
			c.broken = true
			delete(n.conns, c)
		}
	}
	n.tell()
}

func (n *network) tried() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	for n.mode == "hole" {
		changed := n.changed
		n.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		n.mu.Lock()
	}
	if n.mode == "cut" {
		defer n.mu.Unlock()
		return nil, fmt.Errorf("127.0.0.1:%d: connection refused", 1024+n.dials%60000) // each try has its own port
	}
	near := &netConn{net: n, near: true, kbit: n.kbit, half: n.half}
	far := &netConn{net: n, kbit: n.kbit, half: n.half, other: near}
	near.other = far
	n.conns[near], n.conns[far] = true, true
	n.mu.Unlock()
	select {
	case n.queue <- far:
		return near, nil
	case <-n.closed:
	case <-ctx.Done():
	}
	near.Close()
	return nil, errors.New("connection refused")
}

func (n *network) Accept() (net.Conn, error) {
	select {
	case c := <-n.queue:
		return c, nil
	case <-n.closed:
		return nil, net.ErrClosed
	}
}

func (n *network) Close() error   { close(n.closed); return nil }
func (n *network) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

type packet struct {
	data   []byte
	arrive time.Time
}

// netConn is one end of a connection; all of it is guarded by the network's lock.
type netConn struct {
	net    *network
	other  *netConn
	near   bool // the terminal's end
	kbit   int
	half   time.Duration
	coming []packet
	free   time.Time // when what was written before has left
	broken bool
	ended  bool // this end is closed
}

var errReset = errors.New("connection reset by peer")

func (c *netConn) Read(b []byte) (int, error) {
	n := c.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		now, wait := time.Now(), time.Hour
		switch {
		case c.ended:
			return 0, net.ErrClosed
		case c.broken:
			return 0, errReset
		case n.mode == "hole":
		case len(c.coming) == 0 && c.other.ended:
			return 0, io.EOF
		case len(c.coming) > 0 && !c.coming[0].arrive.After(now):
			k := copy(b, c.coming[0].data)
			if !c.near {
				n.came += k
			}
			if c.coming[0].data = c.coming[0].data[k:]; len(c.coming[0].data) == 0 {
				c.coming = c.coming[1:]
			}
			return k, nil
		case len(c.coming) > 0:
			wait = c.coming[0].arrive.Sub(now)
		}
		changed := n.changed
		n.mu.Unlock()
		t := time.NewTimer(wait)
		select {
		case <-changed:
		case <-t.C:
		}
		t.Stop()
		n.mu.Lock()
	}
}

func (c *netConn) Write(b []byte) (int, error) {
	n := c.net
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case c.ended:
		return 0, net.ErrClosed
	case c.broken || c.other.ended:
		return 0, errReset
	}
	for rest := b; len(rest) > 0; {
		k := min(len(rest), 1400)
		now := time.Now()
		if c.free.Before(now) {
			c.free = now
		}
		if c.kbit > 0 {
			c.free = c.free.Add(time.Duration(k) * 8 * time.Millisecond / time.Duration(c.kbit))
		}
		c.other.coming = append(c.other.coming, packet{append([]byte(nil), rest[:k]...), c.free.Add(c.half)})
		rest = rest[k:]
	}
	n.tell()
	return len(b), nil
}

func (c *netConn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.ended = true
	delete(c.net.conns, c)
	c.net.tell()
	return nil
}

func (c *netConn) LocalAddr() net.Addr              { return c.net.Addr() }
func (c *netConn) RemoteAddr() net.Addr             { return c.net.Addr() }
func (c *netConn) SetDeadline(time.Time) error      { return nil }
func (c *netConn) SetReadDeadline(time.Time) error  { return nil }
func (c *netConn) SetWriteDeadline(time.Time) error { return nil }
