package id003

import (
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// turn is one round: hear where the note is first, so that every act rests on what is really so.
func (a *Acceptor) turn(l *line) error {
	s, err := l.status()
	if err != nil {
		return err
	}
	a.mu.Lock()
	named := a.named
	a.mu.Unlock()
	if !named && !s.state.starts() {
		if err := a.identify(l); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.offline = nil
	a.hear(s)
	a.mu.Unlock()
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
	info := cash.Info{Protocol: "id003", Maker: maker, Model: model, Firmware: firmware}
	for _, r := range rows {
		if n := r.note(a.o.Countries); n.Face > 0 {
			info.Faces = append(info.Faces, n)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.info, a.rows, a.named = info, rows, true
	a.begin(text, version)
	a.change()
	return nil
}

// maker is whose protocol it is. The device does not say who made it.
const maker = "JCM"

// release does what makes the device forget: the acknowledgement of a credit and RESET. Both wait until the owner
// has written down what it was told. done says that a turn ends here.
func (a *Acceptor) release(l *line) (done bool, err error) {
	a.mu.Lock()
	s, settled, waited := a.now.state, a.written >= a.owed, time.Since(a.since)
	stuck := a.held == nil && waited >= resetStuck && (s == stJamAcceptor || s == stJamStacker || s == stFailure)
	reset := settled && (stuck || s.starts() && (!a.asked || waited >= resetAgain))
	credit := settled && s == stVendValid && a.mem.phase == vended
	if reset {
		a.since, a.asked = time.Now(), true
	} else if !s.starts() {
		a.asked = false
	}
	a.mu.Unlock()
	switch {
	case reset:
		err = l.operate(cmdReset)
		if fault.Is(err, fault.Refused) {
			err = nil // it is told again
		}
		return true, err
	case credit:
		a.poke() // whether it heard is seen at once
		return true, l.acknowledge()
	}
	return s.starts(), nil
}

// configure gives the device its settings when it takes any and has not got them.
func (a *Acceptor) configure(l *line) error {
	a.mu.Lock()
	a.disobeyed()
	if !a.now.state.takes() || !a.dirty || a.refusal != nil {
		a.mu.Unlock()
		return nil
	}
	want := a.wanted
	mask := a.maskOf(want.faces)
	want.accept = want.accept && mask != 0
	a.mu.Unlock()
	var err error
	for range triesMax {
		if err = give(l, want.accept, ^mask); err == nil || !retry(err) {
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
	a.applied, a.given = want, time.Now()
	a.dirty = a.wanted.number != want.number
	return nil
}

// disobeyed looks whether the acceptor idles as it was told. Called with mu held.
func (a *Acceptor) disobeyed() {
	other := stEnabled
	if a.applied.accept {
		other = stInhibited
	}
	if a.now.state == other && time.Since(a.given) >= obeyLimit {
		a.dirty = true
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
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ready || a.now.state == stInitialize || a.dirty && a.refusal == nil && a.now.state.takes() {
		return
	}
	a.ready, a.online = true, true
	a.emit(cash.Signal{What: cash.Ready})
}

// act sends the note in escrow on its way, or holds it. It comes right after a poll that shows the note.
func (a *Acceptor) act(l *line) error {
	a.mu.Lock()
	h := a.held
	if h == nil || !h.due(time.Now()) || !a.now.state.holds() && (h.decision != back || a.now.state != stOpen && a.now.state != stFull) {
		a.mu.Unlock()
		return nil
	}
	do := h.decision
	h.sent = time.Now()
	a.mu.Unlock()

	err := l.operate(map[decision]byte{undecided: cmdHold, stack: cmdStack, back: cmdReturn}[do])

	a.mu.Lock()
	defer a.mu.Unlock()
	defer a.change()
	if a.held != h || h.decision != do {
		return err
	}
	switch {
	case fault.Is(err, fault.Refused):
		h.no = true // the next poll shows whether the note is still there
		a.poke()
		return nil
	case err != nil:
		h.routes++
		return err
	}
	h.acked, h.routes = do != undecided, 0
	return nil
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
