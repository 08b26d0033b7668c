// Package cointest is what every coin acceptor must do, whatever its protocol.
//
// Exercise runs a driver against a mechanism that it can touch like a hand: drop coins, hold the lever, pull the plug,
// let the program die. Each story has its own mechanism and its own virtual time. At its end the coins that the
// driver told of are compared with the coins that are really in: a driver may say that it does not know (Lost), but
// it may never say what is not so.
package cointest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
)

// Fixture is one acceptor on the bench.
type Fixture struct {
	// New makes a driver as a starting program does. kill ends its line as a power cut of the
	// computer does, without a last word; it may be called more than once.
	New func() (a cash.Intake, kill func())
	// Path and Faults are the mechanism at the other end. It has the faults of a line, and reset, fraud, swallow, unplug,
	// jam and lever.
	Path   *coinpath.Path
	Faults *mechanism.Faults
	// Power cuts the device's power or gives it back.
	Power func(on, coinIn bool)
	// AtAnswer calls do just before the device's n-th answer from now on, counted from 1; 0 is never.
	AtAnswer func(n int, do func())
	// Store is the sorter's path for 50 fen, which leads to a hopper; 0 when the sorter has none.
	Store byte
	// Close ends the bench.
	Close func()
}

// Faces are the coins that the bench's acceptor takes.
var Faces = []cash.Note{{Face: 10, Currency: "CNY"}, {Face: 50, Currency: "CNY"}, {Face: 100, Currency: "CNY"}}

// patience bounds each wait, in virtual time.
const patience = 90 * time.Second

// program is one run of the program that owns the acceptor.
type program struct {
	t    *testing.T
	f    *Fixture
	a    cash.Intake
	mark cash.Mark // of the last signal fetched
	die  func()
	stop context.CancelFunc
	done chan struct{}
}

// start starts a program that remembers mark, without waiting for anything.
func start(t *testing.T, f *Fixture, mark cash.Mark) *program {
	a, kill := f.New()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{t: t, f: f, a: a, mark: mark, stop: cancel, done: make(chan struct{})}
	p.die = func() {
		kill()
		cancel()
		<-p.done
	}
	a.Resume(mark)
	go func() {
		defer close(p.done)
		if err := a.Run(ctx); err != context.Canceled {
			t.Errorf("Run: got %v, want %v", err, context.Canceled)
		}
	}()
	return p
}

// end stops the program in good order.
func (p *program) end() {
	p.stop()
	<-p.done
}

// next gives the next signal, or fails the test when none comes.
func (p *program) next() cash.Signal {
	p.t.Helper()
	s, ok := p.wait(patience)
	if !ok {
		p.t.Fatalf("no signal in %v; state %+v, world %+v", patience, p.a.State(), p.f.Path.World())
	}
	return s
}

// wait gives the next signal if one comes in time.
func (p *program) wait(d time.Duration) (cash.Signal, bool) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	s, err := p.a.Next(ctx)
	if err != nil {
		return s, false
	}
	if f := s.Fault; f != nil && (f.Kind == "" || f.Device == "" || f.Op == "") {
		p.t.Errorf("signal %v with a fault that does not say where it befell: %#v", s.What, f)
	}
	if s.What == cash.Escrowed || s.What == cash.Returned || s.What == cash.BoxOut || s.What == cash.BoxIn {
		p.t.Errorf("signal %v: a coin acceptor has nothing like that", s.What)
	}
	p.mark = s.Mark
	return s, true
}

func money(s cash.Signal) bool { return s.What == cash.Stacked || s.What == cash.Lost }

// until passes over news of faults and refusals until what comes. Any other news of money fails the test.
func (p *program) until(what cash.Happening) cash.Signal {
	p.t.Helper()
	for {
		s := p.next()
		switch {
		case s.What == what:
			return s
		case money(s):
			p.t.Fatalf("got signal %v of %v (%v), want %v", s.What, s.Note, s.Fault, what)
		}
	}
}

