package notepath

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// device is an acceptor whose every answer a test sets.
type device struct {
	mu      sync.Mutex
	draws   bool
	verdict Verdict
	stick   Leg
	told    []string
	moves   []Leg
}

func (d *device) Draws(Note) bool     { return d.draws }
func (d *device) Judges(Note) Verdict { return d.verdict }
func (d *device) Sticks(_ Note, leg Leg) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return leg == d.stick
}
func (d *device) Tell(w What, leg Leg, n Note) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, fmt.Sprintf("%s %s %d", w, leg, n.Face))
}
func (d *device) Moves(leg Leg, _ int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.moves = append(d.moves, leg)
}

func (d *device) sticks(leg Leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stick = leg
}

func (d *device) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = nil
}

func (d *device) heard(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.told) != len(want) || len(want) > 0 && !reflect.DeepEqual(d.told, want) {
		t.Errorf("the device was told %q, want %q", d.told, want)
	}
	d.told = nil
}

// world checks all sums by count, and that they balance.
func world(t *testing.T, p *Path, mouth bool, inserted, box, taken, returned int) {
	t.Helper()
	w := p.World()
	got := []int{count(w.Inserted), count(w.Box), count(w.Taken), count(w.Returned)}
	if want := []int{inserted, box, taken, returned}; !reflect.DeepEqual(got, want) || (w.Mouth != nil) != mouth {
		t.Errorf("inserted, box, taken, returned: got %v, want %v; mouth %v, want %v", got, want, w.Mouth, mouth)
	}
	if err := w.Balanced(); err != nil {
		t.Error(err)
	}
}

func count(list []Tally) (n int) {
	for _, t := range list {
		n += t.Count
	}
	return n
}

func offer(t *testing.T, p *Path) int {
	t.Helper()
	id, err := p.Offer(1000, "CNY", Genuine)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func fate(t *testing.T, p *Path, id int, want Fate) {
	t.Helper()
	if got := p.Fate(id); got != want {
		t.Errorf("fate of note %d: got %q, want %q", id, got, want)
	}
}

func bubble(t *testing.T, d *device, fn func(t *testing.T, p *Path)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { fn(t, New(d, Options{})) })
}

func TestStackedInItsTime(t *testing.T) {
	d := &device{draws: true, verdict: Hold}
	bubble(t, d, func(t *testing.T, p *Path) {
		var points []string
		p.OnPoint(func(point string) { points = append(points, point+" "+string(p.Leg())) })
		id := offer(t, p)
		if _, err := p.Offer(1, "CNY", Genuine); !errors.Is(err, ErrOccupied) {
			t.Errorf("a second note: got %v, want %v", err, ErrOccupied)
		}
		time.Sleep(validateUsual - 1)
		synctest.Wait()
		fate(t, p, id, Moving)
		world(t, p, true, 1, 0, 0, 0)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		fate(t, p, id, Escrow)
		world(t, p, true, 1, 0, 0, 0)
		d.heard(t, "escrowed entering 1000")
		if !p.Stack() || p.Stack() || p.Return() {
			t.Error("a note in escrow is stacked once, and then cannot be returned")
		}
		time.Sleep(stackUsual - 1)
		synctest.Wait()
		fate(t, p, id, Moving)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		fate(t, p, id, Stacked)
		d.heard(t, "stacked stacking 1000")
		world(t, p, false, 1, 1, 0, 0)
		if want := []string{"cash.moving entering", "cash.escrow escrow", "cash.moving stacking"}; !reflect.DeepEqual(points, want) {
			t.Errorf("points: got %q, want %q", points, want)
		}
		if want := []Leg{Entering, InEscrow, Stacking}; !reflect.DeepEqual(d.moves, want) {
			t.Errorf("moves: got %q, want %q", d.moves, want)
		}
	})
}

