package cctalk

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// begin compares the device's event memory with our mark, after the line was opened. What happened
// in between is told; when the device cannot say, that is told first. Without a mark only a held note is; the first
// mark is made when it is told, or when the device has its settings, see known.
func (a *Acceptor) begin(e ccbus.Events, restarted bool, raw []byte) {
	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	restarted, a.bare = restarted && !a.bare, restarted
	if another := a.d.Mark.Known && a.d.Mark.Serial != a.d.Info.Serial; another || !a.d.Mark.Known {
		a.held = nil
		if another {
			a.d.Mark = cash.Mark{}
			a.known(e)
			a.lost("this is another validator than before", raw)
		}
		// A note that is held at this moment concerns us, however old the event is.
		a.lookBack(e, 0)
		a.orphan = a.blind
		if a.held != nil {
			a.known(e)
			a.d.Emit(cash.Signal{What: cash.Escrowed, Note: a.held.Note, Raw: raw})
		}
	} else {
		if restarted {
			a.forgotten(raw)
		} else if n := ccbus.Since(byte(a.d.Mark.Counter), e.Counter); !a.replayed && e.Counter != 0 && n <= len(e.Pairs) {
			a.lookBack(e, n)
		}
		a.take(e, raw)
	}
	a.replayed = true
	// Ready is told at the end of the set-up anyway.
	a.restart = false
}

// known makes the first mark. A device that is set up has inhibits that are not zero; a mark from before would
// take its factory settings for a restart when the set-up was broken off and begins anew. Called with the lock held.
func (a *Acceptor) known(e ccbus.Events) {
	if !a.d.Mark.Known {
		a.d.Mark = cash.Mark{Serial: a.d.Info.Serial, Counter: int(e.Counter), Known: true}
	}
}

// lookBack learns from the events before the newest n, which were told before, what is in escrow now.
// Where five events do not reach back to the last note, we are blind. Called with the lock held.
func (a *Acceptor) lookBack(e ccbus.Events, n int) {
	a.blind, a.asked, a.orphan = int(e.Counter) > len(e.Pairs), false, false
	for i := len(e.Pairs) - 1; i >= n; i-- {
		p := e.Pairs[i]
		switch {
		case p[0] != 0 && p[1] == 1:
			a.held, a.blind = &pending{Held: acceptor.Held{Note: a.note(p[0])}}, false
		case p[0] != 0 && p[1] == 0, p == ccbus.Pair{0, evReturned}, p == ccbus.Pair{0, evBackwards}:
			a.held, a.blind = nil, false
		}
	}
}

// Events with A = 0 that need more than their meaning.
const (
	evInhibited = 0
	evReturned  = 1
	evBackwards = 8
)

// hear takes a poll's answer.
func (a *Acceptor) hear(e ccbus.Events, restarted bool, raw []byte) {
	a.d.Lock()
	defer a.d.Unlock()
	if restarted && !a.bare {
		a.forgotten(raw)
		a.d.Change()
	}
	if int(e.Counter) != a.d.Mark.Counter {
		a.take(e, raw)
		a.d.Change()
	}
}

// take tells the events since the mark, oldest first. Called with the lock held.
func (a *Acceptor) take(e ccbus.Events, raw []byte) {
	last := byte(a.d.Mark.Counter)
	switch {
	case e.Counter == last:
		return
	case e.Counter == 0:
		a.forgotten(raw)
		return
	}
	n := ccbus.Since(last, e.Counter)
	if n > len(e.Pairs) {
		n = len(e.Pairs)
		a.d.Mark.Counter = int(ccbus.Before(e.Counter, n))
		a.held, a.d.Dirty = nil, true
		a.blind, a.asked, a.orphan = true, false, true
		a.lost("more happened than the validator remembers", raw)
	}
	for i := n - 1; i >= 0; i-- {
		a.d.Mark.Counter = int(ccbus.Before(e.Counter, i))
		a.event(e.Pairs[i], raw)
		a.d.Settle(raw)
	}
}

// forgotten is a device that has restarted: its counter begins again, and what it did not tell
// before is lost. Called with the lock held.
func (a *Acceptor) forgotten(raw []byte) {
	a.d.Mark.Counter = 0
	a.held, a.blind, a.d.Dirty, a.restart, a.bare = nil, false, true, true, true
	a.lost("the validator has restarted and forgot its events", raw)
}

func (a *Acceptor) lost(why string, raw []byte) {
	a.d.Emit(cash.Signal{What: cash.Lost, Fault: a.d.Fail(fault.Doubtful, "poll", why), Raw: raw})
}

