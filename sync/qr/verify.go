package qr

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	wechat "github.com/go-pay/gopay/wechat/v3"
)

// errUnverified is an answer that the gateway did not sign, or not now: it is as good as none.
var errUnverified = errors.New("answer not signed by the gateway")

// platformKeys are the gateway's public keys by the number that its signatures name.
type platformKeys map[string]*rsa.PublicKey

// verify checks the four signature headers over body. Probes of the gateway carry signatures that
// begin with WECHATPAY/SIGNTEST/; they fail here like any other wrong one.
func (k platformKeys) verify(h http.Header, body []byte, now time.Time) error {
	timestamp := h.Get("Wechatpay-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: timestamp %q", errUnverified, timestamp)
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > signWindow || d < -signWindow {
		return fmt.Errorf("%w: timestamp %d is %s away", errUnverified, seconds, d.Round(time.Second))
	}
	key := k[h.Get("Wechatpay-Serial")]
	if key == nil {
		return fmt.Errorf("%w: serial %q", errUnverified, h.Get("Wechatpay-Serial"))
	}
	if err := wechat.V3VerifySignByPK(timestamp, h.Get("Wechatpay-Nonce"), string(body), h.Get("Wechatpay-Signature"), key); err != nil {
		return fmt.Errorf("%w: %w", errUnverified, err)
	}
	return nil
}

// verifier lets only signed answers through, whatever their status: gopay looks at the signature of
// good news alone, and "no such order" can cost as much as "paid". A file is not signed: whoever asked for it compares its sum.
type verifier struct {
	keys platformKeys
	next http.RoundTripper
}

func (v verifier) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := v.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	most := int64(answerMax)
	if download(r) {
		most = billMax
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return nil, err
	}
	if download(r) {
		answer.Body = io.NopCloser(bytes.NewReader(body))
		return answer, nil
	}
	if err := v.keys.verify(answer.Header, body, time.Now()); err != nil {
		return nil, fmt.Errorf("%w (status %d, %d bytes)", err, answer.StatusCode, len(body))
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
