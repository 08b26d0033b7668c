package cctalk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/fault"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// first runs a driver until its first signal.
func first(t *testing.T, open wire.Opener, o cctalk.Options) cash.Signal {
	t.Helper()
	a := cctalk.New(open, o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	bounded, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	s, err := a.Next(bounded)
	if err != nil {
		t.Fatalf("no signal: %v", err)
	}
	cancel()
	<-ended
	return s
}

func TestEchoAndChecksum(t *testing.T) {
	for _, crc := range []bool{false, true} {
		for _, echo := range []bool{false, true} {
			sim := cctalksim.Options{CRC: crc, Echo: echo}
			right, wrong := ccbus.Simple, ccbus.CRC
			if crc {
				right, wrong = wrong, right
			}
			tests := []struct {
				o    cctalk.Options
				want cash.Happening
			}{
				{cctalk.Options{}, cash.Ready},
				{cctalk.Options{Checksum: right}, cash.Ready},
				{cctalk.Options{Checksum: right, Address: 40}, cash.Ready},
				{cctalk.Options{Checksum: wrong}, cash.Faulty},
				{cctalk.Options{Address: 41}, cash.Faulty},
			}
			for _, tt := range tests {
				synctest.Test(t, func(t *testing.T) {
					b := newBench(sim)
					defer b.Close()
					if got := first(t, b.Open, tt.o); got.What != tt.want {
						t.Errorf("%+v against crc %v echo %v: got %s (%v), want %s", tt.o, crc, echo, got.What, got.Fault, tt.want)
					}
				})
			}
		}
	}
}

// A validator that wants encryption is refused with what to do about it: by its answer to header 111, or
// because all that it says is scrambled.
func TestEncryptedValidatorIsNamed(t *testing.T) {
	for _, o := range []cctalksim.Options{{Encrypted: true}, {Encrypted: true, CRC: true}, {Scrambled: true}, {Scrambled: true, CRC: true}, {Scrambled: true, Echo: true}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(o)
			defer b.Close()
			s := first(t, b.Open, cctalk.Options{})
			if s.What != cash.Faulty || s.Fault.Kind != fault.Broken || !strings.Contains(s.Fault.Error(), "set it to plain CRC or simple checksum") {
				t.Errorf("%+v: got %s (%v), want a fault that says how to end encryption", o, s.What, s.Fault)
			}
		})
	}
}

// Noise that hits a poll or two is not taken for encryption.
func TestNoiseIsNotEncryption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(cctalksim.Options{})
		defer b.Close()
		b.sim.Faults().Arm("garble", 2)
		if s := first(t, b.Open, cctalk.Options{}); s.What != cash.Ready {
			t.Errorf("got %s (%v), want %s", s.What, s.Fault, cash.Ready)
		}
	})
}

// relay puts a hand between driver and device that sees each write and may change it. It sees one at a time.
func relay(b *bench, change func(fromHost bool, p []byte) []byte) wire.Opener {
	b.Between(change)
	return b.Open
}

// reply makes a packet from 40 to the host.
func reply(header byte, data ...byte) []byte {
	out := append([]byte{1, byte(len(data)), 40, header}, data...)
	var sum byte
	for _, b := range out {
		sum += b
	}
	return append(out, -sum)
}

