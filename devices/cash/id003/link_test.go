package id003_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/id003"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/fault"
	"yichuang/devices/serialport"
	"yichuang/devices/wire"
)

// relay puts a hand between driver and device that sees each write and may change it. It sees one at a time.
func relay(b *bench, change func(fromHost bool, p []byte) []byte) wire.Opener {
	b.Between(change)
	return b.Open
}

// frame makes a frame.
func frame(code byte, data ...byte) []byte {
	out := append([]byte{0xFC, byte(5 + len(data)), code}, data...)
	var crc uint16
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

// await passes over news of faults until the signal comes.
func await(t *testing.T, a *id003.Acceptor, want cash.Happening) cash.Signal {
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

// driven runs a driver with a hand between it and the acceptor.
func driven(t *testing.T, change func(fromHost bool, p []byte) []byte) (*bench, *id003.Acceptor) {
	t.Helper()
	b := newBench(id003sim.Options{})
	a := id003.New(relay(b, change), id003.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; b.Close() })
	return b, a
}

// accepting is driven until it takes notes.
func accepting(t *testing.T, change func(fromHost bool, p []byte) []byte) (*bench, *id003.Acceptor) {
	t.Helper()
	b, a := driven(t, change)
	await(t, a, cash.Ready)
	if err := a.Accept(t.Context(), cashtest.Faces); err != nil {
		t.Fatal(err)
	}
	return b, a
}

// escrowed puts a note in.
func escrowed(t *testing.T, b *bench, a *id003.Acceptor) int {
	t.Helper()
	id, err := b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
	if err != nil {
		t.Fatal(err)
	}
	await(t, a, cash.Escrowed)
	return id
}

// same passes everything on.
func same(_ bool, p []byte) []byte { return p }

// asked counts what the host says, once counting has begun.
type asked struct {
	counts bool
	said   map[string]int
	order  []string
}

func (c *asked) hand(fromHost bool, p []byte) []byte {
	if fromHost && c.counts {
		word := fmt.Sprintf("%x", p[2:len(p)-2])
		c.said[word]++
		c.order = append(c.order, word)
	}
	return p
}

func (c *asked) begin() { c.counts, c.said, c.order = true, map[string]int{}, nil }

// want checks how often each command was given; all others never.
func (c *asked) want(t *testing.T, want map[string][2]int) {
	t.Helper()
	for word, n := range c.said {
		if _, known := want[word]; !known {
			t.Errorf("command %s was given %d times, want never", word, n)
		}
	}
	for word, limits := range want {
		if n := c.said[word]; n < limits[0] || n > limits[1] {
			t.Errorf("command %s was given %d times, want %d to %d", word, n, limits[0], limits[1])
		}
	}
}

// What an opened acceptor is asked and told, in order.
func TestSetUpInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		c.begin()
		b, a := driven(t, c.hand)
		s := await(t, a, cash.Ready)
		b.Hold(func() {
			order := slices.Compact(slices.Clone(c.order))
			want := []string{"11", "40", "11", "88", "8a", "c301", "c0ffff", "c10000", "c200", "c400", "11"}
			if !slices.Equal(order, want) {
				t.Errorf("told %v, want %v", order, want)
			}
		})
		if i := a.Info(); i.Protocol != "id003" || i.Maker != "JCM" || i.Model != "YC(CHN)-03-SS" || i.Firmware != "ID003-05V100-01 01JAN26 5943" || i.Serial != "" {
			t.Errorf("info: %+v", i)
		}
		if s.Mark.Serial != "id003 YC(CHN)-03-SS ID003-05V100-01 01JAN26 5943" {
			t.Errorf("mark: %+v", s.Mark)
		}
		b.Hold(c.begin)
		if err := a.Accept(t.Context(), []cash.Note{cashtest.Faces[0], cashtest.Faces[5]}); err != nil {
			t.Fatal(err)
		}
		b.Hold(func() {
			want := []string{"11", "c301", "c0deff", "c10000", "c200", "c400", "c300"}
			if !slices.Equal(c.order, want) {
				t.Errorf("told %v, want %v", c.order, want)
			}
			c.begin()
		})
		if err := a.Refuse(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.Hold(func() {
			if c.said["c301"] != 1 || c.said["c300"] != 0 {
				t.Errorf("told %v, want inhibited", c.order)
			}
		})
	})
}

