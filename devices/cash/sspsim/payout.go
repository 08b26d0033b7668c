package sspsim

import (
	"encoding/binary"
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
)

// Units, as SETUP_REQUEST says it.
const (
	Validator   = 0x00
	SmartHopper = 0x03
	SmartPayout = 0x06
	NoteFloat   = 0x07
)

// Events of a payout.
const (
	evDispensing  = 0xDA
	evDispensed   = 0xD2
	evShort       = 0xDC
	evPayoutJam   = 0xD5
	evStored      = 0xDB
	evOutOfOrder  = 0xC6
	evPaidAtStart = 0xCD
	evStackedUp   = 0xCA
)

// Commands of a payout.
const (
	cmdLevels        = 0x22
	cmdNotePositions = 0x41
	cmdPayoutNote    = 0x42
	cmdReporting     = 0x45
	cmdPayout        = 0x46
	cmdDisablePayout = 0x5B
	cmdEnablePayout  = 0x5C
)

// Reasons of "cannot".
const (
	whyNotEnough = 0x00
	whyNotExact  = 0x01
	whyEmpty     = 0x02
	whyBusy      = 0x03
	whyDisabled  = 0x04
	whyDevice    = 0x05
)

// payout is an order that is being carried out.
type payout struct {
	Left   []int64 `json:"left"` // faces, in the order in which they come
	Asked  int64   `json:"asked"`
	Paid   int64   `json:"paid"`
	Jammed bool    `json:"jammed"` // a piece is stuck: nothing more comes of this order
}

// Paying says whether an order is being carried out, and whether a piece of it is stuck.
func (s *Sim) Paying() (yes, stuck bool) {
	s.path.Sync(func() {
		if p := s.m.Payout; p != nil {
			yes, stuck = true, p.Jammed
		}
	})
	return yes, stuck
}

// pays says whether this unit has a payout.
func (s *Sim) pays() bool { return s.o.Unit != Validator }

// Stores says whether a note goes into the store. It is the path's question and not for others.
func (s *Sim) Stores(n notepath.Note) bool {
	return s.m.Payable && slices.Contains(s.o.Recycles, n.Face) && s.path.Stored(n.Face, n.Currency) < storeMax
}

// payoutRead answers what a payout is asked; nil is no such command. Called under the path's lock, as all below.
func (s *Sim) payoutRead(cmd byte) []byte {
	switch cmd {
	case cmdLevels:
		out := []byte{ok, byte(len(s.o.Faces))}
		for _, f := range s.o.Faces {
			out = binary.LittleEndian.AppendUint16(out, uint16(s.path.Stored(f, s.o.Currency)))
			out = append(binary.LittleEndian.AppendUint32(out, uint32(f)), s.o.Currency...)
		}
		return out
	case cmdNotePositions:
		// The larger a face, the later its notes were stored: the last is paid first.
		out := []byte{ok, 0}
		for i, f := range s.o.Faces {
			for range s.path.Stored(f, s.o.Currency) {
				if out[1]++; s.o.ByChannel {
					out = append(out, byte(i+1))
				} else {
					out = binary.LittleEndian.AppendUint32(out, uint32(f))
				}
			}
		}
		return out
	}
	return nil
}

// payoutWrite obeys a command to the payout; nil is no such command.
func (s *Sim) payoutWrite(cmd byte, args []byte) []byte {
	switch cmd {
	case cmdReporting:
	case cmdEnablePayout:
		if s.o.PayoutBroken {
			return []byte{cannot, whyDevice}
		}
		s.m.Payable = true
	case cmdDisablePayout:
		s.m.Payable = false
	case cmdPayout:
		return s.payByDenomination(args)
	case cmdPayoutNote:
		for _, f := range slices.Backward(s.o.Faces) {
			if s.path.Stored(f, s.o.Currency) > 0 {
				return s.begin([]int64{f})
			}
		}
		return []byte{cannot, whyEmpty}
	default:
		return nil
	}
	return []byte{ok}
}

