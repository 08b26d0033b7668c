package paytest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/devices/cash"
)

var (
	seed = flag.Uint64("pay.seed", 0, "seed of the random stories; 0 takes a fresh one")
	runs = flag.Int("pay.runs", 40, "how many random stories")
)

type bubbles func(t *testing.T, tell func(t *testing.T, f *Fixture))

// blow is what befalls an order in its middle. mend makes the payer fit again, after which a program asks Settle.
type blow struct {
	name   string
	unsure bool // the device may lose its memory
	hit    func(f *Fixture, p *program)
	mend   func(f *Fixture, p *program) *program
}

var blows = []blow{
	{"the program dies", false,
		func(_ *Fixture, p *program) { p.kill() },
		func(f *Fixture, p *program) *program { p.die(); return start(p.t, f) }},
	{"the device loses power", true,
		func(f *Fixture, _ *program) { f.Power(false) },
		func(f *Fixture, p *program) *program {
			time.Sleep(3 * time.Second)
			f.Power(true)
			return p
		}},
	{"both lose power", true,
		func(f *Fixture, p *program) { p.kill(); f.Power(false) },
		func(f *Fixture, p *program) *program { p.die(); f.Power(true); return start(p.t, f) }},
	{"the power only blinks", true,
		func(f *Fixture, _ *program) { f.Power(false); f.Power(true) },
		func(f *Fixture, p *program) *program { return p }},
	{"unplugged", false,
		func(f *Fixture, _ *program) { f.Faults.Arm("unplug", 1) },
		func(f *Fixture, p *program) *program {
			time.Sleep(10 * time.Second)
			f.Faults.Arm("unplug", 0)
			return p
		}},
}

// strike gives an order, lets the blow fall, and compares.
func strike(t *testing.T, f *Fixture, b blow, when func(hit func())) bool {
	t.Helper()
	var reached, over atomic.Bool
	p := ready(t, f)
	asked, out, m := f.order(3), f.Out(), p.before()
	first := p
	when(func() {
		if over.Load() {
			return // the moment did not come before the order's end: it is no moment of the order
		}
		reached.Store(true)
		b.hit(f, first)
	})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	type result struct {
		paid cash.Paid
		err  error
	}
	done := make(chan result, 1)
	go func() {
		paid, err := first.p.Pay(ctx, m, asked)
		done <- result{paid, err}
	}()
	time.Sleep(time.Duration(len(asked)+3) * f.Piece) // virtual: longer than the order needs
	over.Store(true)
	p = b.mend(f, p)
	defer func() { p.end() }()
	cancel()
	r := <-done
	if r.err == nil || !unheard(r.err) {
		if err := f.agree(r.paid, asked, out, b.unsure); err != nil {
			t.Errorf("pay said (%v): %v", r.err, err)
		}
	}
	for range 2 {
		if err := f.agree(p.settle(m, asked), asked, out, b.unsure); err != nil {
			t.Errorf("settle said (pay had said %+v, %v): %v", r.paid, r.err, err)
		}
	}
	p.fit()
	p.paid(f.order(1)) // and a new order is not disturbed by the old one
	p.levels()
	return reached.Load()
}

// moments lets each blow fall at each tenth of the way of an order.
func moments(t *testing.T, bubble bubbles) {
	step := 10
	if testing.Short() {
		step = 2
	}
	for _, b := range blows {
		t.Run(b.name, func(t *testing.T) {
			for i := range 5 * step {
				bubble(t, func(t *testing.T, f *Fixture) {
					strike(t, f, b, func(hit func()) { time.AfterFunc(time.Duration(i)*f.Piece/time.Duration(step)+time.Millisecond, hit) })
				})
				if t.Failed() {
					t.Fatalf("at %d/%d of a piece", i, step)
				}
			}
		})
	}
}

// answers lets each blow, and each fault of the line, befall each answer of an order in turn.
func answers(t *testing.T, bubble bubbles) {
	step, most := 1, 60
	if testing.Short() {
		step, most = 17, 36
	}
	all := blows
	for _, name := range []string{"late", "double", "split", "truncate", "garble", "checksum", "silence"} {
		for _, times := range []int{1, 12} {
			all = append(all, blow{fmt.Sprintf("%s %d times", name, times), false,
				func(f *Fixture, _ *program) { f.Faults.Arm(name, times) },
				func(f *Fixture, p *program) *program {
					time.Sleep(20 * time.Second)
					f.Faults.Arm(name, 0)
					return p
				}})
		}
	}
	for _, b := range all {
		t.Run(b.name, func(t *testing.T) {
			for n := 1; ; n += step {
				reached := false
				bubble(t, func(t *testing.T, f *Fixture) {
					reached = strike(t, f, b, func(hit func()) { f.AtAnswer(n, hit) })
				})
				if t.Failed() {
					t.Fatalf("at answer %d", n)
				}
				if !reached || n > most {
					if n < 6 {
						t.Errorf("the order ended after %d answers: too short to show anything", n)
					}
					return
				}
			}
		})
	}
}

// random plays orders, faults and deaths by chance.
func random(t *testing.T, bubble bubbles) {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	n := *runs
	if testing.Short() {
		n = min(n, 8)
	}
	for i := range uint64(n) {
		ok := t.Run(fmt.Sprint(first+i), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *Fixture) { chance(t, f, rand.New(rand.NewPCG(first+i, 11))) })
		})
		if !ok {
			t.Fatalf("again with: -pay.seed=%d -pay.runs=1", first+i)
		}
	}
}

// chance is one random story: a few orders, and what may befall each.
func chance(t *testing.T, f *Fixture, rng *rand.Rand) {
	p := start(t, f)
	defer func() { p.end() }()
	for range 6 {
		f.Faults.MendAll()
		f.Power(true)
		p.fit()
		asked, out, m := f.order(1+rng.Int64N(2)), f.Out(), p.before()
		dark := false
		var timers []*time.Timer
		for range rng.IntN(4) {
			list := f.Faults.List()
			name, times, kill := list[rng.IntN(len(list))].Name, 1+rng.IntN(4), p.kill
			act := func() { f.Faults.Arm(name, times) }
			dark = dark || name == "reset" // it may forget what a power cut makes it forget
			switch rng.IntN(8) {
			case 0:
				dark, act = true, func() { f.Power(false) }
			case 1:
				act = func() { f.Power(true) }
			case 2:
				act = kill
			}
			timers = append(timers, time.AfterFunc(time.Duration(rng.Int64N(int64(4*f.Piece))), act))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(rng.Int64N(int64(8*f.Piece))))
		paid, err := p.p.Pay(ctx, m, asked)
		cancel()
		for _, timer := range timers {
			timer.Stop()
		}
		if err == nil || !unheard(err) {
			if err := f.agree(paid, asked, out, dark); err != nil {
				t.Fatalf("pay said %+v: %v", paid, err)
			}
		}
		f.Faults.MendAll()
		f.Power(true)
		p.die()
		p = start(t, f)
		if err := f.agree(p.settle(m, asked), asked, out, dark); err != nil {
			t.Fatalf("settle said (pay had said %+v, %v): %v", paid, err, err)
		}
	}
	p.levels()
}
