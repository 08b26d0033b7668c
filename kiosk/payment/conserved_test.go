package payment

import (
	"context"
	"fmt"
	"strings"

	"yichuang/devices/mechanism"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
)

// losses bound what may be in doubt: a device that never lost its memory, and was never unheard for long, knows all.
type losses struct {
	notes   int // each may leave one note in doubt, or unheard of
	coins   int // coins that fell into the box unseen, besides those that the acceptor forgot
	payouts int // each may leave one payout in doubt
}

// holds is what a payer holds and has given out, by its mechanism.
type holds struct {
	inside, out money.Counts
	paying      bool
}

// payer looks at the mechanism that pays.
func (m *machine) payer() (h holds) {
	if m.rack == nil {
		w := m.sim.Path().World()
		return holds{inside: tally(w.Store), out: tally(w.Paid)}
	}
	for _, b := range m.rack.World() {
		h.inside = h.inside.Plus(money.Fen(b.Face), b.Currency, int64(b.Inside))
		h.out = h.out.Plus(money.Fen(b.Face), b.Currency, int64(b.Out))
		h.paying = h.paying || b.Paying
		if err := b.Balanced(); err != nil {
			m.t.Fatal(err)
		}
	}
	return h
}

// faults are those of all devices.
func (m *machine) faults() []*mechanism.Faults {
	list := []*mechanism.Faults{m.sim.Faults(), m.coins.Faults()}
	if m.rack != nil {
		list = append(list, m.rack.Faults())
	}
	return list
}

func (m *machine) openPayout() (is bool) {
	m.book(func(b *casefile.Book) { is = b.OpenPayout() != nil })
	return is
}

// online says whether everything answers, and no coin is on its way.
func (m *machine) online() bool {
	p := m.program
	if m.has == notesAlone {
		return true
	}
	return p.taker.State().Online && p.payer.State().Online && len(m.coins.Path().World().Moving) == 0
}

// coinsForgotten bounds the coins of which nobody will tell, when their acceptor has forgotten: those that are in the
// box or on their way there, and that the journal does not know of.
func (m *machine) coinsForgotten() {
	if m.forgotten = m.struck(); m.forgotten {
		return
	}
	w := m.coins.Path().World()
	m.book(func(b *casefile.Book) { m.forgot = max(m.forgot, number(tally(w.In(), w.Moving).Minus(b.Coins))) })
}

// conserved checks that no fen is lost or invented: what the journal knows against what the mechanisms
// count. Before all is at rest it may lag behind by what the next polls will tell.
func (m *machine) conserved(may losses, atRest bool) {
	m.t.Helper()
	m.book(func(b *casefile.Book) {
		fail := func(format string, args ...any) {
			m.t.Helper()
			m.t.Fatalf("%s\nbook: stacked %v returned %v doubtful %v coins %v stock %+v placed %+v\nnotes %+v\ncoins %+v\npayer %+v\n%v", fmt.Sprintf(format, args...),
				b.Stacked, b.Returned, b.Doubtful, b.Coins, b.Stock, b.Placed, m.sim.Path().World(), m.coins.Path().World(), m.payer(), m.ops)
		}
		if bad := b.Check(); len(bad) > 0 {
			fail("the book does not hold: %v", bad)
		}
		m.notesConserved(b, may.notes, atRest, fail)
		m.coinsConserved(b, may.coins+m.forgot, atRest, fail)
		m.piecesConserved(b, may, atRest, fail)
	})
}

func (m *machine) notesConserved(b *casefile.Book, may int, atRest bool, fail func(string, ...any)) {
	m.t.Helper()
	w := m.sim.Path().World()
	if err := w.Balanced(); err != nil {
		fail("notes: %v", err)
	}
	// A doubtful note may be in the box or back in the hand; any other is where the journal says.
	in, out := tally(w.Box, w.Taken, w.Store, w.Paid).Minus(tally(w.Loaded)).Minus(b.Stacked), tally(w.Returned).Minus(b.Returned)
	for _, rest := range []money.Counts{in, out} {
		for _, row := range rest {
			if row.Count < 0 {
				fail("the journal knows of %d more notes of %s than the mechanism", -row.Count, row.Face)
			}
		}
	}
	doubtful := number(b.Doubtful)
	if doubtful > may {
		fail("%d doubtful notes, want %d at most", doubtful, may)
	}
	if m.has == withRecycler {
		out = nil // a note that was held when the computer died, and that its driver gives back untold: it was never ours
	}
	unseen := int64(0)
	for _, u := range b.Unknown {
		if !u.Coin {
			unseen++
		}
	}
	if in := int64(number(in)); atRest && in > int64(doubtful)+unseen {
		fail("%d notes are inside of which the journal does not know, and %d and %d are in doubt: nobody looks for the others", in, doubtful, unseen)
	}
	if atRest && number(in)+number(out) > may {
		fail("%v and %v went a way that the journal does not know, want %d at most", in, out, may)
	}
}

