// Package payment meets a fee by banknotes or by phone. It is the only code that decides where money is.
//
// The Till owns the acceptor. It hears every signal, also while nobody pays, and writes what it means
// into the journal before anything else is done: a note that is held is committed before it is sent on
// its way, and what became of it is committed together with the place in the acceptor's own memory, so
// that after a power cut nothing is asked twice or missed. A note whose fate the acceptor cannot tell
// is Doubtful, never guessed.
package payment

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
	"yichuang/kiosk/turn"
)

// Faces are the notes of CNY that may be taken at all, in fen.
var Faces = []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}, {Face: 1000, Currency: "CNY"},
	{Face: 2000, Currency: "CNY"}, {Face: 5000, Currency: "CNY"}, {Face: 10000, Currency: "CNY"}}

// Till is the cash side of a terminal.
type Till struct {
	journal  *store.Store
	acceptor cash.Acceptor
	coins    cash.Intake
	payer    cash.Payer
	log      *slog.Logger

	placing sync.Mutex    // a note or coin comes whole before or after a case's money is placed
	opening sync.Mutex    // what a power cut left open is closed whole before or after notes are taken anew
	giving  turn.Turn     // one payout at a time
	resumed casefile.Mark // what the acceptor was told at the start
	unnamed bool          // a note that nobody can name is held or goes back; only Run's
	silent  bool          // nothing was heard of a note for so long that it is in doubt, and nothing since; only Run's
	gate    chan struct{} // holds one while notes are let in, or no more: who waits for it may wait for the acceptor

	mu      sync.Mutex  // guards all below
	ready   bool        // the acceptor has told what it missed
	coined  bool        // and the coin acceptor has
	told    [2]bool     // the same, notes and coins, as soon as it is heard
	before  string      // the case that money was taken for when the program before this one ended; ""
	paying  string      // the case that notes are taken for; ""
	away    [2]string   // the last one, when the acceptor of notes, or of coins, was away at its end and has not come back; ""
	closing bool        // no more notes for it: a new one in escrow goes back
	exact   bool        // change is promised: only faces are taken for which it can be paid
	notes   []cash.Note // the notes that the acceptor was last told to take; nil when it was told none yet
	slot    []cash.Note // and the coins that the coin acceptor was
	last    Sight       // the last thing to be told to the citizen
	since   time.Time   // when the open note was last heard of
	taking  [2]bool     // notes and coins, as was last told
	changed chan struct{}
}

// Sight is what the citizen should be told about notes, since the payment began.
type Sight struct {
	What  cash.Happening // Refused, Returned, Faulty, Lost; "" nothing
	Fault *fault.Error
	Face  money.Fen
}

// Status is the till now.
type Status struct {
	Case     string
	Inserted money.Fen // in the box for this case
	Moving   money.Fen // the note on its way, 0 for none
	Taking   bool      // a note may be put in now
	Coins    bool      // coins are taken too
	Change   bool      // change is promised
	Sight    Sight
}

// NewTill makes the till of a terminal. Run makes it work.
func NewTill(journal *store.Store, notes cash.Acceptor, coins cash.Intake, payer cash.Payer, log *slog.Logger) *Till {
	return &Till{journal: journal, acceptor: notes, coins: coins, payer: payer, log: log, gate: make(chan struct{}, 1), changed: make(chan struct{})}
}

const keptMark = "cash.mark"

// keptMarkValue is the acceptor's mark with the number of the last record when it was kept: marks stand
// in records too, and the later of the two counts.
type keptMarkValue struct {
	Seq     int64
	Mark    casefile.Mark
	Unnamed bool `json:",omitempty"` // the acceptor held a note that nobody could name, and gave it back
}

// Resume tells the acceptors how far their events are written down. Call it once, before they run.
func (t *Till) Resume(ctx context.Context) error {
	var mark casefile.Mark
	var at int64
	t.journal.Book(func(b *casefile.Book) { mark, at, t.before = b.Mark, b.MarkSeq, b.CashOpen })
	kept, err := laterMark(ctx, t.journal, keptMark, mark, at)
	if err != nil {
		return err
	}
	mark = kept.Mark
	t.resumed, t.unnamed = mark, kept.Unnamed
	if err := t.recallAway(ctx); err != nil {
		return err
	}
	t.acceptor.Resume(cash.Mark{Serial: mark.Serial, Counter: mark.Counter, Known: mark.Known})
	return t.resumeCoins(ctx)
}

