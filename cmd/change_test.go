package cmd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
)

// loaded puts coins into every hopper and says so to the terminal. It gives the address of the hopper with this face.
func loaded(t *testing.T, d *deskclient.Desk, face int64, count int) (address int) {
	t.Helper()
	w, err := d.World(t.Context())
	must(t, err)
	for _, h := range w.Payout {
		filled, err := d.FillHopper(t.Context(), h.Address, count)
		if err != nil {
			t.Fatal(err)
		}
		pieces := fmt.Sprintf("%d.%02dx%d", h.Face/100, h.Face%100, filled.Inside)
		if exit, err := d.Ctl(t.Context(), nil, "stock", "load", "--pieces", pieces); err != nil || exit != 0 {
			t.Fatalf("kioskctl stock load --pieces %s: exit %d, %v", pieces, exit, err)
		}
		if h.Face == face {
			address = h.Address
		}
	}
	if address == 0 {
		t.Fatalf("no hopper has coins of %d fen: %+v", face, w.Payout)
	}
	return address
}

// hopper is what the mechanism says of the hopper at an address.
func hopper(t *testing.T, d *deskclient.Desk, address int) deskclient.Hopper {
	t.Helper()
	w, err := d.World(t.Context())
	must(t, err)
	for _, h := range w.Payout {
		if h.Address == address {
			return h
		}
	}
	t.Fatalf("no hopper at %d: %+v", address, w.Payout)
	return deskclient.Hopper{}
}

// TestChange pays with a coin and notes on a terminal with hoppers: what is too much comes out as coins, the receipt says so, and the
// books of terminal, hall and mechanism agree. A payout that jams leaves the rest on a slip.
func TestChange(t *testing.T) {
	t.Parallel()
	d := start(t, newDir(t), `device.coins=cctalk-coin device.payout=cctalk-hopper visit.idle_seconds=120`)
	c := come(t, d)
	ctx := t.Context()
	fit(t, d, "coins")
	fit(t, d, "payout")
	at := loaded(t, d, 100, 30)
	before := hopper(t, d, at)
	var accounts []string
	bill := func(due int64) deskclient.Made {
		m, err := d.MakeAccount(ctx, deskclient.NewAccount{Name: "钱多多", Address: "人民路1号", Surplus: "owed", Bills: []deskclient.Bill{{Period: "2026-10", Due: due}}})
		must(t, err)
		accounts = append(accounts, m.Account)
		return m
	}
	t.Run("comes out", func(t *testing.T) {
		must(t, c.ToPayment(ctx, bill(1700).BillCode, "pay.cash"))
		reads(t, c, "请放入纸币或硬币", "多出的钱当场找给您")
		dropped(t, d, 100, "", "kept")
		counted(t, c, "1.00")
		feed(t, c, 1000)
		counted(t, c, "11.00")
		feed(t, c, 1000)
		if _, err := c.At(ctx, "take"); err != nil {
			t.Fatal(err)
		}
		if h := hopper(t, d, at); h.Out != before.Out+4 || h.Inside != before.Inside-4 {
			t.Errorf("the hopper held %+v and holds %+v, want 4 coins out", before, h)
		}
		reads(t, c, "已找零", "¥4.00", "机器出来的钱请拿好")
		stockIs(t, d, "1.00", int64(before.Inside-4))
		if text := lastReceipt(t, c); !strings.Contains(text, "找零") || !strings.Contains(text, "4.00") {
			t.Errorf("the receipt says\n%s", text)
		}
		must(t, c.Leave(ctx))
		balanced(t, d, doubts{}, accounts...)
	})
	t.Run("is given back", func(t *testing.T) {
		whole := false
		m, err := d.MakeAccount(ctx, deskclient.NewAccount{Name: "钱多多", Address: "人民路1号", Surplus: "owed", Part: &whole, Bills: []deskclient.Bill{{Period: "2026-10", Due: 3000}}})
		must(t, err)
		accounts = append(accounts, m.Account)
		had := hopper(t, d, at)
		must(t, c.ToPayment(ctx, m.BillCode, "pay.cash"))
		feed(t, c, 500)
		must(t, c.Touch(ctx, "pay.cancel"))
		reads(t, c, "不缴了，把 5.00 元退给我")
		if _, err := c.Next(ctx, "choice.rest.owed", "take"); err != nil {
			t.Fatal(err)
		}
		if h := hopper(t, d, at); h.Out != had.Out+5 {
			t.Errorf("the hopper let %d fall and has let %d fall, want 5 coins", had.Out, h.Out)
		}
		reads(t, c, "已退给您", "¥5.00")
		must(t, c.Leave(ctx))
		balanced(t, d, doubts{}, accounts...)
	})
	t.Run("jams", func(t *testing.T) {
		must(t, d.Arm(ctx, "payout", "jam", 1))
		must(t, c.ToPayment(ctx, bill(700).BillCode, "pay.cash"))
		feed(t, c, 1000)
		if _, err := c.At(ctx, "slip"); err != nil {
			t.Fatal(err)
		}
		must(t, c.Leave(ctx))
		must(t, d.Mend(ctx, "payout", "jam"))
		recounted(t, d) // it has no sensor that says that the jam is mended
		fit(t, d, "payout")
		if left := payOwed(t, d); len(left) > 0 {
			t.Errorf("something is owed in %v, and no slip that came out pays it", left)
		}
		balanced(t, d, doubts{}, accounts...)
	})
}

