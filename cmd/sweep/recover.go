package sweep

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"yichuang/cmd/world"
	"yichuang/kiosk/store/cutdisk"
)

// The ways in which the power leaves the devices.
const (
	devicesOn  = "on"  // they have a supply of their own and go on
	devicesIn  = "in"  // off, and what is on its way falls into the machine
	devicesOut = "out" // off, and it falls out
)

var deviceWays = []string{devicesOn, devicesIn, devicesOut}

// The ways in which the power leaves the hall.
const (
	hallOn  = "kept" // its disk has everything: its program alone ended
	hallOff = "lost" // its disk is found as the terminal's is
)

var hallWays = []string{hallOn, hallOff}

// cut is one power cut.
type cut struct {
	point  int
	how    cutdisk.How
	device string
	hall   string
	seed   uint64 // of what the disks keep, and of all chance afterwards
	alike  []int  // the points of other cuts that were drawn and leave the same
}

// hallHow is how the hall's disk is found.
func (c cut) hallHow() cutdisk.How {
	if c.hall == hallOff {
		return c.how
	}
	return cutdisk.All
}

const (
	// outage is how long the power stays away. It is not round, nor is what follows: what the devices go on with and what the program begins
	// fall on no common instant.
	outage = 4*time.Second + 1_618_033

	// bootTime is how long a quick computer takes from then on to start our program, before an acceptor of notes has tested itself; others
	// take up to bootSteps-1 times bootStep longer.
	bootTime  = 2*time.Second + 3_141_593
	bootStep  = 6 * time.Second
	bootSteps = 3

	// night is how much longer it stays away in one of nightEvery schedules: nobody stands there any more. It is a short one, for devices with a supply of
	// their own go on.
	night      = 10*time.Minute + 2_236_067
	nightEvery = 16

	// handTime is how long staff take to free what sticks in a device with a supply of its own: others let go of it with their power.
	handTime = 30*time.Second + 577_215
)

// restart brings a terminal back after a cut, waits until everything that was open has ended, has a next citizen look,
// and gives the world at rest. It runs in a bubble of its own.
func (tp *recording) restart(c cut, disks [3]*cutdisk.Disk) (w *world.World, err error) {
	p := tp.points[c.point]
	time.Sleep(p.after) // the clock is where it was
	n := world.NewNetwork()
	w = &world.World{Dir: tp.dir, Net: n, Unheard: tp.unheard, Silences: tp.silences, Disk: disks[0].Image(c.how, rand.New(rand.NewPCG(c.seed, 0))), Cabinet: world.NewCabinet(n, "", p.devices)}
	if c.device != devicesOn {
		w.Cabinet.Power(false, c.device == devicesIn)
	}
	if c.seed>>12%nightEvery == 1 {
		time.Sleep(night)
		w.Night = time.Now()
	}
	for file, content := range map[string][]byte{world.GatewayFile(tp.dir): p.gateway, world.LifeFile(tp.dir): p.life, filepath.Join(tp.dir, "terminal", "twin.jsonl"): p.twin} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return w, err
		}
	}
	hallDisk := disks[1].Image(c.hallHow(), rand.New(rand.NewPCG(c.seed, 1)))
	if c.seed%restoreEvery == 1 {
		hallDisk = tp.backup.Image(cutdisk.All, nil)
	}
	if w.Land, err = world.OpenLand(context.Background(), tp.dir, n, hallDisk, disks[2].Image(cutdisk.All, nil)); err != nil {
		return w, err
	}
	w.Land.Accounts, w.Land.Older = tp.accounts, tp.older != nil
	w.Scrap() // the power is not cut again
	time.Sleep(outage)
	if c.device != devicesOn {
		w.Cabinet.Power(true, false)
	}
	time.Sleep(bootTime + time.Duration(c.seed%bootSteps)*bootStep)
	if w.Terminal, err = world.Start(tp.dir, w.Disk, n, w.Cabinet); err != nil {
		return w, err
	}
	if c.seed%failEvery == 0 {
		if err := failDisk(w, c.seed); err != nil {
			return w, err
		}
	}
	z := &world.Citizen{World: w}
	z.Until("the program has opened its journal", w.Ready)
	if w.Stuck() {
		time.Sleep(handTime)
		z.Fail(w.Unjam())
	}
	z.Rest()
	z.Look()
	z.Until("the hall has everything", func() bool { s := w.Link.Status(); return s.Up && s.Cursor == s.Head })
	z.Fail(w.Drawn())
	return w, z.Err
}

// restoreEvery is of how many schedules one finds the hall put back from its backup of before the journey: it knows so by the word beside its database,
// and asks the terminal for everything anew.
const restoreEvery = 16

const (
	// failEvery is of how many schedules one has a disk that fails once more while the program comes to life, at one of its first failMax operations.
	failEvery, failMax = 8, 80
	// failTime is how long it may be until then.
	failTime = 40 * time.Second
)

// failDisk has the terminal's disk refuse all that is written to it from some operation on, until the program has ended for it; then it is started again.
func failDisk(w *world.World, seed uint64) error {
	failed := w.Disk.Fail(rand.New(rand.NewPCG(seed, 2)).IntN(failMax))
	defer w.Disk.Heal()
	select {
	case <-failed:
	case <-time.After(failTime):
		return nil // it has written less
	}
	return w.Again()
}