// Run hears the acceptor's signals until ctx ends. An error is the journal's: the program must stop.
func (t *Till) Run(ctx context.Context) error {
	for {
		wait, cancel := context.WithTimeout(ctx, checkEvery)
		s, err := t.acceptor.Next(wait)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// What a signal means is written down even when the stop order comes in the middle of it.
		act := context.WithoutCancel(ctx)
		if err == nil {
			err = t.hear(act, s)
		} else {
			err = t.overdue(act)
		}
		if err != nil {
			return fmt.Errorf("till: %w", err)
		}
		t.watch(act)
	}
}

// watch tells that notes or coins are taken now, or no more, when that comes without a signal: behind the end of a fault, when an acceptor
// has been given its settings anew. A hopper that comes to life while somebody pays, or stops, makes others of what can be taken.
func (t *Till) watch(ctx context.Context) {
	if t.outdated() {
		t.retake(ctx)
		t.mu.Lock()
		t.tell()
		t.mu.Unlock()
	}
	st := t.Status()
	taking := [2]bool{st.Taking, st.Coins}
	t.mu.Lock()
	defer t.mu.Unlock()
	if taking != t.taking {
		t.taking = taking
		t.tell()
	}
}

func (t *Till) hear(ctx context.Context, s cash.Signal) error {
	mark := casefile.Mark{Serial: s.Mark.Serial, Counter: s.Mark.Counter, Known: s.Mark.Known}
	t.log.Info("cash", "signal", string(s.What), "face_fen", s.Note.Face, "counter", mark.Counter)
	if why := t.ahead(s, mark); why != "" {
		if err := t.journal.Branch(ctx, why, true); err != nil {
			return err
		}
	}
	if s.What == cash.Stacked || s.What == cash.Returned || s.What == cash.Ready && !t.acceptor.State().Escrow {
		t.unnamed = false
	}
	if s.What == cash.Stacked || s.What == cash.Ready {
		if err := t.nameBox(ctx); err != nil { // a box may have come in while the acceptor restarted, which then does not tell of it
			return err
		}
	}
	written, err := t.write(ctx, s, &mark)
	if err != nil {
		return err
	}
	if !written && mark.Known {
		if err := t.keep(ctx, mark); err != nil {
			return err
		}
	}
	if s.What == cash.Ready {
		if err := t.closeLeftOver(ctx, 0); err != nil {
			return err
		}
	}
	if s.What == cash.Stacked {
		t.retake(ctx)
	}
	switch s.What {
	case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost, cash.Ready: // others tell of a fault, a box or a lid while it is on its way back
		t.silent = false
	}
	if s.What == cash.Ready {
		if err := t.cameBack(ctx, 0); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch s.What {
	case cash.Ready:
		t.ready = true
	case cash.Refused, cash.Returned, cash.Lost, cash.Faulty:
		t.last = Sight{What: s.What, Fault: s.Fault, Face: money.Fen(s.Note.Face)}
	case cash.Cleared, cash.Stacked, cash.Escrowed:
		t.last = Sight{}
	}
	t.since = time.Now()
	t.tell()
	return nil
}

// ahead says what the acceptor remembers that this journal cannot have missed: nobody was paying when it was last
// written, and so no note was let in since, and none was inside that was on its way back, not even one that nobody can name. Then the disk is an older one than this terminal had.
func (t *Till) ahead(s cash.Signal, mark casefile.Mark) string {
	t.mu.Lock()
	ready := t.ready
	t.mu.Unlock()
	paying := false
	t.journal.Book(func(b *casefile.Book) { paying = b.CashOpen != "" || b.OpenNote() != nil })
	switch {
	case ready || paying || t.unnamed || !t.resumed.Known || !mark.Known || mark.Serial != t.resumed.Serial:
	case s.What == cash.Stacked && t.doubtOf(money.Fen(s.Note.Face)) == nil:
		return fmt.Sprintf("the acceptor has stacked a note of %s, and by the journal nobody was paying", money.Fen(s.Note.Face))
	// 0 is an acceptor that was without power; one that counts what it counted then has only restarted.
	case s.What == cash.Lost && mark.Counter != 0 && mark.Counter != t.resumed.Counter:
		return "the acceptor has seen more since the journal was written than it remembers, and by the journal nobody was paying"
	}
	return ""
}

// outdated says whether other notes or coins may be taken now than the acceptors were last told.
func (t *Till) outdated() bool {
	notes, coins := t.Taken(), t.takenCoins()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.exact && t.paying != "" && !t.closing && (t.notes != nil && !slices.Equal(t.notes, notes) || t.slot != nil && !slices.Equal(t.slot, coins))
}

// retake says anew which notes and coins are taken, where change is promised and what is to be paid has become less, or what can be paid out another.
func (t *Till) retake(ctx context.Context) {
	t.gate <- struct{}{}
	defer func() { <-t.gate }()
	t.mu.Lock()
	open := t.exact && t.paying != "" && !t.closing
	t.mu.Unlock()
	if !open {
		return
	}
	t.order(ctx, t.takeNotes)
	t.order(ctx, func(ctx context.Context) error { t.takeCoins(ctx); return nil })
}

// closeLeftOver ends the taking of notes that a power cut broke off, once the acceptors have told what they know: the one of
// notes (who is 0) and the one of coins (1). Until then what one of them has lost belongs to the case that is open.
func (t *Till) closeLeftOver(ctx context.Context, who int) error {
	t.opening.Lock()
	defer t.opening.Unlock()
	_, coinless := t.coins.(cash.Absent)
	t.mu.Lock()
	t.told[who] = true
	paying, all := t.paying, t.told[0] && (t.told[1] || coinless)
	t.mu.Unlock()
	if !all {
		return nil
	}
	var open string
	t.journal.Book(func(b *casefile.Book) { open = b.CashOpen })
	if open == "" || paying != "" {
		return nil
	}
	return t.journal.Append(ctx, entry(casefile.CashClosed, open, casefile.Header{}))
}

// nameBox gives the first box of a journal its name, so that every note names the box that it is in.
func (t *Till) nameBox(ctx context.Context) error {
	if t.box() != "" || !t.acceptor.State().BoxIn {
		return nil
	}
	return t.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.BoxIn, Header: casefile.Header{Box: NewBoxName()}}})
}

