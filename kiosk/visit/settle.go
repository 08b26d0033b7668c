package visit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/front"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
)

const (
	// readyMax: how long the devices are given to answer, and the acceptor to tell what it missed, before the
	// screen opens without them.
	readyMax = 4 * time.Second
	// tellMax: how long a person who may still stand there is kept for an acceptor that was taking money and has not told what it missed. One
	// that lost its power too tests itself first.
	tellMax = 30 * time.Second
	// endMax: and for a note or a payout that is on its way. By then the till has called doubtful what nothing is heard of, and all
	// that was put in is on one slip.
	endMax = 100 * time.Second
	// settleSheets: how long a license that was being printed may take at the start.
	settleSheets = 60 * time.Second
	// standsMax: a person who was at the machine when the power went may still stand there.
	standsMax = 5 * time.Minute
	// clockSlack: a clock may be set back a little while the program is away.
	clockSlack = time.Minute
	// tendEvery is the pace of asking the hall about what is not definite.
	tendEvery = 2 * time.Second
	// askMax bounds one such question.
	askMax = 20 * time.Second
)

// Settle ends what was open when the program went down, before the first visit: papers and sheets by
// asking the printers, notes by the acceptor's memory (the till does that), money by placing it. What
// the person who was there is owed is printed at once when they may still stand there.
func (k *Kiosk) Settle(ctx context.Context) error {
	last, ended, broken := k.brokenOff(ctx)
	stands := len(broken) > 0 && stillThere(k.Journal.Now().Sub(last))
	v := &visit{Kiosk: k, ctx: ctx, lang: k.languageOf(broken), catalog: k.Catalog(), touched: time.Now(), told: map[string]bool{}, onScreen: map[string]bool{}}
	view := v.page("wait", say(front.TitleWait))
	wait := say(front.WaitSettle)
	view.Message = &wait
	k.Stage.Show(view)
	if stands {
		k.awaitPrinters(ctx)
	}
	if err := k.Press.SettlePapers(ctx); err != nil {
		k.Log.Warn("settle papers", "error", err)
	}
	if err := k.Press.SettleSheets(ctx, settleSheets); err != nil {
		return err
	}
	k.awaitNotes(ctx, stands)
	cases, err := k.placeAll(ctx, "power")
	if err != nil {
		return err
	}
	if ended != "" {
		if err := k.append(ctx, casefile.VisitEnded, "", casefile.Header{Visit: ended, Reason: "power"}); err != nil {
			return err
		}
	}
	if !stands {
		return nil
	}
	if err := k.endOrders(ctx); err != nil {
		return err
	}
	return k.slipsAfterPower(v, cases, broken)
}

// endOrders makes the phone payment definite that its person may still stand there for, as far as the hall can say so
// now: they get their receipt, or may pay again. What stays open is looked after by Tend.
func (k *Kiosk) endOrders(ctx context.Context) error {
	open := false
	k.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Orders {
			open = open || o.State == casefile.OrderBegun
		}
	})
	if !open {
		return nil
	}
	up, cancel := context.WithTimeout(ctx, readyMax)
	defer cancel()
	for tick := every(up, 100*time.Millisecond); !k.Hall.Up(); {
		select {
		case <-tick:
		case <-up.Done():
			return ctx.Err()
		}
	}
	return k.tendOrders(ctx)
}

// languageOf is the language that the person of these visits chose, the terminal's when there is none.
func (k *Kiosk) languageOf(visits map[string]bool) string {
	lang := k.Language
	k.Journal.Book(func(b *casefile.Book) {
		var last time.Time
		for _, c := range b.Cases {
			if visits[c.Visit] && c.Language != "" && !c.Opened.Before(last) {
				lang, last = c.Language, c.Opened
			}
		}
	})
	return lang
}

// stillThere says whether who was at the machine so long ago may stand there. A clock that lost its time stands years before, and then nobody knows.
func stillThere(ago time.Duration) bool { return ago >= -clockSlack && ago <= standsMax }

