package sspsim

import (
	"encoding/binary"
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
)

// Commands.
const (
	cmdReset      = 0x01
	cmdInhibits   = 0x02
	cmdLightOn    = 0x03
	cmdLightOff   = 0x04
	cmdSetup      = 0x05
	cmdVersion    = 0x06
	cmdPoll       = 0x07
	cmdReject     = 0x08
	cmdDisable    = 0x09
	cmdEnable     = 0x0A
	cmdSerial     = 0x0C
	cmdSync       = 0x11
	cmdLastReject = 0x17
	cmdHold       = 0x18
	cmdFirmware   = 0x20
	cmdDataset    = 0x21
	cmdGenerator  = 0x4A
	cmdModulus    = 0x4B
	cmdKeys       = 0x4C
	cmdPollAck    = 0x56
	cmdEventAck   = 0x57
	cmdCounters   = 0x58
)

// Answers.
const (
	ok         = 0xF0
	unknown    = 0xF2
	wrongCount = 0xF3
	outOfRange = 0xF4
	cannot     = 0xF5
	failed     = 0xF8
	noKey      = 0xFA
)

// sizes are how many bytes follow a command; -1 any number.
var sizes = map[byte]int{
	cmdReset: 0, cmdInhibits: -1, cmdLightOn: 0, cmdLightOff: 0, cmdSetup: 0, cmdVersion: 1, cmdPoll: 0, cmdReject: 0, cmdDisable: 0,
	cmdEnable: 0, cmdSerial: 0, cmdSync: 0, cmdLastReject: 0, cmdHold: 0, cmdFirmware: 0, cmdDataset: 0, cmdGenerator: 8, cmdModulus: 8,
	cmdKeys: 8, cmdPollAck: 0, cmdEventAck: 0, cmdCounters: 0, cmdLevels: 0, cmdNotePositions: 0, cmdPayoutNote: 0, cmdReporting: 1,
	cmdPayout: -1, cmdDisablePayout: 0, cmdEnablePayout: 1,
}

// secret says whether a command is obeyed only when it came encrypted.
func secret(cmd byte) bool { return cmd == cmdPollAck || cmd == cmdEventAck || cmd == cmdPayout }

// answer obeys one command. Nil is silence. routed says that it sent a note on its way.
func (s *Sim) answer(data []byte, encrypted bool) (reply []byte, routed bool) {
	cmd, args := data[0], data[1:]
	size, known := sizes[cmd]
	switch {
	case !known || s.lacks(cmd):
		return []byte{unknown}, false
	case size >= 0 && len(args) != size:
		return []byte{wrongCount}, false
	case secret(cmd) && !encrypted:
		return []byte{noKey}, false
	}
	switch cmd {
	case cmdReset:
		return []byte{ok}, false
	case cmdPoll, cmdPollAck:
		return s.poll(cmd == cmdPollAck)
	case cmdReject:
		s.path.Sync(func() { s.m.Why = whyHost })
		if !s.path.Return() {
			return []byte{failed}, false
		}
		return []byte{ok}, true
	}
	s.path.Sync(func() {
		if reply = s.payoutRead(cmd); reply == nil {
			reply = s.payoutWrite(cmd, args)
		}
		if reply == nil {
			reply = s.read(cmd)
		}
		if reply == nil {
			reply = s.write(cmd, args)
		}
	})
	return reply, false
}

// lacks says which commands this unit does not have.
func (s *Sim) lacks(cmd byte) bool {
	switch cmd {
	case cmdGenerator, cmdModulus, cmdKeys:
		return s.o.NoKeys
	case cmdPollAck, cmdEventAck:
		return s.o.NoAcks
	case cmdCounters:
		return s.o.NoCounters
	case cmdLevels, cmdReporting, cmdDisablePayout, cmdEnablePayout:
		return !s.pays()
	case cmdPayout:
		return s.o.Unit != SmartPayout && s.o.Unit != SmartHopper
	case cmdPayoutNote:
		return s.o.Unit != NoteFloat
	case cmdNotePositions:
		return s.o.Unit != NoteFloat || s.o.NoPositions
	case cmdInhibits, cmdHold, cmdReject, cmdLastReject:
		return s.o.Unit == SmartHopper
	}
	return false
}

// read answers what changes nothing; nil is no such command.
func (s *Sim) read(cmd byte) []byte {
	switch cmd {
	case cmdSetup:
		return append([]byte{ok}, s.setup()...)
	case cmdSerial:
		return binary.BigEndian.AppendUint32([]byte{ok}, s.o.Serial)
	case cmdFirmware:
		return append([]byte{ok}, "NV0200474YC00000"...)
	case cmdDataset:
		return append([]byte{ok}, "CNY01A06"...)
	case cmdLastReject:
		return []byte{ok, s.m.Last}
	case cmdCounters:
		c := s.m.Counts
		out := []byte{ok, 5}
		for _, n := range []uint32{c.Stacked, c.Stored, c.Dispensed, c.Moved, c.Rejected} {
			out = binary.LittleEndian.AppendUint32(out, n)
		}
		return out
	}
	return nil
}

