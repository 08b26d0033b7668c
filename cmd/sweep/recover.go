package sweep

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"yichuang/kiosk/front"
	"yichuang/kiosk/store/cutdisk"
)

// The ways in which the power leaves the devices.
const (
	devicesOn  = "on"  // they have a supply of their own and go on
	devicesIn  = "in"  // off, and what is on its way falls into the machine
	devicesOut = "out" // off, and it falls out
)

var deviceWays = []string{devicesOn, devicesIn, devicesOut}

// cut is one power cut.
type cut struct {
	point  int
	how    cutdisk.How
	device string
	seed   uint64 // of what the disk keeps, and of all chance afterwards
}

const (
	// outage is how long the power stays away, and bootTime how long a computer takes from then on to start our program.
	outage   = 10 * time.Second
	bootTime = 20 * time.Second

	// restMax is how long everything that was open may take to end.
	restMax = 10 * time.Minute
)

// restart brings a terminal back after a cut, waits until everything that was open has ended, has a next citizen look,
// and gives the world at rest. It runs in a bubble of its own.
func (tp *recording) restart(c cut, disks [3]*cutdisk.Disk) (w *world, err error) {
	p := tp.points[c.point]
	time.Sleep(p.after) // the clock is where it was
	n := newNetwork()
	w = &world{dir: tp.dir, net: n, disk: disks[0].Image(c.how, rand.New(rand.NewPCG(c.seed, 0))), cabinet: newCabinet(n, p.devices)}
	if c.device != devicesOn {
		w.cabinet.power(false, c.device == devicesIn)
	}
	for file, content := range map[string][]byte{gatewayFile(tp.dir): p.gateway, lifeFile(tp.dir): p.life, filepath.Join(tp.dir, "terminal", "twin.jsonl"): p.twin} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return w, err
		}
	}
	if w.land, err = openLand(context.Background(), tp.dir, n, disks[1].Image(cutdisk.All, nil), disks[2].Image(cutdisk.All, nil)); err != nil {
		return w, err
	}
	w.land.accounts = tp.accounts
	time.Sleep(outage)
	if c.device != devicesOn {
		w.cabinet.power(true, false)
	}
	time.Sleep(bootTime)
	if w.terminal, err = start(tp.dir, w.disk, n, w.cabinet); err != nil {
		return w, err
	}
	z := &citizen{world: w}
	z.until("the program has opened its journal", w.ready)
	z.rest()
	z.look()
	z.until("the hall has everything", func() bool { s := w.link.Status(); return s.Up && s.Cursor == s.Head })
	z.fail(w.drawn())
	return w, z.err
}

// drawn waits until hall and terminal have told each other all consequences.
func (w *world) drawn() error {
	var bad []violation
	for range restMax / time.Second { // all books are read for it
		if bad = w.agree(); len(bad) == 0 {
			return nil
		}
		time.Sleep(time.Second)
	}
	return fmt.Errorf("the books agree: not within %v: %v", restMax, bad)
}

// ready says whether the program has opened its journal.
func (t *terminal) ready() bool {
	select {
	case <-t.opened:
		return true
	default:
		return false
	}
}

// rest touches on through what the terminal shows after a power cut, until it stands at home and nothing is open.
func (c *citizen) rest() {
	for end := time.Now().Add(restMax); c.err == nil; time.Sleep(100 * time.Millisecond) {
		v := c.stage.View()
		if v.Page == "home" && v.Visit == "" && c.open() == 0 {
			return
		}
		if time.Now().After(end) {
			c.fail(fmt.Errorf("not at home within %v, with %d things open", restMax, c.open()))
			return
		}
		if v.Can("form.next") {
			c.stage.Do(context.Background(), front.Act{Revision: v.Revision, ID: "form.next"}) // stale: it went on by itself
		}
	}
}

// look is the next citizen, who changes his mind.
func (c *citizen) look() {
	if v := c.stage.View(); !v.Can("home.pay") {
		return // closed for a reason; the check says whether it may be
	}
	c.touch("home.pay")
	c.page("choose")
	c.touch("nav.home")
	c.atHome()
}

// close stops all that runs.
func (w *world) close() (err error) {
	if w.terminal != nil {
		err = w.terminal.close()
	}
	w.cabinet.close()
	if w.land != nil {
		if bad := w.land.close(); err == nil {
			err = bad
		}
	}
	time.Sleep(time.Minute) // what the mechanisms still do ends before the bubble
	return err
}
