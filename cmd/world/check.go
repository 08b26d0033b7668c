package world

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"yichuang/devices/cash/coinpath"
	"yichuang/devices/cash/notepath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
)

// found gathers what does not hold, and how often each thing was looked at.
type found struct {
	checked map[string]int64
	bad     []Violation
}

// want checks one invariant once.
func (f *found) want(id string, holds bool, format string, args ...any) {
	f.checked[id]++
	if !holds {
		f.bad = append(f.bad, Violation{Invariant: id, What: fmt.Sprintf(format, args...)})
	}
}

// Losses is how often a terminal lost its power, and how often each device lost its memory of what it did with it: so
// many doubts may there be at most.
type Losses struct {
	Cuts, Notes, Coins, Pieces, Sheets int64
	Unseen                             int64 // coins that fell past the sensor
}

// Check says what does not hold of a world at rest, and counts what it looked at. off: the devices lost their power while
// the program was down, and with it their memories; moving: something was on its way then where money goes.
func (w *World) Check(ctx context.Context, off, moving bool, checked map[string]int64) []Violation {
	f := &found{checked: checked}
	l := Losses{Cuts: 1 + int64(w.Unheard), Notes: int64(w.Silences), Unseen: w.coins.Unseen()}
	if off {
		l.Notes, l.Coins = l.Notes+1, 1
	}
	if off && moving && !w.Purse.Counts() {
		l.Pieces = 1
	}
	if off && w.sheetAtWork() {
		l.Sheets = 1
	}
	w.own(ctx, f, l, nil)
	if w.Night.IsZero() {
		w.handed(ctx, f)
	} else {
		w.withheld(f)
	}
	for _, v := range w.agree() {
		f.want(v.Invariant, false, "%s", v.What)
	}
	for _, id := range agreements {
		f.checked[id]++
	}
	w.Land.audit(ctx, f)
	w.Land.timely(f)
	return f.bad
}

// timely says whether the hall has asked others in a hurry, or has answered late.
func (l *Land) timely(f *found) {
	hasty, late := l.door.Hasty(), l.desk.Late()
	f.want("land.asked_in_time", hasty == "", "the hall asks in a hurry: %s", hasty)
	f.want("hall.answers_soon", late == "", "the hall has answered late: %s", late)
}

// Timely says so of a land as an error.
func (l *Land) Timely() error {
	f := &found{checked: map[string]int64{}}
	if l.timely(f); len(f.bad) > 0 {
		return fmt.Errorf("%s: %s", f.bad[0].Invariant, f.bad[0].What)
	}
	return nil
}

// handed says whether all that is owed came out on a slip.
func (w *World) handed(ctx context.Context, f *found) {
	has := w.inHand(ctx)
	w.Journal.Book(func(b *casefile.Book) {
		for _, o := range b.Owed {
			f.want("owed.in_hand", o.Paid || has[o.ID], "%s of %s is owed to a person who still stood there, and came out on no slip", o.Amount, o.ID)
		}
	})
}

// withheld says whether no code was made since the power came back: whoever passes by in the morning would take the slip.
func (w *World) withheld(f *found) {
	f.checked["slip.wanted"]++
	for _, r := range w.records() {
		if e, err := r.Event(); err == nil && r.Kind == casefile.OwedRecoded && !r.When().Before(w.Night) {
			f.want("slip.wanted", false, "nobody stands there after a night, and %s of case %s was given a code", e.Header.Owed, r.Case)
		}
	}
}

// inHand is of what is owed the person has a slip: with the code that stands, or, where staff have found it since, with
// the number of the case.
func (w *World) inHand(ctx context.Context) map[string]bool {
	has := map[string]bool{}
	head, _ := w.Journal.Head()
	if err := w.Journal.Walk(ctx, 0, int(head), func(r casefile.Record) bool {
		switch r.Kind {
		case casefile.CoinFound, casefile.PaperPrinted, casefile.OwedRecoded:
			if e, err := r.Event(); err == nil {
				has[e.Header.Owed] = r.Kind != casefile.OwedRecoded
			}
		}
		return true
	}); err != nil {
		panic(err) // of a journal in memory
	}
	return has
}

// CheckOwn says what does not hold of one terminal of several at rest: of its journal, its mechanisms, and what the hall
// has of it.
func (w *World) CheckOwn(ctx context.Context, l Losses, hall *invariant.HallBooks, checked map[string]int64) []Violation {
	f := &found{checked: checked}
	w.own(ctx, f, l, hall)
	return f.bad
}

// Audit is what the hall finds wrong with its own books.
func (l *Land) Audit(ctx context.Context, checked map[string]int64) []Violation {
	f := &found{checked: checked}
	l.audit(ctx, f)
	return f.bad
}

