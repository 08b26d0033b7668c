package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestDeskRefusesWhatItDoesNotKnow(t *testing.T) {
	bubble(t, func(s *shop) {
		for _, c := range []struct{ method, uri, body, kind string }{
			{"POST", "/desk/codes", `{"outcome":"success","after_ms":0,"colour":"red"}`, "bad_request"},
			{"POST", "/desk/codes", `{"outcome":"maybe"}`, "unknown_outcome"},
			{"POST", "/desk/codes", `{"outcome":"success","after_ms":-1}`, "bad_time"},
			{"POST", "/desk/codes", `{"outcome":"success","after_ms":3600001}`, "bad_time"},
			{"POST", "/desk/codes", `{"outcome":"success"}{}`, "bad_request"},
			{"POST", "/desk/codes", ``, "bad_request"},
			{"POST", "/desk/scan", `{"code":"x","outcome":"success"}`, "bad_request"},
			{"PUT", "/desk/faults", `{"shape":"earthquake","count":1}`, "unknown_fault"},
			{"PUT", "/desk/faults", `{"shape":"garbage","count":-1}`, "unknown_fault"},
			{"PUT", "/desk/faults", `{"shape":"garbage","times":1}`, "bad_request"},
		} {
			var out struct {
				Error struct{ Kind, Text string }
			}
			if got := s.desk(c.method, c.uri, c.body, &out); got != http.StatusBadRequest || out.Error.Kind != c.kind || out.Error.Text == "" {
				t.Errorf("%s %s %s: got %d %+v, want 400 %s", c.method, c.uri, c.body, got, out, c.kind)
			}
		}
	})
}

func TestCodesAreNoIDNumbers(t *testing.T) {
	form := regexp.MustCompile(`^1[0-5]\d{16}$`)
	bubble(t, func(s *shop) {
		prefixes := map[string]bool{}
		for range 300 {
			c := s.phone("success", 0)
			if !form.MatchString(c) || couldBeID(c) {
				t.Fatalf("code %s", c)
			}
			prefixes[c[:2]] = true
		}
		if len(prefixes) != 6 {
			t.Errorf("prefixes: got %v, want 10 to 15", prefixes)
		}
	})
	// The first two are right by GB 11643, the third has another check digit.
	for c, want := range map[string]bool{"110101199001010015": true, "110105194912310020": false, "110101199001010016": false} {
		if got := couldBeID(c); got != want {
			t.Errorf("couldBeID(%s): got %t, want %t", c, got, want)
		}
	}
}

func TestDeskOrders(t *testing.T) {
	bubble(t, func(s *shop) {
		answer := s.send(httptest.NewRequest("GET", "/desk/orders", nil))
		var empty []any
		if err := json.NewDecoder(answer.Body).Decode(&empty); err != nil || empty == nil || len(empty) != 0 {
			t.Errorf("no orders: got %v, %v, want []", empty, err)
		}
		url := s.native("YC0002", 100)
		time.Sleep(time.Second)
		s.pay("YC0001", 700, s.phone("success", 0))
		s.query("YC0001")
		s.refund("YC0001", "R1", 200, 700)
		time.Sleep(refundTakes)
		s.end("YC0002", "close")
		var list []deskOrder
		if got := s.desk("GET", "/desk/orders", nil, &list); got != 200 || len(list) != 2 {
			t.Fatalf("got %d %+v", got, list)
		}
		a, b := list[0], list[1]
		if a.OutTradeNo != "YC0002" || a.CodeURL != url || a.State != "CLOSED" || a.PaidFen != 0 || a.Calls["pay"] != 1 || a.Calls["close"] != 1 || a.Case != "case-1" || a.AmountFen != 100 {
			t.Errorf("first: got %+v", a)
		}
		if b.OutTradeNo != "YC0001" || b.State != "REFUND" || b.PaidFen != 700 || b.Calls["pay"] != 1 || b.Calls["query"] != 1 || b.Calls["refund"] != 1 || b.Calls["reverse"] != 0 {
			t.Errorf("second: got %+v", b)
		}
		if len(b.Refunds) != 1 || b.Refunds[0] != (deskRefund{"R1", 200, "SUCCESS"}) {
			t.Errorf("refunds: got %+v", b.Refunds)
		}
		var log []string
		for _, l := range b.Log {
			log = append(log, l.Call+"="+l.Answer)
		}
		if got := strings.Join(log, " "); got != "pay=SUCCESS query=SUCCESS refund=PROCESSING" {
			t.Errorf("log: got %q", got)
		}
	})
}

