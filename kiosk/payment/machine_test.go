package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/psanford/sqlite3vfs"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// machine is a terminal's cash side whole: validator, coin acceptor, hoppers, their lines and drivers, till, journal,
// disk. Its computer may die at any write to a line or the disk, and start again with what the disk then holds.
type machine struct {
	t     *testing.T
	rng   *rand.Rand // of the story
	cut   *rand.Rand // of what the disk keeps; another goroutine's
	sim   validator
	coins *cctalkcoinsim.Sim
	rack  *cctalkhoppersim.Rack // nil when the validator is a recycler, which pays by itself
	has   fitting
	dir   string

	serving context.Context
	stop    context.CancelFunc
	serves  sync.WaitGroup
	notes   link
	coin    link
	payout  link

	unloaded  bool // what was put into the payer may not have been written down
	forgot    int  // coins of which nobody will tell
	forgotten bool // the coin acceptor forgot while the computer was off: how many is known when the journal is open

	mu      sync.Mutex // guards all below
	disk    *cutdisk.Disk
	program *program // nil while the computer is off
	onPoint func(point string)
	ops     []string // what happened, for the message of a failure
}

// validator is the mechanism that notes go into.
type validator interface {
	Path() *notepath.Path
	Faults() *mechanism.Faults
	Power(on, noteIn bool)
	OnPlug(func(plugged bool))
	Serve(context.Context, io.ReadWriter) error
}

// link is the line to one device.
type link struct {
	point string // what its points begin with
	serve func(context.Context, io.ReadWriter) error
	out   bool     // the plug; guarded by machine.mu, as line is
	line  net.Conn // the host's end
}

// program is one run of the computer.
type program struct {
	m       *machine
	disk    *cutdisk.Disk
	journal *store.Store
	driver  cash.Acceptor
	taker   cash.Intake
	payer   cash.Payer
	till    *Till
	unmount func()
	cancel  context.CancelFunc
	ran     sync.WaitGroup
	broken  chan struct{} // closed when one of the till's loops has ended
	ended   sync.Once
	err     error // of that loop

	dead  bool // guarded by machine.mu: no byte leaves any more
	image *cutdisk.Disk
}

// fitting is what a machine has.
type fitting int

const (
	notesAlone   fitting = iota
	withHoppers          // a coin acceptor, and hoppers that pay
	withRecycler         // a coin acceptor, and a validator that keeps notes of some faces and pays with them
)

// newMachine makes a machine that has never worked. dir holds the real files of its journal, and may have
// been another machine's before.
func newMachine(t *testing.T, dir string, rng *rand.Rand, has fitting) *machine {
	m := &machine{t: t, rng: rng, cut: rand.New(rand.NewPCG(rng.Uint64(), 1)), has: has, coins: cctalkcoinsim.New(cctalkcoinsim.Options{}), dir: dir, disk: cutdisk.New()}
	if err := os.RemoveAll(filepath.Join(dir, "twin.jsonl")); err != nil {
		t.Fatal(err)
	}
	m.serving, m.stop = context.WithCancel(context.Background())
	if m.sim = cctalksim.New(cctalksim.Options{}); has == withRecycler {
		m.sim = sspsim.New(sspsim.Options{Unit: sspsim.SmartPayout})
	}
	if has == withHoppers {
		m.rack = cctalkhoppersim.New(cctalkhoppersim.Options{Hoppers: []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Low: 5}, {Address: 4, Face: 50, Registers: 1}, {Address: 5, Face: 1000}}})
		m.payout = link{point: "payout ", serve: m.rack.Serve}
		m.rack.OnPlug(func(in bool) { m.plug(&m.payout, in) })
		m.rack.OnPoint(m.moving)
	}
	m.notes, m.coin = link{serve: m.sim.Serve}, link{point: "coins ", serve: m.coins.Serve}
	m.sim.OnPlug(func(in bool) { m.plug(&m.notes, in) })
	m.coins.OnPlug(func(in bool) { m.plug(&m.coin, in) })
	m.coins.Path().OnPoint(m.moving)
	return m
}

func (m *machine) plug(l *link, in bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l.out = !in; l.out && l.line != nil {
		l.line.Close()
	}
}

// opener lays new lines from a program to a device.
func (p *program) opener(l *link) wire.Opener {
	return func() (wire.Port, error) {
		p.m.mu.Lock()
		defer p.m.mu.Unlock()
		if l.out || p.dead {
			return nil, errors.New("no such device")
		}
		if l.line != nil {
			l.line.Close()
		}
		host, device := net.Pipe()
		l.line = host
		p.m.serves.Add(1)
		go func() {
			defer p.m.serves.Done()
			defer device.Close()
			l.serve(p.m.serving, &end{Conn: device, p: p, point: l.point + "answer"})
		}()
		return &end{Conn: host, p: p, point: l.point + "command"}, nil
	}
}

