package cctalkhopper_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/paytest"
	"yichuang/devices/fault"
	"yichuang/devices/wire/wiretest"
)

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

// fixture puts a rack under the suite.
func fixture(so cctalkhoppersim.Options, o cctalkhopper.Options) func(t *testing.T) *paytest.Fixture {
	return func(t *testing.T) *paytest.Fixture {
		rack := cctalkhoppersim.New(so)
		b := wiretest.NewBench(rack.Serve)
		rack.OnPlug(b.Plug)
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
				return technician{cctalkhopper.New(open, o), rack}, kill
			},
			Faces: []cash.Note{yuan, jiao}, Each: int64(rack.World()[0].Inside),
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

func TestSuite(t *testing.T) {
	few := []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 40, Low: 5}, {Address: 4, Face: 50, Count: 40}}
	paytest.Exercise(t, fixture(cctalkhoppersim.Options{Hoppers: few}, cctalkhopper.Options{Hoppers: both}))
}

func TestSuiteCipherCRCEcho(t *testing.T) {
	few := []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 40, By: cctalkhoppersim.Cipher, Registers: 1}, {Address: 4, Face: 50, Count: 40, By: cctalkhoppersim.Cipher}}
	paytest.Exercise(t, fixture(cctalkhoppersim.Options{Hoppers: few, CRC: true, Echo: true, BaudPace: true}, cctalkhopper.Options{Hoppers: both, Cipher: cipher}))
}
