package visit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"yichuang/devices/idcard/idcheck"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/front"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
)

// settle places what came in, waits a moment for the biller, and goes on to the papers.
func (v *visit) settle(rest payment.Rest, reason string) step {
	v.asChosen()
	var split payment.Split
	var err error
	place := func(context.Context) { split, _, err = v.Till.Settle(v.ctx, v.caseID, rest, reason) }
	if v.Till.Status().Moving > 0 { // a note that came late is waited for
		v.working(v.serviceTitle(), say(front.WaitNote), stopMax, place)
	} else {
		place(v.ctx)
	}
	if err != nil {
		v.err = errors.Join(v.err, err)
		return nil
	}
	v.split = split
	if v.split.Bill > 0 && v.reason != "stop" {
		v.awaitPosting()
	}
	if reason != "walked_away" {
		v.giveBack()
	}
	return v.papers
}

// giveBack pays what is owed in notes and coins, as far as they go, to the person who stands there. The rest gets a slip.
func (v *visit) giveBack() {
	var owed []casefile.Owed
	v.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.OwedOf(v.caseID) {
			if !o.Paid && !o.Coded {
				owed = append(owed, *o)
			}
		}
	})
	stock := v.Till.Stock()
	for _, o := range owed {
		if pieces, _ := money.Change(o.Amount, stock); len(pieces) == 0 || v.err != nil || v.way == "phone" {
			continue
		}
		var given payment.Given
		var err error
		v.working(v.serviceTitle(), say(front.WaitChange), stopMax, func(ctx context.Context) {
			given, err = v.Till.PayOut(ctx, v.caseID, o.ID)
		})
		v.err = errors.Join(v.err, err)
		v.split.Change, v.split.Unsure = v.split.Change.Add(given.Out), v.split.Unsure.Add(given.Unsure)
		v.split.Owed = v.split.Owed.Sub(given.Out).Sub(given.Unsure)
		switch {
		case given.Unsure > 0:
			v.say(front.SayChangeUnclear, "amount", given.Unsure.String())
		case given.Rest > 0:
			v.say(front.SayChangeShort, "amount", given.Rest.String())
		}
	}
}

// awaitPosting waits for the biller as long as a person likes to wait. What it says later, tend writes down.
func (v *visit) awaitPosting() {
	var p office.Posting
	var err error
	v.back = nil
	v.working(v.serviceTitle(), say(front.WaitPosting), postingMax, func(ctx context.Context) {
		if err = v.Hall.Flush(ctx); err == nil {
			p, err = v.Hall.Posting(ctx, v.caseID)
		}
	})
	if err != nil {
		v.Log.Info("posting", "error", err)
		return
	}
	owed, err := v.Kiosk.posted(v.ctx, v.caseID, p)
	if err != nil {
		v.err = errors.Join(v.err, err)
		return
	}
	if owed != "" {
		v.split.Owed = v.split.Owed.Add(v.split.Bill).Add(v.split.Surplus)
		v.split.Bill, v.split.Surplus = 0, 0
		v.say(front.SayPostRefused, "amount", v.split.Owed.String())
	}
	if p.State == "refunded" {
		v.split = payment.Split{}
		v.say(front.SayOrderReversed)
	}
}

// posted writes down what the biller said of a case. It gives the id under which money is owed when the
// biller refused it. Said twice, it is written once.
func (k *Kiosk) posted(ctx context.Context, caseID string, p office.Posting) (owed string, err error) {
	var c casefile.Case
	var attempt string
	k.Journal.Book(func(b *casefile.Book) {
		if found := b.Cases[caseID]; found != nil {
			c = *found
		}
		for _, o := range b.Orders {
			if o.Case == caseID && o.State == casefile.OrderPaid {
				attempt = o.Attempt
			}
		}
	})
	amount := c.Bill.Add(c.Surplus)
	if !c.Settled || c.Posted || amount == 0 {
		return "", nil
	}
	h := casefile.Header{Amount: amount}
	switch p.State {
	case "posted", "part":
		return "", k.append(ctx, casefile.BillPosted, caseID, h)
	case "refunded":
		h.Attempt, h.Reason = attempt, "refused by the biller"
		return "", k.append(ctx, casefile.BillRefunded, caseID, h)
	case "refused", "owed":
		if c.ByPhone {
			return "", nil // the hall gives it back to the phone; refunded comes next
		}
		h.Owed, h.Reason = "O"+payment.NewClaimCode(), "refused by the biller"
		h.Claim = casefile.ClaimHash(h.Owed, payment.NewClaimCode()+payment.NewClaimCode())
		return h.Owed, k.append(ctx, casefile.BillRefused, caseID, h)
	}
	return "", nil
}

