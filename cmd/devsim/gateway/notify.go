package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

// notifyClient trusts any certificate: on the desk the merchant's is made at the hall's first start.
// What is sent is encrypted to the merchant and signed by us.
func notifyClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
	}}
}

func isLoopback(u *url.URL) bool {
	return u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "localhost")
}

// plan sets the timer for what happens to an order next by itself: the payer acts, a notification is due.
// Called under the lock.
func (g *Gateway) plan(o *order) {
	if t := g.timers[o.OutTradeNo]; t != nil {
		t.Stop()
		delete(g.timers, o.OutTradeNo)
	}
	var next time.Time
	if o.Pending != nil {
		next = o.Pending.At
	}
	if !o.NotifyNext.IsZero() && (next.IsZero() || o.NotifyNext.Before(next)) {
		next = o.NotifyNext
	}
	if next.IsZero() || g.closed {
		return
	}
	g.timers[o.OutTradeNo] = time.AfterFunc(max(0, time.Until(next)), func() { g.due(o.OutTradeNo) })
}

// due lets happen what is due to one order.
func (g *Gateway) due(no string) {
	g.mu.Lock()
	o := g.book.orders[no]
	if g.closed || o == nil {
		g.mu.Unlock()
		return
	}
	now := time.Now()
	o.settle(now)
	times, shape := 0, ""
	if !o.NotifyNext.IsZero() && !now.Before(o.NotifyNext) {
		times, shape = g.notification(o, now)
	}
	// A write that fails is found by the next call, which then is not answered.
	_ = g.book.write(line{Order: o})
	body, address := g.notificationBody(o, shape), o.NotifyURL
	g.plan(o)
	g.mu.Unlock()
	for range times {
		if g.post(address, body, shape) {
			g.acknowledged(no)
		}
	}
}

// notification counts one try and says how many times it goes out; the next is planned before it is
// sent, so that a kill in between only repeats it. shape is the fault that bends it.
func (g *Gateway) notification(o *order, now time.Time) (times int, shape string) {
	o.NotifyNext = time.Time{}
	if o.NotifyTries < len(notifyAgain) {
		o.NotifyNext = now.Add(notifyAgain[o.NotifyTries])
	}
	o.NotifyTries++
	switch {
	case g.take("notify_lost"):
		return 0, ""
	case g.take("notify_twice"):
		return 2, ""
	}
	for _, shape := range []string{"notify_bad_signature", "notify_probe", "notify_wrong_amount"} {
		if g.take(shape) {
			return 1, shape
		}
	}
	return 1, ""
}

func (g *Gateway) acknowledged(no string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	o := g.book.orders[no]
	if g.closed {
		return
	}
	o.NotifyNext = time.Time{}
	_ = g.book.write(line{Order: o})
	g.plan(o)
}

// notificationBody is the message about a payment: facts encrypted with the APIv3 key.
func (g *Gateway) notificationBody(o *order, shape string) []byte {
	var facts any = o.transaction(g.merchant)
	if shape == "notify_wrong_amount" {
		facts = falsified(facts, "wrong_amount")
	}
	plain, err := json.Marshal(facts)
	if err != nil {
		panic("gateway: an order is always JSON: " + err.Error())
	}
	resource, err := g.seal(plain, "transaction")
	if err != nil {
		panic("gateway: the APIv3 key always has 32 characters: " + err.Error())
	}
	body, err := json.Marshal(map[string]any{
		"id": o.NotifyID, "create_time": o.Paid.In(beijing).Format(time.RFC3339), "event_type": "TRANSACTION.SUCCESS",
		"resource_type": "encrypt-resource", "summary": "支付成功", "resource": resource,
	})
	if err != nil {
		panic("gateway: a notification is always JSON: " + err.Error())
	}
	return body
}

// post says whether the merchant acknowledged.
func (g *Gateway) post(address string, body []byte, shape string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), notifyLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return false
	}
	r.Header.Set("Content-Type", "application/json")
	if err := g.sign(r.Header, body, "", time.Now()); err != nil {
		return false
	}
	switch shape {
	case "notify_bad_signature":
		r.Header.Set(consts.WechatPaySignature, g.badSignature())
	case "notify_probe":
		r.Header.Set(consts.WechatPaySignature, "WECHATPAY/SIGNTEST/"+g.badSignature())
	}
	answer, err := g.Client.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusNoContent
}
