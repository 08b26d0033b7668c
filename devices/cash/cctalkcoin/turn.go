package cctalkcoin

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
	noStatus bool // the device does not know header 248
}

// setUp gets to know the device and brings it to where the owner wants it.
func (a *Acceptor) setUp(ctx context.Context, l *ccbus.Line, c *chores) error {
	if err := l.Probe(a.o.Checksum); err != nil {
		return err
	}
	// Whatever it was told before: no coin comes in while we learn who it is.
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
	if err := a.sort(l); err != nil {
		return err
	}
	if err := a.configure(l); err != nil {
		return err
	}
	code, err := l.Query(ccbus.SelfCheck, nil, ccbus.Any)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	status, err := l.Query(hdrStatus, nil, 1)
	if c.noStatus = err != nil; c.noStatus && !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Silent) {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	delete(a.d.Faults, acceptor.Line)
	a.known(events)
	a.checked(code, status)
	a.d.Online = true
	a.d.Emit(cash.Signal{What: cash.Ready})
	return nil
}

// identify reads who the device is and which coins it takes.
func (a *Acceptor) identify(ctx context.Context, l *ccbus.Line) error {
	id, err := l.Identify("Coin")
	if err != nil {
		return err
	}
	types, err := a.readTypes(ctx, l)
	if err != nil {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.d.Info = cash.Info{Protocol: device, Maker: id.Maker, Model: id.Model, Serial: id.Serial, Firmware: id.Firmware, Faces: acceptor.Named(types[:])}
	a.types = types
	return nil
}

// readTypes asks for the text of each coin type. An acceptor with fewer types says no to the rest. One that says
// nothing is believed to have no more only when it was silent at the same type before: a type that noise hid
// would be turned away until the next start.
func (a *Acceptor) readTypes(ctx context.Context, l *ccbus.Line) (types [typesMax]cash.Note, err error) {
	for i := range typesMax {
		if ctx.Err() != nil {
			return types, ctx.Err()
		}
		text, err := l.Query(hdrCoinID, []byte{byte(i + 1)}, ccbus.CoinBytes)
		if fault.Is(err, fault.Silent) && i > 0 && a.silentAt != i {
			a.silentAt = i
			return types, err
		}
		if fault.Is(err, fault.Refused) || fault.Is(err, fault.Silent) && i > 0 {
			break
		}
		if err != nil {
			return types, err
		}
		coin, ok, err := ccbus.ParseCoin(string(text))
		if err != nil {
			return types, err
		}
		if ok {
			types[i] = coin
		}
	}
	return types, nil
}

// sort gives the sorter its paths. A device that does not take one keeps its own, which its events tell.
func (a *Acceptor) sort(l *ccbus.Line) error {
	for i, t := range a.types { // of our own goroutine
		path, ok := a.o.Paths[t.Face]
		if !ok || t.Face == 0 {
			continue
		}
		_, err := l.Query(hdrSetPath, []byte{byte(i + 1), path}, 0)
		if fault.Is(err, fault.Refused) {
			a.d.Log.Warn("cctalk-coin: the sorter does not take its path", "face", t.Face, "path", path)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// configure gives the device inhibits and master inhibit as the owner wants them.
func (a *Acceptor) configure(l *ccbus.Line) error {
	a.d.Lock()
	want, mask := a.d.Wanted, a.maskOf(a.d.Wanted.Faces)
	if mask == 0 {
		// Never all zero, see ccbus.LostSettings; with no face that we know the master inhibit stays on.
		want.Accept = false
		mask = max(1, a.maskOf(a.d.Info.Faces))
	}
	a.bare = a.bare && !want.Accept // from now on a coin may come in, and what a restart loses is news
	a.d.Unlock()
	var err error
	for range triesMax {
		if err = give(l, want.Accept, []byte{byte(mask), byte(mask >> 8)}); err == nil || !ccbus.Retry(err) {
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

// give says all settings in one go, and from the beginning after any that was not acknowledged: an acceptor that
// restarted in between has forgotten the earlier ones.
func give(l *ccbus.Line, accept bool, mask []byte) error {
	if !accept {
		if _, err := l.Ask(ccbus.SetMaster, []byte{0}, 0); err != nil {
			return err
		}
		_, err := l.Ask(ccbus.SetInhibits, mask, 0)
		return err
	}
	if _, err := l.Ask(ccbus.SetInhibits, mask, 0); err != nil {
		return err
	}
	_, err := l.Ask(ccbus.SetMaster, []byte{1}, 0)
	return err
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
	if fault.Is(err, fault.Busy) {
		return nil
	}
	if err != nil {
		return err
	}
	c.missed = false
	a.hear(ccbus.ParseEvents(data), restarted, data)
	a.d.Lock()
	dirty := a.d.Dirty && a.d.Refusal == nil
	a.d.Unlock()
	if dirty {
		if err := a.configure(l); err != nil {
			return err
		}
	}
	a.readyAgain()
	return a.lookAround(l, c)
}

// readyAgain tells of a device that has restarted and is set up again.
func (a *Acceptor) readyAgain() {
	a.d.Lock()
	defer a.d.Unlock()
	if a.restart && !a.d.Dirty {
		a.restart = false
		a.d.Emit(cash.Signal{What: cash.Ready})
	}
}

// lookAround does what is due now and then: read the settings back, ask for faults and for the lever.
func (a *Acceptor) lookAround(l *ccbus.Line, c *chores) error {
	a.d.Lock()
	faulty, clean := a.d.Faulty(), !a.d.Dirty
	soon := faulty || a.look || !a.lever.IsZero()
	a.d.Unlock()
	now := time.Now()
	if clean && now.Sub(c.verified) >= verifyEvery {
		if err := a.verify(l); err != nil {
			return err
		}
		c.verified = now
	}
	if since := now.Sub(c.checked); (!soon || since < checkEvery) && since < checkIdle {
		return nil
	}
	c.checked = now
	code, err := l.Ask(ccbus.SelfCheck, nil, ccbus.Any)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	var status []byte
	if !c.noStatus {
		if status, err = l.Ask(hdrStatus, nil, 1); err != nil && !fault.Is(err, fault.Refused) {
			return err
		}
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.look = false
	a.checked(code, status)
	a.d.Change()
	return nil
}

// checked takes the answers of self-check and status, where there are some. Called with the lock held.
func (a *Acceptor) checked(code, status []byte) {
	if len(code) > 0 {
		a.selfChecked(code[0])
	}
	if len(status) > 0 {
		a.looked(status[0])
	}
	a.d.Settle(code)
}

// verify reads the settings back, and has them given anew when the device has forgotten them.
func (a *Acceptor) verify(l *ccbus.Line) error {
	on, err := l.Ask(ccbus.ReadMaster, nil, 1)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	mask, err := l.Ask(ccbus.ReadInhibits, nil, 2)
	if err != nil && !fault.Is(err, fault.Refused) {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	if len(on) > 0 && (on[0]&1 == 1) != a.d.Applied.Accept ||
		len(mask) > 1 && (mask[0] != byte(a.mask) || mask[1] != byte(a.mask>>8)) {
		a.d.Dirty = true
		a.d.Change()
	}
	return nil
}
