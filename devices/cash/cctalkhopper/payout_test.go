package cctalkhopper_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/fault"
)

// cipher is the pretend maker's secret.
func cipher(key [8]byte) [8]byte { return cctalkhoppersim.Answer(key) }

func one(by cctalkhoppersim.By, model string) []cctalkhoppersim.Hopper {
	return []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 100, By: by, Model: model}}
}

func TestInfoAndState(t *testing.T) {
	bubble(t, cctalkhoppersim.Options{}, cctalkhopper.Options{Hoppers: both}, func(b *bench) {
		b.begin()
		if s := b.p.State(); s.Online || s.Fault == nil || s.Fault.Kind != fault.Absent {
			t.Errorf("state before the device was heard: got %+v, want offline with a fault", s)
		}
		b.until("fit", func(s cash.PayerState) bool { return s.Online && s.Fault == nil })
		i := b.p.Info()
		if i.Protocol != "cctalk-hopper" || i.Maker != "YCS" || i.Model != "YC-3" || i.Firmware == "" || i.Serial != "3:345673 4:345674" || i.Counts {
			t.Errorf("info: got %+v", i)
		}
		if want := []cash.Note{yuan, jiao}; fmt.Sprint(i.Faces) != fmt.Sprint(want) {
			t.Errorf("faces: got %v, want %v", i.Faces, want)
		}
		if s := b.p.State(); s.Paying || len(s.Low) > 0 || len(s.Unfit) > 0 || s.Levels != nil {
			t.Errorf("state: got %+v", s)
		}
	})
}

func TestPays(t *testing.T) {
	for _, crc := range []bool{false, true} {
		for _, tt := range []struct {
			by    cctalkhoppersim.By
			model string
			o     cctalkhopper.Options
		}{
			{cctalkhoppersim.Plain, "", cctalkhopper.Options{}},
			{cctalkhoppersim.Plain, "", cctalkhopper.Options{By: cctalkhopper.Plain}},
			{cctalkhoppersim.Serial, "", cctalkhopper.Options{By: cctalkhopper.Serial}},
			{cctalkhoppersim.Serial, "SUH1", cctalkhopper.Options{}}, // a quirk
			{cctalkhoppersim.Cipher, "", cctalkhopper.Options{Cipher: cipher}},
			{cctalkhoppersim.Cipher, "", cctalkhopper.Options{Cipher: cipher, Seed: func() [8]byte { return [8]byte{1, 2, 3} }}},
		} {
			tt.o.Hoppers = map[byte]int64{3: 0}
			bubble(t, cctalkhoppersim.Options{Hoppers: one(tt.by, tt.model), CRC: crc, Echo: crc, BaudPace: crc}, tt.o, func(b *bench) {
				b.start()
				paid := b.pay(piles(yuan, 7), piles(yuan, 7), "")
				b.out(7)
				if len(paid.Raw) == 0 {
					t.Error("paid without the bytes that told it")
				}
				b.pay(piles(yuan, 1), piles(yuan, 1), "")
				b.out(8)
			})
		}
	}
}

// More than twenty coins are paid by several orders, and each of several hoppers pays its own.
func TestSplits(t *testing.T) {
	usual(t, func(b *bench) {
		orders := b.sees(167)
		b.pay(piles(yuan, 45, jiao, 20, yuan, 1), piles(yuan, 46, jiao, 20), "")
		b.out(46, 20)
		if got := orders(); got != 4 {
			t.Errorf("orders: got %d, want 4", got)
		}
		b.pay(piles(jiao, 21), piles(jiao, 21), "")
		b.pay(nil, nil, fault.Invalid)
		b.pay(piles(jiao, 0), nil, fault.Invalid)
		b.out(46, 41)
	})
}

// Afterwards a hopper cannot be set off by anybody.
func TestDisabledAfterwards(t *testing.T) {
	usual(t, func(b *bench) {
		b.pay(piles(yuan, 2), piles(yuan, 2), "")
		enabled := byte(0)
		b.Between(func(fromHost bool, p []byte) []byte {
			if !fromHost && p[1] == 3 && p[0] == 1 {
				enabled |= ^p[4] & 0x80 // register 1, bit 7: disabled
			}
			return p
		})
		time.Sleep(10 * time.Second) // virtual
		b.Hold(func() {
			if enabled != 0 {
				t.Error("a hopper is enabled though nothing is paid")
			}
		})
	})
}