// head is what every paper of this case begins with.
func (v *visit) head(again bool) document.Head {
	h := document.Head{Terminal: v.Number, Time: v.Journal.Now(), Case: v.caseID, Copy: again}
	if v.service != nil {
		h.Service = v.service.Name.In(v.lang)
	}
	if v.catalog != nil {
		h.Hall, h.Phone = v.catalog.Hall.In(v.lang), v.catalog.Phone
	}
	return h
}

// papers prints the receipt, and a slip for each thing that is owed or doubtful.
func (v *visit) papers() step {
	v.back = nil
	v.placeStray()
	v.printReceipt()
	v.unseenSlips()
	return v.slips(v.take)
}

// placeStray makes owed what came beside a payment by phone, while its person stands there: a coin or note of which its acceptor told late.
func (v *visit) placeStray() {
	var late []string
	v.Journal.Book(func(b *casefile.Book) {
		for id, c := range b.Cases {
			if id != v.caseID && c.Service == casefile.Stray && v.mine(b, id) && c.Visiting > 0 && !c.Settled {
				late = append(late, id)
			}
		}
	})
	slices.Sort(late)
	for _, id := range late {
		if _, _, err := v.Till.Settle(v.ctx, id, payment.RestOwed, "paid_late"); err != nil {
			v.err = errors.Join(v.err, err)
		}
	}
}

// mine says whether a case is the one that this visit is about, or another one of this visit, such as of what came beside it.
func (v *visit) mine(b *casefile.Book, id string) bool {
	c := b.Cases[id]
	return id == v.caseID || c != nil && c.Visit != "" && c.Visit == b.Visit
}

// unseen is what may have gone in in this case without being seen, and has had no slip.
func (v *visit) unseen() (list []casefile.Unknown) {
	v.Journal.Book(func(b *casefile.Book) {
		for _, u := range b.Unknown {
			if v.mine(b, u.Case) && !v.told[u.ID] {
				list = append(list, *u)
			}
		}
	})
	slices.SortFunc(list, func(a, b casefile.Unknown) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return list
}

// unseenSlips gives what nobody saw a slip with the number of the case: staff look for it.
func (v *visit) unseenSlips() {
	for _, u := range v.unseen() {
		v.told[u.ID] = true
		head := v.head(false)
		head.Case = u.Case
		v.printSlip("doubtful", document.Slip{Head: head, Kind: document.SlipDoubtful, Counter: v.counter()})
	}
}

// printReceipt prints the receipt of what was paid, once in a visit.
func (v *visit) printReceipt() {
	if v.receipted || v.split.Bill == 0 && v.split.Owed == 0 && v.split.Change == 0 && v.split.Unsure == 0 {
		return
	}
	v.receipted = true
	v.printPaper(front.WaitReceipt, "receipt", "", v.receipt().Paper(v.docLang()))
}

// slips gives what is owed or doubtful in this case its slips, one after the other, and goes on to last.
func (v *visit) slips(last step) step {
	owed, doubt := v.unsaid()
	about, show := v.caseID, last
	next := func() step { return v.slips(last) }
	switch {
	case v.err != nil:
		return nil
	case owed != nil:
		show = v.owedSlip(owed.Case, owed.ID, owed.Amount, next)
	case doubt != nil:
		show = v.doubtSlip(doubt, next)
	}
	v.caseID = about // a slip may be of another case of this visit
	return show
}

// unsaid is the next thing of this case that is owed, else one that is doubtful, and has had no slip.
func (v *visit) unsaid() (owed *casefile.Owed, unclear *doubt) {
	v.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Owed {
			if v.mine(b, o.Case) && !o.Paid && o.Slip == "" && !v.told[o.ID] && !paying(b, o.ID) && (owed == nil || o.Since.Before(owed.Since) || o.Since.Equal(owed.Since) && o.ID < owed.ID) {
				c := *o
				owed = &c
			}
		}
		for _, n := range doubts(b, func(id string) bool { return v.mine(b, id) }) {
			if !v.told[n.Owed] && (unclear == nil || n.Number < unclear.Number) {
				unclear = &n
			}
		}
	})
	return owed, unclear
}

