package ssp_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/fault"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// running starts a driver with a mark, and gives a kill that takes the line first.
func running(t *testing.T, b *bench, o ssp.Options, mark cash.Mark) (*ssp.Acceptor, func()) {
	t.Helper()
	a := ssp.New(b.Open, o)
	a.Resume(mark)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	dead := false
	kill := func() {
		if !dead {
			dead = true
			cancel()
			<-ended
		}
	}
	t.Cleanup(kill)
	return a, kill
}

// await passes over everything until what comes, and fails when money is told instead.
func await(t *testing.T, a cash.Acceptor, what cash.Happening) cash.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		s, err := a.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v; state %+v", what, err, a.State())
		}
		if s.What == what {
			return s
		}
		switch s.What {
		case cash.Escrowed, cash.Stacked, cash.Returned, cash.Lost:
			t.Fatalf("got %s of %v (%v), want %s", s.What, s.Note, s.Fault, what)
		}
	}
}

// escrow accepts all and brings a note of this face into escrow.
func escrow(t *testing.T, b *bench, a cash.Acceptor, face int64) (int, cash.Signal) {
	t.Helper()
	if err := a.Accept(t.Context(), cashtest.Faces); err != nil {
		t.Fatal(err)
	}
	id, err := b.sim.Path().Offer(face, "CNY", notepath.Genuine)
	if err != nil {
		t.Fatal(err)
	}
	return id, await(t, a, cash.Escrowed)
}

// What became of a note on its way when the unit lost its power, as units differ in telling it.
func TestPowerCutOfTheUnit(t *testing.T) {
	for _, tt := range []struct {
		name string
		sim  sspsim.Options
		in   bool
		want cash.Happening
	}{
		{"told, not counted, in", sspsim.Options{}, true, cash.Stacked},
		{"told, not counted, out", sspsim.Options{}, false, cash.Returned},
		{"told and counted, in", sspsim.Options{CountsCleared: true}, true, cash.Stacked},
		{"told and counted, out", sspsim.Options{CountsCleared: true}, false, cash.Returned},
		{"counted alone, in", sspsim.Options{CountsCleared: true, HidesCleared: true}, true, cash.Stacked},
		{"counted alone, out", sspsim.Options{CountsCleared: true, HidesCleared: true}, false, cash.Returned},
		{"told alone, in", sspsim.Options{NoCounters: true}, true, cash.Stacked},
		{"told alone, out", sspsim.Options{NoCounters: true}, false, cash.Returned},
		{"neither, in", sspsim.Options{HidesCleared: true}, true, cash.Lost},
		{"neither, out", sspsim.Options{HidesCleared: true}, false, cash.Lost},
		{"nothing at all, in", sspsim.Options{HidesCleared: true, NoCounters: true}, true, cash.Lost},
	} {
		for _, restart := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(tt.sim)
				defer b.Close()
				a, kill := running(t, b, ssp.Options{}, cash.Mark{})
				await(t, a, cash.Ready)
				_, s := escrow(t, b, a, 2000)
				if err := a.Stack(t.Context()); err != nil {
					t.Fatal(err)
				}
				if restart {
					kill()
				}
				b.sim.Power(false, tt.in)
				<-time.After(20 * time.Second)
				b.sim.Power(true, false)
				for range 2 { // what it tells is told again to a program that did not write it down, when it is counted
					if restart {
						a, kill = running(t, b, ssp.Options{}, s.Mark)
					}
					got := await(t, a, tt.want)
					if got.Note.Face != 2000 || (got.Fault == nil) != (tt.want != cash.Lost) {
						t.Errorf("%s: got %+v", tt.name, got)
					}
					await(t, a, cash.Ready)
					if !restart || !tt.sim.CountsCleared {
						break
					}
					kill()
				}
				kill()
				a, _ = running(t, b, ssp.Options{}, cash.Mark{})
				await(t, a, cash.Ready) // and nothing more
			})
		}
	}
}

