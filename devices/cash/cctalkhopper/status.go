package cctalkhopper

import (
	"strings"

	"yichuang/devices/fault"
)

// Headers of a hopper (part 2) that we speak.
const (
	hdrCipherKey = 160
	hdrPumpRNG   = 161
	hdrTest      = 163
	hdrEnable    = 164
	hdrStatus    = 166
	hdrDispense  = 167
	hdrDispensed = 168
	hdrCoin      = 171
	hdrStop      = 172
	hdrLevels    = 217
)

// enableCode is what header 164 wants to hear; anything else disables.
const enableCode = 0xA5

// status is an answer to header 166: the payout that is under way or was the last.
type status struct {
	counter, remaining, paid, unpaid byte
}

const statusBytes = 4

func parseStatus(b []byte) status { return status{b[0], b[1], b[2], b[3]} }

// next is the counter after one more payout.
func next(counter byte) byte {
	if counter == 255 {
		return 1
	}
	return counter + 1
}

// parseCount reads a lifetime count, low byte first.
func parseCount(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// grown is by how much a lifetime count grew, over its end as well. A count that was lost looks like very much.
func grown(from, to uint32) int64 { return int64((to - from) & countMask) }

// registers are an answer to header 163. Bits that a hopper does not tell are zero.
type registers struct {
	bits [3]byte
	n    int // how many it told
}

func parseRegisters(b []byte) (r registers) {
	r.n = copy(r.bits[:], b)
	return r
}

// Bits of the registers (part 3, header 163).
const (
	r1OverCurrent  = 1 << 0
	r1Timeout      = 1 << 1
	r1Reversed     = 1 << 2 // and went on: a jam that the hopper freed by itself
	r1OptoBlocked  = 1 << 3 // while idle
	r1OptoShort    = 1 << 4 // while idle
	r1ExitBlocked  = 1 << 5 // during payout
	r1PowerUp      = 1 << 6
	r1Disabled     = 1 << 7
	r2FraudPayout  = 1 << 0
	r2Single       = 1 << 1 // single-coin mode
	r2Other        = 1 << 2 // "use other hopper for change"
	r2Slider       = 1 << 3 // "opto fraud, slider mismatch"
	r2ReverseLimit = 1 << 4
	r2Coil         = 1 << 5
	r2Memory       = 1 << 6 // checksum of the memory that the lifetime count is in
	r2PIN          = 1 << 7
	r3CutShort     = 1 << 0 // the power went during a payout
	r3UnknownCoin  = 1 << 1
	r3PIN          = 1 << 2 // the PIN was wrong
	r3Cipher       = 1 << 3 // the cipher was wrong
	r3Encryption   = 1 << 4 // encryption is on
)

// flag is what a register's bit means to us.
type flag struct {
	register int
	bit      byte
	kind     fault.Kind
	text     string
}

// standing are conditions that are there or not: no payout begins while one is. The worst comes first.
var standing = []flag{
	{0, r1OptoBlocked, fault.Tampered, "the exit is blocked though nothing is paid"},
	{0, r1OptoShort, fault.Tampered, "light shines into the exit though nothing is paid"},
	{1, r2Slider, fault.Tampered, "the sensors of the exit disagree"},
	{1, r2Memory, fault.Broken, "its memory is damaged: its counts cannot be believed"},
	{1, r2Coil, fault.Broken, "the coil"},
	{1, r2PIN, fault.Invalid, "it wants a PIN: switch PIN mode off"},
}

// past are what ended the last payout. The worst comes first.
var past = []flag{
	{1, r2FraudPayout, fault.Tampered, "light shone into the exit during the payout"},
	{0, r1ExitBlocked, fault.Jammed, "the exit was blocked during the payout"},
	{1, r2ReverseLimit, fault.Jammed, "the motor turned to and fro in vain"},
	{0, r1OverCurrent, fault.Jammed, "the motor is stuck"},
	{2, r3UnknownCoin, fault.Jammed, "a coin that it does not know"},
	{0, r1Timeout, fault.Empty, "no coin came: empty, or the coins hang together"},
	{1, r2Other, fault.Empty, "it asks for another hopper to be used"},
	{2, r3Cipher, fault.Invalid, "the cipher was wrong"},
	{2, r3PIN, fault.Invalid, "the PIN was wrong"},
}

// worst is the first of the flags that is up; nil for none.
func (r registers) worst(flags []flag) *fault.Error {
	for _, f := range flags {
		if r.bits[f.register]&f.bit != 0 {
			e := fail(f.kind, "test", f.text)
			e.Raw = append([]byte(nil), r.bits[:r.n]...)
			return e
		}
	}
	return nil
}

// without are the registers less the bits of others.
func (r registers) without(other registers) registers {
	for i := range r.bits {
		r.bits[i] &^= other.bits[i]
	}
	return r
}

// cutShort says whether the power may have gone during a payout: register 3 says so, or is not there to deny it.
func (r registers) cutShort() bool { return r.n < 3 || r.bits[2]&r3CutShort != 0 }

// saysCutShort says whether register 3 says so.
func (r registers) saysCutShort() bool { return r.n >= 3 && r.cutShort() }

// restarted says whether the hopper was switched on or reset since it was last enabled.
func (r registers) restarted() bool { return r.bits[0]&r1PowerUp != 0 }

// Bits of the answer to header 217.
const (
	levelLow    = 1 << 0
	levelSensor = 1 << 4
)

// By is how an order has to be given (part 2, header 167).
type By string

// The ways.
const (
	Auto   By = ""       // find out
	Plain  By = "plain"  // the number of coins alone
	Serial By = "serial" // the hopper's serial number before it
	Cipher By = "cipher" // an answer to its key before it
)

// quirk is an oddity of a model.
type quirk struct {
	model  string // how its product code begins
	by     By
	reason string
}

// quirks: models whose firmware without cipher wants its serial number.
var quirks = []quirk{
	{"SUH1", Serial, `"no-cipher" firmware, order by serial number (open driver of another terminal)`},
}

func quirkOf(model string) By {
	for _, q := range quirks {
		if strings.HasPrefix(model, q.model) {
			return q.by
		}
	}
	return Auto
}

// Hints for the technician.
const (
	hintCipher = "the hopper wants a cipher that only its maker gives out: order it with no-cipher firmware, or build the maker's algorithm in"
	hintCoin   = "the hopper does not say which coin it holds: name its address and face in kiosk.toml"
	hintOrder  = "the hopper does not take the order: if its firmware wants the serial number, say by=serial in kiosk.toml"
	hintCount  = "the hopper does not count what it pays over its life: what came out could not be told after a power cut"
)
