package qr_test

import (
	"errors"
	"testing"
	"time"

	"yichuang/sync/qr"
)

// The hall's memory of its orders is lost; the gateway's is not.
func TestOrdersOfALostLifeAreBroughtToTheirEnd(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		t := d.t
		paid := d.place(show(1, 100))
		d.scans(paid.CodeURL, "success", 0)
		check(t, "paid", d.query("YC000001", time.Minute), qr.Paid, 100, true)
		open := d.place(show(2, 200))
		d.place(scan(3, 300, d.phone("success", 0)))
		if _, err := d.machine.Refund(t.Context(), "YC000003", "YC000003-r", 300); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		d.place(scan(4, 400, d.phone("paying_then_success", 20*time.Second)))
		for _, table := range []string{"qr_refund", "qr_order"} {
			if _, err := d.db.Exec("DELETE FROM " + table); err != nil {
				t.Fatal(err)
			}
		}
		d.restartHall()
		orders := map[string]qr.Order{"paid": show(1, 100), "open": show(2, 200), "refunded": scan(3, 300, ""), "paying": scan(4, 400, ""), "never placed": show(5, 500)}
		unsaid := orders["never placed"]
		unsaid.Mode = "" // a journal that lost the beginning does not know the way
		orders["never placed"] = unsaid
		for range 2 {
			for name, o := range orders {
				if err := d.machine.Adopt(t.Context(), o); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		time.Sleep(5 * time.Minute)
		check(t, "paid", d.query("YC000001", 0), qr.Paid, 100, true)
		check(t, "open", d.query("YC000002", 0), qr.Closed, 0, true)
		check(t, "refunded", d.query("YC000003", 0), qr.Refunded, 300, true)
		if got := d.query("YC000004", 0); !got.Definite || (got.State == qr.Paid) != (d.theirs()["YC000004"].State == "SUCCESS") {
			t.Errorf("paying: %+v, and the gateway has %s", got, d.theirs()["YC000004"].State)
		}
		check(t, "never placed", d.query("YC000005", 0), qr.Closed, 0, true)
		if d.scans(open.CodeURL, "success", 0) == 200 {
			t.Error("the code of an order that was brought to its end can be paid")
		}
		if calls := d.theirs()["YC000001"].Calls["native"]; calls > 1 {
			t.Errorf("the order was placed %d times", calls)
		}
		if err := d.machine.Adopt(t.Context(), qr.Order{OutTradeNo: "YC000009", Case: "c"}); !errors.Is(err, qr.ErrInvalid) {
			t.Errorf("an order of nothing: %v, want %v", err, qr.ErrInvalid)
		}
	})
}
