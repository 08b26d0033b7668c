package qr_test

import (
	"context"
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

// doubt is what a hall does with its orders when it has been put back.
func (d *desk) doubt(numbers ...string) {
	d.t.Helper()
	ctx := context.Background()
	tx, err := d.db.BeginTx(ctx, nil)
	for _, no := range numbers {
		if err == nil {
			err = qr.Doubt(ctx, tx, no)
		}
	}
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// forgets makes the machine believe an order to be paid and nothing of it given back, as a backup has it.
func (d *desk) forgets(no string) {
	d.t.Helper()
	for _, query := range []string{"DELETE FROM qr_refund WHERE out_trade_no = ?", "UPDATE qr_order SET state = 'paid', next_at = 0 WHERE out_trade_no = ?"} {
		if _, err := d.db.Exec(query, no); err != nil {
			d.t.Fatal(err)
		}
	}
}

// What a backup has as paid is unknown until the gateway has answered: neither what it told once counts, nor is an order that was paid taken back because it is
// silent.
func TestWhatABackupHasAsPaidIsUnknownBeforeTheGatewayAnswers(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		t := d.t
		d.place(scan(3, 300, d.phone("success", 0)))
		if _, err := d.machine.Refund(t.Context(), "YC000003", "YC000003-r", 300); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		check(t, "refunded", d.query("YC000003", 0), qr.Refunded, 300, true)
		d.arm("notify_bad_signature", 1) // so that it is told again, later
		d.scans(d.place(show(1, 100)).CodeURL, "success", 0)
		check(t, "shown", d.query("YC000001", 10*time.Second), qr.Paid, 100, true)
		d.place(scan(2, 200, d.phone("success", 0)))
		d.place(scan(4, 400, d.phone("success", 0)))
		d.place(scan(5, 500, "no code")) // ended without money
		d.forgets("YC000003")
		if _, err := d.db.Exec("DELETE FROM qr_order WHERE out_trade_no = 'YC000004'"); err != nil {
			t.Fatal(err)
		}
		d.arm("silence", 100000)
		d.doubt("YC000001", "YC000002", "YC000003", "YC000005", "YC000009")
		for range 2 {
			for _, no := range []string{"YC000001", "YC000002", "YC000003"} {
				check(t, no+" in doubt", d.query(no, 0), qr.Unknown, 0, false)
			}
			d.close("YC000002", time.Minute)
		}
		check(t, "ended without money", d.query("YC000005", 0), qr.Refused, 0, true)
		check(t, "of which nobody knows", d.query("YC000009", 0), qr.None, 0, false)
		d.arm("silence", 0)
		d.arm("query_behind", 3)
		d.arm("order_not_exist_once", 12)
		time.Sleep(5 * time.Minute)
		check(t, "shown", d.query("YC000001", 0), qr.Paid, 100, true)
		check(t, "scanned", d.query("YC000002", 0), qr.Paid, 200, true)
		check(t, "given back", d.query("YC000003", 0), qr.Refunded, 300, true)
		d.arm("silence", 100000)
		if err := d.machine.Adopt(t.Context(), scan(4, 400, "")); err != nil {
			t.Fatal(err)
		}
		check(t, "adopted, and the gateway is silent", d.close("YC000004", time.Minute), qr.Unknown, 0, false)
		d.arm("silence", 0)
		check(t, "adopted", d.settled("YC000004"), qr.Paid, 400, true)
		for no, o := range d.theirs() {
			if o.Calls["reverse"]+o.Calls["close"] > 0 {
				t.Errorf("%s: %v, and it was paid", no, o.Calls)
			}
		}
	})
}

// An order that was still open is brought to its end as ever, and an answer that was lost keeps it open a little longer.
func TestADoubtedOrderThatIsOpenIsEnded(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.place(show(1, 100))
		d.place(scan(2, 200, d.phone("paying_then_success", time.Hour)))
		d.doubt("YC000001", "YC000002")
		check(d.t, "open", d.query("YC000001", 0), qr.Placed, 0, false)
		d.arm("silence", 2)
		d.close("YC000001", 0)
		d.close("YC000002", 0)
		check(d.t, "shown", d.settled("YC000001"), qr.Closed, 0, true)
		check(d.t, "scanned", d.settled("YC000002"), qr.Reversed, 0, true)
	})
}
