package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Gateway is one simulated gateway with one merchant.
type Gateway struct {
	// Client sends notifications to the merchant. It may be replaced before the first call.
	Client *http.Client

	merchant Merchant
	platform platform
	keys     keys

	mu     sync.Mutex
	book   *book
	timers map[string]*time.Timer // per order: what will happen to it by itself
	closed bool
	bills  map[string][]byte // made and not downloaded, by token
}

// Open reads the gateway's folder, making keys and state on the first start. Close it before another
// Open of the same folder.
func Open(dir string) (*Gateway, error) {
	m, p, err := setup(dir)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	k, err := parseKeys(p)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	b, err := openBook(dir)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g := &Gateway{Client: notifyClient(), merchant: m, platform: p, keys: k, book: b, timers: map[string]*time.Timer{}, bills: map[string][]byte{}}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range b.orders {
		g.plan(o)
	}
	return g, nil
}

// Close stops what would happen by itself. Nothing is lost: it happens after the next Open.
func (g *Gateway) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, t := range g.timers {
		t.Stop()
	}
	return g.book.file.Close()
}

// Handler serves the merchant's routes and the desk's.
func (g *Gateway) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/pay/transactions/native", g.api("native", g.native))
	mux.HandleFunc("POST /v3/pay/transactions/codepay", g.api("pay", g.codepay))
	mux.HandleFunc("GET /v3/pay/transactions/out-trade-no/{no}", g.api("query", g.query))
	mux.HandleFunc("GET /v3/pay/transactions/id/{id}", g.api("query", g.query))
	mux.HandleFunc("POST /v3/pay/transactions/out-trade-no/{no}/close", g.api("close", g.closeOrder))
	mux.HandleFunc("POST /v3/pay/transactions/out-trade-no/{no}/reverse", g.api("reverse", g.reverse))
	mux.HandleFunc("POST /v3/refund/domestic/refunds", g.api("refund", g.refund))
	mux.HandleFunc("GET /v3/refund/domestic/refunds/{no}", g.api("refund_query", g.refundQuery))
	mux.HandleFunc("GET /v3/bill/tradebill", g.api("bill", g.tradeBill))
	mux.HandleFunc("GET /v3/billdownload/file", g.download)
	mux.HandleFunc("GET /v3/certificates", g.api("certificates", g.certificates))
	mux.HandleFunc("/v3/", g.api("unknown", func(*http.Request, []byte, time.Time) answer {
		return failure(http.StatusNotFound, "RESOURCE_NOT_EXISTS", "no such interface", nil)
	}))
	g.desk(mux)
	return mux
}

// answer is what a call is told.
type answer struct {
	status int
	body   any    // nil: nothing, as with 204
	text   string // for the log: a state or an error's code
	order  *order // the order it was about, when there is one
}

// paid says whether the answer tells the merchant that the money is there.
func (a answer) paid() bool {
	return a.status == http.StatusOK && a.text == stateSuccess && a.order != nil
}

func failure(status int, code, message string, o *order) answer {
	return answer{status, map[string]string{"code": code, "message": message}, code, o}
}

// api wraps one merchant call: signature, faults, log, state on disk, signed answer. The work is done
// under the lock and written before the answer leaves; holding back or losing the answer happens after.
func (g *Gateway) api(call string, work func(*http.Request, []byte, time.Time) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyMax))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		a, shape, err := g.do(call, work, r, body)
		if err != nil {
			// Without a written state no answer may leave: a dead gateway is honest, a forgetful one is not.
			panic(http.ErrAbortHandler)
		}
		g.emit(w, r, a, shape)
	}
}

func (g *Gateway) do(call string, work func(*http.Request, []byte, time.Time) answer, r *http.Request, body []byte) (answer, string, error) {
	now := time.Now()
	signature := g.check(r, body)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return answer{}, "", errors.New("gateway: closed")
	}
	if signature != nil {
		return failure(http.StatusUnauthorized, "SIGN_ERROR", signature.Error(), nil), "", nil
	}
	g.settleAll(now)
	a, shape := g.refusedByFault(call, r, body, now)
	if shape == "" {
		a = work(r, body, now)
		shape = g.faultAfter(call, a)
	}
	return a, shape, g.record(call, a, shape, now)
}

// record writes down the call with the order it was about.
func (g *Gateway) record(call string, a answer, shape string, now time.Time) error {
	if err := g.book.write(line{Faults: g.book.faults}); err != nil {
		return err
	}
	if a.order == nil {
		return nil
	}
	text := a.text
	if shape != "" {
		text += " (" + shape + ")"
	}
	name := call
	if call == "refund_query" {
		name = "refund"
	}
	a.order.Calls[call]++
	a.order.Log = append(a.order.Log, entry{Time: now, Call: name, Answer: text})
	g.plan(a.order)
	return g.book.write(line{Order: a.order})
}

// settleAll brings every order to the present.
func (g *Gateway) settleAll(now time.Time) {
	for _, o := range g.book.orders {
		o.settle(now)
	}
}

// emit sends the signed answer, bent by the fault.
func (g *Gateway) emit(w http.ResponseWriter, r *http.Request, a answer, shape string) {
	switch shape {
	case "paid_answer_lost", "paying_lost", "close_lost", "reverse_lost", "refund_lost", "reset":
		panic(http.ErrAbortHandler)
	case "silence", "silence_after_success":
		wait(r, silenceMax)
		panic(http.ErrAbortHandler)
	case "slow":
		wait(r, slowAnswer)
	case "garbage":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "<html><head><title>502 Bad Gateway</title></head>\x00\xff{\"trade_state\":\"SUCC")
		return
	case "http_500_after_success", "http_500_after_order":
		a = failure(http.StatusInternalServerError, "SYSTEM_ERROR", "system busy, try again later", a.order)
	case "wrong_amount", "wrong_order", "wrong_merchant", "spelled_otherwise":
		a.body = falsified(a.body, shape)
	}
	var body []byte
	if a.body != nil {
		body, _ = json.Marshal(a.body)
	}
	at := time.Now()
	if shape == "clock_off" {
		at = at.Add(-2 * signWindow)
	}
	asked := r.Header.Get("Wechatpay-Serial")
	if shape == "other_key" {
		asked = g.platform.CertificateSerial
	}
	if err := g.sign(w.Header(), body, asked, at); err != nil {
		panic(http.ErrAbortHandler)
	}
	if shape == "bad_signature" {
		w.Header().Set("Wechatpay-Signature", g.badSignature())
	}
	w.Header().Set("Request-Id", randomUpperHex(24))
	if body != nil {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	switch {
	case shape == "answered_twice" && twice(w, a.status, body):
		return
	case shape == "answer_cut":
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
		w.WriteHeader(a.status)
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// wait holds an answer back, but not longer than the caller stays.
func wait(r *http.Request, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.Context().Done():
	}
}

// twice writes the same answer two times onto the line, where there is a line.
func twice(w http.ResponseWriter, status int, body []byte) bool {
	h, ok := w.(http.Hijacker)
	if !ok {
		return false
	}
	conn, _, err := h.Hijack()
	if err != nil {
		return false
	}
	defer conn.Close()
	for range 2 {
		answer := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: w.Header(), ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body))}
		if answer.Write(conn) != nil {
			break
		}
	}
	return true
}
