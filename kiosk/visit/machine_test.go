package visit

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/printer"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/catalog"
	"yichuang/kiosk/catalog/first"
	"yichuang/kiosk/front"
	"yichuang/kiosk/invariant"
	"yichuang/kiosk/license"
	"yichuang/kiosk/money"
	"yichuang/kiosk/office"
	"yichuang/kiosk/payment"
	"yichuang/kiosk/press"
	"yichuang/kiosk/station"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
	"yichuang/kiosk/typeset"
)

const (
	idle = 60 * time.Second
	warn = 20 * time.Second
)

// hall answers as it was told to.
type hall struct {
	office.Away

	mu       sync.Mutex // guards all below
	up       bool
	bill     office.Bill
	posting  office.Posting
	decision office.Decision
	asked    int    // how often it was asked for a bill
	befalls  func() // meanwhile

	revoked string // why the terminal is not dealt with

	placed   office.Order // what placing an order answers; without a state it is not answered
	order    office.Order // how the order stands
	closed   office.Order // what closing it comes to; without a state it is not answered
	attempts []office.NewOrder

	issuer  *license.Issuer
	permit  office.Permit // what is answered instead of a permit, when it refuses
	forms   []string      // what permits were asked for: form, serial, permit before
	license license.Facts
	cases   []office.CaseLine
	sought  []string // whose cases it was asked for: number and name
}

func (h *hall) Cases(_ context.Context, number, name, _ string) ([]office.CaseLine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sought = append(h.sought, number+" "+name)
	if !h.up {
		return nil, office.ErrNoLine
	}
	return slices.Clone(h.cases), nil
}

// Permit signs the facts for the blank that it is asked for.
func (h *hall) Permit(_ context.Context, caseID, form, serial, previous string) (office.Permit, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forms = append(h.forms, strings.TrimSpace(form+" "+serial+" "+previous))
	if h.permit.Refused != "" {
		return h.permit, nil
	}
	facts := h.license
	facts.Case, facts.Form, facts.Serial = caseID, form, serial
	text, err := license.Encode(facts, h.issuer)
	return office.Permit{Permit: fmt.Sprintf("L%d", len(h.forms)), CodeText: text}, err
}

func (h *hall) barred() (why string) {
	h.set(func(h *hall) { why = h.revoked })
	return why
}

func (h *hall) set(fn func(h *hall)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn(h)
}

func (h *hall) Up() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.up
}

func (h *hall) line() error {
	if !h.Up() {
		return office.ErrNoLine
	}
	return nil
}

func (h *hall) Bill(context.Context, string, string, string, string) (office.Bill, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if h.befalls != nil {
		h.befalls()
	}
	if !h.up {
		return office.Bill{}, office.ErrNoLine
	}
	return h.bill, nil
}

// Posting waits as long as it may while the biller has not said anything.
func (h *hall) Posting(ctx context.Context, _ string) (office.Posting, error) {
	h.mu.Lock()
	p := h.posting
	h.mu.Unlock()
	if p.State == "" {
		<-ctx.Done()
		return office.Posting{State: "taken"}, h.line()
	}
	time.Sleep(100 * time.Millisecond) // virtual: what the biller takes
	return p, h.line()
}

func (h *hall) Decision(context.Context, string) (office.Decision, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.decision, nil
}

// PlaceOrder keeps what was placed.
func (h *hall) PlaceOrder(ctx context.Context, o office.NewOrder) (office.Order, error) {
	h.mu.Lock()
	h.attempts = append(h.attempts, o)
	placed := h.placed
	h.mu.Unlock()
	if placed.State == "" {
		<-ctx.Done()
		return office.Order{}, office.ErrNoLine
	}
	return placed, nil
}

func (h *hall) WaitOrder(context.Context, string) (office.Order, error) {
	time.Sleep(200 * time.Millisecond) // virtual: until something has changed
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.up {
		return office.Order{}, office.ErrNoLine
	}
	return h.order, nil
}

func (h *hall) CloseOrder(ctx context.Context, _ string) (office.Order, error) {
	h.mu.Lock()
	closed := h.closed
	h.mu.Unlock()
	if closed.State == "" {
		<-ctx.Done()
		return office.Order{}, office.ErrNoLine
	}
	time.Sleep(100 * time.Millisecond) // virtual: what the gateway takes
	return closed, nil
}

