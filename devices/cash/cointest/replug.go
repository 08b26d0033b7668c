package cointest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/coinpath"
)

var plugs = flag.Int("coin.plugs", 200, "at how many random moments the plug is pulled")

// plugsEach is how many pulls one program lives through: none of them may need a restart.
const plugsEach = 10

// replug pulls the plug at random moments of coins on their way, in the middle of an answer too, and puts it in again.
// The device keeps its power, and the program goes on: so nothing may be lost or doubtful, and each coin must be told once.
func replug(t *testing.T, open func(t *testing.T) *Fixture) {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	n := *plugs
	if testing.Short() {
		n = min(n, 2*plugsEach)
	}
	t.Logf("%d moments, seed %d", n, first)
	for i := range uint64((n + plugsEach - 1) / plugsEach) {
		ok := t.Run(fmt.Sprint(first+i), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				defer f.Close()
				o := newOwner(t, f, rand.New(rand.NewPCG(first+i, 13)))
				o.steady = true
				o.begin()
				defer o.end()
				o.healed()
				for range plugsEach {
					o.pull()
					o.healed()
				}
			})
		})
		if !ok {
			t.Fatalf("again with: -coin.seed=%d -coin.plugs=1", first+i)
		}
	}
}

// pull drops coins, and pulls the plug meanwhile for up to 15 s.
func (o *owner) pull() {
	out := func() { o.f.Faults.Arm("unplug", 1) }
	switch o.rng.IntN(3) {
	case 0: // at an instant
		at := time.AfterFunc(time.Duration(o.rng.IntN(1200))*time.Millisecond, out)
		defer at.Stop()
	case 1: // just before an answer
		o.f.AtAnswer(1+o.rng.IntN(12), out)
	case 2: // with half of an answer on the line
		o.f.AtAnswer(1+o.rng.IntN(12), func() {
			o.f.Faults.Arm("truncate", 1)
			o.f.AtAnswer(2, out)
		})
	}
	// Not more than a device remembers: it stays open for some seconds after the plug was pulled.
	for range 1 + o.rng.IntN(3) {
		o.drop(Faces[o.rng.IntN(len(Faces))].Face)
		o.live(time.Duration(o.rng.IntN(500)) * time.Millisecond)
	}
	o.live(time.Duration(o.rng.IntN(1500)) * time.Millisecond)
	o.f.AtAnswer(0, nil)
	out() // when its moment has not come: now
	if o.rng.IntN(3) == 0 {
		o.f.Path.Insert(Faces[o.rng.IntN(len(Faces))].Face, "CNY", coinpath.Genuine) // the gate is still open
	}
	o.live(time.Duration(o.rng.IntN(15000)) * time.Millisecond)
	o.f.Faults.MendAll()
}

// healed waits until the same program takes coins again, and compares.
func (o *owner) healed() {
	o.t.Helper()
	began := time.Now()
	for !o.a.State().Accepting || len(o.f.Path.World().Moving) > 0 {
		if time.Since(began) > patience {
			o.t.Fatalf("not healed in %v: state %+v, world %+v\nsignals %v", patience, o.a.State(), o.f.Path.World(), o.told)
		}
		o.live(time.Second)
	}
	o.live(5 * time.Second)
	if o.lost > 0 {
		o.t.Fatalf("a plug that was pulled made it forget: signals %v", o.told)
	}
	o.agree()
}
