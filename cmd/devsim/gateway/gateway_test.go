package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/credentials"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/signers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

var keyFolder string

func TestMain(m *testing.M) {
	var err error
	if keyFolder, err = os.MkdirTemp("", "gateway-keys-"); err != nil {
		panic(err)
	}
	if _, err := Setup(keyFolder); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(keyFolder)
	os.Exit(code)
}

// folder is a gateway's folder with keys already in it.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"merchant.json", "platform.json"} {
		content, err := os.ReadFile(filepath.Join(keyFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// shop is a merchant that talks to a gateway with Tencent's library, without sockets.
type shop struct {
	t   *testing.T
	dir string
	m   Merchant
	g   *Gateway
	sig *credentials.WechatPayCredentials
	val *validators.WechatPayResponseValidator
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, dir: folder(t)}
	var err error
	if s.m, err = Setup(s.dir); err != nil {
		t.Fatal(err)
	}
	private, err := utils.LoadPrivateKey(s.m.PrivateKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	public, err := utils.LoadPublicKey(s.m.PlatformPublicKeyPEM)
	if err != nil {
		t.Fatal(err)
	}
	s.sig = &credentials.WechatPayCredentials{Signer: &signers.SHA256WithRSASigner{MchID: s.m.MchID, CertificateSerialNo: s.m.Serial, PrivateKey: private}}
	s.val = validators.NewWechatPayResponseValidator(verifiers.NewSHA256WithRSAPubkeyVerifier(s.m.PlatformPublicKeyID, *public))
	s.open()
	t.Cleanup(func() { s.g.Close() })
	return s
}

func (s *shop) open() {
	s.t.Helper()
	g, err := Open(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	g.Client = &http.Client{Transport: hall(func(*http.Request) int { return 500 })}
	s.g = g
}

// reopen is a kill: the state is what was on disk.
func (s *shop) reopen() {
	s.t.Helper()
	if err := s.g.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.open()
}

// send sends one request; the answer is nil when the line was cut.
func (s *shop) send(r *http.Request) (answer *http.Response) {
	w := httptest.NewRecorder()
	defer func() {
		if v := recover(); v != nil {
			if v != http.ErrAbortHandler {
				panic(v)
			}
			answer = nil
		}
	}()
	s.g.Handler().ServeHTTP(w, r)
	return w.Result()
}

type object = map[string]any

// request makes a signed merchant request.
func (s *shop) request(method, uri string, in any) *http.Request {
	s.t.Helper()
	var body []byte
	if in != nil {
		body, _ = json.Marshal(in)
	}
	r := httptest.NewRequest(method, uri, bytes.NewReader(body))
	auth, err := s.sig.GenerateAuthorizationHeader(context.Background(), method, uri, string(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", auth)
	return r
}

// call is a merchant's call whose answer has to be signed.
func (s *shop) call(method, uri string, in any) (int, object) {
	s.t.Helper()
	answer := s.send(s.request(method, uri, in))
	if answer == nil {
		return 0, nil
	}
	if err := s.val.Validate(context.Background(), answer); err != nil {
		s.t.Errorf("%s %s: %v", method, uri, err)
	}
	text, _ := io.ReadAll(answer.Body)
	var out object
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			s.t.Errorf("%s %s: %v: %q", method, uri, err, text)
		}
	}
	return answer.StatusCode, out
}

func (s *shop) desk(method, uri string, in, out any) int {
	s.t.Helper()
	body, _ := json.Marshal(in)
	if text, ok := in.(string); ok {
		body = []byte(text)
	}
	answer := s.send(httptest.NewRequest(method, uri, bytes.NewReader(body)))
	if out != nil {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			s.t.Fatalf("%s %s: %v", method, uri, err)
		}
	}
	return answer.StatusCode
}

func (s *shop) nativeBody(no string, fen int64) object {
	return object{"appid": s.m.AppID, "mchid": s.m.MchID, "description": "water", "out_trade_no": no, "attach": "case-1",
		"notify_url": "https://hall.test/notify", "amount": object{"total": fen, "currency": "CNY"}}
}

func (s *shop) codeBody(no string, fen int64, code string) object {
	b := s.nativeBody(no, fen)
	delete(b, "notify_url")
	b["payer"] = object{"auth_code": code}
	b["scene_info"] = object{"device_id": "t-1", "device_ip": "127.0.0.1", "store_info": object{"out_id": "hall"}}
	return b
}

func (s *shop) phone(outcome string, after time.Duration) string {
	s.t.Helper()
	var out struct {
		AuthCode string `json:"auth_code"`
	}
	if got := s.desk("POST", "/desk/codes", object{"outcome": outcome, "after_ms": after.Milliseconds()}, &out); got != 200 {
		s.t.Fatalf("code: got status %d", got)
	}
	return out.AuthCode
}

func (s *shop) native(no string, fen int64) string {
	s.t.Helper()
	status, out := s.call("POST", "/v3/pay/transactions/native", s.nativeBody(no, fen))
	if status != 200 {
		s.t.Fatalf("native: got %d %v", status, out)
	}
	return out["code_url"].(string)
}

const orders, transactions = "/v3/pay/transactions/out-trade-no/", "/v3/pay/transactions/"

func (s *shop) pay(no string, fen int64, code string) (int, object) {
	s.t.Helper()
	return s.call("POST", transactions+"codepay", s.codeBody(no, fen, code))
}

func (s *shop) query(no string) (int, object) {
	s.t.Helper()
	return s.call("GET", orders+no+"?mchid="+s.m.MchID, nil)
}

func (s *shop) end(no, how string) (int, object) {
	s.t.Helper()
	return s.call("POST", orders+no+"/"+how, object{"appid": s.m.AppID, "mchid": s.m.MchID})
}

// want compares a status with a field of the answer: the state or the error's code.
func want(t *testing.T, what string, status int, out object, wantStatus int, wantWord string) {
	t.Helper()
	word, _ := out["trade_state"].(string)
	if word == "" {
		word, _ = out["code"].(string)
	}
	if word == "" {
		word, _ = out["status"].(string)
	}
	if status != wantStatus || word != wantWord {
		t.Errorf("%s: got %d %q (%v), want %d %q", what, status, word, out, wantStatus, wantWord)
	}
}

func bubble(t *testing.T, f func(s *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newShop(t)) })
}