func TestReturned(t *testing.T) {
	d := &device{draws: true, verdict: Hold}
	bubble(t, d, func(t *testing.T, p *Path) {
		id := offer(t, p)
		if p.Return() || p.ReturnNote(id) {
			t.Error("returned a note that is not in escrow")
		}
		time.Sleep(time.Second)
		if p.ReturnNote(id + 1) {
			t.Error("returned a note by another's number")
		}
		if !p.ReturnNote(id) || p.ReturnNote(id) {
			t.Error("a note in escrow is returned once")
		}
		time.Sleep(returnUsual)
		synctest.Wait()
		fate(t, p, id, Returned)
		world(t, p, false, 1, 0, 0, 1)
		d.heard(t, "escrowed entering 1000", "returned leaving 1000")
	})
}

func TestRefusedIsInNoSum(t *testing.T) {
	d := &device{}
	bubble(t, d, func(t *testing.T, p *Path) {
		fate(t, p, offer(t, p), Refused) // the rollers do not turn
		d.heard(t)
		d.draws = true
		id := offer(t, p)
		fate(t, p, id, Moving)
		if got := p.Wait(context.Background(), id); got != Refused {
			t.Errorf("waited for %s, want %s", got, Refused)
		}
		world(t, p, false, 0, 0, 0, 0)
		d.heard(t, "refused entering 1000")
	})
}

