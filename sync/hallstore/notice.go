package hallstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"yichuang/sync/hallapi"
)

// NoticesMax is how many notices one answer carries.
const NoticesMax = 100

// Tell puts a notice down for a terminal, with the next number of its own.
func Tell(ctx context.Context, tx *sql.Tx, terminal, kind, caseID string, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return err
	}
	var seq int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO told (terminal, seq) VALUES (?, 1) ON CONFLICT DO UPDATE SET seq = seq + 1 RETURNING seq`, terminal).Scan(&seq); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO notices (terminal, seq, kind, case_id, json) VALUES (?,?,?,?,?)`, terminal, seq, kind, caseID, raw)
	return err
}

// TellAll tells every terminal the same.
func TellAll(ctx context.Context, tx *sql.Tx, kind string, content any) error {
	ids, err := terminals(ctx, tx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := Tell(ctx, tx, id, kind, "", content); err != nil {
			return err
		}
	}
	return nil
}

func terminals(ctx context.Context, tx *sql.Tx) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM terminals ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Told gives the number of each terminal's last notice; a terminal that has none is not there.
func (s *Store) Told(ctx context.Context) (last map[string]int64, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT terminal, seq FROM told`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	last = map[string]int64{}
	for rows.Next() {
		var terminal string
		var seq int64
		if err := rows.Scan(&terminal, &seq); err != nil {
			return nil, err
		}
		last[terminal] = seq
	}
	return last, rows.Err()
}

// Notices gives a terminal's notices past its cursor.
func (s *Store) Notices(ctx context.Context, terminal string, cursor int64) (out []*hallapi.Notice, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT seq, kind, case_id, json FROM notices WHERE terminal = ? AND seq > ? ORDER BY seq LIMIT ?`,
		terminal, cursor, NoticesMax)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		n := &hallapi.Notice{}
		if err := rows.Scan(&n.Seq, &n.Kind, &n.Case, &n.Json); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, rows.Err()
}
