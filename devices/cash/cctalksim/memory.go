package cctalksim

import (
	"slices"
	"time"

	"yichuang/devices/cash/notepath"
)

// event is one pair of the event buffer (part 3, header 159).
type event [2]byte

// Event codes of pairs whose first byte is 0.
const (
	evInhibited  = 0
	evReturned   = 1
	evInvalid    = 2
	evTransport  = 3
	evNotEnabled = 4
	evUnsafeJam  = 6
	evStackerJam = 7
	evBackwards  = 8
	evStackerOK  = 10
	evBoxOut     = 11
	evBoxIn      = 12
	evFull       = 14
	evOptoFraud  = 17
	evString     = 18
)

// memory is what the validator's controller knows. All but nothing of it survives a power cut.
type memory struct {
	Counter     byte      `json:"counter"`
	Events      [5]event  `json:"events"`  // newest first
	Waiting     []event   `json:"waiting"` // not yet in the buffer: two a slice
	Added       []int64   `json:"added"`   // when the last were added, Unix nanoseconds
	Master      bool      `json:"master"`  // accepts notes
	Mask        uint16    `json:"mask"`    // enabled types
	Mode        byte      `json:"mode"`    // bit 0 stacker, bit 1 escrow
	Polled      time.Time `json:"polled"`
	SilentUntil time.Time `json:"silent_until"`
	HoldUntil   time.Time `json:"hold_until"`  // the escrow's time-out
	FraudUntil  time.Time `json:"fraud_until"` // for the self-check
	Why         byte      `json:"why"`         // why the note now on its way out was not taken
	Full        bool      `json:"full"`        // told that the box is full
	Mute        bool      `json:"mute"`        // the note on the path belongs to the time before a reset
}

// awake is the memory after power-up: counter zero, inhibited, no escrow.
func awake() memory { return memory{Mode: 1} }

func (m *memory) forget() { *m = awake() }

func (m *memory) copied() memory {
	c := *m
	c.Waiting, c.Added = slices.Clone(m.Waiting), slices.Clone(m.Added)
	return c
}

// post tells an event, now or when its slice comes.
func (m *memory) post(a, b byte) {
	m.Waiting = append(m.Waiting, event{a, b})
	m.settle(time.Now())
}

// settle moves waiting events to the buffer, as many as the slice allows.
func (m *memory) settle(now time.Time) {
	for len(m.Waiting) > 0 {
		if n := len(m.Added); n >= eventsASlice && now.UnixNano()-m.Added[n-eventsASlice] < int64(eventSlice) {
			return
		}
		m.Added = append(m.Added, now.UnixNano())
		m.Added = m.Added[max(0, len(m.Added)-eventsASlice):]
		copy(m.Events[1:], m.Events[:4])
		m.Events[0], m.Waiting = m.Waiting[0], m.Waiting[1:]
		// 255 is followed by 1: zero means only that the validator was reset.
		m.Counter++
		if m.Counter == 0 {
			m.Counter = 1
		}
	}
}

// watch shuts a validator that nobody has polled for long.
func (m *memory) watch(now time.Time) {
	if m.Master && now.Sub(m.Polled) > pollWatch {
		m.Master = false
		m.post(0, evInhibited)
	}
}

// kind is the bill type of a face, 1 to 16, or 0.
func (s *Sim) kind(n notepath.Note) byte {
	if n.Currency != s.o.Currency {
		return 0
	}
	return byte(slices.Index(s.o.Faces, n.Face) + 1)
}

// Draws says whether the rollers turn. It is the path's question and not for others.
func (s *Sim) Draws(notepath.Note) bool {
	now := time.Now()
	s.m.watch(now)
	return s.m.Master && s.m.Mask != 0 && s.path.Now().BoxIn && !s.faults.On("box_full") && !now.Before(s.m.SilentUntil)
}

// Judges is the validator's word on a note. It is the path's question and not for others.
func (s *Sim) Judges(n notepath.Note) notepath.Verdict {
	s.m.watch(time.Now())
	kind := s.kind(n)
	switch {
	case s.faults.Take("fraud"):
		s.m.Why = evOptoFraud
		s.m.FraudUntil = time.Now().Add(fraudTime)
	case n.Kind == notepath.Strung:
		s.m.Why = evString
		s.m.FraudUntil = time.Now().Add(fraudTime)
	case n.Kind != notepath.Genuine || kind == 0:
		s.m.Why = evInvalid
	case !s.m.Master || s.m.Mask&(1<<(kind-1)) == 0:
		s.m.Why = evNotEnabled
	case s.m.Mode&2 == 0:
		return notepath.Swallow
	default:
		return notepath.Hold
	}
	return notepath.TurnAway
}

// Sticks says whether a note jams. It is the path's question and not for others.
func (s *Sim) Sticks(_ notepath.Note, leg notepath.Leg) bool {
	if !s.faults.On("jam") {
		return false
	}
	s.m.Why = evTransport
	return true
}

// Moves starts the escrow's time-out. It is told by the path.
func (s *Sim) Moves(leg notepath.Leg, id int) {
	if leg == notepath.InEscrow {
		s.m.HoldUntil = time.Now().Add(escrowTime)
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
			if s.path.Now().ID != at.ID {
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

// Tell turns what happened on the path into events. It is told by the path.
func (s *Sim) Tell(what notepath.What, leg notepath.Leg, n notepath.Note) {
	s.m.watch(time.Now()) // so that events come in the order of their times
	s.log("device", nil, tale(what, leg, n))
	if s.m.Mute && leg != "" {
		// The controller has started anew and does not know this note.
		s.m.Mute = what == notepath.DidStick
		return
	}
	switch what {
	case notepath.DidEscrow:
		s.m.post(s.kind(n), 1)
	case notepath.DidStack:
		s.m.post(s.kind(n), 0)
	case notepath.DidReturn:
		s.m.post(0, evReturned)
	case notepath.DidRefuse:
		s.m.post(0, s.m.Why)
		if s.m.Why == evInvalid {
			s.m.post(0, evReturned) // part 3: a reject after validation is two events at once
		}
	case notepath.DidPull:
		s.m.post(0, evBackwards)
	case notepath.DidPullHeld:
		s.m.post(0, evBackwards)
		s.m.post(0, evReturned)
	case notepath.DidStick:
		if leg == notepath.Stacking {
			s.m.post(0, evStackerJam)
		} else {
			s.m.post(0, evUnsafeJam)
		}
	case notepath.DidTakeBox:
		s.m.post(0, evBoxOut)
	case notepath.DidPutBox:
		s.m.post(0, evBoxIn)
	}
}

func tale(what notepath.What, leg notepath.Leg, n notepath.Note) string {
	if leg == "" {
		return string(what)
	}
	return "note " + string(what) + " while " + string(leg)
}