// What the hall has for a person to look at.
const (
	quarantine = "intake.quarantine" // records of two branches, or of a terminal that was revoked
	sense      = "intake.sense"      // records that cannot be after what a person at the hall has said of their terminal
)

func (l *Land) audit(ctx context.Context, f *found) {
	audit, err := l.hall.Audit(ctx)
	f.want("hall.audits", err == nil, "%v", err)
	for _, i := range audit.Invariants {
		if i.ID == quarantine && l.Older || i.ID == sense && l.Released {
			continue
		}
		f.want("hall."+i.ID, i.Holds, "%s", i.Note)
	}
}

// own looks at one terminal.
func (w *World) own(ctx context.Context, f *found, l Losses, hall *invariant.HallBooks) {
	w.Journal.Book(func(b *casefile.Book) {
		bad := b.Check()
		f.want("book.balances", len(bad) == 0, "%v", bad)
		n := b.OpenBegun()
		f.want("begun.ends", n == 0 && b.Placed.Visit == 0 && b.Visit == "", "%d things have begun and not ended, %s is placed nowhere, visit %q is open", n, b.Placed.Visit, b.Visit)
		w.notesAgree(f, b, l)
		w.coinsAgree(f, b, l.Coins+l.Unseen)
		w.piecesAgree(f, b, l.Pieces)
		w.sheetsAgree(f, b, l.Sheets)
	})
	w.watched(ctx, f, l, hall)
	w.receiptsAgree(f)
	strange := w.Strange()
	f.want("device.understood", strange == "", "a driver does not understand its device: %s", strange)
}

// watched goes through the journal with every invariant, and compares its sums with the mechanisms.
func (w *World) watched(ctx context.Context, f *found, l Losses, hall *invariant.HallBooks) {
	watch := invariant.New(w.Journal.Terminal(), w.Journal.Origin())
	watch.TellMemories()
	for m, n := range map[invariant.Memory]int64{invariant.NoteMemory: l.Notes, invariant.CoinMemory: l.Coins + l.Unseen, invariant.PayerMemory: max(l.Pieces, l.Coins), invariant.SheetMemory: max(l.Sheets, l.Coins)} {
		for range n {
			watch.Lost(m)
		}
	}
	bad, err := watch.Catch(ctx, w.Journal)
	f.want("journal.reads", err == nil, "%v", err)
	cursor, err := w.Journal.Cursor(ctx)
	f.want("journal.cursor", err == nil, "%v", err)
	for _, v := range append(bad, watch.Rest(invariant.Rest{Quiet: true, Cursor: cursor, Hall: hall, Mechanisms: w.held()})...) {
		f.want(v.ID, false, "%s", v.What)
	}
	for _, r := range watch.Results() {
		f.checked[r.ID] += r.Checked - r.Broken // a broken one was counted where it was found
	}
}

// held is what the mechanisms hold and have given.
func (w *World) held() *invariant.Held {
	notes, coins := w.notes.Path().World(), w.coins.Path().World()
	h := &invariant.Held{NotesIn: kept(notes), NotesBack: tally(notes.Returned), CoinsIn: tally(coins.In()), Told: true}
	h.Out, h.Inside = w.Purse.Out(), w.Purse.Inside()
	var world struct {
		Prints []struct{ Serial string }
	}
	if err := json.Unmarshal(w.sheets.World(), &world); err != nil {
		panic(err) // what it told itself
	}
	for _, p := range world.Prints {
		if p.Serial != "" {
			h.Blanks++
		}
	}
	return h
}

// kept are the notes of people that stayed in an acceptor, wherever, and those that it has paid out again.
func kept(w notepath.World) money.Counts {
	return tally(w.Box, w.Taken, w.Store, w.Paid).Minus(tally(w.Loaded))
}

// pieces splits a pile into what is too many and what is missing.
func pieces(pile money.Counts) (over, short int64) {
	for _, row := range pile {
		over, short = over+max(row.Count, 0), short+max(-row.Count, 0)
	}
	return over, short
}

// notesAgree compares the journal with the box. Each time that the acceptor lost its power, and with it its memory, one note
// may be in doubt, or one that nobody saw, for it tells the same whether one was on its way or not.
func (w *World) notesAgree(f *found, b *casefile.Book, l Losses) {
	path := w.notes.Path().World()
	err := path.Balanced()
	f.want("world.notes", err == nil, "%v", err)
	doubtful, _ := pieces(b.Doubtful)
	unseen := int64(0)
	for _, u := range b.Unknown {
		if !u.Coin {
			unseen++
		}
	}
	f.want("note.doubt_has_cause", doubtful+unseen <= l.Notes, "%d notes in doubt and %d unseen; %d may be", doubtful, unseen, l.Notes)
	over, short := pieces(kept(path).Minus(b.Stacked))
	f.want("note.stacked_is_in_box", short == 0, "the journal knows of %d notes more than the box has", short)
	f.want("note.in_box_is_known", over <= doubtful+unseen, "the box has %d notes more than the journal; %d are in doubt and %d unseen", over, doubtful, unseen)
	over, short = pieces(tally(path.Returned).Minus(b.Returned))
	f.want("note.returned_is_out", short == 0, "the journal says of %d notes more that they came back", short)
	f.want("note.out_is_known", over <= max(doubtful+unseen, l.Cuts), "%d notes more came back than the journal knows of", over) // one held unseen goes back by itself
	f.want("note.none_is_held", path.Mouth == nil, "a note is still inside: %+v", path.Mouth)
}

