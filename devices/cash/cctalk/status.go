package cctalk

import (
	"fmt"
	"strings"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// Headers of a bill validator (part 3) that we speak.
const (
	hdrReadMode = 152
	hdrSetMode  = 153
	hdrRoute    = 154
	hdrScaling  = 156
	hdrBillID   = 157
	hdrEvents   = 159
)

// meaning is what an event with A = 0 means to us.
type meaning struct {
	what cash.Happening // "" when nobody needs to know
	kind fault.Kind
	at   acceptor.Place // with Faulty: what the fault hangs on
	text string
}

// meanings are the events with A = 0 (part 3, table 7).
var meanings = map[byte]meaning{
	0:  {text: "shut itself"}, // master inhibit active: handled by the conversation
	1:  {what: cash.Returned},
	2:  {what: cash.Refused, kind: fault.Refused, text: "not recognised"},
	3:  {what: cash.Refused, kind: fault.Refused, text: "not drawn in properly"},
	4:  {what: cash.Refused, kind: fault.Refused, text: "this face is not taken now"},
	5:  {what: cash.Refused, kind: fault.Refused, text: "this face is switched off at the device"},
	6:  {what: cash.Faulty, kind: fault.Jammed, at: acceptor.Path, text: "a note is stuck on its way in"},
	7:  {what: cash.Faulty, kind: fault.Jammed, at: acceptor.Path, text: "a note is stuck in the stacker"},
	8:  {what: cash.Refused, kind: fault.Refused, text: "pulled back"},
	9:  {what: cash.Faulty, kind: fault.Tampered, at: acceptor.Honesty, text: "the device says that it was tampered with"},
	10: {what: cash.Cleared, at: acceptor.Room, text: "stacker ok"},
	11: {what: cash.BoxOut, kind: fault.Open, at: acceptor.Box, text: "the box is out"},
	12: {what: cash.BoxIn, at: acceptor.Box},
	13: {what: cash.Faulty, kind: fault.Broken, at: acceptor.Device, text: "stacker faulty"},
	14: {what: cash.Faulty, kind: fault.Full, at: acceptor.Room, text: "the box is full"},
	15: {what: cash.Faulty, kind: fault.Jammed, at: acceptor.Path, text: "the stacker is jammed"},
	16: {what: cash.Faulty, kind: fault.Jammed, at: acceptor.Path, text: "a note is stuck after validation, safe mode"},
	17: {what: cash.Faulty, kind: fault.Tampered, at: acceptor.Honesty, text: "fraud seen by the light sensors"},
	18: {what: cash.Faulty, kind: fault.Tampered, at: acceptor.Honesty, text: "a note on a string"},
	19: {what: cash.Faulty, kind: fault.Broken, at: acceptor.Device, text: "the guard against strings is faulty"},
	20: {text: "barcode seen"}, // we never switch coupons on
	21: {what: cash.Lost, kind: fault.Doubtful, text: "a note of unknown type is in the box"},
}

// checks are the self-check's codes that we can put a name to (part 3, table 2).
var checks = map[byte]meaning{
	36: {kind: fault.Broken, at: acceptor.Device, text: "bill sensor"},
	37: {kind: fault.Broken, at: acceptor.Device, text: "transport motor"},
	38: {kind: fault.Broken, at: acceptor.Device, text: "stacker"},
	39: {kind: fault.Jammed, at: acceptor.Path, text: "a note is stuck"},
	41: {kind: fault.Tampered, at: acceptor.Honesty, text: "string sensor"},
	44: {kind: fault.Open, at: acceptor.Box, text: "the box is out"},
	45: {kind: fault.Full, at: acceptor.Room, text: "the box is full"},
	49: {kind: fault.Tampered, at: acceptor.Honesty, text: "light sensors blocked"},
	51: {kind: fault.Open, at: acceptor.Device, text: "a door is open"},
}

func checkMeaning(code byte) meaning {
	if m, ok := checks[code]; ok {
		return m
	}
	return meaning{kind: fault.Broken, at: acceptor.Device, text: fmt.Sprintf("self-check code %d", code)}
}

// scaling is a country's factor (part 3, header 156): value = digits * scale / 10^decimals.
type scaling struct {
	scale    int64
	decimals int
}

// parseBill reads the text of a bill type, CCVVVVI. ok is false for an unused type.
func parseBill(text string, scales map[string]scaling) (note cash.Note, ok bool, err error) {
	if len(text) != 7 || strings.Trim(text, ". \x00") == "" {
		return cash.Note{}, false, nil
	}
	s, c := scales[text[:2]], ccbus.Currencies[text[:2]]
	if s.scale == 0 || c.Code == "" {
		return cash.Note{}, false, nil // a country that the device or we do not know: never enabled
	}
	digits := int64(0)
	for _, r := range text[2:6] {
		if r < '0' || r > '9' {
			return cash.Note{}, false, &fault.Error{Kind: fault.Garbled, Device: "cctalk", Op: "read bill id", Detail: "no number in the middle", Raw: []byte(text)}
		}
		digits = digits*10 + int64(r-'0')
	}
	face := digits * s.scale
	for range max(0, c.Places-s.decimals) {
		face *= 10
	}
	for range max(0, s.decimals-c.Places) {
		if face%10 != 0 {
			return cash.Note{}, false, &fault.Error{Kind: fault.Garbled, Device: "cctalk", Op: "read bill id", Detail: "a face below the smallest unit", Raw: []byte(text)}
		}
		face /= 10
	}
	return cash.Note{Face: face, Currency: c.Code}, face > 0, nil
}