func (t *Till) keep(ctx context.Context, mark casefile.Mark) error {
	seq, _ := t.journal.Head()
	raw, err := json.Marshal(keptMarkValue{Seq: seq, Mark: mark, Unnamed: t.unnamed})
	if err != nil {
		return err
	}
	return t.journal.Keep(ctx, map[string][]byte{keptMark: raw})
}

// write journals what a signal means and says whether it did.
func (t *Till) write(ctx context.Context, s cash.Signal, mark *casefile.Mark) (bool, error) {
	switch s.What {
	case cash.Escrowed:
		return true, t.escrowed(ctx, s, mark)
	case cash.Stacked:
		return true, t.ended(ctx, s, casefile.NoteStacked, mark)
	case cash.Returned:
		return t.returned(ctx, s, mark)
	case cash.Lost:
		return true, t.lost(ctx, s, mark)
	case cash.BoxOut:
		return true, t.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.BoxOut, Header: casefile.Header{Box: t.box(), Mark: mark}}})
	case cash.BoxIn:
		return true, t.journal.Append(ctx, store.Entry{Event: casefile.Event{Kind: casefile.BoxIn, Header: casefile.Header{Box: NewBoxName(), Mark: mark}}})
	}
	return false, nil
}

func (t *Till) box() (id string) {
	t.journal.Book(func(b *casefile.Book) { id = b.Box.ID })
	return id
}

func (t *Till) openNote() (n *casefile.Note) {
	t.journal.Book(func(b *casefile.Book) {
		if open := b.OpenNote(); open != nil {
			c := *open
			n = &c
		}
	})
	return n
}

