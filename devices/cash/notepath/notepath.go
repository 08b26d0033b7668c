// Package notepath is the way of a banknote through a pretend acceptor: mouth, validation, escrow, box.
//
// Every simulated acceptor, whatever its protocol, stands in front of one Path. The path is the
// physical truth: it moves the note, takes its time over it, and counts by itself what went in, what
// is in the box, what a hand took away with the box and what came back out. At every instant
//
//	inserted + loaded = box + taken + returned + store + paid + the note in the mouth
//
// The store is where a recycler keeps notes that it can pay out again; staff may load it.
//
// A note that the validator turns away, or that a hand pulls back before it was validated, never was
// inserted: it is in none of the sums. The path knows no protocol. It asks its Device whether the
// rollers turn and whether the note is good, and tells it what happened.
package notepath

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Kinds of notes that a hand can offer.
const (
	Genuine = "genuine"
	Foreign = "foreign" // not of this country, or no money at all
	Torn    = "torn"
	Strung  = "strung" // on a string, to be pulled back after it was credited
)

// Fate is how far a note came.
type Fate string

// The fates. Stacked, Returned and Refused are final.
const (
	Moving   Fate = "moving"
	Escrow   Fate = "escrow"
	Stacked  Fate = "stacked"
	Returned Fate = "returned" // it was in and came out
	Refused  Fate = "refused"  // the acceptor did not take it
)

// Final says whether the note's story is over.
func (f Fate) Final() bool { return f == Stacked || f == Returned || f == Refused }

// Note is a banknote in a hand.
type Note struct {
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Kind     string `json:"kind"`
}

// Leg is one stretch of the way.
type Leg string

// The legs. In escrow the note stands still.
const (
	Entering Leg = "entering" // from the mouth through validation
	InEscrow Leg = "escrow"
	Stacking Leg = "stacking" // from escrow to the box
	Leaving  Leg = "leaving"  // from escrow back to the hand
)

// Verdict is what the device says of a note at the end of validation.
type Verdict int

// The verdicts.
const (
	TurnAway Verdict = 0 // back to the hand
	Hold     Verdict = 1 // into escrow, until Stack or Return
	Swallow  Verdict = 2 // straight to the box
)

// What happened to the note or the box.
type What string

// The happenings that a Device is told.
const (
	DidRefuse   What = "refused"  // turned away after validation, or freed from a jam before it
	DidEscrow   What = "escrowed" // reached escrow
	DidStack    What = "stacked"
	DidStore    What = "stored"     // in the store instead of the box
	DidReturn   What = "returned"   // came out of escrow
	DidPull     What = "pulled"     // a hand pulled it back before it was validated
	DidPullHeld What = "pulled out" // a hand pulled it out of escrow
	DidStick    What = "stuck"      // see Stuck for the leg
	DidTakeBox  What = "box out"
	DidPutBox   What = "box in"
)

// Device is the acceptor around the path. Its methods are called with the path's lock held: they
// may use what the device guards with Sync, and must not call the path.
type Device interface {
	Draws(Note) bool       // do the rollers turn for whatever is held to the mouth
	Judges(Note) Verdict   // the validator's word
	Sticks(Note, Leg) bool // does the note jam on this leg
	Tell(What, Leg, Note)  // what happened, and on which leg
	Moves(leg Leg, id int) // a note starts on a leg, or rests in escrow: for the log and the timers
}

// Recycler is a Device with a store.
type Recycler interface {
	Stores(Note) bool // does the note that is being stacked go into the store
}

// Errors of a hand that wants what cannot be.
var (
	ErrOccupied = errors.New("another note is in the mouth")
	ErrGone     = errors.New("the note cannot be held any more")
)

// Options are the travel times. Zero means the usual one.
type Options struct {
	Validate time.Duration // mouth to escrow
	Stack    time.Duration // escrow to box
	Return   time.Duration // escrow to hand
}

// Path is one acceptor's path. Make it with New.
type Path struct {
	options Options
	device  Device

	mu      sync.Mutex
	s       state
	journey int           // counts the legs begun, so that a timer of an earlier one is known
	changed chan struct{} // closed and made anew when a fate changes
	hook    func(point string)
	points  []string // reached under the lock, told after it
}

// New makes an empty path with a box in it and the power on.
func New(d Device, o Options) *Path {
	if o.Validate == 0 {
		o.Validate = validateUsual
	}
	if o.Stack == 0 {
		o.Stack = stackUsual
	}
	if o.Return == 0 {
		o.Return = returnUsual
	}
	return &Path{options: o, device: d, s: newState(), changed: make(chan struct{})}
}

// OnPoint sets the function that hears "cash.moving" when a note starts on a leg and "cash.escrow"
// when it rests there. It runs without the lock, before the note moves on, and may cut the power.
// Leg says which of the moves it is.
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

