package qr

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate makes and updates this package's tables in the hall's database. Their version is counted apart
// from the hall's own.
func Migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("qr: migrations: %w", err)
	}
	version, err := database.NewStore(database.DialectSQLite3, "qr_version")
	if err != nil {
		return fmt.Errorf("qr: migrations: %w", err)
	}
	provider, err := goose.NewProvider("", db, files, goose.WithStore(version))
	if err != nil {
		return fmt.Errorf("qr: migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("qr: migrations: %w", err)
	}
	return nil
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

const rowColumns = `out_trade_no, case_id, terminal, amount_fen, mode, description, placed_at, expires_at, call_until,
 state, definite, leaving, reason, code_url, transaction_id, paid_fen, late, missing, tries, watch, next_at, former`

func (r *row) values() []any {
	return []any{r.OutTradeNo, r.Case, r.Terminal, r.AmountFen, r.mode, r.description, millis(r.placed), millis(r.expires), millis(r.callUntil),
		r.State.State, r.Definite, r.leaving, r.Reason, r.CodeURL, r.transactionID, r.PaidFen, r.late, r.missing, r.tries, r.watch, millis(r.next), r.former}
}

type scanner interface{ Scan(...any) error }

func scanRow(s scanner) (*row, error) {
	var r row
	var placed, expires, callUntil, next int64
	err := s.Scan(&r.OutTradeNo, &r.Case, &r.Terminal, &r.AmountFen, &r.mode, &r.description, &placed, &expires, &callUntil,
		&r.State.State, &r.Definite, &r.leaving, &r.Reason, &r.CodeURL, &r.transactionID, &r.PaidFen, &r.late, &r.missing, &r.tries, &r.watch, &next, &r.former)
	r.placed, r.expires, r.callUntil, r.next = moment(placed), moment(expires), moment(callUntil), moment(next)
	return &r, err
}

// querier is a database or a transaction in it.
type querier interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}

// getRow is nil when there is no such order.
func getRow(ctx context.Context, q querier, no string) (*row, error) {
	r, err := scanRow(q.QueryRowContext(ctx, "SELECT "+rowColumns+" FROM qr_order WHERE out_trade_no = ?", no))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

func putRow(ctx context.Context, q querier, r *row) error {
	_, err := q.ExecContext(ctx, "INSERT OR REPLACE INTO qr_order ("+rowColumns+") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", r.values()...)
	return err
}

// within runs f in one transaction.
func within(ctx context.Context, db *sql.DB, f func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// refundRow is a refund as it is stored.
type refundRow struct {
	RefundState
	outTradeNo  string
	wire, tries int
	begun, next time.Time
}

const refundColumns = "out_refund_no, out_trade_no, amount_fen, wire, status, reason, tries, begun_at, next_at"

func scanRefund(s scanner) (*refundRow, error) {
	var r refundRow
	var begun, next int64
	err := s.Scan(&r.OutRefundNo, &r.outTradeNo, &r.AmountFen, &r.wire, &r.Status, &r.Reason, &r.tries, &begun, &next)
	r.begun, r.next = moment(begun), moment(next)
	return &r, err
}

func getRefund(ctx context.Context, q querier, no string) (*refundRow, error) {
	r, err := scanRefund(q.QueryRowContext(ctx, "SELECT "+refundColumns+" FROM qr_refund WHERE out_refund_no = ?", no))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return r, err
}

func putRefund(ctx context.Context, q querier, r *refundRow) error {
	_, err := q.ExecContext(ctx, "INSERT OR REPLACE INTO qr_refund ("+refundColumns+") VALUES (?,?,?,?,?,?,?,?,?)",
		r.OutRefundNo, r.outTradeNo, r.AmountFen, r.wire, r.Status, r.Reason, r.tries, millis(r.begun), millis(r.next))
	return err
}

// refundedFen is what was given back of an order, and what is on its way.
func refundedFen(ctx context.Context, q querier, no string) (done, begun int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN status = 'success' THEN amount_fen END), 0), coalesce(sum(amount_fen), 0)
 FROM qr_refund WHERE out_trade_no = ?`, no).Scan(&done, &begun)
	return done, begun, err
}

// collect reads all rows before anything else is asked: the hall's database has one connection.
func collect[T any](rows *sql.Rows, err error, one func(scanner) (T, error)) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := one(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

func scanText(s scanner) (string, error) {
	var text string
	return text, s.Scan(&text)
}
