// Package rigtest puts each driver of cash before its pretend device, for the suite of its class.
package rigtest

import (
	"context"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/devices/cash"
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
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/paytest"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
	"yichuang/devices/wire/wiretest"
)

// plugged is a pretend device at the end of a line.
type plugged interface {
	Serve(context.Context, io.ReadWriter) error
	OnPlug(func(in bool))
}

func bench(device plugged) *wiretest.Bench {
	b := wiretest.NewBench(device.Serve)
	device.OnPlug(b.Plug)
	return b
}

// noteDevice is a pretend acceptor of notes.
type noteDevice interface {
	plugged
	Path() *notepath.Path
	Faults() *mechanism.Faults
	Power(on, in bool)
}

func notes(device noteDevice, driver func(wire.Opener) cash.Acceptor) *cashtest.Fixture {
	b := bench(device)
	return &cashtest.Fixture{
		New: func() (cash.Acceptor, func()) {
			open, kill := b.Program()
			return driver(open), kill
		},
		Path: device.Path(), Faults: device.Faults(), Power: device.Power, AtAnswer: b.AtAnswer, Close: b.Close,
	}
}

// CCTalk is a validator at a ccTalk bus.
func CCTalk(so cctalksim.Options, do cctalk.Options) func(*testing.T) *cashtest.Fixture {
	return func(*testing.T) *cashtest.Fixture {
		return notes(cctalksim.New(so), func(open wire.Opener) cash.Acceptor { return cctalk.New(open, do) })
	}
}

// CCNet is a validator that speaks CCNET.
func CCNet(so ccnetsim.Options, do ccnet.Options) func(*testing.T) *cashtest.Fixture {
	return func(*testing.T) *cashtest.Fixture {
		f := notes(ccnetsim.New(so), func(open wire.Opener) cash.Acceptor { return ccnet.New(open, do) })
		f.Acknowledged, f.Finds = true, true
		return f
	}
}

// ID003 is an acceptor that speaks ID003.
func ID003(so id003sim.Options, do id003.Options) func(*testing.T) *cashtest.Fixture {
	return func(*testing.T) *cashtest.Fixture {
		f := notes(id003sim.New(so), func(open wire.Opener) cash.Acceptor { return id003.New(open, do) })
		f.Acknowledged, f.Finds, f.NoSerial = true, true, true
		return f
	}
}

// SSP is an SSP unit that takes notes.
func SSP(so sspsim.Options, do ssp.Options) func(*testing.T) *cashtest.Fixture {
	return func(*testing.T) *cashtest.Fixture {
		f := notes(sspsim.New(so), func(open wire.Opener) cash.Acceptor { return ssp.New(open, do) })
		f.Nameless, f.Knows = true, true
		return f
	}
}

// Payout is an SSP unit that pays, with twelve pieces of each face.
func Payout(so sspsim.Options, do ssp.Options, faces ...int64) func(*testing.T) *paytest.Fixture {
	return func(*testing.T) *paytest.Fixture {
		unit := sspsim.New(so)
		b := bench(unit)
		f := &paytest.Fixture{
			New: func() (cash.Payer, func()) {
				open, kill := b.Program()
				return ssp.New(open, do).Payer(), kill
			},
			Each: 12, Faults: unit.Faults(), Jam: "payout_jam", AtAnswer: b.AtAnswer, Piece: 400 * time.Millisecond, Close: b.Close,
			Inside: func() []cash.Pile { return Piles(unit.Path().World().Store) },
			Out:    func() []cash.Pile { return Piles(unit.Path().World().Paid) },
			Power:  func(on bool) { unit.Power(on, false) },
		}
		if so.Unit == sspsim.NoteFloat {
			f.Piece = 1200 * time.Millisecond // it is asked to be at rest before the next is ordered
		}
		for _, face := range faces {
			f.Faces = append(f.Faces, cash.Note{Face: face, Currency: "CNY"})
			unit.Path().Load(face, "CNY", int(f.Each))
		}
		return f
	}
}

// Piles are what a path has counted.
func Piles(list []notepath.Tally) (out []cash.Pile) {
	for _, t := range list {
		out = append(out, cash.Pile{Note: cash.Note{Face: t.Face, Currency: t.Currency}, Count: int64(t.Count)})
	}
	return out
}

// Coins is a coin acceptor at a ccTalk bus.
func Coins(so cctalkcoinsim.Options, do cctalkcoin.Options) func(*testing.T) *cointest.Fixture {
	return func(*testing.T) *cointest.Fixture {
		device := cctalkcoinsim.New(so)
		b := bench(device)
		f := &cointest.Fixture{
			New: func() (cash.Intake, func()) {
				open, kill := b.Program()
				return cctalkcoin.New(open, do), kill
			},
			Path: device.Path(), Faults: device.Faults(), Power: device.Power, AtAnswer: b.AtAnswer, Close: b.Close,
		}
		if len(do.Store) > 0 {
			f.Store = do.Store[0]
		}
		return f
	}
}

// Hoppers are two hoppers at a ccTalk bus, with the same number of coins of 1 yuan and of 5 jiao.
func Hoppers(so cctalkhoppersim.Options, do cctalkhopper.Options) func(*testing.T) *paytest.Fixture {
	return func(*testing.T) *paytest.Fixture {
		rack := cctalkhoppersim.New(so)
		b := bench(rack)
		bowls := func(n func(cctalkhoppersim.Bowl) int) func() []cash.Pile {
			return func() (list []cash.Pile) {
				for _, bowl := range rack.World() {
					list = append(list, cash.Pile{Note: cash.Note{Face: bowl.Face, Currency: bowl.Currency}, Count: int64(n(bowl))})
				}
				return list
			}
		}
		var dark atomic.Bool // the story and the blow turn the switch
		return &paytest.Fixture{
			New: func() (cash.Payer, func()) {
				open, kill := b.Program()
				return technician{cctalkhopper.New(open, do), rack}, kill
			},
			Faces: []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 50, Currency: "CNY"}}, Each: int64(rack.World()[0].Inside),
			Inside: bowls(func(b cctalkhoppersim.Bowl) int { return b.Inside }),
			Out:    bowls(func(b cctalkhoppersim.Bowl) int { return b.Out }),
			Faults: rack.Faults(), Jam: "jam",
			Power: func(on bool) {
				if dark.CompareAndSwap(on, !on) { // a switch that is where it was does nothing
					rack.Power(on, false)
				}
			},
			AtAnswer: b.AtAnswer, Piece: 600 * time.Millisecond, Guesses: true, Close: b.Close,
		}
	}
}

// technician is a payer with somebody beside it who says that a jam was mended when it was: hoppers cannot see that.
type technician struct {
	*cctalkhopper.Payer
	rack *cctalkhoppersim.Rack
}

func (t technician) State() cash.PayerState {
	s := t.Payer.State()
	over := !t.rack.Faults().On("jam") && !t.rack.Faults().On("empty")
	if over && s.Fault != nil && !s.Paying && slices.Contains([]fault.Kind{fault.Jammed, fault.Empty, fault.Tampered}, s.Fault.Kind) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		t.Mended(ctx)
	}
	return s
}
