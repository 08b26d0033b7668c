package ssp_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/paytest"
	"yichuang/devices/cash/rigtest"
	"yichuang/devices/cash/ssp"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/fault"
)

// One unit, one line: who runs both halves runs one driver. A note that is stored can be paid, one that is stacked cannot.
func TestStoredAndPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{Unit: sspsim.SmartPayout, Recycles: []int64{1000}})
		defer b.Close()
		a, kill := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
		p := a.Payer()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.Run(ctx) }()
		await(t, a, cash.Ready)
		for face, store := range map[int64]bool{1000: true, 5000: false} {
			escrow(t, b, a, face)
			if err := a.Stack(t.Context()); err != nil {
				t.Fatal(err)
			}
			s := await(t, a, cash.Stacked)
			if s.Note.Face != face || s.Store != store {
				t.Errorf("got %+v, want %d, store %v", s, face, store)
			}
		}
		kill() // the payout's Run takes the line over
		five, ten := cash.Note{Face: 5000, Currency: "CNY"}, cash.Note{Face: 1000, Currency: "CNY"}
		<-time.After(time.Minute)
		if got := p.State(); len(got.Levels) != 1 || got.Levels[0] != (cash.Pile{Note: ten, Count: 1}) || !got.Online || got.Fault != nil {
			t.Errorf("state: %+v", got)
		}
		m, err := p.Before(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if paid, err := p.Pay(t.Context(), m, []cash.Pile{{Note: five, Count: 1}}); !fault.Is(err, fault.Empty) || len(paid.Out) > 0 {
			t.Errorf("pay what is in the box: got %+v, %v", paid, err)
		}
		if paid, err := p.Pay(t.Context(), m, []cash.Pile{{Note: ten, Count: 1}}); err != nil || len(paid.Out) != 1 || paid.Out[0].Count != 1 {
			t.Errorf("pay: got %+v, %v", paid, err)
		}
		if err := b.sim.Path().World().Balanced(); err != nil {
			t.Error(err)
		}
		cancel()
		if err := <-ended; err != context.Canceled {
			t.Errorf("Run: %v", err)
		}
	})
}

// Who has filled a unit and said so can have it pay at once.
func TestMendedKnowsTheLevels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{Unit: sspsim.SmartPayout})
		defer b.Close()
		a, _ := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
		p := a.Payer()
		await(t, a, cash.Ready)
		b.sim.Path().Load(1000, "CNY", 5)
		if err := p.Mended(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(p.State().Levels), "[{{1000 CNY} 5}]"; got != want {
			t.Errorf("the levels are %s, want %s", got, want)
		}
	})
}

// A validator has no payout and says so; its acceptor is fit.
func TestNoPayout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{})
		defer b.Close()
		a, _ := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
		await(t, a, cash.Ready)
		p := a.Payer()
		if _, err := p.Before(t.Context()); !fault.Is(err, fault.Absent) || !fault.Is(p.State().Fault, fault.Absent) || a.State().Fault != nil {
			t.Errorf("before: %v, state %+v, acceptor %+v", err, p.State(), a.State())
		}
		h, _ := running(t, b, ssp.Options{Encrypted: true, Hopper: true}, cash.Mark{})
		if s := await(t, h, cash.Faulty); s.Fault.Kind != fault.Invalid {
			t.Errorf("a validator in the place of a hopper: %v", s.Fault)
		}
	})
}

// A payout that does not start is told, pays nothing, and does not keep notes out.
func TestPayoutThatDoesNotStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{Unit: sspsim.SmartPayout, PayoutBroken: true})
		defer b.Close()
		b.sim.Path().Load(1000, "CNY", 5)
		a, _ := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
		p := a.Payer()
		await(t, a, cash.Ready)
		<-time.After(time.Hour)
		if s := p.State(); s.Fault == nil || s.Fault.Kind != fault.Broken || !s.Online {
			t.Errorf("state: %+v", s)
		}
		m, err := p.Before(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asked := []cash.Pile{{Note: cash.Note{Face: 1000, Currency: "CNY"}, Count: 2}}
		if paid, err := p.Pay(t.Context(), m, asked); !fault.Is(err, fault.Refused) || len(paid.Out)+len(paid.Unsure) > 0 {
			t.Errorf("pay: got %+v, %v, want %s and nothing paid", paid, err, fault.Refused)
		}
		if s := p.State(); s.Paying || !s.Online {
			t.Errorf("state after the refusal: %+v", s)
		}
		escrow(t, b, a, 5000)
		if a.State().Fault != nil {
			t.Errorf("the acceptor: %+v", a.State())
		}
	})
}

// While a piece is stuck nothing more is paid, and the payer says why.
func TestPayoutWhileAPieceIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{Unit: sspsim.SmartPayout})
		defer b.Close()
		ten := cash.Note{Face: 1000, Currency: "CNY"}
		b.sim.Path().Load(ten.Face, ten.Currency, 5)
		a, _ := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
		p := a.Payer()
		await(t, a, cash.Ready)
		b.sim.Faults().Arm("payout_jam", 1)
		for _, n := range []int64{2, 1} {
			m, err := p.Before(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			paid, err := p.Pay(t.Context(), m, []cash.Pile{{Note: ten, Count: n}})
			if !fault.Is(err, fault.Jammed) || len(paid.Out)+len(paid.Unsure) > 0 {
				t.Errorf("pay %d: got %+v, %v, want %s and nothing paid", n, paid, err, fault.Jammed)
			}
			<-time.After(time.Minute)
		}
		if out := b.sim.Path().World().Paid; len(out) > 0 {
			t.Errorf("%v came out", out)
		}
	})
}

