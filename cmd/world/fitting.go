package world

import (
	"log/slog"
	"maps"
	"slices"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/ccnetsim"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/wire"
)

// fitting is what takes cash in a cabinet, and what pays. No two have devices that are set in the same way: a driver finds out how its
// device protects its packets, what the device does not know, and how orders have to be given. No line gives back what is said on it: two would
// write to it in one instant then, and a seed's trace would not be the same.
type fitting struct {
	protocol string // of the acceptor of notes, as a terminal's settings name it
	payout   string // and the payer's
	notes    func() acceptor
	driver   func(wire.Opener, *slog.Logger) cash.Acceptor
	coins    cctalkcoinsim.Options
	purse    func(notes acceptor) Purse
}

// fittings are all of them, by the name of the acceptor of notes.
var fittings = map[string]fitting{
	"cctalk": {
		protocol: "cctalk",
		payout:   hopperPayout,
		notes:    func() acceptor { return cctalksim.New(cctalksim.Options{CRC: true}) },
		driver: func(open wire.Opener, log *slog.Logger) cash.Acceptor {
			return cctalk.New(open, cctalk.Options{Log: log})
		},
		purse: newHoppers(cctalkhoppersim.Options{}, cctalkhoppersim.Plain),
	},
	"ccnet": {
		protocol: "ccnet",
		payout:   hopperPayout,
		notes:    func() acceptor { return ccnetsim.New(ccnetsim.Options{Early: true}) },
		driver: func(open wire.Opener, log *slog.Logger) cash.Acceptor {
			return ccnet.New(open, ccnet.Options{Log: log})
		},
		coins: cctalkcoinsim.Options{CRC: true},
		purse: newHoppers(cctalkhoppersim.Options{}, cctalkhoppersim.Serial),
	},
	"id003": {
		protocol: "id003",
		payout:   hopperPayout,
		notes:    func() acceptor { return id003sim.New(id003sim.Options{}) },
		driver: func(open wire.Opener, log *slog.Logger) cash.Acceptor {
			return id003.New(open, id003.Options{Log: log})
		},
		coins: cctalkcoinsim.Options{NoStatus: true},
		purse: newHoppers(cctalkhoppersim.Options{CRC: true}, cctalkhoppersim.Serial),
	},
	"ssp": {
		protocol: "ssp",
		payout:   hopperPayout,
		notes:    func() acceptor { return sspsim.New(sspsim.Options{NoKeys: true, NoAcks: true}) },
		driver:   func(open wire.Opener, log *slog.Logger) cash.Acceptor { return ssp.New(open, ssp.Options{Log: log}) },
		purse:    newHoppers(cctalkhoppersim.Options{}, cctalkhoppersim.Plain),
	},
	"essp": {
		protocol: "essp",
		payout:   "ssp-payout serial:/sweep/payout?hopper",
		notes:    func() acceptor { return sspsim.New(sspsim.Options{}) },
		driver: func(open wire.Opener, log *slog.Logger) cash.Acceptor {
			return ssp.New(open, ssp.Options{Log: log, Encrypted: true})
		},
		coins: cctalkcoinsim.Options{CRC: true},
		purse: newSmartHopper,
	},
	"recycler": {
		protocol: "ssp-payout",
		payout:   "ssp-payout serial:/sweep/cash",
		notes: func() acceptor {
			return sspsim.New(sspsim.Options{Unit: sspsim.SmartPayout, PaysAtPowerUp: true})
		},
		driver: func(open wire.Opener, log *slog.Logger) cash.Acceptor {
			return ssp.New(open, ssp.Options{Log: log, Encrypted: true})
		},
		purse: ownStore,
	},
}

// Acceptors are the names of all acceptors of notes.
var Acceptors = slices.Sorted(maps.Keys(fittings))

// Cashless is a cabinet that takes and gives no cash. What would do so lies in it unplugged.
const Cashless = "none"
