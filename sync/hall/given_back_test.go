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

// A biller refused what a phone had paid, the hall gave it back, and forgets all of it: nothing is booked then, though the biller would take it now, and
// the terminal, which has not heard of it, is told.
func TestWhatWasGivenBackIsNotBooked(t *testing.T) {
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
	h := halltest.Start(t, func(c *hall.Config) {
		c.Gateway = &hall.Gateway{URL: server.URL, Merchant: filepath.Join(dir, "merchant.json")}
	})
	account := h.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 1000})
	one := h.Enrol("T1")
	one.Push()
	backup := h.Backup()
	h.Biller.Close(account)
	choose(one, "c1", account, 1000)
	const no = "YC1N01"
	one.Write(casefile.OrderBegun, "c1", casefile.Header{Attempt: no, Amount: 1000, Mode: "show"}, nil)
	o, err := one.Client.PlaceOrder(t.Context(), &hallapi.PlaceOrderRequest{Case: "c1", OutTradeNo: no, AmountFen: 1000, Mode: qr.Show, ExpiresUnix: time.Now().Add(time.Minute).Unix(), Description: "water"})
	if err != nil || o.CodeUrl == "" {
		t.Fatalf("the order: %v, %v", o, err)
	}
	scan, err := json.Marshal(map[string]any{"code_url": o.CodeUrl, "outcome": "success"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := http.Post(server.URL+"/desk/scan", "application/json", bytes.NewReader(scan)); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("the phone: %v, %v", r, err)
	}
	eventually(t, "it is paid", func() bool {
		o, err := one.Client.QueryOrder(t.Context(), &hallapi.QueryOrderRequest{OutTradeNo: no, WaitMs: 1000})
		return err == nil && o.State == qr.Paid
	})
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
