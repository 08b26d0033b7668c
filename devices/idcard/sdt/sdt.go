package sdt

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/wire"
)

// Opener opens the line at a speed, at start and after each unplug. A transport without a speed ignores it.
type Opener func(baud int) (wire.Port, error)

// Options are what a terminal may want differently. The zero value is right for most.
type Options struct {
	NewestAddress bool // also ask for the address added later (追加地址) and deliver it as the address
	NoFingerprint bool // ask 30 01 at once; otherwise 30 10, and 30 01 from a reader that refuses it
	NoSpeed       bool // the transport has no speed, so that one opening tells whether the reader answers
}

// Reader is a card reader. Its Run keeps the line open; Read asks for a card.
type Reader struct {
	open    Opener
	options Options
	turn    chan struct{} // holds a token: the conversation is held by one goroutine at a time

	// Held with the turn.
	line     *line
	baud     int
	textOnly bool // this reader refuses 30 10

	tried chan struct{} // closed after the first attempt to open
	lost  chan struct{} // tells Run that the line is gone

	mu    sync.Mutex // guards the fields below
	fault *fault.Error
	info  idcard.Info
}

// New makes a reader that opens its line with open. Nothing happens before Run.
func New(open Opener, o Options) *Reader {
	r := &Reader{open: open, options: o, textOnly: o.NoFingerprint,
		turn: make(chan struct{}, 1), tried: make(chan struct{}), lost: make(chan struct{}, 1),
		fault: &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Detail: "not opened yet"},
		info:  idcard.Info{Protocol: "sdt"}}
	r.turn <- struct{}{}
	return r
}

// Info is what the reader said at the last opening. Serial is the SAM's number in raw bytes, the key for
// records; SAM is the same as it is printed on the housing.
func (r *Reader) Info() idcard.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.info
}

// Fault is nil while the reader answers.
func (r *Reader) Fault() *fault.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fault
}

// Run opens the reader, asks now and then whether it is still there, and opens it again when it is not.
// It is called once.
func (r *Reader) Run(ctx context.Context) error {
	first := sync.OnceFunc(func() { close(r.tried) })
	defer first() // after hangUp, so that a Read that waits hears that the reader is closed
	defer r.hangUp()
	for ctx.Err() == nil {
		err := r.connect(ctx)
		if ctx.Err() == nil {
			first()
		}
		if err == nil {
			r.watch(ctx)
		}
		sleep(ctx, reopenWait)
	}
	return ctx.Err()
}

// hangUp closes the line at the end of Run.
func (r *Reader) hangUp() {
	<-r.turn
	defer func() { r.turn <- struct{}{} }()
	if r.line != nil {
		r.line.port.Close() // nothing is buffered; the port is gone either way
		r.line = nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Detail: "closed"}
}

// take waits for the turn.
func (r *Reader) take(ctx context.Context) error {
	select {
	case <-r.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect finds the speed at which the reader answers and asks who it is.
func (r *Reader) connect(ctx context.Context) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	defer func() { r.turn <- struct{}{} }()
	err := error(nil)
	for _, baud := range r.order() {
		if err = r.dial(ctx, baud); err == nil || !again(err) || ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		r.note(err)
	}
	return err
}

// order is the speeds with the one that worked last first.
func (r *Reader) order() []int {
	if r.options.NoSpeed {
		return []int{speeds[0]}
	}
	order := []int{}
	if r.baud != 0 {
		order = append(order, r.baud)
	}
	for _, s := range speeds {
		if s != r.baud {
			order = append(order, s)
		}
	}
	return order
}

// dial opens the line at one speed. The line counts only when the SAM is fit and has said its number.
func (r *Reader) dial(ctx context.Context, baud int) error {
	port, err := r.open(baud)
	if err != nil {
		return &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Err: err}
	}
	l := &line{port: port}
	answer, err := l.ask(ctx, askStatus)
	if err == nil && answer.sw3 != swOK {
		err = failure(askStatus.op, answer)
	}
	// A module that is not fit says its number all the same, and whoever mends it is asked for that.
	if err == nil || fault.Is(err, fault.Broken) {
		if number := r.askNumber(ctx, l); err == nil {
			err = number
		}
	}
	if err != nil {
		port.Close() // the fault above is what matters
		return err
	}
	r.line, r.baud, r.textOnly = l, baud, r.options.NoFingerprint
	return nil
}

// askNumber asks which module this is.
func (r *Reader) askNumber(ctx context.Context, l *line) error {
	answer, err := l.ask(ctx, askID)
	switch {
	case err != nil:
		return err
	case answer.sw3 != swOK:
		return failure(askID.op, answer)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.info.SAM, r.info.Serial = samNumber(answer.data), strings.ToUpper(hex.EncodeToString(answer.data))
	return nil
}

// samNumber is the number of the SAM as it is printed: maker, model, date, serial and a last part.
func samNumber(b []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%02d.%02d-%d-%010d-%d", le.Uint16(b), le.Uint16(b[2:]), le.Uint32(b[4:]), le.Uint32(b[8:]), le.Uint32(b[12:]))
}

// note remembers whether the reader is fit.
func (r *Reader) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault = nil
	if err == nil {
		return
	}
	if f, is := err.(*fault.Error); is {
		r.fault = f
		return
	}
	r.fault = &fault.Error{Kind: fault.Broken, Device: device, Op: "open", Err: err}
}

// watch returns when the line is lost or ctx ends. While nobody reads it asks for the status, so that an
// unplug closes the services that need a card before somebody begins one.
func (r *Reader) watch(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.lost:
			return
		case <-time.After(idleEvery):
		}
		if r.take(ctx) != nil {
			return
		}
		if r.line != nil && time.Since(r.line.answered) >= idleFresh {
			answer, err := r.line.ask(ctx, askStatus)
			if err == nil && answer.sw3 != swOK {
				err = failure(askStatus.op, answer)
			}
			r.settleFault(ctx, err)
		}
		r.turn <- struct{}{}
	}
}

// settleFault drops the line when err says that the reader is not fit. It is called with the turn.
func (r *Reader) settleFault(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil || fault.Is(err, fault.Refused) {
		return
	}
	r.note(err)
	r.line.port.Close() // the fault above is what matters
	r.line = nil
	select {
	case r.lost <- struct{}{}:
	default:
	}
}

// sleep waits and says whether the full time has passed.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
