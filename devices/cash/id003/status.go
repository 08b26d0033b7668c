package id003

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// state is what the acceptor says of itself: the first byte of an answer to STATUS REQUEST.
type state byte

// The states.
const (
	stNone       state = 0x00 // not heard yet; no device says it
	stEnabled    state = 0x11 // idles, would draw a note in
	stAccepting  state = 0x12
	stEscrow     state = 0x13
	stStacking   state = 0x14
	stVendValid  state = 0x15 // the credit; shown until it is acknowledged
	stStacked    state = 0x16
	stRejecting  state = 0x17
	stReturning  state = 0x18
	stHolding    state = 0x19
	stInhibited  state = 0x1A // idles, draws nothing in
	stInitialize state = 0x1B

	stPowerUp         state = 0x40
	stPowerUpAcceptor state = 0x41 // with a bill in the acceptor
	stPowerUpStacker  state = 0x42 // with a bill in the stacker

	stFull        state = 0x43
	stOpen        state = 0x44
	stJamAcceptor state = 0x45
	stJamStacker  state = 0x46
	stPause       state = 0x47
	stCheated     state = 0x48
	stFailure     state = 0x49
	stLine        state = 0x4A // the acceptor heard us badly
	stInvalid     state = 0x4B
)

// status is an answer to STATUS REQUEST.
type status struct {
	state  state
	detail byte // of stEscrow the denomination, of stRejecting and stFailure the reason
	raw    []byte
}

// parseStatus names an answer. fault.Garbled: a state that lacks what it must say.
func parseStatus(m message) (status, error) {
	s := status{state: state(m.code), raw: append([]byte{m.code}, m.data...)}
	if len(m.data) > 0 {
		s.detail = m.data[0]
	} else if s.state == stEscrow {
		return s, &fault.Error{Kind: fault.Garbled, Device: "id003", Op: "status", Detail: "a note in escrow without its denomination", Raw: s.raw}
	}
	return s, nil
}

// starts says that the acceptor has started anew and takes nothing but RESET.
func (s state) starts() bool {
	return s == stPowerUp || s == stPowerUpAcceptor || s == stPowerUpStacker
}

// holds says that a note is in escrow and waits for a command.
func (s state) holds() bool { return s == stEscrow || s == stHolding }

// takes says that the acceptor takes settings: while it initialises and while it idles.
func (s state) takes() bool { return s == stInitialize || s == stEnabled || s == stInhibited }

// moves says that something is on its way and the next state is near.
func (s state) moves() bool {
	return s >= stAccepting && s <= stHolding || s == stInitialize
}

// failures are the reasons of stFailure (A8h is from memory).
var failures = map[byte]string{
	0xA2: "stack motor", 0xA5: "speed of the transport motor", 0xA6: "transport motor", 0xA7: "aligning motor", 0xA8: "state of the box at the start",
	0xAB: "the box is not ready", 0xAC: "light sensors", 0xAD: "magnetic sensors", 0xAF: "the validator's head is off", 0xB0: "boot ROM", 0xB1: "external ROM",
	0xB2: "ROM", 0xB3: "writing the external ROM",
}

// rejections are the reasons of stRejecting (7Ch is from memory).
var rejections = map[byte]string{
	0x71: "not put in straight", 0x72: "magnetic pattern", 0x73: "another note was still inside", 0x74: "data", 0x75: "transport", 0x76: "not recognised",
	0x77: "light pattern", 0x78: "light level", 0x79: "this face is not taken now", 0x7B: "drawn in wrongly", 0x7C: "a note was still in the stacker", 0x7D: "length",
	0x7E: "colour pattern",
}

