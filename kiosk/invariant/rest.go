package invariant

import (
	"reflect"
	"slices"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// Totals are what a program has added up at one instant. TotalsOf takes them; they share nothing with the book.
type Totals struct {
	Seq                                int64
	Placed                             casefile.Places
	In, ByPhone                        money.Fen
	Stacked, Returned, Doubtful, Coins money.Counts
	Stock                              casefile.Stock
	Blanks                             casefile.Blanks
	Open, Cases, Owed                  int
	NextNote                           int64
	Visit, CashOpen                    string
}

// TotalsOf looks at a book.
func TotalsOf(b *casefile.Book) Totals {
	s := b.Stock
	return Totals{Seq: b.Seq, Placed: b.Placed, In: b.StackedFen, ByPhone: b.QRPaid, Stacked: same(b.Stacked), Returned: same(b.Returned), Doubtful: same(b.Doubtful), Coins: same(b.Coins),
		Stock:  casefile.Stock{Inside: same(s.Inside), Loaded: same(s.Loaded), Stored: same(s.Stored), Paid: same(s.Paid), Unsure: same(s.Unsure), TakenOut: same(s.TakenOut)},
		Blanks: b.Blanks, Open: b.OpenBegun(), Cases: len(b.Cases), Owed: len(b.Owed), NextNote: b.NextNote, Visit: b.Visit, CashOpen: b.CashOpen}
}

// same is a pile of its own. Of nothing there are two in Go, and a record has no place for the difference.
func same(pile money.Counts) money.Counts { return append(money.Counts(nil), pile...) }

// Expect tells what the running program has added up. It is compared when the watch has come to that event; Rest says
// when it never does.
func (w *Watch) Expect(t Totals) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, t)
	w.expect()
}

func (w *Watch) expect() {
	if w.book == nil {
		return
	}
	w.expected = slices.DeleteFunc(w.expected, func(t Totals) bool {
		if t.Seq != w.tally.seq {
			return false
		}
		got := TotalsOf(w.book)
		w.found("book.replays", reflect.DeepEqual(got, t), "the journal gives %+v and the program has %+v", got, t)
		return true
	})
}

// Rest is what others say at the end of a journal, or at an instant at which nothing is on its way. What is nil is not known, and not compared.
type Rest struct {
	Quiet      bool // nobody stands there, and everything that was begun has had its time
	Cursor     int64
	Hall       *HallBooks
	Mechanisms *Held
}

// HallBooks is what the hall's books say of this journal and its cases.
type HallBooks struct {
	Cursor, Records, Gaps, Quarantined int64
	Hash                               string // of the record at the cursor as the hall has it; "" when it was not asked
	Drawn                              bool   // everything past the cursor too: nothing waits here, and the hall has drawn its consequences
	Payments                           []HallPayment
	Debts                              []HallDebt
	Originals                          map[string]int64 // by case: how many are out
}

// HallPayment is the money of one case at the hall.
type HallPayment struct {
	Case       string
	In, Posted money.Fen
}

// HallDebt is a debt of one of these cases at the hall.
type HallDebt struct {
	ID     string
	Amount money.Fen
	State  string // open, paid, doubtful, void
}

// Held is what the mechanisms hold and have given, counted from the beginning of the journal.
type Held struct {
	NotesIn, NotesBack money.Counts // that people put in and that stayed, wherever; that they got back
	CoinsIn            money.Counts
	Out                money.Counts // pieces that came out
	Inside             money.Counts // pieces that can come out
	Told               bool         // the journal was told of all that staff put inside
	Blanks             int64        // numbered blanks that left the trays by themselves
}

// Rest compares the journal with what others say.
func (w *Watch) Rest(told Rest) []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = nil
	l := &look{tally: w.tally, book: w.book, r: &casefile.Record{}, sense: w.sense, told: told}
	w.check(l, func(i Invariant) func(*look) {
		if !w.sense && i.Needs != Program {
			return nil
		}
		return i.rest
	})
	for _, t := range w.expected {
		w.found("book.replays", false, "the journal ends at event %d and the program is at %d, or the events cannot follow", w.tally.seq, t.Seq)
	}
	w.expected = nil
	return w.broken
}

// bookHolds is the book's own judgement. It walks over all cases, so that it is asked at rest alone.
func bookHolds(l *look) {
	if l.book != nil {
		bad := l.book.Check()
		l.see(len(bad) == 0, "%v", bad)
	}
}

func allEnded(l *look) {
	if !l.told.Quiet {
		return
	}
	orders := 0
	for _, m := range l.matters {
		orders += m.ordersOpen
	}
	l.see(l.notesOpen == 0 && l.payoutOpen == 0 && l.papersOpen == 0 && orders == 0 && l.sheetsOpen == 0, "%d notes, %d payouts, %d papers, %d orders, %d sheets have no end",
		l.notesOpen, l.payoutOpen, l.papersOpen, orders, l.sheetsOpen)
}

func visitOver(l *look) {
	if l.told.Quiet {
		l.see(l.visit == "" && l.cashOpen == "", "visit %q has not ended; notes are taken for %q", l.visit, l.cashOpen)
	}
}

func nothingLeft(l *look) {
	if l.told.Quiet {
		l.see(l.placed.Visit == 0, "%s has no place", l.placed.Visit)
	}
}