// escrowed commits that a note is held and where it goes, and only then sends it there. A note that is
// told once more after a restart is the one that was on its way: nobody knows who stands there now, so it goes back.
func (t *Till) escrowed(ctx context.Context, s cash.Signal, mark *casefile.Mark) error {
	open := t.openNote()
	if open != nil && open.State != casefile.NoteStacking {
		return t.sendBack(ctx, open, mark)
	}
	if open != nil {
		// It was on its way into the box and is held all the same: the order to stack was lost.
		if err := t.stackOr(ctx, open, mark); err != nil {
			return err
		}
		return t.keep(ctx, *mark)
	}
	if s.Note.Face <= 0 || s.Note.Currency != money.CNY {
		// Held, and nobody can name it: it goes back, and is in no sum. If the power goes first, it may fall into the box.
		t.unnamed = true
		err := t.keep(ctx, *mark)
		t.order(ctx, t.acceptor.Return)
		return err
	}
	stack, err := t.held(ctx, s, mark)
	if err != nil {
		return err
	}
	if stack {
		return t.stackOr(ctx, t.openNote(), mark)
	}
	t.order(ctx, t.acceptor.Return)
	return nil
}

// held commits whose note it is that is held, and where it goes. Whoever ends the taking or places the case's money comes
// before that or after it, and then knows of the note.
func (t *Till) held(ctx context.Context, s cash.Signal, mark *casefile.Mark) (stack bool, err error) {
	t.placing.Lock()
	defer t.placing.Unlock()
	t.mu.Lock()
	caseID, stack := t.paying, t.paying != "" && !t.closing
	t.mu.Unlock()
	face := money.Fen(s.Note.Face)
	stack = stack && t.mayTake(face)
	if caseID == "" {
		if caseID, err = t.stray(ctx); err != nil {
			return false, err
		}
	}
	h := casefile.Header{Face: face, Currency: s.Note.Currency, Mark: mark}
	t.journal.Book(func(b *casefile.Book) { h.Note = b.NextNote })
	next := casefile.NoteReturning
	if stack {
		next = casefile.NoteStacking
	}
	return stack, t.journal.Append(ctx, entry(casefile.NoteEscrowed, caseID, h), entry(next, caseID, h))
}

// stackOr sends a note into the box. When the acceptor refuses (the box is full or out, or it is stuck) the
// note is still held, and goes back to the person.
func (t *Till) stackOr(ctx context.Context, n *casefile.Note, mark *casefile.Mark) error {
	if err := t.order(ctx, t.acceptor.Stack); fault.Is(err, fault.Refused) {
		return t.sendBack(ctx, n, mark)
	}
	return nil
}

func (t *Till) sendBack(ctx context.Context, n *casefile.Note, mark *casefile.Mark) error {
	h := casefile.Header{Note: n.Number, Face: n.Face, Currency: n.Currency, Mark: mark}
	if n.State != casefile.NoteReturning {
		if err := t.journal.Append(ctx, entry(casefile.NoteReturning, n.Case, h)); err != nil {
			return err
		}
	}
	t.order(ctx, t.acceptor.Return)
	return nil
}

// order sends a note on its way. What became of the note is told by a signal whatever the error says, and
// when none comes overdue asks again; only a refusal can be acted on.
func (t *Till) order(ctx context.Context, act func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, orderMax)
	defer cancel()
	err := act(ctx)
	if err != nil {
		t.log.Warn("cash order", "error", err)
	}
	return err
}

// returned ends the open note. A return without one is a note that was turned away before it was ours.
func (t *Till) returned(ctx context.Context, s cash.Signal, mark *casefile.Mark) (bool, error) {
	if t.openNote() == nil {
		return false, nil
	}
	return true, t.ended(ctx, s, casefile.NoteReturned, mark)
}

