package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"yichuang/cmd/citizen"
	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
	"yichuang/kiosk/catalog"
)

// TestBadInput gives the terminal what it should not get. Each time the screen says so in a sentence, the
// visit can go on or home is reached, and afterwards everybody's books agree.
func TestBadInput(t *testing.T) {
	t.Parallel()
	who := people.New(seed(t))
	d := start(t, newDir(t), "visit.idle_seconds=120")
	c := come(t, d)
	made := account(t, d, 2500)
	t.Run("account", func(t *testing.T) { badAccount(t, c, made) })
	t.Run("card", func(t *testing.T) { badCards(t, c, who) })
	t.Run("note", func(t *testing.T) { badNotes(t, c, made) })
	t.Run("payment code", func(t *testing.T) { badPayCodes(t, c, made) })
	t.Run("signature", func(t *testing.T) { badSignature(t, c, applicant(who)) })
	balanced(t, d, doubts{}, made.Account)
}

func home(t *testing.T, c *citizen.Citizen) {
	t.Helper()
	if err := c.Leave(t.Context()); err != nil {
		t.Fatalf("there is no way home: %v", err)
	}
}

func badAccount(t *testing.T, c *citizen.Citizen, made deskclient.Made) {
	ctx := t.Context()
	defer home(t, c)
	must(t, c.ToAccount(ctx))
	n := len(made.Account)
	type row struct{ name, number, word string }
	wrong := made.Account[:n-1] + string('0'+(made.Account[n-1]-'0'+1)%10)
	typed := ""
	for _, r := range []row{{"short", made.Account[:n-1], "还没有输完"}, {"wrong check digit", wrong, "有一位不对"}} {
		for range len(typed) {
			must(t, c.Touch(ctx, "key.delete"))
		}
		typed = r.number
		must(t, c.Digits(ctx, "account", r.number))
		must(t, c.Touch(ctx, "key.ok"))
		t.Logf("%s: %s", r.name, said(t, c, r.word))
		if _, err := c.At(ctx, "account"); err != nil {
			t.Fatal(err)
		}
	}
	for _, code := range []string{"11010119900307793X", "http://example.org/", "6901234567892", strings.Repeat("9", 300), "\x01\x02"} {
		must(t, c.Show(ctx, code))
		if _, err := c.At(ctx, "account"); err != nil {
			t.Fatalf("code %q: %v", code, err)
		}
		t.Logf("code %.20q: %s", code, said(t, c, "不是账单"))
	}
	for range len(typed) {
		must(t, c.Touch(ctx, "key.delete"))
	}
	must(t, c.Digits(ctx, "account", stranger(t, c, made.Account)))
	must(t, c.Touch(ctx, "key.ok"))
	t.Logf("unknown account: %s", said(t, c, "没有查到"))
}

// stranger is a number that checks and is nobody's.
func stranger(t *testing.T, c *citizen.Citizen, number string) string {
	t.Helper()
	n := len(number)
	for last := range 10 {
		other := number[:n-2] + string('0'+(number[n-2]-'0'+1)%10) + fmt.Sprint(last)
		if !catalog.Luhn(other) {
			continue
		}
		if _, err := c.Desk.Account(t.Context(), other); deskclient.Status(err) != 404 {
			t.Fatalf("account %s: %v, want a refusal with 404", other, err)
		}
		return other
	}
	t.Fatalf("%s: no last digit makes it check", number[:n-1])
	return ""
}

func badCards(t *testing.T, c *citizen.Citizen, who *people.Source) {
	ctx := t.Context()
	defer home(t, c)
	must(t, c.ToCard(ctx))
	good := deskclient.Card(who.Person())
	expired, other, rare := good, good, good
	expired.ValidFrom, expired.ValidTo = "20100101", "20200101"
	other.Number = other.Number[:17] + string('0'+(other.Number[17]+1)%10)
	rare.Name = "钱\U0010fffd" // a character of private use: nobody has a letter for it
	for _, row := range []struct {
		name, word string
		card       deskclient.Card
	}{{"expired", "过期", expired}, {"wrong number", "对不上", other}, {"a name that cannot be printed", "印不出来", rare}} {
		must(t, c.Desk.LayCard(ctx, row.card))
		t.Logf("%s: %s", row.name, said(t, c, row.word))
		if _, err := c.At(ctx, "identify"); err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		must(t, c.Desk.TakeCard(ctx))
	}
	for _, row := range []struct {
		fault, word string
		count       int // a read that fails once is tried again, and nobody hears of it
	}{{"card_gone", "拿走得早", 1}, {"bus_card", "没有认出身份证", 1}, {"card_gone", "拿走得早", 1}, {"not_genuine", "没有认出身份证", 100}, {"read_failed", "没有读出来", 100}} {
		must(t, c.Desk.Arm(ctx, "idcard", row.fault, row.count))
		must(t, c.Desk.LayCard(ctx, good))
		t.Logf("%s: %s", row.fault, said(t, c, row.word))
		if page, err := c.At(ctx, "identify", "form"); err != nil || page == "form" {
			t.Fatalf("%s: page %s, %v", row.fault, page, err)
		}
		must(t, errors.Join(c.Desk.TakeCard(ctx), c.Desk.Mend(ctx, "idcard", "")))
	}
	must(t, c.Desk.LayCard(ctx, good))
	if _, err := c.At(ctx, "form"); err != nil {
		t.Errorf("a good card after all the bad ones: %v", err)
	}
	must(t, c.Desk.TakeCard(ctx))
}

