package paytest

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/fault"
)

// stories are what befalls a payer, one at a time.
var stories = []struct {
	name string
	tell func(t *testing.T, f *Fixture)
}{
	{"pieces are paid", pays},
	{"info and state", infoAndState},
	{"nothing was ordered", nothingOrdered},
	{"what it has not is refused", refused},
	{"it runs empty", runsEmpty},
	{"a jam in mid-payout", jams},
	{"a jam that stays", jamStays},
	{"unplugged at the start", unpluggedAtStart},
	{"another device, or no memory", anotherDevice},
	{"an order is settled again and again", settledTwice},
	{"the owner loses patience", impatient},
}

func pays(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for _, face := range f.Faces {
		p.paid([]cash.Pile{{Note: face, Count: 1}})
	}
	p.paid(f.order(3))
	if s := p.p.State(); s.Paying || !s.Online || s.Fault != nil {
		t.Errorf("state after: got %+v, want at rest and fit", s)
	}
	p.levels()
}

func infoAndState(t *testing.T, f *Fixture) {
	p := start(t, f)
	defer p.end()
	if s := p.p.State(); s.Online || s.Paying || s.Fault == nil {
		t.Errorf("state before the device was heard: got %+v, want offline with a fault", s)
	}
	p.fit()
	i := p.p.Info()
	if i.Protocol == "" || i.Maker == "" || i.Model == "" || i.Serial == "" || i.Firmware == "" {
		t.Errorf("info: got %+v, want every field", i)
	}
	if !reflect.DeepEqual(i.Faces, f.Faces) {
		t.Errorf("faces: got %v, want %v", i.Faces, f.Faces)
	}
	if m := p.before(); m.Serial != i.Serial {
		t.Errorf("memory: got %+v, want that of %s", m, i.Serial)
	}
	p.levels()
	var seen atomic.Bool
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		for ctx.Err() == nil {
			if p.p.State().Paying {
				seen.Store(true)
			}
			time.Sleep(f.Piece / 10) // virtual
		}
	}()
	p.paid(f.order(3))
	cancel()
	time.Sleep(f.Piece) // virtual: let it end
	if !seen.Load() {
		t.Error("it never said that it is paying")
	}
	p.end()
	if s := p.p.State(); s.Online || s.Fault == nil {
		t.Errorf("state after Run: got %+v, want offline with a fault", s)
	}
}

func nothingOrdered(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	m := p.before()
	for range 2 {
		if paid := p.settle(m, f.order(2)); len(paid.Out) > 0 || len(paid.Unsure) > 0 {
			t.Errorf("settle of an order that was never given: got %+v, want nothing", paid)
		}
		time.Sleep(time.Minute) // virtual
	}
	if again := p.before(); !reflect.DeepEqual(again, m) {
		t.Errorf("memory: got %+v, want %+v as before", again, m)
	}
}

func refused(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	for _, list := range [][]cash.Pile{{{Note: cash.Note{Face: 7, Currency: "CNY"}, Count: 1}}, {{Note: f.Faces[0], Count: -1}}, {}} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		paid, err := p.p.Pay(ctx, p.before(), list)
		cancel()
		if !fault.Is(err, fault.Invalid) || len(paid.Out) > 0 || len(paid.Unsure) > 0 {
			t.Errorf("pay %v: got %+v, %v, want %s and nothing paid", list, paid, err, fault.Invalid)
		}
	}
	if got := f.Out(); total(sum(got)) != 0 {
		t.Errorf("came out: %v, want nothing", got)
	}
	p.paid(f.order(2))
}

// runsEmpty asks for more than there is. A payer that counts refuses; another gives what it has.
func runsEmpty(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	asked := []cash.Pile{{Note: f.Faces[0], Count: f.Each + 2}}
	out := f.Out()
	paid, err := p.pay(asked...)
	if !fault.Is(err, fault.Empty) {
		t.Errorf("more than there is: got %v, want %s", err, fault.Empty)
	}
	if err := f.agree(paid, asked, out, false); err != nil {
		t.Error(err)
	}
	if p.p.Info().Counts && len(paid.Out) > 0 {
		t.Errorf("a payer that counts gave %v of %v", paid.Out, asked)
	}
	p.levels()
}

func jams(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	p.paid(f.order(1))
	out, asked := f.Out(), f.order(4)
	time.AfterFunc(2*f.Piece, func() { f.Faults.Arm(f.Jam, 1) })
	paid, err := p.pay(asked...)
	if !fault.Is(err, fault.Jammed) {
		t.Errorf("a jam in mid-payout: got %v, want %s", err, fault.Jammed)
	}
	if err := f.agree(paid, asked, out, false); err != nil {
		t.Error(err)
	}
	if n := total(sum(paid.Out)); n >= total(sum(asked)) || n == 0 {
		t.Errorf("a jam in mid-payout: %d pieces came out, want some and not all", n)
	}
	out = f.Out()
	arm(t, f, f.Jam, 0)
	p.fit()
	time.Sleep(10 * time.Second) // virtual
	if late := sum(f.Out(), minus(out)); total(late) != 0 {
		t.Errorf("after it was mended %v came out for nobody", late)
	}
	p.paid(f.order(1))
	p.levels()
}

