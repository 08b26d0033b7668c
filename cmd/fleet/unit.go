package fleet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"yichuang/cmd/world"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// unit is one terminal of the fleet: its cabinet, disk and line, whoever comes to it, and what befalls it.
type unit struct {
	f    *fleet
	n    int // 1, 2, 3 …
	line *line
	w    *world.World
	rng  *rand.Rand // of its visitors

	slips  []slip // that its visitors took home
	strips int    // that had come out when the last one went

	mu       sync.Mutex // guards all below
	offset   time.Duration
	down     bool // the program does not run, or is about to be stopped
	visiting bool
	cuts     int       // how often the line is cut at once
	troubles int       // at work now
	calmed   time.Time // when the last one ended
	losses   world.Losses
	failed   error // why the program does not run any more: nothing more can be said of this fleet
}

var errGone = errors.New("the terminal's power is gone")

// newUnit builds one terminal. Nothing of it runs yet.
func newUnit(f *fleet, n int) (*unit, error) {
	u := &unit{f: f, n: n, line: &line{slot: world.Slot(n)}, rng: f.plan.chance("visitors", n), down: true}
	dir := filepath.Join(f.dir, u.id())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	wires := world.NewNetwork()
	wires.Beyond, wires.Pair = f.net, u.line.pair
	u.w = &world.World{Dir: dir, Net: wires, Land: f.land, Disk: cutdisk.New(), Cabinet: world.NewCabinet(wires, world.Acceptors[n%len(world.Acceptors)], nil)}
	u.w.Disk.Forget()
	u.w.Cabinet.Slot = world.Slot(n)
	u.w.Cabinet.Power(true, false)
	return u, nil
}

func (u *unit) id() string { return fmt.Sprintf("T%03d", u.n) }

// sleep waits, and then for the terminal's next instant.
func (u *unit) sleep(d time.Duration) {
	time.Sleep(d)
	u.w.Slot.Await()
}

// clock is what the terminal takes for the time of day. Somebody keeps it right unless it was set wrong.
func (u *unit) clock() store.Clock {
	off := func() time.Duration {
		u.mu.Lock()
		defer u.mu.Unlock()
		return u.offset
	}
	return store.Clock{Now: func() time.Time { return time.Now().Add(off()) }, Synced: func() bool { return off() == 0 }}
}

// start starts the program.
func (u *unit) start() (err error) {
	u.w.Slot.Await()
	if u.w.Terminal, err = world.StartAt(world.Seat{ID: u.id(), Number: fmt.Sprint(u.n), Clock: u.clock()}, u.w.Dir, u.w.Disk, u.w.Net, u.w.Cabinet); err != nil {
		return fmt.Errorf("%s: %w", u.id(), err)
	}
	c := u.citizen()
	c.Gone = nil
	c.Until("the program has opened its journal", u.w.Ready)
	c.Until("the screen is there", func() bool { return u.w.Stage.View().Page != "" })
	u.mu.Lock()
	u.down = false
	u.mu.Unlock()
	return c.Err
}

// found sets a new terminal up, as a technician does.
func (u *unit) found() error {
	u.sleep(time.Duration(u.n) * 3701 * time.Microsecond) // not all in the same millisecond
	if err := u.start(); err != nil {
		return err
	}
	c := u.citizen()
	c.Until("the home page", func() bool { v := u.w.Stage.View(); return v.Can("home.pay") })
	c.Equip()
	c.Until("all services", u.w.AllOpen)
	return c.Err
}

// citizen is somebody who comes to the terminal.
func (u *unit) citizen() *world.Citizen {
	return &world.Citizen{World: u.w, Gone: func() error {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.down {
			return errGone
		}
		return nil
	}}
}

// enter says whether a citizen may come now: somebody who does not is not kept waiting.
func (u *unit) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.visiting = !u.down
	return u.visiting
}

// fail keeps why the program does not run any more.
func (u *unit) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.failed = err
}

func (u *unit) failure() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failed
}

func (u *unit) depart() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.visiting = false
}

// calm says whether nothing befalls the terminal, or did lately.
func (u *unit) calm() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.troubles == 0 && time.Since(u.calmed) > calmAfter && u.f.calm()
}

// day is the terminal's visitors, one after the other.
func (u *unit) day(visits int) {
	for range visits {
		u.sleep(5*time.Second + time.Duration(u.rng.ExpFloat64()*float64(gapMean)).Truncate(time.Millisecond))
		for !u.enter() {
			if u.sleep(time.Second); u.failure() != nil {
				return
			}
		}
		u.visit()
		u.keep()
		u.depart()
		u.redeem()
	}
}

// visit is one visitor. What he came for he must get when nothing befalls the terminal meanwhile; and whatever befalls
// it, his visit ends.
func (u *unit) visit() {
	c, calm, began := u.citizen(), u.calm(), time.Now()
	way := u.f.come(u, c)
	gone := errors.Is(c.Err, errGone)
	if c.Err == nil {
		u.f.serves(way)
		return
	}
	if calm && u.calm() && !gone {
		u.f.bad(u.id(), "visit.serves", fmt.Sprintf("%s, begun at %s: %v", way, began.Format(time.TimeOnly), c.Err))
	}
	u.f.serves("turned away")
	away := u.citizen()
	if away.Away(); away.Err != nil && !errors.Is(away.Err, errGone) {
		u.f.bad(u.id(), "visit.ends", away.Err.Error())
	}
}

// come is what one visitor does, and the name of it.
func (f *fleet) come(u *unit, c *world.Citizen) (way string) {
	due := f.bill(u.rng)
	switch n := u.rng.IntN(100); {
	case n < 42:
		account := c.Account(u.rng, due)
		c.Notes(u.rng, account, due, due)
		return "cash"
	case n < 80:
		c.Phone(u.rng, c.Account(u.rng, due))
		return "phone"
	case n < 92:
		account := c.Account(u.rng, due)
		c.Notes(u.rng, account, max(100, due/2/100*100), due)
		c.Phone(u.rng, account)
		return "both"
	case n < 96:
		c.Change(u.rng)
		return "change"
	default:
		c.License(u.rng, f.next())
		return "license"
	}
}

// billLeast is the smallest bill.
const billLeast money.Fen = 500

// bill is the amount of a bill: most are small and some are large.
func (f *fleet) bill(rng *rand.Rand) money.Fen {
	return billLeast + money.Fen(rng.ExpFloat64()*float64(f.plan.Mean-billLeast))
}
