package qr_test

import (
	"testing"
	"time"

	"yichuang/sync/qr"
)

func TestShownCodeIsPaid(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		s := d.place(show(1, 4321))
		check(t, "placed", s, qr.Placed, 0, false)
		if got := d.scans(s.CodeURL, "success", 5*time.Second); got != 200 {
			t.Fatalf("scan: got status %d", got)
		}
		check(t, "paid", d.query(s.OutTradeNo, time.Minute), qr.Paid, 4321, true)
		o := d.theirs()["YC000001"]
		if o.Case != "case-1" || o.State != "SUCCESS" || o.PaidFen != 4321 || o.Calls["pay"] != 1 {
			t.Errorf("gateway: got %+v", o)
		}
		check(t, "close after paid", d.close(s.OutTradeNo, time.Minute), qr.Paid, 4321, true)
	})
}

func TestScannedCodeIsPaid(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		check(t, "paid at once", d.place(scan(1, 100, d.phone("success", 0))), qr.Paid, 100, true)
		check(t, "asked for the password", d.place(scan(2, 200, d.phone("paying_then_success", 8*time.Second))), qr.Paying, 0, false)
		check(t, "paid then", d.query("YC000002", time.Minute), qr.Paid, 200, true)
		check(t, "asked", d.place(scan(3, 300, d.phone("paying_then_cancel", 8*time.Second))), qr.Paying, 0, false)
		check(t, "cancelled", d.query("YC000003", time.Minute), qr.Refused, 0, true)
	})
}

func TestRefusedCodes(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		for n, c := range []struct{ outcome, reason string }{{"not_enough", "not_enough"}, {"expired", "code_expired"}} {
			s := d.place(scan(n, 100, d.phone(c.outcome, 0)))
			check(t, c.outcome, s, qr.Refused, 0, true)
			if s.Reason != c.reason {
				t.Errorf("%s: got reason %q, want %q", c.outcome, s.Reason, c.reason)
			}
		}
		used := d.phone("success", 0)
		d.place(scan(10, 100, used))
		for n, code := range map[int]string{11: used, 12: "100000000000000000"} {
			s := d.place(scan(n, 100, code))
			if s.State != qr.Refused || s.Reason != "code_invalid" {
				t.Errorf("code of nobody: got %+v", s)
			}
		}
		for n, code := range map[int]string{21: "", 22: "281234567890123456", 23: "164567890123456789", 24: "1345678901234567890"} {
			s := d.place(scan(n, 100, code))
			if s.State != qr.Refused || s.Reason != "no_payment_code" {
				t.Errorf("code %q: got %+v", code, s)
			}
			if _, asked := d.theirs()[s.OutTradeNo]; asked {
				t.Errorf("code %q: the gateway was asked", code)
			}
		}
	})
}

func TestCloseUnpaid(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		s := d.place(show(1, 100))
		check(t, "show closed", d.close(s.OutTradeNo, time.Minute), qr.Closed, 0, true)
		if got := d.scans(s.CodeURL, "success", 0); got != 409 {
			t.Errorf("scan of a closed order: got status %d, want 409", got)
		}
		start := time.Now()
		d.place(scan(2, 100, d.phone("paying_then_success", time.Hour)))
		check(t, "not yet", d.close("YC000002", 10*time.Second), qr.Unknown, 0, false)
		check(t, "scan reversed", d.close("YC000002", time.Minute), qr.Reversed, 0, true)
		if took := time.Since(start); took < 15*time.Second || took > 20*time.Second {
			t.Errorf("reversed after %s, want 15 to 20 s", took)
		}
		if got := d.theirs()["YC000002"]; got.State != "REVOKED" || got.Calls["reverse"] != 1 {
			t.Errorf("gateway: got %+v, want REVOKED by one reverse", got)
		}
	})
}

func TestWalkedAway(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.place(show(1, 100))
		d.place(scan(2, 100, d.phone("paying_then_success", time.Hour)))
		s := d.place(show(3, 300))
		d.scans(s.CodeURL, "success", 10*time.Second)
		d.stop() // the terminals are gone, and the hall is down over the expiry
		time.Sleep(30 * time.Minute)
		d.restartHall()
		check(t, "show", d.query("YC000001", time.Minute), qr.Closed, 0, true)
		check(t, "scan", d.query("YC000002", time.Minute), qr.Reversed, 0, true)
		check(t, "paid while the hall was down", d.query("YC000003", time.Minute), qr.Paid, 300, true)
	})
}

func TestExpiryClosesByItself(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		o := show(1, 100)
		d.place(o)
		time.Sleep(time.Until(o.Expires) - time.Second)
		check(t, "before", d.query(o.OutTradeNo, 0), qr.Placed, 0, false)
		time.Sleep(4 * time.Second)
		check(t, "after", d.query(o.OutTradeNo, 0), qr.Closed, 0, true)
	})
}