// setup is the answer to SETUP_REQUEST: old values of one byte first, new ones of four at the end.
func (s *Sim) setup() []byte {
	n := byte(len(s.o.Faces))
	if s.o.Unit == SmartHopper {
		out := append([]byte{s.o.Unit}, "0612"+s.o.Currency...)
		out = append(out, s.m.Version, n)
		for _, f := range s.o.Faces {
			out = binary.LittleEndian.AppendUint16(out, uint16(f))
		}
		for range n {
			out = append(out, s.o.Currency...)
		}
		return out
	}
	out := append([]byte{s.o.Unit}, "0474"+s.o.Currency...)
	out = append(out, 0, 0, 1, n)
	for _, f := range s.o.Faces {
		out = append(out, byte(f/s.o.Multiplier))
	}
	for range n {
		out = append(out, 2)
	}
	m := s.o.Multiplier
	out = append(out, byte(m>>16), byte(m>>8), byte(m), s.m.Version)
	if s.m.Version < 6 {
		return out
	}
	for range n {
		out = append(out, s.o.Currency...)
	}
	for _, f := range s.o.Faces {
		out = binary.LittleEndian.AppendUint32(out, uint32(f/m))
	}
	return out
}

// write takes a setting.
func (s *Sim) write(cmd byte, args []byte) []byte {
	switch cmd {
	case cmdVersion:
		if args[0] == 0 || args[0] > s.o.Version {
			return []byte{failed}
		}
		s.m.Version = args[0]
	case cmdInhibits:
		if len(args) == 0 || len(args) > 2 {
			return []byte{wrongCount}
		}
		if s.m.Mask = uint16(args[0]); len(args) == 2 {
			s.m.Mask |= uint16(args[1]) << 8
		}
	case cmdEnable:
		s.m.Enabled = true
	case cmdDisable:
		s.m.Enabled = false
	case cmdHold:
		if at := s.path.Now(); at.Leg != notepath.InEscrow {
			return []byte{failed}
		}
		s.m.HoldUntil = time.Now().Add(escrowTime)
	case cmdEventAck:
		if s.m.Said == nil {
			return []byte{failed}
		}
		s.m.Said = nil
	case cmdGenerator, cmdModulus, cmdKeys:
		return s.agree(cmd, binary.LittleEndian.Uint64(args))
	}
	return []byte{ok}
}

// agree is the unit's side of the key agreement.
func (s *Sim) agree(cmd byte, n uint64) []byte {
	k := &s.m.Keys
	switch cmd {
	case cmdGenerator:
		k.Generator = n
	case cmdModulus:
		k.Modulus = n
	default:
		if k.Modulus < 2 || k.Generator < 2 {
			return []byte{failed}
		}
		s.secrets = s.secrets*6364136223846793005 + 1442695040888963407
		return binary.LittleEndian.AppendUint64([]byte{ok}, k.agree(n, s.secrets%k.Modulus))
	}
	return []byte{ok}
}

// poll tells what has happened and how things stand. A note in escrow of which the host was told goes on: that is what
// the poll means to it.
func (s *Sim) poll(acked bool) (reply []byte, routed bool) {
	on := false
	s.path.Sync(func() {
		on = s.path.Now().Leg == notepath.InEscrow && s.m.Told && s.m.Said == nil
	})
	routed = on && s.path.Stack()
	s.path.Sync(func() {
		if acked && s.m.Said != nil {
			reply = append([]byte{ok}, s.m.Said...)
			return
		}
		events, stays := s.news()
		s.m.Said = nil
		if acked && stays {
			s.m.Said = events
		}
		reply = append([]byte{ok}, events...)
	})
	return reply, routed
}

// kept are the events that must be acknowledged.
var kept = []byte{evCredit, evFraud, evStored, evDispensed, evShort, evPayoutJam, evPaidAtStart, evStackedUp}

// news takes the events that fit into an answer and adds the states. stays says that one of the events must be acknowledged.
func (s *Sim) news() (out []byte, stays bool) {
	for len(s.m.Events) > 0 && len(out)+len(s.m.Events[0]) < eventsBytes {
		e := s.m.Events[0]
		s.m.Events = s.m.Events[1:]
		out = append(out, e...)
		stays = stays || slices.Contains(kept, e[0])
		if len(s.m.Cleared) > 0 && slices.Equal(e, s.m.Cleared[len(s.m.Cleared)-1]) {
			s.m.Cleared = nil
		}
		if e[0] == evRead && s.path.Now().Leg == notepath.InEscrow {
			s.m.Told = true
		}
	}
	return append(out, s.states()...), stays
}

// states are the events that are told as long as they are so.
func (s *Sim) states() (out []byte) {
	at := s.path.Now()
	switch {
	case at.Stuck && at.Leg == notepath.Stacking:
		out = append(out, evSafeJam)
	case at.Stuck:
		out = append(out, evUnsafeJam)
	case at.Leg == notepath.Entering:
		out = append(out, evRead, 0)
	case at.Leg == notepath.Stacking:
		out = append(out, evStacking)
	case at.Leg == notepath.Leaving:
		out = append(out, evRejecting)
	}
	out = append(out, s.payoutState()...)
	if !at.BoxIn {
		out = append(out, evBoxOut)
	}
	if s.faults.On("box_full") {
		out = append(out, evFull)
	}
	switch {
	case !s.m.Enabled:
		out = append(out, evDisabled)
	case s.m.Mask == 0:
		out = append(out, evInhibited)
	}
	return out
}
