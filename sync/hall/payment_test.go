package hall_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// pay plays a payment with one note into the journal, as far as its settlement.
func pay(term *halltest.Terminal, caseID, account string, due, note, bill, extra, owed int64) {
	choose(term, caseID, account, due)
	if note > 0 {
		term.Write(casefile.NoteStacked, caseID, casefile.Header{Note: int64(len(term.Records)), Face: fen(note), Currency: "CNY", Box: "b1"}, nil)
	}
	h := casefile.Header{Bill: fen(bill), Surplus: fen(extra), Owes: fen(owed)}
	if owed > 0 {
		h.Owed, h.Claim = "o-"+caseID, casefile.ClaimHash("o-"+caseID, "CODE"+caseID)
	}
	term.Write(casefile.PaymentSettled, caseID, h, nil)
}

func choose(term *halltest.Terminal, caseID, account string, due int64) {
	term.Write(casefile.CaseOpened, caseID, casefile.Header{Visit: "v-" + caseID, Service: "pay.water", Catalog: 1, Language: "zh"}, nil)
	term.Write(casefile.BillChosen, caseID, casefile.Header{Biller: "water", Due: fen(due), Part: true, Rule: "balance"},
		casefile.BillSecret{Account: account, Name: "王*英", Bills: []casefile.BillPart{{Period: "2026-10", Due: due}}})
}

func TestABillIsLookedUpPaidAndBooked(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345}, halltest.Bill{Period: "2026-09", Due: 50, Paid: 50})
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
	if p := posting(t, term, "c1", "posted"); p.PostedFen != 20000 {
		t.Errorf("Posting = %v, want 20000", p)
	}
	got := h.Biller.Postings()
	if len(got) != 1 || got[0].Reference != "c1" || got[0].Case != "c1" || got[0].Amount != 20000 || got[0].Periods[0] != "2026-10" {
		t.Errorf("the company booked %v", got)
	}
	if n := string(term.Await("posting", "c1").Json); n != `{"amount_fen":20000,"case":"c1","reason":"","state":"posted"}` {
		t.Errorf("notice %s", n)
	}
	row := h.Ledger().Payments[0]
	if row.Paid != 20000 || row.Posted != 20000 || row.State != "posted" || row.Account != account || row.Biller != "water" || row.Owed != 0 {
		t.Errorf("ledger %+v", row)
	}
	h.Audit()
}

func TestLookUpsThatFail(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 12345})
	term := h.Enrol("T1")
	status := func(req *hallapi.BillRequest) string {
		b, err := term.Client.Bill(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if b.Status != "ok" && (b.MaskedName != "" || len(b.Bills) > 0) {
			t.Errorf("%v tells something: %v", req, b)
		}
		return b.Status
	}
	wrong := account[:9] + string('0'+(account[9]-'0'+1)%10)
	for _, c := range []struct {
		req  *hallapi.BillRequest
		want string
	}{
		{&hallapi.BillRequest{Service: "pay.water", Account: "1000000990"}, "unknown_account"},
		{&hallapi.BillRequest{Service: "pay.water", Account: wrong}, "unknown_account"},
		{&hallapi.BillRequest{Service: "pay.water"}, "unknown_account"},
		{&hallapi.BillRequest{Service: "pay.water", BillCode: "YCB:gas:" + account}, "bad_code"},
		{&hallapi.BillRequest{Service: "pay.water", BillCode: "YCB:water:" + wrong}, "bad_code"},
		{&hallapi.BillRequest{Service: "pay.water", BillCode: account}, "bad_code"},
		{&hallapi.BillRequest{Service: "pay.gas", Account: account}, "closed"},
		{&hallapi.BillRequest{Service: "license.individual", Account: account}, "closed"},
	} {
		if got := status(c.req); got != c.want {
			t.Errorf("%v: %s, want %s", c.req, got, c.want)
		}
	}
	h.Biller.Before(func(*http.Request) bool { return true })
	if got := status(&hallapi.BillRequest{Service: "pay.water", Account: account}); got != "silent" {
		t.Errorf("a line that breaks: %s, want silent", got)
	}
	h.Biller.Before(nil)
	other := h.Biller.Open("李小四")
	h.Biller.Swap(account, other)
	if got := status(&hallapi.BillRequest{Service: "pay.water", Account: account}); got != "garbled" {
		t.Errorf("another account's answer: %s, want garbled", got)
	}
}

func TestNoBillerNoBill(t *testing.T) {
	h := halltest.Start(t, func(c *hall.Config) { c.Billers = nil })
	term := h.Enrol("T1")
	if b, err := term.Client.Bill(t.Context(), &hallapi.BillRequest{Service: "pay.water", Account: "1000000016"}); err != nil || b.Status != "closed" {
		t.Errorf("Bill = %v, %v, want closed", b, err)
	}
}

