package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"yichuang/kiosk/casefile"
)

// Span is the part of a journal that was written in one epoch: the records past After, up to Last. In a journal that broke Last is on the disk.
type Span struct {
	Epoch       string
	After, Last int64
}

// What is kept beside the journal of its last branch.
const (
	keptBranch     = "branch"            // the epoch that follows
	keptUnanswered = "branch.unanswered" // why no money is taken before the hall has answered
)

// Origin is the random id that the journal began with: the first record follows its Genesis.
func (s *Store) Origin() string { return s.origin }

// Epoch is the random id under which the journal is written now.
func (s *Store) Epoch() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spans[len(s.spans)-1].Epoch
}

// Span is the epoch of the record that follows seq; past the last record, the present one.
func (s *Store) Span(seq int64) Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.span(seq)
}

// span is called with the lock held, or before anybody else has the store.
func (s *Store) span(seq int64) Span {
	for i := len(s.spans) - 1; ; i-- {
		sp := s.spans[i]
		if i > 0 && seq < sp.After {
			continue
		}
		if i == len(s.spans)-1 {
			sp.Last = max(s.coming(), sp.After)
		}
		return sp
	}
}

// Branch goes on under another epoch: what was written so far may not be all that this terminal has done, because the
// disk is an older one, or because the hall has another record under a number of this journal. Numbers and chain go on.
// When wait is true no money is taken before the hall has answered. The reason stands in the first record.
func (s *Store) Branch(ctx context.Context, why string, wait bool) error {
	s.mu.Lock()
	waits := s.unanswered != ""
	s.mu.Unlock()
	if wait && waits {
		return nil // it is known already, and nothing was answered since
	}
	epoch := randomHex(8)
	values := map[string][]byte{keptBranch: []byte(epoch)}
	if wait {
		values[keptUnanswered] = []byte(why)
	}
	// On the disk first: records that are made before the epoch changes are of the former one, and each says of which.
	if err := s.Keep(ctx, values); err != nil {
		return err
	}
	s.mu.Lock()
	s.branch(epoch, s.book.Seq)
	if wait {
		s.unanswered = why
	}
	s.mu.Unlock()
	return s.Append(ctx, Entry{Event: casefile.Event{Kind: casefile.TerminalStarted, Header: casefile.Header{Reason: why}}})
}

func (s *Store) branch(epoch string, after int64) {
	last := &s.spans[len(s.spans)-1]
	last.Last = after
	s.spans = append(s.spans, Span{Epoch: epoch, After: after})
}

// Unanswered is why no money is taken before the hall has answered; "" when it may be.
func (s *Store) Unanswered() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unanswered
}

// Answered says that the hall has taken in that the journal has branched into this epoch.
func (s *Store) Answered(ctx context.Context, epoch string) error {
	s.mu.Lock()
	due := s.unanswered != "" && s.spans[len(s.spans)-1].Epoch == epoch
	s.mu.Unlock()
	if !due {
		return nil
	}
	if err := s.Keep(ctx, map[string][]byte{keptUnanswered: {}}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unanswered = ""
	return nil
}

// loadSpans finds out under which epochs the journal was written.
func (s *Store) loadSpans(ctx context.Context) (err error) {
	s.spans = []Span{{Epoch: s.origin}}
	rows, err := s.db.QueryContext(ctx, "SELECT epoch, min(seq) FROM journal WHERE epoch <> '' GROUP BY epoch ORDER BY 2")
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var epoch string
		var first int64
		if err := rows.Scan(&epoch, &first); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		s.branch(epoch, first-1)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// loadBranch takes up a branch that the power cut before its first record, and what the hall has not answered yet.
func (s *Store) loadBranch(ctx context.Context) error {
	epoch, err := s.Kept(ctx, keptBranch)
	if err != nil {
		return err
	}
	if epoch != nil && !slices.ContainsFunc(s.spans, func(sp Span) bool { return sp.Epoch == string(epoch) }) {
		s.branch(string(epoch), s.book.Seq)
	}
	why, err := s.Kept(ctx, keptUnanswered)
	s.unanswered = string(why)
	return err
}
