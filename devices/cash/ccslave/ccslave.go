// Package ccslave is what pretend ccTalk devices share: packets from the device's side, the line with its echo
// and its pace, and several devices on one wire.
//
// It is written from ccTalk Generic Specification 4.7, part 1, and knows no driver. A simulator gives a Slave,
// which answers requests; Serve hangs one or more of them on a line. Each hears every packet, as on the one
// wire of a cabinet: it passes over what is not to its address or has another checksum than its own.
package ccslave

import (
	"context"
	"io"
	"slices"
	"time"

	"yichuang/devices/mechanism"
)

// Slave is one device at the line.
type Slave struct {
	Device    string // its class, for the log
	Address   byte
	CRC       bool // CRC-16 packets instead of simple checksums
	Scrambled bool // it is set to encryption and scrambles all answers but for their first two bytes
	Faults    *mechanism.Faults
	Log       *mechanism.Log
	// Alive says whether it has power and has started. It is asked before and after Answer.
	Alive func() bool
	// Answer does what the host asks. Not known: the device stays silent.
	Answer func(r *Request) (header byte, data []byte, known bool)
	// Last says of which header the answer goes out although the device is not alive any more.
	Last byte
	// Loses says of which header the fault "lost_reply" takes the answer.
	Loses byte
}

// Options are the interface board and the line.
type Options struct {
	Echo     bool // the board gives the host its own bytes back
	BaudPace bool // answers take the time they need at 9600 baud
}

const (
	packetGap = 50 * time.Millisecond  // part 1: silence inside a packet that ends it
	lateTime  = 350 * time.Millisecond // longer than any host waits for a simple answer
	splitGap  = 30 * time.Millisecond  // inside a split answer; still one packet
	byteTime  = 1042 * time.Microsecond
)

// Answers that are no data (part 1).
const (
	Normal = 0
	Nak    = 5
	Busy   = 6
)

// ear is a slave and the bytes it has heard of an unfinished packet.
type ear struct {
	*Slave
	line   *mechanism.Line
	buffer []byte
}

// Serve answers one host until its line ends or ctx does, and returns why. It does not close rw; when
// rw knows read deadlines the reading goroutine ends with Serve, else with rw.
func Serve(ctx context.Context, rw io.ReadWriter, o Options, slaves ...*Slave) error {
	if d, ok := rw.(interface{ SetReadDeadline(time.Time) error }); ok {
		defer d.SetReadDeadline(time.Now())
	}
	chunks, ended, done := make(chan []byte), make(chan error, 1), make(chan struct{})
	defer close(done)
	go listen(rw, chunks, ended, done)
	var ears []*ear
	for _, s := range slaves {
		ears = append(ears, &ear{Slave: s, line: &mechanism.Line{Device: s.Device, W: pacer{rw, o.BaudPace}, Faults: s.Faults, Log: s.Log, Late: lateTime, Gap: splitGap}})
	}
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case chunk := <-chunks:
			if o.Echo {
				if _, err := rw.Write(chunk); err != nil {
					return err
				}
			}
			// Part 1, "timing": a packet that pauses for longer than this is dropped.
			pause := time.Since(last) > packetGap
			last = time.Now()
			for _, e := range ears {
				if pause {
					e.buffer = nil
				}
				e.buffer = append(e.buffer, chunk...)
				if err := e.consume(); err != nil {
					return err
				}
			}
		}
	}
}

// consume answers the whole packets in the buffer and keeps the rest.
func (e *ear) consume() error {
	for {
		r, used := Cut(e.buffer, e.CRC)
		if used == 0 {
			return nil
		}
		if r == nil {
			// Where the next packet begins cannot be known before the line is quiet.
			e.Log.Add(e.Device, "host", e.buffer, "packet with a wrong checksum")
			e.buffer = nil
			return nil
		}
		r.Raw, r.Data = slices.Clone(r.Raw), slices.Clone(r.Data)
		e.buffer = e.buffer[used:]
		if err := e.respond(r); err != nil {
			return err
		}
	}
}

func (e *ear) respond(r *Request) error {
	if r.Dest != e.Address && r.Dest != 0 || !e.Alive() {
		return nil
	}
	e.Log.Add(e.Device, "host", r.Raw, HeaderName(r.Header))
	header, data, known := e.Answer(r)
	if !known || !e.Alive() && r.Header != e.Last {
		return nil
	}
	if r.Header == e.Loses && e.Faults.Take("lost_reply") {
		e.Log.Add(e.Device, "device", nil, "did it, but the reply is lost")
		return nil
	}
	frame := Pack(r.Src, e.Address, header, data, e.CRC)
	if e.Scrambled {
		// Part 1, "encryption": destination and length stay as they are. How the rest is scrambled is not public.
		for i := 2; i < len(frame); i++ {
			frame[i] ^= byte(0x5A + 29*i)
		}
	}
	return e.line.Answer(frame, "answers "+HeaderName(r.Header))
}

func listen(r io.Reader, chunks chan<- []byte, ended chan<- error, done <-chan struct{}) {
	for {
		buffer := make([]byte, 1024)
		n, err := r.Read(buffer)
		if n > 0 {
			select {
			case chunks <- buffer[:n]:
			case <-done:
				return
			}
		}
		if err != nil {
			ended <- err
			return
		}
	}
}

// pacer takes as long for its bytes as the line would.
type pacer struct {
	w    io.Writer
	slow bool
}

func (p pacer) Write(b []byte) (int, error) {
	if p.slow {
		time.Sleep(time.Duration(len(b)) * byteTime)
	}
	return p.w.Write(b)
}
