package invariant

import (
	"context"
	"fmt"

	"yichuang/kiosk/casefile"
)

// Reader is a journal that can be read past a record; a store.Store is one.
type Reader interface {
	Read(ctx context.Context, seq int64, limit int) ([]casefile.Record, error)
}

// batch is how many records are read at once.
const batch = 1000

// Catch sees every record of the journal that was not seen yet.
func (w *Watch) Catch(ctx context.Context, j Reader) (broken []Violation, err error) {
	for {
		before := w.Seq()
		records, err := j.Read(ctx, before, batch)
		if err != nil || len(records) == 0 {
			return broken, err
		}
		for _, r := range records {
			broken = append(broken, w.See(r)...)
		}
		if w.Seq() <= before {
			return broken, fmt.Errorf("audit: the journal gives record %d after %d", w.Seq(), before)
		}
	}
}

// Again looks at the journal after a restart: what was seen is still there. Then it goes on as Catch does.
func (w *Watch) Again(ctx context.Context, j Reader) ([]Violation, error) {
	w.mu.Lock()
	seq, hash := w.tally.seq, w.tally.hash
	w.mu.Unlock()
	if seq == 0 {
		return w.Catch(ctx, j)
	}
	records, err := j.Read(ctx, seq-1, 1)
	if err != nil {
		return nil, err
	}
	got := ""
	if len(records) == 1 && records[0].Seq == seq {
		got = records[0].Hash
	}
	w.mu.Lock()
	w.broken = nil
	w.found("journal.keeps", got == hash, "after a restart the record is %q, and was %q", got, hash)
	broken := w.broken
	w.mu.Unlock()
	more, err := w.Catch(ctx, j)
	return append(broken, more...), err
}

// Follow sees the records of a journal as they are written, until ctx ends, and hands over what they break.
func (w *Watch) Follow(ctx context.Context, j interface {
	Reader
	Appended() <-chan struct{}
}, found func(Violation)) error {
	for {
		more := j.Appended()
		broken, err := w.Catch(ctx, j)
		for _, v := range broken {
			found(v)
		}
		if err != nil {
			return err
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