// ended writes where the note on its way has come to. A stacked note that nobody knows of is money all
// the same: it is booked on a case of its own, or it settles the doubt about one of its face.
func (t *Till) ended(ctx context.Context, s cash.Signal, kind casefile.Kind, mark *casefile.Mark) error {
	face := money.Fen(s.Note.Face)
	open := t.openNote()
	if open != nil && (open.Face == face || face == 0) {
		h := casefile.Header{Note: open.Number, Face: open.Face, Currency: open.Currency, Mark: mark}
		if kind == casefile.NoteStacked {
			h.Box, h.Store = t.box(), s.Store
		}
		return t.journal.Append(ctx, entry(kind, open.Case, h))
	}
	if kind == casefile.NoteReturned {
		return t.keep(ctx, *mark)
	}
	if doubt := t.doubtOf(face); doubt != nil {
		h := casefile.Header{Note: doubt.Number, Face: face, Currency: doubt.Currency, As: "stacked", Who: "acceptor", Reason: "told later", Box: t.box(), Store: s.Store, Mark: mark}
		return t.journal.Append(ctx, entry(casefile.NoteSettled, doubt.Case, h))
	}
	if face <= 0 {
		return t.noteUnseen(ctx, "a note that cannot be named went into the box", mark)
	}
	t.placing.Lock()
	defer t.placing.Unlock()
	caseID, err := t.stray(ctx)
	if err != nil {
		return err
	}
	if open != nil {
		// A note of another face than the one on its way: that one is not clear any more. The mark comes with
		// the note that was stacked: if the power goes before it is written, it must be told again.
		if err := t.doubt(ctx, open, fmt.Sprintf("a note of %s was stacked instead", face), nil); err != nil {
			return err
		}
	}
	h := casefile.Header{Face: face, Currency: s.Note.Currency, Mark: mark}
	t.journal.Book(func(b *casefile.Book) { h.Note = b.NextNote })
	boxed := h
	boxed.Box, boxed.Store = t.box(), s.Store
	return t.journal.Append(ctx, entry(casefile.NoteEscrowed, caseID, h), entry(casefile.NoteStacked, caseID, boxed))
}

func (t *Till) doubtOf(face money.Fen) (n *casefile.Note) {
	t.journal.Book(func(b *casefile.Book) {
		for _, d := range b.Notes {
			if d.State == casefile.NoteDoubtful && d.Face == face && (n == nil || d.Number < n.Number) {
				c := *d
				n = &c
			}
		}
	})
	return n
}

// stray is the case that a note or coin belongs to when nobody is paying: the last one that took notes and is not
// settled, else a case of its own. A case that a phone pays, or may pay, is not mixed with cash: what is booked of it, or goes back, is the phone's;
// the case beside it is of the same visit, for its person stands there. The caller holds placing: else the case may be settled before the note is written.
func (t *Till) stray(ctx context.Context) (string, error) {
	var id string
	h := casefile.Header{Service: casefile.Stray}
	t.journal.Book(func(b *casefile.Book) {
		c := b.Cases[b.LastPaying]
		switch {
		case c == nil:
		case !c.Settled && !c.ByPhone && b.OpenOrder(c.ID) == nil:
			id = c.ID
		case b.Visit != "" && c.Visit == b.Visit:
			h.Visit = b.Visit
		}
	})
	if id != "" {
		return id, nil
	}
	id = NewCaseID()
	return id, t.journal.Append(ctx, entry(casefile.CaseOpened, id, h))
}

// lost says that the acceptor's memory is gone: the note on its way, if any, is Doubtful.
func (t *Till) lost(ctx context.Context, s cash.Signal, mark *casefile.Mark) error {
	asked := "the acceptor's event memory was lost"
	if s.Fault != nil && s.Fault.Detail != "" {
		asked = s.Fault.Detail
	}
	if open := t.openNote(); open != nil {
		return t.doubt(ctx, open, asked, mark)
	}
	if t.silent { // that note is what it has lost, and it is in doubt already
		return t.journal.Append(ctx, entry(casefile.AcceptorReset, "", casefile.Header{Asked: asked, Mark: mark}))
	}
	var last casefile.Mark
	var at int64
	t.journal.Book(func(b *casefile.Book) { last, at = b.Mark, b.MarkSeq })
	caseID, now := t.untold(0)
	if caseID != "" && !now && t.toldBefore(ctx, last, at, mark, casefile.AcceptorReset, casefile.NoteDoubtful, casefile.NoteStacked, casefile.NoteReturned) {
		return nil
	}
	return t.noteUnseen(ctx, asked, mark)
}

// noteUnseen writes down that a note may be in the box, or is there, which nobody can name. Staff look for it, and it is owed to who put it in.
func (t *Till) noteUnseen(ctx context.Context, asked string, mark *casefile.Mark) error {
	h := casefile.Header{Asked: asked, Mark: mark}
	caseID, now := t.untold(0)
	switch {
	case caseID == "":
	case now:
		h.Owed, h.Reason = "O"+random(12), "while notes were taken"
	default:
		h.Owed, h.Reason = "O"+random(12), "the power went while notes were taken"
	}
	return t.journal.Append(ctx, entry(casefile.AcceptorReset, caseID, h))
}

