package press

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psanford/sqlite3vfs"

	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/document"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
	"yichuang/kiosk/typeset"
)

// machine is a terminal's paper side whole: both printers, their lines, drivers, the press, the journal and
// its disk. Its computer may die at any write to a line or the disk, and start again with what the disk then
// holds.
type machine struct {
	t      *testing.T
	dir    string
	rng    *rand.Rand
	roll   *escpossim.Printer
	sheets *ippsim.Printer
	setter *typeset.Setter
	fast   time.Duration // how far the computer's clock is before the time

	serving context.Context
	stop    context.CancelFunc
	serves  sync.WaitGroup
	server  *http.Server
	network chan net.Conn

	mu      sync.Mutex // guards all below
	plugged bool       // the receipt printer
	wired   bool       // the license printer
	disk    *cutdisk.Disk
	program *program
	onPoint func(point string, data []byte)
}

// program is one run of the computer.
type program struct {
	m       *machine
	disk    *cutdisk.Disk
	journal *store.Store
	press   *Press
	roll    *escpos.Printer
	sheets  *ipp.Printer
	web     *http.Transport
	unmount func()
	cancel  context.CancelFunc
	ran     sync.WaitGroup

	dead  bool // guarded by machine.mu: nothing leaves it any more
	lines []net.Conn
	image *cutdisk.Disk
}

// bubble runs a story on a machine with paper and blanks in its printers, in virtual time.
func bubble(t *testing.T, story func(t *testing.T, m *machine)) {
	t.Helper()
	bubbleWith(t, ippsim.Options{}, story)
}

// bubbleWith is a bubble with a license printer of its own.
func bubbleWith(t *testing.T, o ippsim.Options, story func(t *testing.T, m *machine)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, dir, o)
		defer m.end()
		m.start()
		m.load()
		story(t, m)
		m.holds()
	})
}

func newMachine(t *testing.T, dir string, o ippsim.Options) *machine {
	if err := os.RemoveAll(filepath.Join(dir, "twin.jsonl")); err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: dir, rng: rand.New(rand.NewPCG(7, 7)), roll: escpossim.New(escpossim.Options{Pace: true}), sheets: ippsim.New(o),
		network: make(chan net.Conn), plugged: true, wired: true, disk: cutdisk.New()}
	var err error
	if m.setter, err = typeset.Open(); err != nil {
		t.Fatal(err)
	}
	m.serving, m.stop = context.WithCancel(context.Background())
	m.roll.OnPlug(m.plug)
	m.server = &http.Server{Handler: http.HandlerFunc(m.serve)}
	m.serves.Go(func() { m.server.Serve(m) }) // ends with Close
	return m
}

// load puts blanks into the license printer's trays and tells the journal of them.
func (m *machine) load() {
	m.t.Helper()
	for _, row := range []struct{ tray, media, first string }{{"tray-1", a3, "A00000001"}, {"tray-2", a4, "B00000001"}} {
		if err := m.sheets.LoadTray(row.tray, row.media, 20, row.first); err != nil {
			m.t.Fatal(err)
		}
		h := casefile.Header{Tray: row.tray, Media: row.media, First: row.first, Count: 20, Who: "staff"}
		if err := m.program.press.append(context.Background(), casefile.BlanksLoaded, "", h); err != nil {
			m.t.Fatal(err)
		}
	}
	time.Sleep(time.Minute) // virtual: the printer is on long enough to say that a job never arrived
}

const (
	a3 = "iso_a3_297x420mm"
	a4 = "iso_a4_210x297mm"
)

// Accept, Close and Addr make the machine the license printer's network: connections are pipes.
func (m *machine) Accept() (net.Conn, error) {
	select {
	case c := <-m.network:
		return c, nil
	case <-m.serving.Done():
		return nil, net.ErrClosed
	}
}

// Close is the server's; the network ends with the machine.
func (m *machine) Close() error { return nil }

// Addr is nobody's.
func (m *machine) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *program) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.m.mu.Lock()
	off := p.dead || !p.m.wired
	p.m.mu.Unlock()
	if off {
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: errors.New("no route to host")}
	}
	host, device := net.Pipe()
	select {
	case p.m.network <- device:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	p.lines = append(p.lines, host)
	return host, nil
}

