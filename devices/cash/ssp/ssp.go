package ssp

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
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

// pending is a note that reached escrow, until we are told where it went.
type pending struct {
	acceptor.Held
	channel  byte      // unnamed when no host that lives was told
	base     counters  // as they were while it lay in escrow
	fresh    bool      // nobody was told of it yet
	gone     bool      // the device says that nothing is in escrow
	held     time.Time // when the escrow was extended last
	rests    time.Time // since when the device is at rest without it
	credited time.Time // the credit was told, but not yet whether the note went into the store
}

// unnamed is the channel of a note that is held and that an earlier host was told of.
const unnamed = 255

// Acceptor is one unit. It satisfies cash.Acceptor.
type Acceptor struct {
	acceptor.Acceptor
	d    *acceptor.Driver
	open wire.Opener
	o    Options

	turnstile chan struct{} // whose Run has the line
	missing   *missing      // of the line before; only Run touches it

	// Guarded by the driver's lock.
	resumed    bool     // the mark has been compared with the device
	base       counters // as of what was told
	now        counters // as they were read last
	unit       unit
	channels   []cash.Note
	boxRepeats bool // this device says in every answer that its box is out
	held       *pending
	job        *task // what the owner of the payout asks
	levels     []cash.Pile
	top        cash.Note // of a Note Float: the note that it would pay next
	refusals   int       // notes turned away whose reason was not asked yet
	restart    bool      // the unit said that it has restarted, and was not set up since
	doubts     int       // how many were told
	shutLate   bool      // to be disabled when no note is held any more
}

var _ cash.Acceptor = (*Acceptor)(nil)

// New makes the driver of the unit behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Acceptor {
	if o.Key == 0 {
		o.Key = DefaultKey
	}
	a := &Acceptor{open: open, o: o, turnstile: make(chan struct{}, 1)}
	a.d = acceptor.New(acceptor.Protocol{Name: "ssp", Noun: "unit", Log: o.Log, Failures: 1, Shuts: true,
		Session: a.session, Held: a.escrow, Gone: a.gone, Marks: func() { a.d.Mark = a.place() }})
	a.Acceptor = a.d.Acceptor()
	return a
}

func (a *Acceptor) escrow() *acceptor.Held {
	if a.held == nil {
		return nil
	}
	return &a.held.Held
}

// gone is a unit off line. Called with the lock held.
func (a *Acceptor) gone(f *fault.Error) {
	a.d.Dirty = true
	a.broken(f)
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
	return a.Acceptor.Run(ctx)
}

// errRestarted ends a conversation with a device that has forgotten everything; the line is good.
var errRestarted = errors.New("the unit has restarted")

// session is one opened line, from the first packet to the error that ended it.
func (a *Acceptor) session(ctx context.Context) (ready bool, err error) {
	port, hangUp, err := a.d.Dial(ctx, a.open)
	if err != nil {
		return false, err
	}
	defer hangUp()
	l := &line{Talk: wire.NewTalk(port, wire.Brief, flushMax), address: a.o.Address, log: a.d.Log}
	defer func() { a.missing = l.missing }()
	l.missing, a.missing = a.missing, nil
	for ctx.Err() == nil {
		c := &talk{}
		if err := a.setUp(ctx, l, c); err != nil {
			return ready, err
		}
		ready = true
		_, err := a.d.Poll(ctx, func() error { return a.turn(l, c) }, func() time.Duration { return pollEvery }, func() { a.goodbye(l) })
		if !errors.Is(err, errRestarted) && !restarted(err) {
			return ready, err
		}
		a.d.Log.Warn("ssp: the unit has restarted", "error", err)
		a.d.Lock()
		a.d.Online = false
		a.broken(a.d.Fail(fault.Silent, "pay", "the unit has restarted"))
		a.d.Unlock()
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

// goodbye shuts the mouth. What the unit does not hear it does by itself when the polls stop.
func (a *Acceptor) goodbye(l *line) {
	if a.o.Hopper {
		return
	}
	l.ask(cmdInhibits, 0, 0)
	a.d.Lock()
	held := a.held
	a.d.Unlock()
	if held == nil {
		l.ask(cmdDisable)
	}
}

// name is what a channel stands for; the zero note when the device did not say.
func (a *Acceptor) name(channel byte) cash.Note {
	if channel < 1 || int(channel) > len(a.channels) {
		return cash.Note{}
	}
	return a.channels[channel-1]
}
