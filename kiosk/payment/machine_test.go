package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/wire"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// machine is a terminal's cash side whole: validator, line, driver, till, journal, disk. Its computer may
// die at any write to the line or the disk, and start again with what the disk then holds.
type machine struct {
	t   *testing.T
	rng *rand.Rand // of the story
	cut *rand.Rand // of what the disk keeps; another goroutine's
	sim *cctalksim.Sim
	dir string

	serving context.Context
	stop    context.CancelFunc
	serves  sync.WaitGroup

	mu      sync.Mutex // guards all below
	plugged bool
	disk    *cutdisk.Disk
	program *program // nil while the computer is off
	onPoint func(point string)
	ops     []string // what happened, for the message of a failure
}

// program is one run of the computer.
type program struct {
	m       *machine
	disk    *cutdisk.Disk
	journal *store.Store
	driver  *cctalk.Acceptor
	till    *Till
	unmount func()
	cancel  context.CancelFunc
	ran     sync.WaitGroup
	broken  chan struct{} // closed when the till's Run has ended
	err     error         // of the till's Run

	dead  bool // guarded by machine.mu: no byte leaves any more
	line  net.Conn
	image *cutdisk.Disk
}

// newMachine makes a machine that has never worked. dir holds the real files of its journal, and may have
// been another machine's before.
func newMachine(t *testing.T, dir string, rng *rand.Rand) *machine {
	m := &machine{t: t, rng: rng, cut: rand.New(rand.NewPCG(rng.Uint64(), 1)), sim: cctalksim.New(cctalksim.Options{}), dir: dir, plugged: true, disk: cutdisk.New()}
	if err := os.RemoveAll(filepath.Join(dir, "twin.jsonl")); err != nil {
		t.Fatal(err)
	}
	m.serving, m.stop = context.WithCancel(context.Background())
	m.sim.OnPlug(m.plug)
	return m
}

func (m *machine) plug(in bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.plugged = in
	if !in && m.program != nil && m.program.line != nil {
		m.program.line.Close()
	}
}

// open lays a new line from a program to the validator.
func (p *program) open() (wire.Port, error) {
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if !p.m.plugged || p.dead {
		return nil, errors.New("no such device")
	}
	if p.line != nil {
		p.line.Close()
	}
	host, device := net.Pipe()
	p.line = host
	p.m.serves.Add(1)
	go func() {
		defer p.m.serves.Done()
		defer device.Close()
		p.m.sim.Serve(p.m.serving, &answers{Conn: device, p: p})
	}()
	return &commands{Conn: host, p: p}, nil
}

// commands is the host's end of the line, answers the device's. Both tell when bytes are on their way.
type commands struct {
	net.Conn
	p *program
}

func (c *commands) Write(b []byte) (int, error) {
	c.p.m.point("command", c.p)
	return c.Conn.Write(b)
}

type answers struct {
	net.Conn
	p *program
}

func (a *answers) Write(b []byte) (int, error) {
	a.p.m.point("answer", a.p)
	return a.Conn.Write(b)
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
		p.driver = cctalk.New(p.open, cctalk.Options{})
		p.till = NewTill(p.journal, p.driver, cash.Absent{}, cash.AbsentPayer{}, slog.New(slog.DiscardHandler))
		err = p.till.Resume(context.Background())
	}
	if err != nil {
		if !m.struck() {
			m.t.Fatalf("start: %v\n%v", err, m.ops)
		}
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.ran.Go(func() { p.driver.Run(ctx) })
	p.ran.Go(func() {
		p.err = p.till.Run(ctx)
		close(p.broken)
	})
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
	line := p.line
	m.mu.Unlock()
	if line != nil {
		line.Close()
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
	m.plug(false)
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
	m.sim.Faults().MendAll()
	m.sim.Path().PutBox()
	for range 40 {
		if m.dead() {
			if m.program != nil {
				m.bury()
			}
			m.start()
		}
		time.Sleep(6 * time.Second) // virtual
		if m.dead() || !m.program.till.Ready() || m.open() != nil || m.sim.Path().World().Mouth != nil {
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

// tally is notes by face.
func tally(lists ...[]notepath.Tally) (out money.Counts) {
	for _, list := range lists {
		for _, t := range list {
			out = out.Plus(money.Fen(t.Face), t.Currency, int64(t.Count))
		}
	}
	return out
}

// number is how many notes a pile has.
func number(pile money.Counts) (n int) {
	for _, row := range pile {
		n += int(row.Count)
	}
	return n
}

// conserved checks that no fen is lost or invented: what the journal knows against what the mechanism
// counts. losses bounds the doubtful notes, and those that the journal could not hear of. Before all is at
// rest it may lag behind by what the next polls will tell.
func (m *machine) conserved(losses int, atRest bool) {
	m.t.Helper()
	w := m.sim.Path().World()
	if err := w.Balanced(); err != nil {
		m.t.Fatal(err)
	}
	m.book(func(b *casefile.Book) {
		fail := func(format string, args ...any) {
			m.t.Helper()
			m.t.Fatalf("%s\nbook: stacked %v returned %v doubtful %v placed %+v\nworld %+v\n%v",
				fmt.Sprintf(format, args...), b.Stacked, b.Returned, b.Doubtful, b.Placed, w, m.ops)
		}
		if bad := b.Check(); len(bad) > 0 {
			fail("the book does not hold: %v", bad)
		}
		// A doubtful note may be in the box or back in the hand; any other is where the journal says.
		in, out := tally(w.Box, w.Taken).Minus(b.Stacked), tally(w.Returned).Minus(b.Returned)
		for _, rest := range []money.Counts{in, out} {
			for _, row := range rest {
				if row.Count < 0 {
					fail("the journal knows of %d more notes of %s than the mechanism", -row.Count, row.Face)
				}
			}
		}
		doubtful := number(b.Doubtful)
		if doubtful > losses {
			fail("%d doubtful notes, want %d at most", doubtful, losses)
		}
		if atRest && number(in)+number(out) > losses {
			fail("%v and %v went a way that the journal does not know, want %d at most", in, out, losses)
		}
	})
}

// settled checks what must hold at rest, and that the records mean the same to another reader.
func (m *machine) settled() {
	m.t.Helper()
	records, err := m.program.journal.Read(context.Background(), 0, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	hall := casefile.NewBook()
	prev := casefile.Genesis("T1", m.program.journal.Epoch())
	ends := map[int64]int{}
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
		switch e.Kind {
		case casefile.NoteEscrowed:
			ends[e.Header.Note] += 0
		case casefile.NoteStacked, casefile.NoteReturned, casefile.NoteDoubtful:
			ends[e.Header.Note]++
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
