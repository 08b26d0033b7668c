package id003_test

import (
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
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

// fixture puts a bench under the suite.
func fixture(so id003sim.Options, do id003.Options) func(t *testing.T) *cashtest.Fixture {
	return func(t *testing.T) *cashtest.Fixture {
		b := newBench(so)
		return &cashtest.Fixture{
			New: func() (cash.Acceptor, func()) {
				open, kill := b.Program()
				return id003.New(open, do), kill
			},
			Path: b.sim.Path(), Faults: b.sim.Faults(), Power: b.sim.Power, AtAnswer: b.AtAnswer, Close: b.Close,
			Acknowledged: true, Finds: true, NoSerial: true,
		}
	}
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, fixture(id003sim.Options{}, id003.Options{}))
}

func TestSuitePaced(t *testing.T) {
	cashtest.Exercise(t, fixture(id003sim.Options{BaudPace: true}, id003.Options{}))
}