func (m *machine) coinsConserved(b *casefile.Book, may int, atRest bool, fail func(string, ...any)) {
	m.t.Helper()
	w := m.coins.Path().World()
	if err := w.Balanced(); err != nil {
		fail("coins: %v", err)
	}
	rest := tally(w.In()).Minus(b.Coins)
	for _, row := range rest {
		if row.Count < 0 {
			fail("the journal knows of %d more coins of %s than the mechanism", -row.Count, row.Face)
		}
	}
	if atRest && number(rest) > may {
		fail("the journal does not know of the coins %v, want %d such at most", rest, may)
	}
}

// piecesConserved: what the journal says came out did, and what came out besides is in doubt or of a payout that has
// not ended.
func (m *machine) piecesConserved(b *casefile.Book, may losses, atRest bool, fail func(string, ...any)) {
	m.t.Helper()
	h, perhaps := m.payer(), b.Stock.Unsure
	doubts := 0
	for _, p := range b.Payouts {
		if p.State == casefile.PayoutDoubtful {
			doubts++
		} else {
			perhaps = perhaps.With(p.Pieces)
		}
	}
	for _, row := range h.out.Minus(b.Stock.Paid) {
		if row.Count < 0 {
			fail("the journal has %d more pieces of %s paid out than came out", -row.Count, row.Face)
		}
	}
	for _, row := range h.out.Minus(b.Stock.Paid).Minus(perhaps) {
		if row.Count > 0 {
			fail("%d pieces of %s came out of which the journal does not know", row.Count, row.Face)
		}
	}
	if doubts > may.payouts {
		fail("%d doubtful payouts, want %d at most", doubts, may.payouts)
	}
	if !atRest || m.unloaded {
		return
	}
	// What the journal has inside is inside, and what is in doubt may be; a note that the journal did not hear of may be too.
	more := h.inside.Minus(b.Stock.Inside)
	for _, row := range more {
		if row.Count < 0 {
			fail("the journal has %d more pieces of %s inside than there are", -row.Count, row.Face)
		}
	}
	if over := number(positive(more.Minus(b.Stock.Unsure))); over > may.notes {
		fail("%d pieces are inside of which the journal does not know", over)
	}
}

// watched goes through the journal with every invariant, and through what the mechanisms hold where no device lost its
// power: nothing is in doubt then. These stories tell nothing of anybody, and nothing of when the program starts.
func (s *story) watched() {
	s.t.Helper()
	w := invariant.New("T1", s.program.journal.Origin())
	told := invariant.Rest{Quiet: true}
	if !s.harsh {
		w.TellMemories()
		notes, coins, h := s.sim.Path().World(), s.coins.Path().World(), s.payer()
		told.Mechanisms = &invariant.Held{NotesIn: tally(notes.Box, notes.Taken, notes.Store, notes.Paid).Minus(tally(notes.Loaded)), NotesBack: tally(notes.Returned),
			CoinsIn: tally(coins.In()), Out: h.out, Inside: h.inside, Told: !s.unloaded}
	}
	broken, err := w.Catch(context.Background(), s.program.journal)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, v := range append(broken, w.Rest(told)...) {
		// A validator remembers five events. A computer that was off for long may find that it has forgotten.
		overrun := v.ID == "doubt.needed" && s.revived && strings.Contains(v.String(), "more happened than the validator remembers")
		if v.ID != "privacy.sealed" && v.ID != "money.cash" && !overrun {
			s.t.Errorf("%s\n%v", v, s.ops)
		}
	}
}

// positive is what of a difference is more.
func positive(diff money.Counts) (more money.Counts) {
	for _, row := range diff {
		if row.Count > 0 {
			more = append(more, row)
		}
	}
	return more
}
