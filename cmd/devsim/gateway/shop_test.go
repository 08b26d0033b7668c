package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
