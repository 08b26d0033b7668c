package tally

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
)

const day = "2026-11-20"

var morning = time.Date(2026, 11, 20, 0, 0, 0, 0, zone)

// world writes a journal, and beside it what honest others would say of it.
type world struct {
	t      *testing.T
	day    *Day
	seq    int64
	at     time.Time
	note   int64
	box    money.Counts
	coins  money.Counts
	cases  map[string]*office.CaseSide
	orders map[string]*office.OrderSide
	from   map[string][]int64 // the events of each case's cash
}

func newWorld(t *testing.T) *world {
	t.Helper()
	d, err := New(day)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, day: d, at: morning, cases: map[string]*office.CaseSide{}, orders: map[string]*office.OrderSide{}, from: map[string][]int64{}}
}

// happen appends one event, a third of a second after the one before.
func (w *world) happen(kind casefile.Kind, caseID string, h casefile.Header) int64 {
	w.t.Helper()
	w.seq++
	w.at = w.at.Add(300 * time.Millisecond)
	if err := w.day.Add(w.seq, w.at, casefile.Event{Kind: kind, Case: caseID, Header: h}); err != nil {
		w.t.Fatal(err)
	}
	return w.seq
}

func (w *world) open(caseID string) *office.CaseSide {
	w.happen(casefile.CaseOpened, caseID, casefile.Header{Visit: "v" + caseID, Service: "pay.water"})
	w.happen(casefile.BillChosen, caseID, casefile.Header{Biller: "water", Due: 100000, Part: true, Rule: "balance"})
	c := &office.CaseSide{Case: caseID, Asked: true}
	w.cases[caseID] = c
	return c
}

// insert puts a note into the box.
func (w *world) insert(c *office.CaseSide, face money.Fen) {
	w.note++
	h := casefile.Header{Note: w.note, Face: face, Currency: money.CNY}
	w.happen(casefile.NoteEscrowed, c.Case, h)
	w.happen(casefile.NoteStacking, c.Case, h)
	w.from[c.Case] = append(w.from[c.Case], w.happen(casefile.NoteStacked, c.Case, h))
	w.box = w.box.Plus(face, money.CNY, 1)
	c.Stacked = c.Stacked.Add(face)
}

func (w *world) coin(c *office.CaseSide, face money.Fen) {
	w.from[c.Case] = append(w.from[c.Case], w.happen(casefile.CoinTaken, c.Case, casefile.Header{Face: face, Currency: money.CNY}))
	w.coins = w.coins.Plus(face, money.CNY, 1)
	c.Stacked = c.Stacked.Add(face)
}

// settle places what is in: so much is owed, the rest is on the bill and booked.
func (w *world) settle(c *office.CaseSide, in, owes money.Fen) {
	h := casefile.Header{Bill: in.Sub(owes), Owes: owes}
	if owes > 0 {
		h.Owed, h.Claim = "O"+c.Case, "x"
	}
	w.happen(casefile.PaymentSettled, c.Case, h)
	c.Placed, c.Booked, c.Biller = h.Bill, h.Bill, h.Bill
	c.Owed, c.Open = c.Owed.Add(owes), c.Open.Add(owes)
}

// phone pays by phone.
func (w *world) phone(c *office.CaseSide, amount money.Fen) string {
	no := "Y" + c.Case + "N01"
	w.happen(casefile.OrderBegun, c.Case, casefile.Header{Attempt: no, Amount: amount, Mode: "show"})
	w.happen(casefile.OrderPaid, c.Case, casefile.Header{Attempt: no, Amount: amount})
	w.orders[no] = &office.OrderSide{Attempt: no, Case: c.Case, Kept: amount, Asked: true, Paid: amount, GatewayPaid: amount}
	return no
}

// refused has the biller refuse what was placed.
func (w *world) refused(c *office.CaseSide, no string) {
	amount := c.Placed
	c.Booked, c.Biller = 0, 0
	if no != "" {
		w.happen(casefile.BillRefunded, c.Case, casefile.Header{Amount: amount, Attempt: no})
		o := w.orders[no]
		o.Kept, o.Back, o.GatewayBack = 0, amount, amount
		return
	}
	w.happen(casefile.BillRefused, c.Case, casefile.Header{Amount: amount, Owed: "R" + c.Case, Claim: "x"})
	c.Owed, c.Open = c.Owed.Add(amount), c.Open.Add(amount)
}

