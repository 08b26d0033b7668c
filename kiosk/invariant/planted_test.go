package invariant

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// What is planted here is what others say of a good life, or what the program would have added up wrongly.

// seen is a watch that has gone through the life up to a name without finding anything.
func seen(t *testing.T, until string) *Watch {
	t.Helper()
	w := New(terminal, epoch)
	for _, r := range life(t, until).records {
		if found := w.See(r); len(found) > 0 {
			t.Fatal(found)
		}
	}
	return w
}

func pile(rows ...int64) (c money.Counts) {
	for i := 0; i < len(rows); i += 2 {
		c = c.Plus(money.Fen(rows[i]), money.CNY, rows[i+1])
	}
	return c
}

// goodHall is what the hall says of the life up to "over".
func goodHall(w *Watch) *HallBooks {
	n := w.Seq()
	return &HallBooks{Cursor: n, Records: n, Hash: w.tally.hash, Drawn: true,
		Payments: []HallPayment{{"a", 10100, 7000}, {"q", 5050, 0}, {"x", 200, 0}, {"d", 7050, 0}, {"r", 1000, 0}},
		Debts: []HallDebt{{"O1", 100, "open"}, {"Y1", 3000, "paid"}, {"O2", 2000, "paid"}, {"O3", 4000, "open"}, {"Y2", 500, "paid"}, {"O4", 500, "open"},
			{"O6", 50, "open"}, {"O7", 1000, "open"}},
		Originals: map[string]int64{"l": 1}}
}

// goodHeld is what the mechanisms hold after the life up to "unsure".
func goodHeld() *Held {
	return &Held{NotesIn: pile(10000, 1, 5000, 1, 2000, 1), NotesBack: pile(500, 1), CoinsIn: pile(100, 1), Out: pile(100, 35),
		Inside: pile(100, 25, 5000, 1), Told: true, Blanks: 3}
}

