package qr_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/cmd/devsim/gateway"
	"yichuang/kiosk/sqlite"
	"yichuang/sync/qr"
)

// keyFolder holds keys that all tests share: making them takes longer than using them.
var keyFolder string

func TestMain(m *testing.M) {
	var err error
	if keyFolder, err = os.MkdirTemp("", "qr-keys-"); err != nil {
		panic(err)
	}
	if _, err := gateway.Setup(keyFolder); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(keyFolder)
	os.Exit(code)
}

// memory is a network without sockets: it carries requests to a handler, breaks the line where the
// handler does, and stops waiting when the caller does.
type memory struct{ to func() http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	in := httptest.NewRequestWithContext(ctx, r.Method, r.URL.RequestURI(), bytes.NewReader(body))
	in.Header = r.Header.Clone()
	type end struct {
		answer *http.Response
		err    error
	}
	done := make(chan end, 1)
	go func() {
		w := httptest.NewRecorder()
		defer func() {
			if recover() != nil {
				done <- end{err: io.ErrUnexpectedEOF}
				return
			}
			done <- end{answer: w.Result()}
		}()
		m.to().ServeHTTP(w, in)
	}()
	select {
	case e := <-done:
		return e.answer, e.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// desk is a hall's order machine and a gateway, with hands for both.
type desk struct {
	t       *testing.T
	folder  string
	db      *sql.DB
	cfg     qr.Config
	machine *qr.Machine
	gateway *gateway.Gateway
	open    atomic.Pointer[gateway.Gateway] // the same, for requests: they come while it is started anew
	serving atomic.Pointer[qr.Machine]
	stop    func()
}

// newDesk starts both. change may alter the hall's configuration.
func newDesk(t *testing.T, change func(*qr.Config)) *desk {
	t.Helper()
	d := &desk{t: t, folder: t.TempDir()}
	for _, name := range []string{"merchant.json", "platform.json"} {
		content, err := os.ReadFile(filepath.Join(keyFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := gateway.Setup(d.folder)
	if err != nil {
		t.Fatal(err)
	}
	d.cfg = qr.Config{
		BaseURL: "http://gateway.test", AppID: m.AppID, MchID: m.MchID, MerchantSerial: m.Serial, PrivateKeyPEM: m.PrivateKeyPEM,
		APIv3Key: m.APIv3Key, PlatformKeyPEM: m.PlatformPublicKeyPEM, PlatformKeyID: m.PlatformPublicKeyID,
		NotifyURL: "https://hall.test/notify", Transport: memory{func() http.Handler { return d.open.Load().Handler() }},
	}
	if change != nil {
		change(&d.cfg)
	}
	d.startGateway()
	d.startHall()
	t.Cleanup(func() {
		d.stop()
		d.db.Close()
		d.gateway.Close()
	})
	return d
}

func (d *desk) startGateway() {
	g, err := gateway.Open(d.folder)
	if err != nil {
		d.t.Fatal(err)
	}
	g.Client = &http.Client{Transport: memory{func() http.Handler { return d.serving.Load().Notify() }}}
	d.gateway = g
	d.open.Store(g)
}

func (d *desk) startHall() {
	db, err := sqlite.Open(d.t.Context(), filepath.Join(d.folder, "hall.db"), nil)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := qr.Migrate(d.t.Context(), db); err != nil {
		d.t.Fatal(err)
	}
	d.db = db
	m, err := qr.New(db, d.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		d.t.Fatal(err)
	}
	d.machine = m
	d.serving.Store(m)
	d.run()
}

func (d *desk) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	m := d.machine
	go func() {
		m.Run(ctx)
		close(done)
	}()
	d.stop = func() {
		cancel()
		<-done
	}
}

// restartHall is the hall after a crash between two calls.
func (d *desk) restartHall() {
	d.stop()
	d.db.Close()
	d.startHall()
}

// call speaks to the desk's side of the gateway.
func (d *desk) call(method, path string, in, out any) int {
	d.t.Helper()
	body, _ := json.Marshal(in)
	w := httptest.NewRecorder()
	d.gateway.Handler().ServeHTTP(w, httptest.NewRequest(method, path, bytes.NewReader(body)))
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			d.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	return w.Code
}

func (d *desk) arm(shape string, count int) {
	d.t.Helper()
	if got := d.call("PUT", "/desk/faults", map[string]any{"shape": shape, "count": count}, nil); got != 200 {
		d.t.Fatalf("arm %s: got status %d", shape, got)
	}
}

func (d *desk) phone(outcome string, after time.Duration) string {
	d.t.Helper()
	var out struct {
		AuthCode string `json:"auth_code"`
	}
	if got := d.call("POST", "/desk/codes", map[string]any{"outcome": outcome, "after_ms": after.Milliseconds()}, &out); got != 200 {
		d.t.Fatalf("code %s: got status %d", outcome, got)
	}
	return out.AuthCode
}

func (d *desk) scans(codeURL, outcome string, after time.Duration) int {
	d.t.Helper()
	return d.call("POST", "/desk/scan", map[string]any{"code_url": codeURL, "outcome": outcome, "after_ms": after.Milliseconds()}, nil)
}

// theirs is an order as the gateway has it.
type theirs struct {
	OutTradeNo string         `json:"out_trade_no"`
	Case       string         `json:"case"`
	State      string         `json:"state"`
	AmountFen  int64          `json:"amount_fen"`
	PaidFen    int64          `json:"paid_fen"`
	Calls      map[string]int `json:"calls"`
	Log        []struct {
		Time   time.Time `json:"time"`
		Call   string    `json:"call"`
		Answer string    `json:"answer"`
	} `json:"log"`
	Refunds []struct {
		OutRefundNo string `json:"out_refund_no"`
		AmountFen   int64  `json:"amount_fen"`
		Status      string `json:"status"`
	} `json:"refunds"`
}

func (o theirs) refunded() int64 {
	var sum int64
	for _, r := range o.Refunds {
		if r.Status == "SUCCESS" {
			sum += r.AmountFen
		}
	}
	return sum
}

func (d *desk) theirs() map[string]theirs {
	d.t.Helper()
	var list []theirs
	if got := d.call("GET", "/desk/orders", nil, &list); got != 200 {
		d.t.Fatalf("orders: got status %d", got)
	}
	m := map[string]theirs{}
	for _, o := range list {
		m[o.OutTradeNo] = o
	}
	return m
}

func (d *desk) ours(no string) qr.Row {
	d.t.Helper()
	list, err := d.machine.Ledger(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range list {
		if r.OutTradeNo == no {
			return r
		}
	}
	d.t.Fatalf("ledger: no order %s in %v", no, list)
	return qr.Row{}
}

func (d *desk) place(o qr.Order) qr.State {
	d.t.Helper()
	s, err := d.machine.Place(d.t.Context(), o)
	if err != nil {
		d.t.Fatalf("place %v: %v", o, err)
	}
	return s
}

func (d *desk) close(no string, wait time.Duration) qr.State {
	d.t.Helper()
	s, err := d.machine.Close(d.t.Context(), no, wait)
	if err != nil {
		d.t.Fatalf("close %s: %v", no, err)
	}
	return s
}

func (d *desk) query(no string, wait time.Duration) qr.State {
	d.t.Helper()
	s, err := d.machine.Query(d.t.Context(), no, wait)
	if err != nil {
		d.t.Fatalf("query %s: %v", no, err)
	}
	return s
}

func show(n int, fen int64) qr.Order {
	return qr.Order{Case: fmt.Sprintf("case-%d", n), OutTradeNo: fmt.Sprintf("YC%06d", n), AmountFen: fen, Mode: qr.Show,
		Expires: time.Now().Add(2 * time.Minute), Description: "water", Terminal: "t-1"}
}

func scan(n int, fen int64, code string) qr.Order {
	o := show(n, fen)
	o.Mode, o.AuthCode = qr.Scan, code
	return o
}

// check compares what tests care about most.
func check(t *testing.T, what string, got qr.State, state string, paidFen int64, definite bool) {
	t.Helper()
	if got.State != state || got.PaidFen != paidFen || got.Definite != definite {
		t.Errorf("%s: got %s, paid %d, definite %t (%s); want %s, %d, %t", what, got.State, got.PaidFen, got.Definite, got.Reason, state, paidFen, definite)
	}
}

// bubble runs f in virtual time.
func bubble(t *testing.T, change func(*qr.Config), f func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(newDesk(t, change)) })
}
