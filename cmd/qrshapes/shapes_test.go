package qrshapes

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hall"
)

var all = flag.Bool("all", false, "let every shape befall the product, not only some chosen by chance")

// some is how many shapes befall the product in an ordinary test.
const some = 2

// TestShapes is "make qr-shapes". An ordinary run takes some shapes by chance and names them, so that it can be run again.
func TestShapes(t *testing.T) {
	list := shapes(t)
	if len(list) < 30 {
		t.Errorf("the gateway lists %d shapes, want at least 30", len(list))
	}
	if !*all {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:some]
	}
	double, unserved, ran := 0, 0, 0
	for _, shape := range list {
		t.Run(shape.Shape, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				d := newDesk(t, dir)
				defer d.end()
				befell := false
				for i, c := range courses {
					v := d.befall(shape.Shape, c, int64(100*(i+1)+i))
					double, unserved, befell = double+v.double, unserved+v.unserved, befell || v.befell
					fmt.Printf("%-22s %-19s %s\n", shape.Shape, c.name, v)
				}
				if r := d.reconcile(); !r.Holds() || r.Cases == 0 || r.Orders == 0 {
					t.Errorf("the day does not tie together: %+v", r)
				}
				if !befell {
					t.Errorf("%s: %s: it befell nobody", shape.Shape, shape.What)
				}
			})
			ran++
		})
	}
	if double+unserved > 0 {
		t.Errorf("double %d, paid but unserved %d", double, unserved)
	}
	fmt.Printf("shapes %d double %d paid-but-unserved %d\n", ran, double, unserved)
}

// course is what a person does: show or scan, and stay, give up, or be refused by the company.
type course struct{ name, way, does string }

var courses = []course{
	{"shown, paid", "show", "pays"}, {"scanned, paid", "scan", "pays"},
	{"scanned, password", "scan", "pays"},
	{"shown, given up", "show", "gives up"}, {"scanned, given up", "scan", "gives up"},
	{"shown, not booked", "show", "is refused"},
}

// befall lets one person pay a bill while the shape befalls the gateway, and looks at what all of them say in the end.
func (d *desk) befall(shape string, c course, fen int64) verdict {
	d.t.Helper()
	var made struct {
		Account string `json:"account"`
	}
	d.call(d.biller, "POST", "/desk/accounts", map[string]any{"name": "欧阳样张", "address": "安定路12号", "bills": []any{map[string]any{"period": "2026-10", "due_fen": fen}}}, &made)
	d.touch("home.pay", "service.pay.water")
	for _, digit := range made.Account {
		d.touch("key." + string(digit))
	}
	d.touch("key.ok", "form.next")
	before := len(d.orders())
	if c.does == "is refused" {
		d.call(d.biller, "PUT", "/desk/faults", map[string]any{"shape": "refuse_post", "count": 1}, nil)
	}
	if c.does == "pays" {
		d.arm(shape, 1)
	}
	d.touch("pay." + c.way)
	if c.way == "scan" {
		d.holdPhone(c)
	} else {
		d.scanScreen(c, before)
	}
	if c.does == "gives up" {
		d.arm(shape, 1)
		d.giveUp()
	}
	if c.does == "is refused" {
		d.awaitMoney(before)
		d.arm(shape, 1)
	}
	d.goHome()
	time.Sleep(15 * time.Second) // virtual: a payment may come after its order was closed
	d.until("all is definite", func() bool { return d.definite(before) })
	v := d.judge(before, made.Account, fen)
	v.befell = !d.armed(shape)
	d.arm(shape, 0)
	if want := !slices.Contains(stopping, shape); c.does == "pays" && want && v.booked != fen {
		d.t.Errorf("%s: nothing was paid: %s", c.name, v)
	}
	return v
}

// stopping are the shapes after which a person cannot pay: the order never was. After all others a payment comes through.
var stopping = []string{"refused", "silence", "rate_limited", "reset", "system_error", "paid_at_close", "paid_after_close"}

// scanScreen lets a phone scan the code, if one comes on the screen.
func (d *desk) scanScreen(c course, before int) {
	d.t.Helper()
	time.Sleep(time.Second) // virtual: the touch is taken up
	d.until("a code or an end", func() bool { v := d.stage.View(); return v.Code != "" || v.Page != "pay" && v.Page != "wait" })
	code := d.stage.View().Code
	if code == "" || c.does == "gives up" {
		return
	}
	d.call(d.gateway.Handler(), "POST", "/desk/scan", map[string]any{"code_url": code, "outcome": "success", "after_ms": 3000}, nil)
}

