package id003

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
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

// decision is what the owner wants of the escrowed note.
type decision byte

// The decisions.
const (
	undecided decision = 0
	stack     decision = 1
	back      decision = 2
)

// pending is a note of which we were told that it is in escrow, until we are told where it went.
type pending struct {
	code     byte
	decision decision
	acked    bool      // the device took the command, or does of itself what it would say
	refused  error     // the device cannot; the owner may decide anew
	no       bool      // the device called the command invalid: refused, if the note is still there
	routes   int       // how often the command was given without an answer, since it was last asked for
	sent     time.Time // when it was given last, or the escrow extended
}

// numbered is a signal that waits to be fetched.
type numbered struct {
	cash.Signal
	number int
}

// Acceptor is one acceptor. It satisfies cash.Acceptor.
type Acceptor struct {
	open wire.Opener
	o    Options

	wake chan struct{} // something waits; Run need not finish its pause

	mu      sync.Mutex
	changed chan struct{} // closed and made anew whenever something below changes
	queue   []numbered
	last    int // number of the signal told last
	fetched int // of the one fetched last
	written int // of the last one that the owner has written down
	owed    int // of the last one that must be written down before the device may forget
	mark    cash.Mark
	mem     memory
	held    *pending // of mem's note while it is on its way
	info    cash.Info
	rows    [codesMax]row // of its table, by escrow code - codeFirst; zero when unused
	named   bool          // info and rows are those of the device on this line
	online  bool
	ready   bool // Ready was told since the line was opened or the device started anew
	now     status
	since   time.Time    // when it came into this state, or was last reset in it
	asked   bool         // RESET was given since it started anew
	offline *fault.Error // nil while the device answers
	trouble *fault.Error // what its state says
	told    *fault.Error // the fault that the owner was last told, nil when none
	wanted  wish
	applied wish
	given   time.Time // when the settings were
	dirty   bool      // the device's settings are not what they should be
	refusal error     // the device would not take the settings
}

// wish is what Accept and Refuse asked for.
type wish struct {
	accept bool
	faces  []cash.Note
	number int // tells one wish from the next
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the acceptor behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor {
	if o.Countries == nil {
		o.Countries = map[byte]string{0x2D: "CNY"}
	}
	o.Countries = maps.Clone(o.Countries)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Acceptor{open: open, o: o, wake: make(chan struct{}, 1), changed: make(chan struct{}), dirty: true}
	a.offline = a.fail(fault.Absent, "open", "not opened yet")
	return a
}

func (a *Acceptor) fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: "id003", Op: op, Detail: detail}
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

// Resume sets what was written down of the last note. Call it before Run.
func (a *Acceptor) Resume(mark cash.Mark) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mark, a.held = mark, nil
	a.mem = memoryOf(mark)
	if a.mem.open() {
		a.held = &pending{code: a.mem.code}
	}
}

