package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Health says whether the store can be written: nil, ErrBroken with its cause, or that the disk is full.
func (s *Store) Health() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return fmt.Errorf("%w: %w", ErrBroken, s.broken)
	}
	if s.full {
		return errors.New("journal: the disk is full; make room and start kioskd again")
	}
	return nil
}

// slowForget is how long a slow commit counts: when nothing is offered because of it nobody writes, and only a try tells whether the disk is well again.
const slowForget = time.Minute

// Slow is how long the disk takes to make a record last: as long as it took the last time, or as it is taking now. What takes money
// must not begin when that is too long.
func (s *Store) Slow() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.began.IsZero():
		return max(s.took, time.Since(s.began))
	case time.Since(s.lastWrite) > slowForget:
		return 0
	}
	return s.took
}

// Broken is closed when the journal breaks: nothing is written down any more.
func (s *Store) Broken() <-chan struct{} { return s.broke }

// Watch ends with an error when the journal breaks, which can happen while nobody appends, and with ctx.
func (s *Store) Watch(ctx context.Context) error {
	select {
	case <-s.broke:
		return s.Health()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// breaks ends all writing, for the first reason that is told. It is called with the lock held.
func (s *Store) breaks(err error) {
	if s.broken == nil {
		s.broken = err
		close(s.broke)
	}
}
