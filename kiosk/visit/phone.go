package visit

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"yichuang/devices/barcode/paycode"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
)

// show lets the citizen scan a code on the screen.
func (v *visit) show() step {
	v.way = "phone"
	o, placed := v.placeOrder("show", "")
	if !placed {
		return v.afterOrder(o)
	}
	ctx, done := context.WithCancel(v.ctx)
	defer done()
	orders, stirs := v.following(ctx)
	until := time.Now().Add(showFor)
	for lost := false; ; {
		v.back = v.method
		m := v.await(func() front.View {
			view := v.drawPhone(front.HintShowCode)
			if view.Code = o.CodeURL; lost { // who has not paid yet had better not begin to
				view.Code, view.Notes = "", nil
			}
			if wait := waits(o, lost); o.State == "paying" || lost {
				view.Message = &wait
			}
			return view
		}, stirs)
		if m.stirred {
			v.touched, v.warned = now(), false
			s := <-orders
			if lost = s.lost; !lost {
				s.CodeURL = cmp.Or(s.CodeURL, o.CodeURL)
				o = s.Order
			}
			if !o.Definite && time.Now().Before(until) {
				continue
			}
		}
		done()
		if m.over {
			return nil // leave closes the order
		}
		if !o.Definite {
			o = v.closeOrder()
		}
		return v.afterOrder(o)
	}
}

// scanPhone reads the code of the citizen's phone.
func (v *visit) scanPhone() step {
	v.way = "phone"
	code, next := v.awaitPayCode()
	if code == "" {
		return next
	}
	if v.moneyIn() {
		return v.rest // a coin was told of meanwhile: a phone's money is not mixed with it
	}
	o, placed := v.placeOrder("scan", code)
	if placed && !o.Definite {
		o = v.awaitPayer(o)
	}
	return v.afterOrder(o)
}

// awaitPayCode waits for a payment code under the scanner. Other codes are told apart in a sentence.
func (v *visit) awaitPayCode() (string, step) {
	ctx, done := context.WithCancel(v.ctx)
	defer done()
	codes, stirs := v.scanning(ctx)
	for {
		v.back = v.method
		m := v.await(func() front.View { return v.drawPhone(front.HintScanCode) }, stirs)
		switch {
		case m.over:
			return "", nil
		case !m.stirred:
			return "", v.method
		}
		s := <-codes
		v.touched, v.warned = now(), false
		kind := paycode.Classify(s.text)
		switch {
		case s.err == nil && kind.Payable():
			return s.text, nil
		case kind == paycode.IDNumber:
			v.say(front.SayIDLikeCode)
		default:
			v.say(front.SayNotPayCode)
		}
	}
}

// awaitPayer waits while the payer is asked on the phone, then makes the order definite.
func (v *visit) awaitPayer(o office.Order) office.Order {
	ctx, done := context.WithTimeout(v.ctx, payingMax)
	defer done()
	orders, stirs := v.following(ctx)
	gone := ctx.Done()
	ends := make(chan struct{})
	go func() { <-gone; close(ends) }()
	for lost := false; !o.Definite; {
		v.back = nil
		m := v.await(func() front.View {
			view, wait := v.drawPhone(front.HintScanCode), waits(o, lost)
			view.Message = &wait
			return view
		}, either(ctx, stirs, ends))
		if !m.stirred {
			break // cancelled, or nobody there
		}
		v.touched, v.warned = now(), false
		select {
		case s := <-orders:
			if lost = s.lost; !lost {
				o = s.Order
			}
			continue
		default:
		}
		if ctx.Err() != nil {
			break
		}
	}
	done()
	if o.Definite {
		return o
	}
	return v.closeOrder()
}

// either stirs when one of two does.
func either(ctx context.Context, a <-chan struct{}, b <-chan struct{}) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() {
		select {
		case <-a:
		case <-b:
		case <-ctx.Done():
		}
		out <- struct{}{}
	}()
	return out
}

func (v *visit) drawPhone(hint front.Phrase) front.View {
	view := v.page("pay", v.serviceTitle())
	view.Sub = front.Say{Text: maskAccount(v.account) + " · " + v.bill.Name}
	view.Step, view.Steps = 4, 4
	due := v.due()
	view.Money = &front.Money{Due: int64(due), Remaining: int64(due)}
	view.Notes = []front.Say{say(hint, "fen", due.String())}
	view.Acts = []string{"pay.cancel"}
	return view
}

// waits is for what an order waits.
func waits(o office.Order, lost bool) front.Say {
	switch {
	case lost:
		return say(front.WaitLine)
	case o.State == "unknown":
		return say(front.WaitQuery)
	}
	return say(front.WaitPaying)
}

