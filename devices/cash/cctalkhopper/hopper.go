package cctalkhopper

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// hopper is one hopper as Run's goroutine knows it.
type hopper struct {
	p       *Payer
	address byte
	named   bool      // in the configuration: it is missed when it is not there
	face    cash.Note // in the configuration; zero when the hopper has to say it
	coin    cash.Note // zero until known

	line *ccbus.Line // nil while off line
	bye  func() bool // ends the watch over line
	met  bool        // it was on line once
	id   ccbus.Identity
	by   By

	status   status
	count    uint32
	flags    registers
	pardoned registers // flags of which somebody said that their cause was mended
	sensor   bool      // it has a level sensor
	low      bool

	lost    *fault.Error // why it is off line
	refusal *fault.Error // why it is of no use although it is there
	last    *fault.Error // what ended its last payout

	failures int
	tired    bool // it was waited for in vain: no long waits before it answers
	pause    time.Duration
	again    time.Time // when it is tried to be reached again
	tested   time.Time
	levelled time.Time
}

// key names a hopper in a memory.
func (h *hopper) key() string { return fmt.Sprintf("%d:%s", h.address, h.id.Serial) }

// fault is what is wrong with it, the worst first; nil when it can pay.
func (h *hopper) fault() *fault.Error {
	switch f := h.flags.worst(standing); {
	case h.lost != nil:
		return h.lost
	case !h.met:
		return fail(fault.Absent, "open", "being looked for")
	case h.refusal != nil:
		return h.refusal
	case f != nil:
		return f
	}
	return h.last
}

// join takes a place on the bus and finds out whether it is our hopper that is there.
func (h *hopper) join() error {
	l, err := h.p.bus.Join(h.address, device)
	if err != nil {
		return &fault.Error{Kind: fault.Absent, Device: device, Op: "open", Err: err}
	}
	h.line = l
	h.bye = context.AfterFunc(h.p.life, func() { time.AfterFunc(goodbyeLimit, l.Break) })
	if err = l.Probe(h.p.o.Checksum); err == nil {
		err = h.identify()
	}
	if err != nil {
		h.leave()
	}
	return err
}

func (h *hopper) identify() error {
	id, err := h.line.Identify("Payout")
	if err != nil {
		return err
	}
	if h.id.Serial != "" && id.Serial != h.id.Serial {
		h.id, h.last, h.flags = ccbus.Identity{}, nil, registers{} // from now on it is that one
		return fail(fault.Doubtful, "open", fmt.Sprintf("at address %d is another hopper than before", h.address))
	}
	h.id = id
	return nil
}

// leave gives the place on the bus up.
func (h *hopper) leave() {
	if h.line == nil {
		return
	}
	h.bye()
	h.line.Leave()
	h.line = nil
}

// setUp gets to know a hopper and leaves it disabled, unless it is paying: an earlier program's order is left alone.
func (h *hopper) setUp() error {
	if err := h.join(); err != nil {
		return err
	}
	if err := h.meet(); err != nil {
		h.leave()
		return err
	}
	h.met, h.lost, h.failures, h.pause = true, nil, 0, reopenFirst
	return nil
}

func (h *hopper) meet() error {
	h.refusal = nil
	if err := h.learnCoin(); err != nil {
		return err
	}
	if err := h.learnOrder(); err != nil {
		return err
	}
	if err := h.test(); err != nil {
		return err
	}
	if err := h.read(); err != nil {
		return err
	}
	if err := h.level(); err != nil {
		return err
	}
	if h.status.remaining > 0 {
		return nil
	}
	_, err := h.line.Query(hdrEnable, []byte{0}, 0)
	return err
}

// learnCoin asks which coin it holds, unless that was named.
func (h *hopper) learnCoin() error {
	if h.coin = h.face; h.coin.Face > 0 {
		return nil
	}
	text, err := h.line.Query(hdrCoin, nil, ccbus.CoinBytes)
	if err != nil && !fault.Is(err, fault.Refused) && !fault.Is(err, fault.Silent) {
		return err
	}
	coin, ok, bad := ccbus.ParseCoin(string(text))
	if err != nil || bad != nil || !ok {
		return fail(fault.Invalid, "open", hintCoin)
	}
	h.coin = coin
	return nil
}

// learnOrder finds out how an order has to be given.
func (h *hopper) learnOrder() error {
	if h.by = h.p.o.By; h.by == Auto {
		h.by = quirkOf(h.id.Model)
	}
	if h.by == Auto {
		_, err := h.line.Query(hdrCipherKey, nil, keyBytes)
		switch {
		case err == nil:
			h.by = Cipher
		case fault.Is(err, fault.Refused) || fault.Is(err, fault.Silent):
			h.by = Plain
		default:
			return err
		}
	}
	if h.by == Cipher && h.p.o.Cipher == nil {
		h.refusal = fail(fault.Broken, "open", hintCipher)
	}
	return nil
}

const keyBytes = 8

