// Package cashtest is what every banknote acceptor must do, whatever its protocol.
//
// Exercise runs a driver against a mechanism that it can touch like a hand: offer notes, pull the
// plug, take the box away, let the program die. Each story has its own mechanism and its own virtual
// time. At its end the notes that the driver told of are compared with the notes that are really in
// the box: a driver may say that it does not know (Lost), but it may never say what is not so.
package cashtest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
)

// Fixture is one acceptor on the bench.
type Fixture struct {
	// New makes a driver as a starting program does. kill ends its line as a power cut of the
	// computer does, without a last word; it may be called more than once.
	New func() (a cash.Acceptor, kill func())
	// Path and Faults are the mechanism at the other end.
	Path   *notepath.Path
	Faults *mechanism.Faults
	// Power cuts the device's power or gives it back.
	Power func(on, noteIn bool)
	// AtAnswer calls do just before the device's n-th answer from now on, counted from 1; 0 is never.
	AtAnswer func(n int, do func())
	// Close ends the bench.
	Close func()

	// Acknowledged: the device has no memory of events that can be read again. It repeats what became of a
	// note until that is acknowledged, which the driver does when its owner asks for the next signal.
	Acknowledged bool
	// Finds: after a restart the device finds the note that is inside, gives it back and says so.
	Finds bool
	// NoSerial: the protocol has no question for the serial number.
	NoSerial bool
	// Knows: after a restart the device tells or counts what became of the note that was inside.
	Knows bool
	// Nameless: a note in escrow is told once. A program that comes later learns that one is held but not which, and
	// nobody learns of one that went back before it was told.
	Nameless bool
}

// Faces are the notes that the bench's acceptor takes.
var Faces = []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}, {Face: 1000, Currency: "CNY"}, {Face: 2000, Currency: "CNY"}, {Face: 5000, Currency: "CNY"}, {Face: 10000, Currency: "CNY"}}

// patience bounds each wait, in virtual time.
const patience = 90 * time.Second

// program is one run of the program that owns the acceptor.
type program struct {
	t    *testing.T
	f    *Fixture
	a    cash.Acceptor
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
	p.mark = s.Mark
	return s, true
}

// until passes over news of faults and refusals until what comes. Any other news of money fails the test.
func (p *program) until(what cash.Happening) cash.Signal {
	p.t.Helper()
	for {
		s := p.next()
		switch {
		case s.What == what:
			return s
		case slices.Contains([]cash.Happening{cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost}, s.What):
			p.t.Fatalf("got signal %v of %v (%v), want %v", s.What, s.Note, s.Fault, what)
		}
	}
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
		if slices.Contains([]cash.Happening{cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost}, s.What) {
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

// offer holds a good note to the mouth.
func (p *program) offer(face int64) int {
	p.t.Helper()
	return p.offerKind(face, "CNY", notepath.Genuine)
}

func (p *program) offerKind(face int64, currency, kind string) int {
	p.t.Helper()
	id, err := p.f.Path.Offer(face, currency, kind)
	if err != nil {
		p.t.Fatalf("offer %d: %v", face, err)
	}
	return id
}

// put holds a good note to the mouth until it is drawn in, as a hand does: a device whose last note is not
// acknowledged draws none.
func (p *program) put(face int64) int {
	p.t.Helper()
	for range 100 {
		id := p.offer(face)
		if p.f.Path.Fate(id) != notepath.Refused {
			return id
		}
		p.quiet(100 * time.Millisecond)
	}
	p.t.Fatalf("the mouth stays shut; state %+v, world %+v", p.a.State(), p.f.Path.World())
	return 0
}

// fate waits for the note's end and checks it.
func (p *program) fate(id int, want notepath.Fate) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if got := p.f.Path.Wait(ctx, id); got != want {
		p.t.Fatalf("fate of note %d: got %s, want %s", id, got, want)
	}
}

// note checks which note a signal names.
func (p *program) note(s cash.Signal, face int64) cash.Signal {
	p.t.Helper()
	if want := (cash.Note{Face: face, Currency: "CNY"}); s.Note != want {
		p.t.Fatalf("%s: got note %+v, want %+v", s.What, s.Note, want)
	}
	return s
}

// escrow offers a note and waits until it is held.
func (p *program) escrow(face int64) int {
	p.t.Helper()
	id := p.put(face)
	p.note(p.until(cash.Escrowed), face)
	if s := p.a.State(); !s.Escrow {
		p.t.Fatalf("state with a note in escrow: got %+v, want Escrow", s)
	}
	return id
}

// ended waits for the news of a note that was inside when the device restarted: what became of it, or Lost.
func (p *program) ended(face int64, truth cash.Happening) {
	p.t.Helper()
	if p.f.Knows || p.f.Finds && truth == cash.Returned {
		p.note(p.until(truth), face)
		return
	}
	if s := p.until(cash.Lost); s.Fault == nil || s.Fault.Kind != fault.Doubtful {
		p.t.Errorf("lost: got fault %v, want %s", s.Fault, fault.Doubtful)
	}
}

// in checks how many notes are in the box.
func (p *program) in(want int) {
	p.t.Helper()
	w := p.f.Path.World()
	if got := count(w.Box) + count(w.Taken) + count(w.Store); got != want {
		p.t.Fatalf("notes kept: got %d, want %d; world %+v", got, want, w)
	}
	if err := w.Balanced(); err != nil {
		p.t.Fatal(err)
	}
}

func count(list []notepath.Tally) (n int) {
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

// accepting waits until the driver says that notes would be drawn in.
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

// Exercise runs every story against acceptors that open makes. open is called inside a bubble of
// virtual time; it must not use real sockets or terminals.
func Exercise(t *testing.T, open func(t *testing.T) *Fixture) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := open(t)
				defer f.Close()
				s.tell(t, f)
			})
		})
	}
	t.Run("line faults", func(t *testing.T) { lineFaults(t, open) })
	t.Run("random", func(t *testing.T) { random(t, open) })
	t.Run("replug", func(t *testing.T) { replug(t, open) })
}