// end is one end of a line. It tells when bytes are on their way.
type end struct {
	net.Conn
	p     *program
	point string
}

func (e *end) Write(b []byte) (int, error) {
	e.p.m.point(e.point, e.p)
	return e.Conn.Write(b)
}

// moving is called when something sets out inside a mechanism.
func (m *machine) moving(what string) {
	m.mu.Lock()
	p := m.program
	m.mu.Unlock()
	if p != nil {
		m.point(what, p)
	}
}

// point is called just before something leaves the computer or reaches it.
func (m *machine) point(what string, p *program) {
	m.mu.Lock()
	fn := m.onPoint
	if p.dead {
		fn = nil
	}
	m.mu.Unlock()
	if fn != nil {
		fn(what)
	}
}

// start switches the computer on.
func (m *machine) start() {
	m.t.Helper()
	p := &program{m: m, disk: m.disk, broken: make(chan struct{})}
	p.unmount = m.disk.Mount(m.dir)
	p.disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			m.point("sync", p)
		} else {
			m.point("write", p)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if p.dead {
			return sqlite3vfs.IOError
		}
		return nil
	})
	m.mu.Lock()
	m.program = p
	m.mu.Unlock()
	var err error
	p.journal, err = store.Open(cutdisk.Context(context.Background()), m.dir, "T1")
	if err == nil {
		p.drivers()
		p.till = NewTill(p.journal, p.driver, p.taker, p.payer, slog.New(slog.DiscardHandler))
		err = p.till.Resume(context.Background())
	}
	if err != nil {
		if !m.struck() {
			m.t.Fatalf("start: %v\n%v", err, m.ops)
		}
		return
	}
	if m.forgotten {
		m.coinsForgotten()
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	for _, device := range []func(context.Context) error{p.driver.Run, p.taker.Run, p.payer.Run} {
		p.ran.Go(func() { device(ctx) })
	}
	for _, loop := range []func(context.Context) error{p.till.Run, p.till.RunCoins, p.till.SettlePayouts} {
		p.ran.Go(func() {
			err := loop(ctx)
			p.ended.Do(func() {
				p.err = err
				close(p.broken)
			})
		})
	}
}

func (p *program) drivers() {
	m := p.m
	p.taker, p.payer = cash.Absent{}, cash.AbsentPayer{}
	if m.has != notesAlone {
		p.taker = cctalkcoin.New(p.opener(&m.coin), cctalkcoin.Options{})
	}
	if m.has == withRecycler {
		unit := ssp.New(p.opener(&m.notes), ssp.Options{})
		p.driver, p.payer = unit, unit.Payer()
		return
	}
	p.driver = cctalk.New(p.opener(&m.notes), cctalk.Options{})
	if m.has == withHoppers {
		p.payer = cctalkhopper.New(p.opener(&m.payout), cctalkhopper.Options{Hoppers: map[byte]int64{3: 100, 4: 50, 5: 1000}})
	}
}

// strike is the instant in which the computer's power goes: nothing leaves it any more, and the disk is
// found later as how says. It may be called at a point.
func (m *machine) strike(how cutdisk.How) {
	m.mu.Lock()
	p := m.program
	struck := p == nil || p.dead
	if !struck {
		p.dead = true
	}
	m.mu.Unlock()
	if struck {
		return
	}
	p.image = p.disk.Image(how, m.cut)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range []*link{&m.notes, &m.coin, &m.payout} {
		if l.line != nil {
			l.line.Close()
		}
	}
}

// bury waits until what is left of a struck program has ended, and gives the disk as it is found.
func (m *machine) bury() {
	p := m.program
	p.close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk, m.program = p.image, nil
}

// close ends a program, wherever its start has come to.
func (p *program) close() {
	if p.cancel != nil {
		p.cancel()
		p.ran.Wait()
	}
	if p.journal != nil {
		p.journal.Close() // of a dead disk: its error is the one we made
	}
	p.unmount()
}

// kill is strike and bury.
func (m *machine) kill(how cutdisk.How) {
	m.strike(how)
	m.bury()
}

// struck says whether the computer was struck.
func (m *machine) struck() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.program == nil || m.program.dead
}

// dead says whether the computer was struck, or its program has ended by itself, which is a failure.
func (m *machine) dead() bool {
	m.t.Helper()
	if m.struck() {
		return true
	}
	p := m.program
	select {
	case <-p.broken:
		if m.struck() {
			return true
		}
		m.t.Fatalf("the till has ended by itself: %v\n%v", p.err, m.ops)
	default:
	}
	return false
}

// end switches everything off in good order.
func (m *machine) end() {
	if m.program != nil {
		m.program.close()
	}
	m.stop()
	for _, l := range []*link{&m.notes, &m.coin, &m.payout} {
		m.plug(l, false)
	}
	m.serves.Wait()
}

func (m *machine) note(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ops = append(m.ops, fmt.Sprintf("\n%s ", time.Now().Format("05.000"))+fmt.Sprintf(format, args...))
}

