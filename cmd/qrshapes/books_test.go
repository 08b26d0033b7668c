package qrshapes

import (
	"slices"
	"testing"
	"testing/synctest"

	"yichuang/kiosk/ctl"
)

// TestFalsifiedBooks: somebody changes one fen in the company's books, and one in the gateway's bill. The day's end names which
// payment it is, and says so when a side cannot be asked.
func TestFalsifiedBooks(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t, dir)
		defer d.end()
		d.befall("slow", courses[0], 700)
		first, order := d.lastCase(), d.orders()[0].OutTradeNo
		d.befall("slow", courses[1], 900)
		if r := d.reconcile(); !r.Holds() || r.Cases != 2 || r.Orders != 2 {
			t.Fatalf("an honest day: %+v", r)
		}
		for n, again := range []bool{false, true} {
			var c ctl.Closing
			if d.staff("closing", struct{}{}, &c); c.Number != 1 || c.Taken != 1600 || c.Phone != 1600 || c.Total != 1600 || c.Moved.Bills != 1600 || !c.Printed || c.Again != again {
				t.Errorf("closing %d: %+v", n, c)
			}
		}
		var events []int64
		d.falsify(first, 699)
		r := d.reconcile()
		if len(r.Differences) != 1 || len(r.Differences[0].Events) == 0 {
			t.Fatalf("the company's books: %+v", r)
		}
		events = r.Differences[0].Events
		want := ctl.Between{Between: []string{"hall", "biller"}, What: "booked", Amount: 1, Reference: first}
		if got := r.Differences[0]; !slices.Equal(got.Between, want.Between) || got.What != want.What || got.Amount != 1 || got.Reference != first {
			t.Errorf("the company's books: got %+v, want %+v", got, want)
		}
		for _, seq := range events {
			if kind := d.kindOf(seq); kind != "payment.settled" {
				t.Errorf("event %d is %s", seq, kind)
			}
		}
		d.falsify(first, 700)
		d.call(d.gateway.Handler(), "PUT", "/desk/orders/"+order+"/billed", map[string]int64{"amount_fen": 701}, nil)
		r = d.reconcile()
		if len(r.Differences) != 1 || r.Differences[0].Reference != order || r.Differences[0].Amount != -1 || !slices.Equal(r.Differences[0].Between, []string{"hall", "gateway"}) {
			t.Errorf("the gateway's bill: %+v", r)
		}
		d.arm("silence", 1)
		d.call(d.biller, "PUT", "/desk/faults", map[string]any{"shape": "http_500", "count": 10}, nil)
		r = d.reconcile()
		if len(r.Differences) != 0 || len(r.Missing) != 2 || r.Missing[0].Side != "biller" || r.Missing[1].Side != "gateway" || r.Missing[0].Why == "" || r.Missing[1].Why == "" {
			t.Errorf("nobody can be asked: %+v", r)
		}
		d.call(d.biller, "PUT", "/desk/faults", map[string]any{"shape": "http_500", "count": 0}, nil)
	})
}

// falsify writes another amount into the company's books.
func (d *desk) falsify(caseID string, fen int64) {
	d.t.Helper()
	account := ""
	for _, p := range d.payments() {
		if p.Case == caseID {
			account = p.Account
		}
	}
	if got := d.call(d.biller, "PUT", "/desk/accounts/"+account+"/postings/"+caseID, map[string]int64{"amount_fen": fen}, nil); got != 200 {
		d.t.Fatalf("falsify: status %d", got)
	}
}

// kindOf is the kind of an event of the journal.
func (d *desk) kindOf(seq int64) string {
	d.t.Helper()
	records, err := d.journal.Read(d.t.Context(), seq-1, 1)
	d.must(err)
	return string(records[0].Kind)
}
