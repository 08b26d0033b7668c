package invariant

import (
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// tally is the second count: what the events add up to, also those that cannot be. It takes everything and judges
// nothing; an invariant looks at it before and after each event.
type tally struct {
	terminal, epoch string          // of the last record
	former          map[string]bool // epochs that were left
	seq             int64
	hash            string
	latest          time.Time // that the clock has shown

	visit    string
	cashOpen string
	leftOver bool // the taking of notes was broken off by a restart
	matters  map[string]*matter
	casesOf  map[string][]string // the cases of each visit

	notes      map[int64]*note
	lastNote   int64
	notesOpen  int
	box        string // its number
	boxed      money.Counts
	coinBoxed  money.Counts
	coinMark   casefile.Mark
	stacked    money.Counts
	returned   money.Counts
	doubtful   money.Counts
	coins      money.Counts
	notesIn    money.Fen // notes and coins, those in doubt included
	byPhone    money.Fen
	placed     casefile.Places
	orders     map[string]*order
	debts      map[string]*debt
	owedIDs    map[string]bool // every number that something was or may be owed under
	unknown    map[string]bool // what nobody saw, by the number it would be owed under; true for a coin
	claims     map[string]int64
	fresh      map[string]bool // what is owed and has a code that no slip was begun with
	payouts    map[string]*payout
	payoutOpen int
	stock      casefile.Stock

	papers     map[string]*paper
	papersOpen int
	sheets     map[string]*sheet
	sheetsOpen int
	serials    map[string]string // what became of each number that is not in a tray any more, or is printed on now
	trays      map[string][]casefile.Pack
	packs      []casefile.Pack
	blanks     casefile.Blanks
	byHand     int64 // blanks that a hand took out of a tray

	visitKeys map[string]string // the encapsulated keys of sealed parts, and the visit of each
	memories  bool              // each loss of a memory is told
	lost      map[Memory]int
}

// Memory is the memory of one kind of device.
type Memory string

// The memories that can be lost.
const (
	NoteMemory  Memory = "notes"  // the acceptor's: of the one note on its way
	CoinMemory  Memory = "coins"  // the coin acceptor's
	PayerMemory Memory = "payer"  // of one payout
	SheetMemory Memory = "sheets" // the printer's: of one sheet
)

// matter is the money of one case.
type matter struct {
	visit            string
	chosen           bool
	due              money.Fen
	part             bool
	rule             string
	in               money.Fen // not placed yet
	ever             money.Fen // that came in, doubtful notes not counted
	late             bool      // some of it came when nothing was taken for the case
	settled          bool
	bill, extra      money.Fen
	phone            bool
	ordersOpen, paid int
	submitted        bool
	booked           casefile.Kind // bill.posted, bill.refused or bill.refunded
}

type note struct {
	caseID string
	face   money.Fen
	state  casefile.Kind
	owed   string
}

type order struct {
	caseID string
	amount money.Fen
	state  casefile.Kind
}

type debt struct {
	caseID string
	amount money.Fen
	paid   bool
	coded  bool // a code for it was given out
}

type payout struct {
	caseID, owed, back string
	pieces, unsure     money.Counts
	state              casefile.Kind
}

type paper struct {
	caseID, what, way, owed string
	ended                   bool
}

type sheet struct {
	caseID, form, tray, serial string
	state                      casefile.Kind
}

func newTally(terminal, epoch string) *tally {
	return &tally{terminal: terminal, epoch: epoch, hash: casefile.Genesis(terminal, epoch), former: map[string]bool{},
		matters: map[string]*matter{}, casesOf: map[string][]string{}, fresh: map[string]bool{}, notes: map[int64]*note{}, orders: map[string]*order{}, debts: map[string]*debt{}, owedIDs: map[string]bool{},
		unknown: map[string]bool{}, claims: map[string]int64{}, payouts: map[string]*payout{}, papers: map[string]*paper{}, sheets: map[string]*sheet{},
		serials: map[string]string{}, trays: map[string][]casefile.Pack{}, visitKeys: map[string]string{}, lost: map[Memory]int{}}
}

// place moves on to a record, whatever it says.
func (t *tally) place(r *casefile.Record) {
	t.seq, t.hash = r.Seq, r.Hash
	if r.Epoch != t.epoch {
		t.former[t.epoch] = true
		t.epoch = r.Epoch
	}
}

// of is the money of a case; one that nobody opened begins here.
func (t *tally) of(caseID string) *matter {
	m := t.matters[caseID]
	if m == nil {
		m = &matter{}
		t.matters[caseID] = m
	}
	return m
}

// add adds one event.
func (t *tally) add(seq int64, at time.Time, quality string, e casefile.Event) {
	if at.After(t.latest) || quality == "synced" {
		t.latest = at
	}
	if e.Header.Owed != "" {
		t.owedIDs[e.Header.Owed] = true
	}
	if e.Header.Claim != "" {
		t.claims[e.Header.Claim] = seq
	}
	for _, part := range []func(casefile.Event, casefile.Header){t.addVisit, t.addNote, t.addCoin, t.addBill, t.addOrder, t.addOwed, t.addPayout, t.addPaper, t.addSheet} {
		part(e, e.Header)
	}
}

func (t *tally) addVisit(e casefile.Event, h casefile.Header) {
	switch e.Kind {
	case casefile.TerminalStarted:
		t.leftOver = t.cashOpen != ""
	case casefile.VisitBegun:
		t.visit = h.Visit
	case casefile.VisitEnded:
		t.visit = ""
	case casefile.CaseOpened:
		t.of(e.Case).visit = h.Visit
		t.casesOf[h.Visit] = append(t.casesOf[h.Visit], e.Case)
	case casefile.CaseSubmitted:
		t.of(e.Case).submitted = true
	case casefile.CashOpened:
		t.cashOpen, t.leftOver = e.Case, false
	case casefile.CashClosed:
		t.cashOpen, t.leftOver = "", false
	}
}

// comeIn is money of a case that is not placed yet.
func (t *tally) comeIn(caseID string, amount money.Fen) {
	m := t.of(caseID)
	m.in, m.ever, m.late = m.in.Add(amount), m.ever.Add(amount), m.late || t.cashOpen != caseID
	t.placed.Visit = t.placed.Visit.Add(amount)
}

func (t *tally) store(face money.Fen, currency string) {
	t.stock.Stored, t.stock.Inside = t.stock.Stored.Plus(face, currency, 1), t.stock.Inside.Plus(face, currency, 1)
}

func (t *tally) addNote(e casefile.Event, h casefile.Header) {
	n := t.notes[h.Note]
	if n == nil {
		n = &note{caseID: e.Case, face: h.Face}
	}
	switch e.Kind {
	case casefile.NoteEscrowed:
		t.notes[h.Note] = &note{caseID: e.Case, face: h.Face, state: e.Kind}
		t.lastNote = h.Note
		t.notesOpen++
	case casefile.NoteStacking, casefile.NoteReturning:
		n.state = e.Kind
	case casefile.NoteStacked:
		n.state = e.Kind
		t.notesOpen--
		t.notesIn = t.notesIn.Add(h.Face)
		t.stays(h.Face, h.Store)
		t.comeIn(e.Case, h.Face)
	case casefile.NoteReturned:
		n.state = e.Kind
		t.notesOpen--
		t.returned = t.returned.Plus(h.Face, h.Currency, 1)
	case casefile.NoteDoubtful:
		n.state, n.owed = e.Kind, h.Owed
		delete(t.unknown, h.Owed)
		t.notesOpen--
		t.doubtful, t.notesIn = t.doubtful.Plus(h.Face, h.Currency, 1), t.notesIn.Add(h.Face)
		t.placed.Doubtful = t.placed.Doubtful.Add(h.Face)
	case casefile.NoteSettled:
		t.settleNote(n, h)
	case casefile.BoxIn:
		t.box = h.Box
	case casefile.BoxExchanged:
		t.boxed = nil
	}
}

// settleNote is a person's finding of a note: its own face counts, since settling need not repeat it.
func (t *tally) settleNote(n *note, h casefile.Header) {
	n.state = casefile.NoteSettled
	t.doubtful = t.doubtful.Plus(n.face, money.CNY, -1)
	t.placed.Doubtful = t.placed.Doubtful.Sub(n.face)
	if h.As == "returned" {
		t.returned, t.notesIn = t.returned.Plus(n.face, money.CNY, 1), t.notesIn.Sub(n.face)
		return
	}
	t.stays(n.face, h.Store)
	t.of(n.caseID).ever = t.of(n.caseID).ever.Add(n.face)
	t.owe(n.caseID, n.owed, n.face)
}

// stays adds a note to where it came to stay: in the box, or where it can be paid out again.
func (t *tally) stays(face money.Fen, store bool) {
	t.stacked = t.stacked.Plus(face, money.CNY, 1)
	if store {
		t.store(face, money.CNY)
		return
	}
	t.boxed = t.boxed.Plus(face, money.CNY, 1)
}

func (t *tally) owe(caseID, id string, amount money.Fen) {
	t.placed.Owed = t.placed.Owed.Add(amount)
	t.debts[id] = &debt{caseID: caseID, amount: amount}
}

func (t *tally) addCoin(e casefile.Event, h casefile.Header) {
	switch e.Kind {
	case casefile.CoinTaken, casefile.CoinFound:
		t.coins, t.notesIn = t.coins.Plus(h.Face, h.Currency, 1), t.notesIn.Add(h.Face)
		if h.Store {
			t.store(h.Face, h.Currency)
		} else {
			t.coinBoxed = t.coinBoxed.Plus(h.Face, h.Currency, 1)
		}
		if e.Kind == casefile.CoinTaken {
			t.comeIn(e.Case, h.Face)
		} else {
			delete(t.unknown, h.Owed)
			t.of(e.Case).ever = t.of(e.Case).ever.Add(h.Face)
			t.owe(e.Case, h.Owed, h.Face)
		}
	case casefile.AcceptorReset, casefile.CoinsReset:
		if h.Owed != "" {
			t.unknown[h.Owed] = e.Kind == casefile.CoinsReset
		}
	case casefile.AcceptorSettled:
		delete(t.unknown, h.Owed)
	case casefile.CoinsExchanged:
		t.coinBoxed = nil
	}
	if h.Mark != nil && (e.Kind == casefile.CoinTaken || e.Kind == casefile.CoinsReset) {
		t.coinMark = *h.Mark
	}
}

func (t *tally) addBill(e casefile.Event, h casefile.Header) {
	switch e.Kind {
	case casefile.BillChosen:
		m := t.of(e.Case)
		m.chosen, m.due, m.part, m.rule = true, h.Due, h.Part, h.Rule
	case casefile.PaymentSettled:
		m := t.of(e.Case)
		t.placed.Visit = t.placed.Visit.Sub(h.Bill).Sub(h.Surplus).Sub(h.Owes)
		t.placed.Bills, t.placed.Surplus = t.placed.Bills.Add(h.Bill), t.placed.Surplus.Add(h.Surplus)
		m.in, m.settled, m.bill, m.extra = m.in.Sub(h.Bill).Sub(h.Surplus).Sub(h.Owes), true, h.Bill, h.Surplus
		if h.Owed != "" {
			t.owe(e.Case, h.Owed, h.Owes)
		}
	case casefile.BillPosted:
		t.of(e.Case).booked = e.Kind
	case casefile.BillRefused, casefile.BillRefunded:
		m := t.of(e.Case)
		t.placed.Bills, t.placed.Surplus = t.placed.Bills.Sub(m.bill), t.placed.Surplus.Sub(m.extra)
		m.booked, m.bill, m.extra = e.Kind, 0, 0
		if e.Kind == casefile.BillRefused {
			t.owe(e.Case, h.Owed, h.Amount)
		} else {
			t.placed.Refunded = t.placed.Refunded.Add(h.Amount)
		}
	}
}

func (t *tally) addOrder(e casefile.Event, h casefile.Header) {
	o, m := t.orders[h.Attempt], t.matters[e.Case]
	if e.Kind == casefile.OrderBegun {
		t.orders[h.Attempt] = &order{caseID: e.Case, amount: h.Amount, state: e.Kind}
		t.of(e.Case).ordersOpen++
		return
	}
	if o == nil || m == nil {
		return
	}
	switch e.Kind {
	case casefile.OrderPaid:
		m.ordersOpen--
		m.paid++
		m.phone = true
		m.in, m.ever = m.in.Add(h.Amount), m.ever.Add(h.Amount)
		t.byPhone, t.placed.Visit = t.byPhone.Add(h.Amount), t.placed.Visit.Add(h.Amount)
	case casefile.OrderClosed:
		m.ordersOpen--
	case casefile.OrderRefunded:
		m.paid--
		m.in = m.in.Sub(h.Amount)
		t.placed.Visit, t.placed.Refunded = t.placed.Visit.Sub(h.Amount), t.placed.Refunded.Add(h.Amount)
	default:
		return
	}
	o.state = e.Kind
}

func (t *tally) addOwed(e casefile.Event, h casefile.Header) {
	switch e.Kind {
	case casefile.OwedRecoded:
		t.fresh[h.Owed] = true
		if d := t.debts[h.Owed]; d != nil {
			d.coded = true
		}
	case casefile.OwedPaid:
		if d := t.debts[h.Owed]; d != nil {
			d.paid = true
		}
		t.placed.Owed, t.placed.PaidOut = t.placed.Owed.Sub(h.Amount), t.placed.PaidOut.Add(h.Amount)
	}
}

func (t *tally) addPayout(e casefile.Event, h casefile.Header) {
	p := t.payouts[h.Payout]
	if p == nil {
		p = &payout{caseID: e.Case, owed: h.Owed}
	}
	switch e.Kind {
	case casefile.PayoutBegun:
		t.payouts[h.Payout] = &payout{caseID: e.Case, owed: h.Owed, pieces: h.Pieces, state: e.Kind}
		t.payoutOpen++
	case casefile.PayoutEnded, casefile.PayoutDoubtful:
		p.state = e.Kind
		t.payoutOpen--
		t.payOut(p, h.Amount, h.Pieces)
		if e.Kind == casefile.PayoutDoubtful {
			p.unsure, p.back = h.Unsure, h.Owed
			t.placed.Owed, t.placed.Doubtful = t.placed.Owed.Sub(h.Unsure.Total()), t.placed.Doubtful.Add(h.Unsure.Total())
			t.stock.Inside, t.stock.Unsure = t.stock.Inside.Minus(h.Unsure), t.stock.Unsure.With(h.Unsure)
			t.lessen(p.owed, h.Unsure.Total())
		}
	case casefile.PayoutSettled:
		t.settlePayout(p, h)
	case casefile.StockLoaded:
		t.stock.Loaded, t.stock.Inside = t.stock.Loaded.With(h.Pieces), t.stock.Inside.With(h.Pieces)
	case casefile.StockCounted:
		for _, row := range h.Counted.Minus(t.stock.Inside) {
			if row.Count > 0 {
				t.stock.Loaded = t.stock.Loaded.Plus(row.Face, row.Currency, row.Count)
			} else {
				t.stock.TakenOut = t.stock.TakenOut.Plus(row.Face, row.Currency, -row.Count)
			}
		}
		t.stock.Inside = h.Counted
	}
}

// payOut is what surely came out for a debt.
func (t *tally) payOut(p *payout, amount money.Fen, pieces money.Counts) {
	t.placed.Owed, t.placed.PaidOut = t.placed.Owed.Sub(amount), t.placed.PaidOut.Add(amount)
	t.stock.Inside, t.stock.Paid = t.stock.Inside.Minus(pieces), t.stock.Paid.With(pieces)
	t.lessen(p.owed, amount)
}

// lessen takes from a debt what was paid of it, or is in doubt.
func (t *tally) lessen(owed string, amount money.Fen) {
	if d := t.debts[owed]; d != nil {
		d.amount = d.amount.Sub(amount)
		d.paid = d.amount == 0
	}
}

func (t *tally) settlePayout(p *payout, h casefile.Header) {
	p.state = casefile.PayoutSettled
	t.stock.Unsure = t.stock.Unsure.Minus(p.unsure)
	t.placed.Doubtful = t.placed.Doubtful.Sub(p.unsure.Total())
	if h.As == "kept" {
		t.stock.Inside = t.stock.Inside.With(p.unsure)
		t.owe(p.caseID, p.back, p.unsure.Total())
		return
	}
	t.stock.Paid = t.stock.Paid.With(p.unsure)
	t.placed.PaidOut = t.placed.PaidOut.Add(p.unsure.Total())
}

func (t *tally) addPaper(e casefile.Event, h casefile.Header) {
	switch e.Kind {
	case casefile.PaperBegun:
		t.papers[h.Paper] = &paper{caseID: e.Case, what: h.What, way: h.Way, owed: h.Owed}
		t.papersOpen++
		delete(t.fresh, h.Owed)
	case casefile.PaperPrinted, casefile.PaperFailed:
		t.papersOpen--
		if p := t.papers[h.Paper]; p != nil {
			p.ended = true
		}
	}
}

func (t *tally) addSheet(e casefile.Event, h casefile.Header) {
	s := t.sheets[h.Permit]
	switch e.Kind {
	case casefile.BlanksLoaded:
		pack := casefile.Pack{First: h.First, Count: h.Count}
		t.packs, t.trays[h.Tray] = append(t.packs, pack), append(t.trays[h.Tray], pack)
		t.blanks.Received, t.blanks.InTray = t.blanks.Received+h.Count, t.blanks.InTray+h.Count
	case casefile.BlankVoided:
		t.take(h.Tray)
		t.serials[h.Serial] = "void"
		t.blanks.Void++
		if h.Who != "printer" {
			t.byHand++
		}
	case casefile.LicensePrinting:
		t.sheets[h.Permit] = &sheet{caseID: e.Case, form: h.Form, tray: h.Tray, serial: h.Serial, state: e.Kind}
		t.sheetsOpen++
	case casefile.LicensePrinted, casefile.LicenseFailed, casefile.LicenseSpoiled, casefile.LicenseDoubtful:
		t.sheetsOpen--
		if s != nil {
			s.state = e.Kind
			t.endSheet(s, e.Kind, h)
		}
	case casefile.LicenseSettled:
		t.blanks.Doubtful--
		state := casefile.LicensePrinted
		if h.As == "printed" {
			t.blanks.Issued++
		} else {
			state = casefile.LicenseSpoiled
			t.blanks.Void++
		}
		if s != nil {
			s.state = state
			t.serials[s.serial] = string(state)
		}
	}
}

// endSheet takes the blank out of the tray that it was drawn from; a sheet of plain paper is no blank.
func (t *tally) endSheet(s *sheet, kind casefile.Kind, h casefile.Header) {
	if kind == casefile.LicenseFailed {
		return
	}
	t.serials[s.serial] = string(kind)
	tray := s.tray
	if h.Tray != "" && h.Tray != tray {
		if tray = h.Tray; len(t.trays[tray]) == 0 {
			return
		}
		t.serials[t.trays[tray][0].First] = "void" // the blank that was drawn instead
	}
	t.take(tray)
	switch kind {
	case casefile.LicensePrinted:
		t.blanks.Issued++
	case casefile.LicenseSpoiled:
		t.blanks.Void++
	case casefile.LicenseDoubtful:
		t.blanks.Doubtful++
	}
}

// next is the serial of the next blank of a tray, "" when it has none.
func (t *tally) next(tray string) string {
	if len(t.trays[tray]) == 0 {
		return ""
	}
	return t.trays[tray][0].First
}

// take draws the next blank of a tray.
func (t *tally) take(tray string) {
	packs := t.trays[tray]
	if len(packs) == 0 {
		return
	}
	t.blanks.InTray--
	first := casefile.Pack{First: casefile.After(packs[0].First), Count: packs[0].Count - 1}
	t.trays[tray] = packs[1:]
	if first.Count > 0 {
		t.trays[tray] = append([]casefile.Pack{first}, packs[1:]...)
	}
}
