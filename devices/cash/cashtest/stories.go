package cashtest

import (
	"context"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/fault"
)

// stories are what befalls an acceptor, one at a time.
var stories = []struct {
	name string
	tell func(t *testing.T, f *Fixture)
}{
	{"a note is stacked", stacked},
	{"a note is returned", returned},
	{"info and state", infoAndState},
	{"nothing in escrow", nothingInEscrow},
	{"bad notes are refused", badNotes},
	{"shut at the start and after refuse", shut},
	{"only the faces asked for", onlyFaces},
	{"two notes quickly", twoQuickly},
	{"an undecided note is held for minutes", heldLong},
	{"a hand pulls its note back", pulledBack},
	{"reset with a note in escrow", resetMidEscrow},
	{"reset while idle", resetIdle},
	{"unplugged with a note in escrow", unpluggedInEscrow},
	{"unplugged while the note moves", unpluggedMoving},
	{"unplugged at the start", unpluggedAtStart},
	{"program killed, note stacked meanwhile", killedStacked},
	{"program killed with the note in escrow", killedInEscrow},
	{"program killed, the note returns by itself", killedReturned},
	{"program stopped, mouth shut", stoppedShut},
	{"box out and in", boxOutIn},
	{"box lifted with a note in escrow", boxLifted},
	{"box full", boxFull},
	{"jam on the way in", jamIn},
	{"jam on the way to the box", jamBox},
	{"fraud", fraud},
	{"a note on a string", strung},
	{"nobody polls", watchdog},
	{"lost reply to the command", lostReply},
	{"device loses power, note in", powerIn},
	{"device loses power, note out", powerOut},
	{"signals wait for the owner", patient},
}

func stacked(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(5000)
	p.in(0)
	p.do("stack", p.a.Stack)
	p.note(p.until(cash.Stacked), 5000)
	p.fate(id, notepath.Stacked)
	p.in(1)
	if s := p.a.State(); s.Escrow || !s.Accepting {
		t.Errorf("state after: got %+v, want no escrow and accepting", s)
	}
	p.quiet(time.Minute)
}

func returned(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(10000)
	p.do("return", p.a.Return)
	p.note(p.until(cash.Returned), 10000)
	p.fate(id, notepath.Returned)
	p.in(0)
	p.quiet(time.Minute)
}

func infoAndState(t *testing.T, f *Fixture) {
	p := start(t, f, cash.Mark{})
	defer p.end()
	if s := p.a.State(); s.Online || s.Accepting || s.Fault == nil {
		t.Errorf("state before the device was heard: got %+v, want offline with a fault", s)
	}
	s := p.next()
	if s.What != cash.Ready || !s.Mark.Known {
		t.Fatalf("first signal: got %+v, want %s with a mark", s, cash.Ready)
	}
	i := p.a.Info()
	if i.Protocol == "" || i.Maker == "" || i.Model == "" || i.Serial == "" && !f.NoSerial || i.Firmware == "" {
		t.Errorf("info: got %+v, want every field", i)
	}
	if got, want := len(i.Faces), len(Faces); got != want {
		t.Fatalf("faces: got %v, want %v", i.Faces, Faces)
	}
	for n := range Faces {
		if i.Faces[n] != Faces[n] {
			t.Errorf("face %d: got %v, want %v", n, i.Faces[n], Faces[n])
		}
	}
	if got, want := p.a.State(), (cash.State{Online: true, BoxIn: true}); got != want {
		t.Errorf("state when ready: got %+v, want %+v", got, want)
	}
	p.accept(Faces...)
	if got, want := p.a.State(), (cash.State{Online: true, Accepting: true, BoxIn: true}); got != want {
		t.Errorf("state when accepting: got %+v, want %+v", got, want)
	}
	if err := try(func(ctx context.Context) error { return p.a.Accept(ctx, []cash.Note{{Face: 7, Currency: "CNY"}}) }); !fault.Is(err, fault.Invalid) {
		t.Errorf("accepting a face that there is not: got %v, want %s", err, fault.Invalid)
	}
	p.quiet(5 * time.Minute)
}

