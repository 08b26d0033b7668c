package qr

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func openRow(mode, state string) *row {
	r := &row{State: State{OutTradeNo: "YC000001", AmountFen: 7, State: state}, mode: mode, placed: noon, expires: noon.Add(2 * time.Minute), callUntil: noon}
	if mode == Show && state == Placed {
		r.CodeURL = "weixin://x"
	}
	return r
}

func TestFoldOpenOrder(t *testing.T) {
	paid := finding{kind: findPaid, paidFen: 7, transactionID: "T"}
	for _, c := range []struct {
		mode, state string
		f           finding
		want        string
		definite    bool
		paidFen     int64
	}{
		{Show, Unknown, finding{kind: findCode, codeURL: "weixin://x"}, Placed, false, 0},
		{Show, Unknown, finding{kind: findUnpaid}, Unknown, false, 0},
		{Show, Placed, finding{kind: findUnpaid}, Placed, false, 0},
		{Show, Placed, finding{kind: findUnknown, reason: "gateway_silent"}, Placed, false, 0},
		{Show, Placed, finding{kind: findAsk}, Placed, false, 0},
		{Show, Placed, paid, Paid, true, 7},
		{Show, Placed, finding{kind: findClosed}, Closed, true, 0},
		{Show, Placed, finding{kind: findMissing}, Placed, false, 0},
		{Show, Unknown, finding{kind: findRefused, reason: "not_accepted"}, Refused, true, 0},
		{Scan, Unknown, finding{kind: findPaying}, Paying, false, 0},
		{Scan, Paying, finding{kind: findUnpaid}, Paying, false, 0},
		{Scan, Paying, finding{kind: findUnknown}, Paying, false, 0},
		{Scan, Unknown, paid, Paid, true, 7},
		{Scan, Paying, finding{kind: findReversed}, Reversed, true, 0},
		{Scan, Paying, finding{kind: findRefunded, paidFen: 7}, Refunded, true, 7},
	} {
		r := openRow(c.mode, c.state)
		r.fold(c.f, noon.Add(time.Second))
		if r.State.State != c.want || r.Definite != c.definite || r.PaidFen != c.paidFen || r.late != lateNo {
			t.Errorf("%s %s + %s: got %s, definite %t, paid %d, late %d; want %s, %t, %d, 0", c.mode, c.state, c.f.kind, r.State.State, r.Definite, r.PaidFen, r.late, c.want, c.definite, c.paidFen)
		}
	}
}

func TestFoldAfterTheEnd(t *testing.T) {
	paid := finding{kind: findPaid, paidFen: 7, transactionID: "T"}
	for _, c := range []struct {
		state string
		f     finding
		late  int
		fen   int64
	}{
		{Closed, paid, lateFound, 7}, {Reversed, paid, lateFound, 7}, {Refused, paid, lateFound, 7},
		{Paid, paid, lateNo, 0}, {Refunded, paid, lateNo, 0}, {Closed, finding{kind: findClosed}, lateNo, 0}, {Paid, finding{kind: findClosed}, lateNo, 0},
		{Closed, finding{kind: findMissing}, lateNo, 0}, {Paid, finding{kind: findRefunded, paidFen: 9}, lateNo, 0},
	} {
		r := openRow(Show, c.state)
		r.Definite = true
		r.fold(c.f, noon)
		if r.State.State != c.state || !r.Definite || r.late != c.late || r.PaidFen != c.fen {
			t.Errorf("%s + %s: got %s, late %d, paid %d; want %s, %d, %d", c.state, c.f.kind, r.State.State, r.late, r.PaidFen, c.state, c.late, c.fen)
		}
	}
	for _, late := range []int{lateFound, lateKept, lateReturned} {
		r := openRow(Show, Closed)
		r.Definite, r.late, r.PaidFen = true, late, 7
		r.fold(finding{kind: findPaid, paidFen: 8}, noon)
		if r.late != late || r.PaidFen != 7 {
			t.Errorf("late %d told again: got late %d, paid %d", late, r.late, r.PaidFen)
		}
	}
}

