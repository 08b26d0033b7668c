package ssp

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// The mark's counter is four numbers: the notes that ever came to stay, the last byte of those that were turned away and
// of those that went into the store, and the channel of the note that is open.
const (
	markOpen   = 1
	markStore  = 1 << 8
	markReject = 1 << 16
	markStay   = 1 << 24
	markByte   = 1 << 8
)

// place is the mark of this instant. Called with the lock held.
func (a *Acceptor) place() cash.Mark {
	if !a.resumed {
		return a.d.Mark
	}
	n := a.base.accepted()*markStay + int64(a.base.rejected)%markByte*markReject + int64(a.base.stored)%markByte*markStore
	if a.held != nil && !a.held.fresh {
		n += int64(a.held.channel) * markOpen
	}
	return cash.Mark{Serial: a.d.Info.Serial, Counter: int(n), Known: true}
}

// unplace reads a mark: what the counters were, as far as it says, and the channel of the open note.
func unplace(m cash.Mark) (base counters, channel byte) {
	n := int64(m.Counter)
	stored := n / markStore % markByte
	return counters{stacked: uint32(n/markStay - stored), stored: uint32(stored), rejected: uint32(n / markReject % markByte)}, byte(n % markByte)
}

// fate is what the counters say of the open note.
type fate byte

const (
	unsaid   fate = 0
	went     fate = 1 // it came to stay
	wentBack fate = 2
)

// verdict compares the counters with those of the time when the note lay in escrow. No other note can have passed it.
func (p *pending) verdict(now counters) fate {
	switch {
	case !now.known || !p.base.known:
		return unsaid
	case now.accepted() > p.base.accepted():
		return went
	case now.rejected%markByte != p.base.rejected%markByte:
		return wentBack
	}
	return unsaid
}

// extra is how many notes the unit counts that it did not tell. Called with the lock held.
func (a *Acceptor) extra() int64 {
	if !a.now.known || !a.base.known {
		return 0
	}
	return a.now.accepted() - a.base.accepted()
}

// begin compares the unit with what we know of it: held says that it holds a note now, and now what it counts.
func (a *Acceptor) begin(held bool, now counters) {
	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	a.now = now
	switch known := a.d.Mark.Known; {
	case known && a.d.Mark.Serial != a.d.Info.Serial:
		a.base, a.held, a.resumed = now, nil, true
		a.lost(cash.Note{}, "this is another unit than before", nil)
	case !known:
		a.base, a.resumed = now, true
	case !a.resumed:
		var channel byte
		a.base, channel = unplace(a.d.Mark)
		if a.resumed = true; channel != 0 {
			a.held = &pending{Held: acceptor.Held{Note: a.name(channel)}, channel: channel, base: a.base}
			a.held.base.known = now.known
		}
	}
	a.base.known = now.known
	if h := a.held; h != nil {
		h.Acked, h.gone, h.rests, h.held = false, !held, time.Time{}, time.Now()
		if held && h.verdict(now) != unsaid {
			a.conclude(now, nil) // it went, and another has come since
		}
	}
	if held && a.held == nil {
		// Which note it is no unit says to a host that comes later.
		a.held = &pending{channel: unnamed, fresh: true, base: a.base, held: time.Now()}
	}
	if h := a.held; held && h.fresh {
		a.present(h, now, nil)
	}
}

// leftOver tells of notes that the unit counts and that no event explained. Called with the lock held.
func (a *Acceptor) leftOver(raw []byte) {
	if a.held == nil && a.extra() > 0 {
		a.base = a.now
		a.lost(cash.Note{}, "the unit counts notes that it never told", raw)
	}
	if a.held == nil && a.now.known {
		a.base = a.now // fewer: somebody had it forget its counters, or it does not count all
	}
}

// present tells of a note in escrow. Its mark is from this instant, unless the note is out again: the answer that told of
// it was heard on a later line than the one on which it came. Then what the counters say of it is still news. Called with the lock held.
func (a *Acceptor) present(h *pending, now counters, raw []byte) {
	a.now = now
	if h.gone && h.verdict(now) == wentBack {
		h.fresh = false
		a.d.Emit(cash.Signal{What: cash.Escrowed, Note: h.Note, Raw: raw})
		return
	}
	if a.extra() > 0 {
		a.lost(cash.Note{}, "the unit counts notes that it never told", raw)
	}
	a.base = now
	h.fresh, h.base = false, now
	a.d.Emit(cash.Signal{What: cash.Escrowed, Note: h.Note, Raw: raw})
}

