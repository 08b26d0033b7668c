package ccbus_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/cashtest"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/cctalk"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cctalkhopper"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/cash/cointest"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/fault"
	"yichuang/devices/wire/wiretest"
)

// terminal is a cabinet with a validator, a coin acceptor and two hoppers on one line, and their drivers on one bus.
type terminal struct {
	*wiretest.Bench
	t       *testing.T
	notes   *cctalksim.Sim
	coins   *cctalkcoinsim.Sim
	hoppers *cctalkhoppersim.Rack
	a       *cctalk.Acceptor
	c       *cctalkcoin.Acceptor
	p       *cctalkhopper.Payer
}

// cabinet tells a story of one. The validator has CRC-16 packets, the others simple checksums.
func cabinet(t *testing.T, o ccslave.Options, hoppers map[byte]int64, tell func(c *terminal)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &terminal{t: t, notes: cctalksim.New(cctalksim.Options{CRC: true}), coins: cctalkcoinsim.New(cctalkcoinsim.Options{}), hoppers: cctalkhoppersim.New(cctalkhoppersim.Options{})}
		slaves := append(c.hoppers.Slaves(), c.notes.Slave(), c.coins.Slave())
		c.Bench = wiretest.NewBench(func(ctx context.Context, rw io.ReadWriter) error { return ccslave.Serve(ctx, rw, o, slaves...) })
		defer c.Close()
		bus := ccbus.New(c.Open, nil)
		c.a, c.c, c.p = cctalk.On(bus, cctalk.Options{}), cctalkcoin.On(bus, cctalkcoin.Options{}), cctalkhopper.On(bus, cctalkhopper.Options{Hoppers: hoppers})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 3)
		for _, run := range []func(context.Context) error{c.a.Run, c.c.Run, c.p.Run} {
			go func() { ended <- run(ctx) }()
		}
		tell(c)
		cancel()
		for range 3 {
			<-ended
		}
	})
}

func (c *terminal) until(what string, ok func() bool) {
	c.t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond) // virtual
	}
	c.t.Fatalf("never %s: notes %+v, coins %+v, hoppers %+v", what, c.a.State(), c.c.State(), c.p.State())
}

func (c *terminal) open() {
	c.t.Helper()
	c.until("set up", func() bool { return c.a.State().Online && c.c.State().Online && c.p.State().Online })
	if err := c.a.Accept(c.t.Context(), cashtest.Faces); err != nil {
		c.t.Fatal(err)
	}
	if err := c.c.Accept(c.t.Context(), cointest.Faces); err != nil {
		c.t.Fatal(err)
	}
}

// count takes what one of the acceptors has told so far, and says how many of a happening there were.
func (c *terminal) count(next func(context.Context) (cash.Signal, error), what cash.Happening) (n int) {
	c.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		s, err := next(ctx)
		cancel()
		if err != nil {
			return n
		}
		if s.What == what {
			n++
		}
		if s.What == cash.Lost {
			c.t.Errorf("lost: %v", s.Fault)
		}
	}
}

