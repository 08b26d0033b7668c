package payment

import (
	"context"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/mechanism"
	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/kiosk/store/cutdisk"
)

// What of a random story concerns coins and what is paid out.

func (s *story) dropCoin() {
	kinds := []string{coinpath.Genuine, coinpath.Genuine, coinpath.Genuine, coinpath.Genuine, coinpath.Foreign, coinpath.Slug, coinpath.Strung}
	face, kind := Coins[s.rng.IntN(len(Coins))].Face, kinds[s.rng.IntN(len(kinds))]
	s.note("coin %d of %d, %s, is dropped", s.coins.Path().Insert(face, money.CNY, kind), face, kind)
}

// coinAct is what a hand or bad luck does to the coin acceptor.
func (s *story) coinAct() {
	switch n := s.rng.IntN(8); {
	case n < 4: // one, or some quickly: the next sets out while the one before is still moving
		for range 1 + s.rng.IntN(3) {
			s.dropCoin()
			time.Sleep(time.Duration(s.rng.IntN(400)) * time.Millisecond) // virtual
		}
	case n == 4:
		s.armed("coins", s.coins.Faults(), "late", "double", "split", "truncate", "garble", "checksum", "silence", "lost_reply", "fraud")
	case n == 5:
		s.coinTrouble()
	case s.harsh && n == 6:
		in := s.rng.IntN(2) == 0
		s.note("the coin acceptor's power goes, a coin in it goes in: %v", in)
		s.coins.Power(false, in)
		s.coinsForgotten()
		time.Sleep(time.Duration(s.rng.IntN(6000)) * time.Millisecond) // virtual
		s.coins.Power(true, false)
	case s.harsh && n == 7 && s.rng.IntN(2) == 0:
		s.note("the coin acceptor restarts")
		s.coins.Reset()
		s.coinsForgotten()
	case s.harsh && n == 7:
		s.note("a coin will fall into the box unseen")
		s.coins.Faults().Arm("swallow", 1)
		s.may.coins++
	}
}

func (s *story) coinTrouble() {
	name := []string{"unplug", "jam", "lever"}[s.rng.IntN(3)]
	d := time.Duration(s.rng.IntN(15000)) * time.Millisecond
	s.note("coins %s for %s", name, d)
	s.coins.Faults().Arm(name, 1)
	if name == "jam" {
		s.dropCoin()
	}
	time.Sleep(d) // virtual
	s.coins.Faults().Arm(name, 0)
}

func (s *story) armed(device string, faults *mechanism.Faults, names ...string) {
	name := names[s.rng.IntN(len(names))]
	s.note("%s: fault %s", device, name)
	faults.Arm(name, 1+s.rng.IntN(2))
}

// giveBack pays back what a case is owed to the person who stands there, while this or that befalls the payer, and gives
// a code for the rest.
func (s *story) giveBack(id, owed string, amount money.Fen) {
	over := s.accident()
	s.bounded(func(ctx context.Context) {
		given, err := s.program.till.PayOut(ctx, id, owed)
		s.note("%s is paid back of %s: %+v %v", given.Out, amount, given, err)
		switch {
		case s.struck():
		case err != nil:
			s.t.Errorf("pay out: %v", err)
		case given.Out+given.Unsure+given.Rest != amount:
			s.t.Errorf("pay out %s: %+v", amount, given)
		}
	})
	<-over
	if s.dead() || s.openPayout() || s.rng.IntN(3) == 0 {
		return
	}
	s.bounded(func(ctx context.Context) {
		left := s.left(owed)
		if left == 0 {
			return
		}
		if _, err := s.program.till.Recode(ctx, id, owed); err != nil {
			if !s.struck() {
				s.t.Errorf("recode: %v", err)
			}
			return
		}
		if given, err := s.program.till.PayOut(ctx, id, owed); err != nil && !s.struck() || given.Out+given.Unsure != 0 {
			s.t.Errorf("paid out in spite of a code: %+v %v", given, err)
		}
	})
}

// left is what is still owed.
func (s *story) left(owed string) (left money.Fen) {
	s.book(func(b *casefile.Book) {
		if o := b.Owed[owed]; o != nil && !o.Paid {
			left = o.Amount
		}
	})
	return left
}

