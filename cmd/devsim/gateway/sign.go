package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const scheme = "WECHATPAY2-SHA256-RSA2048 "

var authorizationField = regexp.MustCompile(`^\s*(mchid|nonce_str|timestamp|serial_no|signature)="([^"]*)"\s*$`)

// parseAuthorization takes the header of a request apart: every field once, in any order.
func parseAuthorization(header string) (map[string]string, error) {
	rest, ok := strings.CutPrefix(header, scheme)
	if !ok {
		return nil, errors.New("authorization: not " + strings.TrimSpace(scheme))
	}
	fields := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		m := authorizationField.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("authorization: field %q", part)
		}
		if _, twice := fields[m[1]]; twice {
			return nil, fmt.Errorf("authorization: %s twice", m[1])
		}
		fields[m[1]] = m[2]
	}
	if len(fields) != 5 {
		return nil, fmt.Errorf("authorization: %d of 5 fields", len(fields))
	}
	return fields, nil
}

// requestMessage is the text that a request's signature covers; each line ends with LF, the last too.
func requestMessage(method, uri, timestamp, nonce, body string) string {
	return method + "\n" + uri + "\n" + timestamp + "\n" + nonce + "\n" + body + "\n"
}

// check says whether the request was signed by our merchant a moment ago.
func (g *Gateway) check(r *http.Request, body []byte) error {
	fields, err := parseAuthorization(r.Header.Get(consts.Authorization))
	if err != nil {
		return err
	}
	if fields["mchid"] != g.merchant.MchID {
		return fmt.Errorf("mchid %q: not our merchant", fields["mchid"])
	}
	seconds, err := strconv.ParseInt(fields["timestamp"], 10, 64)
	if err != nil {
		return fmt.Errorf("timestamp %q: not a number", fields["timestamp"])
	}
	if d := time.Since(time.Unix(seconds, 0)); d > signWindow || d < -signWindow {
		return fmt.Errorf("timestamp %d: %s away", seconds, d.Round(time.Second))
	}
	message := requestMessage(r.Method, r.URL.RequestURI(), fields["timestamp"], fields["nonce_str"], string(body))
	verifier := verifiers.NewSHA256WithRSAPubkeyVerifier(g.merchant.Serial, *g.keys.merchantPublic)
	return verifier.Verify(r.Context(), fields["serial_no"], message, fields["signature"])
}

// sign puts the four headers of an answer or notification on h. A merchant that asks for the old
// platform certificate by its number gets that; everybody else the public key's.
func (g *Gateway) sign(h http.Header, body []byte, asked string, at time.Time) error {
	serial := g.merchant.PlatformPublicKeyID
	if asked == g.platform.CertificateSerial {
		serial = asked
	}
	timestamp, nonce := strconv.FormatInt(at.Unix(), 10), randomHex(32)
	signer := signers.SHA256WithRSASigner{MchID: g.merchant.MchID, CertificateSerialNo: serial, PrivateKey: g.keys.private}
	result, err := signer.Sign(context.Background(), timestamp+"\n"+nonce+"\n"+string(body)+"\n")
	if err != nil {
		return err
	}
	h.Set(consts.WechatPaySerial, serial)
	h.Set(consts.WechatPayTimestamp, timestamp)
	h.Set(consts.WechatPayNonce, nonce)
	h.Set(consts.WechatPaySignature, result.Signature)
	h.Set("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048")
	return nil
}