// A unit without counters: a program that dies between the credit and its journal leaves a doubt, and only then.
func TestWithoutCounters(t *testing.T) {
	for _, dies := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(sspsim.Options{NoCounters: true})
			defer b.Close()
			a, kill := running(t, b, ssp.Options{}, cash.Mark{})
			await(t, a, cash.Ready)
			_, s := escrow(t, b, a, 500)
			if err := a.Stack(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := await(t, a, cash.Stacked); got.Note.Face != 500 || got.Store {
				t.Errorf("got %+v", got)
			} else if !dies {
				s = got
			}
			kill()
			a, _ = running(t, b, ssp.Options{}, s.Mark)
			if dies {
				if got := await(t, a, cash.Lost); got.Note.Face != 500 || got.Fault.Kind != fault.Doubtful {
					t.Errorf("lost: got %+v", got)
				}
			}
			await(t, a, cash.Ready)
		})
	}
}

// The answer that tells of a note in escrow is missing when the plug is pulled, and heard after it is put in again: by then the
// note has gone back, and the counters say so already.
func TestHeardWhenItIsOutAgain(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(sspsim.Options{})
			defer b.Close()
			a, _ := running(t, b, ssp.Options{Encrypted: encrypted}, cash.Mark{})
			await(t, a, cash.Ready)
			b.sim.Path().OnPoint(func(point string) {
				if point == "cash.escrow" {
					b.sim.Faults().Arm("silence", 1)
					time.AfterFunc(500*time.Millisecond, func() { b.sim.Faults().Arm("unplug", 1) })
					time.AfterFunc(20*time.Second, func() { b.sim.Faults().Arm("unplug", 0) })
				}
			})
			id, s := escrow(t, b, a, 2000)
			if fate := b.sim.Path().Fate(id); s.Note.Face != 2000 || fate != notepath.Returned {
				t.Errorf("got %+v of a note that is %s", s, fate)
			}
			if s = await(t, a, cash.Returned); s.Note.Face != 2000 {
				t.Errorf("got %+v", s)
			}
			await(t, a, cash.Ready)
		})
	}
}

// With POLL_WITH_ACK the unit itself repeats what nobody wrote down, whatever its counters.
func TestRepeatedUntilWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{NoCounters: true})
		defer b.Close()
		o := ssp.Options{Encrypted: true}
		a, kill := running(t, b, o, cash.Mark{})
		await(t, a, cash.Ready)
		_, held := escrow(t, b, a, 500)
		if err := a.Stack(t.Context()); err != nil {
			t.Fatal(err)
		}
		stacked := await(t, a, cash.Stacked)
		<-time.After(time.Minute) // the owner is slow with its journal, and dies over it
		kill()
		a, kill = running(t, b, o, held.Mark)
		if got := await(t, a, cash.Stacked); got.Note.Face != 500 || got.Mark != stacked.Mark {
			t.Errorf("got %+v, want it once more", got)
		}
		<-time.After(time.Minute)
		kill()
		a, kill = running(t, b, o, stacked.Mark) // it was written down, and not acknowledged
		await(t, a, cash.Ready)
		_, held = escrow(t, b, a, 1000)
		if err := a.Stack(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := await(t, a, cash.Stacked); got.Note.Face != 1000 {
			t.Errorf("got %+v", got)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s, err := a.Next(short); err == nil {
			t.Errorf("got %+v, want nothing", s)
		}
		kill()
		a, _ = running(t, b, o, held.Mark) // acknowledged: gone
		await(t, a, cash.Lost)
	})
}

// A unit that cannot be driven is told with what to do about it.
func TestUnitsThatAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		sim  sspsim.Options
		o    ssp.Options
		kind fault.Kind
		text string
	}{
		{"too old", sspsim.Options{Version: 5}, ssp.Options{}, fault.Broken, "too old"},
		{"without encryption", sspsim.Options{NoKeys: true}, ssp.Options{Encrypted: true}, fault.Broken, "set the protocol to ssp"},
		{"another fixed key", sspsim.Options{Key: 99}, ssp.Options{Encrypted: true}, fault.Silent, "no answer"},
		{"another address", sspsim.Options{Address: 0x10}, ssp.Options{}, fault.Silent, "no answer"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(tt.sim)
			defer b.Close()
			a, _ := running(t, b, tt.o, cash.Mark{})
			if s := await(t, a, cash.Faulty); s.Fault.Kind != tt.kind || !strings.Contains(s.Fault.Error(), tt.text) {
				t.Errorf("%s: got %v, want %s and %q", tt.name, s.Fault, tt.kind, tt.text)
			}
		})
	}
}

