package cctalkhopper_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/fault"
)

var (
	seed = flag.Uint64("hopper.seed", 0, "seed of the random stories; 0 takes a fresh one")
	runs = flag.Int("hopper.runs", 60, "how many random stories")
)

func sum(list []cash.Pile, n cash.Note) (count int) {
	for _, p := range list {
		if p.Note == n {
			count += int(p.Count)
		}
	}
	return count
}

// fell is how many coins of a face are in the tray.
func (b *bench) fell(n cash.Note) (count int) {
	for _, bowl := range b.rack.World() {
		if bowl.Face == n.Face {
			count += bowl.Out
		}
	}
	return count
}

// honest checks a result against the tray: as many fell as are told for sure, and at most the unsure ones more.
func (b *bench) honest(what string, paid cash.Paid, earlier map[cash.Note]int) {
	b.t.Helper()
	for _, n := range []cash.Note{yuan, jiao} {
		fell, out, unsure := b.fell(n)-earlier[n], sum(paid.Out, n), sum(paid.Unsure, n)
		if fell < out || fell > out+unsure {
			b.t.Errorf("%s: %d coins of %d fell, told %d for sure and %d unsure", what, fell, n.Face, out, unsure)
		}
	}
}

// settled asks what came out until the hoppers answer.
func (b *bench) settled(m cash.Memory, pieces []cash.Pile) (cash.Paid, error) {
	b.t.Helper()
	for range 600 {
		paid, err := b.p.Settle(context.Background(), m, pieces)
		if err == nil || paid.Out != nil || paid.Unsure != nil {
			return paid, err
		}
		time.Sleep(time.Second) // virtual
	}
	b.t.Fatalf("never settled; state %+v", b.p.State())
	return cash.Paid{}, nil
}

// The computer loses its power just before each answer of a payout in turn. The next program is told by the hoppers what
// came out, exactly, and the payout that still ran meanwhile has ended.
func TestHostDies(t *testing.T) {
	want := piles(yuan, 23, jiao, 2)
	for n := 1; ; n++ {
		reached := false
		usual(t, func(b *bench) {
			m := b.before()
			var died atomic.Bool
			kill := b.kill
			b.AtAnswer(n, func() { died.Store(true); kill() })
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				for ctx.Err() == nil {
					if died.Load() {
						cancel() // the program is no more
						b.stop()
					}
					time.Sleep(time.Millisecond) // virtual
				}
			}()
			p := b.p
			p.Pay(ctx, m, want)
			cancel()
			b.AtAnswer(0, nil)
			reached = died.Load()
			b.die()
			b.begin()
			paid, err := b.settled(m, want)
			if err != nil || paid.Unsure != nil {
				t.Errorf("killed at answer %d: got %+v, %v", n, paid, err)
			}
			time.Sleep(time.Minute) // virtual
			b.honest(fmt.Sprintf("killed at answer %d", n), paid, nil)
		})
		if !reached || t.Failed() {
			if n < 40 {
				t.Errorf("the payout ended after %d answers: too short to show anything", n)
			}
			return
		}
	}
}

// The hoppers lose their power, alone or with the computer, at each moment of a payout, and a coin in the exit falls unseen or
// does not.
func TestPowerCut(t *testing.T) {
	step := 50 * time.Millisecond
	if testing.Short() {
		step = 370 * time.Millisecond
	}
	for _, host := range []bool{false, true} {
		for _, coinOut := range []bool{false, true} {
			for _, registers := range []int{1, 3} {
				for after := time.Duration(0); after < 4*time.Second; after += step {
					cutAt(t, after, host, coinOut, registers)
					if t.Failed() {
						return
					}
				}
			}
		}
	}
}