// doubt is a note of which the acceptor could not say where it is, or pieces of which the payer could not say whether
// they came out.
type doubt struct {
	casefile.Note
	out bool // pieces that may have come out
}

// doubts are the notes of these cases of which the acceptor could not say where they are, and payouts of which the payer
// could not say what came out, that have had no slip yet: for the person both are money that staff look for.
func doubts(b *casefile.Book, mine func(caseID string) bool) (out []doubt) {
	for _, n := range b.Notes {
		if n.State == casefile.NoteDoubtful && n.Slip == "" && mine(n.Case) {
			out = append(out, doubt{Note: *n})
		}
	}
	for _, p := range b.Payouts {
		if p.State == casefile.PayoutDoubtful && p.Slip == "" && mine(p.Case) {
			n := casefile.Note{Number: b.NextNote, Case: p.Case, Face: p.Unsure.Total(), Currency: money.CNY, State: casefile.NoteDoubtful, Since: p.Since, Owed: p.Back, Claim: p.Claim}
			out = append(out, doubt{Note: n, out: true})
		}
	}
	slices.SortFunc(out, func(a, b doubt) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Owed, b.Owed)) })
	return out
}

// paying says whether the payer has not said yet what came out for this debt.
func paying(b *casefile.Book, owed string) bool {
	p := b.OpenPayout()
	return p != nil && p.Owed == owed
}

// printPaper prints one paper behind a page that says so; false, with a sentence, when it did not come out.
func (v *visit) printPaper(wait front.Phrase, what, owed string, paper document.Paper) bool {
	var err error
	v.working(v.serviceOr(front.TitleTake), say(wait), time.Minute, func(ctx context.Context) {
		err = v.Press.Paper(ctx, v.caseID, what, owed, paper, false)
	})
	if err == nil {
		v.strips++
		return true
	}
	v.Log.Warn("paper", "what", what, "case", v.caseID, "error", err)
	v.say(front.SayReceiptOut, "case", v.caseID)
	return false
}

func (v *visit) serviceOr(title front.Phrase) front.Say {
	if v.service != nil {
		return v.serviceTitle()
	}
	return say(title)
}

func (v *visit) receipt() document.Receipt {
	c := v.of(v.caseID)
	name := v.bill.Name
	if len(v.nameGlyphs(name)) > 0 {
		name = "" // it would be printed wrong, and a receipt proves without it
	}
	r := document.Receipt{Head: v.head(false), Biller: v.companyOf(v.service.Code), Account: maskAccount(v.account), Name: name,
		ToBill: v.split.Bill, Surplus: v.split.Surplus, Change: v.split.Change, Unsure: v.split.Unsure, Owed: v.split.Owed}
	r.Inserted = r.ToBill.Add(r.Surplus).Add(r.Change).Add(r.Unsure).Add(r.Owed)
	left := r.ToBill
	for _, p := range v.bill.Periods {
		if v.chosen[p.Period] && left > 0 {
			paid := left.Min(p.Due)
			r.Bills = append(r.Bills, document.BillPaid{Period: p.Period, Due: p.Due, Paid: paid})
			left = left.Sub(paid)
		}
	}
	if v.way == "phone" {
		r.Order, r.Way = v.order.Attempt, v.phoneWay()
	} else {
		r.Notes, r.Coins = c.Faces, c.Coins
	}
	return r
}

func (v *visit) phoneWay() string {
	if v.lang == "en" {
		return "WeChat Pay"
	}
	return "微信支付"
}

// owedSlip gives something owed a code and a slip; when there is no paper the code stands on the screen
// until it is acknowledged.
func (v *visit) owedSlip(caseID, owed string, amount money.Fen, next step) step {
	v.caseID, v.told[owed] = caseID, true
	code, way := v.codedSlip("slip", caseID, owed, func(code string) document.Slip {
		return document.Slip{Head: v.head(false), Kind: document.SlipOwed, Amount: amount, Code: code, Counter: v.counter()}
	})
	if v.err != nil {
		return nil
	}
	if way == noWay {
		return next
	}
	v.onScreen[owed] = way == byScreen
	if way != byScreen {
		v.flushQuietly()
	}
	return func() step {
		v.back = nil
		m := v.await(func() front.View {
			view := v.page("slip", say(front.TitleSlip))
			view.Rows = []front.Row{{Label: say(front.LabelOwed), Value: front.Say{Text: amount.String()}, Strong: true}, {Label: say(front.LabelCase), Value: front.Say{Text: caseID}}}
			view.Notes = []front.Say{say(front.HintSlipOwed, "amount", amount.String())}
			if way == byScreen {
				codeOnScreen(&view, caseID, code)
			}
			view.Acts = []string{"form.next"}
			return view
		}, nil)
		if m.act.ID == "form.next" && way == byScreen {
			if err := v.Press.OnScreen(v.ctx, caseID, "slip", owed); err != nil {
				v.err = errors.Join(v.err, err)
				return nil
			}
		}
		if m.over {
			return nil
		}
		v.note = nil
		return next
	}
}

