// Package coinpath is the way of coins through a pretend acceptor: mouth, validator, sorter, and then the box, a hopper or
// the return tray.
//
// It is the physical truth behind every simulated coin acceptor, as notepath is for notes. Coins roll by their own
// weight: several may be on their way at once, no power holds one back, and there is no escrow. At every instant
//
//	inserted = kept (by sorter path) + taken + returned + moving
//
// where returned is what ever fell into the tray, a coin that was turned away included, and taken is what a hand took
// out of the box. The path knows no protocol. It asks its Device whether a coin is good and where it goes, and
// tells it what happened.
package coinpath

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Kinds of coins that a hand can drop.
const (
	Genuine = "genuine"
	Foreign = "foreign" // not of this country
	Slug    = "slug"    // no coin at all
	Strung  = "strung"  // on a string, to be pulled back after it was credited
)

// Fate is how far a coin came.
type Fate string

// The fates. Kept and Returned are final.
const (
	Moving   Fate = "moving"
	Kept     Fate = "kept"     // in the box or a hopper
	Returned Fate = "returned" // in the tray
)

// Final says whether the coin's story is over.
func (f Fate) Final() bool { return f == Kept || f == Returned }

// Coin is a coin in a hand.
type Coin struct {
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Kind     string `json:"kind"`
}

// Leg is one stretch of the way.
type Leg string

// The legs.
const (
	Rolling  Leg = "rolling"  // from the mouth through the validator to the gate
	Dropping Leg = "dropping" // past the open gate and the credit sensor through the sorter
	Leaving  Leg = "leaving"  // from the closed gate to the tray
)

// Verdict is what the device says of a coin at the gate.
type Verdict struct {
	Keep bool
	Path byte // with Keep: which way the sorter sends it
}

// What happened to a coin.
type What string

// The happenings that a Device is told.
const (
	DidKeep   What = "kept"
	DidReturn What = "returned"
	DidStick  What = "stuck"
)

// Device is the acceptor around the path. Its methods are called with the path's lock held: they may use what
// the device guards with Sync, and must not call the path.
type Device interface {
	Judges(Coin) Verdict
	Sticks(Coin, Leg) bool
	Tell(What, Leg, Coin)
}

// Options are the travel times. Zero means the usual one.
type Options struct {
	Roll, Drop, Leave time.Duration
}

// Path is the way of the coins. Make it with New.
type Path struct {
	options Options
	device  Device

	mu      sync.Mutex
	s       state
	changed chan struct{} // closed and made anew when a fate changes
	hook    func(point string)
	points  []string // reached under the lock, told after it
}

// New makes an empty path with the power on.
func New(d Device, o Options) *Path {
	if o.Roll == 0 {
		o.Roll = rollUsual
	}
	if o.Drop == 0 {
		o.Drop = dropUsual
	}
	if o.Leave == 0 {
		o.Leave = leaveUsual
	}
	return &Path{options: o, device: d, s: newState(), changed: make(chan struct{})}
}