// event tells one event. Called with the lock held; the mark is already behind it.
func (a *Acceptor) event(p ccbus.Pair, raw []byte) {
	switch {
	case p[0] == 0:
		a.status(p[1], raw)
	case p[1] == 1:
		a.blind = false
		a.held = &pending{Held: acceptor.Held{Note: a.note(p[0]), Sent: time.Now()}}
		a.d.Emit(cash.Signal{What: cash.Escrowed, Note: a.held.Note, Raw: raw})
	case p[1] == 0:
		a.held, a.blind = nil, false
		delete(a.d.Faults, acceptor.Path) // it was not stuck after all, or is not any more
		if note := a.note(p[0]); note.Face > 0 {
			a.d.Emit(cash.Signal{What: cash.Stacked, Note: note, Raw: raw})
		} else {
			a.lost("a note of a type that the validator did not name is in the box", raw)
		}
	default:
		a.odd(p, raw)
	}
}

// odd is an event that the specification does not know.
func (a *Acceptor) odd(p ccbus.Pair, raw []byte) {
	f := a.d.Fail(fault.Garbled, "poll", "an event that the specification does not know")
	f.Raw = p[:]
	a.d.Log.Warn("cctalk: unknown event", "a", p[0], "b", p[1])
	a.d.Hang(acceptor.Device, f)
}

// status tells an event that names no bill type. Called with the lock held.
func (a *Acceptor) status(code byte, raw []byte) {
	m, known := meanings[code]
	if !known {
		a.odd(ccbus.Pair{0, code}, raw)
		return
	}
	f := a.d.Fail(m.kind, "poll", m.text)
	switch m.what {
	case cash.Returned:
		a.returned(raw) // after a reject the same code comes for a note that never was in escrow
	case cash.Refused:
		if code == evBackwards && (a.held != nil || a.blind) {
			a.pulled(f, raw)
			return
		}
		a.blind = false // nothing is turned away while a note is held
		a.d.Emit(cash.Signal{What: cash.Refused, Fault: f, Raw: raw})
	case cash.Faulty:
		a.d.Hang(m.at, f)
	case cash.Cleared:
		delete(a.d.Faults, acceptor.Room)
		delete(a.d.Faults, acceptor.Path)
	case cash.BoxOut:
		a.d.BoxOut = true
		a.d.Emit(cash.Signal{What: cash.BoxOut, Raw: raw})
		a.d.Hang(m.at, f)
	case cash.BoxIn:
		a.d.BoxOut = false
		delete(a.d.Faults, acceptor.Box)
		a.d.Emit(cash.Signal{What: cash.BoxIn, Raw: raw})
	case cash.Lost:
		a.lost(m.text, raw)
	}
	if code == evInhibited || m.what == cash.BoxIn || m.what == cash.Cleared {
		a.d.Dirty = true // it shut itself, or would have: say once more what we want
	}
}

// returned tells that the held note went back; being blind, without saying which. Called with the lock held.
func (a *Acceptor) returned(raw []byte) {
	var note cash.Note
	switch {
	case a.held != nil:
		note = a.held.Note
	case !a.blind:
		return
	}
	a.held, a.blind = nil, false
	a.d.Emit(cash.Signal{What: cash.Returned, Note: note, Raw: raw})
}

// pulled is a hand at a note that was in escrow: the hand has it, and there is no credit. A note that
// was to be stacked is an attempt to cheat besides: that is how a note on a string looks. What
// becomes of the note must not hang on the decision, which a restarted program does not remember.
func (a *Acceptor) pulled(f *fault.Error, raw []byte) {
	if a.held != nil && a.held.Decision == acceptor.Stack {
		f.Kind, f.Detail = fault.Tampered, "pulled back on its way to the box"
		a.d.Hang(acceptor.Honesty, f)
	}
	a.returned(raw)
}

// selfChecked takes the self-check's word: it knows of one fault at most. Called with the lock held.
func (a *Acceptor) selfChecked(code byte) {
	m := meaning{}
	if code != 0 {
		m = checkMeaning(code)
	}
	for _, p := range acceptor.Places {
		if p == acceptor.Line || time.Since(a.d.Faults[p].Since) < faultHold {
			continue
		}
		if p == m.at {
			a.d.Faults[p] = acceptor.Placed{Fault: a.d.Fail(m.kind, "self-check", m.text)}
		} else {
			delete(a.d.Faults, p)
		}
		if p == acceptor.Box {
			a.d.BoxOut = m.at == acceptor.Box
		}
	}
}

// note is what a bill type stands for; the zero note when the device did not name it.
func (a *Acceptor) note(kind byte) cash.Note {
	if kind < 1 || kind > typesMax {
		return cash.Note{}
	}
	return a.types[kind-1]
}

func (a *Acceptor) maskOf(faces []cash.Note) uint16 { return uint16(acceptor.Mask(a.types[:], faces)) }
