package ssp

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"yichuang/devices/cash"
	"yichuang/devices/cash/acceptor"
	"yichuang/devices/fault"
)

// Payer is the payout of a unit: a view of the same driver, since one unit has one line. Whoever runs the Acceptor runs
// the payout too; either Run may be called alone, and both.
type Payer struct{ a *Acceptor }

var (
	_ cash.Payer  = (*Payer)(nil)
	_ cash.Mender = (*Payer)(nil)
)

// Payer is the unit's payout.
func (a *Acceptor) Payer() *Payer { return &Payer{a} }

// task is what the owner of a payout asks of the line: to pay, or, without pay, what the memory is now.
type task struct {
	pay     bool
	before  cash.Memory
	pieces  []cash.Pile
	started bool         // the order was given, or may have been
	orders  int64        // of a Note Float: so many pieces were ordered, one by one
	stopped *fault.Error // what stopped it
	done    chan outcome // has room for one
}

type outcome struct {
	memory cash.Memory
	err    error
}

// Run is the Run of the unit.
func (p *Payer) Run(ctx context.Context) error { return p.a.Run(ctx) }

// Before is the serial number, the count of pieces ever paid, and the levels.
func (p *Payer) Before(ctx context.Context) (cash.Memory, error) {
	return p.a.task(ctx, &task{done: make(chan outcome, 1)})
}

// Mended asks the unit for its levels: staff have just filled it, and the next change may be a note of it.
func (p *Payer) Mended(ctx context.Context) error {
	_, err := p.Before(ctx)
	return err
}

// Pay pays the pieces. A unit that counts refuses with fault.Empty what it has not; fault.Invalid: it has no such pieces,
// or before is not its memory of this instant.
func (p *Payer) Pay(ctx context.Context, before cash.Memory, pieces []cash.Pile) (cash.Paid, error) {
	if err := p.a.payable(pieces); err != nil {
		return cash.Paid{}, err
	}
	t := &task{pay: true, before: before, pieces: slices.Clone(pieces), done: make(chan outcome, 1)}
	now, err := p.a.task(ctx, t)
	if !t.started || !now.Known {
		return cash.Paid{}, err
	}
	return came(before, now, pieces), err
}

// Settle compares the levels and the count with those of before.
func (p *Payer) Settle(ctx context.Context, before cash.Memory, pieces []cash.Pile) (cash.Paid, error) {
	now, err := p.a.task(ctx, &task{done: make(chan outcome, 1)})
	if err != nil {
		return cash.Paid{}, err
	}
	return came(before, now, pieces), nil
}

// Info is what the unit said of itself.
func (p *Payer) Info() cash.PayerInfo {
	p.a.d.Lock()
	defer p.a.d.Unlock()
	i := p.a.d.Info
	return cash.PayerInfo{Protocol: i.Protocol, Maker: i.Maker, Model: i.Model, Serial: i.Serial, Firmware: i.Firmware, Faces: i.Faces, Counts: true}
}

// State is the payout as it was last heard.
func (p *Payer) State() cash.PayerState {
	a := p.a
	a.d.Lock()
	defer a.d.Unlock()
	s := cash.PayerState{Online: a.d.Online, Paying: a.paying(), Levels: a.levels, Fault: a.d.Faults[acceptor.Line].Fault}
	for _, l := range a.levels {
		if a.unit == unitNoteFloat && l.Note != a.top {
			s.Unfit = append(s.Unfit, l.Note) // it lies below another
		}
	}
	switch {
	case s.Fault == nil && a.d.Online && !a.unit.pays():
		s.Fault = a.noPayout()
	case s.Fault == nil:
		if s.Fault, _ = a.d.Worst(); s.Fault == nil {
			s.Fault = a.d.Faults[onPayout].Fault
		}
	}
	return s
}

func (a *Acceptor) noPayout() *fault.Error {
	return a.d.Fail(fault.Absent, "pay", "this unit has no payout: it is a "+a.unit.String())
}

func (a *Acceptor) paying() bool { return a.job != nil && a.job.pay && a.job.started }

// payable says what is wrong with an order in itself.
func (a *Acceptor) payable(pieces []cash.Pile) error {
	a.d.Lock()
	defer a.d.Unlock()
	if err := a.d.Offline(); err != nil {
		return err
	}
	all := int64(0)
	for _, p := range pieces {
		if p.Count <= 0 || p.Count > piecesMax || !slices.Contains(a.d.Info.Faces, p.Note) {
			return a.d.Fail(fault.Invalid, "pay", fmt.Sprintf("it cannot pay %d pieces of %d %s", p.Count, p.Face, p.Currency))
		}
		all += p.Count
	}
	if all == 0 || all > piecesMax {
		return a.d.Fail(fault.Invalid, "pay", fmt.Sprintf("an order of %d pieces", all))
	}
	return nil
}

