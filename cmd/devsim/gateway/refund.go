package gateway

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"
)

var outRefundNo = regexp.MustCompile(`^[0-9A-Za-z_|*@-]{1,64}$`)

// Refunds that do not come to their end by themselves.
const (
	refundAbnormal = "ABNORMAL" // the money is stuck until a person sends it another way
	refundClosed   = "CLOSED"   // nothing will come of it
)

type refundRequest struct {
	TransactionID string `json:"transaction_id"`
	OutTradeNo    string `json:"out_trade_no"`
	OutRefundNo   string `json:"out_refund_no"`
	Reason        string `json:"reason"`
	Amount        struct {
		Refund   int64  `json:"refund"`
		Total    int64  `json:"total"`
		Currency string `json:"currency"`
	} `json:"amount"`
}

// refund gives money back. The same out_refund_no with the same content is the same refund.
func (g *Gateway) refund(_ *http.Request, body []byte, now time.Time) answer {
	var q refundRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return invalid("body: " + err.Error())
	}
	o := g.book.orders[q.OutTradeNo]
	for _, one := range g.book.orders {
		if q.TransactionID != "" && one.TransactionID == q.TransactionID {
			o = one
		}
	}
	switch {
	case !outRefundNo.MatchString(q.OutRefundNo):
		return invalid("out_refund_no: 1 to 64 of 0-9A-Za-z_-|*@")
	case o == nil:
		return failure(http.StatusNotFound, "RESOURCE_NOT_EXISTS", "no such order", nil)
	case q.Amount.Currency != "CNY" || q.Amount.Refund < 1 || q.Amount.Total != o.AmountFen:
		return failure(http.StatusBadRequest, "PARAM_ERROR", "amount: total is the order's, refund at least 1, currency CNY", o)
	}
	if r := o.refundBy(q.OutRefundNo); r != nil {
		if r.AmountFen != q.Amount.Refund {
			return failure(http.StatusBadRequest, "PARAM_ERROR", "out_refund_no is used with another amount", o)
		}
		return answer{http.StatusOK, o.refundObject(r), r.Status, o}
	}
	switch {
	case o.PaidFen == 0:
		return failure(http.StatusBadRequest, "INVALID_REQUEST", "the order is not paid", o)
	case o.refundedFen()+q.Amount.Refund > o.PaidFen:
		return failure(http.StatusForbidden, "NOT_ENOUGH", "more than what was paid", o)
	}
	r := &refund{OutRefundNo: q.OutRefundNo, RefundID: "503" + randomDigits(25), AmountFen: q.Amount.Refund, Status: "PROCESSING", Created: now, Done: now.Add(refundTakes)}
	if g.take("refund_processing") {
		r.Done = now.Add(refundTakesLong)
	}
	if g.take("refund_abnormal") {
		r.Status = refundAbnormal
	}
	if g.take("refund_closed") {
		r.Status = refundClosed
	}
	o.Refunds = append(o.Refunds, r)
	o.State = stateRefund
	return answer{http.StatusOK, o.refundObject(r), r.Status, o}
}

func (o *order) refundBy(no string) *refund {
	for _, r := range o.Refunds {
		if r.OutRefundNo == no {
			return r
		}
	}
	return nil
}

func (o *order) refundObject(r *refund) map[string]any {
	m := map[string]any{
		"refund_id": r.RefundID, "out_refund_no": r.OutRefundNo, "transaction_id": o.TransactionID, "out_trade_no": o.OutTradeNo,
		"channel": "ORIGINAL", "user_received_account": "支付用户零钱", "create_time": r.Created.In(beijing).Format(time.RFC3339), "status": r.Status, "funds_account": "AVAILABLE",
		"amount": map[string]any{
			"total": o.AmountFen, "refund": r.AmountFen, "payer_total": o.AmountFen, "payer_refund": r.AmountFen,
			"settlement_total": o.AmountFen, "settlement_refund": r.AmountFen, "discount_refund": 0, "currency": "CNY",
		},
	}
	if r.Status == "SUCCESS" {
		m["success_time"] = r.Done.In(beijing).Format(time.RFC3339)
	}
	return m
}

func (g *Gateway) refundQuery(r *http.Request, _ []byte, _ time.Time) answer {
	for _, o := range g.book.orders {
		if one := o.refundBy(r.PathValue("no")); one != nil {
			return answer{http.StatusOK, o.refundObject(one), one.Status, o}
		}
	}
	return failure(http.StatusNotFound, "RESOURCE_NOT_EXISTS", "no such refund", nil)
}

// certificates hands out the platform certificate, encrypted with the APIv3 key, as merchants from
// before the public key fetch it.
func (g *Gateway) certificates(*http.Request, []byte, time.Time) answer {
	sealed, err := g.seal([]byte(g.platform.CertificatePEM), "certificate")
	if err != nil {
		return failure(http.StatusInternalServerError, "SYSTEM_ERROR", err.Error(), nil)
	}
	now := time.Now().In(beijing)
	one := map[string]any{
		"serial_no": g.platform.CertificateSerial, "effective_time": now.AddDate(-1, 0, 0).Format(time.RFC3339),
		"expire_time": now.AddDate(4, 0, 0).Format(time.RFC3339), "encrypt_certificate": sealed,
	}
	return answer{http.StatusOK, map[string]any{"data": []any{one}}, "certificates", nil}
}

// seal encrypts for the merchant: AES-256-GCM with the APIv3 key, a nonce of twelve characters.
func (g *Gateway) seal(plain []byte, associated string) (map[string]string, error) {
	nonce := randomHex(12)
	text, err := sealWith(g.merchant.APIv3Key, nonce, associated, plain)
	if err != nil {
		return nil, err
	}
	return map[string]string{"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": associated, "ciphertext": text}, nil
}

func sealWith(key, nonce, associated string, plain []byte) (string, error) {
	block, err := aes.NewCipher([]byte(key))
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), plain, []byte(associated))), nil
}
