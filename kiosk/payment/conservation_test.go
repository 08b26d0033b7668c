package payment

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

// stories is how many random stories one run tells; STORIES in the environment says another number. SEED tells one of
// them again.
const stories = 40

func TestConservation(t *testing.T) {
	first, n := rand.Uint64()>>1, uint64(stories)
	if text := os.Getenv("STORIES"); text != "" {
		more, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("STORIES: %v", err)
		}
		n = more
	}
	if text := os.Getenv("SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("SEED: %v", err)
		}
		first, n = seed, 1
	} else if testing.Short() {
		n = min(n, 8)
	}
	dir := t.TempDir()
	happened := map[casefile.Kind]int{}
	for seed := first; seed < first+n; seed++ {
		ok := t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tell(t, dir, seed, happened) })
		})
		if !ok {
			t.Fatalf("again with: SEED=%d go test -run TestConservation ./kiosk/payment", seed)
		}
	}
	t.Logf("%d stories from seed %d: %v", n, first, happened)
	if n < stories {
		return
	}
	often := []casefile.Kind{casefile.NoteStacked, casefile.CoinTaken, casefile.StockLoaded, casefile.StockCounted}
	rare := []casefile.Kind{casefile.NoteReturned, casefile.PayoutEnded, casefile.OwedRecoded} // by chance none, in a few stories
	for _, kind := range often {
		if happened[kind] < int(n/4) {
			t.Errorf("%s happened %d times: these stories show nothing", kind, happened[kind])
		}
	}
	for _, kind := range rare {
		if n >= 10*stories && happened[kind] < int(n/20) {
			t.Errorf("%s happened %d times: these stories show nothing", kind, happened[kind])
		}
	}
}

// story is one random story. In a mild one only the computer dies, and troubles are short: then no note, no coin and no
// payout may ever be doubtful. In a harsh one the devices lose their power and their memory too. Hoppers pay, or a recycler.
type story struct {
	*machine
	harsh   bool
	revived bool // the computer was off once
	caseID  string
	may     losses
}

func tell(t *testing.T, dir string, seed uint64, happened map[casefile.Kind]int) {
	rng := rand.New(rand.NewPCG(seed, 11))
	s := &story{machine: newMachine(t, dir, rng, []fitting{withHoppers, withHoppers, withRecycler}[seed%3]), harsh: seed%2 == 1}
	defer s.end()
	s.start()
	s.load()
	for range 40 {
		s.act()
		time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond) // virtual
		if s.dead() {
			s.revive()
		}
		if !s.dead() {
			s.conserved(s.may, false)
		}
	}
	s.rest()
	s.conserved(s.may, true)
	s.settled()
	s.kill(cutdisk.Synced) // and once more from the disk alone
	s.rest()
	s.conserved(s.may, true)
	s.settled()
	s.watched()
	if !s.harsh && !s.revived && s.program.journal.Epoch() != s.program.journal.Origin() {
		t.Errorf("the disk is taken for an older one\n%v", s.ops)
	}
	s.settleDoubts()
	s.conserved(s.may, true)
	s.watched()
	records, err := s.program.journal.Read(context.Background(), 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if e, err := r.Event(); err == nil {
			happened[e.Kind]++
		}
	}
}

// revive starts the computer again after a while.
func (s *story) revive() {
	if s.program != nil {
		s.bury()
	}
	s.caseID, s.revived = "", true
	time.Sleep(time.Duration(s.rng.IntN(8000)) * time.Millisecond) // virtual
	s.note("the computer starts")
	s.start()
	if s.dead() || s.rng.IntN(2) == 0 {
		return
	}
	// Somebody settles what was left behind, as soon as it can be judged.
	time.Sleep(5 * time.Second) // virtual
	if !s.dead() && s.program.till.Ready() && s.open() == nil {
		for _, id := range s.unsettled() {
			s.settle(id)
		}
	}
}

// bounded runs what a visit does, and leaves it alone when the computer dies under it.
func (s *story) bounded(fn func(ctx context.Context)) {
	p := s.program
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.program.ran.Go(func() {
		defer close(done)
		fn(ctx)
	})
	for !s.dead() {
		select {
		case <-done:
			return
		case <-p.broken:
		case <-time.After(time.Second):
		}
	}
}

