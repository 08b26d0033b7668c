package hall_test

import (
	"sync"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// owing is a hall with one debt of 700 fen, code CODEc1, made at the first of its terminals.
func owing(t *testing.T, terminals ...string) (*halltest.Hall, []*halltest.Terminal) {
	t.Helper()
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	var out []*halltest.Terminal
	for _, id := range terminals {
		out = append(out, h.Enrol(id))
	}
	pay(out[0], "c1", account, 500, 700, 0, 0, 700)
	out[0].Push()
	posting(t, out[0], "c1", "owed")
	return h, out
}

func claim(t *testing.T, term *halltest.Terminal, code string) *hallapi.ClaimResponse {
	t.Helper()
	c, err := term.Client.Claim(t.Context(), &hallapi.ClaimRequest{Code: code, Reason: "counter", Who: "clerk"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACodeIsRedeemedOnceInTheWholeFleet(t *testing.T) {
	h, terms := owing(t, "T1", "T2", "T3", "T4")
	if c := claim(t, terms[0], "WRONG"); c.Paid || c.Refused != "unknown" {
		t.Errorf("a code that never was: %v", c)
	}
	var wg sync.WaitGroup
	answers := make([]*hallapi.ClaimResponse, len(terms))
	for i, term := range terms {
		wg.Go(func() { answers[i] = claim(t, term, "code-c1") })
	}
	wg.Wait()
	paid := -1
	for i, a := range answers {
		switch {
		case a.Paid && paid >= 0:
			t.Errorf("paid by %s and %s", terms[paid].ID, terms[i].ID)
		case a.Paid:
			paid = i
			if a.AmountFen != 700 || a.Owed != "o-c1" || a.Case != "c1" {
				t.Errorf("Claim = %v", a)
			}
		case a.Refused != "paid":
			t.Errorf("%s: %v, want refused as paid", terms[i].ID, a)
		}
	}
	if paid < 0 {
		t.Fatal("nobody was paid")
	}
	winner := terms[paid]
	if again := claim(t, winner, "CODE C1"); !again.Paid || again.AmountFen != 700 {
		t.Errorf("the answer was lost, asked again: %v", again)
	}
	winner.Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Reason: "counter", Who: "clerk"}, nil)
	winner.Push()
	for _, term := range terms {
		if c := claim(t, term, "CODEc1"); c.Paid || c.Refused != "paid" {
			t.Errorf("after it was paid out, %s: %v", term.ID, c)
		}
	}
	if o := h.Ledger().Owed[0]; o.State != "paid" || o.PaidBy != winner.ID || o.Amount != 700 {
		t.Errorf("ledger %+v", o)
	}
	h.Audit()
}

func TestAnotherSlipKillsTheFormer(t *testing.T) {
	h, terms := owing(t, "T1", "T2")
	terms[0].Write(casefile.OwedRecoded, "c1", casefile.Header{Owed: "o-c1", Claim: casefile.ClaimHash("o-c1", "NEW1")}, nil)
	terms[0].Push()
	if c := claim(t, terms[0], "CODEc1"); c.Paid || c.Refused != "superseded" {
		t.Errorf("the former code: %v, want superseded", c)
	}
	if c := claim(t, terms[1], "new-1"); !c.Paid || c.AmountFen != 700 {
		t.Errorf("the new code: %v", c)
	}
	h.Audit()
}

// The terminal had printed another slip when the former one was paid at another place, and the hall hears of it afterwards, as it does
// after it was restored: it is paid, the new slip too, and nothing about it is odd.
func TestASlipThatIsHeardOfAfterThePayment(t *testing.T) {
	h, terms := owing(t, "T1", "T2")
	if c := claim(t, terms[1], "CODEc1"); !c.Paid {
		t.Fatalf("the former code: %v", c)
	}
	terms[1].Write(casefile.OwedRedeemed, "c1", casefile.Header{Owed: "o-c1", Amount: 700}, nil)
	terms[1].Push()
	terms[0].Write(casefile.OwedRecoded, "c1", casefile.Header{Owed: "o-c1", Claim: casefile.ClaimHash("o-c1", "NEW1")}, nil)
	terms[0].Push()
	if c := claim(t, terms[0], "NEW1"); c.Paid || c.Refused != "paid" || c.Where != "T2" {
		t.Errorf("the new code: %v, want paid at T2", c)
	}
	if c := claim(t, terms[0], "CODEc1"); c.Paid || c.Refused == "" {
		t.Errorf("the former code again: %v", c)
	}
	if o := h.Ledger().Owed[0]; o.State != "paid" || o.PaidBy != "T2" {
		t.Errorf("ledger %+v", o)
	}
	h.Audit()
}

func TestPaidOutByTwoIsFound(t *testing.T) {
	h, terms := owing(t, "T1", "T2")
	claim(t, terms[1], "CODEc1")
	for _, term := range terms {
		term.Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 700}, nil)
		term.Push()
		claim(t, term, "wait until it is drawn")
	}
	a, err := h.Hall().Audit(t.Context())
	if err != nil || a.Violations != 1 {
		t.Errorf("audit %+v, %v, want the second payment found", a, err)
	}
	if o := h.Ledger().Owed[0]; o.PaidBy != "T2" {
		t.Errorf("paid by %s, want T2", o.PaidBy)
	}
}

