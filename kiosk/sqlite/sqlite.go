// Package sqlite opens a database our way and brings it up to date.
//
// "Our way" is: write-ahead log, every commit on the disk before it is answered, foreign keys on, one
// writer. go-sqlite3 turns the safety of a commit down as soon as the write-ahead log is on, and some
// file systems refuse that log without saying so; therefore each setting is read back, and a database
// that does not stand as asked is not opened. This is the only door to go-sqlite3.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"slices"

	sqlite3 "github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// Open opens the database file at path, makes it when it is not there, and runs the migrations that it
// has not had yet (files NNNNN_name.sql in the root of migrations). The pool has one connection: one
// writer, and nobody ever waits for a lock inside one program. Another program may read and write
// beside it; a write waits up to five seconds for the other one's.
func Open(ctx context.Context, path string, migrations fs.FS) (*sql.DB, error) {
	return open(ctx, path, migrations, "")
}

// PageSize is that of a new database that one program alone uses, in bytes: a case with its form is more than half of SQLite's usual
// page, and would have one to itself. A database that is there keeps its own.
const PageSize = 8192

// OpenExclusive is Open for a database that one program alone may use: a second one is refused, and
// the write-ahead log's index is kept in memory. SQLite does not move the log into the database inside of commits: its owner
// calls Checkpoint when it suits.
func OpenExclusive(ctx context.Context, path string, migrations fs.FS) (*sql.DB, error) {
	db, err := open(ctx, path, migrations, "EXCLUSIVE")
	if err != nil {
		return nil, err
	}
	if err := SetLogMax(ctx, db, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return db, nil
}

// SetLogMax sets how many pages the write-ahead log has before a commit moves it into the database; at 0 no commit does. SQLite's own
// choice is 1000, and whoever happens to commit then waits for it.
func SetLogMax(ctx context.Context, db *sql.DB, pages int) error {
	var got int
	if err := db.QueryRowContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint=%d", pages)).Scan(&got); err != nil || got != pages {
		return fmt.Errorf("wal_autocheckpoint: asked for %d, got %d (%w)", pages, got, err)
	}
	return nil
}

// LogPages is how many pages of the write-ahead log are not in the database yet. It asks no disk.
func LogPages(ctx context.Context, db *sql.DB) (int, error) {
	return checkpoint(ctx, db, "NOOP")
}

// ErrInUse says that a part of the log could not be moved.
var ErrInUse = errors.New("still in the log: somebody reads")

// Checkpoint moves the whole log into the database and syncs both. The log's file keeps its size and is
// written from its beginning again, which is cheaper for a disk than a file that grows. A power cut in the midst loses nothing. While another
// connection reads it may move a part only, and says ErrInUse.
func Checkpoint(ctx context.Context, db *sql.DB) error {
	left, err := checkpoint(ctx, db, "PASSIVE")
	if err == nil && left > 0 {
		return fmt.Errorf("checkpoint: %d pages are %w", left, ErrInUse)
	}
	return err
}

func checkpoint(ctx context.Context, db *sql.DB, mode string) (left int, err error) {
	var busy, length, moved int
	err = db.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &length, &moved)
	return length - moved, err
}

// Version is another number whenever another connection has changed the database since it was asked before. It asks no disk
// where nobody else has the database open.
func Version(ctx context.Context, db *sql.DB) (version int64, err error) {
	err = db.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
	return version, err
}

type vfsKey struct{}

// WithVFS lets the databases that are opened under the context use another of SQLite's file layers: a
// disk in memory whose power can be cut (package cutdisk). Such a layer has no memory that programs share, so that each
// database is open for one program alone. The product has no use for it.
func WithVFS(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, vfsKey{}, name)
}

func open(ctx context.Context, path string, migrations fs.FS, locking string) (*sql.DB, error) {
	q := url.Values{}
	q.Set("_busy_timeout", "5000")
	q.Set("_txlock", "immediate")
	q.Set("_foreign_keys", "on")
	q.Set("_synchronous", "EXTRA")
	q.Set("_stmt_cache_size", "100") // a statement is compiled once: compiling costs more than most of ours take
	if locking != "" {
		q.Set("_locking_mode", locking)
		q.Set("_busy_timeout", "0")
	}
	if vfs, ok := ctx.Value(vfsKey{}).(string); ok {
		q.Set("vfs", vfs)
		q.Set("_locking_mode", "EXCLUSIVE")
	}
	db, err := sql.Open("sqlite3", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	if err := prepare(ctx, db, migrations, locking); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return db, nil
}

func prepare(ctx context.Context, db *sql.DB, migrations fs.FS, locking string) error {
	// Before the first table, and by statement: in the address it would be obeyed before the locking mode,
	// and a log that has been read without EXCLUSIVE keeps its index in a file. A journal that is only written on gives no page back,
	// and knowing which could be costs each of its commits a page more.
	vacuum := "INCREMENTAL"
	if locking != "" {
		vacuum = "NONE"
	}
	if _, err := db.ExecContext(ctx, "PRAGMA auto_vacuum="+vacuum); err != nil {
		return err
	}
	if locking != "" {
		if _, err := db.ExecContext(ctx, fmt.Sprintf("PRAGMA page_size=%d", PageSize)); err != nil {
			return err
		}
	}
	// By statement and not in the address: there the answer could not be read.
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("journal_mode: asked for wal, got %s", mode)
	}
	var synchronous int
	if err := db.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	if synchronous != 3 {
		return fmt.Errorf("synchronous: asked for EXTRA (3), got %d", synchronous)
	}
	if migrations == nil {
		return nil
	}
	if current(ctx, db, migrations) {
		return nil
	}
	provider, err := goose.NewProvider(database.DialectSQLite3, db, migrations)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	return nil
}

// current says whether a database has had its last migration, which it has at each start but one.
func current(ctx context.Context, db *sql.DB, migrations fs.FS) bool {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil || len(names) == 0 {
		return false
	}
	last, err := goose.NumericComponent(slices.Max(names))
	var had int64
	return err == nil && db.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version WHERE is_applied").Scan(&had) == nil && had == last
}

// IsFull says whether err is a disk without room.
func IsFull(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrFull
}

// IsBusy says whether err is a database that another program holds.
func IsBusy(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

// IsUnique says whether err is a row that is there already.
func IsUnique(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.ExtendedCode == sqlite3.ErrConstraintUnique || e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
}