var planted = []struct {
	name, id, until string
	tell            func(w *Watch) []Violation
}{
	{"a place of the book", "money.balance", "settled", nextAfter(func(b *casefile.Book) { b.Placed.Bills++ })},
	{"what came in", "money.balance", "settled", nextAfter(func(b *casefile.Book) { b.StackedFen++ })},
	{"what came by phone", "money.balance", "settled", nextAfter(func(b *casefile.Book) { b.QRPaid++ })},
	{"a note in doubt that is not", "money.faces", "held", nextAfter(func(b *casefile.Book) { b.Doubtful = pile(100, 1) })},
	{"a note more", "money.faces", "held", nextAfter(func(b *casefile.Book) { b.Stacked = pile(100, 1) })},
	{"a note more that went back", "money.faces", "held", nextAfter(func(b *casefile.Book) { b.Returned = pile(100, 1) })},
	{"a coin more", "money.faces", "held", nextAfter(func(b *casefile.Book) { b.Coins = pile(100, 1) })},
	{"pieces inside", "stock.balance", "paying", nextAfter(func(b *casefile.Book) { b.Stock.Inside = nil })},
	{"pieces paid", "stock.balance", "paying", nextAfter(func(b *casefile.Book) { b.Stock.Paid = pile(100, 1) })},
	{"pieces in doubt", "stock.balance", "paying", nextAfter(func(b *casefile.Book) { b.Stock.Unsure = pile(100, 1) })},
	{"blanks issued", "blanks.balance", "sheet", nextAfter(func(b *casefile.Book) { b.Blanks.Issued++ })},
	{"the book's own sums", "book.holds", "", func(w *Watch) []Violation {
		w.book.Cases["a"].Visiting++
		return w.Rest(Rest{})
	}},
	{"the program has another place", "book.replays", "settled", func(w *Watch) []Violation {
		t := TotalsOf(w.book)
		t.Placed.Owed++
		w.Expect(t)
		return w.broken
	}},
	{"the program has more than the disk", "book.replays", "settled", func(w *Watch) []Violation {
		t := TotalsOf(w.book)
		t.Seq++
		w.Expect(t)
		return w.Rest(Rest{})
	}},
	{"a record is gone after a restart", "journal.keeps", "settled", func(w *Watch) []Violation {
		found, _ := w.Again(context.Background(), stored(life(&testing.T{}, "closed").records))
		return found
	}},
	{"a record is another after a restart", "journal.keeps", "open", func(w *Watch) []Violation {
		j := life(&testing.T{}, "chosen")
		j.write(`cash.opened b {}`)
		found, _ := w.Again(context.Background(), stored(j.records))
		return found
	}},
	{"a note on its way", "rest.ended", "held", quiet("rest.visit", "rest.placed")},
	{"a payout", "rest.ended", "paying", quiet("rest.visit")},
	{"a paper", "rest.ended", "printing", quiet("rest.visit")},
	{"a sheet", "rest.ended", "sheet", quiet("rest.visit")},
	{"an order", "rest.ended", "ordered", quiet("rest.visit")},
	{"a visit", "rest.visit", "visiting", quiet()},
	{"notes are taken", "rest.visit", "open", quiet()},
	{"money without a place", "rest.placed", "closed", quiet("rest.visit")},

	{"a note in doubt", "doubt.needed", "fourth", doubt("note.doubtful", NoteMemory)},
	{"a note that nobody saw", "doubt.needed", "unsure", doubt("acceptor.reset", NoteMemory)},
	{"a coin that nobody saw", "doubt.needed", "unseen", doubt("coins.reset", CoinMemory)},
	{"a sheet in doubt", "doubt.needed", "fourthsheet", doubt("license.doubtful", SheetMemory)},
	{"pieces in doubt", "doubt.needed", "secondpay", doubt("payout.doubtful", PayerMemory)},

	{"more than there is", "hall.cursor", "", hall(func(h *HallBooks) { h.Cursor++; h.Records++ })},
	{"less, and nothing waits", "hall.cursor", "", hall(func(h *HallBooks) { h.Cursor--; h.Records-- })},
	{"a record twice", "hall.cursor", "", hall(func(h *HallBooks) { h.Records++ })},
	{"a gap", "hall.cursor", "", hall(func(h *HallBooks) { h.Gaps++ })},
	{"quarantine", "hall.cursor", "", hall(func(h *HallBooks) { h.Quarantined++ })},
	{"acknowledged and not there", "hall.cursor", "", func(w *Watch) []Violation { return w.Rest(Rest{Cursor: w.Seq() + 1, Hall: goodHall(w)}) }},
	{"another record", "hall.same", "", hall(func(h *HallBooks) { h.Hash = "00" })},
	{"more money", "hall.money", "", hall(func(h *HallBooks) { h.Payments[0].In++ })},
	{"a case that is not there", "hall.money", "", hall(func(h *HallBooks) { h.Payments = h.Payments[1:] })},
	{"a case that is not here", "hall.money", "", hall(func(h *HallBooks) { h.Payments = append(h.Payments, HallPayment{"z", 1, 0}) })},
	{"booked and owed", "hall.refused", "", hall(func(h *HallBooks) { h.Payments[4].Posted = 1000 })},
	{"booked and refunded", "hall.refused", "", hall(func(h *HallBooks) { h.Payments[1].Posted = 5050 })},
	{"a debt that is not there", "hall.debts", "", hall(func(h *HallBooks) { h.Debts = h.Debts[1:] })},
	{"a debt of another amount", "hall.debts", "", hall(func(h *HallBooks) { h.Debts[0].Amount++ })},
	{"a debt that is paid here", "hall.debts", "", hall(func(h *HallBooks) { h.Debts[2].State = "open" })},
	{"a debt in doubt there", "hall.debts", "", hall(func(h *HallBooks) { h.Debts[5].State = "doubtful" })},
	{"a debt that is not here", "hall.debts", "", hall(func(h *HallBooks) { h.Debts = append(h.Debts, HallDebt{"O9", 1, "open"}) })},
	{"two originals", "hall.originals", "", hall(func(h *HallBooks) { h.Originals["z"] = 2 })},
	{"no original", "hall.originals", "", hall(func(h *HallBooks) { h.Originals = nil })},

	{"a note less", "held.notes", "unsure", held(func(h *Held) { h.NotesIn = pile(10000, 1, 2000, 1) })},
	{"a note more", "held.notes", "unsure", held(func(h *Held) { h.NotesIn = h.NotesIn.With(pile(100, 1)) })},
	{"two of the doubtful one", "held.notes", "unsure", held(func(h *Held) { h.NotesIn = h.NotesIn.With(pile(2000, 1)) })},
	{"a note that did not come back", "held.notes", "unsure", held(func(h *Held) { h.NotesBack = nil })},
	{"a coin less", "held.coins", "unsure", held(func(h *Held) { h.CoinsIn = nil })},
	{"a coin more", "held.coins", "unsure", held(func(h *Held) { h.CoinsIn = pile(100, 2) })},
	{"a coin where a note was not seen", "held.coins", "unseen", held(func(h *Held) { h.CoinsIn = pile(100, 2) })},
	{"a piece less came out", "held.pieces", "unsure", held(func(h *Held) { h.Out = pile(100, 34) })},
	{"a piece more came out", "held.pieces", "unsure", held(func(h *Held) { h.Out = pile(100, 41) })},
	{"a piece less is inside", "held.pieces", "unsure", held(func(h *Held) { h.Inside = pile(100, 19, 5000, 1) })},
	{"a piece more is inside", "held.pieces", "unsure", held(func(h *Held) { h.Inside = pile(100, 26, 5000, 1) })},
	{"a blank less", "held.blanks", "unsure", held(func(h *Held) { h.Blanks-- })},
	{"a blank more", "held.blanks", "unsure", held(func(h *Held) { h.Blanks++ })},
}

