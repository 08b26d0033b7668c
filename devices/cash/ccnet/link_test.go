package ccnet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ccnet"
	"yichuang/devices/cash/ccnetsim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/rigtest"
	"yichuang/devices/fault"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// running runs a driver until the test ends.
func running(t *testing.T, open wire.Opener, o ccnet.Options) *ccnet.Acceptor {
	t.Helper()
	a := ccnet.New(open, o)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return a
}

// next gives the next signal, or fails the test when none comes in a minute.
func next(t *testing.T, a *ccnet.Acceptor) cash.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := a.Next(ctx)
	if err != nil {
		t.Fatalf("no signal: %v; state %+v", err, a.State())
	}
	return s
}

// await passes over news of faults until the signal comes.
func await(t *testing.T, a *ccnet.Acceptor, want cash.Happening) cash.Signal {
	t.Helper()
	for {
		s := next(t, a)
		if s.What == want {
			return s
		}
		if s.What != cash.Faulty && s.What != cash.Cleared && s.What != cash.Ready {
			t.Fatalf("got %s of %v, want %s", s.What, s.Note, want)
		}
	}
}

// relay puts a hand between driver and device that sees each write and may change it. It sees one at a time.
func relay(b *bench, change func(fromHost bool, p []byte) []byte) wire.Opener {
	b.Between(change)
	return b.Open
}

// answer makes a frame from the validator.
func answer(payload ...byte) []byte {
	out := append([]byte{2, 3, byte(5 + len(payload))}, payload...)
	crc := uint16(0)
	for _, b := range out {
		crc ^= uint16(b)
		for range 8 {
			if crc&1 != 0 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return append(out, byte(crc), byte(crc>>8))
}

// instead answers a command in the validator's place; nothing of it reaches the validator.
func instead(command byte, with []byte) func(bool, []byte) []byte {
	var last byte
	return func(fromHost bool, p []byte) []byte {
		if fromHost {
			if p[3] != 0 {
				last = p[3]
			}
			return p
		}
		if last == command {
			return with
		}
		return p
	}
}

func TestOddDevices(t *testing.T) {
	tests := []struct {
		name   string
		change func(bool, []byte) []byte
		want   cash.Happening
		kind   fault.Kind
	}{
		{"nothing odd", func(_ bool, p []byte) []byte { return p }, cash.Ready, ""},
		{"it does not say who it is", instead(0x37, answer(0x30)), cash.Faulty, fault.Busy},
		{"it has no bill table", instead(0x41, answer(0x30)), cash.Faulty, fault.Busy},
		{"a table with an impossible row", instead(0x41, answer(append([]byte{1, 'C', 'H', 'N', 0x89}, make([]byte, 115)...)...)), cash.Faulty, fault.Garbled},
		{"no CRC of its code", instead(0x51, answer(0x30)), cash.Ready, ""},
		{"no answer to the CRC of its code", instead(0x51, nil), cash.Faulty, fault.Silent},
		{"it does not say which types are enabled", instead(0x31, answer(0x30)), cash.Ready, ""},
		{"it understands nothing", func(host bool, p []byte) []byte {
			if host {
				return p
			}
			return answer(0xFF)
		}, cash.Faulty, fault.Garbled},
		{"it calls polls illegal", instead(0x33, answer(0x30)), cash.Faulty, fault.Busy},
		{"it only acknowledges", instead(0x33, answer(0)), cash.Faulty, fault.Silent},
		{"it cannot be enabled", instead(0x34, answer(0x30)), cash.Ready, ""},
		{"another device's word before each answer", func(host bool, p []byte) []byte {
			if host {
				return p
			}
			return append([]byte{2, 1, 6, 0x33, 0x62, 0x34}, p...)
		}, cash.Ready, ""},
		{"noise before each answer", func(host bool, p []byte) []byte {
			if host {
				return p
			}
			return append([]byte{0xFF, 0x00, 0x55}, p...)
		}, cash.Ready, ""},
		{"a late acknowledgement before each state", func(host bool, p []byte) []byte {
			if host || len(p) != 6 || p[3] < 0x10 || p[3] == 0x30 {
				return p
			}
			return append(answer(0), p...)
		}, cash.Ready, ""},
		{"a length that cannot be", func(host bool, p []byte) []byte {
			if host {
				return p
			}
			return []byte{2, 3, 4, 0x14}
		}, cash.Faulty, fault.Garbled},
		{"busy for ever", instead(0x33, answer(0x1B, 5)), "", ""},
		{"initialising for ever", instead(0x33, answer(0x13)), "", ""},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(ccnetsim.Options{})
			defer b.Close()
			a := ccnet.New(relay(b, tt.change), ccnet.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			got, _ := a.Next(ctx)
			cancel()
			<-ended
			if got.What != tt.want || got.Fault != nil && got.Fault.Kind != tt.kind {
				t.Errorf("%s: got %s (%v), want %s %s", tt.name, got.What, got.Fault, tt.want, tt.kind)
			}
		})
	}
}

// What an opened validator is asked and told, in order, from its power-up.
func TestSetUpInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		var asked []string
		done := false
		a := running(t, relay(b, func(fromHost bool, p []byte) []byte {
			if said := fmt.Sprintf("% X", p[3:len(p)-2]); fromHost && !done && (len(asked) == 0 || said != "00" && asked[len(asked)-1] != said) {
				asked = append(asked, said)
			}
			return p
		}), ccnet.Options{})
		if s := next(t, a); s.What != cash.Ready || s.Mark != (cash.Mark{Serial: "21KC04006021", Known: true}) {
			t.Errorf("got %+v, want %s with a mark", s, cash.Ready)
		}
		time.Sleep(time.Second) // virtual: until then the types are read back
		if err := a.Accept(t.Context(), cashtest.Faces[1:3]); err != nil {
			t.Fatal(err)
		}
		b.Hold(func() { done = true })
		want := []string{"33", "30", "33", "37", "41", "51", "33", "34 00 00 00 00 00 00", "31", "33", "34 00 00 06 FF FF FF"}
		if fmt.Sprint(asked) != fmt.Sprint(want) {
			t.Errorf("asked %q, want %q", asked, want)
		}
		i := a.Info()
		if i.Protocol != "ccnet" || i.Maker != "CashCode" || i.Model != "SM-CN1353" || i.Serial != "21KC04006021" || i.Firmware != "CRC32 59431000" || !slices.Equal(i.Faces, cashtest.Faces) {
			t.Errorf("info: got %+v", i)
		}
	})
}

