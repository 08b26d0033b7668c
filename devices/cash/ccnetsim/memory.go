package ccnetsim

import (
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
)

// States that POLL answers (§5.4).
const (
	stPowerUp     = 0x10
	stBillInHead  = 0x11
	stBillInBox   = 0x12
	stInitialise  = 0x13
	stIdling      = 0x14
	stAccepting   = 0x15
	stStacking    = 0x17
	stReturning   = 0x18
	stDisabled    = 0x19
	stHolding     = 0x1A
	stRejecting   = 0x1C
	stFull        = 0x41
	stBoxOut      = 0x42
	stJammed      = 0x43
	stBoxJammed   = 0x44
	stCheated     = 0x45
	stFailure     = 0x47
	stEscrow      = 0x80
	stStacked     = 0x81
	stReturned    = 0x82
	whyInsertion  = 0x60
	whyIdentify   = 0x65
	whyVerify     = 0x66
	whyInhibited  = 0x68
	failStackMove = 0x50
)

// phase is how far the validator is after its power came.
type phase string

// The phases.
const (
	powerUp phase = "power up" // waits for RESET; a note inside stands still
	initial phase = "initialising"
	running phase = "running"
)

// memory is what the validator's controller knows. None of it survives a power cut.
type memory struct {
	Phase       phase     `json:"phase"`
	InitUntil   time.Time `json:"init_until"`
	SilentUntil time.Time `json:"silent_until"`
	Enabled     uint32    `json:"enabled"` // types that are taken
	Escrow      uint32    `json:"escrow"`  // types that are held, not stacked at once
	Security    uint32    `json:"security"`
	Polled      time.Time `json:"polled"`
	Holding     bool      `json:"holding"`    // HOLD was said about the note in escrow
	HoldUntil   time.Time `json:"hold_until"` // then it goes back
	Kind        byte      `json:"kind"`       // type of the note in escrow
	Due         [][]byte  `json:"due"`        // what is told until the host acknowledges it, oldest first
	Asked       bool      `json:"asked"`      // the last answer was the first of Due
	Why         []byte    `json:"why"`        // the state that tells why the note on its way out was not taken
	Mute        bool      `json:"mute"`       // the note on the path belongs to the time before a restart
	Caught      bool      `json:"caught"`     // the power went while a note was on its way that came out
}

// awake is the memory after power-up.
func awake() memory { return memory{Phase: powerUp} }

func (m *memory) forget() { *m = awake() }

func (m *memory) copied() memory {
	c := *m
	c.Due, c.Why = slices.Clone(m.Due), slices.Clone(m.Why)
	return c
}

func (m *memory) due(state ...byte) { m.Due = append(m.Due, state) }

// ends says that the host is still to hear where a note went.
func (m *memory) ends() bool {
	return slices.ContainsFunc(m.Due, func(d []byte) bool { return d[0] >= stStacked })
}

// settle ends what time ends: the initialisation, and the host's right to let notes in.
func (m *memory) settle(now time.Time) {
	if m.Phase == initial && !now.Before(m.InitUntil) {
		m.Phase = running
		m.Polled = now
	}
	if m.Enabled != 0 && now.Sub(m.Polled) > hostWatch {
		m.Enabled, m.Escrow = 0, 0
	}
}

// state is what POLL answers now. Called under the path's lock.
func (s *Sim) state() []byte {
	at := s.path.Now()
	switch {
	case s.m.Phase == powerUp && at.Leg == "" && !s.m.Caught:
		return []byte{stPowerUp}
	case s.m.Phase == powerUp && at.Leg == notepath.Stacking:
		return []byte{stBillInBox}
	case s.m.Phase == powerUp:
		return []byte{stBillInHead}
	case s.m.Phase == initial:
		return []byte{stInitialise}
	case len(s.m.Due) > 0:
		return s.m.Due[0]
	case s.faults.On("failure"):
		return []byte{stFailure, failStackMove}
	case !at.BoxIn:
		return []byte{stBoxOut}
	case at.Stuck && at.Leg == notepath.Stacking:
		return []byte{stBoxJammed}
	case at.Stuck:
		return []byte{stJammed}
	}
	return s.ordinary(at)
}

