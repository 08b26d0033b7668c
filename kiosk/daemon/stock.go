package daemon

import (
	"context"
	"fmt"
	"time"

	"yichuang/devices/cash"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/ctl"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// What a technician does with coins and with the pieces that are paid out.

// mendMax is how long a payer may take to be told that it is mended; one that is away is told by its power, when it comes back.
const mendMax = 5 * time.Second

// ExchangeCoins compares the coin box, counted by hand, with the journal, and begins a new one.
func (d *Daemon) ExchangeCoins(ctx context.Context, c ctl.Count) (ctl.Exchange, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	if err := d.ready(); err != nil {
		return ctl.Exchange{}, err
	}
	counted, err := parsePile(c.Counted)
	if err != nil {
		return ctl.Exchange{}, err
	}
	var box casefile.Box
	doubt := false
	d.journal.Book(func(b *casefile.Book) {
		box.Notes = append(box.Notes, b.CoinBox.Notes...)
		for _, u := range b.Unknown {
			doubt = doubt || u.Coin
		}
	})
	if doubt {
		return ctl.Exchange{}, doubtInBox("coinbox exchange", "a coin", counted.Minus(box.Counts()))
	}
	out := ctl.Exchange{Box: "coins", Expected: ctl.Pile(box.Counts()), Counted: counted, Difference: differences(counted, box)}
	h := casefile.Header{Expected: out.Expected, Counted: counted, Who: "technician"}
	return out, d.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.CoinsExchanged, Header: h}})
}

// differences is what the count has more or less of each face, and the events that put those pieces in.
func differences(counted money.Counts, box casefile.Box) []ctl.Difference {
	out := []ctl.Difference{}
	for _, row := range counted.Minus(box.Counts()) {
		diff := ctl.Difference{Face: row.Face, Count: row.Count, Events: []int64{}}
		for _, n := range box.Notes {
			if n.Face == row.Face && n.Currency == row.Currency {
				diff.Events = append(diff.Events, n.Seq)
			}
		}
		out = append(out, diff)
	}
	return out
}

// LoadStock writes down pieces that were put into the payer.
func (d *Daemon) LoadStock(ctx context.Context, l ctl.Pieces) (casefile.Stock, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	pieces, err := d.stockable(l.Pieces)
	if err != nil {
		return casefile.Stock{}, err
	}
	if pieces.Total() == 0 {
		return casefile.Stock{}, &ctl.Refused{Text: "stock load: want pieces such as 1.00x50,0.50x20"}
	}
	h := casefile.Header{Pieces: pieces, Who: "technician"}
	err = d.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.StockLoaded, Header: h}})
	d.mended(ctx)
	return d.stock(), err
}

// mended tells a payer that somebody had his hands in it: one without a sensor for a jam believes in it until then.
func (d *Daemon) mended(ctx context.Context) {
	payer, ok := d.Payer.(cash.Mender)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, mendMax)
	defer cancel()
	if err := payer.Mended(ctx); err != nil {
		d.Log.Warn("payout: told that it is mended", "err", err)
	}
}

// CountStock compares the payer's pieces, counted by hand, with the journal, and goes on from the count.
func (d *Daemon) CountStock(ctx context.Context, c ctl.Count) (ctl.Exchange, error) {
	d.acts.Lock()
	defer d.acts.Unlock()
	counted, err := d.stockable(c.Counted)
	if err != nil {
		return ctl.Exchange{}, err
	}
	if err := d.countable(); err != nil {
		return ctl.Exchange{}, err
	}
	inside := d.stock().Inside
	out := ctl.Exchange{Box: "stock", Expected: inside, Counted: ctl.Pile(counted), Difference: differences(counted.Minus(inside), casefile.Box{})}
	h := casefile.Header{Expected: inside, Counted: counted, Who: "technician"}
	err = d.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.StockCounted, Header: h}})
	d.mended(ctx)
	return out, err
}

// stockable reads a pile for the payer. While it pays nothing can be counted.
func (d *Daemon) stockable(text string) (money.Counts, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	pieces, err := parsePile(text)
	if err != nil {
		return nil, err
	}
	busy := false
	d.journal.Book(func(b *casefile.Book) { busy = b.OpenPayout() != nil })
	if busy {
		return nil, &ctl.Refused{Text: "stock: a payout has not ended; wait until the payer has said what came out"}
	}
	return pieces, nil
}

// countable refuses a count that would tell of pieces which the journal is yet to be told of in another way: then it
// would have them twice.
func (d *Daemon) countable() error {
	moving, unsure := false, money.Counts{}
	d.journal.Book(func(b *casefile.Book) { moving, unsure = b.OpenNote() != nil, b.Stock.Unsure })
	switch {
	case moving:
		return &ctl.Refused{Text: "stock count: a note is on its way, and may go to where it is paid out again; count when it has arrived"}
	case len(unsure) > 0:
		return &ctl.Refused{Text: fmt.Sprintf("stock count: of %v it is in doubt whether they came out; settle that first (doubtful settle), as kept when they are here and as paid when not", unsure)}
	}
	return nil
}

func (d *Daemon) stock() (s casefile.Stock) {
	d.journal.Book(func(b *casefile.Book) { s = ctl.StockOf(b) })
	return s
}