// codeOnScreen shows a claim code where no slip came out: as words to be written down, and as the symbol of the slip
// for who has a phone with a camera.
func codeOnScreen(view *front.View, caseID, code string) {
	text := document.GroupCode(code)
	onScreen := say(front.SayCodeAtScreen, "code", text)
	view.Message, view.Code = &onScreen, document.QRText(caseID, code)
	view.Rows = append(view.Rows, front.Row{Label: say(front.LabelCode), Value: front.Say{Text: text}, Strong: true})
}

// outWay is the way that a slip went out.
type outWay string

// The ways, in the order in which they are tried.
const (
	byRoll   outWay = "receipt"
	byTray   outWay = "tray"
	byScreen outWay = "screen" // nothing came out; what the slip says is for the screen to say
	noWay    outWay = ""       // there is nothing any more that a slip could be for
)

// codedSlip prints a slip with a claim code and says which way it went, and with which code. Each way gets a code of
// its own, which ends the one before: half a slip that still hangs in a printer must not be good for anything.
func (v *visit) codedSlip(what, caseID, owed string, slip func(code string) document.Slip) (code string, way outWay) {
	code, ok := v.recode(caseID, owed)
	if ok && v.printPaper(front.WaitSlip, what, owed, slip(code).Paper(v.docLang())) {
		return code, byRoll
	}
	if ok && v.Press.HasPlain() {
		code, ok = v.recode(caseID, owed)
		if ok && v.printPlain(what, owed, slip(code).Paper(v.docLang())) {
			return code, byTray
		}
	}
	if ok {
		code, ok = v.recode(caseID, owed)
	}
	if !ok {
		return "", noWay
	}
	return code, byScreen
}

// recode makes a new code for what is owed, or in doubt. It is false when there is none to be made: others end debts and doubts too, staff, the
// hall and the till, and may do so in the very instant.
func (v *visit) recode(caseID, owed string) (code string, ok bool) {
	if !v.stands(owed) {
		return "", false
	}
	code, err := v.Till.Recode(v.ctx, caseID, owed)
	if err != nil && v.stands(owed) {
		v.err = errors.Join(v.err, err)
	}
	return code, err == nil
}

// stands says whether a slip may have a code for this id: it is owed, and the payer is not paying it, or it is in doubt.
func (v *visit) stands(owed string) (stands bool) {
	v.Journal.Book(func(b *casefile.Book) {
		o := b.Owed[owed]
		stands = o != nil && !o.Paid && !paying(b, owed)
		for _, d := range doubts(b, func(string) bool { return true }) {
			stands = stands || d.Owed == owed
		}
	})
	return stands
}

// printSlip prints a slip without a code, on a plain sheet when the roll cannot.
func (v *visit) printSlip(what string, slip document.Slip) bool {
	paper := slip.Paper(v.docLang())
	return v.printPaper(front.WaitSlip, what, "", paper) || v.Press.HasPlain() && v.printPlain(what, "", paper)
}

// printPlain prints a slip on a plain sheet of the license printer, and says that it comes out there.
func (v *visit) printPlain(what, owed string, paper document.Paper) bool {
	var err error
	v.working(v.serviceOr(front.TitleTake), say(front.WaitSlip), time.Minute, func(ctx context.Context) {
		err = v.Press.Plain(ctx, v.caseID, what, owed, paper)
	})
	if err != nil {
		v.Log.Warn("plain paper", "what", what, "case", v.caseID, "error", err)
		return false
	}
	v.say(front.SaySlipAtTray)
	return true
}

// counter is where a person helps, as it stands in the middle of a sentence of a slip. The phone stands at the foot of each.
func (v *visit) counter() string {
	if v.lang == "en" {
		return "any counter of this hall on working days"
	}
	return "本中心任一综合窗口（工作日）"
}

