// Package line is the telephone line between the terminal and the hall: a proxy for TCP that can be slow,
// long, bad or cut.
//
// Bytes pass in pieces of the size of a packet. Each piece takes its time at the line's rate, then travels
// half a round trip. A lost piece is not lost to the program, for TCP sends it again: it comes later by
// what that takes, and so does all that follows it. A cut line breaks the connections that are open and
// takes no new ones.
package line

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// State is how the line is. The zero value of the figures means "as good as it gets".
type State struct {
	Up    bool    `json:"up"`
	Kbit  int     `json:"kbit"`   // thousands of bits a second each way; 0 is without limit
	RTTms int     `json:"rtt_ms"` // the round trip's milliseconds
	Loss  float64 `json:"loss"`   // the share of packets lost, 0 to 1
}

// Check says what is wrong with the figures.
func (s State) Check() error {
	switch {
	case s.Kbit < 0 || s.Kbit > kbitMax:
		return fmt.Errorf("kbit %d: 0 (no limit) to %d", s.Kbit, kbitMax)
	case s.RTTms < 0 || s.RTTms > rttMax:
		return fmt.Errorf("rtt_ms %d: 0 to %d", s.RTTms, rttMax)
	case s.Loss < 0 || s.Loss > 1 || s.Loss != s.Loss:
		return fmt.Errorf("loss %v: 0 to 1", s.Loss)
	}
	return nil
}

// Line is the proxy. Make it with New, then Serve.
type Line struct {
	target func(ctx context.Context) (net.Conn, error)

	mu      sync.Mutex
	state   State
	changed chan struct{} // closed and made anew when the state changes
	cut     context.Context
	sever   context.CancelFunc // breaks all connections of this uptime
	free    [2]time.Time       // when each direction has sent what was given to it
	random  *rand.Rand
}

// New makes a line that is up, to whatever target connects to.
func New(target func(ctx context.Context) (net.Conn, error)) *Line {
	l := &Line{target: target, state: State{Up: true}, changed: make(chan struct{}), random: rand.New(rand.NewPCG(1, 2))}
	l.cut, l.sever = context.WithCancel(context.Background())
	return l
}

// Seed has the line lose other packets than it would.
func (l *Line) Seed(seed uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.random = rand.New(rand.NewPCG(seed, 2))
}

// State says how the line is.
func (l *Line) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// Set changes the line.
func (l *Line) Set(s State) error {
	if err := s.Check(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.Up {
		l.sever()
	} else if !l.state.Up {
		l.cut, l.sever = context.WithCancel(context.Background())
	}
	l.state = s
	l.free = [2]time.Time{}
	close(l.changed)
	l.changed = make(chan struct{})
	return nil
}

// Serve carries connections until ctx ends.
func (l *Line) Serve(ctx context.Context, listener net.Listener) error {
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	var carried sync.WaitGroup
	defer carried.Wait()
	for {
		near, err := listener.Accept()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil {
			// Too many open files, for a while: the connection is lost and the line stays.
			if !wait(ctx, acceptPause) {
				return ctx.Err()
			}
			continue
		}
		carried.Add(1)
		go func() {
			defer carried.Done()
			l.carry(ctx, near)
		}()
	}
}

// carry brings one connection to the other end and back.
func (l *Line) carry(ctx context.Context, near net.Conn) {
	defer abort(near)
	l.mu.Lock()
	up, cut := l.state.Up, l.cut
	l.mu.Unlock()
	if !up {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(cut, cancel)()
	dial, done := context.WithTimeout(ctx, dialLimit)
	far, err := l.target(dial)
	done()
	if err != nil {
		return
	}
	defer abort(far)
	defer context.AfterFunc(ctx, func() { abort(near); abort(far) })()
	var ways sync.WaitGroup
	ways.Go(func() { l.pass(ctx, 0, near, far) })
	ways.Go(func() { l.pass(ctx, 1, far, near) })
	ways.Wait()
}

// abort closes a connection without a goodbye, as a cut line does.
func abort(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

// packet is a piece on its way.
type packet struct {
	data   []byte
	arrive time.Time
	end    bool // the sender has no more
}

// pass carries one direction until its sender ends.
func (l *Line) pass(ctx context.Context, way int, from, to net.Conn) {
	flying := make(chan packet, packetsMax)
	var landed sync.WaitGroup
	defer landed.Wait()
	landed.Go(func() { land(ctx, flying, to) })
	defer close(flying)
	for {
		buf := make([]byte, packetSize)
		n, err := from.Read(buf)
		if n > 0 {
			at, sent := l.depart(ctx, way, n)
			if !sent {
				return
			}
			select {
			case flying <- packet{data: buf[:n], arrive: at}:
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			at, _ := l.depart(ctx, way, 0)
			select {
			case flying <- packet{arrive: at, end: true}:
			case <-ctx.Done():
			}
			return
		}
	}
}

// land hands the pieces over when they arrive.
func land(ctx context.Context, flying <-chan packet, to net.Conn) {
	var broken bool
	for p := range flying {
		if broken || !wait(ctx, time.Until(p.arrive)) {
			broken = true // the sender's loop ends with ctx; take what it still gives
			continue
		}
		if p.end {
			closeWrite(to)
			continue
		}
		if _, err := to.Write(p.data); err != nil {
			broken = true
		}
	}
}

// closeWrite passes on that the sender has no more.
func closeWrite(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	c.Close()
}

// depart says when a piece of n bytes that is sent now arrives. It waits while every packet is lost.
func (l *Line) depart(ctx context.Context, way, n int) (time.Time, bool) {
	for {
		l.mu.Lock()
		s, changed := l.state, l.changed
		if s.Loss < 1 {
			at := l.schedule(way, n, time.Now())
			l.mu.Unlock()
			return at, true
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return time.Time{}, false
		case <-changed:
		}
	}
}

// schedule puts n bytes on the line. The caller holds the lock.
func (l *Line) schedule(way, n int, now time.Time) time.Time {
	s := l.state
	if l.free[way].Before(now) {
		l.free[way] = now
	}
	if s.Kbit > 0 {
		l.free[way] = l.free[way].Add(time.Duration(n) * 8 * time.Millisecond / time.Duration(s.Kbit))
	}
	rtt := time.Duration(s.RTTms) * time.Millisecond
	again := max(retryMin, rtt+rtt/2)
	for try := 0; n > 0 && try < triesMax && l.random.Float64() < s.Loss; try++ {
		l.free[way] = l.free[way].Add(again) // what follows has to wait for it
		again *= 2
	}
	return l.free[way].Add(rtt / 2)
}

// wait waits and says whether ctx is still alive.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