func (w *world) sides() (s office.Sides) {
	for _, c := range w.cases {
		s.Cases = append(s.Cases, *c)
	}
	for _, o := range w.orders {
		s.Orders = append(s.Orders, *o)
	}
	return s
}

// busy is a day of many people. Every event of it is in the journal in its order.
func (w *world) busy(rnd *rand.Rand, events int64) {
	faces := []money.Fen{100, 500, 1000, 2000, 5000, 10000}
	for n := 0; w.seq < events; n++ {
		c := w.open(fmt.Sprintf("c%06d", n))
		if rnd.IntN(3) == 0 {
			no := w.phone(c, money.Fen(1+rnd.Int64N(100000)))
			w.settle(c, w.orders[no].Paid, 0)
			if rnd.IntN(20) == 0 {
				w.refused(c, no)
			}
			continue
		}
		for range 1 + rnd.IntN(5) {
			w.insert(c, faces[rnd.IntN(len(faces))])
		}
		for range rnd.IntN(3) {
			w.coin(c, []money.Fen{1, 10, 100}[rnd.IntN(3)])
		}
		owes := money.Fen(0)
		if rnd.IntN(4) == 0 {
			owes = money.Fen(1 + rnd.Int64N(int64(c.Stacked)))
		}
		w.settle(c, c.Stacked, owes)
		switch {
		case owes > 0 && rnd.IntN(2) == 0:
			w.happen(casefile.OwedPaid, c.Case, casefile.Header{Owed: "O" + c.Case, Amount: owes})
			c.Open = 0
		case owes == 0 && rnd.IntN(20) == 0:
			w.refused(c, "")
		}
	}
}

// exchange counts both boxes, with so much more of a face.
func (w *world) exchange(face money.Fen, more int64) {
	w.happen(casefile.BoxExchanged, "", casefile.Header{Box: "B7", Expected: w.box, Counted: w.box})
	w.happen(casefile.CoinsExchanged, "", casefile.Header{Expected: w.coins, Counted: w.coins.Plus(face, money.CNY, more)})
}