// An acceptor to which nothing happens is polled, and told nothing.
func TestNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		b, a := accepting(t, c.hand)
		b.Hold(c.begin)
		<-time.After(2 * time.Minute)
		b.Hold(func() { c.want(t, map[string][2]int{"11": {560, 600}}) })
		if s := a.State(); !s.Accepting || !s.BoxIn || s.Fault != nil {
			t.Errorf("state: got %+v, want accepting", s)
		}
	})
}

// A note that waits for its owner is held every five seconds, and the acceptor is told nothing else.
func TestNoteThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		b, a := accepting(t, c.hand)
		id := escrowed(t, b, a)
		b.Hold(c.begin)
		if err := a.Accept(t.Context(), cashtest.Faces[:1]); err != nil {
			t.Errorf("accept: %v", err)
		}
		<-time.After(2 * time.Minute)
		b.Hold(func() { c.want(t, map[string][2]int{"11": {1100, 1201}, "44": {22, 24}}) })
		if got := b.sim.Path().Fate(id); got != notepath.Escrow || !a.State().Escrow {
			t.Errorf("fate: got %s, state %+v, want it in escrow", got, a.State())
		}
		b.Hold(c.begin)
		if err := a.Return(t.Context()); err != nil {
			t.Errorf("return: %v", err)
		}
		await(t, a, cash.Returned)
		<-time.After(time.Second)
		b.Hold(func() {
			delete(c.said, "11")
			c.want(t, map[string][2]int{"43": {1, 1}, "c301": {1, 1}, "c0feff": {1, 1}, "c10000": {1, 1}, "c200": {1, 1}, "c400": {1, 1}, "c300": {1, 1}})
		})
	})
}

// The credit is acknowledged when its owner asks for the next signal, and not before.
func TestAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		b, a := accepting(t, c.hand)
		escrowed(t, b, a)
		b.Hold(c.begin)
		if err := a.Stack(t.Context()); err != nil {
			t.Errorf("stack: %v", err)
		}
		<-time.After(time.Minute) // nobody takes the signal
		b.Hold(func() {
			if c.said["50"] != 0 {
				t.Error("acknowledged before it was fetched")
			}
		})
		await(t, a, cash.Stacked)
		<-time.After(time.Minute) // the journal's disk is slow
		b.Hold(func() {
			if c.said["50"] != 0 || c.said["42"] != 1 {
				t.Errorf("told %v, want one STACK and no ACK: it is not written down", c.said)
			}
			c.begin()
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if s, err := a.Next(ctx); err == nil {
			t.Errorf("told %+v", s)
		}
		b.Hold(func() { c.want(t, map[string][2]int{"11": {40, 60}, "50": {1, 1}}) })
	})
}

// RESET waits in the same way for what it makes the acceptor forget.
func TestResetWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		b, a := accepting(t, c.hand)
		escrowed(t, b, a)
		if err := a.Stack(t.Context()); err != nil {
			t.Errorf("stack: %v", err)
		}
		b.sim.Faults().Arm("reset", 1)
		b.Hold(c.begin)
		<-time.After(time.Minute)
		await(t, a, cash.Lost)
		<-time.After(time.Minute)
		b.Hold(func() { c.want(t, map[string][2]int{"11": {450, 700}}) })
		await(t, a, cash.Ready)
		b.Hold(func() {
			if c.said["40"] != 1 {
				t.Errorf("RESET was given %d times, want once", c.said["40"])
			}
		})
		<-time.After(time.Second)
		if s := a.State(); !s.Accepting || s.Escrow {
			t.Errorf("state: got %+v, want accepting", s)
		}
	})
}

// An ACK that is lost on its way is given again, and the note is told once.
func TestAcknowledgementLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := 0
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && p[2] == 0x50 && lost < 3 {
				lost++
				return nil
			}
			return p
		})
		escrowed(t, b, a)
		a.Stack(t.Context())
		await(t, a, cash.Stacked)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if s, err := a.Next(ctx); err == nil {
			t.Errorf("told %+v", s)
		}
		b.Hold(func() {
			if lost != 3 {
				t.Errorf("%d were lost, want 3", lost)
			}
		})
		escrowed(t, b, a)
	})
}