// coinsAgree compares the journal with the coin box. lost: how often the coin acceptor lost its power, and with it its memory.
func (w *World) coinsAgree(f *found, b *casefile.Book, lost int64) {
	path := w.coins.Path().World()
	err := path.Balanced()
	f.want("world.coins", err == nil, "%v", err)
	unseen := int64(0)
	for _, u := range b.Unknown {
		if u.Coin {
			unseen++
		}
	}
	over, short := pieces(tally(path.In()).Minus(b.Coins))
	f.want("coin.taken_is_in_box", short == 0, "the journal knows of %d coins more than the box has", short)
	f.want("coin.in_box_is_known", over == 0 || lost > 0 && unseen > 0, "the box has %d coins more than the journal; %d unseen", over, unseen)
	f.want("coin.doubt_has_cause", unseen <= lost, "%d unseen, and the acceptor lost its memory %d times", unseen, lost)
}

// piecesAgree compares the journal with the hoppers. lost: how often one was paying when it lost its power.
func (w *World) piecesAgree(f *found, b *casefile.Book, lost int64) {
	err := w.Purse.Balanced()
	f.want("world.purse", err == nil, "%v", err)
	inside, out := w.Purse.Inside(), w.Purse.Out()
	unsure, _ := pieces(b.Stock.Unsure)
	over, short := pieces(out.Minus(b.Stock.Paid))
	f.want("payout.told_is_out", short == 0, "the journal says that %d pieces more came out", short)
	f.want("payout.out_is_told", over <= unsure, "%d pieces more came out than the journal says; %d unsure", over, unsure)
	f.want("payout.doubt_has_cause", unsure == 0 || lost > 0, "%d pieces unsure, and nothing that forgets lost its power while it paid", unsure)
	more, less := pieces(inside.Minus(b.Stock.Inside))
	f.want("stock.is_inside", more+less <= unsure, "what pays holds %v and the journal says %v", inside, b.Stock.Inside)
}

// sheetAtWork says whether a sheet had begun and not ended when the program went down.
func (w *World) sheetAtWork() (is bool) {
	for _, r := range w.records() {
		switch r.Kind {
		case casefile.LicensePrinting:
			is = true
		case casefile.LicensePrinted, casefile.LicenseFailed, casefile.LicenseSpoiled, casefile.LicenseDoubtful:
			is = false
		case casefile.TerminalStarted:
			if is { // an earlier start is of a disk that was put back
				return true
			}
		}
	}
	return false
}

// sheetsAgree compares the journal with the sheets that came out. lost: how often one had begun when the printer lost its
// power, and with it its jobs.
func (w *World) sheetsAgree(f *found, b *casefile.Book, lost int64) {
	var world struct {
		Prints []struct {
			Serial   string
			Complete bool
		}
	}
	if err := json.Unmarshal(w.sheets.World(), &world); err != nil {
		f.want("world.sheets", false, "%v", err)
		return
	}
	printed, live, unsure := map[string]bool{}, map[string]int{}, 0
	for _, s := range b.Sheets {
		switch s.State {
		case casefile.LicensePrinted:
			printed[s.Serial] = true
			live[s.Form+" of "+s.License]++
		case casefile.LicenseDoubtful:
			unsure++
		}
	}
	for form, n := range live {
		f.want("license.one_live", n == 1, "%d live: %s", n, form)
	}
	whole := map[string]bool{}
	for _, p := range world.Prints {
		if p.Serial == "" {
			continue
		}
		f.want("license.blank_once", !whole[p.Serial], "blank %s came out twice", p.Serial)
		whole[p.Serial] = whole[p.Serial] || p.Complete
		known := slices.ContainsFunc(mapped(b.Sheets), func(s *casefile.Sheet) bool { return s.Serial == p.Serial })
		f.want("license.sheet_is_known", known, "blank %s was drawn and stands in no record", p.Serial)
		f.want("license.out_is_told", !p.Complete || printed[p.Serial] || unsure > 0, "blank %s came out whole and is not called printed", p.Serial)
	}
	for serial := range printed {
		f.want("license.told_is_out", whole[serial], "blank %s is called printed and did not come out", serial)
	}
	f.want("license.doubt_has_cause", int64(unsure) <= lost, "%d sheets in doubt, and the printer lost no job", unsure)
	bl := b.Blanks
	f.want("blank.balances", bl.Received == bl.Issued+bl.Void+bl.InTray+bl.Doubtful, "%+v", bl)
}

