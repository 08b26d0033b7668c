package hall

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"yichuang/kiosk/money"
)

// Ledger is what the hall's books say, as one document.
type Ledger struct {
	Terminals []TerminalRow `json:"terminals"`
	Payments  []PaymentRow  `json:"payments"`
	Cases     []CaseRow     `json:"cases"`
	Licenses  []LicenseRow  `json:"licenses"`
	Owed      []OwedRow     `json:"owed"`
	Epoch     string        `json:"epoch"`
	Awaited   []string      `json:"awaited"` // a restored hall waits for what these terminals have
}

// TerminalRow is one journal of one terminal. Gaps counts numbers below the cursor that the hall does not
// have anywhere.
type TerminalRow struct {
	ID          string `json:"id"`
	Epoch       string `json:"epoch"`
	After       int64  `json:"after"` // the record that this journal branched after; 0 for the first
	Cursor      int64  `json:"cursor"`
	Records     int64  `json:"records"`
	Gaps        int64  `json:"gaps"`
	Chain       string `json:"chain"`
	Processed   int64  `json:"processed"`
	Quarantined int64  `json:"quarantined"`
}

// PaymentRow is the money of one case.
type PaymentRow struct {
	Case     string   `json:"case"`
	Biller   string   `json:"biller"`
	Account  string   `json:"account"`
	Paid     int64    `json:"paid_fen"`
	Posted   int64    `json:"posted_fen"`
	Owed     int64    `json:"owed_fen"`
	Refunded int64    `json:"refunded_fen"`
	State    string   `json:"state"`
	Reason   string   `json:"reason"`
	Orders   []string `json:"orders"`
}

// CaseRow is one application.
type CaseRow struct {
	Case    string          `json:"case"`
	Service string          `json:"service"`
	State   string          `json:"state"`
	Code    string          `json:"code"`
	Reason  string          `json:"reason"`
	Channel string          `json:"channel"`
	Facts   json.RawMessage `json:"facts"`
}

// LicenseRow is one license and how many originals of it are out.
type LicenseRow struct {
	Case          string   `json:"case"`
	Number        string   `json:"number"`
	LiveOriginals int64    `json:"live_originals"`
	Serials       []string `json:"serials"`
}

// OwedRow is one debt to a person.
type OwedRow struct {
	ID     string `json:"id"`
	Case   string `json:"case"`
	Amount int64  `json:"amount_fen"`
	State  string `json:"state"`
	PaidBy string `json:"paid_by"`
	PaidAt string `json:"paid_at"`
	Since  string `json:"since"`
	Note   int64  `json:"-"` // of a doubtful note; 0 for pieces of a payout
	Told   string `json:"-"` // what a person at the hall has found, and its terminal was told
}

// Aged says whether it has waited for longer than a person usually takes.
func (r OwedRow) Aged() bool {
	since, err := time.Parse(time.RFC3339, r.Since)
	return err == nil && (r.State == "open" || r.State == "doubtful" || r.Faces() != nil) && time.Since(since) > owedAge
}

// Faces are what it may be worth, when it is doubtful and nobody saw it.
func (r OwedRow) Faces() []money.Fen { return unseenFaces[r.State] }

func owedRows(ctx context.Context, tx *sql.Tx, order string) ([]OwedRow, error) {
	return collect(ctx, tx, `SELECT id, case_id, amount, state, paid_by, paid_at, since, note, CASE WHEN who <> '' AND state IN ('doubtful', '`+unseenNote+`', '`+unseenCoin+`') THEN reason ELSE '' END FROM owed ORDER BY `+order, func(rows *sql.Rows) (r OwedRow, err error) {
		return r, rows.Scan(&r.ID, &r.Case, &r.Amount, &r.State, &r.PaidBy, &r.PaidAt, &r.Since, &r.Note, &r.Told)
	})
}

