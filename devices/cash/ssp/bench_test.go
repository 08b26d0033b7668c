package ssp_test

import (
	"testing"

	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/rigtest"
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

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, rigtest.SSP(sspsim.Options{NoAcks: true, CountsCleared: true}, ssp.Options{}))
}

// A recycler takes notes too, some of them into its store.
func TestSuiteRecycler(t *testing.T) {
	cashtest.Exercise(t, rigtest.SSP(sspsim.Options{Unit: sspsim.SmartPayout, CountsCleared: true, Recycles: []int64{100, 500, 2000}}, ssp.Options{Encrypted: true}))
}

func TestSuiteEncrypted(t *testing.T) {
	cashtest.Exercise(t, rigtest.SSP(sspsim.Options{BaudPace: true, CountsCleared: true}, ssp.Options{Encrypted: true}))
}
