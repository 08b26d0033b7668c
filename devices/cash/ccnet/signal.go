package ccnet

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
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

// begin compares who the device is with our mark, after the line was opened. Called with the lock held.
func (a *Acceptor) begin(serial string) {
	if a.d.Mark.Serial == serial && a.d.Mark.Known {
		return
	}
	known := a.d.Mark.Known
	a.d.Mark = cash.Mark{Serial: serial, Counter: knowNothing, Known: true}
	a.held, a.due, a.first = nil, nil, !known
	if known {
		a.lose(cash.Note{}, "this is another validator than before", status{})
	}
}

// hear takes a state in which a note may be told of, and says whether to acknowledge what was not yet.
func (a *Acceptor) hear(s status) (acknowledge bool) {
	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
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
		if _, open := lastNote(a.d.Mark.Counter); !open {
			a.d.Mark.Counter = knowNothing // our acknowledgement has arrived: the same end again is another note's
		}
		a.where(s)
		if a.held == nil && a.found != stBillInBox {
			a.found = 0
		}
	}
	a.last = s
	a.d.Settle(s.bytes())
	return acknowledge
}

// adopt opens the note that the journal says is in escrow: whether it still is, the device says now.
func (a *Acceptor) adopt() {
	a.adopted = true
	if kind, open := lastNote(a.d.Mark.Counter); open {
		a.held = &pending{Held: acceptor.Held{Note: a.note(kind)}, kind: kind}
	}
}

// ended is a note that has come to its end, which the device repeats until that is acknowledged. It is told once.
// Called with the lock held.
func (a *Acceptor) ended(what cash.Happening, know int, s status, fresh bool) (acknowledge bool) {
	kind := s.about()
	if r := a.due; r != nil && r.state == s.state && r.kind == kind {
		return a.d.Written(r.number)
	}
	a.found = 0
	if fresh && (a.d.Mark.Known && a.d.Mark.Counter == know|int(kind) || a.first && what == cash.Returned) {
		// The journal has it: our acknowledgement did not arrive before the program ended. Or there is no journal
		// yet, and the note is before our time.
		a.due = &report{state: s.state, kind: kind}
		return true
	}
	told := cash.Signal{What: what, Note: a.note(kind), Raw: s.bytes()}
	last, open := lastNote(a.d.Mark.Counter)
	// While nothing is named its owner knows which note is open, and that it is this one.
	if mine := !a.named && open && last == kind; what == cash.Stacked && told.Note.Face == 0 && !mine {
		told.What, told.Fault = cash.Lost, a.d.Fail(fault.Doubtful, "poll", "a note of a type that the validator did not name is in the box")
	}
	a.held, a.d.Mark.Counter = nil, know|int(kind)
	a.due = &report{state: s.state, kind: kind, number: a.d.Emit(told)}
	return false
}

// where learns from any other state where the note is. Called with the lock held.
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
			h.Acked, h.gone = true, time.Time{}
		}
	case stRejecting:
		if a.last.state != s.state || a.last.about() != s.about() {
			a.d.Emit(cash.Signal{What: cash.Refused, Fault: a.d.Fail(fault.Refused, "poll", rejection(s.about())), Raw: s.bytes()})
		}
		a.nothing(s)
	case stFull, stBoxOut, stFailure:
		a.still()
	case stJammed, stBoxJammed: // it is stuck where it is
	default:
		a.nothing(s)
	}
}

// escrowed is a note that is held. Called with the lock held.
func (a *Acceptor) escrowed(kind byte, s status) {
	a.found = 0
	h := a.held
	if h != nil && (h.kind == kind || h.kind == unnamed) && h.gone.IsZero() {
		a.still()
		return
	}
	if h != nil {
		a.lose(h.Note, "another note is held, and nothing was said of this one", s)
	}
	a.held = &pending{Held: acceptor.Held{Note: a.note(kind), Sent: time.Now()}, kind: kind}
	a.d.Mark.Counter = knowEscrow | int(kind)
	a.d.Emit(cash.Signal{What: cash.Escrowed, Note: a.held.Note, Raw: s.bytes()})
}