// Ledger reads the books.
func (h *Hall) Ledger(ctx context.Context) (l Ledger, err error) {
	err = h.store.Tx(ctx, func(tx *sql.Tx) error {
		if l.Terminals, err = terminalRows(ctx, tx); err != nil {
			return err
		}
		if l.Epoch, err = meta(ctx, tx, metaEpoch); err != nil {
			return err
		}
		if l.Awaited, err = collect(ctx, tx, unheard+` ORDER BY terminal`, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) }); err != nil {
			return err
		}
		if l.Payments, err = paymentRows(ctx, tx); err != nil {
			return err
		}
		if l.Cases, err = caseRows(ctx, tx); err != nil {
			return err
		}
		if l.Licenses, err = licenseRows(ctx, tx); err != nil {
			return err
		}
		l.Owed, err = owedRows(ctx, tx, "since, id")
		return err
	})
	return l, err
}

// collect reads every row of a query into a list, which is never nil, so that JSON has [] and not null.
func collect[T any](ctx context.Context, tx *sql.Tx, query string, scan func(*sql.Rows) (T, error), args ...any) (out []T, err error) {
	out = []T{}
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func terminalRows(ctx context.Context, tx *sql.Tx) ([]TerminalRow, error) {
	return collect(ctx, tx, `SELECT s.terminal, s.epoch, s.after, s.acked, s.chain, s.processed,
		(SELECT count(*) FROM records r WHERE r.terminal = s.terminal AND r.epoch = s.epoch),
		(SELECT count(DISTINCT seq) FROM quarantine q WHERE q.terminal = s.terminal AND q.epoch = s.epoch AND q.seq > s.head),
		(SELECT count(*) FROM quarantine q WHERE q.terminal = s.terminal AND q.epoch = s.epoch)
		FROM streams s ORDER BY s.terminal, s.first`, func(rows *sql.Rows) (r TerminalRow, err error) {
		var aside int64
		err = rows.Scan(&r.ID, &r.Epoch, &r.After, &r.Cursor, &r.Chain, &r.Processed, &r.Records, &aside, &r.Quarantined)
		r.Gaps = r.Cursor - r.After - r.Records - aside
		return r, err
	})
}

func paymentRows(ctx context.Context, tx *sql.Tx) ([]PaymentRow, error) {
	list, err := payments(ctx, tx, paymentQuery+` ORDER BY p.time, p.case_id`)
	if err != nil {
		return nil, err
	}
	out := []PaymentRow{}
	for _, p := range list {
		if p.State() == "" {
			continue
		}
		r := PaymentRow{Case: p.caseID, Biller: p.biller, Account: p.account, Paid: p.in(), Posted: p.posted, Owed: p.owed, Refunded: p.phoneBack,
			State: p.State(), Reason: p.reason, Orders: p.orders}
		if r.Orders == nil {
			r.Orders = []string{}
		}
		out = append(out, r)
	}
	return out, nil
}

func caseRows(ctx context.Context, tx *sql.Tx) ([]CaseRow, error) {
	return collect(ctx, tx, `SELECT c.case_id, c.service, c.state, c.code, c.reason_zh, c.channel, coalesce(l.facts, x'')
		FROM cases c LEFT JOIN licenses l ON l.case_id = c.case_id WHERE c.state <> '' ORDER BY c.submitted, c.case_id`, func(rows *sql.Rows) (r CaseRow, err error) {
		var facts []byte
		err = rows.Scan(&r.Case, &r.Service, &r.State, &r.Code, &r.Reason, &r.Channel, &facts)
		if r.Facts = facts; len(facts) == 0 {
			r.Facts = json.RawMessage("{}")
		}
		return r, err
	})
}

func licenseRows(ctx context.Context, tx *sql.Tx) ([]LicenseRow, error) {
	return collect(ctx, tx, `SELECT l.case_id, l.number,
		(SELECT count(*) FROM permits p WHERE p.case_id = l.case_id AND p.form = 'original' AND p.state = 'printed'),
		(SELECT coalesce(json_group_array(p.serial), '[]') FROM permits p WHERE p.case_id = l.case_id AND p.state = 'printed')
		FROM licenses l ORDER BY l.number`, func(rows *sql.Rows) (r LicenseRow, err error) {
		var serials string
		if err = rows.Scan(&r.Case, &r.Number, &r.LiveOriginals, &serials); err != nil {
			return r, err
		}
		return r, json.Unmarshal([]byte(serials), &r.Serials)
	})
}