func TestPartAndOwedAndNothing(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 1000})
	term := h.Enrol("T1")
	pay(term, "part", account, 1000, 500, 500, 0, 0)
	pay(term, "owed", account, 1000, 2000, 0, 0, 2000)
	pay(term, "both", account, 1000, 2000, 1000, 0, 1000)
	pay(term, "none", account, 1000, 0, 0, 0, 0)
	choose(term, "open", account, 1000)
	term.Write(casefile.NoteStacked, "open", casefile.Header{Note: 99, Face: 500, Currency: "CNY"}, nil)
	term.Push()
	posting(t, term, "part", "part")
	posting(t, term, "owed", "owed")
	posting(t, term, "both", "posted")
	p, err := term.Client.Posting(t.Context(), &hallapi.PostingRequest{Case: "open"})
	if err != nil || p.State != "taken" {
		t.Errorf("money in and not placed: %v, %v, want taken", p, err)
	}
	for _, id := range []string{"none", "never"} {
		if p, err := term.Client.Posting(t.Context(), &hallapi.PostingRequest{Case: id}); err != nil || p.State != "unknown" {
			t.Errorf("%s: %v, %v, want unknown", id, p, err)
		}
	}
	l := h.Ledger()
	if len(l.Payments) != 4 || len(l.Owed) != 2 || len(h.Biller.Postings()) != 2 {
		t.Errorf("ledger %+v, company %v", l, h.Biller.Postings())
	}
	h.Audit()
}

func TestARefusedPaymentBecomesOwed(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	h.Biller.Close(account)
	pay(term, "c1", account, 500, 500, 500, 0, 0)
	term.Push()
	if p := posting(t, term, "c1", "refused"); p.Reason != "the account is closed" || p.PostedFen != 0 {
		t.Errorf("Posting = %v", p)
	}
	if n := string(term.Await("posting", "c1").Json); n != `{"amount_fen":500,"case":"c1","reason":"the account is closed","state":"refused"}` {
		t.Errorf("notice %s", n)
	}
	term.Write(casefile.BillRefused, "c1", casefile.Header{Amount: 500, Owed: "o1", Claim: casefile.ClaimHash("o1", "XYZ"), Reason: "closed"}, nil)
	term.Push()
	posting(t, term, "c1", "owed")
	c, err := term.Client.Claim(t.Context(), &hallapi.ClaimRequest{Code: "xyz", Reason: "counter", Who: "clerk"})
	if err != nil || !c.Paid || c.AmountFen != 500 || c.Owed != "o1" || c.Case != "c1" {
		t.Errorf("Claim = %v, %v", c, err)
	}
	h.Audit()
}

func TestAnAnswerLostIsAskedForAndNotBookedTwice(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	var once sync.Once
	h.Biller.After(func(r *http.Request) {
		if r.Method == http.MethodPost {
			once.Do(func() { panic(http.ErrAbortHandler) }) // booked, and the line breaks
		}
	})
	pay(term, "c1", account, 500, 500, 500, 0, 0)
	term.Push()
	posting(t, term, "c1", "posted")
	if h.Biller.Calls(http.MethodPost) != 1 || len(h.Biller.Postings()) != 1 {
		t.Errorf("%d bookings were asked for, %v", h.Biller.Calls(http.MethodPost), h.Biller.Postings())
	}
	h.Audit()
}

func TestABillerInTroubleIsAskedAgain(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	var mu sync.Mutex
	left := 2
	h.Biller.Before(func(*http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		left--
		return left >= 0
	})
	pay(term, "c1", account, 500, 500, 500, 0, 0)
	term.Push()
	posting(t, term, "c1", "posted")
	if n := len(h.Biller.Postings()); n != 1 {
		t.Errorf("%d booked, want 1", n)
	}
	h.Audit()
}

func TestThePowerGoesBetweenTheBillersAnswerAndOurs(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	booked, cut := make(chan struct{}), make(chan struct{})
	h.Biller.After(func(r *http.Request) {
		if r.Method == http.MethodPost {
			close(booked)
			<-cut // the hall has no power when the answer comes
		}
	})
	pay(term, "c1", account, 500, 500, 500, 0, 0)
	term.Push()
	<-booked
	h.Biller.After(nil)
	go func() { close(cut) }()
	h.Cut()
	h.Up()
	posting(t, term, "c1", "posted")
	if got := h.Biller.Postings(); len(got) != 1 || h.Biller.Calls(http.MethodPost) != 1 {
		t.Errorf("the company booked %v in %d calls", got, h.Biller.Calls(http.MethodPost))
	}
	h.Audit()
}

func TestEveryRecordHasItsConsequencesOnce(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	for _, id := range []string{"c1", "c2", "c3"} {
		pay(term, id, account, 500, 1000, 500, 300, 200)
	}
	for range 3 { // handed over again and again, and the hall restarted in between
		term.Cursor = 0
		term.Push()
		h.Down()
		h.Up()
	}
	for _, id := range []string{"c1", "c2", "c3"} {
		posting(t, term, id, "posted")
	}
	l := h.Ledger()
	if len(l.Payments) != 3 || len(l.Owed) != 3 || len(h.Biller.Postings()) != 3 {
		t.Errorf("%d payments, %d owed, %d booked, want 3 each", len(l.Payments), len(l.Owed), len(h.Biller.Postings()))
	}
	for _, p := range l.Payments {
		if p.Paid != 1000 || p.Posted != 800 || p.Owed != 200 {
			t.Errorf("%+v", p)
		}
	}
	if row := l.Terminals[0]; row.Cursor != 12 || row.Records != 12 || row.Gaps != 0 || row.Chain != "ok" || row.Processed != 12 || row.Epoch != term.Epoch {
		t.Errorf("terminal %+v", row)
	}
	h.Audit()
}

