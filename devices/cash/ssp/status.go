package ssp

import (
	"fmt"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// onPayout is where the faults of the notes inside hang, which do not keep others out.
const onPayout acceptor.Place = "payout"

// meaning is what a state in a poll's answer means to us.
type meaning struct {
	kind fault.Kind
	at   acceptor.Place
	text string
}

// meanings are the events that are a fault while they are told.
var meanings = map[byte]meaning{
	evSafeJam:      {fault.Jammed, acceptor.Path, "a note is stuck where no hand can reach it"},
	evUnsafeJam:    {fault.Jammed, acceptor.Path, "a note is stuck where a hand can reach it"},
	evFull:         {fault.Full, acceptor.Room, "the box is full"},
	evFraud:        {fault.Tampered, acceptor.Honesty, "an attempt to cheat"},
	evPathOpen:     {fault.Open, acceptor.Device, "the note path is open"},
	evBoxOut:       {fault.Open, acceptor.Box, "the box is out"},
	evStoreOut:     {fault.Open, acceptor.Device, "the note float is out"},
	evPayoutJam:    {fault.Jammed, acceptor.Path, "the payout is jammed"},
	evMechJam:      {fault.Jammed, acceptor.Path, "the coin mechanism is jammed"},
	evMechError:    {fault.Broken, acceptor.Device, "the coin mechanism is faulty"},
	evOutOfService: {fault.Broken, onPayout, "the payout is out of service"},
}

// moving are the events of a device that is not at rest.
var moving = map[byte]bool{
	evRejecting: true, evStacking: true, evSafeJam: true, evUnsafeJam: true, evInitialising: true, evJamRecovery: true,
	evDispensing: true, evFloating: true, evEmptying: true, evSmartEmpty: true, evPayoutJam: true, evBoxOut: true,
}

// rejects are the answers to LAST_REJECT_CODE.
var rejects = map[byte]string{
	0x00: "accepted", 0x01: "wrong length", 0x06: "this face is not taken now", 0x07: "a second note behind it", 0x08: "given back as asked",
	0x09: "two channels fit", 0x0A: "the rear sensor sees something", 0x0B: "too long", 0x0C: "shut by the host", 0x0D: "the mechanism is slow",
	0x0E: "on a string", 0x0F: "a channel of forgeries", 0x10: "no notes are taken", 0x11: "peak detection", 0x12: "twisted",
	0x13: "held too long", 0x14: "a barcode", 0x19: "wrong width", 0x1A: "too short", 0x1B: "a note of the payout", 0x1C: "two at once", 0x1D: "cannot be stacked",
}

func rejectText(code byte) string {
	if text := rejects[code]; text != "" {
		return text
	}
	if code >= 0x02 && code <= 0x05 || code >= 0x15 && code <= 0x18 {
		return "not recognised"
	}
	return fmt.Sprintf("reject code %02X", code)
}

// fades ends the faults that no answer repeats any more. The line's and the box's end otherwise. Called with the lock held.
func (a *Acceptor) fades(now time.Time) {
	for p, f := range a.d.Faults {
		if p != acceptor.Line && p != acceptor.Box && now.Sub(f.Since) >= faultHold {
			delete(a.d.Faults, p)
		}
	}
	if a.d.BoxOut && a.boxRepeats && now.Sub(a.d.Faults[acceptor.Box].Since) >= faultHold {
		a.boxBack(nil) // its "box in" was told to an earlier host
	}
}

// boxAway and boxBack tell of the box. Called with the lock held.
func (a *Acceptor) boxAway(raw []byte) {
	a.boxRepeats = a.boxRepeats || a.d.BoxOut
	if !a.d.BoxOut {
		a.d.BoxOut = true
		a.d.Emit(cash.Signal{What: cash.BoxOut, Raw: raw})
	}
}

func (a *Acceptor) boxBack(raw []byte) {
	if a.d.BoxOut {
		a.d.Emit(cash.Signal{What: cash.BoxIn, Raw: raw})
	}
	a.d.BoxOut, a.d.Dirty = false, true
	delete(a.d.Faults, acceptor.Box)
}