// accident befalls the payer, or the computer, in some moments. It is closed when that is over.
func (s *story) accident() <-chan struct{} {
	over := make(chan struct{})
	at, lasts := time.Duration(s.rng.IntN(4000))*time.Millisecond, time.Duration(s.rng.IntN(15000))*time.Millisecond
	what, how, flip := s.rng.IntN(10), cutdisk.Ways[s.rng.IntN(len(cutdisk.Ways))], s.rng.IntN(2) == 0
	faults, jam := s.sim.Faults(), "payout_jam"
	if s.rack != nil {
		faults, jam = s.rack.Faults(), "jam"
	}
	state := func(name string) {
		s.note("payer: %s for %s", name, lasts)
		faults.Arm(name, 1)
		time.Sleep(lasts) // virtual
		faults.Arm(name, 0)
	}
	go func() {
		defer close(over)
		time.Sleep(at) // virtual
		switch {
		case what < 2:
			s.note("the computer dies in the middle of a payout")
			s.strike(how)
		case what == 2:
			state("unplug")
		case what == 3:
			state(jam)
		case what == 4 && s.rack != nil:
			state("empty")
		case what == 5:
			s.note("payer: lost reply")
			faults.Arm("lost_reply", 1)
		case what == 6 && s.harsh:
			if lasts = 2 * time.Minute; s.rack == nil {
				s.may.notes++
			}
			s.may.payouts++
			state("unplug")
		case what == 7 && s.harsh:
			s.may.payouts++
			s.note("the payer's power goes, a piece in it comes out: %v", flip)
			if s.rack == nil {
				s.may.notes++
				s.sim.Power(false, flip)
				time.Sleep(lasts) // virtual
				s.sim.Power(true, false)
				return
			}
			s.rack.Power(false, flip)
			time.Sleep(lasts) // virtual
			s.rack.Power(true, false)
		case what == 8 && s.harsh:
			s.may.payouts++
			if s.rack == nil {
				s.may.notes++
			}
			s.note("the payer restarts")
			faults.Arm("reset", 1)
		}
	}()
	return over
}

// technician fills the payer or counts it, mends it, or settles what is in doubt.
func (s *story) technician() {
	if s.dead() || s.open() != nil || s.openPayout() || s.payer().paying {
		return
	}
	if mender, is := s.program.payer.(cash.Mender); is {
		s.bounded(func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			mender.Mended(ctx) // an error is of one who is not heard: there is another day
		})
	}
	if s.rng.IntN(2) == 0 || s.unloaded {
		s.count()
	} else {
		s.load()
	}
}

// load puts pieces into the payer and writes it down.
func (s *story) load() {
	if s.dead() {
		return
	}
	var pieces money.Counts
	if s.rack == nil {
		face, n := []int64{100, 500, 1000, 2000}[s.rng.IntN(4)], 1+s.rng.IntN(8)
		s.sim.Path().Load(face, money.CNY, n)
		pieces = pieces.Plus(money.Fen(face), money.CNY, int64(n))
	} else {
		for _, b := range s.rack.World() {
			n := s.rng.IntN(20)
			s.rack.Load(b.Address, n)
			pieces = pieces.Plus(money.Fen(b.Face), money.CNY, int64(n))
		}
	}
	s.note("pieces are put in: %v", pieces)
	if len(pieces) > 0 {
		s.write(casefile.StockLoaded, casefile.Header{Pieces: pieces, Who: "technician"})
	}
}

// count counts the payer's pieces. While some are in doubt a count would tell of them twice.
func (s *story) count() {
	h := casefile.Header{Counted: s.payer().inside, Who: "technician"}
	doubt := false
	s.book(func(b *casefile.Book) { h.Expected, doubt = b.Stock.Inside, len(b.Stock.Unsure) > 0 })
	if doubt {
		return
	}
	s.note("the pieces are counted: %v, the journal has %v", h.Counted, h.Expected)
	s.unloaded = false
	s.write(casefile.StockCounted, h)
}

// write is what a technician tells the journal. When the computer dies over it nobody knows whether it was written.
func (s *story) write(kind casefile.Kind, h casefile.Header) {
	s.bounded(func(ctx context.Context) {
		if err := s.program.journal.Append(ctx, entry(kind, "", h)); err != nil && !s.struck() {
			s.t.Errorf("%s: %v", kind, err)
		}
	})
	s.unloaded = s.unloaded || s.struck()
}

// settleDoubts looks at each payout that is in doubt, and writes down what was found where that is one thing or the other.
func (s *story) settleDoubts() {
	var doubtful []casefile.Payout
	var paid, unsure money.Counts
	s.book(func(b *casefile.Book) {
		paid, unsure = b.Stock.Paid, b.Stock.Unsure
		for _, p := range b.Payouts {
			doubtful = append(doubtful, *p)
		}
	})
	out, as := s.payer().out.Minus(paid), ""
	switch {
	case len(out.Minus(unsure)) == 0:
		as = "paid"
	case len(out) == 0:
		as = "kept"
	}
	for _, p := range doubtful {
		if as != "" {
			s.note("payout %s is settled as %s", p.ID, as)
			h := casefile.Header{Payout: p.ID, As: as, Reason: "looked", Who: "technician"}
			if err := s.program.journal.Append(context.Background(), entry(casefile.PayoutSettled, p.Case, h)); err != nil {
				s.t.Errorf("settle payout: %v", err)
			}
		}
	}
}