// brokenOff is when the power left the last visit, the visit that is open since, and all visits that the power has broken off since one came to its
// end: the power may have gone again before the slips of the first were out, and its person stands there still.
func (k *Kiosk) brokenOff(ctx context.Context) (last time.Time, open string, visits map[string]bool) {
	k.Journal.Book(func(b *casefile.Book) { open = b.Visit })
	w := wake{visits: map[string]bool{}}
	if open != "" {
		w.visits[open] = true
	}
	if err := k.Journal.WalkBack(ctx, w.back); err != nil {
		k.Log.Warn("read back", "error", err)
	}
	return w.last, open, w.visits
}

// wake is what the journal tells, read back from its end, of those whom the power found at the machine.
//
// A start writes, too: what the acceptors tell, and what it settles. So when the last visit was left is what the first start behind it says, and no
// record of a start.
type wake struct {
	last   time.Time // when the power left the last visit, by the earliest start so far
	visits map[string]bool
	begun  bool // the last visit's begin is passed: starts before it are those of others

	ended string    // the visit that a start has ended, which is to be passed next
	plain time.Time // a start of an earlier release, which says nothing: the record before it does
}

// back takes one record, and says whether the one before it is wanted.
func (w *wake) back(r casefile.Record) bool {
	if w.last.IsZero() {
		w.last = r.When()
	}
	if at := w.plain; !at.IsZero() {
		w.plain = time.Time{}
		if !w.start(at, r.When()) {
			return false
		}
	}
	switch r.Kind {
	case casefile.VisitBegun:
		w.begun = true
	case casefile.VisitEnded, casefile.TerminalStarted:
		e, err := r.Event()
		if err != nil {
			return false
		}
		if r.Kind == casefile.TerminalStarted {
			return w.started(r.When(), e.Header)
		}
		w.ended = e.Header.Visit
		return e.Header.Reason == "power" && w.last.Sub(r.When()) <= standsMax
	}
	return w.last.Sub(r.When()) <= standsMax
}

// started is a start, or a branch, which has a reason and begins nothing.
func (w *wake) started(at time.Time, h casefile.Header) bool {
	switch {
	case h.Reason != "":
		return true
	case h.Written.IsZero():
		w.plain = at
		return true
	}
	return w.start(at, h.Written)
}

// start is a start at some time, of a journal that was last written at another. The visit that it has ended was another person's, unless whoever it was
// could stand there.
func (w *wake) start(at, written time.Time) bool {
	if w.ended != "" {
		if !stillThere(at.Sub(written)) {
			return false
		}
		w.visits[w.ended], w.ended = true, ""
	}
	if !w.begun {
		w.last = written
	}
	return true
}

// awaitPrinters waits until both printers answer, but not for ever: a slip that could come out must not go
// to the screen only because the printer was asked too early.
func (k *Kiosk) awaitPrinters(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyMax)
	defer cancel()
	for fit := every(ctx, 100*time.Millisecond); k.Station.Roll.State().Fault != nil || k.Station.Sheets.State().Fault != nil; {
		select {
		case <-fit:
		case <-ctx.Done():
			return
		}
	}
}

// awaitNotes waits until the acceptors have told what they missed and no note is on its way, but not for ever:
// an acceptor that does not answer keeps its note open, and cash stays closed.
func (k *Kiosk) awaitNotes(ctx context.Context, stands bool) {
	for began := time.Now(); ctx.Err() == nil; {
		changed := k.Till.Changed()
		wait, taking := readyMax, false
		open := false
		k.Journal.Book(func(b *casefile.Book) {
			open, taking = b.OpenNote() != nil || b.OpenPayout() != nil, b.CashOpen != ""
		})
		switch {
		case k.Till.Ready() && !open:
			return
		case stands && open:
			wait = endMax
		case stands && taking:
			wait = tellMax
		}
		left := time.NewTimer(time.Until(began.Add(wait)))
		select {
		case <-changed:
		case <-left.C:
			return
		case <-ctx.Done():
		}
		left.Stop()
	}
}

