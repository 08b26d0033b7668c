package id003sim

import (
	"fmt"
	"time"

	"yichuang/devices/cash/notepath"
)

// Commands of the host.
const (
	cmdStatus      = 0x11
	cmdReset       = 0x40
	cmdStack1      = 0x41
	cmdStack2      = 0x42
	cmdReturn      = 0x43
	cmdHold        = 0x44
	cmdWait        = 0x45
	cmdAck         = 0x50
	cmdVersion     = 0x88
	cmdBootVersion = 0x89
	cmdCurrency    = 0x8A

	setDenominations = 0xC0
	setSecurity      = 0xC1
	setMode          = 0xC2
	setInhibit       = 0xC3
	setDirection     = 0xC4
	setOptions       = 0xC5
	setBarcode       = 0xC6
	setBarInhibit    = 0xC7
)

// What the acceptor answers. The same bytes mean other things to the host.
const (
	stEnabled       = 0x11
	stAccepting     = 0x12
	stEscrow        = 0x13
	stStacking      = 0x14
	stVendValid     = 0x15
	stStacked       = 0x16
	stRejecting     = 0x17
	stReturning     = 0x18
	stHolding       = 0x19
	stInhibited     = 0x1A
	stInitialize    = 0x1B
	powerUp         = 0x40
	powerUpAcceptor = 0x41
	powerUpStacker  = 0x42
	stFull          = 0x43
	stOpen          = 0x44
	stJamAcceptor   = 0x45
	stJamStacker    = 0x46
	stCheated       = 0x48
	invalidCommand  = 0x4B
	ack             = 0x50
)

var commands = map[byte]string{
	cmdStatus: "STATUS REQUEST", cmdReset: "RESET", cmdStack1: "STACK-1", cmdStack2: "STACK-2", cmdReturn: "RETURN", cmdHold: "HOLD", cmdWait: "WAIT", cmdAck: "ACK",
	cmdVersion: "VERSION REQUEST", cmdBootVersion: "BOOT VERSION REQUEST", cmdCurrency: "CURRENCY ASSIGN REQUEST",
	setDenominations: "ENABLE/DISABLE", setSecurity: "SECURITY", setMode: "COMMUNICATION MODE", setInhibit: "INHIBIT", setDirection: "DIRECTION",
	setOptions: "OPTIONAL FUNCTION", setBarcode: "BARCODE FUNCTION", setBarInhibit: "BAR INHIBIT",
}

var codes = map[byte]string{
	stEnabled: "ENABLE", stAccepting: "ACCEPTING", stEscrow: "ESCROW", stStacking: "STACKING", stVendValid: "VEND VALID", stStacked: "STACKED", stRejecting: "REJECTING",
	stReturning: "RETURNING", stHolding: "HOLDING", stInhibited: "DISABLE", stInitialize: "INITIALIZE", powerUp: "POWER UP", powerUpAcceptor: "POWER UP, BILL IN ACCEPTOR",
	powerUpStacker: "POWER UP, BILL IN STACKER", stFull: "STACKER FULL", stOpen: "STACKER OPEN", stJamAcceptor: "JAM IN ACCEPTOR", stJamStacker: "JAM IN STACKER",
	stCheated: "CHEATED", invalidCommand: "INVALID COMMAND", ack: "ACK",
}

func commandName(c byte) string { return name(commands, c) }
func codeName(c byte) string    { return name(codes, c) }

func name(table map[byte]string, c byte) string {
	if text, ok := table[c]; ok {
		return text
	}
	return fmt.Sprintf("%02Xh", c)
}

// sizes are how many bytes of data each setting has.
var sizes = map[byte]int{setDenominations: 2, setSecurity: 2, setMode: 1, setInhibit: 1, setDirection: 1, setOptions: 2, setBarcode: 2, setBarInhibit: 1}

// answer does what the host asks. answers is false where the acceptor says nothing.
func (s *Sim) answer(r *request) (code byte, data []byte, answers bool) {
	found := false
	s.path.Sync(func() { found = s.m.PowerUp != 0 })
	switch {
	case r.command == cmdAck:
		s.path.Sync(s.acknowledged)
		return 0, nil, false
	case r.command == cmdStatus && len(r.data) == 0:
		s.path.Sync(func() { code, data = s.status(time.Now()) })
		return code, data, true
	case r.command == cmdReset && len(r.data) == 0:
		s.reset()
		return ack, nil, true
	case found:
		return invalidCommand, nil, true // after power-up only RESET is accepted
	case r.command >= cmdStack1 && r.command <= cmdWait && len(r.data) == 0:
		if s.operate(r.command) {
			return ack, nil, true
		}
		return invalidCommand, nil, true
	}
	s.path.Sync(func() {
		var known bool
		if code, data, known = s.told(r); !known {
			code, data = invalidCommand, nil
		}
	})
	return code, data, true
}