func TestPayIsRefused(t *testing.T) {
	usual(t, func(b *bench) {
		m := b.before()
		orders := b.sees(167)
		for _, tt := range []struct {
			name   string
			before cash.Memory
			pieces []cash.Pile
		}{
			{"nothing was written down", cash.Memory{}, piles(yuan, 1)},
			{"a face that there is not", m, piles(yuan, 1, cash.Note{Face: 10, Currency: "CNY"}, 1)},
			{"another currency", m, piles(cash.Note{Face: 100, Currency: "HKD"}, 1)},
			{"less than nothing", m, piles(yuan, 1, jiao, -1)},
			{"no face", m, piles(cash.Note{}, 1)},
			{"not of this instant", cash.Memory{Known: true, Serial: "3:345673", Parts: []cash.Memory{{Serial: "3:345673", Counter: 9, Paid: piles(yuan, 0), Known: true}}}, piles(yuan, 1)},
			{"another count", cash.Memory{Known: true, Serial: "3:345673", Parts: []cash.Memory{{Serial: "3:345673", Paid: piles(yuan, 5), Known: true}}}, piles(yuan, 1)},
			{"of another hopper", cash.Memory{Known: true, Serial: "3:1", Parts: []cash.Memory{{Serial: "3:1", Paid: piles(yuan, 0), Known: true}}}, piles(yuan, 1)},
		} {
			paid, err := b.p.Pay(context.Background(), tt.before, tt.pieces)
			b.want(tt.name, paid, err, nil, nil, fault.Invalid)
		}
		b.pay(piles(yuan, 1), piles(yuan, 1), "")
		paid, err := b.p.Pay(context.Background(), m, piles(yuan, 1))
		b.want("the same once more", paid, err, nil, nil, fault.Invalid)
		b.out(1, 0)
		if got := orders(); got != 1 {
			t.Errorf("orders: got %d, want 1", got)
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if paid, err := b.p.Pay(ended, b.before(), piles(yuan, 1)); err != context.Canceled || paid.Out != nil {
			t.Errorf("pay when nobody wants it any more: got %+v, %v", paid, err)
		}
		b.out(1, 0)
	})
}

func TestNotRunning(t *testing.T) {
	bubble(t, cctalkhoppersim.Options{}, cctalkhopper.Options{Hoppers: both}, func(b *bench) {
		p := cctalkhopper.New(b.Open, b.o)
		if _, err := p.Before(context.Background()); !fault.Is(err, fault.Absent) {
			t.Errorf("before Run: got %v, want %s", err, fault.Absent)
		}
		b.start()
		p = b.p
		m := b.before()
		b.end()
		if _, err := p.Pay(context.Background(), m, piles(yuan, 1)); !fault.Is(err, fault.Absent) {
			t.Errorf("after Run: got %v, want %s", err, fault.Absent)
		}
		if s := p.State(); s.Online || s.Fault == nil || s.Fault.Kind != fault.Absent {
			t.Errorf("state after Run: got %+v", s)
		}
	})
}

// What a hopper is refused for, with what a technician can do.
func TestRefusedHoppers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		so     cctalkhoppersim.Options
		o      cctalkhopper.Options
		change func(bool, []byte) []byte
		kind   fault.Kind
		hint   string
	}{
		{"a cipher that nobody gave us", cctalkhoppersim.Options{Hoppers: one(cctalkhoppersim.Cipher, "")}, cctalkhopper.Options{}, nil, fault.Broken, "no-cipher firmware"},
		{"encryption", cctalkhoppersim.Options{Encrypted: true}, cctalkhopper.Options{}, nil, fault.Broken, "plain CRC or simple checksum"},
		{"no name of its coin", cctalkhoppersim.Options{Hoppers: []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Nameless: true}}}, cctalkhopper.Options{}, nil, fault.Invalid, "kiosk.toml"},
		{"an unknown country", cctalkhoppersim.Options{Country: "TK"}, cctalkhopper.Options{}, nil, fault.Invalid, "kiosk.toml"},
		{"no lifetime count", cctalkhoppersim.Options{}, cctalkhopper.Options{}, answering(168, reply(5)), fault.Invalid, "power cut"},
		{"a coin acceptor", cctalkhoppersim.Options{}, cctalkhopper.Options{}, answering(245, reply(0, []byte("Coin Acceptor")...)), fault.Invalid, "no Payout but a Coin Acceptor"},
		{"PIN mode", cctalkhoppersim.Options{}, cctalkhopper.Options{}, answering(163, reply(0, 0x80, 0x80, 0)), fault.Invalid, "switch PIN mode off"},
		{"an exit that is blocked", cctalkhoppersim.Options{}, cctalkhopper.Options{}, answering(163, reply(0, 0x88)), fault.Tampered, "blocked"},
	} {
		tt.o.Hoppers = map[byte]int64{3: 0}
		bubble(t, tt.so, tt.o, func(b *bench) {
			b.Between(tt.change)
			b.begin()
			b.until("refused", func(s cash.PayerState) bool {
				return s.Fault != nil && s.Fault.Kind == tt.kind && strings.Contains(s.Fault.Error(), tt.hint)
			})
			m, err := b.p.Before(context.Background())
			if err == nil {
				paid, err := b.p.Pay(context.Background(), m, piles(yuan, 1))
				b.want(tt.name, paid, err, nil, nil, tt.kind)
			}
			b.out(make([]int, len(b.rack.World()))...)
		})
	}
}