// Another device's word, a device that says no, and one that is something else.
func TestOddDevices(t *testing.T) {
	asked := byte(0)
	answering := func(header byte, with []byte) func(bool, []byte) []byte {
		return func(fromHost bool, p []byte) []byte {
			if fromHost {
				asked = p[3]
				return p
			}
			if asked == header {
				return with
			}
			return p
		}
	}
	tests := []struct {
		name   string
		change func(bool, []byte) []byte
		want   cash.Happening
		kind   fault.Kind
	}{
		{"a coin acceptor", answering(245, reply(0, []byte("Coin Acceptor")...)), cash.Faulty, fault.Invalid},
		{"no name of the maker", answering(246, reply(5)), cash.Ready, ""},
		{"no serial number", answering(242, reply(5)), cash.Faulty, fault.Refused},
		{"a bill id that is no number", answering(157, reply(0, []byte("CN00x1A")...)), cash.Faulty, fault.Garbled},
		{"no inhibits to read", answering(230, reply(5)), cash.Ready, ""},
		{"no self-check", answering(232, reply(5)), cash.Ready, ""},
		{"a door open", answering(232, reply(0, 51)), cash.Faulty, fault.Open},
		{"no answer to the inhibits", answering(231, nil), cash.Faulty, fault.Silent},
		{"always busy", answering(159, reply(6)), cash.Faulty, fault.Busy},
		{"talk of another device before each answer", func(fromHost bool, p []byte) []byte {
			if fromHost {
				return p
			}
			return append([]byte{1, 0, 3, 0, 252}, p...)
		}, cash.Ready, ""},
		{"a late acknowledgement before each answer", func(fromHost bool, p []byte) []byte {
			if fromHost || p[1] == 0 {
				return p
			}
			return append(reply(0), p...)
		}, cash.Faulty, fault.Invalid}, // a text may be empty: the category is
		{"a late acknowledgement before the events", answering(159, append(reply(0), reply(0, make([]byte, 11)...)...)), cash.Ready, ""},
		{"a reply of an unknown header before the events", answering(159, append(reply(7, make([]byte, 11)...), reply(0, make([]byte, 11)...)...)), cash.Ready, ""},
		{"only replies of an unknown header", answering(159, reply(7, make([]byte, 11)...)), cash.Faulty, fault.Silent},
		{"noise that never ends", func(fromHost bool, p []byte) []byte {
			if fromHost {
				return p
			}
			return []byte{1, 200, 40, 0, 1, 2, 3}
		}, cash.Faulty, fault.Garbled},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(cctalksim.Options{})
			defer b.Close()
			got := first(t, relay(b, tt.change), cctalk.Options{Checksum: ccbus.Simple})
			if got.What != tt.want || got.Fault != nil && got.Fault.Kind != tt.kind {
				t.Errorf("%s: got %s (%v), want %s %s", tt.name, got.What, got.Fault, tt.want, tt.kind)
			}
		})
	}
}

// A command that the device never heard is given again; one that it heard but could not be heard
// about is not carried out on another note.
func TestCommandLostOnItsWay(t *testing.T) {
	for _, lose := range []int{1, 2, 3, 5} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(cctalksim.Options{})
			defer b.Close()
			lost := 0
			open := relay(b, func(fromHost bool, p []byte) []byte {
				if fromHost && p[3] == 154 && p[4] == 1 && lost < lose {
					lost++
					return nil
				}
				return p
			})
			a := cctalk.New(open, cctalk.Options{})
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			await(t, a, cash.Ready)
			if err := a.Accept(ctx, cashtest.Faces); err != nil {
				t.Fatal(err)
			}
			id, _ := b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
			await(t, a, cash.Escrowed)
			err := a.Stack(ctx)
			if got, want := fault.Is(err, fault.Silent), lose >= 3; got != want || err != nil && !got {
				t.Errorf("stack with %d lost commands: got %v, want silent %v", lose, err, want)
			}
			await(t, a, cash.Stacked)
			if got := b.sim.Path().Fate(id); got != notepath.Stacked {
				t.Errorf("fate: got %s, want %s", got, notepath.Stacked)
			}
			if lost != lose {
				t.Errorf("%d commands were lost, want %d", lost, lose)
			}
		})
	}
}

// A device that will not route leaves the decision with the owner.
func TestRouteRefused(t *testing.T) {
	for _, no := range [][]byte{reply(5), reply(0, 255)} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(cctalksim.Options{})
			defer b.Close()
			routing, refuse := false, true
			open := relay(b, func(fromHost bool, p []byte) []byte {
				if fromHost {
					if routing = p[3] == 154; routing && refuse {
						return []byte{40, 0, 1, 254, 217} // a simple poll instead: the note stays
					}
					return p
				}
				if routing && refuse {
					return no
				}
				return p
			})
			a := cctalk.New(open, cctalk.Options{})
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			await(t, a, cash.Ready)
			if err := a.Accept(ctx, cashtest.Faces); err != nil {
				t.Fatal(err)
			}
			b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
			await(t, a, cash.Escrowed)
			if err := a.Stack(ctx); !fault.Is(err, fault.Refused) {
				t.Errorf("answer % x: got %v, want %s", no, err, fault.Refused)
			}
			if s := a.State(); !s.Escrow || !s.Online {
				t.Errorf("state: got %+v, want the note still in escrow", s)
			}
			refuse = false
			if err := a.Return(ctx); err != nil {
				t.Errorf("return: %v", err)
			}
			await(t, a, cash.Returned)
		})
	}
}

