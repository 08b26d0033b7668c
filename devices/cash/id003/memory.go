package id003

import (
	"slices"
	"strings"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// phase is what is known of the last note. Its numbers stand in journals.
type phase byte

// The phases.
const (
	free     phase = 0 // no note is on its way
	escrowed phase = 1 // it was told in escrow
	boxward  phase = 2 // it was seen on its way to the box, and something came between
	vended   phase = 3 // it was told as stacked; the device may not have heard that we know
	doubted  phase = 4 // it was told as lost; a VEND VALID that comes after all is its
)

// memory is what a mark remembers. The device has no counter of events; what must be known after a restart of
// the program is which note was last told, and how far.
type memory struct {
	phase  phase
	code   byte // the note's escrow code, 0 when there is none
	boxOut bool // it was told that the box is out
	row    row  // the note's, since an acceptor that has started anew does not say its table before RESET
}

// serialPrefix tells our marks from those of another protocol. What follows is the version, the only name that the
// device has.
const serialPrefix = "id003 "

// open says that the note's end was not told yet.
func (m memory) open() bool { return m.phase == escrowed || m.phase == boxward }

// counter packs it for a mark.
func (m memory) counter() int {
	n := int(m.phase)<<8 | int(m.code)
	if m.boxOut {
		n |= 1 << 12
	}
	return n | int(m.row.country)<<16 | int(m.row.value)<<24 | int(m.row.zeros)<<32
}

// memoryOf unpacks a mark; one of another protocol says nothing.
func memoryOf(mark cash.Mark) memory {
	n := mark.Counter
	m := memory{phase: phase(n >> 8 & 15), code: byte(n), boxOut: n>>12&1 == 1, row: row{byte(n >> 16), byte(n >> 24), byte(n >> 32)}}
	if !mark.Known || !strings.HasPrefix(mark.Serial, serialPrefix) || m.phase > doubted || m.counter() != n {
		return memory{}
	}
	return m
}

// know takes what a mark says, or that it says nothing. Called with the lock held.
func (a *Acceptor) know(m memory) { a.mem, a.d.BoxOut = m, m.boxOut }

// begin compares the device that is there with the one of the mark. Called with the lock held.
func (a *Acceptor) begin(version string, raw []byte) {
	serial := serialPrefix + version
	old := a.d.Mark
	a.d.Mark = cash.Mark{Serial: serial, Known: true}
	switch {
	case !old.Known:
		a.know(memory{})
		a.held = nil
	case old.Serial != serial:
		told := a.mem.phase == doubted
		a.know(memory{phase: doubted})
		a.held, a.d.Dirty = nil, true
		if !told {
			a.lost(cash.Note{}, "this is another acceptor than before", raw)
		}
	}
}

// hear takes what the device says of itself, and tells what that means for the note. Called with the lock held.
func (a *Acceptor) hear(s status) {
	was := a.now
	a.now = s
	if was.state != s.state {
		a.since = time.Now()
		a.d.Change()
	}
	h := a.held
	switch s.state {
	case stPowerUp, stPowerUpAcceptor, stPowerUpStacker:
		a.started(s)
	case stInitialize:
		if was.state != stInitialize {
			a.forgot()
		}
	case stEscrow:
		a.escrow(s)
	case stStacking, stJamStacker:
		if h != nil {
			a.mem.phase = boxward
		}
	case stVendValid:
		if a.mem.phase != vended {
			a.credit(s)
		}
	case stStacked:
		if h != nil {
			a.credit(s) // the acceptor did not wait for our acknowledgement
		}
	case stRejecting:
		switch {
		case h != nil:
			a.mem.phase = escrowed // not into the box: a hand or the rollers have it
		case was.state != stNone && (was.state != stRejecting || was.detail != s.detail):
			a.d.Emit(cash.Signal{What: cash.Refused, Fault: a.d.Fail(fault.Refused, "status", reason(rejections, s.detail)), Raw: s.raw})
		}
	case stReturning, stHolding:
		if h != nil {
			a.mem.phase = escrowed
		}
	case stEnabled, stInhibited, stAccepting:
		a.left(s)
	case stOpen, stFull:
		if was.state == stReturning || was.state == stRejecting {
			a.left(s) // seen to come out; of a note in escrow these states do not say where it is
		}
	}
	a.late(s)
	a.box(s)
	a.ail(s)
}

// started is an acceptor that says what it found inside when it started anew. It goes on saying so until RESET, which
// it gets when what we tell here is written down. Called with the lock held.
func (a *Acceptor) started(s status) {
	a.forgot()
	note := a.mem.row.note(a.o.Countries)
	switch {
	case s.state == stPowerUpStacker && a.o.BoxKeeps && a.mem.open():
		a.credit(s)
	case s.state == stPowerUpStacker && (a.mem.open() || a.mem.phase == free && a.d.Mark.Known):
		a.lost(note, "the acceptor started anew and finds a note in its stacker", s.raw)
	case s.state == stPowerUp && a.mem.open():
		a.lost(note, "the acceptor started anew and finds nothing inside", s.raw)
	case s.state == stPowerUpAcceptor && a.mem.open():
		a.mem.phase = escrowed // RESET gives it back
	}
}

// forgot is an acceptor that has lost its settings. Called with the lock held.
func (a *Acceptor) forgot() { a.d.Dirty, a.ready, a.d.Refusal = true, false, nil }

// escrow is a note that waits for a decision: the one that was told, or another. Called with the lock held.
func (a *Acceptor) escrow(s status) {
	if a.held != nil && a.held.code == s.detail {
		a.mem.phase = escrowed
		return
	}
	a.left(s)
	a.held = &pending{Held: acceptor.Held{Sent: time.Now()}, code: s.detail}
	a.mem.phase, a.mem.code, a.mem.row = escrowed, s.detail, row{}
	if i := int(s.detail) - codeFirst; i >= 0 && i < codesMax {
		a.mem.row = a.rows[i]
	}
	a.d.Emit(cash.Signal{What: cash.Escrowed, Note: a.mem.row.note(a.o.Countries), Raw: s.raw})
}

// credit is a note in the box. Called with the lock held.
func (a *Acceptor) credit(s status) {
	note := a.mem.row.note(a.o.Countries)
	if a.mem.phase == free || a.mem.phase == vended {
		note = cash.Note{}
	}
	a.held, a.mem.phase = nil, vended
	if note.Face == 0 {
		a.lost(note, "a note that cannot be named is in the box", s.raw)
		a.mem.phase = vended
		return
	}
	a.owed = a.d.Emit(cash.Signal{What: cash.Stacked, Note: note, Raw: s.raw})
}

// left is an acceptor that has no note inside. The note that was in escrow did not go into the box, for its VEND VALID
// would be shown until we acknowledge it: it came back out, unless something came between. Called with the lock held.
func (a *Acceptor) left(s status) {
	if a.held == nil {
		return
	}
	note := a.mem.row.note(a.o.Countries)
	if a.mem.phase == boxward {
		a.lost(note, "the note was on its way to the box and no credit came", s.raw)
		return
	}
	a.held, a.mem.phase, a.mem.code, a.mem.row = nil, free, 0, row{}
	a.d.Emit(cash.Signal{What: cash.Returned, Note: note, Raw: s.raw})
}

// lost tells that nobody knows where the last note is. Called with the lock held.
func (a *Acceptor) lost(note cash.Note, why string, raw []byte) {
	a.held, a.mem.phase = nil, doubted
	a.owed = a.d.Emit(cash.Signal{What: cash.Lost, Note: note, Fault: a.d.Fail(fault.Doubtful, "status", why), Raw: raw})
}

// late answers a decision that the device has forestalled. Called with the lock held.
func (a *Acceptor) late(s status) {
	h := a.held
	if h == nil {
		return
	}
	no := h.Illegal
	h.Illegal = false
	if h.Decision == acceptor.Undecided || h.Acked {
		return
	}
	defer a.d.Change()
	switch s.state {
	case stEscrow, stOpen, stFull:
		if no {
			h.Deny(a.d.Fail(fault.Refused, "route", "the acceptor says that the command is invalid now"))
		} else if s.state != stEscrow && h.Decision == acceptor.Stack {
			h.Deny(a.d.Fail(fault.Refused, "route", "the box is out or full"))
		}
	case stStacking, stJamStacker:
		if h.Acked = h.Decision == acceptor.Stack; !h.Acked {
			h.Deny(a.d.Fail(fault.Empty, "route", "the note is on its way to the box"))
		}
	case stRejecting, stReturning, stJamAcceptor, stPowerUpAcceptor:
		if h.Acked = h.Decision == acceptor.Back; !h.Acked {
			h.Deny(a.d.Fail(fault.Empty, "route", "the note is on its way out"))
		}
	}
}

// boxed are the states that there are only with a box in its place. A note may come out, get stuck or wait for its
// acknowledgement without one.
var boxed = []state{stEnabled, stInhibited, stEscrow, stStacking, stStacked, stFull}

// box tells that the box was taken or put in, each once, also over a restart of the program. Called with the lock held.
func (a *Acceptor) box(s status) {
	switch {
	case s.state == stOpen && !a.mem.boxOut:
		a.mem.boxOut, a.d.BoxOut = true, true
		a.d.Emit(cash.Signal{What: cash.BoxOut, Raw: s.raw})
	case a.mem.boxOut && slices.Contains(boxed, s.state):
		a.mem.boxOut, a.d.BoxOut = false, false
		a.d.Emit(cash.Signal{What: cash.BoxIn, Raw: s.raw})
	}
}

// ail takes the fault that a state is. While the acceptor starts and initialises it says nothing of it, and the last
// stands. Called with the lock held.
func (a *Acceptor) ail(s status) {
	f, known := s.trouble()
	if !known {
		a.d.Log.Warn("id003: unknown state", "bytes", s.raw)
	}
	old := a.d.Faults[acceptor.Device].Fault
	switch {
	case f != nil:
		if a.d.Hang(acceptor.Device, f); old != nil && old.Detail != f.Detail {
			a.d.Anew()
		}
	case !s.state.starts() && s.state != stInitialize && s.state != stInvalid:
		delete(a.d.Faults, acceptor.Device)
	}
	a.d.Settle(s.raw)
}

// marks has the mark say what is remembered. Called with the lock held.
func (a *Acceptor) marks() {
	if strings.HasPrefix(a.d.Mark.Serial, serialPrefix) { // another device's mark stays as it was
		a.d.Mark.Counter = a.mem.counter()
	}
}

// notes are what its rows stand for, by escrow code - codeFirst.
func (a *Acceptor) notes() []cash.Note {
	list := make([]cash.Note, codesMax)
	for i, r := range a.rows {
		list[i] = r.note(a.o.Countries)
	}
	return list
}
