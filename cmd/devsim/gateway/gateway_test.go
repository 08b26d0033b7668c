package gateway

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

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
		status, out = s.call("POST", transactions+"native", s.nativeBody("YC0001", 700))
		want(t, "native of a closed one", status, out, 400, "ORDER_CLOSED")
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
			status, out = s.pay(no, 700, s.phone("success", 0))
			want(t, "pay of a reversed one", status, out, 400, "ORDER_REVERSED")
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