func TestCodepay(t *testing.T) {
	bubble(t, func(s *shop) {
		status, out := s.pay("YC0001", 700, s.phone("success", 0))
		want(t, "success", status, out, 200, "SUCCESS")
		if a := out["amount"].(object); a["total"] != 700.0 || out["mchid"] != s.m.MchID || out["appid"] != s.m.AppID || out["trade_type"] != "MICROPAY" || out["attach"] != "case-1" {
			t.Errorf("order object: got %v", out)
		}
		for what, c := range map[string]struct {
			code, word string
			status     int
		}{
			"little money": {s.phone("not_enough", 0), "NOT_ENOUGH", 400}, "old code": {s.phone("expired", 0), "AUTH_CODE_EXPIRED", 400},
			"nobody's code": {"100000000000000000", "AUTH_CODE_INVALID", 400},
		} {
			no := "YC" + strings.ReplaceAll(strings.ReplaceAll(what, " ", "_"), "'", "")
			status, out := s.pay(no, 1, c.code)
			want(t, what, status, out, c.status, c.word)
			status, out = s.query(no)
			want(t, what, status, out, 200, "PAYERROR")
		}
		code := s.phone("success", 0)
		s.pay("YC0002", 1, code)
		status, out = s.pay("YC0003", 1, code)
		want(t, "used code", status, out, 400, "AUTH_CODE_INVALID")
		code = s.phone("success", 0)
		time.Sleep(codeLife + time.Second)
		status, out = s.pay("YC0004", 1, code)
		want(t, "code out of date", status, out, 400, "AUTH_CODE_EXPIRED")
	})
}