// OnPoint sets the function that hears "coins.moving" when a coin that was found good sets out for the box. It
// runs without the lock and may cut the power.
func (p *Path) OnPoint(fn func(point string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hook = fn
}

// unlock gives the lock back and then tells the points that were reached under it.
func (p *Path) unlock() {
	points, hook := p.points, p.hook
	p.points = nil
	p.mu.Unlock()
	if hook == nil {
		return
	}
	for _, point := range points {
		hook(point)
	}
}

// Sync runs fn under the path's lock, so that a device's own state and the coins move together.
func (p *Path) Sync(fn func()) {
	p.mu.Lock()
	defer p.unlock()
	fn()
}

// Insert drops a coin into the mouth and gives its number; Fate and Wait tell its fate. Without power, while
// the return lever is held, and behind a coin that is stuck, it falls through to the tray.
func (p *Path) Insert(face int64, currency, kind string) int {
	p.mu.Lock()
	defer p.unlock()
	p.s.Last++
	c := &coin{ID: p.s.Last, Coin: Coin{Face: face, Currency: currency, Kind: kind}}
	p.s.Inserted = add(p.s.Inserted, c.Coin, 1)
	p.s.Coins = append(p.s.Coins, c)
	if !p.s.Powered || p.s.Lever || slices.ContainsFunc(p.s.Coins, func(c *coin) bool { return c.Stuck }) {
		p.begin(c, Leaving)
		c.Mute = true
	} else {
		p.begin(c, Rolling)
	}
	return c.ID
}

// begin starts a leg: its fate, its timer, its point.
func (p *Path) begin(c *coin, leg Leg) {
	c.Leg, c.Stuck = leg, false
	p.fate(c.ID, Moving)
	if leg == Dropping {
		p.points = append(p.points, "coins.moving")
	}
	p.arriveAfter(c)
}

func (o Options) time(leg Leg) time.Duration {
	switch leg {
	case Rolling:
		return o.Roll
	case Dropping:
		return o.Drop
	default:
		return o.Leave
	}
}

func (p *Path) arriveAfter(c *coin) {
	c.journey++
	journey := c.journey
	time.AfterFunc(p.options.time(c.Leg), func() {
		p.mu.Lock()
		defer p.unlock()
		if c.journey == journey && slices.Contains(p.s.Coins, c) {
			p.arrive(c)
		}
	})
}

// arrive ends the leg that a coin is on.
func (p *Path) arrive(c *coin) {
	if !c.Mute && p.device.Sticks(c.Coin, c.Leg) {
		c.Stuck = true
		c.journey++
		p.device.Tell(DidStick, c.Leg, c.Coin)
		return
	}
	switch c.Leg {
	case Rolling:
		p.judge(c)
	case Dropping:
		p.keep(c)
		p.tell(DidKeep, c)
	default:
		p.give(c)
		p.tell(DidReturn, c)
	}
}

func (p *Path) judge(c *coin) {
	v := Verdict{} // the gate is closed to a coin that the device knows nothing of
	if !c.Mute {
		v = p.device.Judges(c.Coin)
	}
	if !v.Keep {
		p.begin(c, Leaving)
		return
	}
	c.Path = v.Path
	p.begin(c, Dropping)
}

func (p *Path) tell(what What, c *coin) {
	if !c.Mute {
		p.device.Tell(what, c.Leg, c.Coin)
	}
}

func (p *Path) keep(c *coin) {
	p.s.Kept[c.Path] = add(p.s.Kept[c.Path], c.Coin, 1)
	p.end(c, Kept)
}

func (p *Path) give(c *coin) {
	p.s.Returned = add(p.s.Returned, c.Coin, 1)
	p.end(c, Returned)
}

func (p *Path) end(c *coin, f Fate) {
	p.s.Coins = slices.DeleteFunc(p.s.Coins, func(o *coin) bool { return o == c })
	p.fate(c.ID, f)
}

// Free lets stuck coins go on: out when they were not past the gate, else where they were going.
func (p *Path) Free() {
	p.mu.Lock()
	defer p.unlock()
	p.free()
}

func (p *Path) free() {
	for _, c := range slices.Clone(p.s.Coins) {
		switch {
		case !c.Stuck:
		case c.Leg == Rolling:
			p.begin(c, Leaving)
			c.Mute = true // nobody judged it
		default:
			p.begin(c, c.Leg)
		}
	}
}

// Lever holds the return lever down or lets it go: the gate in front of the validator opens, and coins that have not
// passed the validator fall into the tray, stuck ones too.
func (p *Path) Lever(held bool) {
	p.mu.Lock()
	defer p.unlock()
	p.s.Lever = held
	if !held {
		return
	}
	for _, c := range slices.Clone(p.s.Coins) {
		if c.Leg == Rolling {
			p.begin(c, Leaving)
			c.Mute = true
		}
	}
}

// TakeBox takes all coins that went one way of the sorter, and says what they are.
func (p *Path) TakeBox(path byte) []Tally {
	p.mu.Lock()
	defer p.unlock()
	taken := p.s.Kept[path]
	for _, t := range taken {
		p.s.Taken = add(p.s.Taken, Coin{Face: t.Face, Currency: t.Currency}, t.Count)
	}
	delete(p.s.Kept, path)
	return taken
}

// Power cuts the device's power or gives it back. At the cut the gate closes: a coin in front of it falls into the
// tray; one that is past it ends in the box or, when coinIn is false, was just not past it. Stuck coins stay. Nothing is
// told to the device: it is dead, and knows nothing of these coins afterwards.
func (p *Path) Power(on, coinIn bool) {
	p.mu.Lock()
	defer p.unlock()
	p.s.Powered = on
	if on {
		return
	}
	for _, c := range slices.Clone(p.s.Coins) {
		switch {
		case c.Stuck:
			c.Mute = true
		case c.Leg == Dropping && coinIn:
			p.keep(c)
		default:
			p.give(c)
		}
	}
}

// Fate is how far a coin came; "" when there never was one, or long ago.
func (p *Path) Fate(id int) Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.s.Fates[id]
}

// Wait waits until the fate of a coin is final or ctx ends, and says how far it came.
func (p *Path) Wait(ctx context.Context, id int) Fate {
	for {
		p.mu.Lock()
		f, changed := p.s.Fates[id], p.changed
		p.mu.Unlock()
		if f.Final() || f == "" {
			return f
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return p.Fate(id)
		}
	}
}

func (p *Path) fate(id int, f Fate) {
	p.s.Fates[id] = f
	delete(p.s.Fates, id-fatesMax)
	close(p.changed)
	p.changed = make(chan struct{})
}
