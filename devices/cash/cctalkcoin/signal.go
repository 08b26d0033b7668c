package cctalkcoin

import (
	"slices"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// begin compares the device's event memory with our mark, after the line was opened. What happened
// in between is told; when the device cannot say, that is told first. Without a mark nothing is: what happened
// before our time is nobody's to tell. The first mark is made when the device has its settings, see known.
func (a *Acceptor) begin(e ccbus.Events, restarted bool, raw []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	restarted, a.bare = restarted && !a.bare, restarted
	switch {
	case !a.mark.Known:
	case a.mark.Serial != a.info.Serial:
		a.mark = cash.Mark{Serial: a.info.Serial, Counter: int(e.Counter), Known: true}
		a.lost("this is another acceptor than before", raw)
	case restarted:
		a.forgotten(raw)
		a.take(e, raw)
	default:
		a.take(e, raw)
	}
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

// hear takes a poll's answer.
func (a *Acceptor) hear(e ccbus.Events, restarted bool, raw []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if restarted && !a.bare {
		a.forgotten(raw)
	}
	if int(e.Counter) != a.mark.Counter {
		a.take(e, raw)
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
		a.dirty = true
		a.lost("more happened than the acceptor remembers", raw)
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
	a.dirty, a.restart, a.bare = true, true, true
	a.lost("the acceptor has restarted and forgot its events", raw)
}

func (a *Acceptor) lost(why string, raw []byte) {
	a.emit(cash.Signal{What: cash.Lost, Fault: fail(fault.Doubtful, "poll", why), Raw: raw})
}

// event tells one event. Called with mu held; the mark is already behind it.
func (a *Acceptor) event(p ccbus.Pair, raw []byte) {
	if p[0] == 0 {
		a.failed(p[1], raw)
		return
	}
	delete(a.faults, onPath) // a coin went all the way: nothing is stuck any more
	if coin := a.coin(p[0]); coin.Face > 0 {
		a.emit(cash.Signal{What: cash.Stacked, Note: coin, Store: slices.Contains(a.o.Store, p[1]), Raw: raw})
	} else {
		a.lost("a coin of a type that the acceptor did not name is in", raw)
	}
}

// failed tells an event that names no coin. Called with mu held.
func (a *Acceptor) failed(code byte, raw []byte) {
	m, known := codeMeaning(code)
	if !known {
		f := fail(fault.Garbled, "poll", "an event that the specification does not know")
		f.Raw = []byte{0, code}
		a.o.Log.Warn("cctalk-coin: unknown event", "code", code)
		a.faults[onDevice] = placed{fault: f, since: time.Now()}
		return
	}
	f := fail(m.kind, "poll", m.text)
	switch m.what {
	case cash.Refused:
		a.emit(cash.Signal{What: cash.Refused, Fault: f, Raw: raw})
	case cash.Faulty:
		a.faults[m.at] = placed{fault: f, since: time.Now()}
	case cash.Lost:
		a.lost(m.text, raw)
	}
	switch code {
	case errInhibited:
		a.dirty = true // it shut itself, or would have: say once more what we want
	case errLever:
		a.look = true
	}
}

// selfChecked takes the self-check's word: it knows of one fault at most. Called with mu held.
func (a *Acceptor) selfChecked(code byte) {
	m := meaning{}
	if code != 0 {
		m = checkMeaning(code)
	}
	for _, p := range places {
		if p == onLine || p == onLever || time.Since(a.faults[p].since) < faultHold {
			continue
		}
		if p == m.at {
			a.faults[p] = placed{fault: fail(m.kind, "self-check", m.text)}
		} else {
			delete(a.faults, p)
		}
	}
}

// Answers to header 248 (part 3, table 4).
const (
	statusLever  = 1
	statusString = 2
)

// looked takes the answer to header 248. Called with mu held.
func (a *Acceptor) looked(status byte) {
	now := time.Now()
	if status == statusString {
		a.faults[onHonesty] = placed{fault: fail(fault.Tampered, "look", "a coin on a string"), since: now}
	}
	switch {
	case status != statusLever:
		a.lever = time.Time{}
		delete(a.faults, onLever)
	case a.lever.IsZero():
		a.lever = now
	case now.Sub(a.lever) >= leverHold:
		a.faults[onLever] = placed{fault: fail(fault.Jammed, "look", "the return lever is held down: every coin falls through")}
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
		case cash.Stacked, cash.Lost:
		default:
			a.queue = append(a.queue[:i:i], a.queue[i+1:]...)
			a.o.Log.Warn("cctalk-coin: nobody fetches signals, dropped the oldest that is not money", "signal", old.What)
			return
		}
	}
}
