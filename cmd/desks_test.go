package cmd

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
)

// TestTwoDesks runs two desks side by side: what happens on one is not seen on the other. One is stopped
// and started again in the same folder, and goes on where it was.
func TestTwoDesks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dir := newDir(t)
	one, two := start(t, dir, ""), start(t, newDir(t), "")
	first, second := come(t, one), come(t, two)
	a, b := account(t, one, 1500), account(t, two, 2500)

	must(t, first.ToPayment(ctx, a.BillCode, "pay.cash"))
	must(t, second.ToPayment(ctx, b.BillCode, "pay.cash"))
	feed(t, first, 500)
	feed(t, second, 2000)
	counted(t, first, "5.00")
	counted(t, second, "20.00")
	if _, err := first.Next(ctx, "pay.cancel", "pay"); err != nil {
		t.Fatal(err)
	}
	must(t, first.Touch(ctx, "choice.rest.owed"))
	if _, err := first.At(ctx, "slip"); err != nil {
		t.Fatal(err)
	}
	home(t, first)
	feed(t, second, 500)
	home(t, second)
	balanced(t, one, doubts{}, a.Account)
	balanced(t, two, doubts{}, b.Account)
	if w, err := one.World(ctx); err != nil || deskclient.Sum(w.Cash.Box) != 500 {
		t.Errorf("the first desk's box holds %v, want 5.00 (%v)", w.Cash.Box, err)
	}
	if w, err := two.World(ctx); err != nil || deskclient.Sum(w.Cash.Box) != 2500 {
		t.Errorf("the second desk's box holds %v, want 25.00 (%v)", w.Cash.Box, err)
	}
	again := goesOn(t, one, dir)
	if left := payOwed(t, again); len(left) > 0 {
		t.Errorf("something is owed in %v, and no slip that came out pays it", left)
	}
	balanced(t, again, doubts{}, a.Account)
	if exit, err := two.Ctl(ctx, nil, "audit"); err != nil || exit != 0 {
		t.Errorf("the second desk's audit after the first was stopped: exit %d, %v", exit, err)
	}
}

// goesOn stops a desk and starts it again: the same terminal, without being enrolled again, the same books
// and debts.
func goesOn(t *testing.T, d *deskclient.Desk, dir string) *deskclient.Desk {
	t.Helper()
	before, owed := ledgerText(t, d), openOwed(t, d)
	epoch := epochOf(t, d)
	must(t, d.Stop())
	again := start(t, dir, "")
	must(t, citizen.Until(t.Context(), balanceMax, func() error {
		_, err := ledgerOf(t.Context(), again)
		return err
	}))
	if now := ledgerText(t, again); now != before {
		t.Errorf("the books were\n%s\nand after a new start are\n%s", before, now)
	}
	if now := openOwed(t, again); len(now) != 1 || len(owed) != 1 || sum(now) != sum(owed) {
		t.Errorf("owed was %v and is %v", owed, now)
	}
	if now := epochOf(t, again); now != epoch {
		t.Errorf("the epoch was %s and is %s", epoch, now)
	}
	log, err := os.ReadFile(again.Kioskd.Log)
	must(t, err)
	if n := strings.Count(string(log), "hall: enrolled"); n > 1 {
		t.Errorf("the terminal was enrolled %d times", n)
	}
	c := come(t, again)
	home(t, c)
	return again
}

func sum(all map[string]int64) (fen int64) {
	for _, x := range all {
		fen += x
	}
	return fen
}

func epochOf(t *testing.T, d *deskclient.Desk) string {
	t.Helper()
	var st struct{ Epoch, Terminal string }
	if exit, err := d.Ctl(t.Context(), &st, "status"); err != nil || exit != 0 || st.Epoch == "" {
		t.Fatalf("kioskctl status: exit %d, %v, epoch %q", exit, err, st.Epoch)
	}
	return st.Terminal + " " + st.Epoch
}

// ledgerText is the ledger without the journal's head, which a start moves on.
func ledgerText(t *testing.T, d *deskclient.Desk) string {
	t.Helper()
	var doc map[string]any
	if exit, err := d.Ctl(t.Context(), &doc, "ledger"); err != nil || exit != 0 {
		t.Fatalf("kioskctl ledger: exit %d: %v", exit, err)
	}
	delete(doc, "journal")
	text, err := json.Marshal(doc)
	must(t, err)
	return string(text)
}