func jamStays(t *testing.T, f *Fixture) {
	p := ready(t, f)
	arm(t, f, f.Jam, 1)
	out, asked := f.Out(), f.order(2)
	m := p.before()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	paid, err := p.p.Pay(ctx, m, asked)
	cancel()
	if !fault.Is(err, fault.Jammed) {
		t.Errorf("got %v, want %s", err, fault.Jammed)
	}
	if err := f.agree(paid, asked, out, false); err != nil {
		t.Error(err)
	}
	if s := p.p.State(); s.Fault == nil || s.Fault.Kind != fault.Jammed {
		t.Errorf("state: got %+v, want %s", s, fault.Jammed)
	}
	p.die()
	p = start(t, f)
	defer p.end()
	if err := f.agree(p.settle(m, asked), asked, out, false); err != nil {
		t.Errorf("a later program: %v", err)
	}
}

func unpluggedAtStart(t *testing.T, f *Fixture) {
	arm(t, f, "unplug", 1)
	p := start(t, f)
	defer p.end()
	time.Sleep(time.Minute) // virtual
	for name, ask := range map[string]func(context.Context) error{
		"before": func(ctx context.Context) error { _, err := p.p.Before(ctx); return err },
		"pay":    func(ctx context.Context) error { _, err := p.p.Pay(ctx, cash.Memory{}, f.order(1)); return err },
		"settle": func(ctx context.Context) error { _, err := p.p.Settle(ctx, cash.Memory{}, f.order(1)); return err },
	} {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if err := ask(ctx); !unheard(err) {
			t.Errorf("%s while unplugged: got %v, want an error of the line", name, err)
		}
		cancel()
	}
	if s := p.p.State(); s.Online || s.Fault == nil || s.Fault.Kind != fault.Absent {
		t.Errorf("state: got %+v, want %s", s, fault.Absent)
	}
	arm(t, f, "unplug", 0)
	p.fit()
	p.paid(f.order(2))
}

func anotherDevice(t *testing.T, f *Fixture) {
	p := ready(t, f)
	defer p.end()
	asked := f.order(2)
	strange := p.before()
	strange.Serial += "0"
	for _, m := range []cash.Memory{strange, {}} {
		if paid := p.settle(m, asked); len(paid.Out) > 0 || !reflect.DeepEqual(sum(paid.Unsure), sum(asked)) {
			t.Errorf("settle by %+v: got %+v, want to be unsure of all", m, paid)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		if paid, err := p.p.Pay(ctx, m, asked); err == nil || len(paid.Out) > 0 {
			t.Errorf("pay by %+v: got %+v, %v, want it refused", m, paid, err)
		}
		cancel()
	}
	if got := total(sum(f.Out())); got != 0 {
		t.Errorf("%d pieces came out, want none", got)
	}
}

func settledTwice(t *testing.T, f *Fixture) {
	p := ready(t, f)
	m, asked := p.before(), f.order(3)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := p.p.Pay(ctx, m, asked); err != nil {
		t.Fatal(err)
	}
	// The same memory is no order's any more: what it was for has come out.
	if paid, err := p.p.Pay(ctx, m, asked); err == nil || len(paid.Out) > 0 {
		t.Errorf("the same order again: got %+v, %v, want it refused", paid, err)
	}
	for range 3 {
		if paid := p.settle(m, asked); !reflect.DeepEqual(sum(paid.Out), sum(asked)) || len(paid.Unsure) > 0 {
			t.Errorf("settled: got %+v, want all of %v", paid, asked)
		}
		p.die()
		p = start(t, f)
	}
	defer p.end()
	if got, want := sum(f.Out()), sum(asked); !reflect.DeepEqual(got, want) {
		t.Errorf("came out: %v, want %v", got, want)
	}
}

// impatient ends its context in the middle: the payout goes on, and Settle waits for it.
func impatient(t *testing.T, f *Fixture) {
	for _, wait := range []time.Duration{0, f.Piece / 2, f.Piece * 3 / 2} {
		p := ready(t, f)
		m, asked, out := p.before(), f.order(2), f.Out()
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		_, err := p.p.Pay(ctx, m, asked)
		cancel()
		if err == nil {
			t.Errorf("pay with a context of %v: got nil, want an error", wait)
		}
		if err := f.agree(p.settle(m, asked), asked, out, false); err != nil {
			t.Errorf("patience of %v: %v", wait, err)
		}
		p.paid(f.order(1))
		p.end()
	}
}
