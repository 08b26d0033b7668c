package hall_test

import (
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/sync/halltest"
)

func yuan(n int64) money.Counts { return money.Counts{}.Plus(100, money.CNY, n) }

// What a machine pays out divides the debt: the debts of the case always add up to what became owed.
func TestPayouts(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	pay(term, "c1", account, 500, 1500, 500, 0, 1000)
	write := func(kind casefile.Kind, hd casefile.Header) { term.Write(kind, "c1", hd, nil) }
	owed := func(when string, want map[string]string) {
		t.Helper()
		term.Push()
		posting(t, term, "c1", "posted")
		claim(t, term, "wait until it is drawn")
		got := map[string]string{}
		for _, o := range h.Ledger().Owed {
			got[o.ID] = money.Fen(o.Amount).String() + " " + o.State + " " + o.PaidBy
		}
		for id, w := range want {
			if got[id] != w {
				t.Errorf("%s: %s is %q, want %q", when, id, got[id], w)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: got %v, want %v", when, got, want)
		}
		h.Audit()
	}
	write(casefile.PayoutBegun, casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 300, Pieces: yuan(3)})
	owed("it has begun", map[string]string{"o-c1": "10.00 open "})
	write(casefile.PayoutEnded, casefile.Header{Payout: "Y1", Amount: 200, Pieces: yuan(2), Fault: "jammed"})
	owed("it stopped short", map[string]string{"o-c1": "8.00 open ", "Y1": "2.00 paid T1"})
	write(casefile.PayoutBegun, casefile.Header{Payout: "Y2", Owed: "o-c1", Amount: 800, Pieces: yuan(8)})
	write(casefile.PayoutDoubtful, casefile.Header{Payout: "Y2", Amount: 100, Pieces: yuan(1), Unsure: yuan(3), Owed: "oY2", Claim: casefile.ClaimHash("oY2", "DOUBT")})
	owed("unclear", map[string]string{"o-c1": "4.00 open ", "Y1": "2.00 paid T1", "Y2": "1.00 paid T1", "oY2": "3.00 doubtful "})
	if c := claim(t, term, "doubt"); c.Paid {
		t.Error("paid by the code of what is doubtful")
	}
	write(casefile.PayoutSettled, casefile.Header{Payout: "Y2", As: "kept", Reason: "counted", Who: "technician"})
	write(casefile.PayoutBegun, casefile.Header{Payout: "Y3", Owed: "o-c1", Amount: 400, Pieces: yuan(4)})
	write(casefile.PayoutDoubtful, casefile.Header{Payout: "Y3", Unsure: yuan(4), Owed: "oY3", Claim: "x"})
	owed("kept inside, and unclear again", map[string]string{"o-c1": "0.00 void ", "Y1": "2.00 paid T1", "Y2": "1.00 paid T1", "oY2": "3.00 open ", "oY3": "4.00 doubtful "})
	write(casefile.PayoutSettled, casefile.Header{Payout: "Y3", As: "paid", Reason: "seen", Who: "technician"})
	owed("it had come out", map[string]string{"o-c1": "0.00 void ", "Y1": "2.00 paid T1", "Y2": "1.00 paid T1", "oY2": "3.00 open ", "oY3": "4.00 paid T1"})
	if c := claim(t, term, "doubt"); !c.Paid || c.AmountFen != 300 {
		t.Errorf("the code of what was kept: %v", c)
	}
	h.Audit()
}

