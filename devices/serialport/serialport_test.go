package serialport

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
	"go.bug.st/serial"
)

// sulking is a line that a test feeds by hand; without food it says nothing.
type sulking struct {
	food   chan []byte
	broken chan error
	reads  atomic.Int64

	once    sync.Once
	stopped chan struct{}

	mu     sync.Mutex
	wrote  []byte
	stuck  chan struct{} // a Write blocks until it is closed
	closed bool

	dtr, rts  bool
	refuses   error // to be made ready
	sticks    error // when it is closed
	deaf      error // to writes, after so many bytes
	deafAfter int
	takesNone bool // no byte of a write, and no error
}

func (s *sulking) Read(p []byte) (int, error) {
	s.reads.Add(1)
	select {
	case b := <-s.food:
		return copy(p, b), nil
	case err := <-s.broken:
		return 0, err
	case <-s.stopped:
		return 0, os.ErrClosed
	}
}

func (s *sulking) StopReading() error {
	s.once.Do(func() { close(s.stopped) })
	return nil
}

func (s *sulking) Write(p []byte) (int, error) {
	if s.stuck != nil {
		<-s.stuck
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.takesNone {
		return 0, nil
	}
	if s.deaf != nil && len(s.wrote) >= s.deafAfter {
		return 0, s.deaf
	}
	n := min(len(p), 7) // a short write is a write
	s.wrote = append(s.wrote, p[:n]...)
	return n, nil
}

func (s *sulking) ResetOutputBuffer() error {
	if s.stuck != nil {
		select {
		case <-s.stuck:
		default:
			close(s.stuck)
		}
	}
	return nil
}

func (s *sulking) SetDTR(on bool) error { s.dtr = on; return s.refuses }

func (s *sulking) SetRTS(on bool) error { s.rts = on; return s.refuses }

func (s *sulking) Close() error { s.closed = true; return s.sticks }

// started is a port over a line that a test feeds.
func started(t *testing.T, s *sulking) *Port {
	t.Helper()
	s.stopped = make(chan struct{})
	return start("test", s)
}

// A line is made ready: the modem lines from which some adapters live. Closing it does not wait.
func TestLineIsMadeReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		if !s.dtr || !s.rts {
			t.Errorf("DTR %v, RTS %v, want both", s.dtr, s.rts)
		}
		began := time.Now()
		p.Close()
		if took := time.Since(began); took > 0 || !s.closed {
			t.Errorf("Close took %v, closed %v", took, s.closed)
		}
		refuses := &sulking{food: make(chan []byte), broken: make(chan error), refuses: errors.New("no such thing")}
		p = started(t, refuses) // a pseudo terminal has no modem lines
		refuses.food <- []byte{5}
		if n, err := p.Read(make([]byte, 2)); n != 1 || err != nil {
			t.Errorf("a line without modem lines: got %d, %v, want a byte", n, err)
		}
		p.Close()
	})
}

// Each error says what was done to which line.
func TestErrorsNameTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		want := func(err error, words string, cause error) {
			t.Helper()
			if err == nil || !strings.HasPrefix(err.Error(), words+" test: ") || !errors.Is(err, cause) {
				t.Errorf("got %v, want %s test and %v", err, words, cause)
			}
		}
		sticks, broken := errors.New("it sticks"), errors.New("it broke")
		s := &sulking{food: make(chan []byte), broken: make(chan error, 1), sticks: sticks}
		p := started(t, s)
		s.broken <- broken
		_, err := p.Read(make([]byte, 1))
		want(err, "read", broken)
		s.deaf = broken
		n, err := p.Write([]byte("0123456789"))
		if want(err, "write", broken); n != 0 {
			t.Errorf("write to a deaf line: %d bytes, want 0", n)
		}
		want(p.Close(), "close", sticks)
		_, err = p.Read(make([]byte, 1))
		want(err, "read", os.ErrClosed)
		_, err = p.Write([]byte{1})
		want(err, "write", os.ErrClosed)
		want(p.SetReadDeadline(time.Time{}), "set deadline", os.ErrClosed)
		p = started(t, &sulking{food: make(chan []byte), broken: make(chan error), takesNone: true})
		if n, err := p.Write([]byte("0123456789")); n != 0 || err == nil || !strings.HasPrefix(err.Error(), "write test: ") {
			t.Errorf("write to a line that takes no byte: got %d, %v, want an error", n, err)
		}
		p.Close()
	})
}

