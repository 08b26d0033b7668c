// Package biller is the demo's water company: accounts with bills, and the money that came in for them.
//
// It is a stranger to the terminal and the hall: a service with its own database, asked over HTTP. The hall
// asks for an account and posts payments under references; a reference that comes twice is one payment. A
// hand at the desk makes accounts, reads and falsifies the books, and arms faults.
//
// Part payments pay the oldest chosen bill first, then the other chosen ones, then the rest; what is left
// becomes the account's balance. An account may have another rule: no part payments, or no surplus.
package biller

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"yichuang/kiosk/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Bill is what is asked for one period.
type Bill struct {
	Period string `json:"period"` // "2026-10"
	Due    int64  `json:"due_fen"`
	Paid   int64  `json:"paid_fen"`
}

// Account is one customer as the hall sees it.
type Account struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	Address string `json:"address"`
	Balance int64  `json:"balance_fen"`
	Surplus string `json:"surplus"` // what becomes of more than is due: "balance", or "owed" when it is not taken
	Part    bool   `json:"part"`    // part payments are taken
	Bills   []Bill `json:"bills"`
}

// Posting is a payment in the books.
type Posting struct {
	Reference string `json:"reference"`
	Case      string `json:"case"`
	Amount    int64  `json:"amount_fen"`
	Time      string `json:"time"`
}

// Payment is what the hall sends.
type Payment struct {
	Reference string   `json:"reference"`
	Case      string   `json:"case"`
	Amount    int64    `json:"amount_fen"`
	Periods   []string `json:"periods"`
}

// Refusal is a definite no: the payment is not in the books and will not be.
type Refusal struct {
	Kind string
	Text string
}

// Error is the refusal's sentence.
func (r *Refusal) Error() string { return r.Text }

// ErrNone is the answer when there is no such account or posting.
var ErrNone = errors.New("there is none")

// Books are the company's database.
type Books struct{ db *sql.DB }

// Open opens the books in a folder, made when it is not there.
func Open(ctx context.Context, dir string) (*Books, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, filepath.Join(dir, "biller.db"), files)
	if err != nil {
		return nil, err
	}
	return &Books{db: db}, nil
}

// Close closes them.
func (b *Books) Close() error { return b.db.Close() }

// Make opens an account under a new number.
func (b *Books) Make(ctx context.Context, a Account) (string, error) {
	for range numberTries {
		a.Account = newNumber()
		err := b.within(ctx, func(tx *sql.Tx) error { return insert(ctx, tx, a) })
		if sqlite.IsUnique(err) {
			continue
		}
		return a.Account, err
	}
	return "", errors.New("make account: no free number was found")
}

func insert(ctx context.Context, tx *sql.Tx, a Account) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO account (account, name, address, surplus, part) VALUES (?, ?, ?, ?, ?)",
		a.Account, a.Name, a.Address, a.Surplus, a.Part)
	if err != nil {
		return err
	}
	for _, bill := range a.Bills {
		if _, err := tx.ExecContext(ctx, "INSERT INTO bill (account, period, due_fen) VALUES (?, ?, ?)", a.Account, bill.Period, bill.Due); err != nil {
			return err
		}
	}
	return nil
}

// Account finds an account with its bills, the oldest first.
func (b *Books) Account(ctx context.Context, number string) (Account, error) {
	var a Account
	err := b.within(ctx, func(tx *sql.Tx) (err error) {
		a, err = account(ctx, tx, number)
		return err
	})
	return a, err
}

func account(ctx context.Context, tx *sql.Tx, number string) (Account, error) {
	a := Account{Account: number, Bills: []Bill{}}
	err := tx.QueryRowContext(ctx, "SELECT name, address, balance_fen, surplus, part FROM account WHERE account = ?", number).
		Scan(&a.Name, &a.Address, &a.Balance, &a.Surplus, &a.Part)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNone
	}
	if err != nil {
		return a, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT period, due_fen, paid_fen FROM bill WHERE account = ? ORDER BY period", number)
	if err != nil {
		return a, err
	}
	defer rows.Close()
	for rows.Next() {
		var bill Bill
		if err := rows.Scan(&bill.Period, &bill.Due, &bill.Paid); err != nil {
			return a, err
		}
		a.Bills = append(a.Bills, bill)
	}
	return a, rows.Err()
}

// Post takes a payment. The answer says whether it was in the books already. A *Refusal is final.
func (b *Books) Post(ctx context.Context, number string, p Payment) (duplicate bool, err error) {
	err = b.within(ctx, func(tx *sql.Tx) error {
		duplicate, err = post(ctx, tx, number, p)
		return err
	})
	return duplicate, err
}