var faces = []int64{100, 500, 1000, 2000, 5000, 10000}

func (s *story) offer() {
	kinds := []string{notepath.Genuine, notepath.Genuine, notepath.Genuine, notepath.Genuine, notepath.Genuine, notepath.Foreign, notepath.Torn}
	face, kind := faces[s.rng.IntN(len(faces))], kinds[s.rng.IntN(len(kinds))]
	if id, err := s.sim.Path().Offer(face, money.CNY, kind); err == nil {
		s.note("note %d of %d, %s, is offered", id, face, kind)
	}
}

// act is what a hand, a visit or bad luck does.
func (s *story) act() {
	path, faults := s.sim.Path(), s.sim.Faults()
	switch n := s.rng.IntN(32); {
	case n < 6:
		s.offer()
	case n == 6: // two quickly
		s.offer()
		time.Sleep(time.Duration(s.rng.IntN(2500)) * time.Millisecond) // virtual
		s.offer()
	case n == 7:
		if mouth := path.World().Mouth; mouth != nil {
			s.note("note %d is pulled: %v", mouth.Note, path.PullBack(mouth.Note))
		}
	case n < 11:
		s.begin()
	case n == 11:
		s.stopAndSettle()
	case n == 30:
		s.offer()
		s.stopWhileHeld()
	case n == 12:
		s.note("the computer dies")
		s.strike(cutdisk.Ways[s.rng.IntN(len(cutdisk.Ways))])
	case n < 15:
		s.mine()
	case n == 15:
		s.armed("notes", faults, "late", "double", "split", "truncate", "garble", "checksum", "silence", "lost_reply")
	case n == 16:
		s.trouble([]string{"unplug", "jam", "box_removed", "box_full"}[s.rng.IntN(4)])
	case n == 17:
		s.note("the box is exchanged: %v", path.TakeBox())
		time.Sleep(time.Duration(500+s.rng.IntN(3000)) * time.Millisecond) // virtual
		path.PutBox()
	case s.harsh && n == 18:
		in := s.rng.IntN(2) == 0
		s.note("the validator's power goes, a note in it goes in: %v", in)
		s.may.notes++
		s.sim.Power(false, in)
		time.Sleep(time.Duration(s.rng.IntN(6000)) * time.Millisecond) // virtual
		s.sim.Power(true, false)
	case s.harsh && n == 19:
		s.note("the validator restarts")
		s.may.notes++
		faults.Arm("reset", 1)
	case n == 29, n == 31, n == 28: // somebody who has put something in ends it
		if !s.dead() && s.inserted() > 0 {
			s.stopAndSettle()
		}
	case n >= 26:
		s.technician()
	case n >= 20:
		s.coinAct()
	}
}

// trouble lasts a while: short enough to be outlived in a mild story.
func (s *story) trouble(name string) {
	long := s.harsh && s.rng.IntN(3) == 0
	d := time.Duration(s.rng.IntN(15000)) * time.Millisecond
	if long {
		d, s.may.notes = 2*time.Minute, s.may.notes+1
	}
	s.note("%s for %s", name, d)
	s.sim.Faults().Arm(name, 1)
	time.Sleep(d) // virtual
	s.sim.Faults().Arm(name, 0)
}

// mine lets the computer die at one of the next writes to the disk or the line.
func (s *story) mine() {
	var left atomic.Int64
	left.Store(int64(1 + s.rng.IntN(30)))
	kind := []string{"sync", "write", "command", "answer", "sync", "write", "coins answer", "payout command", "payout answer", "coins.moving", "payout.moving"}[s.rng.IntN(11)]
	how := cutdisk.Ways[s.rng.IntN(len(cutdisk.Ways))]
	s.note("the computer will die at %s %d, unsynced writes: %s", kind, left.Load(), how)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPoint = func(point string) {
		if point == kind && left.Add(-1) == 0 {
			s.note("the computer dies at a %s", kind)
			s.strike(how)
		}
	}
}