// answering gives another answer to one question.
func answering(header byte, with []byte) func(bool, []byte) []byte {
	asked := byte(0)
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

// reply makes a packet from hopper 3.
func reply(header byte, data ...byte) []byte {
	out := append([]byte{1, byte(len(data)), 3, header}, data...)
	var sum byte
	for _, b := range out {
		sum += b
	}
	return append(out, -sum)
}

// A hopper whose firmware wants the serial number is not tried with it by chance: another one would take its first
// byte for the number of coins.
func TestSerialIsNotGuessed(t *testing.T) {
	bubble(t, cctalkhoppersim.Options{Hoppers: one(cctalkhoppersim.Serial, "")}, cctalkhopper.Options{Hoppers: map[byte]int64{3: 0}}, func(b *bench) {
		b.start()
		longest := byte(0)
		b.Between(func(fromHost bool, p []byte) []byte {
			if fromHost && p[3] == 167 {
				longest = max(longest, p[1])
			}
			return p
		})
		paid, err := b.p.Pay(context.Background(), b.before(), piles(yuan, 3))
		b.want("pay", paid, err, nil, nil, fault.Invalid)
		if !strings.Contains(err.Error(), "by=serial") {
			t.Errorf("got %v, want a hint", err)
		}
		b.Hold(func() {
			if longest != 1 {
				t.Errorf("an order of %d bytes", longest)
			}
		})
		b.out(0)
	})
}

// Hoppers without a name in the configuration are looked for; one that knows no coin is named with its face.
func TestFindsHoppers(t *testing.T) {
	racks := []cctalkhoppersim.Hopper{{Address: 4, Face: 50, Count: 30}, {Address: 9, Face: 100, Count: 30}}
	bubble(t, cctalkhoppersim.Options{Hoppers: racks}, cctalkhopper.Options{}, func(b *bench) {
		b.start()
		b.until("both found", func(cash.PayerState) bool { return len(b.p.Info().Faces) == 2 })
		b.pay(piles(yuan, 2, jiao, 3), piles(yuan, 2, jiao, 3), "")
		b.out(3, 2)
		b.arm("unplug", 1)
		b.until("away", func(s cash.PayerState) bool { return !s.Online && s.Fault != nil })
		b.arm("unplug", 0)
		b.until("back", func(s cash.PayerState) bool { return s.Online && s.Fault == nil })
		b.pay(piles(jiao, 1), piles(jiao, 1), "")
	})
	racks[1].Nameless = true
	bubble(t, cctalkhoppersim.Options{Hoppers: racks}, cctalkhopper.Options{Hoppers: map[byte]int64{4: 0, 9: 100}}, func(b *bench) {
		b.start()
		b.until("both found", func(cash.PayerState) bool { return len(b.p.Info().Faces) == 2 })
		b.pay(piles(yuan, 2), piles(yuan, 2), "")
	})
	bubble(t, cctalkhoppersim.Options{Hoppers: racks[:1]}, cctalkhopper.Options{Hoppers: map[byte]int64{4: 0, 9: 100}}, func(b *bench) {
		b.begin() // one that is named and not there is missed, and hinders no other
		b.until("missed", func(s cash.PayerState) bool { return s.Online && s.Fault != nil && s.Fault.Kind == fault.Silent })
		if s := b.p.State(); fmt.Sprint(s.Unfit) != fmt.Sprint([]cash.Note{yuan}) {
			t.Errorf("unfit: got %v, want %v", s.Unfit, yuan)
		}
		b.pay(piles(jiao, 2), piles(jiao, 2), "")
		paid, err := b.p.Pay(context.Background(), b.before(), piles(yuan, 1))
		b.want("pay of the missing", paid, err, nil, nil, fault.Silent)
	})
}

// Two hoppers with one face: the second goes on where the first is empty.
func TestTwoOfOneFace(t *testing.T) {
	racks := []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 5}, {Address: 5, Face: 100, Count: 50}}
	bubble(t, cctalkhoppersim.Options{Hoppers: racks}, cctalkhopper.Options{Hoppers: map[byte]int64{3: 0, 5: 0}}, func(b *bench) {
		b.start()
		b.until("both found", func(cash.PayerState) bool { return len(b.before().Parts) == 2 })
		m := b.before()
		b.pay(piles(yuan, 30), piles(yuan, 30), "")
		b.out(5, 25)
		if s := b.p.State(); s.Fault == nil || s.Fault.Kind != fault.Empty || len(s.Unfit) > 0 {
			t.Errorf("state: got %+v, want %s and no face unfit", s, fault.Empty)
		}
		paid, err := b.p.Settle(context.Background(), m, piles(yuan, 30))
		b.want("settle", paid, err, piles(yuan, 30), nil, "")
	})
}