// A line may break in the middle of a write, and be closed under one that waits.
func TestWriteThatBreaksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error), deafAfter: 21, deaf: errors.New("it broke")}
		p := started(t, s)
		if n, err := p.Write(make([]byte, 100)); n != 21 || !errors.Is(err, s.deaf) {
			t.Errorf("a line that broke after 21 bytes: got %d, %v", n, err)
		}
		p.Close()
		s = &sulking{food: make(chan []byte), broken: make(chan error), stuck: make(chan struct{})}
		p = started(t, s)
		ended := make(chan error, 1)
		go func() { _, err := p.Write(make([]byte, 100)); ended <- err }()
		synctest.Wait()
		began := time.Now()
		p.Close()
		if err := <-ended; !errors.Is(err, os.ErrClosed) || time.Since(began) > time.Second {
			t.Errorf("closed under a write: got %v after %v, want %v at once", err, time.Since(began), os.ErrClosed)
		}
	})
}

// Whoever waits is woken by what comes, with a deadline and without, and by Close.
func TestWaitingReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		for _, deadline := range []time.Duration{0, time.Minute} {
			p.SetReadDeadline(time.Time{})
			if deadline > 0 {
				p.SetReadDeadline(time.Now().Add(deadline))
			}
			time.AfterFunc(5*time.Second, func() { s.food <- []byte{1, 2, 3} })
			began, b := time.Now(), make([]byte, 8)
			if n, err := p.Read(b); n != 3 || err != nil || !bytes.Equal(b[:3], []byte{1, 2, 3}) || time.Since(began) != 5*time.Second {
				t.Errorf("deadline %v: got %d, %v after %v, want 3 bytes after 5 s", deadline, n, err, time.Since(began))
			}
		}
		closed := make(chan error)
		time.AfterFunc(time.Second, func() { closed <- p.Close() })
		if _, err := p.Read(make([]byte, 8)); !errors.Is(err, os.ErrClosed) {
			t.Errorf("closed under a read: got %v, want %v", err, os.ErrClosed)
		}
		if err := <-closed; err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

func TestSilentLineEndsInDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		began := time.Now()
		p.SetReadDeadline(began.Add(200 * time.Millisecond))
		n, err := p.Read(make([]byte, 8))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read of a silent line: got %d, %v, want 0, %v", n, err, os.ErrDeadlineExceeded)
		}
		if got, want := time.Since(began), 200*time.Millisecond; got != want {
			t.Errorf("silence took %v, want %v", got, want)
		}
		if n, err := p.Read(nil); n != 0 || err != nil {
			t.Errorf("read into nothing: got %d, %v, want 0, nil", n, err)
		}
		p.Close()
		if !s.closed {
			t.Error("Close left the line below open")
		}
	})
}

func TestDeadlineBreaksAWaitingRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := started(t, &sulking{food: make(chan []byte), broken: make(chan error)})
		defer p.Close()
		time.AfterFunc(time.Second, func() { p.SetReadDeadline(time.Now()) })
		if _, err := p.Read(make([]byte, 8)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a read whose deadline was set to now: got %v, want %v", err, os.ErrDeadlineExceeded)
		}
	})
}

func TestBytesAreKeptAcrossDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		defer p.Close()
		s.food <- []byte{1, 2, 3}
		synctest.Wait()
		p.SetReadDeadline(time.Now().Add(-time.Second))
		two := make([]byte, 2)
		if n, err := p.Read(two); n != 2 || err != nil || !bytes.Equal(two, []byte{1, 2}) {
			t.Errorf("what is there is read after the deadline too: got %d %v %v, want [1 2]", n, two, err)
		}
		p.SetReadDeadline(time.Time{})
		if n, err := p.Read(two); n != 1 || err != nil || two[0] != 3 {
			t.Errorf("the rest: got %d %v %v, want one byte 3", n, two, err)
		}
	})
}

func TestUnplugIsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		s.food <- []byte{9}
		s.broken <- &serial.PortError{}
		synctest.Wait()
		one := make([]byte, 1)
		if n, err := p.Read(one); n != 1 || err != nil {
			t.Errorf("the last byte before the unplug: got %d, %v, want 1, nil", n, err)
		}
		for range 3 {
			var pe *serial.PortError
			if _, err := p.Read(one); !errors.As(err, &pe) {
				t.Errorf("read after the unplug: got %v, want a port error", err)
			}
		}
		if got, want := s.reads.Load(), int64(2); got != want {
			t.Errorf("an unplugged line was read %d times, want %d: it must not spin", got, want)
		}
		p.Close()
	})
}

func TestWriteSendsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		want := bytes.Repeat([]byte("0123456789"), 200)
		if n, err := p.Write(want); n != len(want) || err != nil {
			t.Fatalf("write: got %d, %v, want %d, nil", n, err, len(want))
		}
		if !bytes.Equal(s.wrote, want) {
			t.Errorf("%d bytes arrived, want the same %d", len(s.wrote), len(want))
		}
		p.Close()
		if _, err := p.Write(want); !errors.Is(err, os.ErrClosed) {
			t.Errorf("write after Close: got %v, want %v", err, os.ErrClosed)
		}
		if _, err := p.Read(want); !errors.Is(err, os.ErrClosed) {
			t.Errorf("read after Close: got %v, want %v", err, os.ErrClosed)
		}
		if err := p.Close(); err != nil {
			t.Errorf("second Close: got %v, want nil", err)
		}
	})
}

func TestStalledWriteEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error), stuck: make(chan struct{})}
		p := started(t, s)
		began := time.Now()
		n, err := p.Write([]byte("hello"))
		if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("stalled write: got %d, %v, want 0, %v", n, err, os.ErrDeadlineExceeded)
		}
		if got := time.Since(began); got != writeLimit {
			t.Errorf("it took %v, want %v", got, writeLimit)
		}
		p.Close()
	})
}

func TestFullBufferHoldsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sulking{food: make(chan []byte), broken: make(chan error)}
		p := started(t, s)
		defer p.Close()
		fed := 0
		for range 2 * bufferMax / chunkBytes {
			select {
			case s.food <- bytes.Repeat([]byte{7}, chunkBytes):
				fed += chunkBytes
				continue
			case <-time.After(time.Second):
			}
			break
		}
		if fed != bufferMax {
			t.Errorf("took %d bytes that nobody read, want %d", fed, bufferMax)
		}
		got, err := io.ReadFull(p, make([]byte, fed))
		if got != fed || err != nil {
			t.Errorf("read back %d, %v, want %d", got, err, fed)
		}
		select {
		case s.food <- []byte{1}:
		case <-time.After(time.Second):
			t.Error("reading does not go on after the buffer was emptied")
		}
	})
}

func TestBadOptions(t *testing.T) {
	for _, o := range []Options{{Parity: "mark"}, {StopBits: 3}} {
		if _, err := Open("/nonexistent", o); err == nil || strings.Contains(err.Error(), "no such file") {
			t.Errorf("Open with %+v: got %v, want a refusal of the option", o, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open of a path that is not there: got %v, want %v", err, os.ErrNotExist)
	}
}

func TestModes(t *testing.T) {
	tests := []struct {
		o    Options
		want serial.Mode
	}{
		{Options{}, serial.Mode{BaudRate: 9600, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}},
		{Options{Baud: 115200, DataBits: 7, Parity: Even, StopBits: 2}, serial.Mode{BaudRate: 115200, DataBits: 7, Parity: serial.EvenParity, StopBits: serial.TwoStopBits}},
		{Options{Parity: "none"}, serial.Mode{BaudRate: 9600, DataBits: 8, Parity: serial.NoParity, StopBits: serial.OneStopBit}},
		{Options{Parity: "even"}, serial.Mode{BaudRate: 9600, DataBits: 8, Parity: serial.EvenParity, StopBits: serial.OneStopBit}},
		{Options{Parity: "odd", StopBits: 1}, serial.Mode{BaudRate: 9600, DataBits: 8, Parity: serial.OddParity, StopBits: serial.OneStopBit}},
	}
	for _, tt := range tests {
		got, err := tt.o.mode()
		if err != nil || *got != tt.want {
			t.Errorf("mode of %+v: got %+v, %v, want %+v", tt.o, got, err, tt.want)
		}
	}
}

// The smoke test over a real pseudo terminal, reached through a link as a simulator offers it.
func TestPseudoTerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	link := filepath.Join(t.TempDir(), "cash")
	if err := os.Symlink(slave.Name(), link); err != nil {
		t.Fatal(err)
	}
	p, err := Open(link, Options{Baud: 9600, Parity: Even})
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0x00, 0x0d, 0x0a, 0x11, 0x13, 0x03, 0x1a, 0xff} // nothing may be eaten or turned
	if _, err := p.Write(want); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(master, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("out: got % x, %v, want % x", got, err, want)
	}
	if _, err := master.Write(want); err != nil {
		t.Fatal(err)
	}
	p.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("in: got % x, %v, want % x", got, err, want)
	}
	p.SetReadDeadline(time.Now())
	if _, err := p.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("silence: got %v, want %v", err, os.ErrDeadlineExceeded)
	}
	p.SetReadDeadline(time.Now().Add(10 * time.Second))
	slave.Close()
	master.Close() // the plug is out
	if _, err := p.Read(got); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("unplug: got %v, want an error for good", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
