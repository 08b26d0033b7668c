package id003_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/rigtest"
)

// journal is what an owner has written down: the mark and what it means, together.
type journal struct {
	mark             cash.Mark
	open             bool
	kept, back, lost int64 // in fen; lost counts
}

// owner answers notes and dies at a moment of its own.
type owner struct {
	a       cash.Acceptor
	kill    func()
	journal *journal
	dieAt   cash.Happening // it dies with this signal in its hand, not written down
	dead    chan struct{}
}

// live takes signals until the owner dies or ctx ends.
func (o *owner) live(ctx context.Context, decide func(context.Context) error) {
	defer close(o.dead)
	for {
		s, err := o.a.Next(ctx)
		if err != nil {
			return
		}
		if s.What == o.dieAt {
			o.kill()
			return
		}
		o.journal.mark = s.Mark
		switch s.What {
		case cash.Escrowed:
			o.journal.open = true
		case cash.Stacked:
			o.journal.open = false
			o.journal.kept += s.Note.Face
		case cash.Returned:
			o.journal.open = false
			o.journal.back += s.Note.Face
		case cash.Lost:
			o.journal.open = false
			o.journal.lost++
		}
		if (s.What == cash.Escrowed || s.What == cash.Ready) && o.journal.open {
			bounded, cancel := context.WithTimeout(ctx, 3*time.Second)
			decide(bounded)
			cancel()
		}
	}
}

// run is one run of the program, with this journal, for a while.
func run(f *cashtest.Fixture, j *journal, dieAt cash.Happening, decide func(cash.Acceptor) func(context.Context) error, d time.Duration, accept bool) {
	a, kill := f.New()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	a.Resume(j.mark)
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(ctx) }()
	if accept {
		a.Accept(ctx, cashtest.Faces) // not online yet: the wish stands
	}
	o := &owner{a: a, kill: kill, journal: j, dieAt: dieAt, dead: make(chan struct{})}
	o.live(ctx, decide(a))
	kill() // no last word, as a power cut leaves none
	cancel()
	<-ended
}

func stacks(a cash.Acceptor) func(context.Context) error  { return a.Stack }
func returns(a cash.Acceptor) func(context.Context) error { return a.Return }

// ready lets an acceptor start and gives the journal of it.
func ready(t *testing.T, f *cashtest.Fixture) *journal {
	t.Helper()
	j := &journal{}
	run(f, j, "", stacks, 6*time.Second, false)
	if !j.mark.Known {
		t.Fatalf("the acceptor was not known at the start: %+v", j)
	}
	return j
}

// sums are what the mechanism kept and gave back, in fen.
func sums(w notepath.World) (kept, back int64) {
	for _, n := range w.Box {
		kept += n.Face * int64(n.Count)
	}
	for _, n := range w.Returned {
		back += n.Face * int64(n.Count)
	}
	return kept, back
}

// The program dies at any moment of a note's way, for a blink or for long, once or twice, and knows afterwards where the note
// is: never a doubt.
func TestComputersPowerCut(t *testing.T) {
	step := 30 * time.Millisecond
	if testing.Short() {
		step = 410 * time.Millisecond
	}
	for name, decide := range map[string]func(cash.Acceptor) func(context.Context) error{"stack": stacks, "return": returns} {
		for _, away := range []time.Duration{0, 400 * time.Millisecond, 90 * time.Second} {
			for at := 3 * time.Second; at < 7*time.Second; at += step {
				synctest.Test(t, func(t *testing.T) {
					f := rigtest.ID003(id003sim.Options{}, id003.Options{})(t)
					defer f.Close()
					j := ready(t, f)
					time.AfterFunc(4*time.Second, func() { f.Path.Offer(5000, "CNY", notepath.Genuine) })
					run(f, j, "", decide, at, true)
					time.Sleep(away)
					run(f, j, "", decide, 150*time.Millisecond, true) // and once more while it starts
					run(f, j, "", decide, 25*time.Second, true)
					what := fmt.Sprintf("%s, cut after %v for %v", name, at, away)
					told(t, what, f, j)
				})
			}
		}
	}
}

// told compares the journal with the mechanism when all is at rest and nothing may be in doubt.
func told(t *testing.T, what string, f *cashtest.Fixture, j *journal) {
	t.Helper()
	w := f.Path.World()
	kept, back := sums(w)
	if j.lost != 0 || j.open || j.kept != kept || j.back > back || w.Mouth != nil {
		t.Errorf("%s: journal %+v, world %+v", what, *j, w)
	}
}

// The program dies with a signal in its hand: it is told again, and nothing twice.
func TestDiesBetweenHearingAndWriting(t *testing.T) {
	for _, signal := range []cash.Happening{cash.Ready, cash.Escrowed, cash.Stacked, cash.Returned} {
		for name, decide := range map[string]func(cash.Acceptor) func(context.Context) error{"stack": stacks, "return": returns} {
			for _, away := range []time.Duration{0, time.Second, 90 * time.Second} {
				synctest.Test(t, func(t *testing.T) {
					f := rigtest.ID003(id003sim.Options{}, id003.Options{})(t)
					defer f.Close()
					j := ready(t, f)
					time.AfterFunc(4*time.Second, func() { f.Path.Offer(5000, "CNY", notepath.Genuine) })
					for range 2 {
						run(f, j, signal, decide, 8*time.Second, true)
						time.Sleep(away)
					}
					run(f, j, "", decide, 25*time.Second, true)
					told(t, fmt.Sprintf("%s, dead at %s for %v", name, signal, away), f, j)
				})
			}
		}
	}
}

// The acceptor's power goes at any moment of a note's way, alone or with the computer's, and the note ends in the box or out. What
// comes back out is told so; what the stacker had is told, or is in doubt, and never the other.
func TestAcceptorsPowerCut(t *testing.T) {
	step := 30 * time.Millisecond
	if testing.Short() {
		step = 410 * time.Millisecond
	}
	doubts := map[bool]int{}
	for _, keeps := range []bool{false, true} {
		for _, in := range []bool{false, true} {
			for _, both := range []bool{false, true} {
				for at := 3 * time.Second; at < 7*time.Second; at += step {
					synctest.Test(t, func(t *testing.T) {
						f := rigtest.ID003(id003sim.Options{}, id003.Options{BoxKeeps: keeps})(t)
						defer f.Close()
						j := ready(t, f)
						time.AfterFunc(4*time.Second, func() { f.Path.Offer(5000, "CNY", notepath.Genuine) })
						time.AfterFunc(at, func() { f.Power(false, in) })
						time.AfterFunc(at+20*time.Second, func() { f.Power(true, false) })
						if both {
							run(f, j, "", stacks, at, true)
							time.Sleep(20 * time.Second)
							run(f, j, "", stacks, 1150*time.Millisecond, true) // and again while it starts
						}
						run(f, j, "", stacks, 45*time.Second, true)
						kept, back := sums(f.Path.World())
						inBox := kept > 0
						what := fmt.Sprintf("cut after %v, in %v, both %v, keeps %v: journal %+v, kept %d, back %d", at, in, both, keeps, *j, kept, back)
						if j.kept > kept || j.back > back || j.open || j.lost > 1 {
							t.Errorf("what is not so: %s", what)
						}
						if inBox != (j.kept == kept && kept > 0 || j.lost == 1) {
							t.Errorf("doubt without a reason, or none with one: %s", what)
						}
						doubts[keeps] += int(j.lost)
					})
				}
			}
		}
	}
	if doubts[false] == 0 || doubts[true] != 0 {
		t.Errorf("doubts: got %v, want some, and none when what the stacker has counts as stacked", doubts)
	}
}
