package casefile

import (
	"fmt"
	"time"

	"yichuang/kiosk/money"
)

// Apply adds one event. An error says that it cannot follow from what was before; the book is then
// unchanged. A kind that this version does not know changes nothing but Seq.
func (b *Book) Apply(seq int64, at time.Time, e Event) error {
	if seq != b.Seq+1 {
		return fmt.Errorf("apply %s: event %d after %d", e.Kind, seq, b.Seq)
	}
	fn := appliers[e.Kind]
	if fn != nil {
		if err := fn(b, at, e, seq); err != nil {
			return fmt.Errorf("apply %s (event %d): %w", e.Kind, seq, err)
		}
	}
	b.Seq = seq
	if m := e.Header.Mark; m != nil && m.Known {
		if e.Kind == CoinTaken || e.Kind == CoinsReset {
			b.CoinMark, b.CoinSeq = *m, seq
		} else {
			b.Mark, b.MarkSeq = *m, seq
		}
	}
	return nil
}

type applier func(b *Book, at time.Time, e Event, seq int64) error

// appliers holds what each kind does to the book. Kinds that change nothing are named too, so that a test can see that none was forgotten.
var appliers = map[Kind]applier{
	TerminalStarted: nothing, CaseRated: nothing, AcceptorReset: acceptorReset, AcceptorSettled: acceptorSettled,
	CashOpened: func(b *Book, _ time.Time, e Event, _ int64) error { b.CashOpen = e.Case; return nil },
	CashClosed: func(b *Book, _ time.Time, e Event, _ int64) error { b.CashOpen = ""; return nil },
	VisitBegun: func(b *Book, _ time.Time, e Event, _ int64) error { b.Visit = e.Header.Visit; return nil },
	VisitEnded: func(b *Book, _ time.Time, e Event, _ int64) error { b.Visit = ""; return nil },
	CaseOpened: caseOpened, CaseSubmitted: caseSubmitted, CaseDecided: caseDecided, BillChosen: billChosen,
	NoteEscrowed: noteEscrowed, NoteStacking: noteMoves, NoteReturning: noteMoves, NoteStacked: noteStacked,
	NoteReturned: noteReturned, NoteDoubtful: noteDoubtful, NoteSettled: noteSettled,
	PaymentSettled: paymentSettled, BillRefused: billRefused, BillRefunded: billRefunded, BillPosted: billPosted,
	OrderBegun: orderBegun, OrderPaid: orderPaid, OrderClosed: orderClosed, OrderRefunded: orderRefunded,
	OwedRecoded: owedRecoded, OwedPaid: owedPaid, OwedRedeemed: owedRedeemed,
	PaperBegun: paperBegun, PaperPrinted: paperEnded, PaperFailed: paperEnded,
	BoxOut: boxOut, BoxIn: boxIn, BoxExchanged: boxExchanged,
	BlanksLoaded: blanksLoaded, BlankVoided: blankVoided,
	LicensePrinting: licensePrinting, LicensePrinted: licenseEnded, LicenseFailed: licenseEnded,
	LicenseSpoiled: licenseEnded, LicenseDoubtful: licenseEnded, LicenseSettled: licenseSettled,
	DayClosed: dayClosed,
	CoinTaken: coinTaken, CoinFound: coinFound, CoinsReset: acceptorReset, CoinsExchanged: coinsExchanged,
	PayoutBegun: payoutBegun, PayoutEnded: payoutEnded, PayoutDoubtful: payoutDoubtful, PayoutSettled: payoutSettled,
	StockLoaded: stockLoaded, StockCounted: stockCounted,
}

func nothing(*Book, time.Time, Event, int64) error { return nil }

// of finds the case that an event belongs to.
func (b *Book) of(e Event) (*Case, error) {
	c := b.Cases[e.Case]
	if c == nil {
		return nil, fmt.Errorf("case %q was never opened", e.Case)
	}
	return c, nil
}

