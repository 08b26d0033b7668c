package payment

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psanford/sqlite3vfs"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
	"yichuang/kiosk/store/cutdisk"
)

// scripted is an acceptor that tells what a story says, also what no healthy one tells. What the till
// orders stands in orders.
type scripted struct {
	signals chan cash.Signal
	mu      sync.Mutex
	orders  []string
	resumed cash.Mark
	state   cash.State
	faces   []cash.Note                 // that it takes
	refuses error                       // what Stack answers
	shuts   func()                      // what happens while Refuse is under way; nil: nothing
	lets    func(context.Context) error // what Accept answers; nil: that it does
}

func (s *scripted) order(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = append(s.orders, text)
}

func (s *scripted) Run(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }

func (s *scripted) Next(ctx context.Context) (cash.Signal, error) {
	select {
	case signal := <-s.signals:
		return signal, nil
	case <-ctx.Done():
		return cash.Signal{}, ctx.Err()
	}
}

func (s *scripted) Resume(m cash.Mark) { s.resumed = m }

func (s *scripted) Accept(ctx context.Context, faces []cash.Note) error {
	s.faces = faces
	s.order(fmt.Sprintf("accept %d faces", len(faces)))
	if s.lets != nil {
		return s.lets(ctx)
	}
	return nil
}

func (s *scripted) Refuse(context.Context) error {
	s.faces = nil
	s.order("refuse")
	if s.shuts != nil {
		s.shuts()
	}
	return errors.New("no answer") // the driver repeats it
}

func (s *scripted) Stack(ctx context.Context) error {
	s.order("stack")
	if s.refuses == context.DeadlineExceeded {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.refuses
}

func (s *scripted) Return(context.Context) error { s.order("return"); return nil }

func (s *scripted) Info() cash.Info { return cash.Info{} }

func (s *scripted) State() cash.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// reading is a story read aloud to a till.
type reading struct {
	t       *testing.T
	dir     string
	disk    *cutdisk.Disk
	journal *store.Store
	till    *Till
	device  *scripted
	coins   cash.Intake // absent when nil, as payer
	payer   cash.Payer
	cancel  context.CancelFunc
	ran     sync.WaitGroup
	failed  chan error // gets what the till's Run has ended with, and a Stop or Settle that failed
	counter int        // the acceptor's events so far
	seq     int64
}

func (r *reading) start() {
	r.t.Helper()
	var err error
	if r.journal, err = store.Open(cutdisk.Context(context.Background()), r.dir, "T1"); err != nil {
		r.t.Fatal(err)
	}
	r.device = &scripted{signals: make(chan cash.Signal, 8), state: cash.State{Online: true, Accepting: true}}
	if r.coins == nil {
		r.coins = cash.Absent{}
	}
	if r.payer == nil {
		r.payer = cash.AbsentPayer{}
	}
	r.till = NewTill(r.journal, r.device, r.coins, r.payer, slog.New(slog.DiscardHandler))
	if err := r.till.Resume(context.Background()); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	failed, till := make(chan error, 8), r.till
	r.failed = failed
	r.ran.Go(func() { failed <- till.Run(ctx) })
	r.ran.Go(func() { failed <- till.RunCoins(ctx) })
	r.ran.Go(func() { failed <- till.SettlePayouts(ctx) })
}

func (r *reading) stop() {
	r.cancel()
	r.ran.Wait()
	r.journal.Close() // its disk may be dead
}

// say does one thing of a story.
func (r *reading) say(line string) {
	r.t.Helper()
	ctx := context.Background()
	line, blind := strings.CutPrefix(line, "blind ") // a signal that does not know its place in the acceptor's memory
	line, same := strings.CutPrefix(line, "same ")   // one of an acceptor whose counters stand where they stood
	line, again := strings.CutPrefix(line, "store ") // it is where it can be paid out again
	word, rest, _ := strings.Cut(line, " ")
	face, _ := strconv.ParseInt(rest, 10, 64) // 0 where no face is named
	signal := func(what cash.Happening, currency string) {
		if !blind && !same {
			r.counter++
		}
		s := cash.Signal{What: what, Note: cash.Note{Face: face, Currency: currency}, Store: again, Mark: cash.Mark{Serial: "1", Counter: r.counter, Known: !blind}}
		if what == cash.Lost && rest != "" {
			s.Fault = &fault.Error{Kind: fault.Doubtful, Detail: strings.TrimSuffix(rest, "-")}
		}
		r.device.signals <- s
	}
	switch word {
	case "case", "bill":
		id, bill, _ := strings.Cut(rest, " ")
		events := []store.Entry{entry(casefile.CaseOpened, id, casefile.Header{Service: "pay.water"})}
		if word == "bill" {
			h := casefile.Header{Biller: "water", Due: 10000, Rule: "owed"}
			if bill != "" { // its amount and the biller's rule
				amount, rule, _ := strings.Cut(bill, " ")
				due, _ := strconv.ParseInt(amount, 10, 64)
				h.Due, h.Rule = money.Fen(due), rule
			}
			events = append(events, entry(casefile.BillChosen, id, h))
		}
		if err := r.journal.Append(ctx, events...); err != nil {
			r.t.Fatal(err)
		}
	case "take":
		if err := r.till.Take(ctx, rest); err != nil {
			r.t.Fatal(err)
		}
	case "stop":
		r.ran.Go(func() {
			if err := r.till.Stop(ctx); err != nil {
				r.failed <- err
				return
			}
			r.device.order("stopped")
		})
	case "settle":
		r.ran.Go(func() {
			if _, _, err := r.till.Settle(ctx, rest, RestOwed, "stopped"); err != nil {
				r.failed <- err
			}
		})
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			r.t.Fatal(err)
		}
		time.Sleep(d) // virtual
	case "holds", "empty", "offline":
		r.device.mu.Lock()
		r.device.state = cash.State{Online: word != "offline", Escrow: word == "holds", Accepting: true}
		r.device.mu.Unlock()
	case "refuses":
		r.device.refuses = &fault.Error{Kind: fault.Kind(rest)}
	case "hangs":
		r.device.refuses = context.DeadlineExceeded
	case "restart":
		r.stop()
		r.start()
		r.device.order(fmt.Sprintf("resume %d", r.device.resumed.Counter))
	case "foreign":
		signal(cash.Escrowed, "USD")
	default:
		signal(cash.Happening(word), money.CNY)
	}
	synctest.Wait()
}