// told answers what can be read, and takes settings.
func (s *Sim) told(r *request) (code byte, data []byte, known bool) {
	if n, setting := sizes[r.command]; setting {
		if len(r.data) != n || r.command == setMode && r.data[0] != 0 {
			return 0, nil, false // of the modes there is only polling
		}
		s.m.set(r.command, r.data)
		return r.command, r.data, true
	}
	if len(r.data) != 0 {
		return 0, nil, false
	}
	if _, setting := sizes[r.command|0x40]; setting && r.command&0xF8 == 0x80 {
		return r.command, s.m.get(r.command | 0x40), true
	}
	switch r.command {
	case cmdVersion:
		return r.command, []byte(s.o.Version), true
	case cmdBootVersion:
		return r.command, []byte("B01 "), true
	case cmdCurrency:
		return r.command, s.currencies(), true
	}
	return 0, nil, false
}

// currencies is the table of escrow codes: code, country, value and how many zeros follow it. Two rows of the
// table are not used, as in most data sets.
func (s *Sim) currencies() (table []byte) {
	for i, face := range s.o.Faces {
		value, zeros := face/s.o.Unit, byte(0)
		for value%10 == 0 && value > 0 {
			value, zeros = value/10, zeros+1
		}
		table = append(table, code(i), s.o.Country, byte(value), zeros)
	}
	for i := len(s.o.Faces); i < len(s.o.Faces)+2; i++ {
		table = append(table, code(i), 0, 0, 0)
	}
	return table
}

// code is the escrow code of a denomination, counted from zero.
func code(i int) byte { return byte(0x61 + i) }

// status says where everything is now.
func (s *Sim) status(now time.Time) (code byte, data []byte) {
	s.m.Polled = now
	at := s.path.Now()
	switch {
	case s.m.PowerUp != 0:
		return s.m.PowerUp, nil
	case now.Before(s.m.InitUntil):
		return stInitialize, nil
	case s.m.Vend:
		return stVendValid, nil
	case at.Leg == notepath.Leaving && !at.Stuck:
		return stReturning, nil
	case !at.BoxIn:
		return stOpen, nil
	case at.Stuck && at.Leg == notepath.Stacking:
		return stJamStacker, nil
	case at.Stuck:
		return stJamAcceptor, nil
	case now.Before(s.m.CheatUntil):
		return stCheated, nil
	}
	switch at.Leg {
	case notepath.Entering:
		return stAccepting, nil
	case notepath.InEscrow:
		if now.Before(s.m.HoldUntil) {
			return stHolding, nil
		}
		return stEscrow, []byte{s.m.Code}
	case notepath.Stacking:
		return stStacking, nil
	}
	return s.resting(now)
}

// resting is the state of an empty path.
func (s *Sim) resting(now time.Time) (code byte, data []byte) {
	switch {
	case s.m.Stacked:
		s.m.Stacked = false // STACKED is a moment, told once
		return stStacked, nil
	case s.faults.On("box_full"):
		return stFull, nil
	case now.Before(s.m.RejectUntil):
		return stRejecting, []byte{s.m.Why}
	case s.m.Inhibit:
		return stInhibited, nil
	default:
		return stEnabled, nil
	}
}

// acknowledged ends VEND VALID.
func (s *Sim) acknowledged() {
	if s.m.Vend {
		s.m.Vend, s.m.Stacked = false, true
	}
}

// reset initialises the acceptor. A note that it finds before the stacker is given back; of one that the
// stacker has, it says no more.
func (s *Sim) reset() {
	s.path.Sync(func() {
		vend, mute := s.m.Vend, s.m.Mute || s.m.PowerUp != 0 && s.path.Now().Leg != ""
		silent := s.m.SilentUntil
		s.m = awake(0)
		s.m.Vend, s.m.Mute, s.m.SilentUntil = vend, mute, silent
		s.m.Polled = time.Now()
		s.m.InitUntil = time.Now().Add(initTime)
	})
	s.path.Return() // false when nothing is held, which is as good
}

// operate sends the escrowed note on its way, or holds it longer.
func (s *Sim) operate(command byte) bool {
	switch command {
	case cmdStack1, cmdStack2:
		if s.faults.On("box_full") || !s.path.Stack() {
			return false
		}
		if command == cmdStack1 {
			s.path.Sync(s.watchLever)
		}
		return true
	case cmdReturn:
		return s.path.Return()
	}
	held := false
	s.path.Sync(func() {
		if held = s.path.Now().Leg == notepath.InEscrow; held && command == cmdHold {
			s.m.HoldUntil = time.Now().Add(holdTime)
			s.m.EscrowUntil = s.m.HoldUntil.Add(escrowTime)
		}
	})
	return held || command == cmdWait
}