func TestPayerIsAsked(t *testing.T) {
	for outcome, end := range map[string]string{"paying_then_success": "SUCCESS", "paying_then_cancel": "PAYERROR", "success": "SUCCESS"} {
		bubble(t, func(s *shop) {
			status, out := s.pay("YC0001", 700, s.phone(outcome, 5*time.Second))
			want(t, outcome, status, out, 400, "USER_PAYING")
			status, out = s.query("YC0001")
			want(t, outcome+" at once", status, out, 200, "USERPAYING")
			time.Sleep(4999 * time.Millisecond)
			status, out = s.query("YC0001")
			want(t, outcome+" before", status, out, 200, "USERPAYING")
			s.reopen()
			time.Sleep(time.Millisecond)
			status, out = s.query("YC0001")
			want(t, outcome+" after", status, out, 200, end)
			id, _ := out["transaction_id"].(string)
			if end == "SUCCESS" {
				status, out = s.call("GET", transactions+"id/"+id+"?mchid="+s.m.MchID, nil)
				want(t, "by transaction id", status, out, 200, end)
			}
		})
	}
}

func TestNative(t *testing.T) {
	bubble(t, func(s *shop) {
		url := s.native("YC0001", 700)
		if again := s.native("YC0001", 700); again != url {
			t.Errorf("asked again: got %s, want %s", again, url)
		}
		status, out := s.call("POST", transactions+"native", s.nativeBody("YC0001", 701))
		want(t, "another amount", status, out, 403, "OUT_TRADE_NO_USED")
		status, out = s.pay("YC0001", 700, s.phone("success", 0))
		want(t, "the other way to pay", status, out, 403, "OUT_TRADE_NO_USED")
		status, out = s.query("YC0001")
		want(t, "not paid", status, out, 200, "NOTPAY")
		if got := s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "paying_then_cancel", "after_ms": 0}, nil); got != 200 {
			t.Errorf("scan and cancel: got status %d", got)
		}
		if got := s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "success", "after_ms": 1000}, nil); got != 200 {
			t.Errorf("scan: got status %d", got)
		}
		if got := s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "success", "after_ms": 0}, nil); got != 409 {
			t.Errorf("second phone: got status %d, want 409", got)
		}
		if got := s.desk("POST", "/desk/scan", object{"code_url": "weixin://other", "outcome": "success", "after_ms": 0}, nil); got != 404 {
			t.Errorf("unknown code: got status %d, want 404", got)
		}
		time.Sleep(time.Second)
		status, out = s.query("YC0001")
		want(t, "paid", status, out, 200, "SUCCESS")
		status, out = s.end("YC0001", "close")
		want(t, "close of a paid one", status, out, 400, "ORDERPAID")
		status, out = s.call("POST", transactions+"native", s.nativeBody("YC0001", 700))
		want(t, "native of a paid one", status, out, 400, "ORDERPAID")
	})
}

func TestCloseAndExpiry(t *testing.T) {
	bubble(t, func(s *shop) {
		url := s.native("YC0001", 700)
		s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "success", "after_ms": 5000}, nil)
		status, out := s.end("YC0001", "close")
		want(t, "close", status, out, 204, "")
		status, out = s.end("YC0001", "close")
		want(t, "close again", status, out, 400, "ORDER_CLOSED")
		time.Sleep(10 * time.Second)
		status, out = s.query("YC0001")
		want(t, "closed before the payer was ready", status, out, 200, "CLOSED")
		status, out = s.end("YC0404", "close")
		want(t, "close of nothing", status, out, 404, "ORDER_NOT_EXIST")
		body := s.nativeBody("YC0002", 1)
		body["time_expire"] = time.Now().Add(time.Minute).Format(time.RFC3339)
		s.call("POST", transactions+"native", body)
		time.Sleep(time.Minute - time.Second)
		status, out = s.query("YC0002")
		want(t, "before the expiry", status, out, 200, "NOTPAY")
		time.Sleep(time.Second)
		status, out = s.query("YC0002")
		want(t, "after the expiry", status, out, 200, "CLOSED")
	})
}