// nextAfter spoils the book and sees the event that comes next.
func nextAfter(spoil func(b *casefile.Book)) func(*Watch) []Violation {
	return func(w *Watch) []Violation {
		spoil(w.book)
		return w.See(life(&testing.T{}, "").records[w.Seq()])
	}
}

// quiet says that nothing is on its way. What else that breaks is named.
func quiet(also ...string) func(*Watch) []Violation {
	return func(w *Watch) []Violation {
		return slices.DeleteFunc(w.Rest(Rest{Quiet: true}), func(v Violation) bool { return slices.Contains(also, v.ID) })
	}
}

// doubt sees the doubtful event that comes next, once after its memory was lost and once after others were.
func doubt(kind casefile.Kind, m Memory) func(*Watch) []Violation {
	return func(w *Watch) []Violation {
		next := life(&testing.T{}, "").records[w.Seq()]
		if next.Kind != kind {
			return []Violation{{ID: string(next.Kind)}}
		}
		w.TellMemories()
		for _, other := range []Memory{NoteMemory, CoinMemory, PayerMemory, SheetMemory} {
			if other != m {
				w.Lost(other)
			}
		}
		found := w.See(next)
		w.book = nil // it does not take the same event twice
		again := func() (needed bool) {
			next.Seq, next.Prev = next.Seq+1, next.Hash
			next.Hash = next.Sum()
			return slices.Contains(names(w.See(next)), "doubt.needed")
		}
		w.Lost(m)
		if again() {
			found = append(found, Violation{ID: "after a loss"})
		}
		if !again() {
			found = append(found, Violation{ID: "a second time after one loss"})
		}
		return found
	}
}