// One missing answer costs its own time and not that of every later one.
func TestOneSilenceIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(cctalksim.Options{})
		defer b.Close()
		b.sim.Faults().Arm("silence", 1)
		began := time.Now()
		if s := first(t, b.Open, cctalk.Options{Checksum: ccbus.Simple}); s.What != cash.Ready {
			t.Fatalf("got %s, want %s", s.What, cash.Ready)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("ready after %v, want less than a second", took)
		}
	})
}

// A note that leaves escrow without any event ends as Lost, not in silence.
func TestNoteVanishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(cctalksim.Options{})
		defer b.Close()
		frozen := []byte(nil)
		freeze, routed := false, 0
		open := relay(b, func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 154 {
				routed++
			}
			if !fromHost && p[1] == 11 {
				if freeze && frozen != nil {
					return frozen
				}
				frozen = append([]byte(nil), p...)
			}
			return p
		})
		a := cctalk.New(open, cctalk.Options{})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		await(t, a, cash.Ready)
		if err := a.Accept(ctx, cashtest.Faces); err != nil {
			t.Fatal(err)
		}
		b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		await(t, a, cash.Escrowed)
		freeze = true
		if err := a.Stack(ctx); err != nil {
			t.Fatalf("stack: %v", err)
		}
		began := time.Now()
		s := await(t, a, cash.Lost)
		if s.Note.Face != 5000 || s.Fault == nil || s.Fault.Kind != fault.Doubtful {
			t.Errorf("got %+v, want the note of 5000 and %s", s, fault.Doubtful)
		}
		if took := time.Since(began); took < 10*time.Second || took > 30*time.Second {
			t.Errorf("it took %v, want some 16 s", took)
		}
		if routed > 4 {
			t.Errorf("%d commands, want a few", routed)
		}
		if a.State().Escrow {
			t.Error("state says that a note is in escrow")
		}
	})
}

// await passes over news of faults until the signal comes.
func await(t *testing.T, a *cctalk.Acceptor, want cash.Happening) cash.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		s, err := a.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v; state %+v", want, err, a.State())
		}
		if s.What == want {
			return s
		}
		if s.What != cash.Faulty && s.What != cash.Cleared && s.What != cash.Ready {
			t.Fatalf("got %s of %v, want %s", s.What, s.Note, want)
		}
	}
}

// A device that never answers leaves Run free to end, and costs no more than a few attempts a second.
func TestDeafLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := cctalk.New(func() (wire.Port, error) {
			opened++
			host, far := net.Pipe() // nobody reads: the write blocks
			_ = far
			return host, nil
		}, cctalk.Options{})
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := a.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("run: got %v", err)
		}
		if took := time.Since(began); took > time.Minute+5*time.Second {
			t.Errorf("run ended after %v, want a minute and a little", took)
		}
		if opened != 1 {
			t.Errorf("opened %d times, want once", opened)
		}
	})
}

func TestReopenBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := cctalk.New(func() (wire.Port, error) { opened++; return nil, errors.New("none") }, cctalk.Options{})
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

// The smoke test: driver, serialport, a real pseudo terminal behind a link, simulator.
func TestOverPseudoTerminal(t *testing.T) {
	for _, o := range []cctalksim.Options{{}, {CRC: true}, {Echo: true}, {CRC: true, Echo: true}} {
		t.Run(fmt.Sprintf("crc %v echo %v", o.CRC, o.Echo), func(t *testing.T) {
			o.Path = notepath.Options{Validate: time.Millisecond, Stack: time.Millisecond, Return: time.Millisecond}
			overTerminal(t, cctalksim.New(o))
		})
	}
}

