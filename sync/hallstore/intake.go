package hallstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"yichuang/kiosk/casefile"
	"yichuang/sync/hallapi"
)

// ErrMalformed says that a batch is none: it has no epoch, or a record without a place. Nothing of it
// was kept.
var ErrMalformed = errors.New("intake: malformed batch")

// Intake is what became of one batch.
type Intake struct {
	Cursor      int64 // every record up to here is on the hall's disk
	Stored      int   // new ones, in their chain
	Quarantined int   // new ones, beside it
	Aside       bool  // the last one of the batch lies beside the chain: nothing that follows it can be in the chain
}

// Take puts a batch down in one transaction. Records that the hall has are passed over, records after a
// gap are left for later; the cursor tells the terminal what to send next. all puts everything into
// quarantine, for a terminal whose certificate was revoked. after is the record of the terminal's former epoch that this
// one branched after: its first is the next one. It counts when the epoch is new here. also is what else is put down in the
// same transaction, with what became of the batch: a commit costs more than a batch.
func (s *Store) Take(ctx context.Context, terminal, epoch string, after int64, records []*hallapi.Record, all bool, now time.Time, also ...func(*sql.Tx, Intake) error) (Intake, error) {
	if err := wellFormed(terminal, epoch, after, records); err != nil {
		return Intake{}, err
	}
	records = slices.SortedStableFunc(slices.Values(records), func(a, b *hallapi.Record) int { return int(a.Seq - b.Seq) })
	var out Intake
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		out = Intake{}
		in := &intake{tx: tx, terminal: terminal, epoch: epoch, after: after, now: Stamp(now)}
		if err := in.load(ctx); err != nil {
			return err
		}
		for _, r := range records {
			if r.Seq > in.acked+1 {
				break // a gap: the terminal sends from the cursor on
			}
			if err := in.take(ctx, r, all); err != nil {
				return err
			}
		}
		out = Intake{Cursor: in.acked, Stored: in.stored, Quarantined: in.quarantined, Aside: in.asideNow}
		if err := in.save(ctx); err != nil {
			return err
		}
		for _, put := range also {
			if err := put(tx, out); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Intake{}, fmt.Errorf("intake %s: %w", terminal, err)
	}
	return out, nil
}

func wellFormed(terminal, epoch string, after int64, records []*hallapi.Record) error {
	if after < 0 {
		return fmt.Errorf("%w: a branch after record %d", ErrMalformed, after)
	}
	if terminal == "" || epoch == "" {
		return fmt.Errorf("%w: no terminal or epoch", ErrMalformed)
	}
	if len(records) > hallapi.RecordsMax {
		return fmt.Errorf("%w: %d records, at most %d", ErrMalformed, len(records), hallapi.RecordsMax)
	}
	for _, r := range records {
		if r.GetSeq() < 1 || r.GetKind() == "" || r.GetHash() == "" {
			return fmt.Errorf("%w: a record without number, kind or hash", ErrMalformed)
		}
	}
	return nil
}

// intake is one batch on its way in.
type intake struct {
	tx                   *sql.Tx
	terminal, epoch, now string

	after, head, acked  int64
	hash, chain         string
	stored, quarantined int
	asideNow            bool
	insert              *sql.Stmt // of the first new record on: a batch has many; it ends with the transaction
}

func (in *intake) load(ctx context.Context) error {
	in.hash, in.chain = casefile.Genesis(in.terminal, in.epoch), "ok"
	if in.after > 0 {
		in.hash = "" // the first record says what it follows
	}
	if _, err := in.tx.ExecContext(ctx, `INSERT INTO streams (terminal, epoch, first, hash, after, head, acked, processed) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?5) ON CONFLICT DO NOTHING`,
		in.terminal, in.epoch, in.now, in.hash, in.after); err != nil {
		return err
	}
	return in.tx.QueryRowContext(ctx, `SELECT after, head, hash, acked, chain FROM streams WHERE terminal = ? AND epoch = ?`,
		in.terminal, in.epoch).Scan(&in.after, &in.head, &in.hash, &in.acked, &in.chain)
}

func (in *intake) save(ctx context.Context) error {
	_, err := in.tx.ExecContext(ctx, `UPDATE streams SET head = ?, hash = ?, acked = ?, chain = ? WHERE terminal = ? AND epoch = ?`,
		in.head, in.hash, in.acked, in.chain, in.terminal, in.epoch)
	return err
}

