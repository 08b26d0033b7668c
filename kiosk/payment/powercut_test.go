package payment

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/coinpath"
	"yichuang/devices/cash/notepath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

// cut is one power cut: where in the payment, what the disk keeps, and what becomes of the devices.
type cut struct {
	kind   string // sync, write, command, answer, those of other devices, coins.moving or payout.moving
	n      int    // the n-th of its kind, counted from 1
	how    cutdisk.How
	device string // "on"; or without power too, what is on its way "in" the box or "out" in the hand
	away   time.Duration
}

// watched makes the cut, and gives how often each kind of point came and whether something was moving then.
func (m *machine) watched(c cut) (points map[string][]bool) {
	points = map[string][]bool{}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.onPoint = func(point string) {
		moving := m.sim.Path().World().Mouth != nil || len(m.coins.Path().World().Moving) > 0 || m.payer().paying
		m.mu.Lock()
		points[point] = append(points[point], moving)
		n := len(points[point])
		m.mu.Unlock()
		if point != c.kind || n != c.n {
			return
		}
		m.strike(c.how)
		if c.device != "on" {
			m.devicesOff(c.device == "in")
		}
	}
	return points
}

// devicesOff takes all devices' power. What is on its way goes into the box, or out of the machine.
func (m *machine) devicesOff(in bool) {
	m.sim.Power(false, in)
	m.coins.Power(false, in)
	if m.rack != nil {
		m.rack.Power(false, !in)
	}
}

func (m *machine) devicesOn() {
	m.sim.Power(true, false)
	m.coins.Power(true, false)
	if m.rack != nil {
		m.rack.Power(true, false)
	}
}

// script is a payment that may end early because the power goes.
type script struct {
	m *machine
	c cut
	p *program
}

const scriptedCase = "300000000001"

// step does something and says whether the power is still there.
func (s *script) step(do func(ctx context.Context) error) bool {
	s.m.t.Helper()
	if s.m.struck() {
		return false
	}
	if err := do(context.Background()); err != nil && !s.m.struck() {
		s.m.t.Fatalf("%+v: %v", s.c, err)
	}
	return !s.m.struck()
}

// pays begins to pay a bill, and puts in what is given; the sum is waited for each time.
func (s *script) pays(due money.Fen, put ...func() money.Fen) bool {
	s.m.t.Helper()
	h := casefile.Header{Biller: "water", Due: due, Part: true, Rule: "owed"}
	if !s.step(func(ctx context.Context) error {
		return s.p.journal.Append(ctx, entry(casefile.CaseOpened, scriptedCase, casefile.Header{Service: "pay.water"}), entry(casefile.BillChosen, scriptedCase, h))
	}) {
		return false
	}
	s.m.await(s.c, func() bool { return s.p.till.Ready() && s.m.online() && s.fit() })
	ok := s.step(func(ctx context.Context) error { return s.p.till.Take(ctx, scriptedCase) })
	for _, drop := range put {
		if !ok || s.m.struck() {
			return false
		}
		sum := drop()
		s.m.await(s.c, func() bool { return s.p.till.Status().Inserted == sum })
	}
	return ok && s.step(func(ctx context.Context) error { return s.p.till.Stop(ctx) })
}

// fit says whether everything that pays does.
func (s *script) fit() bool { return s.m.rack == nil || s.p.payer.State().Fault == nil }

func (s *script) note(face int64, sum money.Fen) func() money.Fen {
	return func() money.Fen {
		if _, err := s.m.sim.Path().Offer(face, money.CNY, notepath.Genuine); err != nil {
			s.m.t.Fatalf("%+v: offer %d: %v", s.c, face, err)
		}
		return sum
	}
}

// settles places the money and gives the id of what is owed.
func (s *script) settles(want Split) (owed string, ok bool) {
	s.m.t.Helper()
	ok = s.step(func(ctx context.Context) (err error) {
		var split Split
		split, owed, err = s.p.till.Settle(ctx, scriptedCase, RestPart, "paid")
		if err == nil && (split != want || owed == "") {
			err = fmt.Errorf("split %+v under %q, want %+v", split, owed, want)
		}
		return err
	})
	return owed, ok
}

// inNotes pays 130.00 with three notes.
func (s *script) inNotes() {
	s.m.t.Helper()
	if s.pays(13000, s.note(5000, 5000), s.note(2000, 7000), s.note(10000, 17000)) {
		s.settles(Split{Bill: 13000, Owed: 4000})
	}
}

