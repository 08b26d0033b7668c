package visit

import (
	"testing"

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
				m.hall.set(func(h *hall) { h.bill.Part = row.part })
				m.toCash()
				m.insert(5000)
				m.stopVisits()
				m.end()
				m.came(row.papers...)
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
		m.stopVisits()
		m.end()
		m.came(receiptTitle, slipTitle)
	})
}

// A stop order with nothing inside ends the visit and prints nothing.
func TestStopOrderWithNothingInside(t *testing.T) {
	bubble(t, func(t *testing.T, m *machine) {
		m.toCash()
		m.stopVisits()
		m.end()
		m.came()
	})
}
