// Package ccbus is a ccTalk line from the host's side: packets, one question at a time, and the turn-taking of
// several drivers whose devices hang on one wire.
//
// A cabinet's bill validator, coin acceptor and hoppers often share one serial line. Each has its own driver
// that polls in its own goroutine; all of them join one Bus. The bus opens the port for the first who joins
// and closes it after the last who leaves. A port that fails is opened once, by whoever joins first, and the
// others find their Line gone and join again: one plug pulled out and put back heals every device on it. A
// device that is silent harms only itself as long as another one still answers.
//
// Manual: ccTalk Generic Specification 4.7 (2013), part 1 (packets, timing, checksums, encryption) and part 2
// (headers, event counter). Most interface boards give the host its own bytes back: these are packets to
// another address than ours, and passed over like every other device's talk. So it need not be known whether
// a board does.
package ccbus

import (
	"errors"
	"log/slog"

	"yichuang/devices/wire"
)

// ErrReopened is why a Line that was good has ended: another driver met the end of the port. The device may be there all the same.
var ErrReopened = errors.New("the line was closed, and is to be joined anew")

// Bus is one serial line. Make it with New.
type Bus struct {
	open wire.Opener
	log  *slog.Logger

	// gate holds one token: whoever took it may speak and touch what is below. It is a channel since
	// whoever holds it waits for a device meanwhile.
	gate    chan struct{}
	talk    *wire.Talk     // nil while closed
	members map[*Line]bool // of this port
	silent  map[*Line]bool // who was asked in vain since a device last answered
}

// New makes the bus behind open. Nothing is opened before somebody joins. A nil log keeps nothing.
func New(open wire.Opener, log *slog.Logger) *Bus {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{open: open, log: log, gate: make(chan struct{}, 1)}
	b.give()
	return b
}

func (b *Bus) take() { <-b.gate }
func (b *Bus) give() { b.gate <- struct{}{} }

// Join gives a driver its place for the device at an address, and opens the port if nobody has. device names
// the driver in its faults. The caller leaves when the line has failed or is not needed any more.
func (b *Bus) Join(address byte, device string) (*Line, error) {
	b.take()
	defer b.give()
	if b.talk == nil {
		port, err := b.open()
		if err != nil {
			return nil, err
		}
		b.talk, b.members, b.silent = wire.NewTalk(port, quietLimit, quietMax), map[*Line]bool{}, map[*Line]bool{}
	}
	l := &Line{bus: b, talk: b.talk, address: address, device: device, sum: Simple}
	b.members[l] = true
	return l, nil
}

// Leave gives the place up. The port is closed when nobody is left, or when all who are left were asked in vain as
// well: then it may be the line that is dead and not one device.
func (l *Line) Leave() {
	l.left.Store(true)
	b := l.bus
	b.take()
	defer b.give()
	if b.talk != l.talk {
		return
	}
	delete(b.members, l)
	for other := range b.members {
		if !b.silent[other] {
			return
		}
	}
	b.shut()
}

// Break frees a Line whose port takes nothing, from another goroutine. It does nothing once the Line was left.
func (l *Line) Break() {
	if !l.left.Load() {
		l.talk.Close() // the one who is stuck meets the error
	}
}

// shut closes the port. Called with the token.
func (b *Bus) shut() {
	b.talk.Close() // it is dead or nobody's: there is nothing to do about an error
	b.talk, b.members, b.silent = nil, nil, nil
}
