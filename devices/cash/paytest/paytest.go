// Package paytest is what every payer must do, whatever its protocol: a coin hopper, or the payout of a note recycler.
//
// Exercise runs a driver against a mechanism that it can touch like a hand: jam it, empty it, pull the plug, cut its
// power, let the program die at any moment. Each story has its own mechanism and its own virtual time. After it, what the
// driver said came out is compared with what the mechanism really gave: a driver may say of which pieces it cannot know
// (Unsure), but it may never say what is not so, and nothing may ever come out twice for one order.
package paytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
)

// Fixture is one payer on the bench, filled.
type Fixture struct {
	// New makes a driver as a starting program does. kill ends its line as a power cut of the computer does, without a
	// last word; it may be called more than once.
	New func() (p cash.Payer, kill func())
	// Faces are the pieces inside, at least one of them; of each there are Each (8 or more).
	Faces []cash.Note
	Each  int64
	// Inside and Out are what the mechanism holds and what ever came out of it, counted by itself. A piece that is stuck on
	// its way is still inside.
	Inside, Out func() []cash.Pile
	// Faults has the line's faults, "unplug", and Jam.
	Faults *mechanism.Faults
	// Jam is the fault that makes the next piece stick until it is mended.
	Jam string
	// Power cuts the device's power or gives it back. What it was paying stays inside then.
	Power func(on bool)
	// AtAnswer calls do just before the device's n-th answer from now on, counted from 1; 0 is never.
	AtAnswer func(n int, do func())
	// Piece is how long the payer needs for one piece, about.
	Piece time.Duration
	// Guesses: the device loses its memory with its power, so that pieces may be Unsure after a power cut of the device.
	Guesses bool
	// Close ends the bench.
	Close func()
}

// patience bounds each wait, in virtual time.
const patience = 3 * time.Minute

// program is one run of the program that owns the payer.
type program struct {
	t    *testing.T
	f    *Fixture
	p    cash.Payer
	kill func() // ends the line, from whichever goroutine
	stop context.CancelFunc
	done chan struct{}
}

func start(t *testing.T, f *Fixture) *program {
	t.Helper()
	payer, kill := f.New()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{t: t, f: f, p: payer, kill: kill, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if err := payer.Run(ctx); err != context.Canceled {
			t.Errorf("Run: got %v, want %v", err, context.Canceled)
		}
	}()
	return p
}

// ready starts a program and waits until its payer is fit.
func ready(t *testing.T, f *Fixture) *program {
	t.Helper()
	p := start(t, f)
	p.fit()
	return p
}

func (p *program) end() {
	p.stop()
	<-p.done
}

// die is a power cut of the computer.
func (p *program) die() {
	p.kill()
	p.end()
}

// fit waits until the payer is online without a fault.
func (p *program) fit() {
	p.t.Helper()
	for range int(patience / time.Second) {
		if s := p.p.State(); s.Online && s.Fault == nil {
			return
		}
		time.Sleep(time.Second) // virtual
	}
	p.t.Fatalf("the payer does not get fit: state %+v", p.p.State())
}

// before asks the payer's memory, and asks again while the line is disturbed.
func (p *program) before() (m cash.Memory) {
	p.t.Helper()
	err := p.insist(func(ctx context.Context) (err error) { m, err = p.p.Before(ctx); return err })
	if err != nil {
		p.t.Fatalf("before: %v; state %+v", err, p.p.State())
	}
	if !m.Known || m.Serial == "" {
		p.t.Fatalf("before: got %+v, want the memory of this device", m)
	}
	return m
}

// insist repeats what changes nothing until the line is good.
func (p *program) insist(ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil || !unheard(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(500 * time.Millisecond) // virtual
	}
}

