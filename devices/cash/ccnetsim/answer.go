package ccnetsim

import (
	"fmt"
	"time"

	"yichuang/devices/cash/notepath"
)

// Commands (§5.3).
const (
	cmdAck        = 0x00
	cmdNak        = 0xFF
	cmdReset      = 0x30
	cmdStatus     = 0x31
	cmdSecurity   = 0x32
	cmdPoll       = 0x33
	cmdEnable     = 0x34
	cmdStack      = 0x35
	cmdReturn     = 0x36
	cmdIdentify   = 0x37
	cmdHold       = 0x38
	cmdBarcodeSet = 0x39
	cmdTable      = 0x41
	cmdCRC32      = 0x51

	ack     = 0x00
	nak     = 0xFF
	illegal = 0x30

	typesMax = 24
)

var names = map[byte]string{
	cmdAck: "ACK", cmdNak: "NAK", cmdReset: "RESET", cmdStatus: "GET STATUS", cmdSecurity: "SET SECURITY", cmdPoll: "POLL", cmdEnable: "ENABLE BILL TYPES",
	cmdStack: "STACK", cmdReturn: "RETURN", cmdIdentify: "IDENTIFICATION", cmdHold: "HOLD", cmdBarcodeSet: "SET BARCODE PARAMETERS", cmdTable: "GET BILL TABLE", cmdCRC32: "GET CRC32",
}

func commandName(c byte) string {
	if name, ok := names[c]; ok {
		return name
	}
	return fmt.Sprintf("command %02X", c)
}

// sizes is how many bytes of data each command has.
var sizes = map[byte]int{cmdSecurity: 3, cmdEnable: 6, cmdBarcodeSet: 2}

// answer does what the host asks; nil is no answer, as ACK gets none.
func (s *Sim) answer(r *request) (payload []byte) {
	switch {
	case r.spoiled:
		return []byte{nak}
	case r.command == cmdAck && len(r.data) == 0:
		s.acknowledged()
		return nil
	}
	s.path.Sync(func() { s.m.Asked = false })
	if len(r.data) != sizes[r.command] {
		return []byte{illegal}
	}
	switch r.command {
	case cmdReset:
		s.begin()
		return []byte{ack}
	case cmdStack, cmdReturn, cmdHold:
		return s.route(r.command)
	}
	payload = []byte{illegal}
	s.path.Sync(func() {
		s.m.settle(time.Now())
		payload = s.read(r)
	})
	return payload
}

// acknowledged: §2.5, the host has the answer, and the next one is due.
func (s *Sim) acknowledged() {
	if s.faults.On("lost_ack") {
		lost := false
		s.path.Sync(func() { lost = s.m.Asked && s.m.Due[0][0] >= stStacked })
		if lost && s.faults.Take("lost_ack") {
			s.log("device", nil, "does not hear the acknowledgement")
			return
		}
	}
	s.path.Sync(func() {
		if s.m.Asked {
			s.m.Due = s.m.Due[1:]
		}
		s.m.Asked = false
	})
}

// begin is RESET: a note inside is driven out, one that is too far in to the box.
func (s *Sim) begin() {
	var at notepath.Now
	s.path.Sync(func() {
		at = s.path.Now()
		due := s.m.Due // what was not acknowledged is told after the initialisation
		s.m.forget()
		s.m.Phase, s.m.Due = initial, due
		s.m.InitUntil = time.Now().Add(initTime)
		s.m.Mute = at.Leg != "" && at.Leg != notepath.Stacking
	})
	switch {
	case at.Stuck:
		s.path.Free()
	case at.Leg == notepath.InEscrow:
		s.path.Return()
	}
}

// route sends the escrowed note on its way, or holds it longer.
func (s *Sim) route(command byte) []byte {
	may := false
	s.path.Sync(func() {
		s.m.settle(time.Now())
		may = s.path.Now().Leg == notepath.InEscrow && s.m.Phase == running
		if may && command == cmdHold {
			s.m.Holding, s.m.HoldUntil = true, time.Now().Add(escrowTime)
		}
	})
	switch {
	case !may:
	case command == cmdHold,
		command == cmdReturn && s.path.Return(),
		command == cmdStack && !s.faults.On("box_full") && !s.faults.On("failure") && s.path.Stack():
		return []byte{ack}
	}
	return []byte{illegal}
}

// read answers what moves nothing. Called under the path's lock.
func (s *Sim) read(r *request) []byte {
	ready := s.m.Phase == running
	switch {
	case r.command == cmdPoll:
		s.m.Polled = time.Now()
		state := s.state()
		s.m.Asked = ready && len(s.m.Due) > 0
		return state
	case r.command == cmdStatus:
		return append(three(s.m.Enabled), three(s.m.Security)...)
	case !ready && !s.o.Early:
		// Some answer so before RESET has been done.
	case r.command == cmdIdentify:
		return fmt.Appendf(nil, "%-15s%-12s%s", s.o.Part, s.o.Serial, "\x01\x02\x03\x04\x05\x06\x07")
	case r.command == cmdTable:
		return s.table24()
	case r.command == cmdCRC32:
		return []byte{0x59, 0x43, 0x10, 0x00}
	case !ready:
	case r.command == cmdEnable:
		s.m.Enabled, s.m.Escrow, s.m.Polled = types(r.data), types(r.data[3:]), time.Now()
		return []byte{ack}
	case r.command == cmdSecurity:
		s.m.Security = types(r.data)
		return []byte{ack}
	case r.command == cmdBarcodeSet:
		return []byte{ack}
	}
	return []byte{illegal}
}

// three is a set of types as bytes, 23..16 first.
func three(set uint32) []byte { return []byte{byte(set >> 16), byte(set >> 8), byte(set)} }

func types(data []byte) uint32 {
	return uint32(data[0])<<16 | uint32(data[1])<<8 | uint32(data[2])
}

// table24 is the bill table: 24 rows of digits, country, power of ten.
func (s *Sim) table24() []byte {
	out := make([]byte, 0, 5*typesMax)
	for _, face := range s.o.Faces {
		digits, power := face/s.o.Unit, byte(0)
		if face < s.o.Unit {
			digits = face
			for unit := s.o.Unit; unit > 1; unit /= 10 {
				power++
			}
			power |= 0x80
		}
		for digits >= 10 && digits%10 == 0 && power < 0x80 {
			digits, power = digits/10, power+1
		}
		out = append(out, byte(digits))
		out = append(out, s.o.Country...)
		out = append(out, power)
	}
	return append(out, make([]byte, 5*typesMax-len(out))...)
}
