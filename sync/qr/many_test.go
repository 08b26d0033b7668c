package qr_test

import (
	"errors"
	"testing"
	"time"

	"yichuang/sync/qr"
)

// TestManyAtOnce: more orders are due than there are workers, and each comes to its end.
func TestManyAtOnce(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		const many = 40
		for n := range many {
			o := show(n, 100)
			o.Expires = time.Now().Add(10 * time.Second) // the gateway's own expiry is a minute
			d.place(o)
		}
		d.arm("slow", 20)
		time.Sleep(50 * time.Second)
		list, err := d.machine.Ledger(d.t.Context())
		if err != nil || len(list) != many {
			t.Fatalf("ledger: got %d orders, %v", len(list), err)
		}
		for n, o := range list {
			if o.State.State != qr.Closed || o.OutTradeNo != show(n, 0).OutTradeNo {
				t.Errorf("order %d: got %+v", n, o)
			}
		}
		if again := d.theirs()["YC000000"].Calls["close"]; again != 1 {
			t.Errorf("close calls: got %d, want 1", again)
		}
	})
}

func TestFormsOfNumbers(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		for no, good := range map[string]bool{"YC001": false, "YC0001": true, "YC0001-a_": true, "123456789-123456789-123456789-12": true, "123456789-123456789-123456789-123": false, "YC 0001": false} {
			o := show(1, 1)
			o.OutTradeNo, o.Case = no, "case-"+no
			if _, err := d.machine.Place(d.t.Context(), o); (err == nil) != good {
				t.Errorf("place %q: got %v, want good %t", no, err, good)
			}
			if _, err := d.machine.Close(d.t.Context(), no, time.Minute); (err == nil) != good {
				t.Errorf("close %q: got %v, want good %t", no, err, good)
			}
		}
		for _, no := range []string{"", "a b", "1234567890123456789012345678901234567890123456789012345678901"} {
			if _, err := d.machine.Refund(d.t.Context(), "YC0001", no, 1); !errors.Is(err, qr.ErrInvalid) {
				t.Errorf("refund number %q: got %v", no, err)
			}
		}
		if _, err := d.machine.Refund(d.t.Context(), "YC0001", "R1", 0); !errors.Is(err, qr.ErrInvalid) {
			t.Errorf("refund of nothing: got %v", err)
		}
		if _, err := d.machine.Refund(d.t.Context(), "YC0001", "R1", 1); !errors.Is(err, qr.ErrUnpaid) {
			t.Errorf("refund of an unpaid order: got %v", err)
		}
	})
}

func TestExpiryIsBounded(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		never, far := show(1, 1), show(2, 1)
		never.Expires, far.Expires = time.Time{}, time.Now().Add(48*time.Hour)
		second0 := show(3, 1)
		second0.Expires = time.Unix(0, 0)
		check(t, "second 0", d.place(second0), qr.Placed, 0, false)
		d.close(second0.OutTradeNo, time.Minute)
		d.place(never)
		d.place(far)
		time.Sleep(30*time.Minute - time.Second)
		check(t, "no expiry, before", d.query("YC000001", 0), qr.Placed, 0, false)
		time.Sleep(time.Minute)
		check(t, "no expiry, after", d.query("YC000001", 0), qr.Closed, 0, true)
		check(t, "far expiry, after", d.query("YC000002", 0), qr.Closed, 0, true)
	})
}