// credit waits for a coin and checks it.
func (p *program) credit(face int64) cash.Signal {
	p.t.Helper()
	s := p.until(cash.Stacked)
	if want := (cash.Note{Face: face, Currency: "CNY"}); s.Note != want || s.Fault != nil || !s.Mark.Known {
		p.t.Fatalf("credit: got %+v, want %+v with a mark", s, want)
	}
	return s
}

// quiet checks that nothing about money is told for a while.
func (p *program) quiet(d time.Duration) {
	p.t.Helper()
	end := time.Now().Add(d)
	for {
		s, ok := p.wait(time.Until(end))
		if !ok {
			return
		}
		if money(s) {
			p.t.Fatalf("got signal %v of %v (%v), want none", s.What, s.Note, s.Fault)
		}
	}
}

// do bounds an act and fails the test when it does not work.
func (p *program) do(name string, act func(context.Context) error) {
	p.t.Helper()
	if err := try(act); err != nil {
		p.t.Fatalf("%s: got %v, want nil; state %+v", name, err, p.a.State())
	}
}

func try(act func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return act(ctx)
}

func (p *program) accept(faces ...cash.Note) {
	p.t.Helper()
	p.do("accept", func(ctx context.Context) error { return p.a.Accept(ctx, faces) })
}

// ready starts a program and waits until it accepts all faces.
func ready(t *testing.T, f *Fixture) *program {
	t.Helper()
	p := start(t, f, cash.Mark{})
	p.until(cash.Ready)
	p.accept(Faces...)
	return p
}

// drop drops a good coin.
func (p *program) drop(face int64) int { return p.f.Path.Insert(face, "CNY", coinpath.Genuine) }

// fate waits for the coin's end and checks it.
func (p *program) fate(id int, want coinpath.Fate) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if got := p.f.Path.Wait(ctx, id); got != want {
		p.t.Fatalf("fate of coin %d: got %s, want %s", id, got, want)
	}
}

// pay drops a good coin and waits for its credit.
func (p *program) pay(face int64) cash.Signal {
	p.t.Helper()
	id := p.drop(face)
	s := p.credit(face)
	p.fate(id, coinpath.Kept)
	return s
}

// back drops a good coin that must come back.
func (p *program) back(face int64) {
	p.t.Helper()
	p.fate(p.drop(face), coinpath.Returned)
}

// in checks how many coins are in.
func (p *program) in(want int) {
	p.t.Helper()
	w := p.f.Path.World()
	if got := count(w.In()); got != want {
		p.t.Fatalf("coins in: got %d, want %d; world %+v", got, want, w)
	}
	if err := w.Balanced(); err != nil {
		p.t.Fatal(err)
	}
}

func count(list []coinpath.Tally) (n int) {
	for _, t := range list {
		n += t.Count
	}
	return n
}

// faulty waits for news of a fault and checks its kind.
func (p *program) faulty(kind fault.Kind) {
	p.t.Helper()
	s := p.until(cash.Faulty)
	if s.Fault == nil || s.Fault.Kind != kind {
		p.t.Fatalf("fault: got %v, want kind %s", s.Fault, kind)
	}
	if st := p.a.State(); st.Fault == nil || st.Accepting {
		p.t.Fatalf("state with a fault: got %+v, want the fault and not accepting", st)
	}
}

// accepting waits until the driver says that coins would be taken.
func (p *program) accepting() {
	p.t.Helper()
	for range 100 {
		if p.a.State().Accepting {
			return
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	p.t.Fatalf("does not accept again: state %+v", p.a.State())
}

func arm(t *testing.T, f *Fixture, name string, n int) {
	t.Helper()
	if err := f.Faults.Arm(name, n); err != nil {
		t.Fatal(err)
	}
}

// Exercise runs every story against acceptors that open makes. open is called inside a bubble of
// virtual time; it must not use real sockets or terminals.
func Exercise(t *testing.T, open func(t *testing.T) *Fixture) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				defer f.Close()
				s.tell(t, f)
				if err := f.Path.World().Balanced(); err != nil {
					t.Error(err)
				}
			})
		})
	}
	t.Run("line faults", func(t *testing.T) { lineFaults(t, open) })
	t.Run("random", func(t *testing.T) { random(t, open) })
	t.Run("replug", func(t *testing.T) { replug(t, open) })
}