func (h *hall) Flush(context.Context) error { return h.line() }

// machine is a terminal with a screen that tests touch: the real visit, till, press, journal and drivers, and
// mechanisms at the other end of the lines.
type machine struct {
	t       *testing.T
	hall    *hall
	cash    *cctalksim.Sim
	roll    *escpossim.Printer
	reader  *sdtsim.Reader
	scanner *scannersim.Scanner
	journal *store.Store
	kiosk   *Kiosk

	printer *ippsim.Printer // nil for a terminal without one
	network chan net.Conn
	server  *http.Server
	web     *http.Transport

	stopVisits context.CancelFunc
	visits     chan error

	serving  context.Context
	stop     context.CancelFunc
	devices  context.CancelFunc
	ran      sync.WaitGroup
	serves   sync.WaitGroup
	unmount  func()
	endOnce  sync.Once
	endError error
	stopTook time.Duration // from the stop order to the end of the visits
}

// bubble runs a story at a terminal that stands at its home page, in virtual time. When it is over the
// money adds up and nothing has begun that has not ended.
func bubble(t *testing.T, story func(t *testing.T, m *machine)) {
	t.Helper()
	play(t, false, story)
}

// play is bubble for a terminal with or without a license printer.
func play(t *testing.T, prints bool, story func(t *testing.T, m *machine)) {
	t.Helper()
	playing(t, prints, cash.AbsentPayer{}, story)
}

// playing is play for a terminal that pays out as well.
func playing(t *testing.T, prints bool, payer cash.Payer, story func(t *testing.T, m *machine)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, dir, prints, payer)
		defer m.end()
		m.open()
		story(t, m)
		m.end()
		if m.endError != nil {
			t.Errorf("the visits ended with %v", m.endError)
		}
	})
}

func newMachine(t *testing.T, dir string, prints bool, payer cash.Payer) *machine {
	m := &machine{t: t, cash: cctalksim.New(cctalksim.Options{}), roll: escpossim.New(escpossim.Options{Pace: true}), reader: sdtsim.New(sdtsim.Options{}), scanner: scannersim.New(scannersim.Options{}), visits: make(chan error, 1)}
	m.hall = &hall{up: true, posting: office.Posting{State: "posted"}, bill: office.Bill{Status: "ok", Account: account, Name: "*小英", Biller: "water",
		Periods: []office.Period{{Period: "2026-10", Due: 5000}, {Period: "2026-11", Due: 8340}}, Surplus: "balance", Part: true}}
	m.serving, m.stop = context.WithCancel(context.Background())
	m.unmount = cutdisk.New().Mount(dir)
	var err error
	if m.journal, err = store.Open(cutdisk.Context(context.Background()), dir, "T1"); err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m.journal.UseHallKey(key.PublicKey().Bytes())
	setter, err := typeset.Open()
	if err != nil {
		t.Fatal(err)
	}
	offer, err := first.Catalog()
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	acceptor := cctalk.New(m.line(m.cash.Serve), cctalk.Options{})
	roll := escpos.New(m.line(m.roll.Serve), escpos.Profile{HasQR: true, HasCuts: true, HasClear: true})
	open := m.line(m.reader.Serve)
	reader := sdt.New(func(int) (wire.Port, error) { return open() }, sdt.Options{})
	codes := scanner.New(m.line(m.scanner.Serve), scanner.Options{})
	till := payment.NewTill(m.journal, acceptor, cash.Absent{}, payer, quiet)
	s := &station.Station{Cash: acceptor, Coins: cash.Absent{}, Payer: payer, Roll: roll, Sheets: printer.AbsentSheets{}, Reader: reader, Scanner: codes,
		Hall: m.hall, Journal: m.journal, Sealing: func() bool { return true }, Barred: m.hall.barred}
	m.kiosk = &Kiosk{Stage: front.NewStage(), Journal: m.journal, Till: till, Station: s, Hall: m.hall, Number: "03", Language: "zh", Idle: idle, Warn: warn, Log: quiet,
		Press:   &press.Press{Journal: m.journal, Roll: roll, Sheets: s.Sheets, Type: setter, Log: quiet},
		Catalog: func() *catalog.Catalog { return offer }, Root: func() []byte { return nil }}
	if err := till.Resume(context.Background()); err != nil {
		t.Fatal(err)
	}
	if prints {
		m.licensePrinter()
	}
	devices, stopDevices := context.WithCancel(context.Background())
	m.devices = stopDevices
	m.ran.Go(func() { s.Run(devices) })
	m.ran.Go(func() { till.Run(devices) })
	m.until("the devices are fit", func() bool {
		return till.Ready() && acceptor.State().Fault == nil && roll.State().Fault == nil && reader.Fault() == nil && codes.Fault() == nil &&
			(!prints || s.CanPrint().Open)
	})
	m.stopVisits = func() { m.visits <- context.Canceled }
	return m
}

