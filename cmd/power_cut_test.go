package cmd

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

// cuts are the points at which the power goes, for the devices too, and what may be doubtful after it: at most the one
// note, coin or sheet that was moving.
var cuts = []struct {
	cut deskclient.Cut
	may doubts
}{
	{deskclient.Cut{At: "now", Devices: true}, doubts{}},
	{deskclient.Cut{At: "cash.moving", Devices: true, Note: "in"}, doubts{notes: moved}},
	{deskclient.Cut{At: "cash.moving", Devices: true, Note: "out"}, doubts{notes: moved}},
	{deskclient.Cut{At: "cash.escrow", Devices: true, Note: "in"}, doubts{notes: moved, unseen: moved}},
	{deskclient.Cut{At: "cash.escrow", Devices: true, Note: "out"}, doubts{notes: moved}},
	{deskclient.Cut{At: "receipt.half", Devices: true}, doubts{}},
	{deskclient.Cut{At: "license.half", Devices: true}, doubts{blanks: 1}},
	{deskclient.Cut{At: "coins.moving", Devices: true, Note: "in"}, doubts{coins: coin}},
	{deskclient.Cut{At: "coins.moving", Devices: true, Note: "out"}, doubts{}},
	{deskclient.Cut{At: "payout.moving", Devices: true, Note: "in"}, doubts{pieces: coin}},
	{deskclient.Cut{At: "payout.moving", Devices: true, Note: "out"}, doubts{pieces: coin}},
}

// moved is the note that is on its way when the power goes, and before it one of the same face is stacked.
const moved = 1000

// coin is the coin that is on its way, in or out.
const coin = 100

// TestPowerCutOfTheDevicesToo cuts the power of terminal and devices at every point where something moves. Nothing is lost or
// doubled; what is doubtful then a technician settles, and what is owed is paid out once, by the code on the slip. (TestDeaths
// cuts it for the terminal alone.)
func TestPowerCutOfTheDevicesToo(t *testing.T) {
	t.Parallel()
	s := seed(t)
	who := people.New(s)
	d := start(t, newDir(t), "device.coins=cctalk-coin device.payout=cctalk-hopper")
	c := come(t, d)
	fit(t, d, "coins")
	fit(t, d, "payout")
	loaded(t, d, coin, 30)
	var accounts []string
	for _, row := range cuts {
		if otherEnd(row.cut, s) {
			continue
		}
		row.may.stored = true
		ok := t.Run(fmt.Sprintf("%s note %q", row.cut.At, row.cut.Note), func(t *testing.T) {
			switch row.cut.At {
			case "license.half":
				cutWhilePrinting(t, c, applicant(who), row.cut)
			case "coins.moving", "payout.moving": // the change is three coins
				made := account(t, d, moved-3*coin, "owed")
				accounts = append(accounts, made.Account)
				cutWhileCoinsMove(t, c, made, row.cut)
			default:
				made := account(t, d, 2*moved+500)
				accounts = append(accounts, made.Account)
				cutWhilePaying(t, c, made, row.cut)
			}
			must(t, c.Leave(t.Context()))
			balanced(t, d, row.may, accounts...)
			settleDoubts(t, d, row.may)
			balanced(t, d, doubts{stored: true}, accounts...)
			for _, id := range payOwed(t, d) {
				slipLater(t, c, id)
			}
			if left := payOwed(t, d); len(left) > 0 {
				t.Errorf("something is owed in %v, and no slip that came out pays it", left)
			}
			balanced(t, d, doubts{stored: true}, accounts...)
		})
		if !ok {
			return // the rows after it would only tell the same
		}
	}
}

// otherEnd says whether a cut is passed over in this run: of the two ends that a coin may come to, one is tried, and the
// seed says which.
func otherEnd(cut deskclient.Cut, seed uint64) bool {
	in := cut.Note == "in"
	switch cut.At {
	case "coins.moving":
		return in != (seed%2 == 0)
	case "payout.moving":
		return in == (seed%2 == 0)
	}
	return false
}

// cutWhileCoinsMove pays with a note, or begins with a coin.
func cutWhileCoinsMove(t *testing.T, c *citizen.Citizen, made deskclient.Made, cut deskclient.Cut) {
	t.Helper()
	ctx := t.Context()
	must(t, c.ToPayment(ctx, made.BillCode, "pay.cash"))
	must(t, c.Desk.PowerOff(ctx, cut))
	if cut.At == "payout.moving" {
		feed(t, c, moved)
	}
	must(t, citizen.Until(ctx, againMax, func() error {
		w, err := c.Desk.World(ctx)
		if err != nil || w.Power == "off" {
			return err
		}
		if cut.At == "coins.moving" { // the gate may have to open first
			_, err = c.Desk.DropCoin(ctx, coin, "", time.Second)
		}
		return errors.Join(err, errors.New("the power is still on"))
	}))
	powerBack(t, c.Desk)
}

