package casefile

import (
	"fmt"
	"time"

	"yichuang/kiosk/money"
)

// Closing is the last closing of a day: what was taken in since the one before, and where it went.
type Closing struct {
	Number  int64
	From    time.Time // of the closing before; zero for the first one
	At      time.Time
	Taken   money.Fen // since the closing before
	Total   money.Fen // since the journal began: it never goes back
	Notes   money.Counts
	Coins   money.Counts
	Phone   money.Fen
	Moved   Places // since the closing before; below zero where more has left a place than come
	Stand   Places // at the closing
	Box     string
	Printed bool
	Tried   bool // a paper of it was begun: the next one is a copy

	notes, coins money.Counts // all, at the closing
	phone        money.Fen
}

// Total is all that was surely taken in since the journal began. What is in doubt is not in it, and what was paid back is.
func (b *Book) Total() money.Fen { return b.Stacked.Total().Add(b.Coins.Total()).Add(b.QRPaid) }

// NextClosing is the closing that could be made now.
func (b *Book) NextClosing(at time.Time) Closing {
	last := b.Closing
	return Closing{Number: last.Number + 1, From: last.At, At: at, Total: b.Total(), Taken: b.Total().Sub(last.Total),
		Notes: b.Stacked.Minus(last.notes), Coins: b.Coins.Minus(last.coins), Phone: b.QRPaid.Sub(last.phone), Moved: b.Placed.sub(last.Stand), Stand: b.Placed,
		Box: b.Box.ID, notes: b.Stacked, coins: b.Coins, phone: b.QRPaid}
}

// sub is what has come to each place since.
func (p Places) sub(o Places) Places {
	return Places{Visit: p.Visit.Sub(o.Visit), Bills: p.Bills.Sub(o.Bills), Surplus: p.Surplus.Sub(o.Surplus), Owed: p.Owed.Sub(o.Owed),
		PaidOut: p.PaidOut.Sub(o.PaidOut), Refunded: p.Refunded.Sub(o.Refunded), Doubtful: p.Doubtful.Sub(o.Doubtful)}
}

// dayClosed takes a closing only when it says what the book says at this very place: no money can come between.
func dayClosed(b *Book, at time.Time, e Event, _ int64) error {
	next, h := b.NextClosing(at), e.Header
	if h.Closing != next.Number || h.Amount != next.Taken || h.Total != next.Total {
		return fmt.Errorf("closing %d over %s of %s: want %d over %s of %s", h.Closing, h.Amount, h.Total, next.Number, next.Taken, next.Total)
	}
	b.Closing = next
	return nil
}
