package sdt

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
const device = "idcard"

// command is a question and what may answer it. fits keeps an answer that belongs to an earlier question
// from being taken for this one's.
type command struct {
	op        string
	cmd, para byte
	wait      time.Duration
	fits      func(r reply) bool
	once      bool // asking again after silence cannot help: the card may have been read
}

var (
	askReset  = command{op: "reset", cmd: 0x10, para: 0xFF, wait: shortWait, fits: good(0, 0)}
	askStatus = command{op: "status", cmd: 0x11, para: 0xFF, wait: shortWait, fits: good(0, 0)}
	askID     = command{op: "sam id", cmd: 0x12, para: 0xFF, wait: shortWait, fits: good(16, 16)}
	askFind   = command{op: "find", cmd: 0x20, para: 0x01, wait: shortWait, fits: fitsFind}
	askSelect = command{op: "select", cmd: 0x20, para: 0x02, wait: selectWait, fits: good(4, 32, swSelectFailed)}
	askText   = command{op: "read", cmd: 0x30, para: 0x01, wait: readWait, fits: good(textBytes, frameLenMax, swReadFailed), once: true}
	askAll    = command{op: "read", cmd: 0x30, para: 0x10, wait: readWait, fits: good(textBytes, frameLenMax, swReadFailed), once: true}
	askNewest = command{op: "newest address", cmd: 0x30, para: 0x03, wait: readWait, fits: good(addressBytes, addressBytes, swNoContent, swReadFailed)}
)

// addressBytes is the length of the newest address.
const addressBytes = 70

// good takes success with so many bytes, the bare words that only this command has, and the bare words
// that any command may have.
func good(least, most int, words ...byte) func(reply) bool {
	return func(r reply) bool {
		if r.sw3 == swOK {
			return len(r.data) >= least && len(r.data) <= most
		}
		for _, w := range words {
			if r.sw3 == w {
				return true
			}
		}
		return common(r)
	}
}

// fitsFind knows its answer by its words; the management data behind it has no use and no fixed length.
func fitsFind(r reply) bool {
	return r.sw3 == swFound || r.sw3 == swNoCard || r.sw3 != swOK && common(r)
}

// common says whether an answer may follow any command: it carries no data, and its word is not one that
// a single command has for itself. Words that nobody described belong here, so that they are told.
func common(r reply) bool {
	switch r.sw3 {
	case swFound, swNoCard, swSelectFailed, swReadFailed, swNoContent:
		return false
	}
	return len(r.data) == 0
}

// line is an open port and what has come over it.
type line struct {
	port      wire.Port
	buf       []byte
	chunk     []byte    // what a read fills
	unsettled bool      // an answer may still be on its way
	answered  time.Time // when the reader last answered
}

// ask puts a question until it is answered or there is no sense in going on. Questions that move nothing
// are put again once; the line is settled before each one that follows a broken one.
func (l *line) ask(ctx context.Context, c command) (reply, error) {
	for try := 0; ; try++ {
		if l.unsettled {
			if err := l.settle(ctx); err != nil {
				return reply{}, err
			}
		}
		r, err := l.exchange(ctx, c)
		switch {
		case err == nil && judge(r).act != actResend:
			return r, nil
		case err == nil && try >= resendsMax:
			return reply{}, failure(c.op, r)
		case err != nil && (try >= resendsMax || c.once || !again(err) || ctx.Err() != nil):
			return reply{}, err
		}
	}
}

// again says whether a fault may pass by itself.
func again(err error) bool { return fault.Is(err, fault.Silent) || fault.Is(err, fault.Garbled) }

// settle makes sure that no older answer is on its way: the reader answers in order, so all that comes
// before the answer to a status question is older than it.
func (l *line) settle(ctx context.Context) error {
	var err error
	for range settleTriesMax {
		var r reply
		r, err = l.exchange(ctx, askStatus)
		if err == nil && r.sw3 == swOK {
			return nil
		}
		if err == nil {
			err = failure(askStatus.op, r)
		}
		if !again(err) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// exchange puts one question and takes its answer. Whatever ends otherwise leaves the line unsettled.
func (l *line) exchange(ctx context.Context, c command) (reply, error) {
	if err := ctx.Err(); err != nil {
		return reply{}, err
	}
	if err := l.flush(ctx); err != nil {
		return reply{}, l.wrap(ctx, c, err)
	}
	l.unsettled = true
	if _, err := l.port.Write(encode(c.cmd, c.para)); err != nil {
		return reply{}, l.wrap(ctx, c, err)
	}
	r, err := l.receive(ctx, c)
	if err != nil {
		return reply{}, l.wrap(ctx, c, err)
	}
	l.unsettled, l.answered = false, time.Now()
	return r, nil
}

// flush drops what came unasked. Inside a conversation nothing need be waited for: each question differs from the one
// before, so that what may still come behind the answer to that one is no answer to this.
func (l *line) flush(ctx context.Context) error {
	l.buf = nil
	wait := flushWait
	if !l.unsettled && !l.answered.IsZero() {
		wait = glanceWait
		if time.Since(l.answered) < freshMax {
			return nil
		}
	}
	for range flushMax {
		switch _, err := l.read(ctx, time.Now().Add(wait)); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil:
			return err
		}
		l.buf = nil
	}
	return noise(flushMax)
}

// noise is told of a line that carries bytes and no answers. The bytes are not told: they may be part of
// a card.
type noise int

func (n noise) Error() string { return fmt.Sprintf("%d bytes and no whole answer", int(n)) }

// receive waits for an answer that fits. When bytes came and the line falls silent before a whole frame
// is there, waiting for the full time would only hold the citizen up.
func (l *line) receive(ctx context.Context, c command) (reply, error) {
	end, total := time.Now().Add(c.wait), 0
	for {
		r, ok := l.take(c, false)
		if ok {
			return r, nil
		}
		until := end
		if gap := time.Now().Add(c.gap()); len(l.buf) > 0 && gap.Before(end) {
			until = gap
		}
		n, err := l.read(ctx, until)
		total += n
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if r, ok := l.take(c, true); ok {
				return r, nil
			}
			if total > 0 {
				return reply{}, noise(total)
			}
			return reply{}, err
		case err != nil:
			return reply{}, err
		case total > bufferMax:
			return reply{}, noise(total)
		}
	}
}

// gap is how long a pause ends an answer.
func (c command) gap() time.Duration {
	if c.once {
		return readGap
	}
	return gapWait
}

// take looks for an answer that fits in what has come; older ones are dropped.
func (l *line) take(c command, last bool) (reply, bool) {
	for {
		r, used, ok := extract(l.buf, last)
		l.buf = l.buf[used:]
		if !ok || c.fits(r) {
			return r, ok
		}
	}
}

// read adds what comes before the deadline to the buffer, and ends early with ctx.
func (l *line) read(ctx context.Context, until time.Time) (int, error) {
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
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if l.chunk == nil {
		l.chunk = make([]byte, bufferMax)
	}
	n, err := l.port.Read(l.chunk)
	l.buf = append(l.buf, l.chunk[:n]...)
	clear(l.chunk[:n]) // it outlives the person whose card it was
	if n > 0 {
		return n, nil // an error comes again
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	return 0, err
}

// wrap makes a fault of what the port or the silence said; the end of ctx stays what it is.
func (l *line) wrap(ctx context.Context, c command, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := &fault.Error{Kind: fault.Absent, Device: device, Op: c.op, Err: err}
	var n noise
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		e.Kind, e.Detail, e.Err = fault.Silent, "no answer within "+c.wait.String(), nil
	case errors.As(err, &n):
		e.Kind = fault.Garbled
	}
	return e
}