// A validator to which nothing happens is polled and acknowledged, looked at now and then, and told nothing.
func TestNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, count := map[byte]int{}, false
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		a := running(t, relay(b, func(fromHost bool, p []byte) []byte {
			if fromHost && count {
				asked[p[3]]++
			}
			return p
		}), ccnet.Options{})
		await(t, a, cash.Ready)
		if err := a.Accept(t.Context(), cashtest.Faces); err != nil {
			t.Fatal(err)
		}
		b.Hold(func() { count = true })
		time.Sleep(2 * time.Minute)
		b.Hand.Lock()
		defer b.Hand.Unlock()
		for command, want := range map[byte][2]int{0x33: {500, 600}, 0x00: {520, 630}, 0x31: {22, 25}, 0x34: {0, 0}, 0x30: {0, 0}, 0x35: {0, 0}, 0x36: {0, 0}, 0x38: {0, 0}, 0x37: {0, 0}, 0x41: {0, 0}} {
			if got := asked[command]; got < want[0] || got > want[1] {
				t.Errorf("command %02X was sent %d times in two minutes, want %d to %d", command, got, want[0], want[1])
			}
		}
		if s := a.State(); !s.Accepting || !s.BoxIn || s.Fault != nil {
			t.Errorf("state: got %+v, want accepting", s)
		}
	})
}

