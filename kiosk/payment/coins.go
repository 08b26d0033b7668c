package payment

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// Coins are the coins of CNY that may be taken at all, in fen.
var Coins = []cash.Note{{Face: 10, Currency: "CNY"}, {Face: 50, Currency: "CNY"}, {Face: 100, Currency: "CNY"}}

const keptCoins = "coins.mark"

// RunCoins hears the coin acceptor's signals until ctx ends. An error is the journal's: the program must stop.
func (t *Till) RunCoins(ctx context.Context) error {
	for {
		s, err := t.coins.Next(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			err = t.hearCoin(context.WithoutCancel(ctx), s)
		}
		if err != nil {
			return fmt.Errorf("till: coins: %w", err)
		}
	}
}

// hearCoin writes down what a signal of the coin acceptor means. A coin has no escrow: it is money when it is told.
func (t *Till) hearCoin(ctx context.Context, s cash.Signal) error {
	mark := casefile.Mark{Serial: s.Mark.Serial, Counter: s.Mark.Counter, Known: s.Mark.Known}
	t.log.Info("coins", "signal", string(s.What), "face_fen", s.Note.Face, "counter", mark.Counter)
	t.placing.Lock()
	err := t.writeCoin(ctx, s, &mark)
	t.placing.Unlock()
	if err != nil {
		return err
	}
	if s.What == cash.Stacked {
		t.retake(ctx)
	}
	if s.What == cash.Ready {
		if err := t.closeLeftOver(ctx, 1); err != nil {
			return err
		}
		if err := t.cameBack(ctx, 1); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.coined = t.coined || s.What == cash.Ready
	t.tell()
	return nil
}

func (t *Till) writeCoin(ctx context.Context, s cash.Signal, mark *casefile.Mark) error {
	switch s.What {
	case cash.Stacked:
		return t.coinTaken(ctx, s, mark)
	case cash.Lost:
		return t.coinsLost(ctx, s, mark)
	}
	if !mark.Known {
		return nil
	}
	seq, _ := t.journal.Head()
	raw, err := json.Marshal(keptMarkValue{Seq: seq, Mark: *mark})
	if err != nil {
		return err
	}
	return t.journal.Keep(ctx, map[string][]byte{keptCoins: raw})
}

func (t *Till) coinTaken(ctx context.Context, s cash.Signal, mark *casefile.Mark) error {
	face := money.Fen(s.Note.Face)
	if face <= 0 || s.Note.Currency != money.CNY {
		caseID, _ := t.untold(1)
		return t.coinUnseen(ctx, caseID, "a coin that cannot be named went into the box", mark)
	}
	t.mu.Lock()
	caseID := t.paying
	t.mu.Unlock()
	if caseID == "" {
		var err error
		if caseID, err = t.stray(ctx); err != nil {
			return err
		}
	}
	return t.journal.Append(ctx, entry(casefile.CoinTaken, caseID, casefile.Header{Face: face, Currency: money.CNY, Store: s.Store, Mark: mark}))
}

// coinsLost says that the coin acceptor's memory is gone: a coin may have gone in of which nobody has told us.
func (t *Till) coinsLost(ctx context.Context, s cash.Signal, mark *casefile.Mark) error {
	asked := "the coin acceptor's event memory was lost"
	if s.Fault != nil && s.Fault.Detail != "" {
		asked = s.Fault.Detail
	}
	var last casefile.Mark
	var at int64
	t.journal.Book(func(b *casefile.Book) { last, at = b.CoinMark, b.CoinSeq })
	caseID, now := t.untold(1)
	if caseID != "" && !now && t.toldBefore(ctx, last, at, mark, casefile.CoinsReset) {
		return nil
	}
	return t.coinUnseen(ctx, caseID, asked, mark)
}

// coinUnseen writes down that a coin may be in the box, or is there, which nobody can name. Staff look for it, and it is owed to who threw it in.
func (t *Till) coinUnseen(ctx context.Context, caseID, asked string, mark *casefile.Mark) error {
	h := casefile.Header{Asked: asked, Mark: mark}
	if caseID != "" {
		h.Owed, h.Reason = "O"+random(12), "while coins were taken"
	}
	return t.journal.Append(ctx, entry(casefile.CoinsReset, caseID, h))
}

// resumeCoins tells the coin acceptor how far its events are written down.
func (t *Till) resumeCoins(ctx context.Context) error {
	var mark casefile.Mark
	var at int64
	t.journal.Book(func(b *casefile.Book) { mark, at = b.CoinMark, b.CoinSeq })
	kept, err := laterMark(ctx, t.journal, keptCoins, mark, at)
	if err != nil {
		return err
	}
	mark = kept.Mark
	t.coins.Resume(cash.Mark{Serial: mark.Serial, Counter: mark.Counter, Known: mark.Known})
	return nil
}

// laterMark is the later of the mark in the records, of record at, and the one that is kept beside them.
func laterMark(ctx context.Context, journal *store.Store, name string, mark casefile.Mark, at int64) (keptMarkValue, error) {
	in := keptMarkValue{Seq: at, Mark: mark}
	raw, err := journal.Kept(ctx, name)
	if err != nil || raw == nil {
		return in, err
	}
	var kept keptMarkValue
	if err := json.Unmarshal(raw, &kept); err != nil {
		return in, fmt.Errorf("till: kept mark %s: %w", name, err)
	}
	if kept.Mark.Known && kept.Seq >= at {
		return kept, nil
	}
	return in, nil
}

// takeCoins lets those coins in that may be taken now. It asks the acceptor only when they have become others: one that
// is away would keep the notes waiting.
func (t *Till) takeCoins(ctx context.Context) {
	faces := t.takenCoins()
	t.mu.Lock()
	same := t.slot != nil && slices.Equal(t.slot, faces)
	t.slot = append([]cash.Note{}, faces...)
	t.mu.Unlock()
	if same {
		return
	}
	err := error(nil)
	if len(faces) == 0 {
		err = t.coins.Refuse(ctx)
	} else {
		err = t.coins.Accept(ctx, faces)
	}
	if fault.Is(err, fault.Invalid) {
		err = t.coins.Refuse(ctx) // it knows none of these, and would go on with those of before
	}
	if err != nil && !fault.Is(err, fault.Absent) {
		t.log.Warn("coins accept", "error", err) // notes are taken all the same
	}
}

// takenCoins is the coins that are taken now.
func (t *Till) takenCoins() (faces []cash.Note) {
	for _, c := range Coins {
		if t.mayTakeCoin(money.Fen(c.Face)) {
			faces = append(faces, c)
		}
	}
	return faces
}

// mayTakeCoin says whether a coin of this face is taken: where change is promised, only if what is too much can be paid
// back, and if after it the promise still holds for a note. A jiao would break it where hoppers have no jiao.
func (t *Till) mayTakeCoin(face money.Fen) bool {
	left, rule, exact := t.toPay()
	switch {
	case !exact:
		return true
	case face < left:
		return t.Promise(left.Sub(face), rule) || !t.Promise(left, rule)
	}
	_, rest := money.Change(face.Sub(max(left, 0)), t.Stock())
	return rest == 0
}

// toPay is what is left to be paid of the case that is paying, the biller's rule, and whether change is promised for it.
func (t *Till) toPay() (left money.Fen, rule string, exact bool) {
	t.mu.Lock()
	caseID, exact := t.paying, t.exact
	t.mu.Unlock()
	t.journal.Book(func(b *casefile.Book) {
		if c := b.Cases[caseID]; c != nil {
			left, rule = c.Due.Sub(c.Visiting), c.Rule
		}
	})
	return left, rule, exact && caseID != ""
}

// stopCoins takes no more coins, and waits for one that was thrown in just now: it cannot be given back.
func (t *Till) stopCoins(ctx context.Context) {
	online := t.coins.State().Online
	t.order(ctx, t.coins.Refuse) // the driver repeats it, also to one that comes back
	if !online {
		return
	}
	wait := time.NewTimer(coinFlight)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}