// A command that the device never heard is given again.
func TestCommandLostOnItsWay(t *testing.T) {
	for _, lose := range []int{1, 2, 3, 4} {
		synctest.Test(t, func(t *testing.T) {
			lost := 0
			b, a := accepting(t, func(fromHost bool, p []byte) []byte {
				if fromHost && p[2] == 0x42 && lost < lose {
					lost++
					return nil
				}
				return p
			})
			id := escrowed(t, b, a)
			err := a.Stack(t.Context())
			if got, want := fault.Is(err, fault.Silent), lose >= 3; got != want || err != nil && !got {
				t.Errorf("stack with %d lost commands: got %v, want silent %v", lose, err, want)
			}
			await(t, a, cash.Stacked)
			if got := b.sim.Path().Fate(id); got != notepath.Stacked {
				t.Errorf("fate: got %s, want %s", got, notepath.Stacked)
			}
		})
	}
}

// An acceptor that acknowledges and does nothing is told again after a while.
func TestCommandWithoutEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && p[2] == 0x43 && first {
				first = false
				return frame(0x45) // WAIT instead: acknowledged, and the note stays
			}
			return p
		})
		escrowed(t, b, a)
		began := time.Now()
		if err := a.Return(t.Context()); err != nil {
			t.Errorf("return: %v", err)
		}
		await(t, a, cash.Returned)
		if took := time.Since(began); took < 6*time.Second || took > 8*time.Second {
			t.Errorf("it took %v, want some 7 s", took)
		}
	})
}

// A device that calls the command invalid while the note stays leaves the decision with the owner.
func TestRouteRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := true
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && refuse && p[2] == 0x42 {
				return frame(0x77) // no command at all
			}
			return p
		})
		id := escrowed(t, b, a)
		for range 2 {
			if err := a.Stack(t.Context()); !fault.Is(err, fault.Refused) {
				t.Errorf("got %v, want %s", err, fault.Refused)
			}
		}
		if s := a.State(); !s.Escrow || !s.Online {
			t.Errorf("state: got %+v, want the note still in escrow", s)
		}
		b.Hold(func() { refuse = false })
		if err := a.Stack(t.Context()); err != nil {
			t.Errorf("stack: %v", err)
		}
		await(t, a, cash.Stacked)
		if got := b.sim.Path().Fate(id); got != notepath.Stacked {
			t.Errorf("fate: got %s, want %s", got, notepath.Stacked)
		}
	})
}

// The owner thinks better of it while the first command is still on the line: its acknowledgement is not that of the second.
func TestSecondThoughts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stacking := make(chan bool, 1)
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost && p[2] == 0x42 {
				stacking <- true
				<-time.After(100 * time.Millisecond)
				return frame(0x45) // WAIT instead: acknowledged, and the note stays
			}
			return p
		})
		id := escrowed(t, b, a)
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

// A jam without a note of ours is tried to be cleared every half minute; with one only a hand clears it.
func TestJamIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		b, a := accepting(t, c.hand)
		b.sim.Faults().Arm("jam", 1)
		b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		s := await(t, a, cash.Faulty)
		if s.Fault.Kind != fault.Jammed {
			t.Errorf("got %v, want %s", s.Fault, fault.Jammed)
		}
		b.Hold(c.begin)
		<-time.After(2 * time.Minute)
		b.Hold(func() {
			if n := c.said["40"]; n < 3 || n > 4 {
				t.Errorf("RESET was given %d times in two minutes, want 3 or 4", n)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for {
			s, err := a.Next(ctx)
			if err != nil {
				break
			}
			if s.What != cash.Ready {
				t.Errorf("told %+v while it was stuck all the time", s)
			}
		}
		b.sim.Faults().Arm("jam", 0)
		for next(t, a).What != cash.Cleared {
		}
		<-time.After(5 * time.Second)
		b.sim.Path().Offer(5000, "CNY", notepath.Genuine)
		for next(t, a).What != cash.Escrowed {
		}
		b.sim.Faults().Arm("jam", 1)
		a.Stack(t.Context())
		await(t, a, cash.Faulty)
		b.Hold(c.begin)
		<-time.After(2 * time.Minute)
		b.Hold(func() {
			if n := c.said["40"]; n != 0 {
				t.Errorf("RESET was given %d times with a note inside, want never", n)
			}
		})
	})
}

