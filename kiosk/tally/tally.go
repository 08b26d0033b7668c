// Package tally adds up one day of a journal, and compares it with what others say of the same money: the person who counted the
// box, the hall, the billers, the gateway's bill.
//
// A day is one of Beijing's. A case belongs to a day on which money of it moved; what is compared is the whole case as it stands
// now, because all sides know it whole. What was counted by hand belongs to the day of the count. A difference names the events
// that the amount comes from, so that a person can look at them one by one; it does not say who is right.
//
// The package is pure: it is given the journal's events from the first one on, and what the others say.
package tally

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
)

// The sides of a difference.
const (
	Box     = "box"
	Journal = "journal"
	Hall    = "hall"
	Biller  = "biller"
	Gateway = "gateway"
)

// Difference is an amount that two sides do not agree about. It is above zero when the first of them has more.
type Difference struct {
	Between   []string
	What      string // cash, doubtful, placed, owed, open, booked, kept, paid, back, counted
	Amount    money.Fen
	Events    []int64
	Reference string // of a case, an order, a box
}

// zone is Beijing's. It has no summer time.
var zone = time.FixedZone("CST", 8*60*60)

// Day is one day of a journal.
type Day struct {
	Name string // 2026-11-20

	book    *casefile.Book
	cases   map[string]*caseSums
	orders  map[string]*orderSums
	moved   map[money.Fen][]int64 // events that moved pieces of the stock since it was counted, by face
	counted []Difference
}

// sum is an amount and the events that it comes from.
type sum struct {
	fen    money.Fen
	events []int64
}

func (s *sum) add(fen money.Fen, seq int64) {
	s.fen = s.fen.Add(fen)
	s.events = append(s.events, seq)
}

// caseSums is what a case adds up to, in the hall's terms.
type caseSums struct {
	today                        bool // money of it moved on the day
	debts                        []string
	stacked, doubtful            sum
	placed, owed, open, standing sum // standing: placed and not taken back
}

type orderSums struct {
	caseID string
	today  bool // paid on the day
	kept   sum
}

// New begins a day, such as 2026-11-20.
func New(name string) (*Day, error) {
	if _, err := time.Parse(time.DateOnly, name); err != nil {
		return nil, fmt.Errorf("day %q: want one such as 2026-11-20", name)
	}
	return &Day{Name: name, book: casefile.NewBook(), cases: map[string]*caseSums{}, orders: map[string]*orderSums{}, moved: map[money.Fen][]int64{}}, nil
}

// Add takes in the next event of the journal.
func (d *Day) Add(seq int64, at time.Time, e casefile.Event) error {
	today := at.In(zone).Format(time.DateOnly) == d.Name
	if today {
		d.count(seq, e)
	}
	before, debts := d.standing(e), d.debts(e)
	if err := d.book.Apply(seq, at, e); err != nil {
		return err
	}
	d.money(seq, e, before, debts)
	d.phone(seq, e, today)
	d.stock(seq, e)
	if c := d.cases[e.Case]; c != nil && today && moves[e.Kind] {
		c.today = true
	}
	return nil
}

// moves are the kinds that move a case's money.
var moves = map[casefile.Kind]bool{
	casefile.NoteStacked: true, casefile.CoinTaken: true, casefile.CoinFound: true, casefile.NoteDoubtful: true, casefile.NoteSettled: true,
	casefile.PaymentSettled: true, casefile.BillRefused: true, casefile.BillRefunded: true, casefile.BillPosted: true, casefile.OwedPaid: true,
	casefile.PayoutEnded: true, casefile.PayoutDoubtful: true, casefile.PayoutSettled: true,
}

// standing is what of the event's case is on the bill before the event.
func (d *Day) standing(e casefile.Event) money.Fen {
	if c := d.book.Cases[e.Case]; c != nil {
		return c.Bill.Add(c.Surplus)
	}
	return 0
}

// debts are the ids of what the event may make owed, or pay.
func (d *Day) debts(e casefile.Event) []string {
	ids := []string{e.Header.Owed}
	if n := d.book.Notes[e.Header.Note]; n != nil && e.Kind == casefile.NoteSettled {
		ids = append(ids, n.Owed)
	}
	if p := d.book.Payouts[e.Header.Payout]; p != nil {
		ids = append(ids, p.Owed, p.Back)
	}
	return ids
}

