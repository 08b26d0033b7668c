package cctalk

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// begin compares the device's event memory with our mark, after the line was opened. What happened
// in between is told; when the device cannot say, that is told first. Without a mark only a held note is; the first
// mark is made when it is told, or when the device has its settings, see known.
func (a *Acceptor) begin(e ccbus.Events, restarted bool, raw []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	restarted, a.bare = restarted && !a.bare, restarted
	if another := a.mark.Known && a.mark.Serial != a.info.Serial; another || !a.mark.Known {
		a.held = nil
		if another {
			a.mark = cash.Mark{}
			a.known(e)
			a.lost("this is another validator than before", raw)
		}
		// A note that is held at this moment concerns us, however old the event is.
		a.lookBack(e, 0)
		a.orphan = a.blind
		if a.held != nil {
			a.known(e)
			a.emit(cash.Signal{What: cash.Escrowed, Note: a.held.note, Raw: raw})
		}
	} else {
		if restarted {
			a.forgotten(raw)
		} else if n := ccbus.Since(byte(a.mark.Counter), e.Counter); !a.replayed && e.Counter != 0 && n <= len(e.Pairs) {
			a.lookBack(e, n)
		}
		a.take(e, raw)
	}
	a.replayed = true
	// Ready is told at the end of the set-up anyway.
	a.restart = false
}

// known makes the first mark. A device that is set up has inhibits that are not zero; a mark from before would
// take its factory settings for a restart when the set-up was broken off and begins anew. Called with mu held.
func (a *Acceptor) known(e ccbus.Events) {
	if !a.mark.Known {
		a.mark = cash.Mark{Serial: a.info.Serial, Counter: int(e.Counter), Known: true}
	}
}

