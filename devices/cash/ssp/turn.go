package ssp

import (
	"context"
	"strconv"
	"strings"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// talk is what one conversation knows of the unit, from its "sync" to its end.
type talk struct {
	unit       unit
	version    byte // of the protocol, as it is set now
	found      byte // the version that the unit had when it was found; 0 when it did not say
	best       byte // the version that we both speak
	known      bool // it was known before
	doubts     int  // how many were told before
	acks       bool // it is asked to repeat its events until they are acknowledged
	counts     bool // it has counters
	unacked    bool // the last answer waits for its acknowledgement
	needs      int  // the signal that must be written down before
	rest       int  // answers in a row that show it at rest
	opening    bool // the device is not ready yet
	first      bool // the next answer is the first: what it tells may have been told before
	restarted  bool // it said so
	configured time.Time
	counted    time.Time // when the levels were read
	stuck      int       // answers in a row that tell of a jam in the payout
}

// setUp gets to know the unit, learns what was missed, and brings it to where the owner wants it.
func (a *Acceptor) setUp(ctx context.Context, l *line, c *talk) error {
	rescued, err := l.rescue()
	if err != nil {
		return err
	}
	if err := l.sync(syncTries); err != nil {
		return err
	}
	l.missing = nil
	if a.o.Encrypted {
		if err := l.agree(a.o.Key); err != nil {
			return err
		}
	}
	// Before anything else, and above all before a poll: a note that is held goes on with the next poll.
	held, err := a.holds(l)
	if err != nil {
		return err
	}
	if err := a.identify(l, c); err != nil {
		return err
	}
	now, err := a.count(l, c)
	if err != nil {
		return err
	}
	// Counters say more than repeated events, which may be told twice: those are for a unit that does not count.
	c.opening, c.first, c.acks = true, true, a.o.Encrypted && !c.counts
	a.begin(held, now)
	if rescued != nil {
		if err := a.hear(l, c, rescued); err != nil {
			return err
		}
		c.first = true // of what waits in the unit
	}
	if err := a.missed(ctx, l, c); err != nil {
		return err
	}
	if err := a.raise(ctx, l, c); err != nil {
		return err
	}
	if err := a.configure(l, c); err != nil {
		return err
	}
	if err := a.enable(l, c); err != nil {
		return err
	}
	if now, err = a.count(l, c); err != nil {
		return err
	}
	c.opening, c.restarted = false, false
	a.d.Lock()
	defer a.d.Unlock()
	a.now = now
	a.leftOver(nil)
	delete(a.d.Faults, acceptor.Line)
	a.d.Settle(nil)
	a.d.Online = true
	a.d.Emit(cash.Signal{What: cash.Ready})
	return nil
}

// holds asks whether a note is in escrow, by the command that keeps it there.
func (a *Acceptor) holds(l *line) (bool, error) {
	_, err := l.ask(cmdHold)
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Invalid) {
		return false, nil
	}
	return err == nil, err
}

// versions are the protocol versions that we speak, best first. Version 6 is the first that names currencies.
var versions = []byte{8, 7, 6}