func caseOpened(b *Book, at time.Time, e Event, _ int64) error {
	if e.Case == "" || b.Cases[e.Case] != nil {
		return fmt.Errorf("case %q is there already, or has no number", e.Case)
	}
	h := e.Header
	b.Cases[e.Case] = &Case{ID: e.Case, Visit: h.Visit, Service: h.Service, Catalog: h.Catalog, Language: h.Language, Opened: at}
	return nil
}

func caseSubmitted(b *Book, _ time.Time, e Event, _ int64) error {
	c, err := b.of(e)
	if err != nil {
		return err
	}
	if c.Submitted {
		return fmt.Errorf("case %s was handed in before", c.ID)
	}
	c.Submitted = true
	return nil
}

func caseDecided(b *Book, _ time.Time, e Event, _ int64) error {
	if c := b.Cases[e.Case]; c != nil { // a case of another terminal may be printed here: nothing to keep
		c.State, c.Code, c.License = e.Header.State, e.Header.Code, e.Header.License
	}
	return nil
}

func billChosen(b *Book, _ time.Time, e Event, _ int64) error {
	c, err := b.of(e)
	if err != nil {
		return err
	}
	if c.Settled || c.Visiting != 0 {
		return fmt.Errorf("case %s: the bill cannot change once money is in", c.ID)
	}
	c.Biller, c.Due, c.Part, c.Rule = e.Header.Biller, e.Header.Due, e.Header.Part, e.Header.Rule
	b.LastPaying = c.ID
	return nil
}

func noteEscrowed(b *Book, at time.Time, e Event, _ int64) error {
	h := e.Header
	if _, err := b.of(e); err != nil {
		return err
	}
	if open := b.OpenNote(); open != nil {
		return fmt.Errorf("note %d is still on its way", open.Number)
	}
	if h.Note != b.NextNote || h.Face <= 0 || h.Currency != money.CNY {
		return fmt.Errorf("note %d of %d %s: want the next note, %d, with a face in CNY", h.Note, h.Face, h.Currency, b.NextNote)
	}
	b.NextNote++
	b.Notes[h.Note] = &Note{Number: h.Note, Case: e.Case, Face: h.Face, Currency: h.Currency, State: NoteEscrowed, Since: at}
	return nil
}

// open finds the note on its way that an event speaks of, and sees that it speaks of the same face.
func (b *Book) open(e Event) (*Note, error) {
	n := b.Notes[e.Header.Note]
	if n == nil || n.State == NoteDoubtful {
		return nil, fmt.Errorf("note %d is not on its way", e.Header.Note)
	}
	if n.Face != e.Header.Face || n.Currency != e.Header.Currency || n.Case != e.Case {
		return nil, fmt.Errorf("note %d is one of %d %s of case %s", n.Number, n.Face, n.Currency, n.Case)
	}
	return n, nil
}

func noteMoves(b *Book, _ time.Time, e Event, _ int64) error {
	n, err := b.open(e)
	if err != nil {
		return err
	}
	// Stacking may turn into returning, when the acceptor refuses to stack; never the other way round.
	if e.Kind == NoteStacking && n.State != NoteEscrowed || e.Kind == n.State {
		return fmt.Errorf("note %d is on its way", n.Number)
	}
	n.State = e.Kind
	return nil
}

func noteStacked(b *Book, _ time.Time, e Event, seq int64) error {
	n, err := b.open(e)
	if err != nil {
		return err
	}
	delete(b.Notes, n.Number)
	b.stays(n, e.Header, seq)
	b.StackedFen = b.StackedFen.Add(n.Face)
	c := b.Cases[n.Case]
	c.Visiting, c.Faces = c.Visiting.Add(n.Face), c.Faces.Plus(n.Face, n.Currency, 1)
	b.Placed.Visit = b.Placed.Visit.Add(n.Face)
	return nil
}

// stays puts a note where it came to stay: in the box, or where it can be paid out again.
func (b *Book) stays(n *Note, h Header, seq int64) {
	b.Stacked = b.Stacked.Plus(n.Face, n.Currency, 1)
	if h.Store {
		b.stored(n.Face, n.Currency)
		return
	}
	b.Box.Notes = append(b.Box.Notes, Boxed{Seq: seq, Face: n.Face, Currency: n.Currency})
}

