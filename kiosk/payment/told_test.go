package payment

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
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

// An acceptor that gets ready for long, or for good, keeps nobody before a page that hears nobody; it takes notes when it is ready.
func TestTakeWaitsForNoAcceptor(t *testing.T) {
	read(t, func(r *reading) {
		r.say("case a")
		r.device.lets = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		if err := r.till.Take(context.Background(), "a"); err != nil || time.Since(began) > 10*time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		r.device.lets = nil
		over, cancel := context.WithCancel(context.Background())
		cancel()
		r.device.lets = func(ctx context.Context) error { return ctx.Err() }
		if err := r.till.Take(over, "a"); err == nil {
			t.Error("whoever has ended is told that notes are taken")
		}
	})
}

// An acceptor that is shut only when what it told is written down, and tells of a note meanwhile, does not wait for who waits for it.
func TestStopWhileANoteIsTold(t *testing.T) {
	read(t, func(r *reading) {
		for _, line := range []string{"ready", "bill a", "take a", "escrowed 5000"} {
			r.say(line)
		}
		r.device.shuts = func() {
			r.counter++
			r.device.signals <- cash.Signal{What: cash.Stacked, Note: cash.Note{Face: 5000, Currency: money.CNY}, Mark: cash.Mark{Serial: "1", Counter: r.counter, Known: true}}
			r.device.signals <- cash.Signal{What: cash.Refused, Mark: cash.Mark{Serial: "1", Counter: r.counter, Known: true}}
			for left := 100; left > 0 && len(r.device.signals) > 0; left-- {
				time.Sleep(time.Second) // virtual
			}
		}
		began := time.Now()
		if err := r.till.Stop(context.Background()); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("stopped after %s: %v", time.Since(began), err)
		}
	})
}

// Money that is told when a phone pays, or has paid, is not mixed with the phone's: it has a case of its own.
func TestStrayBesideAPhone(t *testing.T) {
	order := casefile.Header{Attempt: "YC1N01", Amount: 10000, Mode: "show"}
	for _, events := range [][]store.Entry{
		{entry(casefile.OrderBegun, "a", order)},
		{entry(casefile.OrderBegun, "a", order), entry(casefile.OrderPaid, "a", casefile.Header{Attempt: order.Attempt, Amount: order.Amount})},
	} {
		read(t, func(r *reading) {
			r.say("bill a")
			if err := r.journal.Append(context.Background(), events...); err != nil {
				t.Fatal(err)
			}
			r.heard()
			r.say("stacked 100")
			if got, want := r.heard(), "case.opened (cash.stray), note.escrowed 1:100 @1, note.stacked 1:100 @1"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// It is of the visit of the person who stands there, so that who has gone home hears of it no less than before.
func TestStrayBelongsToTheVisit(t *testing.T) {
	for visit, want := range map[string]string{"v": "v", "w": ""} { // another visit has begun since
		read(t, func(r *reading) {
			open := func(kind casefile.Kind, caseID string, h casefile.Header) {
				if err := r.journal.Append(context.Background(), entry(kind, caseID, h)); err != nil {
					t.Fatal(err)
				}
			}
			open(casefile.VisitBegun, "", casefile.Header{Visit: "v"})
			open(casefile.CaseOpened, "a", casefile.Header{Visit: "v", Service: "pay.water"})
			open(casefile.BillChosen, "a", casefile.Header{Biller: "water", Due: 10000, Rule: "owed"})
			open(casefile.OrderBegun, "a", casefile.Header{Attempt: "YC1N01", Amount: 10000, Mode: "show"})
			if visit != "v" {
				open(casefile.VisitEnded, "", casefile.Header{Visit: "v"})
				open(casefile.VisitBegun, "", casefile.Header{Visit: visit})
			}
			r.say("stacked 100")
			r.journal.Book(func(b *casefile.Book) {
				for id, c := range b.Cases {
					if id != "a" && (c.Visit != want || c.Visiting != 100) {
						t.Errorf("while %s is there: %+v", visit, c)
					}
				}
				if len(b.Cases) != 2 {
					t.Errorf("%d cases", len(b.Cases))
				}
			})
		})
	}
}

// A power cut of the program does not take with it whose payment the acceptor was away from.
func TestAwayOutlivesTheProgram(t *testing.T) {
	read(t, func(r *reading) {
		for _, line := range []string{"ready", "bill a", "take a", "offline", "stop", "restart", "lost reset"} {
			r.say(line)
		}
		if got := r.heard(); !strings.Contains(got, "acceptor.reset (reset) (the power went while notes were taken) of a") {
			t.Errorf("got %s", got)
		}
		for _, line := range []string{"ready", "restart", "lost reset"} {
			r.say(line)
		}
		if got := r.heard(); strings.Contains(got, " of a") {
			t.Errorf("and once more: %s", got)
		}
	})
}

// The same of coins.
func TestCoinsLostBehindThePayment(t *testing.T) {
	read(t, func(r *reading) {
		r.stop()
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{}}
		r.coins = coins
		r.start()
		for _, line := range []string{"ready", "bill a", "take a", "stop", "wait 1s"} {
			r.say(line)
		}
		tell := func(what cash.Happening) {
			coins.signals <- cash.Signal{What: what, Mark: cash.Mark{Serial: "7", Counter: 1, Known: true}}
			synctest.Wait()
		}
		unknown := func() (n int) {
			r.journal.Book(func(b *casefile.Book) { n = len(b.Unknown) })
			return n
		}
		if tell(cash.Lost); unknown() != 1 {
			t.Errorf("%d in doubt, want 1", unknown())
		}
		tell(cash.Ready)
		if tell(cash.Lost); unknown() != 1 {
			t.Errorf("%d in doubt when nobody has paid since, want 1", unknown())
		}
	})
}
