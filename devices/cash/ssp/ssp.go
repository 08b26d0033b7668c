package ssp

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// Options pin what differs between units. The zero value is a plain validator at address 0.
type Options struct {
	Encrypted bool         // eSSP: agree on a key and encrypt
	Key       uint64       // the fixed half of the key; DefaultKey when zero
	Hopper    bool         // the unit is a SMART Hopper: it takes nothing, and pays
	Address   byte         // 0 for validators and payouts, 0x10 for hoppers
	Log       *slog.Logger // nothing is logged when nil
}

// decision is what the owner wants of the escrowed note.
type decision byte

// The decisions.
const (
	undecided decision = 0
	back      decision = 1
	stack     decision = 2
)

// pending is a note that reached escrow, until we are told where it went.
type pending struct {
	channel  byte // unnamed when no host that lives was told
	note     cash.Note
	base     counters // as they were while it lay in escrow
	fresh    bool     // nobody was told of it yet
	decision decision
	acked    bool      // the device took the command
	refused  error     // the device said that it cannot; the owner may decide anew
	gone     bool      // the device says that nothing is in escrow
	held     time.Time // when the escrow was extended last
	rests    time.Time // since when the device is at rest without it
	credited time.Time // the credit was told, but not yet whether the note went into the store
}

// unnamed is the channel of a note that is held and that an earlier host was told of.
const unnamed = 255

// Acceptor is one unit. It satisfies cash.Acceptor.
type Acceptor struct {
	open wire.Opener
	o    Options

	turnstile chan struct{} // whose Run has the line
	wake      chan struct{} // a command waits; Run need not finish its pause
	missing   *missing      // of the line before; only Run touches it

	mu         sync.Mutex
	changed    chan struct{} // closed and made anew whenever something below changes
	queue      []cash.Signal
	given      int // signals ever queued
	money      int // as many were queued when the last was that is of money
	fetched    int // signals ever fetched
	committed  int // signals after whose fetching Next was called again
	mark       cash.Mark
	resumed    bool     // the mark has been compared with the device
	base       counters // as of what was told
	now        counters // as they were read last
	info       cash.Info
	unit       unit
	channels   []cash.Note
	online     bool
	faults     map[place]placed
	told       *fault.Error // the fault that the owner was last told, nil when none
	toldAt     place
	boxOut     bool
	boxRepeats bool // this device says so in every answer
	wanted     wish
	applied    wish
	dirty      bool  // the device's settings are not what they should be
	refusal    error // the device would not take the settings
	held       *pending
	job        *task // what the owner of the payout asks
	levels     []cash.Pile
	refusals   int  // notes turned away whose reason was not asked yet
	shutLate   bool // to be disabled when no note is held any more
}

// wish is what Accept and Refuse asked for.
type wish struct {
	accept bool
	faces  []cash.Note
	number int // tells one wish from the next
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the unit behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor {
	if o.Key == 0 {
		o.Key = DefaultKey
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Acceptor{open: open, o: o, turnstile: make(chan struct{}, 1), wake: make(chan struct{}, 1), changed: make(chan struct{}),
		faults: map[place]placed{}}
	a.faults[onLine] = placed{fault: a.fail(fault.Absent, "open", "not opened yet")}
	return a
}

func (a *Acceptor) fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: "ssp", Op: op, Detail: detail}
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

// Resume sets the mark after which notes are new. Call it before Run.
func (a *Acceptor) Resume(mark cash.Mark) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.mark = mark
}

