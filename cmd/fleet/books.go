package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/money"
	"yichuang/sync/hall"
)

// drainMax is how long the fleet may take after a day to have said everything.
const drainMax = 20 * time.Minute

// end is a day's end: everything is said, all books are compared, and the trace takes them in.
func (f *fleet) end() {
	ctx := context.Background()
	if f.plan.meddle != nil {
		f.plan.meddle(f)
	}
	f.service()
	books, err := f.drain(ctx)
	if err != nil {
		f.bad("fleet", "day.drains", err.Error())
	}
	f.out.Checked["day.drains"]++
	f.compare(ctx, books)
	f.tell(books)
}

// service is the technician who goes from terminal to terminal in the evening.
func (f *fleet) service() {
	for _, u := range f.units {
		u.w.Slot.Await()
		c := u.citizen()
		if c.Service(); c.Err != nil {
			f.bad(u.id(), "day.service", c.Err.Error())
		}
	}
	f.out.Checked["day.service"]++
}

// books are everybody's at one instant.
type books struct {
	hall     hall.Ledger
	orders   []order          // the gateway's
	raw      []byte           // and as it told them
	postings []posting        // the company's
	terminal map[string]*unit // by case
}

// order is one payment by phone as the gateway has it.
type order struct {
	No      string `json:"out_trade_no"`
	Paid    int64  `json:"paid_fen"`
	Refunds []struct {
		Amount int64  `json:"amount_fen"`
		Status string `json:"status"`
	} `json:"refunds"`
}

// kept is what the gateway has taken and not given back.
func (o order) kept() (sum money.Fen) {
	sum = money.Fen(o.Paid)
	for _, r := range o.Refunds {
		if r.Status == "SUCCESS" {
			sum = sum.Sub(money.Fen(r.Amount))
		}
	}
	return sum
}

// posting is one booking of the company.
type posting struct {
	account, reference string
	amount             money.Fen
}

// drain waits until nothing is open anywhere and the hall has drawn what there is to draw.
func (f *fleet) drain(ctx context.Context) (b *books, err error) {
	for end := time.Now().Add(drainMax); ; time.Sleep(5 * time.Second) {
		if f.said() != nil && time.Now().Before(end) {
			continue // the books of all days need not be read to know that
		}
		b, err = f.read(ctx)
		if err == nil {
			err = f.quiet(b)
		}
		if err == nil && len(f.differences(b)) == 0 || time.Now().After(end) {
			return b, err
		}
	}
}

// quiet says what is still on its way.
func (f *fleet) quiet(b *books) error {
	if len(b.hall.Awaited) > 0 {
		return fmt.Errorf("the hall waits for %v", b.hall.Awaited)
	}
	heads := map[string]int64{}
	for _, t := range b.hall.Terminals {
		if t.Processed != t.Cursor {
			return fmt.Errorf("%s: the hall has %d records and has drawn %d", t.ID, t.Cursor, t.Processed)
		}
		heads[t.ID] = max(heads[t.ID], t.Cursor)
	}
	for _, u := range f.units {
		if s := u.w.Link.Status(); heads[u.id()] != s.Head {
			return fmt.Errorf("%s: %+v, the hall is at %d", u.id(), s, heads[u.id()])
		}
	}
	return f.said()
}

// said says what a terminal has not said or ended yet.
func (f *fleet) said() error {
	for _, u := range f.units {
		s := u.w.Link.Status()
		open := 0
		u.w.Journal.Book(func(b *casefile.Book) { open = b.OpenBegun() })
		if v := u.w.Stage.View(); !s.Up || s.Cursor != s.Head || open > 0 || v.Visit != "" {
			return fmt.Errorf("%s: %+v, %d things open, the page is %s", u.id(), s, open, v.Page)
		}
	}
	return nil
}

// read takes everybody's books.
func (f *fleet) read(ctx context.Context) (b *books, err error) {
	b = &books{terminal: map[string]*unit{}}
	if b.hall, err = f.land.Ledger(ctx); err != nil {
		return b, err
	}
	if b.raw, err = f.land.Orders(); err != nil {
		return b, err
	}
	if err := json.Unmarshal(b.raw, &b.orders); err != nil {
		return b, err
	}
	for _, account := range f.land.Accounts {
		rows, err := f.land.Books.Postings(ctx, account)
		if err != nil {
			return b, err
		}
		for _, r := range rows {
			b.postings = append(b.postings, posting{account, r.Reference, money.Fen(r.Amount)})
		}
	}
	for _, u := range f.units {
		u.w.Journal.Book(func(book *casefile.Book) {
			for id := range book.Cases {
				b.terminal[id] = u
			}
		})
	}
	return b, nil
}

