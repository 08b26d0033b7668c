package payment

import (
	"context"
	"errors"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/fault"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store"
)

func TestPlace(t *testing.T) {
	tests := []struct {
		in, due money.Fen
		part    bool
		rule    string
		rest    Rest
		want    Split
	}{
		{0, 100, true, "balance", RestPart, Split{}},
		{-5, 100, true, "balance", RestPart, Split{}},
		{0, 0, false, "owed", RestOwed, Split{}},
		{60, 100, true, "balance", RestPart, Split{Bill: 60}},
		{60, 100, true, "balance", RestOwed, Split{Owed: 60}},
		{60, 100, false, "balance", RestPart, Split{Owed: 60}},
		{60, 100, false, "owed", RestOwed, Split{Owed: 60}},
		{100, 100, false, "owed", RestOwed, Split{Bill: 100}},
		{100, 100, true, "balance", RestPart, Split{Bill: 100}},
		{130, 100, true, "balance", RestPart, Split{Bill: 100, Surplus: 30}},
		{130, 100, false, "balance", RestOwed, Split{Bill: 100, Surplus: 30}},
		{130, 100, false, "owed", RestPart, Split{Bill: 100, Owed: 30}},
		{130, 100, true, "", RestPart, Split{Bill: 100, Owed: 30}},
		{1, 2, true, "balance", RestPart, Split{Bill: 1}},
		{3, 2, true, "balance", RestPart, Split{Bill: 2, Surplus: 1}},
	}
	for _, tt := range tests {
		if got := Place(tt.in, tt.due, tt.part, tt.rule, tt.rest); got != tt.want {
			t.Errorf("%s in, %s due, part %v, rule %q, rest %s: got %+v, want %+v", tt.in, tt.due, tt.part, tt.rule, tt.rest, got, tt.want)
		}
	}
}

