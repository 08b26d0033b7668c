package ccnet

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// The validator counts nothing, so the counter of our mark says what the journal knows of the last note: its type,
// and how far it came.
const (
	knowNothing  = 0x000 // no note is open, and none ends
	knowEscrow   = 0x100 // + type: it was told as held
	knowStacked  = 0x200 // + type: it was told as stacked; the acknowledgement may not have arrived
	knowReturned = 0x300 // + type: the same of a returned one
)

// lastNote gives the type in a mark's counter, and says whether that note is open.
func lastNote(counter int) (kind byte, open bool) {
	return byte(counter), counter&^0xFF == knowEscrow
}

// begin compares who the device is with our mark, after the line was opened. Called with mu held.
func (a *Acceptor) begin(serial string) {
	if a.mark.Serial == serial && a.mark.Known {
		return
	}
	known := a.mark.Known
	a.mark = cash.Mark{Serial: serial, Counter: knowNothing, Known: true}
	a.held, a.due, a.first = nil, nil, !known
	if known {
		a.lose(cash.Note{}, "this is another validator than before", status{})
	}
}

// hear takes a state in which a note may be told of, and says whether to acknowledge what was not yet.
func (a *Acceptor) hear(s status) (acknowledge bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	fresh := !a.adopted
	if fresh && a.named {
		a.adopt()
	}
	a.trouble(s)
	switch s.state {
	case stStacked:
		acknowledge = a.ended(cash.Stacked, knowStacked, s, fresh)
	case stReturned:
		acknowledge = a.ended(cash.Returned, knowReturned, s, fresh)
	default:
		a.due = nil
		if _, open := lastNote(a.mark.Counter); !open {
			a.mark.Counter = knowNothing // our acknowledgement has arrived: the same end again is another note's
		}
		a.where(s)
		if a.held == nil && a.found != stBillInBox {
			a.found = 0
		}
	}
	a.last = s
	a.settle(s.bytes())
	return acknowledge
}

// adopt opens the note that the journal says is in escrow: whether it still is, the device says now.
func (a *Acceptor) adopt() {
	a.adopted = true
	if kind, open := lastNote(a.mark.Counter); open {
		a.held = &pending{note: a.note(kind), kind: kind}
	}
}

// ended is a note that has come to its end, which the device repeats until that is acknowledged. It is told once.
// Called with mu held.
func (a *Acceptor) ended(what cash.Happening, know int, s status, fresh bool) (acknowledge bool) {
	kind := s.about()
	if r := a.due; r != nil && r.state == s.state && r.kind == kind {
		return a.confirmed >= r.number
	}
	a.found = 0
	if fresh && (a.mark.Known && a.mark.Counter == know|int(kind) || a.first && what == cash.Returned) {
		// The journal has it: our acknowledgement did not arrive before the program ended. Or there is no journal
		// yet, and the note is before our time.
		a.due = &report{state: s.state, kind: kind}
		return true
	}
	told := cash.Signal{What: what, Note: a.note(kind), Raw: s.bytes()}
	last, open := lastNote(a.mark.Counter)
	// While nothing is named its owner knows which note is open, and that it is this one.
	if mine := !a.named && open && last == kind; what == cash.Stacked && told.Note.Face == 0 && !mine {
		told.What, told.Fault = cash.Lost, a.fail(fault.Doubtful, "poll", "a note of a type that the validator did not name is in the box")
	}
	a.held, a.mark.Counter = nil, know|int(kind)
	a.emit(told)
	a.due = &report{state: s.state, kind: kind, number: a.emitted}
	return false
}

// where learns from any other state where the note is. Called with mu held.
func (a *Acceptor) where(s status) {
	switch s.state {
	case stEscrow:
		a.escrowed(s.about(), s)
	case stHolding:
		if a.held == nil {
			a.escrowed(unnamed, s) // who had its Escrowed signal knows which it is
		}
		a.still()
	case stStacking, stReturning:
		if h := a.held; h != nil {
			h.acked, h.gone = true, time.Time{}
		}
	case stRejecting:
		if a.last.state != s.state || a.last.about() != s.about() {
			a.emit(cash.Signal{What: cash.Refused, Fault: a.fail(fault.Refused, "poll", rejection(s.about())), Raw: s.bytes()})
		}
		a.nothing(s)
	case stFull, stBoxOut, stFailure:
		a.still()
	case stJammed, stBoxJammed: // it is stuck where it is
	default:
		a.nothing(s)
	}
}

// escrowed is a note that is held. Called with mu held.
func (a *Acceptor) escrowed(kind byte, s status) {
	a.found = 0
	h := a.held
	if h != nil && (h.kind == kind || h.kind == unnamed) && h.gone.IsZero() {
		a.still()
		return
	}
	if h != nil {
		a.lose(h.note, "another note is held, and nothing was said of this one", s)
	}
	a.held = &pending{note: a.note(kind), kind: kind, sent: time.Now()}
	a.mark.Counter = knowEscrow | int(kind)
	a.emit(cash.Signal{What: cash.Escrowed, Note: a.held.note, Raw: s.bytes()})
}

