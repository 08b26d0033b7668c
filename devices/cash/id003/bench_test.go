package id003_test

import (
	"testing"

	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/rigtest"
	"yichuang/devices/wire/wiretest"
)

// bench is a simulated validator behind pipes.
type bench struct {
	*wiretest.Bench
	sim *id003sim.Sim
}

func newBench(o id003sim.Options) *bench {
	sim := id003sim.New(o)
	b := &bench{wiretest.NewBench(sim.Serve), sim}
	sim.OnPlug(b.Plug)
	return b
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, rigtest.ID003(id003sim.Options{}, id003.Options{}))
}

func TestSuitePaced(t *testing.T) {
	cashtest.Exercise(t, rigtest.ID003(id003sim.Options{BaudPace: true}, id003.Options{}))
}