// ordinary is the state of a validator that is well. Called under the path's lock.
func (s *Sim) ordinary(at notepath.Now) []byte {
	switch {
	case at.Leg == notepath.Entering:
		return []byte{stAccepting}
	case at.Leg == notepath.Stacking:
		return []byte{stStacking}
	case at.Leg == notepath.Leaving:
		return []byte{stReturning}
	case at.Leg == notepath.InEscrow && s.m.Holding:
		return []byte{stHolding}
	case at.Leg == notepath.InEscrow:
		return []byte{stEscrow, s.m.Kind}
	case s.faults.On("box_full"):
		return []byte{stFull}
	case s.m.Enabled == 0:
		return []byte{stDisabled}
	}
	return []byte{stIdling}
}

// kind is the row of a face in the bill table, -1 when it is not there.
func (s *Sim) kind(n notepath.Note) int {
	if n.Currency != s.o.Currency {
		return -1
	}
	return slices.Index(s.o.Faces, n.Face)
}

// Draws says whether the rollers turn. It is the path's question and not for others.
func (s *Sim) Draws(notepath.Note) bool {
	now := time.Now()
	s.m.settle(now)
	return s.m.Phase == running && s.m.Enabled != 0 && !s.m.ends() && s.path.Now().BoxIn && !s.faults.On("box_full") && !s.faults.On("failure") && !now.Before(s.m.SilentUntil)
}

// Judges is the validator's word on a note. It is the path's question and not for others.
func (s *Sim) Judges(n notepath.Note) notepath.Verdict {
	s.m.settle(time.Now())
	kind := s.kind(n)
	switch {
	case s.faults.Take("fraud"), n.Kind == notepath.Strung:
		s.m.Why = []byte{stCheated}
	case n.Kind == notepath.Torn:
		s.m.Why = []byte{stRejecting, whyVerify}
	case n.Kind != notepath.Genuine || kind < 0:
		s.m.Why = []byte{stRejecting, whyIdentify}
	case s.m.Enabled&(1<<kind) == 0:
		s.m.Why = []byte{stRejecting, whyInhibited}
	default:
		s.m.Kind = byte(kind)
		if s.m.Escrow&(1<<kind) == 0 {
			return notepath.Swallow
		}
		return notepath.Hold
	}
	return notepath.TurnAway
}

// Sticks says whether a note jams. It is the path's question and not for others.
func (s *Sim) Sticks(_ notepath.Note, leg notepath.Leg) bool {
	if leg == notepath.Entering {
		s.m.Why = []byte{stRejecting, whyInsertion} // what is told when it is freed
	}
	return s.faults.On("jam") || leg == notepath.Stacking && s.faults.On("failure")
}

// Moves starts the escrow's time-out. It is told by the path.
func (s *Sim) Moves(leg notepath.Leg, id int) {
	if leg == notepath.InEscrow {
		s.m.Holding = false
		s.m.HoldUntil = time.Now().Add(escrowTime)
		s.watchEscrow()
	}
}

// watchEscrow gives the escrowed note back when its time is over. Called under the path's lock.
func (s *Sim) watchEscrow() {
	at := s.path.Now()
	if at.Leg != notepath.InEscrow || s.m.Phase == powerUp {
		return
	}
	time.AfterFunc(time.Until(s.m.HoldUntil), func() {
		over := false
		s.path.Sync(func() {
			if s.path.Now().ID != at.ID || s.m.Phase == powerUp {
				return
			}
			if over = !time.Now().Before(s.m.HoldUntil); !over {
				s.watchEscrow()
			}
		})
		if over {
			s.path.ReturnNote(at.ID)
		}
	})
}

// Tell turns what happened on the path into what is due to the host. It is told by the path.
func (s *Sim) Tell(what notepath.What, leg notepath.Leg, n notepath.Note) {
	s.m.settle(time.Now())
	s.log("device", nil, tale(what, leg, n))
	if s.m.Mute && leg != "" && what != notepath.DidStick {
		// The controller has started anew and only drives this note out.
		s.m.Mute = false
		return
	}
	switch what {
	case notepath.DidStack:
		s.m.due(stStacked, byte(s.kind(n)))
	case notepath.DidReturn, notepath.DidPullHeld:
		s.m.due(stReturned, byte(s.kind(n)))
	case notepath.DidRefuse:
		s.m.due(s.m.Why...)
	case notepath.DidPull:
		s.m.due(stRejecting, whyInsertion)
	case notepath.DidPutBox:
		s.m.Enabled, s.m.Escrow = 0, 0 // it starts its cassette anew and waits to be enabled
	}
}

func tale(what notepath.What, leg notepath.Leg, _ notepath.Note) string {
	if leg == "" {
		return string(what)
	}
	return "note " + string(what) + " while " + string(leg)
}
