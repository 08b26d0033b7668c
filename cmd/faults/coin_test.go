package faults

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/coinpath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/store"
)

// A coin has no escrow, and no power holds one back: one that is past the gate when the power goes is in the box, or was
// just not past it.

// The instants of a coin's way.
const (
	atMouth = "at the mouth"
	pastIt  = "past the gate"
)

// coinStrokes befall while a coin is on its way.
var coinStrokes = []stroke[*coiner]{
	{"power_rolling", "computer and device lose their power with a coin in the mouth", atMouth, coinPower(true), coinPowerOn},
	{"power_dropping", "computer and device lose their power with a coin past the gate, which falls in", pastIt, coinPower(true), coinPowerOn},
	{"power_dropping_back", "computer and device lose their power with a coin at the gate, which falls back", pastIt, coinPower(false), coinPowerOn},
	{"host_dropping", "the computer loses its power with a coin past the gate", pastIt, (*coiner).die, (*coiner).start},
	{"reset_dropping", "the device restarts with a coin past the gate", pastIt, func(m *coiner) { m.must(m.sim.Faults().Arm("reset", 1)) }, func(*coiner) {}},
	{"unplug_order", "the plug comes out with half an order on the line, a coin in the mouth", atMouth, func(m *coiner) { m.cable.tear("order") }, coinPlug},
	{"unplug_answer", "the plug comes out with half an answer on the line, a coin past the gate", pastIt, func(m *coiner) { m.cable.tear("answer") }, coinPlug},
}

func coinPower(in bool) func(*coiner) {
	return func(m *coiner) { m.sim.Power(false, in); m.die() }
}
func coinPowerOn(m *coiner) { m.sim.Power(true, false); m.start() }
func coinPlug(m *coiner)    { m.cable.plug(true) }

func coinBenches() []bench {
	b := moneyBench("coins", "cctalk-coin", cctalkcoinsim.New(cctalkcoinsim.Options{}).Faults(), coinStrokes)
	b.run = func(t *testing.T, name string) (c Cell) {
		synctest.Test(t, func(t *testing.T) {
			sim := cctalkcoinsim.New(cctalkcoinsim.Options{})
			m := &coiner{t: t, dir: t.TempDir(), sim: sim, cable: cable{serve: sim.Serve}}
			c = m.story(name)
		})
		return c
	}
	return []bench{b}
}

// coiner is a till that takes coins alone: mechanism, line, driver, journal.
type coiner struct {
	t     *testing.T
	dir   string
	sim   *cctalkcoinsim.Sim
	kinds kinds
	cable cable

	journal *store.Store
	till    *payment.Till
	coins   *hearingCoins
	cancel  context.CancelFunc
	ran     sync.WaitGroup
}

// hearingCoins hears the signals on their way to the till.
type hearingCoins struct {
	cash.Intake
	kinds *kinds
}

func (h *hearingCoins) Next(ctx context.Context) (cash.Signal, error) {
	s, err := h.Intake.Next(ctx)
	if err == nil {
		h.kinds.add(s.Fault)
	}
	return s, err
}

func (m *coiner) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *coiner) start() {
	m.t.Helper()
	var err error
	m.journal, err = store.Open(m.t.Context(), filepath.Join(m.dir, "state"), "T1")
	m.must(err)
	m.coins = &hearingCoins{cctalkcoin.New(m.cable.open, cctalkcoin.Options{}), &m.kinds}
	m.till = payment.NewTill(m.journal, cash.Absent{}, m.coins, cash.AbsentPayer{}, slog.New(slog.DiscardHandler))
	m.must(m.till.Resume(m.t.Context()))
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	coins, till := m.coins, m.till
	m.ran.Go(func() { coins.Run(ctx) })
	m.ran.Go(func() { till.RunCoins(ctx) })
}

// stop ends the program; die lets it fall without a last word.
func (m *coiner) stop() {
	m.cancel()
	m.ran.Wait()
	m.journal.Close() // it may have been closed by a power cut
}

func (m *coiner) die() {
	m.cable.fall()
	m.journal.Close()
	m.stop()
}

// until waits, and gives up after two minutes.
func (m *coiner) until(what string, good func() bool) {
	m.t.Helper()
	for began := time.Now(); !good(); {
		if time.Since(began) > 2*time.Minute {
			m.t.Fatalf("%s: not within two minutes; state %+v, world %+v", what, m.coins.State(), m.sim.Path().World())
		}
		m.pass(20 * time.Millisecond)
	}
}

