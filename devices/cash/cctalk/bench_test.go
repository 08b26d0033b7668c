package cctalk_test

import (
	"testing"

	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/rigtest"
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

func TestSuite(t *testing.T) {
	cashtest.Exercise(t, rigtest.CCTalk(cctalksim.Options{}, cctalk.Options{}))
}

func TestSuiteCRCEcho(t *testing.T) {
	cashtest.Exercise(t, rigtest.CCTalk(cctalksim.Options{CRC: true, Echo: true, BaudPace: true}, cctalk.Options{}))
}
