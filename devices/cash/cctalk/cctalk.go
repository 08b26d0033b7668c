package cctalk

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

// Options pin what the driver finds out by itself otherwise. The zero value fits most validators.
type Options struct {
	Address  byte // 40 when zero
	Checksum ccbus.Checksum
	Log      *slog.Logger // nothing is logged when nil
}

// decision is what the owner wants of the escrowed note.
type decision byte

// The decisions. Stack and Return are also what header 154 calls them.
const (
	undecided decision = 255 // "extend" to header 154
	back      decision = 0
	stack     decision = 1
)

// pending is a note of which we were told that it is in escrow, until we are told where it went.
type pending struct {
	note     cash.Note
	decision decision
	acked    bool      // the device took the command
	refused  error     // the device said that it cannot; the owner may decide anew
	routes   int       // how often the command was given without an answer, since it was last asked for
	unheard  bool      // a command went without an answer: the device may be doing it
	sent     time.Time // when it was given last, or the escrow extended
	gone     time.Time // since when the device says that nothing is in escrow
}

// Acceptor is one validator. It satisfies cash.Acceptor.
type Acceptor struct {
	bus *ccbus.Bus
	o   Options

	wake chan struct{} // a command waits; Run need not finish its pause

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew whenever something below changes
	queue    []cash.Signal
	mark     cash.Mark
	info     cash.Info
	types    [typesMax]cash.Note // by bill type - 1; zero when unused
	online   bool
	faults   map[place]placed
	told     *fault.Error // the fault that the owner was last told, nil when none
	toldAt   place
	boxOut   bool
	wanted   wish
	applied  wish
	dirty    bool  // the device's settings are not what they should be
	refusal  error // the device would not take the settings
	held     *pending
	blind    bool // we cannot know from the events whether a note is in escrow
	asked    bool // and have asked the escrow itself
	orphan   bool // a note found by asking was never told to anybody
	replayed bool // the event buffer from before our time has been looked at
	restart  bool // the device forgot everything while the line held: Ready is told once more
	bare     bool // its settings are known to be gone and were not given since: that they are gone is no news
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

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the validator behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor { return On(ccbus.New(open, o.Log), o) }

// On makes the driver of a validator that shares its line with other devices.
func On(bus *ccbus.Bus, o Options) *Acceptor {
	if o.Address == 0 {
		o.Address = 40
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Acceptor{bus: bus, o: o, wake: make(chan struct{}, 1), changed: make(chan struct{}), faults: map[place]placed{}}
	a.faults[onLine] = placed{fault: a.fail(fault.Absent, "open", "not opened yet")}
	return a
}

func (a *Acceptor) fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: "cctalk", Op: op, Detail: detail}
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

// Info is what the validator said of itself when it was last opened.
func (a *Acceptor) Info() cash.Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.info
}

// State is the validator as it was last heard.
func (a *Acceptor) State() cash.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	worst, _ := a.worst()
	return cash.State{
		Online:    a.online,
		Accepting: a.online && worst == nil && a.applied.accept && a.wanted.accept && !a.dirty,
		Escrow:    a.held != nil,
		BoxIn:     a.online && !a.boxOut,
		Fault:     worst,
	}
}

// Accept lets notes of these faces in. fault.Invalid: the validator takes none of them. After an
// error of the line the wish stands, and is granted when the validator is back.
func (a *Acceptor) Accept(ctx context.Context, faces []cash.Note) error {
	a.mu.Lock()
	mask := a.maskOf(faces)
	if a.online && mask == 0 {
		a.mu.Unlock()
		return a.fail(fault.Invalid, "accept", "the validator takes none of these faces")
	}
	a.wanted.accept, a.wanted.faces, a.wanted.mask = true, slices.Clone(faces), mask
	return a.granted(ctx)
}

// Refuse shuts the mouth. After an error of the line the wish stands; a validator that nobody polls
// shuts itself after five seconds.
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
	return a.fail(fault.Absent, "open", "being opened")
}

// Stack sends the escrowed note to the box. The decision stands whatever becomes of ctx or the line:
// the driver carries it out as long as the note is there. fault.Empty: nothing is in escrow.
// fault.Refused: the validator cannot, and the owner may decide anew.
func (a *Acceptor) Stack(ctx context.Context) error { return a.route(ctx, stack, "stack") }

// Return sends the escrowed note back to the hand, under the rules of Stack.
func (a *Acceptor) Return(ctx context.Context) error { return a.route(ctx, back, "return") }

func (a *Acceptor) route(ctx context.Context, d decision, op string) error {
	a.mu.Lock()
	h := a.held
	if h == nil {
		a.mu.Unlock()
		return a.fail(fault.Empty, op, "nothing is in escrow")
	}
	if h.decision != d || h.refused != nil {
		*h = pending{note: h.note, decision: d, unheard: h.unheard, gone: h.gone}
	}
	h.routes = 0
	a.change()
	for {
		changed, err, done := a.changed, error(nil), false
		switch {
		case a.held != h || h.acked:
			done = true // an event has told what became of it, or the device took the command
		case h.refused != nil:
			err = h.refused
		case h.decision != d:
			err = a.fail(fault.Busy, op, "another decision came after this one")
		case h.routes >= routesMax:
			err = a.fail(fault.Silent, op, "the validator does not say whether it heard; its events will")
		default:
			err = a.offline()
		}
		a.mu.Unlock()
		if done || err != nil {
			return err
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
	a.faults[onLine] = placed{fault: a.fail(fault.Absent, "poll", "stopped")}
	a.change()
	a.mu.Unlock()
	return ctx.Err()
}

// session is one opened line, from the first probe to the error that ended it.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	l, err := a.bus.Join(a.o.Address, "cctalk")
	if err != nil {
		return false, &fault.Error{Kind: fault.Absent, Device: "cctalk", Op: "open", Err: err}
	}
	defer l.Leave()
	// Every exchange is bounded; only a write on a line that takes nothing may need to be broken off.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(goodbyeLimit, l.Break) })
	defer stop()
	if err := a.setUp(ctx, l); err != nil {
		return false, err
	}
	return true, a.poll(ctx, l)
}

// poll takes turns until the device is gone or ctx ends; then it shuts the mouth.
func (a *Acceptor) poll(ctx context.Context, l *ccbus.Line) error {
	c := &chores{}
	failures := 0
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			l.Ask(ccbus.SetMaster, []byte{0}, 0) // what it does not hear, it does by itself after 5 s
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
	f := &fault.Error{Kind: kind, Device: "cctalk", Op: "poll", Err: err}
	if kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	a.o.Log.Warn("cctalk: line lost", "error", err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.online, a.dirty = false, true
	a.faults[onLine] = placed{fault: f}
	a.settle(nil)
	a.change()
}
