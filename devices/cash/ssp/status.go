package ssp

import (
	"fmt"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// place is what a fault hangs on, so that mending one leaves the others.
type place string

const (
	onLine    place = "line"
	onBox     place = "box"
	onRoom    place = "room" // in the box
	onPath    place = "path"
	onHonesty place = "honesty"
	onDevice  place = "device"
	onPayout  place = "payout" // the notes inside, which does not keep others out
)

// places are in the order of what is told first: what makes the rest unknown, then what the hand at the machine sees.
var places = []place{onLine, onHonesty, onBox, onPath, onRoom, onDevice}

// meaning is what a state in a poll's answer means to us.
type meaning struct {
	kind fault.Kind
	at   place
	text string
}

// meanings are the events that are a fault while they are told.
var meanings = map[byte]meaning{
	evSafeJam:      {fault.Jammed, onPath, "a note is stuck where no hand can reach it"},
	evUnsafeJam:    {fault.Jammed, onPath, "a note is stuck where a hand can reach it"},
	evFull:         {fault.Full, onRoom, "the box is full"},
	evFraud:        {fault.Tampered, onHonesty, "an attempt to cheat"},
	evPathOpen:     {fault.Open, onDevice, "the note path is open"},
	evBoxOut:       {fault.Open, onBox, "the box is out"},
	evStoreOut:     {fault.Open, onDevice, "the note float is out"},
	evPayoutJam:    {fault.Jammed, onPath, "the payout is jammed"},
	evMechJam:      {fault.Jammed, onPath, "the coin mechanism is jammed"},
	evMechError:    {fault.Broken, onDevice, "the coin mechanism is faulty"},
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

// placed is a fault and when it was told last.
type placed struct {
	fault *fault.Error
	seen  time.Time
}

// worst is the fault that matters most. Called with mu held.
func (a *Acceptor) worst() (*fault.Error, place) {
	for _, p := range places {
		if f := a.faults[p].fault; f != nil {
			return f, p
		}
	}
	return nil, ""
}

// fades ends the faults that no answer repeats any more. The line's and the box's end otherwise. Called with mu held.
func (a *Acceptor) fades(now time.Time) {
	for p, f := range a.faults {
		if p != onLine && p != onBox && now.Sub(f.seen) >= faultHold {
			delete(a.faults, p)
		}
	}
	if a.boxOut && a.boxRepeats && now.Sub(a.faults[onBox].seen) >= faultHold {
		a.boxBack(nil) // its "box in" was told to an earlier host
	}
}

// settle tells when the worst fault has changed. Called with mu held.
func (a *Acceptor) settle(raw []byte) {
	f, at := a.worst()
	switch {
	case f == nil && a.told != nil:
		a.told, a.dirty = nil, a.dirty || a.online // it may have shut itself meanwhile
		a.emit(cash.Signal{What: cash.Cleared, Raw: raw})
	case f != nil && (a.told == nil || a.told.Kind != f.Kind || a.toldAt != at):
		a.told, a.toldAt = f, at
		a.emit(cash.Signal{What: cash.Faulty, Fault: f, Raw: raw})
	}
}

// boxAway and boxBack tell of the box. Called with mu held.
func (a *Acceptor) boxAway(raw []byte) {
	a.boxRepeats = a.boxRepeats || a.boxOut
	if !a.boxOut {
		a.boxOut = true
		a.emit(cash.Signal{What: cash.BoxOut, Raw: raw})
	}
}

func (a *Acceptor) boxBack(raw []byte) {
	if a.boxOut {
		a.emit(cash.Signal{What: cash.BoxIn, Raw: raw})
	}
	a.boxOut, a.dirty = false, true
	delete(a.faults, onBox)
}