// Sync runs fn under the path's lock, so that a device's own state and the note move together.
func (p *Path) Sync(fn func()) {
	p.mu.Lock()
	defer p.unlock()
	fn()
}

// Offer holds a note to the mouth. The answer is its number; its fate is told by Fate and Wait.
func (p *Path) Offer(face int64, currency, kind string) (int, error) {
	p.mu.Lock()
	defer p.unlock()
	if p.s.Held != nil {
		return 0, ErrOccupied
	}
	note := Note{Face: face, Currency: currency, Kind: kind}
	p.s.Last++
	id := p.s.Last
	if !p.s.Powered || !p.device.Draws(note) {
		p.fate(id, Refused)
		return id, nil
	}
	p.s.Inserted = add(p.s.Inserted, note, 1)
	p.s.Held = &held{ID: id, Note: note}
	p.begin(Entering)
	return id, nil
}

// begin starts a leg: its fate, its timer, its point.
func (p *Path) begin(leg Leg) {
	h := p.s.Held
	h.Leg, h.Stuck = leg, false
	p.journey++
	if leg == InEscrow {
		p.fate(h.ID, Escrow)
		p.points = append(p.points, "cash.escrow")
	} else {
		p.fate(h.ID, Moving)
		p.points = append(p.points, "cash.moving")
		p.arriveAfter(p.options.time(leg))
	}
	p.device.Moves(leg, h.ID)
}

func (o Options) time(leg Leg) time.Duration {
	switch leg {
	case Entering:
		return o.Validate
	case Stacking:
		return o.Stack
	default:
		return o.Return
	}
}

func (p *Path) arriveAfter(d time.Duration) {
	journey := p.journey
	time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.unlock()
		if p.journey == journey {
			p.arrive()
		}
	})
}

// arrive ends the leg that the note is on.
func (p *Path) arrive() {
	h := p.s.Held
	if p.device.Sticks(h.Note, h.Leg) || h.Leg == Stacking && !p.s.BoxIn {
		h.Stuck = true
		p.journey++
		p.device.Tell(DidStick, h.Leg, h.Note)
		return
	}
	switch h.Leg {
	case Entering:
		p.judge()
	case Stacking:
		if r, ok := p.device.(Recycler); ok && r.Stores(h.Note) {
			p.s.Store = add(p.s.Store, h.Note, 1)
			p.end(Stacked, DidStore)
			return
		}
		p.s.Box = add(p.s.Box, h.Note, 1)
		p.end(Stacked, DidStack)
	case Leaving:
		p.s.Returned = add(p.s.Returned, h.Note, 1)
		p.end(Returned, DidReturn)
	}
}

func (p *Path) judge() {
	h := p.s.Held
	switch p.device.Judges(h.Note) {
	case Hold:
		p.begin(InEscrow)
		p.device.Tell(DidEscrow, Entering, h.Note)
	case Swallow:
		p.begin(Stacking)
	default:
		p.s.Inserted = add(p.s.Inserted, h.Note, -1)
		p.end(Refused, DidRefuse)
	}
}

// end takes the note off the path. An empty what tells the device nothing (it has no power).
func (p *Path) end(f Fate, what What) {
	h := p.s.Held
	p.s.Held = nil
	p.journey++
	p.fate(h.ID, f)
	if what != "" {
		p.device.Tell(what, h.Leg, h.Note)
	}
}

// Stack sends the escrowed note to the box. False: nothing is in escrow, or no box is in its place.
func (p *Path) Stack() bool { return p.send(Stacking) }

// Return sends the escrowed note back to the hand. False: nothing is in escrow.
func (p *Path) Return() bool { return p.send(Leaving) }

func (p *Path) send(leg Leg) bool {
	p.mu.Lock()
	defer p.unlock()
	if p.s.Held == nil || p.s.Held.Leg != InEscrow || leg == Stacking && !p.s.BoxIn {
		return false
	}
	p.begin(leg)
	return true
}

// ReturnNote is Return if that very note is still in escrow, for a time-out that may come late.
func (p *Path) ReturnNote(id int) bool {
	p.mu.Lock()
	defer p.unlock()
	if p.s.Held == nil || p.s.Held.ID != id || p.s.Held.Leg != InEscrow {
		return false
	}
	p.begin(Leaving)
	return true
}

// Free lets a stuck note go on: out when it was not yet validated, else where it was going.
func (p *Path) Free() {
	p.mu.Lock()
	defer p.unlock()
	p.free()
}

func (p *Path) free() {
	h := p.s.Held
	switch {
	case h == nil || !h.Stuck:
	case h.Leg == Entering:
		p.s.Inserted = add(p.s.Inserted, h.Note, -1)
		p.end(Refused, DidRefuse)
	default:
		p.begin(h.Leg)
	}
}

