package cctalk

import (
	"fmt"
	"strings"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// pair is one row of the event buffer: A is the bill type or 0, B what happened (part 3, header 159).
type pair [2]byte

// events is an answer to header 159: the counter and the last five pairs, newest first.
type events struct {
	counter byte
	pairs   [5]pair
}

const eventsBytes = 11

func parseEvents(data []byte) (e events) {
	e.counter = data[0]
	for i := range e.pairs {
		e.pairs[i] = pair{data[1+2*i], data[2+2*i]}
	}
	return e
}

// since is how many events lie between two readings of the counter. 255 is followed by 1 (part 2,
// header 229); the caller has seen to it that now is not 0, which means a restart.
func since(last, now byte) int {
	if now >= last {
		return int(now) - int(last)
	}
	return int(now) - int(last) + 255
}

// before is the counter as it stood n events before now.
func before(now byte, n int) byte {
	return byte((int(now)-1-n+2*255)%255 + 1)
}

// place is what a fault hangs on, so that mending one leaves the others.
type place string

const (
	onLine    place = "line"
	onBox     place = "box"
	onRoom    place = "room" // in the box
	onPath    place = "path"
	onHonesty place = "honesty"
	onDevice  place = "device"
)

// places are in the order of what is told first: what makes the rest unknown, then what the hand
// at the machine sees.
var places = []place{onLine, onHonesty, onBox, onPath, onRoom, onDevice}

// meaning is what an event with A = 0 means to us.
type meaning struct {
	what cash.Happening // "" when nobody needs to know
	kind fault.Kind
	at   place // with Faulty: what the fault hangs on
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
	6:  {what: cash.Faulty, kind: fault.Jammed, at: onPath, text: "a note is stuck on its way in"},
	7:  {what: cash.Faulty, kind: fault.Jammed, at: onPath, text: "a note is stuck in the stacker"},
	8:  {what: cash.Refused, kind: fault.Refused, text: "pulled back"},
	9:  {what: cash.Faulty, kind: fault.Tampered, at: onHonesty, text: "the device says that it was tampered with"},
	10: {what: cash.Cleared, at: onRoom, text: "stacker ok"},
	11: {what: cash.BoxOut, kind: fault.Open, at: onBox, text: "the box is out"},
	12: {what: cash.BoxIn, at: onBox},
	13: {what: cash.Faulty, kind: fault.Broken, at: onDevice, text: "stacker faulty"},
	14: {what: cash.Faulty, kind: fault.Full, at: onRoom, text: "the box is full"},
	15: {what: cash.Faulty, kind: fault.Jammed, at: onPath, text: "the stacker is jammed"},
	16: {what: cash.Faulty, kind: fault.Jammed, at: onPath, text: "a note is stuck after validation, safe mode"},
	17: {what: cash.Faulty, kind: fault.Tampered, at: onHonesty, text: "fraud seen by the light sensors"},
	18: {what: cash.Faulty, kind: fault.Tampered, at: onHonesty, text: "a note on a string"},
	19: {what: cash.Faulty, kind: fault.Broken, at: onDevice, text: "the guard against strings is faulty"},
	20: {text: "barcode seen"}, // we never switch coupons on
	21: {what: cash.Lost, kind: fault.Doubtful, text: "a note of unknown type is in the box"},
}

// checks are the self-check's codes that we can put a name to (part 3, table 2).
var checks = map[byte]meaning{
	36: {kind: fault.Broken, at: onDevice, text: "bill sensor"},
	37: {kind: fault.Broken, at: onDevice, text: "transport motor"},
	38: {kind: fault.Broken, at: onDevice, text: "stacker"},
	39: {kind: fault.Jammed, at: onPath, text: "a note is stuck"},
	41: {kind: fault.Tampered, at: onHonesty, text: "string sensor"},
	44: {kind: fault.Open, at: onBox, text: "the box is out"},
	45: {kind: fault.Full, at: onRoom, text: "the box is full"},
	49: {kind: fault.Tampered, at: onHonesty, text: "light sensors blocked"},
	51: {kind: fault.Open, at: onDevice, text: "a door is open"},
}

func checkMeaning(code byte) meaning {
	if m, ok := checks[code]; ok {
		return m
	}
	return meaning{kind: fault.Broken, at: onDevice, text: fmt.Sprintf("self-check code %d", code)}
}

// currency is what a country's two letters stand for on a note.
type currency struct {
	code   string
	places int // of the smallest unit (ISO 4217)
}

// currencies are the countries that a validator at a border town may be set to.
var currencies = map[string]currency{
	"CN": {"CNY", 2}, "HK": {"HKD", 2}, "MO": {"MOP", 2}, "TW": {"TWD", 2}, "JP": {"JPY", 0}, "KR": {"KRW", 0}, "RU": {"RUB", 2},
	"US": {"USD", 2}, "EU": {"EUR", 2}, "GB": {"GBP", 2}, "SG": {"SGD", 2}, "VN": {"VND", 0}, "KZ": {"KZT", 2}, "MN": {"MNT", 2},
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
	s, c := scales[text[:2]], currencies[text[:2]]
	if s.scale == 0 || c.code == "" {
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
	for range max(0, c.places-s.decimals) {
		face *= 10
	}
	for range max(0, s.decimals-c.places) {
		if face%10 != 0 {
			return cash.Note{}, false, &fault.Error{Kind: fault.Garbled, Device: "cctalk", Op: "read bill id", Detail: "a face below the smallest unit", Raw: []byte(text)}
		}
		face /= 10
	}
	return cash.Note{Face: face, Currency: c.code}, face > 0, nil
}
