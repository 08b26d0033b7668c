// Package sdtusb is the resident identity card reader of package sdt on a USB plug of its own, without a serial
// bridge.
//
// # Data sheet
//
// Facts from: the makers' module descriptions that package sdt names, and the transports of their public sample
// programs (Sdtusbapi for one pair of pipes, iDRUSB for two).
//
//   - Vendor 0400, product C35A, full speed, one interface of the vendor's class. No driver of the kernel takes it;
//     a udev rule gives it to the user of kioskd.
//   - One bulk pipe in and one out: frames as on the serial line, the whole frame in one stream.
//   - Two bulk pipes in and two out (a reference module; known from one program, so unverified): the first pair carries the
//     preamble and the length, 7 bytes, and the second the rest. In the order of their numbers, as 81 02 and 85 06.
//     Which of the two a reader is, its endpoints say.
//   - An answer of so many bytes that it fills its last packet may or may not be followed by an empty packet.
//     Reads are therefore one packet long, in usbport.
//   - An answer that nobody fetched stays in the reader when a program dies, and comes as the first one to the next
//     program. The driver's status question, which stands at the begin of each opening, passes it over.
//
// # Not supported
//
// Readers on the HID class (2B8B:2721 and others), which pad frames to reports of 64 bytes. Readers with a serial
// bridge inside are serial ones.
package sdtusb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"yichuang/devices/idcard/sdt"
	"yichuang/devices/usbport"
	"yichuang/devices/wire"
)

// New makes a reader at an address usb:VVVV:PPPP[:SERIAL]. Nothing is opened before Run.
func New(address string, o sdt.Options) (*sdt.Reader, error) {
	a, err := usbport.ParseAddress(address)
	o.NoSpeed = true
	return sdt.New(func(int) (wire.Port, error) { return open(a) }, o), err
}

// Readers are the numbers of the readers that this is for.
var Readers = []usbport.Address{{Vendor: 0x0400, Product: 0xC35A}}

// Class fits the reader's interface; the numbers have told that it is one.
var Class = usbport.Class{Any: true}

// open opens the reader and finds out how many pipes it has.
func open(a usbport.Address) (wire.Port, error) {
	d, err := usbport.Open(a, Class, 1)
	if err != nil {
		return nil, err
	}
	line, err := Line(d.Ports())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", a, err), d.Close())
	}
	return line, nil
}

// Line makes the line of a reader with these pairs of pipes.
func Line(pipes []wire.Port) (wire.Port, error) {
	switch len(pipes) {
	case 1:
		return pipes[0], nil
	case 2:
		return join(pipes[0], pipes[1]), nil
	}
	return nil, fmt.Errorf("%d pairs of pipes: an SDT reader has one or two", len(pipes))
}

// headBytes is the preamble and the length.
const headBytes = 7

// bodyMax is more than the longest answer; a head that says more is noise.
const bodyMax = 4096

// joined makes one line of two pairs of pipes. The reader answers one question at a time, so what is still missing of an
// answer is forgotten when the next question is put.
type joined struct {
	head, body wire.Port

	mu     sync.Mutex // guards the fields below
	partly []byte     // of a head
	whole  []byte     // a head that was not given out yet
	left   int        // bytes of the body that belong to it
}

func join(head, body wire.Port) wire.Port { return &joined{head: head, body: body} }

// Write sends a frame, of which the head goes another way than the body.
func (j *joined) Write(frame []byte) (int, error) {
	j.mu.Lock()
	j.partly, j.whole, j.left = nil, nil, 0
	j.mu.Unlock()
	n, err := j.head.Write(frame[:min(headBytes, len(frame))])
	if err != nil || n == len(frame) {
		return n, err
	}
	m, err := j.body.Write(frame[n:])
	return n + m, err
}

// Read gives the bytes of an answer in their order.
func (j *joined) Read(to []byte) (int, error) {
	for {
		j.mu.Lock()
		if n := copy(to, j.whole); n > 0 {
			j.whole = j.whole[n:]
			j.mu.Unlock()
			return n, nil
		}
		left, missing := j.left, headBytes-len(j.partly)
		j.mu.Unlock()
		if left > 0 {
			n, err := j.body.Read(to[:min(len(to), left)])
			j.mu.Lock()
			j.left = max(0, j.left-n)
			j.mu.Unlock()
			return n, err
		}
		b := make([]byte, missing)
		n, err := j.head.Read(b)
		j.mu.Lock()
		j.begin(b[:n])
		j.mu.Unlock()
		if err != nil {
			return 0, err
		}
	}
}

// begin takes bytes of a head. The caller holds the lock.
func (j *joined) begin(b []byte) {
	j.partly = append(j.partly, b...)
	if len(j.partly) < headBytes {
		return
	}
	j.whole, j.partly = j.partly, nil
	j.left = int(binary.BigEndian.Uint16(j.whole[headBytes-2:]))
	if j.left > bodyMax {
		j.left = 0
	}
}

// SetReadDeadline bounds the reads of both ways.
func (j *joined) SetReadDeadline(t time.Time) error {
	return errors.Join(j.head.SetReadDeadline(t), j.body.SetReadDeadline(t))
}

// Close closes the reader.
func (j *joined) Close() error { return errors.Join(j.head.Close(), j.body.Close()) }
