package cctalkhopper

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"yichuang/devices/cash"
	"yichuang/devices/cash/ccbus"
	"yichuang/devices/fault"
)

// anyRegisters is the size of an answer to header 163: hoppers have one to three.
const anyRegisters = ccbus.Any

// Before is where counters and lifetime counts of all hoppers stand that are on line.
func (p *Payer) Before(ctx context.Context) (m cash.Memory, err error) {
	if e := p.do(ctx, "before", func(context.Context) { m, err = p.before() }); e != nil {
		return cash.Memory{}, e
	}
	return m, err
}

func (p *Payer) before() (cash.Memory, error) {
	m := cash.Memory{Known: true}
	var serials []string
	for _, h := range p.hoppers {
		if h.line == nil {
			continue
		}
		if err := h.anew(h.read()); err != nil {
			h.gone(err)
			continue
		}
		if err := h.fresh(); err != nil {
			h.gone(err)
			continue
		}
		part := h.memory()
		m.Parts = append(m.Parts, part)
		m.Paid = append(m.Paid, part.Paid...)
		serials = append(serials, part.Serial)
	}
	if len(m.Parts) == 0 {
		return cash.Memory{}, p.nobody("before")
	}
	m.Serial = strings.Join(serials, " ")
	return m, nil
}

// told makes a fault of an error of the port: the line is gone.
func told(op string, err error) error {
	if err == nil || fault.KindOf(err) != "" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &fault.Error{Kind: fault.Absent, Device: device, Op: op, Detail: "the line is gone", Err: err}
}

// fresh makes a hopper forget that it was switched on, and that its power went during an earlier payout, which was
// settled: if it says so later, it befell the next one. Enabling does that, and moves nothing.
func (h *hopper) fresh() error {
	if err := h.test(); err != nil || h.status.remaining > 0 || !h.flags.restarted() && !h.flags.saysCutShort() {
		return err
	}
	for _, code := range []byte{enableCode, 0} {
		if _, err := h.line.Query(hdrEnable, []byte{code}, 0); err != nil {
			return err
		}
	}
	return h.test()
}

// memory is where a hopper stands.
func (h *hopper) memory() cash.Memory {
	return cash.Memory{Serial: h.key(), Counter: int(h.status.counter), Paid: []cash.Pile{{Note: h.coin, Count: int64(h.count)}}, Known: true}
}

// anyOn says whether some hopper is on line.
func (p *Payer) anyOn() bool {
	return slices.ContainsFunc(p.hoppers, func(h *hopper) bool { return h.line != nil })
}

// nobody is the fault of a payer without a hopper that answers.
func (p *Payer) nobody(op string) error {
	for _, h := range p.hoppers {
		if h.lost != nil && (h.named || h.met) {
			return h.lost
		}
	}
	return fail(fault.Absent, op, "no hopper was found")
}

// whole says whether a memory is one of ours as it was written down.
func whole(m cash.Memory) bool {
	var serials []string
	for _, part := range m.Parts {
		if len(part.Paid) != 1 {
			return false
		}
		serials = append(serials, part.Serial)
	}
	return m.Known && len(serials) > 0 && m.Serial == strings.Join(serials, " ")
}

// part finds a hopper in a memory.
func part(m cash.Memory, h *hopper) (cash.Memory, bool) {
	i := slices.IndexFunc(m.Parts, func(p cash.Memory) bool { return p.Serial == h.key() })
	if i < 0 || !whole(m) {
		return cash.Memory{}, false
	}
	return m.Parts[i], true
}

// merged is the pieces with one pile for each face, in their order. fault.Invalid: a pile that cannot be.
func merged(pieces []cash.Pile) (list []cash.Pile, err error) {
	for _, pile := range pieces {
		if pile.Count < 0 || pile.Face <= 0 {
			return nil, fail(fault.Invalid, "pay", fmt.Sprintf("%d pieces of %d", pile.Count, pile.Face))
		}
		list = add(list, pile.Note, pile.Count)
	}
	return list, nil
}

