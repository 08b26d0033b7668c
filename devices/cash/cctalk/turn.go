package cctalk

import (
	"context"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// chores are what a session has to do now and then.
type chores struct {
	verified time.Time
	checked  time.Time
	missed   bool // the last poll was not answered: the device may have restarted
}

// setUp gets to know the device and brings it to where the owner wants it.
func (a *Acceptor) setUp(ctx context.Context, l *ccbus.Line) error {
	if err := l.Probe(a.o.Checksum); err != nil {
		return err
	}
	// Whatever it was told before: no note comes in while we learn who it is.
	if _, err := l.Query(ccbus.SetMaster, []byte{0}, 0); err != nil {
		return l.Encrypted(err)
	}
	if err := a.identify(ctx, l); err != nil {
		return err
	}
	restarted, err := ccbus.LostSettings(l.Query(ccbus.ReadInhibits, nil, 2))
	if err != nil {
		return err
	}
	data, err := l.Query(hdrEvents, nil, ccbus.EventsBytes)
	if err != nil {
		return l.Encrypted(err)
	}
	events := ccbus.ParseEvents(data)
	a.begin(events, restarted, data)
	if err := a.configure(l); err != nil {
		return err
	}
	a.mu.Lock()
	a.known(events)
	a.mu.Unlock()
	if err := a.grope(l); err != nil {
		return err
	}
	code, err := l.Query(ccbus.SelfCheck, nil, ccbus.Any)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.faults, onLine)
	if len(code) > 0 {
		a.selfChecked(code[0])
	}
	a.settle(code)
	a.online = true
	a.emit(cash.Signal{What: cash.Ready})
	return nil
}

