package casefile

import (
	"fmt"
	"time"

	"yichuang/kiosk/money"
)

// Coins have no escrow: one event is all of a coin's story. What is paid out is always paid for something that is
// owed: so a payout that stops short, or never begins, leaves the person with a claim.

// stored puts a citizen's note or coin into the stock.
func (b *Book) stored(face money.Fen, currency string) {
	b.Stock.Stored = b.Stock.Stored.Plus(face, currency, 1)
	b.Stock.Inside = b.Stock.Inside.Plus(face, currency, 1)
}

func coinTaken(b *Book, _ time.Time, e Event, seq int64) error {
	h := e.Header
	c, err := b.of(e)
	if err != nil {
		return err
	}
	if h.Face <= 0 || h.Currency != money.CNY {
		return fmt.Errorf("a coin of %d %s: want a face in CNY", h.Face, h.Currency)
	}
	if c.Settled {
		return fmt.Errorf("case %s was settled before", c.ID)
	}
	b.coin(h, seq)
	c.Visiting, c.Coins = c.Visiting.Add(h.Face), c.Coins.Plus(h.Face, h.Currency, 1)
	b.Placed.Visit = b.Placed.Visit.Add(h.Face)
	return nil
}

func (b *Book) coin(h Header, seq int64) {
	b.Coins = b.Coins.Plus(h.Face, h.Currency, 1)
	b.StackedFen = b.StackedFen.Add(h.Face)
	if h.Store {
		b.stored(h.Face, h.Currency)
	} else {
		b.CoinBox.Notes = append(b.CoinBox.Notes, Boxed{Seq: seq, Face: h.Face, Currency: h.Currency})
	}
}

// coinFound is a coin that the box had more than the journal: it is owed to whoever stood there when the power went.
func coinFound(b *Book, at time.Time, e Event, seq int64) error {
	h := e.Header
	u := b.Unknown[h.Owed]
	if u == nil || !u.Coin || u.Case != e.Case || b.Owed[h.Owed] != nil {
		return fmt.Errorf("no unknown coin is open under %q", h.Owed)
	}
	if h.Face <= 0 || h.Currency != money.CNY {
		return fmt.Errorf("a coin of %d %s: want a face in CNY", h.Face, h.Currency)
	}
	delete(b.Unknown, u.ID)
	b.coin(h, seq)
	b.Placed.Owed = b.Placed.Owed.Add(h.Face)
	b.Owed[h.Owed] = &Owed{ID: h.Owed, Case: e.Case, Amount: h.Face, Claim: h.Claim, Since: at}
	return nil
}

func coinsExchanged(b *Book, _ time.Time, e Event, _ int64) error {
	if diff := e.Header.Expected.Minus(b.CoinBox.Counts()); len(diff) != 0 {
		return fmt.Errorf("coin box: expected %v, and the journal knows of %v", e.Header.Expected, b.CoinBox.Counts())
	}
	b.CoinBox.Notes = nil
	return nil
}

func payoutBegun(b *Book, at time.Time, e Event, _ int64) error {
	h := e.Header
	o := b.Owed[h.Owed]
	switch {
	case o == nil || o.Paid || o.Case != e.Case:
		return fmt.Errorf("payout %q: nothing is owed under %q", h.Payout, h.Owed)
	case o.Coded || o.Slip != "":
		return fmt.Errorf("payout %q: a code for %s is out, and is paid by staff", h.Payout, h.Owed)
	case h.Payout == "" || b.Payouts[h.Payout] != nil:
		return fmt.Errorf("payout %q has begun before, or has no number", h.Payout)
	case b.OpenPayout() != nil:
		return fmt.Errorf("payout %q has not ended", b.OpenPayout().ID)
	case !positive(h.Pieces) || h.Pieces.Total() != h.Amount || h.Amount > o.Amount:
		return fmt.Errorf("payout %q: %v for %s of %s", h.Payout, h.Pieces, h.Amount, o.Amount)
	}
	p := &Payout{ID: h.Payout, Case: e.Case, Owed: h.Owed, Amount: h.Amount, Pieces: h.Pieces, Since: at, State: PayoutBegun}
	if h.Memory != nil {
		p.Memory = *h.Memory
	}
	b.Payouts[p.ID] = p
	return nil
}

// positive says whether a pile has pieces of CNY alone, and at least one.
func positive(c money.Counts) bool {
	for _, row := range c {
		if row.Face <= 0 || row.Count <= 0 || row.Currency != money.CNY {
			return false
		}
	}
	return len(c) > 0
}

// began finds the open payout that an event ends, and sees that no piece comes out that was not asked for.
func (b *Book) began(e Event) (*Payout, error) {
	h := e.Header
	p := b.Payouts[h.Payout]
	if p == nil || p.State != PayoutBegun || p.Case != e.Case {
		return nil, fmt.Errorf("payout %q has not begun, or has ended", h.Payout)
	}
	if len(h.Pieces) > 0 && !positive(h.Pieces) || len(h.Unsure) > 0 && !positive(h.Unsure) || h.Pieces.Total() != h.Amount {
		return nil, fmt.Errorf("payout %s: %v and %v for %s", p.ID, h.Pieces, h.Unsure, h.Amount)
	}
	left := p.Pieces.Minus(h.Pieces).Minus(h.Unsure)
	if len(left) > 0 && !positive(left) {
		return nil, fmt.Errorf("payout %s: %v came out and %v may have, of %v", p.ID, h.Pieces, h.Unsure, p.Pieces)
	}
	return p, nil
}

