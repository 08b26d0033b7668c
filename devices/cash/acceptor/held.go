package acceptor

import (
	"time"

	"yichuang/devices/cash"
)

// Decision is what the owner wants of the escrowed note.
type Decision byte

// The decisions.
const (
	Undecided Decision = 0
	Stack     Decision = 1
	Back      Decision = 2
)

// Held is a note of which we were told that it is in escrow, until we are told where it went. A driver embeds it in
// what else it knows of that note.
type Held struct {
	Note     cash.Note
	Decision Decision
	Acked    bool      // the device took the command, or does of itself what it would say
	Refused  error     // the device said that it cannot; the owner may decide anew
	Illegal  bool      // it called the command illegal: refused, if the note is still there
	Routes   int       // how often the command was given without an answer, since it was last asked for
	Sent     time.Time // when a command about it was given last, zero for a new decision
}

// decide is the owner's word. The same word again asks only to be told anew.
func (h *Held) decide(to Decision) {
	if h.Decision != to || h.Refused != nil {
		*h = Held{Note: h.Note, Decision: to}
	}
	h.Routes = 0
}

// Deny notes that the device cannot do as decided. The note stays undecided.
func (h *Held) Deny(err error) {
	if h.Decision != Undecided {
		h.Refused, h.Decision = err, Undecided
	}
}

// Pace is when a command about a note is given again: to one that waits for its owner, so that it is held; after one
// that had no answer; and after one that was acknowledged, because nothing came of it.
type Pace struct{ Hold, Unheard, Heard time.Duration }

// Due says whether it is time for the next command about this note.
func (h *Held) Due(now time.Time, p Pace) bool {
	wait := p.Unheard
	switch {
	case h.Decision == Undecided:
		wait = p.Hold
	case h.Acked:
		wait = p.Heard
	case h.Sent.IsZero():
		return true
	}
	return now.Sub(h.Sent) >= wait
}
