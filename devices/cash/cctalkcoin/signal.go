package cctalkcoin

import (
	"slices"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// begin compares the device's event memory with our mark, after the line was opened. What happened
// in between is told; when the device cannot say, that is told first. Without a mark nothing is: what happened
// before our time is nobody's to tell. The first mark is made when the device has its settings, see known.
func (a *Acceptor) begin(e ccbus.Events, restarted bool, raw []byte) {
	a.d.Lock()
	defer a.d.Unlock()
	restarted, a.bare = restarted && !a.bare, restarted
	switch {
	case !a.d.Mark.Known:
	case a.d.Mark.Serial != a.d.Info.Serial:
		a.d.Mark = cash.Mark{Serial: a.d.Info.Serial, Counter: int(e.Counter), Known: true}
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
// take its factory settings for a restart when the set-up was broken off and begins anew. Called with the lock held.
func (a *Acceptor) known(e ccbus.Events) {
	if !a.d.Mark.Known {
		a.d.Mark = cash.Mark{Serial: a.d.Info.Serial, Counter: int(e.Counter), Known: true}
	}
}

// hear takes a poll's answer.
func (a *Acceptor) hear(e ccbus.Events, restarted bool, raw []byte) {
	a.d.Lock()
	defer a.d.Unlock()
	if restarted && !a.bare {
		a.forgotten(raw)
	}
	if int(e.Counter) != a.d.Mark.Counter {
		a.take(e, raw)
	}
}

// take tells the events since the mark, oldest first. Called with the lock held.
func (a *Acceptor) take(e ccbus.Events, raw []byte) {
	last := byte(a.d.Mark.Counter)
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
		a.d.Mark.Counter = int(ccbus.Before(e.Counter, n))
		a.d.Dirty = true
		a.lost("more happened than the acceptor remembers", raw)
	}
	for i := n - 1; i >= 0; i-- {
		a.d.Mark.Counter = int(ccbus.Before(e.Counter, i))
		a.event(e.Pairs[i], raw)
		a.d.Settle(raw)
	}
}

// forgotten is a device that has restarted: its counter begins again, and what it did not tell
// before is lost. Called with the lock held.
func (a *Acceptor) forgotten(raw []byte) {
	a.d.Mark.Counter = 0
	a.d.Dirty, a.restart, a.bare = true, true, true
	a.lost("the acceptor has restarted and forgot its events", raw)
}

func (a *Acceptor) lost(why string, raw []byte) {
	a.d.Emit(cash.Signal{What: cash.Lost, Fault: a.d.Fail(fault.Doubtful, "poll", why), Raw: raw})
}

// event tells one event. Called with the lock held; the mark is already behind it.
func (a *Acceptor) event(p ccbus.Pair, raw []byte) {
	if p[0] == 0 {
		a.failed(p[1], raw)
		return
	}
	delete(a.d.Faults, acceptor.Path) // a coin went all the way: nothing is stuck any more
	if coin := a.coin(p[0]); coin.Face > 0 {
		a.d.Emit(cash.Signal{What: cash.Stacked, Note: coin, Store: slices.Contains(a.o.Store, p[1]), Raw: raw})
	} else {
		a.lost("a coin of a type that the acceptor did not name is in", raw)
	}
}

// failed tells an event that names no coin. Called with the lock held.
func (a *Acceptor) failed(code byte, raw []byte) {
	m, known := codeMeaning(code)
	if !known {
		f := a.d.Fail(fault.Garbled, "poll", "an event that the specification does not know")
		f.Raw = []byte{0, code}
		a.d.Log.Warn("cctalk-coin: unknown event", "code", code)
		a.d.Hang(acceptor.Device, f)
		return
	}
	f := a.d.Fail(m.kind, "poll", m.text)
	switch m.what {
	case cash.Refused:
		a.d.Emit(cash.Signal{What: cash.Refused, Fault: f, Raw: raw})
	case cash.Faulty:
		a.d.Hang(m.at, f)
	case cash.Lost:
		a.lost(m.text, raw)
	}
	switch code {
	case errInhibited:
		a.d.Dirty = true // it shut itself, or would have: say once more what we want
	case errLever:
		a.look = true
	}
}

// selfChecked takes the self-check's word: it knows of one fault at most. Called with the lock held.
func (a *Acceptor) selfChecked(code byte) {
	m := meaning{}
	if code != 0 {
		m = checkMeaning(code)
	}
	for _, p := range acceptor.Places {
		if p == acceptor.Line || p == acceptor.Lever || time.Since(a.d.Faults[p].Since) < faultHold {
			continue
		}
		if p == m.at {
			a.d.Faults[p] = acceptor.Placed{Fault: a.d.Fail(m.kind, "self-check", m.text)}
		} else {
			delete(a.d.Faults, p)
		}
	}
}

// Answers to header 248 (part 3, table 4).
const (
	statusLever  = 1
	statusString = 2
)

// looked takes the answer to header 248. Called with the lock held.
func (a *Acceptor) looked(status byte) {
	now := time.Now()
	if status == statusString {
		a.d.Faults[acceptor.Honesty] = acceptor.Placed{Fault: a.d.Fail(fault.Tampered, "look", "a coin on a string"), Since: now}
	}
	switch {
	case status != statusLever:
		a.lever = time.Time{}
		delete(a.d.Faults, acceptor.Lever)
	case a.lever.IsZero():
		a.lever = now
	case now.Sub(a.lever) >= leverHold:
		a.d.Faults[acceptor.Lever] = acceptor.Placed{Fault: a.d.Fail(fault.Jammed, "look", "the return lever is held down: every coin falls through")}
	}
}
