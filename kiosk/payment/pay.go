package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// Take begins to take notes for a case. The acceptor draws them in until Stop. One that is getting ready after a restart takes them when it is: a
// person does not wait for that before a page that hears nobody.
func (t *Till) Take(ctx context.Context, caseID string) error {
	if err := t.open(ctx, caseID); err != nil {
		return err
	}
	t.order(ctx, func(ctx context.Context) error { t.takeCoins(ctx); return nil })
	err := t.order(ctx, t.takeNotes)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil // the wish stands, and the status tells that none are taken yet
	}
	return err
}

// takeNotes lets those notes in that may be taken now.
func (t *Till) takeNotes(ctx context.Context) error {
	faces := t.Taken()
	t.mu.Lock()
	t.notes = append([]cash.Note{}, faces...)
	t.mu.Unlock()
	return t.acceptor.Accept(ctx, faces)
}

// open writes down that notes are taken for a case, and what is promised for it.
func (t *Till) open(ctx context.Context, caseID string) error {
	t.opening.Lock()
	defer t.opening.Unlock()
	entries := []store.Entry{entry(casefile.CashOpened, caseID, casefile.Header{})}
	t.journal.Book(func(b *casefile.Book) {
		if b.CashOpen != "" { // left over: an acceptor is away and has not told yet what it knows
			entries = slices.Insert(entries, 0, entry(casefile.CashClosed, b.CashOpen, casefile.Header{}))
		}
	})
	if err := t.journal.Append(ctx, entries...); err != nil {
		return err
	}
	var due money.Fen
	var rule string
	t.journal.Book(func(b *casefile.Book) {
		if c := b.Cases[caseID]; c != nil {
			due, rule = c.Due, c.Rule
		}
	})
	exact := t.Promise(due, rule)
	t.mu.Lock()
	t.paying, t.closing, t.exact, t.last, t.notes, t.slot = caseID, false, exact, Sight{}, nil, nil
	t.tell()
	t.mu.Unlock()
	return nil
}

// Promise says whether change can be promised for an amount and the biller's rule: then the last step up to the amount,
// with the smallest note, can be changed exactly. Larger notes are taken as far as their change can be paid too.
func (t *Till) Promise(due money.Fen, rule string) bool {
	stock := t.Stock()
	if due <= 0 || rule == "balance" || len(stock) == 0 {
		return false
	}
	smallest := money.Fen(Faces[0].Face)
	_, rest := money.Change((smallest-due%smallest)%smallest, stock)
	return rest == 0
}

// Taken is the notes that are taken now.
func (t *Till) Taken() (faces []cash.Note) {
	for _, f := range Faces {
		if t.mayTake(money.Fen(f.Face)) {
			faces = append(faces, f)
		}
	}
	return faces
}

// mayTake says whether a note of this face is taken: where change is promised, only if it can be paid.
func (t *Till) mayTake(face money.Fen) bool {
	left, _, exact := t.toPay()
	if !exact || face <= left {
		return true
	}
	_, rest := money.Change(face.Sub(max(left, 0)), t.Stock())
	return rest == 0
}

// Stop takes no more notes and waits until none is on its way: one in escrow goes back, one on its way
// into the box arrives. After settleMax at the latest none is, because then it is called doubtful.
func (t *Till) Stop(ctx context.Context) error {
	t.gate <- struct{}{}
	t.placing.Lock()
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	t.placing.Unlock()
	<-t.gate                        // nothing lets notes in from here on; who is at the gate may be who hears the acceptor, which waits to be heard
	t.order(ctx, t.acceptor.Refuse) // it is repeated by the driver; a late note goes back
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleMax)
	defer cancel()
	t.stopCoins(ctx)
	for {
		t.mu.Lock()
		changed := t.changed
		t.mu.Unlock()
		if t.openNote() == nil {
			break
		}
		select {
		case <-changed:
		case <-t.journal.Broken():
			return t.journal.Health() // where it went is never written down now: the next start asks the acceptor
		case <-ctx.Done():
			return fmt.Errorf("till: a note is still on its way: %w", ctx.Err())
		}
	}
	t.opening.Lock() // an acceptor that gets ready in this instant does not close it as well
	defer t.opening.Unlock()
	t.mu.Lock()
	caseID := t.paying
	t.mu.Unlock()
	if caseID == "" {
		return nil
	}
	err := t.goneAtTheEnd(ctx, caseID)
	t.mu.Lock()
	t.paying = ""
	t.tell()
	t.mu.Unlock()
	if err != nil {
		return err
	}
	return t.journal.Append(ctx, entry(casefile.CashClosed, caseID, casefile.Header{}))
}

// Status is the till for the case that is being paid.
func (t *Till) Status() Status {
	t.mu.Lock()
	st := Status{Case: t.paying, Sight: t.last, Change: t.exact && t.paying != ""}
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
	coins := t.coins.State()
	st.Coins = coins.Online && coins.Fault == nil
	return st
}

// Changed is closed when the status has changed.
func (t *Till) Changed() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.changed
}

// Ready says whether the acceptors have told what they missed while the program was down. Before that no
// open note can be judged, and a coin may still be told of.
func (t *Till) Ready() bool {
	_, coinless := t.coins.(cash.Absent)
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ready && (t.coined || coinless)
}

// State is the acceptor's.
func (t *Till) State() cash.State { return t.acceptor.State() }

// Split is how what is in the box is placed.
type Split struct {
	Bill, Surplus, Owed money.Fen
	Change              money.Fen // of what was owed, paid back in pieces at once
	Unsure              money.Fen // of what was owed, may have come out
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
//
// An acceptor that was shut may still draw in a note. One that has come as far as escrow is waited for, as Stop does, and
// counts when it is stacked all the same; one that comes later belongs to a case of its own.
func (t *Till) Settle(ctx context.Context, caseID string, rest Rest, reason string) (Split, string, error) {
	if err := t.still(ctx, caseID); err != nil {
		return Split{}, "", err
	}
	defer t.placing.Unlock()
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

// still waits until no note of a case is on its way, and keeps it so: it returns with placing held, or with an error.
func (t *Till) still(ctx context.Context, caseID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleMax)
	defer cancel()
	for {
		changed := t.Changed()
		t.placing.Lock()
		if n := t.openNote(); n == nil || n.Case != caseID {
			return nil
		}
		t.placing.Unlock()
		select {
		case <-changed:
		case <-t.journal.Broken():
			return t.journal.Health()
		case <-ctx.Done():
			return fmt.Errorf("till: a note of case %s is still on its way: %w", caseID, ctx.Err())
		}
	}
}

// Recode gives something owed a new claim code for a new slip; the former code is dead from then on.
func (t *Till) Recode(ctx context.Context, caseID, owed string) (code string, err error) {
	code = NewClaimCode()
	h := casefile.Header{Owed: owed, Claim: casefile.ClaimHash(owed, code)}
	return code, t.journal.Append(ctx, entry(casefile.OwedRecoded, caseID, h))
}