// withChange pays 12.00 with two coins at once and a note, and gets 9.50 back in coins of two faces.
func (s *script) withChange() {
	s.m.t.Helper()
	if !s.step(func(ctx context.Context) error {
		var h casefile.Header
		for _, b := range s.m.rack.World() {
			s.m.rack.Load(b.Address, 12)
			h.Pieces = h.Pieces.Plus(money.Fen(b.Face), b.Currency, 12)
		}
		return s.p.journal.Append(ctx, entry(casefile.StockLoaded, "", h))
	}) {
		s.m.unloaded = true
		return
	}
	coins := func() money.Fen {
		s.m.coins.Path().Insert(100, money.CNY, coinpath.Genuine)
		time.Sleep(100 * time.Millisecond) // virtual
		s.m.coins.Path().Insert(50, money.CNY, coinpath.Genuine)
		return 150
	}
	if !s.pays(1200, coins, s.note(2000, 2150)) {
		return
	}
	owed, ok := s.settles(Split{Bill: 1200, Owed: 950})
	if ok {
		s.step(func(ctx context.Context) error {
			given, err := s.p.till.PayOut(ctx, scriptedCase, owed)
			if err == nil && given != (Given{Out: 950}) {
				err = fmt.Errorf("given %+v, want 9.50", given)
			}
			return err
		})
	}
}

// await waits until something holds or the power goes.
func (m *machine) await(c cut, holds func() bool) {
	m.t.Helper()
	for range 2000 {
		if m.struck() || holds() {
			return
		}
		time.Sleep(10 * time.Millisecond) // virtual
	}
	m.t.Fatalf("%+v: never came: status %+v, state %+v, world %+v", c, m.program.till.Status(), m.program.driver.State(), m.sim.Path().World())
}

// survive plays a payment with one cut and checks what is there after the restart.
func survive(t *testing.T, dir string, has fitting, pay func(*script), c cut) (points map[string][]bool) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, dir, rand.New(rand.NewPCG(uint64(c.n), 5)), has)
		defer m.end()
		m.note("%+v", c)
		points = m.watched(c)
		m.start()
		pay(&script{m: m, c: c, p: m.program})
		may := losses{}
		if m.struck() {
			m.bury()
			if c.device != "on" {
				may, m.forgotten = losses{notes: 1, payouts: 1}, true
			}
			time.Sleep(c.away) // virtual
			if c.device != "on" {
				m.devicesOn()
			}
		}
		m.rest()
		m.conserved(may, true)
		m.settled()
	})
	return points
}

// The power goes at every write to disk and line in turn. When only the computer loses it, every note is
// where the journal says; when the validator loses it too, the one note that was moving may be doubtful.
func TestPowerCutInEveryInstant(t *testing.T) {
	everyInstant(t, notesAlone, (*script).inNotes, 300)
}

// And so it is with coins and what is paid out: nothing is in doubt when only the computer loses its power. When
// the devices lose it too, coins of which nobody has told are not known, and a piece that was falling is in doubt.
func TestPowerCutInEveryInstantOfChange(t *testing.T) {
	everyInstant(t, withHoppers, (*script).withChange, 200)
}

// thinned is how many cuts are passed over for one that is made: with the detector of races most; and where there are
// coins and hoppers, most of those that befall the notes, or the devices too.
func thinned(has fitting, kind, device string) int {
	thin := 1
	if has != notesAlone && (kind == "command" || kind == "answer" || device != "on") {
		thin = 3
	}
	if testing.Short() {
		thin *= 8 * (1 + int(min(has, 1)))
	}
	return thin
}

// everyInstant cuts the power at each point of a payment at which something is moving, and at each sync.
func everyInstant(t *testing.T, has fitting, pay func(*script), least int) {
	dir := t.TempDir()
	points := survive(t, dir, has, pay, cut{})
	cuts := 0
	try := func(c cut) {
		if !t.Failed() {
			cuts++
			survive(t, dir, has, pay, c)
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(points)) {
		for i, moving := range points[kind] {
			for d, device := range []string{"on", "in", "out"} {
				if thin := thinned(has, kind, device); thin > 1 && (i+d)%thin != 0 {
					continue
				}
				c := cut{kind: kind, n: i + 1, device: device, away: time.Duration(2+i%5*9) * time.Second}
				switch {
				case kind == "sync":
					try(c)
					c.how = cutdisk.All
					try(c)
				case kind == "write" && (moving || i%5 == 0):
					c.how = cutdisk.Ways[i%len(cutdisk.Ways)]
					try(c)
				case moving || i%10 == 0: // something is moving, or nothing is and one of ten will do
					try(c)
				}
			}
		}
	}
	t.Logf("%d cuts", cuts)
	if cuts < least && !testing.Short() {
		t.Errorf("only %d cuts: the payment shows nothing", cuts)
	}
}
