// Package store is the terminal's journal on disk, and with it the queue to the hall.
//
// Append writes events and returns when they are on the disk; concurrent callers share one commit, and
// a lone caller commits by itself. Each event is added to the book (package casefile) before it is
// written: one that cannot follow is refused and nothing is written. The queue is the journal past
// the cursor; an acknowledgement moves the cursor.
//
// A commit that fails for another reason than a full disk breaks the store: what the disk holds is no
// longer known, so nothing more is written, and the program must start again and read it back. For a full disk there is a ballast file, given
// up once, so that the last words can always be written.
//
// Beside the database stands twin.jsonl: the clear part of each record, one a line, from which the
// totals can be rebuilt by hand when the database is lost. Nobody waits for it.
package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/seal"
	"yichuang/kiosk/sqlite"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// ErrBroken is every Append after a commit has failed: only a new start can tell what the disk holds.
var ErrBroken = errors.New("journal: a commit failed; the program must start again")

// ErrNoKey refuses personal data while the hall's key is not known yet: it is never written in clear.
var ErrNoKey = errors.New("the hall's key is not known, personal data cannot be sealed")

// Entry is one event to be appended, with the personal data that belongs to it.
type Entry struct {
	casefile.Event
	Secret any // sealed as JSON; nil for none
}

// Store is an open journal.
type Store struct {
	dir      string
	terminal string
	origin   string    // the epoch that the journal began with
	left     time.Time // when the journal was last written before it was opened
	db       *sql.DB
	insert   *sqlite.Writer
	twin     *twinFile

	mu         sync.Mutex // guards all below
	spans      []Span     // the epochs of the journal, in order; the last one is the present one
	unanswered string     // why no money is taken before the hall has answered; "" when it may be
	book       *casefile.Book
	head       string // hash of the last record
	written    int64  // the last record that is on the disk
	pending    []*request
	writing    bool // somebody has the turn to write
	unseen     int  // pages written since the log's length was last asked for, about
	together   int  // how many callers the last commit was of
	lastWrite  time.Time
	began      time.Time     // of what is being written; zero while nothing is
	took       time.Duration // to write what was written last
	quietTimer *time.Timer   // nil while nothing waits for a quiet moment
	broken     error
	broke      chan struct{} // closed when broken is set
	full       bool          // the ballast is given up
	hallKey    []byte
	sealer     *seal.Sealer
	now        func() time.Time
	synced     func() bool   // whether the clock is kept right
	latest     time.Time     // that the clock has shown
	appended   chan struct{} // closed and replaced with each commit
}

// request is what one caller appends, or alone: something else that he writes.
type request struct {
	records []casefile.Record
	alone   bool
	err     error
	turn    bool          // its caller is to write next, for all who wait with records
	done    chan struct{} // closed when it is written, or has the turn
}

// Open opens the journal in dir, makes it when there is none, reads it and checks its chain. A journal
// whose chain does not hold is an error: it is evidence, and nothing is written after it.
func Open(ctx context.Context, dir, terminal string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	migrations, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, err
	}
	db, err := sqlite.OpenExclusive(ctx, filepath.Join(dir, "journal.db"), migrations)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	clock := clockOf(ctx)
	s := &Store{dir: dir, terminal: terminal, db: db, book: casefile.NewBook(), now: clock.Now, synced: clock.Synced, appended: make(chan struct{}), broke: make(chan struct{})}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.insert, err = sqlite.NewWriter(ctx, db, "INSERT INTO journal (seq, time, quality, case_id, kind, header, sealed, seal_sum, prev, hash, epoch) VALUES (?,?,?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), db.Close())
	}
	if err := s.openTwin(ctx); err != nil {
		return nil, errors.Join(err, s.insert.Close(), db.Close())
	}
	if err := s.ballast(); err != nil {
		return nil, errors.Join(err, s.twin.close(), s.insert.Close(), db.Close())
	}
	if err := s.loadLeft(ctx); err != nil {
		return nil, errors.Join(err, s.twin.close(), s.insert.Close(), db.Close())
	}
	return s, nil
}

// load finds the epoch, or begins one, and folds the journal.
func (s *Store) load(ctx context.Context) error {
	owner, err := s.Kept(ctx, "terminal")
	if err != nil {
		return err
	}
	if owner != nil && string(owner) != s.terminal {
		return fmt.Errorf("journal: this is the one of terminal %s, not of %s", owner, s.terminal)
	}
	epoch, err := s.Kept(ctx, "epoch")
	if err != nil {
		return err
	}
	if epoch == nil {
		epoch = []byte(randomHex(8))
		if err := s.Keep(ctx, map[string][]byte{"epoch": epoch, "terminal": []byte(s.terminal)}); err != nil {
			return err
		}
	}
	s.origin = string(epoch)
	if err := s.loadSpans(ctx); err != nil {
		return err
	}
	s.head = casefile.Genesis(s.terminal, s.origin)
	if err := s.each(ctx, 0, 0, func(r casefile.Record) error {
		if err := r.Check(s.book.Seq+1, s.head); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		e, err := r.Event()
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		if err := s.book.Apply(r.Seq, r.When(), e); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		s.head, s.written, s.left = r.Hash, r.Seq, r.When()
		if when := r.When(); when.After(s.latest) || r.Quality == qualitySynced {
			s.latest = when
		}
		return nil
	}); err != nil {
		return err
	}
	return s.loadBranch(ctx)
}

