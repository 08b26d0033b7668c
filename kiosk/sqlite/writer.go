package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Writer writes rows by one statement, as many in a commit as come together.
//
// It does what sql.Tx and sql.Stmt do, on the database's one connection and with statements that stay prepared: sql.Tx starts and ends a goroutine
// for each transaction and has BEGIN and COMMIT parsed each time, which is a good part of a commit's time where a disk is quick.
type Writer struct {
	db                              *sql.DB
	insert, begin, commit, rollback statement
	args                            []driver.NamedValue
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
}

// NewWriter prepares the statement, which has so many parameters. The writer is closed before the database is.
func NewWriter(ctx context.Context, db *sql.DB, insert string, parameters int) (w *Writer, err error) {
	w = &Writer{db: db, args: make([]driver.NamedValue, parameters)}
	for i := range w.args {
		w.args[i].Ordinal = i + 1
	}
	err = w.raw(ctx, func(c driver.ConnPrepareContext) error {
		for _, s := range []struct {
			to   *statement
			text string
		}{{&w.insert, insert}, {&w.begin, "BEGIN IMMEDIATE"}, {&w.commit, "COMMIT"}, {&w.rollback, "ROLLBACK"}} {
			prepared, err := c.PrepareContext(ctx, s.text)
			if err != nil {
				return err
			}
			*s.to = prepared.(statement)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// raw lends fn the connection. There is one, and it stays (see Open).
func (w *Writer) raw(ctx context.Context, fn func(c driver.ConnPrepareContext) error) (err error) {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(c any) error { return fn(c.(driver.ConnPrepareContext)) })
}

// Write writes n rows in one commit, or none of them. row fills in the parameters of the i-th: int64, string, []byte or nil. Not safe for concurrent use.
func (w *Writer) Write(ctx context.Context, n int, row func(i int, args []driver.NamedValue)) error {
	return w.raw(ctx, func(driver.ConnPrepareContext) error {
		if n == 1 {
			// A statement outside a transaction is one of its own: BEGIN and COMMIT would only cost two calls more.
			return w.put(ctx, 0, row)
		}
		if _, err := w.begin.ExecContext(ctx, nil); err != nil {
			return err // and nothing to roll back: what is open, somebody else has begun
		}
		err := w.putAll(ctx, n, row)
		if err == nil {
			_, err = w.commit.ExecContext(ctx, nil)
		}
		if err != nil {
			w.rollback.ExecContext(ctx, nil) // after some errors SQLite has done it already
		}
		return err
	})
}

func (w *Writer) putAll(ctx context.Context, n int, row func(i int, args []driver.NamedValue)) error {
	for i := range n {
		if err := w.put(ctx, i, row); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) put(ctx context.Context, i int, row func(i int, args []driver.NamedValue)) error {
	row(i, w.args)
	_, err := w.insert.ExecContext(ctx, w.args)
	return err
}

// Close lets the statements go.
func (w *Writer) Close() error {
	var errs []error
	for _, s := range []statement{w.insert, w.begin, w.commit, w.rollback} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
