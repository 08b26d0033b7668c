package acceptor

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// Protocol is what a driver says of itself once. The functions but Session are called with the lock held, and may be
// nil.
type Protocol struct {
	Name     string // in faults and in the log: "cctalk"
	Noun     string // what the device is called in what staff reads: "validator"
	Log      *slog.Logger
	Failures int  // so many turns that fail in a row end the line
	Waits    bool // the device is told when a signal was written down: Next wakes the driver
	Shuts    bool // a device with a fault may shut itself: it is given its settings anew when it is well

	// Session opens the line and speaks until it fails or ctx ends. ready: the device was there.
	Session func(ctx context.Context) (ready bool, err error)
	// Held is the note in escrow, nil when there is none.
	Held func() *Held
	// Marks brings Mark up to date, before each signal.
	Marks func()
	// Gone is called when the device has gone off line, with the fault that is told.
	Gone func(*fault.Error)
	// Granted says of a wish that was not given to the device yet that it holds nevertheless.
	Granted func() bool
}

// Driver is the driver's side. Its lock guards the fields below it, and the driver's own that its owner's calls read.
type Driver struct {
	Protocol
	wake chan struct{} // somebody asks something: the next turn need not wait

	sync.Mutex
	changed chan struct{} // closed and made anew whenever something below changes
	queue   []numbered
	told    int // number of the signal that was queued last
	money   int // of the last one that tells where money is
	fetched int // of the one that was handed out last
	written int // of the last that its owner has written down

	Mark    cash.Mark
	Info    cash.Info
	Online  bool
	BoxOut  bool
	Faults  map[Place]Placed
	said    *fault.Error // the fault that the owner was last told, nil when none
	saidAt  Place
	Wanted  Wish
	Applied Wish
	Dirty   bool  // the device's settings are not what they should be
	Refusal error // the device would not take the settings
}

type numbered struct {
	number int
	signal cash.Signal
}

// New makes the driver's side. Nothing is logged when p.Log is nil.
func New(p Protocol) *Driver {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	d := &Driver{Protocol: p, wake: make(chan struct{}, 1), changed: make(chan struct{}), Dirty: true}
	d.Faults = map[Place]Placed{Line: {Fault: d.Fail(fault.Absent, "open", "not opened yet")}}
	return d
}

// Intake and Acceptor are its owner's side.
func (d *Driver) Intake() Intake     { return Intake{d} }
func (d *Driver) Acceptor() Acceptor { return Acceptor{Intake{d}} }

// Fail makes a fault of this device.
func (d *Driver) Fail(kind fault.Kind, op, detail string) *fault.Error {
	return &fault.Error{Kind: kind, Device: d.Name, Op: op, Detail: detail}
}

// Change wakes everybody who waits. Called with the lock held.
func (d *Driver) Change() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// Poke has the next turn begin at once.
func (d *Driver) Poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Await waits until done or an error. look is called with the lock held, at first and after each change.
func (d *Driver) Await(ctx context.Context, look func() (done bool, err error)) error {
	for {
		d.Lock()
		changed := d.changed
		done, err := look()
		d.Unlock()
		if done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Driver) held() *Held {
	if d.Held == nil {
		return nil
	}
	return d.Held()
}

// Offline is the line's fault while nothing can be asked of the device. Called with the lock held.
func (d *Driver) Offline() error {
	if d.Online {
		return nil
	}
	if f := d.Faults[Line].Fault; f != nil {
		return f
	}
	return d.Fail(fault.Absent, "open", "being opened")
}

// Took says that the device was given what a wish says, or why not. A device that refuses, or cannot, is not asked again
// before the next wish; any other error is given back. Called with the lock held.
func (d *Driver) Took(w Wish, err error) error {
	defer d.Change()
	switch {
	case fault.Is(err, fault.Refused), fault.Is(err, fault.Invalid):
		d.Refusal = err
		return nil
	case err == nil:
		d.Applied = w
		d.Dirty = d.Wanted.Number != w.Number
	}
	return err
}

// Emit queues a signal with the mark as it is now, and gives its number. Called with the lock held.
func (d *Driver) Emit(s cash.Signal) int {
	if d.Marks != nil {
		d.Marks()
	}
	s.Mark = d.Mark
	d.Change()
	d.told++
	d.queue = append(d.queue, numbered{d.told, s})
	if money(s.What) {
		d.money = d.told
	}
	if len(d.queue) <= signalsMax {
		return d.told
	}
	for i, old := range d.queue {
		if what := old.signal.What; !money(what) {
			d.queue = append(d.queue[:i:i], d.queue[i+1:]...)
			d.Log.Warn(d.Name+": nobody fetches signals, dropped the oldest that is not money", "signal", what)
			break
		}
	}
	return d.told
}

// Written says whether the owner has written that signal down. Called with the lock held.
func (d *Driver) Written(number int) bool { return d.written >= number }

// AwaitWritten waits until the owner has written down what it was told of money, at most so long. A driver does so before it takes away
// what the device shows of it: else a host that dies before it has written finds nothing any more.
func (d *Driver) AwaitWritten(ctx context.Context, limit time.Duration) error {
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := d.Await(within, func() (bool, error) { return d.Written(d.money), nil })
	if err != nil && ctx.Err() == nil {
		return nil // nobody fetches
	}
	return err
}

// MoneyTold is the number of the last signal that tells where money is. Called with the lock held.
func (d *Driver) MoneyTold() int { return d.money }

// Waiting are the signals that wait to be fetched. Called with the lock held.
func (d *Driver) Waiting() (list []cash.Signal) {
	for _, n := range d.queue {
		list = append(list, n.signal)
	}
	return list
}

// money says whether a happening tells where money is.
func money(what cash.Happening) bool {
	switch what {
	case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost:
		return true
	}
	return false
}

// Mask has a bit for each type that is one of these faces. A type that the device did not name is zero.
func Mask(types, faces []cash.Note) (mask uint32) {
	for i, t := range types {
		if t.Face > 0 && slices.Contains(faces, t) {
			mask |= 1 << i
		}
	}
	return mask
}

// Named are the types that the device did name.
func Named(types []cash.Note) (faces []cash.Note) {
	for _, t := range types {
		if t.Face > 0 {
			faces = append(faces, t)
		}
	}
	return faces
}

// Placed is a fault and when it was told last; zero where that does not matter.
type Placed struct {
	Fault *fault.Error
	Since time.Time
}