func nothingInEscrow(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for name, act := range map[string]func(context.Context) error{"stack": p.a.Stack, "return": p.a.Return} {
		if err := try(act); !fault.Is(err, fault.Empty) {
			t.Errorf("%s with nothing in escrow: got %v, want %s", name, err, fault.Empty)
		}
	}
}

func badNotes(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for _, n := range []notepath.Note{{Face: 10000, Currency: "CNY", Kind: notepath.Foreign}, {Face: 2000, Currency: "USD", Kind: notepath.Genuine}, {Face: 2000, Currency: "CNY", Kind: notepath.Torn}} {
		id := p.offerKind(n.Face, n.Currency, n.Kind)
		if s := p.until(cash.Refused); s.Fault == nil || s.Fault.Kind != fault.Refused {
			t.Errorf("%+v: got fault %v, want %s", n, s.Fault, fault.Refused)
		}
		p.fate(id, notepath.Refused)
	}
	p.in(0)
	p.escrow(100) // and a good one is still taken
}

func shut(t *testing.T, f *Fixture) {
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.until(cash.Ready)
	p.fate(p.offer(1000), notepath.Refused)
	p.accept(Faces...)
	p.do("refuse", p.a.Refuse)
	if s := p.a.State(); s.Accepting || !s.Online {
		t.Errorf("state after refuse: got %+v, want online and not accepting", s)
	}
	p.fate(p.offer(1000), notepath.Refused)
	p.quiet(time.Minute)
	p.do("refuse again", p.a.Refuse)
	p.accept(Faces...)
	p.accept(Faces...)
	id := p.escrow(1000)
	p.do("refuse with a note in escrow", p.a.Refuse)
	p.quiet(time.Second)
	p.do("stack", p.a.Stack)
	p.until(cash.Stacked)
	p.fate(id, notepath.Stacked)
	p.fate(p.offer(1000), notepath.Refused)
}

func onlyFaces(t *testing.T, f *Fixture) {
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.until(cash.Ready)
	p.accept(Faces[2], Faces[4])
	for _, n := range Faces {
		id := p.put(n.Face)
		if n == Faces[2] || n == Faces[4] {
			p.note(p.until(cash.Escrowed), n.Face)
			p.do("return", p.a.Return)
			p.until(cash.Returned)
			p.fate(id, notepath.Returned)
			continue
		}
		p.until(cash.Refused)
		p.fate(id, notepath.Refused)
	}
}

func twoQuickly(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for _, face := range []int64{100, 10000, 2000, 500} {
		id := p.escrow(face)
		p.do("stack", p.a.Stack)
		// The hand is faster than the driver: the next note follows the moment the mouth is free.
		p.fate(id, notepath.Stacked)
		next := make(chan int, 1)
		go func() {
			defer close(next)
			for range 1000 {
				if n, err := f.Path.Offer(face, "CNY", notepath.Genuine); err != nil || f.Path.Fate(n) != notepath.Refused {
					next <- n
					return
				}
				time.Sleep(10 * time.Millisecond) // virtual
			}
		}()
		p.note(p.until(cash.Stacked), face)
		p.note(p.until(cash.Escrowed), face)
		p.do("stack", p.a.Stack)
		p.note(p.until(cash.Stacked), face)
		p.fate(<-next, notepath.Stacked)
	}
	p.in(8)
}

func heldLong(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(5000)
	p.quiet(5 * time.Minute)
	if got := f.Path.Fate(id); got != notepath.Escrow {
		t.Fatalf("an undecided note after five minutes: got %s, want %s", got, notepath.Escrow)
	}
	p.do("stack", p.a.Stack)
	p.until(cash.Stacked)
	p.in(1)
}

