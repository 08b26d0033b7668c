package ccnet_test

import (
	"testing"

	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/ccnetsim"
	"yichuang/devices/cash/rigtest"
	"yichuang/devices/wire/wiretest"
)

// bench is a simulated validator behind pipes.
type bench struct {
	*wiretest.Bench
	sim *ccnetsim.Sim
}

func newBench(o ccnetsim.Options) *bench {
	sim := ccnetsim.New(o)
	b := &bench{wiretest.NewBench(sim.Serve), sim}
	sim.OnPlug(b.Plug)
	return b
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, rigtest.CCNet(ccnetsim.Options{}, ccnet.Options{}))
}

func TestSuiteEarlyPaced(t *testing.T) {
	cashtest.Exercise(t, rigtest.CCNet(ccnetsim.Options{Early: true, BaudPace: true}, ccnet.Options{}))
}