// open lets people come.
func (m *machine) open() {
	people, stop := context.WithCancel(context.Background())
	m.stopVisits = stop
	go func() { m.visits <- m.kiosk.Run(people) }()
	m.page("home")
}

// line lays a line to a mechanism.
func (m *machine) line(serve func(context.Context, io.ReadWriter) error) wire.Opener {
	return func() (wire.Port, error) {
		if m.serving.Err() != nil {
			return nil, errors.New("no such device")
		}
		host, device := net.Pipe()
		m.serves.Go(func() {
			defer device.Close()
			serve(m.serving, device)
		})
		return host, nil
	}
}

// end stops the visits as a stop order does, then the devices, and checks the books.
func (m *machine) end() {
	m.endOnce.Do(func() {
		began := time.Now()
		m.stopVisits()
		if err := <-m.visits; !errors.Is(err, context.Canceled) {
			m.endError = fmt.Errorf("run: %w", err)
		}
		m.stopTook = time.Since(began)
		m.journal.Book(func(b *casefile.Book) {
			if bad := b.Check(); len(bad) > 0 {
				m.t.Errorf("the book does not hold: %v", bad)
			}
			if n := b.OpenBegun(); n != 0 || b.Placed.Visit != 0 || b.Visit != "" {
				m.t.Errorf("%d things have begun and not ended, %s is placed nowhere, visit %q is open", n, b.Placed.Visit, b.Visit)
			}
		})
		w := invariant.New(m.journal.Terminal(), m.journal.Origin())
		broken, err := w.Catch(context.Background(), m.journal)
		if err != nil {
			m.t.Error(err)
		}
		for _, v := range append(broken, w.Rest(invariant.Rest{Quiet: true})...) {
			m.t.Error(v)
		}
		if m.t.Failed() {
			m.t.Logf("the journal says\n%s\nstrips %q", strings.Join(m.records(), "\n"), m.strips())
		}
		m.devices()
		m.ran.Wait()
		m.stop()
		if m.printer != nil {
			m.printer.Power(false)
			m.web.CloseIdleConnections()
			m.server.Close()
		}
		m.serves.Wait()
		m.journal.Close() // after the last word; nothing is written any more
		m.unmount()
		time.Sleep(time.Minute) // virtual: what the mechanisms still do ends before the bubble
		m.kiosk.Press.Type.Close()
	})
}

// until waits for something of the machine.
func (m *machine) until(what string, holds func() bool) {
	m.t.Helper()
	for range 30000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond) // virtual
	}
	m.t.Fatalf("%s: never; the page is %+v", what, m.view())
}

func (m *machine) view() front.View { return m.kiosk.Stage.View() }

// page waits for a page.
func (m *machine) page(name string) front.View {
	m.t.Helper()
	m.until("page "+name, func() bool { return m.view().Page == name })
	synctest.Wait()
	return m.view()
}

// touch touches a control of the page that stands.
func (m *machine) touch(ids ...string) {
	m.t.Helper()
	for _, id := range ids {
		synctest.Wait()
		m.until("control "+id, func() bool { v := m.view(); return v.Can(id) })
		if _, err := m.kiosk.Stage.Do(context.Background(), front.Act{Revision: m.view().Revision, ID: id}); err != nil {
			m.t.Fatalf("touch %s on %s: %v", id, m.view().Page, err)
		}
		synctest.Wait()
	}
}

