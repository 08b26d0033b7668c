package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/mechanism"
	"yichuang/devices/printer"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/ippusb"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/press"
	"yichuang/kiosk/store"
	"yichuang/kiosk/typeset"
)

var sheetCuts = map[string]string{
	"power_printing": "computer and printer lose their power while a sheet is printed",
	"host_printing":  "the computer loses its power while a sheet is printed",
}

func sheetBenches() []bench {
	return []bench{sheetBench("ipp", nil), sheetBench("ipp-usb", cableFaults)}
}

func sheetBench(protocol string, more []mechanism.Fault) bench {
	b := bench{class: "license", protocol: protocol, whats: map[string]string{}, sample: sampleOf(more)}
	for _, f := range slices.Concat(ippsim.New(ippsim.Options{}).Faults().List(), more) {
		b.faults, b.whats[f.Name] = append(b.faults, f.Name), f.What
	}
	for _, name := range []string{"power_printing", "host_printing"} {
		b.faults, b.whats[name] = append(b.faults, name), sheetCuts[name]
	}
	b.run = func(t *testing.T, name string) (c Cell) {
		synctest.Test(t, func(t *testing.T) {
			setter, err := typeset.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer setter.Close()
			m := &licensing{t: t, dir: t.TempDir(), sim: ippsim.New(ippsim.Options{}), setter: setter, network: make(chan net.Conn), off: make(chan struct{}), wired: true}
			if protocol == "ipp-usb" {
				m.usb = usbSheets(t, m.sim)
			}
			c = m.story(name)
		})
		return c
	}
	return b
}

// licensing is a press with its license printer: mechanism, network, driver, journal. It is the network itself, whose
// connections are pipes.
type licensing struct {
	t       *testing.T
	dir     string
	sim     *ippsim.Printer
	setter  *typeset.Setter
	kinds   kinds
	network chan net.Conn
	off     chan struct{}
	usb     *usbCable    // instead of the network; nil without one
	dead    *atomic.Bool // the program that has the cable open

	mu    sync.Mutex
	wired bool
	lines []net.Conn

	journal *store.Store
	sheets  *ipp.Printer
	web     http.RoundTripper
	press   *press.Press
	cancel  context.CancelFunc
	ran     sync.WaitGroup
}

// Accept, Close and Addr make it a listener.
func (m *licensing) Accept() (net.Conn, error) {
	select {
	case c := <-m.network:
		return c, nil
	case <-m.off:
		return nil, net.ErrClosed
	}
}

// Close is the server's; the network ends with the story.
func (m *licensing) Close() error { return nil }

// Addr is nobody's.
func (m *licensing) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (m *licensing) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	m.mu.Lock()
	wired := m.wired
	m.mu.Unlock()
	if !wired {
		return nil, errors.New("no route to host")
	}
	host, device := net.Pipe()
	select {
	case m.network <- device:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lines = append(m.lines, host)
	return host, nil
}

func (m *licensing) wire(in bool) {
	if m.usb != nil {
		m.usb.Plug(in)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wired = in
	if !in {
		for _, l := range m.lines {
			l.Close()
		}
		m.lines = nil
	}
}

func (m *licensing) start() {
	m.t.Helper()
	var err error
	if m.journal, err = store.Open(m.t.Context(), filepath.Join(m.dir, "state"), "T1"); err != nil {
		m.t.Fatal(err)
	}
	m.web, m.dead = &http.Transport{DialContext: m.dial}, new(atomic.Bool)
	if m.usb != nil {
		m.web = ippusb.NewTransport(m.usb.alive(m.dead))
	}
	m.sheets = ipp.New("ipp://printer/ipp/print", ipp.Options{Client: &http.Client{Transport: m.web}})
	m.press = &press.Press{Journal: m.journal, Roll: printer.AbsentRoll{}, Sheets: m.sheets, Type: m.setter, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	sheets := m.sheets
	m.ran.Go(func() { sheets.Run(ctx) })
}

func (m *licensing) stop() {
	m.cancel()
	m.ran.Wait()
	m.web.(interface{ CloseIdleConnections() }).CloseIdleConnections()
	m.journal.Close() // a power cut may have closed it
}

func (m *licensing) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		m.kinds.add(m.sheets.State().Fault)
		time.Sleep(50 * time.Millisecond) // virtual
	}
}