// still is a note that did not leave escrow. A command that was called illegal was so because the device
// cannot. Called with mu held.
func (a *Acceptor) still() {
	h := a.held
	if h == nil {
		return
	}
	h.gone = time.Time{}
	if h.illegal {
		h.illegal, h.acked = false, false
		h.refused, h.decision = a.fail(fault.Refused, "route", "the validator cannot send the note on its way"), undecided
	}
}

// nothing is a device that shows no note: what was open is told, or is not to be told any more. Called with mu held.
func (a *Acceptor) nothing(s status) {
	now := time.Now()
	if a.resting.IsZero() {
		a.resting = now
	}
	h := a.held
	switch {
	case h != nil && a.found == stBillInHead:
		// §5.4, 11h: RESET has given it back.
		a.held, a.mark.Counter = nil, knowNothing
		a.emit(cash.Signal{What: cash.Returned, Note: h.note, Raw: []byte{byte(stBillInHead)}})
		a.closed = a.emitted
	case h != nil && h.gone.IsZero():
		h.gone = now
		return
	case h != nil && now.Sub(h.gone) < goneLimit:
		return
	case h != nil:
		a.lose(h.note, "the note left escrow and the validator does not say where to", s)
	case a.found == stBillInBox && now.Sub(a.resting) < goneLimit:
		return // §5.4, 12h: it is about to be told as stacked
	case a.found == stBillInBox:
		a.lose(cash.Note{}, "a note was on its way to the box, and the validator does not say what became of it", s)
	}
	a.found = 0
}

// lose says that the device cannot tell what became of a note. Called with mu held.
func (a *Acceptor) lose(note cash.Note, why string, s status) {
	f := a.fail(fault.Doubtful, "poll", why)
	var raw []byte
	if s.state != 0 {
		raw = s.bytes()
	}
	_, open := lastNote(a.mark.Counter)
	open = open || a.held != nil
	a.held, a.mark.Counter = nil, knowNothing
	a.emit(cash.Signal{What: cash.Lost, Note: note, Fault: f, Raw: raw})
	if open {
		a.closed = a.emitted
	}
}

// unsettled says that the journal has a note as open of which the device will not speak again. Until that is
// written down no other may come in: one of the same face would be taken for it. Called with mu held.
func (a *Acceptor) unsettled() bool {
	return a.found != 0 || a.held != nil && !a.held.gone.IsZero() || a.confirmed < a.closed
}

// trouble takes the faults from a state: the device tells one at a time, and none when it is well. Called with mu held.
func (a *Acceptor) trouble(s status) {
	m, bad := faultOf(s)
	for _, p := range places {
		switch {
		case p == onLine, p == onHonesty && time.Now().Before(a.honest), p != onHonesty && !tells(s.state, p):
		default:
			delete(a.faults, p)
		}
	}
	if !bad && !known[s.state] {
		f := a.fail(fault.Garbled, "poll", "a state that the manual does not know")
		f.Raw = s.bytes()
		a.faults[onDevice] = f
	}
	if bad {
		a.faults[m.at] = a.fail(m.kind, "poll", m.text)
	}
	if m.at == onHonesty {
		a.honest = time.Now().Add(honestyHold)
	}
	if out := m.at == onBox; out != a.boxOut && tells(s.state, onBox) {
		a.boxOut = out
		a.emit(cash.Signal{What: map[bool]cash.Happening{true: cash.BoxOut, false: cash.BoxIn}[out], Raw: s.bytes()})
	}
}

// tells says whether this state would not have been told if there were a fault at that place. What is told once
// stands before every fault; a note that is held or comes back needs no box.
func tells(s state, p place) bool {
	switch s {
	case stStacked, stReturned, stRejecting, stCheated, stPause:
		return false
	case stEscrow, stHolding, stReturning:
		return p == onPath || p == onDevice
	}
	return true
}

// worst is the fault that matters most. Called with mu held.
func (a *Acceptor) worst() (*fault.Error, place) {
	for _, p := range places {
		if f := a.faults[p]; f != nil {
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
		a.told = nil
		a.emit(cash.Signal{What: cash.Cleared, Raw: raw})
	case f != nil && (a.told == nil || a.told.Kind != f.Kind || a.toldAt != at):
		a.told, a.toldAt = f, at
		a.emit(cash.Signal{What: cash.Faulty, Fault: f, Raw: raw})
	}
}

// emit queues a signal with the mark as it is now; who called it calls change. Called with mu held.
func (a *Acceptor) emit(s cash.Signal) {
	s.Mark = a.mark
	a.emitted++
	a.queue = append(a.queue, numbered{a.emitted, s})
	if len(a.queue) <= signalsMax {
		return
	}
	for i, old := range a.queue {
		switch old.signal.What {
		case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost:
		default:
			a.queue = append(a.queue[:i:i], a.queue[i+1:]...)
			a.o.Log.Warn("ccnet: nobody fetches signals, dropped the oldest that is not money", "signal", old.signal.What)
			return
		}
	}
}

// note is what a type stands for; the zero note when the device did not name it.
func (a *Acceptor) note(kind byte) cash.Note {
	if kind >= typesMax {
		return cash.Note{}
	}
	return a.types[kind]
}

func (a *Acceptor) maskOf(faces []cash.Note) (mask uint32) {
	for i, t := range a.types {
		for _, f := range faces {
			if f == t && t.Face > 0 {
				mask |= 1 << i
			}
		}
	}
	return mask
}