// identify reads who the unit is and which notes it takes.
func (a *Acceptor) identify(l *line, c *talk) error {
	if err := negotiate(l, c); err != nil {
		return err
	}
	data, err := l.ask(cmdSetup)
	if err != nil {
		return err
	}
	s, err := parseSetup(data)
	if err != nil {
		return err
	}
	if takes := s.unit == unitValidator || s.unit == unitPayout || s.unit == unitNoteFloat; a.o.Hopper && s.unit != unitHopper {
		return &fault.Error{Kind: fault.Invalid, Device: "ssp", Op: "open", Detail: "this is no hopper but a " + s.unit.String()}
	} else if !a.o.Hopper && !takes {
		return &fault.Error{Kind: fault.Invalid, Device: "ssp", Op: "open", Detail: "this takes no notes but is a " + s.unit.String()}
	}
	c.unit = s.unit
	info := cash.Info{Protocol: a.protocol(), Maker: "Innovative Technology", Model: s.unit.String(), Firmware: s.firmware}
	if info.Serial, err = serial(l); err != nil {
		return err
	}
	for _, cmd := range []byte{cmdFirmware, cmdDataset} {
		text, err := l.ask(cmd)
		if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Refused) {
			return err
		}
		if t := strings.TrimRight(string(text), " \x00"); t != "" && cmd == cmdDataset {
			info.Model += " " + t
		} else if t != "" {
			info.Firmware = t
		}
	}
	info.Faces = acceptor.Named(s.faces)
	if !a.o.Hopper {
		info.Faces = acceptor.Named(s.faces[:min(len(s.faces), channelsMax)]) // no other can be let in
	}
	a.d.Lock()
	a.d.Info, a.unit, a.channels = info, s.unit, s.faces
	c.known, c.doubts = a.d.Mark.Known, a.doubts
	a.d.Unlock()
	return lower(l, c)
}

func (a *Acceptor) protocol() string {
	if a.o.Encrypted {
		return "essp"
	}
	return "ssp"
}

func serial(l *line) (string, error) {
	data, err := l.ask(cmdSerial)
	if err != nil {
		return "", err
	}
	if len(data) != 4 {
		return "", l.fault(fault.Garbled, cmdSerial, "a serial number of another size", data)
	}
	n := uint64(data[0])<<24 | uint64(data[1])<<16 | uint64(data[2])<<8 | uint64(data[3])
	return strconv.FormatUint(n, 10), nil
}

// count reads the counters; of a unit without them what is not known.
func (a *Acceptor) count(l *line, c *talk) (counters, error) {
	data, err := l.ask(cmdCounters)
	if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused) {
		c.counts = false
		return counters{}, nil
	}
	if err != nil {
		return counters{}, err
	}
	c.counts = true
	return parseCounters(data)
}

// missed hears what happened while nobody listened, until it is known where the open note went. A note that is still
// held is not polled, and one that is stuck is told later.
func (a *Acceptor) missed(ctx context.Context, l *line, c *talk) error {
	for end := time.Now().Add(missedMax); !a.caughtUp(c) && ctx.Err() == nil && time.Now().Before(end); {
		if err := a.listen(l, c); err != nil {
			return err
		}
		if !a.caughtUp(c) {
			time.Sleep(pollEvery)
		}
	}
	return ctx.Err()
}

func (a *Acceptor) caughtUp(c *talk) bool {
	a.d.Lock()
	defer a.d.Unlock()
	held, open := a.held != nil && !a.held.gone, a.held != nil
	return held || !open && c.rest > 0
}

// configure gives the unit its inhibits and enables it, as the owner wants.
func (a *Acceptor) configure(l *line, c *talk) error {
	a.d.Lock()
	want, held := a.d.Wanted, a.held != nil
	mask := acceptor.Mask(a.channels[:min(len(a.channels), channelsMax)], want.Faces)
	a.d.Unlock()
	last := byte(cmdEnable)
	if !want.Accept || mask == 0 {
		want.Accept, mask, last = false, 0, cmdDisable
	}
	err := error(nil)
	if c.unit != unitHopper {
		_, err = l.ask(cmdInhibits, byte(mask), byte(mask>>8))
	}
	// A unit that is disabled may give a held note back. Without channels it takes no other.
	if err == nil && c.unit != unitHopper && (want.Accept || !held) {
		_, err = l.ask(last)
	}
	c.configured = time.Now()
	a.d.Lock()
	defer a.d.Unlock()
	if err == nil {
		a.shutLate = !want.Accept && held
	}
	return a.d.Took(want, err)
}