// pass lets time go by and looks at the driver meanwhile.
func (m *coiner) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		m.kinds.add(m.coins.State().Fault)
		time.Sleep(20 * time.Millisecond) // virtual
	}
}

func (m *coiner) drop() int { return m.sim.Path().Insert(100, money.CNY, coinpath.Genuine) }

// take begins a payment that takes coins, and waits until they are.
func (m *coiner) take(id string) {
	m.t.Helper()
	bill := casefile.Header{Biller: "water", Due: 100000, Rule: "owed"}
	for _, e := range []casefile.Event{{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "pay.water"}}, {Kind: casefile.BillChosen, Case: id, Header: bill}} {
		m.must(m.journal.Append(m.t.Context(), store.Entry{Event: e}))
	}
	m.till.Take(m.t.Context(), id) // there is no acceptor for notes, and it says so
	m.until("coins are taken", func() bool { return m.coins.State().Accepting })
}

// story lets one fault befall in the middle of a payment.
func (m *coiner) story(name string) Cell {
	m.sim.OnPlug(m.cable.plug)
	m.start()
	defer func() { m.stop() }()
	m.until("online", func() bool { return m.coins.State().Online })
	m.take("a")
	m.drop()
	m.until("the first coin is in the journal", func() bool { return m.told() == 100 })
	m.kinds.forget()
	second := 0
	s, stroke := strokeOf(coinStrokes, name)
	if stroke {
		second = m.strike(s)
	} else {
		second = m.befall(name)
	}
	m.until("the coin's way has ended", func() bool { return m.sim.Path().Fate(second).Final() })
	if m.till.Status().Case == "" {
		m.take("b") // the program that took coins for the first case has died
	}
	outcome := m.outcome(second)
	m.until("coins are taken again", func() bool { return m.coins.State().Accepting })
	before := m.told()
	m.drop()
	m.until("the last coin is in the journal", func() bool { return m.told() == before+100 })
	m.must(m.till.Stop(m.t.Context()))
	return m.compare(outcome)
}

// befall arms the fault while a coin comes in, then for a while at every turn, and mends it.
func (m *coiner) befall(name string) int {
	faults := m.sim.Faults()
	m.must(faults.Arm(name, 1))
	second := m.drop()
	m.pass(20 * time.Second)
	m.must(faults.Arm(name, 1000))
	m.drop()
	m.pass(20 * time.Second)
	m.must(faults.Arm(name, 0))
	m.pass(15 * time.Second)
	return second
}

// strike lets a stroke fall at an instant of the coin's way, and mends it.
func (m *coiner) strike(s stroke[*coiner]) int {
	passed := make(chan struct{}, 1)
	m.sim.Path().OnPoint(func(string) {
		select {
		case passed <- struct{}{}:
		default:
		}
	})
	second := m.drop()
	if s.when == pastIt {
		<-passed
	}
	s.hit(m)
	time.Sleep(3 * time.Second) // virtual: nobody may be there to be asked
	s.mend(m)
	m.pass(20 * time.Second)
	return second
}

// told is the coins that the journal knows of.
func (m *coiner) told() (sum money.Fen) {
	m.journal.Book(func(b *casefile.Book) { sum = b.Coins.Total() })
	return sum
}

// outcome says what became of the coin that was on its way.
func (m *coiner) outcome(id int) (text string) {
	text = string(m.sim.Path().Fate(id))
	m.journal.Book(func(b *casefile.Book) {
		if len(b.Unknown) > 0 {
			text = "doubtful, really " + text
		}
	})
	return text
}

// compare counts the coins by the mechanism and by the journal. A coin of which the journal says that it may be in is in,
// or is not.
func (m *coiner) compare(outcome string) Cell {
	w := m.sim.Path().World()
	var box money.Fen
	for _, row := range w.In() {
		box += money.Fen(row.Face * int64(row.Count))
	}
	c := Cell{Seconds: virtual(), Kind: m.kinds.first(), Outcome: outcome, Held: fmt.Sprintf("coins %s", box)}
	m.journal.Book(func(b *casefile.Book) {
		coins, unseen := b.Coins.Total(), 100*money.Fen(len(b.Unknown))
		bad := b.Check()
		c.Agrees = len(bad) == 0 && w.Balanced() == nil && len(w.Moving) == 0 && coins <= box && box <= coins+unseen && b.OpenBegun() == 0
		if !c.Agrees {
			c.Why = fmt.Sprintf("journal: coins %s, unseen %s; %v; world %+v", coins, unseen, bad, w)
		}
	})
	return c
}
