package document

import (
	"fmt"

	"yichuang/kiosk/money"
)

// Receipt is what a person takes home after money has changed hands: who took it, what for, and where
// every fen of it is now.
type Receipt struct {
	Head
	Biller  string
	Account string // masked
	Name    string // masked
	Bills   []BillPaid
	Notes   money.Counts // the notes stacked in this visit, when paid in cash
	Coins   money.Counts // and the coins
	Order   string       // the order number, when paid by phone
	Way     string       // 微信支付, when paid by phone

	Inserted money.Fen // all that was taken: notes and coins, or what the phone paid
	ToBill   money.Fen // of it, paid towards the bills
	Surplus  money.Fen // of it, kept by the biller as balance
	Change   money.Fen // of it, given back at once
	Unsure   money.Fen // of it, may have come out: there is a slip for it
	Owed     money.Fen // of it, to be given back: there is a slip for it
}

// BillPaid is one bill and what was paid of it now.
type BillPaid struct {
	Period string    // 2026-10; "" on a copy, for all that was chosen
	Due    money.Fen // what was still open before this payment
	Paid   money.Fen
}

// Paper is the receipt in this language. Its Err says when the sums disagree: such a receipt would
// tell an untruth about money and is not printed.
func (r Receipt) Paper(lang Lang) Paper {
	w := &writer{lang: lang}
	w.err = r.check()
	w.head(r.Head, "缴费回执", "Payment receipt")
	w.row("收费单位", "Biller", r.Biller)
	w.row("户号", "Account", r.Account)
	w.row("户名", "Name", r.Name)
	r.bills(w)
	w.rule()
	r.taken(w)
	w.rule()
	r.placed(w)
	w.foot(r.Head, "")
	w.fine(w.say("本回执证明本终端已收到上述款项，请妥善保管。", "This paper proves that this terminal has taken the amount above. Please keep it."))
	return w.Paper
}

// check is the promise that every fen taken is in exactly one place, and that the bills add up.
func (r Receipt) check() error {
	if r.Inserted < 0 || r.ToBill < 0 || r.Surplus < 0 || r.Change < 0 || r.Unsure < 0 || r.Owed < 0 {
		return fmt.Errorf("receipt: an amount below zero")
	}
	if sum := r.ToBill.Add(r.Surplus).Add(r.Change).Add(r.Unsure).Add(r.Owed); sum != r.Inserted {
		return fmt.Errorf("receipt: %s taken, but %s placed", r.Inserted, sum)
	}
	if cash := r.Notes.Total().Add(r.Coins.Total()); r.Order == "" && cash != r.Inserted {
		return fmt.Errorf("receipt: notes and coins of %s, but %s taken", cash, r.Inserted)
	}
	if r.Order != "" && len(r.Notes)+len(r.Coins) > 0 {
		return fmt.Errorf("receipt: notes and an order in one payment")
	}
	var paid money.Fen
	for _, b := range r.Bills {
		if b.Paid < 0 || b.Paid > b.Due {
			return fmt.Errorf("receipt: %s paid of a bill of %s", b.Paid, b.Due)
		}
		paid = paid.Add(b.Paid)
	}
	if paid != r.ToBill {
		return fmt.Errorf("receipt: bills say %s, the sum %s", paid, r.ToBill)
	}
	return nil
}

func (r Receipt) bills(w *writer) {
	for _, b := range r.Bills {
		zh, en := "应缴", "Bill" // a copy does not know the periods: they are sealed
		if b.Period != "" {
			zh, en = "账期 "+w.period(b.Period), "Bill "+w.period(b.Period)
		}
		w.row(zh, en, w.amount(b.Due))
		if rest := b.Due.Sub(b.Paid); rest > 0 {
			w.row("  本次缴纳", "  paid now", w.amount(b.Paid))
			w.row("  尚欠", "  still due", w.amount(rest))
		}
	}
}

func (r Receipt) taken(w *writer) {
	if r.Order != "" {
		w.row("付款方式", "Paid by", w.say("手机支付", "phone"))
		w.row("支付渠道", "Through", r.Way)
		w.row("订单号", "Order", r.Order)
		w.row("实付", "Paid", w.amount(r.Inserted))
		return
	}
	w.row("付款方式", "Paid by", w.say("现金", "cash"))
	for i := len(r.Notes) - 1; i >= 0; i-- {
		w.pieces("", r.Notes[i])
	}
	for i := len(r.Coins) - 1; i >= 0; i-- {
		w.pieces(w.say("硬币", "coins "), r.Coins[i])
	}
	w.row("投入合计", "Inserted", w.amount(r.Inserted))
}

// pieces is a row of notes or coins of one face.
func (w *writer) pieces(kind string, n money.Count) {
	label := fmt.Sprintf("  %s%s×%d", kind, w.face(n.Face), n.Count)
	w.row(label, label, w.amount(n.Face.Times(n.Count)))
}

// face names a note: 20元; a face below one yuan keeps its decimals.
func (w *writer) face(f money.Fen) string {
	text := f.String()
	if f%100 == 0 {
		text = fmt.Sprint(int64(f / 100))
	}
	return w.say(text+"元", "CNY "+text)
}

func (r Receipt) placed(w *writer) {
	w.strong("缴入账单", "To the bill", w.amount(r.ToBill))
	if r.Surplus > 0 {
		w.row("转入账户余额", "Kept as balance", w.amount(r.Surplus))
		w.text(w.say("多交的部分已按您的同意存入该户余额，下次账单自动抵扣。",
			"As you agreed, the surplus stays with the account and pays part of its next bill."))
	}
	switch {
	case r.Change > 0 && r.ToBill > 0:
		w.row("找零", "Change given", w.amount(r.Change))
	case r.Change > 0: // nothing was paid, so that it is no change
		w.row("已退给您", "Given back", w.amount(r.Change))
	}
	if r.Unsure > 0 {
		w.row("待核实", "Being checked", w.amount(r.Unsure))
		w.text(w.say("机器无法确定这笔钱是否已经出来，请一并取走「退款待核实凭条」并保管。",
			"The machine cannot say whether this amount came out. Please take the slip \"Money being checked\" as well."))
	}
	if r.Owed > 0 {
		w.row("应退给您", "Owed to you", w.amount(r.Owed))
		w.text(w.say("这笔钱凭另一张「待退款凭条」领取，请一并取走并保管。",
			"You get this back with the slip \"Money owed to you\". Please take both papers."))
	}
}