// turn is one round. While a note is held no poll is sent unless it is to go on: a poll is how the protocol says "stack".
func (a *Acceptor) turn(l *line, c *talk) error {
	a.d.Lock()
	dirty := a.d.Dirty && a.d.Refusal == nil && !a.shut(c)
	late := a.shutLate && a.held == nil
	a.d.Unlock()
	switch {
	case dirty:
		if err := a.configure(l, c); err != nil {
			return err
		}
	case late:
		if _, err := l.ask(cmdDisable); err != nil && !fault.Is(err, fault.Refused) {
			return err
		}
		a.d.Lock()
		a.shutLate = false
		a.d.Unlock()
	}
	on, err := a.act(l)
	if err != nil || !on {
		return err
	}
	return a.listen(l, c)
}

// shut says whether giving the settings again would only be answered by the unit shutting itself again. Called with the lock held.
func (a *Acceptor) shut(c *talk) bool {
	if a.d.Applied.Number != a.d.Wanted.Number {
		return false
	}
	_, box := a.d.Faults[acceptor.Box]
	_, room := a.d.Faults[acceptor.Room]
	return box || room || time.Since(c.configured) < settingsEvery
}

// act does what the owner decided about the note in escrow, or holds it. It says whether the unit may be polled.
func (a *Acceptor) act(l *line) (poll bool, err error) {
	a.d.Lock()
	h := a.held
	if h == nil || h.Acked || h.gone && h.Decision != acceptor.Back {
		if h != nil && h.Decision == acceptor.Stack && !h.Acked {
			kind, why := fault.Empty, "the note is not in escrow any more"
			if a.d.BoxOut {
				kind, why = fault.Refused, "the box is out"
			}
			h.Deny(a.d.Fail(kind, "stack", why))
			a.d.Change()
		}
		a.d.Unlock()
		return true, nil
	}
	do, due := h.Decision, time.Since(h.held) >= holdEvery
	a.d.Unlock()
	switch {
	case do == acceptor.Stack:
		return a.letGo(l, h)
	case do == acceptor.Back:
		_, err = l.ask(cmdReject)
	case due:
		_, err = l.ask(cmdHold)
	default:
		return false, nil
	}
	refused := fault.Is(err, fault.Refused)
	if err != nil && !refused {
		return false, err
	}
	a.d.Lock()
	defer a.d.Unlock()
	defer a.d.Change()
	h.held = time.Now()
	h.gone = h.gone || refused
	// A note that is not there to be given back has been: nothing is left to be commanded.
	h.Acked = do == acceptor.Back && h.Decision == acceptor.Back
	return refused || h.Acked, nil
}

// letGo holds the note once more before the poll that lets it go on: if it is not there, the poll must not meet another.
func (a *Acceptor) letGo(l *line, h *pending) (poll bool, err error) {
	_, err = l.ask(cmdHold)
	a.d.Lock()
	defer a.d.Unlock()
	switch {
	case fault.Is(err, fault.Refused):
		h.gone = true
		h.Deny(a.d.Fail(fault.Empty, "stack", "the note is not in escrow any more"))
		a.d.Change()
	case err != nil:
		return false, err
	case h.Decision == acceptor.Stack:
		h.Acked = true // with the poll that follows
	default:
		return false, nil
	}
	return true, nil
}

// listen polls, and tells what the answer says. An answer that the unit repeats until it is acknowledged is told once,
// and acknowledged when the owner has written down what it meant; until then the repetition keeps the unit awake.
func (a *Acceptor) listen(l *line, c *talk) error {
	if c.unacked {
		if done, err := a.acknowledge(l, c); !done {
			return err
		}
	}
	cmd := byte(cmdPoll)
	if c.acks {
		cmd = cmdPollAck
	}
	data, err := l.ask(cmd)
	if cmd == cmdPollAck && (fault.Is(err, fault.Invalid) || fault.Is(err, fault.Refused)) {
		cmd, c.acks = cmdPoll, false
		data, err = l.ask(cmd)
	}
	if err != nil {
		return err
	}
	if err := a.hear(l, c, data); err != nil {
		return err
	}
	if c.restarted && !c.opening {
		return errRestarted
	}
	if c.opening || !c.unit.pays() {
		return nil
	}
	return a.serve(l, c)
}

