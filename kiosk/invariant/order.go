package invariant

import "yichuang/kiosk/casefile"

// orderAlone: the next attempt waits until the former is definite.
func orderAlone(l *look) {
	if l.e.Kind == casefile.OrderBegun {
		l.see(l.matter().ordersOpen == 0, "order %s begins while one of case %s is not definite", l.h.Attempt, l.e.Case)
	}
}

func orderNumber(l *look) {
	if l.e.Kind == casefile.OrderBegun {
		l.see(l.h.Attempt != "" && l.orders[l.h.Attempt] == nil, "order %q has begun before, or has no number", l.h.Attempt)
	}
}

func orderAmount(l *look) {
	switch l.e.Kind {
	case casefile.OrderBegun:
		m := l.matter()
		l.see(l.h.Amount > 0 && l.h.Amount == m.due, "order %s over %s for a bill of %s", l.h.Attempt, l.h.Amount, m.due)
	case casefile.OrderPaid, casefile.OrderRefunded:
		o := l.orders[l.h.Attempt]
		l.see(o != nil && o.amount == l.h.Amount && o.caseID == l.e.Case, "order %s: %s of %s, and it was %+v", l.h.Attempt, l.e.Kind, l.h.Amount, o)
	}
}

// orderEnds: an attempt ends once, and only what was paid goes back.
func orderEnds(l *look) {
	o := l.orders[l.h.Attempt]
	switch l.e.Kind {
	case casefile.OrderPaid, casefile.OrderClosed:
		l.see(o != nil && o.state == casefile.OrderBegun, "order %s: %s, and it was %+v", l.h.Attempt, l.e.Kind, o)
	case casefile.OrderRefunded:
		l.see(o != nil && o.state == casefile.OrderPaid, "order %s goes back, and it was %+v", l.h.Attempt, o)
	}
}

func orderOnce(l *look) {
	if l.e.Kind == casefile.OrderPaid {
		l.see(l.matter().paid == 0, "case %s is paid by phone a second time, by order %s", l.e.Case, l.h.Attempt)
	}
}