func noteReturned(b *Book, _ time.Time, e Event, _ int64) error {
	n, err := b.open(e)
	if err != nil {
		return err
	}
	delete(b.Notes, n.Number)
	b.Returned = b.Returned.Plus(n.Face, n.Currency, 1)
	return nil
}

func noteDoubtful(b *Book, _ time.Time, e Event, _ int64) error {
	n, err := b.open(e)
	if err != nil {
		return err
	}
	if id := e.Header.Owed; id == "" || b.Owed[id] != nil {
		return fmt.Errorf("note %d: owed under %q", n.Number, id)
	}
	n.State, n.Asked, n.Owed, n.Claim = NoteDoubtful, e.Header.Asked, e.Header.Owed, e.Header.Claim
	delete(b.Unknown, n.Owed) // the box was counted: now its face is known
	b.Doubtful = b.Doubtful.Plus(n.Face, n.Currency, 1)
	b.StackedFen = b.StackedFen.Add(n.Face)
	b.Placed.Doubtful = b.Placed.Doubtful.Add(n.Face)
	return nil
}

// noteSettled is a person's finding, or the acceptor's own late word. A note found in the box is owed to the person who put
// it in, under the claim code of the slip that came out then; who has none, for it came to an end before, is given one.
func noteSettled(b *Book, at time.Time, e Event, seq int64) error {
	n := b.Notes[e.Header.Note]
	if n == nil || n.State != NoteDoubtful {
		return fmt.Errorf("note %d is not doubtful", e.Header.Note)
	}
	if e.Header.As != "stacked" && e.Header.As != "returned" {
		return fmt.Errorf("note %d: settle as stacked or returned, not %q", n.Number, e.Header.As)
	}
	if e.Header.As == "stacked" && b.Owed[n.Owed] != nil {
		return fmt.Errorf("note %d: owed under %q", n.Number, n.Owed)
	}
	delete(b.Notes, n.Number)
	b.Doubtful = b.Doubtful.Plus(n.Face, n.Currency, -1)
	b.Placed.Doubtful = b.Placed.Doubtful.Sub(n.Face)
	if e.Header.As == "returned" {
		b.StackedFen = b.StackedFen.Sub(n.Face)
		b.Returned = b.Returned.Plus(n.Face, n.Currency, 1)
		return nil
	}
	b.stays(n, e.Header, seq)
	b.Placed.Owed = b.Placed.Owed.Add(n.Face)
	b.Owed[n.Owed] = &Owed{ID: n.Owed, Case: n.Case, Amount: n.Face, Claim: n.Claim, Since: at, Slip: n.Slip, Coded: n.Coded}
	return nil
}

func acceptorReset(b *Book, at time.Time, e Event, _ int64) error {
	id := e.Header.Owed
	if id == "" {
		return nil
	}
	if _, err := b.of(e); err != nil {
		return err
	}
	b.Unknown[id] = &Unknown{ID: id, Coin: e.Kind == CoinsReset, Case: e.Case, Since: at, Asked: e.Header.Asked}
	return nil
}

func acceptorSettled(b *Book, _ time.Time, e Event, _ int64) error {
	u := b.Unknown[e.Header.Owed]
	if u == nil || u.Case != e.Case || e.Header.As != "returned" {
		return fmt.Errorf("nothing unknown is open under %q, or it is not settled as returned", e.Header.Owed)
	}
	delete(b.Unknown, u.ID)
	return nil
}

