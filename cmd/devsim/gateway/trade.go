package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

var outTradeNo = regexp.MustCompile(`^[0-9A-Za-z_|*-]{6,32}$`)

type amount struct {
	Total    int64  `json:"total"`
	Currency string `json:"currency"`
}

// placeRequest is the body of native and codepay; the fields that only one of them has are checked there.
type placeRequest struct {
	AppID       string `json:"appid"`
	MchID       string `json:"mchid"`
	Description string `json:"description"`
	OutTradeNo  string `json:"out_trade_no"`
	Attach      string `json:"attach"`
	TimeExpire  string `json:"time_expire"`
	NotifyURL   string `json:"notify_url"`
	Amount      amount `json:"amount"`
	Payer       struct {
		AuthCode string `json:"auth_code"`
	} `json:"payer"`
	SceneInfo struct {
		DeviceID  string `json:"device_id"`
		DeviceIP  string `json:"device_ip"`
		StoreInfo struct {
			ID    string `json:"id"`
			OutID string `json:"out_id"`
		} `json:"store_info"`
	} `json:"scene_info"`
}

func invalid(message string) answer {
	return failure(http.StatusBadRequest, "PARAM_ERROR", message, nil)
}

// parsePlace reads and checks what both ways to pay have in common.
func (g *Gateway) parsePlace(body []byte) (placeRequest, *answer) {
	var q placeRequest
	refuse := func(a answer) (placeRequest, *answer) { return q, &a }
	switch err := json.Unmarshal(body, &q); {
	case err != nil:
		return refuse(invalid("body: " + err.Error()))
	case q.MchID != g.merchant.MchID:
		return refuse(invalid("mchid: not this merchant"))
	case q.AppID != g.merchant.AppID:
		return refuse(failure(http.StatusBadRequest, "APPID_MCHID_NOT_MATCH", "appid does not belong to mchid", nil))
	case !outTradeNo.MatchString(q.OutTradeNo):
		return refuse(invalid("out_trade_no: 6 to 32 of 0-9A-Za-z_-|*"))
	case q.Description == "" || len([]rune(q.Description)) > 127:
		return refuse(invalid("description: 1 to 127 characters"))
	case len(q.Attach) > 128:
		return refuse(invalid("attach: at most 128 bytes"))
	case q.Amount.Total < 1:
		return refuse(invalid("amount.total: at least 1"))
	case q.Amount.Currency != "" && q.Amount.Currency != "CNY":
		return refuse(invalid("amount.currency: CNY"))
	}
	return q, nil
}

func newOrder(q placeRequest, code bool, now time.Time) *order {
	return &order{
		OutTradeNo: q.OutTradeNo, Code: code, Attach: q.Attach, Description: q.Description, AmountFen: q.Amount.Total,
		State: stateNotPay, Created: now, Expires: now.Add(orderLife), NotifyURL: q.NotifyURL,
		Calls: map[string]int{}, Log: []entry{}, Refunds: []*refund{},
	}
}

// native makes an order whose code_url the terminal shows. The same order asked again gives the same code.
func (g *Gateway) native(_ *http.Request, body []byte, now time.Time) answer {
	q, refused := g.parsePlace(body)
	if refused != nil {
		return *refused
	}
	if u, err := url.Parse(q.NotifyURL); err != nil || u.Host == "" || !(u.Scheme == "https" || isLoopback(u)) || u.RawQuery != "" {
		return invalid("notify_url: an https address without a query")
	}
	expires := now.Add(orderLife)
	if q.TimeExpire != "" {
		t, err := time.Parse(time.RFC3339, q.TimeExpire)
		if err != nil || !t.After(now) {
			return invalid("time_expire: a time to come, RFC 3339")
		}
		expires = t
	}
	if o := g.book.orders[q.OutTradeNo]; o != nil {
		if a := repeated(o, q, false); a != nil {
			return *a
		}
		return answer{http.StatusOK, map[string]string{"code_url": o.CodeURL}, "code_url", o}
	}
	o := newOrder(q, false, now)
	o.Expires = expires
	o.CodeURL = "weixin://wxpay/bizpayurl?pr=" + randomHex(9) + "zz"
	g.book.orders[o.OutTradeNo] = o
	return answer{http.StatusOK, map[string]string{"code_url": o.CodeURL}, "code_url", o}
}

