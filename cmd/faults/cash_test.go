package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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

// powerCuts are the instants at which computer and device lose their power together, beyond the simulator's own faults.
var powerCuts = map[string]string{
	"power_entering": "computer and device lose their power with a note in the mouth",
	"power_escrow":   "computer and device lose their power with a note in escrow",
	"power_stacking": "computer and device lose their power with a note on its way to the box",
	"host_escrow":    "the computer loses its power with a note in escrow",
	"host_stacking":  "the computer loses its power with a note on its way to the box",
}

func cashBenches() (out []bench) {
	for _, a := range acceptors {
		b := bench{class: "cash", protocol: a.protocol, whats: map[string]string{}}
		for _, f := range a.sim().Faults().List() {
			b.faults, b.whats[f.Name] = append(b.faults, f.Name), f.What
		}
		for _, name := range []string{"power_entering", "power_escrow", "power_stacking", "host_escrow", "host_stacking"} {
			b.faults, b.whats[name] = append(b.faults, name), powerCuts[name]
		}
		b.run = func(t *testing.T, name string) (c Cell) {
			synctest.Test(t, func(t *testing.T) {
				m := &cashier{t: t, dir: t.TempDir(), sim: a.sim(), driver: a.driver, plugged: true}
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

	mu      sync.Mutex
	plugged bool
	line    net.Conn

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

func (m *cashier) open() (wire.Port, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.plugged {
		return nil, errors.New("no such device")
	}
	if m.line != nil {
		m.line.Close()
	}
	host, device := net.Pipe()
	m.line = host
	go func() {
		defer device.Close()
		m.sim.Serve(context.Background(), device) // ends with the line
	}()
	return host, nil
}

func (m *cashier) plug(in bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plugged = in
	if !in && m.line != nil {
		m.line.Close()
	}
}

func (m *cashier) start() {
	m.t.Helper()
	var err error
	if m.journal, err = store.Open(m.t.Context(), filepath.Join(m.dir, "state"), "T1"); err != nil {
		m.t.Fatal(err)
	}
	m.heard = &hearing{m.driver(m.open), &m.kinds}
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
	m.mu.Lock()
	if m.line != nil {
		m.line.Close()
	}
	m.mu.Unlock()
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
func (m *cashier) offer() int {
	m.t.Helper()
	id, err := m.sim.Path().Offer(1000, money.CNY, notepath.Genuine)
	if err != nil {
		return 0
	}
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
	m.sim.OnPlug(m.plug)
	m.sim.Power(true, false)
	m.start()
	defer func() { m.stop() }()
	m.until("ready", func() bool { return m.till.Ready() && m.heard.State().Online })
	m.take("a")
	m.until("accepting", func() bool { return m.heard.State().Accepting })
	first := m.offer()
	m.until("the first note is stacked", func() bool { return m.sim.Path().Fate(first) == notepath.Stacked })

	m.until("the next may come", func() bool { return m.heard.State().Accepting && !m.heard.State().Escrow })
	m.kinds.seen = nil // before it was opened the driver called the device absent
	var second int
	if _, cut := powerCuts[name]; cut {
		second = m.cut(name)
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

// cut takes the power away at an instant of the note's way and gives it back.
func (m *cashier) cut(name string) int {
	leg := map[string]notepath.Leg{"power_entering": notepath.Entering, "power_escrow": notepath.InEscrow, "power_stacking": notepath.Stacking,
		"host_escrow": notepath.InEscrow, "host_stacking": notepath.Stacking}[name]
	reached := make(chan struct{})
	var once sync.Once
	m.sim.Path().OnPoint(func(string) {
		if m.sim.Path().Leg() == leg {
			once.Do(func() { close(reached) })
		}
	})
	second := m.offer()
	select {
	case <-reached:
	case <-time.After(time.Minute):
		m.t.Fatalf("the note never came to %s: %+v", leg, m.sim.Path().World())
	}
	both := name[:5] == "power"
	if both {
		m.sim.Power(false, true)
	}
	m.die()
	m.pass(3 * time.Second)
	if both {
		m.sim.Power(true, false)
	}
	m.start()
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
	if id == 0 {
		return "refused"
	}
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
	c := Cell{Kind: m.kinds.first(), Outcome: outcome, Held: fmt.Sprintf("box %s", money.Fen(box))}
	m.journal.Book(func(b *casefile.Book) {
		stacked, doubtful := int64(b.Stacked.Total()), int64(b.Doubtful.Total())
		unseen := int64(len(b.Unknown)) * 1000
		bad := b.Check()
		c.Agree = len(bad) == 0 && box >= stacked && box <= stacked+doubtful+unseen && b.OpenBegun() == 0
		if !c.Agree {
			c.Why = fmt.Sprintf("journal: stacked %d, doubtful %d, unseen %d; %d open; %v", stacked, doubtful, unseen, b.OpenBegun(), bad)
		}
	})
	return c
}