// identify reads who the device is and, unless it is the one we know, which notes it takes.
func (a *Acceptor) identify(ctx context.Context, l *ccbus.Line) error {
	id, err := l.Identify("Bill")
	if err != nil {
		return err
	}
	info := cash.Info{Protocol: "cctalk", Maker: id.Maker, Model: id.Model, Serial: id.Serial, Firmware: id.Firmware}
	types, err := readTypes(ctx, l)
	if err != nil {
		return err
	}
	for _, t := range types {
		if t.Face > 0 {
			info.Faces = append(info.Faces, t)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.info, a.types = info, types
	a.wanted.mask = a.maskOf(a.wanted.faces)
	return nil
}

// readTypes asks for the text of each bill type, and for the factor of each country among them.
func readTypes(ctx context.Context, l *ccbus.Line) (types [typesMax]cash.Note, err error) {
	scales := map[string]scaling{}
	for i := range typesMax {
		if ctx.Err() != nil {
			return types, ctx.Err()
		}
		text, err := l.Query(hdrBillID, []byte{byte(i + 1)}, ccbus.Any)
		if fault.Is(err, fault.Refused) {
			break // it has fewer types than it might
		}
		if err != nil {
			return types, err
		}
		if len(text) == 7 && ccbus.Currencies[string(text[:2])].Code != "" {
			if err := readScale(l, string(text[:2]), scales); err != nil {
				return types, err
			}
		}
		note, ok, err := parseBill(string(text), scales)
		if err != nil {
			return types, err
		}
		if ok {
			types[i] = note
		}
	}
	return types, nil
}

func readScale(l *ccbus.Line, country string, scales map[string]scaling) error {
	if _, known := scales[country]; known {
		return nil
	}
	data, err := l.Query(hdrScaling, []byte(country), 3)
	if err != nil {
		return err
	}
	scales[country] = scaling{scale: int64(data[0]) | int64(data[1])<<8, decimals: int(data[2])}
	return nil
}

// configure gives the device mode, inhibits and master inhibit as the owner wants them.
func (a *Acceptor) configure(l *ccbus.Line) error {
	a.mu.Lock()
	want := a.wanted
	if want.mask == 0 {
		// Never all zero, see ccbus.LostSettings; with no face that we know the master inhibit stays on.
		want.accept = false
		want.mask = max(1, a.maskOf(a.info.Faces))
	}
	a.bare = a.bare && !want.accept // from now on a note may come in, and what a restart loses is news
	a.mu.Unlock()
	var err error
	for range triesMax {
		if err = a.give(l, want); err == nil || !ccbus.Retry(err) {
			break
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	if fault.Is(err, fault.Refused) {
		a.refusal = err
		return nil
	}
	if err != nil {
		return err
	}
	a.applied, a.bare = want, false
	a.dirty = a.wanted.number != want.number
	return nil
}

// give says all settings in one go, and from the beginning after any that was not acknowledged: a
// validator that restarted in between has forgotten the earlier ones, and one that accepts notes
// without escrow would take money that nobody decided about.
func (a *Acceptor) give(l *ccbus.Line, want wish) error {
	steps := []setting{
		{ccbus.SetMaster, []byte{0}},
		{hdrSetMode, []byte{modeStacker | modeEscrow}},
		{ccbus.SetInhibits, []byte{byte(want.mask), byte(want.mask >> 8)}},
	}
	if want.accept {
		steps = append(steps[1:], setting{ccbus.SetMaster, []byte{1}})
	}
	for _, s := range steps {
		if _, err := l.Ask(s.header, s.data, 0); err != nil {
			return err
		}
	}
	if !want.accept {
		return nil
	}
	mode, err := l.Ask(hdrReadMode, nil, 1)
	if err != nil || mode[0] == modeStacker|modeEscrow {
		return err
	}
	l.Ask(ccbus.SetMaster, []byte{0}, 0) // best effort: the next poll comes before any note is through
	f := a.fail(fault.Busy, "accept", "the device forgot its mode")
	f.Raw = mode
	return f
}

// setting is a command and what it sets.
type setting struct {
	header byte
	data   []byte
}

// Mode bits of headers 152 and 153.
const (
	modeStacker = 1
	modeEscrow  = 2
)

func master(accept bool) byte {
	if accept {
		return 1
	}
	return 0
}

// turn is one round: hear the events first, so that every act rests on what has really happened.
func (a *Acceptor) turn(l *ccbus.Line, c *chores) error {
	restarted := false
	if c.missed {
		var err error
		if restarted, err = ccbus.LostSettings(l.Ask(ccbus.ReadInhibits, nil, 2)); err != nil {
			return err
		}
	}
	c.missed = true
	data, err := l.Ask(hdrEvents, nil, ccbus.EventsBytes)
	if err != nil && !fault.Is(err, fault.Busy) {
		return err
	}
	if err != nil {
		return nil
	}
	c.missed = false
	a.hear(ccbus.ParseEvents(data), restarted, data)
	a.mu.Lock()
	dirty := a.dirty && a.refusal == nil && !a.shut()
	a.mu.Unlock()
	if dirty {
		if err := a.configure(l); err != nil {
			return err
		}
	}
	a.readyAgain()
	if err := a.grope(l); err != nil {
		return err
	}
	if err := a.act(l); err != nil {
		return err
	}
	return a.lookAround(l, c)
}

// readyAgain tells of a device that has restarted and is set up again.
func (a *Acceptor) readyAgain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.restart && !a.dirty {
		a.restart = false
		a.emit(cash.Signal{What: cash.Ready})
		a.change()
	}
}

// shut says whether the device would only shut itself again: its box is full or out. Called with mu held.
func (a *Acceptor) shut() bool {
	_, box := a.faults[onBox]
	_, room := a.faults[onRoom]
	return (box || room) && a.wanted.accept && a.applied.number == a.wanted.number
}

// grope asks the escrow itself whether it holds a note, when too much has happened since for the
// events to say: "hold it longer" is acknowledged only if there is one, and harms nothing.
func (a *Acceptor) grope(l *ccbus.Line) error {
	a.mu.Lock()
	need := a.blind && !a.asked && a.held == nil
	a.mu.Unlock()
	if !need {
		return nil
	}
	answer, err := l.Ask(hdrRoute, []byte{byte(undecided)}, ccbus.Any)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = true
	if err == nil && len(answer) == 0 && a.held == nil {
		// Which note it is we are not told; who had its Escrowed signal knows.
		a.held = &pending{decision: undecided, sent: time.Now()}
		if a.orphan {
			a.emit(cash.Signal{What: cash.Escrowed, Raw: answer})
		}
	}
	a.orphan = false
	a.change()
	return nil
}

// act sends the note in escrow on its way, or holds it. It comes right after a poll: a note that has
// already gone was told by it, so that a command given again can only meet the same note.
func (a *Acceptor) act(l *ccbus.Line) error {
	a.mu.Lock()
	h := a.held
	if h == nil || !h.due(time.Now()) {
		a.mu.Unlock()
		return nil
	}
	do := h.decision
	h.sent = time.Now()
	a.mu.Unlock()

	answer, err := l.Ask(hdrRoute, []byte{byte(do)}, ccbus.Any)

	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	if a.held != h || h.decision != do {
		return err
	}
	switch {
	case fault.Is(err, fault.Refused):
		h.deny(err)
	case err != nil:
		h.routes++
		h.unheard = true
		return err
	case len(answer) == 0:
		h.acked, h.routes, h.gone = do != undecided, 0, time.Time{}
	case len(answer) > 1:
		h.routes++ // no answer to header 154: one that came late
		h.unheard = true
	case answer[0] == routeEmpty:
		a.vanished(h)
	default:
		h.deny(a.fail(fault.Refused, "route", "the validator cannot send the note on its way"))
	}
	return nil
}

// Answers to header 154 that are no acknowledgement.
const routeEmpty = 254

// due says whether it is time for the next command about this note.
func (p *pending) due(now time.Time) bool {
	wait := againUnheard
	switch {
	case p.decision == undecided:
		wait = extendEvery
	case p.acked:
		wait = againHeard
	case p.sent.IsZero():
		return true
	}
	return now.Sub(p.sent) >= wait
}

// deny notes that the device cannot do as decided. The note stays undecided.
func (p *pending) deny(err error) {
	if p.decision != undecided {
		p.refused, p.decision = err, undecided
	}
}

// vanished is called when the device says that nothing is in escrow. The note is on its way, and an
// event will say so; if none does, nobody can tell. Called with mu held.
func (a *Acceptor) vanished(h *pending) {
	if h.gone.IsZero() {
		h.gone = time.Now()
	}
	if h.decision != undecided && !h.acked && !h.unheard {
		// It was not our command that sent it: it went by itself, or by a hand.
		h.deny(a.fail(fault.Empty, "route", "the note is not in escrow any more"))
		return
	}
	h.acked = true // nothing is left to be commanded
}

// missing tells of a note that left escrow without a word. Called with mu held.
func (a *Acceptor) missing() {
	h := a.held
	if h == nil || h.gone.IsZero() || time.Since(h.gone) < settleLimit || a.faults[onPath].fault != nil {
		return
	}
	a.held = nil
	a.emit(cash.Signal{What: cash.Lost, Note: h.note, Fault: a.fail(fault.Doubtful, "route", "the note left escrow and no event says where to")})
}

// lookAround does what is due now and then: read the settings back, ask for faults.
func (a *Acceptor) lookAround(l *ccbus.Line, c *chores) error {
	a.mu.Lock()
	a.missing()
	faulty, busy, clean := a.told != nil, a.held != nil, !a.dirty
	a.mu.Unlock()
	now := time.Now()
	if clean && now.Sub(c.verified) >= verifyEvery {
		if err := a.verify(l); err != nil {
			return err
		}
		c.verified = now
	}
	// A self-check may move parts: not while a healthy device holds a note.
	if since := now.Sub(c.checked); faulty && since >= checkEvery || !busy && since >= checkIdle {
		code, err := l.Ask(ccbus.SelfCheck, nil, ccbus.Any)
		if err != nil && !fault.Is(err, fault.Refused) {
			return err
		}
		c.checked = now
		if len(code) > 0 {
			a.mu.Lock()
			a.selfChecked(code[0])
			a.settle(code)
			a.change()
			a.mu.Unlock()
		}
	}
	return nil
}

// verify reads the settings back, and has them given anew when the device has forgotten them.
func (a *Acceptor) verify(l *ccbus.Line) error {
	on, err := l.Ask(ccbus.ReadMaster, nil, 1)
	if err != nil {
		return err
	}
	mode, err := l.Ask(hdrReadMode, nil, 1)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	mask, err := l.Ask(ccbus.ReadInhibits, nil, 2)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if on[0]&1 != master(a.applied.accept) ||
		len(mode) > 0 && mode[0] != modeStacker|modeEscrow ||
		len(mask) > 1 && (mask[0] != byte(a.applied.mask) || mask[1] != byte(a.applied.mask>>8)) {
		a.dirty = true
		a.change()
	}
	return nil
}
