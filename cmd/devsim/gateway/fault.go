package gateway

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// shape is one thing that gateways do on bad days. Armed, it happens to the next call that it fits.
type shape struct {
	name, what string
	// before: decided before the call is worked on; nil for those that bend a finished answer or the
	// course of an order.
	before func(call string) bool
	// after: whether it bends this answer.
	after func(call string, a answer) bool
}

func anyCall(string) bool                { return true }
func anyAnswer(string, answer) bool      { return true }
func paid(_ string, a answer) bool       { return a.paid() }
func only(name string) func(string) bool { return func(call string) bool { return call == name } }
func placing(call string) bool           { return call == "pay" || call == "native" }

func asked(call string, a answer) bool { return call == "pay" && a.text == "USER_PAYING" }
func failed(_ string, a answer) bool   { return a.status >= 400 && strings.Contains(a.text, "_") }

func done(name string) func(string, answer) bool {
	return func(call string, a answer) bool { return call == name && a.status < 300 }
}

var shapes = []shape{
	{name: "paid_answer_lost", what: "the money is taken, the answer that says so never arrives", after: paid},
	{name: "answered_twice", what: "the answer that says paid is sent two times, and so is the notification", after: paid},
	{name: "refused", what: "the next order is refused for good", before: placing},
	{name: "http_500_after_success", what: "the money is taken, the answer is 500 SYSTEM_ERROR", after: paid},
	{name: "garbage", what: "the call is done, the answer is an unsigned page of rubbish", after: anyAnswer},
	{name: "silence", what: "the call is swallowed: not done, never answered", before: anyCall},
	{name: "silence_after_success", what: "the money is taken, nothing is ever answered", after: paid},
	{name: "http_500_after_order", what: "the order for the screen is made, the answer is 500 SYSTEM_ERROR", after: done("native")},
	{name: "bad_signature", what: "the call is done, the signature of the answer is wrong", after: anyAnswer},
	{name: "clock_off", what: "the call is done, the answer is signed with a time ten minutes ago", after: anyAnswer},
	{name: "wrong_amount", what: "the answer that says paid tells another amount", after: paid},
	{name: "wrong_order", what: "the answer that says paid is about another order", after: paid},
	{name: "rate_limited", what: "429 FREQUENCY_LIMITED, nothing done", before: anyCall},
	{name: "reset", what: "the line is cut before the call is done", before: anyCall},
	{name: "slow", what: "the call is done, the answer takes three seconds", after: anyAnswer},
	{name: "order_not_exist_once", what: "a query is answered as if there were no such order yet", before: only("query")},
	{name: "query_behind", what: "a query of a paid order still says NOTPAY"},
	{name: "close_lost", what: "the order is closed, the answer lost", after: done("close")},
	{name: "reverse_500", what: "reverse answers 500 and does nothing", before: only("reverse")},
	{name: "reverse_lost", what: "the order is reversed, the answer lost", after: done("reverse")},
	{name: "paid_at_close", what: "the payer pays in the instant before the close of an order for the screen"},
	{name: "paid_after_close", what: "the payment comes two seconds after the order was closed or reversed"},
	{name: "refund_lost", what: "the refund is made, the answer lost", after: done("refund")},
	{name: "refund_processing", what: "the refund stays PROCESSING for half a minute"},
	{name: "refund_abnormal", what: "the refund ends ABNORMAL: the money is stuck"},
	{name: "notify_twice", what: "the next notification is sent two times"},
	{name: "notify_lost", what: "the next notification is never sent"},
	{name: "system_error", what: "500 SYSTEM_ERROR to the next order, nothing done", before: placing},
	{name: "bank_error", what: "500 BANK_ERROR to a payment by code, and the money is taken five seconds later"},
	{name: "paying_lost", what: "the payer is asked for the password, the answer that says so is lost", after: asked},
	{name: "spelled_otherwise", what: "an error's code comes without its underscores, as on other pages of the manual", after: failed},
	{name: "answer_cut", what: "the call is done, the answer breaks off in its middle", after: anyAnswer},
	{name: "other_key", what: "the call is done, the answer is signed under the number of the platform certificate", after: anyAnswer},
	{name: "wrong_merchant", what: "the answer that says paid is about another merchant", after: paid},
	{name: "reverse_untrue", what: "reverse says yes and does nothing"},
	{name: "refund_500", what: "a refund answers 500 SYSTEM_ERROR and does nothing", before: only("refund")},
	{name: "refund_closed", what: "the refund ends CLOSED: nothing goes back under this number"},
	{name: "notify_bad_signature", what: "the signature of the next notification is wrong"},
	{name: "notify_probe", what: "the next notification is a probe of the merchant's check: WECHATPAY/SIGNTEST/"},
	{name: "notify_wrong_amount", what: "the next notification tells another amount"},
}

