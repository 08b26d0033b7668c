package visit

import (
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/office"
)

// A stop order in the middle of a payment: what is in the box is placed, and the person who stands there has
// everything in hand before the program ends.
func TestStopOrderDuringAPayment(t *testing.T) {
	for name, row := range map[string]struct {
		part    bool
		settled string
		papers  []string
	}{
		"part":    {true, "payment.settled bill_fen=5000 reason=walked_away", []string{receiptTitle}},
		"no part": {false, "payment.settled owed_fen=5000 reason=walked_away", []string{receiptTitle, slipTitle}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part, h.posting = row.part, office.Posting{} })
				m.toCash()
				m.insert(5000)
				m.end()
				m.came(row.papers...)
				if m.stopTook > 9*time.Second {
					t.Errorf("the visit ended %v after the order: whoever stops a terminal does not wait longer than ten seconds", m.stopTook)
				}
			})
		})
	}
}

// The stop order comes while the biller is asked, between placing the money and the papers.
func TestStopOrderBeforeThePapers(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.hall.set(func(h *hall) { h.bill.Surplus, h.posting = "owed", office.Posting{} })
		m.toCash()
		m.insert(10000, 5000)
		m.until("the money is placed", func() (settled bool) {
			m.journal.Book(func(b *casefile.Book) { settled = len(b.Owed) > 0 })
			return settled
		})
		m.end()
		m.came(receiptTitle, slipTitle)
	})
}

// A stop order while the code of a slip stands on the screen alone, and one while papers are shown after home.
func TestStopOrderWhileASlipIsShown(t *testing.T) {
	for name, paper := range map[string]bool{"paper": true, "no paper": false} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, m *machine) {
				m.hall.set(func(h *hall) { h.bill.Part = false })
				m.toCash()
				m.insert(5000)
				if !paper {
					m.roll.Faults().Arm("paper_out", 1) // from its own table
				}
				m.touch("nav.home")
				m.until("the page asks", func() bool { v := m.view(); return v.Can("choice.rest.owed") })
				m.touch("nav.home")
				m.page("slip")
				m.end()
				if paper {
					m.came(receiptTitle, slipTitle)
				}
				m.journal.Book(func(b *casefile.Book) {
					for _, o := range b.Owed {
						if want := map[bool]string{true: "receipt", false: ""}[paper]; o.Slip != want {
							t.Errorf("the slip went out as %q, want %q", o.Slip, want)
						}
					}
				})
			})
		})
	}
}

// A stop order with nothing inside ends the visit and prints nothing.
func TestStopOrderWithNothingInside(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.end()
		m.came()
	})
}
