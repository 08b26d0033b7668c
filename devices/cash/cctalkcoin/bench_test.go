package cctalkcoin_test

import (
	"testing"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cointest"
	"yichuang/devices/wire/wiretest"
)

// newBench is a simulated acceptor behind pipes.
func newBench(o cctalkcoinsim.Options) (*cctalkcoinsim.Sim, *wiretest.Bench) {
	sim := cctalkcoinsim.New(o)
	b := wiretest.NewBench(sim.Serve)
	sim.OnPlug(b.Plug)
	return sim, b
}

// fixture puts a bench under the suite.
func fixture(so cctalkcoinsim.Options, do cctalkcoin.Options) func(t *testing.T) *cointest.Fixture {
	return func(t *testing.T) *cointest.Fixture {
		sim, b := newBench(so)
		f := &cointest.Fixture{
			New: func() (cash.Intake, func()) {
				open, kill := b.Program()
				return cctalkcoin.New(open, do), kill
			},
			Path: sim.Path(), Faults: sim.Faults(), Power: sim.Power, AtAnswer: b.AtAnswer, Close: b.Close,
		}
		if len(do.Store) > 0 {
			f.Store = do.Store[0]
		}
		return f
	}
}

func TestSuite(t *testing.T) {
	cointest.Exercise(t, fixture(cctalkcoinsim.Options{}, cctalkcoin.Options{}))
}

func TestSuiteCRCEcho(t *testing.T) {
	cointest.Exercise(t, fixture(cctalkcoinsim.Options{CRC: true, Echo: true, BaudPace: true},
		cctalkcoin.Options{Paths: map[int64]byte{50: 4}, Store: []byte{4}}))
}