func hallCursor(l *look) {
	if h := l.told.Hall; h != nil {
		ok := h.Cursor <= l.seq && h.Records == h.Cursor && h.Gaps == 0 && h.Quarantined == 0 && l.told.Cursor <= h.Cursor
		l.see(ok && (!h.Drawn || h.Cursor == l.seq), "%d records here, %d acknowledged; the hall is at %d with %d records, %d gaps, %d in quarantine", l.seq, l.told.Cursor, h.Cursor, h.Records, h.Gaps, h.Quarantined)
	}
}

func hallSame(l *look) {
	if h := l.told.Hall; h != nil && h.Hash != "" && h.Cursor == l.seq {
		l.see(h.Hash == l.hash, "event %d: %s at the hall and %s here", l.seq, h.Hash, l.hash)
	}
}

// drawn is what the hall's books can be compared with: everything is there.
func (l *look) drawn() *HallBooks {
	if h := l.told.Hall; h != nil && h.Drawn && h.Cursor == l.seq {
		return h
	}
	return nil
}

func hallMoney(l *look) {
	h := l.drawn()
	if h == nil {
		return
	}
	there := map[string]money.Fen{}
	for _, p := range h.Payments {
		there[p.Case] = there[p.Case].Add(p.In)
	}
	for id, m := range l.matters {
		l.see(there[id] == m.ever, "case %s: %s came in here, and %s at the hall", id, m.ever, there[id])
		delete(there, id)
	}
	for id, in := range there {
		l.see(in == 0, "case %s: %s came in at the hall, and here nothing is known of it", id, in)
	}
}

// hallRefused: nobody gets money back for a bill that is booked.
func hallRefused(l *look) {
	h := l.drawn()
	if h == nil {
		return
	}
	for _, p := range h.Payments {
		if m := l.matters[p.Case]; m != nil && (m.booked == casefile.BillRefused || m.booked == casefile.BillRefunded) {
			l.see(p.Posted == 0, "case %s: %s here, and %s is booked", p.Case, m.booked, p.Posted)
		}
	}
}

// hallDebts: a debt is the same at both ends. The hall may know that another terminal has paid it.
func hallDebts(l *look) {
	h := l.drawn()
	if h == nil {
		return
	}
	there := map[string]HallDebt{}
	for _, d := range h.Debts {
		there[d.ID] = d
	}
	for id, d := range l.debts {
		other, known := there[id]
		same := other.State == "paid" || !d.paid && other.State == "open" && other.Amount == d.amount
		l.see(known && same || d.paid && d.amount == 0, "%s: %+v here, and %+v at the hall", id, *d, other)
	}
	for id, other := range there {
		if other.State == "open" {
			d := l.debts[id]
			l.see(d != nil && !d.paid, "%s: %s is open at the hall, and not here", id, other.Amount)
		}
	}
}

func hallOriginals(l *look) {
	h := l.drawn()
	if h == nil {
		return
	}
	for id, n := range h.Originals {
		l.see(n <= 1, "case %s has %d originals", id, n)
	}
	for _, s := range l.sheets {
		if s.form == "original" && s.state == casefile.LicensePrinted {
			l.see(h.Originals[s.caseID] == 1, "case %s: %s is out, and the hall has %d originals", s.caseID, s.serial, h.Originals[s.caseID])
		}
	}
}

// between says whether a pile has at least what is sure and at most what may be besides. unseen pieces of any face may be more.
func between(pile, sure, perhaps money.Counts, unseen int) bool {
	more := pile.Minus(sure)
	if !whole(more) {
		return false
	}
	var over int64
	for _, row := range more.Minus(perhaps) {
		over += max(row.Count, 0)
	}
	return over <= int64(unseen)
}

// unseen counts what nobody saw.
func (t *tally) unseen(coin bool) (n int) {
	for _, is := range t.unknown {
		if is == coin {
			n++
		}
	}
	return n
}

func heldNotes(l *look) {
	if h := l.told.Mechanisms; h != nil {
		l.see(between(h.NotesIn, l.stacked, l.doubtful, l.unseen(false)), "the journal has stacked %v and %v in doubt, and the mechanism kept %v", l.stacked, l.doubtful, h.NotesIn)
		l.see(whole(h.NotesBack.Minus(l.returned)), "the journal has returned %v, and the mechanism %v", l.returned, h.NotesBack)
	}
}

func heldCoins(l *look) {
	if h := l.told.Mechanisms; h != nil {
		l.see(between(h.CoinsIn, l.coins, nil, l.unseen(true)), "the journal has %v, and the mechanism kept %v", l.coins, h.CoinsIn)
	}
}

func heldPieces(l *look) {
	h := l.told.Mechanisms
	if h == nil {
		return
	}
	l.see(between(h.Out, l.stock.Paid, l.stock.Unsure, 0), "the journal has %v paid and %v in doubt, and %v came out", l.stock.Paid, l.stock.Unsure, h.Out)
	if h.Told {
		l.see(between(h.Inside, l.stock.Inside, l.stock.Unsure.With(l.doubtful), l.unseen(false)+l.unseen(true)), "the journal has %v inside and %v in doubt, and the mechanism %v", l.stock.Inside, l.stock.Unsure, h.Inside)
	}
}

func heldBlanks(l *look) {
	if h := l.told.Mechanisms; h != nil {
		k := l.blanks
		sure := k.Issued + k.Void - l.byHand
		l.see(h.Blanks >= sure && h.Blanks <= sure+k.Doubtful, "%d blanks left the trays; %+v, %d of them by hand", h.Blanks, k, l.byHand)
	}
}
