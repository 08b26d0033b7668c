package cashtest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/notepath"
)

var (
	seed = flag.Uint64("cash.seed", 0, "seed of the random stories; 0 takes a fresh one")
	runs = flag.Int("cash.runs", 60, "how many random stories")
)

// owner is a program that answers every note and keeps a journal: the mark and the notes that are
// money are committed together. It may die at any moment and start again from its journal.
type owner struct {
	t    *testing.T
	f    *Fixture
	rng  *rand.Rand
	mark cash.Mark
	held map[cash.Note]int
	kept map[cash.Note]int
	back map[cash.Note]int
	open *cash.Note // the note that was last in escrow, until it is told where it went
	lost int
	told []string
	// steady: it never dies by itself.
	steady bool
	*program
}

func newOwner(t *testing.T, f *Fixture, rng *rand.Rand) *owner {
	return &owner{t: t, f: f, rng: rng, held: map[cash.Note]int{}, kept: map[cash.Note]int{}, back: map[cash.Note]int{}}
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

// live answers signals for a while.
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
		o.book(s)
		switch s.What {
		case cash.Ready, cash.Escrowed, cash.BoxIn, cash.Cleared:
			o.decide() // also of a note that could not be stacked before
		}
	}
}

// book writes a signal down. A driver that came to know the device late may not be able to name the
// note that went back: then it is the one that is open, and when none is, it is no news.
func (o *owner) book(s cash.Signal) {
	switch s.What {
	case cash.Escrowed:
		o.open = &s.Note
		o.held[s.Note]++
		return
	case cash.Stacked:
		o.kept[s.Note]++
	case cash.Returned:
		switch {
		case s.Note != cash.Note{}:
			o.back[s.Note]++
		case o.open != nil:
			o.back[*o.open]++
		}
	case cash.Lost:
		o.lost++
	default:
		return
	}
	o.open = nil
}

// decide answers the note in escrow, if any, mostly with yes.
func (o *owner) decide() {
	if !o.a.State().Escrow {
		return
	}
	act := o.a.Stack
	if o.rng.IntN(4) == 0 {
		act = o.a.Return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.rng.IntN(3000))*time.Millisecond)
	defer cancel()
	act(ctx) // the signals tell what became of it
}

// agree compares the journal with the mechanism. Without a Lost they are the same; with one, the
// journal may know less than there is, never more.
func (o *owner) agree() {
	o.t.Helper()
	if o.open != nil && o.lost == 0 {
		o.t.Fatalf("the end of the escrowed note of %d was never told; signals %v", o.open.Face, o.told)
	}
	w := o.f.Path.World()
	if err := w.Balanced(); err != nil {
		o.t.Fatal(err)
	}
	real := map[cash.Note]int{}
	for _, list := range [][]notepath.Tally{w.Box, w.Taken, w.Store} {
		for _, t := range list {
			real[cash.Note{Face: t.Face, Currency: t.Currency}] += t.Count
		}
	}
	for _, n := range Faces {
		if got, want := o.kept[n], real[n]; got > want || got < want && o.lost == 0 {
			o.t.Fatalf("notes of %d kept: told %d, really %d, lost told %d times\nmark %+v\nsignals %v\nworld %+v", n.Face, got, want, o.lost, o.mark, o.told, w)
		}
	}
	out := 0
	for _, t := range w.Returned {
		n := cash.Note{Face: t.Face, Currency: t.Currency}
		// Without a memory of events, who comes into escrow and is out again between two polls is nobody's news.
		if got := o.back[n]; got > t.Count || got < t.Count && o.lost == 0 && !o.f.Acknowledged && !o.f.Nameless {
			o.t.Fatalf("notes of %d returned: told %d, really %d, lost told %d times\nsignals %v", n.Face, got, t.Count, o.lost, o.told)
		}
		out += o.back[n]
	}
	for note, n := range o.held { // one that was out again before it was told may be told as returned alone
		if ended := o.kept[note] + o.back[note]; o.f.Acknowledged && o.lost == 0 && n > ended {
			o.t.Fatalf("notes of %d in escrow: told %d, of %d what became of them\nsignals %v", note.Face, n, ended, o.told)
		}
	}
	for note, n := range o.back {
		if note == (cash.Note{}) && (o.lost > 0 || o.f.Nameless) {
			continue // found in escrow after its events were lost: nobody can name it
		}
		out -= n
	}
	if out != 0 {
		o.t.Fatalf("told that notes came back that never did: %v, world %+v\nsignals %v", o.back, w, o.told)
	}
}

// lineFaults lets each fault of the line befall each answer of one note's story in turn.
func lineFaults(t *testing.T, open func(t *testing.T) *Fixture) {
	step := 1
	if testing.Short() {
		step = 13 // each thirteenth answer, every fault
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

// story puts two notes in and has one back; the owner must learn exactly that.
func story(t *testing.T, o *owner, n int) {
	t.Helper()
	for !o.a.State().Accepting {
		o.a.Accept(context.Background(), Faces)
		if _, ok := o.wait(time.Minute); !ok {
			t.Fatalf("fault at answer %d: never ready; state %+v", n, o.a.State())
		}
		o.accepting()
	}
	for i, act := range []func(context.Context) error{o.a.Stack, o.a.Return, o.a.Stack} {
		face := Faces[i+1].Face
		id := o.put(face)
		o.note(o.until(cash.Escrowed), face)
		act(context.Background())
		what, fate := cash.Stacked, notepath.Stacked
		if i == 1 {
			what, fate = cash.Returned, notepath.Returned
		}
		o.note(o.until(what), face)
		o.fate(id, fate)
	}
	o.in(2)
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
				f.Path.PutBox()
				o.live(time.Minute)
				o.decide() // the last word, when its answer to the device's no came too early
				o.live(time.Minute)
				o.end()
				o.agree()
				if m := f.Path.World().Mouth; m != nil {
					t.Fatalf("a note is left in the mouth: %+v; signals %v", m, o.told)
				}
			})
		})
		if !ok {
			t.Fatalf("again with: -cash.seed=%d -cash.runs=1", first+i)
		}
	}
}

// hand does something to the machine.
func (o *owner) hand() {
	faults := o.f.Faults.List()
	switch o.rng.IntN(12) {
	case 0, 1, 2, 3, 4:
		kinds := []string{notepath.Genuine, notepath.Genuine, notepath.Genuine, notepath.Genuine, notepath.Foreign, notepath.Torn, notepath.Strung}
		o.f.Path.Offer(Faces[o.rng.IntN(len(Faces))].Face, "CNY", kinds[o.rng.IntN(len(kinds))])
	case 5:
		if m := o.f.Path.World().Mouth; m != nil {
			o.f.Path.PullBack(m.Note)
		}
	case 6, 7:
		o.f.Faults.Arm(faults[o.rng.IntN(len(faults))].Name, 1+o.rng.IntN(4))
	case 8:
		for _, x := range faults {
			if x.Armed > 0 && o.rng.IntN(2) == 0 {
				o.f.Faults.Arm(x.Name, 0)
			}
		}
	case 9:
		if o.rng.IntN(2) == 0 {
			o.f.Path.TakeBox()
		} else {
			o.f.Path.PutBox()
		}
	case 10:
		if !o.mark.Known {
			return
		}
		o.die()
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