// armed gives the faults that are armed.
func (s *shop) armed() map[string]int {
	s.t.Helper()
	var list []deskFault
	s.desk("GET", "/desk/faults", nil, &list)
	m := map[string]int{}
	for _, f := range list {
		if f.What == "" {
			s.t.Errorf("fault %s: says not what it does", f.Shape)
		}
		m[f.Shape] = f.Armed
	}
	return m
}

func (s *shop) arm(shape string, count int) {
	s.t.Helper()
	if got := s.desk("PUT", "/desk/faults", object{"shape": shape, "count": count}, nil); got != 200 {
		s.t.Fatalf("arm %s: got status %d", shape, got)
	}
}

func TestFaultsAreKept(t *testing.T) {
	bubble(t, func(s *shop) {
		for _, name := range []string{"paid_answer_lost", "answered_twice", "refused", "http_500_after_success", "garbage", "silence"} {
			if got, known := s.armed()[name]; !known || got != 0 {
				t.Errorf("%s: got %d, known %t", name, got, known)
			}
		}
		s.arm("garbage", 3)
		s.arm("reset", 2)
		s.arm("reset", 0)
		s.reopen()
		if got := s.armed(); got["garbage"] != 3 || got["reset"] != 0 {
			t.Errorf("after a restart: got %v", got)
		}
		s.send(s.request("GET", orders+"YC0001?mchid="+s.m.MchID, nil))
		s.reopen()
		if got := s.armed()["garbage"]; got != 2 {
			t.Errorf("after one call: got %d, want 2", got)
		}
	})
}

// TestFaults looks at what the host sees of a payment by code with one fault, and what the gateway did.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		shape  string
		status int // 0: the line is cut
		signed bool
		word   string
		state  string // what the gateway made of the order; empty: it has none
	}{
		{"paid_answer_lost", 0, false, "", "SUCCESS"},
		{"answered_twice", 200, true, "SUCCESS", "SUCCESS"},
		{"refused", 403, true, "NOT_ENOUGH", "PAYERROR"},
		{"http_500_after_success", 500, true, "SYSTEM_ERROR", "SUCCESS"},
		{"garbage", 200, false, "", "SUCCESS"},
		{"silence", 0, false, "", ""},
		{"silence_after_success", 0, false, "", "SUCCESS"},
		{"bad_signature", 200, false, "SUCCESS", "SUCCESS"},
		{"clock_off", 200, false, "SUCCESS", "SUCCESS"},
		{"rate_limited", 429, true, "FREQUENCY_LIMITED", ""},
		{"reset", 0, false, "", ""},
		{"slow", 200, true, "SUCCESS", "SUCCESS"},
	} {
		bubble(t, func(s *shop) {
			s.arm(c.shape, 1)
			r := s.request("POST", transactions+"codepay", s.codeBody("YC0001", 700, s.phone("success", 0)))
			start := time.Now()
			answer := s.send(r)
			took := time.Since(start)
			if answer != nil {
				status := answer.StatusCode
				if signed := s.val.Validate(r.Context(), answer) == nil; status != c.status || signed != c.signed {
					t.Errorf("%s: got %d, signed %t, want %d, %t", c.shape, status, signed, c.status, c.signed)
				}
				var out object
				_ = json.NewDecoder(answer.Body).Decode(&out)
				if c.word != "" {
					want(t, c.shape, status, out, c.status, c.word)
				}
			} else if c.status != 0 {
				t.Errorf("%s: the line was cut", c.shape)
			}
			waited := map[string]time.Duration{"silence": silenceMax, "silence_after_success": silenceMax, "slow": slowAnswer}[c.shape]
			if took != waited {
				t.Errorf("%s: took %s, want %s", c.shape, took, waited)
			}
			state := ""
			if o := s.g.book.orders["YC0001"]; o != nil {
				state = o.State
			}
			if state != c.state || s.armed()[c.shape] != 0 {
				t.Errorf("%s: the order is %q, want %q; still armed %d", c.shape, state, c.state, s.armed()[c.shape])
			}
		})
	}
}

