package ccnet

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Options pin what differs between validators. The zero value fits most.
type Options struct {
	Address    byte              // 3, bill validator, when zero
	Currencies map[string]string // more letters of the bill table and what currency they are: "CNA": "CNY"
	Log        *slog.Logger      // nothing is logged when nil
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
	note     cash.Note
	kind     byte // its row in the bill table, or unnamed
	decision decision
	acked    bool      // the device took the command, or moves the note
	refused  error     // the device said that it cannot; the owner may decide anew
	illegal  bool      // it called the command illegal: the next poll says whether the note is still there
	routes   int       // how often the command was given without an answer, since it was last asked for
	sent     time.Time // when a command about it was given last
	gone     time.Time // since when the device shows nothing of it
}

// report is an end of a note that the device repeats until we acknowledge it.
type report struct {
	state  state
	kind   byte
	number int // of the signal that told it
}

// numbered is a signal in the queue.
type numbered struct {
	number int
	signal cash.Signal
}

// Acceptor is one validator. It satisfies cash.Acceptor.
type Acceptor struct {
	open wire.Opener
	o    Options

	wake chan struct{} // a command waits; Run need not finish its pause

	mu        sync.Mutex
	changed   chan struct{} // closed and made anew whenever something below changes
	queue     []numbered
	emitted   int // number of the signal that was queued last
	fetched   int // of the one that was handed out last
	confirmed int // of the last that its owner has written down
	mark      cash.Mark
	info      cash.Info
	types     [typesMax]cash.Note // zero when unused
	online    bool
	faults    map[place]*fault.Error
	honest    time.Time    // until then an attempt to cheat stands as a fault
	told      *fault.Error // the fault that the owner was last told, nil when none
	toldAt    place
	boxOut    bool
	last      status // the poll before
	wanted    wish
	applied   wish
	dirty     bool  // the device's settings are not what they should be
	refusal   error // the device would not take the settings
	enabled   time.Time
	named     bool // the device has said who it is and which notes it takes, since the line was opened
	adopted   bool // the mark that we began with has been compared with the device
	first     bool // there was no mark to begin with
	held      *pending
	closed    int // the signal that closed a note of which the device will not speak again
	due       *report
	ready     bool      // Ready was told
	found     state     // how the device awoke, until it is at rest again; 0 when it did not
	resting   time.Time // since when it is
	lost      int       // the signal that told of the awakening, 0 when there was no need
	lostAt    time.Time
	resetAt   time.Time
}

// wish is what Accept and Refuse asked for.
type wish struct {
	accept bool
	faces  []cash.Note
	mask   uint32
	number int // tells one wish from the next
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the validator behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor {
	if o.Address == 0 {
		o.Address = 3
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Acceptor{open: open, o: o, wake: make(chan struct{}, 1), changed: make(chan struct{}), faults: map[place]*fault.Error{}, dirty: true}
	a.faults[onLine] = a.fail(fault.Absent, "open", "not opened yet")
	return a
}

func (a *Acceptor) fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: "ccnet", Op: op, Detail: detail}
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

// Resume sets what the journal knows. Call it before Run.
func (a *Acceptor) Resume(mark cash.Mark) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mark = mark
}

// Next gives the next signal. What was given before is taken as written down: the device is told now that it need
// not repeat it.
func (a *Acceptor) Next(ctx context.Context) (cash.Signal, error) {
	a.mu.Lock()
	if a.confirmed != a.fetched {
		a.confirmed = a.fetched
		a.poke()
	}
	a.mu.Unlock()
	for {
		a.mu.Lock()
		changed := a.changed
		if ctx.Err() == nil && len(a.queue) > 0 {
			n := a.queue[0]
			a.queue = a.queue[1:]
			a.fetched = n.number
			a.mu.Unlock()
			return n.signal, nil
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
// disables itself after five seconds.
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
	if f := a.faults[onLine]; f != nil {
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
		*h = pending{note: h.note, kind: h.kind, decision: d, gone: h.gone}
	}
	h.routes = 0
	a.change()
	for {
		changed, err, done := a.changed, error(nil), false
		switch {
		case a.held != h || h.acked:
			done = true // we were told what became of it, or the device took the command
		case h.refused != nil:
			err = h.refused
		case h.decision != d:
			err = a.fail(fault.Busy, op, "another decision came after this one")
		case h.routes >= routesMax:
			err = a.fail(fault.Silent, op, "the validator does not say whether it heard; its states will")
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
		err := a.session(ctx)
		if ctx.Err() != nil {
			break
		}
		if a.lineLost(err) {
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
	a.faults[onLine] = a.fail(fault.Absent, "poll", "stopped")
	a.change()
	a.mu.Unlock()
	return ctx.Err()
}

// session is one opened line, until the error that ended it.
func (a *Acceptor) session(ctx context.Context) error {
	port, err := a.open()
	if err != nil {
		return &fault.Error{Kind: fault.Absent, Device: "ccnet", Op: "open", Err: err}
	}
	defer port.Close()
	// Every exchange is bounded; only a write on a line that takes nothing may need to be broken off.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(goodbyeLimit, func() { port.Close() }) })
	defer stop()
	a.mu.Lock()
	a.named, a.ready = false, false
	a.mu.Unlock()
	l := &line{port: port, address: a.o.Address, log: a.o.Log}
	var verified time.Time
	failures := 0
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			l.ask(cmdEnable, make([]byte, 6)...) // what it does not hear, it does by itself after 5 s
			return ctx.Err()
		case <-a.wake:
		case <-t.C:
		}
		if err := a.turn(l, &verified); err != nil {
			failures++
			if failures >= failuresMax || !retry(err) {
				return err
			}
		} else {
			failures = 0
		}
		t.Reset(pollEvery)
	}
}

// lineLost takes the device off line, tells it once, and says whether it was on line before.
func (a *Acceptor) lineLost(err error) (was bool) {
	kind := fault.KindOf(err)
	f := &fault.Error{Kind: kind, Device: "ccnet", Op: "poll", Err: err}
	if kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	a.o.Log.Warn("ccnet: line lost", "error", err)
	a.mu.Lock()
	defer a.mu.Unlock()
	was = a.online
	a.online, a.dirty = false, true
	a.faults[onLine] = f
	a.settle(nil)
	a.change()
	return was
}
