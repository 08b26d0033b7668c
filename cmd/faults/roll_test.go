package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/press"
	"yichuang/kiosk/store"
	"yichuang/kiosk/typeset"
)

// rollSim is a pretend receipt printer of any protocol.
type rollSim interface {
	Faults() *mechanism.Faults
	OnPlug(func(in bool))
	OnPoint(func(point string))
	Power(on bool)
	Serve(ctx context.Context, rw io.ReadWriter) error
	World() json.RawMessage
	Text(n int) (string, error)
}

// rolls are the drivers for receipt printers, each with its simulator.
var rolls = []struct {
	protocol string
	sim      func() rollSim
	driver   func(open wire.Opener) printer.Roll
	join     func(t *testing.T, sim rollSim) line
	more     []mechanism.Fault // the line's own
}{
	{"escpos", newEscpos, escposDriver, func(_ *testing.T, sim rollSim) line { return &pipe{serve: sim.Serve} }, nil},
	{"escpos-usb", newEscpos, escposDriver, usbRoll, cableFaults},
}

func newEscpos() rollSim { return escpossim.New(escpossim.Options{Pace: true}) }

func escposDriver(open wire.Opener) printer.Roll {
	return escpos.New(open, escpos.Profile{HasQR: true, HasCuts: true, HasClear: true})
}

var rollCuts = map[string]string{
	"power_half": "computer and printer lose their power with half a receipt on paper",
	"host_half":  "the computer loses its power with half a receipt on paper",
}

func rollBenches() (out []bench) {
	for _, r := range rolls {
		b := bench{class: "receipt", protocol: r.protocol, whats: map[string]string{}, sample: sampleOf(r.more)}
		for _, f := range slices.Concat(r.sim().Faults().List(), r.more) {
			b.faults, b.whats[f.Name] = append(b.faults, f.Name), f.What
		}
		for _, name := range []string{"power_half", "host_half"} {
			b.faults, b.whats[name] = append(b.faults, name), rollCuts[name]
		}
		b.run = func(t *testing.T, name string) (c Cell) {
			synctest.Test(t, func(t *testing.T) {
				setter, err := typeset.Open()
				if err != nil {
					t.Fatal(err)
				}
				defer setter.Close()
				m := &printing{t: t, dir: t.TempDir(), sim: r.sim(), driver: r.driver, setter: setter}
				m.line = r.join(t, m.sim)
				defer m.line.end()
				c = m.story(name)
			})
			return c
		}
		out = append(out, b)
	}
	return out
}

// printing is a press with its receipt printer: mechanism, line, driver, journal.
type printing struct {
	t      *testing.T
	dir    string
	sim    rollSim
	driver func(open wire.Opener) printer.Roll
	setter *typeset.Setter
	kinds  kinds

	line line

	journal *store.Store
	roll    printer.Roll
	press   *press.Press
	cancel  context.CancelFunc
	ran     sync.WaitGroup
}

func (m *printing) start() {
	m.t.Helper()
	var err error
	if m.journal, err = store.Open(m.t.Context(), filepath.Join(m.dir, "state"), "T1"); err != nil {
		m.t.Fatal(err)
	}
	m.roll = m.driver(m.line.open)
	m.press = &press.Press{Journal: m.journal, Roll: m.roll, Sheets: printer.AbsentSheets{}, Type: m.setter, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	roll := m.roll
	m.ran.Go(func() { roll.Run(ctx) })
}

func (m *printing) stop() {
	m.cancel()
	m.ran.Wait()
	m.journal.Close() // a power cut may have closed it
}

func (m *printing) die() {
	m.line.drop()
	m.journal.Close()
	m.stop()
}

func (m *printing) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		m.kinds.add(m.roll.State().Fault)
		time.Sleep(20 * time.Millisecond) // virtual
	}
}

// paper prints one receipt's worth of paper and says whether it came out.
func (m *printing) paper(name string) bool {
	slip := document.Slip{Head: document.Head{Hall: "政务服务大厅", Case: name, Terminal: "1", Time: time.Now()}, Kind: document.SlipOwed, Amount: 1000, Code: "ABCDEFGH2345"}
	err := m.press.Paper(context.Background(), "", "slip", "", slip.Paper("zh"), false)
	var f *fault.Error
	if errors.As(err, &f) {
		m.kinds.add(f)
	}
	return err == nil
}

