package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"yichuang/kiosk/store"
)

// drain: what waits in the queue is read, handed over and acknowledged.
//
// Ours reads the journal past the cursor as the line to the hall does, in batches of what one message holds, and moves the cursor; every
// record stays where it is. The floor reads batches of five hundred and deletes them, each in one commit: of what it handed over nothing is left.
var drain = row{
	name: "queue.drain", unit: "records/s", better: "more", rounds: 9, turns: 1, per: 6000,
	sides: []side{
		{name: "yichuang/kiosk/store", open: openDrain},
		{name: "sqlite-floor (SELECT 500 and DELETE in one commit)", limit: 0.5, open: openFloorDrain},
	},
}

// pushMax is how many records one message to the hall holds (sync/hallapi, RecordsMax).
const pushMax = 200

// journal is a store of ours that is drained.
type journal struct{ ourStore }

func openDrain(ctx context.Context, dir string) (runner, error) {
	s, err := openJournal(ctx, dir, 1)
	return journal{s}, err
}

// fillBatch is how many records come with one commit when a queue is filled, which nobody measures.
const fillBatch = 500

// fill puts n records into the queue.
func (j journal) fill(ctx context.Context, n int) error {
	body := text()
	for n > 0 {
		entries := make([]store.Entry, min(n, fillBatch))
		for i := range entries {
			entries[i] = store.Entry{Event: rated, Secret: body} // sealed with each record's own number, so that no two are alike on the disk
		}
		if err := j.Append(ctx, entries...); err != nil {
			return err
		}
		n -= len(entries)
	}
	return nil
}

func (j journal) turn(ctx context.Context, n int) (time.Duration, error) {
	if err := j.fill(ctx, n); err != nil {
		return 0, err
	}
	return j.drain(ctx, n)
}

// drain hands over n records.
func (j journal) drain(ctx context.Context, n int) (time.Duration, error) {
	cursor, err := j.Cursor(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for end := cursor + int64(n); cursor < end; {
		records, err := j.Read(ctx, cursor, pushMax)
		if err != nil {
			return 0, err
		}
		if len(records) == 0 || len(records[0].Sealed) < payload {
			return 0, fmt.Errorf("%d records after record %d, want %d whole ones", len(records), cursor, end-cursor)
		}
		cursor = records[len(records)-1].Seq // the line keeps the cursor too, and asks the store for it only at the start
		if err := j.Acknowledge(ctx, cursor); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

type floorDrain struct{ *floor }

func openFloorDrain(_ context.Context, dir string) (runner, error) {
	f, err := newFloor(dir, 1)
	return floorDrain{f}, err
}

func (f floorDrain) turn(ctx context.Context, n int) (time.Duration, error) {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // after a commit it does nothing
	for range n {
		b := make([]byte, payload/2)
		rand.Read(b) // never fails
		body := hex.EncodeToString(b)
		if _, err := tx.Stmt(f.insert).Exec(body[:16], []byte(body)); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	began := time.Now()
	for left := n; left > 0; {
		taken, err := f.take(ctx, 500)
		if err == nil && taken == 0 {
			err = fmt.Errorf("%d records are missing", left)
		}
		if err != nil {
			return 0, err
		}
		left -= taken
	}
	return time.Since(began), nil
}

// take reads and deletes at most so many rows.
func (f floorDrain) take(ctx context.Context, most int) (n int, err error) {
	tx, err := f.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() // after a commit it does nothing
	rows, err := tx.QueryContext(ctx, "SELECT seq, id, body FROM queue ORDER BY seq LIMIT ?", most)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var last int64
	for rows.Next() {
		var id string
		var body []byte
		if err := rows.Scan(&last, &id, &body); err != nil {
			return 0, err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM queue WHERE seq <= ?", last); err != nil {
		return 0, err
	}
	return n, tx.Commit()
}