// fit waits until a device says that it is fit.
func fit(t *testing.T, d *deskclient.Desk, class string) {
	t.Helper()
	must(t, citizen.Until(t.Context(), 2*time.Minute, func() error {
		var st struct {
			Devices []struct{ Class, State, Fault string }
		}
		if exit, err := d.Ctl(t.Context(), &st, "status"); err != nil || exit != 0 {
			return fmt.Errorf("kioskctl status: exit %d: %w", exit, err)
		}
		for _, dev := range st.Devices {
			if dev.Class == class && dev.State == "ready" {
				return nil
			}
		}
		return fmt.Errorf("%s is not fit: %+v", class, st.Devices)
	}))
}

// recounted is a technician who has opened the hoppers and counts as many as there should be.
func recounted(t *testing.T, d *deskclient.Desk) {
	t.Helper()
	var l struct {
		Stock struct {
			Inside []deskclient.Face `json:"inside"`
		} `json:"stock"`
	}
	if exit, err := d.Ctl(t.Context(), &l, "ledger"); err != nil || exit != 0 {
		t.Fatalf("kioskctl ledger: exit %d, %v", exit, err)
	}
	var piles []string
	for _, f := range l.Stock.Inside {
		piles = append(piles, fmt.Sprintf("%d.%02dx%d", f.Face/100, f.Face%100, f.Count))
	}
	if exit, err := d.Ctl(t.Context(), nil, "stock", "count", "--counted", strings.Join(piles, ",")); err != nil || exit != 0 {
		t.Fatalf("kioskctl stock count: exit %d, %v", exit, err)
	}
}

// stockIs compares what the terminal believes to be in its hoppers.
func stockIs(t *testing.T, d *deskclient.Desk, yuan string, want int64) {
	t.Helper()
	var l struct {
		Stock struct {
			Inside []deskclient.Face `json:"inside"`
		} `json:"stock"`
	}
	if exit, err := d.Ctl(t.Context(), &l, "ledger"); err != nil || exit != 0 {
		t.Fatalf("kioskctl ledger: exit %d, %v", exit, err)
	}
	for _, f := range l.Stock.Inside {
		if fmt.Sprintf("%d.%02d", f.Face/100, f.Face%100) == yuan && int64(f.Count) == want {
			return
		}
	}
	t.Errorf("stock %+v, want %d of %s", l.Stock.Inside, want, yuan)
}

// reads waits until the page says all of these words, in whatever places.
func reads(t *testing.T, c *citizen.Citizen, words ...string) {
	t.Helper()
	must(t, citizen.Until(t.Context(), screenMax, func() error {
		all, err := c.Screen.Look(t.Context())
		if err != nil {
			return err
		}
		var page strings.Builder
		for _, o := range all {
			page.WriteString(o.Name + "\n")
		}
		for _, w := range words {
			if !strings.Contains(page.String(), w) {
				return fmt.Errorf("the page does not say %q but\n%s", w, page.String())
			}
		}
		return nil
	}))
}

// lastReceipt is the text of the receipt that came out last.
func lastReceipt(t *testing.T, c *citizen.Citizen) (text string) {
	t.Helper()
	must(t, citizen.Until(t.Context(), 20*time.Second, func() error {
		w, err := c.Desk.World(t.Context())
		if err != nil || len(w.Receipt.Prints) == 0 {
			return fmt.Errorf("no receipt came out: %w", err)
		}
		raw, err := c.Desk.Receipt(t.Context(), w.Receipt.Prints[len(w.Receipt.Prints)-1].N, "txt")
		text = string(raw)
		return err
	}))
	return text
}
