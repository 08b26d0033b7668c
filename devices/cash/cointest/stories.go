package cointest

import (
	"context"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/fault"
)

// stories are what befalls an acceptor, one at a time.
var stories = []struct {
	name string
	tell func(t *testing.T, f *Fixture)
}{
	{"a coin is money", coin},
	{"a handful of coins", handful},
	{"info and state", infoAndState},
	{"bad coins come back", badCoins},
	{"shut at the start and after refuse", shut},
	{"only the faces asked for", onlyFaces},
	{"the sorter sends some to a hopper", sorted},
	{"the return lever", lever},
	{"the return lever is held", leverHeld},
	{"a swallowed coin", swallowed},
	{"fraud", fraud},
	{"a coin on a string", strung},
	{"jam in front of the validator", jamIn},
	{"jam past the gate", jamPast},
	{"jam on the way back", jamBack},
	{"reset while a coin rolls", resetRolling},
	{"reset while idle", resetIdle},
	{"unplugged while coins roll", unplugged},
	{"unplugged at the start", unpluggedAtStart},
	{"program killed, coins credited meanwhile", killed},
	{"program killed, more than five coins meanwhile", overflow},
	{"program stopped, mouth shut", stoppedShut},
	{"nobody polls", watchdog},
	{"lost reply to the command", lostReply},
	{"device loses power, coin in", powerIn},
	{"device loses power, coin out", powerOut},
	{"signals wait for the owner", patient},
}

func coin(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	p.pay(100)
	if s := p.a.State(); !s.Accepting || s.Escrow {
		t.Errorf("state after: got %+v, want accepting and no escrow", s)
	}
	p.quiet(time.Minute)
	p.in(1)
}

// handful drops coins as fast as they roll. Each is told once, in its order, with a mark of its own.
func handful(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for i := range 40 {
		p.drop(Faces[i%3].Face)
		time.Sleep(120 * time.Millisecond) // virtual
	}
	last := -1
	for i := range 40 {
		s := p.credit(Faces[i%3].Face)
		if s.Mark.Counter == last {
			t.Errorf("coin %d: the mark is the same as of the coin before: %+v", i, s.Mark)
		}
		last = s.Mark.Counter
	}
	p.quiet(time.Minute)
	p.in(40)
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
	if i.Protocol == "" || i.Maker == "" || i.Model == "" || i.Serial == "" || i.Firmware == "" {
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
	if got := p.a.State(); !got.Online || got.Accepting || got.Fault != nil {
		t.Errorf("state when ready: got %+v, want online, shut and fit", got)
	}
	p.accept(Faces...)
	if got := p.a.State(); !got.Accepting {
		t.Errorf("state when accepting: got %+v", got)
	}
	if err := try(func(ctx context.Context) error { return p.a.Accept(ctx, []cash.Note{{Face: 7, Currency: "CNY"}}) }); !fault.Is(err, fault.Invalid) {
		t.Errorf("accepting a face that there is not: got %v, want %s", err, fault.Invalid)
	}
	p.quiet(5 * time.Minute)
}

func badCoins(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for _, c := range []coinpath.Coin{{Face: 100, Currency: "CNY", Kind: coinpath.Foreign}, {Face: 50, Currency: "HKD", Kind: coinpath.Genuine}, {Face: 100, Currency: "CNY", Kind: coinpath.Slug}} {
		id := f.Path.Insert(c.Face, c.Currency, c.Kind)
		if s := p.until(cash.Refused); s.Fault == nil || s.Fault.Kind != fault.Refused {
			t.Errorf("%+v: got fault %v, want %s", c, s.Fault, fault.Refused)
		}
		p.fate(id, coinpath.Returned)
	}
	p.in(0)
	p.pay(50) // and a good one is still taken
}

func shut(t *testing.T, f *Fixture) {
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.until(cash.Ready)
	p.back(100)
	p.accept(Faces...)
	p.do("refuse", p.a.Refuse)
	if s := p.a.State(); s.Accepting || !s.Online {
		t.Errorf("state after refuse: got %+v, want online and not accepting", s)
	}
	p.back(100)
	p.quiet(time.Minute)
	p.do("refuse again", p.a.Refuse)
	p.accept(Faces...)
	p.accept(Faces...)
	p.pay(100)
	// A coin that was past the gate when the owner wanted no more is money all the same.
	id := p.drop(100)
	time.Sleep(200 * time.Millisecond) // virtual
	p.do("refuse with a coin past the gate", p.a.Refuse)
	p.credit(100)
	p.fate(id, coinpath.Kept)
	p.back(100)
}

func onlyFaces(t *testing.T, f *Fixture) {
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.until(cash.Ready)
	for _, wanted := range [][]cash.Note{{Faces[1]}, {Faces[0], Faces[2]}} {
		p.accept(wanted...)
		for _, n := range Faces {
			want := false
			for _, w := range wanted {
				want = want || w == n
			}
			if want {
				p.pay(n.Face)
				continue
			}
			id := p.drop(n.Face)
			p.until(cash.Refused)
			p.fate(id, coinpath.Returned)
		}
	}
}

func sorted(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for _, n := range Faces {
		s := p.pay(n.Face)
		if want := f.Store != 0 && n.Face == 50; s.Store != want {
			t.Errorf("coin of %d: to a hopper %v, want %v", n.Face, s.Store, want)
		}
	}
	if f.Store != 0 {
		if got := f.Path.World().Kept[f.Store]; count(got) != 1 || got[0].Face != 50 {
			t.Errorf("in the hopper: got %v, want the coin of 50", got)
		}
	}
}

func lever(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	past := p.drop(100)
	time.Sleep(200 * time.Millisecond) // virtual
	front := p.drop(50)
	arm(t, f, "lever", 1)
	p.fate(front, coinpath.Returned)
	p.credit(100)
	p.fate(past, coinpath.Kept)
	arm(t, f, "lever", 0)
	p.quiet(time.Minute)
	if s := p.a.State(); s.Fault != nil {
		t.Errorf("state after a hand let go of the lever: got %+v, want fit", s)
	}
	p.pay(50)
	p.in(2)
}

func leverHeld(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "lever", 1)
	p.back(100)
	p.faulty(fault.Jammed)
	p.quiet(time.Minute)
	arm(t, f, "lever", 0)
	p.until(cash.Cleared)
	p.accepting()
	p.pay(100)
}

