// Package wiretest is a bench for drivers' own tests: a pretend device behind pipes.
package wiretest

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"yichuang/devices/wire"
)

// Bench is a line with pretend devices at its end. Its plug can be pulled, its programs can die, and
// something can be done just before a certain answer.
type Bench struct {
	serve  func(context.Context, io.ReadWriter) error
	ctx    context.Context
	cancel context.CancelFunc
	serves sync.WaitGroup

	mu      sync.Mutex
	plugged bool
	line    net.Conn // the host's end of the line in use
	answers int
	at      int
	do      func()

	Hand    sync.Mutex // guards the hand on the line, and what it shares with its test
	between func(fromHost bool, p []byte) []byte
}

// NewBench makes a bench whose devices answer by serve.
func NewBench(serve func(context.Context, io.ReadWriter) error) *Bench {
	b := &Bench{serve: serve, plugged: true}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Plug pulls the plug out or puts it in.
func (b *Bench) Plug(in bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plugged = in
	if !in && b.line != nil {
		b.line.Close()
	}
}

// Between sets a hand on the line that sees each write and may change it; nil lets it through. It takes effect at
// once. The hand sees one write at a time.
func (b *Bench) Between(change func(fromHost bool, p []byte) []byte) {
	b.Hold(func() { b.between = change })
}

// Hold does something while the hand is still.
func (b *Bench) Hold(do func()) {
	b.Hand.Lock()
	defer b.Hand.Unlock()
	do()
}

// Open lays a new line to the devices.
func (b *Bench) Open() (wire.Port, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.plugged {
		return nil, errors.New("no such device")
	}
	if b.line != nil {
		b.line.Close()
	}
	host, device := net.Pipe()
	b.line = host
	b.serves.Go(func() {
		defer device.Close()
		b.serve(b.ctx, &counted{Conn: device, b: b})
	})
	return &handled{Conn: host, b: b}, nil
}

// Program is an opener for one run of a program, and what ends its line as a power cut of the computer does.
func (b *Bench) Program() (open wire.Opener, kill func()) {
	dead := false // guarded by b.mu
	var mine net.Conn
	open = func() (wire.Port, error) {
		b.mu.Lock()
		gone := dead
		b.mu.Unlock()
		if gone {
			return nil, errors.New("the program is dead")
		}
		port, err := b.Open()
		b.mu.Lock()
		defer b.mu.Unlock()
		mine = b.line
		return port, err
	}
	kill = func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		dead = true
		if mine != nil {
			mine.Close()
		}
	}
	return open, kill
}

// AtAnswer calls do just before the n-th answer from now on.
func (b *Bench) AtAnswer(n int, do func()) {
	if n == 1 {
		do()
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answers, b.at, b.do = 0, n, do
}

// Close ends the bench.
func (b *Bench) Close() {
	b.cancel()
	b.Plug(false)
	b.serves.Wait()
}

func (b *Bench) changed(fromHost bool, p []byte) []byte {
	b.Hand.Lock()
	defer b.Hand.Unlock()
	if b.between == nil {
		return p
	}
	return b.between(fromHost, p)
}

// handled passes the host's writes through the hand on the line.
type handled struct {
	net.Conn
	b *Bench
}

func (h *handled) Write(p []byte) (int, error) {
	if out := h.b.changed(true, p); len(out) > 0 {
		if _, err := h.Conn.Write(out); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// counted counts answers: a fault armed after the n-1st befalls the n-th. It passes them through the hand.
type counted struct {
	net.Conn
	b *Bench
}

func (c *counted) Write(p []byte) (int, error) {
	if out := c.b.changed(false, p); len(out) > 0 {
		if _, err := c.Conn.Write(out); err != nil {
			return 0, err
		}
	}
	c.b.mu.Lock()
	c.b.answers++
	do := c.b.do
	if c.b.answers != c.b.at-1 {
		do = nil
	}
	c.b.mu.Unlock()
	if do != nil {
		do()
	}
	return len(p), nil
}
