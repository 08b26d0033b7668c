package cctalk

import (
	"context"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
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
	if err := a.d.AwaitWritten(ctx, writeLimit); err != nil { // inhibits that are not zero would say that nothing was lost
		return err
	}
	if err := a.configure(l); err != nil {
		return err
	}
	a.d.Lock()
	a.known(events)
	a.d.Unlock()
	if err := a.grope(l); err != nil {
		return err
	}
	code, err := l.Query(ccbus.SelfCheck, nil, ccbus.Any)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	delete(a.d.Faults, acceptor.Line)
	if len(code) > 0 {
		a.selfChecked(code[0])
	}
	a.d.Settle(code)
	a.d.Online = true
	a.d.Emit(cash.Signal{What: cash.Ready})
	return nil
}

// identify reads who the device is and, unless it is the one we know, which notes it takes.
func (a *Acceptor) identify(ctx context.Context, l *ccbus.Line) error {
	id, err := l.Identify("Bill")
	if err != nil {
		return err
	}
	types, err := readTypes(ctx, l)
	if err != nil {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.d.Info = cash.Info{Protocol: "cctalk", Maker: id.Maker, Model: id.Model, Serial: id.Serial, Firmware: id.Firmware, Faces: acceptor.Named(types[:])}
	a.types = types
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
	a.d.Lock()
	want, mask := a.d.Wanted, a.maskOf(a.d.Wanted.Faces)
	if mask == 0 {
		// Never all zero, see ccbus.LostSettings; with no face that we know the master inhibit stays on.
		want.Accept = false
		mask = max(1, a.maskOf(a.d.Info.Faces))
	}
	a.bare = a.bare && !want.Accept // from now on a note may come in, and what a restart loses is news
	a.d.Unlock()
	var err error
	for range triesMax {
		if err = a.give(l, want.Accept, mask); err == nil || !ccbus.Retry(err) {
			break
		}
	}
	a.d.Lock()
	defer a.d.Unlock()
	if err == nil {
		a.mask, a.bare = mask, false
	}
	return a.d.Took(want, err)
}

// give says all settings in one go, and from the beginning after any that was not acknowledged: a
// validator that restarted in between has forgotten the earlier ones, and one that accepts notes
// without escrow would take money that nobody decided about.
func (a *Acceptor) give(l *ccbus.Line, accept bool, mask uint16) error {
	steps := []setting{
		{ccbus.SetMaster, []byte{0}},
		{hdrSetMode, []byte{modeStacker | modeEscrow}},
		{ccbus.SetInhibits, []byte{byte(mask), byte(mask >> 8)}},
	}
	if accept {
		steps = append(steps[1:], setting{ccbus.SetMaster, []byte{1}})
	}
	for _, s := range steps {
		if _, err := l.Ask(s.header, s.data, 0); err != nil {
			return err
		}
	}
	if !accept {
		return nil
	}
	mode, err := l.Ask(hdrReadMode, nil, 1)
	if err != nil || mode[0] == modeStacker|modeEscrow {
		return err
	}
	l.Ask(ccbus.SetMaster, []byte{0}, 0) // best effort: the next poll comes before any note is through
	f := a.d.Fail(fault.Busy, "accept", "the device forgot its mode")
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
	a.d.Lock()
	dirty := a.d.Dirty && a.d.Refusal == nil && !a.shut()
	a.d.Unlock()
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
	a.d.Lock()
	defer a.d.Unlock()
	if a.restart && !a.d.Dirty {
		a.restart = false
		a.d.Emit(cash.Signal{What: cash.Ready})
		a.d.Change()
	}
}

// shut says whether the device would only shut itself again: its box is full or out. Called with the lock held.
func (a *Acceptor) shut() bool {
	_, box := a.d.Faults[acceptor.Box]
	_, room := a.d.Faults[acceptor.Room]
	return (box || room) && a.d.Wanted.Accept && a.d.Applied.Number == a.d.Wanted.Number
}

// grope asks the escrow itself whether it holds a note, when too much has happened since for the
// events to say: "hold it longer" is acknowledged only if there is one, and harms nothing.
func (a *Acceptor) grope(l *ccbus.Line) error {
	a.d.Lock()
	need := a.blind && !a.asked && a.held == nil
	a.d.Unlock()
	if !need {
		return nil
	}
	answer, err := l.Ask(hdrRoute, []byte{routes[acceptor.Undecided]}, ccbus.Any)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.asked = true
	if err == nil && len(answer) == 0 && a.held == nil {
		// Which note it is we are not told; who had its Escrowed signal knows.
		a.held = &pending{Held: acceptor.Held{Sent: time.Now()}}
		if a.orphan {
			a.d.Emit(cash.Signal{What: cash.Escrowed, Raw: answer})
		}
	}
	a.orphan = false
	a.d.Change()
	return nil
}

// act sends the note in escrow on its way, or holds it. It comes right after a poll: a note that has
// already gone was told by it, so that a command given again can only meet the same note.
func (a *Acceptor) act(l *ccbus.Line) error {
	a.d.Lock()
	h := a.held
	if h == nil || !h.Due(time.Now(), pace) {
		a.d.Unlock()
		return nil
	}
	do := h.Decision
	h.Sent = time.Now()
	a.d.Unlock()

	answer, err := l.Ask(hdrRoute, []byte{routes[do]}, ccbus.Any)

	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	if a.held != h || h.Decision != do {
		return err
	}
	switch {
	case fault.Is(err, fault.Refused):
		h.Deny(err)
	case err != nil:
		h.Routes++
		h.unheard = true
		return err
	case len(answer) == 0:
		h.Acked, h.Routes, h.gone = do != acceptor.Undecided, 0, time.Time{}
	case len(answer) > 1:
		h.Routes++ // no answer to header 154: one that came late
		h.unheard = true
	case answer[0] == routeEmpty:
		a.vanished(h)
	default:
		h.Deny(a.d.Fail(fault.Refused, "route", "the validator cannot send the note on its way"))
	}
	return nil
}

// routes is what header 154 calls the decisions; of a note without one, "extend".
var routes = map[acceptor.Decision]byte{acceptor.Undecided: 255, acceptor.Back: 0, acceptor.Stack: 1}

// Answers to header 154 that are no acknowledgement.
const routeEmpty = 254

// pace is when a command about a note is given again.
var pace = acceptor.Pace{Hold: extendEvery, Unheard: againUnheard, Heard: againHeard}

// vanished is called when the device says that nothing is in escrow. The note is on its way, and an
// event will say so; if none does, nobody can tell. Called with the lock held.
func (a *Acceptor) vanished(h *pending) {
	if h.gone.IsZero() {
		h.gone = time.Now()
	}
	if h.Decision != acceptor.Undecided && !h.Acked && !h.unheard {
		// It was not our command that sent it: it went by itself, or by a hand.
		h.Deny(a.d.Fail(fault.Empty, "route", "the note is not in escrow any more"))
		return
	}
	h.Acked = true // nothing is left to be commanded
}

// missing tells of a note that left escrow without a word. Called with the lock held.
func (a *Acceptor) missing() {
	h := a.held
	if h == nil || h.gone.IsZero() || time.Since(h.gone) < settleLimit || a.d.Faults[acceptor.Path].Fault != nil {
		return
	}
	a.held = nil
	a.d.Emit(cash.Signal{What: cash.Lost, Note: h.Note, Fault: a.d.Fail(fault.Doubtful, "route", "the note left escrow and no event says where to")})
}

// lookAround does what is due now and then: read the settings back, ask for faults.
func (a *Acceptor) lookAround(l *ccbus.Line, c *chores) error {
	a.d.Lock()
	a.missing()
	faulty, busy, clean := a.d.Faulty(), a.held != nil, !a.d.Dirty
	a.d.Unlock()
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
			a.d.Lock()
			a.selfChecked(code[0])
			a.d.Settle(code)
			a.d.Change()
			a.d.Unlock()
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
	a.d.Lock()
	defer a.d.Unlock()
	if on[0]&1 != master(a.d.Applied.Accept) ||
		len(mode) > 0 && mode[0] != modeStacker|modeEscrow ||
		len(mask) > 1 && (mask[0] != byte(a.mask) || mask[1] != byte(a.mask>>8)) {
		a.d.Dirty = true
		a.d.Change()
	}
	return nil
}
