package line

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose connections are pipes, for virtual time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	gone  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), gone: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.gone:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.gone) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }
func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// bench runs fn with a line to an echo, in virtual time.
func bench(t *testing.T, s State, fn func(l *Line, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		l := New(func(context.Context) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { defer far.Close(); io.Copy(far, far) }()
			return near, nil
		})
		if err := l.Set(s); err != nil {
			t.Fatal(err)
		}
		p := newPipes()
		served := make(chan struct{})
		go func() { defer close(served); l.Serve(ctx, p) }()
		fn(l, p.dial)
		cancel()
		<-served
	})
}

// echo sends n bytes and takes the time until all are back.
func echo(t *testing.T, c net.Conn, n int) time.Duration {
	t.Helper()
	sent := bytes.Repeat([]byte{0xA5}, n)
	begin := time.Now()
	go c.Write(sent)
	got := make([]byte, n)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("echo of %d bytes: %v", n, err)
	}
	if !bytes.Equal(got, sent) {
		t.Fatalf("echo of %d bytes came back different", n)
	}
	return time.Since(begin)
}

func TestPassesAndShapes(t *testing.T) {
	for _, row := range []struct {
		name     string
		state    State
		bytes    int
		from, to time.Duration
	}{
		{"a good line", State{Up: true}, 100, 0, 0},
		{"a long line", State{Up: true, RTTms: 600}, 100, 600 * time.Millisecond, 600 * time.Millisecond},
		{"a slow line", State{Up: true, Kbit: 64}, 1000, 250 * time.Millisecond, 250 * time.Millisecond},
		// 14000 bytes are 1.75 s each way at 64 kbit/s; the ways overlap but for one packet of 175 ms.
		{"many packets", State{Up: true, Kbit: 64}, 14000, 1925 * time.Millisecond, 1925 * time.Millisecond},
		{"slow and long", State{Up: true, Kbit: 8, RTTms: 100}, 100, 300 * time.Millisecond, 300 * time.Millisecond},
	} {
		t.Run(row.name, func(t *testing.T) {
			bench(t, row.state, func(l *Line, dial func() net.Conn) {
				c := dial()
				defer c.Close()
				if got := echo(t, c, row.bytes); got < row.from || got > row.to {
					t.Errorf("%d bytes over %+v: took %v, want %v to %v", row.bytes, row.state, got, row.from, row.to)
				}
			})
		})
	}
}

func TestLossDelays(t *testing.T) {
	bench(t, State{Up: true, Loss: 0.5, RTTms: 100}, func(l *Line, dial func() net.Conn) {
		c := dial()
		defer c.Close()
		var late int
		for range 40 {
			took := echo(t, c, 10)
			if took < 100*time.Millisecond {
				t.Fatalf("a round trip of %v on a line of 100 ms", took)
			}
			if took >= 300*time.Millisecond {
				late++
			}
		}
		// Three of four round trips lose a packet on one of the ways.
		if late < 20 || late == 40 {
			t.Errorf("%d of 40 round trips were late, want about 30", late)
		}
	})
}

func TestAllLostIsSilence(t *testing.T) {
	bench(t, State{Up: true, Loss: 1}, func(l *Line, dial func() net.Conn) {
		c := dial()
		defer c.Close()
		go c.Write([]byte("hello"))
		c.SetReadDeadline(time.Now().Add(time.Hour))
		buf := make([]byte, 5)
		if n, err := c.Read(buf); err == nil || n > 0 {
			t.Fatalf("got %q (%v) over a line that loses all", buf[:n], err)
		}
		if err := l.Set(State{Up: true}); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Time{})
		if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "hello" {
			t.Errorf("after the line was mended: got %q (%v), want hello", buf, err)
		}
	})
}

func TestCutBreaksAndMends(t *testing.T) {
	bench(t, State{Up: true}, func(l *Line, dial func() net.Conn) {
		c := dial()
		defer c.Close()
		echo(t, c, 10)
		if err := l.Set(State{Up: false}); err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("read %d bytes over a cut line", n)
		}
		refused := dial()
		defer refused.Close()
		if n, err := refused.Read(make([]byte, 1)); err == nil {
			t.Errorf("a cut line took a connection and gave %d bytes", n)
		}
		if err := l.Set(State{Up: true}); err != nil {
			t.Fatal(err)
		}
		again := dial()
		defer again.Close()
		echo(t, again, 10)
	})
}

func TestEndIsPassedOn(t *testing.T) {
	bench(t, State{Up: true, RTTms: 200}, func(l *Line, dial func() net.Conn) {
		c := dial()
		echo(t, c, 10)
		c.Close()
		synctest.Wait() // Serve's end in bench proves that nothing is left
	})
}

func TestFiguresHaveBounds(t *testing.T) {
	for _, row := range []struct {
		state State
		ok    bool
	}{
		{State{Kbit: 0, RTTms: 0, Loss: 0}, true},
		{State{Kbit: kbitMax, RTTms: rttMax, Loss: 1}, true},
		{State{Kbit: -1}, false}, {State{Kbit: kbitMax + 1}, false},
		{State{RTTms: -1}, false}, {State{RTTms: rttMax + 1}, false},
		{State{Loss: -0.1}, false}, {State{Loss: 1.1}, false},
	} {
		l := New(nil)
		before := l.State()
		err := l.Set(row.state)
		if (err == nil) != row.ok {
			t.Errorf("%+v: got %v, want ok %v", row.state, err, row.ok)
		}
		if want := row.state; !row.ok {
			if l.State() != before {
				t.Errorf("%+v: a refused state was taken", row.state)
			}
		} else if l.State() != want {
			t.Errorf("got %+v, want %+v", l.State(), want)
		}
	}
}

// TestOverTCP is the smoke test of real sockets.
func TestOverTCP(t *testing.T) {
	hall, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hall.Close()
	go func() {
		c, err := hall.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	l := New(func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", hall.Addr().String())
	})
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan struct{})
	go func() { l.Serve(ctx, near); close(served) }()
	c, err := net.Dial("tcp", near.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	echo(t, c, 100_000)
	c.(*net.TCPConn).CloseWrite()
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the end: got %d bytes, %v, want EOF", n, err)
	}
	cancel()
	<-served
}
