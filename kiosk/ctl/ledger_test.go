package ctl

import (
	"encoding/json"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// ledgerBook is a book in which every figure is another one.
func ledgerBook() *casefile.Book {
	pile := func(face money.Fen, n int64) money.Counts { return money.Counts{}.Plus(face, money.CNY, n) }
	b := casefile.NewBook()
	b.Stacked, b.Returned, b.Doubtful, b.Coins = pile(100, 2), pile(500, 3), pile(1000, 4), pile(50, 5)
	b.StackedFen, b.QRPaid = 6, 7
	b.Placed = casefile.Places{Visit: 8, Bills: 9, Surplus: 10, Owed: 11, PaidOut: 12, Refunded: 13, Doubtful: 14}
	b.Stock = casefile.Stock{Inside: pile(100, 15), Loaded: pile(100, 16), Stored: pile(100, 17), Paid: pile(100, 18), Unsure: pile(100, 19), TakenOut: pile(100, 20)}
	b.Blanks = casefile.Blanks{Received: 21, Issued: 22, Void: 23, InTray: 24, Doubtful: 25}
	b.Papers["p"] = &casefile.Paper{ID: "p"}
	for i, s := range []casefile.Sheet{
		{Case: "c2", License: "L2", Form: "original", Serial: "A3", State: casefile.LicensePrinted},
		{Case: "c2", License: "L2", Form: "duplicate", Serial: "A1", State: casefile.LicensePrinted},
		{Case: "c1", License: "L1", Form: "duplicate", Serial: "A2", State: casefile.LicensePrinted},
		{Case: "c3", License: "L3", Form: "original", Serial: "A4", State: casefile.LicenseSpoiled},
		{Case: "c3", License: "L3", Form: "original", Serial: "A5", State: casefile.LicensePrinting},
		{Case: "c3", License: "L3", Form: "original", Serial: "A6", State: casefile.LicenseDoubtful},
	} {
		s.Permit, s.Since = string(rune('a'+i)), time.Unix(0, 0)
		b.Sheets[s.Permit] = &s
	}
	return b
}

// The document is the book's figures, each in its place; only printed sheets are live, and only originals are counted.
func TestLedgerOfABook(t *testing.T) {
	raw, err := json.Marshal(LedgerOf(ledgerBook()))
	if err != nil {
		t.Fatal(err)
	}
	f := func(face, n string) string { return `[{"face_fen":` + face + `,"currency":"CNY","count":` + n + `}]` }
	want := `{"notes":{"stacked":` + f("100", "2") + `,"returned":` + f("500", "3") + `,"doubtful":` + f("1000", "4") + `},"in_fen":{"stacked":6,"qr_paid":7},"coins":` + f("50", "5") +
		`,"stock":{"inside":` + f("100", "15") + `,"loaded":` + f("100", "16") + `,"stored":` + f("100", "17") + `,"paid":` + f("100", "18") + `,"unsure":` + f("100", "19") + `,"taken_out":` + f("100", "20") + `}` +
		`,"placed_fen":{"visit":8,"bills":9,"surplus":10,"owed":11,"paid_out":12,"refunded":13,"doubtful":14},"blanks":{"received":21,"issued":22,"void":23,"in_tray":24,"doubtful":25}` +
		`,"licenses":[{"case":"c1","number":"L1","live_originals":0,"serials":["A2"]},{"case":"c2","number":"L2","live_originals":1,"serials":["A1","A3"]}],"open_begun":2,"journal":{"head":0,"hash":"","chain":""}}`
	if string(raw) != want {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
}

// Of an empty book every list is empty and not null: whoever reads the document goes through them.
func TestLedgerOfAnEmptyBook(t *testing.T) {
	raw, err := json.Marshal(LedgerOf(casefile.NewBook()))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"notes":{"stacked":[],"returned":[],"doubtful":[]},"in_fen":{"stacked":0,"qr_paid":0},"coins":[],"stock":{"inside":[],"loaded":[],"stored":[],"paid":[],"unsure":[],"taken_out":[]},` +
		`"placed_fen":{"visit":0,"bills":0,"surplus":0,"owed":0,"paid_out":0,"refunded":0,"doubtful":0},"blanks":{"received":0,"issued":0,"void":0,"in_tray":0,"doubtful":0},"licenses":[],"open_begun":0,"journal":{"head":0,"hash":"","chain":""}}`
	if string(raw) != want {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
}

// A document that was given out does not change with the book.
func TestLedgerIsACopy(t *testing.T) {
	b := ledgerBook()
	l := LedgerOf(b)
	b.Stacked[0].Count, b.Stock.Inside[0].Count = 99, 99
	if l.Notes.Stacked[0].Count != 2 || l.Stock.Inside[0].Count != 15 {
		t.Errorf("the document has changed with the book: %+v, %+v", l.Notes.Stacked, l.Stock.Inside)
	}
}
