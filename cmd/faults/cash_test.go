package faults

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/ccnetsim"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/store"
)

// validator is a pretend acceptor of any protocol.
type validator interface {
	Path() *notepath.Path
	Faults() *mechanism.Faults
	Power(on, noteIn bool)
	OnPlug(func(in bool))
	Serve(ctx context.Context, rw io.ReadWriter) error
}

// acceptors are the drivers for banknotes, each with its simulator.
var acceptors = []struct {
	protocol string
	sim      func() validator
	driver   func(open wire.Opener) cash.Acceptor
}{
	{"cctalk", func() validator { return cctalksim.New(cctalksim.Options{}) }, func(open wire.Opener) cash.Acceptor { return cctalk.New(open, cctalk.Options{}) }},
	{"ccnet", func() validator { return ccnetsim.New(ccnetsim.Options{}) }, func(open wire.Opener) cash.Acceptor { return ccnet.New(open, ccnet.Options{}) }},
	{"id003", func() validator { return id003sim.New(id003sim.Options{}) }, func(open wire.Opener) cash.Acceptor { return id003.New(open, id003.Options{}) }},
	{"ssp", func() validator { return sspsim.New(sspsim.Options{NoKeys: true}) }, func(open wire.Opener) cash.Acceptor { return ssp.New(open, ssp.Options{}) }},
	{"essp", func() validator { return sspsim.New(sspsim.Options{}) }, func(open wire.Opener) cash.Acceptor { return ssp.New(open, ssp.Options{Encrypted: true}) }},
}

// cashStrokes befall while a note is on its way. The computer loses its power with the device, or alone.
var cashStrokes = []stroke[*cashier]{
	{"power_entering", "computer and device lose their power with a note in the mouth", string(notepath.Entering), bothOff, bothOn},
	{"power_escrow", "computer and device lose their power with a note in escrow", string(notepath.InEscrow), bothOff, bothOn},
	{"power_stacking", "computer and device lose their power with a note on its way to the box", string(notepath.Stacking), bothOff, bothOn},
	{"host_escrow", "the computer loses its power with a note in escrow", string(notepath.InEscrow), (*cashier).die, (*cashier).start},
	{"host_stacking", "the computer loses its power with a note on its way to the box", string(notepath.Stacking), (*cashier).die, (*cashier).start},
	{"reset_escrow", "the device restarts with a note in escrow", string(notepath.InEscrow), resets, nothing},
	{"reset_stacking", "the device restarts with a note on its way to the box", string(notepath.Stacking), resets, nothing},
	{"unplug_order", "the plug comes out with half an order on the line, a note in escrow", string(notepath.InEscrow), func(m *cashier) { m.cable.tear("order") }, plugsIn},
	{"unplug_answer", "the plug comes out with half an answer on the line, a note on its way to the box", string(notepath.Stacking), func(m *cashier) { m.cable.tear("answer") }, plugsIn},
}

func bothOff(m *cashier) { m.sim.Power(false, true); m.die() }
func bothOn(m *cashier)  { m.sim.Power(true, false); m.start() }
func resets(m *cashier)  { m.must(m.sim.Faults().Arm("reset", 1)) }
func plugsIn(m *cashier) { m.cable.plug(true) }
func nothing(*cashier)   {}

func cashBenches() (out []bench) {
	for _, a := range acceptors {
		b := moneyBench("cash", a.protocol, a.sim().Faults(), cashStrokes)
		b.run = func(t *testing.T, name string) (c Cell) {
			synctest.Test(t, func(t *testing.T) {
				sim := a.sim()
				m := &cashier{t: t, dir: t.TempDir(), sim: sim, driver: a.driver, cable: cable{serve: sim.Serve}}
				c = m.story(name)
			})
			return c
		}
		out = append(out, b)
	}
	return out
}

// cashier is a till whole: mechanism, line, driver, journal.
type cashier struct {
	t      *testing.T
	dir    string
	sim    validator
	driver func(open wire.Opener) cash.Acceptor
	kinds  kinds
	cable  cable

	journal *store.Store
	till    *payment.Till
	heard   *hearing
	cancel  context.CancelFunc
	ran     sync.WaitGroup
}

// hearing hears the signals on their way to the till.
type hearing struct {
	cash.Acceptor
	kinds *kinds
}

func (h *hearing) Next(ctx context.Context) (cash.Signal, error) {
	s, err := h.Acceptor.Next(ctx)
	if err == nil {
		h.kinds.add(s.Fault)
	}
	return s, err
}