// add puts pieces on their pile. None make no pile.
func add(list []cash.Pile, note cash.Note, n int64) []cash.Pile {
	if n == 0 {
		return list
	}
	for i := range list {
		if list[i].Note == note {
			list[i].Count += n
			return list
		}
	}
	return append(list, cash.Pile{Note: note, Count: n})
}

// Pay pays the pieces, hopper after hopper, and stops at the first that comes to no good end. When ctx ends the payout is
// stopped, and what came out is told.
func (p *Payer) Pay(ctx context.Context, before cash.Memory, pieces []cash.Pile) (paid cash.Paid, err error) {
	orders, err := merged(pieces)
	if err == nil && len(orders) == 0 {
		err = fail(fault.Invalid, "pay", "nothing")
	}
	if err != nil {
		return cash.Paid{}, err
	}
	e := p.do(ctx, "pay", func(act context.Context) {
		p.paying(true)
		defer p.paying(false)
		paid, err = p.pay(act, before, orders)
		err = told("pay", err)
	})
	if e != nil {
		return cash.Paid{}, e
	}
	return paid, err
}

func (p *Payer) pay(ctx context.Context, before cash.Memory, orders []cash.Pile) (paid cash.Paid, err error) {
	// First everything that can be refused: nothing has moved yet.
	var hoppers [][]*hopper
	for _, o := range orders {
		fit, err := p.payers(before, o.Note)
		if err != nil {
			return cash.Paid{}, err
		}
		hoppers = append(hoppers, fit)
	}
	for i, o := range orders {
		err = p.payFace(ctx, &paid, o, hoppers[i])
		if err != nil {
			break
		}
	}
	return paid, err
}

// payers are the hoppers that can pay a face and stand as they did when before was asked for.
func (p *Payer) payers(before cash.Memory, face cash.Note) (fit []*hopper, err error) {
	err = fail(fault.Invalid, "pay", fmt.Sprintf("no hopper holds coins of %d %s", face.Face, face.Currency))
	if !p.anyOn() {
		return nil, p.nobody("pay")
	}
	for _, h := range p.hoppers {
		if h.coin != face {
			continue
		}
		on := h.line != nil
		if e := h.fit(); e != nil {
			err = e
			if on && (ccbus.Retry(e) || fault.KindOf(e) == "") {
				h.gone(e)
			}
			continue
		}
		m, ok := part(before, h)
		if !before.Known || !ok || m.Counter != int(h.status.counter) || m.Paid[0].Count != int64(h.count) {
			return nil, fail(fault.Invalid, "pay", fmt.Sprintf("hopper %d does not stand as it did before: counter %d, count %d", h.address, h.status.counter, h.count))
		}
		fit = append(fit, h)
	}
	if len(fit) == 0 {
		return nil, err
	}
	return fit, nil
}

// payFace pays one face. Where several hoppers hold it the next goes on where one is empty or jammed.
func (p *Payer) payFace(ctx context.Context, paid *cash.Paid, o cash.Pile, hoppers []*hopper) (err error) {
	left := o.Count
	for _, h := range hoppers {
		r := h.pay(ctx, left)
		paid.Out = add(paid.Out, o.Note, r.out)
		paid.Unsure = add(paid.Unsure, o.Note, r.unsure)
		paid.Raw = append(paid.Raw, r.raw...)
		left -= r.out
		if err = r.err; err != nil && (fault.Is(err, fault.Silent) || fault.KindOf(err) == "") && h.line == nil {
			h.gone(err)
		}
		if err == nil || r.unsure > 0 || !fault.Is(err, fault.Empty) && !fault.Is(err, fault.Jammed) {
			break
		}
	}
	return err
}

// Settle says what came out since before was asked for, by the lifetime counts. An error with nothing paid and nothing
// unsure means that it cannot be said now, since a hopper does not answer: ask again.
func (p *Payer) Settle(ctx context.Context, before cash.Memory, pieces []cash.Pile) (paid cash.Paid, err error) {
	orders, err := merged(pieces)
	if err != nil {
		return cash.Paid{}, err
	}
	e := p.do(ctx, "settle", func(act context.Context) {
		paid, err = p.settle(act, before, orders)
		err = told("settle", err)
	})
	if e != nil {
		return cash.Paid{}, e
	}
	return paid, err
}