func (s *Sim) payByDenomination(args []byte) []byte {
	if len(args) == 0 || len(args) != 2+9*int(args[0]) {
		return []byte{wrongCount}
	}
	mode := args[len(args)-1]
	if mode != 0x58 && mode != 0x19 {
		return []byte{outOfRange}
	}
	var faces []int64
	for rest := args[1 : len(args)-1]; len(rest) > 0; rest = rest[9:] {
		n, face := int(binary.LittleEndian.Uint16(rest)), int64(binary.LittleEndian.Uint32(rest[2:]))
		if string(rest[6:9]) != s.o.Currency || !slices.Contains(s.o.Faces, face) {
			return []byte{outOfRange}
		}
		if s.path.Stored(face, s.o.Currency) < n {
			return []byte{cannot, whyNotEnough}
		}
		for range n {
			faces = append(faces, face)
		}
	}
	if mode == 0x19 {
		return []byte{ok} // it would
	}
	return s.begin(faces)
}

// begin starts an order.
func (s *Sim) begin(faces []int64) []byte {
	switch {
	case s.m.Payout != nil || s.path.Now().Leg != "":
		return []byte{cannot, whyBusy}
	case !s.m.Payable:
		return []byte{cannot, whyDisabled}
	}
	p := &payout{Left: faces}
	for _, f := range faces {
		p.Asked += f
	}
	s.m.Payout = p
	s.log("device", nil, "begins to pay")
	s.pieceAfter(pieceTime)
	return []byte{ok}
}

func (s *Sim) pieceAfter(d time.Duration) {
	p := s.m.Payout
	time.AfterFunc(d, func() {
		s.path.Sync(func() {
			if s.m.Payout == p && s.path.Now().Powers {
				s.piece(p)
			}
		})
	})
}

// piece lets the next piece of an order come out, or ends it.
func (s *Sim) piece(p *payout) {
	switch {
	case len(p.Left) == 0:
		s.m.Payout = nil
		s.m.post(s.block(evDispensed, p.Paid)...)
		s.log("device", nil, "has paid")
	case s.faults.On("payout_jam"):
		p.Jammed = true
		s.log("device", nil, "a piece is stuck in the payout")
	case s.path.PayOut(p.Left[0], s.o.Currency):
		p.Paid += p.Left[0]
		p.Left = p.Left[1:]
		s.m.Counts.Dispensed++
		s.log("device", nil, "a piece comes out")
		s.pieceAfter(pieceTime)
	default:
		s.m.Payout = nil
		s.m.post(s.short(p)...)
	}
}

// unjam ends an order whose piece was stuck: the piece stays inside.
func (s *Sim) unjam() {
	s.path.Sync(func() {
		if p := s.m.Payout; p != nil && p.Jammed {
			s.m.Payout = nil
			s.m.post(s.short(p)...)
		}
	})
}

// interrupted is what a unit finds at power-up of an order that it did not finish. A piece that was on its way comes out
// then, in a unit that clears its path so; one that is stuck stays, until a hand puts it back.
func (s *Sim) interrupted() {
	p := s.m.Payout
	if p == nil {
		return
	}
	s.m.Payout = nil
	if s.o.PaysAtPowerUp && !p.Jammed && len(p.Left) > 0 && s.path.PayOut(p.Left[0], s.o.Currency) {
		s.m.Counts.Dispensed++
		s.m.Cleared = append(s.m.Cleared, append(binary.LittleEndian.AppendUint32([]byte{evPaidAtStart}, uint32(p.Left[0])), s.o.Currency...))
		p.Paid += p.Left[0]
	}
	s.m.Cleared = append(s.m.Cleared, s.short(p))
}

// block is an event with one amount.
func (s *Sim) block(code byte, value int64) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte{code, 1}, uint32(value)), s.o.Currency...)
}

// short is the event of an order that was not paid in full.
func (s *Sim) short(p *payout) []byte {
	out := binary.LittleEndian.AppendUint32([]byte{evShort, 1}, uint32(p.Paid))
	return append(binary.LittleEndian.AppendUint32(out, uint32(p.Asked)), s.o.Currency...)
}

// payoutState is what a poll is told while an order is carried out.
func (s *Sim) payoutState() []byte {
	switch p := s.m.Payout; {
	case p == nil:
		return nil
	case p.Jammed:
		return s.block(evPayoutJam, p.Paid)
	default:
		return s.block(evDispensing, p.Paid)
	}
}
