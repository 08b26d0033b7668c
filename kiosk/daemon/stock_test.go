package daemon

import (
	"errors"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// A count is refused while it would tell of a piece that another event will tell of: the journal would have it twice.
func TestStockIsCountedOnceAllElseIsTold(t *testing.T) {
	journal, err := store.Open(t.Context(), t.TempDir(), "T1")
	if err != nil {
		t.Fatal(err)
	}
	defer journal.Close()
	d := &Daemon{journal: journal}
	happens := func(kind casefile.Kind, h casefile.Header) {
		t.Helper()
		if err := journal.Append(t.Context(), store.Entry{Event: casefile.Event{Kind: kind, Case: "100000000001", Header: h}}); err != nil {
			t.Fatal(err)
		}
	}
	yuan := func(n int64) money.Counts { return money.Counts{{Face: 100, Currency: money.CNY, Count: n}} }
	refused := func(when, why string) {
		t.Helper()
		var no *ctl.Refused
		if _, err := d.CountStock(t.Context(), ctl.Count{Counted: "1.00x9"}); !errors.As(err, &no) || !strings.Contains(no.Text, why) {
			t.Errorf("%s: got %v, want a refusal that says %q", when, err, why)
		}
	}
	note := casefile.Header{Note: 1, Face: 500, Currency: money.CNY}
	happens(casefile.CaseOpened, casefile.Header{Service: "pay.water"})
	happens(casefile.StockLoaded, casefile.Header{Pieces: yuan(9)})
	happens(casefile.NoteEscrowed, note)
	happens(casefile.NoteStacking, note)
	refused("a note moves", "a note is on its way")
	happens(casefile.NoteStacked, note)
	happens(casefile.PaymentSettled, casefile.Header{Owes: 500, Owed: "O1", Claim: "c"})
	happens(casefile.PayoutBegun, casefile.Header{Payout: "Y1", Owed: "O1", Amount: 500, Pieces: yuan(5)})
	refused("a payout goes on", "a payout has not ended")
	happens(casefile.PayoutDoubtful, casefile.Header{Payout: "Y1", Amount: 300, Pieces: yuan(3), Unsure: yuan(2), Owed: "O2", Claim: "c"})
	refused("a payout is in doubt", "[{1.00 CNY 2}] it is in doubt")
	happens(casefile.PayoutSettled, casefile.Header{Payout: "Y1", As: "kept"})
	if got, err := d.CountStock(t.Context(), ctl.Count{Counted: "1.00x6"}); err != nil || len(got.Difference) != 0 {
		t.Errorf("all is told: got %+v, %v, want no difference", got, err)
	}
}