// Halt stops a note where it is, as an acceptor does whose controller starts anew: it stands there like a stuck
// one until Free lets it go on. A note in escrow stands still anyway.
func (p *Path) Halt() {
	p.mu.Lock()
	defer p.unlock()
	if h := p.s.Held; h != nil && h.Leg != InEscrow {
		h.Stuck = true
		p.journey++
	}
}

// PullBack is a hand that pulls its note out again, while it can be held: before it is validated, in
// escrow, and on its way out. ErrGone: too late.
func (p *Path) PullBack(id int) error {
	p.mu.Lock()
	defer p.unlock()
	h := p.s.Held
	if h == nil || h.ID != id || h.Stuck || h.Leg == Stacking {
		return ErrGone
	}
	switch h.Leg {
	case Entering:
		// The hand never let go of it: it is in no sum, though the hand has it back.
		p.s.Inserted = add(p.s.Inserted, h.Note, -1)
		p.end(Returned, DidPull)
	case InEscrow:
		p.s.Returned = add(p.s.Returned, h.Note, 1)
		p.end(Returned, DidPullHeld)
	default:
		p.s.Returned = add(p.s.Returned, h.Note, 1)
		p.end(Returned, DidReturn)
	}
	return nil
}

// TakeBox takes the box away with all that is in it, and says what that is.
func (p *Path) TakeBox() []Tally {
	p.mu.Lock()
	defer p.unlock()
	taken := p.s.Box
	for _, t := range taken {
		p.s.Taken = add(p.s.Taken, Note{Face: t.Face, Currency: t.Currency}, t.Count)
	}
	p.s.Box = []Tally{}
	p.lift()
	return taken
}

// LiftBox pulls the box out of its place; its notes stay its own, and PutBox puts it back.
func (p *Path) LiftBox() {
	p.mu.Lock()
	defer p.unlock()
	p.lift()
}

func (p *Path) lift() {
	if !p.s.BoxIn {
		return
	}
	p.s.BoxIn = false
	p.device.Tell(DidTakeBox, "", Note{})
}

// PutBox puts a box in: an empty one, or the one that was lifted. A note that waited for it goes on.
func (p *Path) PutBox() {
	p.mu.Lock()
	defer p.unlock()
	if p.s.BoxIn {
		return
	}
	p.s.BoxIn = true
	p.device.Tell(DidPutBox, "", Note{})
	if h := p.s.Held; h != nil && h.Stuck && h.Leg == Stacking && !p.device.Sticks(h.Note, Stacking) {
		p.free()
	}
}

// Load puts notes into the store, as staff do.
func (p *Path) Load(face int64, currency string, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	note := Note{Face: face, Currency: currency}
	p.s.Loaded, p.s.Store = add(p.s.Loaded, note, n), add(p.s.Store, note, n)
}

// Stored is how many notes of a face are in the store, and PayOut lets one come out, if there is one. They may be called
// only inside Sync or by the Device.
func (p *Path) Stored(face int64, currency string) int {
	for _, t := range p.s.Store {
		if t.Face == face && t.Currency == currency {
			return t.Count
		}
	}
	return 0
}

// PayOut lets a note of the store come out. False: there is none.
func (p *Path) PayOut(face int64, currency string) bool {
	if p.Stored(face, currency) == 0 {
		return false
	}
	note := Note{Face: face, Currency: currency}
	p.s.Store, p.s.Paid = add(p.s.Store, note, -1), add(p.s.Paid, note, 1)
	p.points = append(p.points, "payout.moving")
	return true
}

// Power cuts the device's power or gives it back. At the cut a note on its way ends in the box or
// back out, as noteIn says; one that was not yet validated always comes out, for no acceptor stacks
// what it does not know. Nothing is told to the device: it is dead.
func (p *Path) Power(on, noteIn bool) {
	p.mu.Lock()
	defer p.unlock()
	p.s.Powered = on
	h := p.s.Held
	if on || h == nil {
		return
	}
	switch {
	case h.Leg == Entering:
		p.s.Inserted = add(p.s.Inserted, h.Note, -1)
		p.end(Refused, "")
	case noteIn && p.s.BoxIn:
		p.s.Box = add(p.s.Box, h.Note, 1)
		p.end(Stacked, "")
	default:
		p.s.Returned = add(p.s.Returned, h.Note, 1)
		p.end(Returned, "")
	}
}

// Fate is how far note id came; "" when there never was one, or long ago.
func (p *Path) Fate(id int) Fate {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.s.Fates[id]
}

// Wait waits until the fate of note id is final or ctx ends, and says how far it came.
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