// heard is what the till has written and ordered since.
func (r *reading) heard() string {
	r.t.Helper()
	records, err := r.journal.Read(context.Background(), r.seq, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, rec := range records {
		r.seq = rec.Seq
		e, err := rec.Event()
		if err != nil {
			r.t.Fatal(err)
		}
		text := string(e.Kind)
		if h := e.Header; h.Note > 0 {
			text += fmt.Sprintf(" %d:%d", h.Note, int64(h.Face))
			if h.Currency != money.CNY {
				text += fmt.Sprintf(" in %q", h.Currency)
			}
			if len(h.Owed) != 13 && e.Kind == casefile.NoteDoubtful || h.Claim == "" && e.Kind == casefile.NoteDoubtful {
				text += " without a number"
			}
		}
		if h := e.Header; e.Kind == casefile.PaymentSettled {
			text += fmt.Sprintf(" bill %d surplus %d owed %d", int64(h.Bill), int64(h.Surplus), int64(h.Owes))
		}
		for _, more := range []string{e.Header.Asked, e.Header.Reason, e.Header.As, e.Header.Service} {
			if more != "" {
				text += " (" + more + ")"
			}
		}
		if e.Header.Who != "" {
			text += " by " + e.Header.Who
		}
		if e.Header.Store {
			text += " in the store"
		}
		if e.Header.Box != "" && e.Kind != casefile.BoxOut && e.Kind != casefile.BoxIn {
			text += " in a box"
		}
		if e.Kind == casefile.AcceptorReset && e.Case != "" {
			text += " of " + e.Case
			if len(e.Header.Owed) != 13 {
				text += " without a number"
			}
		}
		if m := e.Header.Mark; m != nil {
			text += fmt.Sprintf(" @%d", m.Counter)
		}
		out = append(out, text)
	}
	r.device.mu.Lock()
	defer r.device.mu.Unlock()
	out = append(out, r.device.orders...)
	r.device.orders = nil
	return strings.Join(out, ", ")
}

// signalStories are what an acceptor may tell, and what the till then writes and orders. Read a line as: what happens -> what is
// written, what is ordered.
func signalStories(t *testing.T, file string) (out [][]string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(raw), "\n\n") {
		var story []string
		for _, line := range strings.Split(strings.TrimSpace(part), "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				story = append(story, line)
			}
		}
		if len(story) > 0 {
			out = append(out, story)
		}
	}
	return out
}

func read(t *testing.T, tell func(r *reading)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &reading{t: t, dir: t.TempDir(), disk: cutdisk.New()}
		defer func() { r.disk.Mount(r.dir)() }()
		defer r.disk.Mount(r.dir)()
		r.start()
		defer func() { r.stop() }()
		tell(r)
	})
}

func TestWhatTheTillWritesAndOrders(t *testing.T) {
	all := append(signalStories(t, "signals.txt"), signalStories(t, "late.txt")...)
	if len(all) < 20 {
		t.Fatalf("got %d stories", len(all))
	}
	for _, story := range all {
		read(t, func(r *reading) {
			for _, line := range story {
				do, want, _ := strings.Cut(line, "->")
				r.say(strings.TrimSpace(do))
				if got := r.heard(); got != strings.TrimSpace(want) {
					t.Errorf("%s\nat %s\ngot  %s\nwant %s", strings.Join(story, "\n"), do, got, strings.TrimSpace(want))
					return
				}
			}
			r.journal.Book(func(b *casefile.Book) {
				if bad := b.Check(); len(bad) > 0 {
					t.Errorf("%s: %v", strings.Join(story, "\n"), bad)
				}
			})
		})
	}
}