// holdPhone holds a phone's code under the scanner. Who gives up is one whom the phone asks for a password for an hour.
func (d *desk) holdPhone(c course) {
	d.t.Helper()
	outcome, after := "success", 0
	switch {
	case c.does == "gives up":
		outcome, after = "paying_then_success", int(time.Hour/time.Millisecond)
	case c.name == "scanned, password":
		outcome, after = "paying_then_success", 4000
	}
	var phone struct {
		Code string `json:"auth_code"`
	}
	d.call(d.gateway.Handler(), "POST", "/desk/codes", map[string]any{"outcome": outcome, "after_ms": after}, &phone)
	d.until("the scanner looks", func() bool { return d.codes.Looking() && d.codes.Show([]byte(phone.Code)) == nil })
	time.Sleep(2 * time.Second) // virtual
}

// giveUp touches cancel where it is offered; who cannot leaves by waiting.
func (d *desk) giveUp() {
	if v := d.stage.View(); v.Can("pay.cancel") {
		d.touch("pay.cancel")
	}
}

// awaitMoney waits until the gateway has been paid, or the order has ended without.
func (d *desk) awaitMoney(before int) {
	d.until("the order is paid or over", func() bool {
		for _, o := range d.orders()[before:] {
			if o.State == "NOTPAY" || o.State == "USERPAYING" {
				return false
			}
		}
		return true
	})
}

// goHome touches on whatever page comes until the visit is over.
func (d *desk) goHome() {
	d.until("the visit is over", func() bool {
		v := d.stage.View()
		if v.Page == "home" && v.Visit == "" {
			return true
		}
		for _, id := range []string{"form.next", "rate.skip", "nav.home"} {
			if v.Can(id) && (id != "nav.home" || v.Page == "method") {
				d.touch(id)
				break
			}
		}
		return false
	})
}

// order is an order as the gateway has it.
type order struct {
	OutTradeNo string         `json:"out_trade_no"`
	Case       string         `json:"case"`
	State      string         `json:"state"`
	PaidFen    int64          `json:"paid_fen"`
	Calls      map[string]int `json:"calls"`
	Refunds    []struct {
		OutRefundNo string `json:"out_refund_no"`
		AmountFen   int64  `json:"amount_fen"`
		Status      string `json:"status"`
	} `json:"refunds"`
}

// keeps is what the gateway still has of it.
func (o order) keeps() int64 {
	left := o.PaidFen
	for _, r := range o.Refunds {
		if r.Status == "SUCCESS" {
			left -= r.AmountFen
		}
	}
	return left
}

func (d *desk) orders() (list []order) {
	d.t.Helper()
	if got := d.call(d.gateway.Handler(), "GET", "/desk/orders", nil, &list); got != http.StatusOK {
		d.t.Fatalf("orders: status %d", got)
	}
	return list
}

// definite says whether nothing is under way any more at any of them. A refund that is stuck is mended by the hand that it needs.
func (d *desk) definite(before int) bool {
	for _, o := range d.orders()[before:] {
		for _, r := range o.Refunds {
			switch r.Status {
			case "ABNORMAL":
				d.call(d.gateway.Handler(), "PUT", "/desk/refunds/"+r.OutRefundNo, map[string]string{"status": "SUCCESS"}, nil)
				return false
			case "PROCESSING":
				return false
			}
		}
		switch o.State {
		case "NOTPAY", "USERPAYING":
			return false
		}
	}
	for _, p := range d.payments() {
		if p.State == "taken" || p.State == "refused" {
			return false
		}
	}
	open := false
	d.journal.Book(func(b *casefile.Book) {
		open = b.OpenBegun() > 0 || b.Placed.Visit != 0
		for _, c := range b.Cases {
			open = open || c.Settled && !c.Posted && c.Bill.Add(c.Surplus) > 0
		}
	})
	return !open
}

func (d *desk) payments() []hall.PaymentRow {
	d.t.Helper()
	l, err := d.hall.Ledger(d.t.Context())
	d.must(err)
	return l.Payments
}