func (in *intake) take(ctx context.Context, r *hallapi.Record, all bool) error {
	if r.Seq <= in.after {
		return in.aside(ctx, r, fmt.Sprintf("fork at %d", r.Seq)) // the branch begins later
	}
	if r.Seq <= in.head {
		var hash string
		if err := in.tx.QueryRowContext(ctx, `SELECT hash FROM records WHERE terminal = ? AND epoch = ? AND seq = ?`,
			in.terminal, in.epoch, r.Seq).Scan(&hash); err != nil {
			return err
		}
		if hash == r.Hash {
			in.asideNow = false
			return nil // handed in twice is one
		}
		return in.aside(ctx, r, fmt.Sprintf("fork at %d", r.Seq))
	}
	if all {
		return in.aside(ctx, r, "the terminal's certificate is revoked")
	}
	c := FromWire(in.terminal, in.epoch, r)
	if in.hash == "" {
		in.hash = c.Prev
	}
	if err := c.Check(in.head+1, in.hash); err != nil {
		return in.aside(ctx, r, fmt.Sprintf("broken at %d", r.Seq))
	}
	if in.insert == nil {
		var err error
		if in.insert, err = in.tx.PrepareContext(ctx, `INSERT INTO records (terminal, epoch, seq, time, quality, case_id, kind, header, sealed, seal_sum, prev, hash, received)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)`); err != nil {
			return err
		}
	}
	if _, err := in.insert.ExecContext(ctx, in.terminal, in.epoch, c.Seq, c.Time, c.Quality, c.Case, string(c.Kind),
		notNil(c.Header), c.Sealed, c.SealSum, c.Prev, c.Hash, in.now); err != nil {
		return err
	}
	in.head, in.hash, in.asideNow = c.Seq, c.Hash, false
	in.acked = max(in.acked, c.Seq)
	in.stored++
	return nil
}

// aside puts a record into quarantine, once, and acknowledges it. The first oddity names the chain.
func (in *intake) aside(ctx context.Context, r *hallapi.Record, why string) error {
	in.asideNow = true
	raw, err := proto.Marshal(r)
	if err != nil {
		return err
	}
	done, err := in.tx.ExecContext(ctx, `INSERT INTO quarantine (terminal, epoch, seq, hash, why, record, received) VALUES (?,?,?,?,?,?,?) ON CONFLICT DO NOTHING`,
		in.terminal, in.epoch, r.Seq, r.Hash, why, raw, in.now)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if in.chain == "ok" {
		in.chain = why
	}
	in.acked = max(in.acked, r.Seq)
	in.quarantined++
	return nil
}

// notNil keeps an empty text from becoming NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// FromWire makes a record of the journal out of one on the wire.
func FromWire(terminal, epoch string, r *hallapi.Record) *casefile.Record {
	return &casefile.Record{Terminal: terminal, Epoch: epoch, Seq: r.Seq, Time: r.Time, Quality: r.Quality, Case: r.Case,
		Kind: casefile.Kind(r.Kind), Header: r.Header, Sealed: r.Sealed, SealSum: r.SealSum, Prev: r.Prev, Hash: r.Hash}
}

// ToWire is the way back.
func ToWire(r *casefile.Record) *hallapi.Record {
	return &hallapi.Record{Seq: r.Seq, Time: r.Time, Quality: r.Quality, Case: r.Case, Kind: string(r.Kind),
		Header: r.Header, Sealed: r.Sealed, SealSum: r.SealSum, Prev: r.Prev, Hash: r.Hash}
}

// Batch gives the next records whose consequences have not been drawn, in order, of the journal that
// waits longest; none when all is done.
func Batch(ctx context.Context, tx *sql.Tx, limit int) ([]*casefile.Record, error) {
	var terminal, epoch string
	var processed int64
	err := tx.QueryRowContext(ctx, `SELECT s.terminal, s.epoch, s.processed FROM streams s
		JOIN records r ON r.terminal = s.terminal AND r.epoch = s.epoch AND r.seq = s.processed + 1
		WHERE s.processed < s.head ORDER BY r.received, s.terminal, s.first LIMIT 1`).Scan(&terminal, &epoch, &processed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return Records(ctx, tx, terminal, epoch, processed, limit)
}

// Records reads a journal past a record, in order.
func Records(ctx context.Context, tx *sql.Tx, terminal, epoch string, after int64, limit int) (out []*casefile.Record, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT seq, time, quality, case_id, kind, header, sealed, seal_sum, prev, hash FROM records
		WHERE terminal = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT ?`, terminal, epoch, after, limit)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		r := &casefile.Record{Terminal: terminal, Epoch: epoch}
		if err := rows.Scan(&r.Seq, &r.Time, &r.Quality, &r.Case, &r.Kind, &r.Header, &r.Sealed, &r.SealSum, &r.Prev, &r.Hash); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Processed moves the mark of what was drawn from a journal.
func Processed(ctx context.Context, tx *sql.Tx, r *casefile.Record) error {
	_, err := tx.ExecContext(ctx, `UPDATE streams SET processed = ? WHERE terminal = ? AND epoch = ?`, r.Seq, r.Terminal, r.Epoch)
	return err
}

// Behind says whether a terminal has handed in records whose consequences have not been drawn.
func Behind(ctx context.Context, tx *sql.Tx, terminal string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM streams WHERE terminal = ? AND processed < head`, terminal).Scan(&n)
	return n > 0, err
}