func TestOrderThatNeverArrived(t *testing.T) {
	r := openRow(Scan, Unknown)
	for n, c := range []struct {
		after time.Duration
		gone  bool
	}{{2 * time.Second, false}, {4 * time.Second, false}, {29 * time.Second, false}, {30 * time.Second, true}} {
		r.fold(finding{kind: findMissing}, noon.Add(c.after))
		if r.Definite != c.gone {
			t.Errorf("scan, answer %d after %s: got definite %t, want %t", n+1, c.after, r.Definite, c.gone)
		}
	}
	if r.State.State != Closed || r.Reason != "never_arrived" {
		t.Errorf("got %s %s", r.State.State, r.Reason)
	}
	r = openRow(Scan, Unknown)
	for range 2 {
		r.fold(finding{kind: findMissing}, noon.Add(time.Hour))
	}
	if r.Definite {
		t.Error("gone after two answers, want three")
	}
	r.fold(finding{kind: findUnpaid}, noon.Add(time.Hour))
	r.fold(finding{kind: findMissing}, noon.Add(time.Hour))
	if r.Definite {
		t.Error("gone although the gateway knew it in between")
	}
	r = openRow(Show, Unknown)
	r.fold(finding{kind: findMissing}, noon.Add(time.Second))
	if r.Definite {
		t.Error("show without a code, nobody left: gone too soon")
	}
	r.leaving = true
	r.fold(finding{kind: findMissing}, noon.Add(time.Second))
	if r.State.State != Closed || !r.Definite {
		t.Errorf("show without a code, left: got %s", r.State.State)
	}
	r = openRow(Show, Placed)
	r.leaving = true
	r.fold(finding{kind: findMissing}, noon.Add(time.Second))
	if r.Definite {
		t.Error("a code that was shown is gone after one answer")
	}
}

func TestViewOfAnOrderOnItsWayOut(t *testing.T) {
	r := openRow(Show, Placed)
	if got := r.view(); got.State != Placed || got.CodeURL == "" {
		t.Errorf("open: got %+v", got)
	}
	r.leaving = true
	if got := r.view(); got.State != Unknown || got.CodeURL != "" {
		t.Errorf("leaving: got %+v", got)
	}
	r.end(Closed, "")
	if got := r.view(); got.State != Closed {
		t.Errorf("closed: got %+v", got)
	}
}

func TestSchedule(t *testing.T) {
	open := func(mode string, tries int) *row {
		r := openRow(mode, Placed)
		r.tries = tries
		return r
	}
	ended := func(state string, late, watch, tries int) *row {
		r := openRow(Show, state)
		r.Definite, r.late, r.watch, r.tries = true, late, watch, tries
		return r
	}
	old := func(age time.Duration) *row {
		r := openRow(Show, Placed)
		r.placed, r.expires = noon.Add(-age), noon.Add(-age+time.Minute)
		return r
	}
	for n, c := range []struct {
		r    *row
		want time.Duration // 0: never
	}{
		{open(Show, 0), 2 * time.Second}, {open(Show, 1), 2 * time.Second}, {open(Show, 2), 4 * time.Second}, {open(Show, 5), 32 * time.Second},
		{open(Show, 6), time.Minute}, {open(Show, 99), time.Minute}, {open(Scan, 99), 15 * time.Second},
		{old(14 * time.Minute), 2 * time.Second}, {old(15 * time.Minute), time.Minute}, {old(24 * time.Hour), 10 * time.Minute},
		{ended(Closed, lateNo, 0, 0), 10 * time.Second}, {ended(Reversed, lateNo, 1, 0), time.Minute}, {ended(Refused, lateNo, 4, 0), 24 * time.Hour},
		{ended(Closed, lateNo, 5, 0), 0}, {ended(Closed, lateNo, 2, 1), time.Minute}, {ended(Paid, lateNo, 0, 0), 0}, {ended(Refunded, lateNo, 0, 0), 0},
		{ended(Closed, lateFound, 0, 3), 8 * time.Second}, {ended(Closed, lateReturned, 0, 0), 0}, {ended(Paid, lateKept, 0, 0), 0},
	} {
		c.r.schedule(noon)
		got := c.r.next.Sub(noon)
		if c.r.next.IsZero() {
			got = 0
		}
		if got != c.want {
			t.Errorf("row %d %+v: got %s, want %s", n, c.r, got, c.want)
		}
	}
	soon := openRow(Show, Placed)
	soon.expires = noon.Add(time.Second)
	if soon.schedule(noon); !soon.next.Equal(soon.expires) {
		t.Errorf("before the expiry: got %s, want the expiry", soon.next.Sub(noon))
	}
	due := ended(Closed, lateFound, 0, 0)
	if due.schedule(noon); !due.next.Equal(noon) {
		t.Errorf("late payment: got %s, want at once", due.next.Sub(noon))
	}
}

