package hall

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/money"
	"yichuang/sync/hallapi"
	"yichuang/sync/hallstore"
)

// owe puts down what is owed under the record's own id and claim. A doubtful note has both in advance,
// in case it is found in the box.
func (f *fold) owe(amount money.Fen, state string) error {
	id := f.e.Header.Owed
	if id == "" {
		id = fmt.Sprintf("%s.%s.%d", f.r.Terminal, f.r.Epoch, f.r.Seq)
	}
	return f.change1("the same debt twice", `INSERT INTO owed (id, case_id, terminal, note, amount, claim, state, since) VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
		id, f.e.Case, f.r.Terminal, f.e.Header.Note, amount, f.e.Header.Claim, state, f.at)
}

// owedRecoded puts a new code in the place of the former one, which is dead from then on.
func (f *fold) owedRecoded() error {
	id := f.e.Header.Owed
	if err := f.exec(`INSERT INTO dead_claims (owed, claim) SELECT id, claim FROM owed WHERE id = ? AND claim <> ? ON CONFLICT DO NOTHING`, id, f.e.Header.Claim); err != nil {
		return err
	}
	return f.change1("no such open debt", `UPDATE owed SET claim = ? WHERE id = ? AND state IN ('open', 'doubtful')`, f.e.Header.Claim, id)
}

// owedPaid is a terminal's word that it has paid out. Two terminals cannot both have done so.
func (f *fold) owedPaid() error {
	var state, by string
	var reported bool
	found, err := f.row(`SELECT state, paid_by, reported FROM owed WHERE id = ?`, []any{f.e.Header.Owed}, &state, &by, &reported)
	if err != nil {
		return err
	}
	if !found || state != "open" && state != "paid" {
		return oddf("paid out what is not owed")
	}
	if reported || state == "paid" && by != f.r.Terminal {
		return oddf("paid out twice: by %s before", by)
	}
	return f.exec(`UPDATE owed SET state = 'paid', reported = 1, paid_by = ?, reason = ?, who = ?,
		paid_at = CASE paid_at WHEN '' THEN ? ELSE paid_at END WHERE id = ?`, f.r.Terminal, f.e.Header.Reason, f.e.Header.Who, f.at, f.e.Header.Owed)
}

// debt is one line of what is owed.
type debt struct {
	id, caseID, claim, state, by string
	amount                       int64
	reported                     bool
}

// Claim redeems what is owed, once in the whole fleet. The terminal that redeemed it may ask again with
// the same code, because the answer may have been lost, until its journal says that it has paid out.
func (s *service) Claim(ctx context.Context, req *hallapi.ClaimRequest) (*hallapi.ClaimResponse, error) {
	terminal, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.waitFor(ctx, terminal); err != nil {
		return nil, err
	}
	out := &hallapi.ClaimResponse{}
	err = s.tx(ctx, func(tx *sql.Tx) error {
		d, refused, err := findClaim(ctx, tx, req.Code)
		if err != nil {
			return err
		}
		if refused == "" && d.state == "paid" && (d.by != terminal || d.reported) {
			refused = "paid"
		}
		*out = hallapi.ClaimResponse{Refused: refused}
		if refused != "" {
			return nil
		}
		out.Paid, out.Owed, out.Case, out.AmountFen = true, d.id, d.caseID, d.amount
		_, err = tx.ExecContext(ctx, `UPDATE owed SET state = 'paid', paid_at = ?, paid_by = ?, reason = ?, who = ? WHERE id = ? AND state = 'open'`,
			hallstore.Stamp(time.Now()), terminal, req.Reason, req.Who, d.id)
		return err
	})
	return out, err
}

// findClaim finds the debt that a code belongs to. What is kept is a hash bound to the debt, so that every
// one is tried: a hash takes less than a microsecond.
func findClaim(ctx context.Context, tx *sql.Tx, code string) (d debt, refused string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, case_id, amount, claim, state, paid_by, reported, 0 FROM owed WHERE claim <> ''
		UNION ALL SELECT o.id, o.case_id, o.amount, d.claim, o.state, o.paid_by, o.reported, 1 FROM dead_claims d JOIN owed o ON o.id = d.owed`)
	if err != nil {
		return d, "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var dead bool
		if err := rows.Scan(&d.id, &d.caseID, &d.amount, &d.claim, &d.state, &d.by, &d.reported, &dead); err != nil {
			return d, "", err
		}
		if casefile.ClaimHash(d.id, code) != d.claim {
			continue
		}
		switch {
		case dead:
			return d, "superseded", nil
		case d.state == "open" || d.state == "paid":
			return d, "", nil
		default:
			return d, "unknown", nil // in doubt, or found not to be owed
		}
	}
	return debt{}, "unknown", rows.Err()
}
