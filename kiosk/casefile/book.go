package casefile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"yichuang/kiosk/money"
)

// Book is what a journal adds up to. Apply is its only door; it refuses an event that cannot follow
// from what was before, so that a mistake of ours stops before it is written down.
type Book struct {
	Seq int64 // the last event applied

	Stacked, Returned, Doubtful money.Counts // notes, over the whole life of the journal
	StackedFen, QRPaid          money.Fen    // what came in; StackedFen counts doubtful notes too
	Placed                      Places

	Notes    map[int64]*Note     // open and doubtful ones
	Unknown  map[string]*Unknown // notes that nobody saw, which may have gone into the box, by the id they would be owed under
	CashOpen string              // the case that notes are taken for
	Orders   map[string]*Order   // all attempts, by out_trade_no
	Cases    map[string]*Case
	Owed     map[string]*Owed
	Redeemed map[string]money.Fen // slips of other terminals that were paid out here, by what they were owed under
	Papers   map[string]*Paper    // open ones
	Cuts     int64                // the receipt printer's count before the last strip; 0 when it keeps none
	Sheets   map[string]*Sheet    // all, by permit
	Trays    map[string]*Tray
	Blanks   Blanks
	Received []Pack // every run of blanks that was ever loaded
	Box      Box
	Closing  Closing // the last one; its number is 0 while there was none

	Coins   money.Counts       // coins, over the whole life of the journal
	CoinBox Box                // of the coin acceptor; it has no number
	Payouts map[string]*Payout // open and doubtful ones
	Stock   Stock

	NextNote   int64
	LastPaying string // the case that last chose a bill
	Mark       Mark   // the acceptor's memory as of the last event that knew it
	MarkSeq    int64  // and that event's number
	CoinMark   Mark   // the coin acceptor's, and the number of its event
	CoinSeq    int64
	Visit      string // the visit that has begun and not ended
}

// Places are where money stands. Their sum is always what came in.
type Places struct {
	Visit    money.Fen `json:"visit"` // in the box and not yet placed
	Bills    money.Fen `json:"bills"`
	Surplus  money.Fen `json:"surplus"`
	Owed     money.Fen `json:"owed"`
	PaidOut  money.Fen `json:"paid_out"`
	Refunded money.Fen `json:"refunded"`
	Doubtful money.Fen `json:"doubtful"`
}

// Sum is all of it.
func (p Places) Sum() money.Fen {
	return p.Visit.Add(p.Bills).Add(p.Surplus).Add(p.Owed).Add(p.PaidOut).Add(p.Refunded).Add(p.Doubtful)
}

// Note is a note that is neither surely stacked nor surely returned.
type Note struct {
	Number   int64
	Case     string
	Face     money.Fen
	Currency string
	State    Kind // NoteEscrowed, NoteStacking, NoteReturning or NoteDoubtful
	Since    time.Time
	Asked    string
	Owed     string // when doubtful: the id under which it will be owed if it is found in the box
	Claim    string
	Slip     string // when doubtful: the way its slip with a code went out; "" while it has none
	Coded    bool   // a code for it was given out
}

// Stray is the service of a case for money that came when nobody was paying with cash.
const Stray = "cash.stray"

// Unknown is a note that may have been on its way when terminal and acceptor lost their power together: the
// terminal had not heard of it, and the acceptor has forgotten. Its face, if there is one, is known when
// the box is counted.
type Unknown struct {
	ID    string
	Coin  bool // it would have been a coin
	Case  string
	Since time.Time
	Asked string
}

// Order is one attempt to be paid by phone.
type Order struct {
	Attempt string
	Case    string
	Amount  money.Fen
	Mode    string
	Expires time.Time
	State   Kind // OrderBegun, OrderPaid, OrderClosed or OrderRefunded
	How     string
}