// acknowledge lets the unit forget its last answer, if it is written down. It says whether the next poll brings news.
func (a *Acceptor) acknowledge(l *line, c *talk) (bool, error) {
	a.d.Lock()
	written := a.d.Written(c.needs)
	a.d.Unlock()
	if !written {
		_, err := l.ask(cmdPollAck)
		return false, err
	}
	if _, err := l.ask(cmdEventAck); err != nil && !fault.Is(err, fault.Refused) {
		return false, err
	}
	c.unacked = false
	return true, nil
}

// hear takes a poll's answer.
func (a *Acceptor) hear(l *line, c *talk, data []byte) error {
	list, bad := parseEvents(data, c.unit, c.version)
	if err := a.consult(l, c, list); err != nil {
		return err
	}
	a.d.Lock()
	atRest, needAck, jam := true, false, false
	for _, e := range list {
		needAck = needAck || repeated[e.code]
	}
	if c.first {
		list = a.untold(list)
	}
	for _, e := range list {
		atRest = atRest && !moving[e.code] && e.code != evRead
		a.event(c, e, data)
		a.paidEvent(c, e)
		jam = jam || e.code == evPayoutJam
	}
	c.first = false
	if bad != nil {
		a.d.Log.Warn("ssp: unreadable events", "error", bad)
		f := a.d.Fail(fault.Garbled, "poll", bad.Error())
		f.Raw = data
		a.d.Hang(acceptor.Device, f)
	}
	a.fades(time.Now())
	if !c.opening {
		a.d.Settle(data)
	}
	if c.rest++; !atRest {
		c.rest = 0
	}
	if c.stuck++; !jam {
		c.stuck = 0
	}
	c.unacked, c.needs = c.acks && needAck, a.d.MoneyTold()
	a.d.Change()
	a.d.Unlock()
	if err := a.explain(l); err != nil {
		return err
	}
	if err := a.hold(l, c, data); err != nil {
		return err
	}
	return a.resolve(l, c, data)
}

// consult reads the counters when an event can only be understood with them.
func (a *Acceptor) consult(l *line, c *talk, list []event) error {
	a.d.Lock()
	old := c.first || a.held != nil && a.held.gone
	a.d.Unlock()
	for _, e := range list {
		switch e.code {
		case evCredit, evRejected, evRead:
			if !old || e.code == evRead && e.channel == 0 {
				continue
			}
			fallthrough
		case evToBox, evToFront, evStackedAtUp, evStoredAtUp:
			now, err := a.count(l, c)
			if err != nil {
				return err
			}
			a.d.Lock()
			a.now = now
			a.d.Unlock()
			return nil
		}
	}
	return nil
}

// explain asks why notes were turned away.
func (a *Acceptor) explain(l *line) error {
	a.d.Lock()
	n := a.refusals
	a.refusals = 0
	a.d.Unlock()
	if n == 0 {
		return nil
	}
	data, err := l.ask(cmdLastReject)
	if err != nil && !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Invalid) {
		return err
	}
	text := "turned away"
	if len(data) > 0 {
		text = rejectText(data[0])
	}
	a.d.Lock()
	defer a.d.Unlock()
	for range n {
		a.d.Emit(cash.Signal{What: cash.Refused, Fault: a.d.Fail(fault.Refused, "validate", text), Raw: data})
	}
	return nil
}

// hold keeps a note that has just reached escrow, and tells of it when the counters of this instant are known: they
// will say what became of it, whatever happens to us.
func (a *Acceptor) hold(l *line, c *talk, raw []byte) error {
	a.d.Lock()
	h := a.held
	fresh := h != nil && h.fresh
	a.d.Unlock()
	if !fresh {
		return nil
	}
	held, err := a.holds(l)
	if err != nil {
		return err
	}
	now, err := a.count(l, c)
	if err != nil {
		return err
	}
	a.d.Lock()
	defer a.d.Unlock()
	h.held, h.gone = time.Now(), !held
	a.present(h, now, raw)
	return nil
}