// placeAll settles every case that has money in the box and nobody at the screen, nor had when the power went: an
// acceptor may tell of a coin when its person has gone, since its line was broken or it was slow to start.
func (k *Kiosk) placeAll(ctx context.Context, reason string) (placed []string, err error) {
	var ids []string
	k.Journal.Book(func(b *casefile.Book) {
		for id, c := range b.Cases {
			here := reason != "power" && (id == b.CashOpen || b.Visit != "" && c.Visit == b.Visit)
			if n := b.OpenNote(); c.Visiting > 0 && !c.Settled && !here && (n == nil || n.Case != id) && b.OpenOrder(id) == nil {
				ids = append(ids, id)
			}
		}
	})
	slices.Sort(ids)
	for _, id := range ids {
		rest := payment.RestOwed
		if _, _, err := k.Till.Settle(ctx, id, rest, reason); err != nil {
			return placed, err
		}
		placed = append(placed, id)
	}
	return placed, nil
}

// slipsAfterPower prints what the person who was there when the power went must have in hand, the oldest first.
func (k *Kiosk) slipsAfterPower(v *visit, placed []string, visits map[string]bool) error {
	var owed []casefile.Owed
	var unclear []doubt
	var unseen []casefile.Unknown
	mine := map[string]bool{}
	k.Journal.Book(func(b *casefile.Book) {
		for id, c := range b.Cases {
			mine[id] = c.Visit != "" && visits[c.Visit]
		}
		for _, id := range placed {
			mine[id] = true
		}
		for _, o := range b.Owed {
			if !o.Paid && o.Slip == "" && mine[o.Case] && !paying(b, o.ID) {
				owed = append(owed, *o)
			}
		}
		unclear = doubts(b, func(id string) bool { return mine[id] })
	})
	slices.SortFunc(owed, func(a, b casefile.Owed) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	k.Journal.Book(func(b *casefile.Book) {
		for _, u := range b.Unknown {
			if mine[u.Case] {
				unseen = append(unseen, *u)
			}
		}
	})
	slices.SortFunc(unseen, func(a, b casefile.Unknown) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	paid, unknown := k.unreceipted(mine), k.unknownOrder(mine)
	if len(owed)+len(unclear)+len(paid)+len(unseen) == 0 && unknown == "" {
		return nil
	}
	v.begin()
	for _, c := range paid {
		v.caseID = c.ID
		v.printPaper(front.WaitReceipt, "receipt", "", v.copyOf(c, owed).Paper(v.docLang()))
	}
	for _, u := range unseen {
		v.caseID = u.Case
		v.unseenSlips()
	}
	v.note = nil
	v.say(front.SayPowerBack)
	next := v.acknowledgeAll(owed, unclear)
	if unknown != "" {
		v.caseID = unknown
		v.say(front.SayOrderUnknown)
		next = v.acknowledge(next)
	} else if len(owed)+len(unclear) == 0 {
		next = v.acknowledge(v.goodbye)
	}
	for i := 0; next != nil && v.err == nil && i < stepsAfterHome+len(owed)+len(unclear); i++ {
		next = next()
	}
	v.caseID = ""
	v.leave()
	if errors.Is(v.err, errStop) {
		return nil
	}
	return v.err
}

// copyOf is the receipt of a case as the journal knows it: without the account, the name and the periods, which are
// sealed and can no longer be read here.
func (v *visit) copyOf(c casefile.Case, owed []casefile.Owed) document.Receipt {
	r := document.Receipt{Head: v.headOf(c), Biller: v.companyOf(c.Service), ToBill: c.Bill, Surplus: c.Surplus,
		Bills: []document.BillPaid{{Due: c.Due, Paid: c.Bill}}}
	for _, o := range owed {
		if o.Case == c.ID {
			r.Owed = r.Owed.Add(o.Amount)
		}
	}
	r.Inserted = r.ToBill.Add(r.Surplus).Add(r.Owed)
	if !c.ByPhone {
		r.Notes, r.Coins, r.Change = c.Faces, c.Coins, c.Paid
		r.Inserted = r.Notes.Total().Add(r.Coins.Total())
		v.Journal.Book(func(b *casefile.Book) {
			for _, p := range b.Payouts {
				if p.Case == c.ID && p.State == casefile.PayoutDoubtful {
					r.Unsure = r.Unsure.Add(p.Unsure.Total())
				}
			}
		})
		r.Owed = r.Inserted.Sub(r.ToBill).Sub(r.Surplus).Sub(r.Change).Sub(r.Unsure)
		return r
	}
	r.Way = v.phoneWay()
	v.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Orders {
			if o.Case == c.ID && o.State == casefile.OrderPaid {
				r.Order = o.Attempt
			}
		}
	})
	return r
}

