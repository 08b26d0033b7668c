package cctalk_test

import (
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/wire/wiretest"
)

// bench is a simulated validator behind pipes.
type bench struct {
	*wiretest.Bench
	sim *cctalksim.Sim
}

func newBench(o cctalksim.Options) *bench {
	sim := cctalksim.New(o)
	b := &bench{wiretest.NewBench(sim.Serve), sim}
	sim.OnPlug(b.Plug)
	return b
}

// fixture puts a bench under the suite.
func fixture(so cctalksim.Options, do cctalk.Options) func(t *testing.T) *cashtest.Fixture {
	return func(t *testing.T) *cashtest.Fixture {
		b := newBench(so)
		return &cashtest.Fixture{
			New: func() (cash.Acceptor, func()) {
				open, kill := b.Program()
				return cctalk.New(open, do), kill
			},
			Path: b.sim.Path(), Faults: b.sim.Faults(), Power: b.sim.Power, AtAnswer: b.AtAnswer, Close: b.Close,
		}
	}
}

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, fixture(cctalksim.Options{}, cctalk.Options{}))
}

func TestSuiteCRCEcho(t *testing.T) {
	cashtest.Exercise(t, fixture(cctalksim.Options{CRC: true, Echo: true, BaudPace: true}, cctalk.Options{}))
}