func overTerminal(t *testing.T, sim *cctalksim.Sim) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	link := filepath.Join(t.TempDir(), "cash")
	if err := os.Symlink(slave.Name(), link); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	a := cctalk.New(func() (wire.Port, error) { return serialport.Open(link, serialport.Options{}) }, cctalk.Options{})
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
	next := func(want cash.Happening) {
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
	next(cash.Ready)
	if err := a.Accept(ctx, cashtest.Faces); err != nil {
		t.Fatal(err)
	}
	id, err := sim.Path().Offer(2000, "CNY", notepath.Genuine)
	if err != nil {
		t.Fatal(err)
	}
	next(cash.Escrowed)
	if err := a.Stack(ctx); err != nil {
		t.Errorf("stack: %v", err)
	}
	next(cash.Stacked)
	if got := sim.Path().Wait(ctx, id); got != notepath.Stacked {
		t.Errorf("fate: got %s, want %s", got, notepath.Stacked)
	}
	cancel()
	<-ended
	slave.Close() // the last of the slave's ends: the master's read ends too
	<-served
	master.Close()
}

// accepting runs a driver until it takes notes, with a hand between it and the validator.
func accepting(t *testing.T, change func(fromHost bool, p []byte) []byte) (*bench, *cctalk.Acceptor) {
	t.Helper()
	b := newBench(cctalksim.Options{})
	a := cctalk.New(relay(b, change), cctalk.Options{Checksum: ccbus.Simple})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; b.Close() })
	await(t, a, cash.Ready)
	if err := a.Accept(ctx, cashtest.Faces); err != nil {
		t.Fatal(err)
	}
	return b, a
}

// A validator to which nothing happens is polled, looked at now and then, and told nothing.
func TestNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := map[byte]int{}
		count := false
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && count {
				asked[p[3]]++
			}
			return p
		})
		b.Hold(func() { count = true })
		<-time.After(2 * time.Minute)
		b.Hand.Lock()
		defer b.Hand.Unlock()
		for header, want := range map[byte][2]int{159: {500, 600}, 227: {22, 25}, 152: {22, 25}, 230: {22, 25}, 232: {1, 2}, 228: {0, 0}, 153: {0, 0}, 231: {0, 0}, 154: {0, 0}} {
			if got := asked[header]; got < want[0] || got > want[1] {
				t.Errorf("header %d was sent %d times in two minutes, want %d to %d", header, got, want[0], want[1])
			}
		}
		if s := a.State(); !s.Accepting || !s.BoxIn || s.Fault != nil {
			t.Errorf("state: got %+v, want accepting", s)
		}
	})
}

// A validator that says of one setting that it is not as we gave it is told all of them again, once.
func TestSettingsThatGotLost(t *testing.T) {
	for name, with := range map[string]struct {
		header byte
		answer []byte
		sets   int
	}{
		"it is shut":                 {227, reply(0, 0), 1},
		"it takes notes at once":     {152, reply(0, 1), 1},
		"it has forgotten its mode":  {152, reply(0, 0), 1},
		"the first faces are off":    {230, reply(0, 0, 0), 1},
		"other faces are on":         {230, reply(0, 255, 255), 1},
		"it cannot say its mode":     {152, reply(5), 0},
		"it cannot say its inhibits": {230, reply(5), 0},
		"other bits of the master":   {227, reply(0, 3), 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			asked, armed, sets := byte(0), false, 0
			b, a := accepting(t, func(fromHost bool, p []byte) []byte {
				if fromHost {
					asked = p[3]
					if asked == 231 {
						sets++
					}
					return p
				}
				if armed && asked == with.header {
					armed = false
					return with.answer
				}
				return p
			})
			b.Hold(func() { armed, sets = true, 0 })
			<-time.After(30 * time.Second)
			b.Hand.Lock()
			defer b.Hand.Unlock()
			if sets != with.sets || armed {
				t.Errorf("%s: the settings were given %d times, want %d", name, sets, with.sets)
			}
			if s := a.State(); !s.Accepting {
				t.Errorf("%s: state %+v, want accepting", name, s)
			}
		})
	}
}

