package payment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// Given is what became of money that is paid out in pieces.
type Given struct {
	Out    money.Fen // surely came out
	Unsure money.Fen // may have come out: a person has to look
	Rest   money.Fen // stays owed
}

// Stock is the pieces that can be paid out now: nothing while the payer is unfit or a payout has not ended. Where only
// some faces are unfit, as of a row of hoppers one of which is empty, it is the others. A payer that counts is believed;
// for one that does not, the journal counts.
func (t *Till) Stock() (stock money.Counts) {
	state, info := t.payer.State(), t.payer.Info()
	busy := false
	t.journal.Book(func(b *casefile.Book) { busy, stock = b.OpenPayout() != nil, b.Stock.Inside })
	if busy || !state.Online || state.Fault != nil && len(state.Unfit) == 0 {
		return nil
	}
	if info.Counts {
		stock = pieces(state.Levels)
	}
	var out money.Counts
	for _, row := range stock {
		for _, f := range info.Faces {
			if row.Count > 0 && !slices.Contains(state.Unfit, f) && money.Fen(f.Face) == row.Face && f.Currency == row.Currency {
				out = append(out, row)
			}
		}
	}
	return out
}

// PayOut pays what is owed in pieces as far as they go, and says what stays owed. It must be called only while the
// person stands there, and before a code for it is given out.
func (t *Till) PayOut(ctx context.Context, caseID, owed string) (Given, error) {
	t.giving.Lock()
	defer t.giving.Unlock()
	var amount money.Fen
	t.journal.Book(func(b *casefile.Book) {
		if o := b.Owed[owed]; o != nil && !o.Paid && !o.Coded && o.Slip == "" {
			amount = o.Amount
		}
	})
	plan, _ := money.Change(amount, t.Stock())
	if len(plan) == 0 {
		return Given{Rest: amount}, nil
	}
	ctx = context.WithoutCancel(ctx) // an act is whole
	ask, cancel := context.WithTimeout(ctx, orderMax)
	before, err := t.payer.Before(ask)
	cancel()
	if err != nil {
		t.log.Warn("payout before", "error", err)
		return Given{Rest: amount}, nil
	}
	h := casefile.Header{Payout: "Y" + random(12), Owed: owed, Amount: plan.Total(), Pieces: plan, Memory: memory(before)}
	if err := t.journal.Append(ctx, entry(casefile.PayoutBegun, caseID, h)); err != nil {
		return Given{}, err
	}
	pay, cancel := context.WithTimeout(ctx, payMax)
	paid, err := t.payer.Pay(pay, before, piles(plan))
	cancel()
	if err != nil && retry(err) {
		paid, err = t.askAgain(ctx, before, plan, paid, err)
	}
	given, err := t.paid(ctx, paid, err)
	given.Rest = amount.Sub(given.Out).Sub(given.Unsure)
	return given, err
}

// askAgain asks what came out of a payout after the line to the payer broke: it may go on by itself. A person stands
// there, so that after a while all of it is called doubtful but what surely came out, as one hopper of several has said.
func (t *Till) askAgain(ctx context.Context, before cash.Memory, plan money.Counts, sure cash.Paid, cause error) (cash.Paid, error) {
	ctx, cancel := context.WithTimeout(ctx, payDoubtAfter)
	defer cancel()
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		paid, err := t.payer.Settle(ctx, before, piles(plan))
		if err == nil || len(paid.Out)+len(paid.Unsure) > 0 {
			return paid, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return cash.Paid{Out: sure.Out, Unsure: piles(plan)}, cause
		}
	}
}

// paid writes down what came of the open payout. An error of the payer belongs to it and is no error of ours.
func (t *Till) paid(ctx context.Context, paid cash.Paid, failed error) (Given, error) {
	var p casefile.Payout
	t.journal.Book(func(b *casefile.Book) {
		if open := b.OpenPayout(); open != nil {
			p = *open
		}
	})
	out := t.within(p.Pieces, pieces(paid.Out), "came out")
	unsure := t.within(p.Pieces.Minus(out), pieces(paid.Unsure), "may have come out")
	g := Given{Out: out.Total(), Unsure: unsure.Total()}
	t.log.Info("payout", "asked_fen", int64(p.Amount), "out_fen", int64(g.Out), "unsure_fen", int64(g.Unsure), "error", failed)
	h := casefile.Header{Payout: p.ID, Amount: g.Out, Pieces: out}
	if g.Unsure == 0 {
		if f := (*fault.Error)(nil); errors.As(failed, &f) {
			h.Fault = string(f.Kind)
		}
		return g, t.journal.Append(ctx, entry(casefile.PayoutEnded, p.Case, h))
	}
	h.Unsure, h.Owed, h.Asked = unsure, "O"+random(12), "the payer cannot say"
	if failed != nil {
		h.Asked = failed.Error()
	}
	h.Claim = casefile.ClaimHash(h.Owed, random(24)) // the code comes with the slip
	return g, t.journal.Append(ctx, entry(casefile.PayoutDoubtful, p.Case, h))
}

