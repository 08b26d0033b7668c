package ctl

import (
	"slices"
	"strings"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// LedgerOf is the ledger of a book. What it says of the journal itself is the caller's to add.
func LedgerOf(b *casefile.Book) (l Ledger) {
	l.Notes.Stacked, l.Notes.Returned, l.Notes.Doubtful = Pile(b.Stacked), Pile(b.Returned), Pile(b.Doubtful)
	l.In.Stacked, l.In.QRPaid = b.StackedFen, b.QRPaid
	l.Coins, l.Stock = Pile(b.Coins), StockOf(b)
	l.Placed, l.Blanks, l.OpenBegun = b.Placed, b.Blanks, b.OpenBegun()
	l.Licenses = licenses(b)
	return l
}

// Pile is a pile as a document has it: an empty list, not null.
func Pile(c money.Counts) money.Counts {
	if c == nil {
		return money.Counts{}
	}
	return slices.Clone(c)
}

// StockOf is the stock of a book as a document has it.
func StockOf(b *casefile.Book) casefile.Stock {
	s := b.Stock
	return casefile.Stock{Inside: Pile(s.Inside), Loaded: Pile(s.Loaded), Stored: Pile(s.Stored), Paid: Pile(s.Paid), Unsure: Pile(s.Unsure), TakenOut: Pile(s.TakenOut)}
}

func licenses(b *casefile.Book) []License {
	byCase := map[string]*License{}
	for _, s := range b.Sheets {
		if s.State != casefile.LicensePrinted {
			continue
		}
		l := byCase[s.Case]
		if l == nil {
			l = &License{Case: s.Case, Number: s.License}
			byCase[s.Case] = l
		}
		if s.Form == "original" {
			l.LiveOriginals++
		}
		l.Serials = append(l.Serials, s.Serial)
	}
	out := []License{}
	for _, l := range byCase {
		slices.Sort(l.Serials)
		out = append(out, *l)
	}
	slices.SortFunc(out, func(x, y License) int { return strings.Compare(x.Case, y.Case) })
	return out
}
