package invariant

import (
	"slices"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

func places(l *look) {
	in := l.notesIn.Add(l.byPhone)
	l.see(in == l.placed.Sum(), "%s came in and %s is placed: %+v", in, l.placed.Sum(), l.placed)
}

func positive(l *look) {
	p := l.placed
	for _, amount := range []money.Fen{p.Visit, p.Bills, p.Surplus, p.Owed, p.PaidOut, p.Refunded, p.Doubtful} {
		if amount < 0 {
			l.see(false, "%+v", p)
			return
		}
	}
	if m := l.matters[l.e.Case]; m != nil && l.e.Case != "" {
		l.see(m.in >= 0 && m.bill >= 0 && m.extra >= 0, "case %s has %s that is not placed", l.e.Case, m.in)
	}
}

// balanced are the sums of the book against those of the second count.
func balanced(l *look) {
	if l.book == nil || l.err != nil {
		return
	}
	b := l.book
	l.see(b.Placed == l.placed && b.StackedFen == l.notesIn && b.QRPaid == l.byPhone,
		"the book has %+v of %s and %s by phone, the events give %+v of %s and %s", b.Placed, b.StackedFen, b.QRPaid, l.placed, l.notesIn, l.byPhone)
}

// faces are the piles: what came in by faces is what came in.
func faces(l *look) {
	if !l.about("note.", "coin.") {
		return
	}
	sum := l.stacked.Total().Add(l.doubtful.Total()).Add(l.coins.Total())
	l.see(sum == l.notesIn && whole(l.stacked) && whole(l.returned) && whole(l.doubtful) && whole(l.coins), "%s by faces and %s in sum: stacked %v, doubtful %v, coins %v, returned %v",
		sum, l.notesIn, l.stacked, l.doubtful, l.coins, l.returned)
	if b := l.book; b != nil && l.err == nil {
		l.see(slices.Equal(b.Stacked, l.stacked) && slices.Equal(b.Returned, l.returned) && slices.Equal(b.Doubtful, l.doubtful) && slices.Equal(b.Coins, l.coins),
			"the book has stacked %v, returned %v, doubtful %v, coins %v", b.Stacked, b.Returned, b.Doubtful, b.Coins)
	}
}

// whole says whether no face of a pile is below nothing.
func whole(pile money.Counts) bool {
	return !slices.ContainsFunc(pile, func(row money.Count) bool { return row.Count < 0 })
}

func stock(l *look) {
	if !l.about("note.", "coin.", "payout.", "stock.") {
		return
	}
	s := l.stock
	left := s.Loaded.With(s.Stored).Minus(s.Paid).Minus(s.Unsure).Minus(s.TakenOut).Minus(s.Inside)
	l.see(len(left) == 0 && whole(s.Paid) && whole(s.Unsure), "%v too much inside: %+v", left, s)
	if l.book != nil && l.err == nil {
		b := l.book.Stock
		l.see(len(b.Inside.Minus(s.Inside)) == 0 && len(b.Paid.Minus(s.Paid)) == 0 && len(b.Unsure.Minus(s.Unsure)) == 0, "the book has %+v, the events give %+v", b, s)
	}
}

// exchanged: who empties a box is told what is in it.
func exchanged(l *look) {
	switch l.e.Kind {
	case casefile.BoxExchanged:
		l.see(len(l.h.Expected.Minus(l.boxed)) == 0, "the box should hold %v, and %v went in", l.h.Expected, l.boxed)
	case casefile.CoinsExchanged:
		l.see(len(l.h.Expected.Minus(l.coinBoxed)) == 0, "the coin box should hold %v, and %v went in", l.h.Expected, l.coinBoxed)
	case casefile.StockCounted:
		l.see(len(l.h.Expected.Minus(l.stock.Inside)) == 0, "there should be %v inside, and the events give %v", l.h.Expected, l.stock.Inside)
	}
}

// settledWhole: nothing of what came in is forgotten when it is placed, and nothing is added.
func settledWhole(l *look) {
	if l.e.Kind == casefile.PaymentSettled {
		in := l.matter().in
		l.see(l.h.Bill.Add(l.h.Surplus).Add(l.h.Owes) == in && (l.h.Owes > 0) == (l.h.Owed != ""),
			"%s is in; %s to the bill, %s beyond it, %s owed under %q", in, l.h.Bill, l.h.Surplus, l.h.Owes, l.h.Owed)
	}
}

// chosen are the reasons for which money that could pay a part is owed all the same: the citizen wanted it back, or nobody can be asked.
var chosen = []string{"stopped", "power", "paid_late"}

// billFirst is the rule by which money is placed: the bill first, what is beyond it by the biller's rule, what is too
// little pays a part or is owed.
func billFirst(l *look) {
	if l.e.Kind != casefile.PaymentSettled {
		return
	}
	m := l.matter()
	in, h := l.h.Bill.Add(l.h.Surplus).Add(l.h.Owes), l.h
	var ok bool
	switch {
	case m.due == 0:
		ok = h.Owes == in
	case in >= m.due && m.rule == "balance":
		ok = h.Bill == m.due && h.Owes == 0
	case in >= m.due:
		ok = h.Bill == m.due && h.Surplus == 0
	case h.Bill > 0:
		ok = m.part && h.Bill == in
	default:
		ok = h.Surplus == 0 && (!m.part || slices.Contains(chosen, h.Reason))
	}
	l.see(ok, "%s for a bill of %s (parts %v, surplus %q, %q): %s to the bill, %s beyond it, %s owed", in, m.due, m.part, m.rule, h.Reason, h.Bill, h.Surplus, h.Owes)
}

// settledOnce: what is settled stays so; no money comes to it any more, no bill and no order.
func settledOnce(l *look) {
	switch l.e.Kind {
	case casefile.PaymentSettled, casefile.NoteStacked, casefile.CoinTaken, casefile.OrderBegun, casefile.OrderPaid, casefile.BillChosen, casefile.CashOpened:
		l.see(!l.matter().settled, "%s of case %s, which was settled before", l.e.Kind, l.e.Case)
	}
}

// billStands: what is to be paid does not change under money that is in.
func billStands(l *look) {
	if l.e.Kind == casefile.BillChosen {
		m := l.matter()
		l.see(l.h.Due > 0 && m.in == 0 && m.ordersOpen == 0, "case %s: a bill of %s, with %s in the box and %d orders open", l.e.Case, l.h.Due, m.in, m.ordersOpen)
	}
}

// bookedOnce: the biller answers once, for the whole amount; notes come back as a slip, a payment by phone to the phone.
func bookedOnce(l *look) {
	switch l.e.Kind {
	case casefile.BillPosted, casefile.BillRefused, casefile.BillRefunded:
		m := l.matter()
		amount := m.bill.Add(m.extra)
		way := l.e.Kind == casefile.BillPosted || (l.e.Kind == casefile.BillRefunded) == m.phone
		l.see(m.settled && m.booked == "" && amount > 0 && amount == l.h.Amount && way, "case %s: %s of %s; %s is on the bill, by phone %v, booked before as %q",
			l.e.Case, l.e.Kind, l.h.Amount, amount, m.phone, m.booked)
	}
}