// business is notes, coins and a payout at the same time.
func (c *terminal) business(what string) {
	c.t.Helper()
	c.count(c.a.Next, cash.Stacked)
	c.count(c.c.Next, cash.Stacked)
	m, err := c.p.Before(c.t.Context())
	if err != nil {
		c.t.Fatalf("%s: before: %v", what, err)
	}
	out := c.hoppers.World()[0].Out
	done := make(chan error)
	go func() {
		paid, err := c.p.Pay(context.Background(), m, []cash.Pile{{Note: cash.Note{Face: 100, Currency: "CNY"}, Count: 25}})
		if err == nil && paid.Out[0].Count != 25 {
			c.t.Errorf("%s: paid %+v", what, paid)
		}
		done <- err
	}()
	id, err := c.notes.Path().Offer(1000, "CNY", notepath.Genuine)
	if err != nil {
		c.t.Fatal(err)
	}
	for range 10 {
		c.coins.Path().Insert(50, "CNY", coinpath.Genuine)
		time.Sleep(200 * time.Millisecond) // virtual
	}
	c.until("in escrow", func() bool { return c.a.State().Escrow })
	if err := c.a.Stack(c.t.Context()); err != nil {
		c.t.Errorf("%s: stack: %v", what, err)
	}
	if err := <-done; err != nil {
		c.t.Errorf("%s: pay: %v", what, err)
	}
	time.Sleep(3 * time.Second) // virtual
	if got := c.notes.Path().Fate(id); got != notepath.Stacked {
		c.t.Errorf("%s: the note is %s", what, got)
	}
	if got := c.count(c.a.Next, cash.Stacked); got != 1 {
		c.t.Errorf("%s: %d notes told, want 1", what, got)
	}
	if got := c.count(c.c.Next, cash.Stacked); got != 10 {
		c.t.Errorf("%s: %d coins told, want 10", what, got)
	}
	if got := c.hoppers.World()[0].Out - out; got != 25 {
		c.t.Errorf("%s: %d coins came out, want 25", what, got)
	}
}

func TestThreeDriversOnOneLine(t *testing.T) {
	for _, o := range []ccslave.Options{{}, {Echo: true}, {Echo: true, BaudPace: true}} {
		cabinet(t, o, map[byte]int64{3: 0, 4: 0}, func(c *terminal) {
			c.open()
			c.business("as it is")
			time.Sleep(time.Minute) // virtual
			if !c.a.State().Accepting || !c.c.State().Accepting || c.p.State().Fault != nil {
				t.Errorf("%+v, after a minute: notes %+v, coins %+v, hoppers %+v", o, c.a.State(), c.c.State(), c.p.State())
			}
			// Nothing of the line closes a device's mouth: none was left without polls for 5 s.
			c.business("a minute later")
		})
	}
}

// One plug for all: pulled out and put back, it heals every device, and what happened meanwhile is told.
func TestOnePlugForAll(t *testing.T) {
	cabinet(t, ccslave.Options{Echo: true}, map[byte]int64{3: 0, 4: 0}, func(c *terminal) {
		c.open()
		for i := range 20 {
			time.Sleep(time.Duration(i*37) * time.Millisecond) // virtual
			c.coins.Path().Insert(100, "CNY", coinpath.Genuine)
			c.Plug(false)
			c.until("gone", func() bool { return !c.a.State().Online && !c.c.State().Online && !c.p.State().Online })
			c.Plug(true)
			c.until("back", func() bool { return c.a.State().Accepting && c.c.State().Accepting && c.p.State().Fault == nil })
			if got := c.count(c.c.Next, cash.Stacked); got != 1 {
				t.Errorf("round %d: %d coins told, want 1", i, got)
			}
		}
		c.business("after all that")
	})
}

// A device that has no power, and a hopper that is named and not there, do not hinder the others.
func TestOneIsMissing(t *testing.T) {
	cabinet(t, ccslave.Options{BaudPace: true}, map[byte]int64{3: 0, 4: 0, 7: 10}, func(c *terminal) {
		c.open()
		c.business("without hopper 7")
		if s := c.p.State(); s.Fault == nil || s.Fault.Kind != fault.Silent {
			t.Errorf("hoppers: got %+v, want one to be missed", s)
		}
		c.coins.Power(false, false)
		c.until("missed", func() bool { return !c.c.State().Online })
		for range 60 {
			time.Sleep(time.Second) // virtual
			if !c.a.State().Accepting {
				t.Fatalf("notes: %+v", c.a.State())
			}
		}
		id, _ := c.notes.Path().Offer(1000, "CNY", notepath.Genuine)
		c.until("in escrow", func() bool { return c.a.State().Escrow })
		if err := c.a.Return(c.t.Context()); err != nil {
			t.Fatal(err)
		}
		c.until("back in the hand", func() bool { return c.notes.Path().Fate(id) == notepath.Returned })
		c.coins.Power(true, false)
		c.until("back", func() bool { return c.c.State().Accepting })
	})
}
