// Package hallstore is the hall's database: what terminals have handed in, and what became of it.
//
// Intake is its own and does as little as possible: a record is put down once, the chain is checked,
// and the answer says how far the hall has everything on its disk. Nothing of a record's content is
// judged there, so that one odd record cannot hold a terminal up. What breaks the chain or differs from
// what was handed in before goes into quarantine and is acknowledged too: it may be about real notes.
//
// Several programs may use the same database at once: a running hall, and a command beside it.
package hallstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"yichuang/kiosk/sqlite"
)

//go:embed migrations/*.sql
var files embed.FS

// Store is an open hall database.
type Store struct {
	db        *sql.DB
	many, one *sql.Stmt // put down so many records that follow each other
}

// Open opens or makes the database in the hall's state folder.
func Open(ctx context.Context, dir string) (*Store, error) {
	migrations, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, filepath.Join(dir, "hall.db"), migrations)
	if err != nil {
		return nil, fmt.Errorf("hall store: %w", err)
	}
	s := &Store{db: db}
	if err := sqlite.SetLogMax(ctx, db, logMax); err != nil {
		return nil, errors.Join(fmt.Errorf("hall store: %w", err), db.Close())
	}
	if s.many, err = db.PrepareContext(ctx, insertRecords(manyRecords)); err == nil {
		s.one, err = db.PrepareContext(ctx, insertRecords(1))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hall store: %w", err), db.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// DB is the database itself, for the order machine, which keeps its own tables in it.
func (s *Store) DB() *sql.DB { return s.db }

// Version is another number whenever another program has changed the database.
func (s *Store) Version(ctx context.Context) (int64, error) { return sqlite.Version(ctx, s.db) }

// Tx runs f in one transaction: all of it, or nothing. Inside f only the transaction may be used: the
// pool has one connection.
func (s *Store) Tx(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("hall store: begin: %w", err)
	}
	if err := f(tx); err != nil {
		return errors.Join(err, rolledBack(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("hall store: commit: %w", err)
	}
	return nil
}

// rolledBack passes over the one answer that says the same: the context ended and took it back already.
func rolledBack(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// Meta reads a setting of the hall, and puts it down first when it is not there yet.
func (s *Store) Meta(ctx context.Context, key, first string) (value string, err error) {
	err = s.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, key, first); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = ?`, key).Scan(&value)
	})
	return value, err
}

// Stamp is how times stand in the database: RFC 3339 in UTC, so that texts compare like times.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