func TestPaidOutWithoutTheHall(t *testing.T) {
	h, terms := owing(t, "T1")
	terms[0].Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Who: "clerk"}, nil)
	terms[0].Push()
	if c := claim(t, terms[0], "CODEc1"); c.Refused != "paid" {
		t.Errorf("Claim = %v, want paid", c)
	}
	h.Audit()
}

// A slip is brought to another terminal while the hall has taken in what its own terminal says of it, and has not come to that yet.
func TestASlipIsKnownAsSoonAsItsTerminalHasHandedItIn(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
	one, two := h.Enrol("T1"), h.Enrol("T2")
	for range 60 { // so many at once that drawing gives way to taking in
		one.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
	}
	pay(one, "c1", account, 12345, 700, 0, 0, 700)
	one.Push()
	if c := claim(t, two, "CODEc1"); !c.Paid || c.AmountFen != 700 {
		t.Errorf("got %v, want it paid", c)
	}
	if c := claim(t, two, "CODEc2"); c.Refused != "unknown" {
		t.Errorf("a code that nobody gave: %v", c)
	}
}

// A terminal pays a slip out and writes that down, and its disk turns out to be an older one before the hall has heard of it: with its new journal it is no longer the one
// whose answer may have been lost.
func TestAnotherJournalIsNotToldAgain(t *testing.T) {
	for _, at := range []int{0, 1} {
		h, terms := owing(t, "T1", "T2")
		payer, kind := terms[at], []casefile.Kind{casefile.OwedPaid, casefile.OwedRedeemed}[at]
		payer.Write(casefile.CaseRated, "", casefile.Header{Stars: 5}, nil)
		payer.Push()
		for range 2 {
			if c := claim(t, payer, "CODEc1"); !c.Paid {
				t.Fatalf("%s: %v, want it paid, and told again", payer.ID, c)
			}
		}
		known := len(payer.Records)
		payer.Write(kind, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Reason: "counter", Who: "technician"}, nil)
		payer.Branch("e2-"+payer.ID, known)
		payer.Push()
		if c := claim(t, payer, "CODEc1"); c.Paid || c.Refused != "paid" || c.Where != payer.ID {
			t.Errorf("%s, whose journal is another one: %v, want refused as paid there", payer.ID, c)
		}
		// A person has looked, and writes down what the lost disk knew.
		payer.Write(kind, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Reason: "counter", Who: "technician"}, nil)
		payer.Push()
		claim(t, payer, "wait until it is drawn")
		h.Audit()
	}
}
