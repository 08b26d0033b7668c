package cctalkcoin

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"yichuang/devices/cash"
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
	bus *ccbus.Bus
	o   Options

	wake chan struct{} // a wish waits; Run need not finish its pause

	silentAt int // Run's own: the coin type at which the last set-up ended in silence

	mu      sync.Mutex
	changed chan struct{} // closed and made anew whenever something below changes
	queue   []cash.Signal
	mark    cash.Mark
	info    cash.Info
	types   [typesMax]cash.Note // by coin type - 1; zero when unused
	online  bool
	faults  map[place]placed
	told    *fault.Error // the fault that the owner was last told, nil when none
	toldAt  place
	lever   time.Time // since when the return lever is held; zero when it is not
	look    bool      // the lever was pressed, or a string was seen: ask the status soon
	wanted  wish
	applied wish
	dirty   bool  // the device's settings are not what they should be
	refusal error // the device would not take the settings
	restart bool  // the device forgot everything while the line held: Ready is told once more
	bare    bool  // its settings are known to be gone and were not given since: that they are gone is no news
}

// wish is what Accept and Refuse asked for.
type wish struct {
	accept bool
	faces  []cash.Note
	mask   uint16
	number int // tells one wish from the next
}

// placed is a fault and when an event told it; zero when a self-check or the line did.
type placed struct {
	fault *fault.Error
	since time.Time
}

var _ cash.Intake = (*Acceptor)(nil)

// New makes the driver of the acceptor behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor { return On(ccbus.New(open, o.Log), o) }

// On makes the driver of an acceptor that shares its line with other devices.
func On(bus *ccbus.Bus, o Options) *Acceptor {
	if o.Address == 0 {
		o.Address = 2
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Acceptor{bus: bus, o: o, wake: make(chan struct{}, 1), changed: make(chan struct{}), faults: map[place]placed{}}
	a.faults[onLine] = placed{fault: fail(fault.Absent, "open", "not opened yet")}
	return a
}

func fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: device, Op: op, Detail: detail}
}

// change wakes everybody who waits. Called with mu held.
func (a *Acceptor) change() {
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *Acceptor) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Resume sets the mark after which events are new. Call it before Run.
func (a *Acceptor) Resume(mark cash.Mark) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mark = mark
}

// Next gives the next signal.
func (a *Acceptor) Next(ctx context.Context) (cash.Signal, error) {
	for {
		a.mu.Lock()
		changed := a.changed
		if ctx.Err() == nil && len(a.queue) > 0 {
			s := a.queue[0]
			a.queue = a.queue[1:]
			a.mu.Unlock()
			return s, nil
		}
		a.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return cash.Signal{}, ctx.Err()
		}
	}
}

// Info is what the acceptor said of itself when it was last opened.
func (a *Acceptor) Info() cash.Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.info
}

// State is the acceptor as it was last heard. It knows nothing of its box: BoxIn says that it is there as long as
// the acceptor is.
func (a *Acceptor) State() cash.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	worst, _ := a.worst()
	return cash.State{
		Online:    a.online,
		Accepting: a.online && worst == nil && a.applied.accept && a.wanted.accept && !a.dirty,
		BoxIn:     a.online,
		Fault:     worst,
	}
}

// Accept lets coins of these faces in. fault.Invalid: the acceptor takes none of them. After an
// error of the line the wish stands, and is granted when the acceptor is back.
func (a *Acceptor) Accept(ctx context.Context, faces []cash.Note) error {
	a.mu.Lock()
	mask := a.maskOf(faces)
	if a.online && mask == 0 {
		a.mu.Unlock()
		return fail(fault.Invalid, "accept", "the acceptor takes none of these faces")
	}
	a.wanted.accept, a.wanted.faces, a.wanted.mask = true, slices.Clone(faces), mask
	return a.granted(ctx)
}

// Refuse turns all coins away. After an error of the line the wish stands.
func (a *Acceptor) Refuse(ctx context.Context) error {
	a.mu.Lock()
	a.wanted.accept = false
	return a.granted(ctx)
}

// granted waits until the device has the newest wish. Called with mu held, and gives it back.
func (a *Acceptor) granted(ctx context.Context) error {
	a.wanted.number++
	number := a.wanted.number
	a.dirty, a.refusal = true, nil
	a.change()
	for {
		changed, applied, refusal, offline := a.changed, a.applied.number >= number, a.refusal, a.offline()
		a.mu.Unlock()
		switch {
		case applied:
			return nil
		case refusal != nil:
			return refusal
		case offline != nil:
			return offline
		}
		a.poke()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
		a.mu.Lock()
	}
}

// offline is the line's fault while nothing can be asked of the device. Called with mu held.
func (a *Acceptor) offline() error {
	if a.online {
		return nil
	}
	if f := a.faults[onLine].fault; f != nil {
		return f
	}
	return fail(fault.Absent, "open", "being opened")
}

// Run opens the line, polls, and opens it again after an unplug, until ctx ends.
func (a *Acceptor) Run(ctx context.Context) error {
	pause := reopenFirst
	for ctx.Err() == nil {
		ready, err := a.session(ctx)
		if ctx.Err() != nil {
			break
		}
		a.lineLost(err)
		if ready {
			pause = reopenFirst
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
		pause = min(2*pause, reopenMax)
	}
	a.mu.Lock()
	a.online = false
	a.faults[onLine] = placed{fault: fail(fault.Absent, "poll", "stopped")}
	a.change()
	a.mu.Unlock()
	return ctx.Err()
}

// session is one place on the bus, from the first probe to the error that ended it.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	l, err := a.bus.Join(a.o.Address, device)
	if err != nil {
		return false, &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Err: err}
	}
	defer l.Leave()
	// Every exchange is bounded; only a write on a line that takes nothing may need to be broken off.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(goodbyeLimit, l.Break) })
	defer stop()
	c := &chores{}
	if err := a.setUp(ctx, l, c); err != nil {
		return false, err
	}
	return true, a.poll(ctx, l, c)
}

// poll takes turns until the device is gone or ctx ends; then it turns coins away.
func (a *Acceptor) poll(ctx context.Context, l *ccbus.Line, c *chores) error {
	failures := 0
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			l.Ask(ccbus.SetMaster, []byte{0}, 0) // what it does not hear, most do by themselves after 5 s
			return ctx.Err()
		case <-a.wake:
		case <-t.C:
		}
		if err := a.turn(l, c); err != nil {
			failures++
			if failures >= failuresMax || !ccbus.Retry(err) {
				return err
			}
		} else {
			failures = 0
		}
		t.Reset(pollEvery)
	}
}

// lineLost takes the device off line and tells it once.
func (a *Acceptor) lineLost(err error) {
	kind := fault.KindOf(err)
	f := &fault.Error{Kind: kind, Device: device, Op: "poll", Err: err}
	if kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	a.o.Log.Warn("cctalk-coin: line lost", "error", err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.online, a.dirty = false, true
	a.lever = time.Time{}
	delete(a.faults, onLever)
	a.faults[onLine] = placed{fault: f}
	a.settle(nil)
	a.change()
}
