package hall_test

import (
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// pay plays a payment with one note into the journal, as far as its settlement.
func pay(term *halltest.Terminal, caseID, account string, due, note, bill, extra, owed int64) {
	term.Write(casefile.CaseOpened, caseID, casefile.Header{Visit: "v-" + caseID, Service: "pay.water", Catalog: 1, Language: "zh"}, nil)
	term.Write(casefile.BillChosen, caseID, casefile.Header{Biller: "water", Due: fen(due), Part: true, Rule: "balance"},
		casefile.BillSecret{Account: account, Name: "王*英", Bills: []casefile.BillPart{{Period: "2026-10", Due: due}}})
	if note > 0 {
		term.Write(casefile.NoteStacked, caseID, casefile.Header{Note: int64(len(term.Records)), Face: fen(note), Currency: "CNY", Box: "b1"}, nil)
	}
	h := casefile.Header{Bill: fen(bill), Surplus: fen(extra), Owes: fen(owed)}
	if owed > 0 {
		h.Owed, h.Claim = "o-"+caseID, casefile.ClaimHash("o-"+caseID, "ABCD-1234")
	}
	term.Write(casefile.PaymentSettled, caseID, h, nil)
}

func TestABillIsLookedUpPaidAndBooked(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
	term := h.Enrol("T1")
	for _, req := range []*hallapi.BillRequest{{Service: "pay.water", Account: account}, {Service: "pay.water", BillCode: "YCB:water:" + account}} {
		b, err := term.Client.Bill(t.Context(), req)
		if err != nil || b.Status != "ok" {
			t.Fatalf("Bill(%v) = %v, %v", req, b, err)
		}
		if b.MaskedName != "王*英" || b.Account != account || len(b.Bills) != 1 || b.Bills[0].DueFen != 12345 || b.Biller != "water" || !b.Part || b.Surplus != "balance" {
			t.Errorf("Bill(%v) = %v", req, b)
		}
		if b.MaskedAddress != "北京市东****" {
			t.Errorf("address is told as %q", b.MaskedAddress)
		}
	}
	pay(term, "c1", account, 12345, 20000, 12345, 7655, 0)
	term.Push()
	p, err := term.Client.Posting(t.Context(), &hallapi.PostingRequest{Case: "c1", WaitMs: 20000})
	if err != nil || p.State != "posted" || p.PostedFen != 20000 {
		t.Fatalf("Posting = %v, %v, want posted over 20000", p, err)
	}
	got := h.Biller.Postings()
	if len(got) != 1 || got[0].Reference != "c1" || got[0].Case != "c1" || got[0].Amount != 20000 || got[0].Periods[0] != "2026-10" {
		t.Errorf("the company booked %v", got)
	}
	term.Await("posting", "c1")
	h.Audit()
}