// acknowledgeAll prints and shows one slip after the other.
func (v *visit) acknowledgeAll(owed []casefile.Owed, doubts []doubt) step {
	if v.catalog == nil {
		return nil
	}
	if len(owed) > 0 {
		o := owed[0]
		return v.owedSlip(o.Case, o.ID, o.Amount, func() step { return v.acknowledgeAll(owed[1:], doubts) })
	}
	if len(doubts) > 0 {
		return v.doubtSlip(&doubts[0], func() step { return v.acknowledgeAll(nil, doubts[1:]) })
	}
	return v.goodbye
}

func (v *visit) headOf(c casefile.Case) document.Head {
	h := v.head(true)
	h.Case, h.Service = c.ID, v.nameOf(c.Service)
	return h
}

// unreceipted are paid cases whose receipt did not come out.
func (k *Kiosk) unreceipted(mine map[string]bool) (out []casefile.Case) {
	k.Journal.Book(func(b *casefile.Book) {
		for id, c := range b.Cases {
			if mine[id] && c.Settled && c.Bill > 0 && !c.Receipt {
				out = append(out, *c)
			}
		}
	})
	slices.SortFunc(out, func(a, b casefile.Case) int { return cmp.Or(a.Opened.Compare(b.Opened), cmp.Compare(a.ID, b.ID)) })
	return out
}

// unknownOrder is a case with a payment by phone of which the hall cannot say yet what became of it; "" when there is none.
func (k *Kiosk) unknownOrder(mine map[string]bool) (id string) {
	k.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Orders {
			if o.State == casefile.OrderBegun && mine[o.Case] {
				id = o.Case
			}
		}
	})
	return id
}

// Tend places, until ctx ends, money that was told of when its person had left, and asks the hall about what was not
// definite then: orders, and payments that the biller had not booked. The error is the journal's.
func (k *Kiosk) Tend(ctx context.Context) error {
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if _, err := k.placeAll(ctx, "paid_late"); err != nil {
			return err
		}
		if !k.Hall.Up() {
			continue
		}
		if err := k.tendOrders(ctx); err != nil {
			return err
		}
		if err := k.tendPostings(ctx); err != nil {
			return err
		}
	}
}

func (k *Kiosk) tendOrders(ctx context.Context) error {
	var open []casefile.Order
	k.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Orders {
			if c := b.Cases[o.Case]; o.State == casefile.OrderBegun && (b.Visit == "" || c == nil || c.Visit != b.Visit) {
				open = append(open, *o)
			}
		}
	})
	for _, o := range open {
		ask, cancel := context.WithTimeout(ctx, askMax)
		state, err := k.Hall.CloseOrder(ask, o.Attempt)
		cancel()
		if err != nil || !state.Definite {
			continue
		}
		if state.State == "paid" {
			// Its person has gone: the bill was chosen and is paid with it.
			if err := k.append(ctx, casefile.OrderPaid, o.Case, casefile.Header{Attempt: o.Attempt, Amount: o.Amount}); err != nil {
				return err
			}
			if _, _, err := k.Till.Settle(ctx, o.Case, payment.RestPart, "paid_late"); err != nil {
				return err
			}
			continue
		}
		if err := k.append(ctx, casefile.OrderClosed, o.Case, casefile.Header{Attempt: o.Attempt, How: state.State}); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kiosk) tendPostings(ctx context.Context) error {
	var open []string
	k.Journal.Book(func(b *casefile.Book) {
		for id, c := range b.Cases {
			if c.Settled && !c.Posted && c.Bill.Add(c.Surplus) > 0 && (b.Visit == "" || c.Visit != b.Visit) {
				open = append(open, id)
			}
		}
	})
	for _, id := range open {
		ask, cancel := context.WithTimeout(ctx, tendEvery)
		p, err := k.Hall.Posting(ask, id)
		cancel()
		if errors.Is(err, office.ErrNoLine) {
			return nil
		}
		if err != nil {
			k.Log.Warn("posting", "case", id, "error", err)
			continue
		}
		if _, err := k.posted(ctx, id, p); err != nil {
			return err
		}
	}
	return nil
}
