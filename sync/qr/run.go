package qr

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"
)

// Run asks about every order and refund that is not at its end, on schedule, until ctx ends; the calls
// under way are finished. It is what keeps unknown from lasting: it needs no terminal and survives
// restarts, since all it knows is in the database.
func (m *Machine) Run(ctx context.Context) {
	act := context.WithoutCancel(ctx)
	var workers sync.WaitGroup
	defer workers.Wait()
	slots := make(chan struct{}, workersMax)
	for {
		pause := m.round(act, &workers, slots)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-m.wake:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// round starts what is due and says when the next thing will be.
func (m *Machine) round(ctx context.Context, workers *sync.WaitGroup, slots chan struct{}) time.Duration {
	for _, work := range []struct {
		table, key string
		step       func(context.Context, string) error
	}{
		{"qr_order", "out_trade_no", m.step}, {"qr_refund", "out_refund_no", m.stepRefund},
	} {
		rows, err := m.db.QueryContext(ctx, fmt.Sprintf("SELECT %[2]s FROM %[1]s WHERE next_at > 0 AND next_at <= ? ORDER BY next_at LIMIT %[3]d",
			work.table, work.key, 4*workersMax), time.Now().UnixMilli())
		due, err := collect(rows, err, scanText)
		if err != nil {
			m.log.Error("orders: database", "err", err)
			return storeRetry
		}
		for _, no := range due {
			if !m.start(ctx, workers, slots, no, work.step) {
				return askEvery // a worker that gets free wakes us sooner
			}
		}
	}
	return m.untilNext(ctx)
}

// start lets a worker do one step. It says false when all workers are busy.
func (m *Machine) start(ctx context.Context, workers *sync.WaitGroup, slots chan struct{}, no string, step func(context.Context, string) error) bool {
	if !m.claim(no) {
		return true
	}
	select {
	case slots <- struct{}{}:
	default:
		m.mu.Lock()
		delete(m.busy, no)
		m.mu.Unlock()
		return false
	}
	workers.Go(func() {
		defer func() {
			<-slots
			m.release(no)
		}()
		if err := step(ctx, no); err != nil {
			// The order stays due, and the next round takes it up again.
			m.log.Error("order: database", "number", no, "err", err)
			time.Sleep(storeRetry)
		}
	})
	return true
}

// untilNext is the time to the next entry that nobody works on.
func (m *Machine) untilNext(ctx context.Context) time.Duration {
	rows, err := m.db.QueryContext(ctx, `SELECT out_trade_no, next_at FROM qr_order WHERE next_at > 0
 UNION ALL SELECT out_refund_no, next_at FROM qr_refund WHERE next_at > 0 ORDER BY next_at LIMIT ?`, 4*workersMax)
	list, err := collect(rows, err, func(s scanner) (entry, error) {
		var e entry
		return e, s.Scan(&e.no, &e.at)
	})
	if err != nil {
		m.log.Error("orders: database", "err", err)
		return storeRetry
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range list {
		if !m.busy[e.no] {
			return max(time.Millisecond, time.Until(moment(e.at)))
		}
	}
	return time.Hour
}

type entry struct {
	no string
	at int64
}

// step looks at one order once: asks, and does what is due. The caller has claimed it.
func (m *Machine) step(ctx context.Context, no string) error {
	r, err := getRow(ctx, m.db, no)
	if err != nil || r == nil {
		return err
	}
	switch {
	case r.Definite && r.late == lateFound:
		return m.decide(ctx, r)
	case r.Definite:
		return m.ask(ctx, r, m.client.query, true)
	case r.mode == Show && r.CodeURL == "" && !r.ending(time.Now()) && r.tries < nativeTimes:
		return m.ask(ctx, r, m.client.native, true)
	case r.ending(time.Now()):
		return m.finish(ctx, r)
	}
	return m.ask(ctx, r, m.client.query, true)
}

// ask makes one call and folds its answer. last says that the step ends with it.
func (m *Machine) ask(ctx context.Context, r *row, call func(context.Context, *row) finding, last bool) error {
	limited, cancel := context.WithTimeout(ctx, askLimit)
	f := call(limited, r)
	cancel()
	wasEnding := r.ending(time.Now())
	after, err := m.update(ctx, r.OutTradeNo, func(r *row, now time.Time) {
		r.fold(f, now)
		if last || r.Definite {
			r.schedule(now)
		}
		if r.leaving && !wasEnding && !r.Definite {
			r.next = now // somebody left while the call was under way
		}
	})
	if err != nil {
		return err
	}
	*r = *after
	return nil
}

// finish brings an order to its end: asked first, because the payer may have been quicker; then closed
// or, not too soon, reversed; then asked again, unless the answer to that was definite. An order that a former life may have
// been paid with is neither closed nor reversed before the gateway has answered, and one that was paid not at all: its
// journal may count on it.
func (m *Machine) finish(ctx context.Context, r *row) error {
	end := m.client.close
	tooSoon := false
	if r.mode == Scan {
		end = m.client.reverse
		tooSoon = time.Now().Before(r.callUntil.Add(reverseAfter))
	}
	if err := m.ask(ctx, r, m.client.query, tooSoon || r.former); err != nil || r.Definite || tooSoon {
		return err
	}
	if r.former && (r.tries > 0 || r.PaidFen > 0) {
		return nil
	}
	if err := m.ask(ctx, r, end, false); err != nil || r.Definite {
		return err
	}
	return m.ask(ctx, r, m.client.query, true)
}

// decide settles a payment that came after its order had ended.
func (m *Machine) decide(ctx context.Context, r *row) error {
	keep := false
	var err error
	if m.cfg.OnLatePaid != nil {
		limited, cancel := context.WithTimeout(ctx, decideLimit)
		keep, err = m.cfg.OnLatePaid(limited, r.view())
		cancel()
	}
	if err != nil {
		m.log.Error("late payment: the hall has not decided", "out_trade_no", r.OutTradeNo, "err", err)
		_, err = m.update(ctx, r.OutTradeNo, func(r *row, now time.Time) {
			r.tries++
			r.schedule(now)
		})
		return err
	}
	if keep {
		_, err = m.update(ctx, r.OutTradeNo, func(r *row, now time.Time) {
			r.late, r.State.State = lateKept, Paid
			r.schedule(now)
		})
		return err
	}
	return m.giveBack(ctx, r)
}

// giveBack commits the decision and its refund together.
func (m *Machine) giveBack(ctx context.Context, late *row) error {
	err := within(ctx, m.db, func(tx *sql.Tx) error {
		r, err := getRow(ctx, tx, late.OutTradeNo)
		if err != nil || r.late != lateFound {
			return err
		}
		now := time.Now()
		r.late = lateReturned
		r.schedule(now)
		if err := putRow(ctx, tx, r); err != nil {
			return err
		}
		return putRefund(ctx, tx, &refundRow{
			RefundState: RefundState{OutRefundNo: r.OutTradeNo + "-late", AmountFen: r.PaidFen, Status: RefundBegun, Reason: "paid_late"},
			outTradeNo:  r.OutTradeNo, wire: 1, begun: now, next: now,
		})
	})
	m.kick()
	return err
}
