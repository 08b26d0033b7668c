// Package serialport is the one door to serial lines: RS-232, USB adapters and pseudo terminals.
//
// A driver wants to say "the answer has to be here by then". The library below sets a line up and writes to it, but its
// reads cannot be broken off, and each holds a thread of this process: a line that says nothing would cost as much as one
// that talks. So the line is opened once more for reading, in a way that the runtime waits for all lines at once, and one
// goroutine per line reads into a buffer that knows deadlines: Read gives at least one byte, or
// os.ErrDeadlineExceeded when the line stayed silent, or an error for good when the plug is out. A silent line costs nothing.
//
// After an error other than the deadline the port is dead: close it and open the path again.
package serialport

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"go.bug.st/serial"
	"golang.org/x/sys/unix"

	"yichuang/devices/wire"
)

// Parity is the check bit of each character.
type Parity string

// The parities that devices at a terminal use.
const (
	None Parity = "none"
	Even Parity = "even"
	Odd  Parity = "odd"
)

// Options are the line settings. The zero value is 9600 8N1.
type Options struct {
	Baud     int
	DataBits int
	Parity   Parity
	StopBits int // 1 or 2
}

// mode puts the options into the library's words, or says which of them is none.
func (o Options) mode() (*serial.Mode, error) {
	m := &serial.Mode{BaudRate: o.Baud, DataBits: o.DataBits}
	if o.Baud == 0 {
		m.BaudRate = baudDefault
	}
	if o.DataBits == 0 {
		m.DataBits = dataBitsDefault
	}
	switch o.Parity {
	case None, "":
		m.Parity = serial.NoParity
	case Even:
		m.Parity = serial.EvenParity
	case Odd:
		m.Parity = serial.OddParity
	default:
		return nil, fmt.Errorf("parity %q: not one of none, even, odd", o.Parity)
	}
	switch o.StopBits {
	case 0, 1:
		m.StopBits = serial.OneStopBit
	case 2:
		m.StopBits = serial.TwoStopBits
	default:
		return nil, fmt.Errorf("stop bits %d: not 1 or 2", o.StopBits)
	}
	return m, nil
}

// line is what we need of an open line; the tests put a sulking one in its place.
type line interface {
	Read([]byte) (int, error)
	StopReading() error // ends a Read that waits, and all later ones
	Write([]byte) (int, error)
	ResetOutputBuffer() error
	SetDTR(bool) error
	SetRTS(bool) error
	Close() error
}

// twice is a line that is open once for the library and once for reading.
type twice struct {
	serial.Port
	reading *os.File
}

func (t twice) Read(b []byte) (int, error) { return t.reading.Read(b) }

func (t twice) StopReading() error { return t.reading.Close() }

// Port is one open serial line. It satisfies wire.Port.
type Port struct {
	path  string
	below line
	ended chan struct{} // closed when the reading goroutine is gone

	writing sync.Mutex // held during a Write, and by Close, so that no write meets a closed handle

	inbox *wire.Inbox

	mu     sync.Mutex // guards closed
	closed bool
}

var _ wire.Port = (*Port)(nil)

// Open opens the line at path, which may be a device, a pseudo terminal or a link to either.
func Open(path string, o Options) (wire.Port, error) {
	mode, err := o.mode()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	// For reading first: the library keeps everybody else out, us as well.
	reading, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err // it names the path
	}
	below, err := again(reading, mode)
	if err != nil {
		reading.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return start(path, twice{below, reading}), nil
}

// again opens the same device for the library, whatever the path leads to by now.
func again(f *os.File, mode *serial.Mode) (port serial.Port, err error) {
	raw, err := f.SyscallConn() // not Fd, which would let reads hold a thread
	if err != nil {
		return nil, err
	}
	// No InitialStatusBits: a pseudo terminal has no modem lines and would refuse to open (ENOTTY).
	bad := raw.Control(func(fd uintptr) { port, err = serial.Open(fmt.Sprintf("/proc/self/fd/%d", fd), mode) })
	return port, errors.Join(err, bad)
}

// start makes a line ready and begins to read.
func start(path string, below line) *Port {
	// Some adapters feed their level shifter from these lines. Where there are none it does not matter.
	below.SetDTR(true)
	below.SetRTS(true)
	p := &Port{path: path, below: below, ended: make(chan struct{}), inbox: wire.NewInbox(bufferMax)}
	go p.fill()
	return p
}

// fill reads until the line fails or is closed.
func (p *Port) fill() {
	defer close(p.ended)
	chunk := make([]byte, chunkBytes)
	for p.inbox.Room() {
		n, err := p.below.Read(chunk)
		if n > 0 {
			p.inbox.Put(chunk[:n])
		}
		if err != nil {
			p.inbox.Fail(fmt.Errorf("read %s: %w", p.path, err))
			return
		}
	}
}

// Read gives what has come, at least one byte, waiting for it until the deadline.
func (p *Port) Read(to []byte) (int, error) { return p.inbox.Read(to) }

// SetReadDeadline bounds the reads, also one that waits now. The zero time takes the bound away.
func (p *Port) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return fmt.Errorf("set deadline %s: %w", p.path, os.ErrClosed)
	}
	return p.inbox.SetReadDeadline(t)
}

// Write sends all of data. A device that takes nothing for writeLimit ends it with os.ErrDeadlineExceeded.
func (p *Port) Write(data []byte) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	sent := 0
	for sent < len(data) {
		p.mu.Lock()
		closed := p.closed
		p.mu.Unlock()
		if closed {
			return sent, fmt.Errorf("write %s: %w", p.path, os.ErrClosed)
		}
		n, err := p.writeSome(data[sent:min(sent+chunkBytes, len(data))])
		sent += n
		if err != nil {
			return sent, fmt.Errorf("write %s: %w", p.path, err)
		}
	}
	return sent, nil
}

// writeSome writes one chunk. A blocked write can only be freed by throwing away what waits to go out,
// and then it claims success, so that the stall is told here.
func (p *Port) writeSome(data []byte) (int, error) {
	stalled := make(chan struct{})
	t := time.AfterFunc(writeLimit, func() {
		close(stalled)
		p.below.ResetOutputBuffer()
	})
	n, err := p.below.Write(data)
	if !t.Stop() {
		<-stalled
		return 0, os.ErrDeadlineExceeded
	}
	if err == nil && n == 0 {
		err = errors.New("the line took no byte")
	}
	return n, err
}

// Close ends the reading goroutine and then gives the line back. A second call does nothing.
func (p *Port) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()
	p.inbox.Close(fmt.Errorf("read %s: %w", p.path, os.ErrClosed))
	stopped := p.below.StopReading()
	<-p.ended
	// The handle must stay open until nobody uses it: its number may at once belong to another file.
	p.below.ResetOutputBuffer()
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := errors.Join(p.below.Close(), stopped); err != nil {
		return fmt.Errorf("close %s: %w", p.path, err)
	}
	return nil
}
