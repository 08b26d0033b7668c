package hall_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// TestASlipIsPaidAtAnotherTerminal: it says so in a record of its own, after which nobody is paid again, not even there; the
// terminal whose debt it was hears where it was paid, and its word about that is no second payment.
func TestASlipIsPaidAtAnotherTerminal(t *testing.T) {
	h, terms := owing(t, "T1", "T2")
	if c := claim(t, terms[1], "CODEc1"); !c.Paid || c.AmountFen != 700 {
		t.Fatalf("Claim = %v", c)
	}
	if c := claim(t, terms[1], "CODEc1"); !c.Paid {
		t.Errorf("the answer was lost, asked again: %v", c)
	}
	var told struct {
		Owed, Where, Reason string
		Amount              int64 `json:"amount_fen"`
	}
	if err := json.Unmarshal(terms[0].Await("claim", "c1").Json, &told); err != nil || told.Owed != "o-c1" || told.Where != "T2" || told.Amount != 700 || told.Reason != "counter" {
		t.Errorf("told %+v, %v", told, err)
	}
	terms[1].Write(casefile.OwedRedeemed, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Reason: "counter", Who: "technician"}, nil)
	terms[1].Push()
	terms[0].Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Where: "T2", Who: "hall"}, nil)
	terms[0].Push()
	for _, term := range terms {
		if c := claim(t, term, "CODEc1"); c.Paid || c.Refused != "paid" || c.Where != "T2" || c.When == "" {
			t.Errorf("a copy of the slip at %s: %v, want paid at T2", term.ID, c)
		}
	}
	h.Audit()
	if o := h.Ledger().Owed[0]; o.State != "paid" || o.PaidBy != "T2" || o.PaidAt == "" || o.Since == "" {
		t.Errorf("ledger %+v", o)
	}
}

// TestPaymentsThatCannotBe are each listed for a person, and change nothing.
func TestPaymentsThatCannotBe(t *testing.T) {
	h, terms := owing(t, "T1", "T2")
	terms[1].Write(casefile.OwedRedeemed, "c1", casefile.Header{Owed: "o-c1", Amount: 700}, nil)               // nobody asked
	terms[1].Write(casefile.OwedRedeemed, "c1", casefile.Header{Owed: "o-none", Amount: 700}, nil)             // no such debt
	terms[0].Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-c1", Amount: 700, Where: "T2"}, nil)      // not paid there
	terms[0].Write(casefile.OwedPaid, "c1", casefile.Header{Owed: "o-nothing", Amount: 700, Where: "T2"}, nil) // no such debt
	for _, term := range terms {
		term.Push()
	}
	for _, term := range terms {
		claim(t, term, "wait until it is drawn")
	}
	if o := h.Ledger().Owed[0]; o.State != "open" || o.PaidBy != "" {
		t.Errorf("ledger %+v, want it open", o)
	}
	a, err := h.Hall().Audit(t.Context())
	if err != nil || a.Violations != 4 {
		t.Errorf("audit %+v, %v, want the records that cannot be", a, err)
	}
}

// paymentsForm posts a form of the page of payments and gives the page that comes back.
func paymentsForm(t *testing.T, h *halltest.Hall, path string, fields ...string) string {
	t.Helper()
	_, page := get(t, h.Console+"/payments")
	token := tokenField.FindStringSubmatch(page)
	if token == nil {
		t.Fatalf("no token in the form:\n%s", page)
	}
	values := url.Values{"token": {token[1]}}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	r, err := http.PostForm(h.Console+path, values)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	raw, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", path, r.StatusCode, err)
	}
	return string(raw)
}

func shows(t *testing.T, what, page string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("%s: the page does not show %q:\n%s", what, want, page)
		}
	}
}