// begin is a citizen who chooses a bill and begins to pay.
func (s *story) begin() {
	if s.caseID != "" || s.dead() {
		return
	}
	s.caseID = NewCaseID()
	due := money.Fen(100 * (1 + s.rng.IntN(200)))
	chosen := casefile.Header{Biller: "water", Due: due, Part: s.rng.IntN(2) == 0, Rule: []string{"balance", "owed"}[s.rng.IntN(2)]}
	s.note("case %s begins: %s due", s.caseID, due)
	s.bounded(func(ctx context.Context) {
		err := s.program.journal.Append(ctx, entry(casefile.CaseOpened, s.caseID, casefile.Header{Service: "pay.water"}), entry(casefile.BillChosen, s.caseID, chosen))
		if err != nil && !s.struck() {
			s.t.Errorf("begin: %v", err)
		}
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		s.program.till.Take(ctx, s.caseID) // while the validator is away the wish stands
	})
}

// stopAndSettle ends the payment.
func (s *story) stopAndSettle() {
	if s.dead() {
		return
	}
	s.note("case %s stops", s.caseID)
	s.bounded(func(ctx context.Context) {
		if err := s.program.till.Stop(ctx); err != nil && !s.struck() {
			s.t.Errorf("stop: %v", err)
		}
	})
	late := s.caseID != "" && s.rng.IntN(3) == 0 && s.drawnLate()
	if id := s.caseID; id != "" && !s.dead() && (late || s.open() == nil) {
		if split, owed := s.settle(id); owed != "" && !s.dead() {
			s.giveBack(id, owed, split.Owed)
		}
	}
	s.caseID = ""
}

// drawnLate lets the acceptor draw a note in although it was told to shut, and says whether a hand gave one. It may come
// to stand anywhere before the money is placed.
func (s *story) drawnLate() bool {
	if s.dead() {
		return false
	}
	s.bounded(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, orderMax)
		defer cancel()
		s.program.driver.Accept(ctx, Faces) // an acceptor that is away draws nothing in
	})
	s.offer()
	time.Sleep(time.Duration(s.rng.IntN(3000)) * time.Millisecond) // virtual
	if s.dead() {
		return false
	}
	s.bounded(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, orderMax)
		defer cancel()
		s.program.driver.Refuse(ctx)
	})
	return true
}

// stopWhileHeld ends the payment in the instant in which a note stands in escrow, if one comes to stand there.
func (s *story) stopWhileHeld() {
	for range 400 {
		if s.sim.Path().Leg() == notepath.InEscrow {
			s.stopAndSettle()
			return
		}
		time.Sleep(10 * time.Millisecond) // virtual
	}
}

// inserted is what the case that is being paid has put in.
func (s *story) inserted() (in money.Fen) {
	s.book(func(b *casefile.Book) {
		if c := b.Cases[s.caseID]; c != nil {
			in = c.Visiting
		}
	})
	return in
}

// settle places what a case has, and compares the split with the rules told once more.
func (s *story) settle(id string) (split Split, owed string) {
	var c casefile.Case
	s.book(func(b *casefile.Book) {
		if b.Cases[id] != nil {
			c = *b.Cases[id]
		}
	})
	rest := []Rest{RestPart, RestOwed}[s.rng.IntN(2)]
	s.bounded(func(ctx context.Context) {
		var err error
		split, owed, err = s.program.till.Settle(ctx, id, rest, "stopped")
		if err != nil {
			if !s.struck() {
				s.t.Errorf("settle: %v", err)
			}
			return
		}
		s.note("case %s is settled: %+v", id, split)
		s.book(func(b *casefile.Book) { c.Visiting = c.Visiting.Add(b.Cases[id].Faces.Total().Sub(c.Faces.Total())) }) // what came while it was waited for a note
		if got := split.Bill + split.Surplus + split.Owed; got != c.Visiting {
			s.t.Errorf("settle: %s is placed, %s is in", got, c.Visiting)
		}
		if (owed != "") != (split.Owed > 0) || split.Bill > c.Due || split.Surplus > 0 && (c.Rule != "balance" || split.Bill != c.Due) {
			s.t.Errorf("settle: %+v under %q of %+v", split, owed, c)
		}
	})
	return split, owed
}