// Append writes the entries in one commit, in their order and with nothing between them, and returns
// when they are on the disk. On an error nothing of them was written.
//
// Records are made as they come, while the disk works for those before. Whoever finds nobody committing commits;
// the others wait, and the first of them then commits for all.
func (s *Store) Append(ctx context.Context, entries ...Entry) error {
	coded, err := encode(entries)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return ErrBroken
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	records, err := s.make(entries, coded)
	if err != nil || len(records) == 0 {
		return err
	}
	req := &request{records: records}
	if s.await(req); req.turn {
		s.commit(context.WithoutCancel(ctx))
		s.next()
	}
	return req.err
}

// await waits, with the lock let go, until the request is written or has the turn to write: one writes at a time.
// Not bounded by a context: whether events stand is known only when the commit has ended.
func (s *Store) await(req *request) {
	req.done = make(chan struct{})
	s.pending = append(s.pending, req)
	if !s.writing {
		s.writing, req.turn = true, true
		return
	}
	s.mu.Unlock()
	<-req.done
	s.mu.Lock()
}

// alone waits for the turn to write something that is no record. Its caller passes the turn on with next.
func (s *Store) alone() {
	s.await(&request{alone: true})
	s.pending = s.pending[1:]
}

// next passes the turn to write on: to the first who waits, to nobody, or to a checkpoint before them.
func (s *Store) next() {
	switch {
	case s.due():
		go func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			most, _ := s.logMax()
			s.checkpoint(most)
			s.next()
		}()
	case len(s.pending) == 0:
		s.writing = false
	default:
		s.pending[0].turn = true
		close(s.pending[0].done)
	}
}

const (
	// gatherMax bounds how long a commit waits for company, and half of what the last one took does: for each that comes it is a commit
	// less.
	gatherMax = 100 * time.Microsecond
	// gatherTurns is how often the others are let work meanwhile: where time stands still, that is the bound.
	gatherTurns = 200
)

// gather waits for those of the last commit, when it had several: they have just been told, and write on if they have more. Their records
// then share this commit. Whoever writes alone never waits.
func (s *Store) gather() {
	if s.together < 2 {
		return
	}
	until := time.Now().Add(min(s.took/2, gatherMax))
	for turn := 0; len(s.pending) < s.together && turn < gatherTurns && (turn == 0 || time.Now().Before(until)); turn++ {
		s.mu.Unlock()
		runtime.Gosched()
		s.mu.Lock()
	}
}

// commit writes the records that wait. It is called with the lock held, which it lets go of while the disk works, by the first who waits.
func (s *Store) commit(ctx context.Context) {
	s.gather()
	n := slices.IndexFunc(s.pending, func(r *request) bool { return r.alone })
	if n < 0 {
		n = len(s.pending)
	}
	batch := s.pending[:n:n]
	s.pending = s.pending[n:]
	s.together = n
	err := ErrBroken
	if s.broken == nil {
		err = s.writeAll(ctx, batch)
	}
	for i, r := range batch {
		r.err = err
		if i > 0 {
			close(r.done)
		}
	}
}