// task hands a task to the line and waits for its end. What was not begun when ctx ends is not begun any more; a payout
// that was goes on.
func (a *Acceptor) task(ctx context.Context, t *task) (cash.Memory, error) {
	err := a.d.Await(ctx, func() (bool, error) {
		if err := a.d.Offline(); err != nil {
			return false, err
		}
		if !a.unit.pays() {
			return false, a.noPayout()
		}
		if a.job != nil {
			return false, nil
		}
		a.job = t
		return true, nil
	})
	if err != nil {
		return cash.Memory{}, err
	}
	a.d.Poke()
	select {
	case o := <-t.done:
		return o.memory, o.err
	case <-ctx.Done():
	}
	a.d.Lock()
	defer a.d.Unlock()
	if a.job == t && !(t.pay && t.started) {
		a.job = nil
		a.d.Change()
	}
	return cash.Memory{}, ctx.Err()
}

// end ends the task. Called with the lock held.
func (a *Acceptor) end(t *task, m cash.Memory, err error) {
	if a.job == t {
		a.job = nil
		a.d.Change()
	}
	select {
	case t.done <- outcome{m, err}:
	default:
	}
}

// broken ends a task whose line was lost: what came of it Settle tells. Called with the lock held.
func (a *Acceptor) broken(err error) {
	if a.job != nil {
		a.end(a.job, cash.Memory{}, err)
	}
}

// serve goes on with the task, if there is one. It comes after a poll.
func (a *Acceptor) serve(l *line, c *talk) error {
	a.d.Lock()
	t := a.job
	due := time.Since(c.counted) >= levelsEvery
	a.d.Unlock()
	quiet := c.rest >= restPolls || c.stuck >= stuckPolls
	switch {
	case t == nil && due && quiet:
		_, err := a.remember(l, c)
		return err
	case t == nil || !quiet:
		return nil
	}
	now, err := a.remember(l, c)
	if err != nil {
		return err
	}
	if t.pay && !t.started || a.goesOn(t, c, now) {
		return a.give(l, c, t, now)
	}
	a.d.Lock()
	defer a.d.Unlock()
	a.end(t, now, a.stopped(t, c, now))
	return nil
}

// goesOn says whether a Note Float has paid all that was ordered so far, and pieces are left to be ordered.
func (a *Acceptor) goesOn(t *task, c *talk, now cash.Memory) bool {
	a.d.Lock()
	defer a.d.Unlock()
	out := count(came(t.before, now, t.pieces).Out)
	return t.pay && c.unit == unitNoteFloat && t.stopped == nil && out == t.orders && out < count(t.pieces)
}

// stopped is the fault that kept an order from being paid in full. Called with the lock held.
func (a *Acceptor) stopped(t *task, c *talk, now cash.Memory) error {
	if !t.pay || count(came(t.before, now, t.pieces).Out) == count(t.pieces) {
		return nil
	}
	if t.stopped != nil {
		return t.stopped
	}
	return a.d.Fail(fault.Jammed, "pay", "the payout stopped short")
}

func count(piles []cash.Pile) (n int64) {
	for _, p := range piles {
		n += p.Count
	}
	return n
}

// give gives the order, or the next of a Note Float's, if the memory is that of before and all is there. The packet is sent
// again with the same flag when its answer is lost; when the line is lost it never is.
func (a *Acceptor) give(l *line, c *talk, t *task, now cash.Memory) error {
	refusal := error(nil)
	if t.orders == 0 {
		refusal = a.lacking(c, t, now)
	}
	if refusal == nil && c.unit == unitNoteFloat {
		refusal = a.buried(t, now)
	}
	a.d.Lock()
	if a.job != t {
		a.d.Unlock()
		return nil // its owner's patience ended first
	}
	if refusal != nil {
		a.end(t, now, refusal)
		a.d.Unlock()
		return nil
	}
	t.started = true
	t.orders++
	a.d.Change()
	a.d.Unlock()
	var err error
	if c.unit == unitNoteFloat {
		_, err = l.ask(cmdPayoutNote)
	} else {
		_, err = l.ask(cmdPayout, byDenomination(t.pieces)...)
	}
	c.rest, c.stuck = 0, 0
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Invalid) {
		a.d.Lock()
		defer a.d.Unlock()
		a.end(t, now, a.denied(err)) // nothing has moved
		return nil
	}
	return err
}