func cutWhilePaying(t *testing.T, c *citizen.Citizen, made deskclient.Made, cut deskclient.Cut) {
	t.Helper()
	ctx := t.Context()
	must(t, c.ToPayment(ctx, made.BillCode, "pay.cash"))
	feed(t, c, moved)
	counted(t, c, "10.00")
	switch cut.At {
	case "now":
		must(t, c.Desk.PowerOff(ctx, cut))
	case "receipt.half":
		must(t, c.Desk.PowerOff(ctx, cut))
		feed(t, c, 2*moved)
	default:
		must(t, c.Desk.PowerOff(ctx, cut))
		offer(t, c, moved)
	}
	powerBack(t, c.Desk)
}

// TestPowerCutByPhone cuts the power while the receipt of a payment by phone comes out, and while the payer confirms on the
// phone. The person who stands there gets a receipt that says how it was paid; what was not paid is closed.
func TestPowerCutByPhone(t *testing.T) {
	t.Parallel()
	d := start(t, newDir(t), "")
	c := come(t, d)
	ctx := t.Context()
	var accounts []string
	for _, row := range []struct {
		at      string
		devices bool
		after   int // ms until the payer confirms
	}{{"receipt.half", false, 0}, {"receipt.half", true, 0}, {"now", false, 300}} {
		t.Run(fmt.Sprintf("%s devices %t", row.at, row.devices), func(t *testing.T) {
			made := account(t, d, 3500)
			accounts = append(accounts, made.Account)
			outcome := "success"
			if row.after > 0 {
				outcome = "paying_then_success"
			}
			code, err := d.Code(ctx, outcome, row.after)
			must(t, err)
			must(t, c.ToPayment(ctx, made.BillCode, "pay.scan"))
			if row.at != "now" {
				must(t, d.PowerOff(ctx, deskclient.Cut{At: row.at, Devices: row.devices}))
			}
			must(t, c.Show(ctx, code))
			if row.at == "now" {
				must(t, citizen.Until(ctx, balanceMax, func() error { // the gateway has the order
					orders, err := d.Orders(ctx)
					if err == nil && (len(orders) == 0 || orders[len(orders)-1].Calls["pay"] == 0) {
						err = errors.New("no order yet")
					}
					return err
				}))
				must(t, d.PowerOff(ctx, deskclient.Cut{At: "now"}))
			}
			powerBack(t, d)
			paid := int64(0)
			must(t, citizen.Until(ctx, balanceMax, func() error {
				orders, err := d.Orders(ctx)
				if err != nil {
					return err
				}
				last := orders[len(orders)-1]
				if last.State != "SUCCESS" && last.State != "CLOSED" && last.State != "REVOKED" && last.State != "REFUND" {
					return fmt.Errorf("the order is %s", last.State)
				}
				if paid = last.Paid; last.State != "SUCCESS" {
					paid = 0
				}
				return nil
			}))
			must(t, c.Leave(ctx))
			balanced(t, d, doubts{}, accounts...)
			if paid == 0 {
				return
			}
			w, err := d.World(ctx)
			must(t, err)
			text, err := d.Receipt(ctx, len(w.Receipt.Prints), "txt")
			must(t, err)
			for _, want := range []string{"35.00", "手机支付"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("the receipt does not say %s:\n%s", want, text)
				}
			}
			if strings.Contains(string(text), "账期") {
				t.Errorf("the copy names a period:\n%s", text)
			}
		})
	}
}

// offer puts a note in whose end is not waited for; the slot may have to be lit first.
func offer(t *testing.T, c *citizen.Citizen, fen int64) {
	t.Helper()
	must(t, citizen.Until(t.Context(), againMax, func() error {
		n, err := c.Desk.OfferNote(t.Context(), fen, "genuine", 0)
		if err == nil && n.Fate == "refused" {
			err = errors.New("the acceptor does not take notes yet")
		}
		return err
	}))
}

func cutWhilePrinting(t *testing.T, c *citizen.Citizen, a citizen.Applicant, cut deskclient.Cut) {
	t.Helper()
	ctx := t.Context()
	must(t, c.ToReview(ctx, a))
	must(t, c.Desk.PowerOff(ctx, cut))
	must(t, c.Touch(ctx, "form.next"))
	powerBack(t, c.Desk)
	must(t, c.Desk.TakeCard(ctx))
}

// powerBack waits until the power has gone, switches it on, and waits until the terminal is there again.
func powerBack(t *testing.T, d *deskclient.Desk) {
	t.Helper()
	ctx := t.Context()
	must(t, citizen.Until(ctx, balanceMax, func() error {
		w, err := d.World(ctx)
		if err == nil && w.Power != "off" {
			err = fmt.Errorf("the power is %s", w.Power)
		}
		return err
	}))
	must(t, d.PowerOn(ctx))
	must(t, citizen.Until(ctx, balanceMax, func() error {
		var st struct{ Page string }
		if exit, err := d.Ctl(ctx, &st, "status"); err != nil || exit != 0 {
			return fmt.Errorf("kioskctl status: exit %d: %w", exit, err)
		}
		if st.Page == "wait" {
			return errors.New("the terminal is still settling")
		}
		return d.Reload()
	}))
}

