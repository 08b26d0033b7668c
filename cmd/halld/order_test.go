package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect"

	"yichuang/cmd/devsim/gateway"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/sync/hall"
	"yichuang/sync/hallapi"
	"yichuang/sync/halltest"
)

// shop is a hall with a water company, a payment gateway and one terminal.
type shop struct {
	*halltest.Hall
	t       *testing.T
	gateway string
	account string
	term    *halltest.Terminal
}

func openShop(t *testing.T) *shop {
	t.Helper()
	dir := t.TempDir()
	if _, err := gateway.Setup(dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- gateway.Run(ctx, dir, "127.0.0.1:0", func(url string) { ready <- url }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s := &shop{t: t}
	select {
	case s.gateway = <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	s.Hall = halltest.Start(t, func(c *hall.Config) {
		c.Gateway = &hall.Gateway{URL: s.gateway, Merchant: filepath.Join(dir, "merchant.json")}
	})
	s.account = s.Biller.Open("王小英", halltest.Bill{Period: "2026-10", Due: 500})
	s.term = s.Enrol("T1")
	return s
}

// desk does something at the gateway's desk.
func (s *shop) desk(path string, in, out any) {
	s.t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.Post(s.gateway+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %s", path, raw, r.Status)
	}
	if out != nil {
		if err := json.NewDecoder(r.Body).Decode(out); err != nil {
			s.t.Fatal(err)
		}
	}
}

// begin opens a case and places an order whose code is shown.
func (s *shop) begin(caseID, no string) *hallapi.OrderResponse {
	s.t.Helper()
	s.term.Write(casefile.CaseOpened, caseID, casefile.Header{Visit: "v-" + caseID, Service: "pay.water"}, nil)
	s.term.Write(casefile.BillChosen, caseID, casefile.Header{Biller: "water", Due: 500, Part: true, Rule: "balance"},
		casefile.BillSecret{Account: s.account, Bills: []casefile.BillPart{{Period: "2026-10", Due: 500}}})
	s.term.Write(casefile.OrderBegun, caseID, casefile.Header{Attempt: no, Amount: 500, Mode: "show", Expires: time.Now().Add(5 * time.Minute)}, nil)
	s.term.Push()
	o, err := s.term.Client.PlaceOrder(s.t.Context(), &hallapi.PlaceOrderRequest{Case: caseID, OutTradeNo: no, AmountFen: 500, Mode: "show",
		ExpiresUnix: time.Now().Add(5 * time.Minute).Unix(), Description: "水费"})
	if err != nil || o.State != "placed" || o.CodeUrl == "" || o.Definite {
		s.t.Fatalf("PlaceOrder = %v, %v", o, err)
	}
	return o
}

// scan lets a phone pay what the screen shows, and waits until the hall knows.
func (s *shop) scan(o *hallapi.OrderResponse, no string) {
	s.t.Helper()
	s.desk("/desk/scan", map[string]any{"code_url": o.CodeUrl, "outcome": "success"}, nil)
	s.await(no, "paid")
}

// patience is how long the hall may take on a machine that is busy.
const patience = 30 * time.Second

func (s *shop) await(no, want string) *hallapi.OrderResponse {
	s.t.Helper()
	for began := time.Now(); time.Since(began) < patience; { // a state that is no more than paid is told at once
		o, err := s.term.Client.QueryOrder(s.t.Context(), &hallapi.QueryOrderRequest{OutTradeNo: no, WaitMs: 2000})
		if connect.CodeOf(err) == connect.CodeUnavailable { // a restored hall has not drawn yet what it was just handed
			<-time.After(20 * time.Millisecond)
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if o.State == want {
			return o
		}
	}
	s.t.Fatalf("order %s does not become %s", no, want)
	return nil
}

func (s *shop) settle(caseID, no string) {
	s.term.Write(casefile.OrderPaid, caseID, casefile.Header{Attempt: no, Amount: 500}, nil)
	s.term.Write(casefile.PaymentSettled, caseID, casefile.Header{Bill: money.Fen(500)}, nil)
	s.term.Push()
}

func (s *shop) state(caseID, want string) {
	s.t.Helper()
	var got *hallapi.PostingResponse
	for began := time.Now(); time.Since(began) < patience; {
		p, err := s.term.Client.Posting(s.t.Context(), &hallapi.PostingRequest{Case: caseID, WaitMs: 3000})
		if err != nil {
			s.t.Fatal(err)
		}
		if got = p; p.State == want {
			return
		}
	}
	s.t.Fatalf("case %s is %v, want %s", caseID, got, want)
}

// refunds counts what the gateway gave back of an order.
func (s *shop) refunds(no string) (fen int64) {
	s.t.Helper()
	r, err := http.Get(s.gateway + "/desk/orders")
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	var orders []struct {
		No      string `json:"out_trade_no"`
		Case    string `json:"case"`
		Refunds []struct {
			Amount int64 `json:"amount_fen"`
		} `json:"refunds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&orders); err != nil {
		s.t.Fatal(err)
	}
	for _, o := range orders {
		if o.No == no {
			for _, f := range o.Refunds {
				fen += f.Amount
			}
		}
	}
	return fen
}

func TestPaidByPhoneAndBooked(t *testing.T) {
	s := openShop(t)
	s.scan(s.begin("case-1", "order-1"), "order-1")
	s.settle("case-1", "order-1")
	s.state("case-1", "posted")
	l := s.Ledger()
	if p := l.Payments[0]; p.Paid != 500 || p.Posted != 500 || len(p.Orders) != 1 || p.Orders[0] != "order-1" {
		t.Errorf("ledger %+v", p)
	}
	if s.refunds("order-1") != 0 {
		t.Error("the gateway gave it back")
	}
	s.Audit()
}

func TestWhatTheBillerRefusesGoesBackToThePhone(t *testing.T) {
	s := openShop(t)
	s.scan(s.begin("case-1", "order-1"), "order-1")
	s.Biller.Close(s.account)
	s.settle("case-1", "order-1")
	s.state("case-1", "refunded")
	n := s.term.Await("refund", "case-1")
	if got := string(n.Json); got != `{"amount_fen":500,"case":"case-1","out_trade_no":"order-1","reason":"the account is closed"}` {
		t.Errorf("notice %s", got)
	}
	s.term.Write(casefile.BillRefunded, "case-1", casefile.Header{Amount: 500, Attempt: "order-1"}, nil)
	s.term.Push()
	s.state("case-1", "refunded")
	if got := s.refunds("order-1"); got != 500 {
		t.Errorf("the gateway gave back %d, want 500", got)
	}
	s.Audit()
}

func TestAPaymentThatNoJournalCountsOnGoesBack(t *testing.T) {
	s := openShop(t)
	s.scan(s.begin("case-1", "order-1"), "order-1")
	s.term.Write(casefile.OrderClosed, "case-1", casefile.Header{Attempt: "order-1", How: "closed"}, nil)
	s.term.Push()
	s.await("order-1", "refunded")
	s.state("case-1", "refunded")
	s.term.Await("refund", "case-1")
	if got := s.refunds("order-1"); got != 500 {
		t.Errorf("the gateway gave back %d, want 500", got)
	}
	// A record that counts on it all the same comes too late: nothing is booked.
	s.settle("case-1", "order-1")
	s.state("case-1", "refunded")
	if n := len(s.Biller.Postings()); n != 0 {
		t.Errorf("%d booked of what went back", n)
	}
	s.Audit()
}

func TestAnOrderIsClosedWithTheVisit(t *testing.T) {
	s := openShop(t)
	s.begin("case-1", "order-1")
	o, err := s.term.Client.CloseOrder(t.Context(), &hallapi.CloseOrderRequest{OutTradeNo: "order-1", WaitMs: 20000})
	if err != nil || o.State != "closed" || !o.Definite {
		t.Fatalf("CloseOrder = %v, %v", o, err)
	}
	s.term.Write(casefile.OrderClosed, "case-1", casefile.Header{Attempt: "order-1", How: "closed"}, nil)
	s.term.Write(casefile.VisitEnded, "", casefile.Header{Visit: "v-case-1", Reason: "cancelled"}, nil)
	s.term.Push()
	s.term.Await("order", "case-1")
	if n := len(s.Ledger().Payments); n != 0 {
		t.Errorf("%d payments of a closed order", n)
	}
	s.Audit()
}

func TestWithoutAGatewayThereAreNoOrders(t *testing.T) {
	h := halltest.Start(t, nil)
	term := h.Enrol("T1")
	if _, err := term.Client.PlaceOrder(t.Context(), &hallapi.PlaceOrderRequest{Case: "c", OutTradeNo: "order-1", AmountFen: 5, Mode: "show"}); err == nil {
		t.Error("an order was placed")
	}
	if o, err := term.Client.QueryOrder(t.Context(), &hallapi.QueryOrderRequest{OutTradeNo: "order-1"}); err != nil || o.State != "none" {
		t.Errorf("QueryOrder = %v, %v", o, err)
	}
	if o, err := term.Client.CloseOrder(t.Context(), &hallapi.CloseOrderRequest{OutTradeNo: "order-1"}); err != nil || o.State != "none" || !o.Definite {
		t.Errorf("CloseOrder = %v, %v", o, err)
	}
}

// What was paid by phone in a life that the hall has lost is found at the gateway: it counts where the journal counts on
// it, and goes back where nobody does.
func TestPaymentsOfALostLife(t *testing.T) {
	s := openShop(t)
	s.term.Push()
	backup := s.Backup()
	s.scan(s.begin("case-1", "order-1"), "order-1")
	s.settle("case-1", "order-1")
	s.state("case-1", "posted")
	s.scan(s.begin("case-2", "order-2"), "order-2")
	records := s.term.Records

	s.Restore(backup)
	// Before the hall has this terminal's records it says nothing of its orders: least of all that there is none.
	s.term.Records = nil
	ctx := t.Context()
	if o, err := s.term.Client.QueryOrder(ctx, &hallapi.QueryOrderRequest{OutTradeNo: "order-2"}); err == nil {
		t.Errorf("the hall says of an order that it may have lost: %v", o)
	}
	if o, err := s.term.Client.CloseOrder(ctx, &hallapi.CloseOrderRequest{OutTradeNo: "order-2"}); err == nil {
		t.Errorf("the hall closes an order that it may have lost: %v", o)
	}
	s.term.Records = records
	s.term.Push()
	s.await("order-2", "paid")
	s.term.Write(casefile.VisitEnded, "", casefile.Header{Visit: "v-case-2", Reason: "power"}, nil)
	s.term.Write(casefile.OrderClosed, "case-2", casefile.Header{Attempt: "order-2", How: "none"}, nil)
	s.term.Push()
	s.state("case-1", "posted")
	s.await("order-2", "refunded")
	if one, two := s.refunds("order-1"), s.refunds("order-2"); one != 0 || two != 500 {
		t.Errorf("the gateway gave back %d and %d, want 0 and 500", one, two)
	}
	if got := len(s.Biller.Postings()); got != 1 {
		t.Errorf("%d bookings, want 1", got)
	}
	s.Audit()
}