func paymentSettled(b *Book, at time.Time, e Event, _ int64) error {
	c, err := b.of(e)
	if err != nil {
		return err
	}
	h := e.Header
	if c.Settled {
		return fmt.Errorf("case %s was settled before", c.ID)
	}
	if n := b.OpenNote(); n != nil && n.Case == c.ID {
		return fmt.Errorf("note %d is still on its way", n.Number)
	}
	if h.Bill < 0 || h.Surplus < 0 || h.Owes < 0 || h.Bill.Add(h.Surplus).Add(h.Owes) != c.Visiting {
		return fmt.Errorf("case %s: %s is in; bill %s, surplus %s and owed %s do not make it up", c.ID, c.Visiting, h.Bill, h.Surplus, h.Owes)
	}
	if (h.Owes > 0) != (h.Owed != "") || (h.Owed != "" && b.Owed[h.Owed] != nil) {
		return fmt.Errorf("case %s: owed %s under %q", c.ID, h.Owes, h.Owed)
	}
	b.Placed.Visit = b.Placed.Visit.Sub(c.Visiting)
	c.Visiting, c.Settled, c.Bill, c.Surplus = 0, true, h.Bill, h.Surplus
	b.Placed.Bills = b.Placed.Bills.Add(h.Bill)
	b.Placed.Surplus = b.Placed.Surplus.Add(h.Surplus)
	b.owe(at, c.ID, h)
	return nil
}

func (b *Book) owe(at time.Time, caseID string, h Header) {
	amount := h.Owes
	if amount == 0 {
		amount = h.Amount
	}
	if h.Owed == "" || amount == 0 {
		return
	}
	b.Placed.Owed = b.Placed.Owed.Add(amount)
	b.Owed[h.Owed] = &Owed{ID: h.Owed, Case: caseID, Amount: amount, Claim: h.Claim, Since: at}
}

// unbook takes back what was placed on the bill and as surplus, all of it.
func (b *Book) unbook(e Event) (*Case, error) {
	c, err := b.of(e)
	if err != nil {
		return nil, err
	}
	if !c.Settled || c.Posted || e.Header.Amount == 0 || e.Header.Amount != c.Bill.Add(c.Surplus) {
		return nil, fmt.Errorf("case %s: %s is on the bill, not %s, or it is booked", c.ID, c.Bill.Add(c.Surplus), e.Header.Amount)
	}
	return c, nil
}

func (b *Book) takeBack(c *Case) {
	b.Placed.Bills = b.Placed.Bills.Sub(c.Bill)
	b.Placed.Surplus = b.Placed.Surplus.Sub(c.Surplus)
	c.Bill, c.Surplus = 0, 0
}

func billRefused(b *Book, at time.Time, e Event, _ int64) error {
	c, err := b.unbook(e)
	if err != nil {
		return err
	}
	if e.Header.Owed == "" || b.Owed[e.Header.Owed] != nil {
		return fmt.Errorf("case %s: owed under %q", c.ID, e.Header.Owed)
	}
	b.takeBack(c)
	b.owe(at, c.ID, e.Header)
	return nil
}

func billRefunded(b *Book, _ time.Time, e Event, _ int64) error {
	c, err := b.unbook(e)
	if err != nil {
		return err
	}
	b.takeBack(c)
	b.Placed.Refunded = b.Placed.Refunded.Add(e.Header.Amount)
	return nil
}

func billPosted(b *Book, _ time.Time, e Event, _ int64) error {
	c, err := b.of(e)
	if err != nil {
		return err
	}
	if c.Posted || e.Header.Amount != c.Bill.Add(c.Surplus) {
		return fmt.Errorf("case %s: %s is on the bill, not %s, or it was booked before", c.ID, c.Bill.Add(c.Surplus), e.Header.Amount)
	}
	c.Posted = true
	return nil
}

func orderBegun(b *Book, _ time.Time, e Event, _ int64) error {
	h := e.Header
	if _, err := b.of(e); err != nil {
		return err
	}
	if b.Orders[h.Attempt] != nil || h.Attempt == "" || h.Amount <= 0 {
		return fmt.Errorf("order %q of %s: every attempt has a number of its own and an amount", h.Attempt, h.Amount)
	}
	if open := b.OpenOrder(e.Case); open != nil {
		return fmt.Errorf("order %s of this case is not definite yet", open.Attempt)
	}
	b.Orders[h.Attempt] = &Order{Attempt: h.Attempt, Case: e.Case, Amount: h.Amount, Mode: h.Mode, Expires: h.Expires, State: OrderBegun}
	return nil
}