func pulledBack(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.offer(5000)
	time.Sleep(300 * time.Millisecond) // virtual: half-way in
	if err := f.Path.PullBack(id); err != nil {
		t.Fatalf("pull back from the mouth: %v", err)
	}
	p.until(cash.Refused)
	id = p.escrow(5000)
	if err := f.Path.PullBack(id); err != nil {
		t.Fatalf("pull back from escrow: %v", err)
	}
	p.note(p.until(cash.Returned), 5000)
	if s := p.a.State(); s.Escrow {
		t.Errorf("state after: got %+v, want no escrow", s)
	}
	p.in(0)
	// A hand that is faster than the owner: the command meets an empty escrow.
	id = p.escrow(1000)
	if err := f.Path.PullBack(id); err != nil {
		t.Fatalf("pull back from escrow: %v", err)
	}
	if err := try(p.a.Stack); err != nil && !fault.Is(err, fault.Empty) {
		t.Errorf("stack of a note that is gone: got %v, want nil or %s", err, fault.Empty)
	}
	p.until(cash.Returned)
	p.in(0)
	p.escrow(100)
}

func resetMidEscrow(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	p.do("return", func(ctx context.Context) error { p.escrow(100); return p.a.Return(ctx) })
	p.until(cash.Returned)
	id := p.escrow(5000)
	arm(t, f, "reset", 1)
	p.ended(5000, cash.Returned)
	p.until(cash.Ready)
	if s := p.a.State(); s.Escrow {
		t.Errorf("state after the reset: got %+v, want no escrow", s)
	}
	p.fate(id, notepath.Returned)
	p.accepting()
	p.escrow(1000) // the wish outlived the reset
}

func resetIdle(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "reset", 1)
	time.Sleep(20 * time.Second) // virtual
	p.accepting()
	id := p.offer(100)
	for s := p.next(); s.What != cash.Escrowed; s = p.next() {
		if s.What == cash.Stacked || s.What == cash.Returned {
			t.Fatalf("got %s after a reset without a note", s.What)
		}
	}
	p.do("stack", p.a.Stack)
	p.until(cash.Stacked)
	p.fate(id, notepath.Stacked)
}

func unpluggedInEscrow(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(5000)
	arm(t, f, "unplug", 1)
	p.faulty(fault.Absent)
	if s := p.a.State(); s.Online || !s.Escrow {
		t.Errorf("state unplugged: got %+v, want offline and the note still in escrow", s)
	}
	if err := try(p.a.Stack); !fault.Is(err, fault.Absent) {
		t.Errorf("stack while unplugged: got %v, want %s", err, fault.Absent)
	}
	arm(t, f, "unplug", 0)
	p.until(cash.Stacked) // the decision stood
	p.fate(id, notepath.Stacked)
	p.in(1)
	p.accepting()
	p.escrow(100)
}

func unpluggedMoving(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(5000)
	p.do("stack", p.a.Stack)
	arm(t, f, "unplug", 1)
	p.faulty(fault.Absent)
	time.Sleep(2 * time.Minute) // virtual
	p.fate(id, notepath.Stacked)
	arm(t, f, "unplug", 0)
	p.note(p.until(cash.Stacked), 5000)
	p.in(1)
	// Which of Cleared and Ready comes first is the driver's choice; both come.
	for seen := map[cash.Happening]bool{}; !seen[cash.Ready] || !seen[cash.Cleared]; {
		seen[p.next().What] = true
	}
	p.accepting()
}

func unpluggedAtStart(t *testing.T, f *Fixture) {
	arm(t, f, "unplug", 1)
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.faulty(fault.Absent)
	if err := try(func(ctx context.Context) error { return p.a.Accept(ctx, Faces) }); !fault.Is(err, fault.Absent) {
		t.Errorf("accept while unplugged: got %v, want %s", err, fault.Absent)
	}
	time.Sleep(time.Hour) // virtual
	arm(t, f, "unplug", 0)
	p.until(cash.Ready)
	p.accepting()
	p.escrow(2000)
}

