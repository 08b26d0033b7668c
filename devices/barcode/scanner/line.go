package scanner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// device is the class's name in faults.
const device = "scanner"

// line is an open port and what has come over it.
type line struct {
	port wire.Port
	buf  []byte
	more bool      // half an answer to a command is in buf
	sent time.Time // when the last command went out
	came time.Time // when the last byte came in
}

// send writes a command, not sooner after the last one than scanners bear.
func (l *line) send(ctx context.Context, c command) error {
	if !sleep(ctx, time.Until(l.sent.Add(commandGap))) {
		return ctx.Err()
	}
	_, err := l.port.Write(c.bytes)
	l.sent = time.Now()
	return err
}

// order gives a command and waits for its answer, where the dialect has one. Codes that come meanwhile
// are dropped. A scanner that does not know the command is no fault when optional.
func (l *line) order(ctx context.Context, c command, optional bool) error {
	for range triesMax {
		if err := l.send(ctx, c); err != nil {
			return fail(ctx, c, err)
		}
		if c.name == "" {
			return nil
		}
		for end := l.sent.Add(ackWait); ; {
			acks, err := l.read(ctx, end)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return fail(ctx, c, err)
			}
			if len(l.buf) > codeMax {
				l.buf = nil
			}
			if answer, ok := find(acks, c); ok {
				l.buf = nil
				return verdict(c, answer, optional)
			}
		}
	}
	return fail(ctx, c, os.ErrDeadlineExceeded)
}

// find looks for the answer to a command.
func find(acks []ack, c command) (answer byte, ok bool) {
	for _, a := range acks {
		if a.name == c.name {
			return a.answer, true
		}
	}
	return 0, false
}

// verdict is what an answer amounts to.
func verdict(c command, answer byte, optional bool) error {
	switch {
	case answer == ackDone, optional && (answer == ackUnsupported || answer == ackBadValue):
		return nil
	case answer == ackUnsupported, answer == ackBadValue:
		return &fault.Error{Kind: fault.Invalid, Device: device, Op: "command", Detail: fmt.Sprintf("the scanner refuses %s (%02X)", c.name, answer)}
	}
	return &fault.Error{Kind: fault.Garbled, Device: device, Op: "command", Detail: "unknown answer to " + c.name, Raw: []byte{answer}}
}

// flush drops what came unasked.
func (l *line) flush(ctx context.Context) error {
	for range flushMax {
		switch _, err := l.read(ctx, time.Now().Add(flushWait)); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			l.buf, l.more = nil, false
			return nil
		case err != nil:
			return err
		}
		l.buf = nil
	}
	return &fault.Error{Kind: fault.Garbled, Device: device, Op: "flush", Detail: "the line never falls silent"}
}

// read adds what comes before the deadline to the buffer and gives the answers to commands in it. It ends
// early with ctx.
func (l *line) read(ctx context.Context, until time.Time) ([]ack, error) {
	broken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(broken)
		l.port.SetReadDeadline(time.Now()) // the Read below then ends; nothing else to do when it fails
	})
	defer func() {
		if !stop() {
			<-broken // or it would break off the next read
		}
	}()
	if err := l.port.SetReadDeadline(until); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	chunk := make([]byte, codeMax)
	n, err := l.port.Read(chunk)
	if n == 0 {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	l.came = time.Now()
	var acks []ack
	l.buf, acks, l.more = takeAcks(append(l.buf, chunk[:n]...))
	return acks, nil // an error comes again
}

// fail makes a fault of what the port or the silence said; the end of ctx stays what it is.
func fail(ctx context.Context, c command, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if fault.KindOf(err) != "" {
		return err
	}
	op := "command"
	if c.name != "" {
		op = "command " + c.name
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &fault.Error{Kind: fault.Silent, Device: device, Op: op, Detail: "no answer within " + ackWait.String()}
	}
	return &fault.Error{Kind: fault.Absent, Device: device, Op: op, Err: err}
}