// next is the blank that the journal takes for the next one.
func (m *licensing) next() (serial string) {
	m.journal.Book(func(b *casefile.Book) { serial, _ = b.Trays["tray-1"].Next() })
	return serial
}

// license prints one original and says how it ended.
func (m *licensing) license(name string, watch func(printer.JobState)) press.Outcome {
	m.t.Helper()
	day := time.Date(2026, 11, 20, 14, 0, 0, 0, time.FixedZone("CST", 8*3600))
	l := press.Leave{Permit: "p-" + name, Case: name, Number: "92110101MA00A1B2X7", Tray: "tray-1", Media: "iso_a3_297x420mm",
		License: document.License{Kind: document.Original, Number: "92110101MA00A1B2X7", Name: "东城区巷口小面馆", Operator: "王小英",
			Place: "北京市东城区东华门街道示例胡同12号1层", Registered: day, Issued: day, Scope: "正餐服务；小吃服务。",
			Authority: "东城区市场监督管理局", Serial: m.next(), QR: strings.Repeat("YC2.abcdefghij", 20)}}
	out, err := m.press.License(context.Background(), l, watch)
	if err != nil {
		m.t.Logf("license %s: %v", name, err)
	}
	m.kinds.add(out.Fault)
	return out
}

func (m *licensing) story(name string) Cell {
	server := &http.Server{Handler: m.sim.Handler()}
	served := make(chan struct{})
	go func() { server.Serve(m); close(served) }()
	defer func() {
		m.sim.Power(false)
		close(m.off)
		server.Close()
		<-served
		if m.usb != nil {
			m.usb.end()
		}
		time.Sleep(time.Minute) // virtual: what the mechanism still does ends before the bubble
	}()
	m.sim.OnPlug(m.wire)
	m.sim.Power(true)
	if err := m.sim.LoadTray("tray-1", "iso_a3_297x420mm", 20, "A00000001"); err != nil {
		m.t.Fatal(err)
	}
	m.start()
	defer func() { m.stop() }()
	loaded := casefile.Header{Tray: "tray-1", Media: "iso_a3_297x420mm", First: "A00000001", Count: 20, Who: "technician"}
	if err := m.journal.Append(m.t.Context(), store.Entry{Event: casefile.Event{Kind: casefile.BlanksLoaded, Header: loaded}}); err != nil {
		m.t.Fatal(err)
	}
	m.pass(time.Minute)
	if out := m.license("first", nil); out.Kind != casefile.LicensePrinted {
		m.t.Fatalf("nothing is printed in peace: %+v, %v", out, out.Fault)
	}
	m.kinds.seen = nil
	outcome := m.befall(name)
	m.pass(2 * time.Minute)
	if err := m.press.SettleSheets(context.Background(), time.Minute); err != nil {
		m.t.Error(err)
	}
	m.look()
	if last := m.license("last", nil); last.Kind != casefile.LicensePrinted {
		outcome += ", and the next one is " + string(last.Kind)
	}
	return m.compare(outcome)
}

// befall lets the fault befall as soon as the sheet is being printed, once and then for a while, and mends it.
func (m *licensing) befall(name string) string {
	working, done := make(chan struct{}), make(chan press.Outcome, 1)
	var once sync.Once
	go func() {
		done <- m.license("second", func(s printer.JobState) {
			if !s.Phase.Final() {
				once.Do(func() { close(working) })
			}
		})
	}()
	select {
	case <-working:
	case <-time.After(time.Minute):
	}
	if _, cut := sheetCuts[name]; cut {
		m.cut(name == "power_printing")
		<-done
		return m.ended("second")
	}
	m.arm(name, 1)
	m.pass(20 * time.Second)
	m.arm(name, 1000)
	m.pass(20 * time.Second)
	m.arm(name, 0)
	for len(done) == 0 {
		m.pass(time.Second)
	}
	return m.ended("second")
}

