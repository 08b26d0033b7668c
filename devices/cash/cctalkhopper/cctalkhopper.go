package cctalkhopper

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

// device is our name in faults and in kiosk.toml.
const device = "cctalk-hopper"

// Options pin what the driver finds out by itself otherwise.
type Options struct {
	Hoppers  map[byte]int64 // by address: the face of the coins, 0 when the hopper says it; none looks at 3 to 10
	Currency string         // of these faces: "CNY" when empty
	Checksum ccbus.Checksum
	By       By                                      // how orders have to be given, of all hoppers
	Cipher   func(key [keyBytes]byte) [keyBytes]byte // the maker's algorithm; nil when there is none
	Seed     func() [keyBytes]byte                   // what header 161 is told before each key, where the cipher wants that
	Log      *slog.Logger                            // nothing is logged when nil
}

// Payer is some hoppers as one. It satisfies cash.Payer and cash.Mender.
type Payer struct {
	bus  *ccbus.Bus
	o    Options
	jobs chan func()

	// Run's own.
	hoppers []*hopper
	life    context.Context // Run's
	looked  bool            // every address was looked at once
	swept   bool            // and some hopper was found

	mu      sync.Mutex
	running chan struct{} // closed when Run ends; nil before it begins
	info    cash.PayerInfo
	state   cash.PayerState
}

var (
	_ cash.Payer  = (*Payer)(nil)
	_ cash.Mender = (*Payer)(nil)
)

// New makes the driver of the hoppers behind open. Nothing happens before Run.
func New(open wire.Opener, o Options) *Payer { return On(ccbus.New(open, o.Log), o) }

// On makes the driver of hoppers that share their line with other devices.
func On(bus *ccbus.Bus, o Options) *Payer {
	if o.Currency == "" {
		o.Currency = "CNY"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Payer{bus: bus, o: o, jobs: make(chan func())}
	for address, face := range o.Hoppers {
		h := &hopper{p: p, address: address, named: true}
		if face > 0 {
			h.face = cash.Note{Face: face, Currency: o.Currency}
			h.coin = h.face
		}
		p.hoppers = append(p.hoppers, h)
	}
	for address := byte(firstAddress); len(o.Hoppers) == 0 && address <= lastAddress; address++ {
		p.hoppers = append(p.hoppers, &hopper{p: p, address: address})
	}
	slices.SortFunc(p.hoppers, func(a, b *hopper) int { return int(a.address) - int(b.address) })
	p.state.Fault = fail(fault.Absent, "open", "not opened yet")
	return p
}

func fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: device, Op: op, Detail: detail}
}

// Info is what the hoppers said of themselves.
func (p *Payer) Info() cash.PayerInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.info
}

// State is the hoppers as they were last heard.
func (p *Payer) State() cash.PayerState {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

// Run looks for the hoppers, asks them for their faults, and does what the other methods want, until ctx ends. A payout that is
// under way then is stopped.
func (p *Payer) Run(ctx context.Context) error {
	ended := make(chan struct{})
	p.mu.Lock()
	p.running, p.life = ended, ctx
	p.mu.Unlock()
	defer close(ended)
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			p.goodbye()
			return ctx.Err()
		case job := <-p.jobs:
			job()
		case <-t.C:
			p.round(ctx)
			t.Reset(wire.Tick(pollEvery))
		}
	}
}

// round tends each hopper, and does a job between two when one waits.
func (p *Payer) round(ctx context.Context) {
	for _, h := range p.hoppers {
		select {
		case <-ctx.Done():
			return
		case job := <-p.jobs:
			job()
		default:
		}
		h.tend()
		p.publish()
	}
	// When not one is there it is the line: then all are looked for again.
	p.looked, p.swept = true, p.anyMet()
	p.publish()
}

// anyMet says whether some hopper was found.
func (p *Payer) anyMet() bool {
	return slices.ContainsFunc(p.hoppers, func(h *hopper) bool { return h.met })
}

// goodbye leaves every hopper disabled.
func (p *Payer) goodbye() {
	for _, h := range p.hoppers {
		if h.line != nil {
			h.line.Ask(hdrEnable, []byte{0}, 0) // it was disabled before as well
			h.leave()
		}
		h.lost = fail(fault.Absent, "poll", "stopped")
	}
	p.publish()
}

// publish shows what Run's goroutine knows.
func (p *Payer) publish() {
	info, state := cash.PayerInfo{Protocol: device}, cash.PayerState{}
	var serials []string
	fits := map[cash.Note]bool{}
	for _, h := range p.hoppers {
		if !h.met && !h.named {
			continue // an address without one
		}
		if h.met {
			info.Maker, info.Model, info.Firmware = h.id.Maker, h.id.Model, h.id.Firmware
			serials = append(serials, h.key())
		}
		if h.coin.Face > 0 && !slices.Contains(info.Faces, h.coin) {
			info.Faces = append(info.Faces, h.coin)
		}
		f := h.fault()
		state.Fault = worse(state.Fault, f)
		state.Online = state.Online || h.line != nil
		fits[h.coin] = fits[h.coin] || h.met && f == nil
		if h.low && !slices.Contains(state.Low, h.coin) {
			state.Low = append(state.Low, h.coin)
		}
	}
	info.Serial = strings.Join(serials, " ")
	for _, face := range info.Faces {
		if !fits[face] {
			state.Unfit = append(state.Unfit, face)
		}
	}
	if !p.anyMet() {
		state.Fault = p.none()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	state.Paying = p.state.Paying
	p.info, p.state = info, state
}

// none is the fault of a payer that has found no hopper.
func (p *Payer) none() *fault.Error {
	if p.looked || p.hoppers[0].lost != nil && p.hoppers[0].named {
		return p.hoppers[0].lost
	}
	return fail(fault.Absent, "open", "being looked for")
}

// badness orders faults: what staff must see first.
var badness = []fault.Kind{fault.Tampered, fault.Doubtful, fault.Broken, fault.Invalid, fault.Absent, fault.Silent, fault.Garbled, fault.Jammed, fault.Empty,
	fault.Busy, fault.Refused}

// worse is the worse of two faults, the first when they are alike.
func worse(a, b *fault.Error) *fault.Error {
	if b == nil {
		return a
	}
	if a == nil || slices.Index(badness, b.Kind) < slices.Index(badness, a.Kind) {
		return b
	}
	return a
}

// do has Run's goroutine do something. act ends with ctx and with Run; job is waited for when it has begun.
func (p *Payer) do(ctx context.Context, op string, job func(act context.Context)) error {
	p.mu.Lock()
	running, life := p.running, p.life
	p.mu.Unlock()
	if running == nil {
		return fail(fault.Absent, op, "not opened yet")
	}
	done := make(chan struct{})
	begun := func() {
		defer close(done)
		act, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(life, cancel)()
		job(act)
		p.publish()
	}
	select {
	case p.jobs <- begun:
		<-done
		return nil
	case <-running:
		return fail(fault.Absent, op, "stopped")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// paying shows whether a payout is under way.
func (p *Payer) paying(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Paying = yes
}

// Mended forgets jams and emptiness of which somebody says that they are mended.
func (p *Payer) Mended(ctx context.Context) error {
	return p.do(ctx, "mend", func(context.Context) {
		for _, h := range p.hoppers {
			h.pardon()
		}
	})
}
