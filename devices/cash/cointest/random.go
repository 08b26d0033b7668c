package cointest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/coinpath"
)

var (
	seed = flag.Uint64("coin.seed", 0, "seed of the random stories; 0 takes a fresh one")
	runs = flag.Int("coin.runs", 60, "how many random stories")
)

// owner is a program that keeps a journal: the mark and the coins that are money are committed together. It may
// die at any moment and start again from its journal.
type owner struct {
	t    *testing.T
	f    *Fixture
	rng  *rand.Rand
	mark cash.Mark
	kept map[cash.Note]int
	lost int
	told []string
	// steady: it never dies by itself.
	steady bool
	*program
}

func newOwner(t *testing.T, f *Fixture, rng *rand.Rand) *owner {
	return &owner{t: t, f: f, rng: rng, kept: map[cash.Note]int{}}
}

// begin starts the program, and says that it accepts whatever comes.
func (o *owner) begin() {
	o.program = start(o.t, o.f, o.mark)
	o.accept()
}

func (o *owner) accept() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	o.a.Accept(ctx, Faces) // while the device is away the wish stands
}

// live hears signals for a while.
func (o *owner) live(d time.Duration) {
	end := time.Now().Add(d)
	for {
		s, ok := o.wait(time.Until(end))
		if !ok {
			return
		}
		o.told = append(o.told, fmt.Sprintf("%s %d mark %d", s.What, s.Note.Face, s.Mark.Counter))
		if s.Fault != nil {
			o.told = append(o.told, s.Fault.Error())
		}
		if !o.steady && o.rng.IntN(40) == 0 && o.mark.Known {
			// The program dies between hearing and writing down. (What happened before any mark was
			// written down is before our time, and nobody's to tell.)
			o.die()
			o.begin()
			continue
		}
		o.mark = s.Mark
		switch s.What {
		case cash.Stacked:
			o.kept[s.Note]++
		case cash.Lost:
			o.lost++
		}
	}
}

// agree compares the journal with the mechanism. Without a Lost they are the same; with one, the
// journal may know less than there is, never more.
func (o *owner) agree() {
	o.t.Helper()
	w := o.f.Path.World()
	if err := w.Balanced(); err != nil {
		o.t.Fatal(err)
	}
	real := map[cash.Note]int{}
	for _, t := range w.In() {
		real[cash.Note{Face: t.Face, Currency: t.Currency}] += t.Count
	}
	for _, n := range Faces {
		if got, want := o.kept[n], real[n]; got > want || got < want && o.lost == 0 {
			o.t.Fatalf("coins of %d kept: told %d, really %d, lost told %d times\nmark %+v\nsignals %v\nworld %+v", n.Face, got, want, o.lost, o.mark, o.told, w)
		}
		delete(real, n)
	}
	if len(real) > 0 {
		o.t.Fatalf("coins that nobody takes are in: %v", real)
	}
}

// lineFaults lets each fault of the line befall each answer of one story in turn.
func lineFaults(t *testing.T, open func(t *testing.T) *Fixture) {
	step := 1
	if testing.Short() {
		step = 6 // each sixth answer, every fault
	}
	for _, name := range []string{"late", "double", "split", "truncate", "garble", "checksum", "silence", "lost_reply"} {
		t.Run(name, func(t *testing.T) {
			for n := 1; ; n += step {
				reached := false
				synctest.Test(t, func(t *testing.T) {
					f := open(t)
					defer f.Close()
					o := newOwner(t, f, rand.New(rand.NewPCG(1, 1)))
					f.AtAnswer(n, func() { reached = true; arm(t, f, name, 1+n%3) })
					o.begin()
					defer o.end()
					story(t, o, n)
				})
				if !reached || t.Failed() {
					if n < 20 {
						t.Errorf("the story ended after %d answers: too short to show anything", n)
					}
					return
				}
			}
		})
	}
}

// story puts three coins in; the owner must learn exactly that.
func story(t *testing.T, o *owner, n int) {
	t.Helper()
	for !o.a.State().Accepting {
		o.a.Accept(context.Background(), Faces)
		if _, ok := o.wait(time.Minute); !ok {
			t.Fatalf("fault at answer %d: never ready; state %+v", n, o.a.State())
		}
		o.accepting()
	}
	for _, face := range []int64{100, 10, 50} {
		o.pay(face)
	}
	o.in(3)
	o.quiet(15 * time.Second)
}

// random plays hands, faults and deaths by chance, and then lets everything come to rest.
func random(t *testing.T, open func(t *testing.T) *Fixture) {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	n := *runs
	if testing.Short() {
		n = min(n, 10)
	}
	for i := range uint64(n) {
		ok := t.Run(fmt.Sprint(first+i), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				defer f.Close()
				o := newOwner(t, f, rand.New(rand.NewPCG(first+i, 7)))
				o.begin()
				for range 60 {
					o.hand()
					o.live(time.Duration(o.rng.IntN(1500)) * time.Millisecond)
				}
				f.Faults.MendAll()
				o.live(2 * time.Minute)
				o.end()
				o.agree()
				if m := f.Path.World().Moving; len(m) > 0 {
					t.Fatalf("a coin is left on its way: %+v; signals %v", m, o.told)
				}
			})
		})
		if !ok {
			t.Fatalf("again with: -coin.seed=%d -coin.runs=1", first+i)
		}
	}
}

// hand does something to the machine.
func (o *owner) hand() {
	faults := o.f.Faults.List()
	switch o.rng.IntN(12) {
	case 0, 1, 2, 3, 4:
		kinds := []string{coinpath.Genuine, coinpath.Genuine, coinpath.Genuine, coinpath.Genuine, coinpath.Foreign, coinpath.Slug, coinpath.Strung}
		for range 1 + o.rng.IntN(4) {
			o.f.Path.Insert(Faces[o.rng.IntN(len(Faces))].Face, "CNY", kinds[o.rng.IntN(len(kinds))])
			time.Sleep(time.Duration(o.rng.IntN(200)) * time.Millisecond) // virtual
		}
	case 5:
		o.f.Path.TakeBox(1)
	case 6, 7:
		o.f.Faults.Arm(faults[o.rng.IntN(len(faults))].Name, 1+o.rng.IntN(4))
	case 8, 9:
		for _, x := range faults {
			if x.Armed > 0 && o.rng.IntN(2) == 0 {
				o.f.Faults.Arm(x.Name, 0)
			}
		}
	case 10:
		if !o.mark.Known {
			return
		}
		o.die()
		for range o.rng.IntN(10) {
			o.f.Path.Insert(Faces[o.rng.IntN(len(Faces))].Face, "CNY", coinpath.Genuine)
			time.Sleep(150 * time.Millisecond) // virtual
		}
		time.Sleep(time.Duration(o.rng.IntN(8000)) * time.Millisecond) // virtual
		o.begin()
	case 11:
		if o.rng.IntN(4) == 0 {
			o.f.Power(false, o.rng.IntN(2) == 0)
			o.live(time.Duration(o.rng.IntN(5000)) * time.Millisecond)
			o.f.Power(true, false)
		}
	}
}