// arm arms a fault of the cable or of the mechanism.
func (m *licensing) arm(name string, n int) {
	if m.usb == nil || !m.usb.arm(name, n) {
		m.sim.Faults().Arm(name, n) // the name is from its own table
	}
}

// cut lets the program die, with the printer or without.
func (m *licensing) cut(both bool) {
	if both {
		m.sim.Power(false)
	}
	m.dead.Store(true)
	if m.usb != nil {
		m.usb.drop()
	}
	if m.usb == nil || both {
		m.wire(false)
	}
	m.journal.Close()
	m.stop()
	m.pass(3 * time.Second)
	if both {
		m.sim.Power(true)
	}
	m.wire(true)
	m.start()
	m.pass(time.Minute)
	if err := m.press.SettleSheets(context.Background(), time.Minute); err != nil {
		m.t.Error(err)
	}
}

// look is a person who settles what is in doubt: a sheet that lies there whole is printed; what was not drawn is taken
// out of its tray, and void like what is torn.
func (m *licensing) look() {
	m.t.Helper()
	var doubt *casefile.Sheet
	m.journal.Book(func(b *casefile.Book) {
		for _, s := range b.Sheets {
			if s.State == casefile.LicenseDoubtful {
				c := *s
				doubt = &c
			}
		}
	})
	if doubt == nil {
		return
	}
	h := casefile.Header{Permit: doubt.Permit, Serial: doubt.Serial, As: "spoiled", Who: "technician", Reason: "looked"}
	drawn := false
	for _, p := range m.prints() {
		if drawn = drawn || p.Serial == doubt.Serial; p.Serial == doubt.Serial && p.Complete {
			h.As = "printed"
		}
	}
	if !drawn {
		if err := m.sim.LoadTray("tray-1", "iso_a3_297x420mm", 18, casefile.After(doubt.Serial)); err != nil {
			m.t.Fatal(err)
		}
		m.pass(10 * time.Second)
	}
	if err := m.journal.Append(context.Background(), store.Entry{Event: casefile.Event{Kind: casefile.LicenseSettled, Case: doubt.Case, Header: h}}); err != nil {
		m.t.Fatal(err)
	}
}

// sheet is one that the printer drew in.
type sheet struct {
	Complete bool
	Serial   string
}

func (m *licensing) prints() []sheet {
	m.t.Helper()
	var w struct{ Prints []sheet }
	if err := json.Unmarshal(m.sim.World(), &w); err != nil {
		m.t.Fatal(err)
	}
	return w.Prints
}

// ended is how the journal has it.
func (m *licensing) ended(caseID string) (text string) {
	m.journal.Book(func(b *casefile.Book) {
		if s := b.Sheets["p-"+caseID]; s != nil {
			text = string(s.State)
		}
	})
	return text
}

// compare counts the sheets by the mechanism and by the journal.
func (m *licensing) compare(outcome string) Cell {
	prints := m.prints()
	whole := map[string]bool{}
	torn := 0
	for _, p := range prints {
		if p.Complete {
			whole[p.Serial] = true
		} else {
			torn++
		}
	}
	c := Cell{Seconds: virtual(), Kind: m.kinds.first(), Outcome: outcome, Held: fmt.Sprintf("%d whole, %d torn", len(whole), torn), Agrees: true}
	m.journal.Book(func(b *casefile.Book) {
		for _, s := range b.Sheets {
			if s.State == casefile.LicensePrinted && !whole[s.Serial] {
				c.Agrees, c.Why = false, s.Serial+" is called printed and did not come out; "
			}
		}
		if k := b.Blanks; int64(len(whole)) != k.Issued {
			c.Agrees, c.Why = false, c.Why+fmt.Sprintf("%d sheets came out whole; %d issued, %d void, %d doubtful", len(whole), k.Issued, k.Void, k.Doubtful)
		}
		if bad := b.Check(); len(bad) > 0 || b.OpenBegun() > 0 {
			c.Agrees, c.Why = false, c.Why+fmt.Sprint(bad, b.OpenBegun())
		}
	})
	return c
}