// Next gives the next signal. To ask for it says that the earlier ones are written down: what waits for that
// (the acknowledgement of a credit, a RESET) is done now.
func (a *Acceptor) Next(ctx context.Context) (cash.Signal, error) {
	a.mu.Lock()
	if a.written < a.fetched {
		a.written = a.fetched
		a.poke()
	}
	a.mu.Unlock()
	for {
		a.mu.Lock()
		changed := a.changed
		if ctx.Err() == nil && len(a.queue) > 0 {
			s := a.queue[0]
			a.queue, a.fetched = a.queue[1:], s.number
			a.mu.Unlock()
			return s.Signal, nil
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

// State is the acceptor as it was last heard.
func (a *Acceptor) State() cash.State {
	a.mu.Lock()
	defer a.mu.Unlock()
	worst := a.worst()
	return cash.State{
		Online:    a.online,
		Accepting: a.online && worst == nil && a.applied.accept && a.wanted.accept && !a.dirty,
		Escrow:    a.held != nil,
		BoxIn:     a.online && !a.mem.boxOut,
		Fault:     worst,
	}
}

// Accept lets notes of these faces in. fault.Invalid: the acceptor takes none of them. After an
// error of the line the wish stands, and is granted when the acceptor is back; while a note is on its way, when it is
// through.
func (a *Acceptor) Accept(ctx context.Context, faces []cash.Note) error {
	a.mu.Lock()
	if a.online && a.maskOf(faces) == 0 {
		a.mu.Unlock()
		return a.fail(fault.Invalid, "accept", "the acceptor takes none of these faces")
	}
	a.wanted.accept, a.wanted.faces = true, slices.Clone(faces)
	return a.granted(ctx)
}

// Refuse shuts the mouth. After an error of the line the wish stands. While a note is on its way nothing else can be
// put in, and the mouth is shut before anything can.
func (a *Acceptor) Refuse(ctx context.Context) error {
	a.mu.Lock()
	a.wanted.accept = false
	return a.granted(ctx)
}

// granted waits until the device has the newest wish, or cannot take it now and draws nothing in. Called with mu
// held, and gives it back.
func (a *Acceptor) granted(ctx context.Context) error {
	a.wanted.number++
	number := a.wanted.number
	a.dirty, a.refusal = true, nil
	a.change()
	for {
		changed, refusal := a.changed, a.refusal
		done := a.applied.number >= number || a.online && !a.now.state.takes()
		var offline error
		if !a.online {
			offline = a.away()
		}
		a.mu.Unlock()
		switch {
		case done:
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

// away is why nothing can be asked of the device. Called with mu held.
func (a *Acceptor) away() error {
	if a.offline != nil {
		return a.offline
	}
	return a.fail(fault.Absent, "open", "being opened")
}

// Stack sends the escrowed note to the box. The decision stands whatever becomes of ctx or the line:
// the driver carries it out as long as the note is there. fault.Empty: nothing is in escrow.
// fault.Refused: the acceptor cannot, and the owner may decide anew.
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
		*h = pending{code: h.code, decision: d}
	}
	h.routes = 0
	a.change()
	for {
		changed, err, done := a.changed, error(nil), false
		switch {
		case a.held != h || h.acked:
			done = true // it was told what became of it, or the device took the command
		case h.refused != nil:
			err = h.refused
		case h.decision != d:
			err = a.fail(fault.Busy, op, "another decision came after this one")
		case h.routes >= routesMax:
			err = a.fail(fault.Silent, op, "the acceptor does not say whether it heard; its state will")
		case !a.online:
			err = a.away()
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
		heard, err := a.session(ctx)
		if ctx.Err() != nil {
			break
		}
		a.lineLost(err)
		if heard {
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
	a.offline = a.fail(fault.Absent, "poll", "stopped")
	a.change()
	a.mu.Unlock()
	return ctx.Err()
}

// session is one opened line, until the error that ended it. heard says whether the device was there.
func (a *Acceptor) session(ctx context.Context) (heard bool, err error) {
	port, err := a.open()
	if err != nil {
		return false, &fault.Error{Kind: fault.Absent, Device: "id003", Op: "open", Err: err}
	}
	defer port.Close()
	// Every exchange is bounded; only a write on a line that takes nothing may need to be broken off.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(goodbyeLimit, func() { port.Close() }) })
	defer stop()
	a.mu.Lock()
	a.named, a.ready, a.now = false, false, status{}
	a.mu.Unlock()
	return a.poll(ctx, &line{port: port, log: a.o.Log})
}

// poll takes turns until the device is gone or ctx ends; then it shuts the mouth.
func (a *Acceptor) poll(ctx context.Context, l *line) (heard bool, err error) {
	failures := 0
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			l.set(setInhibit, 1) // best effort: nobody would decide about a note
			return heard, ctx.Err()
		case <-a.wake:
		case <-t.C:
		}
		err := a.turn(l)
		switch {
		case err == nil:
			heard, failures = true, 0
		case failures+1 >= failuresMax || !retry(err):
			return heard, err
		default:
			failures++
		}
		t.Reset(a.pause())
	}
}

// pause is how long until the next turn.
func (a *Acceptor) pause() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now.state.moves() {
		return pollBusy
	}
	return pollIdle
}

// lineLost takes the device off line and tells it once.
func (a *Acceptor) lineLost(err error) {
	kind := fault.KindOf(err)
	f := &fault.Error{Kind: kind, Device: "id003", Op: "poll", Err: err}
	if kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	a.o.Log.Warn("id003: line lost", "error", err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.online = false // its settings it keeps; if it has lost its power too, it says so
	a.offline = f
	a.settle(nil)
	a.change()
}
