package id003

import (
	"context"
	"log/slog"
	"maps"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/wire"
)

// Options pin what differs between acceptors. The zero value fits one with a Chinese data set.
type Options struct {
	// Countries are the currencies behind the country codes of the acceptor's table. nil is 2Dh for CNY, which
	// was not verified on a device.
	Countries map[byte]string
	// BoxKeeps says that a note that the acceptor finds in its stacker at power-up has come into the box, and
	// never back out. No manual that we have read says so; without it such a note is Lost.
	BoxKeeps bool
	Log      *slog.Logger // nothing is logged when nil
}

// pending is a note of which we were told that it is in escrow, until we are told where it went.
type pending struct {
	acceptor.Held
	code byte
}

// Acceptor is one acceptor. It satisfies cash.Acceptor.
type Acceptor struct {
	acceptor.Acceptor
	d    *acceptor.Driver
	open wire.Opener
	o    Options

	// Guarded by the driver's lock.
	owed  int // the signal that must be written down before the device may forget
	mem   memory
	held  *pending      // of mem's note while it is on its way
	rows  [codesMax]row // of its table, by escrow code - codeFirst; zero when unused
	named bool          // who it is and its rows are those of the device on this line
	ready bool          // Ready was told since the line was opened or the device started anew
	now   status
	since time.Time // when it came into this state, or was last reset in it
	asked bool      // RESET was given since it started anew
	given time.Time // when the settings were
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the acceptor behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor {
	if o.Countries == nil {
		o.Countries = map[byte]string{0x2D: "CNY"}
	}
	o.Countries = maps.Clone(o.Countries)
	a := &Acceptor{open: open, o: o}
	// Its settings it keeps over an unplug; if it has lost its power too, it says so.
	a.d = acceptor.New(acceptor.Protocol{Name: "id003", Noun: "acceptor", Log: o.Log, Failures: failuresMax, Waits: true,
		Session: a.session, Held: a.inEscrow, Granted: a.busy, Marks: a.marks})
	a.Acceptor = a.d.Acceptor()
	return a
}

func (a *Acceptor) inEscrow() *acceptor.Held {
	if a.held == nil {
		return nil
	}
	return &a.held.Held
}

// busy says that the acceptor takes no settings now. A note is on its way, and nothing else can be put in: a wish is
// granted before anything can. Called with the lock held.
func (a *Acceptor) busy() bool { return a.d.Online && !a.now.state.takes() }

// Resume sets what was written down of the last note. Call it before Run.
func (a *Acceptor) Resume(mark cash.Mark) {
	a.d.Lock()
	defer a.d.Unlock()
	a.d.Mark, a.held = mark, nil
	a.know(memoryOf(mark))
	if a.mem.open() {
		a.held = &pending{code: a.mem.code}
	}
}

// session is one opened line, until the error that ended it; then it shuts the mouth. heard says whether the device was
// there.
func (a *Acceptor) session(ctx context.Context) (heard bool, err error) {
	port, hangUp, err := a.d.Dial(ctx, a.open)
	if err != nil {
		return false, err
	}
	defer hangUp()
	a.d.Lock()
	a.named, a.ready, a.now = false, false, status{}
	a.d.Unlock()
	l := &line{Talk: wire.NewTalk(port, quietLimit, quietMax), log: a.d.Log}
	return a.d.Poll(ctx, func() error { return a.turn(l) }, a.pause, func() {
		l.set(setInhibit, 1) // best effort: nobody would decide about a note
	})
}

// pause is how long until the next turn.
func (a *Acceptor) pause() time.Duration {
	a.d.Lock()
	defer a.d.Unlock()
	if a.now.state.moves() {
		return pollBusy
	}
	return pollIdle
}