// Next gives the next signal. Who calls it has written down what the last one meant: events that a device repeats
// until they are acknowledged are acknowledged then and not before.
func (a *Acceptor) Next(ctx context.Context) (cash.Signal, error) {
	a.mu.Lock()
	if a.committed != a.fetched {
		a.committed = a.fetched
		a.change()
	}
	a.mu.Unlock()
	for {
		a.mu.Lock()
		changed := a.changed
		if ctx.Err() == nil && len(a.queue) > 0 {
			s := a.queue[0]
			a.queue = a.queue[1:]
			a.fetched++
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

// Info is what the unit said of itself when it was last opened.
func (a *Acceptor) Info() cash.Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.info
}

// State is the unit as it was last heard.
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

// Accept lets notes of these faces in. fault.Invalid: the unit takes none of them. After an error of the line the wish
// stands, and is granted when the unit is back.
func (a *Acceptor) Accept(ctx context.Context, faces []cash.Note) error {
	a.mu.Lock()
	if a.online && a.maskOf(faces) == 0 {
		a.mu.Unlock()
		return a.fail(fault.Invalid, "accept", "the unit takes none of these faces")
	}
	a.wanted.accept, a.wanted.faces = true, slices.Clone(faces)
	return a.granted(ctx)
}

// Refuse shuts the mouth. After an error of the line the wish stands; a unit that nobody polls shuts itself.
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

// Stack sends the escrowed note to the box. The decision stands whatever becomes of ctx or the line: the driver carries
// it out as long as the note is there. fault.Empty: nothing is in escrow. fault.Refused: the unit cannot, and the owner
// may decide anew.
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
		h.decision, h.acked, h.refused = d, false, nil
	}
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

// Run opens the line, polls, and opens it again after an unplug, until ctx ends. When another Run of the same unit has
// the line, it waits for it to end.
func (a *Acceptor) Run(ctx context.Context) error {
	select {
	case a.turnstile <- struct{}{}:
		defer func() { <-a.turnstile }()
	case <-ctx.Done():
		return ctx.Err()
	}
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
	a.broken(a.faults[onLine].fault)
	a.change()
	a.mu.Unlock()
	return ctx.Err()
}

// errRestarted ends a conversation with a device that has forgotten everything; the line is good.
var errRestarted = errors.New("the unit has restarted")

// session is one opened line, from the first packet to the error that ended it.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	port, err := a.open()
	if err != nil {
		return false, &fault.Error{Kind: fault.Absent, Device: "ssp", Op: "open", Err: err}
	}
	defer port.Close()
	// Every exchange is bounded; only a write on a line that takes nothing may need to be broken off.
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(goodbyeLimit, func() { port.Close() }) })
	defer stop()
	l := &line{port: port, address: a.o.Address, log: a.o.Log}
	defer func() { a.missing = l.missing }()
	l.missing, a.missing = a.missing, nil
	for ctx.Err() == nil {
		c := &talk{}
		if err := a.setUp(ctx, l, c); err != nil {
			return ready, err
		}
		ready = true
		err := a.poll(ctx, l, c)
		if !errors.Is(err, errRestarted) && !restarted(err) {
			return ready, err
		}
		a.o.Log.Warn("ssp: the unit has restarted", "error", err)
		a.mu.Lock()
		a.online = false
		a.broken(a.fail(fault.Silent, "pay", "the unit has restarted"))
		a.mu.Unlock()
	}
	return ready, ctx.Err()
}

func asFault(err error) *fault.Error {
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		return f
	}
	return &fault.Error{}
}

// restarted recognises a device that has lost its key.
func restarted(err error) bool {
	f := asFault(err)
	return len(f.Raw) == 1 && f.Raw[0] == noKey
}

// poll takes turns until the device is gone or ctx ends; then it shuts the mouth.
func (a *Acceptor) poll(ctx context.Context, l *line, c *talk) error {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			a.goodbye(l)
			return ctx.Err()
		case <-a.wake:
		case <-t.C:
		}
		if err := a.turn(l, c); err != nil {
			return err
		}
		t.Reset(pollEvery)
	}
}

// goodbye shuts the mouth. What the unit does not hear it does by itself when the polls stop.
func (a *Acceptor) goodbye(l *line) {
	if a.o.Hopper {
		return
	}
	l.ask(cmdInhibits, 0, 0)
	a.mu.Lock()
	held := a.held
	a.mu.Unlock()
	if held == nil {
		l.ask(cmdDisable)
	}
}

// lineLost takes the device off line and tells it once.
func (a *Acceptor) lineLost(err error) {
	kind := fault.KindOf(err)
	f := &fault.Error{Kind: kind, Device: "ssp", Op: "poll", Err: err}
	if kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	a.o.Log.Warn("ssp: line lost", "error", err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.online, a.dirty = false, true
	a.faults[onLine] = placed{fault: f}
	a.broken(f)
	a.settle(nil)
	a.change()
}

// emit queues a signal with the mark as it is now. Called with mu held.
func (a *Acceptor) emit(s cash.Signal) {
	a.mark = a.place()
	s.Mark = a.mark
	a.change()
	a.queue = append(a.queue, s)
	a.given++
	switch s.What {
	case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost:
		a.money = a.given
	}
	if len(a.queue) <= signalsMax {
		return
	}
	for i, old := range a.queue {
		switch old.What {
		case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost:
		default:
			a.queue = append(a.queue[:i:i], a.queue[i+1:]...)
			a.fetched++
			a.o.Log.Warn("ssp: nobody fetches signals, dropped the oldest that is not money", "signal", old.What)
			return
		}
	}
}

// name is what a channel stands for; the zero note when the device did not say.
func (a *Acceptor) name(channel byte) cash.Note {
	if channel < 1 || int(channel) > len(a.channels) {
		return cash.Note{}
	}
	return a.channels[channel-1]
}

func (a *Acceptor) maskOf(faces []cash.Note) (mask uint16) {
	for i, n := range a.channels[:min(len(a.channels), channelsMax)] {
		if n.Face > 0 && slices.Contains(faces, n) {
			mask |= 1 << i
		}
	}
	return mask
}