// TestASlipIsPaidAtTheHall: with a reason, once; a copy is told when and where.
func TestASlipIsPaidAtTheHall(t *testing.T) {
	h, terms := owing(t, "T1")
	shows(t, "no reason", paymentsForm(t, h, "/owed/pay", "code", "CODEc1", "reason", " "), "a reason is needed")
	shows(t, "no such code", paymentsForm(t, h, "/owed/pay", "code", "NONE", "reason", "counter 3"), "there is no such code")
	if o := h.Ledger().Owed[0]; o.State != "open" {
		t.Fatalf("paid all the same: %+v", o)
	}
	shows(t, "paid", paymentsForm(t, h, "/owed/pay", "code", "code-c1", "reason", "counter 3"), "7.00", "the hall")
	shows(t, "a copy", paymentsForm(t, h, "/owed/pay", "code", "CODEc1", "reason", "counter 3"), "this code was paid on 20", "at the hall; it is good only once")
	if c := claim(t, terms[0], "CODEc1"); c.Paid || c.Where != casefile.AtHall {
		t.Errorf("a copy at the terminal: %v", c)
	}
	if n := string(terms[0].Await("claim", "c1").Json); !strings.Contains(n, `"where":"@hall"`) || !strings.Contains(n, `"reason":"counter 3"`) {
		t.Errorf("told %s", n)
	}
	terms[0].Write(casefile.OwedRecoded, "c1", casefile.Header{Owed: "o-c1", Claim: "x"}, nil) // too late
	terms[0].Push()
	if r, err := http.PostForm(h.Console+"/owed/pay", url.Values{"code": {"CODEc1"}, "reason": {"x"}}); err != nil || r.StatusCode != http.StatusForbidden {
		t.Errorf("a form from elsewhere: %v, %v", r, err)
	}
}

// TestADoubtIsSettledAtTheHall: the terminal is told once, and its record ends it.
func TestADoubtIsSettledAtTheHall(t *testing.T) {
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	term := h.Enrol("T1")
	choose(term, "c1", account, 500)
	doubt := casefile.Header{Note: 4, Face: 10000, Currency: "CNY", Asked: "reset", Owed: "o-d", Claim: casefile.ClaimHash("o-d", "DOUBT1")}
	term.Write(casefile.NoteDoubtful, "c1", doubt, nil)
	term.Push()
	claim(t, term, "wait until it is drawn")
	shows(t, "no reason", paymentsForm(t, h, "/owed/find", "owed", "o-d", "as", "stacked", "reason", ""), "a reason is needed")
	shows(t, "another word", paymentsForm(t, h, "/owed/find", "owed", "o-d", "as", "kept", "reason", "x"), "a note is settled as stacked or returned")
	shows(t, "another number", paymentsForm(t, h, "/owed/find", "owed", "o-x", "as", "stacked", "reason", "x"), "nothing of this number is doubtful")
	shows(t, "found", paymentsForm(t, h, "/owed/find", "owed", "o-d", "as", "stacked", "reason", "counted the box"), "stacked: counted the box")
	shows(t, "again", paymentsForm(t, h, "/owed/find", "owed", "o-d", "as", "returned", "reason", "x"), "T1 was told before")
	if n := string(term.Await("settle", "c1").Json); n != `{"as":"stacked","owed":"o-d","reason":"counted the box"}` {
		t.Errorf("told %s", n)
	}
	term.Write(casefile.NoteSettled, "c1", casefile.Header{Note: 4, Face: 10000, Currency: "CNY", As: "stacked", Reason: "counted the box", Who: "hall"}, nil)
	term.Push()
	if c := claim(t, term, "DOUBT1"); !c.Paid || c.AmountFen != 10000 {
		t.Errorf("what was found is owed: %v", c)
	}
	shows(t, "settled", paymentsForm(t, h, "/owed/find", "owed", "o-d", "as", "stacked", "reason", "x"), "nothing of this number is doubtful")
	h.Audit()
}

// unseen is a hall with two terminals. Of the first nobody saw a note, ON, and a coin, OC.
func unseen(t *testing.T) (*halltest.Hall, []*halltest.Terminal) {
	t.Helper()
	h := halltest.Start(t, nil)
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	terms := []*halltest.Terminal{h.Enrol("T1"), h.Enrol("T2")}
	choose(terms[0], "c1", account, 500)
	terms[0].Write(casefile.AcceptorReset, "", casefile.Header{Asked: "nobody paid"}, nil)
	terms[0].Write(casefile.AcceptorReset, "c1", casefile.Header{Asked: "memory lost", Owed: "ON"}, nil)
	terms[0].Write(casefile.CoinsReset, "c1", casefile.Header{Asked: "memory lost", Owed: "OC"}, nil)
	terms[0].Push()
	claim(t, terms[0], "wait until it is drawn")
	return h, terms
}

