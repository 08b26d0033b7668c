package gateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// outcomes is what a payer can do.
var outcomes = []string{"success", "paying_then_success", "paying_then_cancel", "not_enough", "expired"}

// outcomeMax: no payer takes longer than this to make up his mind.
const outcomeMax = time.Hour

func (g *Gateway) desk(mux *http.ServeMux) {
	mux.HandleFunc("POST /desk/codes", g.deskCodes)
	mux.HandleFunc("POST /desk/scan", g.deskScan)
	mux.HandleFunc("GET /desk/orders", g.deskOrders)
	mux.HandleFunc("GET /desk/faults", g.deskFaults)
	mux.HandleFunc("PUT /desk/faults", g.deskArm)
	mux.HandleFunc("PUT /desk/refunds/{no}", g.deskMend)
	mux.HandleFunc("PUT /desk/orders/{no}/billed", g.deskMisbill)
}

// deskCodes makes a payment code appear on a phone.
func (g *Gateway) deskCodes(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Outcome string `json:"outcome"`
		AfterMS int64  `json:"after_ms"`
	}
	if !read(w, r, &q) || !checkOutcome(w, q.Outcome, q.AfterMS) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	c := &code{AuthCode: g.newAuthCode(), Outcome: q.Outcome, After: time.Duration(q.AfterMS) * time.Millisecond, Until: time.Now().Add(codeLife)}
	g.book.codes[c.AuthCode] = c
	g.save(w, line{Code: c}, map[string]string{"auth_code": c.AuthCode})
}

func checkOutcome(w http.ResponseWriter, outcome string, afterMS int64) bool {
	if !slices.Contains(outcomes, outcome) {
		refuse(w, http.StatusBadRequest, "unknown_outcome", fmt.Sprintf("outcome %q: one of %s", outcome, strings.Join(outcomes, " ")))
		return false
	}
	if afterMS < 0 || afterMS > outcomeMax.Milliseconds() {
		refuse(w, http.StatusBadRequest, "bad_time", fmt.Sprintf("after_ms %d: 0 to %d", afterMS, outcomeMax.Milliseconds()))
		return false
	}
	return true
}

// newAuthCode is 18 digits from 10 to 15, and never an ID number, which begins alike.
func (g *Gateway) newAuthCode() string {
	for {
		c := "1" + randomOf("012345", 1) + randomDigits(16)
		if g.book.codes[c] == nil && !couldBeID(c) {
			return c
		}
	}
}

// couldBeID says whether the last digit is what GB 11643 would have there (ISO 7064, MOD 11-2).
func couldBeID(c string) bool {
	sum, weight := 0, 1
	for i := len(c) - 1; i >= 0; i-- {
		sum += int(c[i]-'0') * weight
		weight = weight * 2 % 11
	}
	return sum%11 == 1
}

// deskScan lets a phone scan the terminal's screen.
func (g *Gateway) deskScan(w http.ResponseWriter, r *http.Request) {
	var q struct {
		CodeURL string `json:"code_url"`
		Outcome string `json:"outcome"`
		AfterMS int64  `json:"after_ms"`
	}
	if !read(w, r, &q) || !checkOutcome(w, q.Outcome, q.AfterMS) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	g.settleAll(now)
	var o *order
	for _, one := range g.book.orders {
		if one.CodeURL != "" && one.CodeURL == q.CodeURL {
			o = one
		}
	}
	switch {
	case o == nil:
		refuse(w, http.StatusNotFound, "unknown_code", fmt.Sprintf("code_url %q: no order has it", q.CodeURL))
		return
	case o.State != stateNotPay || o.Pending != nil:
		refuse(w, http.StatusConflict, "not_payable", fmt.Sprintf("order %s: %s, the phone says so to its owner", o.OutTradeNo, o.State))
		return
	}
	o.scanned(q.Outcome, now.Add(time.Duration(q.AfterMS)*time.Millisecond))
	o.settle(now)
	o.Log = append(o.Log, entry{Time: now, Call: "scan", Answer: q.Outcome})
	g.plan(o)
	g.save(w, line{Order: o}, map[string]string{"out_trade_no": o.OutTradeNo, "state": o.State})
}

// scanned plans what the owner of the phone does. Cancelled, out of money or too late, the order stays
// open for the next phone until it is closed or runs out.
func (o *order) scanned(outcome string, at time.Time) {
	switch outcome {
	case "success", "paying_then_success":
		o.Pending = &pending{at, stateSuccess}
	case "expired":
		o.State = stateClosed
	}
}

type deskOrder struct {
	OutTradeNo string         `json:"out_trade_no"`
	Case       string         `json:"case"`
	CodeURL    string         `json:"code_url"`
	AmountFen  int64          `json:"amount_fen"`
	State      string         `json:"state"`
	PaidFen    int64          `json:"paid_fen"`
	Calls      map[string]int `json:"calls"`
	Log        []entry        `json:"log"`
	Refunds    []deskRefund   `json:"refunds"`
}

type deskRefund struct {
	OutRefundNo string `json:"out_refund_no"`
	AmountFen   int64  `json:"amount_fen"`
	Status      string `json:"status"`
}