func hall(spoil func(h *HallBooks)) func(*Watch) []Violation {
	return func(w *Watch) []Violation {
		h := goodHall(w)
		if found := w.Rest(Rest{Cursor: w.Seq(), Hall: h}); len(found) > 0 {
			return found
		}
		spoil(h)
		return w.Rest(Rest{Cursor: min(w.Seq(), h.Cursor), Hall: h})
	}
}

func held(spoil func(h *Held)) func(*Watch) []Violation {
	return func(w *Watch) []Violation {
		h := goodHeld()
		if found := w.Rest(Rest{Mechanisms: h}); len(found) > 0 {
			return found
		}
		spoil(h)
		return w.Rest(Rest{Mechanisms: h})
	}
}

// Each thing that is planted breaks one invariant, and only that.
func TestPlanted(t *testing.T) {
	for _, p := range planted {
		w := seen(t, p.until)
		if found := p.tell(w); !slices.Equal(names(found), []string{p.id}) {
			t.Errorf("%s: got %v, want %s", p.name, found, p.id)
		}
		for _, r := range w.Results() {
			if r.ID == p.id && r.Broken == 0 || r.Broken > r.Checked {
				t.Errorf("%s: %+v", p.name, r)
			}
		}
		if found := w.Rest(Rest{}); p.id == "book.replays" && len(found) > 0 {
			t.Errorf("%s: asked once more: %v", p.name, found)
		}
	}
}

// No invariant is without a life or an input that it is shown to fire on.
func TestEveryInvariantIsShownToFire(t *testing.T) {
	shown := map[string]bool{}
	for _, s := range stories(t) {
		for _, id := range s.breaks {
			shown[id] = true
		}
	}
	for _, p := range planted {
		shown[p.id] = true
	}
	for _, i := range All {
		if !shown[i.ID] {
			t.Errorf("nothing shows that %s fires", i.ID)
		}
		delete(shown, i.ID)
	}
	for id := range shown {
		t.Errorf("%s is shown to fire, and there is no such invariant", id)
	}
}

// Who tells of every loss finds nothing where each doubt has one; what is no doubt needs none.
func TestEachDoubtHasItsLoss(t *testing.T) {
	j := life(t, "")
	j.write(`acceptor.reset - {"asked":"reset"}`)
	j.write(`coins.reset - {"asked":"reset"}`)
	for _, told := range []bool{true, false} {
		w := New(terminal, epoch)
		w.TellMemories()
		for m, n := range map[Memory]int{NoteMemory: 2, CoinMemory: 1, PayerMemory: 1, SheetMemory: 1} {
			for range n {
				if told {
					w.Lost(m)
				}
			}
		}
		var found []Violation
		for _, r := range j.records {
			found = append(found, w.See(r)...)
		}
		if want := map[bool]int{true: 0, false: 5}[told]; len(found) != want {
			t.Errorf("losses are told %v: got %v, want %d", told, found, want)
		}
	}
}

