package visit

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
)

// scan is what the scanner told while a page stood.
type scan struct {
	text string
	err  error
}

// scanning lets the scanner look until the context ends, one code after the other.
func (v *visit) scanning(ctx context.Context) (<-chan scan, <-chan struct{}) {
	codes, stirs := make(chan scan, 1), make(chan struct{})
	go func() {
		for ctx.Err() == nil {
			text, err := v.Station.Scanner.Scan(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil && !fault.Is(err, fault.Garbled) && !fault.Is(err, fault.Refused) {
				return // no scanner: the keypad remains
			}
			select {
			case codes <- scan{text, err}:
			case <-ctx.Done():
				return
			}
			select {
			case stirs <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return codes, stirs
}

// askAccount takes the account number from the keypad, or the paper bill's code from the scanner.
func (v *visit) askAccount() step {
	ctx, done := context.WithCancel(v.ctx)
	defer done()
	codes, stirs := v.scanning(ctx)
	spec := v.service.Account
	for {
		v.back = v.choose("pay")
		m := v.await(func() front.View {
			view := v.page("account", v.serviceTitle())
			view.Step, view.Steps = 1, 4
			view.Notes = []front.Say{say(front.HintAccount)}
			view.Keys = "digits"
			view.Fields = []front.Field{{Name: "account", Label: say(front.LabelAccount), Value: v.account, Focus: true, Group: spec.Group, Max: spec.Digits}}
			view.Acts = append(digitKeys(), "field.account")
			return view
		}, stirs)
		switch {
		case m.over:
			return nil
		case m.act.ID == "nav.back":
			return v.back
		case m.stirred:
			done()
			return v.scanned(<-codes)
		case m.act.ID == "key.delete":
			v.account = chop(v.account)
		case m.act.ID == "key.ok":
			if next := v.accountGiven(); next != nil {
				return next
			}
		case strings.HasPrefix(m.act.ID, "key.") && len(v.account) < spec.Digits:
			v.account += after(m.act.ID, "key.")
		}
	}
}

func digitKeys() []string {
	return []string{"key.0", "key.1", "key.2", "key.3", "key.4", "key.5", "key.6", "key.7", "key.8", "key.9", "key.delete", "key.ok"}
}

func chop(s string) string {
	if s == "" {
		return s
	}
	return s[:len(s)-1]
}

// accountGiven looks at the number before the biller is asked; nil stays on the page with a sentence.
func (v *visit) accountGiven() step {
	spec := v.service.Account
	switch {
	case len(v.account) != spec.Digits:
		v.say(front.SayAccountShort, "want", fmt.Sprint(spec.Digits))
		return nil
	case !spec.Valid(v.account):
		v.say(front.SayAccountCheck)
		return nil
	}
	return v.lookUpBill(v.account, "")
}

// scanned takes a bill's code; any other code is told apart in a sentence.
func (v *visit) scanned(s scan) step {
	prefix := v.service.Account.Code
	if s.err != nil || !strings.HasPrefix(s.text, prefix) {
		v.say(front.SayNotBillCode)
		return v.askAccount
	}
	return v.lookUpBill("", s.text)
}

// lookUpBill asks the biller through the hall and goes on to the bill, or back with the reason.
func (v *visit) lookUpBill(account, code string) step {
	bill, ok := v.askBill(account, code)
	if !ok {
		return v.askAccount
	}
	v.bill, v.account = bill, bill.Account
	v.chosen = map[string]bool{}
	for _, p := range bill.Periods {
		v.chosen[p.Period] = true
	}
	return v.showBill
}

// askBill puts the question; ok is false, with a sentence for the page, when there is no bill.
func (v *visit) askBill(account, code string) (bill office.Bill, ok bool) {
	var err error
	v.back = nil
	v.working(v.serviceTitle(), say(front.WaitBill), billMax, func(ctx context.Context) {
		bill, err = v.Hall.Bill(ctx, v.service.Code, account, code, v.caseID)
	})
	if err != nil {
		v.Log.Warn("bill", "error", err)
		v.say(front.SayNoLineBills)
		return bill, false
	}
	switch bill.Status {
	case "ok":
		return bill, true
	case "unknown_account":
		v.say(front.SayAccountUnknown)
	case "bad_code":
		v.say(front.SayNotBillCode)
	case "garbled":
		v.say(front.SayHallGarbled)
	default:
		v.say(front.SayHallSilent)
	}
	return bill, false
}

// due is what the chosen periods ask for.
func (v *visit) due() (sum money.Fen) {
	for _, p := range v.bill.Periods {
		if v.chosen[p.Period] {
			sum = sum.Add(p.Due)
		}
	}
	return sum
}

// showBill lets the citizen see whose bill it is and choose the periods.
func (v *visit) showBill() step {
	for {
		v.back = v.askAccount
		m := v.await(v.drawBill, nil)
		switch {
		case m.over:
			return nil
		case m.act.ID == "nav.back":
			return v.back
		case m.act.ID == "form.next":
			if v.due() > 0 {
				return v.method
			}
			v.say(front.SayBillNoneChosen)
		default:
			if period := after(m.act.ID, "choice.bill."); period != "" {
				v.chosen[period] = !v.chosen[period]
			}
		}
	}
}

func (v *visit) drawBill() front.View {
	view := v.page("bill", v.serviceTitle())
	view.Step, view.Steps = 2, 4
	view.Sub = say(front.TitleBill)
	row := func(label front.Phrase, value string, strong bool) {
		if value != "" {
			view.Rows = append(view.Rows, front.Row{Label: say(label), Value: front.Say{Text: value}, Strong: strong})
		}
	}
	row(front.LabelAccount, maskAccount(v.account), false)
	row(front.LabelName, v.bill.Name, false)
	row(front.LabelAddress, v.bill.Address, false)
	if v.bill.Balance > 0 {
		row(front.LabelBalance, v.bill.Balance.String(), false)
	}
	if len(v.bill.Periods) == 0 {
		nothing := say(front.SayBillNothing, "amount", v.bill.Balance.String())
		view.Message = &nothing
		return view
	}
	for _, p := range v.bill.Periods {
		id := "choice.bill." + p.Period
		view.Choices = append(view.Choices, front.Choice{ID: id, Text: front.Say{Text: p.Period}, Sub: front.Say{Text: p.Due.String()}, Chosen: v.chosen[p.Period], Many: true, Open: true})
		view.Acts = append(view.Acts, id)
	}
	row(front.LabelDue, v.due().String(), true)
	view.Notes = []front.Say{v.surplusRule()}
	view.Acts = append(view.Acts, "form.next")
	return view
}

// surplusRule is told before the first note.
func (v *visit) surplusRule() front.Say {
	if v.Till.Promise(v.due(), v.bill.Surplus) {
		return say(front.HintChange)
	}
	if v.bill.Surplus == "balance" {
		return say(front.HintSurplusKept)
	}
	if len(v.Till.Stock()) > 0 {
		return say(front.HintChangeSome)
	}
	return say(front.HintSurplusOwed)
}

func (v *visit) cancelRule() front.Say {
	pays := len(v.Till.Stock()) > 0
	switch {
	case v.bill.Part && pays:
		return say(front.HintCancelChange)
	case v.bill.Part:
		return say(front.HintCancelPart)
	case pays:
		return say(front.HintStopChange)
	}
	return say(front.HintCancelOwed)
}

// maskAccount shows the first and last four digits.
func maskAccount(account string) string {
	if len(account) <= 8 {
		return account
	}
	return account[:4] + strings.Repeat("*", len(account)-8) + account[len(account)-4:]
}

// method offers the ways to pay. Money that is told of meanwhile leads to where it is asked what is to become of it.
func (v *visit) method() step {
	ctx, done := context.WithCancel(v.ctx)
	defer done()
	stirs := every(ctx, stirEvery)
	for {
		if v.moneyIn() {
			return v.rest
		}
		v.back = v.showBill
		m := v.await(func() front.View {
			view := v.page("method", v.serviceTitle())
			view.Step, view.Steps = 3, 4
			view.Sub = say(front.TitleMethod)
			view.Rows = []front.Row{{Label: say(front.LabelDue), Value: front.Say{Text: v.due().String()}, Strong: true}}
			for _, o := range v.Station.Offer(v.service, v.Journal.Now()).Ways {
				view.Ways = append(view.Ways, front.Way{ID: o.Code, Open: o.Open, Why: o.Why})
				if o.Open {
					view.Acts = append(view.Acts, o.Code)
				}
			}
			view.Notes = []front.Say{v.surplusRule()}
			if v.Till.Status().Coins {
				view.Notes = append(view.Notes, say(front.HintCoins))
			}
			return view
		}, stirs)
		switch {
		case m.over:
			return nil
		case m.stirred:
			continue
		case m.act.ID == "pay.cash":
			return v.readyToPay(v.cash)
		case m.act.ID == "pay.show":
			return v.readyToPay(v.show)
		case m.act.ID == "pay.scan":
			return v.readyToPay(v.scanPhone)
		}
		return v.orEnd(m)
	}
}

// readyToPay asks the bill again, directly before the first note or order, and writes down what will be paid.
func (v *visit) readyToPay(next step) step {
	if v.moneyIn() {
		return v.rest
	}
	fresh, ok := v.askBill(v.account, "")
	if !ok {
		return v.method
	}
	before := v.due()
	v.bill = fresh
	if v.due() != before {
		v.say(front.SayBillChanged, "amount", v.due().String())
		return v.showBill
	}
	if v.caseID == "" {
		v.openCase()
	}
	if v.err != nil {
		return nil
	}
	secret := casefile.BillSecret{Account: fresh.Account, Name: fresh.Name}
	for _, p := range fresh.Periods {
		if v.chosen[p.Period] {
			secret.Bills = append(secret.Bills, casefile.BillPart{Period: p.Period, Due: int64(p.Due)})
		}
	}
	err := v.write(casefile.BillChosen, v.caseID, casefile.Header{Biller: fresh.Biller, Due: before, Part: fresh.Part, Rule: fresh.Surplus}, secret)
	switch {
	case err != nil && v.moneyIn():
		return v.rest // it was told meanwhile, and the book has refused the bill
	case err != nil:
		v.err = err
		return nil
	}
	v.billed = choice{v.service, v.bill, v.account, maps.Clone(v.chosen)}
	return next
}

// choice is a bill and what was chosen of it.
type choice struct {
	service *catalog.Service
	bill    office.Bill
	account string
	chosen  map[string]bool
}

// moneyIn says whether money of this case is in the box: a coin or note may be told of when nothing is taken any more, as its line was away.
func (v *visit) moneyIn() bool { return v.caseID != "" && v.of(v.caseID).Visiting > 0 }

// asChosen goes back to the bill that was written down: what is in the box pays that one, whatever was looked at since.
func (v *visit) asChosen() {
	if p := v.billed; p.service != nil {
		v.service, v.bill, v.account, v.chosen = p.service, p.bill, p.account, maps.Clone(p.chosen)
	}
	if !v.of(v.caseID).ByPhone {
		v.way = "cash"
	}
}
