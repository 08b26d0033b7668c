package qr_test

import (
	"errors"
	"testing"
	"time"

	"yichuang/sync/qr"
)

var beijing = time.FixedZone("CST", 8*60*60)

// compare puts the bill of today beside what the hall has, by number.
func (d *desk) compare(day time.Time, attempts ...string) map[string]qr.Compared {
	d.t.Helper()
	list, err := d.machine.Compare(d.t.Context(), day, attempts)
	if err != nil {
		d.t.Fatalf("compare: %v", err)
	}
	m := map[string]qr.Compared{}
	for _, c := range list {
		m[c.OutTradeNo] = c
	}
	return m
}

func TestBillAndHallAgree(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		today := time.Now().In(beijing)
		if got := d.compare(today); len(got) != 0 {
			t.Errorf("a day without payments: got %v", got)
		}
		d.place(scan(1, 700, d.phone("success", 0)))
		d.place(scan(2, 900, d.phone("success", 0)))
		d.place(scan(3, 300, d.phone("not_enough", 0)))
		if _, err := d.machine.Refund(d.t.Context(), "YC000002", "R2", 400); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want := map[string]qr.Compared{
			"YC000001": {OutTradeNo: "YC000001", Case: "case-1", Terminal: "t-1", KeptFen: 700, PaidFen: 700, GatewayPaidFen: 700},
			"YC000002": {OutTradeNo: "YC000002", Case: "case-2", Terminal: "t-1", KeptFen: 500, PaidFen: 900, GatewayPaidFen: 900, BackFen: 400, GatewayBackFen: 400},
		}
		got := d.compare(today, "YC000001")
		if len(got) != 2 || got["YC000001"] != want["YC000001"] || got["YC000002"] != want["YC000002"] {
			t.Errorf("got %+v", got)
		}
		if status := d.call("PUT", "/desk/orders/YC000001/billed", map[string]int64{"amount_fen": 699}, nil); status != 200 {
			t.Fatalf("falsify the bill: status %d", status)
		}
		if got := d.compare(today)["YC000001"]; got.PaidFen != 700 || got.GatewayPaidFen != 699 {
			t.Errorf("a falsified bill: got %+v", got)
		}
	})
}

// TestBillAroundMidnight: the terminal was told in the first seconds of the next day, and a refund was begun in the last of this one.
func TestBillAroundMidnight(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		now := time.Now().In(beijing)
		midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, beijing)
		time.Sleep(midnight.Sub(now) - 2*time.Second)
		d.place(scan(1, 700, d.phone("success", 0)))
		d.arm("refund_500", 2)
		if _, err := d.machine.Refund(d.t.Context(), "YC000001", "R1", 300); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		before := d.compare(midnight.Add(-time.Hour), "YC000001")["YC000001"]
		if before.PaidFen != 700 || before.GatewayPaidFen != 700 || before.BackFen != 300 || before.GatewayBackFen != 300 || before.KeptFen != 400 {
			t.Errorf("the day before: got %+v", before)
		}
		after := d.compare(midnight.Add(time.Hour), "YC000001")["YC000001"]
		if after.PaidFen != 700 || after.GatewayPaidFen != 700 || after.BackFen != after.GatewayBackFen {
			t.Errorf("the day after: got %+v", after)
		}
	})
}

// TestNoBillYet: the gateway has no bill of a day on which this hall was paid, and its time has not come.
func TestNoBillYet(t *testing.T) {
	bubble(t, nil, func(d *desk) {
		d.place(scan(1, 700, d.phone("success", 0)))
		tomorrow := time.Now().In(beijing).AddDate(0, 0, 1)
		if _, err := d.machine.Compare(d.t.Context(), tomorrow, []string{"YC000001"}); !errors.Is(err, qr.ErrNoBill) {
			t.Errorf("got %v, want no bill", err)
		}
		d.arm("silence", 1)
		if _, err := d.machine.Compare(d.t.Context(), time.Now(), nil); !errors.Is(err, qr.ErrNoBill) {
			t.Errorf("a silent gateway: got %v, want no bill", err)
		}
		d.arm("rate_limited", 1)
		if _, err := d.machine.Compare(d.t.Context(), time.Now(), nil); !errors.Is(err, qr.ErrNoBill) {
			t.Errorf("a busy gateway: got %v, want no bill", err)
		}
		if _, err := d.machine.Compare(d.t.Context(), time.Now().AddDate(-1, 0, 0), nil); !errors.Is(err, qr.ErrNoBill) {
			t.Errorf("a year ago: got %v, want no bill", err)
		}
	})
}
