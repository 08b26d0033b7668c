package payment

import (
	"context"
	"fmt"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// Take begins to take notes for a case. The acceptor draws them in until Stop.
func (t *Till) Take(ctx context.Context, caseID string) error {
	if err := t.journal.Append(ctx, entry(casefile.CashOpened, caseID, casefile.Header{})); err != nil {
		return err
	}
	t.mu.Lock()
	t.paying, t.closing, t.last = caseID, false, Sight{}
	t.tell()
	t.mu.Unlock()
	return t.acceptor.Accept(ctx, Faces)
}

// Stop takes no more notes and waits until none is on its way: one in escrow goes back, one on its way
// into the box arrives. After settleMax at the latest none is, because then it is called doubtful.
func (t *Till) Stop(ctx context.Context) error {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	if err := t.acceptor.Refuse(ctx); err != nil {
		t.log.Warn("cash refuse", "error", err) // it is repeated by the driver; a late note goes back
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleMax)
	defer cancel()
	for {
		t.mu.Lock()
		changed := t.changed
		t.mu.Unlock()
		if t.openNote() == nil {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("till: a note is still on its way: %w", ctx.Err())
		}
	}
	t.mu.Lock()
	caseID := t.paying
	t.paying = ""
	t.tell()
	t.mu.Unlock()
	if caseID == "" {
		return nil
	}
	return t.journal.Append(ctx, entry(casefile.CashClosed, caseID, casefile.Header{}))
}

// Status is the till for the case that is being paid.
func (t *Till) Status() Status {
	t.mu.Lock()
	st := Status{Case: t.paying, Sight: t.last}
	state := t.acceptor.State()
	st.Taking = t.paying != "" && !t.closing && state.Accepting && !state.Escrow
	t.mu.Unlock()
	t.journal.Book(func(b *casefile.Book) {
		if c := b.Cases[st.Case]; c != nil {
			st.Inserted = c.Visiting
		}
		if n := b.OpenNote(); n != nil {
			st.Moving = n.Face
			st.Taking = false
		}
	})
	return st
}

// Changed is closed when the status has changed.
func (t *Till) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// Ready says whether the acceptor has told what it missed while the program was down. Before that no
// open note can be judged.
func (t *Till) Ready() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready
}

// State is the acceptor's.
func (t *Till) State() cash.State { return t.acceptor.State() }

// Split is how what is in the box is placed.
type Split struct {
	Bill, Surplus, Owed money.Fen
}

// Rest says what is to become of money that does not meet the bill.
type Rest string

// The two ways a citizen can choose.
const (
	RestPart Rest = "part" // it pays that part of the bill
	RestOwed Rest = "owed" // it is paid back with a slip
)

// Place divides what came in: the bill first; what is too much by the biller's rule; what is too little as
// the citizen chose, and back when the biller takes no part payments.
func Place(in, due money.Fen, part bool, rule string, rest Rest) Split {
	switch {
	case in <= 0:
		return Split{}
	case in < due && part && rest == RestPart:
		return Split{Bill: in}
	case in < due:
		return Split{Owed: in}
	case rule == "balance":
		return Split{Bill: due, Surplus: in.Sub(due)}
	default:
		return Split{Bill: due, Owed: in.Sub(due)}
	}
}

// Settle places what a case has in the box. It gives the split, and the id under which something is owed.
// A case without money is not touched. reason: paid, stopped, walked_away, power.
func (t *Till) Settle(ctx context.Context, caseID string, rest Rest, reason string) (Split, string, error) {
	var in money.Fen
	var c casefile.Case
	t.journal.Book(func(b *casefile.Book) {
		if found := b.Cases[caseID]; found != nil {
			c, in = *found, found.Visiting
		}
	})
	if in == 0 {
		return Split{}, "", nil
	}
	s := Place(in, c.Due, c.Part, c.Rule, rest)
	if c.Due == 0 {
		s = Split{Owed: in} // a stray note has no bill
	}
	h := casefile.Header{Bill: s.Bill, Surplus: s.Surplus, Owes: s.Owed, Reason: reason}
	if s.Owed > 0 {
		h.Owed = "O" + random(12)
		// The code comes with the slip (owed.recoded): it is never kept, so that a stolen disk pays nobody.
		h.Claim = casefile.ClaimHash(h.Owed, random(24))
	}
	if err := t.journal.Append(ctx, entry(casefile.PaymentSettled, caseID, h)); err != nil {
		return Split{}, "", err
	}
	return s, h.Owed, nil
}

// Recode gives something owed a new claim code for a new slip; the former code is dead from then on.
func (t *Till) Recode(ctx context.Context, caseID, owed string) (code string, err error) {
	code = NewClaimCode()
	h := casefile.Header{Owed: owed, Claim: casefile.ClaimHash(owed, code)}
	return code, t.journal.Append(ctx, entry(casefile.OwedRecoded, caseID, h))
}