func TestVersionsAndKeys(t *testing.T) {
	for _, tt := range []struct {
		sim sspsim.Options
		o   ssp.Options
	}{
		{sspsim.Options{Version: 6}, ssp.Options{}},
		{sspsim.Options{Version: 7, Key: 99}, ssp.Options{Encrypted: true, Key: 99}},
		{sspsim.Options{Version: 9, NoKeys: true, Address: 3}, ssp.Options{Address: 3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(tt.sim)
			defer b.Close()
			a, _ := running(t, b, tt.o, cash.Mark{})
			await(t, a, cash.Ready)
			want := cash.Info{Protocol: "ssp", Maker: "Innovative Technology", Model: "validator CNY01A06", Serial: "5123456", Firmware: "NV0200474YC00000"}
			if tt.o.Encrypted {
				want.Protocol = "essp"
			}
			got := a.Info()
			if len(got.Faces) != 6 || got.Faces[5].Face != 10000 {
				t.Errorf("faces: %v", got.Faces)
			}
			if got.Faces = nil; got.Protocol != want.Protocol || got.Maker != want.Maker || got.Model != want.Model || got.Serial != want.Serial || got.Firmware != want.Firmware {
				t.Errorf("info: got %+v, want %+v", got, want)
			}
		})
	}
}

// Another unit at the same place has another memory.
func TestAnotherUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{})
		defer b.Close()
		a, _ := running(t, b, ssp.Options{}, cash.Mark{Serial: "77", Counter: 5<<24 + 3, Known: true})
		if s := await(t, a, cash.Lost); s.Mark.Serial != "5123456" || s.Mark.Counter != 0 {
			t.Errorf("got %+v, want the mark of the new unit", s)
		}
		await(t, a, cash.Ready)
		if a.State().Escrow {
			t.Error("the note of the other unit is said to be here")
		}
	})
}

// Notes that the counters have and that nobody told are lost; counters that were set back are not.
func TestCountersThatMoved(t *testing.T) {
	for counter, want := range map[int]cash.Happening{0: cash.Ready, 3 << 24: cash.Lost, 9 << 24: cash.Ready} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(sspsim.Options{})
			defer b.Close()
			a, kill := running(t, b, ssp.Options{}, cash.Mark{})
			await(t, a, cash.Ready)
			var s cash.Signal
			for range 4 {
				escrow(t, b, a, 100)
				if err := a.Stack(t.Context()); err != nil {
					t.Fatal(err)
				}
				s = await(t, a, cash.Stacked)
			}
			kill()
			if counter == 0 {
				counter = s.Mark.Counter
			}
			a, _ = running(t, b, ssp.Options{}, cash.Mark{Serial: s.Mark.Serial, Counter: counter, Known: true})
			got := await(t, a, want)
			if got.Mark.Counter>>24 != 4 {
				t.Errorf("mark %d: got %s with mark %d, want the unit's own count again", counter, got.What, got.Mark.Counter)
			}
		})
	}
}

// Over a real serial line.
func TestSerialLine(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		master, slave, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		sim := sspsim.New(sspsim.Options{Path: notepath.Options{Validate: time.Millisecond, Stack: time.Millisecond, Return: time.Millisecond}})
		serving := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		go func() { defer close(serving); sim.Serve(ctx, master) }()
		a := ssp.New(func() (wire.Port, error) {
			return serialport.Open(slave.Name(), serialport.Options{Baud: 9600, StopBits: 2})
		}, ssp.Options{Encrypted: encrypted})
		ended := make(chan error)
		running, stop := context.WithCancel(ctx)
		go func() { ended <- a.Run(running) }()
		await(t, a, cash.Ready)
		for _, face := range []int64{100, 10000} {
			if err := a.Accept(ctx, cashtest.Faces); err != nil {
				t.Fatal(err)
			}
			id, err := sim.Path().Offer(face, "CNY", notepath.Genuine)
			if err != nil {
				t.Fatal(err)
			}
			act, want := a.Stack, cash.Stacked
			if face == 100 {
				act, want = a.Return, cash.Returned
			}
			await(t, a, cash.Escrowed)
			if err := act(ctx); err != nil {
				t.Fatal(err)
			}
			if s := await(t, a, want); s.Note.Face != face {
				t.Errorf("got %+v, want %d", s, face)
			}
			if got := sim.Path().Wait(ctx, id); string(got) != string(want) {
				t.Errorf("fate: got %s, want %s", got, want)
			}
		}
		stop()
		<-ended
		cancel()
		<-serving
		master.Close()
		slave.Close()
	}
}
