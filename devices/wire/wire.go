// Package wire is the line between a driver and its device: bytes with a read deadline.
//
// A Port is whatever carries them: a serial line, a USB pipe, a pseudo terminal, a net.Pipe in a
// test. A silent line ends in os.ErrDeadlineExceeded and never in (0, nil), so that a driver has
// one way to notice silence.
package wire

import (
	"io"
	"time"
)

// Port carries bytes both ways. net.Conn satisfies it.
// A Read returns at least one byte or an error; after SetReadDeadline has passed the error is
// os.ErrDeadlineExceeded. After an unplug Read and Write return another error for good; the owner
// closes the port and opens it again.
type Port interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
}

// Opener opens the port once more, at start and after each unplug.
type Opener func() (Port, error)