// account is a number with its check digit.
const account = "3102005513"

// toBill goes to the bill of the account.
func (m *machine) toBill() front.View {
	m.t.Helper()
	m.touch("home.pay", "service.pay.water")
	m.page("account")
	for _, d := range account {
		m.touch("key." + string(d))
	}
	m.touch("key.ok")
	return m.page("bill")
}

// toCash goes on to the page where notes are taken.
func (m *machine) toCash() front.View {
	m.t.Helper()
	m.toBill()
	m.touch("form.next")
	m.page("method")
	m.touch("pay.cash")
	v := m.page("pay")
	m.until("notes are taken", func() bool { return m.view().Money != nil && m.view().Money.Taking })
	return v
}

// insert puts notes in, and waits until each is where it belongs.
func (m *machine) insert(fen ...int64) {
	m.t.Helper()
	for _, face := range fen {
		before := m.inside()
		m.note(face)
		m.until("note", func() bool { return m.inside() == before.Add(money.Fen(face)) })
	}
}

// note offers a note and waits until the rollers have it.
func (m *machine) note(face int64) {
	m.t.Helper()
	m.until("the mouth is free", func() bool {
		_, err := m.cash.Path().Offer(face, money.CNY, "genuine")
		return err == nil && m.cash.Path().World().Mouth != nil
	})
}

func (m *machine) inside() (sum money.Fen) {
	m.journal.Book(func(b *casefile.Book) { sum = b.StackedFen })
	return sum
}

// records are the kinds of the journal with what tells something, in order.
func (m *machine) records() (out []string) {
	m.t.Helper()
	records, err := m.journal.Read(context.Background(), 0, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, r := range records {
		fields := map[string]any{}
		if err := json.Unmarshal(r.Header, &fields); err != nil {
			m.t.Fatal(err)
		}
		line := string(r.Kind)
		for _, name := range []string{"what", "way", "fault", "bill_fen", "extra_fen", "owed_fen", "amount_fen", "reason"} {
			if v, ok := fields[name]; ok {
				line += fmt.Sprintf(" %s=%v", name, v)
			}
		}
		out = append(out, line)
	}
	return out
}

// tells checks that the journal has these records, in this order and each as often as it is named; others of
// other kinds may stand between.
func (m *machine) tells(want ...string) {
	m.t.Helper()
	kinds := map[string]bool{}
	for _, w := range want {
		kind, _, _ := strings.Cut(w, " ")
		kinds[kind] = true
	}
	var got []string
	for _, r := range m.records() {
		if kind, _, _ := strings.Cut(r, " "); kinds[kind] {
			got = append(got, r)
		}
	}
	if !slices.Equal(got, want) {
		m.t.Errorf("the journal says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// strips are the strips that were cut off, one text each.
func (m *machine) strips() (out []string) {
	var w struct {
		Prints []struct {
			N   int
			Cut bool
		}
	}
	if err := json.Unmarshal(m.roll.World(), &w); err != nil {
		m.t.Fatal(err)
	}
	for _, p := range w.Prints {
		if text, err := m.roll.Text(p.N); err == nil && p.Cut {
			out = append(out, text)
		}
	}
	return out
}

// came checks that strips with these words came out, in this order, and no other.
func (m *machine) came(words ...string) {
	m.t.Helper()
	got := m.strips()
	ok := len(got) == len(words)
	for i := range words {
		ok = ok && strings.Contains(got[i], words[i])
	}
	if !ok {
		m.t.Errorf("strips %q, want %q", got, words)
	}
}

// says checks the message of the page.
func (m *machine) says(phrase front.Phrase) {
	m.t.Helper()
	if v := m.view(); v.Message == nil || v.Message.Phrase != phrase {
		m.t.Errorf("the page %s says %+v, want %s", v.Page, v.Message, phrase)
	}
}

// home waits until the visit is over.
func (m *machine) home() {
	m.t.Helper()
	m.page("home")
	m.until("the visit is over", func() bool { return m.view().Visit == "" })
}