// Settings that got lost are given again; a validator that will not take them says so once to whoever asked.
func TestSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		mode, last, sets := "", byte(0), 0
		a := running(t, relay(b, func(fromHost bool, p []byte) []byte {
			if fromHost {
				if p[3] != 0 {
					last = p[3]
				}
				if last == 0x34 && p[3] != 0 {
					sets++
				}
				return p
			}
			switch {
			case mode == "other types" && last == 0x31:
				mode = ""
				return answer(0, 0, 1, 0, 0, 0)
			case mode == "disabled" && last == 0x33:
				mode = ""
				return answer(0x19)
			case mode == "illegal" && last == 0x34:
				return answer(0x30)
			}
			return p
		}), ccnet.Options{})
		await(t, a, cash.Ready)
		if err := a.Accept(t.Context(), cashtest.Faces); err != nil {
			t.Fatal(err)
		}
		for _, m := range []string{"other types", "disabled"} {
			time.Sleep(10 * time.Second)
			b.Hold(func() { mode, sets = m, 0 })
			time.Sleep(10 * time.Second)
			b.Hold(func() {
				if sets != 1 || mode != "" || !a.State().Accepting {
					t.Errorf("%s: enabled %d times again, want once; state %+v", m, sets, a.State())
				}
			})
		}
		b.Hold(func() { mode, sets = "illegal", 0 })
		if err := a.Accept(t.Context(), cashtest.Faces[:1]); !fault.Is(err, fault.Refused) {
			t.Errorf("accept: got %v, want %s", err, fault.Refused)
		}
		time.Sleep(time.Minute)
		b.Hold(func() {
			if sets != 1 || a.State().Accepting {
				t.Errorf("refused: given %d times, state %+v, want once and not accepting", sets, a.State())
			}
			mode = ""
		})
		if err := a.Accept(t.Context(), cashtest.Faces); err != nil || !a.State().Accepting {
			t.Errorf("accept: got %v, state %+v", err, a.State())
		}
		// With a note in escrow some call it illegal: it is given when the note has left.
		b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		await(t, a, cash.Escrowed)
		b.Hold(func() { mode = "illegal" })
		refused := make(chan error, 1)
		go func() { refused <- a.Refuse(t.Context()) }()
		time.Sleep(3 * time.Second)
		b.Hold(func() { mode = "" })
		if err := a.Stack(t.Context()); err != nil {
			t.Errorf("stack: %v", err)
		}
		await(t, a, cash.Stacked)
		if err := <-refused; err != nil {
			t.Errorf("refuse: %v", err)
		}
	})
}

// A command about a note is lost on its way, or the validator calls it illegal.
func TestCommandsAboutANote(t *testing.T) {
	for _, lose := range []int{0, 1, 2, 3, 5} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(ccnetsim.Options{})
			defer b.Close()
			lost := 0
			a := running(t, relay(b, func(fromHost bool, p []byte) []byte {
				if fromHost && p[3] == 0x35 && lost < lose {
					lost++
					return nil
				}
				return p
			}), ccnet.Options{})
			await(t, a, cash.Ready)
			a.Accept(t.Context(), cashtest.Faces)
			id, _ := b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
			await(t, a, cash.Escrowed)
			err := a.Stack(t.Context())
			if got, want := fault.Is(err, fault.Silent), lose >= 3; got != want || err != nil && !got {
				t.Errorf("stack with %d lost commands: got %v, want silent %v", lose, err, want)
			}
			await(t, a, cash.Stacked)
			if got := b.sim.Path().Fate(id); got != notepath.Stacked || lost != lose {
				t.Errorf("fate %s, %d commands lost, want %s and %d", got, lost, notepath.Stacked, lose)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		refuse, holds := true, 0
		a := running(t, relay(b, func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 0x38 {
				holds++
			}
			if fromHost && refuse && (p[3] == 0x35 || p[3] == 0x36) {
				return answer(0x3A) // there is no bar code to be extracted
			}
			return p
		}), ccnet.Options{})
		await(t, a, cash.Ready)
		a.Accept(t.Context(), cashtest.Faces)
		b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		await(t, a, cash.Escrowed)
		for _, act := range []func(context.Context) error{a.Stack, a.Return} {
			if err := act(t.Context()); !fault.Is(err, fault.Refused) || !a.State().Escrow {
				t.Errorf("got %v, state %+v, want %s and the note still in escrow", err, a.State(), fault.Refused)
			}
		}
		time.Sleep(time.Minute)
		b.Hold(func() {
			if refuse = false; holds < 10 || holds > 13 {
				t.Errorf("held %d times in a minute, want some 12", holds)
			}
		})
		if err := a.Return(t.Context()); err != nil {
			t.Errorf("return: %v", err)
		}
		await(t, a, cash.Returned)
	})
}

