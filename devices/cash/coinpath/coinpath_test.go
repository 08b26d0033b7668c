package coinpath

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// device is an acceptor whose every answer a test sets.
type device struct {
	mu      sync.Mutex
	verdict Verdict
	stick   Leg
	told    []string
}

// set changes the answers.
func (d *device) set(v Verdict, stick Leg) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verdict, d.stick = v, stick
}

func (d *device) Judges(Coin) Verdict {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.verdict
}

func (d *device) Sticks(_ Coin, leg Leg) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return leg == d.stick
}

func (d *device) Tell(w What, leg Leg, c Coin) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.told = append(d.told, fmt.Sprintf("%s %s %d", w, leg, c.Face))
}

func (d *device) heard(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.told, want) {
		t.Errorf("the device was told %q, want %q", d.told, want)
	}
	d.told = nil
}

func bubble(t *testing.T, d *device, fn func(t *testing.T, p *Path)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { fn(t, New(d, Options{})) })
}

// world checks all sums by count, and that they balance.
func world(t *testing.T, p *Path, inserted, kept, taken, returned, moving int) {
	t.Helper()
	w := p.World()
	boxed := 0
	for _, list := range w.Kept {
		boxed += count(list)
	}
	got := []int{count(w.Inserted), boxed, count(w.Taken), count(w.Returned), count(w.Moving)}
	if want := []int{inserted, kept, taken, returned, moving}; !slices.Equal(got, want) {
		t.Errorf("inserted, kept, taken, returned, moving: got %v, want %v", got, want)
	}
	if count(w.In()) != kept+taken {
		t.Errorf("in: got %v, want %d", w.In(), kept+taken)
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

func pass(d time.Duration) {
	time.Sleep(d) // virtual
	synctest.Wait()
}

func TestKeptInItsTime(t *testing.T) {
	d := &device{verdict: Verdict{Keep: true, Path: 3}}
	bubble(t, d, func(t *testing.T, p *Path) {
		var points []string
		p.OnPoint(func(point string) { points = append(points, point) })
		id := p.Insert(100, "CNY", Genuine)
		pass(rollUsual - 1)
		if len(points) > 0 || p.Fate(id) != Moving {
			t.Errorf("before the gate: points %v, fate %s", points, p.Fate(id))
		}
		pass(1)
		if want := []string{"coins.moving"}; !slices.Equal(points, want) {
			t.Errorf("past the gate: points %v, want %v", points, want)
		}
		world(t, p, 1, 0, 0, 0, 1)
		pass(dropUsual)
		d.heard(t, "kept dropping 100")
		world(t, p, 1, 1, 0, 0, 0)
		if got, want := p.World().Kept[3], []Tally{{100, "CNY", 1}}; !slices.Equal(got, want) {
			t.Errorf("path 3: got %v, want %v", got, want)
		}
		if got, want := p.TakeBox(3), []Tally{{100, "CNY", 1}}; !slices.Equal(got, want) {
			t.Errorf("taken: got %v, want %v", got, want)
		}
		world(t, p, 1, 0, 1, 0, 0)
		if got := p.Wait(context.Background(), id); got != Kept {
			t.Errorf("fate: got %s, want %s", got, Kept)
		}
	})
}

// Coins follow each other closely, and come back in their time when they are not good.
func TestSeveralAtOnce(t *testing.T) {
	d := &device{verdict: Verdict{Keep: true}}
	bubble(t, d, func(t *testing.T, p *Path) {
		for _, face := range []int64{100, 50, 10} {
			p.Insert(face, "CNY", Genuine)
			pass(50 * time.Millisecond)
		}
		world(t, p, 3, 0, 0, 0, 3)
		d.set(Verdict{}, "")
		pass(time.Second)
		d.heard(t, "kept dropping 100", "returned leaving 50", "returned leaving 10")
		world(t, p, 3, 1, 0, 2, 0)
		ctx, cancel := context.WithTimeout(context.Background(), leaveUsual)
		defer cancel()
		if got := p.Wait(ctx, p.Insert(5, "CNY", Slug)); got != Moving {
			t.Errorf("too soon: got %s, want %s", got, Moving)
		}
		pass(time.Second)
	})
}

func TestLever(t *testing.T) {
	d := &device{verdict: Verdict{Keep: true}}
	bubble(t, d, func(t *testing.T, p *Path) {
		past := p.Insert(100, "CNY", Genuine)
		pass(rollUsual + 1)
		front := p.Insert(50, "CNY", Genuine)
		p.Lever(true)
		p.Sync(func() {
			if n := p.Now(); !n.Lever || n.Moving != 2 || n.Stuck != "" {
				t.Errorf("now: got %+v", n)
			}
		})
		after := p.Insert(10, "CNY", Genuine)
		pass(time.Second)
		for id, want := range map[int]Fate{past: Kept, front: Returned, after: Returned} {
			if got := p.Fate(id); got != want {
				t.Errorf("coin %d: got %s, want %s", id, got, want)
			}
		}
		d.heard(t, "kept dropping 100") // the others never came to the validator
		p.Lever(false)
		p.Insert(10, "CNY", Genuine)
		pass(time.Second)
		world(t, p, 4, 2, 0, 2, 0)
	})
}

func TestStuckAndFreed(t *testing.T) {
	for leg, want := range map[Leg]Fate{Rolling: Returned, Dropping: Kept, Leaving: Returned} {
		d := &device{verdict: Verdict{Keep: leg == Dropping}, stick: leg}
		bubble(t, d, func(t *testing.T, p *Path) {
			id := p.Insert(100, "CNY", Genuine)
			pass(time.Minute)
			d.heard(t, fmt.Sprintf("stuck %s 100", leg))
			world(t, p, 1, 0, 0, 0, 1)
			behind := p.Insert(50, "CNY", Genuine)
			pass(time.Second)
			if got := p.Fate(behind); got != Returned {
				t.Errorf("behind a coin stuck %s: got %s, want %s", leg, got, Returned)
			}
			p.Sync(func() {
				if got := p.Now().Stuck; got != leg {
					t.Errorf("stuck: got %q, want %q", got, leg)
				}
			})
			d.set(Verdict{Keep: leg == Dropping}, "")
			p.Free()
			pass(time.Second)
			if got := p.Fate(id); got != want {
				t.Errorf("freed while %s: got %s, want %s", leg, got, want)
			}
			told := map[Leg][]string{Dropping: {"kept dropping 100"}, Leaving: {"returned leaving 100"}}[leg]
			d.heard(t, told...)
		})
	}
}

// At a power cut a coin past the gate ends where the hand says; nothing is told, then or later.
func TestPowerCut(t *testing.T) {
	for _, in := range []bool{false, true} {
		d := &device{verdict: Verdict{Keep: true}}
		bubble(t, d, func(t *testing.T, p *Path) {
			p.Insert(100, "CNY", Genuine)
			pass(rollUsual)
			front := p.Insert(50, "CNY", Genuine)
			p.Power(false, in)
			kept := 0
			if in {
				kept = 1
			}
			world(t, p, 2, kept, 0, 2-kept, 0)
			if got := p.Fate(front); got != Returned {
				t.Errorf("in front of the gate: got %s, want %s", got, Returned)
			}
			p.Insert(10, "CNY", Genuine)
			pass(time.Second)
			p.Power(true, in)
			pass(time.Second)
			world(t, p, 3, kept, 0, 3-kept, 0)
			d.heard(t)
			d.set(Verdict{Keep: true}, Dropping)
			p.Insert(10, "CNY", Genuine)
			pass(time.Second)
			d.heard(t, "stuck dropping 10")
			p.Power(false, in)
			world(t, p, 4, kept, 0, 3-kept, 1)
			p.Power(true, in)
			p.Free()
			pass(time.Second)
			world(t, p, 4, kept+1, 0, 3-kept, 0)
			d.heard(t)
		})
	}
}

// A device that has started anew knows nothing of the coins on their way, and its gate is closed to them.
func TestForget(t *testing.T) {
	d := &device{verdict: Verdict{Keep: true}}
	bubble(t, d, func(t *testing.T, p *Path) {
		p.Insert(100, "CNY", Genuine)
		pass(rollUsual)
		p.Insert(50, "CNY", Genuine)
		p.Sync(p.Forget)
		pass(time.Second)
		d.heard(t)
		world(t, p, 2, 1, 0, 1, 0)
	})
}

func TestSnapshotAndClone(t *testing.T) {
	d := &device{verdict: Verdict{Keep: true, Path: 2}}
	bubble(t, d, func(t *testing.T, p *Path) {
		p.Insert(100, "CNY", Genuine)
		pass(time.Second)
		p.Insert(50, "CNY", Genuine)
		pass(rollUsual)
		ran := 0
		data, err := p.Snapshot(func() { ran++ })
		if err != nil {
			t.Fatal(err)
		}
		twin := p.Clone(&device{}, func() { ran++ })
		p.TakeBox(2)
		again := New(&device{}, Options{})
		if err := again.Restore(data); err != nil {
			t.Fatal(err)
		}
		world(t, twin, 2, 1, 0, 0, 1)
		world(t, again, 2, 1, 0, 0, 1)
		pass(time.Second)
		for name, q := range map[string]*Path{"clone": twin, "restored": again} {
			world(t, q, 2, 2, 0, 0, 0)
			if got := q.Fate(2); got != Kept {
				t.Errorf("%s: fate %s, want %s", name, got, Kept)
			}
		}
		if ran != 2 {
			t.Errorf("the device saved itself %d times, want 2", ran)
		}
		world(t, p, 2, 1, 1, 0, 0)
		if err := again.Restore([]byte("{")); err == nil {
			t.Error("restored nonsense")
		}
		w := p.World()
		w.Inserted = add(w.Inserted, Coin{Face: 1, Currency: "CNY"}, 1)
		if w.Balanced() == nil {
			t.Error("a coin that is nowhere balances")
		}
		if got := add(add(nil, Coin{Face: 5, Currency: "CNY"}, 2), Coin{Face: 5, Currency: "CNY"}, -2); !reflect.DeepEqual(got, []Tally{}) {
			t.Errorf("two and two away: got %v, want none", got)
		}
	})
}
