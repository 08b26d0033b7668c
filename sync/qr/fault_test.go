package qr_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/sync/qr"
)

// TestBadDays arms one fault at a time, pays both ways, and looks at where the money is in the end.
func TestBadDays(t *testing.T) {
	for _, c := range []struct {
		shape string
		show  string // what becomes of an order for the screen that is scanned and paid
		scan  string // what becomes of a scanned order
	}{
		{"paid_answer_lost", qr.Paid, qr.Paid}, {"answered_twice", qr.Paid, qr.Paid}, {"refused", qr.Refused, qr.Refused},
		{"http_500_after_success", qr.Paid, qr.Paid}, {"garbage", qr.Paid, qr.Paid}, {"silence", qr.Paid, qr.Closed},
		{"silence_after_success", qr.Paid, qr.Paid}, {"http_500_after_order", qr.Paid, qr.Paid}, {"bad_signature", qr.Paid, qr.Paid},
		{"clock_off", qr.Paid, qr.Paid}, {"wrong_amount", qr.Paid, qr.Paid}, {"wrong_order", qr.Paid, qr.Paid},
		{"rate_limited", qr.Paid, qr.Closed}, {"reset", qr.Paid, qr.Closed}, {"slow", qr.Paid, qr.Paid},
		{"order_not_exist_once", qr.Paid, qr.Paid}, {"query_behind", qr.Paid, qr.Paid}, {"notify_twice", qr.Paid, qr.Paid}, {"notify_lost", qr.Paid, qr.Paid},
		{"system_error", qr.Paid, qr.Closed}, {"bank_error", qr.Paid, qr.Paid}, {"answer_cut", qr.Paid, qr.Paid}, {"other_key", qr.Paid, qr.Paid},
		{"wrong_merchant", qr.Paid, qr.Paid}, {"notify_bad_signature", qr.Paid, qr.Paid}, {"notify_probe", qr.Paid, qr.Paid}, {"notify_wrong_amount", qr.Paid, qr.Paid},
	} {
		t.Run(c.shape, func(t *testing.T) {
			bubble(t, nil, func(d *desk) {
				d.arm(c.shape, 1)
				s := d.place(show(1, 700))
				if s.State == qr.Unknown {
					s = d.query(s.OutTradeNo, 20*time.Second)
				}
				if s.State == qr.Placed {
					d.scans(s.CodeURL, "success", 3*time.Second)
				}
				got := d.settled("YC000001")
				check(t, "show", got, c.show, map[bool]int64{true: 700}[c.show == qr.Paid], true)
			})
			bubble(t, nil, func(d *desk) {
				d.arm(c.shape, 1)
				d.place(scan(1, 700, d.phone("success", 0)))
				check(t, "scan", d.settled("YC000001"), c.scan, map[bool]int64{true: 700}[c.scan == qr.Paid], true)
				if o := d.theirs()["YC000001"]; o.PaidFen-o.refunded() != map[bool]int64{true: 700}[c.scan == qr.Paid] {
					t.Errorf("gateway holds %d - %d", o.PaidFen, o.refunded())
				}
			})
		})
	}
}

// settled waits until the order is definite; no fault may keep it open for longer than two minutes.
func (d *desk) settled(no string) qr.State {
	d.t.Helper()
	for range 100 {
		s := d.query(no, 2*time.Minute)
		if s.Definite {
			return s
		}
	}
	d.t.Fatalf("order %s: never definite: %+v", no, d.query(no, 0))
	return qr.State{}
}

func TestBadEnds(t *testing.T) {
	for _, c := range []struct {
		shape string
		show  string
		scan  string
	}{
		{"close_lost", qr.Closed, qr.Reversed}, {"reverse_500", qr.Closed, qr.Reversed}, {"reverse_lost", qr.Closed, qr.Reversed},
		{"paid_at_close", qr.Paid, qr.Reversed}, {"paid_after_close", qr.Refunded, qr.Refunded}, {"garbage", qr.Closed, qr.Reversed},
		{"silence", qr.Closed, qr.Reversed}, {"reset", qr.Closed, qr.Reversed}, {"rate_limited", qr.Closed, qr.Reversed}, {"bad_signature", qr.Closed, qr.Reversed},
		{"reverse_untrue", qr.Closed, qr.Reversed}, {"other_key", qr.Closed, qr.Reversed}, {"answer_cut", qr.Closed, qr.Reversed}, {"spelled_otherwise", qr.Closed, qr.Reversed},
	} {
		t.Run(c.shape, func(t *testing.T) {
			bubble(t, nil, func(d *desk) {
				d.place(show(1, 700))
				d.place(scan(2, 800, d.phone("paying_then_success", time.Hour)))
				d.arm(c.shape, 2)
				d.close("YC000001", 0)
				d.close("YC000002", 0)
				time.Sleep(3 * time.Minute)
				for no, want := range map[string]string{"YC000001": c.show, "YC000002": c.scan} {
					got, o := d.query(no, 0), d.theirs()[no]
					if got.State != want || !got.Definite {
						t.Errorf("%s: got %+v, want %s; gateway %+v", no, got, want, o)
					}
					if held := o.PaidFen - o.refunded(); held != map[bool]int64{true: got.PaidFen}[got.State == qr.Paid] {
						t.Errorf("%s: %s, and the gateway holds %d", no, got.State, held)
					}
				}
			})
		})
	}
}

