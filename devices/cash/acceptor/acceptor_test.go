package acceptor_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
	"yichuang/devices/wire"
)

var faces = []cash.Note{{Face: 100, Currency: "CNY"}, {Face: 500, Currency: "CNY"}}

// device is a driver whose device does what a test says: nothing is said on a line.
type device struct {
	acceptor.Acceptor
	d    *acceptor.Driver
	held *acceptor.Held
	gone []*fault.Error
	turn func() error // called with the lock held, by a device that is there
	cut  error        // what the line does not open with
	bye  int
	open int
}

// newDevice is a device that is well, takes all that is wished and waits for what is written down.
func newDevice() *device {
	v := &device{turn: func() error { return nil }}
	v.d = acceptor.New(acceptor.Protocol{Name: "test", Noun: "thing", Failures: 3, Waits: true, Session: v.session,
		Held: func() *acceptor.Held { return v.held }, Gone: func(f *fault.Error) { v.gone = append(v.gone, f) }})
	v.Acceptor = v.d.Acceptor()
	return v
}

func (v *device) session(ctx context.Context) (bool, error) {
	v.d.Lock()
	v.open++
	if v.cut != nil {
		defer v.d.Unlock()
		return false, v.cut
	}
	v.d.Online, v.d.Info.Faces = true, faces
	delete(v.d.Faults, acceptor.Line)
	v.d.Settle(nil)
	v.d.Change()
	v.d.Unlock()
	return v.d.Poll(ctx, func() error {
		v.d.Lock()
		defer v.d.Unlock()
		return v.turn()
	}, func() time.Duration { return 200 * time.Millisecond }, func() { v.bye++ })
}

// run plays with a device that runs, in virtual time.
func run(t *testing.T, play func(t *testing.T, v *device)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := newDevice()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- v.Run(ctx) }()
		synctest.Wait()
		play(t, v)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("run: got %v", err)
		}
		if s := v.State(); s.Online || s.Fault.Error() != "poll test: absent: stopped" || v.bye > 1 {
			t.Errorf("after the end: %+v, %d goodbyes", s, v.bye)
		}
	})
}

// locked does something under the driver's lock.
func (v *device) locked(do func()) {
	v.d.Lock()
	defer v.d.Unlock()
	do()
}

// A wish is granted when the device has it, and refused to whoever waits when it will not.
func TestWish(t *testing.T) {
	run(t, func(t *testing.T, v *device) {
		var given []acceptor.Wish
		answer := error(nil)
		v.locked(func() {
			v.turn = func() error {
				if v.d.Dirty && v.d.Refusal == nil {
					given = append(given, v.d.Wanted)
					return v.d.Took(v.d.Wanted, answer)
				}
				return nil
			}
		})
		mine := []cash.Note{faces[1]}
		if err := v.Accept(t.Context(), mine); err != nil || !v.State().Accepting || len(given) != 1 {
			t.Errorf("accept: got %v, %+v, given %d times", err, v.State(), len(given))
		}
		mine[0] = cash.Note{}
		if given[0].Faces[0] != faces[1] {
			t.Error("the wish changed with its owner's list")
		}
		if err := v.Accept(t.Context(), []cash.Note{{Face: 100, Currency: "HKD"}}); !fault.Is(err, fault.Invalid) || err.Error() != "accept test: invalid: the thing takes none of these faces" {
			t.Errorf("no face: got %v, want %s", err, fault.Invalid)
		}
		v.locked(func() { answer = v.d.Fail(fault.Refused, "set", "no") })
		if err := v.Refuse(t.Context()); !fault.Is(err, fault.Refused) || v.State().Accepting {
			t.Errorf("refused: got %v, %+v", err, v.State())
		}
		<-time.After(time.Minute)
		v.locked(func() {
			if len(given) != 2 {
				t.Errorf("given %d times, want twice: what is refused is not asked again", len(given))
			}
			answer = nil
		})
		if err := v.Refuse(t.Context()); err != nil || given[2].Accept || given[2].Faces[0] != faces[1] {
			t.Errorf("refuse: got %v, %+v", err, given[2])
		}
		// A wish that comes while another is given is not granted by it.
		v.locked(func() {
			old := v.d.Wanted
			v.d.Wanted.Number++
			if v.d.Took(old, nil); !v.d.Dirty {
				t.Error("the newer wish is forgotten")
			}
			v.turn = func() error { return nil }
			v.d.Granted = func() bool { return true }
		})
		if err := v.Refuse(t.Context()); err != nil {
			t.Errorf("a wish that holds anyhow: got %v", err)
		}
	})
}

