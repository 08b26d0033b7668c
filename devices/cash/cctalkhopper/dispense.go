package cctalkhopper

import (
	"context"
	"fmt"
	"time"

	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// result is what came of an order.
type result struct {
	out    int64 // pieces that came out for sure
	unsure int64 // pieces that may have come out besides
	err    error // why it is not all
	raw    []byte
}

// fit says whether a payout may begin. It asks the hopper.
func (h *hopper) fit() error {
	if h.line == nil {
		return h.fault()
	}
	if h.refusal != nil {
		return h.refusal
	}
	if err := h.test(); err != nil {
		return err
	}
	if err := h.read(); err != nil {
		return err
	}
	return h.free()
}

// free says whether a payout may begin by what was last heard.
func (h *hopper) free() error {
	if f := h.flags.worst(standing); f != nil {
		return f
	}
	if h.status.remaining > 0 {
		return fail(fault.Busy, "pay", "an earlier payout is still under way")
	}
	return nil
}

// pay pays n coins in orders of a few.
func (h *hopper) pay(ctx context.Context, n int64) (r result) {
	for r.out < n && r.err == nil {
		if r.err = ctx.Err(); r.err != nil {
			break
		}
		counter, count := h.status.counter, h.count
		if r.err = h.reread(ctx); r.err != nil {
			break
		}
		if h.status.counter != counter || h.count != count {
			// An order from here would make the counter say what is not so by what was written down.
			r.err = fail(fault.Silent, "pay", "the hopper restarted before the order")
			break
		}
		if r.err = h.free(); r.err != nil {
			break
		}
		part := h.order(ctx, min(n-r.out, chunkMax))
		r.out += part.out
		r.unsure, r.err, r.raw = part.unsure, part.err, part.raw
	}
	return r
}

// order pays n coins, at most chunkMax. h.status and h.count are those of this instant.
func (h *hopper) order(ctx context.Context, n int64) result {
	from, count := h.status.counter, h.count
	h.pardoned = registers{}
	moved, err := h.give(ctx, byte(n), &from)
	seen := status{counter: from}
	if moved {
		h.last = nil // what ended an earlier one
		seen, err = h.follow(ctx, from)
		nap(restTime)
	}
	// Whatever happened: an enabled hopper can be set off by noise, or by another host.
	if _, e := h.sure(ctx, hdrEnable, []byte{0}, 0); e != nil && err == nil {
		err = e
	}
	if !moved {
		return result{err: err}
	}
	r := h.reckon(ctx, n, from, count, seen)
	if r.err == nil && r.out < n {
		r.err = err
	}
	if r.err == nil && r.out < n {
		r.err = h.why(ctx)
		if h.line != nil {
			h.level() // that few are left is to be known before somebody fills it; no answer now is one later
		}
	}
	return r
}

// why is the reason of a payout that ended short.
func (h *hopper) why(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case h.last != nil:
		return h.last
	}
	h.last = fail(fault.Jammed, "pay", "the payout ended short and the hopper does not say why")
	return h.last
}

// give enables the hopper and gives it the order. moved is true when coins may have moved. An order without an
// answer is given again only when the hopper stands where it stood and is still enabled: it never had it. from is the
// counter before the order, and is set right when the answer says that the hopper restarted just then.
func (h *hopper) give(ctx context.Context, n byte, from *byte) (moved bool, err error) {
	if _, err = h.line.Query(hdrEnable, []byte{enableCode}, 0); err != nil {
		return false, err
	}
	for range ordersMax {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		var proof []byte
		if proof, err = h.proof(); err != nil {
			return false, err
		}
		var counter []byte
		if counter, err = h.line.Ask(hdrDispense, append(proof, n), 1); err == nil {
			if counter[0] == 1 && *from != 255 {
				*from = 0
			}
			return true, nil
		}
		taken, e := h.taken(ctx, *from)
		switch {
		case taken || e != nil:
			return true, nil // what it came to is told by following it
		case fault.Is(err, fault.Refused):
			return false, h.refused(err)
		}
	}
	return false, err
}

// proof is what the order begins with.
func (h *hopper) proof() ([]byte, error) {
	switch h.by {
	case Serial:
		return h.serialBytes(), nil
	case Cipher:
		return h.cipher()
	}
	return nil, nil
}

// cipher asks for a key, which is good for one attempt, and has it answered by the maker's algorithm.
func (h *hopper) cipher() ([]byte, error) {
	if seed := h.p.o.Seed; seed != nil {
		s := seed()
		if _, err := h.line.Query(hdrPumpRNG, s[:], 0); err != nil {
			return nil, err
		}
	}
	b, err := h.line.Query(hdrCipherKey, nil, keyBytes)
	if err != nil {
		return nil, err
	}
	answer := h.p.o.Cipher([keyBytes]byte(b))
	return answer[:], nil
}

