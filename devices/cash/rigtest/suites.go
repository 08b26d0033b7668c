package rigtest

import (
	"testing"

	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/ccnetsim"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/cointest"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/paytest"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
)

// Suite is one driver before one pretend device.
type Suite struct {
	Driver string // its package
	Class  string // of its suite's flags: cash, coin or pay
	Device string // what is said of the device
	Tell   func(t *testing.T)
}

// Suites are all drivers, each before the devices that go through the most of it.
var Suites = []Suite{
	takes("cctalk", "a validator with a CRC and echo", CCTalk(cctalksim.Options{CRC: true, Echo: true}, cctalk.Options{})),
	takes("ccnet", "a validator", CCNet(ccnetsim.Options{}, ccnet.Options{})),
	takes("id003", "an acceptor", ID003(id003sim.Options{}, id003.Options{})),
	takes("ssp", "a unit without acknowledgements", SSP(sspsim.Options{NoAcks: true, CountsCleared: true}, ssp.Options{})),
	takes("ssp", "a recycler", SSP(sspsim.Options{Unit: sspsim.SmartPayout, CountsCleared: true, Recycles: []int64{100, 500, 2000}}, ssp.Options{Encrypted: true})),
	{"cctalkcoin", "coin", "an acceptor with a sorter", func(t *testing.T) {
		cointest.Exercise(t, Coins(cctalkcoinsim.Options{CRC: true, Echo: true}, cctalkcoin.Options{Paths: map[int64]byte{50: 4}, Store: []byte{4}}))
	}},
	pays("cctalkhopper", "hoppers", Hoppers(cctalkhoppersim.Options{Hoppers: []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 40, Low: 5}, {Address: 4, Face: 50, Count: 40}}},
		cctalkhopper.Options{Hoppers: map[byte]int64{3: 100, 4: 50}})),
	pays("ssp", "a payout of notes", Payout(sspsim.Options{Unit: sspsim.SmartPayout, Faces: []int64{100, 500, 1000}}, ssp.Options{Encrypted: true}, 100, 500, 1000)),
	pays("ssp", "a hopper that counts nothing", Payout(sspsim.Options{Unit: sspsim.SmartHopper, Address: 0x10, NoCounters: true}, ssp.Options{Encrypted: true, Hopper: true, Address: 0x10}, 10, 50, 100)),
	pays("ssp", "a note float", Payout(sspsim.Options{Unit: sspsim.NoteFloat, Faces: []int64{1000}}, ssp.Options{Encrypted: true}, 1000)),
}

func takes(driver, device string, open func(*testing.T) *cashtest.Fixture) Suite {
	return Suite{driver, "cash", device, func(t *testing.T) { cashtest.Exercise(t, open) }}
}

func pays(driver, device string, open func(*testing.T) *paytest.Fixture) Suite {
	return Suite{driver, "pay", device, func(t *testing.T) { paytest.Exercise(t, open) }}
}
