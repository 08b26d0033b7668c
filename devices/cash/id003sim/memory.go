package id003sim

import (
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
)

// Reasons of REJECTING.
const (
	whyInsertion = 0x71
	whyTransport = 0x75
	whyIdentity  = 0x76
	whyInhibited = 0x79
	whyOperation = 0x7B
)

// memory is what the acceptor's controller knows. Nothing of it survives a power cut but PowerUp, which says
// what was found inside.
type memory struct {
	PowerUp     byte       `json:"power_up"` // 0 once the host has given RESET
	Denied      uint16     `json:"denied"`   // bit 0 is code 61h
	Inhibit     bool       `json:"inhibit"`
	Others      [5][2]byte `json:"others"` // settings that move nothing here: C1, C4 to C7
	Code        byte       `json:"code"`   // of the note in escrow
	Vend        bool       `json:"vend"`   // VEND VALID waits for its ACK
	Lever       bool       `json:"lever"`  // VEND VALID was told before the note was in the box
	Stacked     bool       `json:"stacked"`
	Mute        bool       `json:"mute"` // the note on the path belongs to the time before a restart
	Why         byte       `json:"why"`  // why the last note was rejected
	Polled      time.Time  `json:"polled"`
	SilentUntil time.Time  `json:"silent_until"`
	InitUntil   time.Time  `json:"init_until"`
	HoldUntil   time.Time  `json:"hold_until"`
	EscrowUntil time.Time  `json:"escrow_until"`
	LeverAt     time.Time  `json:"lever_at"` // when the note on its way passes the lever; zero with STACK-2
	RejectUntil time.Time  `json:"reject_until"`
	CheatUntil  time.Time  `json:"cheat_until"`
}

// awake is the memory at the start: inhibited, all denominations enabled.
func awake(found byte) memory { return memory{PowerUp: found, Inhibit: true} }

// set takes a setting's data, get gives it back.
func (m *memory) set(command byte, data []byte) {
	switch command {
	case setDenominations:
		m.Denied = uint16(data[0]) | uint16(data[1])<<8
	case setInhibit:
		m.Inhibit = data[0]&1 == 1
	case setMode:
	default:
		copy(m.Others[other(command)][:], data)
	}
}

func (m *memory) get(command byte) []byte {
	switch command {
	case setDenominations:
		return []byte{byte(m.Denied), byte(m.Denied >> 8)}
	case setInhibit:
		if m.Inhibit {
			return []byte{1}
		}
		return []byte{0}
	case setMode:
		return []byte{0}
	}
	return slices.Clone(m.Others[other(command)][:sizes[command]])
}

func other(command byte) int { return max(0, int(command)-setInhibit) }

// found is what a controller that starts now finds inside. A credit that was not acknowledged is a bill in the
// stacker to it.
func (s *Sim) found(at notepath.Now) byte {
	switch {
	case !at.Powers:
		return s.m.PowerUp
	case s.m.Vend, at.Leg == notepath.Stacking, s.m.PowerUp == powerUpStacker:
		return powerUpStacker
	case at.Leg == notepath.InEscrow, at.Leg == notepath.Leaving, s.m.PowerUp == powerUpAcceptor:
		return powerUpAcceptor
	default:
		return powerUp
	}
}

// number is the denomination of a face, counted from zero, or -1.
func (s *Sim) number(n notepath.Note) int {
	if n.Currency != s.o.Currency {
		return -1
	}
	return slices.Index(s.o.Faces, n.Face)
}

// ready says whether the controller runs and nothing else keeps the rollers still.
func (s *Sim) ready(now time.Time) bool {
	return s.m.PowerUp == 0 && !now.Before(s.m.SilentUntil) && !now.Before(s.m.InitUntil) && !s.m.Inhibit && now.Sub(s.m.Polled) <= pollWatch
}

// Draws says whether the rollers turn. It is the path's question and not for others.
func (s *Sim) Draws(notepath.Note) bool {
	now := time.Now()
	all := uint16(1)<<len(s.o.Faces) - 1
	return s.ready(now) && s.m.Denied&all != all && !s.m.Vend && s.path.Now().BoxIn && !s.faults.On("box_full") && !now.Before(s.m.CheatUntil)
}