// book looks at the book of the running program.
func (m *machine) book(fn func(b *casefile.Book)) { m.program.journal.Book(fn) }

// ids are the cases that have money and are not settled.
func (m *machine) unsettled() (ids []string) {
	m.book(func(b *casefile.Book) {
		for id, c := range b.Cases {
			if c.Visiting > 0 && !c.Settled {
				ids = append(ids, id)
			}
		}
	})
	return ids
}

func (m *machine) open() (n *casefile.Note) { return m.program.till.openNote() }

// rest lets the machine come to rest: everything mended and switched on, no note on its way, all settled.
func (m *machine) rest() {
	m.t.Helper()
	m.mu.Lock()
	m.onPoint = nil
	m.mu.Unlock()
	for _, f := range m.faults() {
		f.MendAll()
	}
	m.sim.Path().PutBox()
	for range 40 {
		if m.dead() {
			if m.program != nil {
				m.bury()
			}
			m.start()
		}
		time.Sleep(6 * time.Second) // virtual
		if m.dead() || !m.program.till.Ready() || m.open() != nil || m.openPayout() || m.sim.Path().World().Mouth != nil || !m.online() {
			continue
		}
		if err := m.program.till.Stop(context.Background()); err != nil {
			m.t.Fatalf("stop at the end: %v\n%v", err, m.ops)
		}
		for _, id := range m.unsettled() {
			if _, _, err := m.program.till.Settle(context.Background(), id, RestOwed, "power"); err != nil {
				m.t.Fatalf("settle %s at the end: %v\n%v", id, err, m.ops)
			}
		}
		return
	}
	m.t.Fatalf("the machine never came to rest: open %+v, world %+v, state %+v\n%v", m.open(), m.sim.Path().World(), m.program.driver.State(), m.ops)
}

// tally is notes or coins by face.
func tally[T notepath.Tally | coinpath.Tally](lists ...[]T) (out money.Counts) {
	for _, list := range lists {
		for _, row := range list {
			t := notepath.Tally(row)
			out = out.Plus(money.Fen(t.Face), t.Currency, int64(t.Count))
		}
	}
	return out
}

// number is how many pieces a pile has.
func number(pile money.Counts) (n int) {
	for _, row := range pile {
		n += int(row.Count)
	}
	return n
}

// settled checks what must hold at rest, and that the records mean the same to another reader.
func (m *machine) settled() {
	m.t.Helper()
	records, err := m.program.journal.Read(context.Background(), 0, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	hall := casefile.NewBook()
	prev := casefile.Genesis("T1", m.program.journal.Origin())
	ends, payouts := map[int64]int{}, map[string]int{}
	for i, r := range records {
		if err := r.Check(int64(i+1), prev); err != nil {
			m.t.Fatal(err)
		}
		prev = r.Hash
		e, err := r.Event()
		if err == nil {
			err = hall.Apply(r.Seq, r.When(), e)
		}
		if err != nil {
			m.t.Fatalf("the hall cannot follow record %d: %v", r.Seq, err)
		}
		if e.Kind == casefile.NoteStacked && e.Header.Box == "" && !e.Header.Store {
			m.t.Fatalf("record %d: note %d names no box\n%v", r.Seq, e.Header.Note, m.ops)
		}
		switch e.Kind {
		case casefile.NoteEscrowed:
			ends[e.Header.Note] += 0
		case casefile.NoteStacked, casefile.NoteReturned, casefile.NoteDoubtful:
			ends[e.Header.Note]++
		case casefile.PayoutBegun:
			payouts[e.Header.Payout] += 0
		case casefile.PayoutEnded, casefile.PayoutDoubtful:
			payouts[e.Header.Payout]++
		}
	}
	for id, n := range payouts {
		if n != 1 {
			m.t.Fatalf("payout %s has ended %d times\n%v", id, n, m.ops)
		}
	}
	for note, n := range ends {
		if n != 1 {
			m.t.Fatalf("note %d has ended %d times\n%v", note, n, m.ops)
		}
	}
	if n := hall.OpenBegun(); n != 0 {
		m.t.Fatalf("%d things have begun and not ended\n%v", n, m.ops)
	}
	if hall.Placed.Visit != 0 {
		m.t.Fatalf("%s is placed nowhere\n%v", hall.Placed.Visit, m.ops)
	}
	theirs, err := json.Marshal(hall)
	if err != nil {
		m.t.Fatal(err)
	}
	m.book(func(b *casefile.Book) {
		ours, err := json.Marshal(b)
		if err != nil || string(ours) != string(theirs) {
			m.t.Fatalf("terminal and hall do not agree (%v):\n%s\n%s", err, ours, theirs)
		}
	})
	if twins, err := filepath.Glob(filepath.Join(m.dir, "twin.jsonl")); err != nil || len(twins) != 1 {
		m.t.Fatalf("twin file: %v (%v)", twins, err)
	}
}