// next gives the next signal.
func next(t *testing.T, a *id003.Acceptor) cash.Signal {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := a.Next(ctx)
	if err != nil {
		t.Fatalf("no signal: %v; state %+v", err, a.State())
	}
	return s
}

// An acceptor that idles other than it was told is told again, once in a while.
func TestSettingsThatGotLost(t *testing.T) {
	for _, tt := range []struct {
		accept bool
		shows  byte
	}{{true, 0x1A}, {false, 0x11}} {
		synctest.Test(t, func(t *testing.T) {
			armed := false
			c := &asked{}
			b, a := accepting(t, func(fromHost bool, p []byte) []byte {
				if !fromHost && armed && (p[2] == 0x1A || p[2] == 0x11) {
					return frame(tt.shows)
				}
				return c.hand(fromHost, p)
			})
			if !tt.accept {
				if err := a.Refuse(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			b.Hold(func() { armed = true; c.begin() })
			<-time.After(10 * time.Second)
			b.Hold(func() {
				if n := c.said["c301"]; n < 6 || n > 10 {
					t.Errorf("accept %v: told %d times in ten seconds, want about once a second", tt.accept, n)
				}
				armed = false
				c.begin()
			})
			<-time.After(10 * time.Second)
			b.Hold(func() {
				if n := c.said["c301"]; n > 1 {
					t.Errorf("accept %v: told %d times when it obeys, want once at most", tt.accept, n)
				}
			})
			if s := a.State(); s.Accepting != tt.accept {
				t.Errorf("state %+v, want accepting %v", s, tt.accept)
			}
		})
	}
}

// An acceptor that will not take a setting says so to whoever asked, once, and is asked anew with the next wish.
func TestSettingsRefused(t *testing.T) {
	for _, command := range []byte{0xC0, 0xC1, 0xC2, 0xC3, 0xC4} {
		synctest.Test(t, func(t *testing.T) {
			armed, sets := false, 0
			b, a := accepting(t, func(fromHost bool, p []byte) []byte {
				if fromHost && armed && p[2] == command {
					sets++
					return frame(0x77)
				}
				return p
			})
			b.Hold(func() { armed, sets = true, 0 })
			if err := a.Accept(t.Context(), cashtest.Faces[:1]); !fault.Is(err, fault.Refused) {
				t.Errorf("command %x refused: got %v, want %s", command, err, fault.Refused)
			}
			<-time.After(time.Minute)
			b.Hold(func() {
				if s := a.State(); s.Accepting || !s.Online || sets != 1 {
					t.Errorf("command %x refused: given %d times, state %+v, want once and not accepting", command, sets, s)
				}
				armed = false
			})
			if err := a.Accept(t.Context(), cashtest.Faces); err != nil || !a.State().Accepting {
				t.Errorf("command %x taken: got %v, state %+v", command, err, a.State())
			}
		})
	}
}

// A setting whose answer goes missing is said again with all the others.
func TestSettingUnheard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &asked{}
		lost := 0
		asking := byte(0)
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if fromHost {
				asking = p[2]
			} else if asking == 0xC0 && c.counts && lost < 2 {
				lost++
				return nil
			}
			return c.hand(fromHost, p)
		})
		b.Hold(c.begin)
		if err := a.Accept(t.Context(), cashtest.Faces[:2]); err != nil || !a.State().Accepting {
			t.Errorf("got %v, state %+v", err, a.State())
		}
		b.Hold(func() {
			want := []string{"11", "c301", "c0fcff", "c301", "c0fcff", "c301", "c0fcff", "c10000", "c200", "c400", "c300"}
			if !slices.Equal(c.order, want) {
				t.Errorf("told %v, want %v", c.order, want)
			}
		})
	})
}