// Judges is the validator's word on a note. It is the path's question and not for others.
func (s *Sim) Judges(n notepath.Note) notepath.Verdict {
	now, i := time.Now(), s.number(n)
	switch {
	case s.faults.Take("fraud"), n.Kind == notepath.Strung:
		s.m.CheatUntil = now.Add(cheatTime)
		s.m.Why = whyOperation
	case n.Kind != notepath.Genuine || i < 0:
		s.m.Why = whyIdentity
	case !s.ready(now) || s.m.Denied&(1<<i) != 0:
		s.m.Why = whyInhibited
	default:
		s.m.Code = code(i)
		return notepath.Hold
	}
	return notepath.TurnAway
}

// Sticks says whether a note jams. It is the path's question and not for others.
func (s *Sim) Sticks(notepath.Note, notepath.Leg) bool { return s.faults.On("jam") }

// Moves starts the escrow's time-out. It is told by the path.
func (s *Sim) Moves(leg notepath.Leg, id int) {
	switch leg {
	case notepath.Entering:
		s.m.Stacked, s.m.RejectUntil, s.m.Mute = false, time.Time{}, false
	case notepath.InEscrow:
		s.m.HoldUntil, s.m.LeverAt, s.m.Lever = time.Time{}, time.Time{}, false
		s.m.EscrowUntil = time.Now().Add(escrowTime)
		s.watch()
	}
}

// watch looks after the note's times. Called under the path's lock.
func (s *Sim) watch() {
	at := s.path.Now()
	switch {
	case at.Leg == notepath.InEscrow && s.m.PowerUp == 0:
		s.watchEscrow(at.ID)
	case at.Leg == notepath.Stacking && !s.m.LeverAt.IsZero():
		s.watchLever()
	}
}

// watchEscrow gives the escrowed note back when its time is over. A controller that started anew leaves it where it is
// until RESET. Called under the path's lock.
func (s *Sim) watchEscrow(id int) {
	time.AfterFunc(time.Until(s.m.EscrowUntil), func() {
		over := false
		s.path.Sync(func() {
			if at := s.path.Now(); at.ID != id || at.Leg != notepath.InEscrow || s.m.PowerUp != 0 {
				return
			}
			if over = !time.Now().Before(s.m.EscrowUntil); !over {
				s.watchEscrow(id)
			}
		})
		if over {
			s.path.ReturnNote(id)
		}
	})
}

// watchLever gives the credit of STACK-1, whose note has passed the lever that no string comes back from, though
// it is not in the box yet. Called under the path's lock.
func (s *Sim) watchLever() {
	id := s.path.Now().ID
	if s.m.LeverAt.IsZero() {
		whole := s.o.Path.Stack
		if whole == 0 {
			whole = stackUsual
		}
		s.m.LeverAt = time.Now().Add(whole / leverShare)
	}
	time.AfterFunc(time.Until(s.m.LeverAt), func() {
		s.path.Sync(func() {
			if at := s.path.Now(); at.ID == id && at.Leg == notepath.Stacking && !at.Stuck && !s.m.Mute && !s.m.Lever {
				s.m.Vend, s.m.Lever = true, true
			}
		})
	})
}

// Tell turns what happened on the path into state. It is told by the path.
func (s *Sim) Tell(what notepath.What, leg notepath.Leg, n notepath.Note) {
	s.log("device", nil, tale(what, leg))
	mute := s.m.Mute && leg != ""
	if mute && what != notepath.DidStick {
		s.m.Mute = false // the controller has started anew and does not know this note
	}
	switch what {
	case notepath.DidStack:
		switch {
		case mute:
		case s.m.Lever:
			s.m.Stacked = !s.m.Vend
		default:
			s.m.Vend = true
		}
		s.m.Lever, s.m.LeverAt = false, time.Time{}
	case notepath.DidRefuse:
		s.reject()
	case notepath.DidPull, notepath.DidPullHeld:
		s.m.Why = whyInsertion
		s.reject()
	case notepath.DidStick:
		s.m.Why = whyTransport
	}
}

func (s *Sim) reject() {
	s.m.RejectUntil = time.Now().Add(rejectTime)
}

func tale(what notepath.What, leg notepath.Leg) string {
	if leg == "" {
		return string(what)
	}
	return "note " + string(what) + " while " + string(leg)
}
