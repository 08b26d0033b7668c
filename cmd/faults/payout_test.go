package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/store"
)

// purse is a pretend payer of any protocol, filled.
type purse struct {
	faults      *mechanism.Faults
	onPlug      func(func(in bool))
	serve       func(ctx context.Context, rw io.ReadWriter) error
	power       func(on, pieceOut bool)
	inside, out func() money.Counts // by its own count
	fill        func()              // with as many pieces again as it has at the start
	driver      func(open wire.Opener) cash.Payer
}

// payers are the drivers that pay out, each with its simulator.
var payers = []struct {
	protocol string
	owed     money.Fen     // is paid in more than one piece
	after    money.Fen     // as much has come out before the middle of a payout
	half     time.Duration // and the next piece is on its way for so long
	purse    func() purse
	unseen   bool // a piece in the exit may fall when the power goes
}{
	{"cctalk-hopper", 350, 100, 100 * time.Millisecond, rackPurse, true},
	{"ssp-payout", 1700, 0, 200 * time.Millisecond, unitPurse(sspsim.Options{Unit: sspsim.SmartPayout, Faces: []int64{100, 500, 1000}, PaysAtPowerUp: true}, ssp.Options{Encrypted: true}, 100, 500, 1000), false},
	{"ssp-payout note float", 3000, 0, 200 * time.Millisecond, unitPurse(sspsim.Options{Unit: sspsim.NoteFloat, Faces: []int64{1000}}, ssp.Options{Encrypted: true}, 1000), false},
	{"ssp-payout hopper", 380, 0, 200 * time.Millisecond, unitPurse(sspsim.Options{Unit: sspsim.SmartHopper, Address: 0x10}, ssp.Options{Encrypted: true, Hopper: true, Address: 0x10}, 10, 50, 100), false},
}

// piecesEach is how many pieces of each face are inside.
const piecesEach = 30

func rackPurse() purse {
	rack := cctalkhoppersim.New(cctalkhoppersim.Options{Hoppers: []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: piecesEach}, {Address: 4, Face: 50, Count: piecesEach}}})
	count := func(of func(cctalkhoppersim.Bowl) int) func() money.Counts {
		return func() (c money.Counts) {
			for _, b := range rack.World() {
				c = c.Plus(money.Fen(b.Face), b.Currency, int64(of(b)))
			}
			return c
		}
	}
	return purse{faults: rack.Faults(), onPlug: rack.OnPlug, serve: rack.Serve, power: rack.Power,
		inside: count(func(b cctalkhoppersim.Bowl) int { return b.Inside }), out: count(func(b cctalkhoppersim.Bowl) int { return b.Out }),
		fill: func() { rack.Load(3, piecesEach); rack.Load(4, piecesEach) },
		driver: func(open wire.Opener) cash.Payer {
			return cctalkhopper.New(open, cctalkhopper.Options{Hoppers: map[byte]int64{3: 100, 4: 50}})
		}}
}

func unitPurse(so sspsim.Options, o ssp.Options, faces ...int64) func() purse {
	return func() purse {
		sim := sspsim.New(so)
		count := func(of func(notepath.World) []notepath.Tally) func() money.Counts {
			return func() (c money.Counts) {
				for _, row := range of(sim.Path().World()) {
					c = c.Plus(money.Fen(row.Face), row.Currency, int64(row.Count))
				}
				return c
			}
		}
		fill := func() {
			for _, f := range faces {
				sim.Path().Load(f, money.CNY, piecesEach)
			}
		}
		fill()
		return purse{faults: sim.Faults(), onPlug: sim.OnPlug, serve: sim.Serve, power: func(on, _ bool) { sim.Power(on, false) },
			inside: count(func(w notepath.World) []notepath.Tally { return w.Store }), out: count(func(w notepath.World) []notepath.Tally { return w.Paid }),
			fill:   fill,
			driver: func(open wire.Opener) cash.Payer { return ssp.New(open, o).Payer() }}
	}
}

// The instants of a payout.
const (
	ordered = "the order is on its way"
	moving  = "pieces come out"
)