// TestWhatNobodySawIsSettledAtTheHall: with its face, or as nothing; the terminal is told once, and its record ends it.
func TestWhatNobodySawIsSettledAtTheHall(t *testing.T) {
	h, terms := unseen(t)
	_, page := get(t, h.Console+"/payments")
	shows(t, "the forms", page, `<option value="20.00">`, `<option value="0.50">`)
	for _, tt := range []struct{ owed, as, face, why string }{
		{"ON", "stacked", "", "nobody saw it"}, {"ON", "stacked", "0.50", "nobody saw it"}, {"OC", "stacked", "20.00", "nobody saw it"}, {"ON", "paid", "", "nobody saw it"}, {"ON", "stacked", "x", "x"},
	} {
		shows(t, tt.owed+" as "+tt.as+" of "+tt.face, paymentsForm(t, h, "/owed/find", "owed", tt.owed, "as", tt.as, "face", tt.face, "reason", "box"), tt.why)
	}
	shows(t, "found", paymentsForm(t, h, "/owed/find", "owed", "ON", "as", "stacked", "face", "20.00", "reason", "counted the box"), "stacked, 20.00: counted the box")
	shows(t, "again", paymentsForm(t, h, "/owed/find", "owed", "ON", "as", "returned", "face", "20.00", "reason", "x"), "T1 was told before")
	shows(t, "not there", paymentsForm(t, h, "/owed/find", "owed", "OC", "as", "returned", "face", "0.50", "reason", "counted the box"), "returned: counted the box")
	if n := string(terms[0].Await("settle", "c1").Json); n != `{"as":"stacked","face_fen":2000,"owed":"ON","reason":"counted the box"}` {
		t.Errorf("told %s", n)
	}
	note := casefile.Header{Note: 1, Face: 2000, Currency: "CNY"}
	terms[0].Write(casefile.NoteEscrowed, "c1", note, nil)
	doubtful, settled := note, note
	doubtful.Owed, doubtful.Claim = "ON", casefile.ClaimHash("ON", "DOUBT1")
	settled.As, settled.Reason, settled.Who = "stacked", "counted the box", "hall"
	terms[0].Write(casefile.NoteDoubtful, "c1", doubtful, nil)
	terms[0].Write(casefile.NoteSettled, "c1", settled, nil)
	terms[0].Write(casefile.AcceptorSettled, "c1", casefile.Header{Owed: "OC", As: "returned", Who: "hall"}, nil)
	terms[0].Push()
	if c := claim(t, terms[1], "DOUBT1"); !c.Paid || c.AmountFen != 2000 {
		t.Errorf("what was found is owed: %v", c)
	}
	for _, owed := range []string{"ON", "OC"} {
		shows(t, "settled", paymentsForm(t, h, "/owed/find", "owed", owed, "as", "returned", "reason", "x"), "nothing of this number is doubtful")
	}
	h.Audit()
}

// TestTheTerminalsOwnWordAboutWhatNobodySaw ends it too, and a hall that never heard of it takes it.
func TestTheTerminalsOwnWordAboutWhatNobodySaw(t *testing.T) {
	h, terms := unseen(t)
	terms[0].Write(casefile.AcceptorSettled, "c1", casefile.Header{Owed: "ON", As: "returned", Reason: "box", Who: "technician"}, nil)
	terms[0].Write(casefile.AcceptorSettled, "c1", casefile.Header{Owed: "O9", As: "returned", Reason: "box", Who: "technician"}, nil)
	terms[0].Write(casefile.CoinFound, "c1", casefile.Header{Owed: "OC", Face: 50, Currency: "CNY", Claim: casefile.ClaimHash("OC", "COIN1"), Who: "technician"}, nil)
	terms[0].Push()
	if c := claim(t, terms[0], "COIN1"); !c.Paid || c.AmountFen != 50 {
		t.Errorf("a coin that was found is owed: %v", c)
	}
	for _, owed := range []string{"ON", "OC"} {
		shows(t, "settled", paymentsForm(t, h, "/owed/find", "owed", owed, "as", "returned", "reason", "x"), "nothing of this number is doubtful")
	}
	h.Audit()
	terms[0].Write(casefile.AcceptorSettled, "c1", casefile.Header{Owed: "ON", As: "stacked"}, nil) // cannot be
	terms[0].Push()
	claim(t, terms[0], "wait until it is drawn")
	if a, err := h.Hall().Audit(t.Context()); err != nil || a.Violations != 1 {
		t.Errorf("audit %+v, %v, want the record that cannot be", a, err)
	}
}

