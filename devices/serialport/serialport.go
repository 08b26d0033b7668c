// Package serialport is the one door to serial lines: RS-232, USB adapters and pseudo terminals.
//
// A driver wants to say "the answer has to be here by then". The library below cannot break off a
// read, and says "nothing came" as zero bytes without an error. So one goroutine per open line reads
// with a short time-out into a buffer, and the buffer knows deadlines: Read gives at least one byte,
// or os.ErrDeadlineExceeded when the line stayed silent, or an error for good when the plug is out.
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

// line is what we need of the library's port; the tests put a sulking one in its place.
type line interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	ResetOutputBuffer() error
	SetReadTimeout(time.Duration) error
	SetDTR(bool) error
	SetRTS(bool) error
	Close() error
}

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
	// No InitialStatusBits: a pseudo terminal has no modem lines and would refuse to open (ENOTTY).
	below, err := serial.Open(path, mode)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	p, err := start(path, below)
	if err != nil {
		return nil, err // and not a nil of ours that looks like a port
	}
	return p, nil
}

// start makes the library's port ready and begins to read.
func start(path string, below line) (*Port, error) {
	if err := below.SetReadTimeout(readSlice); err != nil {
		below.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	// Some adapters feed their level shifter from these lines. Where there are none it does not matter.
	below.SetDTR(true)
	below.SetRTS(true)
	p := &Port{path: path, below: below, ended: make(chan struct{}), inbox: wire.NewInbox(bufferMax)}
	go p.fill()
	return p, nil
}

// fill reads until the line fails or is closed.
func (p *Port) fill() {
	defer close(p.ended)
	chunk := make([]byte, chunkBytes)
	for p.inbox.Room() {
		began := time.Now()
		n, err := p.below.Read(chunk)
		if n == 0 && err == nil && time.Since(began) < readSlice/2 {
			// An adapter in trouble says "nothing" at once instead of after the time-out. Do not spin.
			time.Sleep(readSlice / 2)
		}
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
	// The handle must stay open until nobody uses it: its number may at once belong to another file.
	p.below.ResetOutputBuffer()
	p.writing.Lock()
	defer p.writing.Unlock()
	<-p.ended
	if err := p.below.Close(); err != nil {
		return fmt.Errorf("close %s: %w", p.path, err)
	}
	return nil
}