// A signal whose meaning was only half written when the power went is told again, and then adds up to the
// same as if nothing had happened.
func TestSignalToldAgainAfterAPowerCut(t *testing.T) {
	again := []string{"stacked", "returned", "lost", "box_out", "box_in"}
	cuts := 0
	for _, story := range signalStories(t, "signals.txt") {
		for at, line := range story {
			do, _, _ := strings.Cut(line, "->")
			do = strings.TrimSpace(do)
			if word, _, _ := strings.Cut(do, " "); !slices.Contains(again, word) {
				continue
			}
			want := ""
			for n := 0; ; n++ { // the n-th sync of this signal is the last thing that happens; 0: none is
				got, reached := cutAt(t, story[:at], do, n)
				if n == 0 {
					want = got
					continue
				}
				if !reached {
					break
				}
				cuts++
				if got != want {
					t.Errorf("%s\ncut at sync %d of %q: got %s, want %s", strings.Join(story[:at], "\n"), n, do, got, want)
				}
			}
		}
	}
	if cuts < 40 {
		t.Errorf("got only %d cuts", cuts)
	}
}

// cutAt reads the story, then tells one thing that the power interrupts, and tells it again if the
// acceptor would. It gives what the notes then add up to.
func cutAt(t *testing.T, before []string, do string, n int) (sum string, reached bool) {
	t.Helper()
	read(t, func(r *reading) {
		for _, line := range before {
			line, _, _ = strings.Cut(line, "->")
			r.say(strings.TrimSpace(line))
		}
		syncs, dead := 0, false
		var image *cutdisk.Disk
		r.disk.Before(func(op cutdisk.Op) error {
			if op.Kind == cutdisk.Sync && !dead {
				if syncs++; syncs == n {
					dead, image = true, r.disk.Image(cutdisk.Synced, nil)
				}
			}
			if dead {
				return sqlite3vfs.IOError
			}
			return nil
		})
		r.say(do)
		reached = dead
		if n > 0 && !reached {
			return
		}
		if reached {
			r.stop()
			r.disk = image
			defer image.Mount(r.dir)()
			r.start()
			if r.device.resumed.Counter < r.counter {
				r.counter--
				r.say(do)
			}
		}
		r.journal.Book(func(b *casefile.Book) {
			doubts := 0
			for _, note := range b.Notes {
				if note.State == casefile.NoteDoubtful {
					doubts++
				}
			}
			sum = fmt.Sprintf("stacked %v returned %v doubtful %v, %d in doubt, owed %s, in cases %s, box out %v",
				b.Stacked, b.Returned, b.Doubtful, doubts, b.Placed.Owed, b.Placed.Visit, b.Box.Out)
			if bad := b.Check(); len(bad) > 0 {
				t.Errorf("%s %s: %v", before, do, bad)
			}
		})
	})
	return sum, reached
}

// A mark that stands in a record is not kept beside it as well: a signal costs one commit.
func TestMarkIsWrittenOnce(t *testing.T) {
	read(t, func(r *reading) {
		r.say("ready")
		want, err := r.journal.Kept(context.Background(), keptMark)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"bill a", "take a", "escrowed 5000", "stacked 5000", "escrowed 5000", "returned 5000", "escrowed 500", "lost reset", "box_out", "box_in", "lost", "stacked 100"} {
			r.say(line)
			if got, err := r.journal.Kept(context.Background(), keptMark); err != nil || string(got) != string(want) {
				t.Errorf("%s: got %s kept (%v), want %s as before", line, got, err, want)
			}
		}
		r.say("refused")
		if got, err := r.journal.Kept(context.Background(), keptMark); err != nil || string(got) == string(want) {
			t.Errorf("refused has no record: got %s kept (%v), want another mark", got, err)
		}
	})
}

// What stands on the disk beside the journal has a name that no later version may change.
func TestKeptMarkHasItsName(t *testing.T) {
	read(t, func(r *reading) {
		r.say("ready")
		raw, err := r.journal.Kept(context.Background(), "cash.mark")
		if err != nil || string(raw) != `{"Seq":0,"Mark":{"serial":"1","counter":1,"known":true}}` {
			t.Errorf("got %s (%v)", raw, err)
		}
		if err := r.journal.Keep(context.Background(), map[string][]byte{"cash.mark": []byte("x")}); err != nil {
			t.Fatal(err)
		}
		if err := r.till.Resume(context.Background()); err == nil || !strings.Contains(err.Error(), "kept mark") {
			t.Errorf("a mark that is none: got %v, want an error", err)
		}
	})
}

func TestFacesThatAreTaken(t *testing.T) {
	var got []int64
	for _, f := range Faces {
		got = append(got, f.Face)
		if f.Currency != "CNY" {
			t.Errorf("face %d: got %s, want CNY", f.Face, f.Currency)
		}
	}
	if want := []int64{100, 500, 1000, 2000, 5000, 10000}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
