package qr_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/devsim/gateway"
	"yichuang/sync/qr"
)

// TestOverRealSockets is the one smoke test without virtual time: gateway, hall and notification over
// loopback, with an answer that comes twice.
func TestOverRealSockets(t *testing.T) {
	d := newDesk(t, nil)
	d.stop()
	if err := d.gateway.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(d.t.Context())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- gateway.Run(ctx, d.folder, "127.0.0.1:0", func(url string) { ready <- url }) }()
	paid := make(chan qr.State, 9)
	d.cfg.BaseURL, d.cfg.Transport = <-ready, nil
	d.cfg.OnChange = func(s qr.State) {
		if s.State == qr.Paid {
			paid <- s
		}
	}
	hall := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.machine.Notify().ServeHTTP(w, r) }))
	defer hall.Close()
	d.cfg.NotifyURL = hall.URL + "/notify"
	d.db.Close()
	d.startHall()
	post := func(path, body string) {
		t.Helper()
		method := http.MethodPost
		if strings.HasSuffix(path, "faults") {
			method = http.MethodPut
		}
		r, err := http.NewRequest(method, d.cfg.BaseURL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != 200 {
			t.Fatalf("%s %s: got %v, %v", path, body, answer, err)
		}
		answer.Body.Close()
	}
	post("/desk/faults", `{"shape":"answered_twice","count":1}`)
	s := d.place(show(1, 700))
	check(t, "placed", s, qr.Placed, 0, false)
	post("/desk/scan", `{"code_url":"`+s.CodeURL+`","outcome":"success","after_ms":0}`)
	select {
	case s = <-paid:
	case <-time.After(30 * time.Second):
		t.Fatal("never paid")
	}
	check(t, "paid", s, qr.Paid, 700, true)
	cancel()
	if err := <-done; err != nil {
		t.Errorf("gateway: %v", err)
	}
	s = d.place(show(2, 700))
	check(t, "the gateway is down", s, qr.Refused, 0, true)
	if s.Reason != "gateway_unreachable" {
		t.Errorf("reason: got %s", s.Reason)
	}
	if len(paid) > 0 {
		t.Errorf("told again that it is paid: %+v", <-paid)
	}
	d.gateway, _ = gateway.Open(d.folder) // for the clean-up
}

// TestNotificationIsNotBelieved sends what is not from the gateway, and what is about something else.
func TestNotificationIsNotBelieved(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		s := d.place(show(1, 700))
		send := func(method, body string) int {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(method, "/notify", strings.NewReader(body))
			r.Header.Set("Wechatpay-Serial", d.cfg.PlatformKeyID)
			r.Header.Set("Wechatpay-Timestamp", "946684800")
			r.Header.Set("Wechatpay-Nonce", "n")
			r.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/AAAA")
			d.machine.Notify().ServeHTTP(w, r)
			return w.Code
		}
		if got := send("POST", `{"event_type":"TRANSACTION.SUCCESS"}`); got != 401 {
			t.Errorf("wrong signature: got %d, want 401", got)
		}
		if got := send("GET", ""); got != 405 {
			t.Errorf("GET: got %d, want 405", got)
		}
		if got := send("POST", strings.Repeat("x", 1<<20)); got != 400 {
			t.Errorf("a long one: got %d, want 400", got)
		}
		check(t, "still open", d.query(s.OutTradeNo, 0), qr.Placed, 0, false)
	})
}

// TestNotificationAlone pays while the gateway answers no query: the notification is enough.
func TestNotificationAlone(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		s := d.place(show(1, 700))
		d.arm("silence", 100000)
		d.arm("notify_twice", 1)
		d.scans(s.CodeURL, "success", time.Second)
		check(t, "paid", d.query(s.OutTradeNo, 5*time.Second), qr.Paid, 700, true)
	})
}

func TestQueryWaitsForAChangeOnly(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		s := d.place(show(1, 700))
		start := time.Now()
		check(t, "nothing happens", d.query(s.OutTradeNo, 10*time.Second), qr.Placed, 0, false)
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %s, want 10 s", took)
		}
		ctx, cancel := context.WithCancel(d.t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := d.machine.Query(ctx, s.OutTradeNo, time.Hour); err != context.Canceled {
			t.Errorf("caller gone: got %v", err)
		}
		if _, err := d.machine.Close(d.t.Context(), "a b", 0); err == nil {
			t.Error("close of no number: taken")
		}
	})
}

// TestPaceOfQueries: a person at the screen is worth a query every two seconds, and not more.
func TestPaceOfQueries(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		s := d.place(show(1, 700))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := d.theirs()[s.OutTradeNo].Calls["query"]; got < 29 || got > 30 {
			t.Errorf("queries in a minute: got %d, want 29 or 30", got)
		}
	})
}

// TestPowerGoesOffDuringTheCall: the intent is on disk, so the next start finds out.
func TestPowerGoesOffDuringTheCall(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.arm("slow", 1)
		code := d.phone("success", 0)
		failed := make(chan error, 1)
		go func() {
			_, err := d.machine.Place(context.Background(), scan(1, 700, code))
			failed <- err
		}()
		time.Sleep(time.Second)
		check(t, "during the call", d.query("YC000001", 0), qr.Unknown, 0, false)
		d.restartHall()
		if err := <-failed; err == nil {
			t.Error("the dead hall answered")
		}
		check(t, "after the start", d.settled("YC000001"), qr.Paid, 700, true)
		if got := d.theirs()["YC000001"].Calls["pay"]; got != 1 {
			t.Errorf("pay calls: got %d, want 1", got)
		}
	})
}

func TestCodeIsOnNoDisk(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		code := d.phone("paying_then_success", time.Hour)
		d.place(scan(1, 700, code))
		for _, name := range []string{"hall.db", "hall.db-wal"} {
			if holds(t, filepath.Join(d.folder, name), code) {
				t.Errorf("%s holds the payment code", name)
			}
		}
	})
}

func holds(t *testing.T, path, text string) bool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(content, []byte(text))
}
