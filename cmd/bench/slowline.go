package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"yichuang/cmd/devsim/line"
	"yichuang/sync/uplink"
)

// syncSlowLine: how long a megabyte of a terminal's queue takes over a line of ten million bits a second with a round trip of 50 ms. What
// counts are the bytes on the line, with all that TLS and HTTP/2 add, from the first record's until the hall has told that it has the last one on its disk:
// a line that waits for an answer is idle, and that is what is measured.
//
// The peer is the line's rate. The second one is a bare TCP connection through the same line, which says what the line itself bears in this run.
var syncSlowLine = row{
	name: "sync.slowline", unit: "ms/MB", better: "less", rounds: 3, turns: 1, per: 1, arithmetic: true,
	sides: []side{
		{name: "yichuang/sync/uplink and yichuang/sync/hall", open: openSlowLine},
		{name: "bytes * 8 / rate, or the bare connection in rounds that kept it from this", limit: 1.053, open: openLineRate},
		{name: "bare TCP through the same line", limit: 1.053, open: openBareLine},
	},
}

// slowLine is the line, and slowBytes about how much goes over it in a round: some seconds' worth.
var slowLine = line.State{Up: true, Kbit: 10000, RTTms: 50}

const slowBytes = 4 << 20

// lineRate is what the bytes need.
type lineRate struct{}

func openLineRate(context.Context, string) (runner, error) { return lineRate{}, nil }

func (lineRate) turn(context.Context, int) (time.Duration, error) {
	return 8e6 * time.Millisecond / time.Duration(slowLine.Kbit), nil
}

func (lineRate) close() error { return nil }

// perMegabyte is how long a million bytes took, when so many took so long.
func perMegabyte(took time.Duration, bytes int64) time.Duration {
	return time.Duration(float64(took) * 1e6 / float64(bytes))
}

// proxy is a line to an address, and the count of what goes there.
type proxy struct {
	address string
	sent    atomic.Int64
	stop    context.CancelFunc
	ended   chan error
}

func newProxy(target string) (*proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	p := &proxy{address: l.Addr().String(), stop: stop, ended: make(chan error, 1)}
	shaped := line.New(func(ctx context.Context) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", target)
		return measured{c, &p.sent}, err
	})
	if err := shaped.Set(slowLine); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	go func() { p.ended <- shaped.Serve(ctx, l) }()
	return p, nil
}

func (p *proxy) close() error {
	p.stop()
	if err := <-p.ended; !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

type measured struct {
	net.Conn
	n *atomic.Int64
}

func (c measured) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.n.Add(int64(n))
	return n, err
}

// slowPair is a hall and a terminal whose line to it is slow, and is worked all the time.
type slowPair struct {
	*pair
	line  *proxy
	link  *uplink.Link
	stop  context.CancelFunc
	ended chan error
}

func openSlowLine(ctx context.Context, dir string) (runner, error) {
	r, err := openSync(ctx, dir)
	if err != nil {
		return nil, err
	}
	s := &slowPair{pair: r.(*pair), ended: make(chan error, 1)}
	if s.line, err = newProxy(s.config.URL[len("https://"):]); err != nil {
		return nil, errors.Join(err, s.pair.close())
	}
	s.config.URL = "https://" + s.line.address
	if s.link, err = uplink.New(s.config, s.journal, slog.New(slog.DiscardHandler)); err != nil {
		return nil, errors.Join(err, s.line.close(), s.pair.close())
	}
	var running context.Context
	running, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	go func() { s.ended <- s.link.Run(running) }()
	for !s.link.Up() {
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), s.close())
		}
		time.Sleep(10 * time.Millisecond)
	}
	return s, nil
}

func (s *slowPair) turn(ctx context.Context, _ int) (time.Duration, error) {
	entries := entriesOf(slowBytes/(bodySize+300), text()[:bodySize])
	if err := s.journal.Append(ctx, entries...); err != nil {
		return 0, err
	}
	before, began := s.line.sent.Load(), time.Now()
	if err := s.link.Flush(ctx); err != nil {
		return 0, err
	}
	return perMegabyte(time.Since(began), s.line.sent.Load()-before), nil
}

func (s *slowPair) details() map[string]float64 { return nil }

func (s *slowPair) close() error {
	s.stop()
	err := <-s.ended
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return errors.Join(err, s.line.close(), s.pair.close())
}

// bareLine sends bytes over a connection of its own and waits for one byte of an answer.
type bareLine struct {
	line   *proxy
	listen net.Listener
	served chan struct{}
	conn   net.Conn
}

func openBareLine(context.Context, string) (runner, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	b := &bareLine{listen: l, served: make(chan struct{})}
	go func() {
		defer close(b.served)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		for buf := make([]byte, 1<<16); ; {
			for left := slowBytes; left > 0; {
				n, err := c.Read(buf[:min(left, len(buf))])
				if err != nil {
					return
				}
				left -= n
			}
			if _, err := c.Write(buf[:1]); err != nil {
				return
			}
		}
	}()
	if b.line, err = newProxy(l.Addr().String()); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if b.conn, err = net.Dial("tcp", b.line.address); err != nil {
		return nil, errors.Join(err, b.line.close(), l.Close())
	}
	return b, nil
}

func (b *bareLine) turn(context.Context, int) (time.Duration, error) {
	began := time.Now()
	if _, err := b.conn.Write(make([]byte, slowBytes)); err != nil {
		return 0, err
	}
	if _, err := io.ReadFull(b.conn, make([]byte, 1)); err != nil {
		return 0, err
	}
	return perMegabyte(time.Since(began), slowBytes), nil
}

func (b *bareLine) close() error {
	err := errors.Join(b.conn.Close(), b.line.close(), b.listen.Close())
	<-b.served
	return err
}