func TestADoubtfulNoteIsOwedOnceItIsFound(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	for id, as := range map[string]string{"c1": "stacked", "c2": "returned"} {
		choose(term, id, account, 500)
		note := int64(len(term.Records))
		term.Write(casefile.NoteDoubtful, id, casefile.Header{Note: note, Face: 1000, Currency: "CNY", Owed: "o" + id, Claim: casefile.ClaimHash("o"+id, "AB"+id)}, nil)
		term.Push()
		if c, err := term.Client.Claim(t.Context(), &hallapi.ClaimRequest{Code: "AB" + id}); err != nil || c.Paid || c.Refused != "unknown" {
			t.Errorf("claimed in doubt: %v, %v", c, err)
		}
		term.Write(casefile.NoteSettled, id, casefile.Header{Note: note, Face: 1000, Currency: "CNY", As: as, Reason: "counted", Who: "technician"}, nil)
		term.Push()
		c, err := term.Client.Claim(t.Context(), &hallapi.ClaimRequest{Code: "AB" + id})
		if err != nil || c.Paid != (as == "stacked") {
			t.Errorf("%s: %v, %v", as, c, err)
		}
	}
	for _, o := range h.Ledger().Owed {
		if want := map[string]string{"oc1": "paid", "oc2": "void"}[o.ID]; o.State != want {
			t.Errorf("%+v, want %s", o, want)
		}
	}
	h.Audit()
}

func TestRecordsThatCannotBeHaveNoConsequences(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	pay(term, "c1", account, 500, 500, 500, 0, 0)
	odd := 0
	write := func(kind casefile.Kind, caseID string, h casefile.Header) {
		odd++
		term.Write(kind, caseID, h, nil)
	}
	write(casefile.PaymentSettled, "c1", casefile.Header{Bill: 500})
	write(casefile.PaymentSettled, "c2", casefile.Header{Bill: -5})
	write(casefile.NoteStacked, "c3", casefile.Header{Face: 500, Currency: "USD"})
	write(casefile.NoteStacked, "c3", casefile.Header{Face: 0, Currency: "CNY"})
	write(casefile.NoteSettled, "c1", casefile.Header{Note: 9, As: "stacked"})
	write(casefile.NoteSettled, "c1", casefile.Header{Note: 9, As: "eaten"})
	write(casefile.BillRefused, "c9", casefile.Header{Amount: 5, Owed: "x"})
	write(casefile.BillRefunded, "c9", casefile.Header{Amount: 5})
	write(casefile.OwedPaid, "c1", casefile.Header{Owed: "none", Amount: 5})
	write(casefile.OwedRecoded, "c1", casefile.Header{Owed: "none", Claim: "x"})
	write(casefile.LicensePrinted, "c1", casefile.Header{Permit: "none", Serial: "A1"})
	write(casefile.LicenseSettled, "c1", casefile.Header{Permit: "none", As: "printed"})
	write(casefile.LicenseSettled, "c1", casefile.Header{Permit: "none", As: "eaten"})
	write(casefile.OrderClosed, "c1", casefile.Header{Attempt: "none"})
	write(casefile.OrderRefunded, "c1", casefile.Header{Attempt: "none"})
	write(casefile.CaseOpened, "c1", casefile.Header{Service: "pay.water"})
	write(casefile.CaseOpened, "", casefile.Header{Service: "pay.water"})
	write(casefile.BillChosen, "c1", casefile.Header{Biller: "water"})
	term.Push()
	posting(t, term, "c1", "posted")
	l := h.Ledger()
	if len(l.Payments) != 1 || len(l.Owed) != 0 || len(h.Biller.Postings()) != 1 {
		t.Errorf("ledger %+v", l)
	}
	a, err := h.Hall().Audit(t.Context())
	if err != nil || a.Violations != odd {
		raw, _ := json.Marshal(a)
		t.Errorf("audit %s, %v, want %d oddities and nothing else", raw, err, odd)
	}
}

// A row that stays due whatever is written to it, on a damaged disk, does not become a flood at the company.
func TestARowThatStaysDueIsAskedAboutInItsTime(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	meddle(t, h, `CREATE TRIGGER damaged BEFORE UPDATE ON postings BEGIN SELECT RAISE(IGNORE); END`)
	asked := make(chan bool, 1000)
	h.Biller.After(func(*http.Request) { asked <- true })
	pay(term, "c1", account, 500, 500, 500, 0, 0)
	term.Push()
	<-asked
	began := time.Now()
	for range 3 {
		<-asked
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("the company was asked four times within %v, want twice a second", took)
	}
}