// The owner thinks better of it while the first command is still on the line: its acknowledgement is not that of the second.
func TestSecondThoughts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stacking := make(chan bool, 1)
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 154 && p[4] == 1 {
				stacking <- true
				<-time.After(100 * time.Millisecond)
				return []byte{40, 0, 1, 254, 217} // a simple poll instead: it is acknowledged and the note stays
			}
			return p
		})
		id, _ := b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		await(t, a, cash.Escrowed)
		first := make(chan error, 1)
		go func() { first <- a.Stack(t.Context()) }()
		<-stacking
		began := time.Now()
		if err := a.Return(t.Context()); err != nil {
			t.Errorf("return: %v", err)
		}
		if err := <-first; !fault.Is(err, fault.Busy) {
			t.Errorf("stack: got %v, want %s", err, fault.Busy)
		}
		await(t, a, cash.Returned)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("the note came back after %v, want as soon as it was asked for", took)
		}
		if got := b.sim.Path().Fate(id); got != notepath.Returned {
			t.Errorf("fate: got %s, want %s", got, notepath.Returned)
		}
	})
}

// What an opened validator is asked and told, in order: who it is, what it remembers, what we want, whether it is well.
func TestSetUpInOrder(t *testing.T) {
	for _, tt := range []struct {
		types int // bill types that it knows, of 16
		want  []byte
	}{
		{16, []byte{254, 228, 245, 242, 246, 244, 241, 157, 156, 157, 157, 157, 157, 157, 157, 157, 157, 157, 157, 157, 157, 157, 157, 157, 230, 159, 228, 153, 231, 232}},
		{3, []byte{254, 228, 245, 242, 246, 244, 241, 157, 156, 157, 157, 157, 230, 159, 228, 153, 231, 232}},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(cctalksim.Options{})
			defer b.Close()
			var asked [][]byte
			ready := false
			open := relay(b, func(fromHost bool, p []byte) []byte {
				if fromHost {
					if !ready {
						asked = append(asked, append([]byte(nil), p...))
					}
					return p
				}
				if last := asked[len(asked)-1]; !ready && last[3] == 157 && int(last[4]) > tt.types {
					return reply(5)
				}
				return p
			})
			a := cctalk.New(open, cctalk.Options{Checksum: ccbus.Simple})
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			await(t, a, cash.Ready)
			b.Hold(func() { ready = true })
			var got []byte
			bills := byte(0)
			for _, p := range asked {
				got = append(got, p[3])
				switch p[3] {
				case 157:
					if bills++; p[4] != bills {
						t.Errorf("bill %d was asked for as %d", bills, p[4])
					}
				case 228:
					if p[4] != 0 {
						t.Error("notes were let in during the set-up")
					}
				case 153:
					if p[4] != 3 {
						t.Errorf("mode %d, want stacker and escrow", p[4])
					}
				case 231:
					if p[4] == 0 && p[5] == 0 {
						t.Error("the inhibits were left as after a restart")
					}
				}
			}
			if !bytes.Equal(got, tt.want) {
				t.Errorf("asked %v, want %v", got, tt.want)
			}
			if got, want := len(a.Info().Faces), min(tt.types, 6); got != want {
				t.Errorf("faces: got %d, want %d", got, want)
			}
			want := cash.Info{Protocol: "cctalk", Serial: "123456", Maker: a.Info().Maker, Model: a.Info().Model, Firmware: a.Info().Firmware}
			got2 := a.Info()
			got2.Faces = nil
			if fmt.Sprint(got2) != fmt.Sprint(want) || want.Maker == "" || want.Model == "" || want.Firmware == "" || want.Maker == want.Model || want.Model == want.Firmware {
				t.Errorf("info: got %+v", a.Info())
			}
			cancel()
			<-ended
		})
	}
}

// A validator whose box is full shuts itself: it is asked once a second whether that is mended, and not told to open again and again.
func TestFullBoxIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, count := map[byte]int{}, false
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && count {
				asked[p[3]]++
			}
			return p
		})
		b.sim.Faults().Arm("box_full", 1)
		<-time.After(10 * time.Second)
		b.Hold(func() { count = true })
		<-time.After(time.Minute)
		b.Hand.Lock()
		defer b.Hand.Unlock()
		for header, want := range map[byte][2]int{232: {45, 62}, 228: {0, 1}, 153: {0, 1}, 231: {0, 1}, 154: {0, 0}} {
			if got := asked[header]; got < want[0] || got > want[1] {
				t.Errorf("header %d was sent %d times in a minute, want %d to %d", header, got, want[0], want[1])
			}
		}
		if s := a.State(); s.Accepting || !s.Online || !s.BoxIn || !fault.Is(s.Fault, fault.Full) {
			t.Errorf("state: got %+v, want %s", s, fault.Full)
		}
	})
}

