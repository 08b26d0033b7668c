package qr

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-pay/crypto/xpem"
	"github.com/go-pay/gopay"
	"github.com/go-pay/gopay/pkg/xhttp"
	wechat "github.com/go-pay/gopay/wechat/v3"
)

// client speaks with the gateway and turns each answer into a finding.
type client struct {
	api       *wechat.ClientV3
	keys      platformKeys
	appID     string
	mchID     string
	notifyURL string
	deviceIP  string
	storeID   string
}

func newClient(c Config) (*client, error) {
	api, err := wechat.NewClientV3(c.MchID, c.MerchantSerial, c.APIv3Key, c.PrivateKeyPEM)
	if err != nil {
		return nil, fmt.Errorf("merchant key: %w", err)
	}
	public, err := xpem.DecodePublicKey([]byte(c.PlatformKeyPEM))
	if err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	if err := api.AutoVerifySignByPublicKey([]byte(c.PlatformKeyPEM), c.PlatformKeyID); err != nil {
		return nil, fmt.Errorf("platform key: %w", err)
	}
	keys := platformKeys{c.PlatformKeyID: public}
	next := c.Transport
	if next == nil {
		// Fresh connections: a kept one that died costs an unknown answer. No proxy and no
		// unchecked certificates, which are gopay's default.
		next = &http.Transport{DialContext: (&net.Dialer{Timeout: askLimit / 2}).DialContext, TLSHandshakeTimeout: askLimit / 2, DisableKeepAlives: true}
	}
	hc := xhttp.NewClient().SetTimeout(2 * placeLimit).SetTransport(verifier{keys: keys, next: next})
	api.SetHttpClient(hc)
	if c.BaseURL != "" {
		api.SetProxyHost(strings.TrimSuffix(c.BaseURL, "/"))
	}
	return &client{api: api, keys: keys, appID: c.AppID, mchID: c.MchID, notifyURL: c.NotifyURL,
		deviceIP: cmp.Or(c.DeviceIP, "127.0.0.1"), storeID: cmp.Or(c.StoreID, "hall")}, nil
}

// failed is the finding of a call without a usable answer. A connection that was never made carried
// nothing: for a call that places an order that is definite.
func failed(err error, placing bool) finding {
	var op *net.OpError
	switch {
	case errors.As(err, &op) && op.Op == "dial" && placing:
		return finding{kind: findRefused, reason: "gateway_unreachable"}
	case errors.Is(err, errUnverified):
		return finding{kind: findUnknown, reason: "gateway_unverified"}
	case errors.Is(err, gopay.UnmarshalErr):
		return finding{kind: findUnknown, reason: "gateway_garbled"}
	case errors.Is(err, context.DeadlineExceeded):
		return finding{kind: findUnknown, reason: "gateway_silent"}
	}
	return finding{kind: findUnknown, reason: "gateway_unreachable"}
}

// errorCodes are the gateway's words that mean the same for every call. They are spelled in several
// ways on its pages, therefore without underscores and in capitals here.
var errorCodes = map[string]finding{
	"USERPAYING":        {kind: findPaying},
	"ORDERPAID":         {kind: findAsk},
	"ORDERCLOSED":       {kind: findClosed, reason: "closed_at_gateway"},
	"ORDERREVERSED":     {kind: findReversed, reason: "reversed_at_gateway"},
	"ORDERNOTEXIST":     {kind: findMissing},
	"RESOURCENOTEXISTS": {kind: findMissing},
	"AUTHCODEEXPIRE":    {kind: findRefused, reason: "code_expired"},
	"AUTHCODEEXPIRED":   {kind: findRefused, reason: "code_expired"},
	"AUTHCODEINVALID":   {kind: findRefused, reason: "code_invalid"},
	"AUTHCODEERROR":     {kind: findRefused, reason: "code_invalid"},
	"NOTENOUGH":         {kind: findRefused, reason: "not_enough"},
}

// notAccepted are the words for a request that was not even looked into. Only for a call that places an
// order do they say anything about the money: then nothing was taken.
var notAccepted = map[string]bool{
	"PARAMERROR": true, "INVALIDREQUEST": true, "SIGNERROR": true, "NOAUTH": true, "OUTTRADENOUSED": true,
	"APPIDMCHIDNOTMATCH": true, "MCHNOTEXISTS": true,
}

// classify turns an error of the gateway into a finding. Whatever is not listed is unknown.
func classify(placing bool, status int, code string) finding {
	word := strings.ToUpper(strings.ReplaceAll(code, "_", ""))
	if f, ok := errorCodes[word]; ok && (placing || f.kind != findRefused) {
		if placing && f.kind == findMissing || f.kind == findRefused && status >= 500 {
			return finding{kind: findUnknown, reason: "gateway_error"}
		}
		return f
	}
	if placing && status >= 400 && status < 500 && notAccepted[word] {
		return finding{kind: findRefused, reason: "not_accepted"}
	}
	if status == http.StatusTooManyRequests {
		return finding{kind: findUnknown, reason: "gateway_busy"}
	}
	return finding{kind: findUnknown, reason: "gateway_error"}
}

// tradeStates are the states of the query page.
var tradeStates = map[string]finding{
	"SUCCESS":    {kind: findPaid},
	"REFUND":     {kind: findRefunded},
	"NOTPAY":     {kind: findUnpaid},
	"CLOSED":     {kind: findClosed, reason: "closed_at_gateway"},
	"REVOKED":    {kind: findReversed, reason: "reversed_at_gateway"},
	"USERPAYING": {kind: findPaying},
	"PAYERROR":   {kind: findRefused, reason: "pay_error"},
}

