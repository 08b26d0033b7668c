package press

import (
	"context"
	"errors"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

// closeTries is how often a closing is made anew because money came in between its sums and its record.
const closeTries = 5

// Close closes the day: the closing is written down first, and is true from then on; then it is printed. One that was written down
// and did not come out, because the power went or the paper was out, is the one that is printed the next time, and no other is made.
// again says that nothing was done: this day's closing is out, and no money has moved since. What hinders the paper is the error;
// the closing stands all the same. Only one call at a time.
func (p *Press) Close(ctx context.Context, head document.Head, lang document.Lang, who string) (c casefile.Closing, again bool, err error) {
	var last, next casefile.Closing
	look := func() {
		now := p.Journal.Now()
		p.Journal.Book(func(b *casefile.Book) { last, next = b.Closing, b.NextClosing(now) })
	}
	look()
	if closed(last, next) {
		return last, true, nil
	}
	for n := 0; last.Number == 0 || last.Printed; n++ {
		h := casefile.Header{Closing: next.Number, Amount: next.Taken, Total: next.Total, Who: who}
		err := p.append(ctx, casefile.DayClosed, "", h)
		if err != nil && (errors.Is(err, store.ErrBroken) || n == closeTries) {
			return last, false, err
		}
		look()
	}
	err = p.Paper(ctx, "", casefile.PaperClosing, "", closingPaper(last, head, lang), last.Tried)
	look()
	return last, false, err
}

// closed says whether the last closing is out and the next one would be of the same day and without money.
func closed(last, next casefile.Closing) bool {
	return last.Number > 0 && last.Printed && next.Taken == 0 && next.Moved == (casefile.Places{}) && document.SameDay(last.At, next.At)
}

func closingPaper(c casefile.Closing, head document.Head, lang document.Lang) document.Paper {
	head.Time, head.Copy = c.At, c.Tried
	return document.Closing{Head: head, Running: c.Number, From: c.From, Box: c.Box, Notes: piles(c.Notes), Coins: piles(c.Coins), Phone: c.Phone, Taken: c.Taken,
		Bills: c.Moved.Bills, Surplus: c.Moved.Surplus, PaidOut: c.Moved.PaidOut, Refunded: c.Moved.Refunded,
		Owed: c.Stand.Owed, Doubtful: c.Stand.Doubtful, Waiting: c.Stand.Visit, Total: c.Total}.Paper(lang)
}

func piles(counts money.Counts) (out []document.Pile) {
	for _, row := range counts {
		out = append(out, document.Pile{Face: row.Face, Count: row.Count})
	}
	return out
}