// A note on its way out comes out when the power is back: the levels know.
func TestPaidAtPowerUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(sspsim.Options{Unit: sspsim.SmartPayout, PaysAtPowerUp: true})
		defer b.Close()
		ten := cash.Note{Face: 1000, Currency: "CNY"}
		b.sim.Path().Load(1000, "CNY", 5)
		a, _ := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
		p := a.Payer()
		await(t, a, cash.Ready)
		m, err := p.Before(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		asked := []cash.Pile{{Note: ten, Count: 3}}
		time.AfterFunc(600*time.Millisecond, func() { b.sim.Power(false, false) })
		time.AfterFunc(20*time.Second, func() { b.sim.Power(true, false) })
		if paid, err := p.Pay(t.Context(), m, asked); !fault.Is(err, fault.Silent) {
			t.Errorf("pay: got %+v, %v, want %s", paid, err, fault.Silent)
		}
		<-time.After(time.Minute)
		if paid, err := p.Settle(t.Context(), m, asked); err != nil || len(paid.Unsure) > 0 || len(paid.Out) != 1 || paid.Out[0] != (cash.Pile{Note: ten, Count: 2}) {
			t.Errorf("settled: got %+v, %v, want two pieces", paid, err)
		}
	})
}

// A Note Float pays what lies on top. What lies below is not planned with, and no other note is given for it.
func TestNotesBelowOthers(t *testing.T) {
	note := func(face, n int64) cash.Pile {
		return cash.Pile{Note: cash.Note{Face: face, Currency: "CNY"}, Count: n}
	}
	for _, tt := range []struct {
		name       string
		sim        sspsim.Options
		load       map[int64]int
		unfit      []cash.Note
		asked, out []cash.Pile
		kind       fault.Kind
	}{
		{"those on top", sspsim.Options{}, map[int64]int{100: 3, 1000: 2}, []cash.Note{note(100, 0).Note}, []cash.Pile{note(1000, 2)}, []cash.Pile{note(1000, 2)}, ""},
		{"those below", sspsim.Options{}, map[int64]int{100: 3, 1000: 2}, []cash.Note{note(100, 0).Note}, []cash.Pile{note(100, 1)}, nil, fault.Empty},
		{"all the way down", sspsim.Options{}, map[int64]int{100: 3, 1000: 2}, []cash.Note{note(100, 0).Note}, []cash.Pile{note(100, 2), note(1000, 2)}, []cash.Pile{note(100, 2), note(1000, 2)}, ""},
		{"one on top and one below", sspsim.Options{}, map[int64]int{100: 3, 1000: 2}, []cash.Note{note(100, 0).Note}, []cash.Pile{note(100, 1), note(1000, 1)}, []cash.Pile{note(1000, 1)}, fault.Empty},
		{"by channels", sspsim.Options{ByChannel: true}, map[int64]int{100: 3, 1000: 2}, []cash.Note{note(100, 0).Note}, []cash.Pile{note(100, 1), note(1000, 1)}, []cash.Pile{note(1000, 1)}, fault.Empty},
		{"without positions", sspsim.Options{NoPositions: true}, map[int64]int{100: 3, 1000: 2}, []cash.Note{note(100, 0).Note, note(1000, 0).Note}, []cash.Pile{note(1000, 1)}, nil, fault.Empty},
		{"without positions, of one face", sspsim.Options{NoPositions: true}, map[int64]int{1000: 3}, nil, []cash.Pile{note(1000, 2)}, []cash.Pile{note(1000, 2)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tt.sim.Unit = sspsim.NoteFloat
				b := newBench(tt.sim)
				defer b.Close()
				for face, n := range tt.load {
					b.sim.Path().Load(face, "CNY", n)
				}
				a, _ := running(t, b, ssp.Options{Encrypted: true}, cash.Mark{})
				p := a.Payer()
				await(t, a, cash.Ready)
				m, err := p.Before(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if got := p.State().Unfit; !slices.Equal(got, tt.unfit) {
					t.Errorf("unfit: got %v, want %v", got, tt.unfit)
				}
				paid, err := p.Pay(t.Context(), m, tt.asked)
				if fmt.Sprint(paid.Out) != fmt.Sprint(tt.out) || len(paid.Unsure) > 0 || fault.KindOf(err) != tt.kind || tt.kind == "" && err != nil {
					t.Errorf("pay %v: got %+v, %v, want %v, %q", tt.asked, paid, err, tt.out, tt.kind)
				}
				if got := rigtest.Piles(b.sim.Path().World().Paid); fmt.Sprint(got) != fmt.Sprint(tt.out) {
					t.Errorf("came out: %v, want %v", got, tt.out)
				}
			})
		})
	}
}

func TestPayoutSuite(t *testing.T) {
	faces := []int64{100, 500, 1000}
	paytest.Exercise(t, rigtest.Payout(sspsim.Options{Unit: sspsim.SmartPayout, Faces: faces}, ssp.Options{Encrypted: true}, faces...))
}

func TestHopperSuite(t *testing.T) {
	faces := []int64{10, 50, 100}
	paytest.Exercise(t, rigtest.Payout(sspsim.Options{Unit: sspsim.SmartHopper, Address: 0x10, NoCounters: true}, ssp.Options{Encrypted: true, Hopper: true, Address: 0x10}, faces...))
}

func TestNoteFloatSuite(t *testing.T) {
	paytest.Exercise(t, rigtest.Payout(sspsim.Options{Unit: sspsim.NoteFloat, Faces: []int64{1000}}, ssp.Options{Encrypted: true}, 1000))
}