// Case is what is known of one case at this end.
type Case struct {
	ID        string
	Visit     string
	Service   string
	Catalog   int64
	Language  string
	Opened    time.Time
	Submitted bool
	State     string // what the hall decided
	Code      string
	License   string
	Biller    string
	Due       money.Fen
	Part      bool
	Rule      string    // what becomes of a surplus: balance, owed
	Visiting  money.Fen // in the box (or paid by phone) and not yet placed
	Bill      money.Fen
	Surplus   money.Fen
	Settled   bool
	Posted    bool
	ByPhone   bool
	Receipt   bool         // its receipt came out
	Faces     money.Counts // notes stacked
	Coins     money.Counts // coins taken
	Paid      money.Fen    // paid back here by the machine
}

// Owed is money that a person gets back.
type Owed struct {
	ID     string
	Case   string
	Amount money.Fen
	Claim  string
	Since  time.Time
	Paid   bool
	PaidAt time.Time
	Where  string // where it was paid, when not here
	Slip   string // the way its slip went out: receipt, tray, screen; "" while it has none
	Coded  bool   // a code for it was given out: then it is paid by that code alone
}

// Payout is pieces that are being paid out, or of which the payer cannot say whether they came out.
type Payout struct {
	ID     string
	Case   string
	Owed   string // what it pays
	Amount money.Fen
	Pieces money.Counts
	Memory Memory
	Since  time.Time
	State  Kind // PayoutBegun or PayoutDoubtful
	Unsure money.Counts
	Asked  string
	Back   string // when doubtful: the id under which the unsure pieces will be owed if they are still inside
	Claim  string
	Slip   string // when doubtful: the way its slip went out; "" while it has none
	Coded  bool   // a code for them was given out
}

// Stock is the pieces that the terminal can pay out. Loaded = Inside + Paid + Unsure + TakenOut − Stored, face by face.
type Stock struct {
	Inside   money.Counts `json:"inside"`
	Loaded   money.Counts `json:"loaded"`
	Stored   money.Counts `json:"stored"` // notes and coins of citizens that went here
	Paid     money.Counts `json:"paid"`
	Unsure   money.Counts `json:"unsure"`
	TakenOut money.Counts `json:"taken_out"`
}

// Paper is a receipt or slip that is being printed.
type Paper struct {
	ID, Case, What, Owed string
	Way                  string // receipt, tray, screen; "" in journals from before it was written
	Cuts                 int64
	Since                time.Time
}

// Sheet is one printing of a license on one blank.
type Sheet struct {
	Permit, Case, License, Form, Tray, Serial, Document string
	State                                               Kind // LicensePrinting, LicensePrinted, LicenseFailed, LicenseSpoiled or LicenseDoubtful
	Since                                               time.Time
	Asked                                               string
}

// Tray is a tray with numbered blanks, the next one first.
type Tray struct {
	Name, Media string
	Packs       []Pack
}

// Pack is a run of blanks with consecutive serials.
type Pack struct {
	First string
	Count int64
}

// Overlap is a serial that both packs have, "" when there is none.
func (p Pack) Overlap(q Pack) string {
	head, first, digits := split(p.First)
	otherHead, other, otherDigits := split(q.First)
	if head != otherHead || digits != otherDigits {
		return ""
	}
	from := max(first, other)
	if from >= min(first+p.Count, other+q.Count) {
		return ""
	}
	return fmt.Sprintf("%s%0*d", head, digits, from)
}

// split gives what a serial begins with, its number, and how many digits that has.
func split(serial string) (head string, n int64, digits int) {
	head = strings.TrimRight(serial, "0123456789")
	n, _ = strconv.ParseInt(serial[len(head):], 10, 64) // without digits, or with too many, it has no place among others
	return head, n, len(serial) - len(head)
}

// Left is how many blanks are in the tray.
func (t *Tray) Left() int64 {
	var n int64
	if t == nil {
		return 0
	}
	for _, p := range t.Packs {
		n += p.Count
	}
	return n
}

// Next is the serial of the next blank.
func (t *Tray) Next() (serial string, ok bool) {
	if t == nil || len(t.Packs) == 0 {
		return "", false
	}
	return t.Packs[0].First, true
}

// take removes the next blank.
func (t *Tray) take() {
	p := &t.Packs[0]
	p.First, p.Count = After(p.First), p.Count-1
	if p.Count == 0 {
		t.Packs = t.Packs[1:]
	}
}