// within takes what a payer says came out as far as it was asked for. More than that is the machine's loss: it shows
// itself when the pieces are counted, and is never taken from the person.
func (t *Till) within(asked, out money.Counts, what string) (taken money.Counts) {
	for _, row := range out {
		for _, a := range asked {
			if a.Face == row.Face && a.Currency == row.Currency {
				taken = taken.Plus(row.Face, row.Currency, min(a.Count, row.Count))
			}
		}
	}
	if more := out.Minus(taken); len(more) > 0 {
		t.log.Error("payout: more pieces than were asked for", "what", what, "pieces", fmt.Sprint(more))
	}
	return taken
}

// SettlePayouts asks the payer, until ctx ends, what became of a payout whose end nobody heard: the power went in the
// middle of it. Until the payer answers, nothing else is paid out. An error is the journal's.
func (t *Till) SettlePayouts(ctx context.Context) error {
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		if err := t.settlePayout(ctx); err != nil {
			return fmt.Errorf("till: payout: %w", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *Till) settlePayout(ctx context.Context) error {
	if !t.giving.TryLock() {
		return nil // it is being paid, and not settled
	}
	defer t.giving.Unlock()
	var open *casefile.Payout
	t.journal.Book(func(b *casefile.Book) {
		if p := b.OpenPayout(); p != nil {
			c := *p
			open = &c
		}
	})
	if open == nil || !t.payer.State().Online {
		return nil
	}
	ask, cancel := context.WithTimeout(ctx, payMax)
	defer cancel()
	paid, err := t.payer.Settle(ask, payerMemory(open.Memory), piles(open.Pieces))
	if ctx.Err() != nil || err != nil && len(paid.Out)+len(paid.Unsure) == 0 {
		return nil // it cannot be said now, whatever the cause: to call it nothing would pay it twice
	}
	if _, err = t.paid(context.WithoutCancel(ctx), paid, err); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tell()
	return nil
}

// retry says whether an answer to an order may come later: the order may have been taken.
func retry(err error) bool {
	return fault.Is(err, fault.Silent) || fault.Is(err, fault.Busy) || fault.Is(err, fault.Garbled) || fault.Is(err, fault.Absent) || errors.Is(err, context.DeadlineExceeded)
}

// The same piles in the words of devices and of the journal.

func pieces(p []cash.Pile) (out money.Counts) {
	for _, row := range p {
		out = out.Plus(money.Fen(row.Face), row.Currency, row.Count)
	}
	return out
}

func piles(c money.Counts) (out []cash.Pile) {
	for _, row := range c {
		out = append(out, cash.Pile{Note: cash.Note{Face: int64(row.Face), Currency: row.Currency}, Count: row.Count})
	}
	return out
}

// memory keeps a payer's memory row by row: a count of no pieces is one as well, and a payer misses the row.
func memory(m cash.Memory) *casefile.Memory {
	rows := func(p []cash.Pile) (out money.Counts) {
		for _, row := range p {
			out = append(out, money.Count{Face: money.Fen(row.Face), Currency: row.Currency, Count: row.Count})
		}
		return out
	}
	out := &casefile.Memory{Serial: m.Serial, Counter: m.Counter, Paid: rows(m.Paid), Levels: rows(m.Levels), Known: m.Known}
	for _, part := range m.Parts {
		out.Parts = append(out.Parts, *memory(part))
	}
	return out
}

func payerMemory(m casefile.Memory) cash.Memory {
	out := cash.Memory{Serial: m.Serial, Counter: m.Counter, Paid: piles(m.Paid), Levels: piles(m.Levels), Known: m.Known}
	for _, part := range m.Parts {
		out.Parts = append(out.Parts, payerMemory(part))
	}
	return out
}