// Devices that are something else, or say what cannot be.
func TestOddDevices(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command byte
		say     []byte
		what    cash.Happening
		kind    fault.Kind
		detail  string
	}{
		{"as it should be", 0, nil, cash.Ready, "", ""},
		{"no version", 0x88, frame(0x4B), cash.Faulty, fault.Refused, "invalid"},
		{"no answer to the version", 0x88, nil, cash.Faulty, fault.Silent, ""},
		{"no table", 0x8A, frame(0x4B), cash.Faulty, fault.Refused, "invalid"},
		{"a table of another country", 0x8A, frame(0x8A, 0x61, 0x01, 1, 0), cash.Faulty, fault.Invalid, "[01]"},
		{"a table that is none", 0x8A, frame(0x8A, 0x61, 0x2D, 1), cash.Faulty, fault.Garbled, "rows"},
		{"an unknown state", 0x11, frame(0x1C), cash.Faulty, fault.Garbled, "nobody"},
		{"escrow without a denomination", 0x11, frame(0x13), cash.Faulty, fault.Garbled, "without"},
		{"noise", 0x11, []byte{1, 2, 3}, cash.Faulty, fault.Garbled, "start"},
		{"a failure", 0x11, frame(0x49, 0xA2), cash.Faulty, fault.Broken, "stack motor"},
		{"no settings", 0xC1, frame(0x4B), cash.Ready, "", ""},
		{"no answer to the settings", 0xC1, nil, cash.Faulty, fault.Silent, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			asking, started := byte(0), false
			_, a := driven(t, func(fromHost bool, p []byte) []byte {
				if fromHost {
					asking = p[2]
					return p
				}
				started = started || p[2] == 0x50 // RESET is over
				if started && asking == tt.command {
					return tt.say
				}
				return p
			})
			s := next(t, a)
			if s.What != tt.what || fault.KindOf(orNil(s.Fault)) != tt.kind || s.Fault != nil && !strings.Contains(s.Fault.Error(), tt.detail) {
				t.Errorf("%s: got %s (%v), want %s %s", tt.name, s.What, s.Fault, tt.what, tt.kind)
			}
		})
	}
}

func orNil(f *fault.Error) error {
	if f == nil {
		return nil
	}
	return f
}

// RESET that the acceptor does not hear, or does not want, is given again.
func TestResetAgain(t *testing.T) {
	for name, instead := range map[string][]byte{"not heard": nil, "not wanted": frame(0x77)} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			_, a := driven(t, func(fromHost bool, p []byte) []byte {
				if fromHost && p[2] == 0x40 {
					if at = append(at, time.Now()); len(at) <= 3 {
						return instead
					}
				}
				return p
			})
			for next(t, a).What != cash.Ready {
			}
			if len(at) != 4 || at[1].Sub(at[0]) < time.Second || at[3].Sub(at[0]) > 8*time.Second {
				t.Errorf("%s: RESET was given at %v", name, at)
			}
		})
	}
}

// An acceptor that falls silent is given up after a few turns and opened anew; nothing is lost of one that stood still.
func TestSilentForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mute := false
		c := &asked{}
		b, a := accepting(t, func(fromHost bool, p []byte) []byte {
			if !fromHost && mute {
				return nil
			}
			return c.hand(fromHost, p)
		})
		b.Hold(func() { mute = true })
		began := time.Now()
		s := next(t, a)
		if s.What != cash.Faulty || s.Fault.Kind != fault.Silent || s.Fault.Op != "poll" || s.Fault.Device != "id003" {
			t.Fatalf("got %+v, want a fault of kind %s", s, fault.Silent)
		}
		if took := time.Since(began); took < 3300*time.Millisecond || took > 4200*time.Millisecond {
			t.Errorf("told after %v, want some 4 s: an acceptor that restarts is silent that long", took)
		}
		if s := a.State(); s.Online || s.Accepting || s.BoxIn {
			t.Errorf("state: got %+v, want offline", s)
		}
		if err := a.Refuse(t.Context()); !fault.Is(err, fault.Silent) {
			t.Errorf("refuse: got %v, want %s", err, fault.Silent)
		}
		if err := a.Accept(t.Context(), cashtest.Faces); !fault.Is(err, fault.Silent) {
			t.Errorf("accept: got %v, want %s", err, fault.Silent)
		}
		b.Hold(func() { mute = false; c.begin() })
		for _, want := range []cash.Happening{cash.Cleared, cash.Ready} {
			if s := next(t, a); s.What != want {
				t.Fatalf("got %+v, want %s", s, want)
			}
		}
		<-time.After(10 * time.Second)
		if s := a.State(); !s.Accepting {
			t.Errorf("state: got %+v, want the wish granted again", s)
		}
		b.Hold(func() {
			if c.said["40"] != 0 || c.said["88"] != 1 {
				t.Errorf("told %v, want it recognised and no RESET", c.said)
			}
		})
	})
}

