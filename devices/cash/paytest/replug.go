package paytest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"yichuang/devices/cash"
)

var plugs = flag.Int("pay.plugs", 200, "at how many random moments the plug is pulled")

// replug pulls the plug at random moments of an order and of what is asked before it, in the middle of an answer too,
// and puts it in again. The device keeps its power, and the program goes on: so no piece may be unsure, none may come
// out for nobody, and the next order must be paid.
func replug(t *testing.T, bubble bubbles) {
	first := *seed
	if first == 0 {
		first = rand.Uint64() >> 1
	}
	n := *plugs
	if testing.Short() {
		n = min(n, 12)
	}
	t.Logf("%d moments, seed %d", n, first)
	for s := first; n > 0; s++ {
		ok := t.Run(fmt.Sprint(s), func(t *testing.T) {
			bubble(t, func(t *testing.T, f *Fixture) {
				rng := rand.New(rand.NewPCG(s, 13))
				p := ready(t, f)
				defer p.end()
				each := min(10, f.Each/4) // as often as the pieces inside are enough for
				n -= int(each)
				for range each {
					pulled(p, rng)
				}
				p.levels()
			})
		})
		if !ok {
			t.Fatalf("again with: -pay.seed=%d -pay.plugs=1", s)
		}
	}
}

// pulled gives one order, pulls the plug somewhere in it for up to 15 s, and gives the next in peace.
func pulled(p *program, rng *rand.Rand) {
	f := p.f
	asked, out := f.order(2), f.Out()
	long := time.Duration(rng.Int64N(int64(15 * time.Second)))
	pull := func() {
		f.Faults.Arm("unplug", 1)
		time.AfterFunc(long, f.Faults.MendAll)
	}
	moment := time.Duration(rng.Int64N(int64(time.Duration(len(asked)+4) * f.Piece)))
	switch n := 1 + rng.IntN(25); rng.IntN(3) {
	case 0: // at an instant
		time.AfterFunc(moment, pull)
	case 1: // just before an answer
		f.AtAnswer(n, pull)
	case 2: // with half of an answer on the line
		f.AtAnswer(n, func() {
			f.Faults.Arm("truncate", 1)
			f.AtAnswer(2, pull)
		})
	}
	time.Sleep(time.Duration(rng.Int64N(int64(f.Piece)))) // virtual
	m := p.before()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	paid, err := p.p.Pay(ctx, m, asked)
	cancel()
	time.Sleep(20 * time.Second) // virtual: the plug is in again
	f.AtAnswer(0, nil)
	if err == nil || !unheard(err) {
		if err := f.agree(paid, asked, out, false); err != nil {
			p.t.Fatalf("pay said (%v): %v", err, err)
		}
	}
	if err := f.agree(p.settle(m, asked), asked, out, false); err != nil {
		p.t.Fatalf("settle said (pay had said %+v, %v): %v", paid, err, err)
	}
	p.fit()
	p.paid([]cash.Pile{{Note: f.Faces[0], Count: 1}})
}