// lacking says why an order must not be given.
func (a *Acceptor) lacking(c *talk, t *task, now cash.Memory) error {
	if !same(t.before, now) {
		return a.d.Fail(fault.Invalid, "pay", "the memory is not of this instant: something was paid since, or it is another unit's")
	}
	if c.stuck > 0 {
		a.d.Lock()
		f, _ := a.d.Worst()
		a.d.Unlock()
		if f != nil {
			return f
		}
	}
	for _, p := range t.pieces {
		if level(now.Levels, p.Note) < p.Count {
			return a.d.Fail(fault.Empty, "pay", fmt.Sprintf("there are not %d pieces of %d inside", p.Count, p.Face))
		}
	}
	return nil
}

// buried says why a Note Float cannot pay the next piece: it pays the note that was stored last and no other.
func (a *Acceptor) buried(t *task, now cash.Memory) error {
	a.d.Lock()
	defer a.d.Unlock()
	left := piles(t.pieces)
	for n, c := range piles(came(t.before, now, t.pieces).Out) {
		left[n] -= c
	}
	if left[a.top] > 0 {
		return nil
	}
	return a.d.Fail(fault.Empty, "pay", fmt.Sprintf("the note that it can pay next is one of %d", a.top.Face))
}

// uppermost is the note that a Note Float would pay next. A unit that does not say so is believed to hold what all its notes are.
func (a *Acceptor) uppermost(l *line, levels []cash.Pile) (cash.Note, error) {
	data, err := l.ask(cmdNotePositions)
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Invalid) {
		if len(levels) == 1 {
			return levels[0].Note, nil
		}
		return cash.Note{}, nil
	}
	if err != nil {
		return cash.Note{}, err
	}
	a.d.Lock()
	defer a.d.Unlock()
	return parseTop(data, a.channels)
}

// parseTop reads the answer to GET_NOTE_POSITIONS, values or channels, and gives the last: the zero note when there is
// none, or none that the unit takes.
func parseTop(data []byte, channels []cash.Note) (top cash.Note, err error) {
	r := reader{data: data}
	n := int(r.byte())
	values := len(data) == 1+4*n
	if r.short || !values && len(data) != 1+n {
		return top, &fault.Error{Kind: fault.Garbled, Device: "ssp", Op: "read note positions", Detail: "neither values nor channels", Raw: data}
	}
	if n == 0 {
		return top, nil
	}
	for i, face := range channels {
		if values && face.Face == int64(binary.LittleEndian.Uint32(data[len(data)-4:])) || !values && i+1 == int(data[len(data)-1]) {
			return face, nil
		}
	}
	return top, nil
}

func same(x, y cash.Memory) bool {
	return x.Known && x.Serial == y.Serial && x.Counter == y.Counter && maps.Equal(piles(x.Levels), piles(y.Levels))
}

// denied is the reason of a payout command's refusal.
func (a *Acceptor) denied(err error) error {
	var reason byte = 0xFF
	if f := asFault(err); len(f.Raw) == 2 && f.Raw[0] == cannot {
		reason = f.Raw[1]
	}
	kind, text := fault.Refused, "the unit does not pay"
	switch reason {
	case 0, 1:
		kind, text = fault.Empty, "the unit has not the pieces"
	case 2:
		kind, text = fault.Empty, "the store is empty"
	case 3:
		kind, text = fault.Refused, "the unit is busy"
	case 4:
		kind, text = fault.Refused, "the payout is disabled"
	}
	return &fault.Error{Kind: kind, Device: "ssp", Op: "pay", Detail: text, Err: err}
}

// byDenomination are the arguments of PAYOUT_BY_DENOM: rows of count, value and currency, then "do it".
func byDenomination(pieces []cash.Pile) []byte {
	out := []byte{byte(len(pieces))}
	for _, p := range pieces {
		out = binary.LittleEndian.AppendUint16(out, uint16(p.Count))
		out = append(binary.LittleEndian.AppendUint32(out, uint32(p.Face)), p.Currency...)
	}
	return append(out, 0x58)
}

// remember reads the payout's memory: levels, and counters where there are any.
func (a *Acceptor) remember(l *line, c *talk) (cash.Memory, error) {
	data, err := l.ask(cmdLevels)
	if err != nil {
		return cash.Memory{}, err
	}
	levels, err := parseLevels(data)
	if err != nil {
		return cash.Memory{}, err
	}
	now, err := a.count(l, c)
	if err != nil {
		return cash.Memory{}, err
	}
	var top cash.Note
	if c.unit == unitNoteFloat {
		if top, err = a.uppermost(l, levels); err != nil {
			return cash.Memory{}, err
		}
	}
	c.counted = time.Now()
	a.d.Lock()
	defer a.d.Unlock()
	a.levels, a.top = levels, top
	m := cash.Memory{Serial: a.d.Info.Serial, Levels: levels, Known: true}
	if now.known {
		m.Counter = int(int64(now.dispensed)*paidOnce + int64(now.stored)%paidPart*paidPart + int64(now.moved)%paidPart)
	} else {
		m.Counter = uncounted
	}
	return m, nil
}