// heard is how the order stands, or that there is no line to ask over.
type heard struct {
	office.Order
	lost bool
}

// following waits for changes of the order, and of the line, until the context ends.
func (v *visit) following(ctx context.Context) (<-chan heard, <-chan struct{}) {
	orders, stirs := make(chan heard, 1), make(chan struct{})
	attempt := v.order.Attempt
	go func() {
		for last := (heard{}); ctx.Err() == nil; {
			o, err := v.Hall.WaitOrder(ctx, attempt)
			h := heard{o, err != nil}
			if h.lost == last.lost && (h.lost || h.State == last.State) {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Second):
				}
				continue
			}
			last = h
			select {
			case orders <- h:
			case <-ctx.Done():
				return
			}
			select {
			case stirs <- struct{}{}:
			case <-ctx.Done():
				return
			}
			if o.Definite {
				return
			}
		}
	}()
	return orders, stirs
}

// placeOrder commits one attempt and places it at the hall. placed is false when it is over already.
func (v *visit) placeOrder(mode, authCode string) (office.Order, bool) {
	v.attempt++
	v.order = office.NewOrder{Case: v.caseID, Attempt: fmt.Sprintf("Y%sN%02d", v.caseID, v.attempt), Mode: mode, AuthCode: authCode,
		Description: v.service.Name.In("zh"), Amount: v.due(), Expires: v.Journal.Now().Add(showFor + payingMax)}
	h := casefile.Header{Attempt: v.order.Attempt, Amount: v.order.Amount, Mode: mode, Expires: v.order.Expires}
	if !v.append(casefile.OrderBegun, v.caseID, h, nil) {
		return office.Order{}, false
	}
	var o office.Order
	var err error
	v.back = nil
	v.working(v.serviceTitle(), say(front.WaitOrder), orderMax, func(ctx context.Context) { o, err = v.Hall.PlaceOrder(ctx, v.order) })
	if err == nil {
		return o, !o.Definite
	}
	v.Log.Warn("place order", "error", err)
	return v.closeOrder(), false
}

// closeOrder makes the order definite, or says that the hall goes on asking.
func (v *visit) closeOrder() office.Order {
	var o office.Order
	var err error
	v.back = nil
	what := say(front.WaitReverse, "seconds", "40")
	v.working(v.serviceTitle(), what, closeMax, func(ctx context.Context) { o, err = v.Hall.CloseOrder(ctx, v.order.Attempt) })
	if err != nil {
		v.Log.Warn("close order", "error", err)
		return office.Order{State: "unknown"}
	}
	return o
}

// endOrder writes down what a definite order came to, and says whether it was paid.
func (v *visit) endOrder(o office.Order) (paid bool) {
	switch {
	case !o.Definite:
		return false
	case o.State == "paid":
		return v.append(casefile.OrderPaid, v.caseID, casefile.Header{Attempt: v.order.Attempt, Amount: v.order.Amount}, nil)
	}
	v.append(casefile.OrderClosed, v.caseID, casefile.Header{Attempt: v.order.Attempt, How: o.State}, nil)
	return false
}

// afterOrder goes on where the order's end leads.
func (v *visit) afterOrder(o office.Order) step {
	if v.endOrder(o) {
		return v.settle(payment.RestPart, "paid")
	}
	switch o.State {
	case "closed":
		v.say(front.SayOrderFailed)
	case "reversed", "refunded":
		v.say(front.SayOrderReversed)
	case "refused":
		v.say(refusal(o.Reason))
	case "none":
		v.say(front.SayOrderFailed)
	default:
		// Not definite: no other attempt may begin. The hall goes on asking; tend writes down what comes.
		v.say(front.SayOrderUnknown)
		return v.acknowledge(v.goodbye)
	}
	return v.method
}

// refusal is the sentence for why the gateway refused.
func refusal(reason string) front.Phrase {
	switch reason {
	case "not_enough":
		return front.SayOrderShort
	case "code_expired", "code_invalid":
		return front.SayOrderExpired
	}
	return front.SayOrderRefused
}

// acknowledge shows what is not finished until it is touched away.
func (v *visit) acknowledge(next step) step {
	return func() step {
		v.back = nil
		note := v.note
		m := v.await(func() front.View {
			view := v.page("slip", v.serviceOr(front.TitleSlip))
			view.Message = note
			view.Rows = []front.Row{{Label: say(front.LabelCase), Value: front.Say{Text: v.caseID}, Strong: true}}
			if v.print.void {
				view.Notes = append(view.Notes, say(front.HintSheetVoid))
			}
			view.Acts = []string{"form.next"}
			return view
		}, nil)
		if m.over {
			return nil
		}
		return next
	}
}
