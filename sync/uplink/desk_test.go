package uplink

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// desk is a terminal and a hall with a line between them, in a bubble.
type desk struct {
	t       *testing.T
	net     *network
	hall    *scripted
	dir     string
	journal *store.Store
	link    *Link
	config  Config
	log     *bytes.Buffer
	logMu   sync.Mutex
	handle  func(Notice) error

	cancel context.CancelFunc
	ended  chan error
}

type logTo struct{ d *desk }

func (w logTo) Write(b []byte) (int, error) {
	w.d.logMu.Lock()
	defer w.d.logMu.Unlock()
	return w.d.log.Write(b)
}

func (d *desk) logged() string {
	d.logMu.Lock()
	defer d.logMu.Unlock()
	return d.log.String()
}

// onDesk runs a story in a bubble, with a hall and a terminal that has its code but does not run yet.
func onDesk(t *testing.T, story func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		d := &desk{t: t, net: n, hall: newHall(t, n), dir: t.TempDir(), log: &bytes.Buffer{}}
		d.config = Config{URL: "https://127.0.0.1:7443", EnrolCodeFile: filepath.Join(d.dir, "code"), Version: "1.2.3", Dial: n.dial}
		d.writeCode(d.hall.code)
		defer func() { // also after Fatal: a bubble must be left empty
			d.powerOff()
			d.hall.stop()
			if t.Failed() {
				t.Log(d.logged())
			}
		}()
		d.open()
		story(d)
	})
}

func (d *desk) writeCode(code string) {
	if err := os.WriteFile(d.config.EnrolCodeFile, []byte(code+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// open reads the terminal's disk.
func (d *desk) open() {
	d.t.Helper()
	var err error
	if d.journal, err = store.Open(d.t.Context(), filepath.Join(d.dir, "state"), "T1"); err != nil {
		d.t.Fatal(err)
	}
	if d.link, err = New(d.config, d.journal, slog.New(slog.NewTextHandler(io.MultiWriter(logTo{d}), nil))); err != nil {
		d.t.Fatal(err)
	}
	d.link.Notices(func(n Notice) error {
		if d.handle == nil {
			return nil
		}
		return d.handle(n)
	})
}

// start works the line.
func (d *desk) start() {
	ctx, cancel := context.WithCancel(d.t.Context())
	d.cancel, d.ended = cancel, make(chan error, 1)
	go func() { d.ended <- d.link.Run(ctx) }()
}

// powerOff ends the terminal; what it kept is on its disk.
func (d *desk) powerOff() {
	d.t.Helper()
	if d.cancel != nil {
		d.cancel()
		if err := <-d.ended; !errors.Is(err, context.Canceled) {
			d.t.Errorf("Run: got %v, want context canceled", err)
		}
		d.cancel = nil
	}
	if d.journal != nil {
		d.journal.Close()
		d.journal = nil
	}
}

// online starts the terminal and waits until it can ask.
func (d *desk) online() {
	d.t.Helper()
	d.start()
	d.await(time.Minute, "up", d.link.Up)
}

// later returns when virtual time has passed.
func (d *desk) later(t time.Duration) { <-time.After(t) }

// pass lets virtual time pass, for nothing, until everybody waits again.
func (d *desk) pass(t time.Duration) {
	d.later(t)
	synctest.Wait()
}

// await waits in virtual time until something holds.
func (d *desk) await(limit time.Duration, what string, good func() bool) time.Duration {
	d.t.Helper()
	synctest.Wait()
	began := time.Now()
	for !good() {
		if time.Since(began) > limit {
			d.t.Fatalf("%s: not within %v\nstatus %+v\nlog:\n%s", what, limit, d.link.Status(), d.logged())
		}
		d.pass(10 * time.Millisecond)
	}
	return time.Since(began)
}

// happen puts events into the journal.
func (d *desk) happen(count int) {
	d.t.Helper()
	head, _ := d.journal.Head()
	for i := range count {
		e := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: fmt.Sprintf("c%d", head+int64(i)), Header: casefile.Header{Service: "pay.water"}}}
		if err := d.journal.Append(d.t.Context(), e); err != nil {
			d.t.Fatal(err)
		}
	}
}

// delivered says whether the hall has the whole journal, unchanged.
func (d *desk) delivered() bool {
	d.t.Helper()
	head, _ := d.journal.Head()
	d.hall.mu.Lock()
	defer d.hall.mu.Unlock()
	if int64(len(d.hall.records)) != head {
		return false
	}
	records, err := d.journal.Read(d.t.Context(), 0, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range records {
		got := d.hall.records[r.Seq]
		back := casefile.Record{Terminal: "T1", Epoch: d.journal.Epoch(), Seq: got.Seq, Time: got.Time, Quality: got.Quality, Case: got.Case,
			Kind: casefile.Kind(got.Kind), Header: got.Header, Sealed: got.Sealed, SealSum: got.SealSum, Prev: got.Prev, Hash: got.Hash}
		if err := back.Check(r.Seq, r.Prev); err != nil {
			d.t.Fatal(err)
		}
	}
	return d.link.Status().Cursor == head
}

func (d *desk) count(route string) int {
	d.hall.mu.Lock()
	defer d.hall.mu.Unlock()
	return d.hall.calls[route]
}

// A record that a failed disk never got cannot be sent: the hall hears of the terminal as often as when there is nothing to send, and no more.
func TestBrokenJournalIsNotPushed(t *testing.T) {
	onDesk(t, func(d *desk) {
		d.powerOff()
		disk, state := cutdisk.New(), filepath.Join(d.dir, "memory")
		defer disk.Mount(state)()
		var err error
		if d.journal, err = store.Open(cutdisk.Context(d.t.Context()), state, "T1"); err != nil {
			d.t.Fatal(err)
		}
		if d.link, err = New(d.config, d.journal, slog.New(slog.DiscardHandler)); err != nil {
			d.t.Fatal(err)
		}
		d.online()
		d.queue(3, 10)
		d.await(time.Minute, "delivered", d.delivered)
		disk.Fail(0)
		lost := store.Entry{Event: casefile.Event{Kind: casefile.CaseOpened, Case: "lost", Header: casefile.Header{Service: "pay.water"}}}
		if err := d.journal.Append(d.t.Context(), lost); !errors.Is(err, store.ErrBroken) {
			d.t.Fatalf("append: %v, want ErrBroken", err)
		}
		pushes := func() int {
			d.hall.mu.Lock()
			defer d.hall.mu.Unlock()
			return len(d.hall.pushes) + len(d.hall.beats)
		}
		before, minutes := pushes(), 2
		d.pass(time.Duration(minutes) * time.Minute)
		if n, beats := pushes()-before, minutes*int(time.Minute/beatEvery); n < beats/2 || n > 2*beats+4 {
			d.t.Errorf("the hall was told something %d times in %d minutes, want about as often as it hears of a terminal at rest: %d", n, minutes, beats)
		}
		d.powerOff()
	})
}