func TestEmpty(t *testing.T) {
	usual(t, func(b *bench) {
		b.rack.Load(3, -190)
		b.until("low", func(s cash.PayerState) bool { return fmt.Sprint(s.Low) == fmt.Sprint([]cash.Note{yuan}) })
		b.pay(piles(yuan, 14, jiao, 2), piles(yuan, 10), fault.Empty)
		b.out(10, 0)
		s := b.p.State()
		if s.Fault == nil || s.Fault.Kind != fault.Empty || fmt.Sprint(s.Unfit) != fmt.Sprint([]cash.Note{yuan}) || s.Paying {
			t.Errorf("state: got %+v, want %s and 1 yuan unfit", s, fault.Empty)
		}
		b.pay(piles(jiao, 2), piles(jiao, 2), "") // the other is fit
		time.Sleep(time.Minute)                   // virtual
		if s := b.p.State(); s.Fault == nil {
			t.Error("emptiness is forgotten")
		}
		b.rack.Load(3, 100)
		b.until("full again", func(s cash.PayerState) bool { return s.Fault == nil && len(s.Unfit) == 0 && len(s.Low) == 0 })
		b.pay(piles(yuan, 4), piles(yuan, 4), "")
		// And one that is filled soon after it ran empty.
		b.rack.Load(4, -196)
		b.pay(piles(jiao, 3), piles(jiao, 2), fault.Empty)
		b.rack.Load(4, 100)
		b.until("full again", func(s cash.PayerState) bool { return s.Fault == nil && len(s.Low) == 0 })
	})
}