// toldBefore says whether the loss of an acceptor's memory is written down already: it was told at this very mark to a program that began when the taking
// of money had been broken off, and that ended before the acceptor heard so. Nothing has gone in since.
func (t *Till) toldBefore(ctx context.Context, last casefile.Mark, at int64, mark *casefile.Mark, kinds ...casefile.Kind) bool {
	if !mark.Known || last != *mark {
		return false
	}
	written, before := false, false
	err := t.journal.WalkBack(ctx, func(r casefile.Record) bool {
		if r.Seq == at {
			written = slices.Contains(kinds, r.Kind)
		}
		before = written && r.Kind == casefile.TerminalStarted
		return !before && r.Kind != casefile.CashOpened
	})
	return before && err == nil // rather twice than not at all
}

func (t *Till) doubt(ctx context.Context, n *casefile.Note, asked string, mark *casefile.Mark) error {
	owed := "O" + random(12)
	// The claim code comes with the slip (owed.recoded); until then nobody can redeem it.
	h := casefile.Header{Note: n.Number, Face: n.Face, Currency: n.Currency, Asked: asked, Owed: owed, Claim: casefile.ClaimHash(owed, random(24)), Mark: mark}
	t.log.Warn("cash doubtful", "note", n.Number, "face_fen", int64(n.Face), "asked", asked)
	return t.journal.Append(ctx, entry(casefile.NoteDoubtful, n.Case, h))
}

// overdue looks after a note of which nothing is heard: the order is given once more while the acceptor
// holds it, and after doubtAfter it is called doubtful, so that the citizen is not kept for ever.
func (t *Till) overdue(ctx context.Context) error {
	open := t.openNote()
	t.mu.Lock()
	silent, ready := time.Since(t.since), t.ready
	if open == nil || t.since.IsZero() {
		t.since = time.Now()
		t.mu.Unlock()
		if state := t.acceptor.State(); t.unnamed && ready && state.Online && state.Escrow {
			t.order(ctx, t.acceptor.Return) // a program that knew of it ended before the order, or the order was lost
		}
		return nil
	}
	t.mu.Unlock()
	if silent >= doubtAfter {
		err := t.doubt(ctx, open, fmt.Sprintf("nothing was heard of it for %s", silent.Round(time.Second)), nil)
		t.silent = true
		// Told when it is written: who waits for the note looks again then, and not before.
		t.mu.Lock()
		t.since = time.Now()
		t.last = Sight{What: cash.Lost, Face: open.Face}
		t.tell()
		t.mu.Unlock()
		return err
	}
	if state := t.acceptor.State(); ready && state.Online && state.Escrow && silent >= repeatAfter {
		if open.State == casefile.NoteStacking {
			return t.stackOr(ctx, open, nil)
		}
		return t.sendBack(ctx, open, nil)
	}
	return nil
}

func (t *Till) tell() {
	close(t.changed)
	t.changed = make(chan struct{})
}

func entry(kind casefile.Kind, caseID string, h casefile.Header) store.Entry {
	return store.Entry{Event: casefile.Event{Kind: kind, Case: caseID, Header: h}}
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// random gives n characters of five random bits each, none of which is taken for another.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b)
}

// NewCaseID is the number of a new case: 12 random digits, short enough to be typed from a slip.
func NewCaseID() string {
	b := make([]byte, 12)
	for i := range b {
		b[i] = '0' + digit(i == 0)
	}
	return string(b)
}

// digit is a random digit; a number that begins with 0 would lose it in a spreadsheet.
func digit(first bool) byte {
	for {
		var b [1]byte
		rand.Read(b[:]) // never fails
		if d := b[0] & 15; d < 10 && !(first && d == 0) {
			return d
		}
	}
}

// NewBoxName names a cash box that was put in: boxes have no number that an acceptor could read.
func NewBoxName() string { return "B" + random(6) }

// NewClaimCode is the code on a slip: 12 characters, 60 random bits.
func NewClaimCode() string { return random(12) }