func orderPaid(b *Book, _ time.Time, e Event, _ int64) error {
	o := b.Orders[e.Header.Attempt]
	if o == nil || o.State != OrderBegun || o.Case != e.Case || o.Amount != e.Header.Amount {
		return fmt.Errorf("order %q over %s is not open", e.Header.Attempt, e.Header.Amount)
	}
	c := b.Cases[o.Case]
	if c.Settled {
		return fmt.Errorf("case %s was settled before order %s was paid", c.ID, o.Attempt)
	}
	o.State = OrderPaid
	b.QRPaid = b.QRPaid.Add(o.Amount)
	c.Visiting, c.ByPhone = c.Visiting.Add(o.Amount), true
	b.Placed.Visit = b.Placed.Visit.Add(o.Amount)
	return nil
}

func orderClosed(b *Book, _ time.Time, e Event, _ int64) error {
	o := b.Orders[e.Header.Attempt]
	if o == nil || o.State != OrderBegun || o.Case != e.Case {
		return fmt.Errorf("order %q is not open", e.Header.Attempt)
	}
	o.State, o.How = OrderClosed, e.Header.How
	return nil
}

// orderRefunded gives back what was paid and not yet placed; what was placed goes by bill.refunded.
func orderRefunded(b *Book, _ time.Time, e Event, _ int64) error {
	o := b.Orders[e.Header.Attempt]
	if o == nil || o.State != OrderPaid || o.Case != e.Case || o.Amount != e.Header.Amount {
		return fmt.Errorf("order %q over %s was not paid", e.Header.Attempt, e.Header.Amount)
	}
	c := b.Cases[o.Case]
	if c.Visiting < o.Amount {
		return fmt.Errorf("order %s: only %s of case %s is not yet placed", o.Attempt, c.Visiting, c.ID)
	}
	o.State = OrderRefunded
	c.Visiting = c.Visiting.Sub(o.Amount)
	b.Placed.Visit = b.Placed.Visit.Sub(o.Amount)
	b.Placed.Refunded = b.Placed.Refunded.Add(o.Amount)
	return nil
}

func owedRecoded(b *Book, _ time.Time, e Event, _ int64) error {
	if o := b.Owed[e.Header.Owed]; o != nil && !o.Paid && o.Case == e.Case && e.Header.Claim != "" {
		if p := b.OpenPayout(); p != nil && p.Owed == o.ID {
			return fmt.Errorf("owed %s: payout %s has not ended", o.ID, p.ID)
		}
		o.Claim, o.Slip, o.Coded = e.Header.Claim, "", true
		return nil
	}
	if n := b.doubtfulNote(e.Header.Owed); n != nil && n.Case == e.Case && e.Header.Claim != "" {
		n.Claim, n.Slip, n.Coded = e.Header.Claim, "", true
		return nil
	}
	if p := b.doubtfulPayout(e.Header.Owed); p != nil && p.Case == e.Case && e.Header.Claim != "" {
		p.Claim, p.Slip, p.Coded = e.Header.Claim, "", true
		return nil
	}
	return fmt.Errorf("nothing is owed under %q", e.Header.Owed)
}

// doubtfulNote is the note in doubt that would be owed under this id, or nil.
func (b *Book) doubtfulNote(owed string) *Note {
	for _, n := range b.Notes {
		if n.State == NoteDoubtful && n.Owed == owed {
			return n
		}
	}
	return nil
}

// doubtfulPayout is the payout in doubt whose pieces would be owed under this id, or nil.
func (b *Book) doubtfulPayout(owed string) *Payout {
	for _, p := range b.Payouts {
		if p.State == PayoutDoubtful && p.Back == owed {
			return p
		}
	}
	return nil
}