// After is the serial that follows: the digits at its end count up, letters stay.
func After(serial string) string {
	b := []byte(serial)
	for i := len(b) - 1; i >= 0 && b[i] >= '0' && b[i] <= '9'; i-- {
		if b[i] < '9' {
			b[i]++
			return string(b)
		}
		b[i] = '0'
	}
	return string(b)
}

// Blanks counts numbered blanks: Received = Issued + Void + InTray + Doubtful.
type Blanks struct {
	Received int64 `json:"received"`
	Issued   int64 `json:"issued"`
	Void     int64 `json:"void"`
	InTray   int64 `json:"in_tray"`
	Doubtful int64 `json:"doubtful"`
}

// Box is the cash box that is in the acceptor now, as the journal knows it.
type Box struct {
	ID     string
	Out    bool
	New    bool    // it was put in since the last exchange: what is counted then is the former one
	Former string  // its name
	Notes  []Boxed // since the last exchange
}

// Full is the name of the box that is counted at the next exchange.
func (b Box) Full() string {
	if b.New && b.Former != "" {
		return b.Former
	}
	return b.ID
}

// Boxed is one note in the box and the event that put it there.
type Boxed struct {
	Seq      int64
	Face     money.Fen
	Currency string
}

// Counts is the box by faces.
func (b Box) Counts() money.Counts {
	out := money.Counts{}
	for _, n := range b.Notes {
		out = out.Plus(n.Face, n.Currency, 1)
	}
	return out
}

// NewBook is the book of an empty journal.
func NewBook() *Book {
	return &Book{
		Notes: map[int64]*Note{}, Unknown: map[string]*Unknown{}, Orders: map[string]*Order{}, Cases: map[string]*Case{}, Owed: map[string]*Owed{}, Redeemed: map[string]money.Fen{},
		Payouts: map[string]*Payout{}, Papers: map[string]*Paper{}, Sheets: map[string]*Sheet{}, Trays: map[string]*Tray{}, NextNote: 1,
	}
}

// OpenBegun counts what has begun and not ended: notes on their way, payouts, papers, sheets and orders. A doubtful
// one has ended for the machine and waits for a person.
func (b *Book) OpenBegun() int {
	n := len(b.Papers)
	for _, note := range b.Notes {
		if note.State != NoteDoubtful {
			n++
		}
	}
	for _, p := range b.Payouts {
		if p.State == PayoutBegun {
			n++
		}
	}
	for _, s := range b.Sheets {
		if s.State == LicensePrinting {
			n++
		}
	}
	for _, o := range b.Orders {
		if o.State == OrderBegun {
			n++
		}
	}
	return n
}

// OpenNote is the note that is on its way; there is at most one.
func (b *Book) OpenNote() *Note {
	for _, n := range b.Notes {
		if n.State != NoteDoubtful {
			return n
		}
	}
	return nil
}

// OpenPayout is the payout that has begun and not ended; there is at most one.
func (b *Book) OpenPayout() *Payout {
	for _, p := range b.Payouts {
		if p.State == PayoutBegun {
			return p
		}
	}
	return nil
}

// OpenOrder is the attempt of a case that is not definite; there is at most one.
func (b *Book) OpenOrder(caseID string) *Order {
	for _, o := range b.Orders {
		if o.Case == caseID && o.State == OrderBegun {
			return o
		}
	}
	return nil
}

// LiveSheet is the sheet of a case and form that is printed, being printed or doubtful.
func (b *Book) LiveSheet(caseID, form string) *Sheet {
	for _, s := range b.Sheets {
		if s.Case == caseID && s.Form == form && (s.State == LicensePrinted || s.State == LicensePrinting || s.State == LicenseDoubtful) {
			return s
		}
	}
	return nil
}

// DeadBlank is the next blank of a tray when its number is used up already, "" when it is not: a sheet with this number
// was drawn from another tray, and the blank itself still lies there until a person takes it out.
func (b *Book) DeadBlank(tray string) string {
	next, _ := b.Trays[tray].Next()
	for _, s := range b.Sheets {
		if s.Serial == next && next != "" && s.State != LicensePrinting && s.State != LicenseFailed {
			return next
		}
	}
	return ""
}

