package ccnet

import (
	"fmt"
	"time"

	"yichuang/devices/cash"
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
	a.mu.Lock()
	defer a.mu.Unlock()
	_, known := lastNote(a.mark.Counter)
	open := a.held != nil || known && a.mark.Known && !a.adopted
	if a.found == 0 {
		a.lost, a.resetAt = 0, time.Time{}
		if a.mark.Known && !open && s.state != stBillInBox {
			// Nothing is in doubt in the box, for no note goes there without our word. But one may have been in escrow
			// of which nobody has heard yet, and the validator cannot name it any more.
			a.lose(cash.Note{}, "the validator has restarted", s)
			a.lost, a.lostAt = a.emitted, time.Now()
		}
	}
	a.found, a.dirty, a.ready, a.resting = s.state, true, false, time.Time{}
	a.change()
	if a.confirmed < a.lost && time.Since(a.lostAt) < lostLimit || time.Since(a.resetAt) < resetAgain {
		return nil
	}
	a.resetAt = time.Now()
	a.mu.Unlock()
	_, err := l.ask(cmdReset)
	a.mu.Lock()
	return err
}

// name gets to know who the validator is, unless that is known. Some validators do not answer that in every
// state. One that has an end to tell must be heard first then, for it would tell nothing else before.
func (a *Acceptor) name(l *line, s status) (unknown bool, err error) {
	a.mu.Lock()
	named := a.named
	a.mu.Unlock()
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
	info := cash.Info{Protocol: "ccnet", Maker: "CashCode", Model: part, Serial: serial}
	crc, err := l.query(cmdCRC32)
	switch {
	case err == nil:
		info.Firmware = fmt.Sprintf("CRC32 %X", crc)
	case !fault.Is(err, fault.Refused):
		return err
	}
	for _, t := range types {
		if t.Face > 0 {
			info.Faces = append(info.Faces, t)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.info, a.types, a.named, a.online = info, types, true, true
	a.wanted.mask = a.maskOf(a.wanted.faces)
	delete(a.faults, onLine)
	a.begin(serial)
	a.change()
	a.poke()
	return nil
}

// readyNow tells once that the validator is set up, when nothing is open of what was before.
func (a *Acceptor) readyNow() {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, bad := faultOf(a.last)
	switch {
	case a.ready || !a.named || a.found != 0 || a.held != nil && !a.held.gone.IsZero():
		return
	case a.dirty && a.refusal == nil && !bad:
		return
	}
	a.ready = true
	a.emit(cash.Signal{What: cash.Ready})
	a.change()
}

// configure enables the types that the owner wants, each of them into escrow, or none.
func (a *Acceptor) configure(l *line, s status) error {
	a.mu.Lock()
	rest := s.state == stIdling || s.state == stDisabled
	settled := time.Since(a.enabled) >= enableAgain
	if rest && settled && a.applied.accept != (s.state == stIdling) && a.refusal == nil {
		a.dirty = true // it has disabled itself, or never heard that it should
	}
	want := a.wanted
	if want.mask == 0 {
		want.accept = false // no face that we know
	}
	if want.accept && a.unsettled() {
		want.accept, want.number = false, a.applied.number
	}
	due := a.dirty && a.refusal == nil && a.named && (settled || want.number != a.applied.number || want.accept != a.applied.accept)
	if due {
		a.enabled = time.Now()
	}
	a.mu.Unlock()
	if !due {
		return nil
	}
	data := make([]byte, 6)
	if want.accept {
		data = append(three(want.mask), 0xFF, 0xFF, 0xFF)
	}
	_, err := l.ask(cmdEnable, data...)
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	switch {
	case fault.Is(err, fault.Refused) && rest:
		a.refusal = err
	case fault.Is(err, fault.Refused): // later, when it is at rest
	case err != nil:
		a.enabled = time.Time{}
		return err
	default:
		a.applied = want
		a.dirty = a.wanted.number != want.number || a.wanted.accept && a.wanted.mask != 0 && !want.accept
	}
	return nil
}

// three is a set of types as bytes, types 23 to 16 first (§5.3, 34h).
func three(mask uint32) []byte { return []byte{byte(mask >> 16), byte(mask >> 8), byte(mask)} }

// act sends the note in escrow on its way, or holds it. It comes right after a poll that shows the note there: a
// command that is given again can meet no other note.
func (a *Acceptor) act(l *line, s status) error {
	a.mu.Lock()
	h := a.held
	if h == nil || !holds(s.state) || !h.due(time.Now()) {
		a.mu.Unlock()
		return nil
	}
	do := h.decision
	h.sent = time.Now()
	a.mu.Unlock()

	_, err := l.ask(map[decision]command{undecided: cmdHold, stack: cmdStack, back: cmdReturn}[do])

	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	if a.held != h || h.decision != do {
		return err
	}
	switch {
	case fault.Is(err, fault.Refused):
		// Either it cannot, or the note has left in this instant: the next poll says.
		h.illegal = do != undecided
		return nil
	case err != nil:
		h.routes++
		return err
	}
	h.acked, h.routes = do != undecided, 0
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

// due says whether it is time for the next command about this note.
func (p *pending) due(now time.Time) bool {
	wait := againUnheard
	switch {
	case p.decision == undecided:
		wait = holdEvery
	case p.acked:
		wait = againHeard
	case p.sent.IsZero():
		return true
	}
	return now.Sub(p.sent) >= wait
}

// verify reads the enabled types back, and has them given anew when they are others.
func (a *Acceptor) verify(l *line, s status, verified *time.Time) error {
	a.mu.Lock()
	clean := !a.dirty && (s.state == stIdling || s.state == stDisabled)
	want := a.applied
	a.mu.Unlock()
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
	if !want.accept {
		want.mask = 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if string(enabled[:3]) != string(three(want.mask)) {
		a.dirty = true
		a.change()
	}
	return nil
}