// transaction is what an order object of the gateway says, in whichever answer it came.
type transaction struct {
	mchID, outTradeNo, transactionID, state string
	amount                                  *wechat.Amount
}

// read compares an order object with our order: an answer about another merchant, number or amount
// says nothing about this one.
func (c *client) read(r *row, t transaction) finding {
	if t.mchID != c.mchID || t.outTradeNo != r.OutTradeNo {
		return finding{kind: findUnknown, reason: "answer_differs"}
	}
	f, ok := tradeStates[t.state]
	if !ok {
		return finding{kind: findUnknown, reason: "gateway_error"}
	}
	if f.kind == findPaid || f.kind == findRefunded {
		if t.amount == nil || int64(t.amount.Total) != r.AmountFen || t.amount.Currency != "" && t.amount.Currency != "CNY" {
			return finding{kind: findUnknown, reason: "amount_differs"}
		}
		f.paidFen, f.transactionID = r.AmountFen, t.transactionID
	}
	return f
}

// native asks for a code to show. Asked again under the same number it is the same order.
func (c *client) native(ctx context.Context, r *row) finding {
	body := c.placing(r)
	body.Set("time_expire", later(r.expires, r.placed.Add(expiresMin)).In(beijing).Format(time.RFC3339)).Set("notify_url", c.notifyURL)
	answer, err := c.api.V3TransactionNative(ctx, body)
	switch {
	case err != nil:
		return failed(err, true)
	case answer.Code != wechat.Success:
		return classify(true, answer.Code, answer.ErrResponse.Code)
	case answer.Response.CodeUrl == "":
		return finding{kind: findUnknown, reason: "gateway_garbled"}
	}
	return finding{kind: findCode, codeURL: answer.Response.CodeUrl}
}

// pay charges the phone that showed the code.
func (c *client) pay(ctx context.Context, r *row, authCode string) finding {
	body := c.placing(r)
	body.SetBodyMap("payer", func(b gopay.BodyMap) { b.Set("auth_code", authCode) })
	body.SetBodyMap("scene_info", func(b gopay.BodyMap) {
		b.Set("device_id", cut(r.Terminal, 32)).Set("device_ip", c.deviceIP)
		b.SetBodyMap("store_info", func(b gopay.BodyMap) { b.Set("out_id", c.storeID) })
	})
	answer, err := c.api.V3TransactionCodePay(ctx, body)
	switch {
	case err != nil:
		return failed(err, true)
	case answer.Code != wechat.Success:
		return classify(true, answer.Code, answer.ErrResponse.Code)
	}
	p := answer.Response
	return c.read(r, transaction{p.Mchid, p.OutTradeNo, p.TransactionId, p.TradeState, p.Amount})
}

// placing is what both ways to pay have in common. The case travels in attach.
func (c *client) placing(r *row) gopay.BodyMap {
	body := gopay.BodyMap{}
	body.Set("appid", c.appID).Set("mchid", c.mchID).Set("out_trade_no", r.OutTradeNo).Set("attach", r.Case)
	body.Set("description", cut(r.description, 127))
	body.SetBodyMap("amount", func(b gopay.BodyMap) { b.Set("total", r.AmountFen).Set("currency", "CNY") })
	return body
}

func (c *client) query(ctx context.Context, r *row) finding {
	answer, err := c.api.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, r.OutTradeNo)
	switch {
	case err != nil:
		return failed(err, false)
	case answer.Code != wechat.Success:
		return classify(false, answer.Code, answer.ErrResponse.Code)
	}
	q := answer.Response
	return c.read(r, transaction{q.Mchid, q.OutTradeNo, q.TransactionId, q.TradeState, q.Amount})
}

// close ends an order for the screen; 204 says that nothing was paid and nothing can be.
func (c *client) close(ctx context.Context, r *row) finding {
	answer, err := c.api.V3TransactionCloseOrder(ctx, r.OutTradeNo)
	switch {
	case err != nil:
		return failed(err, false)
	case answer.Code != wechat.Success:
		return classify(false, answer.Code, answer.ErrResponse.Code)
	}
	return finding{kind: findClosed}
}

// reverse takes a scanned order back. Its yes is not the end: the query after it has to say REVOKED,
// since a yes has been seen for orders that were none of the merchant's.
func (c *client) reverse(ctx context.Context, r *row) finding {
	body := gopay.BodyMap{}
	body.Set("appid", c.appID).Set("mchid", c.mchID)
	answer, err := c.api.V3TransactionCodePayReverse(ctx, r.OutTradeNo, body)
	switch {
	case err != nil:
		return failed(err, false)
	case answer.Code != wechat.Success:
		return classify(false, answer.Code, answer.ErrResponse.Code)
	case answer.Response.OutTradeNo != r.OutTradeNo || answer.Response.Mchid != c.mchID:
		return finding{kind: findUnknown, reason: "answer_differs"}
	}
	return finding{kind: findAsk}
}

// beijing is the gateway's time zone.
var beijing = time.FixedZone("CST", 8*60*60)

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// cut shortens text to n bytes without splitting a character.
func cut(text string, n int) string {
	for len(text) > n {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// decode reads a notification's decrypted facts.
func decode(plain []byte) (transaction, error) {
	var p wechat.V3DecryptPayResult
	if err := json.Unmarshal(plain, &p); err != nil {
		return transaction{}, err
	}
	return transaction{p.Mchid, p.OutTradeNo, p.TransactionId, p.TradeState, p.Amount}, nil
}