func killedStacked(t *testing.T, f *Fixture) {
	p := ready(t, f)
	id := p.escrow(5000)
	mark := p.mark
	p.do("stack", p.a.Stack)
	p.die()
	p.fate(id, notepath.Stacked)
	for i := range 2 { // the mark was not committed the first time: it is told again
		p = start(t, f, mark)
		p.note(p.until(cash.Stacked), 5000)
		if i == 0 && f.Acknowledged {
			// Who asks for another signal has written this one down.
			time.Sleep(10 * time.Second) // virtual
			p.die()
			continue
		}
		p.until(cash.Ready)
		if s := p.a.State(); s.Escrow {
			t.Errorf("state after restart: got %+v, want no escrow", s)
		}
		p.quiet(10 * time.Second)
		p.die()
	}
	p = start(t, f, p.mark)
	defer p.end()
	p.until(cash.Ready)
	p.quiet(time.Minute) // committed: not told again
	p.in(1)
}

func killedInEscrow(t *testing.T, f *Fixture) {
	p := ready(t, f)
	before := p.mark
	id := p.escrow(5000)
	mark := p.mark
	p.die()
	p = start(t, f, before) // the signal was not committed
	if s := p.until(cash.Escrowed); !f.Nameless || s.Note != (cash.Note{}) {
		p.note(s, 5000)
	}
	p.until(cash.Ready)
	p.die()
	p = start(t, f, mark) // it was
	defer p.end()
	p.until(cash.Ready)
	if s := p.a.State(); !s.Escrow {
		t.Fatalf("state after restart: got %+v, want Escrow", s)
	}
	p.quiet(time.Second)
	p.do("return", p.a.Return)
	p.note(p.until(cash.Returned), 5000)
	p.fate(id, notepath.Returned)
}

func killedReturned(t *testing.T, f *Fixture) {
	p := ready(t, f)
	id := p.escrow(5000)
	p.die()
	time.Sleep(5 * time.Minute) // virtual: longer than any escrow holds
	p.fate(id, notepath.Returned)
	p = start(t, f, p.mark)
	defer p.end()
	p.note(p.until(cash.Returned), 5000)
	p.until(cash.Ready)
	p.in(0)
}

func stoppedShut(t *testing.T, f *Fixture) {
	p := ready(t, f)
	p.end()
	p.fate(p.offer(1000), notepath.Refused)
	if s := p.a.State(); s.Online || s.Accepting {
		t.Errorf("state after Run: got %+v, want offline", s)
	}
}

func boxOutIn(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	p.escrow(5000)
	p.do("stack", p.a.Stack)
	p.until(cash.Stacked)
	taken := f.Path.TakeBox()
	if len(taken) != 1 || taken[0] != (notepath.Tally{Face: 5000, Currency: "CNY", Count: 1}) {
		t.Errorf("the box: got %v, want one note of 5000", taken)
	}
	p.until(cash.BoxOut)
	p.faulty(fault.Open)
	if s := p.a.State(); s.BoxIn {
		t.Errorf("state without a box: got %+v", s)
	}
	p.fate(p.offer(100), notepath.Refused)
	f.Path.PutBox()
	p.until(cash.BoxIn)
	if s := p.a.State(); !s.BoxIn {
		t.Errorf("state with a new box: got %+v", s)
	}
	p.until(cash.Cleared)
	p.accepting()
	p.escrow(100)
	p.do("stack", p.a.Stack)
	p.until(cash.Stacked)
	p.in(2)
}

func boxLifted(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(5000)
	arm(t, f, "box_removed", 1)
	p.until(cash.BoxOut)
	if err := try(p.a.Stack); !fault.Is(err, fault.Refused) {
		t.Errorf("stack without a box: got %v, want %s", err, fault.Refused)
	}
	p.do("return", p.a.Return)
	p.until(cash.Returned)
	p.fate(id, notepath.Returned)
	arm(t, f, "box_removed", 0)
	p.until(cash.BoxIn)
	p.accepting()
}

func boxFull(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "box_full", 1)
	p.faulty(fault.Full)
	p.fate(p.offer(100), notepath.Refused)
	time.Sleep(time.Minute) // virtual
	p.quiet(time.Second)
	p.fate(p.offer(100), notepath.Refused)
	arm(t, f, "box_full", 0)
	p.until(cash.Cleared)
	p.accepting()
	p.escrow(100)
}

func jamIn(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "jam", 1)
	id := p.offer(5000)
	p.faulty(fault.Jammed)
	p.quiet(time.Minute)
	arm(t, f, "jam", 0)
	p.until(cash.Cleared)
	p.fate(id, notepath.Refused)
	p.accepting()
	p.in(0)
	p.escrow(100)
}