// payStrokes befall while a payout is under way.
var payStrokes = []stroke[*paying]{
	{"power_paying", "computer and payer lose their power while pieces come out", moving, func(m *paying) { m.purse.power(false, false); m.die() }, payPowerOn},
	{"power_paying_unseen", "computer and payer lose their power, and a piece in the exit falls unseen", moving, func(m *paying) { m.purse.power(false, true); m.die() }, payPowerOn},
	{"device_paying", "the payer alone loses its power while pieces come out", moving, func(m *paying) { m.purse.power(false, false) }, func(m *paying) { m.purse.power(true, false) }},
	{"host_paying", "the computer loses its power while pieces come out", moving, (*paying).die, (*paying).start},
	{"host_ordering", "the computer loses its power with the order on its way", ordered, (*paying).die, (*paying).start},
	{"reset_paying", "the payer restarts while pieces come out", moving, func(m *paying) { m.must(m.purse.faults.Arm("reset", 1)) }, func(*paying) {}},
	{"unplug_order", "the plug comes out with half the order on the line", ordered, func(m *paying) { m.cable.tear("order") }, payPlug},
	{"unplug_answer", "the plug comes out with half an answer on the line while pieces come out", moving, func(m *paying) { m.cable.tear("answer") }, payPlug},
	{"more_owed", "more is owed than there is inside", ordered, func(*paying) {}, func(*paying) {}},
}

func payPowerOn(m *paying) { m.purse.power(true, false); m.start() }
func payPlug(m *paying)    { m.cable.plug(true) }

func payBenches() (out []bench) {
	for _, p := range payers {
		var strokes []stroke[*paying]
		for _, s := range payStrokes {
			if s.name != "power_paying_unseen" || p.unseen {
				strokes = append(strokes, s)
			}
		}
		b := moneyBench("payout", p.protocol, p.purse().faults, strokes)
		b.run = func(t *testing.T, name string) (c Cell) {
			synctest.Test(t, func(t *testing.T) {
				m := &paying{t: t, dir: t.TempDir(), purse: p.purse(), owed: p.owed, after: p.after, half: p.half}
				m.cable.serve = m.purse.serve
				c = m.story(name)
			})
			return c
		}
		out = append(out, b)
	}
	return out
}

// paying is a till that pays out what is owed: mechanism, line, driver, journal.
type paying struct {
	t     *testing.T
	dir   string
	purse purse
	owed  money.Fen
	after money.Fen
	half  time.Duration
	kinds kinds
	cable cable

	journal *store.Store
	till    *payment.Till
	payer   cash.Payer
	cancel  context.CancelFunc
	ran     sync.WaitGroup
}

// hearingPayer hears what stopped a payout on its way to the till.
type hearingPayer struct {
	cash.Payer
	kinds *kinds
}

func (h hearingPayer) Pay(ctx context.Context, before cash.Memory, pieces []cash.Pile) (cash.Paid, error) {
	paid, err := h.Payer.Pay(ctx, before, pieces)
	if f := (*fault.Error)(nil); errors.As(err, &f) {
		h.kinds.add(f)
	}
	return paid, err
}

func (m *paying) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *paying) append(events ...casefile.Event) {
	m.t.Helper()
	for _, e := range events {
		m.must(m.journal.Append(m.t.Context(), store.Entry{Event: e}))
	}
}

func (m *paying) start() {
	m.t.Helper()
	var err error
	m.journal, err = store.Open(m.t.Context(), filepath.Join(m.dir, "state"), "T1")
	m.must(err)
	m.payer = m.purse.driver(m.cable.open)
	m.till = payment.NewTill(m.journal, cash.Absent{}, cash.Absent{}, hearingPayer{m.payer, &m.kinds}, slog.New(slog.DiscardHandler))
	m.must(m.till.Resume(m.t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	payer, till := m.payer, m.till
	m.ran.Go(func() { payer.Run(ctx) })
	m.ran.Go(func() { till.SettlePayouts(ctx) })
}

// stop ends the program; die lets it fall without a last word.
func (m *paying) stop() {
	m.cancel()
	m.ran.Wait()
	m.journal.Close() // it may have been closed by a power cut
}

func (m *paying) die() {
	m.cable.fall()
	m.journal.Close()
	m.stop()
}

// until waits, and gives up after five minutes: a payout has its own bounds.
func (m *paying) until(what string, good func() bool) {
	m.t.Helper()
	for began := time.Now(); !good(); {
		if time.Since(began) > 5*time.Minute {
			m.t.Fatalf("%s: not within five minutes; state %+v, inside %v", what, m.payer.State(), m.purse.inside())
		}
		m.pass(10 * time.Millisecond)
	}
}

// pass lets time go by and looks at the driver meanwhile.
func (m *paying) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		m.kinds.add(m.payer.State().Fault)
		time.Sleep(10 * time.Millisecond) // virtual
	}
}