func badNotes(t *testing.T, c *citizen.Citizen, made deskclient.Made) {
	ctx := t.Context()
	defer home(t, c)
	must(t, c.ToPayment(ctx, made.BillCode, "pay.cash"))
	feed(t, c, 500) // the slot is lit
	for _, kind := range []string{"foreign", "torn"} {
		n, err := c.Desk.OfferNote(ctx, 1000, kind, 10*time.Second)
		must(t, err)
		if n.Fate != "refused" && n.Fate != "returned" {
			t.Errorf("a %s note: %s", kind, n.Fate)
		}
		t.Logf("%s: %s", kind, said(t, c))
		if _, err := c.At(ctx, "pay"); err != nil {
			t.Fatal(err)
		}
	}
	pulledBack(t, c)
	if _, err := c.Next(ctx, "pay.cancel", "pay"); err != nil {
		t.Fatal(err)
	}
	t.Logf("cancelled: %s", said(t, c, "5.00"))
	must(t, c.Touch(ctx, "choice.rest.owed"))
	if _, err := c.At(ctx, "slip"); err != nil {
		t.Fatal(err)
	}
	must(t, c.Leave(ctx))
	if left := payOwed(t, c.Desk); len(left) > 0 {
		t.Errorf("something is owed in %v, and no slip that came out pays it", left)
	}
}

// pulledBack pulls a note out of the mouth as soon as it can be held.
func pulledBack(t *testing.T, c *citizen.Citizen) {
	t.Helper()
	ctx := t.Context()
	offered, err := c.Desk.OfferNote(ctx, 2000, "genuine", 0)
	must(t, err)
	err = citizen.Until(ctx, againMax, func() error {
		_, err := c.Desk.PullNote(ctx, offered.Note)
		if err != nil {
			if n, lookErr := c.Desk.Note(ctx, offered.Note); lookErr == nil && (n.Fate == "stacked" || n.Fate == "returned" || n.Fate == "refused") {
				return nil // it was gone before a hand could hold it
			}
		}
		return err
	})
	must(t, err)
	if n, err := c.Desk.Note(ctx, offered.Note); err != nil || n.Fate == "stacked" {
		t.Logf("the note that was pulled was stacked before (%v)", err)
	}
}

func badPayCodes(t *testing.T, c *citizen.Citizen, made deskclient.Made) {
	ctx := t.Context()
	defer home(t, c)
	must(t, c.ToPayment(ctx, made.BillCode, "pay.scan"))
	number := people.Number("110199", "19900307", 900)
	for i := 901; strings.HasSuffix(number, "X"); i++ {
		number = people.Number("110199", "19900307", i)
	}
	for code, word := range map[string]string{number: "身份证号", people.Number("110199", "19900307", 901): "身份证号", "6901234567892": "不是付款码",
		// Another bill than the one that was just scanned: the reader passes over the same code within a second.
		"hello": "不是付款码", "YCB:water:1234567897": "不是付款码"} {
		must(t, c.Show(ctx, code))
		t.Logf("code %q: %s", code, said(t, c, word))
		if _, err := c.At(ctx, "pay"); err != nil {
			t.Fatal(err)
		}
	}
	if orders, err := c.Desk.Orders(ctx); err != nil || len(orders) != 0 {
		t.Errorf("codes that are no payment codes led to %d orders (%v)", len(orders), err)
	}
	for _, outcome := range []string{"not_enough", "expired", "paying_then_cancel"} {
		code, err := c.Desk.Code(ctx, outcome, 500)
		must(t, err)
		must(t, c.Show(ctx, code))
		if _, err := c.At(ctx, "method"); err != nil {
			t.Fatalf("%s: %v", outcome, err)
		}
		t.Logf("%s: %s", outcome, said(t, c))
		if _, err := c.Next(ctx, "pay.scan", "pay"); err != nil {
			t.Fatal(err)
		}
	}
}

