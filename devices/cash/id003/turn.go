package id003

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// turn is one round: hear where the note is first, so that every act rests on what is really so.
func (a *Acceptor) turn(l *line) error {
	s, err := l.status()
	if err != nil {
		return err
	}
	a.d.Lock()
	named := a.named
	a.d.Unlock()
	if !named && !s.state.starts() {
		if err := a.identify(l); err != nil {
			return err
		}
	}
	a.d.Lock()
	delete(a.d.Faults, acceptor.Line)
	a.hear(s)
	a.d.Unlock()
	if done, err := a.release(l); done || err != nil {
		return err
	}
	if err := a.configure(l); err != nil {
		return err
	}
	a.greet()
	return a.act(l)
}

// identify reads who the device is and which notes it takes, and compares it with the one that we know.
func (a *Acceptor) identify(l *line) error {
	version, err := l.read(cmdVersion)
	if err != nil {
		return err
	}
	table, err := l.read(cmdCurrency)
	if err != nil {
		return err
	}
	rows, err := parseTable(table, a.o.Countries)
	if err != nil {
		return err
	}
	text, model, firmware := parseVersion(version)
	a.d.Lock()
	defer a.d.Unlock()
	a.rows, a.named = rows, true
	a.d.Info = cash.Info{Protocol: "id003", Maker: maker, Model: model, Firmware: firmware, Faces: acceptor.Named(a.notes())}
	a.begin(text, version)
	a.d.Change()
	return nil
}

// maker is whose protocol it is. The device does not say who made it.
const maker = "JCM"

// release does what makes the device forget: the acknowledgement of a credit and RESET. Both wait until the owner
// has written down what it was told. done says that a turn ends here.
func (a *Acceptor) release(l *line) (done bool, err error) {
	a.d.Lock()
	s, settled, waited := a.now.state, a.d.Written(a.owed), time.Since(a.since)
	stuck := a.held == nil && waited >= resetStuck && (s == stJamAcceptor || s == stJamStacker || s == stFailure)
	reset := settled && (stuck || s.starts() && (!a.asked || waited >= resetAgain))
	credit := settled && s == stVendValid && a.mem.phase == vended
	if reset {
		a.since, a.asked = time.Now(), true
	} else if !s.starts() {
		a.asked = false
	}
	a.d.Unlock()
	switch {
	case reset:
		err = l.operate(cmdReset)
		if fault.Is(err, fault.Refused) {
			err = nil // it is told again
		}
		return true, err
	case credit:
		a.d.Poke() // whether it heard is seen at once
		return true, l.acknowledge()
	}
	return s.starts(), nil
}

// configure gives the device its settings when it takes any and has not got them.
func (a *Acceptor) configure(l *line) error {
	a.d.Lock()
	a.disobeyed()
	if !a.now.state.takes() || !a.d.Dirty || a.d.Refusal != nil {
		a.d.Unlock()
		return nil
	}
	want := a.d.Wanted
	mask := uint16(acceptor.Mask(a.notes(), want.Faces))
	want.Accept = want.Accept && mask != 0
	a.d.Unlock()
	var err error
	for range triesMax {
		if err = give(l, want.Accept, ^mask); err == nil || !acceptor.Retry(err) {
			break
		}
	}
	a.d.Lock()
	defer a.d.Unlock()
	if err == nil {
		a.given = time.Now()
	}
	return a.d.Took(want, err)
}

// disobeyed looks whether the acceptor idles as it was told. Called with the lock held.
func (a *Acceptor) disobeyed() {
	other := stEnabled
	if a.d.Applied.Accept {
		other = stInhibited
	}
	if a.now.state == other && time.Since(a.given) >= obeyLimit {
		a.d.Dirty = true
	}
}

// give says all settings in one go, the mouth shut meanwhile.
func give(l *line, accept bool, denied uint16) error {
	steps := []message{
		{setInhibit, []byte{1}},
		{setDenominations, []byte{byte(denied), byte(denied >> 8)}},
		{setSecurity, []byte{0, 0}},
		{setMode, []byte{0}}, // it is polled and does not speak unasked
		{setDirection, []byte{0}},
	}
	if accept {
		steps = append(steps, message{setInhibit, []byte{0}})
	}
	for _, s := range steps {
		if err := l.set(s.code, s.data...); err != nil {
			return err
		}
	}
	return nil
}

// greet tells once that the acceptor is there and set up, as far as its state allows.
func (a *Acceptor) greet() {
	a.d.Lock()
	defer a.d.Unlock()
	if a.ready || a.now.state == stInitialize || a.d.Dirty && a.d.Refusal == nil && a.now.state.takes() {
		return
	}
	a.ready, a.d.Online = true, true
	a.d.Emit(cash.Signal{What: cash.Ready})
}

// act sends the note in escrow on its way, or holds it. It comes right after a poll that shows the note.
func (a *Acceptor) act(l *line) error {
	a.d.Lock()
	h := a.held
	if h == nil || !h.Due(time.Now(), pace) || !a.now.state.holds() && (h.Decision != acceptor.Back || a.now.state != stOpen && a.now.state != stFull) {
		a.d.Unlock()
		return nil
	}
	do := h.Decision
	h.Sent = time.Now()
	a.d.Unlock()

	err := l.operate(map[acceptor.Decision]byte{acceptor.Undecided: cmdHold, acceptor.Stack: cmdStack, acceptor.Back: cmdReturn}[do])

	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	if a.held != h || h.Decision != do {
		return err
	}
	switch {
	case fault.Is(err, fault.Refused):
		h.Illegal = true // the next poll shows whether the note is still there
		a.d.Poke()
		return nil
	case err != nil:
		h.Routes++
		return err
	}
	h.Acked, h.Routes = do != acceptor.Undecided, 0
	return nil
}

// pace is when a command about a note is given again.
var pace = acceptor.Pace{Hold: holdEvery, Unheard: againUnheard, Heard: againHeard}