// swallowed is a good coin that is in the box and in no sum: the owner has to know.
func swallowed(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "swallow", 1)
	id := p.drop(100)
	if s := p.until(cash.Lost); s.Fault == nil || s.Fault.Kind != fault.Doubtful {
		t.Errorf("got %+v, want %s", s, fault.Doubtful)
	}
	p.fate(id, coinpath.Kept)
	p.quiet(time.Minute)
	p.pay(100)
	p.in(2)
}

func fraud(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "fraud", 1)
	id := p.drop(100)
	p.faulty(fault.Tampered)
	p.fate(id, coinpath.Returned)
	p.until(cash.Cleared)
	p.accepting()
	p.pay(100)
}

func strung(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := f.Path.Insert(100, "CNY", coinpath.Strung)
	p.faulty(fault.Tampered)
	p.fate(id, coinpath.Returned)
	p.quiet(time.Minute)
	p.in(0)
}

func jamIn(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "jam", 1)
	id := p.drop(100)
	p.faulty(fault.Jammed)
	p.back(50) // it falls over the stuck one into the tray
	p.quiet(time.Minute)
	arm(t, f, "jam", 0)
	p.until(cash.Cleared)
	p.fate(id, coinpath.Returned)
	p.accepting()
	p.in(0)
	p.pay(100)
}

func jamPast(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := p.drop(100)
	time.Sleep(160 * time.Millisecond) // virtual: past the gate
	arm(t, f, "jam", 1)
	p.faulty(fault.Jammed)
	p.quiet(time.Minute)
	p.in(0)
	arm(t, f, "jam", 0)
	p.credit(100) // the fault may have ended before or ends now
	p.fate(id, coinpath.Kept)
	p.accepting()
	p.in(1)
}

func jamBack(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	id := f.Path.Insert(100, "CNY", coinpath.Slug)
	time.Sleep(160 * time.Millisecond) // virtual: turned away
	arm(t, f, "jam", 1)
	p.faulty(fault.Jammed)
	arm(t, f, "jam", 0)
	p.until(cash.Cleared)
	p.fate(id, coinpath.Returned)
	p.accepting()
	p.pay(100)
}

// resetRolling: nobody can say what became of the coin, though it is in.
func resetRolling(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	p.pay(100)
	id := p.drop(100)
	time.Sleep(200 * time.Millisecond) // virtual: past the gate
	arm(t, f, "reset", 1)
	p.until(cash.Lost)
	p.until(cash.Ready)
	p.fate(id, coinpath.Kept)
	p.accepting()
	p.quiet(time.Minute)
	p.pay(50)
	p.in(3)
}

func resetIdle(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	arm(t, f, "reset", 1)
	p.until(cash.Lost)
	p.until(cash.Ready)
	p.accepting()
	p.pay(100)
}

func unplugged(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	p.pay(10)
	ids := []int{p.drop(100)}
	time.Sleep(50 * time.Millisecond) // virtual
	ids = append(ids, p.drop(50))
	arm(t, f, "unplug", 1)
	p.faulty(fault.Absent)
	for _, id := range ids {
		p.fate(id, coinpath.Kept)
	}
	time.Sleep(time.Minute) // virtual
	p.back(100)
	arm(t, f, "unplug", 0)
	p.credit(100)
	p.credit(50)
	p.until(cash.Ready)
	p.accepting()
	p.pay(100)
	p.in(4)
}