// UnclearBlank is a blank of a tray of which nobody knows whether it was drawn, "" when there is none: until a person has
// looked it may still lie there, and then every number that follows is another one than on its blank.
func (b *Book) UnclearBlank(tray string) (serial string) {
	for _, s := range b.Sheets {
		if s.Tray == tray && s.State == LicenseDoubtful && (serial == "" || s.Serial < serial) {
			serial = s.Serial
		}
	}
	return serial
}

// OwedOf gives what is owed in a case, the oldest first.
func (b *Book) OwedOf(caseID string) []*Owed {
	var out []*Owed
	for _, o := range b.Owed {
		if o.Case == caseID {
			out = append(out, o)
		}
	}
	slices.SortFunc(out, func(x, y *Owed) int { return x.Since.Compare(y.Since) })
	return out
}

// Check says what of the book does not hold: money in equals money placed, blanks received equal
// blanks accounted for, and so on. Nothing is the good answer.
func (b *Book) Check() []string {
	var bad []string
	if in := b.StackedFen.Add(b.QRPaid); in != b.Placed.Sum() {
		bad = append(bad, fmt.Sprintf("money: %s came in and %s is placed", in, b.Placed.Sum()))
	}
	if got := b.Stacked.Total().Add(b.Doubtful.Total()).Add(b.Coins.Total()); got != b.StackedFen {
		bad = append(bad, fmt.Sprintf("notes and coins: %s by faces and %s in sum", got, b.StackedFen))
	}
	if s := b.Stock; len(s.Loaded.With(s.Stored).Minus(s.Paid).Minus(s.Unsure).Minus(s.TakenOut).Minus(s.Inside)) != 0 {
		bad = append(bad, fmt.Sprintf("stock: %v inside of %v loaded and %v stored; %v paid, %v unsure, %v taken out", s.Inside, s.Loaded, s.Stored, s.Paid, s.Unsure, s.TakenOut))
	}
	doubtful := b.Doubtful.Total()
	for _, p := range b.Payouts {
		doubtful = doubtful.Add(p.Unsure.Total())
	}
	if doubtful != b.Placed.Doubtful {
		bad = append(bad, fmt.Sprintf("doubtful: %s in notes and payouts and %s in sum", doubtful, b.Placed.Doubtful))
	}
	var visiting, owed money.Fen
	for _, c := range b.Cases {
		visiting = visiting.Add(c.Visiting)
	}
	for _, o := range b.Owed {
		if !o.Paid {
			owed = owed.Add(o.Amount)
		}
	}
	if visiting != b.Placed.Visit {
		bad = append(bad, fmt.Sprintf("visit: %s in the cases and %s in sum", visiting, b.Placed.Visit))
	}
	if owed != b.Placed.Owed {
		bad = append(bad, fmt.Sprintf("owed: %s in the slips and %s in sum", owed, b.Placed.Owed))
	}
	if b.Closing.Total > b.Total() {
		bad = append(bad, fmt.Sprintf("closing: %s was closed and %s is all that was taken in", b.Closing.Total, b.Total()))
	}
	if k := b.Blanks; k.Received != k.Issued+k.Void+k.InTray+k.Doubtful {
		bad = append(bad, fmt.Sprintf("blanks: %d received; %d issued, %d void, %d in trays, %d doubtful", k.Received, k.Issued, k.Void, k.InTray, k.Doubtful))
	}
	var inTray int64
	for _, t := range b.Trays {
		inTray += t.Left()
	}
	if inTray != b.Blanks.InTray {
		bad = append(bad, fmt.Sprintf("blanks: %d in the trays and %d in sum", inTray, b.Blanks.InTray))
	}
	live := map[string]int{}
	for _, s := range b.Sheets {
		if s.State == LicensePrinted {
			live[s.Case+" "+s.Form]++
		}
	}
	for what, n := range live {
		if n > 1 {
			bad = append(bad, fmt.Sprintf("license: %s was printed %d times", what, n))
		}
	}
	open := 0
	for _, n := range b.Notes {
		if n.State != NoteDoubtful {
			open++
		}
	}
	if open > 1 {
		bad = append(bad, fmt.Sprintf("notes: %d are on their way at once", open))
	}
	return bad
}