// serve is the license printer's socket: a request may be the last thing that leaves a computer, and an
// answer may find nobody any more.
func (m *machine) serve(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	p := m.program
	m.mu.Unlock()
	m.point("request", p, nil)
	if m.isDead(p) {
		panic(http.ErrAbortHandler)
	}
	m.sheets.Handler().ServeHTTP(&reply{ResponseWriter: w, m: m, p: p}, r)
}

// reply is an answer of the license printer on its way.
type reply struct {
	http.ResponseWriter
	m    *machine
	p    *program
	once sync.Once
}

func (r *reply) Write(b []byte) (int, error) {
	r.once.Do(func() { r.m.point("reply", r.p, nil) })
	if r.m.isDead(r.p) {
		panic(http.ErrAbortHandler)
	}
	return r.ResponseWriter.Write(b)
}

func (m *machine) isDead(p *program) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return p == nil || p.dead
}

// plug pulls or puts in the receipt printer's plug.
func (m *machine) plug(in bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plugged = in
	if !in && m.program != nil {
		for _, l := range m.program.lines {
			l.Close()
		}
	}
}

// wire pulls or puts in the license printer's network cable.
func (m *machine) wire(in bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wired = in
	if !in {
		for _, l := range m.program.lines {
			l.Close()
		}
	}
}

// open lays a new line from a program to the receipt printer.
func (p *program) open() (wire.Port, error) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if !p.m.plugged || p.dead {
		return nil, errors.New("no such device")
	}
	host, device := net.Pipe()
	p.lines = append(p.lines, host)
	p.m.serves.Go(func() { p.m.roll.Serve(p.m.serving, &answers{Conn: device, p: p}) })
	return &commands{Conn: host, p: p}, nil
}

// commands is the host's end of the receipt printer's line, answers the printer's.
type commands struct {
	net.Conn
	p *program
}

func (c *commands) Write(b []byte) (int, error) {
	c.p.m.point("command", c.p, b)
	return c.Conn.Write(b)
}

type answers struct {
	net.Conn
	p *program
}

func (a *answers) Write(b []byte) (int, error) {
	a.p.m.point("answer", a.p, b)
	return a.Conn.Write(b)
}

// point is called just before something leaves the computer or reaches it.
func (m *machine) point(what string, p *program, data []byte) {
	m.mu.Lock()
	fn := m.onPoint
	if p == nil || p.dead {
		fn = nil
	}
	m.mu.Unlock()
	if fn != nil {
		fn(what, data)
	}
}

// at calls do at every point; nil for nothing.
func (m *machine) at(do func(point string, data []byte)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onPoint = do
}

