package hall

import (
	"context"
	"database/sql"
	"errors"
)

// paid is the money of one case as the hall counts it.
type paid struct {
	caseID, biller, account string
	due, stacked, doubtful  int64
	phone, phoneBack        int64 // paid by phone, and what of it went back
	unusedBack              int64 // what goes or went back of the others
	usedBack                int64 // what went back of orders that the journal counts on
	bill, extra, owed       int64
	settled                 bool
	refusal                 string
	posting, reason         string // due, posted, refused
	amount, posted          int64
	backDue                 bool // a refund is on its way
	orders                  []string
}

// in is what came in.
func (p paid) in() int64 { return p.stacked + p.phone }

// State is one of taken, posted, part, owed, refused, refunded; empty when no money is in it.
func (p paid) State() string {
	switch {
	case p.in() == 0 && p.posting == "":
		return ""
	case p.refusal == "owed":
		return "owed"
	case p.posting == "refused" && (p.refusal == "refunded" || p.usedBack >= p.amount):
		return "refunded"
	case p.posting == "refused":
		return "refused"
	case p.posting == "posted" && p.bill < p.due:
		return "part"
	case p.posting == "posted":
		return "posted"
	case p.posting == "due":
		return "taken"
	case p.owed > 0 && (p.settled || p.owed >= p.in()): // all that a person found in the box was never placed
		return "owed"
	case p.phoneBack > 0 && p.phoneBack >= p.in():
		return "refunded"
	}
	return "taken"
}

// final says whether nothing is under way any more at the hall.
func (p paid) final() bool {
	switch p.State() {
	case "posted", "part", "owed", "refunded":
		return true
	case "refused":
		return !p.backDue
	}
	return false
}

const paymentQuery = `SELECT p.case_id, p.biller, p.account, p.due, p.stacked, p.doubtful, p.bill, p.extra, p.owed, p.settled, p.refusal,
	coalesce(o.state, ''), coalesce(o.reason, ''), coalesce(o.amount, 0), coalesce(o.posted, 0)
	FROM payments p LEFT JOIN postings o ON o.case_id = p.case_id`

// payment reads the money of one case; an unknown case has none.
func payment(ctx context.Context, tx *sql.Tx, caseID string) (paid, error) {
	list, err := payments(ctx, tx, paymentQuery+` WHERE p.case_id = ?`, caseID)
	if err != nil || len(list) == 0 {
		return paid{}, err
	}
	return list[0], nil
}

func payments(ctx context.Context, tx *sql.Tx, query string, args ...any) (out []paid, err error) {
	if out, err = readPayments(ctx, tx, query, args...); err != nil {
		return nil, err
	}
	for i := range out {
		if err := out[i].addOrders(ctx, tx); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func readPayments(ctx context.Context, tx *sql.Tx, query string, args ...any) (out []paid, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var p paid
		if err := rows.Scan(&p.caseID, &p.biller, &p.account, &p.due, &p.stacked, &p.doubtful, &p.bill, &p.extra, &p.owed, &p.settled, &p.refusal,
			&p.posting, &p.reason, &p.amount, &p.posted); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// addOrders counts the attempts by phone. An attempt that was paid counts, also when it went back.
func (p *paid) addOrders(ctx context.Context, tx *sql.Tx) (err error) {
	rows, err := tx.QueryContext(ctx, `SELECT attempt, amount, state, refund, refunded FROM attempts WHERE case_id = ? ORDER BY attempt`, p.caseID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var attempt, state, refund string
		var amount, refunded int64
		if err := rows.Scan(&attempt, &amount, &state, &refund, &refunded); err != nil {
			return err
		}
		p.orders = append(p.orders, attempt)
		if state == "paid" || refund != "" {
			p.phone += amount
		}
		if refund == "done" {
			p.phoneBack += refunded
			if state == "paid" {
				p.usedBack += refunded
			}
		}
		if refund != "" && state != "paid" {
			p.unusedBack += refunded
		}
		p.backDue = p.backDue || refund == "due"
	}
	return rows.Err()
}
