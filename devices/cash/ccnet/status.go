package ccnet

import (
	"fmt"
	"strings"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// state is the first byte of an answer to POLL (§5.4).
type state byte

// The states of a bill validator. It is in one of them at a time.
const (
	stPowerUp    state = 0x10
	stBillInHead state = 0x11 // power up with a bill in the validator: RESET gives it back
	stBillInBox  state = 0x12 // power up with a bill in the stacker: RESET stacks it
	stInitialise state = 0x13
	stIdling     state = 0x14
	stAccepting  state = 0x15
	stStacking   state = 0x17
	stReturning  state = 0x18
	stDisabled   state = 0x19
	stHolding    state = 0x1A // in escrow after HOLD, without saying which note
	stBusy       state = 0x1B // + time
	stRejecting  state = 0x1C // + reason
	stFull       state = 0x41
	stBoxOut     state = 0x42
	stJammed     state = 0x43
	stBoxJammed  state = 0x44
	stCheated    state = 0x45
	stPause      state = 0x46 // a second note is held to the mouth
	stFailure    state = 0x47 // + what failed
	stEscrow     state = 0x80 // + type
	stStacked    state = 0x81 // + type: this, and only this, is money
	stReturned   state = 0x82 // + type
)

// status is an answer to POLL.
type status struct {
	state state
	data  []byte
}

func (s status) bytes() []byte { return append([]byte{byte(s.state)}, s.data...) }

// about is the byte that says what the state is about; unnamed when it is not there.
func (s status) about() byte {
	if len(s.data) == 0 {
		return unnamed
	}
	return s.data[0]
}

// awakening says whether the validator has just got its power and waits for RESET.
func (s status) awakening() bool {
	return s.state == stPowerUp || s.state == stBillInHead || s.state == stBillInBox
}

// waiting says that there is nothing to be learned from this state but that it will end.
func (s status) waiting() bool { return s.state == stInitialise || s.state == stBusy }

// ending says that this state tells what became of a note, and is repeated until it is acknowledged.
func (s status) ending() bool { return s.state == stStacked || s.state == stReturned }

// meaning is what a state means that is a fault.
type meaning struct {
	kind fault.Kind
	at   acceptor.Place
	text string
}

// faults are the states that are faults for as long as they last (§5.4).
var faults = map[state]meaning{
	stFull:      {fault.Full, acceptor.Room, "the box is full"},
	stBoxOut:    {fault.Open, acceptor.Box, "the box is out"},
	stJammed:    {fault.Jammed, acceptor.Path, "a note is stuck in the validator"},
	stBoxJammed: {fault.Jammed, acceptor.Path, "a note is stuck on its way to the box"},
	stCheated:   {fault.Tampered, acceptor.Honesty, "an attempt to cheat"},
}

// failures are the second byte of 47h.
var failures = map[byte]meaning{
	0x50: {fault.Broken, acceptor.Device, "the stacker's motor"},
	0x51: {fault.Broken, acceptor.Device, "the transport's speed"},
	0x52: {fault.Broken, acceptor.Device, "the transport's motor"},
	0x53: {fault.Broken, acceptor.Device, "the aligning motor"},
	0x54: {fault.Broken, acceptor.Device, "the box as found at the start"},
	0x55: {fault.Broken, acceptor.Device, "the optical sensors"},
	0x56: {fault.Broken, acceptor.Device, "the magnetic sensors"},
	0x5F: {fault.Broken, acceptor.Device, "the capacitance sensors"},
	0xF4: {fault.Broken, acceptor.Device, "the stacker"},
	0xFE: {fault.Open, acceptor.Device, "the cover is open"},
}

// faultOf is the fault that a state is; ok is false for a state that is none.
func faultOf(s status) (m meaning, ok bool) {
	if s.state != stFailure {
		m, ok = faults[s.state]
		return m, ok
	}
	if m, ok = failures[s.about()]; !ok {
		m = meaning{fault.Broken, acceptor.Device, fmt.Sprintf("failure %02Xh", s.about())}
	}
	return m, true
}

// rejections are the second byte of 1Ch.
var rejections = map[byte]string{
	0x60: "not drawn in properly", 0x61: "magnetic or dielectric properties", 0x62: "another note was still in the head", 0x63: "compensation",
	0x64: "not transported properly", 0x65: "not identified", 0x66: "not verified", 0x67: "optical properties", 0x68: "this face is not taken now",
	0x69: "capacitance", 0x6A: "operation", 0x6C: "wrong length", 0x6D: "ultraviolet properties",
	0x92: "a bar code that is not known", 0x93: "a bar code of another length", 0x94: "no bar code begins", 0x95: "no bar code ends",
}

func rejection(code byte) string {
	if text, ok := rejections[code]; ok {
		return text
	}
	return fmt.Sprintf("rejected with %02Xh", code)
}

// known are states that need nothing from us.
var known = map[state]bool{stIdling: true, stAccepting: true, stStacking: true, stReturning: true, stDisabled: true, stHolding: true, stRejecting: true, stPause: true, stEscrow: true, stStacked: true, stReturned: true}

const (
	typesMax = 24   // rows of the bill table
	unnamed  = 0xFF // a type that the validator did not say
)

// currency is what the three letters of the bill table stand for.
type currency struct {
	code   string
	places int // of the smallest unit (ISO 4217)
}

// currencies are the three letters of a country in the bill table. The manual gives no list. These are those of
// ISO 3166, and those of the currency that some firmware writes instead; neither was seen on a device for China.
// Options.Currencies adds others.
var currencies = map[string]currency{
	"CHN": {"CNY", 2}, "CNY": {"CNY", 2}, "HKG": {"HKD", 2}, "HKD": {"HKD", 2}, "MAC": {"MOP", 2}, "MOP": {"MOP", 2}, "TWN": {"TWD", 2}, "TWD": {"TWD", 2},
	"JPN": {"JPY", 0}, "JPY": {"JPY", 0}, "KOR": {"KRW", 0}, "KRW": {"KRW", 0}, "RUS": {"RUB", 2}, "RUB": {"RUB", 2}, "USA": {"USD", 2}, "USD": {"USD", 2},
	"EUR": {"EUR", 2}, "GBR": {"GBP", 2}, "GBP": {"GBP", 2}, "SGP": {"SGD", 2}, "SGD": {"SGD", 2}, "VNM": {"VND", 0}, "VND": {"VND", 0},
	"KAZ": {"KZT", 2}, "KZT": {"KZT", 2}, "MNG": {"MNT", 2}, "MNT": {"MNT", 2},
}

// parseTable reads the bill table (§5.3, 41h): 24 rows of digits, three letters of the country, and a power of ten
// whose seventh bit makes it a division. A row of a country that is not known is never enabled.
func parseTable(data []byte, more map[string]string) (types [typesMax]cash.Note, err error) {
	for i := range types {
		row := data[5*i : 5*i+5]
		c, ok := currencies[string(row[1:4])]
		if code := more[string(row[1:4])]; code != "" {
			c, ok = currency{code: code, places: 2}, true
			if known, listed := currencies[code]; listed {
				c = known
			}
		}
		if row[0] == 0 || !ok {
			continue
		}
		face := int64(row[0])
		power := int(row[4]&0x7F) + c.places
		if row[4]&0x80 != 0 {
			power = c.places - int(row[4]&0x7F)
		}
		if power > 9 || power < -2 {
			return types, garbledRow(row, "an impossible power of ten")
		}
		for ; power > 0; power-- {
			face *= 10
		}
		for ; power < 0; power++ {
			if face%10 != 0 {
				return types, garbledRow(row, "a face below the smallest unit")
			}
			face /= 10
		}
		types[i] = cash.Note{Face: face, Currency: c.code}
	}
	return types, nil
}

func garbledRow(row []byte, detail string) error {
	return &fault.Error{Kind: fault.Garbled, Device: "ccnet", Op: commandNames[cmdTable], Detail: detail, Raw: row}
}

// identity is an answer to IDENTIFICATION (§5.3, 37h): 15 characters of part number, 12 of serial number, 7 bytes
// of asset number. A validator whose serial number is blank is told from others by the asset number.
func identity(data []byte) (part, serial string) {
	part = printable(data[:15])
	serial = printable(data[15:27])
	if strings.Trim(serial, "0") == "" {
		serial = fmt.Sprintf("asset %X", data[27:34])
	}
	return part, serial
}

// printable is the text in a field that is filled up with blanks or zeros.
func printable(field []byte) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return ' '
		}
		return r
	}, string(field)))
}