func owedPaid(b *Book, at time.Time, e Event, _ int64) error {
	o := b.Owed[e.Header.Owed]
	if o == nil || o.Paid || o.Case != e.Case || o.Amount != e.Header.Amount {
		return fmt.Errorf("nothing is owed under %q, it is another amount than %s, or it was paid before", e.Header.Owed, e.Header.Amount)
	}
	if p := b.OpenPayout(); p != nil && p.Owed == o.ID {
		return fmt.Errorf("owed %s: payout %s has not ended", o.ID, p.ID)
	}
	o.Paid, o.PaidAt, o.Where = true, at, e.Header.Where
	b.Placed.Owed = b.Placed.Owed.Sub(o.Amount)
	b.Placed.PaidOut = b.Placed.PaidOut.Add(o.Amount)
	return nil
}

// owedRedeemed is a slip of another terminal: its money stands in that journal, and what is kept here is that it was paid once.
func owedRedeemed(b *Book, _ time.Time, e Event, _ int64) error {
	h := e.Header
	if h.Owed == "" || b.Owed[h.Owed] != nil || b.Redeemed[h.Owed] != 0 || h.Amount <= 0 {
		return fmt.Errorf("owed %q over %s: it is one of this terminal, was paid here before, or is nothing", h.Owed, h.Amount)
	}
	b.Redeemed[h.Owed] = h.Amount
	return nil
}

func paperBegun(b *Book, at time.Time, e Event, _ int64) error {
	h := e.Header
	if b.Papers[h.Paper] != nil || h.Paper == "" {
		return fmt.Errorf("paper %q has begun before, or has no number", h.Paper)
	}
	if h.What == PaperClosing {
		b.Closing.Tried = true
	}
	b.Papers[h.Paper] = &Paper{ID: h.Paper, Case: e.Case, What: h.What, Way: h.Way, Owed: h.Owed, Cuts: h.Cuts, Since: at}
	if h.Cuts > 0 {
		b.Cuts = h.Cuts
	}
	return nil
}

func paperEnded(b *Book, _ time.Time, e Event, _ int64) error {
	p := b.Papers[e.Header.Paper]
	if p == nil || p.Case != e.Case {
		return fmt.Errorf("paper %q has not begun", e.Header.Paper)
	}
	if e.Kind == PaperPrinted && p.Way != "" && p.Way != e.Header.Way {
		return fmt.Errorf("paper %q went the way %q, and not %q", p.ID, p.Way, e.Header.Way)
	}
	delete(b.Papers, p.ID)
	if e.Kind != PaperPrinted {
		return nil
	}
	if p.What == PaperClosing {
		b.Closing.Printed = true
	}
	b.slipOut(p.Owed, e.Header.Way)
	if c := b.Cases[p.Case]; c != nil && p.What == "receipt" {
		c.Receipt = true
	}
	return nil
}

// slipOut keeps the way that the slip of something owed, or of a doubt, went out.
func (b *Book) slipOut(owed, way string) {
	if o := b.Owed[owed]; o != nil {
		o.Slip = way
	} else if n := b.doubtfulNote(owed); n != nil {
		n.Slip = way
	} else if p := b.doubtfulPayout(owed); p != nil {
		p.Slip = way
	}
}

func boxOut(b *Book, _ time.Time, _ Event, _ int64) error {
	b.Box.Out = true
	return nil
}

func boxIn(b *Book, _ time.Time, e Event, _ int64) error {
	if !b.Box.New && b.Box.ID != "" { // the first name that a box gets is no other box
		b.Box.Former, b.Box.New = b.Box.ID, true
	}
	b.Box.Out = false
	b.Box.ID = e.Header.Box
	return nil
}

func boxExchanged(b *Book, _ time.Time, e Event, _ int64) error {
	if diff := e.Header.Expected.Minus(b.Box.Counts()); len(diff) != 0 {
		return fmt.Errorf("box: expected %v, and the journal knows of %v", e.Header.Expected, b.Box.Counts())
	}
	b.Box.Notes, b.Box.New, b.Box.Former = nil, false, ""
	return nil
}

