package sspsim

import (
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
)

// Events of a poll's answer that the mechanism posts.
const (
	evReset     = 0xF1
	evRead      = 0xEF
	evCredit    = 0xEE
	evRejecting = 0xED
	evRejected  = 0xEC
	evStacked   = 0xEB
	evSafeJam   = 0xEA
	evUnsafeJam = 0xE9
	evDisabled  = 0xE8
	evFull      = 0xE7
	evFraud     = 0xE6
	evBoxIn     = 0xE4
	evBoxOut    = 0xE3
	evToBox     = 0xE2
	evToFront   = 0xE1
	evStacking  = 0xCC
	evInhibited = 0xB5
)

// Reject codes.
const (
	whyLength    = 0x01
	whyInvalid   = 0x02
	whyInhibited = 0x06
	whyHost      = 0x08
	whyString    = 0x0E
	whyFraud     = 0x0F
	whyTimeout   = 0x13
)

// counts are what GET_COUNTERS tells. They outlive a power cut.
type counts struct {
	Stacked   uint32 `json:"stacked"`
	Stored    uint32 `json:"stored"`
	Dispensed uint32 `json:"dispensed"`
	Moved     uint32 `json:"moved"`
	Rejected  uint32 `json:"rejected"`
}

// memory is what the unit's controller knows. Of all this only the counters, what befell a note when the power went,
// and the reason of the last reject outlive a restart.
type memory struct {
	Enabled     bool      `json:"enabled"`
	Mask        uint16    `json:"mask"`
	Version     byte      `json:"version"`
	Events      [][]byte  `json:"events"` // not told yet
	Said        []byte    `json:"said"`   // the events of the last answer, until they are acknowledged
	Seq         int       `json:"seq"`    // sequence byte of the last command; -1 after a restart
	Reply       []byte    `json:"reply"`  // the packet that answered it
	Routed      bool      `json:"routed"` // that command sent a note on its way
	Keys        keys      `json:"keys"`
	Told        bool      `json:"told"` // the host knows of the note in escrow: its next poll lets it go on
	Asked       time.Time `json:"asked"`
	SilentUntil time.Time `json:"silent_until"`
	HoldUntil   time.Time `json:"hold_until"`
	Why         byte      `json:"why"`  // why the note now on its way out was not taken
	Last        byte      `json:"last"` // LAST_REJECT_CODE
	Mute        bool      `json:"mute"` // the note on the path belongs to the time before a restart
	Counts      counts    `json:"counts"`
	Payable     bool      `json:"payable"` // the payout is enabled
	Payout      *payout   `json:"payout"`  // the order that is carried out
	Cleared     [][]byte  `json:"cleared"` // events of notes that were cleared at power-up, until they are told
}

// awake is the memory of a unit that was never used and wakes with this protocol version.
func awake(version byte) memory {
	return memory{Seq: -1, Version: version, Events: [][]byte{{evReset}}}
}

// forget is a restart. What it found of a note at an earlier one and nobody was told yet, it tells again.
func (m *memory) forget(version byte) {
	counts, last, cleared, order := m.Counts, m.Last, m.Cleared, m.Payout
	*m = awake(version)
	m.Counts, m.Last, m.Cleared, m.Payout = counts, last, cleared, order
	for _, e := range cleared {
		m.post(e...)
	}
}

func (m *memory) copied() memory {
	c := *m
	c.Events, c.Cleared = slices.Clone(m.Events), slices.Clone(m.Cleared) // an event's bytes are never changed
	if m.Payout != nil {
		p := *m.Payout
		p.Left = slices.Clone(p.Left)
		c.Payout = &p
	}
	c.Said, c.Reply = slices.Clone(m.Said), slices.Clone(m.Reply)
	return c
}

func (m *memory) post(event ...byte) { m.Events = append(m.Events, event) }

// watch shuts a unit that nobody has asked anything for long.
func (m *memory) watch(now time.Time) {
	if now.Sub(m.Asked) > pollWatch {
		m.Enabled = false
	}
}

// channel is the channel of a face, 1 to 16, or 0.
func (s *Sim) channel(n notepath.Note) byte {
	if n.Currency != s.o.Currency {
		return 0
	}
	return byte(slices.Index(s.o.Faces, n.Face) + 1)
}

// Draws says whether the rollers turn. It is the path's question and not for others.
func (s *Sim) Draws(notepath.Note) bool {
	now := time.Now()
	s.m.watch(now)
	return s.m.Enabled && s.m.Mask != 0 && s.path.Now().BoxIn && !s.faults.On("box_full") && !now.Before(s.m.SilentUntil)
}