// lookBack learns from the events before the newest n, which were told before, what is in escrow now.
// Where five events do not reach back to the last note, we are blind. Called with mu held.
func (a *Acceptor) lookBack(e ccbus.Events, n int) {
	a.blind, a.asked, a.orphan = int(e.Counter) > len(e.Pairs), false, false
	for i := len(e.Pairs) - 1; i >= n; i-- {
		p := e.Pairs[i]
		switch {
		case p[0] != 0 && p[1] == 1:
			a.held, a.blind = &pending{note: a.note(p[0]), decision: undecided}, false
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
	a.mu.Lock()
	defer a.mu.Unlock()
	if restarted && !a.bare {
		a.forgotten(raw)
		a.change()
	}
	if int(e.Counter) != a.mark.Counter {
		a.take(e, raw)
		a.change()
	}
}

// take tells the events since the mark, oldest first. Called with mu held.
func (a *Acceptor) take(e ccbus.Events, raw []byte) {
	last := byte(a.mark.Counter)
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
		a.mark.Counter = int(ccbus.Before(e.Counter, n))
		a.held, a.dirty = nil, true
		a.blind, a.asked, a.orphan = true, false, true
		a.lost("more happened than the validator remembers", raw)
	}
	for i := n - 1; i >= 0; i-- {
		a.mark.Counter = int(ccbus.Before(e.Counter, i))
		a.event(e.Pairs[i], raw)
		a.settle(raw)
	}
}

// forgotten is a device that has restarted: its counter begins again, and what it did not tell
// before is lost. Called with mu held.
func (a *Acceptor) forgotten(raw []byte) {
	a.mark.Counter = 0
	a.held, a.blind, a.dirty, a.restart, a.bare = nil, false, true, true, true
	a.lost("the validator has restarted and forgot its events", raw)
}

func (a *Acceptor) lost(why string, raw []byte) {
	a.emit(cash.Signal{What: cash.Lost, Fault: a.fail(fault.Doubtful, "poll", why), Raw: raw})
}

// event tells one event. Called with mu held; the mark is already behind it.
func (a *Acceptor) event(p ccbus.Pair, raw []byte) {
	switch {
	case p[0] == 0:
		a.status(p[1], raw)
	case p[1] == 1:
		a.blind = false
		a.held = &pending{note: a.note(p[0]), decision: undecided, sent: time.Now()}
		a.emit(cash.Signal{What: cash.Escrowed, Note: a.held.note, Raw: raw})
	case p[1] == 0:
		a.held, a.blind = nil, false
		delete(a.faults, onPath) // it was not stuck after all, or is not any more
		if note := a.note(p[0]); note.Face > 0 {
			a.emit(cash.Signal{What: cash.Stacked, Note: note, Raw: raw})
		} else {
			a.lost("a note of a type that the validator did not name is in the box", raw)
		}
	default:
		a.odd(p, raw)
	}
}

// odd is an event that the specification does not know.
func (a *Acceptor) odd(p ccbus.Pair, raw []byte) {
	f := a.fail(fault.Garbled, "poll", "an event that the specification does not know")
	f.Raw = p[:]
	a.o.Log.Warn("cctalk: unknown event", "a", p[0], "b", p[1])
	a.faults[onDevice] = placed{fault: f, since: time.Now()}
}

// status tells an event that names no bill type. Called with mu held.
func (a *Acceptor) status(code byte, raw []byte) {
	m, known := meanings[code]
	if !known {
		a.odd(ccbus.Pair{0, code}, raw)
		return
	}
	f := a.fail(m.kind, "poll", m.text)
	switch m.what {
	case cash.Returned:
		a.returned(raw) // after a reject the same code comes for a note that never was in escrow
	case cash.Refused:
		if code == evBackwards && (a.held != nil || a.blind) {
			a.pulled(f, raw)
			return
		}
		a.blind = false // nothing is turned away while a note is held
		a.emit(cash.Signal{What: cash.Refused, Fault: f, Raw: raw})
	case cash.Faulty:
		a.faults[m.at] = placed{fault: f, since: time.Now()}
	case cash.Cleared:
		delete(a.faults, onRoom)
		delete(a.faults, onPath)
	case cash.BoxOut:
		a.boxOut = true
		a.emit(cash.Signal{What: cash.BoxOut, Raw: raw})
		a.faults[m.at] = placed{fault: f, since: time.Now()}
	case cash.BoxIn:
		a.boxOut = false
		delete(a.faults, onBox)
		a.emit(cash.Signal{What: cash.BoxIn, Raw: raw})
	case cash.Lost:
		a.lost(m.text, raw)
	}
	if code == evInhibited || m.what == cash.BoxIn || m.what == cash.Cleared {
		a.dirty = true // it shut itself, or would have: say once more what we want
	}
}

// returned tells that the held note went back; being blind, without saying which. Called with mu held.
func (a *Acceptor) returned(raw []byte) {
	var note cash.Note
	switch {
	case a.held != nil:
		note = a.held.note
	case !a.blind:
		return
	}
	a.held, a.blind = nil, false
	a.emit(cash.Signal{What: cash.Returned, Note: note, Raw: raw})
}

// pulled is a hand at a note that was in escrow: the hand has it, and there is no credit. A note that
// was to be stacked is an attempt to cheat besides: that is how a note on a string looks. What
// becomes of the note must not hang on the decision, which a restarted program does not remember.
func (a *Acceptor) pulled(f *fault.Error, raw []byte) {
	if a.held != nil && a.held.decision == stack {
		f.Kind, f.Detail = fault.Tampered, "pulled back on its way to the box"
		a.faults[onHonesty] = placed{fault: f, since: time.Now()}
	}
	a.returned(raw)
}

// selfChecked takes the self-check's word: it knows of one fault at most. Called with mu held.
func (a *Acceptor) selfChecked(code byte) {
	m := meaning{}
	if code != 0 {
		m = checkMeaning(code)
	}
	for _, p := range places {
		if p == onLine || time.Since(a.faults[p].since) < faultHold {
			continue
		}
		if p == m.at {
			a.faults[p] = placed{fault: a.fail(m.kind, "self-check", m.text)}
		} else {
			delete(a.faults, p)
		}
		if p == onBox {
			a.boxOut = m.at == onBox
		}
	}
}

// worst is the fault that matters most. Called with mu held.
func (a *Acceptor) worst() (*fault.Error, place) {
	for _, p := range places {
		if f := a.faults[p].fault; f != nil {
			return f, p
		}
	}
	return nil, ""
}

// settle tells when the worst fault has changed. Called with mu held.
func (a *Acceptor) settle(raw []byte) {
	f, at := a.worst()
	switch {
	case f == nil && a.told != nil:
		a.told, a.dirty = nil, a.dirty || a.online // it may have shut itself meanwhile
		a.emit(cash.Signal{What: cash.Cleared, Raw: raw})
	case f != nil && (a.told == nil || a.told.Kind != f.Kind || a.toldAt != at):
		a.told, a.toldAt = f, at
		a.emit(cash.Signal{What: cash.Faulty, Fault: f, Raw: raw})
	}
}

// emit queues a signal with the mark as it is now. Called with mu held.
func (a *Acceptor) emit(s cash.Signal) {
	s.Mark = a.mark
	a.change()
	a.queue = append(a.queue, s)
	if len(a.queue) <= signalsMax {
		return
	}
	for i, old := range a.queue {
		switch old.What {
		case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost:
		default:
			a.queue = append(a.queue[:i:i], a.queue[i+1:]...)
			a.o.Log.Warn("cctalk: nobody fetches signals, dropped the oldest that is not money", "signal", old.What)
			return
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

func (a *Acceptor) maskOf(faces []cash.Note) (mask uint16) {
	for i, t := range a.types {
		for _, f := range faces {
			if f == t && t.Face > 0 {
				mask |= 1 << i
			}
		}
	}
	return mask
}