func TestReverseNotTooSoon(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.arm("paid_answer_lost", 1)
		d.place(scan(1, 100, d.phone("paying_then_success", time.Hour)))
		d.close("YC000001", 2*time.Minute)
		var paid, reversed time.Time
		for _, l := range d.theirs()["YC000001"].Log {
			switch l.Call {
			case "pay":
				paid = l.Time
			case "reverse":
				if reversed = l.Time; reversed.Sub(paid) < 15*time.Second {
					t.Errorf("reverse %s after the pay call", reversed.Sub(paid))
				}
			}
		}
		if reversed.IsZero() {
			t.Error("never reversed")
		}
	})
}

func TestGatewayIsDead(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.arm("silence", 100000)
		s := d.place(scan(1, 100, d.phone("success", 0)))
		check(t, "silent", s, qr.Unknown, 0, false)
		check(t, "close", d.close("YC000001", time.Minute), qr.Unknown, 0, false)
		time.Sleep(3 * time.Hour)
		d.restartHall()
		check(t, "hours later", d.query("YC000001", time.Minute), qr.Unknown, 0, false)
		d.arm("silence", 0)
		check(t, "when it is back", d.settled("YC000001"), qr.Closed, 0, true)
	})
}

func TestLatePaymentIsTheHallsChoice(t *testing.T) {
	var asked atomic.Int32
	keep := func(c *qr.Config) {
		c.OnLatePaid = func(_ context.Context, s qr.State) (bool, error) {
			if asked.Add(1) < 3 {
				return false, errors.New("the biller does not answer")
			}
			return s.PaidFen == 700 && s.Case == "case-1", nil
		}
	}
	bubble(t, keep, func(d *desk) {
		d.place(show(1, 700))
		d.arm("paid_after_close", 1)
		check(t, "closed", d.close("YC000001", time.Minute), qr.Closed, 0, true)
		time.Sleep(2 * time.Minute)
		check(t, "kept", d.query("YC000001", 0), qr.Paid, 700, true)
		if got := asked.Load(); got != 3 {
			t.Errorf("asked %d times, want 3", got)
		}
		if o := d.ours("YC000001"); len(o.Refunds) != 0 {
			t.Errorf("refunds: got %v, want none", o.Refunds)
		}
	})
}

func TestLatePaymentFoundByWatching(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.arm("notify_lost", 1000)
		d.place(show(1, 700))
		d.arm("paid_after_close", 1)
		d.close("YC000001", time.Minute)
		time.Sleep(3 * time.Second)
		d.arm("silence", 2) // the first looks come to nothing
		time.Sleep(10 * time.Minute)
		check(t, "given back", d.query("YC000001", 0), qr.Refunded, 700, true)
	})
}

func TestRefund(t *testing.T) {
	for _, shape := range []string{"", "refund_lost", "refund_processing", "garbage", "silence", "rate_limited", "wrong_amount", "bad_signature", "refund_500", "refund_closed", "other_key"} {
		t.Run("with "+shape, func(t *testing.T) {
			bubble(t, nil, func(d *desk) {
				d.place(scan(1, 700, d.phone("success", 0)))
				if shape != "" {
					d.arm(shape, 1)
				}
				for range 2 {
					if _, err := d.machine.Refund(d.t.Context(), "YC000001", "R1", 300); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Minute)
				check(t, "a part is back", d.query("YC000001", 0), qr.Paid, 700, true)
				for no, want := range map[string]error{"R1": qr.ErrConflict, "R2": qr.ErrUnpaid} {
					if _, err := d.machine.Refund(d.t.Context(), "YC000001", no, 401); !errors.Is(err, want) {
						t.Errorf("refund %s of 401: got %v, want %v", no, err, want)
					}
				}
				if _, err := d.machine.Refund(d.t.Context(), "YC000001", "R3", 400); err != nil {
					t.Fatal(err)
				}
				d.restartHall()
				time.Sleep(2 * time.Minute)
				check(t, "all is back", d.query("YC000001", 0), qr.Refunded, 700, true)
				o := d.theirs()["YC000001"]
				if tries := map[bool]int{true: 3, false: 2}[shape == "refund_closed"]; o.refunded() != 700 || len(o.Refunds) != tries {
					t.Errorf("gateway: got %+v", o.Refunds)
				}
			})
		})
	}
}