// differences compares the books by case and by order, and gives the sum of what differs.
func (f *fleet) differences(b *books) map[string]money.Fen {
	booked, kept := map[string]money.Fen{}, map[string]money.Fen{} // by case, by order, as the terminals say
	for _, u := range f.units {
		u.w.Journal.Book(func(book *casefile.Book) {
			for id, c := range book.Cases {
				booked[id] = c.Bill.Add(c.Surplus)
			}
			for no, o := range book.Orders {
				if o.State == casefile.OrderPaid && !refunded(book, o) {
					kept[no] = o.Amount
				}
			}
		})
	}
	out := map[string]money.Fen{}
	differ := func(what string, a, b map[string]money.Fen) {
		for id := range both(a, b) {
			if d := a[id].Sub(b[id]); d != 0 {
				out[what+" "+id] = d
			}
		}
	}
	atHall, atCompany, atGateway := map[string]money.Fen{}, map[string]money.Fen{}, map[string]money.Fen{}
	for _, p := range b.hall.Payments {
		atHall[p.Case] = atHall[p.Case].Add(money.Fen(p.Posted))
	}
	for _, p := range b.postings {
		atCompany[p.reference] = atCompany[p.reference].Add(p.amount)
	}
	for _, o := range b.orders {
		atGateway[o.No] = o.kept()
	}
	differ("hall and terminal:", atHall, booked)
	differ("company and hall:", atCompany, atHall)
	differ("gateway and terminal:", atGateway, kept)
	return out
}

// refunded says whether what an order paid went back to the phone after it had been placed.
func refunded(b *casefile.Book, o *casefile.Order) bool {
	c := b.Cases[o.Case]
	return c != nil && c.ByPhone && c.Settled && c.Bill.Add(c.Surplus) == 0
}

func both(a, b map[string]money.Fen) map[string]bool {
	out := map[string]bool{}
	for id := range a {
		out[id] = true
	}
	for id := range b {
		out[id] = true
	}
	return out
}

// compare looks whether everything holds at a day's end.
func (f *fleet) compare(ctx context.Context, b *books) {
	differ := f.differences(b)
	for _, what := range slices.Sorted(maps.Keys(differ)) {
		f.bad("fleet", "day.difference", fmt.Sprintf("%s %s", what, differ[what]))
		f.out.Difference = f.out.Difference.Add(max(differ[what], -differ[what]))
	}
	f.out.Checked["day.difference"] += int64(len(b.terminal) + len(b.orders) + len(b.postings))
	for _, v := range f.land.Audit(ctx, f.out.Checked) {
		f.bad("hall", v.Invariant, v.What)
	}
	f.claims()
	f.out.Payments, f.out.Notes, f.out.Records, f.out.Taken, f.out.Billed = 0, 0, 0, 0, 0
	for _, u := range f.units {
		for _, v := range u.w.CheckOwn(ctx, u.losses, b.of(u), f.out.Checked) {
			f.bad(u.id(), v.Invariant, v.What)
		}
		u.w.Journal.Book(func(book *casefile.Book) {
			for _, c := range book.Cases {
				if c.Settled {
					f.out.Payments++
					f.out.Billed = f.out.Billed.Add(c.Due)
				}
			}
			for _, row := range book.Stacked {
				f.out.Notes += row.Count
			}
			f.out.Records += book.Seq
			f.out.Taken = f.out.Taken.Add(book.StackedFen).Add(book.QRPaid)
		})
	}
}

// of is what the hall says of one terminal.
func (b *books) of(u *unit) *invariant.HallBooks {
	h := &invariant.HallBooks{Originals: map[string]int64{}, Drawn: true}
	epoch := u.w.Journal.Epoch()
	for _, t := range b.hall.Terminals {
		if t.ID != u.id() {
			continue
		}
		h.Records, h.Gaps, h.Quarantined = h.Records+t.Records, h.Gaps+t.Gaps, h.Quarantined+t.Quarantined
		if h.Drawn = h.Drawn && t.Processed == t.Cursor; t.Epoch == epoch {
			h.Cursor = t.Cursor
		}
	}
	for _, p := range b.hall.Payments {
		if b.terminal[p.Case] == u {
			h.Payments = append(h.Payments, invariant.HallPayment{Case: p.Case, In: money.Fen(p.Paid), Posted: money.Fen(p.Posted)})
		}
	}
	for _, o := range b.hall.Owed {
		if b.terminal[o.Case] == u {
			h.Debts = append(h.Debts, invariant.HallDebt{ID: o.ID, Amount: money.Fen(o.Amount), State: o.State})
		}
	}
	for _, l := range b.hall.Licenses {
		if b.terminal[l.Case] == u {
			h.Originals[l.Case] = l.LiveOriginals
		}
	}
	return h
}

// tell takes everything that happened into the trace.
func (f *fleet) tell(b *books) {
	for i, u := range f.units {
		records, err := u.w.Journal.Read(context.Background(), f.told[i], 0)
		if err != nil {
			f.bad(u.id(), "journal.reads", err.Error())
		}
		for _, r := range records {
			fmt.Fprintln(f.trace, r.Terminal, r.Epoch, r.Seq, r.Time, r.Quality, r.Case, r.Kind, string(r.Header))
			f.told[i] = r.Seq
		}
	}
	for _, row := range []any{b.hall.Terminals, b.hall.Payments, b.hall.Cases, b.hall.Licenses, b.hall.Owed, b.hall.Epoch} {
		raw, err := json.Marshal(row)
		if err != nil {
			panic(err) // plain rows
		}
		fmt.Fprintf(f.trace, "%s\n", raw)
	}
	fmt.Fprintf(f.trace, "%s\n", b.raw)
	for _, p := range b.postings {
		fmt.Fprintln(f.trace, p.account, p.reference, p.amount)
	}
}
