package ccnet_test

import (
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/ccnetsim"
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

// fixture puts a bench under the suite.
func fixture(so ccnetsim.Options, do ccnet.Options) func(t *testing.T) *cashtest.Fixture {
	return func(t *testing.T) *cashtest.Fixture {
		b := newBench(so)
		return &cashtest.Fixture{
			New: func() (cash.Acceptor, func()) {
				open, kill := b.Program()
				return ccnet.New(open, do), kill
			},
			Path: b.sim.Path(), Faults: b.sim.Faults(), Power: b.sim.Power, AtAnswer: b.AtAnswer, Close: b.Close,
			Acknowledged: true, Finds: true,
		}
	}
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, fixture(ccnetsim.Options{}, ccnet.Options{}))
}

func TestSuiteEarlyPaced(t *testing.T) {
	cashtest.Exercise(t, fixture(ccnetsim.Options{Early: true, BaudPace: true}, ccnet.Options{}))
}