func blanksLoaded(b *Book, _ time.Time, e Event, _ int64) error {
	h := e.Header
	if h.Tray == "" || h.First == "" || h.Count <= 0 {
		return fmt.Errorf("tray %q, first %q, count %d", h.Tray, h.First, h.Count)
	}
	t := b.Trays[h.Tray]
	if t == nil {
		t = &Tray{Name: h.Tray}
		b.Trays[h.Tray] = t
	}
	if h.Media != "" {
		t.Media = h.Media
	}
	t.Packs = append(t.Packs, Pack{First: h.First, Count: h.Count})
	b.Received = append(b.Received, Pack{First: h.First, Count: h.Count})
	b.Blanks.Received += h.Count
	b.Blanks.InTray += h.Count
	return nil
}

func blankVoided(b *Book, _ time.Time, e Event, _ int64) error {
	t := b.Trays[e.Header.Tray]
	if next, ok := t.Next(); !ok || next != e.Header.Serial {
		return fmt.Errorf("blank %q is not the next in tray %q", e.Header.Serial, e.Header.Tray)
	}
	t.take()
	b.Blanks.InTray--
	b.Blanks.Void++
	return nil
}

func licensePrinting(b *Book, at time.Time, e Event, _ int64) error {
	h := e.Header
	if b.Sheets[h.Permit] != nil || h.Permit == "" {
		return fmt.Errorf("permit %q was used before", h.Permit)
	}
	if live := b.LiveSheet(e.Case, h.Form); live != nil {
		return fmt.Errorf("case %s: %s %s is out or on its way", e.Case, h.Form, live.Serial)
	}
	for _, s := range b.Sheets {
		if s.State == LicensePrinting && s.Tray == h.Tray {
			return fmt.Errorf("tray %s: blank %s is on its way", h.Tray, s.Serial)
		}
	}
	if next, ok := b.Trays[h.Tray].Next(); !ok || next != h.Serial {
		return fmt.Errorf("blank %q is not the next in tray %q", h.Serial, h.Tray)
	}
	b.Sheets[h.Permit] = &Sheet{Permit: h.Permit, Case: e.Case, License: h.License, Form: h.Form, Tray: h.Tray,
		Serial: h.Serial, Document: h.Document, State: LicensePrinting, Since: at}
	return nil
}

func licenseEnded(b *Book, _ time.Time, e Event, _ int64) error {
	s := b.Sheets[e.Header.Permit]
	if s == nil || s.State != LicensePrinting || s.Serial != e.Header.Serial || s.Case != e.Case {
		return fmt.Errorf("permit %q: blank %q is not on its way", e.Header.Permit, e.Header.Serial)
	}
	s.State, s.Asked = e.Kind, e.Header.Asked
	if e.Kind == LicenseFailed {
		return nil // no sheet was marked: the blank is still in the tray
	}
	from := b.Trays[s.Tray]
	if other := e.Header.Tray; other != "" && other != s.Tray {
		// The sheet was drawn from another tray: that one's next blank is gone, and none if it holds plain paper.
		if from = b.Trays[other]; from.Left() == 0 {
			return nil
		}
	}
	from.take()
	b.Blanks.InTray--
	switch e.Kind {
	case LicensePrinted:
		b.Blanks.Issued++
	case LicenseSpoiled:
		b.Blanks.Void++
	case LicenseDoubtful:
		b.Blanks.Doubtful++
	}
	return nil
}

func licenseSettled(b *Book, _ time.Time, e Event, _ int64) error {
	s := b.Sheets[e.Header.Permit]
	if s == nil || s.State != LicenseDoubtful || s.Serial != e.Header.Serial {
		return fmt.Errorf("permit %q: blank %q is not doubtful", e.Header.Permit, e.Header.Serial)
	}
	switch e.Header.As {
	case "printed":
		s.State = LicensePrinted
		b.Blanks.Issued++
	case "spoiled":
		s.State = LicenseSpoiled
		b.Blanks.Void++
	default:
		return fmt.Errorf("permit %s: settle as printed or spoiled, not %q", s.Permit, e.Header.As)
	}
	b.Blanks.Doubtful--
	return nil
}
