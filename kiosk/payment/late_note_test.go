package payment

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

// The taking of notes is ended, and the money placed, in the very instant in which it is written down whose note it is
// that came. Whichever is first: no note goes into the box for a case that takes none, and none comes to a settled one.
func TestSettledWhileANoteIsWrittenDown(t *testing.T) {
	late := func(what cash.Happening, face int64) cash.Signal {
		return cash.Signal{What: what, Note: cash.Note{Face: face, Currency: money.CNY}, Mark: cash.Mark{Serial: "1", Counter: 9, Known: true}}
	}
	stories := map[string]struct {
		before []string
		late   cash.Signal
		after  []string
	}{
		"held while notes are taken":     {[]string{"take a"}, late(cash.Escrowed, 2000), []string{"stacked 2000"}},
		"held when the taking has ended": {[]string{"take a", "escrowed 5000", "stacked 5000", "stop"}, late(cash.Escrowed, 2000), []string{"returned 2000"}},
		"stacked unasked":                {[]string{"take a", "escrowed 5000", "stacked 5000", "stop"}, late(cash.Stacked, 2000), nil},
		"stacked instead of another":     {[]string{"take a", "escrowed 5000", "stacked 5000", "escrowed 1000"}, late(cash.Stacked, 2000), nil},
		"and that after a power cut":     {[]string{"take a", "escrowed 5000", "stacked 5000", "escrowed 1000", "restart"}, late(cash.Stacked, 2000), nil},
	}
	for name, story := range stories {
		for at := range 3 {
			t.Run(fmt.Sprintf("%s, at sync %d", name, at), func(t *testing.T) {
				read(t, func(r *reading) {
					for _, line := range append([]string{"ready", "bill a"}, story.before...) {
						r.say(line)
					}
					r.counter = 9
					interrupted(r, at, story.late)
					for _, line := range story.after {
						r.say(line)
					}
					r.say("wait 2m")
					followed(t, r)
				})
			})
		}
	}
}

// interrupted tells a signal, and ends the taking, if there is one, and places the money at its sync number at, or after it.
func interrupted(r *reading, at int, s cash.Signal) {
	ends := func() {
		r.ran.Go(func() {
			if r.till.Status().Case != "" {
				if err := r.till.Stop(context.Background()); err != nil {
					r.t.Errorf("stop: %v", err)
				}
			}
			if _, _, err := r.till.Settle(context.Background(), "a", RestOwed, "stopped"); err != nil {
				r.t.Errorf("settle: %v", err)
			}
		})
	}
	begun := false
	r.disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync && !begun {
			if at--; at < 0 {
				begun = true
				ends()
				for range 1000 {
					runtime.Gosched()
				}
			}
		}
		return nil
	})
	r.device.signals <- s
	r.say("wait 1ms")
	if r.disk.Before(nil); !begun {
		ends()
	}
	r.say("wait 1s")
}

// followed looks at the journal and what is left open.
func followed(t *testing.T, r *reading) {
	t.Helper()
	select {
	case err := <-r.failed:
		t.Fatalf("the till has ended: %v", err)
	default:
	}
	w := invariant.New("T1", r.journal.Origin())
	broken, err := w.Catch(context.Background(), r.journal)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range broken {
		if v.ID != "privacy.sealed" {
			t.Error(v)
		}
	}
	r.journal.Book(func(b *casefile.Book) {
		if n := b.OpenNote(); n != nil {
			t.Errorf("note %d has no end", n.Number)
		}
		if c := b.Cases["a"]; c.Visiting > 0 {
			t.Errorf("case a has %s without a place", c.Visiting)
		}
	})
}