func cutAt(t *testing.T, after time.Duration, host, coinOut bool, registers int) {
	t.Helper()
	want := piles(yuan, 3, jiao, 4)
	what := fmt.Sprintf("cut after %v, the host too %v, coin out %v, %d registers", after, host, coinOut, registers)
	racks := []cctalkhoppersim.Hopper{{Address: 3, Face: 100, Count: 50, Registers: registers}, {Address: 4, Face: 50, Count: 50, Registers: registers}}
	bubble(t, cctalkhoppersim.Options{Hoppers: racks}, cctalkhopper.Options{Hoppers: both}, func(b *bench) {
		b.start()
		m := b.before()
		ctx, cancel := context.WithCancel(context.Background())
		var paid cash.Paid
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			paid, err = b.p.Pay(ctx, m, want)
		}()
		time.Sleep(after) // virtual
		b.rack.Power(false, coinOut)
		if host {
			b.kill()
			cancel()
			b.stop()
			<-done
			b.die()
			b.rack.Power(true, false)
			b.begin()
			paid, err = b.settled(m, want)
		} else {
			time.Sleep(3 * time.Second) // virtual
			b.rack.Power(true, false)
			<-done
			if (err == nil) != (sum(paid.Out, yuan) == 3 && sum(paid.Out, jiao) == 4) {
				t.Errorf("%s: paid %+v, %v", what, paid, err)
			}
			again, e := b.settled(m, want)
			for _, n := range []cash.Note{yuan, jiao} {
				if sum(again.Out, n) != sum(paid.Out, n) {
					t.Errorf("%s: pay told %+v, settle %+v, %v", what, paid, again, e)
				}
			}
		}
		cancel()
		b.honest(what, paid, nil)
		if n := sum(paid.Unsure, yuan) + sum(paid.Unsure, jiao); n > 1 && registers == 3 || n > 2 {
			t.Errorf("%s: %d coins unsure", what, n)
		}
	})
}

// Each fault of the line befalls each answer of a payout in turn: exactly that comes out, or what came out is told.
func TestLineFaults(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 11
	}
	want := piles(yuan, 22, jiao, 3)
	for _, name := range []string{"late", "double", "split", "truncate", "garble", "checksum", "silence", "lost_reply"} {
		for n := 1; ; n += step {
			reached := false
			usual(t, func(b *bench) {
				m := b.before()
				b.AtAnswer(n, func() { reached = true; b.arm(name, 1+n%3) })
				paid, err := b.p.Pay(context.Background(), m, want)
				what := fmt.Sprintf("%s %d times at answer %d", name, 1+n%3, n)
				b.honest(what, paid, nil)
				all := sum(paid.Out, yuan) == 22 && sum(paid.Out, jiao) == 3
				if paid.Unsure != nil || (err == nil) != all {
					t.Errorf("%s: got %+v, %v", what, paid, err)
				}
				if one := (1 + n%3) == 1; one && !all {
					t.Errorf("%s: got %+v, %v: a single lost answer stopped the payout", what, paid, err)
				}
				time.Sleep(time.Minute) // virtual
				b.honest(what+", a minute later", paid, nil)
			})
			if !reached || t.Failed() {
				if n < 20 {
					t.Errorf("%s: the payout ended after %d answers: too short to show anything", name, n)
				}
				break
			}
		}
	}
}

// The plug is out in the middle of a payout: it is waited for, and nothing is paid twice.
func TestUnplugged(t *testing.T) {
	for after := 100 * time.Millisecond; after < 8*time.Second; after += 300 * time.Millisecond {
		usual(t, func(b *bench) {
			m := b.before()
			go func() {
				time.Sleep(after) // virtual
				b.arm("unplug", 1)
				time.Sleep(5 * time.Second) // virtual
				b.arm("unplug", 0)
			}()
			paid, err := b.p.Pay(context.Background(), m, piles(yuan, 22))
			b.want(fmt.Sprintf("unplugged after %v", after), paid, err, piles(yuan, 22), nil, "")
			b.out(22, 0)
			time.Sleep(time.Minute) // virtual
		})
	}
	// One that stays out: what was heard is told, the rest is unsure, and later it can be said.
	usual(t, func(b *bench) {
		m := b.before()
		go func() {
			time.Sleep(2 * time.Second) // virtual
			b.arm("unplug", 1)
		}()
		began := time.Now()
		paid, err := b.p.Pay(context.Background(), m, piles(yuan, 15))
		if took := time.Since(began); took > 2*time.Minute || err == nil || sum(paid.Out, yuan)+sum(paid.Unsure, yuan) != 15 {
			t.Errorf("a plug that stays out: got %+v, %v after %v", paid, err, took)
		}
		b.honest("a plug that stays out", paid, nil)
		if paid, err := b.p.Settle(context.Background(), m, piles(yuan, 15)); !fault.Is(err, fault.Absent) || paid.Out != nil || paid.Unsure != nil {
			t.Errorf("settle while it is out: got %+v, %v", paid, err)
		}
		b.arm("unplug", 0)
		paid, err = b.settled(m, piles(yuan, 15))
		b.want("settle", paid, err, piles(yuan, 15), nil, "")
		b.out(15, 0)
	})
}