func (m *cashier) start() {
	m.t.Helper()
	var err error
	if m.journal, err = store.Open(m.t.Context(), filepath.Join(m.dir, "state"), "T1"); err != nil {
		m.t.Fatal(err)
	}
	m.heard = &hearing{m.driver(m.cable.open), &m.kinds}
	m.till = payment.NewTill(m.journal, m.heard, cash.Absent{}, cash.AbsentPayer{}, slog.New(slog.DiscardHandler))
	if err := m.till.Resume(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	driver, till := m.heard, m.till
	m.ran.Go(func() { driver.Run(ctx) })
	m.ran.Go(func() { till.Run(ctx) })
}

// stop ends the program; die lets it fall without a last word.
func (m *cashier) stop() {
	m.cancel()
	m.ran.Wait()
	m.journal.Close() // it may have been closed by a power cut
}

func (m *cashier) die() {
	m.cable.fall()
	m.journal.Close()
	m.stop()
}

// until waits, and gives up after two minutes.
func (m *cashier) until(what string, good func() bool) {
	m.t.Helper()
	for began := time.Now(); !good(); {
		if time.Since(began) > 2*time.Minute {
			m.t.Fatalf("%s: not within two minutes; state %+v, world %+v", what, m.heard.State(), m.sim.Path().World())
		}
		m.kinds.add(m.heard.State().Fault)
		time.Sleep(20 * time.Millisecond) // virtual
	}
}

// pay offers a note and says what became of it; "" while the acceptor takes none.
// offer holds a note to the mouth until it is drawn in: a validator may still be telling of the one before.
func (m *cashier) offer() (id int) {
	m.t.Helper()
	m.until("the note is drawn in", func() bool {
		var err error
		id, err = m.sim.Path().Offer(1000, money.CNY, notepath.Genuine)
		return err == nil && m.sim.Path().Fate(id) != notepath.Refused
	})
	return id
}

func (m *cashier) take(id string) {
	h := casefile.Header{Biller: "water", Due: 100000, Rule: "owed"}
	for _, e := range []casefile.Event{{Kind: casefile.CaseOpened, Case: id, Header: casefile.Header{Service: "pay.water"}}, {Kind: casefile.BillChosen, Case: id, Header: h}} {
		if err := m.journal.Append(m.t.Context(), store.Entry{Event: e}); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := m.till.Take(m.t.Context(), id); err != nil {
		m.kindOf(err)
	}
}

func (m *cashier) kindOf(err error) { m.t.Logf("the till said %v", err) }

// story lets one fault befall in the middle of a payment.
func (m *cashier) story(name string) Cell {
	m.sim.OnPlug(m.cable.plug)
	m.sim.Power(true, false)
	m.start()
	defer func() { m.stop() }()
	m.until("ready", func() bool { return m.till.Ready() && m.heard.State().Online })
	m.take("a")
	m.until("accepting", func() bool { return m.heard.State().Accepting })
	first := m.offer()
	m.until("the first note is stacked", func() bool { return m.sim.Path().Fate(first) == notepath.Stacked })

	m.until("the next may come", func() bool { return m.heard.State().Accepting && !m.heard.State().Escrow })
	m.kinds.forget()
	var second int
	if s, is := strokeOf(cashStrokes, name); is {
		second = m.strike(s)
	} else {
		second = m.befall(name)
	}
	outcome := m.after(second)
	m.until("nothing is on its way", func() bool { return m.onItsWay() == nil })
	if m.till.Status().Case != "" {
		if err := m.till.Stop(m.t.Context()); err != nil {
			m.t.Error(err)
		}
	}
	return m.compare(outcome)
}

// befall arms the fault while a note comes in, then for a while at every turn, and mends it.
func (m *cashier) befall(name string) int {
	faults := m.sim.Faults()
	second := m.offer()
	m.must(faults.Arm(name, 1))
	m.pass(20 * time.Second)
	m.must(faults.Arm(name, 1000))
	m.pass(20 * time.Second)
	m.must(faults.Arm(name, 0))
	m.pass(15 * time.Second)
	return second
}

// strike lets a stroke fall at an instant of the note's way, and mends it.
func (m *cashier) strike(s stroke[*cashier]) int {
	reached := make(chan struct{})
	var once sync.Once
	m.sim.Path().OnPoint(func(string) {
		if string(m.sim.Path().Leg()) == s.when {
			once.Do(func() { close(reached) })
		}
	})
	second := m.offer()
	select {
	case <-reached:
	case <-time.After(time.Minute):
		m.t.Fatalf("the note never came to %s: %+v", s.when, m.sim.Path().World())
	}
	s.hit(m)
	time.Sleep(3 * time.Second) // virtual: nobody may be there to be asked
	s.mend(m)
	m.pass(20 * time.Second)
	return second
}

func (m *cashier) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// pass lets time go by and looks at the driver meanwhile.
func (m *cashier) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		m.kinds.add(m.heard.State().Fault)
		time.Sleep(20 * time.Millisecond) // virtual
	}
}

func (m *cashier) onItsWay() (n *casefile.Note) {
	m.journal.Book(func(b *casefile.Book) { n = b.OpenNote() })
	return n
}

// after says what became of the note that was on its way.
func (m *cashier) after(id int) string {
	m.until("the note's way has ended", func() bool { return m.sim.Path().Fate(id).Final() || m.sim.Path().World().Mouth == nil })
	fate := string(m.sim.Path().Fate(id))
	var doubts int
	m.journal.Book(func(b *casefile.Book) {
		doubts = len(b.Unknown)
		for _, n := range b.Notes {
			if n.State == casefile.NoteDoubtful {
				doubts++
			}
		}
	})
	if doubts > 0 {
		return fmt.Sprintf("doubtful, really %s", fate)
	}
	return fate
}

// compare counts the box by the mechanism and by the journal. A doubtful note may be in the one and not in the other.
func (m *cashier) compare(outcome string) Cell {
	w := m.sim.Path().World()
	var box int64
	for _, row := range w.Box {
		box += row.Face * int64(row.Count)
	}
	c := Cell{Seconds: virtual(), Kind: m.kinds.first(), Outcome: outcome, Held: fmt.Sprintf("box %s", money.Fen(box))}
	m.journal.Book(func(b *casefile.Book) {
		stacked, doubtful := int64(b.Stacked.Total()), int64(b.Doubtful.Total())
		unseen := int64(len(b.Unknown)) * 1000
		bad := b.Check()
		c.Agrees = len(bad) == 0 && box >= stacked && box <= stacked+doubtful+unseen && b.OpenBegun() == 0
		if !c.Agrees {
			c.Why = fmt.Sprintf("journal: stacked %d, doubtful %d, unseen %d; %d open; %v", stacked, doubtful, unseen, b.OpenBegun(), bad)
		}
	})
	return c
}