func TestReverse(t *testing.T) {
	bubble(t, func(s *shop) {
		s.pay("YC0001", 700, s.phone("success", 0))
		s.pay("YC0002", 700, s.phone("paying_then_success", 20*time.Second))
		s.native("YC0003", 1)
		time.Sleep(15*time.Second - time.Millisecond)
		status, out := s.end("YC0001", "reverse")
		want(t, "too soon", status, out, 400, "INVALID_REQUEST")
		time.Sleep(time.Millisecond)
		for _, no := range []string{"YC0001", "YC0001", "YC0002"} {
			if status, out := s.end(no, "reverse"); status != 200 || out["out_trade_no"] != no || out["mchid"] != s.m.MchID {
				t.Errorf("reverse %s: got %d %v", no, status, out)
			}
		}
		time.Sleep(time.Minute)
		for _, no := range []string{"YC0001", "YC0002"} {
			status, out = s.query(no)
			want(t, "reversed", status, out, 200, "REVOKED")
			if o := s.g.book.orders[no]; o.PaidFen != 0 {
				t.Errorf("%s: still holds %d", no, o.PaidFen)
			}
		}
		status, out = s.end("YC0003", "reverse")
		want(t, "reverse of a native order", status, out, 400, "INVALID_REQUEST")
		status, out = s.end("YC0001", "close")
		want(t, "close of a code payment", status, out, 400, "INVALID_REQUEST")
		status, out = s.end("YC0404", "reverse")
		want(t, "reverse of nothing", status, out, 404, "ORDER_NOT_EXIST")
		s.pay("YC0005", 700, s.phone("success", 0))
		time.Sleep(reverseDays + time.Second)
		status, out = s.end("YC0005", "reverse")
		want(t, "too late", status, out, 400, "REVERSE_EXPIRE")
	})
}

func (s *shop) refund(no, refundNo string, fen, total int64) (int, object) {
	s.t.Helper()
	return s.call("POST", "/v3/refund/domestic/refunds", object{"out_trade_no": no, "out_refund_no": refundNo, "amount": object{"refund": fen, "total": total, "currency": "CNY"}})
}

func TestRefund(t *testing.T) {
	bubble(t, func(s *shop) {
		s.pay("YC0001", 700, s.phone("success", 0))
		s.native("YC0002", 700)
		for _, c := range []struct {
			no, refundNo string
			fen, total   int64
			status       int
			word         string
		}{
			{"YC0001", "R1", 300, 700, 200, "PROCESSING"}, {"YC0001", "R1", 300, 700, 200, "PROCESSING"}, {"YC0001", "R1", 301, 700, 400, "PARAM_ERROR"},
			{"YC0001", "R2", 300, 701, 400, "PARAM_ERROR"}, {"YC0001", "R2", 401, 700, 403, "NOT_ENOUGH"}, {"YC0001", "R2", 400, 700, 200, "PROCESSING"},
			{"YC0001", "R3", 0, 700, 400, "PARAM_ERROR"}, {"YC0002", "R4", 1, 700, 400, "INVALID_REQUEST"}, {"YC0404", "R5", 1, 700, 404, "RESOURCE_NOT_EXISTS"},
			{"YC0001", "", 1, 700, 400, "PARAM_ERROR"},
		} {
			status, out := s.refund(c.no, c.refundNo, c.fen, c.total)
			want(t, fmt.Sprintf("%+v", c), status, out, c.status, c.word)
		}
		time.Sleep(refundTakes)
		for refundNo, word := range map[string]string{"R1": "SUCCESS", "R2": "SUCCESS", "R9": "RESOURCE_NOT_EXISTS"} {
			status, out := s.call("GET", "/v3/refund/domestic/refunds/"+refundNo, nil)
			want(t, refundNo, status, out, map[bool]int{true: 200, false: 404}[word == "SUCCESS"], word)
		}
		status, out := s.query("YC0001")
		want(t, "order", status, out, 200, "REFUND")
		time.Sleep(20 * time.Second)
		status, out = s.end("YC0001", "reverse")
		want(t, "reverse after refund", status, out, 400, "TRADE_ERROR")
	})
}