// doubtSlip says that a note, or money that was to come out, is not clear yet. Its code is good once staff has found
// it in the machine.
func (v *visit) doubtSlip(n *doubt, next step) step {
	v.caseID, v.told[n.Owed] = n.Case, true
	thing, said := document.Note, say(front.SayNoteDoubtful, "amount", n.Face.String())
	if n.out {
		thing, said = document.Pieces, say(front.SayChangeUnclear, "amount", n.Face.String())
	}
	code, way := v.codedSlip("doubtful", n.Case, n.Owed, func(code string) document.Slip {
		return document.Slip{Head: v.head(false), Kind: document.SlipDoubtful, Thing: thing, Amount: n.Face, Code: code, Counter: v.counter()}
	})
	if v.err != nil {
		return nil
	}
	if way == noWay {
		return next
	}
	v.onScreen[n.Owed] = way == byScreen
	if way == byRoll {
		v.note = &said
	}
	note := v.note
	return func() step {
		v.back = nil
		m := v.await(func() front.View {
			view := v.page("slip", say(front.TitleSlip))
			view.Message = note
			view.Rows = []front.Row{{Label: say(front.LabelCase), Value: front.Say{Text: n.Case}}}
			if note == nil || note.Phrase != said.Phrase {
				view.Notes = []front.Say{said}
			}
			if way == byScreen {
				codeOnScreen(&view, n.Case, code)
			}
			view.Acts = []string{"form.next"}
			return view
		}, nil)
		if m.act.ID == "form.next" && way == byScreen {
			if err := v.Press.OnScreen(v.ctx, n.Case, "doubtful", n.Owed); err != nil {
				v.err = errors.Join(v.err, err)
				return nil
			}
		}
		if m.over {
			return nil
		}
		v.note = nil
		return next
	}
}

// take reminds the citizen of what lies in the slots.
func (v *visit) take() step {
	v.back = nil
	m := v.await(func() front.View {
		view := v.page("take", say(front.TitleTake))
		view.Rows = v.taken()
		if v.split.Change > 0 || v.split.Unsure > 0 {
			view.Notes = append(view.Notes, say(front.HintTakeChange))
		}
		if v.strips > 0 {
			view.Notes = append(view.Notes, say(front.HintTakeReceipt))
		}
		if len(v.print.done) > 0 {
			view.Notes = append(view.Notes, say(front.HintTakeLicense))
		}
		if v.print.void {
			view.Notes = append(view.Notes, say(front.HintSheetVoid))
		}
		if v.person != nil {
			view.Notes = append(view.Notes, say(front.HintTakeCard))
		}
		if c := v.of(v.caseID); c.Posted {
			view.Notes = append(view.Notes, say(front.HintPosted))
		} else if c.Settled && c.Bill > 0 {
			view.Notes = append(view.Notes, say(front.HintQueued))
		}
		view.Acts = []string{"form.next"}
		return view
	}, nil)
	if m.over {
		return nil
	}
	return v.rate
}

func (v *visit) taken() []front.Row {
	rows := []front.Row{{Label: say(front.LabelCase), Value: front.Say{Text: v.caseID}}}
	row := func(label front.Phrase, amount money.Fen) {
		if amount > 0 {
			rows = append(rows, front.Row{Label: say(label), Value: front.Say{Text: amount.String()}, Strong: label == front.LabelPaid})
		}
	}
	row(front.LabelPaid, v.split.Bill)
	row(front.LabelSurplus, v.split.Surplus)
	change := front.LabelChange
	if v.split.Bill == 0 {
		change = front.LabelReturned
	}
	row(change, v.split.Change)
	row(front.LabelUnclear, v.split.Unsure)
	row(front.LabelOwed, v.split.Owed)
	for _, s := range v.print.done {
		label := front.LabelOriginal
		if s.Kind == document.Duplicate {
			label = front.LabelDuplicate
		}
		rows = append(rows, front.Row{Label: say(label, "serial", s.Serial)})
	}
	if v.form.license != "" {
		rows = append(rows, front.Row{Label: say(front.LabelLicense), Value: front.Say{Text: v.form.license}, Strong: true})
	}
	return rows
}

// flushQuietly sends the queue; when there is no line it stays in the queue. A stop order does not wait for it.
func (v *visit) flushQuietly() {
	if v.reason == "stop" {
		return
	}
	ctx, cancel := context.WithTimeout(v.ctx, flushMax)
	defer cancel()
	if err := v.Hall.Flush(ctx); err != nil {
		v.Log.Info("flush", "error", err)
	}
}