// TestADoubtIsSettledAtAnotherTerminal: once in the whole fleet. The same word again is one whose answer was lost.
func TestADoubtIsSettledAtAnotherTerminal(t *testing.T) {
	h, terms := unseen(t)
	find := func(term *halltest.Terminal, req *hallapi.FindRequest) *hallapi.FindResponse {
		t.Helper()
		r, err := term.Client.Find(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for why, req := range map[string]*hallapi.FindRequest{
		"a reason is needed": {Owed: "ON", As: "returned"}, "nothing of this number": {Owed: "O9", As: "returned", Reason: "box"},
		"nobody saw it": {Owed: "ON", As: "stacked", FaceFen: 2001, Reason: "box"},
	} {
		if r := find(terms[1], req); !strings.Contains(r.Refused, why) || r.Terminal != "" {
			t.Errorf("%v: %v, want %q", req, r, why)
		}
	}
	req := &hallapi.FindRequest{Owed: "ON", As: "stacked", FaceFen: 2000, Reason: "box"}
	for range 2 {
		if r := find(terms[1], req); r.Refused != "" || r.Terminal != "T1" || r.Case != "c1" || r.AmountFen != 2000 {
			t.Errorf("found: %v", r)
		}
	}
	if r := find(terms[0], req); !strings.Contains(r.Refused, "told before") {
		t.Errorf("the same word from elsewhere: %v", r)
	}
	if r := find(terms[1], &hallapi.FindRequest{Owed: "ON", As: "returned", Reason: "box"}); !strings.Contains(r.Refused, "told before") {
		t.Errorf("another word: %v", r)
	}
	terms[0].Await("settle", "c1")
	all, err := terms[0].Client.Pull(t.Context(), &hallapi.PullRequest{})
	if err != nil {
		t.Fatal(err)
	}
	told := slices.DeleteFunc(all.Notices, func(n *hallapi.Notice) bool { return n.Kind != "settle" })
	if len(told) != 1 {
		t.Errorf("T1 was told %v", told)
	}
	shows(t, "at the hall too", paymentsForm(t, h, "/owed/find", "owed", "ON", "as", "returned", "reason", "x"), "T1 was told before")
}

// TestAgedSlipsAreListed: nobody has brought it for more than thirty days.
func TestAgedSlipsAreListed(t *testing.T) {
	h, terms := owing(t, "T1")
	_, page := get(t, h.Console+"/payments")
	_, home := get(t, h.Console+"/")
	if strings.Contains(page, "aged") || !strings.Contains(home, "more than 30 days: 0") {
		t.Error("a slip of today is aged")
	}
	meddle(t, h, `UPDATE owed SET since = '2020-01-02T03:04:05.000Z'`)
	_, page = get(t, h.Console+"/payments")
	_, home = get(t, h.Console+"/")
	shows(t, "aged", page, "aged", "2020-01-02 11:04:05")
	shows(t, "home", home, "more than 30 days: 1")
	if c, err := terms[0].Client.Claim(t.Context(), &hallapi.ClaimRequest{Code: "CODEc1", Reason: "r", Who: "w"}); err != nil || !c.Paid {
		t.Errorf("an aged slip is paid too: %v, %v", c, err)
	}
	_, home = get(t, h.Console+"/")
	shows(t, "paid", home, "more than 30 days: 0")
}