func TestBadRequests(t *testing.T) {
	bubble(t, func(s *shop) {
		for what, change := range map[string]func(object){
			"other merchant": func(b object) { b["mchid"] = "1900000001" }, "other app": func(b object) { b["appid"] = "wx0" },
			"no number": func(b object) { b["out_trade_no"] = "" }, "short number": func(b object) { b["out_trade_no"] = "12345" },
			"no description": func(b object) { delete(b, "description") }, "no amount": func(b object) { delete(b, "amount") },
			"dollars": func(b object) { b["amount"] = object{"total": 1, "currency": "USD"} }, "http": func(b object) { b["notify_url"] = "http://hall.test/notify" },
			"past": func(b object) { b["time_expire"] = time.Now().Format(time.RFC3339) }, "long attach": func(b object) { b["attach"] = strings.Repeat("x", 129) },
			"no notify_url": func(b object) { delete(b, "notify_url") }, "query in notify_url": func(b object) { b["notify_url"] = "https://hall.test/notify?a=b" },
		} {
			b := s.nativeBody("YC0001", 1)
			change(b)
			if status, out := s.call("POST", transactions+"native", b); status != 400 {
				t.Errorf("%s: got %d %v, want 400", what, status, out)
			}
		}
		b := s.codeBody("YC0001", 1, s.phone("success", 0))
		delete(b, "scene_info")
		status, out := s.call("POST", transactions+"codepay", b)
		want(t, "no scene", status, out, 400, "PARAM_ERROR")
		status, out = s.call("GET", "/v3/nothing", nil)
		want(t, "no such interface", status, out, 404, "RESOURCE_NOT_EXISTS")
		status, out = s.call("GET", orders+"YC0001?mchid=1", nil)
		want(t, "query of another merchant", status, out, 400, "PARAM_ERROR")
		if len(s.g.book.orders) != 0 {
			t.Errorf("orders: got %v, want none", s.g.book.orders)
		}
	})
}

func TestSignaturesAreChecked(t *testing.T) {
	bubble(t, func(s *shop) {
		uri := orders + "YC0001?mchid=" + s.m.MchID
		good := s.request("GET", uri, nil).Header.Get("Authorization")
		stale := func() string {
			time.Sleep(signWindow + time.Second)
			return good
		}
		for what, change := range map[string]func(r *http.Request){
			"none":         func(r *http.Request) { r.Header.Del("Authorization") },
			"other method": func(r *http.Request) { r.Method = "POST" },
			"other query":  func(r *http.Request) { r.URL.RawQuery += "&a=b" },
			"other merchant": func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(good, s.m.MchID, "1900000001", 1))
			},
			"other serial":  func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(good, s.m.Serial, "00", 1)) },
			"other scheme":  func(r *http.Request) { r.Header.Set("Authorization", strings.Replace(good, "SHA256", "SM3", 1)) },
			"field twice":   func(r *http.Request) { r.Header.Set("Authorization", good+`,mchid="1"`) },
			"field missing": func(r *http.Request) { r.Header.Set("Authorization", good[:strings.LastIndex(good, ",")]) },
			"body added":    func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) },
		} {
			r := s.request("GET", uri, nil)
			change(r)
			if got := s.send(r).StatusCode; got != 401 && what != "other method" {
				t.Errorf("%s: got status %d, want 401", what, got)
			}
		}
		r := s.request("GET", uri, nil)
		if got := s.send(r).StatusCode; got != 404 {
			t.Errorf("good one: got status %d, want 404", got)
		}
		r = httptest.NewRequest("GET", uri, nil)
		r.Header.Set("Authorization", stale())
		if got := s.send(r).StatusCode; got != 401 {
			t.Errorf("five minutes later: got status %d, want 401", got)
		}
	})
}

