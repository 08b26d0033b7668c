package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// Writer runs one statement for row after row. It does what a prepared statement in a transaction does, without the questions that
// a pool of connections asks before each row: there is one connection, and whoever has many rows has them at once.
type Writer struct {
	db   *sql.DB
	stmt *sqlite3.SQLiteStmt
	args []driver.NamedValue
}

// NewWriter compiles a statement. It lives as long as the database's only connection does.
func NewWriter(ctx context.Context, db *sql.DB, statement string) (*Writer, error) {
	w := &Writer{db: db}
	err := w.raw(ctx, func(conn *sqlite3.SQLiteConn) error {
		stmt, err := conn.PrepareContext(ctx, statement)
		if err != nil {
			return err
		}
		w.stmt = stmt.(*sqlite3.SQLiteStmt)
		w.args = make([]driver.NamedValue, w.stmt.NumInput())
		return nil
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// Write runs the statement n times in one commit; fill sets the values of each, of driver.Value's types. One caller at a time.
func (w *Writer) Write(ctx context.Context, n int, fill func(i int, values []driver.NamedValue)) error {
	return w.raw(ctx, func(conn *sqlite3.SQLiteConn) error {
		if n == 1 { // a statement outside a transaction is one of its own
			return w.row(ctx, 0, fill)
		}
		if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE", nil); err != nil {
			return err
		}
		err := error(nil)
		for i := 0; i < n && err == nil; i++ {
			err = w.row(ctx, i, fill)
		}
		if err == nil {
			_, err = conn.ExecContext(ctx, "COMMIT", nil)
		}
		if err != nil {
			conn.ExecContext(ctx, "ROLLBACK", nil) // SQLite may have done so already, and says so
		}
		return err
	})
}

func (w *Writer) row(ctx context.Context, i int, fill func(i int, values []driver.NamedValue)) error {
	for at := range w.args {
		w.args[at] = driver.NamedValue{Ordinal: at + 1}
	}
	fill(i, w.args)
	_, err := w.stmt.ExecContext(ctx, w.args)
	return err
}

// Close gives the statement up. It comes before the database's, which else stays locked.
func (w *Writer) Close() error {
	clear(w.args)
	return w.stmt.Close()
}

func (w *Writer) raw(ctx context.Context, fn func(conn *sqlite3.SQLiteConn) error) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // back into the pool
	return conn.Raw(func(driven any) error { return fn(driven.(*sqlite3.SQLiteConn)) })
}