// trouble is the fault that a state is, nil for a state that is none. known is false for one that nobody has heard of.
func (s status) trouble() (f *fault.Error, known bool) {
	is := func(kind fault.Kind, detail string) (*fault.Error, bool) {
		return &fault.Error{Kind: kind, Device: "id003", Op: "status", Detail: detail}, true
	}
	switch s.state {
	case stFull:
		return is(fault.Full, "the box is full")
	case stOpen:
		return is(fault.Open, "the box is out")
	case stJamAcceptor:
		return is(fault.Jammed, "a note is stuck in the acceptor")
	case stJamStacker:
		return is(fault.Jammed, "a note is stuck at the stacker")
	case stPause:
		return is(fault.Busy, "the acceptor pauses: a second note may be in its mouth")
	case stCheated:
		return is(fault.Tampered, "the acceptor says that somebody cheats")
	case stFailure:
		if s.detail == 0xAB || s.detail == 0xAF {
			return is(fault.Open, failures[s.detail])
		}
		return is(fault.Broken, reason(failures, s.detail))
	case stLine:
		return is(fault.Garbled, "the acceptor hears us badly")
	}
	if s.state >= stEnabled && s.state <= stInitialize || s.state.starts() || s.state == stInvalid {
		return nil, true
	}
	return &fault.Error{Kind: fault.Garbled, Device: "id003", Op: "status", Detail: "a state that nobody has heard of", Raw: s.raw}, false
}

func reason(table map[byte]string, code byte) string {
	if text, ok := table[code]; ok {
		return text
	}
	return fmt.Sprintf("reason %02xh", code)
}

// places of the smallest unit (ISO 4217) in the currencies that an acceptor may be set to.
var places = map[string]int{"CNY": 2, "HKD": 2, "MOP": 2, "TWD": 2, "JPY": 0, "KRW": 0, "RUB": 2, "USD": 2, "EUR": 2, "GBP": 2, "SGD": 2, "VND": 0, "KZT": 2, "MNT": 2}

// codeFirst is the escrow code of the first denomination.
const codeFirst = 0x61

// row is what the acceptor's table says of one denomination: value times ten to the zeros.
type row struct{ country, value, zeros byte }

// note is the banknote of a row: none when it is not used, of a country that is not among ours, or of a currency that we
// cannot count in.
func (r row) note(countries map[byte]string) cash.Note {
	currency := countries[r.country]
	digits, known := places[currency]
	if !known || r.country == 0 || r.value == 0 || r.zeros > zerosMax {
		return cash.Note{}
	}
	face := int64(r.value)
	for range int(r.zeros) + digits {
		face *= 10
	}
	return cash.Note{Face: face, Currency: currency}
}

// parseTable reads the answer to CURRENCY ASSIGN REQUEST: rows of escrow code, country, value and zeros. A row of a
// country that is not among ours is passed over: its notes are never let in.
func parseTable(data []byte, countries map[byte]string) (rows [codesMax]row, err error) {
	garbled := func(why string) error {
		return &fault.Error{Kind: fault.Garbled, Device: "id003", Op: "read currencies", Detail: why, Raw: data}
	}
	if len(data)%4 != 0 {
		return rows, garbled("no rows of four bytes")
	}
	others := map[byte]bool{}
	ours := false
	for b := range slices.Chunk(data, 4) {
		i, r := int(b[0])-codeFirst, row{b[1], b[2], b[3]}
		switch {
		case r.country == 0 || r.value == 0:
			continue // not used
		case r.zeros <= zerosMax && r.note(countries).Face == 0:
			others[r.country] = true
			continue
		case i < 0 || i >= codesMax:
			return rows, garbled("an escrow code that there is not")
		case r.zeros > zerosMax:
			return rows, garbled("a note with too many zeros")
		case rows[i] != (row{}):
			return rows, garbled("an escrow code that stands for two notes")
		}
		rows[i], ours = r, true
	}
	if !ours {
		return rows, &fault.Error{Kind: fault.Invalid, Device: "id003", Op: "read currencies", Raw: data,
			Detail: fmt.Sprintf("the acceptor takes no notes that we know; its countries are [% x]", slices.Sorted(maps.Keys(others)))}
	}
	return rows, nil
}

// parseVersion takes the text that the acceptor says of itself apart: model first, then the firmware.
func parseVersion(data []byte) (text, model, firmware string) {
	text = strings.Join(strings.Fields(strings.Map(printable, string(data))), " ")
	model, firmware, _ = strings.Cut(text, " ")
	if firmware == "" {
		firmware = text
	}
	return text, model, firmware
}

// printable turns what is no plain character into a blank.
func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return ' '
	}
	return r
}
