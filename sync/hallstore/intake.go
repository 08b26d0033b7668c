package hallstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
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
	// What needs no other record is looked at before the database is held: two batches of a terminal are here at once.
	list := make([]arrival, len(records))
	for i, r := range records {
		c := FromWire(terminal, epoch, r)
		list[i] = arrival{wire: r, record: c, broken: c.Whole()}
	}
	var out Intake
	whole := context.WithoutCancel(ctx) // a batch is short, and every statement that could be broken off costs a goroutine
	err := s.Tx(ctx, func(tx *sql.Tx) error {
		ctx := whole
		out = Intake{}
		in := &intake{Store: s, tx: tx, terminal: terminal, epoch: epoch, after: after, now: Stamp(now)}
		if err := in.load(ctx); err != nil {
			return err
		}
		for _, a := range list {
			if a.wire.Seq > in.acked+1 {
				break // a gap: the terminal sends from the cursor on
			}
			if err := in.take(ctx, a, all); err != nil {
				return err
			}
		}
		if err := in.flush(ctx); err != nil {
			return err
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

// arrival is a record as it came and as the journal has it; broken says that its content is not the one that was hashed.
type arrival struct {
	wire   *hallapi.Record
	record *casefile.Record
	broken error
}

// intake is one batch on its way in.
type intake struct {
	*Store
	tx                   *sql.Tx
	terminal, epoch, now string

	after, head, acked  int64
	hash, chain         string
	stored, quarantined int
	asideNow            bool
	next                []*casefile.Record // follow each other and the head, and are about to be put down
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

func (in *intake) take(ctx context.Context, a arrival, all bool) error {
	r, c := a.wire, a.record
	if r.Seq <= in.after {
		return in.aside(ctx, r, fmt.Sprintf("fork at %d", r.Seq)) // the branch begins later
	}
	if r.Seq <= in.head {
		if err := in.flush(ctx); err != nil {
			return err
		}
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
	if in.hash == "" {
		in.hash = c.Prev
	}
	if c.Follows(in.head+1, in.hash) != nil || a.broken != nil {
		return in.aside(ctx, r, fmt.Sprintf("broken at %d", r.Seq))
	}
	in.head, in.hash, in.asideNow = c.Seq, c.Hash, false
	in.acked = max(in.acked, c.Seq)
	in.stored++
	if in.next = append(in.next, c); len(in.next) == manyRecords {
		return in.put(ctx, in.many, in.next)
	}
	return nil
}

// manyRecords is how many records one statement puts down: enough to make its own cost small.
const manyRecords = 20

// insertRecords is a statement that puts down records that follow each other. What they share is said once, and what a record
// has of the one before it is taken from there.
func insertRecords(n int) string {
	const shared, own = 5, 8
	rows := make([]string, n)
	for i := range rows {
		p, prev := shared+i*own, 5
		if i > 0 {
			prev = p // the hash of the one before it
		}
		rows[i] = fmt.Sprintf("(?1,?2,?4+%d,?%d,?%d,?%d,?%d,?%d,?%d,?%d,?%d,?%d,?3)", i, p+1, p+2, p+3, p+4, p+5, p+6, p+7, prev, p+8)
	}
	return `INSERT INTO records (terminal, epoch, seq, time, quality, case_id, kind, header, sealed, seal_sum, prev, hash, received) VALUES ` + strings.Join(rows, ",")
}

// put puts records down that follow each other, as many as the statement has room for.
func (in *intake) put(ctx context.Context, insert *sql.Stmt, records []*casefile.Record) error {
	args := []any{in.terminal, in.epoch, in.now, records[0].Seq, records[0].Prev}
	for _, c := range records {
		args = append(args, c.Time, c.Quality, c.Case, string(c.Kind), notNil(c.Header), c.Sealed, c.SealSum, c.Hash)
	}
	in.next = in.next[len(records):]
	_, err := in.tx.StmtContext(ctx, insert).ExecContext(ctx, args...)
	return err
}

// flush puts down what is about to be.
func (in *intake) flush(ctx context.Context) error {
	for len(in.next) > 0 {
		if err := in.put(ctx, in.one, in.next[:1]); err != nil {
			return err
		}
	}
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

// Acked is the last record of a journal that was taken in, 0 when there is none.
func (s *Store) Acked(ctx context.Context, terminal, epoch string) (acked int64, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT acked FROM streams WHERE terminal = ? AND epoch = ?`, terminal, epoch).Scan(&acked)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return acked, err
}

// Behind says whether a terminal, or any when none is named, has handed in records whose consequences have not been drawn.
func Behind(ctx context.Context, tx *sql.Tx, terminal string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM streams WHERE (?1 = '' OR terminal = ?1) AND processed < head`, terminal).Scan(&n)
	return n > 0, err
}
