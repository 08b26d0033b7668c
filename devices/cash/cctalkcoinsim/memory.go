package cctalkcoinsim

import (
	"slices"
	"time"

	"yichuang/devices/cash/coinpath"
)

// event is one pair of the event buffer (part 3, header 229): coin type and sorter path, or 0 and an error code.
type event [2]byte

// Error codes of coins (part 3, table 2).
const (
	errReject     = 1
	errInhibited  = 2
	errWakeUp     = 4  // stuck in front of the validator
	errCredit     = 6  // stuck past the gate
	errBackwards  = 17 // a coin going the wrong way
	errString     = 20
	errRejectOpto = 26 // stuck on the way back
	errSwallowed  = 36
	errLever      = 254
)

// memory is what the acceptor's controller knows. What is marked so survives a power cut.
type memory struct {
	Counter     byte      `json:"counter"`
	Events      [5]event  `json:"events"`  // newest first
	Waiting     []event   `json:"waiting"` // not yet in the buffer: two a slice
	Added       []int64   `json:"added"`   // when the last were added, Unix nanoseconds
	Master      bool      `json:"master"`  // accepts coins
	Mask        uint16    `json:"mask"`    // enabled types
	Polled      time.Time `json:"polled"`
	SilentUntil time.Time `json:"silent_until"`
	FraudUntil  time.Time `json:"fraud_until"` // for the self-check and the status
	Why         []byte    `json:"why"`         // why the coins now on their way out were not taken

	Paths    [16]byte `json:"paths"`    // survives: the sorter's path of each type
	Inserted uint32   `json:"inserted"` // survives
	Accepted uint32   `json:"accepted"` // survives
	Unseen   int64    `json:"unseen"`   // survives: coins in the box that the sensor did not see, which no controller counts
}

// forget is what a restart does: counter zero, inhibited.
func (m *memory) forget() {
	*m = memory{Paths: m.Paths, Inserted: m.Inserted, Accepted: m.Accepted, Unseen: m.Unseen}
}

func (m *memory) copied() memory {
	c := *m
	c.Waiting, c.Added, c.Why = slices.Clone(m.Waiting), slices.Clone(m.Added), slices.Clone(m.Why)
	return c
}

// post tells an event, now or when its slice comes.
func (m *memory) post(a, b byte) {
	m.Waiting = append(m.Waiting, event{a, b})
	m.settle(time.Now())
}

// settle moves waiting events to the buffer, as many as the time since the last allows.
func (m *memory) settle(now time.Time) {
	for len(m.Waiting) > 0 {
		at := now.UnixNano()
		if n := len(m.Added); n >= eventsASlice {
			if free := m.Added[n-eventsASlice] + int64(eventSlice); free > at {
				return
			}
		}
		m.Added = append(m.Added, at)
		m.Added = m.Added[max(0, len(m.Added)-eventsASlice):]
		copy(m.Events[1:], m.Events[:4])
		m.Events[0], m.Waiting = m.Waiting[0], m.Waiting[1:]
		// 255 is followed by 1: zero means only that the acceptor was reset.
		m.Counter++
		if m.Counter == 0 {
			m.Counter = 1
		}
	}
}

// watch shuts an acceptor that nobody has polled for long.
func (m *memory) watch(now time.Time) {
	if m.Master && now.Sub(m.Polled) > pollWatch {
		m.Master = false
	}
}

// kind is the coin type of a face, 1 to 16, or 0.
func (s *Sim) kind(c coinpath.Coin) byte {
	if c.Currency != s.o.Currency {
		return 0
	}
	return byte(slices.Index(s.o.Faces, c.Face) + 1)
}

// Judges is the validator's word on a coin. It is the path's question and not for others.
func (s *Sim) Judges(c coinpath.Coin) coinpath.Verdict {
	now := time.Now()
	s.m.watch(now)
	s.m.settle(now)
	s.m.Inserted++
	kind, why := s.kind(c), byte(0)
	switch {
	case now.Before(s.m.SilentUntil):
	case s.faults.Take("fraud"):
		why, s.m.FraudUntil = errBackwards, now.Add(fraudTime)
	case c.Kind == coinpath.Strung:
		why, s.m.FraudUntil = errString, now.Add(fraudTime)
	case c.Kind != coinpath.Genuine || kind == 0:
		why = errReject
	case !s.m.Master:
		why = errInhibited
	case s.m.Mask&(1<<(kind-1)) == 0:
		why = 127 + kind // part 3: each type has its own code
	default:
		return coinpath.Verdict{Keep: true, Path: s.m.Paths[kind-1]}
	}
	s.m.Why = append(s.m.Why, why)
	return coinpath.Verdict{}
}

// Unseen is how many coins have fallen into the box unseen.
func (s *Sim) Unseen() (n int64) {
	s.path.Sync(func() { n = s.m.Unseen })
	return n
}

// Sticks says whether a coin jams. It is the path's question and not for others.
func (s *Sim) Sticks(coinpath.Coin, coinpath.Leg) bool { return s.faults.On("jam") }

// Tell turns what happened on the path into events. It is told by the path.
func (s *Sim) Tell(what coinpath.What, leg coinpath.Leg, c coinpath.Coin) {
	now := time.Now()
	s.m.watch(now)
	s.log("device", nil, "coin "+string(what)+" while "+string(leg))
	switch {
	case what == coinpath.DidKeep && s.faults.Take("swallow"):
		s.m.Unseen++
		s.m.post(0, errSwallowed)
	case what == coinpath.DidKeep:
		s.m.Accepted++
		s.m.post(s.kind(c), s.m.Paths[s.kind(c)-1])
	case what == coinpath.DidReturn:
		s.returned()
	default:
		s.m.post(0, map[coinpath.Leg]byte{coinpath.Rolling: errWakeUp, coinpath.Dropping: errCredit, coinpath.Leaving: errRejectOpto}[leg])
	}
}

// returned tells why a coin came back, if the controller knows.
func (s *Sim) returned() {
	if len(s.m.Why) == 0 {
		return
	}
	if s.m.Why[0] != 0 {
		s.m.post(0, s.m.Why[0])
	}
	s.m.Why = s.m.Why[1:]
}