// A note that waits for its owner is held every ten seconds, and the validator is told nothing else.
func TestNoteThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, count := map[string]int{}, false
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && count {
				asked[fmt.Sprint(p[3:len(p)-1])]++
			}
			return p
		})
		id, _ := b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		await(t, a, cash.Escrowed)
		b.Hold(func() { count = true })
		<-time.After(2 * time.Minute)
		b.Hand.Lock()
		defer b.Hand.Unlock()
		for what, want := range map[string][2]int{"[154 255]": {11, 12}, "[154 0]": {0, 0}, "[154 1]": {0, 0}, "[232]": {0, 0}, "[228 1]": {0, 0}, "[228 0]": {0, 0}} {
			if got := asked[what]; got < want[0] || got > want[1] {
				t.Errorf("%s was sent %d times in two minutes, want %d to %d", what, got, want[0], want[1])
			}
		}
		if got := b.sim.Path().Fate(id); got != notepath.Escrow || !a.State().Escrow {
			t.Errorf("fate: got %s, state %+v, want it in escrow", got, a.State())
		}
	})
}

// A validator that will not take a setting says so to whoever asked, once, and is asked anew with the next wish.
func TestSettingsRefused(t *testing.T) {
	for _, header := range []byte{153, 231, 228} {
		synctest.Test(t, func(t *testing.T) {
			asked, armed, sets := byte(0), false, 0
			b, a := accepting(t, func(fromHost bool, p []byte) []byte {
				if fromHost {
					if asked = p[3]; asked == header {
						sets++
					}
					return p
				}
				if armed && asked == header {
					return reply(5)
				}
				return p
			})
			b.Hold(func() { armed, sets = true, 0 })
			if err := a.Accept(t.Context(), cashtest.Faces[:1]); !fault.Is(err, fault.Refused) {
				t.Errorf("header %d refused: got %v, want %s", header, err, fault.Refused)
			}
			<-time.After(time.Minute)
			b.Hold(func() {
				if s := a.State(); s.Accepting || !s.Online || sets != 1 {
					t.Errorf("header %d refused: given %d times, state %+v, want once and not accepting", header, sets, s)
				}
				armed = false
			})
			if err := a.Accept(t.Context(), cashtest.Faces); err != nil || !a.State().Accepting {
				t.Errorf("header %d taken: got %v, state %+v", header, err, a.State())
			}
		})
	}
}

// A validator that takes all settings and says another mode then is shut at once, and told all of them again.
func TestModeForgottenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []string
		asked, before, armed := byte(0), byte(0), 0
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost {
				before = asked
				if asked = p[3]; armed > 0 || len(told) > 0 {
					told = append(told, fmt.Sprint(p[3:len(p)-1]))
				}
				return p
			}
			// Only behind the settings: the mode is read now and then as well, and may be just after a wish was granted.
			if armed > 0 && asked == 152 && before == 228 {
				armed--
				return reply(0, 1)
			}
			return p
		})
		if err := a.Refuse(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.Hold(func() { armed = 1 })
		if err := a.Accept(t.Context(), cashtest.Faces[:1]); err != nil {
			t.Errorf("accept: %v", err)
		}
		b.Hold(func() {
			for len(told) > 0 && told[0] != "[153 3]" {
				told = told[1:]
			}
			want := []string{"[153 3]", "[231 1 0]", "[228 1]", "[152]", "[228 0]", "[153 3]", "[231 1 0]", "[228 1]", "[152]"}
			if got := told[:min(len(told), len(want))]; fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("told %v, want %v", got, want)
			}
			armed = 3
		})
		if err := a.Accept(t.Context(), cashtest.Faces); err != nil || !a.State().Accepting {
			t.Errorf("three times forgotten: got %v, state %+v", err, a.State())
		}
	})
}