func TestNotificationUntilAcknowledged(t *testing.T) {
	bubble(t, func(s *shop) {
		got := make(chan time.Time, 99)
		var told atomic.Int32
		s.g.Client = &http.Client{Transport: hall(func(r *http.Request) int {
			body, _ := io.ReadAll(r.Body)
			answer := &http.Response{Header: r.Header, Body: io.NopCloser(bytes.NewReader(body))}
			if err := s.val.Validate(context.Background(), answer); err != nil {
				t.Errorf("notification: %v", err)
			}
			var n struct {
				EventType string            `json:"event_type"`
				Resource  map[string]string `json:"resource"`
			}
			_ = json.Unmarshal(body, &n)
			plain, err := utils.DecryptAES256GCM(s.m.APIv3Key, n.Resource["associated_data"], n.Resource["nonce"], n.Resource["ciphertext"])
			if err != nil || n.EventType != "TRANSACTION.SUCCESS" || !strings.Contains(plain, `"out_trade_no":"YC0001"`) || !strings.Contains(plain, s.m.MchID) {
				t.Errorf("notification: %v %s %s", err, n.EventType, plain)
			}
			got <- time.Now()
			if told.Add(1) <= 3 {
				return 500
			}
			return 204
		})}
		url := s.native("YC0001", 700)
		start := time.Now()
		s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "success", "after_ms": 1000}, nil)
		time.Sleep(time.Hour)
		var at []string
		for len(got) > 0 {
			at = append(at, (<-got).Sub(start).String())
		}
		if text := strings.Join(at, " "); text != "1s 16s 31s 1m1s" {
			t.Errorf("notified after %s, want 1s 16s 31s 1m1s", text)
		}
	})
}

// hall answers notifications.
type hall func(*http.Request) int

func (h hall) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: h(r), Body: http.NoBody, Header: http.Header{}}, nil
}

func TestSurvivesAKill(t *testing.T) {
	dir := folder(t)
	b, err := openBook(dir)
	if err != nil {
		t.Fatal(err)
	}
	o := newOrder(placeRequest{OutTradeNo: "YC0001", Amount: amount{Total: 7}}, true, time.Now())
	o.become(stateSuccess, o.Created)
	for _, l := range []line{{Order: o}, {Code: &code{AuthCode: "10"}}, {Faults: map[string]int{"garbage": 2}}} {
		if err := b.write(l); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.file.WriteString(`{"order":{"out_trade_no":"YC00`); err != nil {
		t.Fatal(err)
	}
	if err := b.file.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := openBook(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := again.orders["YC0001"]
	if len(again.orders) != 1 || got == nil || got.PaidFen != 7 || got.TransactionID != o.TransactionID || again.codes["10"] == nil || again.faults["garbage"] != 2 {
		t.Errorf("after the kill: got %+v, %v, %v", got, again.codes, again.faults)
	}
	again.file.Close()
	if err := os.WriteFile(filepath.Join(dir, "gateway.jsonl"), []byte("{}\nrubbish\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openBook(dir); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a spoilt file: got %v, want an error that names line 2", err)
	}
}

func TestSetupMakesKeysOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gateway")
	first, err := Setup(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Setup(dir)
	if err != nil || first != second {
		t.Errorf("second start: got %+v, %v, want the same as %+v", second, err, first)
	}
	if _, err := strconv.ParseUint(first.MchID, 10, 64); err != nil || len(first.MchID) != 10 || len(first.APIv3Key) != 32 || len(first.Serial) != 40 {
		t.Errorf("merchant: got %+v", first)
	}
	for _, name := range []string{"merchant.json", "platform.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v, want mode 0600", name, info, err)
		}
	}
}