func TestNumbersAndCodes(t *testing.T) {
	number, code := regexp.MustCompile(`^[1-9][0-9]{11}$`), regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{12}$`)
	seen, letters, digits := map[string]bool{}, map[rune]bool{}, map[rune]bool{}
	for range 2000 {
		id, claim := NewCaseID(), NewClaimCode()
		if !number.MatchString(id) || !code.MatchString(claim) || seen[id] || seen[claim] {
			t.Fatalf("got case %q and claim %q, or one came twice", id, claim)
		}
		seen[id], seen[claim] = true, true
		for _, r := range claim {
			letters[r] = true
		}
		for _, r := range id {
			digits[r] = true
		}
	}
	if len(letters) != 32 || len(digits) != 10 {
		t.Errorf("got %d characters in claim codes and %d in case numbers, want 32 and 10", len(letters), len(digits))
	}
}

// paying plays a story with a machine on which a case is being paid.
func paying(t *testing.T, due money.Fen, tell func(m *machine, id string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, t.TempDir(), rand.New(rand.NewPCG(1, 1)), notesAlone)
		defer m.end()
		m.start()
		m.await(cut{}, m.program.till.Ready)
		id := NewCaseID()
		h := casefile.Header{Biller: "water", Due: due, Part: true, Rule: "owed"}
		if err := m.program.journal.Append(context.Background(), entry(casefile.CaseOpened, id, casefile.Header{Service: "pay.water"}), entry(casefile.BillChosen, id, h)); err != nil {
			t.Fatal(err)
		}
		if err := m.program.till.Take(context.Background(), id); err != nil {
			t.Fatal(err)
		}
		tell(m, id)
	})
}

func (m *machine) put(face int64) int {
	m.t.Helper()
	id, err := m.sim.Path().Offer(face, money.CNY, notepath.Genuine)
	if err != nil {
		m.t.Fatalf("offer %d: %v", face, err)
	}
	return id
}

// becomes waits until the till says this.
func (m *machine) becomes(want Status) {
	m.t.Helper()
	same := func() bool {
		got := m.program.till.Status()
		got.Sight.Fault = nil
		return got == want
	}
	for told := true; told; {
		changed := m.program.till.Changed()
		if same() {
			return
		}
		select {
		case <-changed:
		case <-time.After(doubtAfter + 10*time.Second): // virtual: nobody who only waits to be told would ever look again
			told = false
		}
	}
	m.t.Fatalf("status: got %+v, want %+v; driver %+v", m.program.till.Status(), want, m.program.driver.State())
}

// The acceptor tells that it is ready again in the instant in which it is written down that notes are taken: that is no
// leftover of a power cut. Else a power cut with a note on its way would find nobody for whom notes were taken.
func TestReadyWhileNotesBeginToBeTaken(t *testing.T) {
	paying(t, 13000, func(m *machine, id string) {
		if err := m.program.till.Stop(context.Background()); err != nil {
			m.t.Fatal(err)
		}
		told := make(chan error, 1)
		var once sync.Once
		m.mu.Lock()
		m.onPoint = func(point string) {
			if point == "sync" {
				once.Do(func() {
					go func() { told <- m.program.till.hear(context.Background(), cash.Signal{What: cash.Ready}) }()
					for range 1000 {
						runtime.Gosched()
					}
				})
			}
		}
		m.mu.Unlock()
		if err := m.program.till.Take(context.Background(), id); err != nil {
			m.t.Fatal(err)
		}
		if err := <-told; err != nil {
			m.t.Fatal(err)
		}
		m.book(func(b *casefile.Book) {
			if b.CashOpen != id {
				m.t.Errorf("the journal says that notes are taken for %q, want %s", b.CashOpen, id)
			}
		})
	})
}

func TestWhatTheCitizenIsTold(t *testing.T) {
	paying(t, 13000, func(m *machine, id string) {
		m.becomes(Status{Case: id, Taking: true})
		m.put(5000)
		m.becomes(Status{Case: id, Moving: 5000})
		m.becomes(Status{Case: id, Inserted: 5000, Taking: true})
		if _, err := m.sim.Path().Offer(5000, money.CNY, notepath.Foreign); err != nil {
			m.t.Fatal(err)
		}
		m.becomes(Status{Case: id, Inserted: 5000, Taking: true, Sight: Sight{What: cash.Refused}})
		if f := m.program.till.Status().Sight.Fault; f == nil || f.Kind != fault.Refused {
			m.t.Errorf("a foreign note: got fault %v, want refused", f)
		}
		m.sim.Faults().Arm("jam", 1)
		note := m.put(2000)
		m.becomes(Status{Case: id, Inserted: 5000, Sight: Sight{What: cash.Faulty}})
		m.sim.Faults().Arm("jam", 0)
		m.becomes(Status{Case: id, Inserted: 5000, Taking: true})
		if got := m.sim.Path().Fate(note); got != notepath.Refused {
			m.t.Errorf("the stuck note: got %s, want refused", got)
		}
		m.put(10000)
		m.becomes(Status{Case: id, Inserted: 15000, Taking: true})
		changed := m.program.till.Changed()
		if err := m.program.till.Stop(context.Background()); err != nil {
			m.t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			m.t.Error("the end of the taking was not told")
		}
		m.becomes(Status{})
		if got := m.program.till.State(); got.Accepting || !got.Online {
			m.t.Errorf("after stop: got %+v, want online and shut", got)
		}
		split, owed, err := m.program.till.Settle(context.Background(), id, RestPart, "paid")
		if err != nil || split != (Split{Bill: 13000, Owed: 2000}) || !strings.HasPrefix(owed, "O") || len(owed) != 13 {
			m.t.Fatalf("settle: got %+v under %q (%v), want 130.00 and 20.00 owed", split, owed, err)
		}
		if split, owed, err := m.program.till.Settle(context.Background(), id, RestPart, "paid"); err != nil || split != (Split{}) || owed != "" {
			m.t.Errorf("settle once more: got %+v under %q (%v), want nothing", split, owed, err)
		}
		if split, _, err := m.program.till.Settle(context.Background(), "no such case", RestPart, "paid"); err != nil || split != (Split{}) {
			m.t.Errorf("settle of no case: got %+v (%v), want nothing", split, err)
		}
		code, err := m.program.till.Recode(context.Background(), id, owed)
		if err != nil {
			m.t.Fatal(err)
		}
		m.book(func(b *casefile.Book) {
			if o := b.Owed[owed]; o == nil || o.Amount != 2000 || o.Claim != casefile.ClaimHash(owed, code) {
				m.t.Errorf("owed: got %+v, want 20.00 under the hash of %s", o, code)
			}
			if b.CashOpen != "" || b.Cases[id].Bill != 13000 {
				m.t.Errorf("case: got %+v, cash open for %q", b.Cases[id], b.CashOpen)
			}
		})
		if _, err := m.program.till.Recode(context.Background(), id, "O-none"); err == nil {
			m.t.Error("a code was made for nothing")
		}
	})
}

// A note that is held when the citizen stops goes back; one on its way into the box arrives.
func TestStopInTheMiddle(t *testing.T) {
	for after, want := range map[time.Duration]notepath.Fate{100 * time.Millisecond: notepath.Returned, 1000 * time.Millisecond: notepath.Stacked} {
		paying(t, 10000, func(m *machine, id string) {
			note := m.put(5000)
			time.Sleep(after) // virtual
			if err := m.program.till.Stop(context.Background()); err != nil {
				m.t.Fatal(err)
			}
			m.rest()
			got := m.sim.Path().Fate(note)
			if got != want && !(want == notepath.Returned && got == notepath.Refused) {
				m.t.Errorf("stopped after %s: the note was %s, want %s", after, got, want)
			}
			m.conserved(losses{}, true)
			m.settled()
		})
	}
}

// When the box is out in the instant of stacking, the note comes back to the hand.
func TestBoxTakenOutUnderANote(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		note := m.put(5000)
		time.Sleep(300 * time.Millisecond) // virtual
		m.sim.Path().LiftBox()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if got := m.sim.Path().Wait(ctx, note); got != notepath.Returned {
			m.t.Errorf("got %s, want returned", got)
		}
		time.Sleep(2 * time.Second) // virtual
		m.book(func(b *casefile.Book) {
			if !b.Box.Out {
				m.t.Error("the journal does not know that the box is out")
			}
		})
		m.sim.Path().PutBox()
		m.rest()
		m.conserved(losses{}, true)
		m.settled()
		m.book(func(b *casefile.Book) {
			if b.Box.Out || len(b.Box.ID) != 7 || b.Box.ID[0] != 'B' {
				m.t.Errorf("box: got %+v, want a new one in its place", b.Box)
			}
		})
	})
}

// doubtful lets a note vanish: the plug is out from the moment the note goes into the box.
func (m *machine) doubtful(id string, face int64) {
	m.t.Helper()
	m.put(face)
	m.becomes(Status{Case: id, Moving: money.Fen(face)})
	for m.sim.Path().Leg() != notepath.Stacking {
		time.Sleep(10 * time.Millisecond) // virtual
	}
	m.sim.Faults().Arm("unplug", 1)
}

// A note of which nothing is heard is doubtful after a while, and no longer when the acceptor tells of it
// at last: then it is owed.
func TestDoubtThatIsSettledLater(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		m.doubtful(id, 5000)
		began := time.Now()
		if err := m.program.till.Stop(context.Background()); err != nil {
			m.t.Fatal(err)
		}
		if took := time.Since(began); took < doubtAfter-5*time.Second || took > settleMax {
			m.t.Errorf("stop took %s, want about %s", took, doubtAfter)
		}
		m.book(func(b *casefile.Book) {
			n := b.Notes[1]
			if n == nil || n.State != casefile.NoteDoubtful || !strings.Contains(n.Asked, "nothing was heard of it for 1m3") || len(n.Owed) != 13 || n.Claim == "" || b.Placed.Doubtful != 5000 {
				m.t.Errorf("note: got %+v, want it doubtful", n)
			}
		})
		m.sim.Faults().Arm("unplug", 0)
		m.rest()
		m.book(func(b *casefile.Book) {
			if len(b.Notes) != 0 || b.Placed != (casefile.Places{Owed: 5000}) || len(b.OwedOf(id)) != 1 || number(b.Stacked) != 1 {
				m.t.Errorf("told later: got %+v, notes %v, want 50.00 owed", b.Placed, b.Notes)
			}
			if got := len(b.Box.Notes); got != 1 {
				m.t.Errorf("box: got %d notes, want 1", got)
			}
		})
		m.conserved(losses{}, true)
		m.settled()
	})
}

// The citizen sees that a note is in doubt, and the next note is taken again.
func TestDoubtIsTold(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		m.doubtful(id, 5000)
		m.becomes(Status{Case: id, Moving: 5000, Sight: Sight{What: cash.Faulty}})
		m.becomes(Status{Case: id, Sight: Sight{What: cash.Lost, Face: 5000}})
	})
}

// Nothing waits for ever: an acceptor that never answers ends the wait, and the words say what is waited for.
func TestStopIsBounded(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		m.doubtful(id, 5000)
		m.program.cancel() // the program is stopped, so that nobody calls the note doubtful
		m.program.ran.Wait()
		began := time.Now()
		err := m.program.till.Stop(context.Background())
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 100*time.Second || err.Error() != "till: a note is still on its way: context deadline exceeded" {
			m.t.Errorf("got %v after %s, want the end of 100 s", err, took)
		}
	})
}

// What will never be written down is not waited for: a person stands there, and the program must start again.
func TestStopOnABrokenDisk(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		m.put(5000)
		m.becomes(Status{Case: id, Moving: 5000, Taking: false})
		m.disk.Fail(0)
		began := time.Now()
		if err := m.program.till.Stop(context.Background()); !errors.Is(err, store.ErrBroken) || time.Since(began) > doubtAfter/10 {
			m.t.Errorf("got %v after %s, want the journal's error when the note has arrived", err, time.Since(began))
		}
		if _, _, err := m.program.till.Settle(context.Background(), id, RestOwed, "stop"); !errors.Is(err, store.ErrBroken) || time.Since(began) > doubtAfter/10 {
			m.t.Errorf("settle: got %v after %s, want the journal's error", err, time.Since(began))
		}
	})
}

// A stop order that comes while a note moves or its money is placed does not break that off: what is said of it stands.
func TestStopOrderWhileMoneyIsPlaced(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		till := m.program.till
		m.put(5000)
		m.becomes(Status{Case: id, Moving: 5000})
		if err := till.Stop(ended); err != nil {
			m.t.Fatal(err) // it waits for the note
		}
		split, owed, err := till.Settle(ended, id, RestOwed, "stop")
		if err != nil || split != (Split{Owed: 5000}) {
			m.t.Fatalf("settle: got %+v (%v), want 50.00 owed", split, err)
		}
		code, err := till.Recode(ended, id, owed)
		if err != nil {
			m.t.Fatal(err)
		}
		if err := till.Take(ended, id); err != nil && !errors.Is(err, context.Canceled) {
			m.t.Errorf("take: got %v, want none or the order to stop", err)
		}
		m.book(func(b *casefile.Book) {
			if o := b.Owed[owed]; o == nil || o.Claim != casefile.ClaimHash(owed, code) || b.CashOpen != id {
				m.t.Errorf("got %+v, cash open for %q, want it owed under the new code and open for %s", o, b.CashOpen, id)
			}
		})
	})
}

// A note that nobody pays for goes back; one that went in all the same is booked on a case of its own.
func TestStrayNotes(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		ctx := context.Background()
		if err := m.program.till.Stop(ctx); err != nil {
			m.t.Fatal(err)
		}
		// Something else than the till lets notes in.
		if err := m.program.driver.Accept(ctx, Faces); err != nil {
			m.t.Fatal(err)
		}
		bounded, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		if got := m.sim.Path().Wait(bounded, m.put(2000)); got != notepath.Returned {
			m.t.Errorf("a stray note: got %s, want returned", got)
		}
		m.rest()
		m.book(func(b *casefile.Book) {
			if len(b.Cases) != 1 || number(b.Returned) != 1 {
				m.t.Errorf("the case that was not settled: got %d cases, returned %v, want it to own the note", len(b.Cases), b.Returned)
			}
		})
		if err := m.program.journal.Append(ctx, entry(casefile.PaymentSettled, id, casefile.Header{})); err != nil {
			m.t.Fatal(err)
		}
		if err := m.program.driver.Accept(ctx, Faces); err != nil {
			m.t.Fatal(err)
		}
		for m.put(5000); m.sim.Path().Leg() != notepath.InEscrow; {
			time.Sleep(time.Millisecond) // virtual
		}
		m.sim.Path().Stack() // the acceptor swallows it
		m.rest()
		m.conserved(losses{}, true)
		m.settled()
		m.book(func(b *casefile.Book) {
			var stray *casefile.Case
			for _, c := range b.Cases {
				if c.Service == "cash.stray" {
					stray = c
				}
			}
			if stray == nil || !stray.Settled || b.Placed != (casefile.Places{Owed: 5000}) {
				m.t.Errorf("stray case: got %+v, placed %+v, want 50.00 owed on a case of its own", stray, b.Placed)
			}
		})
	})
}

func TestTillWithoutAcceptor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, t.TempDir(), rand.New(rand.NewPCG(1, 1)), notesAlone)
		defer m.end()
		m.start()
		till := NewTill(m.program.journal, cash.Absent{}, cash.Absent{}, cash.AbsentPayer{}, m.program.till.log)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		if err := till.Resume(ctx); err != nil {
			t.Fatal(err)
		}
		if err := till.Run(ctx); !errors.Is(err, context.DeadlineExceeded) || till.Ready() {
			t.Errorf("got %v, ready %v", err, till.Ready())
		}
		if st := till.State(); st.Online || !fault.Is(st.Fault, fault.Absent) {
			t.Errorf("state: got %+v, want absent", st)
		}
	})
}

// A journal that cannot be written ends the till: the program must stop. Whoever asks it for something more is
// refused, and nothing has changed.
func TestBrokenJournalStopsTheTill(t *testing.T) {
	paying(t, 10000, func(m *machine, id string) {
		m.put(2000)
		m.becomes(Status{Case: id, Inserted: 2000, Taking: true})
		m.program.journal.Close()
		m.put(5000)
		<-m.program.broken
		if err := m.program.err; err == nil || !strings.HasPrefix(err.Error(), "till: journal: ") {
			m.t.Errorf("got %v, want the journal's error", err)
		}
		ctx, till := context.Background(), m.program.till
		if split, owed, err := till.Settle(ctx, id, RestOwed, "stop"); !errors.Is(err, store.ErrBroken) || split != (Split{}) || owed != "" {
			m.t.Errorf("settle: got %+v under %q (%v), want nothing and the journal's error", split, owed, err)
		}
		if err := till.Stop(ctx); !errors.Is(err, store.ErrBroken) {
			m.t.Errorf("stop: got %v, want the journal's error", err)
		}
		if err := till.Take(ctx, id); !errors.Is(err, store.ErrBroken) || till.Status().Case != "" || till.State().Accepting {
			m.t.Errorf("take: got %v, status %+v, want the journal's error and no notes taken", err, till.Status())
		}
		if err := till.Resume(ctx); err == nil || !strings.HasPrefix(err.Error(), "journal: cash.mark: ") {
			m.t.Errorf("resume: got %v, want the journal's error", err)
		}
		m.book(func(b *casefile.Book) {
			if c := b.Cases[id]; c.Visiting != 2000 || c.Settled || b.CashOpen != id {
				m.t.Errorf("case: got %+v, cash open for %q, want 20.00 in it and open", c, b.CashOpen)
			}
		})
	})
}
