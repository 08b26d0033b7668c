package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"yichuang/cmd/devsim/deskclient"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
)

// hallSays is what of the hall's document a journal can be held against.
type hallSays struct {
	Terminals []struct {
		Cursor, Records, Gaps, Processed, Quarantined int64
	} `json:"terminals"`
	Payments []struct {
		Case   string    `json:"case"`
		Paid   money.Fen `json:"paid_fen"`
		Posted money.Fen `json:"posted_fen"`
	} `json:"payments"`
	Licenses []struct {
		Case string `json:"case"`
		Live int64  `json:"live_originals"`
	} `json:"licenses"`
	Owed []struct {
		ID     string    `json:"id"`
		Amount money.Fen `json:"amount_fen"`
		State  string    `json:"state"`
	} `json:"owed"`
}

// books is what a hall with one journal says of it; nil for a hall with more, whose cases are of several.
func (h hallSays) books() *invariant.HallBooks {
	if len(h.Terminals) != 1 {
		return nil
	}
	s := h.Terminals[0]
	b := &invariant.HallBooks{Cursor: s.Cursor, Records: s.Records, Gaps: s.Gaps, Quarantined: s.Quarantined, Drawn: s.Processed == s.Cursor, Originals: map[string]int64{}}
	for _, p := range h.Payments {
		b.Payments = append(b.Payments, invariant.HallPayment{Case: p.Case, In: p.Paid, Posted: p.Posted})
	}
	for _, o := range h.Owed {
		b.Debts = append(b.Debts, invariant.HallDebt{ID: o.ID, Amount: o.Amount, State: o.State})
	}
	for _, l := range h.Licenses {
		b.Originals[l.Case] = l.Live
	}
	return b
}

// held is what the mechanisms hold; nil where a test lets something be lost that no journal knows of.
func held(l ledger, w deskclient.World, may doubts) *invariant.Held {
	if may.byHand = 0; may != (doubts{}) {
		return nil
	}
	c := w.Cash
	h := &invariant.Held{NotesIn: piles(c.Box, c.Taken, c.Store, c.Paid).Minus(piles(c.Loaded)), NotesBack: piles(c.Returned), CoinsIn: piles(w.Coins.Taken),
		Out: piles(c.Paid), Inside: piles(c.Store), Told: len(l.Stock.Loaded) > 0 || len(w.Payout) == 0}
	for _, kept := range w.Coins.Kept {
		h.CoinsIn = h.CoinsIn.With(piles(kept))
	}
	for _, p := range w.Payout {
		h.Out = h.Out.Plus(money.Fen(p.Face), p.Currency, int64(p.Out))
		h.Inside = h.Inside.Plus(money.Fen(p.Face), p.Currency, int64(p.Inside))
	}
	for _, s := range w.License.Prints {
		if s.Serial != "" {
			h.Blanks++
		}
	}
	return h
}

func piles(lists ...[]deskclient.Face) (out money.Counts) {
	for _, list := range lists {
		for _, f := range list {
			out = out.Plus(money.Fen(f.Face), f.Currency, int64(f.Count))
		}
	}
	return out
}

// invariants goes through the exported journal with every invariant, beside the hall and the mechanisms.
func invariants(ctx context.Context, d *deskclient.Desk, l ledger, w deskclient.World, may doubts) error {
	dir, err := os.MkdirTemp("", "yc-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "log.jsonl")
	exit, err := d.Ctl(ctx, nil, "log", "export", path)
	if err != nil || exit != 0 {
		return errors.Join(err, fmt.Errorf("kioskctl log export: exit %d", exit))
	}
	var says hallSays
	if exit, err = d.HallCommand(ctx, &says, "ledger"); err != nil || exit != 0 {
		return errors.Join(err, fmt.Errorf("halld ledger: exit %d", exit))
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	watch, err := invariant.ReadLines(f)
	if err != nil {
		return err
	}
	watch.Rest(invariant.Rest{Hall: says.books(), Mechanisms: held(l, w, may)})
	for _, r := range watch.Results() {
		if r.Broken > 0 {
			err = errors.Join(err, fmt.Errorf("%s: %s", r.ID, r.Note))
		}
	}
	return err
}