func TestFaultsOfTheCourse(t *testing.T) {
	bubble(t, func(s *shop) {
		s.pay("YC0001", 700, s.phone("success", 0))
		s.arm("query_behind", 1)
		status, out := s.query("YC0001")
		want(t, "query_behind", status, out, 200, "NOTPAY")
		s.arm("order_not_exist_once", 1)
		status, out = s.query("YC0001")
		want(t, "order_not_exist_once", status, out, 404, "ORDER_NOT_EXIST")
		s.arm("wrong_amount", 1)
		status, out = s.query("YC0001")
		want(t, "wrong_amount", status, out, 200, "SUCCESS")
		if got := out["amount"].(object)["total"]; got != 701.0 {
			t.Errorf("wrong_amount: got %v, want 701", got)
		}
		s.arm("wrong_order", 1)
		if _, out = s.query("YC0001"); out["out_trade_no"] == "YC0001" {
			t.Errorf("wrong_order: got %v", out)
		}
		s.arm("refund_processing", 1)
		s.refund("YC0001", "R1", 1, 700)
		time.Sleep(refundTakesLong - time.Second)
		status, out = s.call("GET", "/v3/refund/domestic/refunds/R1", nil)
		want(t, "refund_processing", status, out, 200, "PROCESSING")
		time.Sleep(time.Second)
		status, out = s.call("GET", "/v3/refund/domestic/refunds/R1", nil)
		want(t, "refund_processing, later", status, out, 200, "SUCCESS")
		s.arm("refund_abnormal", 1)
		status, out = s.refund("YC0001", "R2", 1, 700)
		want(t, "refund_abnormal", status, out, 200, "ABNORMAL")
		s.native("YC0002", 100)
		s.arm("paid_at_close", 1)
		status, out = s.end("YC0002", "close")
		want(t, "paid_at_close", status, out, 400, "ORDERPAID")
		s.native("YC0003", 100)
		s.arm("paid_after_close", 1)
		status, out = s.end("YC0003", "close")
		want(t, "paid_after_close", status, out, 204, "")
		status, out = s.query("YC0003")
		want(t, "paid_after_close, at once", status, out, 200, "CLOSED")
		time.Sleep(lateAfter)
		status, out = s.query("YC0003")
		want(t, "paid_after_close, then", status, out, 200, "SUCCESS")
		s.arm("refused", 1)
		status, out = s.call("POST", transactions+"native", s.nativeBody("YC0004", 1))
		want(t, "refused", status, out, 403, "NO_AUTH")
		s.native("YC0005", 100)
		s.arm("close_lost", 1)
		if status, _ = s.end("YC0005", "close"); status != 0 || s.g.book.orders["YC0005"].State != stateClosed {
			t.Errorf("close_lost: got %d, %s", status, s.g.book.orders["YC0005"].State)
		}
	})
}

func TestVectors(t *testing.T) {
	content, err := os.ReadFile("testdata/wechat.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		PublicKeyPEM string `json:"public_key_pem"`
		Request      struct {
			Method, Path, Timestamp, Nonce, Body, Signature string
		}
		Notification struct {
			APIv3Key       string `json:"apiv3_key"`
			Nonce          string
			AssociatedData string `json:"associated_data"`
			Plaintext      string
			Ciphertext     string
		}
	}
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	n := v.Notification
	if got, err := sealWith(n.APIv3Key, n.Nonce, n.AssociatedData, []byte(n.Plaintext)); err != nil || got != n.Ciphertext {
		t.Errorf("seal: got %s, %v, want %s", got, err, n.Ciphertext)
	}
	r := v.Request
	message := requestMessage(r.Method, r.Path, r.Timestamp, r.Nonce, r.Body)
	checkVector(t, v.PublicKeyPEM, message, r.Signature)
}

