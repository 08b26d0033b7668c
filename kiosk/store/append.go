package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/seal"
	"yichuang/kiosk/sqlite"
)

// request is what one caller appends, or alone: something else that he writes.
type request struct {
	records []casefile.Record // without their places in the chain: whoever writes them gives them that
	sealer  *seal.Sealer
	sealed  atomic.Bool // the records can be written, and with them those behind
	alone   bool
	err     error
	turn    bool          // its caller is to write next, for all who wait with records
	done    chan struct{} // closed when it is written, or has the turn
}

// Append writes the entries in one commit, in their order and with nothing between them, and returns
// when they are on the disk. On an error nothing of them was written.
//
// Whoever finds nobody committing commits; the others wait, and the first of them then commits for all. Each seals what is personal by himself, so that
// those who have come together do it at once, and while the disk works for those before.
func (s *Store) Append(ctx context.Context, entries ...Entry) error {
	drafts, err := draftAll(entries)
	if err != nil || len(drafts) == 0 {
		return err
	}
	req, first, err := s.place(drafts)
	if err != nil {
		return err
	}
	req.seal(drafts)
	s.sealed(req)
	if !first {
		<-req.done // not bounded by a context: whether events stand is known only when the commit has ended
	}
	if req.turn {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.commit(context.WithoutCancel(ctx))
		s.next()
	}
	return req.err
}

// draft is an entry with all that can be made of it before its place is known.
type draft struct {
	Entry
	header, plain []byte
}

func draftAll(entries []Entry) ([]draft, error) {
	drafts := make([]draft, len(entries))
	for i, e := range entries {
		header, err := e.Encode()
		if err != nil {
			return nil, fmt.Errorf("journal: %w", err)
		}
		drafts[i] = draft{Entry: e, header: header}
		if e.Secret == nil {
			continue
		}
		if drafts[i].plain, err = json.Marshal(e.Secret); err != nil {
			return nil, fmt.Errorf("journal: %s: %w", e.Kind, err)
		}
	}
	return drafts, nil
}

// place gives drafts their numbers, and adds them to the book. When the second of several is refused the first has already
// changed the book, so that the book no longer stands for the journal: such a request is a mistake of ours and breaks the store.
func (s *Store) place(drafts []draft) (req *request, first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return nil, false, ErrBroken
	}
	if slices.ContainsFunc(drafts, func(d draft) bool { return d.plain != nil }) {
		if err := s.needSealer(); err != nil {
			return nil, false, fmt.Errorf("journal: %w", err)
		}
	}
	now := s.now()
	r := casefile.Record{Terminal: s.terminal, Epoch: s.spans[len(s.spans)-1].Epoch, Quality: s.quality(now), Time: now.Format(time.RFC3339Nano)}
	req = &request{records: make([]casefile.Record, len(drafts)), sealer: s.sealer}
	for i, d := range drafts {
		r.Seq, r.Case, r.Kind, r.Header = s.book.Seq+1, d.Case, d.Kind, d.header
		if err := s.book.Apply(r.Seq, now, d.Event); err != nil {
			if i > 0 {
				s.breaks(err)
			}
			return nil, false, fmt.Errorf("journal: %w", err)
		}
		req.records[i] = r
	}
	return req, s.queue(req), nil
}

// seal closes what is personal in the request's records.
func (q *request) seal(drafts []draft) {
	for i := range q.records {
		r, plain := &q.records[i], drafts[i].plain
		if plain == nil {
			continue
		}
		r.Sealed = q.sealer.Seal(r.Seq, seal.AAD(r.Terminal, r.Epoch, r.Seq, string(r.Kind), r.Header), plain)
		r.SealSum = casefile.SumSealed(r.Sealed)
	}
}

// queue puts the request behind the others. It is called with the lock held, and gives the request the turn to write, and says so, when nobody
// has it: one writes at a time.
func (s *Store) queue(req *request) (first bool) {
	req.done = make(chan struct{})
	s.pending = append(s.pending, req)
	if s.writing {
		return false
	}
	s.writing, req.turn = true, true
	return true
}