// test reads the registers.
func (h *hopper) test() error {
	b, err := h.line.Query(hdrTest, nil, ccbus.Any)
	if err != nil {
		return err
	}
	h.tested = time.Now()
	h.judge(parseRegisters(b))
	return nil
}

// judge takes what the registers say. A hopper that was switched off and on was in somebody's hands.
func (h *hopper) judge(r registers) {
	if r.restarted() && !h.flags.restarted() && h.flags.n > 0 {
		h.last, h.pardoned = nil, registers{}
	}
	h.flags = r
	if f := r.without(h.pardoned).worst(past); f != nil {
		h.last = f
	}
}

// read asks for the last payout and the lifetime count.
func (h *hopper) read() error {
	b, err := h.line.Query(hdrStatus, nil, statusBytes)
	if err != nil {
		return err
	}
	n, err := h.line.Query(hdrDispensed, nil, 3)
	if fault.Is(err, fault.Refused) {
		return fail(fault.Invalid, "open", hintCount)
	}
	if err != nil {
		return err
	}
	h.status, h.count = parseStatus(b), parseCount(n)
	return nil
}

// level asks the level sensor, where there is one. One that sees more coins again ends an emptiness.
func (h *hopper) level() error {
	b, err := h.line.Query(hdrLevels, nil, 1)
	h.levelled = time.Now()
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Silent) && !h.sensor {
		return nil
	}
	if err != nil {
		return err
	}
	was := h.low
	h.sensor = b[0]&levelSensor != 0
	h.low = h.sensor && b[0]&levelLow != 0
	if was && !h.low && h.last != nil && h.last.Kind == fault.Empty {
		h.pardon()
	}
	return nil
}

// pardon forgets what ended the last payout, also when its flags still stand.
func (h *hopper) pardon() { h.last, h.pardoned = nil, h.flags }

// tend does what is due for an idle hopper.
func (h *hopper) tend() {
	now := time.Now()
	if h.line == nil {
		if now.Before(h.again) || h.lost != nil && !h.named && !h.met && h.p.swept {
			return
		}
		if err := h.setUp(); err != nil {
			h.gone(err)
		}
		return
	}
	var err error
	if now.Sub(h.tested) >= testEvery {
		err = h.test()
	}
	if err == nil && now.Sub(h.levelled) >= levelEvery {
		err = h.level()
	}
	err = h.anew(err)
	switch {
	case err == nil:
		h.failures = 0
	case ccbus.Retry(err) && h.failures+1 < failuresMax && h.line != nil:
		h.failures++
	default:
		h.gone(err)
	}
}

// anew sets a hopper up again of which something was asked, with err, on a line that was closed: its neighbour met the unplugged line, said so, and may
// have joined the new one. What was told once is not told again.
func (h *hopper) anew(err error) error {
	if !errors.Is(err, ccbus.ErrReopened) {
		return err
	}
	h.leave()
	return h.setUp()
}

// gone takes a hopper off line.
func (h *hopper) gone(err error) {
	h.leave()
	kind := fault.KindOf(err)
	f := &fault.Error{Kind: kind, Device: device, Op: "poll", Detail: fmt.Sprintf("hopper %d", h.address), Err: err}
	if kind == "" {
		f.Kind, f.Detail = fault.Absent, "the line is gone"
	}
	h.lost = f
	h.pause = max(h.pause, reopenFirst)
	h.again = time.Now().Add(h.pause)
	h.pause = min(2*h.pause, reopenMax)
	h.p.o.Log.Warn("cctalk-hopper: off line", "address", h.address, "error", err)
}

// sure asks until there is an answer, over an unplug and a restart as well, for as long as that may take. After the
// end of ctx it asks once more and no longer. A hopper that says no has answered.
func (h *hopper) sure(ctx context.Context, header byte, data []byte, size int) (answer []byte, err error) {
	end := time.Now().Add(healLimit)
	for {
		if err = h.present(); err == nil {
			answer, err = h.line.Query(header, data, size)
			if err == nil || fault.Is(err, fault.Refused) {
				h.tired = false
				return answer, err
			}
			if !ccbus.Retry(err) {
				h.leave()
			}
		}
		if h.tired = h.tired || !time.Now().Before(end); h.tired || ctx.Err() != nil || fault.Is(err, fault.Doubtful) {
			return nil, err
		}
		nap(healPause)
	}
}

// present joins the bus again when the line was lost.
func (h *hopper) present() error {
	if h.line != nil {
		return nil
	}
	err := h.join()
	if err == nil {
		h.lost, h.failures = nil, 0
	}
	return err
}

// nap waits: what has begun is not broken off.
func nap(d time.Duration) { <-time.After(d) }

// serialBytes are what an order by serial number begins with.
func (h *hopper) serialBytes() []byte {
	n, _ := strconv.ParseUint(h.id.Serial, 10, 24) // our own text
	return []byte{byte(n), byte(n >> 8), byte(n >> 16)}
}
