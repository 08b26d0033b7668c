package ssp

import (
	"encoding/binary"
	"fmt"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// The events of a poll's answer.
const (
	evReset        = 0xF1
	evRead         = 0xEF // channel; 0 while the note is still looked at
	evCredit       = 0xEE // channel; past the point of return: this is money
	evRejecting    = 0xED
	evRejected     = 0xEC
	evStacked      = 0xEB
	evStacking     = 0xCC
	evSafeJam      = 0xEA
	evUnsafeJam    = 0xE9
	evDisabled     = 0xE8
	evFull         = 0xE7
	evFraud        = 0xE6 // channel; of a payout and a hopper amounts
	evBarcode      = 0xE5
	evBoxIn        = 0xE4
	evBoxOut       = 0xE3
	evToBox        = 0xE2 // channel: at power-up a note was cleared to the box
	evToFront      = 0xE1 // channel: at power-up a note was cleared to the front
	evPathOpen     = 0xE0
	evCoin         = 0xDF
	evBoxPaid      = 0xDE
	evShortFloat   = 0xDD
	evShortPayout  = 0xDC
	evStored       = 0xDB // the credited note went into the payout's store
	evDispensing   = 0xDA
	evTimeout      = 0xD9
	evFloated      = 0xD8
	evFloating     = 0xD7
	evHalted       = 0xD6
	evPayoutJam    = 0xD5
	evDispensed    = 0xD2
	evBarcodeAck   = 0xD1
	evStoreFull    = 0xCF
	evInBezel      = 0xCE
	evPaidAtStart  = 0xCD // a note of an interrupted payout was given at power-up
	evStoredAtUp   = 0xCB
	evStackedAtUp  = 0xCA
	evMoved        = 0xC9 // from the store to the box
	evStoreIn      = 0xC8
	evStoreOut     = 0xC7
	evOutOfService = 0xC6
	evMechReturn   = 0xC5
	evMechJam      = 0xC4
	evEmptied      = 0xC3
	evEmptying     = 0xC2
	evMechError    = 0xB7
	evInitialising = 0xB6
	evInhibited    = 0xB5
	evSmartEmptied = 0xB4
	evSmartEmpty   = 0xB3
	evPayoutError  = 0xB1
	evJamRecovery  = 0xB0
)

// amount is a sum of one currency in its smallest unit.
type amount struct {
	value    int64
	wanted   int64 // of an incomplete payout: what was asked for
	currency string
}

// event is one event with what it carries.
type event struct {
	code    byte
	channel byte
	amounts []amount
	reason  byte
}

// shape is what follows an event's code.
type shape byte

const (
	bare     shape = 1
	channel  shape = 2
	block    shape = 3 // a count, then value and currency of each
	pairs    shape = 4 // a count, then actual value, wanted value and currency of each
	single   shape = 5 // one value and currency without a count
	errBlock shape = 6 // a block, then a reason
	fraud    shape = 7 // a channel or a block
	late     shape = 8 // single since version 8, bare before
)

var shapes = map[byte]shape{
	evReset: bare, evRejecting: bare, evRejected: bare, evStacked: bare, evStacking: bare, evSafeJam: bare, evUnsafeJam: bare,
	evDisabled: bare, evFull: bare, evBarcode: bare, evBarcodeAck: bare, evBoxIn: bare, evBoxOut: bare, evPathOpen: bare,
	evStored: bare, evStoreFull: bare, evStoreIn: bare, evStoreOut: bare, evOutOfService: bare, evMechReturn: bare, evMechJam: bare,
	evEmptied: bare, evEmptying: bare, evMechError: bare, evInitialising: bare, evInhibited: bare, evJamRecovery: bare,
	evRead: channel, evCredit: channel, evToBox: channel, evToFront: channel, evFraud: fraud,
	evDispensing: block, evDispensed: block, evTimeout: block, evFloated: block, evFloating: block, evHalted: block, evPayoutJam: block,
	evCoin: block, evBoxPaid: block, evSmartEmptied: block, evSmartEmpty: block,
	evShortFloat: pairs, evShortPayout: pairs, evPayoutError: errBlock,
	evMoved: single, evPaidAtStart: single, evInBezel: single, evStoredAtUp: late, evStackedAtUp: late,
}

// unit is the kind of device, from SETUP_REQUEST.
type unit byte

const (
	unitValidator unit = 0x00
	unitHopper    unit = 0x03
	unitPayout    unit = 0x06
	unitNoteFloat unit = 0x07
)

func (u unit) String() string {
	switch u {
	case unitValidator:
		return "validator"
	case unitHopper:
		return "SMART Hopper"
	case unitPayout:
		return "SMART Payout"
	case unitNoteFloat:
		return "Note Float"
	}
	return fmt.Sprintf("unit of type %#02x", byte(u))
}

// pays says whether the unit has a payout.
func (u unit) pays() bool { return u == unitHopper || u == unitPayout || u == unitNoteFloat }

// parseEvents reads a poll's answer. What stands before an event that is not known or not whole is given with the error:
// where the next one begins cannot be known.
func parseEvents(data []byte, u unit, version byte) (list []event, err error) {
	for len(data) > 0 {
		e, used := parseEvent(data, u, version)
		if used == 0 {
			return list, fmt.Errorf("an event that cannot be read, % x", data)
		}
		list, data = append(list, e), data[used:]
	}
	return list, nil
}

// parseEvent reads the first event and says how many bytes it took; 0 when it cannot be read.
func parseEvent(data []byte, u unit, version byte) (e event, used int) {
	e.code = data[0]
	s := shapes[e.code]
	switch {
	case s == fraud && (u == unitPayout || u == unitHopper):
		s = block
	case s == fraud:
		s = channel
	case s == late && version >= 8:
		s = single
	case s == late:
		s = bare
	case s == errBlock && version < 7:
		s = channel // the reason alone
	}
	rest := data[1:]
	switch s {
	case bare:
		return e, 1
	case channel:
		if len(rest) < 1 {
			return e, 0
		}
		e.channel, e.reason = rest[0], rest[0]
		return e, 2
	case single:
		return e, e.take(rest, 1, 7, 1)
	case block, pairs, errBlock:
		if len(rest) < 1 {
			return e, 0
		}
		size := map[shape]int{block: 7, pairs: 11, errBlock: 7}[s]
		used = e.take(rest[1:], int(rest[0]), size, 2)
		if used == 0 || s != errBlock {
			return e, used
		}
		if len(data) <= used {
			return e, 0
		}
		e.reason = data[used]
		return e, used + 1
	}
	return e, 0
}

// take reads n amounts of size bytes each and says how many bytes the event has with its head; 0 when they are not all there.
func (e *event) take(rest []byte, n, size, head int) int {
	if len(rest) < n*size {
		return 0
	}
	for i := range n {
		row := rest[i*size : (i+1)*size]
		a := amount{value: int64(binary.LittleEndian.Uint32(row)), currency: string(row[size-3:])}
		if size == 11 {
			a.wanted = int64(binary.LittleEndian.Uint32(row[4:]))
		}
		e.amounts = append(e.amounts, a)
	}
	return head + n*size
}

// setup is the answer to SETUP_REQUEST.
type setup struct {
	unit     unit
	firmware string
	country  string
	version  byte
	faces    []cash.Note // by channel - 1; of a hopper the coins
}

// parseSetup reads the answer to SETUP_REQUEST at protocol version 6 or later.
func parseSetup(data []byte) (s setup, err error) {
	r := reader{data: data}
	s.unit = unit(r.byte())
	s.firmware, s.country = string(r.take(4)), string(r.take(3))
	if s.unit == unitHopper {
		s.version = r.byte()
		values := r.take(2 * int(r.byte()))
		countries := r.take(3 * len(values) / 2)
		for i := 0; i < len(values) && !r.short; i += 2 {
			s.faces = append(s.faces, cash.Note{Face: int64(binary.LittleEndian.Uint16(values[i:])), Currency: string(countries[3*i/2 : 3*i/2+3])})
		}
		return s, r.err(data)
	}
	r.take(3) // the multiplier of the old one-byte values
	n := int(r.byte())
	r.take(2 * n) // old values, and securities
	factor := r.take(3)
	s.version = r.byte()
	countries, values := r.take(3*n), r.take(4*n)
	if r.short {
		return s, r.err(data)
	}
	multiplier := int64(factor[0])<<16 | int64(factor[1])<<8 | int64(factor[2])
	for i := range n {
		s.faces = append(s.faces, cash.Note{Face: int64(binary.LittleEndian.Uint32(values[4*i:])) * multiplier, Currency: string(countries[3*i : 3*i+3])})
	}
	return s, nil
}

// reader takes fields off the front; once something is missing everything is.
type reader struct {
	data  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if r.short || len(r.data) < n {
		r.short = true
		return nil
	}
	out := r.data[:n]
	r.data = r.data[n:]
	return out
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) err(raw []byte) error {
	if !r.short {
		return nil
	}
	return &fault.Error{Kind: fault.Garbled, Device: "ssp", Op: "read set-up", Detail: "the answer is too short for what it says", Raw: raw}
}

// counters is the answer to GET_COUNTERS: what the device counts over its whole life.
type counters struct {
	stacked, stored, dispensed, moved, rejected uint32
	known                                       bool
}

func parseCounters(data []byte) (c counters, err error) {
	r := reader{data: data}
	n := int(r.byte())
	list := make([]uint32, max(n, 5))
	for i := range n {
		if b := r.take(4); b != nil {
			list[i] = binary.LittleEndian.Uint32(b)
		}
	}
	if r.short || n < 5 {
		return c, &fault.Error{Kind: fault.Garbled, Device: "ssp", Op: "read counters", Detail: "not five of them", Raw: data}
	}
	return counters{stacked: list[0], stored: list[1], dispensed: list[2], moved: list[3], rejected: list[4], known: true}, nil
}

// accepted is how many notes ever came to stay.
func (c counters) accepted() int64 { return int64(c.stacked) + int64(c.stored) }