func FuzzAuthorization(f *testing.F) {
	f.Add(scheme + `mchid="1",nonce_str="2",timestamp="3",serial_no="4",signature="5"`)
	f.Add(scheme + `mchid="1",mchid="1"`)
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		fields, err := parseAuthorization(header)
		if err == nil && len(fields) != 5 {
			t.Errorf("%q: got %v", header, fields)
		}
	})
}

func FuzzBook(f *testing.F) {
	f.Add([]byte(`{"order":{"out_trade_no":"YC0001"}}` + "\n" + `{"faults":{"garbage":1}}` + "\n" + `{"co`))
	f.Fuzz(func(t *testing.T, content []byte) {
		b := &book{orders: map[string]*order{}, codes: map[string]*code{}, faults: map[string]int{}}
		_ = b.replay(content)
	})
}

// TestFromTheManuals pins what the gateway's pages say in numbers.
func TestFromTheManuals(t *testing.T) {
	for what, c := range map[string]struct{ got, want time.Duration }{
		"reverse, sooner":         {reverseAfter, 15 * time.Second},
		"reverse, later":          {reverseDays, 168 * time.Hour},
		"signature":               {signWindow, 300 * time.Second},
		"an order without expiry": {orderLife, 168 * time.Hour},
		"answer to notification":  {notifyLimit, 5 * time.Second},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", what, c.got, c.want)
		}
	}
	var schedule []string
	for _, d := range notifyAgain {
		schedule = append(schedule, d.String())
	}
	if got, want := strings.Join(schedule, " "), "15s 15s 30s 3m0s 10m0s 20m0s 30m0s 30m0s 30m0s 1h0m0s 3h0m0s 3h0m0s 3h0m0s 6h0m0s 6h0m0s"; got != want {
		t.Errorf("notifications: got %s, want %s", got, want)
	}
	for no, want := range map[string]bool{"12345": false, "123456": true, "aZ09_-|*": true, "a b c d": false, strings.Repeat("9", 32): true, strings.Repeat("9", 33): false} {
		if got := outTradeNo.MatchString(no); got != want {
			t.Errorf("out_trade_no %q: got %t", no, got)
		}
	}
	for no, want := range map[string]bool{"": false, "R": true, "aZ09_-|*@": true, "a/b": false, strings.Repeat("9", 64): true, strings.Repeat("9", 65): false} {
		if got := outRefundNo.MatchString(no); got != want {
			t.Errorf("out_refund_no %q: got %t", no, got)
		}
	}
}

func TestDeskSeesThePresent(t *testing.T) {
	bubble(t, func(s *shop) {
		body := s.nativeBody("YC0001", 1)
		body["time_expire"] = time.Now().Add(time.Minute).Format(time.RFC3339)
		s.call("POST", transactions+"native", body)
		url := s.native("YC0002", 2)
		var scan struct{ State string }
		s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "success", "after_ms": 0}, &scan)
		if scan.State != "SUCCESS" {
			t.Errorf("scan: got %+v, want SUCCESS", scan)
		}
		url = s.native("YC0003", 3)
		s.desk("POST", "/desk/scan", object{"code_url": url, "outcome": "expired", "after_ms": 0}, &scan)
		if scan.State != "CLOSED" {
			t.Errorf("scan of an old code: got %+v, want CLOSED", scan)
		}
		time.Sleep(time.Minute)
		var list []deskOrder
		s.desk("GET", "/desk/orders", nil, &list)
		if len(list) != 3 || list[0].State != "CLOSED" || list[1].State != "SUCCESS" || list[2].State != "CLOSED" {
			t.Errorf("orders: got %+v", list)
		}
	})
}

func TestRefusalsSayOneThing(t *testing.T) {
	bubble(t, func(s *shop) {
		for uri, body := range map[string]string{"/desk/codes": `{"outcome":"maybe"}`, "/desk/scan": `{"code_url":"x","outcome":"success","after_ms":-1}`} {
			answer := s.send(httptest.NewRequest("POST", uri, strings.NewReader(body)))
			text, err := io.ReadAll(answer.Body)
			if err != nil || strings.Count(string(text), "\n") != 1 {
				t.Errorf("%s: got %q, want one document", uri, text)
			}
		}
		if len(s.g.book.codes) != 0 {
			t.Errorf("codes: got %v, want none", s.g.book.codes)
		}
	})
}
