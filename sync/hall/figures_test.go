package hall_test

import (
	"math"
	"strconv"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/sync/halltest"
)

// A terminal's certificate is good, its records chain, and the figures in them are such as no terminal has: each is kept and listed, and what the others
// hand in is drawn as ever.
func TestFiguresThatNoTerminalHasHoldNobodyUp(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 1000})
	liar, other := h.Enrol("T1"), h.Enrol("T2")
	pay(liar, "c1", account, 1000, 1500, 500, 0, 1000)
	liar.Write(casefile.PayoutBegun, "c1", casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 300, Pieces: yuan(3)}, nil)
	liar.Push()
	posting(t, liar, "c1", "part")
	const most = math.MaxInt64
	odd := 0
	write := func(kind casefile.Kind, caseID string, hd casefile.Header) {
		liar.Write(kind, caseID, hd, nil)
		odd++
	}
	write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Unsure: money.Counts{{Face: most, Currency: money.CNY, Count: 2}}, Owed: "oY1", Claim: "x"})
	write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Amount: most, Unsure: yuan(1), Owed: "oY1", Claim: "x"})
	for range 2 {
		write(casefile.NoteStacked, "c2", casefile.Header{Note: 1, Face: most, Currency: money.CNY, Box: "b1"})
		write(casefile.NoteDoubtful, "c2", casefile.Header{Note: 1, Face: most, Currency: money.CNY, Owed: "o-c2"})
	}
	write(casefile.PaymentSettled, "c3", casefile.Header{Bill: most, Surplus: most})
	write(casefile.BillRefused, "c1", casefile.Header{Amount: most, Owed: "o2"})
	write(casefile.DayClosed, "", casefile.Header{Closing: 1, Amount: most, Total: most})
	write(casefile.DayClosed, "", casefile.Header{Closing: 2, Amount: 100, Total: 100})
	liar.Push()
	claim(t, liar, "wait until it is drawn")
	pay(other, "c9", account, 1000, 500, 500, 0, 0)
	other.Push()
	posting(t, other, "c9", "part")
	if got := look(t, h, `SELECT count(*) FROM problems WHERE terminal = 'T1'`); got != strconv.Itoa(odd) {
		t.Errorf("%s records are listed, want %d", got, odd)
	}
	if got := look(t, h, `SELECT count(*) FROM records WHERE terminal = 'T1'`); got != strconv.Itoa(len(liar.Records)) {
		t.Errorf("%s records are here, want all %d", got, len(liar.Records))
	}
	if got := look(t, h, `SELECT count(*) FROM quarantine`); got != "0" {
		t.Errorf("%s are in quarantine", got)
	}
}
