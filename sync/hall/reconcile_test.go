package hall_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// reconcile asks for the hall's side of a day, by case.
func reconcile(t *testing.T, term *halltest.Terminal, day string, cases ...string) (map[string]*hallapi.CaseSide, *hallapi.ReconcileResponse) {
	t.Helper()
	r, err := term.Client.Reconcile(t.Context(), &hallapi.ReconcileRequest{Day: day, Cases: cases})
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]*hallapi.CaseSide{}
	for _, c := range r.Cases {
		m[c.Case] = c
	}
	return m, r
}

func sideIs(t *testing.T, got *hallapi.CaseSide, stacked, placed, owed, open, booked, biller int64) {
	t.Helper()
	if got == nil || got.StackedFen != stacked || got.PlacedFen != placed || got.OwedFen != owed || got.OpenFen != open || got.BookedFen != booked || got.BillerFen != biller || !got.Asked {
		t.Errorf("got %v, want %d stacked, %d placed, %d owed, %d open, %d booked, %d at the biller", got, stacked, placed, owed, open, booked, biller)
	}
}

func TestTheHallsSideOfADay(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	closed := h.Biller.Open("王大英", halltest.Bill{Period: "2026-10", Due: 500})
	term, other := h.Enrol("T1"), h.Enrol("T2")
	pay(term, "c1", account, 500, 1000, 500, 200, 300)
	pay(term, "c2", account, 500, 500, 500, 0, 0)
	pay(other, "c3", account, 500, 500, 500, 0, 0)
	term.Push()
	other.Push()
	for _, caseID := range []string{"c1", "c2"} {
		posting(t, term, caseID, "posted")
	}
	posting(t, other, "c3", "posted")
	h.Biller.Close(closed)
	pay(term, "c4", closed, 500, 500, 500, 0, 0)
	term.Push()
	posting(t, term, "c4", "refused")
	zone := time.FixedZone("CST", 8*60*60)
	today, tomorrow := time.Now().In(zone).Format(time.DateOnly), time.Now().In(zone).AddDate(0, 0, 1).Format(time.DateOnly)

	got, all := reconcile(t, term, today)
	if len(got) != 3 || len(all.Missing) != 0 || len(all.Orders) != 0 {
		t.Errorf("today: got %v", all)
	}
	sideIs(t, got["c1"], 1000, 700, 300, 300, 700, 700)
	sideIs(t, got["c2"], 500, 500, 0, 0, 500, 500)
	sideIs(t, got["c4"], 500, 500, 0, 0, 0, 0)

	h.Biller.Falsify("c2", 499)
	if c := claim(t, term, "CODEc1"); !c.Paid {
		t.Fatalf("Claim = %v", c)
	}
	term.Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 300, Reason: "counter", Who: "clerk"}, nil)
	term.Push()
	got, _ = reconcile(t, term, tomorrow, "c1", "c2", "c3", "c9")
	if len(got) != 2 {
		t.Errorf("named: got %v, want the two of this terminal", got)
	}
	sideIs(t, got["c1"], 1000, 700, 300, 0, 700, 700)
	sideIs(t, got["c2"], 500, 500, 0, 0, 500, 499)

	if got, _ := reconcile(t, term, tomorrow); len(got) != 0 {
		t.Errorf("tomorrow: got %v, want nothing", got)
	}
	_, err := term.Client.Reconcile(t.Context(), &hallapi.ReconcileRequest{Day: "today"})
	refused(t, "no day", err, connect.CodeInvalidArgument)
	h.Audit()
}