func TestRefundThatNeedsAHand(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.place(scan(1, 700, d.phone("success", 0)))
		d.arm("refund_abnormal", 1)
		if _, err := d.machine.Refund(d.t.Context(), "YC000001", "R1", 700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // Run may have taken the refund up first: then it was begun, no more, when Refund came back
		o := d.ours("YC000001")
		if len(o.Refunds) != 1 || o.Refunds[0].Status != qr.RefundAbnormal || o.Refunds[0].Reason != "needs_a_hand" {
			t.Errorf("refunds: got %+v, want one that needs a hand", o.Refunds)
		}
		check(t, "still here", d.query("YC000001", 0), qr.Paid, 700, true)
		if got := d.call("PUT", "/desk/refunds/"+d.theirs()["YC000001"].Refunds[0].OutRefundNo, map[string]string{"status": "SUCCESS"}, nil); got != 200 {
			t.Fatalf("mend the refund: got status %d", got)
		}
		time.Sleep(time.Hour)
		check(t, "after a hand has mended it", d.query("YC000001", 0), qr.Refunded, 700, true)
	})
}

// counted counts what is asked for about refunds.
type counted struct {
	http.RoundTripper
	refunds *atomic.Int32
}

func (c counted) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/refund/") {
		c.refunds.Add(1)
	}
	return c.RoundTripper.RoundTrip(r)
}

// Who looks after an order says every two seconds that it goes back. The gateway is asked at the refund's own pace: an hour of one
// that needs a hand is seven questions.
func TestARefundIsAskedAboutWhenItIsDue(t *testing.T) {
	var asked atomic.Int32
	bubble(t, func(c *qr.Config) { c.Transport = counted{c.Transport, &asked} }, func(d *desk) {
		d.place(scan(1, 700, d.phone("success", 0)))
		d.arm("refund_abnormal", 1)
		for range 1800 {
			if _, err := d.machine.Refund(d.t.Context(), "YC000001", "R1", 700); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
		}
		if n := asked.Load(); n < 6 || n > 7 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestSpelledOtherwise: the word that says that the payer is asked for the password comes in another spelling, and the
// answer that says so does not come at all.
func TestSpelledOtherwise(t *testing.T) {
	for _, shape := range []string{"spelled_otherwise", "paying_lost"} {
		bubble(t, nil, func(d *desk) {
			d.arm(shape, 1)
			s := d.place(scan(1, 700, d.phone("paying_then_success", 8*time.Second)))
			if want := map[bool]string{true: qr.Paying, false: qr.Unknown}[shape == "spelled_otherwise"]; s.State != want {
				t.Errorf("%s: got %s, want %s", shape, s.State, want)
			}
			check(t, shape, d.settled("YC000001"), qr.Paid, 700, true)
			if got := d.theirs()["YC000001"].Calls["pay"]; got != 1 {
				t.Errorf("%s: pay calls: got %d, want 1", shape, got)
			}
		})
	}
}

func TestPlaceRefuses(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		first := show(1, 100)
		d.place(first)
		again := d.place(first)
		check(t, "the same again", again, qr.Placed, 0, false)
		other, second := first, first
		other.AmountFen, second.OutTradeNo = 101, "YC000002"
		for _, c := range []struct {
			what string
			o    qr.Order
			want error
		}{
			{"another amount", other, qr.ErrConflict}, {"a second attempt", second, qr.ErrFormer},
			{"no amount", qr.Order{Case: "c", OutTradeNo: "YC0003", Mode: qr.Show}, qr.ErrInvalid},
			{"short number", qr.Order{Case: "c", OutTradeNo: "YC003", Mode: qr.Show, AmountFen: 1}, qr.ErrInvalid},
			{"a number that an address would change", qr.Order{Case: "c", OutTradeNo: "YC00|3", Mode: qr.Show, AmountFen: 1}, qr.ErrInvalid},
			{"no case", qr.Order{OutTradeNo: "YC0003", Mode: qr.Show, AmountFen: 1}, qr.ErrInvalid},
			{"no mode", qr.Order{Case: "c", OutTradeNo: "YC0003", AmountFen: 1}, qr.ErrInvalid},
		} {
			if _, err := d.machine.Place(d.t.Context(), c.o); !errors.Is(err, c.want) {
				t.Errorf("%s: got %v, want %v", c.what, err, c.want)
			}
		}
		if got := len(d.theirs()); got != 1 {
			t.Errorf("the gateway has %d orders, want 1", got)
		}
		d.close("YC000001", time.Minute)
		check(t, "after the former is closed", d.place(second), qr.Placed, 0, false)
		late := show(9, 100)
		late.Expires = time.Now().Add(-time.Second)
		check(t, "expired", d.place(late), qr.Refused, 0, true)
	})
}

func TestOrderThatComesAfterItsClose(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		if got := d.query("YC000001", time.Minute); got.State != qr.None || got.Definite {
			t.Errorf("unknown number: got %+v", got)
		}
		check(t, "closed", d.close("YC000001", time.Minute), qr.Closed, 0, true)
		check(t, "placed after that", d.place(scan(1, 100, d.phone("success", 0))), qr.Closed, 0, true)
		if got := d.theirs(); len(got) != 0 {
			t.Errorf("the gateway was asked: %v", got)
		}
	})
}

func TestCodesAreKeptNowhere(t *testing.T) {
	code := "134567890123456789"
	o := scan(1, 100, code)
	for _, text := range []string{fmt.Sprint(o), fmt.Sprintf("%+v", o), o.LogValue().String()} {
		if len(text) == 0 || strings.Contains(text, code) {
			t.Errorf("shows the code: %s", text)
		}
	}
}