// A wish outlives its caller and the line; whoever waits is let go with the line's fault.
func TestWishWithoutALine(t *testing.T) {
	run(t, func(t *testing.T, v *device) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := v.Accept(ctx, faces); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a device that does nothing: got %v", err)
		}
		v.locked(func() { v.turn = func() error { return errors.New("the plug is out") } })
		if err := v.Accept(t.Context(), faces); !fault.Is(err, fault.Absent) {
			t.Errorf("the plug is out: got %v, want %s", err, fault.Absent)
		}
		v.locked(func() {
			v.turn = func() error { return v.d.Took(v.d.Wanted, nil) }
		})
		<-time.After(5 * time.Second)
		if s := v.State(); !s.Accepting || !s.BoxIn || s.Escrow {
			t.Errorf("the plug is in: got %+v, want accepting", s)
		}
		v.locked(func() { v.d.BoxOut = true })
		if s := v.State(); !s.Online || s.BoxIn {
			t.Errorf("the box is out: got %+v", s)
		}
	})
	v := newDevice()
	if err := v.Accept(t.Context(), faces); !fault.Is(err, fault.Absent) {
		t.Errorf("never run: got %v, want %s", err, fault.Absent)
	}
	v.locked(func() { delete(v.d.Faults, acceptor.Line) })
	if err := v.Refuse(t.Context()); !fault.Is(err, fault.Absent) || err.Error() != "open test: absent: being opened" {
		t.Errorf("being opened: got %v, want %s", err, fault.Absent)
	}
}

// A decision is carried out when the device took it or the note is gone, and each way to fail has its fault.
func TestRoute(t *testing.T) {
	for name, tt := range map[string]struct {
		befalls func(v *device) error // in each turn
		want    fault.Kind
		says    string
	}{
		"it took it":      {func(v *device) error { v.held.Acked = true; return nil }, "", ""},
		"the note is off": {func(v *device) error { v.held = nil; return nil }, "", ""},
		"it cannot":       {func(v *device) error { v.held.Deny(v.d.Fail(fault.Refused, "route", "no")); return nil }, fault.Refused, "route test: refused: no"},
		"it is silent":    {func(v *device) error { v.held.Routes++; return nil }, fault.Silent, "stack test: silent: the thing does not say whether it heard; what it tells next will"},
		"the line fails":  {func(v *device) error { return errors.New("unplugged") }, fault.Absent, "poll test: absent: the line is gone: unplugged"},
		"second thoughts": {func(v *device) error { v.held.Decision = acceptor.Back; return nil }, fault.Busy, "stack test: busy: another decision came after this one"},
	} {
		run(t, func(t *testing.T, v *device) {
			if err := v.Stack(t.Context()); !fault.Is(err, fault.Empty) || err.Error() != "stack test: empty: nothing is in escrow" {
				t.Errorf("nothing in escrow: got %v", err)
			}
			turns := 0
			v.locked(func() {
				v.held = &acceptor.Held{Note: faces[0], Sent: time.Now(), Refused: errors.New("before")}
				v.turn = func() error {
					turns++
					if v.held == nil {
						return nil
					}
					if h := v.held; turns == 1 && (h.Decision != acceptor.Stack || !h.Sent.IsZero() || h.Note != faces[0] || h.Refused != nil) {
						t.Errorf("%s: decided as %+v", name, h)
					}
					defer v.d.Change()
					return tt.befalls(v)
				}
			})
			if s := v.State(); !s.Escrow {
				t.Errorf("%s: %+v, want a note in escrow", name, s)
			}
			began := time.Now()
			err := v.Stack(t.Context())
			if got := fault.KindOf(err); got != tt.want || tt.want == "" && err != nil || err != nil && err.Error() != tt.says {
				t.Errorf("%s: got %v, want %q", name, err, tt.says)
			}
			if took := time.Since(began); took > 100*time.Millisecond {
				t.Errorf("%s: took %v, want at once", name, took)
			}
		})
	}
	run(t, func(t *testing.T, v *device) {
		v.locked(func() { v.held = &acceptor.Held{} })
		first := make(chan error, 1)
		go func() { first <- v.Stack(t.Context()) }()
		<-time.After(time.Second)
		second, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if err := v.Return(second); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a device that does nothing: got %v", err)
		}
		select {
		case err := <-first:
			if !fault.Is(err, fault.Busy) {
				t.Errorf("the first word: got %v, want %s", err, fault.Busy)
			}
		default:
			t.Error("who gave the first word still waits")
		}
	})
	// The same word again begins to count anew and changes nothing else.
	h := &acceptor.Held{Decision: acceptor.Back, Acked: true, Routes: 5, Sent: time.Unix(1, 0)}
	v := newDevice()
	v.held = h
	if err := v.Return(t.Context()); err != nil || h.Routes != 0 || !h.Acked || h.Sent.IsZero() {
		t.Errorf("once more: got %v, %+v", err, h)
	}
	v.held = &acceptor.Held{}
	if v.held.Deny(errors.New("no")); v.held.Refused != nil {
		t.Error("a note that nobody decided about was refused")
	}
}