// One missing answer costs its own time and not that of every later one.
func TestOneSilenceIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, a := driven(t, same)
		b.sim.Faults().Arm("silence", 1)
		began := time.Now()
		await(t, a, cash.Ready)
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("ready after %v, want less than 6 s: 1 s of start, 2 s of initialising", took)
		}
	})
}

// A device that never takes a byte leaves Run free to end.
func TestDeafLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened := 0
		a := id003.New(func() (wire.Port, error) {
			opened++
			host, far := net.Pipe() // nobody reads: the write blocks
			_ = far
			return host, nil
		}, id003.Options{})
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
		a := id003.New(func() (wire.Port, error) { opened++; return nil, errors.New("none") }, id003.Options{})
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

// The smoke test: driver, serialport with even parity, a real pseudo terminal behind a link, simulator.
func TestOverPseudoTerminal(t *testing.T) {
	sim := id003sim.New(id003sim.Options{Path: notepath.Options{Validate: time.Millisecond, Stack: time.Millisecond, Return: time.Millisecond}})
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
	options := serialport.Options{Baud: 9600, Parity: serialport.Even}
	a := id003.New(func() (wire.Port, error) { return serialport.Open(link, options) }, id003.Options{})
	// The terminal must be raw before anything is sent; its settings stay while the slave is open.
	raw, err := serialport.Open(link, options)
	if err != nil {
		t.Fatal(err)
	}
	raw.Close()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	served := make(chan error, 1)
	go func() { served <- sim.Serve(ctx, master) }()
	for next(t, a).What != cash.Ready {
	}
	if err := a.Accept(ctx, cashtest.Faces); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		act  func(context.Context) error
		want cash.Happening
		fate notepath.Fate
	}{{a.Stack, cash.Stacked, notepath.Stacked}, {a.Return, cash.Returned, notepath.Returned}} {
		id := drawn(ctx, t, sim, a)
		if s := next(t, a); s.What != cash.Escrowed {
			t.Errorf("got %s, want %s", s.What, cash.Escrowed)
		}
		if err := tt.act(ctx); err != nil {
			t.Errorf("%s: %v", tt.want, err)
		}
		if s := next(t, a); s.What != tt.want {
			t.Errorf("got %s, want %s", s.What, tt.want)
		}
		if got := sim.Path().Wait(ctx, id); got != tt.fate {
			t.Errorf("fate: got %s, want %s", got, tt.fate)
		}
	}
	cancel()
	<-ended
	slave.Close() // the last of the slave's ends: the master's read ends too
	<-served
	master.Close()
}

// drawn holds a note to the mouth until the rollers take it: the last one is acknowledged meanwhile.
func drawn(ctx context.Context, t *testing.T, sim *id003sim.Sim, a *id003.Acceptor) int {
	t.Helper()
	for ctx.Err() == nil {
		id, err := sim.Path().Offer(2000, "CNY", notepath.Genuine)
		if err != nil {
			t.Fatal(err)
		}
		if sim.Path().Fate(id) != notepath.Refused {
			return id
		}
		wait, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		if s, err := a.Next(wait); err == nil && s.What != cash.Ready {
			t.Errorf("told %+v", s)
		}
		cancel()
	}
	t.Fatal("the mouth stays shut")
	return 0
}
