package cctalkhoppersim

import "time"

// hopper is one bowl of coins with its motor and its controller. Guarded by the rack's lock. At every instant
//
//	Loaded = Inside + Out + Taken
//
// where Out is what fell into the tray, whether the controller saw it or not.
type hopper struct {
	o Hopper // what it is; not in a snapshot

	Loaded int `json:"loaded"`
	Inside int `json:"inside"`
	Out    int `json:"out"`
	Taken  int `json:"taken"`

	// What survives a power cut.
	Dispensed  uint32 `json:"dispensed"` // over its whole life
	LastPaid   byte   `json:"last_paid"`
	LastUnpaid byte   `json:"last_unpaid"`
	CutShort   bool   `json:"cut_short"` // the power went during a payout

	// What does not.
	Counter     byte      `json:"counter"`
	Remaining   byte      `json:"remaining"`
	Enabled     bool      `json:"enabled"`
	PowerUp     bool      `json:"power_up"`
	Register1   byte      `json:"register1"`
	Register2   byte      `json:"register2"`
	Key         [8]byte   `json:"key"`
	Keyed       bool      `json:"keyed"` // Key was given out and not used yet
	SilentUntil time.Time `json:"silent_until"`
	Off         bool      `json:"off"`
	Since       time.Time `json:"since"` // when the last coin fell or the payout began

	journey int // counts what was begun, so that a timer of something earlier is known
}

// Bits of the registers (part 3, header 163).
const (
	r1OverCurrent = 1 << 0
	r1Timeout     = 1 << 1
	r1Reversed    = 1 << 2
	r1PowerUp     = 1 << 6
	r1Disabled    = 1 << 7
	r2Fraud       = 1 << 0
	r2Reverse     = 1 << 4
	r3CutShort    = 1 << 0
	r3BadCipher   = 1 << 3
)

// restart is what power-up and reset do. A payout that was under way is over, and that is kept.
func (h *hopper) restart(silent time.Duration) {
	if h.Remaining > 0 {
		h.LastUnpaid, h.Remaining, h.CutShort = h.Remaining, 0, true
	}
	h.Counter, h.Enabled, h.PowerUp, h.Register1, h.Register2, h.Keyed = 0, false, true, 0, 0, false
	h.SilentUntil = time.Now().Add(silent)
	h.journey++
}

// registers are the answer to header 163.
func (h *hopper) registers() []byte {
	r := []byte{h.Register1, h.Register2, 0}
	if h.PowerUp {
		r[0] |= r1PowerUp
	}
	if !h.Enabled {
		r[0] |= r1Disabled
	}
	if h.CutShort {
		r[2] |= r3CutShort
	}
	return r[:h.o.Registers]
}

// enable obeys header 164. Enabling forgets what hindered the payout before.
func (h *hopper) enable(on bool) {
	if h.Enabled = on; on {
		h.PowerUp, h.CutShort, h.Register1, h.Register2 = false, false, 0, 0
		return
	}
	h.stop(0, 0)
}

// begin starts a payout.
func (r *Rack) begin(h *hopper, n byte) {
	h.Counter++
	if h.Counter == 0 {
		h.Counter = 1
	}
	h.Remaining, h.LastPaid, h.LastUnpaid, h.Since = n, 0, 0, time.Now()
	r.wind(h)
}

// wind lets time pass until the next coin can fall.
func (r *Rack) wind(h *hopper) {
	h.journey++
	journey := h.journey
	time.AfterFunc(coinTime, func() {
		r.mu.Lock()
		defer r.unlock()
		if h.journey == journey {
			r.turn(h)
		}
	})
}

// turn is one turn of the wheel.
func (r *Rack) turn(h *hopper) {
	now := time.Now()
	switch {
	case r.faults.On("jam"):
		if h.Register1 |= r1Reversed; now.Sub(h.Since) >= jamTime {
			h.stop(r1OverCurrent, r2Reverse)
			return
		}
	case h.Inside == 0 || r.faults.On("empty"):
		if now.Sub(h.Since) >= emptyTime {
			h.stop(r1Timeout, 0)
			return
		}
	default:
		h.fall(true)
		h.Since = now
		r.log("device", nil, "a coin falls")
		r.points = append(r.points, "payout.moving")
		if r.faults.Take("fraud") {
			h.stop(0, r2Fraud)
			return
		}
	}
	if h.Remaining > 0 {
		r.wind(h)
	}
}

// fall lets a coin fall through the exit.
func (h *hopper) fall(seen bool) {
	h.Inside--
	h.Out++
	if !seen {
		return
	}
	h.Dispensed = (h.Dispensed + 1) & countMask
	h.LastPaid++
	h.Remaining--
}

// stop ends a payout short.
func (h *hopper) stop(register1, register2 byte) {
	h.Register1 |= register1
	h.Register2 |= register2
	h.LastUnpaid, h.Remaining = h.LastUnpaid+h.Remaining, 0
	h.journey++
}

// low says whether the level sensor sees that few coins are left.
func (h *hopper) low() bool { return h.o.Low > 0 && h.Inside < h.o.Low }