func TestRefundFold(t *testing.T) {
	for _, c := range []struct {
		status, reason, want string
		wire                 int
		next                 time.Duration
	}{
		{"SUCCESS", "", RefundSuccess, 1, 0}, {"PROCESSING", "", RefundProcessing, 1, 5 * time.Second}, {"ABNORMAL", "", RefundAbnormal, 1, 10 * time.Minute},
		{"CLOSED", "", RefundBegun, 2, 2 * time.Second}, {"", "gateway_silent", RefundProcessing, 1, 2 * time.Second}, {"missing", "gateway_has_none", RefundBegun, 1, 2 * time.Second},
	} {
		r := &refundRow{RefundState: RefundState{OutRefundNo: "R", AmountFen: 7, Status: RefundProcessing}, wire: 1, begun: noon}
		r.fold(c.status, c.reason, noon)
		got := r.next.Sub(noon)
		if r.next.IsZero() {
			got = 0
		}
		if r.Status != c.want || r.wire != c.wire || got != c.next {
			t.Errorf("%s: got %s, wire %d, next %s; want %s, %d, %s", c.status, r.Status, r.wire, got, c.want, c.wire, c.next)
		}
	}
	r := &refundRow{RefundState: RefundState{OutRefundNo: "R"}, wire: 1}
	if got := r.wireNo(); got != "R" {
		t.Errorf("first number: got %s", got)
	}
	if r.wire = 3; r.wireNo() != "R-3" {
		t.Errorf("third number: got %s", r.wireNo())
	}
	r = &refundRow{RefundState: RefundState{OutRefundNo: "R", AmountFen: 7}, outTradeNo: "O", wire: 1}
	for _, c := range []struct {
		no, refund string
		fen        int
		want       string
	}{{"O", "R", 7, "SUCCESS"}, {"P", "R", 7, ""}, {"O", "S", 7, ""}, {"O", "R", 8, ""}} {
		if got, _ := r.compare(c.no, c.refund, c.fen, "SUCCESS"); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
	}
}

// TestFromTheManuals pins what the gateway's pages say in numbers.
func TestFromTheManuals(t *testing.T) {
	for what, c := range map[string]struct{ got, want time.Duration }{
		"reverse after a pay call": {reverseAfter, 15 * time.Second},
		"age of a signature":       {signWindow, 300 * time.Second},
		"shortest expiry":          {expiresMin, 60 * time.Second},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %s, want %s", what, c.got, c.want)
		}
	}
	for code, want := range map[string]bool{
		"134567890123456789": true, "100000000000000000": true, "159999999999999999": true, "164567890123456789": false, "094567890123456789": false,
		"13456789012345678": false, "1345678901234567890": false, "281234567890123456": false, "6212345678901234567": false,
	} {
		if got := codeForm.MatchString(code); got != want {
			t.Errorf("payment code %s: got %t, want %t", code, got, want)
		}
	}
	for code, want := range map[string]string{"134567890123456789": "13****", "123": "", "": ""} {
		if got := masked(code); got != want {
			t.Errorf("masked(%q): got %q, want %q", code, got, want)
		}
	}
}

// Who leaves has the order ended at once, but for one that is on its way out already: the gateway was asked for that a moment ago.
func TestLeave(t *testing.T) {
	soon := noon.Add(2 * time.Second)
	for _, tt := range []struct {
		name string
		make func(*row)
		want time.Time
	}{
		{"open", func(*row) {}, noon},
		{"unknown to the gateway", func(r *row) { r.missing = 2 }, soon},
		{"expired", func(r *row) { r.expires = noon }, soon},
	} {
		r := openRow(Scan, Paying)
		r.next, r.expires = soon, noon.Add(time.Minute)
		tt.make(r)
		r.leave(noon)
		if !r.leaving || !r.next.Equal(tt.want) {
			t.Errorf("%s: leaving %v, next at %s, want %s", tt.name, r.leaving, r.next, tt.want)
		}
	}
}