// RESET is given to a validator that waits for it, once in a while, and to no other.
func TestResetUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		resets := 0
		a := running(t, relay(b, func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 0x30 {
				if resets++; resets < 4 {
					return answer(0x31) // it hears something else
				}
			}
			return p
		}), ccnet.Options{})
		began := time.Now()
		await(t, a, cash.Ready)
		if took := time.Since(began); resets != 4 || took < 15*time.Second || took > 25*time.Second {
			t.Errorf("ready after %v and %d resets, want four in some 20 s", took, resets)
		}
	})
}

// The computer dies at each answer of a note's story in turn, and starts again from its journal: no doubt, and no
// fen too much or too little.
func TestComputerDiesAnywhere(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 5
	}
	for _, away := range []time.Duration{0, 2 * time.Second, time.Minute} {
		for n := 1; ; n += step {
			reached := false
			synctest.Test(t, func(t *testing.T) { reached = diesAt(t, n, away) })
			if !reached || t.Failed() {
				if n < 40 {
					t.Errorf("the story ended after %d answers: too short to show anything", n)
				}
				break
			}
		}
	}
}

// diesAt lets the computer die at answer n of two notes' story and says whether it came to that.
func diesAt(t *testing.T, n int, away time.Duration) bool {
	f := rigtest.CCNet(ccnetsim.Options{}, ccnet.Options{})(t)
	defer f.Close()
	mark := cash.Mark{}
	money := map[cash.Happening]int64{}
	dead := make(chan struct{})
	f.AtAnswer(n, func() { close(dead) })
	// run is one life of the program: it answers each note, and writes down each signal before it asks for the next.
	run := func(until <-chan struct{}, life time.Duration, offers []int64) {
		a, kill := f.New()
		a.Resume(mark)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		go func() {
			select {
			case <-until:
				kill()
				cancel()
			case <-ctx.Done():
			}
		}()
		began := time.Now()
		for ctx.Err() == nil && time.Since(began) < life {
			wait, done := context.WithTimeout(ctx, time.Second)
			s, err := a.Next(wait)
			done()
			if ctx.Err() != nil {
				break // what it was told in its last instant it could not write down
			}
			if err == nil {
				mark = s.Mark
				money[s.What] += s.Note.Face
				if s.What == cash.Lost {
					t.Errorf("died at answer %d for %v: %v", n, away, s.Fault)
				}
			}
			act, done := context.WithTimeout(ctx, time.Second)
			switch state := a.State(); {
			case state.Escrow && len(offers) == 1:
				a.Stack(act)
			case state.Escrow:
				a.Return(act)
			case !state.Accepting && len(offers) > 0:
				a.Accept(act, cashtest.Faces)
			case f.Path.Leg() == "" && len(offers) > 0:
				if id, err := f.Path.Offer(offers[0], "CNY", notepath.Genuine); err == nil && f.Path.Fate(id) != notepath.Refused {
					offers = offers[1:]
				}
			}
			done()
		}
		cancel()
		<-ended
	}
	run(dead, 8*time.Second, []int64{5000, 2000})
	select {
	case <-dead:
	default:
		return false
	}
	time.Sleep(away)
	run(nil, 20*time.Second, nil)
	sum := func(list []notepath.Tally) (fen int64) {
		for _, x := range list {
			fen += x.Face * int64(x.Count)
		}
		return fen
	}
	w := f.Path.World()
	if got, want := money[cash.Stacked], sum(w.Box); got != want || w.Mouth != nil {
		t.Errorf("died at answer %d for %v: told %d stacked, really %d; world %+v", n, away, got, want, w)
	}
	if got, want := money[cash.Returned], sum(w.Returned); got != want {
		t.Errorf("died at answer %d for %v: told %d returned, really %d", n, away, got, want)
	}
	return true
}

// A device that never answers leaves Run free to end, and costs no more than a few attempts a second.
func TestDeafLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := ccnet.New(func() (wire.Port, error) {
			opened++
			host, far := net.Pipe() // nobody reads: the write blocks
			_ = far
			return host, nil
		}, ccnet.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := a.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("run: got %v", err)
		}
		if took := time.Since(began); took > time.Minute+5*time.Second || opened != 1 {
			t.Errorf("run ended after %v, opened %d times, want a minute and a little, once", took, opened)
		}
	})
}

func TestReopenBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := ccnet.New(func() (wire.Port, error) { opened++; return nil, errors.New("none") }, ccnet.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		a.Run(ctx)
		if opened < 25 || opened > 40 {
			t.Errorf("opened %d times in a minute, want some 33", opened)
		}
		if s := a.State(); s.Online || s.Fault == nil || s.Fault.Kind != fault.Absent {
			t.Errorf("state: got %+v, want %s", s, fault.Absent)
		}
	})
}

// What was wished of a validator that was not there, and which takes no such note, is not granted when it comes.
func TestWishThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		b.Plug(false)
		a := running(t, b.Open, ccnet.Options{})
		if err := a.Accept(t.Context(), []cash.Note{{Face: 700, Currency: "CNY"}}); !fault.Is(err, fault.Absent) {
			t.Errorf("accept without a validator: got %v, want %s", err, fault.Absent)
		}
		b.Plug(true)
		await(t, a, cash.Ready)
		time.Sleep(10 * time.Second)
		if s := a.State(); s.Accepting || !s.Online {
			t.Errorf("state: got %+v, want online and not accepting", s)
		}
		if id, _ := b.sim.Path().Offer(100, "CNY", notepath.Genuine); b.sim.Path().Fate(id) != notepath.Refused {
			t.Error("a note is drawn in")
		}
	})
}

// Who stops the driver is told nothing more: the line was not lost.
func TestStopIsNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		a := ccnet.New(b.Open, ccnet.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		await(t, a, cash.Ready)
		cancel()
		<-ended
		wait, done := context.WithTimeout(t.Context(), time.Second)
		defer done()
		if s, err := a.Next(wait); err == nil {
			t.Errorf("after the stop: got %+v", s)
		}
	})
}

// One missing answer costs its own time and not that of every later one.
func TestOneSilenceIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(ccnetsim.Options{})
		defer b.Close()
		began := time.Now()
		a := running(t, b.Open, ccnet.Options{})
		await(t, a, cash.Ready)
		usual := time.Since(began)
		b2 := newBench(ccnetsim.Options{})
		defer b2.Close()
		b2.sim.Faults().Arm("silence", 1)
		began = time.Now()
		await(t, running(t, b2.Open, ccnet.Options{}), cash.Ready)
		if took := time.Since(began); took > usual+time.Second {
			t.Errorf("ready after %v, without the silence after %v, want less than a second more", took, usual)
		}
	})
}

// The smoke test: driver, serialport, a real pseudo terminal behind a link, simulator.
func TestOverPseudoTerminal(t *testing.T) {
	quick := notepath.Options{Validate: time.Millisecond, Stack: time.Millisecond, Return: time.Millisecond}
	sim := ccnetsim.New(ccnetsim.Options{Path: quick})
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("no pseudo terminals here: %v", err)
	}
	link := filepath.Join(t.TempDir(), "cash")
	if err := os.Symlink(slave.Name(), link); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	a := ccnet.New(func() (wire.Port, error) { return serialport.Open(link, serialport.Options{}) }, ccnet.Options{})
	// The terminal must be raw before anything is sent; its settings stay while the slave is open.
	raw, err := serialport.Open(link, serialport.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw.Close()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, master) }()
	awaitReal := func(want cash.Happening) {
		t.Helper()
		for {
			s, err := a.Next(ctx)
			if err != nil {
				t.Fatalf("waiting for %s: %v; state %+v", want, err, a.State())
			}
			if s.What == want {
				return
			}
		}
	}
	awaitReal(cash.Ready)
	if err := a.Accept(ctx, cashtest.Faces); err != nil {
		t.Fatal(err)
	}
	id, err := sim.Path().Offer(2000, "CNY", notepath.Genuine)
	if err != nil {
		t.Fatal(err)
	}
	awaitReal(cash.Escrowed)
	if err := a.Stack(ctx); err != nil {
		t.Errorf("stack: %v", err)
	}
	awaitReal(cash.Stacked)
	if got := sim.Path().Wait(ctx, id); got != notepath.Stacked {
		t.Errorf("fate: got %s, want %s", got, notepath.Stacked)
	}
	cancel()
	<-ended
	slave.Close() // the last of the slave's ends: the master's read ends too
	<-served
	master.Close()
}