// repeated answers a second call with the same out_trade_no, unless it is the same open order.
func repeated(o *order, q placeRequest, code bool) *answer {
	var a answer
	switch {
	case o.Code != code || o.AmountFen != q.Amount.Total || o.Attach != q.Attach || o.Description != q.Description:
		a = failure(http.StatusForbidden, "OUT_TRADE_NO_USED", "the order number is used with other content", o)
	case o.State == stateSuccess || o.State == stateRefund:
		a = failure(http.StatusBadRequest, "ORDERPAID", "the order is paid", o)
	case o.State == stateUserPaying:
		a = failure(http.StatusBadRequest, "USER_PAYING", "the payer is asked for the password", o)
	case o.State == stateRevoked:
		a = failure(http.StatusBadRequest, "ORDER_REVERSED", "the order was reversed", o)
	case o.State != stateNotPay || code:
		a = failure(http.StatusBadRequest, "ORDER_CLOSED", "the order is closed", o)
	default:
		return nil
	}
	return &a
}

// codepay takes the money of the phone that showed the code, or asks it for a password first.
func (g *Gateway) codepay(_ *http.Request, body []byte, now time.Time) answer {
	q, refused := g.parsePlace(body)
	if refused != nil {
		return *refused
	}
	if q.SceneInfo.StoreInfo.ID == "" && q.SceneInfo.StoreInfo.OutID == "" || q.SceneInfo.DeviceIP == "" {
		return invalid("scene_info: store_info and device_ip are required")
	}
	if o := g.book.orders[q.OutTradeNo]; o != nil {
		return *repeated(o, q, true)
	}
	c := g.book.codes[q.Payer.AuthCode]
	o := newOrder(q, true, now)
	g.book.orders[o.OutTradeNo] = o
	if c == nil || c.UsedBy != "" {
		o.State = statePayError
		return failure(http.StatusBadRequest, "AUTH_CODE_INVALID", "the payment code is not valid", o)
	}
	c.UsedBy = o.OutTradeNo
	if err := g.book.write(line{Code: c}); err != nil {
		panic(http.ErrAbortHandler)
	}
	if c.Outcome == "success" && g.take("bank_error") {
		o.State, o.Pending = stateUserPaying, &pending{now.Add(bankTakes), stateSuccess}
		return failure(http.StatusInternalServerError, "BANK_ERROR", "the bank's system has a fault", o)
	}
	return o.charge(g.merchant, c, now)
}

// charge does what the phone's owner will do.
func (o *order) charge(m Merchant, c *code, now time.Time) answer {
	switch {
	case c.Outcome == "expired" || now.After(c.Until):
		o.State = statePayError
		return failure(http.StatusBadRequest, "AUTH_CODE_EXPIRED", "the payment code is out of date", o)
	case c.Outcome == "not_enough":
		o.State = statePayError
		return failure(http.StatusBadRequest, "NOT_ENOUGH", "the payer has too little money", o)
	case c.Outcome == "paying_then_success":
		o.Pending = &pending{now.Add(c.After), stateSuccess}
	case c.Outcome == "paying_then_cancel":
		o.Pending = &pending{now.Add(c.After), statePayError}
	case c.After > 0:
		o.Pending = &pending{now.Add(c.After), stateSuccess}
	default:
		o.become(stateSuccess, now)
		return answer{http.StatusOK, o.transaction(m), o.State, o}
	}
	o.State = stateUserPaying
	return failure(http.StatusBadRequest, "USER_PAYING", "the payer is asked for the password", o)
}

// transaction is the order object of the query page; the payer and the amounts come with the payment.
func (o *order) transaction(m Merchant) map[string]any {
	kind := "NATIVE"
	if o.Code {
		kind = "MICROPAY"
	}
	t := map[string]any{
		"appid": m.AppID, "mchid": m.MchID, "out_trade_no": o.OutTradeNo, "trade_state": o.State, "trade_state_desc": describe[o.State], "attach": o.Attach,
	}
	t["amount"] = map[string]any{"total": o.AmountFen, "currency": "CNY"}
	if !o.Paid.IsZero() {
		t["trade_type"] = kind
		t["transaction_id"] = o.TransactionID
		t["bank_type"] = "OTHERS"
		t["success_time"] = o.Paid.In(beijing).Format(time.RFC3339)
		t["payer"] = map[string]string{"openid": "o" + o.OutTradeNo}
		t["amount"] = map[string]any{"total": o.AmountFen, "payer_total": o.AmountFen, "currency": "CNY", "payer_currency": "CNY"}
	}
	return t
}

var beijing = time.FixedZone("CST", 8*60*60)

var describe = map[string]string{
	stateSuccess: "支付成功", stateRefund: "转入退款", stateNotPay: "订单未支付", stateClosed: "订单已关闭",
	stateRevoked: "订单已撤销", stateUserPaying: "需要用户输入支付密码", statePayError: "支付失败",
}

