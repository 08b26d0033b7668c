package cctalkcoin_test

import (
	"testing"

	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cointest"
	"yichuang/devices/cash/rigtest"
	"yichuang/devices/wire/wiretest"
)

// newBench is a simulated acceptor behind pipes.
func newBench(o cctalkcoinsim.Options) (*cctalkcoinsim.Sim, *wiretest.Bench) {
	sim := cctalkcoinsim.New(o)
	b := wiretest.NewBench(sim.Serve)
	sim.OnPlug(b.Plug)
	return sim, b
}

func TestSuite(t *testing.T) {
	cointest.Exercise(t, rigtest.Coins(cctalkcoinsim.Options{}, cctalkcoin.Options{}))
}

func TestSuiteCRCEcho(t *testing.T) {
	cointest.Exercise(t, rigtest.Coins(cctalkcoinsim.Options{CRC: true, Echo: true, BaudPace: true},
		cctalkcoin.Options{Paths: map[int64]byte{50: 4}, Store: []byte{4}}))
}