// whole counts the pieces of paper that were cut off and have all of a paper on them.
func (m *printing) whole() (whole, torn int) {
	var w struct {
		Prints []struct {
			N   int
			Cut bool
		}
	}
	if err := json.Unmarshal(m.sim.World(), &w); err != nil {
		m.t.Fatal(err)
	}
	full := 0
	for _, p := range w.Prints {
		text, err := m.sim.Text(p.N)
		if err != nil {
			m.t.Fatal(err)
		}
		n := strings.Count(text, "\n")
		if full == 0 {
			full = n // the first one was printed in peace
		}
		switch {
		case p.Cut && n >= full:
			whole++
		default:
			torn++
		}
	}
	return whole, torn
}

func (m *printing) story(name string) Cell {
	m.sim.OnPlug(m.line.plug)
	m.sim.Power(true)
	m.start()
	defer func() { m.stop() }()
	m.pass(10 * time.Second)
	if !m.paper("first") {
		m.t.Fatal("nothing is printed in peace")
	}
	m.kinds.seen = nil
	var outcome string
	if _, cut := rollCuts[name]; cut {
		outcome = m.cut(name)
	} else {
		outcome = m.befall(name)
	}
	m.pass(30 * time.Second)
	if !m.paper("last") {
		outcome += ", and nothing is printed any more"
	}
	return m.compare(outcome)
}

// arm arms a fault of the line or of the mechanism.
func (m *printing) arm(name string, n int) {
	if !m.line.arm(name, n) {
		m.sim.Faults().Arm(name, n) // the name is from its own table
	}
}

// befall lets the fault befall with half a strip on paper, once and then again and again for half a minute.
func (m *printing) befall(name string) string {
	var once sync.Once
	m.sim.OnPoint(func(point string) {
		if point == "receipt.half" {
			once.Do(func() { m.arm(name, 1) })
		}
	})
	done := make(chan bool, 1)
	go func() { done <- m.paper("second") }()
	m.pass(20 * time.Second)
	m.arm(name, 1000)
	m.pass(20 * time.Second)
	m.arm(name, 0)
	for len(done) == 0 {
		m.pass(time.Second)
	}
	if <-done {
		return "printed"
	}
	return "not printed, and the person gets it anew"
}

func (m *printing) cut(name string) string {
	reached := make(chan struct{})
	var once sync.Once
	m.sim.OnPoint(func(point string) {
		if point == "receipt.half" {
			once.Do(func() { close(reached) })
		}
	})
	done := make(chan bool, 1)
	go func() { done <- m.paper("second") }()
	<-reached
	if name == "power_half" {
		m.sim.Power(false)
		m.line.power(false)
	}
	m.die()
	<-done
	m.pass(3 * time.Second)
	m.sim.Power(true)
	m.line.power(true)
	m.start()
	m.pass(15 * time.Second)
	if err := m.press.SettlePapers(context.Background()); err != nil {
		m.t.Error(err)
	}
	printed := 0
	m.each(func(e casefile.Event) {
		if e.Kind == casefile.PaperPrinted {
			printed++
		}
	})
	if printed == 2 {
		return "printed"
	}
	return "not printed, and the person gets it anew"
}

func (m *printing) each(fn func(e casefile.Event)) {
	records, err := m.journal.Read(context.Background(), 0, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, r := range records {
		e, err := r.Event()
		if err != nil {
			m.t.Fatal(err)
		}
		fn(e)
	}
}

// compare: what the journal calls printed has come out whole; what came out whole and is not called printed is called
// failed, and is printed anew as a copy.
func (m *printing) compare(outcome string) Cell {
	whole, torn := m.whole()
	var printed, failed int
	m.each(func(e casefile.Event) {
		switch e.Kind {
		case casefile.PaperPrinted:
			printed++
		case casefile.PaperFailed:
			failed++
		}
	})
	c := Cell{Seconds: virtual(), Kind: m.kinds.first(), Outcome: outcome, Held: fmt.Sprintf("%d whole, %d torn", whole, torn)}
	m.journal.Book(func(b *casefile.Book) {
		c.Agrees = printed <= whole && whole <= printed+failed && b.OpenBegun() == 0
		if !c.Agrees {
			c.Why = fmt.Sprintf("journal: %d printed, %d failed, %d open", printed, failed, b.OpenBegun())
		}
	})
	return c
}