func jamBox(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.escrow(5000)
	arm(t, f, "jam", 1)
	p.do("stack", p.a.Stack)
	p.faulty(fault.Jammed)
	p.quiet(time.Minute)
	if s := p.a.State(); !s.Escrow {
		t.Errorf("state with a stuck note: got %+v, want it still open", s)
	}
	arm(t, f, "jam", 0)
	p.until(cash.Stacked)
	p.fate(id, notepath.Stacked)
	p.in(1)
	p.accepting()
}

func fraud(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "fraud", 1)
	id := p.offer(5000)
	p.faulty(fault.Tampered)
	p.fate(id, notepath.Refused)
	p.until(cash.Cleared)
	p.accepting()
	p.escrow(5000)
}

func strung(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.offerKind(10000, "CNY", notepath.Strung)
	p.faulty(fault.Tampered)
	p.fate(id, notepath.Refused)
	p.in(0)
}

func watchdog(t *testing.T, f *Fixture) {
	p := ready(t, f)
	p.die()
	time.Sleep(time.Minute) // virtual
	p.fate(p.offer(100), notepath.Refused)
	p = start(t, f, p.mark)
	defer p.end()
	p.until(cash.Ready)
	p.fate(p.offer(100), notepath.Refused) // nobody has asked this program to accept
	p.accept(Faces...)
	p.escrow(100)
}

func lostReply(t *testing.T, f *Fixture) {
	for _, n := range []int{1, 2, 9} {
		p := ready(t, f)
		id := p.escrow(5000)
		arm(t, f, "lost_reply", n)
		if err := try(p.a.Stack); err != nil && !fault.Is(err, fault.Silent) {
			t.Errorf("stack with %d lost replies: got %v, want nil or %s", n, err, fault.Silent)
		}
		p.note(p.until(cash.Stacked), 5000)
		p.fate(id, notepath.Stacked)
		arm(t, f, "lost_reply", 0)
		p.escrow(100)
		p.do("return", p.a.Return)
		p.until(cash.Returned)
		p.end()
	}
	if got := count(f.Path.World().Box); got != 3 {
		t.Errorf("notes in the box: got %d, want 3", got)
	}
}

func powerIn(t *testing.T, f *Fixture)  { power(t, f, true, notepath.Stacked) }
func powerOut(t *testing.T, f *Fixture) { power(t, f, false, notepath.Returned) }

func power(t *testing.T, f *Fixture, noteIn bool, want notepath.Fate) {
	p := ready(t, f)
	id := p.escrow(5000)
	p.do("stack", p.a.Stack)
	f.Power(false, noteIn)
	p.fate(id, want)
	p.faulty(fault.Silent)
	p.fate(p.offer(100), notepath.Refused)
	mark := p.mark
	p.die()
	f.Power(true, noteIn)
	p = start(t, f, mark)
	defer p.end()
	p.ended(5000, map[notepath.Fate]cash.Happening{notepath.Stacked: cash.Stacked, notepath.Returned: cash.Returned}[want])
	p.until(cash.Ready)
	if s := p.a.State(); s.Escrow || !s.Online {
		t.Errorf("state after the power is back: got %+v, want online, no escrow", s)
	}
	p.quiet(time.Minute)
}

// patient lets the owner sleep: polls go on, and what happened is told when it wakes.
func patient(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.offer(5000)
	time.Sleep(3 * time.Minute) // virtual
	if got := f.Path.Fate(id); got != notepath.Escrow {
		t.Fatalf("fate: got %s, want %s", got, notepath.Escrow)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.a.Next(ctx); err != context.Canceled {
		t.Errorf("next with an ended context: got %v, want %v", err, context.Canceled)
	}
	p.note(p.until(cash.Escrowed), 5000)
}

func arm(t *testing.T, f *Fixture, name string, n int) {
	t.Helper()
	if err := f.Faults.Arm(name, n); err != nil {
		t.Fatal(err)
	}
}
