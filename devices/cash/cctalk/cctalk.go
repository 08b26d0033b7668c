package cctalk

import (
	"context"
	"log/slog"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Options pin what the driver finds out by itself otherwise. The zero value fits most validators.
type Options struct {
	Address  byte // 40 when zero
	Checksum ccbus.Checksum
	Log      *slog.Logger // nothing is logged when nil
}

// pending is a note of which we were told that it is in escrow, until we are told where it went.
type pending struct {
	acceptor.Held
	unheard bool      // a command went without an answer: the device may be doing it
	gone    time.Time // since when the device says that nothing is in escrow
}

// Acceptor is one validator. It satisfies cash.Acceptor.
type Acceptor struct {
	acceptor.Acceptor
	d   *acceptor.Driver
	bus *ccbus.Bus
	o   Options

	// Guarded by the driver's lock.
	types    [typesMax]cash.Note // by bill type - 1; zero when unused
	mask     uint16              // of the types that the device was told to take
	held     *pending
	blind    bool // we cannot know from the events whether a note is in escrow
	asked    bool // and have asked the escrow itself
	orphan   bool // a note found by asking was never told to anybody
	replayed bool // the event buffer from before our time has been looked at
	restart  bool // the device forgot everything while the line held: Ready is told once more
	bare     bool // its settings are known to be gone and were not given since: that they are gone is no news
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the validator behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor { return On(ccbus.New(open, o.Log), o) }

// On makes the driver of a validator that shares its line with other devices.
func On(bus *ccbus.Bus, o Options) *Acceptor {
	if o.Address == 0 {
		o.Address = 40
	}
	a := &Acceptor{bus: bus, o: o}
	a.d = acceptor.New(acceptor.Protocol{Name: "cctalk", Noun: "validator", Log: o.Log, Failures: failuresMax, Shuts: true,
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

// session is one opened line, from the first probe to the error that ended it.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	l, err := a.bus.Join(a.o.Address, "cctalk")
	if err != nil {
		return false, a.d.Unopened(err)
	}
	defer l.Leave()
	defer a.d.Sever(ctx, l.Break)()
	if err := a.setUp(ctx, l); err != nil {
		return false, err
	}
	c := &chores{}
	_, err = a.d.Poll(ctx, func() error { return a.turn(l, c) }, func() time.Duration { return pollEvery }, func() {
		l.Ask(ccbus.SetMaster, []byte{0}, 0) // what it does not hear, it does by itself after 5 s
	})
	return true, err
}