// The memory's counter is three numbers: pieces ever paid, and the last digits of the notes ever stored, and of those that
// ever went from the store to the box.
const (
	paidOnce  = 1 << 32
	paidPart  = 1 << 16
	uncounted = -1
)

// parseLevels reads the answer to GET_ALL_LEVELS.
func parseLevels(data []byte) ([]cash.Pile, error) {
	r := reader{data: data}
	list := []cash.Pile{}
	for range r.byte() {
		row := r.take(9)
		if row == nil {
			break
		}
		n := cash.Note{Face: int64(binary.LittleEndian.Uint32(row[2:])), Currency: string(row[6:])}
		if c := int64(binary.LittleEndian.Uint16(row)); c > 0 {
			list = append(list, cash.Pile{Note: n, Count: c})
		}
	}
	return list, r.err(data)
}

func piles(list []cash.Pile) map[cash.Note]int64 {
	n := map[cash.Note]int64{}
	for _, p := range list {
		n[p.Note] += p.Count
	}
	return n
}

func level(list []cash.Pile, n cash.Note) int64 { return piles(list)[n] }

// came compares two memories: what came out between them of an order for these pieces.
func came(before, now cash.Memory, pieces []cash.Pile) cash.Paid {
	unsure := cash.Paid{Unsure: slices.Clone(pieces)}
	if !before.Known || before.Serial != now.Serial || (before.Counter == uncounted) != (now.Counter == uncounted) {
		return unsure
	}
	paid, counted := int64(0), now.Counter != uncounted
	if counted {
		paid = int64(now.Counter)/paidOnce - int64(before.Counter)/paidOnce
		if int64(now.Counter)%paidOnce != int64(before.Counter)%paidOnce {
			// Notes came into the store meanwhile, or left it for the box: the levels do not tell any more, only how many.
			switch paid {
			case 0:
				return cash.Paid{}
			case count(pieces):
				return cash.Paid{Out: slices.Clone(pieces)}
			}
			return unsure
		}
	}
	out, asked, was, is := cash.Paid{}, piles(pieces), piles(before.Levels), piles(now.Levels)
	for n := range is {
		if is[n] > was[n] {
			return unsure
		}
	}
	for n, c := range was {
		if gone := c - is[n]; gone > asked[n] {
			return unsure
		} else if gone > 0 {
			out.Out = append(out.Out, cash.Pile{Note: n, Count: gone})
		}
	}
	if counted && count(out.Out) != paid {
		return unsure
	}
	slices.SortFunc(out.Out, func(x, y cash.Pile) int { return int(x.Face - y.Face) })
	return out
}

// enable makes the payout ready. A payout that will not be does not keep the unit from taking notes.
func (a *Acceptor) enable(l *line, c *talk) error {
	if !c.unit.pays() {
		return nil
	}
	if c.unit == unitHopper {
		if _, err := l.ask(cmdEnable); err != nil {
			return err
		}
	}
	_, err := l.ask(cmdEnablePayout, 0)
	if fault.Is(err, fault.Refused) || fault.Is(err, fault.Invalid) {
		a.d.Lock()
		defer a.d.Unlock()
		a.d.Faults[onPayout] = acceptor.Placed{Fault: &fault.Error{Kind: fault.Broken, Device: "ssp", Op: "enable payout", Detail: "the payout does not start", Err: err}, Since: time.Now().Add(faultStays)}
		return nil
	}
	if err != nil {
		return err
	}
	a.d.Lock()
	delete(a.d.Faults, onPayout)
	a.d.Unlock()
	_, err = a.remember(l, c)
	return err
}

// paidEvent hears what a poll says of a payout. Called with the lock held.
func (a *Acceptor) paidEvent(c *talk, e event) {
	kind, text := fault.Jammed, ""
	switch e.code {
	case evPayoutJam:
		text = "a piece is stuck in the payout"
	case evTimeout:
		text = "the payout took too long"
	case evPayoutError:
		text = fmt.Sprintf("the payout failed, reason %d", e.reason)
	case evHalted:
		kind, text = fault.Refused, "the payout was halted"
	default:
		return
	}
	if t := a.job; t != nil && t.started && t.stopped == nil {
		t.stopped = a.d.Fail(kind, "pay", text)
	}
}