// paidOut moves what surely came out.
func (b *Book) paidOut(p *Payout, h Header) {
	o := b.Owed[p.Owed]
	o.Amount = o.Amount.Sub(h.Amount)
	b.Placed.Owed = b.Placed.Owed.Sub(h.Amount)
	b.Placed.PaidOut = b.Placed.PaidOut.Add(h.Amount)
	b.Stock.Inside, b.Stock.Paid = b.Stock.Inside.Minus(h.Pieces), b.Stock.Paid.With(h.Pieces)
	if c := b.Cases[p.Case]; c != nil {
		c.Paid = c.Paid.Add(h.Amount)
	}
}

func payoutEnded(b *Book, _ time.Time, e Event, _ int64) error {
	p, err := b.began(e)
	if err != nil {
		return err
	}
	if len(e.Header.Unsure) > 0 {
		return fmt.Errorf("payout %s: ended, and %v are unsure", p.ID, e.Header.Unsure)
	}
	b.paidOut(p, e.Header)
	if o := b.Owed[p.Owed]; o.Amount == 0 {
		o.Paid = true
	}
	delete(b.Payouts, p.ID)
	return nil
}

// payoutDoubtful leaves what was not even tried owed as before. The unsure pieces are neither owed nor paid until
// a person has looked.
func payoutDoubtful(b *Book, _ time.Time, e Event, _ int64) error {
	p, err := b.began(e)
	if err != nil {
		return err
	}
	h := e.Header
	if len(h.Unsure) == 0 || h.Owed == "" || b.Owed[h.Owed] != nil || h.Claim == "" {
		return fmt.Errorf("payout %s: unsure of %v, owed under %q", p.ID, h.Unsure, h.Owed)
	}
	b.paidOut(p, h)
	unsure := h.Unsure.Total()
	o := b.Owed[p.Owed]
	o.Amount = o.Amount.Sub(unsure)
	o.Paid = o.Amount == 0
	b.Placed.Owed = b.Placed.Owed.Sub(unsure)
	b.Placed.Doubtful = b.Placed.Doubtful.Add(unsure)
	b.Stock.Inside, b.Stock.Unsure = b.Stock.Inside.Minus(h.Unsure), b.Stock.Unsure.With(h.Unsure)
	p.State, p.Unsure, p.Asked, p.Back, p.Claim = PayoutDoubtful, h.Unsure, h.Asked, h.Owed, h.Claim
	return nil
}

// payoutSettled is a person's finding: the pieces came out, or are still inside and owed.
func payoutSettled(b *Book, at time.Time, e Event, _ int64) error {
	p := b.Payouts[e.Header.Payout]
	if p == nil || p.State != PayoutDoubtful || p.Case != e.Case {
		return fmt.Errorf("payout %q is not doubtful", e.Header.Payout)
	}
	unsure := p.Unsure.Total()
	switch e.Header.As {
	case "paid":
		b.Placed.PaidOut = b.Placed.PaidOut.Add(unsure)
		b.Stock.Paid = b.Stock.Paid.With(p.Unsure)
		if c := b.Cases[p.Case]; c != nil {
			c.Paid = c.Paid.Add(unsure)
		}
	case "kept":
		if b.Owed[p.Back] != nil {
			return fmt.Errorf("payout %s: owed under %q", p.ID, p.Back)
		}
		b.Placed.Owed = b.Placed.Owed.Add(unsure)
		b.Owed[p.Back] = &Owed{ID: p.Back, Case: p.Case, Amount: unsure, Claim: p.Claim, Since: at, Slip: p.Slip, Coded: p.Coded}
		b.Stock.Inside = b.Stock.Inside.With(p.Unsure)
	default:
		return fmt.Errorf("payout %s: settle as paid or kept, not %q", p.ID, e.Header.As)
	}
	b.Stock.Unsure = b.Stock.Unsure.Minus(p.Unsure)
	b.Placed.Doubtful = b.Placed.Doubtful.Sub(unsure)
	delete(b.Payouts, p.ID)
	return nil
}

func stockLoaded(b *Book, _ time.Time, e Event, _ int64) error {
	if !positive(e.Header.Pieces) {
		return fmt.Errorf("stock: %v cannot be loaded", e.Header.Pieces)
	}
	b.Stock.Loaded, b.Stock.Inside = b.Stock.Loaded.With(e.Header.Pieces), b.Stock.Inside.With(e.Header.Pieces)
	return nil
}

// stockCounted sets what is inside to what was counted: what is missing was taken out, what is more was put in.
func stockCounted(b *Book, _ time.Time, e Event, _ int64) error {
	h := e.Header
	if diff := h.Expected.Minus(b.Stock.Inside); len(diff) != 0 {
		return fmt.Errorf("stock: expected %v, and the journal knows of %v", h.Expected, b.Stock.Inside)
	}
	if len(h.Counted) > 0 && !positive(h.Counted) {
		return fmt.Errorf("stock: %v cannot be counted", h.Counted)
	}
	for _, row := range h.Counted.Minus(h.Expected) {
		if row.Count > 0 {
			b.Stock.Loaded = b.Stock.Loaded.Plus(row.Face, row.Currency, row.Count)
		} else {
			b.Stock.TakenOut = b.Stock.TakenOut.Plus(row.Face, row.Currency, -row.Count)
		}
	}
	b.Stock.Inside = h.Counted
	return nil
}
