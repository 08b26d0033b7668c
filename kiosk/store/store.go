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
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
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
	origin   string // the epoch that the journal began with
	db       *sql.DB
	rows     *sqlite.Writer
	twin     *twinFile
	ready    atomic.Int64  // requests in pending that are sealed
	least    atomic.Int64  // of them that whoever gathers waits for; 0 while nobody does
	enough   chan struct{} // tells him that they are there

	mu         sync.Mutex // guards all below
	spans      []Span     // the epochs of the journal, in order; the last one is the present one
	unanswered string     // why no money is taken before the hall has answered; "" when it may be
	book       *casefile.Book
	head       int64  // number of the last record on the disk
	hash       string // and its hash
	pending    []*request
	writing    bool // somebody has the turn to write
	unseen     int  // pages written since the log's length was last asked for, about
	last       int  // callers who wrote last or waited meanwhile
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
	s := &Store{dir: dir, terminal: terminal, db: db, book: casefile.NewBook(), now: clock.Now, synced: clock.Synced, appended: make(chan struct{}), broke: make(chan struct{}), enough: make(chan struct{}, 1)}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.rows, err = sqlite.NewWriter(ctx, db, insert, 11)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("journal: %w", err), db.Close())
	}
	if err := s.openTwin(ctx); err != nil {
		return nil, errors.Join(err, s.rows.Close(), db.Close())
	}
	if err := s.ballast(); err != nil {
		return nil, errors.Join(err, s.twin.close(), s.rows.Close(), db.Close())
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
	s.hash = casefile.Genesis(s.terminal, s.origin)
	if err := s.each(ctx, 0, 0, func(r casefile.Record) error {
		if err := r.Check(s.book.Seq+1, s.hash); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		e, err := r.Event()
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		if err := s.book.Apply(r.Seq, r.When(), e); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		s.head, s.hash = r.Seq, r.Hash
		if when := r.When(); when.After(s.latest) || r.Quality == qualitySynced {
			s.latest = when
		}
		return nil
	}); err != nil {
		return err
	}
	return s.loadBranch(ctx)
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

// Head is the number and hash of the last record on the disk.
func (s *Store) Head() (seq int64, hash string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head, s.hash
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
	return errors.Join(err, s.twin.close(), s.rows.Close(), s.db.Close())
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
