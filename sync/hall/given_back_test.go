package hall_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"yichuang/cmd/devsim/gateway"
	"yichuang/kiosk/casefile"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
	"yichuang/sync/qr"
)

// till is a hall that takes payments by phone, with its gateway.
type till struct {
	*halltest.Hall
	t   *testing.T
	url string
}

func openTill(t *testing.T) *till {
	t.Helper()
	dir := t.TempDir()
	if _, err := gateway.Setup(dir); err != nil {
		t.Fatal(err)
	}
	g, err := gateway.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(g.Handler())
	t.Cleanup(func() { server.Close(); g.Close() })
	return &till{halltest.Start(t, func(c *hall.Config) {
		c.Gateway = &hall.Gateway{URL: server.URL, Merchant: filepath.Join(dir, "merchant.json")}
	}), t, server.URL}
}

// pays places an order of 1000 fen for a case, lets a phone pay it, and waits until the hall knows.
func (s *till) pays(term *halltest.Terminal, caseID, no string) {
	s.t.Helper()
	term.Write(casefile.OrderBegun, caseID, casefile.Header{Attempt: no, Amount: 1000, Mode: "show"}, nil)
	o, err := term.Client.PlaceOrder(s.t.Context(), &hallapi.PlaceOrderRequest{Case: caseID, OutTradeNo: no, AmountFen: 1000, Mode: qr.Show, ExpiresUnix: time.Now().Add(time.Minute).Unix(), Description: "water"})
	if err != nil || o.CodeUrl == "" {
		s.t.Fatalf("the order: %v, %v", o, err)
	}
	s.desk("/desk/scan", map[string]any{"code_url": o.CodeUrl, "outcome": "success"})
	s.order(term, no, qr.Paid)
}

// desk does something at the gateway's desk.
func (s *till) desk(path string, in any) {
	s.t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.Post(s.url+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := r.Body.Close(); err != nil || r.StatusCode >= 300 {
		s.t.Fatalf("%s: %s, %v", path, r.Status, err)
	}
}

// order waits until an order stands so. It may never stand otherwise and be definite.
func (s *till) order(term *halltest.Terminal, no, want string) {
	s.t.Helper()
	eventually(s.t, no+" is "+want, func() bool {
		o, err := term.Client.CloseOrder(s.t.Context(), &hallapi.CloseOrderRequest{OutTradeNo: no, WaitMs: 1000})
		if err == nil && o.Definite && o.State != want {
			s.t.Fatalf("order %s is %s, want %s", no, o.State, want)
		}
		return err == nil && o.Definite
	})
}

// A biller refused what a phone had paid, the hall gave it back, and forgets all of it: nothing is booked then, though the biller would take it now, and
// the terminal, which has not heard of it, is told.
func TestWhatWasGivenBackIsNotBooked(t *testing.T) {
	s := openTill(t)
	h := s.Hall
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 1000})
	one := h.Enrol("T1")
	one.Push()
	backup := h.Backup()
	h.Biller.Close(account)
	choose(one, "c1", account, 1000)
	const no = "YC1N01"
	s.pays(one, "c1", no)
	one.Write(casefile.OrderPaid, "c1", casefile.Header{Attempt: no, Amount: 1000}, nil)
	one.Write(casefile.PaymentSettled, "c1", casefile.Header{Bill: 1000}, nil)
	one.Push()
	if p, err := one.Client.Posting(t.Context(), &hallapi.PostingRequest{Case: "c1", WaitMs: hallapi.WaitMax}); err != nil || p.State != "refunded" { // who waits is not told "refused" while the money is on its way back
		t.Fatalf("the payment: %v, %v", p, err)
	}
	one.Await("refund", "c1")
	h.Biller.Reopen(account)
	h.Restore(backup)
	one.Push()
	one.Await("refund", "c1")
	if got := h.Biller.Postings(); len(got) != 0 {
		t.Errorf("booked all the same: %v", got)
	}
	one.Write(casefile.BillRefunded, "c1", casefile.Header{Amount: 1000, Attempt: no, Reason: "refunded"}, nil)
	one.Push()
	posting(t, one, "c1", "refunded")
	h.Audit()
}

// A phone pays, the terminal's power goes, and the hall makes its backup. Two hours later the hall gives back what no journal counts on, forgets that, and the
// terminal comes back: with a journal that counts on the payment, since the hall had said so, or with none, and asks how the order stands.
func TestWhatTheBackupHasAsPaidIsAskedAbout(t *testing.T) {
	s := openTill(t)
	h := s.Hall
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 3000})
	one, two := h.Enrol("T1"), h.Enrol("T2")
	for caseID, no := range map[string]string{"c1": "YC1N01", "c2": "YC2N01", "c3": "YC3N01"} {
		choose(one, caseID, account, 1000)
		one.Push()
		s.pays(one, caseID, no)
	}
	one.Push()
	two.Push()
	settle := func(caseID, no string) {
		one.Write(casefile.OrderPaid, caseID, casefile.Header{Attempt: no, Amount: 1000}, nil)
		one.Write(casefile.PaymentSettled, caseID, casefile.Header{Bill: 1000}, nil)
	}
	settle("c3", "YC3N01")
	one.Push()
	posting(t, one, "c3", "posted")
	backup := h.Backup()
	meddle(t, h, `UPDATE qr_order SET placed_at = 1`) // two hours and more
	eventually(t, "c1 and c2 went back", func() bool { return look(t, h, `SELECT count(*) FROM attempts WHERE refund = 'done'`) == "2" })

	settle("c2", "YC2N01")
	h.Restore(backup)
	two.Push()
	s.order(one, "YC1N01", qr.Refunded)
	one.Write(casefile.OrderClosed, "c1", casefile.Header{Attempt: "YC1N01", How: "refunded"}, nil)
	one.Push()
	posting(t, one, "c2", "refunded")
	one.Await("refund", "c2")
	one.Write(casefile.BillRefunded, "c2", casefile.Header{Amount: 1000, Attempt: "YC2N01", Reason: "refunded"}, nil)
	one.Push()
	posting(t, one, "c3", "posted")
	s.order(one, "YC3N01", qr.Paid)
	if got := h.Biller.Postings(); len(got) != 1 {
		t.Errorf("booked %v, want c3 alone", got)
	}
	claim(t, one, "wait until it is drawn")
	h.Audit()
}
