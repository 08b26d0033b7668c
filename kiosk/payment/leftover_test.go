package payment

import (
	"testing"
	"testing/synctest"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
)

// The power went while a case was being paid, and both acceptors lost their memory. Whichever of them tells so first, and
// whoever stands there when the other one does: a coin that may have gone in belongs to that case.
func TestCoinsLostBeforeTheStart(t *testing.T) {
	for name, story := range map[string][]string{
		"coins tell first":               {"coins lost", "coins ready", "lost", "ready"},
		"notes tell first":               {"lost", "ready", "coins lost", "coins ready"},
		"the next person pays meanwhile": {"lost", "ready", "bill b", "take b", "coins lost", "coins ready"},
		"the power goes once more":       {"lost", "ready", "restart", "lost", "ready", "coins lost", "coins ready"},
	} {
		t.Run(name, func(t *testing.T) {
			read(t, func(r *reading) {
				coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true}}
				r.coins = coins
				r.stop()
				r.start()
				for _, line := range append([]string{"ready", "coins ready", "bill a", "take a", "restart"}, story...) {
					switch line {
					case "coins ready":
						coins.signals <- cash.Signal{What: cash.Ready}
						synctest.Wait()
					case "coins lost":
						coins.signals <- cash.Signal{What: cash.Lost}
						synctest.Wait()
					default:
						r.say(line)
					}
				}
				r.journal.Book(func(b *casefile.Book) {
					var of []string
					for _, u := range b.Unknown {
						if u.Coin {
							of = append(of, u.Case)
						}
					}
					if len(of) != 1 || of[0] != "a" {
						t.Errorf("a coin may have gone in for %q, want a", of)
					}
					if b.CashOpen == "a" || name != "the next person pays meanwhile" && b.CashOpen != "" {
						t.Errorf("notes are still taken for %q", b.CashOpen)
					}
				})
			})
		})
	}
}

// A program that ends before an acceptor has heard that its loss is written down is followed by one that is told the same loss. It is one; what is lost when
// somebody has paid again is another.
func TestLossToldAgain(t *testing.T) {
	read(t, func(r *reading) {
		coins := &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true}}
		r.coins = coins
		r.stop()
		r.start()
		coinsLost := func() {
			t.Helper()
			if err := r.journal.Append(t.Context(), entry(casefile.TerminalStarted, "", casefile.Header{Version: "test"})); err != nil {
				t.Fatal(err)
			}
			coins.signals <- cash.Signal{What: cash.Lost, Mark: cash.Mark{Serial: "1", Known: true}}
			synctest.Wait()
		}
		for i, row := range []struct {
			story   []string
			unknown int
		}{
			{[]string{"ready", "bill a", "take a", "restart"}, 1},
			{[]string{"restart"}, 1},
			{[]string{"restart"}, 1},
			{[]string{"ready", "bill b", "take b", "restart"}, 2},
			{[]string{"restart"}, 2},
		} {
			for _, line := range row.story {
				r.say(line)
			}
			coinsLost()
			r.journal.Book(func(b *casefile.Book) {
				if len(b.Unknown) != row.unknown {
					t.Errorf("after start %d: %d things that nobody saw, want %d", i+1, len(b.Unknown), row.unknown)
				}
			})
		}
	})
}