// conclude tells what the counters say of the open note. Called with the lock held.
func (a *Acceptor) conclude(now counters, raw []byte) {
	h := a.held
	v, more, store := h.verdict(now), now.accepted()-h.base.accepted(), now.stored%markByte != h.base.stored%markByte
	a.held, a.base, a.now = nil, now, now
	switch {
	case v == wentBack:
		a.d.Emit(cash.Signal{What: cash.Returned, Note: h.Note, Raw: raw})
	case v == went && h.Note.Face > 0:
		a.d.Emit(cash.Signal{What: cash.Stacked, Note: h.Note, Store: store, Raw: raw})
		more--
	}
	if v == went && more > 0 {
		a.lost(h.Note, "a note came to stay that nobody can name", raw)
	}
}

// repeated are the events that stay until they are acknowledged.
var repeated = map[byte]bool{
	evCredit: true, evFraud: true, evStored: true, evPaidAtStart: true, evStoredAtUp: true, evStackedAtUp: true, evMoved: true,
	evDispensed: true, evShortPayout: true, evHalted: true, evTimeout: true, evPayoutJam: true, evPayoutError: true, evFloated: true, evShortFloat: true,
	evCoin: true, evBoxPaid: true, evSmartEmptied: true,
}

// untold leaves out what the first answer of a conversation tells again: a unit repeats events that it believes unheard,
// and what the counters have told may still wait in it. Only as many of the last credits and rejects are news as the
// counters are ahead of what was told. Called with the lock held.
func (a *Acceptor) untold(list []event) (news []event) {
	if !a.now.known || !a.base.known {
		return list
	}
	credits, rejects := -a.extra(), -int64((a.now.rejected-a.base.rejected)%markByte)
	for _, e := range list {
		switch e.code {
		case evCredit:
			credits++
		case evRejected:
			rejects++
		}
	}
	old := 0
	for i, e := range list {
		if e.code == evCredit && credits > 0 {
			credits, old = credits-1, i+1
		}
		if e.code == evRejected && rejects > 0 {
			rejects, old = rejects-1, i+1
		}
	}
	for i, e := range list {
		note := e.code == evRead || e.code == evCredit || e.code == evRejected || e.code == evStacked || e.code == evStored
		if i >= old || !note {
			news = append(news, e)
		}
	}
	return news
}

// event tells one event. Called with the lock held.
func (a *Acceptor) event(c *talk, e event, raw []byte) {
	if m, bad := meanings[e.code]; bad {
		a.d.Hang(m.at, a.d.Fail(m.kind, "poll", m.text))
	}
	switch e.code {
	case evReset:
		c.restarted, a.restart = true, true
	case evRead:
		if e.channel != 0 {
			a.read(e.channel, raw)
		}
	case evCredit:
		a.credit(c, e.channel, raw)
	case evStored, evStacked:
		a.credited(e.code == evStored, raw)
	case evRejected:
		a.rejected(raw)
	case evToBox, evStackedAtUp, evStoredAtUp:
		a.cleared(e, raw)
	case evToFront:
		a.front(e.channel, raw)
	case evBoxOut:
		a.boxAway(raw)
	case evBoxIn:
		a.boxBack(raw)
	case evDisabled, evInhibited:
		a.d.Dirty = a.d.Dirty || a.d.Applied.Accept && a.held == nil
	}
}

// read is a note that is validated and in escrow. Called with the lock held, as all below.
func (a *Acceptor) read(channel byte, raw []byte) {
	if h := a.held; h != nil && h.gone && h.verdict(a.now) != unsaid {
		a.conclude(a.now, raw) // its event was lost with the line; this is another note
	}
	if h := a.held; h != nil {
		if h.channel == unnamed || h.channel == channel {
			h.channel, h.Note = channel, a.name(channel)
			return
		}
		a.held = nil
		a.lost(h.Note, "another note is in escrow now", raw)
	}
	a.held = &pending{Held: acceptor.Held{Note: a.name(channel)}, channel: channel, fresh: true, base: a.base}
}

// credit is a note that is past the point of return. A unit with a store says a little later where it went.
func (a *Acceptor) credit(c *talk, channel byte, raw []byte) {
	h := a.held
	switch {
	case c.first && !a.now.known && (h == nil || h.channel != channel):
		return // an earlier program told it: its mark would have the channel else
	case h != nil && h.channel != unnamed && h.channel != channel:
		a.lost(h.Note, "another note than the one in escrow was credited", raw)
		h = nil
	}
	if h == nil {
		h = &pending{Held: acceptor.Held{Acked: true}, base: a.base}
		a.held = h
	}
	h.channel, h.Note, h.credited = channel, a.name(channel), time.Now()
	if !c.unit.pays() {
		a.credited(false, raw)
	}
}

// credited tells of a credited note when it is known where it went.
func (a *Acceptor) credited(store bool, raw []byte) {
	h := a.held
	if h == nil || h.credited.IsZero() {
		return
	}
	a.held = nil
	if store {
		a.base.stored++
	} else {
		a.base.stacked++
	}
	delete(a.d.Faults, acceptor.Path) // it was not stuck after all, or is not any more
	if h.Note.Face > 0 {
		a.d.Emit(cash.Signal{What: cash.Stacked, Note: h.Note, Store: store, Raw: raw})
		return
	}
	a.lost(cash.Note{}, "a note was credited on a channel that the unit did not name", raw)
}

