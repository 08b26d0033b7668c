package cctalkhopper_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/fault"
	"yichuang/devices/wire/wiretest"
)

var (
	yuan = cash.Note{Face: 100, Currency: "CNY"}
	jiao = cash.Note{Face: 50, Currency: "CNY"}
	both = map[byte]int64{3: 0, 4: 0}
)

// bench is a simulated rack behind pipes, and a program that owns its driver.
type bench struct {
	*wiretest.Bench
	t    *testing.T
	rack *cctalkhoppersim.Rack
	o    cctalkhopper.Options
	p    *cctalkhopper.Payer
	kill func()
	stop context.CancelFunc
	done chan struct{}
}

// bubble tells a story of a rack in virtual time.
func bubble(t *testing.T, so cctalkhoppersim.Options, o cctalkhopper.Options, tell func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, rack: cctalkhoppersim.New(so), o: o}
		b.Bench = wiretest.NewBench(b.rack.Serve)
		b.rack.OnPlug(b.Plug)
		defer b.Close()
		defer func() {
			if b.p != nil {
				b.end()
			}
		}()
		tell(b)
		for _, bowl := range b.rack.World() {
			if err := bowl.Balanced(); err != nil {
				t.Error(err)
			}
		}
	})
}

// usual is a bubble with the usual rack and its two hoppers named.
func usual(t *testing.T, tell func(b *bench)) {
	t.Helper()
	bubble(t, cctalkhoppersim.Options{}, cctalkhopper.Options{Hoppers: both}, func(b *bench) {
		b.start()
		tell(b)
	})
}

// begin starts a program.
func (b *bench) begin() {
	open, kill := b.Program()
	ctx, cancel := context.WithCancel(context.Background())
	p, done := cctalkhopper.New(open, b.o), make(chan struct{})
	b.p, b.kill, b.stop, b.done = p, kill, cancel, done
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != context.Canceled {
			b.t.Errorf("run: got %v, want %v", err, context.Canceled)
		}
	}()
}

// start starts a program and waits until its hoppers are fit.
func (b *bench) start() {
	b.t.Helper()
	b.begin()
	b.until("fit", func(s cash.PayerState) bool { return s.Online && s.Fault == nil })
}

// end stops the program in good order.
func (b *bench) end() {
	b.stop()
	<-b.done
	b.p = nil
}

// die ends the program as a power cut of the computer does.
func (b *bench) die() {
	b.kill()
	b.end()
}

func (b *bench) until(what string, ok func(cash.PayerState) bool) {
	b.t.Helper()
	for range 1200 {
		if ok(b.p.State()) {
			return
		}
		time.Sleep(100 * time.Millisecond) // virtual
	}
	b.t.Fatalf("never %s: state %+v, info %+v", what, b.p.State(), b.p.Info())
}

func (b *bench) before() cash.Memory {
	b.t.Helper()
	m, err := b.p.Before(b.t.Context())
	if err != nil || !m.Known {
		b.t.Fatalf("before: got %+v, %v", m, err)
	}
	return m
}

func piles(list ...any) (out []cash.Pile) {
	for i := 0; i < len(list); i += 2 {
		out = append(out, cash.Pile{Note: list[i].(cash.Note), Count: int64(list[i+1].(int))})
	}
	return out
}

// pay pays, and wants exactly this.
func (b *bench) pay(pieces, out []cash.Pile, kind fault.Kind) cash.Paid {
	b.t.Helper()
	paid, err := b.p.Pay(context.Background(), b.before(), pieces)
	b.want("pay", paid, err, out, nil, kind)
	return paid
}

func (b *bench) want(what string, paid cash.Paid, err error, out, unsure []cash.Pile, kind fault.Kind) {
	b.t.Helper()
	if fmt.Sprint(paid.Out) != fmt.Sprint(out) || fmt.Sprint(paid.Unsure) != fmt.Sprint(unsure) || fault.KindOf(err) != kind || kind == "" && err != nil {
		b.t.Errorf("%s: got %v out, %v unsure, %v; want %v, %v, %q", what, paid.Out, paid.Unsure, err, out, unsure, kind)
	}
}

// out is how many coins each hopper let fall.
func (b *bench) out(want ...int) {
	b.t.Helper()
	got := []int{}
	for _, bowl := range b.rack.World() {
		got = append(got, bowl.Out)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("coins in the tray: got %v, want %v", got, want)
	}
}

func (b *bench) arm(name string, n int) {
	b.t.Helper()
	if err := b.rack.Faults().Arm(name, n); err != nil {
		b.t.Fatal(err)
	}
}

// sees counts the questions of one header that go over the line.
func (b *bench) sees(header byte) func() int {
	n := 0
	b.Between(func(fromHost bool, p []byte) []byte {
		if fromHost && p[3] == header {
			n++
		}
		return p
	})
	return func() (got int) {
		b.Hold(func() { got = n })
		return got
	}
}
