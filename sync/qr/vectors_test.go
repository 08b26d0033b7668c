package qr

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-pay/crypto/xpem"
	"github.com/go-pay/gopay"
	wechat "github.com/go-pay/gopay/wechat/v3"
)

type vectors struct {
	PublicKeyPEM string `json:"public_key_pem"`
	Request      struct {
		Method, Path, Timestamp, Nonce, Body, Signature string
		MessageSHA256                                   string `json:"message_sha256"`
	}
	Notification struct {
		APIv3Key       string `json:"apiv3_key"`
		Nonce          string
		AssociatedData string `json:"associated_data"`
		Plaintext      string
		Ciphertext     string
	}
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	content, err := os.ReadFile("testdata/wechat.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func publicKey(t testing.TB, text string) *rsa.PublicKey {
	t.Helper()
	key, err := xpem.DecodePublicKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestVectorRequestSignature(t *testing.T) {
	v := loadVectors(t)
	message := strings.Join([]string{v.Request.Method, v.Request.Path, v.Request.Timestamp, v.Request.Nonce, v.Request.Body}, "\n") + "\n"
	sum := sha256.Sum256([]byte(message))
	if got := hex.EncodeToString(sum[:]); got != v.Request.MessageSHA256 {
		t.Errorf("sha256 of %q: got %s, want %s", message, got, v.Request.MessageSHA256)
	}
	signature, err := base64.StdEncoding.DecodeString(v.Request.Signature)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(publicKey(t, v.PublicKeyPEM), crypto.SHA256, sum[:], signature); err != nil {
		t.Errorf("signature: %v", err)
	}
}

// notificationOf wraps the vector's ciphertext the way the gateway sends it.
func notificationOf(v vectors) map[string]any {
	n := v.Notification
	return map[string]any{"id": "1", "event_type": "TRANSACTION.SUCCESS", "resource": map[string]any{
		"algorithm": "AEAD_AES_256_GCM", "ciphertext": n.Ciphertext, "nonce": n.Nonce, "associated_data": n.AssociatedData,
	}}
}

func TestVectorNotification(t *testing.T) {
	v := loadVectors(t)
	body, _ := json.Marshal(notificationOf(v))
	kind, got, err := openNotification(body, v.Notification.APIv3Key)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "TRANSACTION.SUCCESS" || got.mchID != "1900000001" || got.outTradeNo != "K0001" || got.state != "SUCCESS" || got.amount == nil || got.amount.Total != 1 || got.amount.Currency != "CNY" {
		t.Errorf("got %s %+v", kind, got)
	}
	for what, change := range map[string]func(map[string]any){
		"short nonce":     func(r map[string]any) { r["nonce"] = "fdasflkja48" },
		"other nonce":     func(r map[string]any) { r["nonce"] = "fdasflkja485" },
		"other data":      func(r map[string]any) { r["associated_data"] = "refund" },
		"cut text":        func(r map[string]any) { r["ciphertext"] = "DUcegK33" },
		"other algorithm": func(r map[string]any) { r["algorithm"] = "AEAD_SM4_GCM" },
	} {
		n := notificationOf(v)
		change(n["resource"].(map[string]any))
		body, _ := json.Marshal(n)
		if _, got, err := openNotification(body, v.Notification.APIv3Key); err == nil {
			t.Errorf("%s: taken as %+v", what, got)
		}
	}
}

func FuzzNotification(f *testing.F) {
	v := loadVectors(f)
	body, _ := json.Marshal(notificationOf(v))
	f.Add(body)
	f.Add([]byte(`{"resource":{"algorithm":"AEAD_AES_256_GCM","nonce":"","ciphertext":""}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, got, err := openNotification(body, v.Notification.APIv3Key)
		if err == nil && got.outTradeNo != "K0001" {
			t.Errorf("%q: taken as %+v without the key", body, got)
		}
	})
}

func TestVectorAnswers(t *testing.T) {
	content, err := os.ReadFile("testdata/answers.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for text := range strings.Lines(string(content)) {
		if strings.HasPrefix(text, "#") {
			continue
		}
		var call, code, kind, reason string
		var status int
		if _, err := fmt.Sscan(text, &call, &status, &code, &kind, &reason); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		n++
		want := finding{kind: kind, reason: strings.TrimPrefix(reason, "-")}
		if got := classify(call == "place", status, strings.TrimPrefix(code, "-")); got != want {
			t.Errorf("%s %d %s: got %+v, want %+v", call, status, code, got, want)
		}
	}
	if n < 40 {
		t.Errorf("read %d lines", n)
	}
}

func TestTradeStates(t *testing.T) {
	c := &client{mchID: "1900000001"}
	r := &row{State: State{OutTradeNo: "K00001", AmountFen: 7}}
	good := transaction{"1900000001", "K00001", "T1", "SUCCESS", &wechat.Amount{Total: 7, Currency: "CNY"}}
	with := func(change func(*transaction)) transaction {
		x := good
		change(&x)
		return x
	}
	unknown := func(reason string) finding { return finding{kind: findUnknown, reason: reason} }
	for _, c1 := range []struct {
		in   transaction
		want finding
	}{
		{good, finding{kind: findPaid, paidFen: 7, transactionID: "T1"}},
		{with(func(x *transaction) { x.state = "REFUND" }), finding{kind: findRefunded, paidFen: 7, transactionID: "T1"}},
		{with(func(x *transaction) { x.amount = &wechat.Amount{Total: 7} }), finding{kind: findPaid, paidFen: 7, transactionID: "T1"}},
		{with(func(x *transaction) { x.amount = &wechat.Amount{Total: 8, Currency: "CNY"} }), unknown("amount_differs")},
		{with(func(x *transaction) { x.amount = &wechat.Amount{Total: 7, Currency: "USD"} }), unknown("amount_differs")},
		{with(func(x *transaction) { x.amount = nil }), unknown("amount_differs")},
		{with(func(x *transaction) { x.mchID = "1900000002" }), unknown("answer_differs")},
		{with(func(x *transaction) { x.outTradeNo = "K00002" }), unknown("answer_differs")},
		{with(func(x *transaction) { x.state = "CLOSED"; x.outTradeNo = "K00002" }), unknown("answer_differs")},
		{with(func(x *transaction) { x.state = "ACCEPT" }), unknown("gateway_error")},
		{with(func(x *transaction) { x.state = "NOTPAY" }), finding{kind: findUnpaid}},
		{with(func(x *transaction) { x.state = "CLOSED" }), finding{kind: findClosed, reason: "closed_at_gateway"}},
		{with(func(x *transaction) { x.state = "REVOKED" }), finding{kind: findReversed, reason: "reversed_at_gateway"}},
		{with(func(x *transaction) { x.state = "USERPAYING" }), finding{kind: findPaying}},
		{with(func(x *transaction) { x.state = "PAYERROR" }), finding{kind: findRefused, reason: "pay_error"}},
	} {
		if got := c.read(r, c1.in); got != c1.want {
			t.Errorf("%+v: got %+v, want %+v", c1.in, got, c1.want)
		}
	}
}

func TestFailedCalls(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for _, c := range []struct {
		err     error
		placing bool
		want    finding
	}{
		{dial, true, finding{kind: findRefused, reason: "gateway_unreachable"}},
		{dial, false, finding{kind: findUnknown, reason: "gateway_unreachable"}},
		{&net.OpError{Op: "read", Err: io.EOF}, true, finding{kind: findUnknown, reason: "gateway_unreachable"}},
		{fmt.Errorf("x: %w", errUnverified), true, finding{kind: findUnknown, reason: "gateway_unverified"}},
		{fmt.Errorf("[%w]: x", gopay.UnmarshalErr), true, finding{kind: findUnknown, reason: "gateway_garbled"}},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), true, finding{kind: findUnknown, reason: "gateway_silent"}},
	} {
		if got := failed(c.err, c.placing); got != c.want {
			t.Errorf("%v, placing %t: got %+v, want %+v", c.err, c.placing, got, c.want)
		}
	}
}

func TestAnswersAreVerified(t *testing.T) {
	v := loadVectors(t)
	keys := platformKeys{"PUB_KEY_ID_1": publicKey(t, v.PublicKeyPEM)}
	now := time.Unix(1700000000, 0)
	h := func(serial, timestamp, signature string) http.Header {
		x := http.Header{}
		x.Set("Wechatpay-Serial", serial)
		x.Set("Wechatpay-Timestamp", timestamp)
		x.Set("Wechatpay-Nonce", "n")
		x.Set("Wechatpay-Signature", signature)
		return x
	}
	for what, header := range map[string]http.Header{
		"nothing": {}, "other serial": h("PUB_KEY_ID_2", "1700000000", v.Request.Signature), "no time": h("PUB_KEY_ID_1", "", v.Request.Signature),
		"signature of something else": h("PUB_KEY_ID_1", "1700000000", v.Request.Signature),
		"probe":                       h("PUB_KEY_ID_1", "1700000000", "WECHATPAY/SIGNTEST/"+v.Request.Signature),
		"empty signature":             h("PUB_KEY_ID_1", "1700000000", ""),
	} {
		if err := keys.verify(header, []byte("{}"), now); !errors.Is(err, errUnverified) {
			t.Errorf("%s: got %v, want %v", what, err, errUnverified)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"water", 5, "water"}, {"water", 4, "wate"}, {"水费", 6, "水费"}, {"水费", 5, "水"}, {"水费", 2, ""}} {
		if got := cut(c.text, c.n); got != c.want {
			t.Errorf("cut(%q, %d): got %q, want %q", c.text, c.n, got, c.want)
		}
	}
}