func badSignature(t *testing.T, c *citizen.Citizen, a citizen.Applicant) {
	ctx := t.Context()
	defer home(t, c)
	must(t, c.ToForm(ctx, a))
	must(t, c.Desk.TakeCard(ctx))
	question, err := c.Question(ctx)
	must(t, err)
	must(t, c.Touch(ctx, "form.next"))
	t.Logf("nothing chosen for %s: %s", question, said(t, c, "请选"))
	must(t, c.Fill(ctx, a))
	must(t, c.Touch(ctx, "form.next"))
	t.Logf("no signature: %s", said(t, c, "没有签名"))
	if _, err := c.At(ctx, "sign"); err != nil {
		t.Fatal(err)
	}
}

// TestCompanyFails lets the water company fail while a bill is looked up and while a payment is posted.
func TestCompanyFails(t *testing.T) {
	t.Parallel()
	d := start(t, newDir(t), "visit.idle_seconds=120")
	c := come(t, d)
	ctx := t.Context()
	var accounts []string
	for _, shape := range []string{"garbage", "http_500", "silence"} {
		t.Run("bill "+shape, func(t *testing.T) {
			made := account(t, d, 1000)
			must(t, c.ToAccount(ctx))
			must(t, d.ArmBiller(ctx, shape, 100))
			must(t, c.Show(ctx, made.BillCode))
			sentence := said(t, c, "没有", "不", "稍后", "再试")
			must(t, d.ArmBiller(ctx, shape, 0))
			if _, err := c.At(ctx, "account"); err != nil {
				t.Fatal(err)
			}
			t.Log(sentence)
			home(t, c)
		})
	}
	for _, shape := range []string{"garbage", "http_500", "silence", "refuse_post", "posted_but_timeout"} {
		t.Run("posting "+shape, func(t *testing.T) {
			made := account(t, d, 1000)
			accounts = append(accounts, made.Account)
			must(t, c.ToPayment(ctx, made.BillCode, "pay.cash"))
			must(t, d.ArmBiller(ctx, shape, 1))
			feed(t, c, 1000)
			page, err := c.At(ctx, "take", "slip")
			must(t, err)
			if want := map[bool]string{true: "slip", false: "take"}[shape == "refuse_post"]; page != want {
				t.Errorf("the company's answer was %s, and the page is %s, want %s", shape, page, want)
			}
			home(t, c)
			must(t, d.ArmBiller(ctx, shape, 0))
			balanced(t, d, doubts{}, accounts...)
			if left := payOwed(t, d); len(left) > 0 {
				t.Errorf("something is owed in %v, and no slip that came out pays it", left)
			}
		})
	}
	for _, number := range accounts {
		if a, err := d.Account(ctx, number); err != nil || len(a.Postings) > 1 {
			t.Errorf("account %s: %d postings (%v)", number, len(a.Postings), err)
		}
	}
}

// TestGatewayFails lets the gateway fail in each way it can while somebody pays by phone. The order ends
// paid and served, or nothing is kept of it.
func TestGatewayFails(t *testing.T) {
	t.Parallel()
	d := start(t, newDir(t), "visit.idle_seconds=120")
	c := come(t, d)
	ctx := t.Context()
	var accounts []string
	for _, shape := range []string{"paid_answer_lost", "answered_twice", "refused", "http_500_after_success", "garbage", "silence"} {
		t.Run(shape, func(t *testing.T) {
			made := account(t, d, 1000)
			accounts = append(accounts, made.Account)
			must(t, c.ToPayment(ctx, made.BillCode, "pay.scan"))
			code, err := d.Code(ctx, "success", 0)
			must(t, err)
			must(t, d.ArmGateway(ctx, shape, 1))
			must(t, c.Show(ctx, code))
			page, err := c.At(ctx, "take", "method", "slip")
			must(t, err)
			t.Logf("%s: page %s, %q", shape, page, c.Message(ctx))
			if page != "take" {
				said(t, c)
			}
			must(t, d.ArmGateway(ctx, shape, 0))
			home(t, c)
			balanced(t, d, doubts{}, accounts...)
			must(t, citizen.Until(ctx, balanceMax, func() error { return ordersEnded(ctx, d) }))
		})
	}
}

// ordersEnded sees that each order is paid and its money booked, or that nothing of it was kept.
func ordersEnded(ctx context.Context, d *deskclient.Desk) error {
	orders, err := d.Orders(ctx)
	if err != nil {
		return err
	}
	l, err := ledgerOf(ctx, d)
	if err != nil {
		return err
	}
	kept := int64(0)
	for _, o := range orders {
		back := int64(0)
		for _, r := range o.Refunds {
			back += r.Amount
		}
		if o.State == "REVOKED" || o.State == "CLOSED" {
			back = o.Paid
		}
		kept += o.Paid - back
	}
	if want := l.In.QRPaid - l.Placed.Refunded; kept != want {
		return fmt.Errorf("the gateway keeps %d fen and the terminal knows of %d: %+v", kept, want, orders)
	}
	return nil
}