// What somebody else did, or what cannot be, is doubtful and never a number from the air.
func TestDoubtful(t *testing.T) {
	usual(t, func(b *bench) {
		m := b.before()
		b.pay(piles(yuan, 5), piles(yuan, 5), "")
		for _, tt := range []struct {
			name        string
			m           cash.Memory
			pieces      []cash.Pile
			out, unsure []cash.Pile
			kind        fault.Kind
		}{
			{"as it was", m, piles(yuan, 5), piles(yuan, 5), nil, ""},
			{"more came out than was asked for", m, piles(yuan, 3), piles(yuan, 5), nil, fault.Doubtful},
			{"a face whose hopper did not answer then", cash.Memory{Known: true, Serial: "4:345674", Parts: m.Parts[1:]}, piles(yuan, 3), nil, nil, ""},
			{"no hopper was written down", cash.Memory{Known: true}, piles(yuan, 3), nil, piles(yuan, 3), ""},
			{"another hopper has its place", cash.Memory{Known: true, Serial: "3:9", Parts: []cash.Memory{{Serial: "3:9", Paid: piles(yuan, 1)}}}, piles(yuan, 3), nil, piles(yuan, 3), ""},
			{"nothing was written down", cash.Memory{}, piles(yuan, 3), nil, piles(yuan, 3), ""},
			{"it was written down badly", cash.Memory{Known: true, Serial: "3:345673 4:1", Parts: m.Parts}, piles(yuan, 3), nil, piles(yuan, 3), ""},
			{"a hopper that is not here", cash.Memory{Known: true, Serial: "9:9", Parts: []cash.Memory{{Serial: "9:9", Paid: piles(yuan, 1)}}}, piles(yuan, 3), nil, nil, fault.Absent},
			{"it restarted just before the order", cash.Memory{Known: true, Serial: "3:345673", Parts: []cash.Memory{{Serial: "3:345673", Counter: 1, Paid: piles(yuan, 3)}}}, piles(yuan, 3), piles(yuan, 2), nil, ""},
			{"counter and count disagree", cash.Memory{Known: true, Serial: "3:345673", Parts: []cash.Memory{{Serial: "3:345673", Counter: 0, Paid: piles(yuan, 3)}}}, piles(yuan, 3), piles(yuan, 2), piles(yuan, 1), fault.Doubtful},
			{"nothing", m, piles(jiao, 2), nil, nil, ""},
		} {
			paid, err := b.p.Settle(context.Background(), tt.m, tt.pieces)
			b.want(tt.name, paid, err, tt.out, tt.unsure, tt.kind)
		}
		if _, err := b.p.Settle(context.Background(), m, piles(yuan, -1)); !fault.Is(err, fault.Invalid) {
			t.Errorf("settle less than nothing: got %v", err)
		}
	})
	// A hopper that forgot its lifetime count with its power.
	usual(t, func(b *bench) {
		m := cash.Memory{Known: true, Serial: "3:345673", Parts: []cash.Memory{{Serial: "3:345673", Counter: 7, Paid: piles(yuan, 1000), Known: true}}}
		paid, err := b.p.Settle(context.Background(), m, piles(yuan, 4))
		b.want("a count that was lost", paid, err, nil, piles(yuan, 4), fault.Doubtful)
	})
	// Another host on the line gives the hopper orders.
	usual(t, func(b *bench) {
		m := b.before()
		b.Between(func(fromHost bool, p []byte) []byte {
			if !fromHost && p[1] == 4 && len(p) == 9 && p[4] == 1 {
				return reply(0, 9, 0, p[6], p[7])
			}
			return p
		})
		paid, err := b.p.Pay(context.Background(), m, piles(yuan, 3))
		b.Between(nil)
		b.honest("another host", paid, nil)
		if !fault.Is(err, fault.Doubtful) && err != nil {
			t.Errorf("another host: got %+v, %v", paid, err)
		}
	})
	// The hopper says less than it counted.
	usual(t, func(b *bench) {
		m := b.before()
		b.Between(func(fromHost bool, p []byte) []byte {
			if !fromHost && p[1] == 4 && len(p) == 9 && p[4] == 1 && p[5] == 0 {
				return reply(0, 1, 0, 2, 1)
			}
			return p
		})
		paid, err := b.p.Pay(context.Background(), m, piles(yuan, 3))
		b.want("says less than it counted", paid, err, piles(yuan, 2), piles(yuan, 1), fault.Doubtful)
		b.Between(nil)
	})
}