func unpluggedAtStart(t *testing.T, f *Fixture) {
	arm(t, f, "unplug", 1)
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.faulty(fault.Absent)
	if err := try(func(ctx context.Context) error { return p.a.Accept(ctx, Faces) }); !fault.Is(err, fault.Absent) {
		t.Errorf("accept without a device: got %v, want %s", err, fault.Absent)
	}
	arm(t, f, "unplug", 0)
	p.until(cash.Ready)
	p.accepting() // the wish stood
	p.pay(100)
}

func killed(t *testing.T, f *Fixture) {
	p := ready(t, f)
	p.pay(10)
	p.die()
	for i := range 5 {
		p.drop(Faces[i%3].Face)
		time.Sleep(150 * time.Millisecond) // virtual
	}
	time.Sleep(2 * time.Second) // virtual
	p = start(t, f, p.mark)
	for i := range 5 {
		p.credit(Faces[i%3].Face)
	}
	p.until(cash.Ready)
	p.quiet(time.Minute)
	p.in(6)
	p.end()
	// And again, from a mark that has not moved: the same, and nothing twice.
	p = start(t, f, p.mark)
	defer p.end()
	p.until(cash.Ready)
	p.quiet(time.Minute)
}

// overflow: five are known, the others are not; that is said first.
func overflow(t *testing.T, f *Fixture) {
	p := ready(t, f)
	p.pay(10)
	p.die()
	for i := range 9 {
		p.drop(Faces[i%3].Face)
		time.Sleep(150 * time.Millisecond) // virtual
	}
	time.Sleep(2 * time.Second) // virtual
	p = start(t, f, p.mark)
	defer p.end()
	if s := p.until(cash.Lost); s.Fault == nil || s.Fault.Kind != fault.Doubtful {
		t.Errorf("got %+v, want %s", s, fault.Doubtful)
	}
	for i := range 5 {
		p.credit(Faces[(4+i)%3].Face)
	}
	p.until(cash.Ready)
	p.quiet(time.Minute)
	p.in(10)
}

func stoppedShut(t *testing.T, f *Fixture) {
	p := ready(t, f)
	p.end()
	p.back(100)
	p = start(t, f, p.mark)
	defer p.end()
	p.until(cash.Ready)
	p.back(100) // nobody has asked this program to accept
}

func watchdog(t *testing.T, f *Fixture) {
	p := ready(t, f)
	p.die()
	time.Sleep(time.Minute) // virtual
	p.back(100)
	p = start(t, f, p.mark)
	defer p.end()
	p.until(cash.Ready)
	p.accept(Faces...)
	p.pay(100)
	time.Sleep(3 * time.Minute) // virtual: the owner sleeps, the driver polls
	p.pay(100)
	p.in(2)
}

func lostReply(t *testing.T, f *Fixture) {
	p := start(t, f, cash.Mark{})
	defer p.end()
	p.until(cash.Ready)
	for _, n := range []int{1, 2} {
		arm(t, f, "lost_reply", n)
		p.accept(Faces...)
		p.pay(100)
		arm(t, f, "lost_reply", n)
		p.do("refuse", p.a.Refuse)
		p.back(100)
	}
	p.in(2)
}

func powerIn(t *testing.T, f *Fixture)  { power(t, f, true, coinpath.Kept) }
func powerOut(t *testing.T, f *Fixture) { power(t, f, false, coinpath.Returned) }

func power(t *testing.T, f *Fixture, coinIn bool, want coinpath.Fate) {
	p := ready(t, f)
	p.pay(10)
	id := p.drop(100)
	time.Sleep(200 * time.Millisecond) // virtual: past the gate
	f.Power(false, coinIn)
	p.fate(id, want)
	p.faulty(fault.Silent)
	p.back(100)
	mark := p.mark
	p.die()
	f.Power(true, coinIn)
	p = start(t, f, mark)
	defer p.end()
	p.until(cash.Lost)
	p.until(cash.Ready)
	p.quiet(time.Minute)
	p.accept(Faces...)
	p.pay(100)
}

// patient lets the owner sleep: polls go on, and what happened is told when it wakes.
func patient(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for range 20 {
		p.drop(50)
		time.Sleep(10 * time.Second) // virtual
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.a.Next(ctx); err != context.Canceled {
		t.Errorf("next with an ended context: got %v, want %v", err, context.Canceled)
	}
	for range 20 {
		p.credit(50)
	}
	p.quiet(time.Minute)
	p.in(20)
}