// loaded writes down that staff have put in what is inside beyond what the journal knows.
func (m *paying) loaded() {
	m.t.Helper()
	var known money.Counts
	m.journal.Book(func(b *casefile.Book) { known = b.Stock.Inside })
	m.append(casefile.Event{Kind: casefile.StockLoaded, Header: casefile.Header{Pieces: m.purse.inside().Minus(known), Who: "technician"}})
}

// owe lets a case be owed: its notes came to more than its bill.
func (m *paying) owe(id string, amount money.Fen) (owed string) {
	m.t.Helper()
	n := amount/10000 + 1
	m.append(casefile.Event{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "pay.water"}},
		casefile.Event{Kind: casefile.BillChosen, Case: id, Header: casefile.Header{Biller: "water", Due: n*10000 - amount, Rule: "owed"}})
	for range n {
		h := casefile.Header{Face: 10000, Currency: money.CNY}
		m.journal.Book(func(b *casefile.Book) { h.Note = b.NextNote })
		for _, kind := range []casefile.Kind{casefile.NoteEscrowed, casefile.NoteStacking, casefile.NoteStacked} {
			m.append(casefile.Event{Kind: kind, Case: id, Header: h})
		}
	}
	split, owed, err := m.till.Settle(m.t.Context(), id, payment.RestOwed, "paid")
	m.must(err)
	if split.Owed != amount {
		m.t.Fatalf("case %s: %s is owed, want %s", id, split.Owed, amount)
	}
	return owed
}

// pay begins to pay out and gives a channel that is closed when the till has done it, or has died of it.
func (m *paying) pay(id, owed string) <-chan struct{} {
	done, till := make(chan struct{}), m.till
	go func() {
		defer close(done)
		till.PayOut(context.Background(), id, owed) // what came of it is in the journal
	}()
	return done
}

// midway waits until pieces come out, and the next is on its way.
func (m *paying) midway(out money.Fen) {
	m.t.Helper()
	m.until("pieces come out", func() bool { return m.purse.out().Total() > out+m.after })
	time.Sleep(m.half) // virtual
}

// paid pays out in peace and says whether nothing stays owed.
func (m *paying) paid(id string, amount money.Fen) bool {
	m.t.Helper()
	given, err := m.till.PayOut(m.t.Context(), id, m.owe(id, amount))
	m.must(err)
	return given.Out == amount && given.Rest == 0
}

func (m *paying) fit() bool {
	s := m.payer.State()
	return s.Online && s.Fault == nil
}

// story lets one fault befall in the middle of a payout.
func (m *paying) story(name string) Cell {
	m.purse.onPlug(m.cable.plug)
	m.purse.power(true, false)
	m.start()
	defer func() { m.stop() }()
	m.until("fit", m.fit)
	m.loaded()
	if !m.paid("first", m.owed) {
		m.t.Fatalf("nothing is paid in peace: state %+v", m.payer.State())
	}
	m.kinds.forget()
	if s, is := strokeOf(payStrokes, name); is {
		m.strike(s)
	} else {
		m.befall(name)
	}
	m.until("the payout has ended", func() bool {
		open := false
		m.journal.Book(func(b *casefile.Book) { open = b.OpenPayout() != nil })
		return !open
	})
	outcome := m.outcome("second")
	m.mend()
	if name == "more_owed" {
		m.purse.fill()
		m.pass(time.Minute) // a payer that counts sees it by itself
		m.loaded()
	}
	if !m.paid("last", m.owed) {
		outcome += ", and the next is not paid"
	}
	return m.compare(outcome)
}

// mend is a technician who says that what stopped a payout was mended, where the payer cannot see that, and waits.
func (m *paying) mend() {
	m.t.Helper()
	m.pass(15 * time.Second)
	if mender, is := m.payer.(cash.Mender); is {
		m.must(mender.Mended(m.t.Context()))
	}
	m.until("fit again", m.fit)
}