// What is told only in part is compared as far as it goes.
func TestWhatIsNotToldIsNotCompared(t *testing.T) {
	w := seen(t, "")
	h := goodHall(w)
	h.Cursor, h.Records, h.Drawn, h.Hash, h.Payments, h.Debts, h.Originals = 5, 5, false, "00", nil, nil, nil
	if found := w.Rest(Rest{Cursor: 4, Hall: h}); len(found) > 0 {
		t.Errorf("a hall that is behind: %v", found)
	}
	if found := w.Rest(Rest{Quiet: true, Hall: goodHall(w)}); len(found) > 0 {
		t.Errorf("at rest: %v", found)
	}
	j := life(t, "settled")
	j.write(`payout.begun a {"payout":"Y1","owed":"O1","amount_fen":3100,"pieces":[{"face_fen":100,"currency":"CNY","count":31}]}`)
	j.write(`payout.ended a {"payout":"Y1","amount_fen":3100,"pieces":[{"face_fen":100,"currency":"CNY","count":31}]}`)
	w, _, found := watched(j)
	paid := &HallBooks{Cursor: w.Seq(), Records: w.Seq(), Drawn: true, Payments: []HallPayment{{"a", 10100, 7000}}, Debts: []HallDebt{{"O1", 0, "void"}, {"Y1", 3100, "paid"}}}
	if found = append(found, w.Rest(Rest{Hall: paid})...); len(found) > 0 {
		t.Errorf("a debt that was paid out whole: %v", found)
	}
	w = seen(t, "unsure")
	m := goodHeld()
	m.Told, m.Inside = false, nil
	if found := w.Rest(Rest{Mechanisms: m}); len(found) > 0 {
		t.Errorf("a stock that nobody told of: %v", found)
	}
	for _, may := range []func(h *Held){
		func(h *Held) { h.NotesIn = pile(10000, 1, 5000, 1) },
		func(h *Held) { h.NotesBack = pile(500, 1, 100, 3) },
		func(h *Held) { h.Out = pile(100, 40) },
		func(h *Held) { h.Inside = pile(100, 20, 5000, 1) },
		func(h *Held) { h.Inside = pile(100, 25, 2000, 1, 5000, 1) },
		func(h *Held) { h.Blanks = 2 + 1 },
	} {
		h := goodHeld()
		may(h)
		if found := w.Rest(Rest{Mechanisms: h}); len(found) > 0 {
			t.Errorf("what is in doubt may be: %v", found)
		}
	}
	w = seen(t, "gone")
	h2 := goodHeld()
	h2.NotesIn, h2.CoinsIn = h2.NotesIn.With(pile(100, 1)), pile(100, 1, 50, 1)
	if found := w.Rest(Rest{Mechanisms: h2}); len(found) > 0 {
		t.Errorf("what nobody saw may be: %v", found)
	}
	h2.NotesIn, h2.CoinsIn = h2.NotesIn.With(pile(100, 1)), pile(100, 1, 50, 2)
	if got := names(w.Rest(Rest{Mechanisms: h2})); !slices.Equal(got, []string{"held.coins", "held.notes"}) {
		t.Errorf("two where one was unseen: got %v", got)
	}
}

// A program that counted nothing and one that read so from the disk have the same.
func TestNothingIsNothing(t *testing.T) {
	nothing := money.Counts{}
	b := casefile.NewBook()
	b.Stacked, b.Returned, b.Doubtful, b.Coins = nothing, nothing, nothing, nothing
	b.Stock = casefile.Stock{Inside: nothing, Loaded: nothing, Stored: nothing, Paid: nothing, Unsure: nothing, TakenOut: nothing}
	if got, want := TotalsOf(b), TotalsOf(casefile.NewBook()); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	b.Stacked = pile(100, 1)
	got := TotalsOf(b)
	b.Stacked[0].Count++
	if got.Stacked[0].Count != 1 {
		t.Error("what is expected changes with the book")
	}
}

// stored is a journal that can be read.
type stored []casefile.Record

func (s stored) Read(_ context.Context, seq int64, limit int) (out []casefile.Record, err error) {
	for _, r := range s {
		if r.Seq > seq && len(out) < limit {
			out = append(out, r)
		}
	}
	return out, nil
}

// unread ends in an error after its records.
type unread struct{ stored }

func (u unread) Read(ctx context.Context, seq int64, limit int) ([]casefile.Record, error) {
	if out, _ := u.stored.Read(ctx, seq, limit); len(out) > 0 {
		return out, nil
	}
	return nil, errors.New("disk I/O error")
}

// stuck gives the same records for ever.
type stuck struct{ stored }

func (s stuck) Read(context.Context, int64, int) ([]casefile.Record, error) { return s.stored, nil }