func mapped(sheets map[string]*casefile.Sheet) (out []*casefile.Sheet) {
	for _, s := range sheets {
		out = append(out, s)
	}
	return out
}

// receiptsAgree compares each receipt that the journal calls printed with the strips that were cut off: one has the
// case's number, what was paid to the bill and what stays owed.
func (w *World) receiptsAgree(f *found) {
	var world struct {
		Prints []struct {
			N   int
			Cut bool
		}
	}
	if err := json.Unmarshal(w.roll.World(), &world); err != nil {
		f.want("world.receipts", false, "%v", err)
		return
	}
	blank := strings.NewReplacer(" ", "", ",", "", "\n", "")
	var strips []string
	for _, p := range world.Prints {
		if text, err := w.roll.Text(p.N); err == nil && p.Cut {
			strips = append(strips, blank.Replace(text))
		}
	}
	settled, given := map[string]casefile.Header{}, map[string]money.Fen{}
	var payout string // the case that a payout is for
	for _, r := range w.records() {
		e, err := r.Event()
		f.want("record.decodes", err == nil, "record %d: %v", r.Seq, err)
		switch {
		case r.Kind == casefile.PaymentSettled:
			settled[r.Case] = e.Header
		case r.Kind == casefile.PayoutBegun:
			payout = r.Case
		case r.Kind == casefile.PayoutEnded:
			given[payout] = given[payout].Add(e.Header.Amount)
		case r.Kind == casefile.PayoutDoubtful:
			given[payout] = given[payout].Add(e.Header.Amount).Add(e.Header.Unsure.Total())
		case r.Kind == casefile.PaperPrinted && e.Header.What == "receipt" && e.Header.Way == "receipt":
			h, words := settled[r.Case], []string{"办件编号" + r.Case}
			if h.Bill > 0 {
				words = append(words, "缴入账单"+h.Bill.String()+"元")
			}
			if rest := h.Owes.Sub(given[r.Case]); rest > 0 {
				words = append(words, "应退给您"+rest.String()+"元")
			}
			says := func(strip string) bool {
				return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(strip, word) })
			}
			f.want("receipt.says_what_was_paid", slices.ContainsFunc(strips, says), "no strip has %q; strips %q", words, strips)
		}
	}
}

// agreements are the invariants between the books of terminal, hall, company and gateway.
var agreements = []string{"hall.has_all", "hall.paid_is_terminals", "company.posted_is_paid", "gateway.paid_is_placed"}

// agree compares the books of all. What is on its way may need a while.
func (w *World) agree() (bad []Violation) {
	fail := func(id, format string, args ...any) {
		bad = append(bad, Violation{Invariant: id, What: fmt.Sprintf(format, args...)})
	}
	ctx := context.Background()
	l, err := w.Land.hall.Ledger(ctx)
	if err != nil {
		fail("hall.has_all", "%v", err)
		return bad
	}
	for _, t := range l.Terminals {
		present := t.Epoch == w.Journal.Epoch()
		if t.Gaps != 0 || !w.Land.Older && t.Quarantined != 0 || present && (t.Records != w.head()-t.After || t.Processed != w.head() || t.Chain != "ok") || !present && !w.Land.Older {
			fail("hall.has_all", "the terminal has %d records, the hall %+v", w.head(), t)
		}
	}
	var bills, posted, qr money.Fen
	w.Journal.Book(func(b *casefile.Book) {
		bills, qr = b.Placed.Bills.Add(b.Placed.Surplus), b.QRPaid.Sub(b.Placed.Refunded)
	})
	for _, p := range l.Payments {
		posted = posted.Add(money.Fen(p.Posted))
	}
	if posted != bills {
		fail("hall.paid_is_terminals", "the terminal has placed %s for bills, of which the hall has booked %s", bills, posted)
	}
	sum, err := w.Land.posted(ctx)
	if err != nil || sum != bills {
		fail("company.posted_is_paid", "the terminal has placed %s for bills, the company has booked %s, %v", bills, sum, err)
	}
	taken, err := w.Land.taken()
	if err != nil || taken != qr {
		fail("gateway.paid_is_placed", "the terminal knows of %s by phone, the gateway keeps %s, %v", qr, taken, err)
	}
	return bad
}

func tally[T notepath.Tally | coinpath.Tally](lists ...[]T) (out money.Counts) {
	for _, list := range lists {
		for _, row := range list {
			t := notepath.Tally(row)
			out = out.Plus(money.Fen(t.Face), t.Currency, int64(t.Count))
		}
	}
	return out
}
