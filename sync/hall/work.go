package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/seal"
	"yichuang/sync/hallstore"
)

// work draws the consequences of what was taken in, until ctx ends.
func (h *Hall) work(ctx context.Context) {
	for ctx.Err() == nil {
		h.rush.giveWay(ctx)
		changed := h.change()
		n, waiting, err := h.step(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			h.log.Error("drawing consequences", "cause", err)
			h.pause(ctx, nil, workPause)
		case n > 0:
		case waiting:
			h.rest(ctx, changed, recheck)
		default:
			h.rest(ctx, changed, idle)
		}
	}
}

// rest waits for more to do. Before, it does what is only for the database's own good.
func (h *Hall) rest(ctx context.Context, changed <-chan struct{}, limit time.Duration) {
	if err := h.store.MoveLog(context.WithoutCancel(ctx)); err != nil {
		h.log.Error("moving the database's log", "cause", err)
	}
	h.pause(ctx, changed, limit)
}

// step draws the consequences of the next records in one transaction with the mark of how far it got: a
// power cut takes both back or neither. waiting: the hall was restored, and waits for what terminals have.
func (h *Hall) step(ctx context.Context) (n int, waiting bool, err error) {
	offer, err := h.offer(ctx)
	if err != nil {
		return 0, false, err
	}
	whole := context.WithoutCancel(ctx) // it is short, and every statement that could be broken off costs a goroutine
	var heard bool
	err = h.store.Tx(ctx, func(tx *sql.Tx) error {
		ctx := whole
		records, err := hallstore.Batch(ctx, tx, workBatch)
		if err != nil {
			return err
		}
		n = len(records)
		f := &fold{Hall: h, ctx: ctx, tx: tx, offer: offer}
		if f.waits, err = waits(ctx, tx); err != nil {
			return err
		}
		waiting, f.frozen = len(f.waits) > 0, slices.ContainsFunc(f.waits, awaited.holds)
		if n == 0 {
			err := f.mend()
			heard = f.heard
			return err
		}
		for _, r := range records {
			if err := f.record(r); err != nil {
				return fmt.Errorf("record %s %d: %w", r.Terminal, r.Seq, err)
			}
		}
		return hallstore.Processed(ctx, tx, records[n-1]) // all of one journal
	})
	if err == nil && (n > 0 || heard) {
		h.announce() // also that a terminal has told everything: what rested for it goes on
	}
	return n, waiting, err
}

// odd is something in a record that cannot be. The record is passed over, and a person looks at it.
type odd struct{ what string }

func (o *odd) Error() string { return o.what }

func oddf(format string, args ...any) error { return &odd{fmt.Sprintf(format, args...)} }

// record draws the consequences of one record. One that cannot be waits while the hall waits for a terminal that may
// have what it follows from; otherwise a person looks at it.
func (f *fold) record(r *casefile.Record) error {
	what, err := f.draw(r)
	switch {
	case err != nil || what == "":
		return err
	case f.frozen:
		return f.exec(`INSERT INTO deferred (terminal, epoch, seq, what) VALUES (?,?,?,?)`, r.Terminal, r.Epoch, r.Seq, what)
	}
	return f.problem(what)
}

// draw says what is odd about a record, "" when its consequences are drawn. What of it was done before it turned out odd
// is taken back, so that an odd record has none.
func (f *fold) draw(r *casefile.Record) (what string, err error) {
	f.r = r
	draw := draws[r.Kind]
	if draw == nil {
		return "", nil // of no consequence here, or of a kind that a later version added
	}
	e, err := r.Event()
	if err != nil {
		return err.Error(), nil
	}
	if what := e.Header.Uncountable(); what != "" {
		return what, nil
	}
	f.e, f.at = e, hallstore.Stamp(r.When())
	if err := f.exec(`SAVEPOINT record`); err != nil {
		return "", err
	}
	err = f.drawn(draw)
	var o *odd
	if !errors.As(err, &o) {
		return "", errors.Join(err, f.exec(`RELEASE record`))
	}
	if err := f.exec(`ROLLBACK TO record`); err != nil {
		return "", err
	}
	return o.what, f.exec(`RELEASE record`)
}

// drawn draws one record. One on which the program itself comes to grief is odd: it must not hold up what all terminals hand in.
func (f *fold) drawn(draw func(*fold) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			f.log.Error("drawing a record's consequences", "terminal", f.r.Terminal, "seq", f.r.Seq, "panic", p, "stack", string(debug.Stack()))
			err = oddf("the hall's program cannot draw it: %v", p)
		}
	}()
	return draw(f)
}

func (f *fold) problem(what string) error {
	f.log.Warn("a record that cannot be", "terminal", f.r.Terminal, "seq", f.r.Seq, "kind", f.r.Kind, "what", what)
	return f.exec(`INSERT INTO problems (terminal, epoch, seq, kind, what, time) VALUES (?,?,?,?,?,?)`,
		f.r.Terminal, f.r.Epoch, f.r.Seq, string(f.r.Kind), what, hallstore.Stamp(f.r.When()))
}

// open opens the record's sealed part into a value.
func (f *fold) open(into any) error {
	if len(f.r.Sealed) == 0 {
		return oddf("no sealed part")
	}
	plain, err := f.keys.open(f.r.Seq, seal.AAD(f.r.Terminal, f.r.Epoch, f.r.Seq, string(f.r.Kind), f.r.Header), f.r.Sealed)
	if err != nil {
		return oddf("%s", err)
	}
	if json.Unmarshal(plain, into) != nil { // the error would quote personal data
		return oddf("the sealed part is not what belongs to %s", f.r.Kind)
	}
	return nil
}

// waitFor waits until the consequences of what a terminal, or any when none is named, has handed in are drawn: it asks about them.
func (h *Hall) waitFor(ctx context.Context, terminal string) error {
	defer h.rush.ask()()
	behind := false
	err := h.await(ctx, behindWait, func() (bool, error) {
		err := h.store.Tx(ctx, func(tx *sql.Tx) (err error) {
			behind, err = hallstore.Behind(ctx, tx, terminal)
			return err
		})
		return !behind, err
	})
	if err == nil && behind {
		err = unavailable(errors.New("the hall is still working on what terminals have handed in"))
	}
	return err
}