func TestSwallowed(t *testing.T) {
	d := &device{draws: true, verdict: Swallow}
	bubble(t, d, func(t *testing.T, p *Path) {
		if got := p.Wait(context.Background(), offer(t, p)); got != Stacked {
			t.Errorf("waited for %s, want %s", got, Stacked)
		}
		d.heard(t, "stacked stacking 1000")
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	d := &device{draws: true, verdict: Hold}
	bubble(t, d, func(t *testing.T, p *Path) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		began := time.Now()
		if got := p.Wait(ctx, offer(t, p)); got != Escrow {
			t.Errorf("waited for %q, want %q", got, Escrow)
		}
		if got := time.Since(began); got != 5*time.Second {
			t.Errorf("waited %v, want 5s", got)
		}
		if got := p.Wait(ctx, 99); got != "" {
			t.Errorf("a note that never was: got %q", got)
		}
	})
}

func TestPullBack(t *testing.T) {
	d := &device{draws: true, verdict: Hold}
	bubble(t, d, func(t *testing.T, p *Path) {
		pull := func(id int, want error) {
			t.Helper()
			if err := p.PullBack(id); !errors.Is(err, want) {
				t.Errorf("pull back: got %v, want %v", err, want)
			}
		}
		id := offer(t, p)
		pull(id+1, ErrGone)
		pull(id, nil)
		fate(t, p, id, Returned)
		d.heard(t, "pulled entering 1000")
		world(t, p, false, 0, 0, 0, 0)
		time.Sleep(time.Minute) // no ghost of it arrives
		pull(id, ErrGone)

		id = offer(t, p)
		time.Sleep(time.Second)
		pull(id, nil)
		fate(t, p, id, Returned)
		d.heard(t, "escrowed entering 1000", "pulled out escrow 1000")
		world(t, p, false, 1, 0, 0, 1)

		id = offer(t, p)
		time.Sleep(time.Second)
		p.Return()
		pull(id, nil) // a hand that takes it as it comes
		d.heard(t, "escrowed entering 1000", "returned leaving 1000")
		world(t, p, false, 2, 0, 0, 2)

		id = offer(t, p)
		time.Sleep(time.Second)
		p.Stack()
		pull(id, ErrGone)
	})
}

func TestJam(t *testing.T) {
	tests := []struct {
		leg   Leg
		fate  Fate
		told  []string
		whole [4]int
	}{
		{Entering, Refused, []string{"stuck entering 1000", "refused entering 1000"}, [4]int{0, 0, 0, 0}},
		{Stacking, Stacked, []string{"escrowed entering 1000", "stuck stacking 1000", "stacked stacking 1000"}, [4]int{1, 1, 0, 0}},
		{Leaving, Returned, []string{"escrowed entering 1000", "stuck leaving 1000", "returned leaving 1000"}, [4]int{1, 0, 0, 1}},
	}
	for _, tt := range tests {
		d := &device{draws: true, verdict: Hold, stick: tt.leg}
		bubble(t, d, func(t *testing.T, p *Path) {
			id := offer(t, p)
			time.Sleep(time.Second)
			switch tt.leg {
			case Stacking:
				p.Stack()
			case Leaving:
				p.Return()
			}
			time.Sleep(time.Minute)
			fate(t, p, id, Moving)
			world(t, p, true, 1, 0, 0, 0)
			if err := p.PullBack(id); !errors.Is(err, ErrGone) {
				t.Errorf("pull back of a stuck note: got %v, want %v", err, ErrGone)
			}
			d.sticks("")
			p.Free()
			time.Sleep(time.Second)
			fate(t, p, id, tt.fate)
			w := tt.whole
			world(t, p, false, w[0], w[1], w[2], w[3])
			d.heard(t, tt.told...)
		})
	}
}

func TestBox(t *testing.T) {
	d := &device{draws: true, verdict: Hold}
	bubble(t, d, func(t *testing.T, p *Path) {
		for range 2 {
			offer(t, p)
			time.Sleep(time.Second)
			p.Stack()
			time.Sleep(time.Second)
		}
		d.forget()
		if got, want := p.TakeBox(), []Tally{{1000, "CNY", 2}}; !reflect.DeepEqual(got, want) {
			t.Errorf("took %v, want %v", got, want)
		}
		if got := p.TakeBox(); len(got) != 0 || got == nil {
			t.Errorf("took %v from where no box is, want an empty list", got)
		}
		d.heard(t, "box out  0")
		if p.BoxIn() {
			t.Error("the box is in")
		}
		world(t, p, false, 2, 0, 2, 0)
		id := offer(t, p)
		time.Sleep(time.Second)
		if p.Stack() {
			t.Error("stacked without a box")
		}
		p.PutBox()
		p.PutBox()
		d.heard(t, "escrowed entering 1000", "box in  0")
		p.Stack()
		p.LiftBox() // while the note moves
		time.Sleep(time.Minute)
		fate(t, p, id, Moving)
		world(t, p, true, 3, 0, 2, 0)
		p.PutBox()
		time.Sleep(time.Second)
		fate(t, p, id, Stacked)
		p.LiftBox()
		world(t, p, false, 3, 1, 2, 0)
		p.TakeBox()
		world(t, p, false, 3, 0, 3, 0)
	})
}

func TestPower(t *testing.T) {
	tests := []struct {
		name      string
		leg       Leg
		in, boxIn bool
		want      Fate
	}{
		{"entering, in", Entering, true, true, Refused},
		{"entering, out", Entering, false, true, Refused},
		{"escrow, in", InEscrow, true, true, Stacked},
		{"escrow, out", InEscrow, false, true, Returned},
		{"stacking, in", Stacking, true, true, Stacked},
		{"stacking, out", Stacking, false, true, Returned},
		{"stacking, in, no box", Stacking, true, false, Returned},
		{"leaving, in", Leaving, true, true, Stacked},
		{"leaving, out", Leaving, false, true, Returned},
	}
	for _, tt := range tests {
		d := &device{draws: true, verdict: Hold}
		bubble(t, d, func(t *testing.T, p *Path) {
			id := offer(t, p)
			if tt.leg != Entering {
				time.Sleep(time.Second)
			}
			switch tt.leg {
			case Stacking:
				p.Stack()
			case Leaving:
				p.Return()
			}
			if !tt.boxIn {
				p.LiftBox()
			}
			d.forget()
			p.Power(false, tt.in)
			fate(t, p, id, tt.want)
			d.heard(t)
			fate(t, p, offer(t, p), Refused)
			time.Sleep(time.Minute)
			fate(t, p, id, tt.want)
			if err := p.World().Balanced(); err != nil || p.World().Mouth != nil {
				t.Errorf("%s: %v, mouth %v", tt.name, err, p.World().Mouth)
			}
			p.Power(true, tt.in)
			fate(t, p, offer(t, p), Moving)
		})
	}
}

// A cut right at the point finds the note there, and the note goes no further.
func TestCutAtPoint(t *testing.T) {
	for _, at := range []Leg{Entering, InEscrow, Stacking, Leaving} {
		d := &device{draws: true, verdict: Hold}
		bubble(t, d, func(t *testing.T, p *Path) {
			p.OnPoint(func(point string) {
				if want := map[bool]string{true: "cash.escrow", false: "cash.moving"}[p.Leg() == InEscrow]; point != want {
					t.Errorf("at %s: point %s, want %s", p.Leg(), point, want)
				}
				if p.Leg() == at {
					p.Power(false, true)
				}
			})
			offer(t, p)
			time.Sleep(time.Second)
			if at == Leaving {
				p.Return()
			} else {
				p.Stack()
			}
			time.Sleep(time.Minute)
			if got := p.World().Mouth; got != nil {
				t.Errorf("cut at %s: %v is still on its way", at, got)
			}
		})
	}
}

func TestSnapshotRestoreClone(t *testing.T) {
	for _, leg := range []Leg{Entering, InEscrow, Stacking, Leaving} {
		d := &device{draws: true, verdict: Hold}
		bubble(t, d, func(t *testing.T, p *Path) {
			id := offer(t, p)
			if leg != Entering {
				time.Sleep(time.Second)
			}
			switch leg {
			case Stacking:
				p.Stack()
			case Leaving:
				p.Return()
			}
			data, err := p.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			r := New(&device{draws: true, verdict: Hold}, Options{})
			if err := r.Restore(data); err != nil {
				t.Fatal(err)
			}
			c := p.Clone(&device{draws: true, verdict: Hold})
			p.Power(false, true) // does nothing to the others
			if r.Leg() != leg || c.Leg() != leg {
				t.Errorf("restored on leg %s, clone on %s, want %s", r.Leg(), c.Leg(), leg)
			}
			time.Sleep(time.Second)
			for name, q := range map[string]*Path{"restored": r, "clone": c} {
				switch leg {
				case Entering, InEscrow:
					fate(t, q, id, Escrow)
					q.Return()
					time.Sleep(time.Second)
					fate(t, q, id, Returned)
				case Stacking:
					fate(t, q, id, Stacked)
				case Leaving:
					fate(t, q, id, Returned)
				}
				if err := q.World().Balanced(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	if err := New(&device{}, Options{}).Restore([]byte("no")); err == nil {
		t.Error("restored nonsense")
	}
}

func TestFatesAreBounded(t *testing.T) {
	p := New(&device{}, Options{})
	for range fatesMax + 10 {
		offer(t, p)
	}
	if got := len(p.s.Fates); got != fatesMax {
		t.Errorf("%d fates kept, want %d", got, fatesMax)
	}
	fate(t, p, fatesMax+10, Refused)
	fate(t, p, 10, "")
	fate(t, p, 11, Refused)
}

func TestTallies(t *testing.T) {
	list := []Tally{}
	for _, n := range []Note{{500, "CNY", ""}, {100, "USD", ""}, {100, "CNY", ""}, {500, "CNY", ""}} {
		list = add(list, n, 1)
	}
	if want := []Tally{{100, "CNY", 1}, {500, "CNY", 2}, {100, "USD", 1}}; !reflect.DeepEqual(list, want) {
		t.Errorf("got %v, want %v", list, want)
	}
	if got := add(list, Note{100, "CNY", ""}, -1); len(got) != 2 || len(list) != 3 {
		t.Errorf("one fewer: got %v of %v", got, list)
	}
}

func TestWorldAsJSON(t *testing.T) {
	d := &device{draws: true, verdict: Hold}
	bubble(t, d, func(t *testing.T, p *Path) {
		offer(t, p)
		got, err := json.Marshal(p.World())
		want := `{"mouth":{"note":1,"face_fen":1000,"currency":"CNY","kind":"genuine"},"inserted":[{"face_fen":1000,"currency":"CNY","count":1}],"box":[],"taken":[],"returned":[]}`
		if err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	})
}

func TestUnbalancedWorldIsNamed(t *testing.T) {
	one := []Tally{{100, "CNY", 1}}
	for _, w := range []World{{Inserted: one}, {Box: one}, {Taken: one}, {Returned: one}, {Mouth: &Mouth{Face: 100, Currency: "CNY"}}} {
		if w.Balanced() == nil {
			t.Errorf("%+v balances", w)
		}
	}
}

// A device whose controller starts anew leaves the note where it is, until it is told to go on.
func TestHalt(t *testing.T) {
	for _, tt := range []struct {
		leg  Leg
		fate Fate // in the end
	}{{Entering, Refused}, {Stacking, Stacked}, {Leaving, Returned}} {
		synctest.Test(t, func(t *testing.T) {
			d := &device{draws: true, verdict: Hold}
			p := New(d, Options{})
			id, _ := p.Offer(500, "CNY", Genuine)
			if tt.leg != Entering {
				time.Sleep(time.Second)
				p.Halt()
				time.Sleep(time.Minute)
				if got := p.Fate(id); got != Escrow || p.Leg() != InEscrow {
					t.Errorf("halted in escrow: got %s on %s, want it there", got, p.Leg())
				}
				p.send(tt.leg)
			}
			p.Halt()
			time.Sleep(time.Minute)
			if got := p.Fate(id); got != Moving || p.Leg() != tt.leg || p.PullBack(id) == nil {
				t.Errorf("halted while %s: got %s on %s, want it to stand there", tt.leg, got, p.Leg())
			}
			p.Free()
			time.Sleep(time.Minute)
			if got := p.Fate(id); got != tt.fate {
				t.Errorf("halted while %s and freed: got %s, want %s", tt.leg, got, tt.fate)
			}
			p.Halt()
			if err := p.World().Balanced(); err != nil {
				t.Error(err)
			}
		})
	}
}

// recycler keeps notes of one face for paying out.
type recycler struct {
	Device
	face int64
	told []What
}

func (r *recycler) Stores(n Note) bool         { return n.Face == r.face }
func (r *recycler) Tell(w What, _ Leg, _ Note) { r.told = append(r.told, w) }
func (r *recycler) Draws(Note) bool            { return true }
func (r *recycler) Judges(Note) Verdict        { return Swallow }
func (r *recycler) Sticks(Note, Leg) bool      { return false }
func (r *recycler) Moves(Leg, int)             {}

func TestStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recycler{face: 500}
		p := New(r, Options{})
		p.Load(500, "CNY", 2)
		for _, face := range []int64{500, 1000} {
			id, err := p.Offer(face, "CNY", Genuine)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Wait(t.Context(), id); got != Stacked {
				t.Errorf("fate of %d: %s", face, got)
			}
		}
		if got, want := fmt.Sprint(r.told), "[stored stacked]"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		p.Sync(func() {
			for range 2 {
				if !p.PayOut(500, "CNY") {
					t.Error("nothing came out")
				}
			}
			if p.PayOut(1000, "CNY") || p.PayOut(500, "HKD") {
				t.Error("what is not in the store came out")
			}
			if got := p.Stored(500, "CNY"); got != 1 {
				t.Errorf("in the store: %d, want 1", got)
			}
		})
		w := p.World()
		if err := w.Balanced(); err != nil {
			t.Error(err)
		}
		if got, want := fmt.Sprint(w.Store, w.Loaded, w.Paid, w.Box), "[{500 CNY 1}] [{500 CNY 2}] [{500 CNY 2}] [{1000 CNY 1}]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		w.Paid = nil
		if err := w.Balanced(); err == nil {
			t.Error("notes that are nowhere are not missed")
		}
	})
}
