package ccnet

import (
	"context"
	"log/slog"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Options pin what differs between validators. The zero value fits most.
type Options struct {
	Address    byte              // 3, bill validator, when zero
	Currencies map[string]string // more letters of the bill table and what currency they are: "CNA": "CNY"
	Log        *slog.Logger      // nothing is logged when nil
}

// pending is a note of which we were told that it is in escrow, until we are told where it went.
type pending struct {
	acceptor.Held
	kind byte      // its row in the bill table, or unnamed
	gone time.Time // since when the device shows nothing of it
}

// report is an end of a note that the device repeats until we acknowledge it.
type report struct {
	state  state
	kind   byte
	number int // of the signal that told it
}

// Acceptor is one validator. It satisfies cash.Acceptor.
type Acceptor struct {
	acceptor.Acceptor
	d    *acceptor.Driver
	open wire.Opener
	o    Options

	// Guarded by the driver's lock.
	types   [typesMax]cash.Note // zero when unused
	honest  time.Time           // until then an attempt to cheat stands as a fault
	last    status              // the poll before
	enables []byte              // the types that the device was told to take
	enabled time.Time           // when
	named   bool                // the device has said who it is and which notes it takes, since the line was opened
	adopted bool                // the mark that we began with has been compared with the device
	first   bool                // there was no mark to begin with
	held    *pending
	closed  int // the signal that closed a note of which the device will not speak again
	due     *report
	ready   bool      // Ready was told
	found   state     // how the device awoke, until it is at rest again; 0 when it did not
	resting time.Time // since when it is
	lost    int       // the signal that told of the awakening, 0 when there was no need
	lostAt  time.Time
	resetAt time.Time
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the validator behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor {
	if o.Address == 0 {
		o.Address = 3
	}
	a := &Acceptor{open: open, o: o}
	a.d = acceptor.New(acceptor.Protocol{Name: "ccnet", Noun: "validator", Log: o.Log, Failures: failuresMax, Waits: true,
		Session: a.session, Held: a.escrow, Gone: func(*fault.Error) { a.d.Dirty = true }})
	a.Acceptor = a.d.Acceptor()
	return a
}

func (a *Acceptor) escrow() *acceptor.Held {
	if a.held == nil {
		return nil
	}
	return &a.held.Held
}

// session is one opened line, until the error that ended it. ready says whether the device has named itself on it, or on
// one before.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	port, hangUp, err := a.d.Dial(ctx, a.open)
	if err != nil {
		return false, err
	}
	defer hangUp()
	a.d.Lock()
	a.named, a.ready = false, false
	a.d.Unlock()
	l := &line{Talk: wire.NewTalk(port, quietLimit, quietMax), address: a.o.Address, log: a.d.Log}
	var verified time.Time
	_, err = a.d.Poll(ctx, func() error { return a.turn(l, &verified) }, func() time.Duration { return pollEvery }, func() {
		l.ask(cmdEnable, make([]byte, 6)...) // what it does not hear, it does by itself after 5 s
	})
	a.d.Lock()
	defer a.d.Unlock()
	return a.d.Online, err
}