func post(ctx context.Context, tx *sql.Tx, number string, p Payment) (bool, error) {
	var of, caseID string
	var asked int64
	err := tx.QueryRowContext(ctx, "SELECT account, case_id, asked_fen FROM posting WHERE reference = ?", p.Reference).Scan(&of, &caseID, &asked)
	switch {
	case err == nil && of == number && caseID == p.Case && asked == p.Amount:
		return true, nil
	case err == nil:
		return false, &Refusal{"reference_used", "reference " + p.Reference + " already stands for another payment; send this one under its own"}
	case !errors.Is(err, sql.ErrNoRows):
		return false, err
	}
	a, err := account(ctx, tx, number)
	if err != nil {
		return false, err
	}
	after, err := spread(a, p)
	if err != nil {
		return false, err
	}
	for i, bill := range after.Bills {
		if bill.Paid == a.Bills[i].Paid {
			continue
		}
		if _, err := tx.ExecContext(ctx, "UPDATE bill SET paid_fen = ? WHERE account = ? AND period = ?", bill.Paid, number, bill.Period); err != nil {
			return false, err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE account SET balance_fen = ? WHERE account = ?", after.Balance, number); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO posting (reference, account, case_id, asked_fen, amount_fen, time) VALUES (?, ?, ?, ?, ?, ?)",
		p.Reference, number, p.Case, p.Amount, p.Amount, time.Now().Format(time.RFC3339Nano))
	return false, err
}

// spread divides a payment over the bills: the chosen ones first, the oldest of them before all. Where no
// part payments are taken a bill is paid whole or not at all, and every chosen one must be.
func spread(a Account, p Payment) (Account, error) {
	chosen := func(bill Bill) bool { return len(p.Periods) == 0 || slices.Contains(p.Periods, bill.Period) }
	for _, period := range p.Periods {
		if !slices.ContainsFunc(a.Bills, func(bill Bill) bool { return bill.Period == period }) {
			return a, &Refusal{"no_such_bill", fmt.Sprintf("account %s has no bill of %s; ask for the account again", a.Account, period)}
		}
	}
	after := a
	after.Bills = slices.Clone(a.Bills)
	left := p.Amount
	for _, round := range []bool{true, false} {
		for i := range after.Bills {
			bill := &after.Bills[i]
			open := bill.Due - bill.Paid
			if chosen(*bill) != round || !a.Part && left < open {
				continue
			}
			pays := min(left, open)
			bill.Paid += pays
			left -= pays
		}
	}
	for _, bill := range after.Bills {
		if !a.Part && chosen(bill) && bill.Paid < bill.Due {
			return a, &Refusal{"part", fmt.Sprintf("account %s takes no part payments; the bill of %s is not covered", a.Account, bill.Period)}
		}
	}
	if left > 0 && a.Surplus == "owed" {
		return a, &Refusal{"surplus", fmt.Sprintf("account %s keeps no balance; %d fen are more than is due", a.Account, left)}
	}
	after.Balance += left
	return after, nil
}

// Posting finds a payment of an account.
func (b *Books) Posting(ctx context.Context, number, reference string) (Posting, error) {
	p := Posting{Reference: reference}
	err := b.db.QueryRowContext(ctx, "SELECT case_id, amount_fen, time FROM posting WHERE reference = ? AND account = ?", reference, number).
		Scan(&p.Case, &p.Amount, &p.Time)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNone
	}
	return p, err
}

// Postings lists the payments of an account in the order in which they came.
func (b *Books) Postings(ctx context.Context, number string) ([]Posting, error) {
	rows, err := b.db.QueryContext(ctx, "SELECT reference, case_id, amount_fen, time FROM posting WHERE account = ? ORDER BY rowid", number)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []Posting{}
	for rows.Next() {
		var p Posting
		if err := rows.Scan(&p.Reference, &p.Case, &p.Amount, &p.Time); err != nil {
			return nil, err
		}
		found = append(found, p)
	}
	return found, rows.Err()
}

// Falsify writes another amount into the books, as a mistake or a thief would.
func (b *Books) Falsify(ctx context.Context, number, reference string, amount int64) error {
	return b.within(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, "UPDATE posting SET amount_fen = ? WHERE reference = ? AND account = ?", amount, reference, number)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNone)
		}
		return nil
	})
}

// within runs fn in one transaction.
func (b *Books) within(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
