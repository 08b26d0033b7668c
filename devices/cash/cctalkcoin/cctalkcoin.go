package cctalkcoin

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

// device is our name in faults and in kiosk.toml.
const device = "cctalk-coin"

// Options pin what the driver finds out by itself otherwise. The zero value fits most acceptors.
type Options struct {
	Address  byte // 2 when zero
	Checksum ccbus.Checksum
	Paths    map[int64]byte // by face: the sorter's path, 1 to 8; a face without one goes where the device was set to
	Store    []byte         // the sorter's paths that lead to a hopper
	Log      *slog.Logger   // nothing is logged when nil
}

// Acceptor is one coin acceptor. It satisfies cash.Intake.
type Acceptor struct {
	acceptor.Intake
	d   *acceptor.Driver
	bus *ccbus.Bus
	o   Options

	silentAt int // Run's own: the coin type at which the last set-up ended in silence

	// Guarded by the driver's lock.
	types   [typesMax]cash.Note // by coin type - 1; zero when unused
	mask    uint16              // of the types that the device was told to take
	lever   time.Time           // since when the return lever is held; zero when it is not
	look    bool                // the lever was pressed, or a string was seen: ask the status soon
	restart bool                // the device forgot everything while the line held: Ready is told once more
	bare    bool                // its settings are known to be gone and were not given since: that they are gone is no news
}

var _ cash.Intake = (*Acceptor)(nil)

// New makes the driver of the acceptor behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor { return On(ccbus.New(open, o.Log), o) }

// On makes the driver of an acceptor that shares its line with other devices.
func On(bus *ccbus.Bus, o Options) *Acceptor {
	if o.Address == 0 {
		o.Address = 2
	}
	a := &Acceptor{bus: bus, o: o}
	a.d = acceptor.New(acceptor.Protocol{Name: device, Noun: "acceptor", Log: o.Log, Failures: failuresMax, Shuts: true, Session: a.session, Gone: a.gone})
	a.Intake = a.d.Intake()
	return a
}

// gone is a device of which nothing is known any more. Called with the lock held.
func (a *Acceptor) gone(*fault.Error) {
	a.d.Dirty = true
	a.lever = time.Time{}
	delete(a.d.Faults, acceptor.Lever)
}

// session is one place on the bus, from the first probe to the error that ended it.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	l, err := a.bus.Join(a.o.Address, device)
	if err != nil {
		return false, a.d.Unopened(err)
	}
	defer l.Leave()
	defer a.d.Sever(ctx, l.Break)()
	c := &chores{}
	if err := a.setUp(ctx, l, c); err != nil {
		return false, err
	}
	_, err = a.d.Poll(ctx, func() error { return a.turn(l, c) }, func() time.Duration { return pollEvery }, func() {
		l.Ask(ccbus.SetMaster, []byte{0}, 0) // what it does not hear, most do by themselves after 5 s
	})
	return true, err
}