// befall arms the fault in the middle of a payout, then from the beginning of another one for a while, and mends it.
func (m *paying) befall(name string) {
	out := m.purse.out().Total()
	done := m.pay("second", m.owe("second", m.owed))
	m.midway(out)
	m.must(m.purse.faults.Arm(name, 1))
	m.pass(20 * time.Second)
	m.must(m.purse.faults.Arm(name, 0))
	<-done
	m.mend()
	third := m.owe("third", m.owed)
	m.must(m.purse.faults.Arm(name, 1000))
	done = m.pay("third", third)
	m.pass(20 * time.Second)
	m.must(m.purse.faults.Arm(name, 0))
	<-done
}

// strike lets a stroke fall at an instant of a payout, and mends it.
func (m *paying) strike(s stroke[*paying]) {
	amount, out := m.owed, m.purse.out().Total()
	if s.name == "more_owed" {
		amount = m.purse.inside().Total() + 100
	}
	owed := m.owe("second", amount)
	done := m.pay("second", owed)
	if s.when == moving {
		m.midway(out)
	}
	for s.when == ordered && m.begun() == "" {
		time.Sleep(time.Millisecond) // virtual
	}
	s.hit(m)
	time.Sleep(3 * time.Second) // virtual: nobody may be there to be asked
	s.mend(m)
	m.pass(20 * time.Second)
	<-done
}

// begun is the payout that has begun and not ended.
func (m *paying) begun() (id string) {
	m.journal.Book(func(b *casefile.Book) {
		if p := b.OpenPayout(); p != nil {
			id = p.ID
		}
	})
	return id
}

// outcome says what a case was paid, and what stays owed to it or in doubt.
func (m *paying) outcome(id string) (text string) {
	m.journal.Book(func(b *casefile.Book) {
		paid, rest, unsure := b.Cases[id].Paid, money.Fen(0), money.Fen(0)
		for _, o := range b.OwedOf(id) {
			rest += o.Amount
		}
		for _, p := range b.Payouts {
			unsure += p.Unsure.Total()
		}
		switch {
		case unsure > 0:
			m.kinds.add(&fault.Error{Kind: fault.Doubtful})
			text = fmt.Sprintf("doubtful, %s paid, %s unsure and %s owed", paid, unsure, rest)
		case rest == 0:
			text = "paid"
		case paid == 0:
			text = fmt.Sprintf("owed, %s by a slip", rest)
		default:
			text = fmt.Sprintf("paid in part, %s paid and %s owed", paid, rest)
		}
	})
	return text
}

// within says whether really is at least sure and at most sure and unsure together, face by face.
func within(really, sure, unsure money.Counts) bool {
	for _, row := range really.Minus(sure) {
		if row.Count < 0 {
			return false
		}
	}
	for _, row := range sure.With(unsure).Minus(really) {
		if row.Count < 0 {
			return false
		}
	}
	return true
}

// compare counts the pieces by the mechanism and by the journal. A piece that is unsure is out or inside. What the payer
// itself says that it holds is what it holds.
func (m *paying) compare(outcome string) Cell {
	inside, out := m.purse.inside(), m.purse.out()
	c := Cell{Seconds: virtual(), Kind: m.kinds.first(), Outcome: outcome, Held: fmt.Sprintf("inside %s, out %s", inside.Total(), out.Total()), Agrees: true}
	if m.payer.Info().Counts {
		m.pass(40 * time.Second) // it is asked for its levels again
		var levels money.Counts
		for _, l := range m.payer.State().Levels {
			levels = levels.Plus(money.Fen(l.Face), l.Currency, l.Count)
		}
		if len(levels.Minus(inside)) > 0 {
			c.Agrees, c.Why = false, fmt.Sprintf("levels %v, inside %v; ", levels, inside)
		}
	}
	m.journal.Book(func(b *casefile.Book) {
		s, bad := b.Stock, b.Check()
		if len(bad) > 0 || b.OpenBegun() > 0 || !within(out, s.Paid, s.Unsure) || !within(inside, s.Inside, s.Unsure) || b.Placed.PaidOut != s.Paid.Total() {
			c.Agrees, c.Why = false, c.Why+fmt.Sprintf("journal: stock %+v, paid out %s, %d open; %v; mechanism: inside %v, out %v", s, b.Placed.PaidOut, b.OpenBegun(), bad, inside, out)
		}
	})
	return c
}