func TestCoinsAtTheHall(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	term.Write(casefile.CaseOpened, "c1", casefile.Header{Service: "pay.water"}, nil)
	term.Write(casefile.CoinTaken, "c1", casefile.Header{Face: 50, Currency: "CNY"}, nil)
	term.Write(casefile.PaymentSettled, "c1", casefile.Header{Owes: 50, Owed: "o1", Claim: "x"}, nil)
	term.Write(casefile.CoinsReset, "c1", casefile.Header{Asked: "reset", Owed: "o2"}, nil)
	term.Write(casefile.CoinFound, "c1", casefile.Header{Face: 100, Currency: "CNY", Owed: "o2", Claim: casefile.ClaimHash("o2", "COIN"), Who: "technician"}, nil)
	term.Push()
	if c := claim(t, term, "coin"); !c.Paid || c.AmountFen != 100 {
		t.Errorf("the code of a coin that was found: %v", c)
	}
	// A case of which nothing else came in: nobody waits for more of it.
	term.Write(casefile.CaseOpened, "c2", casefile.Header{Service: "pay.water"}, nil)
	term.Write(casefile.CoinsReset, "c2", casefile.Header{Asked: "reset", Owed: "o3"}, nil)
	term.Write(casefile.CoinFound, "c2", casefile.Header{Face: 50, Currency: "CNY", Owed: "o3", Claim: casefile.ClaimHash("o3", "FOUND"), Who: "technician"}, nil)
	term.Push()
	posting(t, term, "c2", "owed")
	p := h.Ledger().Payments
	if len(p) != 2 || p[0].State != "owed" || p[1].State != "owed" {
		t.Errorf("payments %+v, want two of which all is owed", p)
	}
	h.Audit()
}

func TestPayoutsThatCannotBe(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	pay(term, "c1", account, 500, 1500, 500, 0, 1000)
	odd := 0
	write := func(kind casefile.Kind, caseID string, hd casefile.Header) { odd++; term.Write(kind, caseID, hd, nil) }
	begun := casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 500, Pieces: yuan(5)}
	write(casefile.PayoutBegun, "c1", casefile.Header{Payout: "Y1", Owed: "none", Amount: 500})
	write(casefile.PayoutBegun, "c2", begun)
	write(casefile.PayoutBegun, "c1", casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 1001})
	write(casefile.PayoutBegun, "c1", casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 0})
	write(casefile.PayoutEnded, "c1", casefile.Header{Payout: "Y1", Amount: 500, Pieces: yuan(5)})
	term.Write(casefile.PayoutBegun, "c1", begun, nil)
	write(casefile.PayoutBegun, "c1", begun)
	write(casefile.PayoutEnded, "c1", casefile.Header{Payout: "Y1", Amount: 501})
	write(casefile.PayoutEnded, "c2", casefile.Header{Payout: "Y1", Amount: 500})
	write(casefile.PayoutEnded, "c1", casefile.Header{Payout: "Y1", Amount: -100})
	write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Unsure: yuan(6), Owed: "x"})
	write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Owed: "x"})
	write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Unsure: yuan(1)})
	write(casefile.PayoutSettled, "c1", casefile.Header{Payout: "Y1", As: "paid"})
	term.Write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Unsure: yuan(1), Owed: "x"}, nil)
	write(casefile.PayoutSettled, "c1", casefile.Header{Payout: "Y1", As: "eaten"})
	write(casefile.PayoutEnded, "c1", casefile.Header{Payout: "Y1", Amount: 100})
	term.Push()
	posting(t, term, "c1", "posted")
	claim(t, term, "wait until it is drawn")
	if a, err := h.Hall().Audit(t.Context()); err != nil || a.Violations != odd {
		t.Errorf("audit %+v, %v, want %d oddities and nothing else", a, err, odd)
	}
}

// A person at the hall can say what became of pieces in doubt, as of a note: the console offers it until the terminal is told.
func TestPiecesInDoubtAreSettledAtTheHall(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	pay(term, "c1", account, 500, 1500, 500, 0, 1000)
	term.Write(casefile.PayoutBegun, "c1", casefile.Header{Payout: "Y1", Owed: "o-c1", Amount: 300, Pieces: yuan(3)}, nil)
	term.Write(casefile.PayoutDoubtful, "c1", casefile.Header{Payout: "Y1", Amount: 100, Pieces: yuan(1), Unsure: yuan(2), Owed: "oY1", Claim: "x"}, nil)
	term.Push()
	claim(t, term, "wait until it is drawn")
	const form = `name="owed" value="oY1"`
	_, before := get(t, h.Console+"/payments")
	shows(t, "in doubt", before, form, "2.00", "kept")
	after := paymentsForm(t, h, "/owed/find", "owed", "oY1", "as", "kept", "reason", "they lie in the exit")
	if shows(t, "found", after, "kept: they lie in the exit"); strings.Contains(after, form) {
		t.Error("it is asked once more")
	}
	if n := string(term.Await("settle", "c1").Json); n != `{"as":"kept","owed":"oY1","reason":"they lie in the exit"}` {
		t.Errorf("told %s", n)
	}
}