// An order whose answer is lost is not given again when it was taken, and is when it never arrived.
func TestOrderLost(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lost   int // how many orders do not arrive
		orders int
		out    []cash.Pile
		kind   fault.Kind
	}{
		{"none", 0, 1, piles(yuan, 4), ""}, {"one", 1, 2, piles(yuan, 4), ""}, {"two", 2, 3, piles(yuan, 4), ""}, {"all", 9, 3, nil, fault.Silent},
	} {
		usual(t, func(b *bench) {
			orders := 0
			b.Between(func(fromHost bool, p []byte) []byte {
				if fromHost && p[3] == 167 {
					if orders++; orders <= tt.lost {
						return nil
					}
				}
				return p
			})
			paid, err := b.p.Pay(context.Background(), b.before(), piles(yuan, 4))
			b.want(tt.name, paid, err, tt.out, nil, tt.kind)
			b.Hold(func() {
				if orders != tt.orders {
					t.Errorf("%s: %d orders, want %d", tt.name, orders, tt.orders)
				}
			})
			b.out(sum(tt.out, yuan), 0)
		})
	}
	usual(t, func(b *bench) {
		orders := b.sees(167)
		b.arm("lost_reply", 5)
		b.pay(piles(yuan, 4), piles(yuan, 4), "")
		if got := orders(); got != 1 {
			t.Errorf("orders: got %d, want 1", got)
		}
	})
}

// The hopper restarts between the reading of its counter and the order, comes to stand where it stood, and the answer is
// lost: it is not asked again.
func TestRestartJustBeforeTheOrder(t *testing.T) {
	for _, lose := range []bool{false, true} {
		usual(t, func(b *bench) {
			b.pay(piles(yuan, 1), piles(yuan, 1), "") // the counter stands at 1
			m := b.before()
			enabled, orders := 0, 0
			b.Between(func(fromHost bool, p []byte) []byte {
				if fromHost && p[3] == 164 && p[4] == 0xA5 {
					if enabled++; enabled == 1 {
						b.rack.Blink()
					}
				}
				if fromHost && p[3] == 167 {
					orders++
				}
				return p
			})
			if lose {
				b.arm("lost_reply", 1)
			}
			paid, err := b.p.Pay(context.Background(), m, piles(yuan, 1))
			b.honest("pay", paid, map[cash.Note]int{yuan: 1})
			b.Hold(func() {
				if orders != 1 {
					t.Errorf("reply lost %v: %d orders, want 1 (%+v, %v)", lose, orders, paid, err)
				}
			})
			b.out(2, 0)
			paid, err = b.settled(m, piles(yuan, 1))
			b.want("settle", paid, err, piles(yuan, 1), nil, "")
		})
	}
}