// unheard says that an error is of the line or of our patience, so that Settle has to tell what came out.
func unheard(err error) bool {
	return slices.Contains([]fault.Kind{fault.Silent, fault.Garbled, fault.Absent, fault.Busy}, fault.KindOf(err)) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// settle asks what came out of an order.
func (p *program) settle(m cash.Memory, pieces []cash.Pile) cash.Paid {
	p.t.Helper()
	var paid cash.Paid
	err := p.insist(func(ctx context.Context) (err error) { paid, err = p.p.Settle(ctx, m, pieces); return err })
	if err != nil {
		p.t.Fatalf("settle: %v; state %+v", err, p.p.State())
	}
	return paid
}

// pay gives an order and says what came out, asking Settle when the order's end was not heard. err is the fault that
// stopped it, nil when it was paid in full or the end was not heard.
func (p *program) pay(pieces ...cash.Pile) (cash.Paid, error) {
	p.t.Helper()
	m := p.before()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	paid, err := p.p.Pay(ctx, m, pieces)
	if err == nil || !unheard(err) {
		return paid, err
	}
	return p.settle(m, pieces), nil
}

// order is a payout of the bench's faces: n of the first and one of each other.
func (f *Fixture) order(n int64) []cash.Pile {
	list := []cash.Pile{{Note: f.Faces[0], Count: n}}
	for _, face := range f.Faces[1:] {
		list = append(list, cash.Pile{Note: face, Count: 1})
	}
	return list
}

// sum counts the pieces of each face.
func sum(lists ...[]cash.Pile) map[cash.Note]int64 {
	n := map[cash.Note]int64{}
	for _, list := range lists {
		for _, p := range list {
			if n[p.Note] += p.Count; n[p.Note] == 0 {
				delete(n, p.Note)
			}
		}
	}
	return n
}

func minus(list []cash.Pile) []cash.Pile {
	list = slices.Clone(list)
	for i := range list {
		list[i].Count = -list[i].Count
	}
	return list
}

func total(n map[cash.Note]int64) (all int64) {
	for _, c := range n {
		all += c
	}
	return all
}

// agree compares what the driver said of an order with what came out of the mechanism since. unsure: the device may
// have lost its memory meanwhile.
func (f *Fixture) agree(paid cash.Paid, asked, out []cash.Pile, unsure bool) error {
	really, said, perhaps, want := sum(f.Out(), minus(out)), sum(paid.Out), sum(paid.Unsure), sum(asked)
	if len(paid.Unsure) > 0 && !(unsure && f.Guesses) {
		return fmt.Errorf("unsure of %v, though the device remembers; said %v, really %v", perhaps, said, really)
	}
	for _, n := range []map[cash.Note]int64{really, said, perhaps} {
		for face := range n {
			if _, known := want[face]; !known {
				return fmt.Errorf("asked for %v, said %v, unsure %v, really %v: a face that was not asked for", want, said, perhaps, really)
			}
		}
	}
	for face, n := range want {
		if said[face] < 0 || said[face] > really[face] || really[face] > said[face]+perhaps[face] || really[face] > n || said[face]+perhaps[face] > n {
			return fmt.Errorf("asked for %v, said %v, unsure %v, really %v", want, said, perhaps, really)
		}
	}
	return nil
}

// paid checks an order that nothing disturbed.
func (p *program) paid(pieces []cash.Pile) {
	p.t.Helper()
	out := p.f.Out()
	paid, err := p.pay(pieces...)
	if err != nil {
		p.t.Fatalf("pay %v: %v (said %+v)", pieces, err, paid)
	}
	if err := p.f.agree(paid, pieces, out, false); err != nil {
		p.t.Fatal(err)
	}
	if got, want := total(sum(paid.Out)), total(sum(pieces)); got != want {
		p.t.Fatalf("pay %v: %d pieces came out, want %d", pieces, got, want)
	}
}

// levels checks that a payer that counts says what is inside.
func (p *program) levels() {
	p.t.Helper()
	if !p.p.Info().Counts {
		if l := p.p.State().Levels; l != nil {
			p.t.Errorf("levels of a payer that does not count: %v", l)
		}
		return
	}
	for range int(patience / time.Second) {
		if fmt.Sprint(sum(p.p.State().Levels)) == fmt.Sprint(sum(p.f.Inside())) {
			return
		}
		time.Sleep(time.Second) // virtual: it is asked again in its own time
	}
	p.t.Errorf("levels: got %v, want %v", sum(p.p.State().Levels), sum(p.f.Inside()))
}

func arm(t *testing.T, f *Fixture, name string, n int) {
	t.Helper()
	if err := f.Faults.Arm(name, n); err != nil {
		t.Fatal(err)
	}
}

// Exercise runs every story against payers that open makes. open is called inside a bubble of virtual time; it must not
// use real sockets or terminals.
func Exercise(t *testing.T, open func(t *testing.T) *Fixture) {
	bubble := func(t *testing.T, tell func(t *testing.T, f *Fixture)) {
		synctest.Test(t, func(t *testing.T) {
			f := open(t)
			defer f.Close()
			if len(f.Faces) == 0 || f.Each < 8 || f.Piece <= 0 {
				t.Fatalf("the fixture is not filled: %+v", f)
			}
			tell(t, f)
		})
	}
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) { bubble(t, s.tell) })
	}
	t.Run("moments", func(t *testing.T) { moments(t, bubble) })
	t.Run("answers", func(t *testing.T) { answers(t, bubble) })
	t.Run("random", func(t *testing.T) { random(t, bubble) })
	t.Run("replug", func(t *testing.T) { replug(t, bubble) })
}
