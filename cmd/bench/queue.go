package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3" // the floor's database
	"github.com/mikestefanello/backlite"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store"
)

// enqueueOne: one writer puts one record after the other on the disk, and goes on when it is there.
//
// Ours is the journal as it is used: header, sealing, hash chain, twin file. The floor is what SQLite
// itself needs for a row of the same size: nothing that writes through it can be much faster.
var enqueueOne = row{
	name: "queue.enqueue.1", unit: "records/s", better: "more", rounds: 21, turns: 20, per: 25,
	sides: []side{
		{name: "yichuang/kiosk/store", open: openStore(1)},
		{name: "sqlite-floor (WAL, FULL, prepared INSERT)", limit: 0.90, open: openFloor(1)},
		{name: "backlite v0.6.0", limit: 1.10, open: openBacklite(1)},
	},
	count: counted(1), most: map[string]float64{syncsPerRecord: 1.02, kibPerRecord: 20},
}

// enqueueMany: eight writers do the same at once. Those who wait for the disk share its next sync; SQLite by itself makes a commit of each.
// The raw group commit shares too and keeps nothing but bytes; of it the longest waits are told as well, for it never stops to tidy up.
var enqueueMany = row{
	name: "queue.enqueue.8", unit: "records/s", better: "more", rounds: 21, turns: 5, per: 400,
	sides: []side{
		{name: "yichuang/kiosk/store", open: openStore(8)},
		{name: "sqlite-floor (WAL, FULL, prepared INSERT)", limit: 3.0, open: openFloor(8)},
		{name: "backlite v0.6.0", limit: 3.4, open: openBacklite(8)},
		{name: "raw group commit (append to a file, fdatasync)", limit: 0.62, open: openRawGroup(8)},
	},
	count: counted(8), most: map[string]float64{syncsPerRecord: 0.27, tailToPeer: 2},
}

// payload is the size of what is to be kept: a case with its form.
const payload = 2048

// text is a payload that no compression makes small.
func text() string {
	b := make([]byte, payload/2)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// timed gives the time of n calls by so many writers, and the time of each to waits, unless that is nil.
func timed(writers, n int, each *waits, one func(body string) error) (time.Duration, error) {
	took := make(waits, n)
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = text()
	}
	errs := make([]error, writers)
	var all sync.WaitGroup
	began := time.Now()
	for w := range writers {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += writers {
				began := time.Now()
				errs[w] = one(bodies[i])
				took[i] = time.Since(began)
			}
		})
	}
	all.Wait()
	end := time.Since(began)
	if each != nil {
		*each = append(*each, took...)
	}
	return end, errors.Join(errs...)
}

// opener opens a side.
type opener = func(ctx context.Context, dir string) (runner, error)

type ourStore struct {
	*store.Store
	writers int
	waits   *waits
}

func openStore(writers int) opener {
	return func(ctx context.Context, dir string) (runner, error) { return openJournal(ctx, dir, writers) }
}

func openJournal(ctx context.Context, dir string, writers int) (ourStore, error) {
	s, err := store.Open(ctx, dir, "T01")
	if err != nil {
		return ourStore{}, err
	}
	public, err := hallKey()
	if err != nil {
		return ourStore{}, errors.Join(err, s.Close())
	}
	s.UseHallKey(public)
	return ourStore{s, writers, new(waits)}, nil
}

// rated is the event that carries what the queue takes in: it may follow itself.
var rated = casefile.Event{Kind: casefile.CaseRated, Case: "123456789012", Header: casefile.Header{Stars: 5}}

func (o ourStore) turn(ctx context.Context, n int) (time.Duration, error) {
	return timed(o.writers, n, o.waits, func(body string) error {
		// The sealed part is the body with two quotes, 41 bytes before it and a tag behind: a little more than the peers keep.
		return o.Append(ctx, store.Entry{Event: rated, Secret: body})
	})
}

func (o ourStore) waited() *waits { return o.waits }

func (o ourStore) close() error { return o.Close() }

// openSQLite opens a database the way every SQLite queue would for this: one connection, every commit on the disk.
func openSQLite(dir string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "q.db")+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	var mode string
	var sync int
	err = errors.Join(db.QueryRow("PRAGMA journal_mode").Scan(&mode), db.QueryRow("PRAGMA synchronous").Scan(&sync))
	if err == nil && (mode != "wal" || sync != 2) {
		err = fmt.Errorf("asked for WAL and FULL (2), got %s and %d", mode, sync)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

type floor struct {
	db      *sql.DB
	insert  *sql.Stmt
	writers int
}

func openFloor(writers int) opener {
	return func(_ context.Context, dir string) (runner, error) { return newFloor(dir, writers) }
}

func newFloor(dir string, writers int) (*floor, error) {
	db, err := openSQLite(dir)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(`CREATE TABLE queue (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL) STRICT`); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	insert, err := db.Prepare(`INSERT INTO queue (id, body) VALUES (?, ?)`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &floor{db, insert, writers}, nil
}

func (f *floor) turn(_ context.Context, n int) (time.Duration, error) {
	return timed(f.writers, n, nil, func(body string) error {
		_, err := f.insert.Exec(body[:16], []byte(body))
		return err
	})
}

func (f *floor) close() error { return errors.Join(f.insert.Close(), f.db.Close()) }

// task is a record for backlite.
type task struct{ Body string }

// Config names the queue.
func (task) Config() backlite.QueueConfig {
	return backlite.QueueConfig{Name: "cases", MaxAttempts: 3, Timeout: time.Minute}
}

type lite struct {
	db      *sql.DB
	client  *backlite.Client
	writers int
}

func openBacklite(writers int) opener {
	return func(_ context.Context, dir string) (runner, error) { return newBacklite(dir, writers) }
}

func newBacklite(dir string, writers int) (runner, error) {
	db, err := openSQLite(dir)
	if err != nil {
		return nil, err
	}
	client, err := backlite.NewClient(backlite.ClientConfig{DB: db, NumWorkers: 1, ReleaseAfter: time.Hour})
	if err == nil {
		err = client.Install()
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	client.Register(backlite.NewQueue(func(context.Context, task) error { return nil })) // never started: only the way in is measured
	return lite{db, client, writers}, nil
}

func (l lite) turn(_ context.Context, n int) (time.Duration, error) {
	return timed(l.writers, n, nil, func(body string) error {
		_, err := l.client.Add(task{body}).Save()
		return err
	})
}

func (l lite) close() error { return l.db.Close() }
