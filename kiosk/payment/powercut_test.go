package payment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

// cut is one power cut: where in the payment, what the disk keeps, and what becomes of the validator.
type cut struct {
	kind   string // sync, write, command or answer
	n      int    // the n-th of its kind, counted from 1
	how    cutdisk.How
	device string // "on"; or without power too, the note in it "in" or "out"
	away   time.Duration
}

// scripted pays 130.00 with three notes and gives how often each kind of point came. It ends early when
// the power goes.
func (m *machine) scripted(c cut) (points map[string][]bool) {
	points = map[string][]bool{}
	m.mu.Lock()
	m.onPoint = func(point string) {
		moving := m.sim.Path().World().Mouth != nil
		m.mu.Lock()
		points[point] = append(points[point], moving)
		n := len(points[point])
		m.mu.Unlock()
		if point != c.kind || n != c.n {
			return
		}
		m.strike(c.how)
		if c.device != "on" {
			m.sim.Power(false, c.device == "in")
		}
	}
	m.mu.Unlock()
	ctx := context.Background()
	m.start()
	step := func(fn func() error) bool {
		if err := fn(); err != nil && !m.struck() {
			m.t.Fatalf("%+v: %v", c, err)
		}
		return !m.struck()
	}
	h := casefile.Header{Biller: "water", Due: 13000, Part: true, Rule: "owed"}
	id := "300000000001"
	p := m.program
	if m.struck() || !step(func() error {
		return p.journal.Append(ctx, entry(casefile.CaseOpened, id, casefile.Header{Service: "pay.water"}), entry(casefile.BillChosen, id, h))
	}) {
		return points
	}
	m.await(c, p.till.Ready)
	if m.struck() || !step(func() error { return p.till.Take(ctx, id) }) {
		return points
	}
	for i, face := range []int64{5000, 2000, 10000} {
		if m.struck() {
			return points
		}
		if _, err := m.sim.Path().Offer(face, money.CNY, notepath.Genuine); err != nil {
			m.t.Fatalf("%+v: offer %d: %v", c, face, err)
		}
		m.await(c, func() bool { return p.till.Status().Inserted == []money.Fen{5000, 7000, 17000}[i] })
	}
	if m.struck() || !step(func() error { return p.till.Stop(ctx) }) {
		return points
	}
	step(func() error {
		split, owed, err := p.till.Settle(ctx, id, RestPart, "paid")
		if err == nil && (split != Split{Bill: 13000, Owed: 4000} || owed == "") {
			err = fmt.Errorf("split %+v under %q, want 130.00 for the bill and 40.00 owed", split, owed)
		}
		return err
	})
	return points
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

// survive plays the payment with one cut and checks what is there after the restart.
func survive(t *testing.T, dir string, c cut) (points map[string][]bool) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, dir, rand.New(rand.NewPCG(uint64(c.n), 5)))
		defer m.end()
		m.note("%+v", c)
		points = m.scripted(c)
		losses := 0
		if m.struck() {
			m.bury()
			time.Sleep(c.away) // virtual
			if c.device != "on" {
				losses = 1
				m.sim.Power(true, false)
			}
		}
		m.rest()
		m.conserved(losses, true)
		m.settled()
	})
	return points
}

// The power goes at every write to disk and line in turn. When only the computer loses it, every note is
// where the journal says; when the validator loses it too, the one note that was moving may be doubtful.
func TestPowerCutInEveryInstant(t *testing.T) {
	dir := t.TempDir()
	points := survive(t, dir, cut{})
	cuts := 0
	try := func(c cut) {
		if !t.Failed() {
			cuts++
			survive(t, dir, c)
		}
	}
	for _, kind := range []string{"sync", "write", "command", "answer"} {
		for i, note := range points[kind] {
			for d, device := range []string{"on", "in", "out"} {
				if testing.Short() && (i+d)%4 != 0 {
					continue
				}
				c := cut{kind: kind, n: i + 1, device: device, away: time.Duration(2+i%5*9) * time.Second}
				switch {
				case kind == "sync":
					try(c)
					c.how = cutdisk.All
					try(c)
				case kind == "write" && (note || i%5 == 0):
					c.how = cutdisk.Ways[i%len(cutdisk.Ways)]
					try(c)
				case note || i%10 == 0: // a note is moving, or nothing is and one of ten will do
					try(c)
				}
			}
		}
	}
	t.Logf("%d cuts", cuts)
	if cuts < 300 && !testing.Short() {
		t.Errorf("only %d cuts: the payment shows nothing", cuts)
	}
}
