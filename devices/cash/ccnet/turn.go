package ccnet

import (
	"fmt"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// turn is one round: hear the state first, so that every act rests on what really is.
func (a *Acceptor) turn(l *line, verified *time.Time) error {
	s, err := l.poll()
	if err != nil {
		return err
	}
	if s.ending() {
		// Acknowledged only when its owner has written it down: see hear.
	} else if err := l.acknowledge(); err != nil {
		return err
	}
	switch {
	case s.awakening():
		return a.awaken(l, s)
	case s.waiting():
		return nil
	}
	if unknown, err := a.name(l, s); unknown || err != nil {
		return err
	}
	if a.hear(s) {
		if err := l.acknowledge(); err != nil {
			return err
		}
	}
	if err := a.configure(l, s); err != nil {
		return err
	}
	a.readyNow()
	if err := a.act(l, s); err != nil {
		return err
	}
	return a.verify(l, s, verified)
}

// awaken is a validator whose power has come, or that has restarted. It has forgotten its settings and what was not
// acknowledged, and waits for RESET.
func (a *Acceptor) awaken(l *line, s status) error {
	a.d.Lock()
	defer a.d.Unlock()
	_, known := lastNote(a.d.Mark.Counter)
	open := a.held != nil || known && a.d.Mark.Known && !a.adopted
	if a.found == 0 {
		a.lost, a.resetAt = 0, time.Time{}
		if a.d.Mark.Known && !open && s.state != stBillInBox {
			// Nothing is in doubt in the box, for no note goes there without our word. But one may have been in escrow
			// of which nobody has heard yet, and the validator cannot name it any more.
			a.lost, a.lostAt = a.lose(cash.Note{}, "the validator has restarted", s), time.Now()
		}
	}
	a.found, a.d.Dirty, a.ready, a.resting = s.state, true, false, time.Time{}
	a.d.Change()
	if !a.d.Written(a.lost) && time.Since(a.lostAt) < lostLimit || time.Since(a.resetAt) < resetAgain {
		return nil
	}
	a.resetAt = time.Now()
	a.d.Unlock()
	_, err := l.ask(cmdReset)
	a.d.Lock()
	return err
}

// name gets to know who the validator is, unless that is known. Some validators do not answer that in every
// state. One that has an end to tell must be heard first then, for it would tell nothing else before.
func (a *Acceptor) name(l *line, s status) (unknown bool, err error) {
	a.d.Lock()
	named := a.named
	a.d.Unlock()
	if named {
		return false, nil
	}
	err = a.identify(l)
	if fault.Is(err, fault.Refused) {
		if s.ending() {
			return false, nil
		}
		return true, l.fault(fault.Busy, cmdIdentify, "the validator does not say who it is now", s.bytes())
	}
	// It was asked something else after the poll: what it said then is said again at the next.
	return true, err
}

// identify reads who the device is and which notes it takes.
func (a *Acceptor) identify(l *line) error {
	id, err := l.query(cmdIdentify)
	if err != nil {
		return err
	}
	table, err := l.query(cmdTable)
	if err != nil {
		return err
	}
	types, err := parseTable(table, a.o.Currencies)
	if err != nil {
		return err
	}
	part, serial := identity(id)
	info := cash.Info{Protocol: "ccnet", Maker: "CashCode", Model: part, Serial: serial, Faces: acceptor.Named(types[:])}
	crc, err := l.query(cmdCRC32)
	switch {
	case err == nil:
		info.Firmware = fmt.Sprintf("CRC32 %X", crc)
	case !fault.Is(err, fault.Refused):
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.d.Info, a.types, a.named, a.d.Online = info, types, true, true
	delete(a.d.Faults, acceptor.Line)
	a.begin(serial)
	a.d.Change()
	a.d.Poke()
	return nil
}

// readyNow tells once that the validator is set up, when nothing is open of what was before.
func (a *Acceptor) readyNow() {
	a.d.Lock()
	defer a.d.Unlock()
	_, bad := faultOf(a.last)
	switch {
	case a.ready || !a.named || a.found != 0 || a.held != nil && !a.held.gone.IsZero():
		return
	case a.d.Dirty && a.d.Refusal == nil && !bad:
		return
	}
	a.ready = true
	a.d.Emit(cash.Signal{What: cash.Ready})
	a.d.Change()
}

// configure enables the types that the owner wants, each of them into escrow, or none.
func (a *Acceptor) configure(l *line, s status) error {
	a.d.Lock()
	rest := s.state == stIdling || s.state == stDisabled
	settled := time.Since(a.enabled) >= enableAgain
	if rest && settled && a.d.Applied.Accept != (s.state == stIdling) && a.d.Refusal == nil {
		a.d.Dirty = true // it has disabled itself, or never heard that it should
	}
	want, mask := a.d.Wanted, acceptor.Mask(a.types[:], a.d.Wanted.Faces)
	want.Accept = want.Accept && mask != 0
	if want.Accept && a.unsettled() {
		want.Accept, want.Number = false, a.d.Applied.Number
	}
	due := a.d.Dirty && a.d.Refusal == nil && a.named && (settled || want.Number != a.d.Applied.Number || want.Accept != a.d.Applied.Accept)
	if due {
		a.enabled = time.Now()
	}
	a.d.Unlock()
	if !due {
		return nil
	}
	data, later := make([]byte, 6), mask != 0 && !want.Accept
	if want.Accept {
		data = append(three(mask), 0xFF, 0xFF, 0xFF)
	}
	_, err := l.ask(cmdEnable, data...)
	a.d.Lock()
	defer a.d.Unlock()
	switch refused := fault.Is(err, fault.Refused); {
	case refused && !rest:
		return nil // when it is at rest
	case err == nil:
		a.enables = data[:3]
	case !refused:
		a.enabled = time.Time{}
	}
	err = a.d.Took(want, err)
	a.d.Dirty = a.d.Dirty || a.d.Wanted.Accept && later
	return err
}

// three is a set of types as bytes, types 23 to 16 first (§5.3, 34h).
func three(mask uint32) []byte { return []byte{byte(mask >> 16), byte(mask >> 8), byte(mask)} }

// act sends the note in escrow on its way, or holds it. It comes right after a poll that shows the note there: a
// command that is given again can meet no other note.
func (a *Acceptor) act(l *line, s status) error {
	a.d.Lock()
	h := a.held
	if h == nil || !holds(s.state) || !h.Due(time.Now(), pace) {
		a.d.Unlock()
		return nil
	}
	do := h.Decision
	h.Sent = time.Now()
	a.d.Unlock()

	_, err := l.ask(map[acceptor.Decision]command{acceptor.Undecided: cmdHold, acceptor.Stack: cmdStack, acceptor.Back: cmdReturn}[do])

	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	if a.held != h || h.Decision != do {
		return err
	}
	switch {
	case fault.Is(err, fault.Refused):
		// Either it cannot, or the note has left in this instant: the next poll says.
		h.Illegal = do != acceptor.Undecided
		return nil
	case err != nil:
		h.Routes++
		return err
	}
	h.Acked, h.Routes = do != acceptor.Undecided, 0
	return nil
}

// holds says whether a note may be in escrow in this state and be sent from there. A full or missing box or a
// failure hides that it is.
func holds(s state) bool {
	switch s {
	case stEscrow, stHolding, stFull, stBoxOut, stFailure:
		return true
	}
	return false
}

// pace is when a command about a note is given again.
var pace = acceptor.Pace{Hold: holdEvery, Unheard: againUnheard, Heard: againHeard}

// verify reads the enabled types back, and has them given anew when they are others.
func (a *Acceptor) verify(l *line, s status, verified *time.Time) error {
	a.d.Lock()
	clean := !a.d.Dirty && (s.state == stIdling || s.state == stDisabled)
	want := string(a.enables)
	a.d.Unlock()
	if !clean || time.Since(*verified) < verifyEvery {
		return nil
	}
	enabled, err := l.query(cmdStatus)
	if err != nil {
		if fault.Is(err, fault.Refused) {
			err = nil
		}
		return err
	}
	*verified = time.Now()
	a.d.Lock()
	defer a.d.Unlock()
	if string(enabled[:3]) != want {
		a.d.Dirty = true
		a.d.Change()
	}
	return nil
}