// money adds an event to its case.
func (d *Day) money(seq int64, e casefile.Event, standing money.Fen, debts []string) {
	if !moves[e.Kind] || e.Case == "" {
		return
	}
	c := d.cases[e.Case]
	if c == nil {
		c = &caseSums{}
		d.cases[e.Case] = c
	}
	h := e.Header
	switch e.Kind {
	case casefile.NoteStacked, casefile.CoinTaken:
		c.stacked.add(h.Face, seq)
	case casefile.CoinFound:
		c.stacked.add(h.Face, seq)
		c.owed.add(h.Face, seq)
	case casefile.NoteDoubtful:
		c.doubtful.add(h.Face, seq)
	case casefile.NoteSettled:
		c.doubtful.add(-h.Face, seq)
		if h.As == "stacked" {
			c.stacked.add(h.Face, seq)
			c.owed.add(h.Face, seq)
		}
	case casefile.PaymentSettled:
		c.placed.add(h.Bill.Add(h.Surplus), seq)
		c.standing.add(h.Bill.Add(h.Surplus), seq)
		if h.Owes > 0 {
			c.owed.add(h.Owes, seq)
		}
	case casefile.BillRefused:
		c.standing.add(-standing, seq)
		c.owed.add(h.Amount, seq)
	case casefile.BillRefunded:
		c.standing.add(-standing, seq)
	}
	d.open(c, debts, seq)
}

// open is what is owed in a case and not paid yet; an event that changes it is one that it comes from.
func (d *Day) open(c *caseSums, debts []string, seq int64) {
	for _, id := range debts {
		if d.book.Owed[id] != nil && !slices.Contains(c.debts, id) {
			c.debts = append(c.debts, id)
		}
	}
	var open money.Fen
	for _, id := range c.debts {
		if o := d.book.Owed[id]; !o.Paid {
			open = open.Add(o.Amount)
		}
	}
	if open != c.open.fen {
		c.open.add(open.Sub(c.open.fen), seq)
	}
}

// phone adds an event to its order.
func (d *Day) phone(seq int64, e casefile.Event, today bool) {
	h := e.Header
	if h.Attempt == "" {
		return
	}
	o := d.orders[h.Attempt]
	if o == nil {
		o = &orderSums{caseID: e.Case}
		d.orders[h.Attempt] = o
	}
	switch e.Kind {
	case casefile.OrderPaid:
		o.kept.add(h.Amount, seq)
		o.today = o.today || today
	case casefile.OrderRefunded, casefile.BillRefunded:
		o.kept.add(-h.Amount, seq)
	default:
		o.kept.add(0, seq) // no money, and what a person looks at when others tell of some
	}
}

// stock remembers which events moved pieces of which face in and out of the stock.
func (d *Day) stock(seq int64, e casefile.Event) {
	h := e.Header
	moved := func(face money.Fen) { d.moved[face] = append(d.moved[face], seq) }
	switch e.Kind {
	case casefile.StockCounted:
		d.moved = map[money.Fen][]int64{}
	case casefile.NoteStacked, casefile.NoteSettled, casefile.CoinTaken, casefile.CoinFound:
		if h.Store {
			moved(h.Face)
		}
	case casefile.StockLoaded, casefile.PayoutEnded, casefile.PayoutDoubtful:
		for _, row := range slices.Concat(h.Pieces, h.Unsure) {
			moved(row.Face)
		}
	case casefile.PayoutSettled:
		moved(0) // the pieces are those of the doubt
	}
}

// count compares what was counted by hand with the journal, before the count is taken in.
func (d *Day) count(seq int64, e casefile.Event) {
	boxed := func(box casefile.Box) func(money.Fen) []int64 {
		return func(face money.Fen) (events []int64) {
			for _, n := range box.Notes {
				if n.Face == face {
					events = append(events, n.Seq)
				}
			}
			return events
		}
	}
	h := e.Header
	switch e.Kind {
	case casefile.BoxExchanged:
		d.differ(seq, cmp.Or(h.Box, "notes"), h, boxed(d.book.Box))
	case casefile.CoinsExchanged:
		d.differ(seq, "coins", h, boxed(d.book.CoinBox))
	case casefile.StockCounted:
		d.differ(seq, "stock", h, func(face money.Fen) []int64 { return append(slices.Clone(d.moved[face]), d.moved[0]...) })
	}
}

// differ notes each face that was counted otherwise. Where the journal has no piece of a face, the count itself is the event.
func (d *Day) differ(seq int64, what string, h casefile.Header, from func(money.Fen) []int64) {
	for _, row := range h.Counted.Minus(h.Expected) {
		events := from(row.Face)
		if len(events) == 0 {
			events = []int64{seq}
		}
		d.counted = append(d.counted, Difference{Between: []string{Box, Journal}, What: "counted", Amount: row.Face.Times(row.Count), Events: events, Reference: what})
	}
}

// Cases are the cases of the day, for the hall to be asked about.
func (d *Day) Cases() (ids []string) {
	for id, c := range d.cases {
		if c.today {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Attempts are the orders that were paid on the day.
func (d *Day) Attempts() (numbers []string) {
	for no, o := range d.orders {
		if o.today {
			numbers = append(numbers, no)
		}
	}
	slices.Sort(numbers)
	return numbers
}