// start switches the computer on and waits until its printers have answered, if they do.
func (m *machine) start() {
	m.t.Helper()
	p := &program{m: m, disk: m.disk}
	p.unmount = m.disk.Mount(m.dir)
	p.disk.Before(func(op cutdisk.Op) error {
		what := "write"
		if op.Kind == cutdisk.Sync {
			what = "sync"
		}
		m.point(what, p, nil)
		if m.isDead(p) {
			return sqlite3vfs.IOError
		}
		return nil
	})
	m.mu.Lock()
	m.program = p
	m.mu.Unlock()
	var err error
	if p.journal, err = store.Open(store.WithClock(cutdisk.Context(context.Background()), m.clock()), m.dir, "T1"); err != nil {
		m.t.Fatal(err)
	}
	p.web = &http.Transport{DialContext: p.dial}
	p.roll = escpos.New(p.open, escpos.Profile{HasQR: true, HasCuts: true, HasClear: true})
	p.sheets = ipp.New("ipp://printer/ipp/print", ipp.Options{Client: &http.Client{Transport: p.web}})
	p.press = &Press{Journal: p.journal, Roll: p.roll, Sheets: p.sheets, Type: m.setter, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.ran.Go(func() { p.roll.Run(ctx) })
	p.ran.Go(func() { p.sheets.Run(ctx) })
	m.fit()
}

// clock is the computer's: nothing keeps it right.
func (m *machine) clock() store.Clock {
	return store.Clock{Now: func() time.Time { return time.Now().Add(m.fast) }, Synced: func() bool { return false }}
}

// fit waits some seconds until both printers are fit.
func (m *machine) fit() {
	p := m.program
	for range 80 {
		if p.roll.State().Fault == nil && p.sheets.State().Fault == nil {
			return
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
}

// strike is the instant in which the computer's power goes. It may be called at a point.
func (m *machine) strike() {
	m.mu.Lock()
	p := m.program
	struck := p.dead
	p.dead = true
	lines := p.lines
	m.mu.Unlock()
	if struck {
		return
	}
	p.image = p.disk.Image(cutdisk.Synced, m.rng)
	for _, l := range lines {
		l.Close()
	}
}

// restart buries a struck program and starts the next one.
func (m *machine) restart() {
	m.t.Helper()
	p := m.program
	if !m.isDead(p) {
		m.t.Fatal("restart: the computer was not struck")
	}
	p.close()
	m.mu.Lock()
	m.disk, m.onPoint = p.image, nil
	m.mu.Unlock()
	m.start()
}

func (p *program) close() {
	p.cancel()
	p.ran.Wait()
	p.web.CloseIdleConnections()
	p.journal.Close() // of a dead disk: its error is the one we made
	p.unmount()
}

// end switches everything off.
func (m *machine) end() {
	m.at(nil)
	m.program.close()
	m.stop()
	m.sheets.Power(false)
	m.server.Close()
	m.plug(false)
	m.serves.Wait()
	time.Sleep(time.Minute) // virtual: what the mechanisms still do ends before the bubble
	m.setter.Close()
}

// story is what the journal says of papers and sheets, one record a line, with the fields that tell
// something; first is the number of the first record.
func (m *machine) story(first int64) (out []string) {
	m.t.Helper()
	records, err := m.program.journal.Read(context.Background(), first-1, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, r := range records {
		fields := map[string]any{}
		if err := json.Unmarshal(r.Header, &fields); err != nil {
			m.t.Fatal(err)
		}
		line := string(r.Kind)
		for _, name := range []string{"what", "form", "serial", "way", "fault", "asked", "copy", "cuts", "tray"} {
			if name == "tray" && r.Kind == casefile.LicensePrinting {
				continue // it stands in the serial
			}
			if v, ok := fields[name]; ok {
				line += fmt.Sprintf(" %s=%v", name, v)
			}
		}
		out = append(out, line)
	}
	return out
}

// tells compares the journal from a record on with what it should say.
func (m *machine) tells(first int64, want ...string) {
	m.t.Helper()
	if got := m.story(first); !slices.Equal(got, want) {
		m.t.Errorf("the journal says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// next is the number of the next record.
func (m *machine) next() int64 {
	seq, _ := m.program.journal.Head()
	return seq + 1
}

// holds checks what holds at rest: every act that has begun has ended once, blanks add up, and another reader
// of the records comes to the same book.
func (m *machine) holds() {
	m.t.Helper()
	records, err := m.program.journal.Read(context.Background(), 0, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	book, ends := casefile.NewBook(), map[string]int{}
	for _, r := range records {
		e, err := r.Event()
		if err == nil {
			err = book.Apply(r.Seq, r.When(), e)
		}
		if err != nil {
			m.t.Fatalf("the hall cannot follow record %d: %v", r.Seq, err)
		}
		switch e.Kind {
		case casefile.PaperBegun, casefile.LicensePrinting:
			ends[e.Header.Paper+e.Header.Permit] += 0
		case casefile.PaperPrinted, casefile.PaperFailed, casefile.LicensePrinted, casefile.LicenseFailed, casefile.LicenseSpoiled, casefile.LicenseDoubtful:
			ends[e.Header.Paper+e.Header.Permit]++
		}
	}
	for id, n := range ends {
		if n != 1 {
			m.t.Errorf("%s has ended %d times, want once", id, n)
		}
	}
	if bad := book.Check(); len(bad) > 0 {
		m.t.Errorf("the book does not hold: %v", bad)
	}
	for _, s := range book.Sheets {
		m.sent(s)
	}
}

// sent checks that the journal's sum of a document is that of the bytes which the printer got.
func (m *machine) sent(s *casefile.Sheet) {
	m.t.Helper()
	for _, p := range m.prints() {
		if p.Serial != s.Serial || s.State == casefile.LicenseFailed {
			continue
		}
		document, err := m.sheets.PDF(p.N)
		if err != nil {
			m.t.Fatal(err)
		}
		if sum := sha256.Sum256(document); hex.EncodeToString(sum[:]) != s.Document {
			m.t.Errorf("blank %s: the journal has document %s, the printer got %x", s.Serial, s.Document, sum)
		}
	}
}

// sheet is a sheet that the license printer drew in.
type sheet struct {
	N        int
	Media    string
	Serial   string
	Complete bool
}

func (m *machine) prints() []sheet {
	m.t.Helper()
	var w struct{ Prints []sheet }
	if err := json.Unmarshal(m.sheets.World(), &w); err != nil {
		m.t.Fatal(err)
	}
	return w.Prints
}

// strips are the strips of paper, one text each; what was not cut off ends in three dots.
func (m *machine) strips() (out []string) {
	m.t.Helper()
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
		text, err := m.roll.Text(p.N)
		if err != nil {
			m.t.Fatal(err)
		}
		if text = strings.TrimSpace(text); !p.Cut {
			text += "..."
		}
		out = append(out, text)
	}
	return out
}

// paper is a receipt of some lines, all with its name; half of it is half a strip.
func paper(name string) document.Paper {
	var p document.Paper
	for i := range 12 {
		p.Blocks = append(p.Blocks, document.Block{Kind: document.Text, Text: fmt.Sprintf("%s 水费 %02d", name, i+1)})
	}
	return p
}

// whole counts the strips that were cut off with all of a paper and nothing else on them; mixed those with
// lines of it and of another.
func (m *machine) whole(name string) (whole, mixed int) {
	m.t.Helper()
	for _, s := range m.strips() {
		mine, all := strings.Count(s, name+" "), strings.Count(s, " 水费 ")
		switch {
		case mine == 12 && all == 12 && !strings.HasSuffix(s, "..."):
			whole++
		case mine > 0 && all > mine:
			mixed++
		}
	}
	return whole, mixed
}

// print prints a paper.
func (m *machine) print(name string, again bool) error {
	return m.program.press.Paper(context.Background(), "300000000001", "receipt", "", paper(name), again)
}

// leave is the hall's leave for a form of a license on a blank.
func leave(permit, serial string) Leave {
	day := time.Date(2026, 11, 20, 14, 0, 0, 0, time.FixedZone("CST", 8*3600))
	l := Leave{Case: "300000000002", Permit: permit, Number: "92110101MA00A1B2X7", Tray: "tray-1", Media: a3,
		License: document.License{Kind: document.Original, Number: "92110101MA00A1B2X7", Name: "东城区巷口小面馆", Operator: "王小英",
			Place: "北京市东城区东华门街道示例胡同12号1层", Registered: day, Issued: day, Scope: "正餐服务；小吃服务。",
			Authority: "东城区市场监督管理局", Serial: serial, QR: strings.Repeat("YC2.abcdefghij", 20)}}
	if strings.HasPrefix(serial, "B") {
		l.Tray, l.Media, l.License.Kind = "tray-2", a4, document.Duplicate
	}
	return l
}

// arm arms a fault of a printer, 0 mends it.
func (m *machine) arm(what interface{ Arm(string, int) error }, name string, n int) {
	m.t.Helper()
	if err := what.Arm(name, n); err != nil {
		m.t.Fatal(err)
	}
}

// half runs do once, when half of the next strip or sheet is on paper.
func (m *machine) half(do func()) {
	var once sync.Once
	m.roll.OnPoint(func(string) { once.Do(do) })
	m.sheets.OnPoint(func(string) { once.Do(do) })
}

// cutting says that a command is the one to cut: GS V.
func cutting(data []byte) bool { return bytes.HasPrefix(data, []byte{0x1D, 'V'}) }