// deskOrders shows every order, the oldest first. "pay" counts the calls that place an order, of
// either way to pay; the log tells them apart.
func (g *Gateway) deskOrders(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settleAll(time.Now())
	list := []deskOrder{}
	for _, o := range g.sorted() {
		d := deskOrder{
			OutTradeNo: o.OutTradeNo, Case: o.Attach, CodeURL: o.CodeURL, AmountFen: o.AmountFen, State: o.State, PaidFen: o.PaidFen,
			Calls: map[string]int{
				"pay": o.Calls["pay"] + o.Calls["native"], "query": o.Calls["query"], "close": o.Calls["close"],
				"reverse": o.Calls["reverse"], "refund": o.Calls["refund"],
			},
			Log: o.Log, Refunds: []deskRefund{},
		}
		for _, r := range o.Refunds {
			d.Refunds = append(d.Refunds, deskRefund{r.OutRefundNo, r.AmountFen, r.Status})
		}
		list = append(list, d)
	}
	reply(w, http.StatusOK, list)
}

func (g *Gateway) sorted() []*order {
	var list []*order
	for _, o := range g.book.orders {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b *order) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.OutTradeNo, b.OutTradeNo)
	})
	return list
}

type deskFault struct {
	Shape string `json:"shape"`
	What  string `json:"what"`
	Armed int    `json:"armed"`
}

func (g *Gateway) deskFaults(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	reply(w, http.StatusOK, g.faultList())
}

func (g *Gateway) faultList() []deskFault {
	list := []deskFault{}
	for _, s := range shapes {
		list = append(list, deskFault{s.name, s.what, g.book.faults[s.name]})
	}
	return list
}

// deskArm arms a fault for the next so many calls that it fits; 0 disarms it.
func (g *Gateway) deskArm(w http.ResponseWriter, r *http.Request) {
	q := struct {
		Shape string `json:"shape"`
		Count int    `json:"count"`
	}{Count: 1}
	if !read(w, r, &q) {
		return
	}
	if !isShape(q.Shape) || q.Count < 0 {
		refuse(w, http.StatusBadRequest, "unknown_fault", fmt.Sprintf("shape %q, count %d: a shape of GET /desk/faults and a count from 0", q.Shape, q.Count))
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.book.faults[q.Shape] = q.Count
	if q.Count == 0 {
		delete(g.book.faults, q.Shape)
	}
	g.save(w, line{Faults: g.book.faults}, g.faultList())
}

// deskMend is the merchant's staff at the gateway's own pages: a refund whose money is stuck is sent another way.
func (g *Gateway) deskMend(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Status string `json:"status"`
	}
	if !read(w, r, &q) {
		return
	}
	if q.Status != "SUCCESS" {
		refuse(w, http.StatusBadRequest, "bad_request", fmt.Sprintf("status %q: a stuck refund can be brought to SUCCESS", q.Status))
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.book.orders {
		one := o.refundBy(r.PathValue("no"))
		switch {
		case one == nil:
			continue
		case one.Status != refundAbnormal:
			refuse(w, http.StatusConflict, "not_stuck", fmt.Sprintf("refund %s: %s, there is nothing to mend", one.OutRefundNo, one.Status))
			return
		}
		one.Status, one.Done = "SUCCESS", time.Now()
		g.save(w, line{Order: o}, deskRefund{one.OutRefundNo, one.AmountFen, one.Status})
		return
	}
	refuse(w, http.StatusNotFound, "unknown_refund", fmt.Sprintf("refund %s: there is none", r.PathValue("no")))
}

// deskMisbill falsifies what the day's bill tells of a payment; the order itself stays as it is.
func (g *Gateway) deskMisbill(w http.ResponseWriter, r *http.Request) {
	var q struct {
		AmountFen int64 `json:"amount_fen"`
	}
	if !read(w, r, &q) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.book.orders[r.PathValue("no")]
	switch {
	case o == nil:
		refuse(w, http.StatusNotFound, "unknown_order", fmt.Sprintf("order %s: there is none", r.PathValue("no")))
	case q.AmountFen < 0:
		refuse(w, http.StatusBadRequest, "bad_request", fmt.Sprintf("amount_fen %d: from 0", q.AmountFen))
	default:
		o.Misbilled = q.AmountFen - o.AmountFen
		g.save(w, line{Order: o}, map[string]any{"out_trade_no": o.OutTradeNo, "amount_fen": q.AmountFen})
	}
}

// save writes the state, then answers.
func (g *Gateway) save(w http.ResponseWriter, l line, answer any) {
	if g.closed {
		refuse(w, http.StatusServiceUnavailable, "closed", "the gateway is going down: ask again after its start")
		return
	}
	if err := g.book.write(l); err != nil {
		refuse(w, http.StatusInternalServerError, "disk", "state: "+err.Error())
		return
	}
	reply(w, http.StatusOK, answer)
}

// read decodes the body; an unknown field is refused.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyMax))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return true
		}
		err = fmt.Errorf("more than one document")
	}
	refuse(w, http.StatusBadRequest, "bad_request", r.Method+" "+r.URL.Path+": "+err.Error()+"; send one JSON object with the fields of the desk contract")
	return false
}

func refuse(w http.ResponseWriter, status int, kind, text string) {
	reply(w, status, map[string]any{"error": map[string]string{"kind": kind, "text": text}})
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