func TestCatchAndAgain(t *testing.T) {
	ctx := t.Context()
	j := life(t, "")
	w := New(terminal, epoch)
	w.Expect(TotalsOf(casefile.NewBook()))
	for _, until := range []string{"settled", "gone", ""} {
		part := stored(life(t, until).records)
		if found, err := w.Again(ctx, part); err != nil || len(found) > 0 || w.Seq() != int64(len(part)) {
			t.Errorf("until %q: %v, %v, at %d of %d", until, found, err, w.Seq(), len(part))
		}
	}
	if _, err := w.Catch(ctx, unread{j.records}); err == nil {
		t.Error("a journal that cannot be read: got no error")
	}
	if _, err := w.Again(ctx, unread{}); err == nil {
		t.Error("a journal that cannot be read again: got no error")
	}
	if found := w.Unread(errors.New("disk I/O error")); len(found) != 1 || found[0].String() != "journal.chain: event "+strconv.Itoa(len(j.records))+": it cannot be read further: disk I/O error" {
		t.Errorf("got %v", found)
	}
	if _, err := New(terminal, epoch).Catch(ctx, stuck{j.records[:1]}); err == nil {
		t.Error("a journal that goes round: got no error")
	}
	if found, err := w.Again(ctx, stored(j.records)); err != nil || len(found) > 0 {
		t.Errorf("what was found before is found again: %v, %v", found, err)
	}
	many := newJournal(t)
	for range batch + 5 {
		many.write(`case.rated - {"stars":1}`)
	}
	w = New(terminal, epoch)
	if found, err := w.Catch(ctx, stored(many.records)); err != nil || len(found) > 0 || w.Seq() != batch+5 {
		t.Errorf("more than a batch: %v, %v, at %d", found, err, w.Seq())
	}
}

// growing is a journal that is written meanwhile.
type growing struct {
	stored
	appended chan struct{}
}

func (g *growing) Appended() <-chan struct{} { return g.appended }

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := life(t, "closed")
		j.write(`visit.ended - {"visit":"v1","reason":"done"}`)
		g := &growing{stored: j.records[:5], appended: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		w := New(terminal, epoch)
		var found []Violation
		ended := make(chan error)
		go func() { ended <- w.Follow(ctx, g, func(v Violation) { found = append(found, v) }) }()
		synctest.Wait()
		if w.Seq() != 5 {
			t.Errorf("got %d events seen, want 5", w.Seq())
		}
		was := g.appended
		g.stored, g.appended = j.records, make(chan struct{})
		close(was)
		synctest.Wait()
		if got := names(found); w.Seq() != int64(len(j.records)) || !slices.Equal(got, []string{"visit.placed"}) {
			t.Errorf("got %v at %d", found, w.Seq())
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestReadLines(t *testing.T) {
	whole := exported(t, life(t, "").records)
	for name, text := range map[string]string{"whole": string(whole), "with half a line": string(whole) + `{"terminal":"T1","epo`} {
		w, err := ReadLines(strings.NewReader(text))
		if err != nil {
			t.Fatal(name, err)
		}
		for _, r := range w.Results() {
			if r.Broken > 0 || r.ID == "book.holds" && r.Checked != 1 {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if w.Seq() != int64(len(life(t, "").records)) {
			t.Errorf("%s: got %d events", name, w.Seq())
		}
	}
	w, err := ReadLines(bytes.NewReader(bytes.Replace(whole, []byte(`"bill_fen":7000`), []byte(`"bill_fen":7100`), 1)))
	if err != nil {
		t.Fatal(err)
	}
	var broken []string
	for _, r := range w.Results() {
		if r.Broken > 0 {
			broken = append(broken, r.ID)
		}
	}
	if !slices.Contains(broken, "journal.chain") || !slices.Contains(broken, "money.whole") {
		t.Errorf("a changed amount: got %v", broken)
	}
	for want, text := range map[string]string{"there is no record in it": "", "line 2 is no record: ": string(bytes.SplitAfter(whole, []byte("\n"))[0]) + "rubbish\nmore\n"} {
		if _, err := ReadLines(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