// When the next command about a note is due.
func TestDue(t *testing.T) {
	now := time.Now()
	ago := func(s int) time.Time { return now.Add(-time.Duration(s) * time.Second) }
	pace := acceptor.Pace{Hold: 10 * time.Second, Unheard: time.Second, Heard: 6 * time.Second}
	for _, tt := range []struct {
		name string
		h    acceptor.Held
		want bool
	}{
		{"held 9 s ago", acceptor.Held{Sent: ago(9)}, false},
		{"held 10 s ago", acceptor.Held{Sent: ago(10)}, true},
		{"never held", acceptor.Held{}, true},
		{"not yet told", acceptor.Held{Decision: acceptor.Stack}, true},
		{"told just now", acceptor.Held{Decision: acceptor.Stack, Sent: now}, false},
		{"not heard for a second", acceptor.Held{Decision: acceptor.Back, Sent: ago(1)}, true},
		{"heard 5 s ago", acceptor.Held{Decision: acceptor.Back, Acked: true, Sent: ago(5)}, false},
		{"heard 6 s ago", acceptor.Held{Decision: acceptor.Back, Acked: true, Sent: ago(6)}, true},
	} {
		if got := tt.h.Due(now, pace); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Signals are handed out in order, and one counts as written down when the next is asked for.
func TestWrittenDown(t *testing.T) {
	run(t, func(t *testing.T, v *device) {
		turns, first, second := 0, 0, 0
		v.locked(func() {
			v.turn = func() error { turns++; return nil }
			v.d.Mark.Counter = 7
			first = v.d.Emit(cash.Signal{What: cash.Escrowed})
			v.d.Mark.Counter = 8
			second = v.d.Emit(cash.Signal{What: cash.Stacked})
		})
		s, err := v.Next(t.Context())
		if err != nil || s.What != cash.Escrowed || s.Mark.Counter != 7 {
			t.Errorf("got %+v, %v", s, err)
		}
		v.locked(func() {
			if v.d.Written(first) || turns != 0 {
				t.Errorf("written %v after it was fetched, %d turns", v.d.Written(first), turns)
			}
		})
		if s, err = v.Next(t.Context()); err != nil || s.What != cash.Stacked || s.Mark.Counter != 8 {
			t.Errorf("got %+v, %v", s, err)
		}
		synctest.Wait()
		v.locked(func() {
			if !v.d.Written(first) || v.d.Written(second) || turns != 1 {
				t.Errorf("after the next: written %v, %v, %d turns, want the first and a turn at once", v.d.Written(first), v.d.Written(second), turns)
			}
			v.d.Marks = func() { v.d.Mark.Counter++ }
			v.d.Emit(cash.Signal{What: cash.Ready})
			if got := v.d.MoneyTold(); got != second {
				t.Errorf("the last that is money is %d, want %d", got, second)
			}
		})
		ended, end := context.WithCancel(t.Context())
		end()
		if _, err := v.Next(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("after its end: got %v", err)
		}
		if s, err := v.Next(t.Context()); err != nil || s.What != cash.Ready || s.Mark.Counter != 9 {
			t.Errorf("got %+v, %v: a broken off Next loses nothing", s, err)
		}
	})
}

// Nobody fetches: what is not money is dropped, the oldest first.
func TestQueueIsBounded(t *testing.T) {
	v := newDevice()
	v.Resume(cash.Mark{Serial: "7", Counter: 9, Known: true})
	v.locked(func() {
		v.d.Emit(cash.Signal{What: cash.Stacked})
		for n := range 3000 {
			v.d.Emit(cash.Signal{What: cash.Refused, Raw: []byte{byte(n), byte(n >> 8)}})
		}
		list := v.d.Waiting()
		if len(list) != 256 || list[0].Mark.Serial != "7" || list[0].What != cash.Stacked || list[255].Raw[0] != 2999&0xFF || list[1].Raw[0] != (3000-255)&0xFF {
			t.Errorf("kept %d: %+v, ..., %+v", len(list), list[:2], list[len(list)-1])
		}
		for range 300 {
			v.d.Emit(cash.Signal{What: cash.Lost})
		}
		if got := len(v.d.Waiting()); got != 301 {
			t.Errorf("kept %d, want all 301 that are money", got)
		}
	})
}

// Of several faults the one at the first place is told, and again when its kind or place has changed.
func TestSettle(t *testing.T) {
	for _, shuts := range []bool{false, true} {
		v := newDevice()
		v.d.Shuts = shuts
		v.d.Lock()
		step := func(what string, want ...cash.Happening) {
			t.Helper()
			before := len(v.d.Waiting())
			v.d.Settle([]byte{1})
			got := v.d.Waiting()[before:]
			if len(got) != len(want) || len(got) > 0 && (got[0].What != want[0] || got[0].Raw == nil) {
				t.Errorf("%s: told %+v, want %v", what, got, want)
			}
		}
		step("not opened yet", cash.Faulty)
		if f, at := v.d.Worst(); f.Error() != "open test: absent: not opened yet" || at != acceptor.Line {
			t.Errorf("not opened yet: got %v at %q", f, at)
		}
		v.d.Hang(acceptor.Room, v.d.Fail(fault.Full, "poll", "full"))
		step("behind the line")
		delete(v.d.Faults, acceptor.Line)
		v.d.Online, v.d.Dirty = true, false
		step("the line is back", cash.Faulty)
		v.d.Hang(acceptor.Room, v.d.Fail(fault.Full, "poll", "fuller"))
		step("the same kind")
		v.d.Hang(acceptor.Box, v.d.Fail(fault.Full, "poll", "elsewhere"))
		step("another place", cash.Faulty)
		v.d.Anew()
		step("it says something else", cash.Faulty)
		v.d.Hang(acceptor.Box, v.d.Fail(fault.Open, "poll", "out"))
		step("another kind", cash.Faulty)
		v.d.Hang("payout", v.d.Fail(fault.Broken, "poll", "of the driver's own"))
		clear(v.d.Faults)
		if !v.d.Faulty() {
			t.Error("not faulty before it is cleared")
		}
		step("well", cash.Cleared)
		if v.d.Dirty != shuts || v.d.Faulty() {
			t.Errorf("well: given anew %v, want %v", v.d.Dirty, shuts)
		}
		step("still well")
		for _, at := range slices.Backward(acceptor.Places) {
			v.d.Hang(at, v.d.Fail(fault.Jammed, "poll", "one more"))
			step(string(at)+" comes before the others", cash.Faulty)
		}
		for n, at := range acceptor.Places {
			delete(v.d.Faults, at)
			step("without "+string(at), map[bool]cash.Happening{true: cash.Cleared, false: cash.Faulty}[n == len(acceptor.Places)-1])
		}
		v.d.Unlock()
	}
}

// Some turns may fail; then the line is opened anew, at once at first and later more slowly.
func TestFailures(t *testing.T) {
	silent := &fault.Error{Kind: fault.Silent}
	for name, tt := range map[string]struct {
		fails []error
		opens int
	}{
		"two of three":            {[]error{silent, silent, nil, silent, silent, nil}, 1},
		"three":                   {[]error{silent, silent, silent}, 2},
		"a port that is gone":     {[]error{errors.New("gone")}, 2},
		"a refusal is no silence": {[]error{&fault.Error{Kind: fault.Refused}}, 2},
	} {
		run(t, func(t *testing.T, v *device) {
			v.locked(func() {
				v.turn = func() error {
					if len(tt.fails) == 0 {
						return nil
					}
					err := tt.fails[0]
					tt.fails = tt.fails[1:]
					return err
				}
			})
			<-time.After(3 * time.Second)
			v.locked(func() {
				if v.open != tt.opens || len(v.gone) != tt.opens-1 {
					t.Errorf("%s: opened %d times, gone %d times, want opened %d times", name, v.open, len(v.gone), tt.opens)
				}
			})
		})
	}
	run(t, func(t *testing.T, v *device) {
		v.locked(func() {
			v.cut = v.d.Unopened(errors.New("no such file"))
			v.turn = func() error { return errors.New("gone") }
		})
		<-time.After(time.Minute)
		v.locked(func() {
			if v.open < 32 || v.open > 36 {
				t.Errorf("opened %d times in a minute, want some 34", v.open)
			}
			v.cut, v.turn = nil, func() error { return nil }
		})
		<-time.After(3 * time.Second)
		v.locked(func() {
			v.open, v.turn = 0, func() error { v.turn = func() error { return nil }; return errors.New("gone") }
		})
		<-time.After(400 * time.Millisecond)
		v.locked(func() {
			if v.open != 1 {
				t.Errorf("opened %d times after a device that was there had gone, want once within 0.4 s", v.open)
			}
		})
	})
}

// deaf is a port that takes nothing.
type deaf struct {
	wire.Port
	closed chan bool
}

func (d deaf) Close() error { close(d.closed); return nil }

// A line is cut two seconds after the end, and not before; one that was hung up is not cut again.
func TestDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newDevice()
		if _, _, err := v.d.Dial(t.Context(), func() (wire.Port, error) { return nil, errors.New("no such file") }); !fault.Is(err, fault.Absent) || err.Error() != "open test: absent: no such file" {
			t.Errorf("got %v, want %s", err, fault.Absent)
		}
		ctx, cancel := context.WithCancel(t.Context())
		port := deaf{closed: make(chan bool)}
		if _, _, err := v.d.Dial(ctx, func() (wire.Port, error) { return port, nil }); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		cancel()
		<-port.closed
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("cut after %v, want 2 s", took)
		}
		ctx, cancel = context.WithCancel(t.Context())
		port = deaf{closed: make(chan bool)}
		_, hangUp, _ := v.d.Dial(ctx, func() (wire.Port, error) { return port, nil })
		hangUp()
		cancel()
		<-time.After(time.Minute) // a second Close would panic
	})
}

func TestMask(t *testing.T) {
	types := []cash.Note{faces[1], {}, faces[0], {Face: 1, Currency: "JPY"}}
	for want, list := range map[uint32][]cash.Note{8: types[3:], 5: faces, 1: faces[1:], 4: faces[:1], 0: {{}, {Face: 100, Currency: "HKD"}}} {
		if got := acceptor.Mask(types, list); got != want {
			t.Errorf("%v: got %b, want %b", list, got, want)
		}
	}
	if got := acceptor.Named(types); len(got) != 3 || got[0] != faces[1] || got[1] != faces[0] || got[2] != types[3] {
		t.Errorf("named: got %v", got)
	}
}
