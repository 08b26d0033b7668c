package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

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