// writeAll writes the batch, to a full disk at the price of the ballast.
func (s *Store) writeAll(ctx context.Context, batch []*request) error {
	records := batch[0].records
	for _, r := range batch[1:] {
		records = append(records, r.records...)
	}
	s.began = time.Now()
	s.mu.Unlock()
	err := s.write(ctx, records)
	if err != nil && sqlite.IsFull(err) && s.giveUpBallast() {
		err = s.write(ctx, records)
	}
	s.mu.Lock()
	s.took, s.began = time.Since(s.began), time.Time{}
	for _, r := range records {
		giveBack(r.Sealed)
	}
	if err != nil {
		s.breaks(err)
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	s.written = records[len(records)-1].Seq
	s.wrote(2 + len(records)) // none fills more than a page, as a rule
	close(s.appended)
	s.appended = make(chan struct{})
	return nil
}

// make turns entries into records that follow the head, and adds them to the book. When the second of
// several is refused the first has already changed the book, so that the book no longer stands for the
// journal: such a request is a mistake of ours and breaks the store.
func (s *Store) make(entries []Entry, coded []encoded) ([]casefile.Record, error) {
	var records []casefile.Record
	now := s.now()
	quality := s.quality(now)
	head := s.head
	for i := range entries {
		e := &entries[i]
		r, err := s.record(now, quality, e, coded[i], s.book.Seq+1, head)
		if err == nil {
			err = s.book.Apply(r.Seq, now, e.Event)
		}
		if err != nil {
			if i > 0 {
				s.breaks(err)
			}
			return nil, fmt.Errorf("journal: %w", err)
		}
		records, head = append(records, r), r.Hash
	}
	s.head = head
	return records, nil
}

// encoded is the bytes of an entry, whose place in the journal is not known yet.
type encoded struct{ header, plain []byte }

// encode does what needs no lock: of several who write at once each has a processor of its own for it.
func encode(entries []Entry) ([]encoded, error) {
	out := make([]encoded, len(entries))
	for i := range entries {
		e, err := &entries[i], error(nil)
		if out[i].header, err = e.Encode(); err != nil {
			return nil, err
		}
		if e.Secret == nil {
			continue
		}
		text := bytes.NewBuffer(room(0))
		if err := json.NewEncoder(text).Encode(e.Secret); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Kind, err)
		}
		out[i].plain = bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	}
	return out, nil
}

func (s *Store) record(now time.Time, quality string, e *Entry, b encoded, seq int64, prev string) (casefile.Record, error) {
	epoch := s.spans[len(s.spans)-1].Epoch
	r := casefile.Record{Terminal: s.terminal, Epoch: epoch, Seq: seq, Time: now.Format(time.RFC3339Nano), Quality: quality,
		Case: e.Case, Kind: e.Kind, Header: b.header, Prev: prev}
	if e.Secret != nil {
		if err := s.needSealer(); err != nil {
			return r, err
		}
		r.Sealed = s.sealer.Seal(room(len(b.plain)+seal.More), seq, seal.AAD(s.terminal, epoch, seq, string(e.Kind), b.header), b.plain)
		giveBack(b.plain)
		r.SealSum = casefile.SumSealed(r.Sealed)
	}
	r.Hash = r.Sum()
	return r, nil
}

func (s *Store) needSealer() error {
	if s.sealer != nil {
		return nil
	}
	if s.hallKey == nil {
		return ErrNoKey
	}
	sealer, err := seal.NewSealer(s.hallKey)
	s.sealer = sealer
	return err
}

// write commits the records and hands them to the twin.
func (s *Store) write(ctx context.Context, records []casefile.Record) error {
	if err := s.put(ctx, records); err != nil {
		return err
	}
	return s.twin.add(records)
}

// put makes rows of the records in one commit.
func (s *Store) put(ctx context.Context, records []casefile.Record) error {
	return s.insert.Write(ctx, len(records), func(i int, v []driver.NamedValue) {
		r := &records[i]
		epoch := r.Epoch
		if epoch == s.origin {
			epoch = "" // as in a journal that never branched
		}
		for at, value := range [...]driver.Value{r.Seq, r.Time, r.Quality, r.Case, string(r.Kind), r.Header, r.Sealed, r.SealSum, r.Prev, r.Hash, epoch} {
			v[at].Value = value
		}
	})
}

// Book lets fn look at the book while nothing is added. fn must not keep what it sees.
func (s *Store) Book(fn func(b *casefile.Book)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s.book)
}

// UseHallKey sets the key that personal data is sealed to (X25519, 32 bytes).
func (s *Store) UseHallKey(public []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hallKey, s.sealer = public, nil
}

// NewVisit forgets the visit's sealing key: what was sealed before can no longer be opened here.
func (s *Store) NewVisit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealer = nil
}

// Appended is closed with the next commit.
func (s *Store) Appended() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appended
}

// Head is the number and hash of the last record, which may not be on the disk yet.
func (s *Store) Head() (seq int64, hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book.Seq, s.head
}

// Coming is the number of the last record that is on the disk, or will be in a moment: in a journal that broke it stays behind the head.
func (s *Store) Coming() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.coming()
}

// coming is called with the lock held.
func (s *Store) coming() int64 {
	if s.broken != nil {
		return s.written
	}
	return s.book.Seq
}

// Terminal is the terminal's id.
func (s *Store) Terminal() string { return s.terminal }

// Close waits for what is being written, moves the log into the database and closes the files. Nothing may be appended afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	s.alone()
	var err error
	if s.broken == nil {
		s.checkpoint(1)
		err = s.broken
	}
	s.breaks(errors.New("closed"))
	if s.quietTimer != nil {
		s.quietTimer.Stop()
	}
	s.next()
	s.mu.Unlock()
	return errors.Join(err, s.twin.close(), s.insert.Close(), s.db.Close())
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