func isShape(name string) bool {
	return slices.ContainsFunc(shapes, func(s shape) bool { return s.name == name })
}

// take uses up one armed fault of this name. Called under the lock, before the state is written.
func (g *Gateway) take(name string) bool {
	if g.book.faults[name] == 0 {
		return false
	}
	if g.book.faults[name]--; g.book.faults[name] == 0 {
		delete(g.book.faults, name)
	}
	return true
}

// refusedByFault is the answer of a call that a fault keeps from being done.
func (g *Gateway) refusedByFault(call string, r *http.Request, body []byte, now time.Time) (answer, string) {
	for _, s := range shapes {
		if s.before == nil || !s.before(call) || !g.take(s.name) {
			continue
		}
		o := g.book.orders[r.PathValue("no")]
		switch s.name {
		case "refused":
			return g.refuse(call, body, now), s.name
		case "rate_limited":
			return failure(http.StatusTooManyRequests, "FREQUENCY_LIMITED", "too many calls, try later", o), s.name
		case "system_error", "reverse_500", "refund_500":
			return failure(http.StatusInternalServerError, "SYSTEM_ERROR", "system busy, try again later", o), s.name
		case "order_not_exist_once":
			return failure(http.StatusNotFound, "ORDER_NOT_EXIST", "no such order at this moment", o), s.name
		}
		return answer{text: "nothing", order: o}, s.name
	}
	return answer{}, ""
}

// refuse keeps the refused order, so that the desk can see that it was asked for.
func (g *Gateway) refuse(call string, body []byte, now time.Time) answer {
	q, refused := g.parsePlace(body)
	if refused != nil {
		return *refused
	}
	if o := g.book.orders[q.OutTradeNo]; o != nil {
		return failure(http.StatusForbidden, "NO_AUTH", "refused", o)
	}
	o := newOrder(q, call == "pay", now)
	g.book.orders[o.OutTradeNo] = o
	if o.Code {
		o.State = statePayError
		return failure(http.StatusForbidden, "NOT_ENOUGH", "the payer's bank refuses", o)
	}
	o.State = stateClosed
	return failure(http.StatusForbidden, "NO_AUTH", "the merchant may not do this now", o)
}

// faultAfter picks the fault that bends a finished answer.
func (g *Gateway) faultAfter(call string, a answer) string {
	for _, s := range shapes {
		if s.after == nil || !s.after(call, a) || !g.take(s.name) {
			continue
		}
		if s.name == "answered_twice" && a.order.NotifyURL != "" {
			g.book.faults["notify_twice"]++
		}
		return s.name
	}
	return ""
}

// falsified is the order object with one fact wrong, rightly signed.
func falsified(body any, shape string) any {
	text, _ := json.Marshal(body)
	var m map[string]any
	_ = json.Unmarshal(text, &m)
	switch shape {
	case "wrong_order":
		m["out_trade_no"] = "SOMEBODYELSE0001"
		return m
	case "wrong_merchant":
		m["mchid"] = "1900000000"
		return m
	case "spelled_otherwise":
		code, _ := m["code"].(string)
		m["code"] = strings.ReplaceAll(code, "_", "")
		return m
	}
	if a, ok := m["amount"].(map[string]any); ok {
		total, _ := a["total"].(float64)
		a["total"], a["payer_total"] = int64(total)+1, int64(total)+1
	}
	return m
}

// badSignature has the right form and length and covers nothing.
func (g *Gateway) badSignature() string {
	return base64.StdEncoding.EncodeToString(make([]byte, g.keys.private.Size()))
}