// The counter of payouts goes from 255 to 1.
func TestCounterGoesRound(t *testing.T) {
	usual(t, func(b *bench) {
		for i := range 260 {
			if i == 100 {
				b.rack.Load(3, 300)
			}
			m := b.before()
			paid, err := b.p.Pay(context.Background(), m, piles(yuan, 1))
			b.want(fmt.Sprintf("payout %d", i), paid, err, piles(yuan, 1), nil, "")
			paid, err = b.p.Settle(context.Background(), m, piles(yuan, 1))
			b.want(fmt.Sprintf("settling payout %d", i), paid, err, piles(yuan, 1), nil, "")
		}
		b.out(260, 0)
	})
}

// Another hopper is put in the place of one.
func TestAnotherHopper(t *testing.T) {
	usual(t, func(b *bench) {
		m := b.before()
		b.Between(answering(242, reply(0, 1, 0, 0)))
		b.arm("unplug", 1)
		b.until("away", func(s cash.PayerState) bool { return !s.Online })
		b.arm("unplug", 0)
		b.until("back", func(s cash.PayerState) bool {
			return s.Online && s.Fault == nil || b.p.Info().Serial != "3:345673 4:345674"
		})
		b.Between(nil)
		paid, err := b.p.Pay(context.Background(), m, piles(yuan, 1))
		if err == nil || paid.Out != nil {
			t.Errorf("pay by what another hopper said: got %+v, %v", paid, err)
		}
		b.out(0, 0)
	})
}

// Hands, faults and deaths by chance: what was told to have come out is what fell, but for what was said to be unsure.
func TestRandom(t *testing.T) {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	n := *runs
	if testing.Short() {
		n = min(n, 10)
	}
	for i := range uint64(n) {
		ok := t.Run(fmt.Sprint(first+i), func(t *testing.T) {
			usual(t, func(b *bench) { life(b, rand.New(rand.NewPCG(first+i, 7))) })
		})
		if !ok {
			t.Fatalf("again with: -hopper.seed=%d -hopper.runs=1", first+i)
		}
	}
}

// life is an owner that pays now and then while things befall the machine.
func life(b *bench, rng *rand.Rand) {
	for range 12 {
		earlier := map[cash.Note]int{yuan: b.fell(yuan), jiao: b.fell(jiao)}
		m, err := b.p.Before(context.Background())
		if err != nil {
			mend(b)
			time.Sleep(20 * time.Second) // virtual
			continue
		}
		want := piles(yuan, rng.IntN(25), jiao, rng.IntN(8))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		var paid cash.Paid
		done := make(chan struct{})
		p := b.p
		go func() {
			defer close(done)
			paid, err = p.Pay(ctx, m, want)
		}()
		died := false
		for range rng.IntN(5) {
			time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond) // virtual
			died = befalls(b, rng) || died
			if died {
				break
			}
		}
		if died {
			b.kill()
			cancel()
			b.stop()
			<-done
			b.die()
			mend(b)
			b.begin()
			paid, err = b.settled(m, want)
		} else {
			time.Sleep(time.Duration(rng.IntN(8000)) * time.Millisecond) // virtual
			mend(b)
			<-done
			cancel()
			if err != nil && rng.IntN(2) == 0 {
				paid, err = b.settled(m, want)
			}
		}
		b.honest(fmt.Sprintf("%+v (%v)", paid, err), paid, earlier)
		if b.t.Failed() {
			return
		}
		b.rack.Load(3, 30)
		b.rack.Load(4, 10)
	}
}

func mend(b *bench) { b.rack.Faults().MendAll() }

// befalls does something to the machine, and says whether the program died of it.
func befalls(b *bench, rng *rand.Rand) bool {
	faults := b.rack.Faults().List()
	switch rng.IntN(8) {
	case 0, 1, 2, 3:
		b.rack.Faults().Arm(faults[rng.IntN(len(faults))].Name, 1+rng.IntN(4))
	case 4:
		b.rack.Faults().MendAll()
	case 5:
		b.rack.Load(3, -rng.IntN(100))
	case 6:
		b.rack.Power(false, rng.IntN(2) == 0)
		time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond) // virtual
		b.rack.Power(true, false)
	case 7:
		return rng.IntN(2) == 0
	}
	return false
}