// query tells how an order stands, found by the merchant's number or by ours.
func (g *Gateway) query(r *http.Request, _ []byte, _ time.Time) answer {
	if r.URL.Query().Get("mchid") != g.merchant.MchID {
		return invalid("mchid: not this merchant")
	}
	o := g.book.orders[r.PathValue("no")]
	if id := r.PathValue("id"); id != "" {
		for _, one := range g.book.orders {
			if one.TransactionID == id {
				o = one
			}
		}
	}
	if o == nil {
		return failure(http.StatusNotFound, "ORDER_NOT_EXIST", "no such order at this moment", nil)
	}
	if o.State == stateSuccess && g.take("query_behind") {
		behind := newOrder(placeRequest{OutTradeNo: o.OutTradeNo, Attach: o.Attach, Amount: amount{Total: o.AmountFen}}, o.Code, o.Created)
		return answer{http.StatusOK, behind.transaction(g.merchant), stateNotPay + " (query_behind)", o}
	}
	return answer{http.StatusOK, o.transaction(g.merchant), o.State, o}
}

// ours reads the small body of close and reverse and finds the order.
func (g *Gateway) ours(r *http.Request, body []byte, needApp bool) (*order, *answer) {
	var q struct {
		AppID string `json:"appid"`
		MchID string `json:"mchid"`
	}
	var a answer
	switch err := json.Unmarshal(body, &q); {
	case err != nil:
		a = invalid("body: " + err.Error())
	case q.MchID != g.merchant.MchID || needApp && q.AppID != g.merchant.AppID:
		a = invalid("appid, mchid: not this merchant")
	case g.book.orders[r.PathValue("no")] == nil:
		a = failure(http.StatusNotFound, "ORDER_NOT_EXIST", "no such order at this moment", nil)
	default:
		return g.book.orders[r.PathValue("no")], nil
	}
	return nil, &a
}

// closeOrder ends an order that nobody has paid; only one that is paid by scanning the screen.
func (g *Gateway) closeOrder(r *http.Request, body []byte, now time.Time) answer {
	o, refused := g.ours(r, body, false)
	if refused != nil {
		return *refused
	}
	if o.Code {
		return failure(http.StatusBadRequest, "INVALID_REQUEST", "an order paid by code is reversed, not closed", o)
	}
	if o.State == stateNotPay && g.take("paid_at_close") {
		o.Pending = nil
		o.become(stateSuccess, now)
	}
	switch {
	case o.PaidFen > 0:
		return failure(http.StatusBadRequest, "ORDERPAID", "the order is paid", o)
	case o.State == stateClosed:
		return failure(http.StatusBadRequest, "ORDER_CLOSED", "the order is closed already", o)
	}
	o.end(stateClosed, now, g.take("paid_after_close"))
	return answer{http.StatusNoContent, nil, "closed", o}
}

// end closes or reverses an order; on a bad day the payment comes all the same a moment later.
func (o *order) end(state string, now time.Time, late bool) {
	o.State, o.Pending = state, nil
	if late {
		o.Pending = &pending{now.Add(lateAfter), stateSuccess}
	}
}

// reverse gives the money of a code payment back, or sees to it that it is never taken.
func (g *Gateway) reverse(r *http.Request, body []byte, now time.Time) answer {
	o, refused := g.ours(r, body, true)
	if refused != nil {
		return *refused
	}
	switch age := now.Sub(o.Created); {
	case !o.Code:
		return failure(http.StatusBadRequest, "INVALID_REQUEST", "an order paid by scanning is closed, not reversed", o)
	case age < reverseAfter:
		return failure(http.StatusBadRequest, "INVALID_REQUEST", fmt.Sprintf("%s after the pay call; reverse after %s", age.Round(time.Millisecond), reverseAfter), o)
	case age > reverseDays:
		return failure(http.StatusBadRequest, "REVERSE_EXPIRE", "older than seven days: refund instead", o)
	case len(o.Refunds) > 0:
		return failure(http.StatusBadRequest, "TRADE_ERROR", "a refund was made: reverse is over", o)
	}
	if o.State != stateRevoked && !g.take("reverse_untrue") {
		o.PaidFen = 0
		o.end(stateRevoked, now, g.take("paid_after_close"))
	}
	return answer{http.StatusOK, map[string]string{"appid": g.merchant.AppID, "mchid": g.merchant.MchID, "out_trade_no": o.OutTradeNo}, "reversed", o}
}
