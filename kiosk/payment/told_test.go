package payment

import (
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/kiosk/money"
)

// The screen asks for a note only while one would be drawn in: not while the acceptor holds one of which it has
// not told yet, not before it is open, and not any more once the citizen has ended it, however long the acceptor
// takes to shut.
func TestWhenANoteMayBePutIn(t *testing.T) {
	read(t, func(r *reading) {
		taking := func(when string, want bool) {
			t.Helper()
			if got := r.till.Status().Taking; got != want {
				t.Errorf("%s: got taking %v, want %v", when, got, want)
			}
		}
		r.say("ready")
		r.say("case a")
		taking("nobody pays", false)
		r.say("take a")
		taking("a is paying", true)
		r.say("holds")
		taking("a note is held", false)
		r.say("empty")
		taking("it is not held any more", true)
		r.say("escrowed 5000")
		taking("a note is on its way", false)
		r.say("stacked 5000")
		taking("it is in the box", true)
		r.device.mu.Lock()
		r.device.state.Accepting = false
		r.device.mu.Unlock()
		taking("the acceptor is shut", false)
		r.say("empty")
		asked := false
		r.device.shuts = func() {
			asked = true
			taking("while it is being shut", false)
		}
		r.say("stop")
		if !asked {
			t.Error("the acceptor was not told to shut")
		}
		taking("after it", false)
		r.device.shuts = nil
		r.say("case b")
		r.say("take b")
		taking("b is paying", true)
	})
}

// What is told of notes is the last thing that matters to the citizen, and is forgotten when the next note moves
// or the next payment begins.
func TestWhatIsToldOfNotes(t *testing.T) {
	read(t, func(r *reading) {
		r.say("case a")
		r.say("take a")
		for _, tt := range []struct {
			say  string
			want Sight
		}{
			{"refused", Sight{What: cash.Refused}},
			{"ready", Sight{What: cash.Refused}}, // says nothing of a note
			{"escrowed 5000", Sight{}},
			{"returned 5000", Sight{What: cash.Returned, Face: 5000}},
			{"escrowed 2000", Sight{}},
			{"fault", Sight{What: cash.Faulty}},
			{"stacked 2000", Sight{}},
			{"fault", Sight{What: cash.Faulty}},
			{"cleared", Sight{}},
			{"lost", Sight{What: cash.Lost}},
			{"box_out", Sight{What: cash.Lost}},
			{"stop", Sight{What: cash.Lost}},
			{"take a", Sight{}},
		} {
			changed := r.till.Changed()
			r.say(tt.say)
			if got := r.till.Status().Sight; got != tt.want {
				t.Errorf("%s: got %+v, want %+v", tt.say, got, tt.want)
			}
			select {
			case <-changed:
			default:
				t.Errorf("%s: the screen was not told to look again", tt.say)
			}
		}
	})
}

// A note that is put in while the acceptor is being shut goes back: its person has ended the payment.
func TestNoteInTheInstantOfStopping(t *testing.T) {
	read(t, func(r *reading) {
		r.say("case a")
		r.say("take a")
		r.heard()
		r.device.shuts = func() {
			r.device.signals <- cash.Signal{What: cash.Escrowed, Note: cash.Note{Face: 5000, Currency: money.CNY}, Mark: cash.Mark{Serial: "1", Counter: 1, Known: true}}
			time.Sleep(time.Second) // virtual
		}
		r.say("stop")
		r.say("wait 1s")
		if got, want := r.heard(), "note.escrowed 1:5000 @1, note.returning 1:5000 @1, refuse, return"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		r.counter++
		r.say("returned 5000")
		if got, want := r.heard(), "note.returned 1:5000 @2, cash.closed, stopped"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