// A set-up that is broken off before the device has its settings is no restart of the device, and a restart that was
// told is not told again: the settings that it still lacks are no news.
func TestSetUpBrokenOff(t *testing.T) {
	for name, tt := range map[string]struct {
		mark    cash.Mark
		restart bool
		lost    int
	}{
		"never known":           {},
		"another than before":   {mark: cash.Mark{Serial: "77", Counter: 250, Known: true}, lost: 1},
		"the same":              {mark: cash.Mark{Serial: "123456", Counter: 0, Known: true}, lost: 1}, // its inhibits say so
		"restarts on the line":  {restart: true, lost: 1},
		"restarts, and is same": {mark: cash.Mark{Serial: "123456", Counter: 0, Known: true}, restart: true, lost: 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(cctalksim.Options{})
			defer b.Close()
			drop := 6
			a := cctalk.New(relay(b, func(fromHost bool, p []byte) []byte {
				if fromHost && p[3] == 231 && drop > 0 {
					drop--
					return nil
				}
				return p
			}), cctalk.Options{Checksum: ccbus.Simple})
			a.Resume(tt.mark)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			defer func() { cancel(); <-ended }()
			lost := 0
			until := func(want cash.Happening) {
				t.Helper()
				for s := (cash.Signal{}); s.What != want; {
					var err error
					within, stop := context.WithTimeout(ctx, time.Minute)
					if s, err = a.Next(within); err != nil {
						t.Fatalf("%s: no %s: %v", name, want, err)
					}
					stop()
					if s.What == cash.Lost {
						lost++
					}
					if s.What == cash.Faulty && s.Mark.Known != tt.mark.Known && !tt.restart {
						t.Errorf("%s: before the first settings: mark %+v, want known %v", name, s.Mark, tt.mark.Known)
					}
				}
			}
			until(cash.Ready)
			if tt.restart {
				b.Hold(func() { drop = 8 })
				b.sim.Power(false, false)
				b.sim.Power(true, false)
				until(cash.Lost)
				until(cash.Ready)
			}
			if lost != tt.lost {
				t.Errorf("%s: lost was told %d times, want %d", name, lost, tt.lost)
			}
			if s := a.State(); !s.Online || s.Fault != nil || drop > 0 {
				t.Errorf("%s: state %+v, %d settings still to be lost", name, s, drop)
			}
		})
	}
}

// A validator that falls silent is given up after a few turns and opened anew; nothing is lost of one that stood still.
func TestSilentForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute, opened := false, 0
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 254 {
				opened++
			}
			if !fromHost && mute {
				return nil
			}
			return p
		})
		b.Hold(func() { mute, opened = true, 0 })
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		s, err := a.Next(ctx)
		if err != nil || s.What != cash.Faulty || s.Fault.Kind != fault.Silent || s.Fault.Op != "poll" || s.Fault.Device != "cctalk" {
			t.Fatalf("got %+v, %v, want a fault of kind %s", s, err, fault.Silent)
		}
		if took := time.Since(began); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("told after %v, want some 3 s: a validator that restarts is silent that long", took)
		}
		if s := a.State(); s.Online || s.Accepting || s.BoxIn {
			t.Errorf("state: got %+v, want offline", s)
		}
		b.Hold(func() { mute = false })
		for _, want := range []cash.Happening{cash.Cleared, cash.Ready} {
			if s, err := a.Next(ctx); err != nil || s.What != want {
				t.Fatalf("got %+v, %v, want %s", s, err, want)
			}
		}
		<-time.After(10 * time.Second)
		b.Hand.Lock()
		defer b.Hand.Unlock()
		if s := a.State(); !s.Accepting || opened == 0 {
			t.Errorf("state: got %+v after %d openings, want the wish granted again", s, opened)
		}
	})
}

// The host hears that the validator has lost its memory and dies before it has written that down: the next start hears it again.
func TestHostDiesBeforeTheLossIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(cctalksim.Options{})
		defer b.Close()
		for range 3 {
			a := cctalk.New(relay(b, func(_ bool, p []byte) []byte { return p }), cctalk.Options{Checksum: ccbus.Simple})
			a.Resume(cash.Mark{Serial: "123456", Counter: 0, Known: true})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			ended := make(chan error)
			go func() { ended <- a.Run(ctx) }()
			if s, err := a.Next(ctx); err != nil || s.What != cash.Lost {
				t.Errorf("got %+v (%v), want %s", s, err, cash.Lost)
			}
			time.Sleep(time.Second) // virtual: who writes does not ask for the next
			cancel()
			<-ended
		}
	})
}
