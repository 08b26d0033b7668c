package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/sqlite"
)

// Read gives at most limit records after seq, in order.
func (s *Store) Read(ctx context.Context, seq int64, limit int) ([]casefile.Record, error) {
	var out []casefile.Record
	err := s.each(ctx, seq, limit, func(r casefile.Record) error {
		out = append(out, r)
		return nil
	})
	return out, err
}

// Walk gives at most limit records after seq one after another, in order, until take says that there are enough. take must not ask the
// journal for anything: it is held meanwhile.
func (s *Store) Walk(ctx context.Context, seq int64, limit int, take func(casefile.Record) (more bool)) error {
	err := s.each(ctx, seq, limit, func(r casefile.Record) error {
		if !take(r) {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// backward is how many records are read at once when the journal is read back.
const backward = 50

// WalkBack gives all records one after another, the last one first, until take says that there are enough. take may ask the journal.
func (s *Store) WalkBack(ctx context.Context, take func(casefile.Record) (more bool)) error {
	head, _ := s.Head()
	for end := head; end > 0; end -= backward {
		from := max(end-backward, 0)
		records, err := s.Read(ctx, from, int(end-from))
		if err != nil {
			return err
		}
		for _, r := range slices.Backward(records) {
			if !take(r) {
				return nil
			}
		}
	}
	return nil
}

// errEnough ends a walk.
var errEnough = errors.New("enough records")

// each walks the records after seq; a limit of 0 is none.
func (s *Store) each(ctx context.Context, seq int64, limit int, fn func(casefile.Record) error) error {
	if limit == 0 {
		limit = -1
	}
	rows, err := s.db.QueryContext(ctx, "SELECT seq, time, quality, case_id, kind, header, sealed, seal_sum, prev, hash, epoch FROM journal WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		r := casefile.Record{Terminal: s.terminal}
		if err := rows.Scan(&r.Seq, &r.Time, &r.Quality, &r.Case, &r.Kind, &r.Header, &r.Sealed, &r.SealSum, &r.Prev, &r.Hash, &r.Epoch); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		if r.Epoch == "" {
			r.Epoch = s.origin
		}
		if err := fn(r); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Cursor is the last record that the hall has on its disk.
func (s *Store) Cursor(ctx context.Context) (int64, error) {
	raw, err := s.Kept(ctx, "cursor")
	if err != nil || raw == nil {
		return 0, err
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

// Acknowledge moves the cursor to what the hall says it has. A hall that was restored may say less than
// before: it is believed, and the records are sent again. More than there is, is refused.
func (s *Store) Acknowledge(ctx context.Context, seq int64) error {
	if head, _ := s.Head(); seq < 0 || seq > head {
		return fmt.Errorf("journal: the hall acknowledges record %d of %d", seq, head)
	}
	return s.Keep(ctx, map[string][]byte{"cursor": []byte(strconv.FormatInt(seq, 10))})
}

// Keep stores small things beside the journal, all in one commit: the enrolment, the catalogue, cursors. On a full disk those that need no page of
// their own are among the last words, for marks of money are, and the ballast is given up for them. Nothing is kept beside a record that the disk
// has refused: a mark would say that it is written down.
func (s *Store) Keep(ctx context.Context, values map[string][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alone()
	if s.broken != nil {
		defer s.next()
		return fmt.Errorf("%w: %w", ErrBroken, s.broken)
	}
	s.mu.Unlock()
	size := 0
	for _, value := range values {
		size += len(value)
	}
	err := s.keep(ctx, values)
	if err != nil && sqlite.IsFull(err) && size < sqlite.PageSize && s.giveUpBallast() {
		err = s.keep(ctx, values)
	}
	s.mu.Lock()
	s.wrote(2 + size/sqlite.PageSize)
	s.next()
	return err
}

func (s *Store) keep(ctx context.Context, values map[string][]byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	// It is not broken off any more: database/sql then gives the connection up, which alone may use the database and has prepared
	// what the journal is written with.
	ctx = context.WithoutCancel(ctx)
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer tx.Rollback() // after a commit it does nothing
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, err := tx.ExecContext(ctx, "INSERT INTO kept (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, values[name]); err != nil {
			return fmt.Errorf("journal: keep %s: %w", name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Kept gives what was stored under a name, nil when nothing was.
func (s *Store) Kept(ctx context.Context, name string) ([]byte, error) {
	var value []byte
	err := s.db.QueryRowContext(ctx, "SELECT value FROM kept WHERE name = ?", name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("journal: %s: %w", name, err)
	}
	return value, nil
}

// Export writes the clear part of every record as one JSON document a line.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // the header's bytes are what was hashed
	for last := int64(0); ; {
		// In parts: a slow reader must not keep the writer from the database.
		records, err := s.Read(ctx, last, 500)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			if err := enc.Encode(r.Line()); err != nil {
				return err
			}
			last = r.Seq
		}
	}
}

// BallastSize is how many bytes are given up when the disk is full: room for a long visit, as a record takes up to three pages of the log, or,
// when the log can be moved, for a thousand of them and more.
const BallastSize = 4 << 20

func (s *Store) ballastPath() string { return filepath.Join(s.dir, "ballast") }

// ballast lays the ballast file down when it is missing and there is room for it.
func (s *Store) ballast() error {
	if info, err := os.Stat(s.ballastPath()); err == nil && info.Size() == BallastSize {
		return nil
	}
	err := os.WriteFile(s.ballastPath(), make([]byte, BallastSize), 0o600)
	if errors.Is(err, syscall.ENOSPC) {
		os.Remove(s.ballastPath()) // the half that was written would be lost room
		s.full = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: ballast: %w", err)
	}
	return nil
}

// giveUpBallast frees the reserve and says whether there was one.
func (s *Store) giveUpBallast() bool {
	if os.Remove(s.ballastPath()) != nil {
		return false
	}
	s.mu.Lock()
	s.full = true
	s.mu.Unlock()
	return true
}