// settleDoubts looks into the box and at the sheets, as a technician does, and writes down what is there.
func settleDoubts(t *testing.T, d *deskclient.Desk, may doubts) {
	t.Helper()
	ctx := t.Context()
	var list []struct {
		ID, What string
		Amount   int64 `json:"amount_fen"`
	}
	if exit, err := d.Ctl(ctx, &list, "doubtful"); err != nil || exit != 0 {
		t.Fatalf("kioskctl doubtful: exit %d: %v", exit, err)
	}
	for _, doubt := range list {
		as, err := found(ctx, d, doubt.What)
		must(t, err)
		args := []string{"doubtful", "settle", doubt.ID, "--as", as, "--reason", "counted by hand"}
		if as == "stacked" && doubt.Amount == 0 {
			face := map[string]int{"note": moved, "coin": coin}[doubt.What]
			args = append(args, "--face", fmt.Sprintf("%d.00", face/100))
		}
		if exit, err := d.Ctl(ctx, nil, args...); err != nil || exit != 0 {
			t.Errorf("kioskctl %s: exit %d: %v", strings.Join(args, " "), exit, err)
		}
		if exit, err := d.Ctl(ctx, nil, args...); err != nil || exit != 4 {
			t.Errorf("kioskctl %s for the second time: exit %d, want 4 (%v)", strings.Join(args, " "), exit, err)
		}
		t.Logf("%s of %d was doubtful and is settled as %s", doubt.ID, doubt.Amount, as)
	}
}

// found is what lies there: more in a box than the journal has stacked, more in the hoppers than it has inside, or the
// sheet that came last whole.
func found(ctx context.Context, d *deskclient.Desk, what string) (string, error) {
	w, err := d.World(ctx)
	if err != nil {
		return "", err
	}
	l, err := ledgerOf(ctx, d)
	if err != nil {
		return "", err
	}
	inside, coins := int64(0), deskclient.Sum(w.Coins.Taken)
	for _, h := range w.Payout {
		inside += h.Face * int64(h.Inside)
	}
	for _, path := range w.Coins.Kept {
		coins += deskclient.Sum(path)
	}
	yes, no, is := "stacked", "returned", false
	switch what {
	case "note":
		is = w.Kept() > deskclient.Sum(l.Notes.Stacked)
	case "coin":
		is = coins > deskclient.Sum(l.Coins)
	case "payout":
		yes, no, is = "kept", "paid", inside > deskclient.Sum(l.Stock.Inside)
	default:
		prints := w.License.Prints
		yes, no, is = "printed", "spoiled", len(prints) > 0 && prints[len(prints)-1].Complete
	}
	if is {
		return yes, nil
	}
	return no, nil
}

// claimCode is how a code stands on a slip.
var claimCode = regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}`)

// payOwed takes every slip that came out to the counter, where no code is paid twice. It gives the cases
// in which something is owed that no slip pays yet.
func payOwed(t *testing.T, d *deskclient.Desk) (left []string) {
	t.Helper()
	ctx := t.Context()
	w, err := d.World(ctx)
	must(t, err)
	for _, p := range w.Receipt.Prints {
		text, err := d.Receipt(ctx, p.N, "txt")
		must(t, err)
		for _, code := range claimCode.FindAllString(string(text), -1) {
			if exit, err := d.Ctl(ctx, nil, "owed", "pay", code, "--reason", "counter"); exit != 0 && exit != 4 || err != nil {
				t.Errorf("owed pay %s: exit %d: %v", code, exit, err)
			}
			if exit, err := d.Ctl(ctx, nil, "owed", "pay", code, "--reason", "counter"); exit != 4 || err != nil {
				t.Errorf("owed pay %s once more: exit %d, want 4 (%v)", code, exit, err)
			}
		}
	}
	for _, o := range owedList(t, d) {
		if o.State == "open" {
			left = append(left, o.Case)
		}
	}
	return left
}

// slipLater is somebody who comes back with the case number of a slip that had no code: the one with the
// code is printed now.
func slipLater(t *testing.T, c *citizen.Citizen, id string) {
	t.Helper()
	ctx := t.Context()
	if _, err := c.At(ctx, "home"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(ctx, "home.look", "identify"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(ctx, "choice.by.case", "account"); err != nil {
		t.Fatal(err)
	}
	must(t, c.Digits(ctx, "case", id))
	if _, err := c.Next(ctx, "key.ok", "cases"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Next(ctx, "case.print", "slip"); err != nil {
		t.Fatal(err)
	}
	must(t, c.Leave(ctx))
}

type owedRow struct {
	ID, Case, State string
	Amount          int64 `json:"amount_fen"`
}

func owedList(t *testing.T, d *deskclient.Desk) (list []owedRow) {
	t.Helper()
	if exit, err := d.Ctl(t.Context(), &list, "owed"); err != nil || exit != 0 {
		t.Fatalf("kioskctl owed: exit %d: %v", exit, err)
	}
	return list
}

// openOwed is what is owed and not paid, by its id.
func openOwed(t *testing.T, d *deskclient.Desk) map[string]int64 {
	t.Helper()
	open := map[string]int64{}
	for _, o := range owedList(t, d) {
		if o.State == "open" {
			open[o.ID] = o.Amount
		}
	}
	return open
}