// leave is the way out of every visit, however it ended: notes stop, what is in the box is placed, an open
// order is made definite, and the journal says why the visit ended.
func (v *visit) leave() {
	if v.left || v.id == "" {
		return
	}
	v.left = true
	stop := v.stopped()
	if stop {
		v.reason = "stop"
	}
	reason := cmp.Or(v.reason, "done")
	if v.caseID != "" && v.err == nil {
		v.leaveMoney()
		if v.stopped() { // while the papers were shown
			stop = true
			v.lastPapers()
		}
	}
	v.append(casefile.VisitEnded, "", casefile.Header{Visit: v.id, Reason: reason}, nil)
	if v.err == nil && stop {
		v.err = errStop
	}
}

// stopped says that a stop order came. It is heard between two acts; those that are left are still done.
func (v *visit) stopped() bool {
	if v.err != errStop && (v.err != nil || v.ctx.Err() == nil) {
		return false
	}
	v.err, v.ctx = nil, context.WithoutCancel(v.ctx)
	return true
}

// leaveMoney sees that nothing of this case is unsaid. A person who has gone cannot choose: money that a
// part payment takes pays the bill; a slip is printed only while somebody can be standing there.
func (v *visit) leaveMoney() {
	if v.Till.Status().Case == v.caseID {
		ctx := v.ctx
		v.ctx = context.WithoutCancel(ctx)
		v.stopTaking()
		v.ctx = ctx
	}
	var order *casefile.Order
	v.Journal.Book(func(b *casefile.Book) {
		if o := b.OpenOrder(v.caseID); o != nil {
			c := *o
			order = &c
		}
	})
	unknown := false
	if order != nil && v.reason != "stop" {
		v.order.Attempt, v.order.Amount = order.Attempt, order.Amount
		o := v.closeOrder()
		v.endOrder(o)
		unknown = !o.Definite
	}
	var next step
	if v.err == nil {
		v.placeStray()
	}
	if v.of(v.caseID).Visiting > 0 && v.err == nil {
		next = v.settle(payment.RestPart, "walked_away")
	} else if owed, doubt := v.unsaid(); owed != nil || doubt != nil || len(v.unseen()) > 0 {
		next = v.papers
	}
	switch {
	case v.err != nil:
	case v.reason == "home":
		// The person pressed home and stands there: the papers come at once.
		for i := 0; next != nil && v.err == nil && i < stepsAfterHome; i++ {
			next = next()
		}
	case v.reason == "stop":
		v.lastPapers()
	default:
		if v.split.Bill > 0 {
			v.printReceipt()
		}
		if v.reason == "done" {
			v.lastPapers() // of what was told behind the papers: its person has touched the last page just now
		}
	}
	if unknown && v.err == nil {
		v.leaveNumber()
	}
}

// leaveNumber shows whoever may still stand there that it is not clear yet whether he has paid, and the number with which he can look.
func (v *visit) leaveNumber() {
	reason := v.reason
	v.touched, v.warned = now(), false
	v.say(front.SayOrderUnknown)
	v.acknowledge(nil)()
	v.reason = reason
}

// lastPapers prints what the person must have in hand whom a stop order sends away. Only a code that is on
// the screen alone is waited for.
func (v *visit) lastPapers() {
	v.printReceipt()
	v.unseenSlips()
	about := v.caseID
	for v.err == nil {
		owed, doubt := v.unsaid()
		show, id := step(nil), ""
		switch {
		case owed != nil:
			show, id = v.owedSlip(owed.Case, owed.ID, owed.Amount, nil), owed.ID
		case doubt != nil:
			show, id = v.doubtSlip(doubt, nil), doubt.Owed
		default:
			return
		}
		v.caseID = about // a slip may be of another case of this visit
		if show != nil && v.onScreen[id] {
			show()
		}
	}
}

func (k *Kiosk) append(ctx context.Context, kind casefile.Kind, caseID string, h casefile.Header) error {
	v := visit{Kiosk: k, ctx: ctx}
	v.append(kind, caseID, h, nil)
	return v.err
}

// nameGlyphs are the characters of a card that cannot be printed here.
func (v *visit) nameGlyphs(texts ...string) (missing []rune) {
	for _, t := range texts {
		missing = append(missing, v.Press.Type.Missing(t)...)
	}
	return missing
}

var maskName = idcheck.MaskName