// Judges is the validator's word on a note. It is the path's question and not for others.
func (s *Sim) Judges(n notepath.Note) notepath.Verdict {
	s.m.watch(time.Now())
	channel := s.channel(n)
	switch {
	case s.faults.Take("fraud"):
		s.m.Why = whyFraud
		s.m.post(s.fraud(channel)...)
	case n.Kind == notepath.Strung:
		s.m.Why = whyString
		s.m.post(s.fraud(channel)...)
	case n.Kind != notepath.Genuine || channel == 0:
		s.m.Why = whyInvalid
	case !s.m.Enabled || s.m.Mask&(1<<(channel-1)) == 0:
		s.m.Why = whyInhibited
	default:
		return notepath.Hold
	}
	return notepath.TurnAway
}

// fraud is the event of an attempt to cheat.
func (s *Sim) fraud(channel byte) []byte {
	if s.o.Unit == SmartPayout {
		return s.block(evFraud, s.o.Faces[max(channel, 1)-1])
	}
	return []byte{evFraud, channel}
}

// Sticks says whether a note jams. It is the path's question and not for others.
func (s *Sim) Sticks(_ notepath.Note, leg notepath.Leg) bool {
	if !s.faults.On("jam") {
		return false
	}
	if leg == notepath.Entering {
		s.m.Why = whyLength
	}
	return true
}

// Moves starts the escrow's time-out. It is told by the path.
func (s *Sim) Moves(leg notepath.Leg, id int) {
	if leg == notepath.InEscrow {
		s.m.HoldUntil = time.Now().Add(escrowTime)
		s.m.Told = false
		s.watchEscrow()
	}
}

// watchEscrow gives the escrowed note back when its time is over. Called under the path's lock.
func (s *Sim) watchEscrow() {
	at := s.path.Now()
	if at.Leg != notepath.InEscrow {
		return
	}
	time.AfterFunc(time.Until(s.m.HoldUntil), func() {
		over := false
		s.path.Sync(func() {
			if s.path.Now().ID != at.ID || s.path.Now().Leg != notepath.InEscrow {
				return
			}
			if over = !time.Now().Before(s.m.HoldUntil); over {
				s.m.Why = whyTimeout
			} else {
				s.watchEscrow()
			}
		})
		if over {
			s.path.ReturnNote(at.ID)
		}
	})
}

// Tell turns what happened on the path into events. It is told by the path.
func (s *Sim) Tell(what notepath.What, leg notepath.Leg, n notepath.Note) {
	s.m.watch(time.Now())
	s.log("device", nil, tale(what, leg))
	if s.m.Mute && leg != "" {
		s.clear(what, n)
		return
	}
	channel := s.channel(n)
	switch what {
	case notepath.DidEscrow:
		s.m.post(evRead, channel)
		s.noBox()
	case notepath.DidStore:
		s.m.Counts.Stored++
		s.m.post(evCredit, channel)
		s.m.post(evStored)
	case notepath.DidStack:
		s.m.Counts.Stacked++
		s.m.post(evCredit, channel)
		s.m.post(evStacked)
	case notepath.DidReturn, notepath.DidRefuse:
		s.reject(s.m.Why)
	case notepath.DidPull, notepath.DidPullHeld:
		s.reject(whyLength)
	case notepath.DidTakeBox:
		s.noBox()
	case notepath.DidPutBox:
		s.m.post(evBoxIn)
	}
}

// noBox gives a held note back soon: a unit without a box does not hold what it cannot stack.
func (s *Sim) noBox() {
	if at := s.path.Now(); at.Leg == notepath.InEscrow && !at.BoxIn {
		time.AfterFunc(boxGrace, func() { s.path.ReturnNote(at.ID) })
	}
}

func (s *Sim) reject(why byte) {
	s.m.Counts.Rejected++
	s.m.Last = why
	s.m.post(evRejected)
}

// clear is the end of a note that the controller does not know, because it has started anew meanwhile: it takes it for
// one that it found at power-up. Such notes are in no counter, unless this unit counts them.
func (s *Sim) clear(what notepath.What, n notepath.Note) {
	s.m.Mute = what == notepath.DidStick
	switch what {
	case notepath.DidStack, notepath.DidStore:
		s.m.post(s.cleared(true, n)...)
	case notepath.DidReturn, notepath.DidPullHeld:
		s.m.post(s.cleared(false, n)...)
	}
}

// cleared counts a note that was cleared at power-up, and gives the event that tells of it: another restart, where this unit
// is silent about notes.
func (s *Sim) cleared(in bool, n notepath.Note) []byte {
	e := []byte{evToFront, s.channel(n)}
	if in {
		e[0] = evToBox
	}
	switch {
	case s.o.CountsCleared && in:
		s.m.Counts.Stacked++
	case s.o.CountsCleared:
		s.m.Counts.Rejected++
	}
	if s.o.HidesCleared {
		return []byte{evReset}
	}
	s.m.Cleared = append(s.m.Cleared, e)
	return e
}

func tale(what notepath.What, leg notepath.Leg) string {
	if leg == "" {
		return string(what)
	}
	return "note " + string(what) + " while " + string(leg)
}