// TestOneFenInManyEvents: one fen of one event of a hundred thousand is another at one of the sides. The difference names that
// event, and no event of anybody else.
func TestOneFenInManyEvents(t *testing.T) {
	events := int64(100_000)
	if testing.Short() {
		events = 10_000
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	w.busy(rnd, events)
	if got := w.day.Compare(w.sides()); len(got) != 0 {
		t.Fatalf("seed %d: honest sides differ: %+v", seed, got)
	}
	if got := len(w.day.Cases()); got != len(w.cases) {
		t.Errorf("seed %d: got %d cases of the day, want %d", seed, got, len(w.cases))
	}
	s := w.sides()
	cash := slices.IndexFunc(s.Cases, func(c office.CaseSide) bool { return c.Stacked > 0 && c.Booked > 0 })
	order := slices.IndexFunc(s.Orders, func(o office.OrderSide) bool { return o.Kept > 0 })
	for what, row := range map[string]struct {
		falsify func(c *office.CaseSide, o *office.OrderSide)
		between [2]string
		amount  money.Fen
	}{
		"cash":     {func(c *office.CaseSide, _ *office.OrderSide) { c.Stacked++ }, [2]string{Journal, Hall}, -1},
		"doubtful": {func(c *office.CaseSide, _ *office.OrderSide) { c.Doubtful++ }, [2]string{Journal, Hall}, -1},
		"placed":   {func(c *office.CaseSide, _ *office.OrderSide) { c.Placed-- }, [2]string{Journal, Hall}, 1},
		"owed":     {func(c *office.CaseSide, _ *office.OrderSide) { c.Owed++ }, [2]string{Journal, Hall}, -1},
		"open":     {func(c *office.CaseSide, _ *office.OrderSide) { c.Open++ }, [2]string{Journal, Hall}, -1},
		"booked":   {func(c *office.CaseSide, _ *office.OrderSide) { c.Biller-- }, [2]string{Hall, Biller}, 1},
		"kept":     {func(_ *office.CaseSide, o *office.OrderSide) { o.Kept-- }, [2]string{Journal, Hall}, 1},
		"paid":     {func(_ *office.CaseSide, o *office.OrderSide) { o.GatewayPaid++ }, [2]string{Hall, Gateway}, -1},
		"back":     {func(_ *office.CaseSide, o *office.OrderSide) { o.GatewayBack++ }, [2]string{Hall, Gateway}, -1},
	} {
		other := office.Sides{Cases: slices.Clone(s.Cases), Orders: slices.Clone(s.Orders)}
		c, o := &other.Cases[cash], &other.Orders[order]
		row.falsify(c, o)
		got := w.day.Compare(other)
		if len(got) != 1 || got[0].Amount != row.amount || [2]string(got[0].Between) != row.between || got[0].What != what {
			t.Fatalf("seed %d: %s: got %+v", seed, what, got)
		}
		if ref := map[bool]string{true: o.Attempt, false: c.Case}[what == "kept" || what == "paid" || what == "back"]; got[0].Reference != ref {
			t.Errorf("seed %d: %s: reference %s, want %s", seed, what, got[0].Reference, ref)
		}
		if what == "cash" && !slices.Equal(got[0].Events, w.from[c.Case]) {
			t.Errorf("seed %d: events %v, want %v", seed, got[0].Events, w.from[c.Case])
		}
		if what != "doubtful" && what != "owed" && what != "open" && len(got[0].Events) == 0 {
			t.Errorf("seed %d: %s: names no event: %+v", seed, what, got[0])
		}
	}
	w.exchange(1, 1)
	got := w.day.Compare(w.sides())
	if len(got) != 1 || got[0].Amount != 1 || got[0].Reference != "coins" || len(got[0].Events) == 0 {
		t.Fatalf("seed %d: a coin of one fen too many: got %d differences, %+v", seed, len(got), got)
	}
}

// TestTheJournalHasWhatNobodyElseHas, and the other way round.
func TestSidesThatKnowNothing(t *testing.T) {
	w := newWorld(t)
	c := w.open("c1")
	w.insert(c, 10000)
	w.settle(c, 10000, 400)
	p := w.open("c2")
	no := w.phone(p, 700)
	w.settle(p, 700, 0)
	got := map[string]money.Fen{}
	for _, d := range w.day.Compare(office.Sides{Cases: []office.CaseSide{{Case: "c9", Stacked: 5000}}, Orders: []office.OrderSide{{Attempt: "Y9", Asked: true, GatewayPaid: 3}}}) {
		got[d.Reference+" "+d.What+" "+d.Between[1]] = d.Amount
	}
	for key, want := range map[string]money.Fen{"c1 cash hall": 10000, "c1 placed hall": 9600, "c1 booked hall": 9600, "c1 owed hall": 400, "c1 open hall": 400,
		"c2 placed hall": 700, "c2 booked hall": 700, no + " kept hall": 700, "c9 cash hall": -5000, "Y9 paid gateway": -3} {
		if got[key] != want {
			t.Errorf("%s: got %s, want %s", key, got[key], want)
		}
		delete(got, key)
	}
	if len(got) != 0 {
		t.Errorf("more than was wanted: %v", got)
	}
	s := w.sides()
	s.Orders, s.Missing = nil, []office.Missing{{Side: Gateway, Why: "no bill"}}
	s.Cases[0].Asked, s.Cases[0].Biller = false, 0
	if got := w.day.Compare(s); len(got) != 0 {
		t.Errorf("sides that could not be asked: got %+v", got)
	}
}

// TestOnlyItsDay: what happened on another day is not of this one, except when money of the same case moves on it.
func TestOnlyItsDay(t *testing.T) {
	w := newWorld(t)
	w.at = morning.Add(-time.Hour)
	old, later := w.open("old"), w.open("later")
	w.insert(old, 1000)
	w.settle(old, 1000, 0)
	w.insert(later, 2000)
	w.settle(later, 2000, 300)
	w.phone(w.open("phone"), 50)
	w.at = morning.Add(-250 * time.Millisecond)
	w.happen(casefile.OwedPaid, "later", casefile.Header{Owed: "Olater", Amount: 300}) // in the first instant of the day
	if got := w.day.Cases(); !slices.Equal(got, []string{"later"}) {
		t.Errorf("cases: got %v, want later alone", got)
	}
	if got := w.day.Attempts(); len(got) != 0 {
		t.Errorf("attempts: got %v, want none", got)
	}
	later.Open = 0
	w.at = morning.Add(24*time.Hour - 200*time.Millisecond)
	w.happen(casefile.BoxExchanged, "", casefile.Header{Expected: w.box}) // on the day after
	if got := w.day.Compare(office.Sides{Cases: []office.CaseSide{*later}}); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	if _, err := New("20.11.2026"); err == nil {
		t.Error("a day in another form: taken")
	}
	if err := w.day.Add(w.seq+2, w.at, casefile.Event{Kind: casefile.CashClosed}); err == nil {
		t.Error("an event is missing: taken")
	}
}

// TestDoubts: notes in doubt, and what a person found of them.
func TestDoubts(t *testing.T) {
	w := newWorld(t)
	c := w.open("c1")
	for n, as := range []string{"stacked", "returned", ""} {
		w.note++
		h := casefile.Header{Note: w.note, Face: 1000, Currency: money.CNY}
		w.happen(casefile.NoteEscrowed, "c1", h)
		h.Owed, h.Claim = fmt.Sprintf("D%d", n), "x"
		w.happen(casefile.NoteDoubtful, "c1", h)
		if as != "" {
			h.As = as
			w.happen(casefile.NoteSettled, "c1", h)
		}
	}
	c.Stacked, c.Owed, c.Open, c.Doubtful = 1000, 1000, 1000, 1000
	if got := w.day.Compare(w.sides()); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	c.Doubtful = 0
	got := w.day.Compare(w.sides())
	if len(got) != 1 || got[0].What != "doubtful" || got[0].Amount != 1000 || len(got[0].Events) != 5 {
		t.Errorf("a doubt that the hall does not have: got %+v", got)
	}
}

// TestStock: what was counted in the payer is compared with what went in and out of it.
func TestStock(t *testing.T) {
	w := newWorld(t)
	pieces := money.Counts{}.Plus(100, money.CNY, 10).Plus(50, money.CNY, 4)
	load := w.happen(casefile.StockLoaded, "", casefile.Header{Pieces: pieces})
	c := w.open("c1")
	w.note++
	h := casefile.Header{Note: w.note, Face: 1000, Currency: money.CNY}
	w.happen(casefile.NoteEscrowed, "c1", h)
	w.happen(casefile.NoteStacking, "c1", h)
	h.Store = true
	w.happen(casefile.NoteStacked, "c1", h)
	c.Stacked = 1000
	w.settle(c, 1000, 300)
	w.happen(casefile.PayoutBegun, "c1", casefile.Header{Payout: "P1", Owed: "Oc1", Amount: 300, Pieces: money.Counts{}.Plus(100, money.CNY, 3)})
	paid := w.happen(casefile.PayoutEnded, "c1", casefile.Header{Payout: "P1", Amount: 300, Pieces: money.Counts{}.Plus(100, money.CNY, 3)})
	c.Open = 0
	inside := money.Counts{}.Plus(100, money.CNY, 7).Plus(50, money.CNY, 4).Plus(1000, money.CNY, 1)
	w.happen(casefile.StockCounted, "", casefile.Header{Expected: inside, Counted: inside.Plus(100, money.CNY, -1)})
	got := w.day.Compare(w.sides())
	if len(got) != 1 || got[0].Amount != -100 || got[0].Reference != "stock" || !slices.Equal(got[0].Events, []int64{load, paid}) {
		t.Errorf("got %+v, want one of -1.00 from %d and %d", got, load, paid)
	}
}

// TestBoxHasAFaceThatTheJournalDoesNotKnow: then the count itself is what a person looks at.
func TestBoxHasAFaceThatTheJournalDoesNotKnow(t *testing.T) {
	w := newWorld(t)
	w.happen(casefile.BoxExchanged, "", casefile.Header{Box: "B1", Counted: money.Counts{}.Plus(2000, money.CNY, 2)})
	got := w.day.Compare(office.Sides{})
	if len(got) != 1 || got[0].Amount != 4000 || got[0].Reference != "B1" || !slices.Equal(got[0].Events, []int64{1}) || got[0].Between[0] != Box {
		t.Errorf("got %+v", got)
	}
}
