package ssp_test

import (
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/wire/wiretest"
)

// bench is a simulated unit behind pipes.
type bench struct {
	*wiretest.Bench
	sim *sspsim.Sim
}

func newBench(o sspsim.Options) *bench {
	sim := sspsim.New(o)
	b := &bench{wiretest.NewBench(sim.Serve), sim}
	sim.OnPlug(b.Plug)
	return b
}

// fixture puts a bench under the suite.
func fixture(so sspsim.Options, do ssp.Options) func(t *testing.T) *cashtest.Fixture {
	return func(t *testing.T) *cashtest.Fixture {
		b := newBench(so)
		return &cashtest.Fixture{
			New: func() (cash.Acceptor, func()) {
				open, kill := b.Program()
				return ssp.New(open, do), kill
			},
			Path: b.sim.Path(), Faults: b.sim.Faults(), Power: b.sim.Power, AtAnswer: b.AtAnswer, Close: b.Close,
			Nameless: true, Knows: true,
		}
	}
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, fixture(sspsim.Options{NoAcks: true, CountsCleared: true}, ssp.Options{}))
}

// A recycler takes notes too, some of them into its store.
func TestSuiteRecycler(t *testing.T) {
	cashtest.Exercise(t, fixture(sspsim.Options{Unit: sspsim.SmartPayout, CountsCleared: true, Recycles: []int64{100, 500, 2000}}, ssp.Options{Encrypted: true}))
}

func TestSuiteEncrypted(t *testing.T) {
	cashtest.Exercise(t, fixture(sspsim.Options{BaudPace: true, CountsCleared: true}, ssp.Options{Encrypted: true}))
}