// sealed says that the request can be written.
func (s *Store) sealed(req *request) {
	req.sealed.Store(true)
	if s.ready.Add(1) == s.least.Load() {
		select {
		case s.enough <- struct{}{}:
		default: // whoever gathers has not seen the last one yet, and looks for himself
		}
	}
}

// alone waits, with the lock let go, for the turn to write something that is no record. Its caller passes the turn on with next.
func (s *Store) alone() {
	req := &request{alone: true}
	if !s.queue(req) {
		s.mu.Unlock()
		<-req.done
		s.mu.Lock()
	}
	s.pending = s.pending[1:]
}

// next passes the turn to write on: to the first who waits, to nobody, or to a checkpoint before them.
func (s *Store) next() {
	switch {
	case s.due():
		go func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.checkpoint(checkpointMax)
			s.next()
		}()
	case len(s.pending) == 0:
		s.writing = false
	default:
		s.pending[0].turn = true
		close(s.pending[0].done)
	}
}

// commit writes the records that wait. It is called with the lock held, which it lets go of while others are waited for and while the disk works, by the first who waits.
func (s *Store) commit(ctx context.Context) {
	last, took := int64(s.last), s.took
	s.mu.Unlock()
	s.gather(last, took)
	s.mu.Lock()
	n := slices.IndexFunc(s.pending, func(r *request) bool { return !r.sealed.Load() })
	if n < 0 {
		n = len(s.pending)
	}
	batch := s.pending[:n:n]
	s.pending = s.pending[n:]
	s.ready.Add(int64(-n))
	err := ErrBroken
	if s.broken == nil {
		err = s.writeAll(ctx, batch)
	}
	s.last = n + len(s.pending)
	for i, r := range batch {
		r.err = err
		if i > 0 {
			close(r.done)
		}
	}
}

// gatherMax is how long a commit waits at most for others, and not longer than half of the last commit took: whoever comes too late waits for a whole one.
const gatherMax = time.Millisecond

// gather waits for those who wrote or waited last. They have just been told, and write on if they have more: their records share this commit.
func (s *Store) gather(least int64, took time.Duration) {
	if least < 2 || took == 0 || s.ready.Load() >= least {
		return
	}
	late := time.NewTimer(min(took/2, gatherMax))
	defer late.Stop()
	s.least.Store(least)
	defer s.least.Store(0)
	for s.ready.Load() < least {
		select {
		case <-s.enough:
		case <-late.C:
			return
		}
	}
}

// writeAll writes the batch, to a full disk at the price of the ballast.
func (s *Store) writeAll(ctx context.Context, batch []*request) error {
	hash := s.hash
	s.began = time.Now()
	s.mu.Unlock()
	var records []casefile.Record
	for _, q := range batch {
		for _, r := range q.records {
			r.Prev = hash
			r.Hash = r.Sum()
			hash = r.Hash
			records = append(records, r)
		}
	}
	err := s.write(ctx, records)
	if err != nil && sqlite.IsFull(err) && s.giveUpBallast() {
		err = s.write(ctx, records)
	}
	s.mu.Lock()
	s.took, s.began = time.Since(s.began), time.Time{}
	if err != nil {
		s.breaks(err)
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	s.head, s.hash = records[len(records)-1].Seq, hash
	s.wrote(2 + len(records)) // a record fills a page, as a rule
	close(s.appended)
	s.appended = make(chan struct{})
	return nil
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

// insert is what put fills in.
const insert = "INSERT INTO journal (seq, time, quality, case_id, kind, header, sealed, seal_sum, prev, hash, epoch) VALUES (?,?,?,?,?,?,?,?,?,?,?)"

func (s *Store) put(ctx context.Context, records []casefile.Record) error {
	return s.rows.Write(ctx, len(records), func(i int, row []driver.NamedValue) {
		r := &records[i]
		epoch := r.Epoch
		if epoch == s.origin {
			epoch = "" // as in a journal that never branched
		}
		for n, value := range [...]any{r.Seq, r.Time, r.Quality, r.Case, string(r.Kind), r.Header, r.Sealed, r.SealSum, r.Prev, r.Hash, epoch} {
			row[n].Value = value
		}
	})
}