func (p *Payer) settle(ctx context.Context, before cash.Memory, orders []cash.Pile) (paid cash.Paid, err error) {
	switch {
	case !p.anyOn():
		return cash.Paid{}, p.nobody("settle")
	case !whole(before):
		return cash.Paid{Unsure: orders}, nil
	}
	for _, o := range orders {
		r := p.settleFace(ctx, before, o)
		if r.err != nil && r.out == 0 && r.unsure == 0 {
			return cash.Paid{}, r.err
		}
		paid.Out = add(paid.Out, o.Note, r.out)
		paid.Unsure = add(paid.Unsure, o.Note, r.unsure)
		paid.Raw = append(paid.Raw, r.raw...)
		if r.err != nil {
			err = r.err
		}
	}
	return paid, err
}

// settleFace adds up what all hoppers of a face paid.
func (p *Payer) settleFace(ctx context.Context, before cash.Memory, o cash.Pile) (sum result) {
	known := 0
	for _, m := range before.Parts {
		if m.Paid[0].Note != o.Note {
			continue
		}
		known++
		i := slices.IndexFunc(p.hoppers, func(h *hopper) bool { return h.met && h.key() == m.Serial })
		if i < 0 {
			return p.stranger(m, o)
		}
		r := p.hoppers[i].settle(ctx, m, o.Count)
		sum.out += r.out
		sum.unsure += r.unsure
		sum.raw = append(sum.raw, r.raw...)
		if r.err != nil {
			sum.err = r.err
			if r.out == 0 && r.unsure == 0 {
				return r
			}
		}
	}
	switch {
	case known == 0:
		return result{} // it speaks of no hopper with this face, because none answered then: Pay gives no order by it
	case sum.out > o.Count && sum.err == nil:
		sum.err = fail(fault.Doubtful, "settle", fmt.Sprintf("%d coins came out, and %d were asked for", sum.out, o.Count))
	}
	sum.unsure = max(0, min(sum.unsure, o.Count-sum.out))
	return sum
}

// stranger is a hopper that paid and is not here: it may come, unless another one has its address.
func (p *Payer) stranger(m cash.Memory, o cash.Pile) result {
	address, _, _ := strings.Cut(m.Serial, ":")
	for _, h := range p.hoppers {
		if h.line != nil && fmt.Sprint(h.address) == address {
			return result{unsure: o.Count}
		}
	}
	return result{err: fail(fault.Absent, "settle", "the hopper that paid does not answer")}
}

// settle says what one hopper paid since m, out of n at most.
func (h *hopper) settle(ctx context.Context, m cash.Memory, n int64) (r result) {
	if err := h.rest(ctx); err != nil {
		return result{err: err}
	}
	r = result{out: grown(uint32(m.Paid[0].Count), h.count), raw: h.raw()}
	now := int(h.status.counter) // that stands still while coins came out restarted just before the order
	switch {
	case r.out > n && now == 0:
		r.doubt(0, n, n, fmt.Sprintf("after a restart it counts %d coins, and %d were asked for: its count was lost", r.out, n))
	case now == 0:
		// It was restarted since, or has never paid since it was switched on: the count alone speaks.
		if certain := m.Counter != 0 || r.out > 0 || h.flags.restarted(); r.out < n && certain && h.flags.cutShort() {
			r.unsure = 1
		}
	case now == int(next(byte(m.Counter))) && int64(h.status.paid) != r.out:
		said := int64(h.status.paid)
		r.doubt(min(r.out, said), max(r.out, said), n, fmt.Sprintf("it says that it paid %d, and counted %d", said, r.out))
	}
	return r
}

// rest waits until a payout that is under way has ended, and disables the hopper.
func (h *hopper) rest(ctx context.Context) error {
	for {
		if err := h.reread(ctx); err != nil {
			return err
		}
		if h.status.remaining == 0 {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		nap(payPoll)
	}
	_, err := h.sure(ctx, hdrEnable, []byte{0}, 0)
	return err
}