// taken asks whether an order without an answer was taken. Counter, rest and lifetime count say so: each of them,
// since a hopper that restarted just before the order may stand where it stood. One that is disabled although
// we enabled it has restarted, and says nothing of before.
func (h *hopper) taken(ctx context.Context, from byte) (bool, error) {
	was := h.count
	if err := h.reread(ctx); err != nil {
		return false, err
	}
	return h.status.counter != from || h.status.remaining > 0 || h.count != was || h.flags.bits[0]&r1Disabled != 0, nil
}

// refused is a hopper that said no to an order, with the reason that it has or the hint that is left.
func (h *hopper) refused(err error) error {
	if e := h.test(); e != nil {
		return err
	}
	if f := h.flags.worst(standing); f != nil {
		return f
	}
	if f := h.flags.worst(past); f != nil {
		return f
	}
	return &fault.Error{Kind: fault.Invalid, Device: device, Op: "pay", Detail: hintOrder, Err: err}
}

// follow waits until nothing remains, and gives the last that was heard. A payout that makes no progress, and one that nobody
// wants any more, is stopped.
func (h *hopper) follow(ctx context.Context, from byte) (seen status, err error) {
	seen.counter = from
	progress, stops := time.Now(), 0
	for {
		b, err := h.sure(ctx, hdrStatus, nil, statusBytes)
		if err != nil {
			return seen, err
		}
		s := parseStatus(b)
		if s.counter != next(from) {
			return seen, nil // it restarted, or somebody else paid: the lifetime count has to say
		}
		if s.paid != seen.paid {
			progress = time.Now()
		}
		if seen = s; s.remaining == 0 {
			return seen, nil
		}
		if ctx.Err() != nil || time.Since(progress) >= stallLimit {
			if stops++; stops > stopsMax {
				return seen, fail(fault.Broken, "pay", "the payout does not stop")
			}
			if _, err := h.sure(ctx, hdrStop, nil, ccbus.Any); err != nil && !fault.Is(err, fault.Refused) {
				return seen, err
			}
		}
		nap(payPoll)
	}
}

// reckon says what came out of an order for n since the hopper stood at counter from and at count. seen is the last
// that was heard of it.
func (h *hopper) reckon(ctx context.Context, n int64, from byte, count uint32, seen status) result {
	if err := h.reread(ctx); err != nil {
		out := min(int64(seen.paid), n)
		return result{out: out, unsure: n - out, err: err}
	}
	r := result{out: grown(count, h.count), raw: h.raw()}
	said := int64(h.status.paid)
	switch {
	case h.status.counter == next(from):
		if h.status.remaining > 0 {
			r.out, r.unsure = min(said, n), n-min(said, n)
			r.err = fail(fault.Busy, "pay", "the payout is still under way")
		} else if r.out != said {
			r.doubt(min(r.out, said), max(r.out, said), n, fmt.Sprintf("it says that it paid %d, and counted %d", said, r.out))
		}
	case r.out > n:
		r.doubt(0, n, n, fmt.Sprintf("it counted %d coins of an order for %d", r.out, n))
	case h.status.counter == 0 && r.out < n:
		if h.flags.cutShort() {
			r.unsure = 1
		}
		r.err = fail(fault.Silent, "pay", "the hopper lost its power during the payout")
	case h.status.counter != 0:
		r.err = fail(fault.Doubtful, "pay", fmt.Sprintf("its counter went from %d to %d: somebody else gives it orders", from, h.status.counter))
	}
	return r
}

// doubt is a result of at least low and at most high, and of no more than what was asked.
func (r *result) doubt(low, high, n int64, why string) {
	r.out = min(low, n)
	r.unsure = min(high, n) - r.out
	r.err = fail(fault.Doubtful, "pay", why)
}

// raw is what the hopper last said of itself: status and lifetime count.
func (h *hopper) raw() []byte {
	s := h.status
	return []byte{s.counter, s.remaining, s.paid, s.unpaid, byte(h.count), byte(h.count >> 8), byte(h.count >> 16)}
}

// reread asks for registers, last payout and lifetime count until there are answers.
func (h *hopper) reread(ctx context.Context) error {
	b, err := h.sure(ctx, hdrTest, nil, anyRegisters)
	if err != nil {
		return err
	}
	s, err := h.sure(ctx, hdrStatus, nil, statusBytes)
	if err != nil {
		return err
	}
	n, err := h.sure(ctx, hdrDispensed, nil, 3)
	if err != nil {
		return err
	}
	h.judge(parseRegisters(b))
	h.status, h.count = parseStatus(s), parseCount(n)
	return nil
}