// A jam that the hopper cannot see the end of stands until somebody says that it was mended.
func TestJam(t *testing.T) {
	usual(t, func(b *bench) {
		b.pay(piles(yuan, 2), piles(yuan, 2), "")
		b.arm("jam", 1)
		b.pay(piles(yuan, 3), nil, fault.Jammed)
		b.out(2, 0)
		time.Sleep(time.Minute) // virtual
		b.arm("jam", 0)
		time.Sleep(time.Minute) // virtual
		if s := b.p.State(); s.Fault == nil || s.Fault.Kind != fault.Jammed {
			t.Errorf("state: got %+v, want %s", s, fault.Jammed)
		}
		if err := b.p.Mended(context.Background()); err != nil {
			t.Fatal(err)
		}
		if s := b.p.State(); s.Fault != nil {
			t.Errorf("state when mended: got %+v", s)
		}
		time.Sleep(5 * time.Second) // virtual
		if s := b.p.State(); s.Fault != nil {
			t.Errorf("the flags that still stand came back: %+v", s)
		}
		b.pay(piles(yuan, 3), piles(yuan, 3), "")
		b.out(5, 0)
		// And without a word: a payout that succeeds is proof enough.
		b.arm("jam", 1)
		b.pay(piles(yuan, 3), nil, fault.Jammed)
		b.arm("jam", 0)
		b.pay(piles(yuan, 3), piles(yuan, 3), "")
		if s := b.p.State(); s.Fault != nil {
			t.Errorf("state after a payout: got %+v", s)
		}
		// And a hopper that was switched off and on was in somebody's hands.
		b.arm("jam", 1)
		b.pay(piles(yuan, 3), nil, fault.Jammed)
		b.arm("jam", 0)
		b.arm("reset", 1)
		b.until("fit", func(s cash.PayerState) bool { return s.Fault == nil && s.Online })
	})
}

// Flags from before the program was started are not forgotten.
func TestFlagsOutliveTheProgram(t *testing.T) {
	usual(t, func(b *bench) {
		b.arm("jam", 1)
		b.pay(piles(yuan, 3), nil, fault.Jammed)
		b.end()
		b.begin()
		b.until("jammed", func(s cash.PayerState) bool { return s.Fault != nil && s.Fault.Kind == fault.Jammed })
	})
}

func TestFraud(t *testing.T) {
	usual(t, func(b *bench) {
		b.arm("fraud", 1)
		b.pay(piles(yuan, 5, jiao, 1), piles(yuan, 1), fault.Tampered)
		b.out(1, 0)
		if s := b.p.State(); s.Fault == nil || s.Fault.Kind != fault.Tampered {
			t.Errorf("state: got %+v, want %s", s, fault.Tampered)
		}
	})
}

// The owner wants no more: the payout is stopped, and what came out is told.
func TestStopped(t *testing.T) {
	usual(t, func(b *bench) {
		m := b.before()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		paid, err := b.p.Pay(ctx, m, piles(yuan, 50, jiao, 1))
		if err != context.DeadlineExceeded || len(paid.Out) != 1 || paid.Unsure != nil {
			t.Fatalf("got %+v, %v, want some and %v", paid, err, context.DeadlineExceeded)
		}
		n := int(paid.Out[0].Count)
		if n < 5 || n > 12 {
			t.Errorf("%d coins in two seconds", n)
		}
		time.Sleep(time.Minute) // virtual
		b.out(n, 0)
		paid, err = b.p.Settle(context.Background(), m, piles(yuan, 50, jiao, 1))
		b.want("settle", paid, err, piles(yuan, n), nil, "")
	})
}

// The program stops in good order while a payout is under way.
func TestRunEndsInPayout(t *testing.T) {
	usual(t, func(b *bench) {
		m := b.before()
		var paid cash.Paid
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			paid, err = b.p.Pay(context.Background(), m, piles(yuan, 50))
		}()
		time.Sleep(1100 * time.Millisecond) // virtual
		if s := b.p.State(); !s.Paying {
			t.Errorf("state: got %+v, want paying", s)
		}
		b.end()
		<-done
		if err != context.Canceled || len(paid.Out) != 1 || paid.Unsure != nil {
			t.Fatalf("got %+v, %v", paid, err)
		}
		b.out(int(paid.Out[0].Count), 0)
	})
}