// rejected is a note that went back. A unit says so too of a note that never was in escrow.
func (a *Acceptor) rejected(raw []byte) {
	if h := a.held; h != nil && h.gone && h.verdict(a.now) == went {
		a.conclude(a.now, raw) // its event was lost with the line; this is another note
		a.refusals++
		return
	}
	h := a.held
	if h != nil && h.fresh { // its mark is from before it went back: who dies behind it must find that as news
		h.fresh = false
		a.d.Emit(cash.Signal{What: cash.Escrowed, Note: h.Note, Raw: raw})
	}
	if a.base.rejected++; h == nil {
		a.refusals++
		return
	}
	a.held = nil
	a.d.Emit(cash.Signal{What: cash.Returned, Note: h.Note, Raw: raw})
}

// cleared is a note that a unit found on its way at power-up and took in. Whether its counters have it differs from unit
// to unit; whether it is the note that was credited before the power went cannot be told without them.
func (a *Acceptor) cleared(e event, raw []byte) {
	note := a.name(e.channel)
	if len(e.amounts) > 0 {
		note = cash.Note{Face: e.amounts[0].value, Currency: e.amounts[0].currency}
	}
	h := a.held
	if h != nil && note.Face == 0 {
		note = h.Note
	}
	known := h != nil || a.extra() > 0
	if h != nil && (h.Note.Face > 0 && h.Note != note || a.extra() > 1) {
		a.passed(h, raw)
	}
	a.held = nil
	if a.now.known {
		a.base = a.now
	}
	if !known || note.Face == 0 {
		a.lost(note, "a note was taken in at power-up that may have been told before", raw)
		return
	}
	a.d.Emit(cash.Signal{What: cash.Stacked, Note: note, Store: e.code == evStoredAtUp, Raw: raw})
}

// passed tells of an open note that was gone before the one that was cleared at power-up came: one note more in the
// counters is either of them, two are both.
func (a *Acceptor) passed(h *pending, raw []byte) {
	a.held = nil
	switch returned := h.base.known && a.now.known && h.base.rejected%markByte != a.now.rejected%markByte; {
	case a.extra() == 1 && returned, a.extra() <= 0 && returned:
		a.d.Emit(cash.Signal{What: cash.Returned, Note: h.Note, Raw: raw})
	case a.extra() > 0 && h.Note.Face == 0:
		a.lost(cash.Note{}, "a note came to stay that nobody can name", raw)
	case a.extra() > 0:
		a.d.Emit(cash.Signal{What: cash.Stacked, Note: h.Note, Raw: raw})
	default:
		a.lost(h.Note, "another note was taken in at power-up", raw)
	}
}

// front is a note that a unit found on its way at power-up and gave back. It is the open one, unless that went before.
func (a *Acceptor) front(channel byte, raw []byte) {
	h := a.held
	if h != nil && h.verdict(a.now) == went {
		a.conclude(a.now, raw)
		h = nil
	}
	note := a.name(channel)
	if h != nil && (h.channel == unnamed || h.channel == channel || note.Face == 0) {
		if h.Note.Face > 0 {
			note = h.Note
		}
		a.held = nil
	}
	a.d.Emit(cash.Signal{What: cash.Returned, Note: note, Raw: raw})
}

// lost tells that nobody can say what became of a note. Called with the lock held.
func (a *Acceptor) lost(note cash.Note, why string, raw []byte) {
	a.doubts++
	a.d.Emit(cash.Signal{What: cash.Lost, Note: note, Fault: a.d.Fail(fault.Doubtful, "poll", why), Raw: raw})
}

// resolve asks the counters about an open note of which no event tells: the answers show a unit at rest, and the note is
// in escrow no more.
func (a *Acceptor) resolve(l *line, c *talk, raw []byte) error {
	a.d.Lock()
	h := a.held
	switch {
	case h == nil || h.fresh || !h.Acked && !h.gone:
		a.d.Unlock()
		return nil
	case !h.credited.IsZero():
		if time.Since(h.credited) >= storeLimit {
			a.credited(false, raw)
		}
		a.d.Unlock()
		return nil
	case c.rest < restPolls:
		h.rests = time.Time{}
		a.d.Unlock()
		return nil
	case h.rests.IsZero():
		h.rests = time.Now()
	}
	a.d.Unlock()
	now, err := a.count(l, c)
	if err != nil {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	switch {
	case a.held != h:
	case h.verdict(now) != unsaid:
		a.conclude(now, raw)
	case time.Since(h.rests) >= settleLimit:
		a.held = nil
		a.lost(h.Note, "the note left escrow and neither an event nor a counter says where to", raw)
	}
	return nil
}
