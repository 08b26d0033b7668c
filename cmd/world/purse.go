package world

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/wire"
	"yichuang/kiosk/money"
)

// Purse is what pays in a cabinet: hoppers, each with coins of one face, a hopper of coins of several, or the store of the acceptor of notes.
type Purse interface {
	Power(on, in bool)
	Snapshot() ([]byte, error)
	Restore([]byte) error
	Serve(context.Context, io.ReadWriter) error
	OnPoint(func(point string))

	Inside() money.Counts
	Out() money.Counts // that came out since it was new
	Paying() (yes, stuck bool)
	Counts() bool // it knows also after its power was away how many pieces it has paid
	Pays(face money.Fen) bool
	Balanced() error // what was put in is in exactly one place

	// Fill puts pieces of each face in that staff fill, until there are so many, and says how many of which.
	Fill(to int64) money.Counts
	// Arm arms or mends one of the troubles below.
	Arm(trouble string, n int) error

	driver(open wire.Opener, notes cash.Acceptor, log *slog.Logger) cash.Payer
}

// The troubles that befall any purse.
const (
	purseJam   = "jam"   // no piece comes out, or not whole
	purseEmpty = "empty" // nothing is there, or reaches the exit
)

// lacking is how many pieces of each face are missing to so many.
func lacking(inside money.Counts, faces []money.Fen, to int64) (out money.Counts) {
	var full money.Counts
	for _, face := range faces {
		full = full.Plus(face, money.CNY, to)
	}
	for _, row := range full.Minus(inside) {
		if row.Count > 0 {
			out = out.Plus(row.Face, row.Currency, row.Count)
		}
	}
	return out
}

// hoppers are ccTalk hoppers.
type hoppers struct{ *cctalkhoppersim.Rack }

// hopperPayout is how a terminal's settings name them.
const hopperPayout = "cctalk-hopper serial:/sweep/payout?3=100&4=50"

// hopperFaces are what is in them, by address.
var hopperFaces = map[byte]int64{3: 100, 4: 50}

// hopperPieces are the faces of the coins that staff fill into hoppers of whatever kind.
var hopperPieces = []money.Fen{100, 50}

// newHoppers makes hoppers of a model that takes orders as they are, or of the one that is known to want its serial number before them.
func newHoppers(o cctalkhoppersim.Options, by cctalkhoppersim.By) func(acceptor) Purse {
	model := map[cctalkhoppersim.By]string{cctalkhoppersim.Serial: "SUH1"}[by]
	return func(acceptor) Purse {
		o.Hoppers = nil
		for _, address := range slices.Sorted(maps.Keys(hopperFaces)) {
			o.Hoppers = append(o.Hoppers, cctalkhoppersim.Hopper{Address: address, Face: hopperFaces[address], By: by, Model: model})
		}
		return hoppers{cctalkhoppersim.New(o)}
	}
}

func (h hoppers) Power(on, in bool) { h.Rack.Power(on, !in) }
func (h hoppers) Counts() bool      { return false }

func (h hoppers) Pays(face money.Fen) bool { return slices.Contains(hopperPieces, face) }

func (h hoppers) Inside() (out money.Counts) {
	for _, bowl := range h.World() {
		out = out.Plus(money.Fen(bowl.Face), money.CNY, int64(bowl.Inside))
	}
	return out
}

func (h hoppers) Out() (out money.Counts) {
	for _, bowl := range h.World() {
		out = out.Plus(money.Fen(bowl.Face), money.CNY, int64(bowl.Out))
	}
	return out
}

func (h hoppers) Paying() (yes, stuck bool) {
	for _, bowl := range h.World() {
		yes = yes || bowl.Paying
	}
	return yes, false // a wheel that does not turn gives up
}

func (h hoppers) Balanced() (err error) {
	for _, bowl := range h.World() {
		err = errors.Join(err, bowl.Balanced())
	}
	return err
}

func (h hoppers) Fill(to int64) money.Counts {
	loaded := lacking(h.Inside(), hopperPieces, to)
	for _, row := range loaded {
		for address, face := range hopperFaces {
			if money.Fen(face) == row.Face {
				h.Load(address, int(row.Count))
			}
		}
	}
	return loaded
}

func (h hoppers) Arm(trouble string, n int) error { return h.Faults().Arm(trouble, n) }

func (h hoppers) driver(open wire.Opener, _ cash.Acceptor, log *slog.Logger) cash.Payer {
	return cctalkhopper.New(open, cctalkhopper.Options{Log: log, Hoppers: hopperFaces})
}

// unit is an SSP unit that pays.
type unit struct {
	*sspsim.Sim
	faces []money.Fen // that staff fill
}

// newSmartHopper is a hopper of coins of several faces, on a line of its own.
func newSmartHopper(acceptor) Purse {
	return unit{sspsim.New(sspsim.Options{Unit: sspsim.SmartHopper, Address: hopperAddress, PaysAtPowerUp: true}), hopperPieces}
}

const hopperAddress = 0x10

func (u unit) OnPoint(fn func(string))  { u.Path().OnPoint(fn) }
func (u unit) Counts() bool             { return true }
func (u unit) Inside() money.Counts     { return tally(u.Path().World().Store) }
func (u unit) Out() money.Counts        { return tally(u.Path().World().Paid) }
func (u unit) Pays(face money.Fen) bool { return slices.Contains(u.faces, face) }
func (u unit) Balanced() error          { return u.Path().World().Balanced() }

func (u unit) Fill(to int64) money.Counts {
	loaded := lacking(u.Inside(), u.faces, to)
	for _, row := range loaded {
		u.Path().Load(int64(row.Face), row.Currency, int(row.Count))
	}
	return loaded
}

// Arm has a piece get stuck for both troubles: a unit says itself what it has not got, and then nothing is promised.
func (u unit) Arm(_ string, n int) error { return u.Faults().Arm("payout_jam", n) }

func (u unit) driver(open wire.Opener, _ cash.Acceptor, log *slog.Logger) cash.Payer {
	return ssp.New(open, ssp.Options{Log: log, Encrypted: true, Hopper: true, Address: hopperAddress}).Payer()
}

// ownNotes is where a recycler keeps notes that it pays out again: a part of the acceptor, which has its power, its memory and its line.
type ownNotes struct{ unit }

func ownStore(notes acceptor) Purse {
	return ownNotes{unit{notes.(*sspsim.Sim), []money.Fen{100, 500}}}
}

func (ownNotes) Power(bool, bool)                           {}
func (ownNotes) Snapshot() ([]byte, error)                  { return nil, nil }
func (ownNotes) Restore([]byte) error                       { return nil }
func (ownNotes) Serve(context.Context, io.ReadWriter) error { return nil }
func (ownNotes) OnPoint(func(string))                       {}

func (ownNotes) driver(_ wire.Opener, notes cash.Acceptor, _ *slog.Logger) cash.Payer {
	return notes.(*ssp.Acceptor).Payer()
}