// still is a note that did not leave escrow. A command that was called illegal was so because the device
// cannot. Called with the lock held.
func (a *Acceptor) still() {
	h := a.held
	if h == nil {
		return
	}
	h.gone = time.Time{}
	if h.Illegal {
		h.Illegal, h.Acked = false, false
		h.Deny(a.d.Fail(fault.Refused, "route", "the validator cannot send the note on its way"))
	}
}

// nothing is a device that shows no note: what was open is told, or is not to be told any more. Called with the lock held.
func (a *Acceptor) nothing(s status) {
	now := time.Now()
	if a.resting.IsZero() {
		a.resting = now
	}
	h := a.held
	switch {
	case h != nil && a.found == stBillInHead:
		// §5.4, 11h: RESET has given it back.
		a.held, a.d.Mark.Counter = nil, knowNothing
		a.closed = a.d.Emit(cash.Signal{What: cash.Returned, Note: h.Note, Raw: []byte{byte(stBillInHead)}})
	case h != nil && h.gone.IsZero():
		h.gone = now
		return
	case h != nil && now.Sub(h.gone) < goneLimit:
		return
	case h != nil:
		a.lose(h.Note, "the note left escrow and the validator does not say where to", s)
	case a.found == stBillInBox && now.Sub(a.resting) < goneLimit:
		return // §5.4, 12h: it is about to be told as stacked
	case a.found == stBillInBox:
		a.lose(cash.Note{}, "a note was on its way to the box, and the validator does not say what became of it", s)
	}
	a.found = 0
}

// lose says that the device cannot tell what became of a note, and gives the number of that signal. Called with the lock held.
func (a *Acceptor) lose(note cash.Note, why string, s status) (number int) {
	f := a.d.Fail(fault.Doubtful, "poll", why)
	var raw []byte
	if s.state != 0 {
		raw = s.bytes()
	}
	_, open := lastNote(a.d.Mark.Counter)
	open = open || a.held != nil
	a.held, a.d.Mark.Counter = nil, knowNothing
	number = a.d.Emit(cash.Signal{What: cash.Lost, Note: note, Fault: f, Raw: raw})
	if open {
		a.closed = number
	}
	return number
}

// unsettled says that the journal has a note as open of which the device will not speak again. Until that is
// written down no other may come in: one of the same face would be taken for it. Called with the lock held.
func (a *Acceptor) unsettled() bool {
	return a.found != 0 || a.held != nil && !a.held.gone.IsZero() || !a.d.Written(a.closed)
}

// trouble takes the faults from a state: the device tells one at a time, and none when it is well. Called with the lock held.
func (a *Acceptor) trouble(s status) {
	m, bad := faultOf(s)
	for _, p := range acceptor.Places {
		switch {
		case p == acceptor.Line, p == acceptor.Honesty && time.Now().Before(a.honest), p != acceptor.Honesty && !tells(s.state, p):
		default:
			delete(a.d.Faults, p)
		}
	}
	if !bad && !known[s.state] {
		f := a.d.Fail(fault.Garbled, "poll", "a state that the manual does not know")
		f.Raw = s.bytes()
		a.d.Hang(acceptor.Device, f)
	}
	if bad {
		a.d.Hang(m.at, a.d.Fail(m.kind, "poll", m.text))
	}
	if m.at == acceptor.Honesty {
		a.honest = time.Now().Add(honestyHold)
	}
	if out := m.at == acceptor.Box; out != a.d.BoxOut && tells(s.state, acceptor.Box) {
		a.d.BoxOut = out
		a.d.Emit(cash.Signal{What: map[bool]cash.Happening{true: cash.BoxOut, false: cash.BoxIn}[out], Raw: s.bytes()})
	}
}

// tells says whether this state would not have been told if there were a fault at that place. What is told once
// stands before every fault; a note that is held or comes back needs no box.
func tells(s state, p acceptor.Place) bool {
	switch s {
	case stStacked, stReturned, stRejecting, stCheated, stPause:
		return false
	case stEscrow, stHolding, stReturning:
		return p == acceptor.Path || p == acceptor.Device
	}
	return true
}

// note is what a type stands for; the zero note when the device did not name it.
func (a *Acceptor) note(kind byte) cash.Note {
	if kind >= typesMax {
		return cash.Note{}
	}
	return a.types[kind]
}
