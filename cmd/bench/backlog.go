package main

import (
	"context"
	"errors"
	"time"
)

// backlog: a terminal that was without a line for long is as quick as a new one. A million records are about six gigabytes with
// their twin; they are written once through the journal's own Append, five hundred to a commit, into the folder that is measured, and nothing of them is
// acknowledged. Then both journals put single records in, and hand over two thousand in uplink's batches: the one with the million the oldest of
// them, the other all that it has.
var backlog = backlogOf("queue.backlog.1e6", 1_000_000)

func backlogOf(name string, waiting int) row {
	long, empty := new(journal), new(journal)
	return row{
		name: name, unit: "records/s", better: "more", rounds: 11, turns: 4, per: 1, pairs: true,
		sides: []side{
			{name: "enqueue behind the backlog", open: func(ctx context.Context, dir string) (runner, error) {
				return openBacklog(ctx, dir, long, waiting)
			}},
			{name: "enqueue into an empty queue", limit: 0.95, open: func(ctx context.Context, dir string) (runner, error) {
				return openBacklog(ctx, dir, empty, 0)
			}},
			{name: "drain the backlog's oldest", open: func(context.Context, string) (runner, error) { return oldest{long, false}, nil }},
			{name: "drain a queue with nothing else in it", limit: 0.95, open: func(context.Context, string) (runner, error) { return oldest{empty, true}, nil }},
		},
	}
}

const (
	backlogSingles = 100  // records that are put in one by one in a turn
	backlogDrain   = 2000 // and that are handed over
)

// newest puts single records in.
type newest struct{ *journal }

func openBacklog(ctx context.Context, dir string, j *journal, waiting int) (runner, error) {
	s, err := openJournal(ctx, dir, 1)
	if err != nil {
		return nil, err
	}
	*j = journal{s}
	if err := j.fill(ctx, waiting); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return newest{j}, nil
}

// turn gives the time of one record times n: the sides of a row do the same number.
func (e newest) turn(ctx context.Context, n int) (time.Duration, error) {
	took, err := e.ourStore.turn(ctx, n*backlogSingles)
	return took / backlogSingles, err
}

// oldest hands records over.
type oldest struct {
	*journal
	refill bool // first puts in what it takes out, for which nobody looks at the clock
}

func (o oldest) turn(ctx context.Context, n int) (time.Duration, error) {
	if o.refill {
		// What newest has put in meanwhile is handed over too, so that nothing else waits.
		head, _ := o.Head()
		cursor, err := o.Cursor(ctx)
		if err == nil {
			err = o.fill(ctx, max(0, n*backlogDrain-int(head-cursor)))
		}
		if err != nil {
			return 0, err
		}
	}
	took, err := o.drain(ctx, n*backlogDrain)
	return took / backlogDrain, err
}

func (oldest) close() error { return nil } // newest closes the journal
