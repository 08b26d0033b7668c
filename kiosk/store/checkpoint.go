package store

import (
	"context"
	"fmt"
	"math"
	"time"

	"yichuang/kiosk/sqlite"
)

// SQLite writes a commit to the end of its log and moves the log's pages into the database file later: a checkpoint. Left
// alone it does so inside the commit that makes the log a thousand pages long, and whoever happens to write then waits for it. So
// the journal moves them itself: when nobody has written for a while, or, because a log must have an end, between two commits
// when it has grown too long.
const (
	// checkpointPages are worth moving in a quiet moment: a megabyte, some visits.
	checkpointPages = 128
	// checkpointQuiet is how long nobody must have written: a person at the screen is slower than that only when reading.
	checkpointQuiet = 2 * time.Second
	// checkpointMax bounds the log at about 16 MiB beside what is written between two looks. Moving it takes as long as fifty commits, and
	// one record in two hundred meets it under a load of eight writers that never ends.
	checkpointMax = 2000
	// checkpointLook is after about how many pages the log's length is asked for: the question has a goroutine and a statement of its own.
	checkpointLook = 200
	// checkpointFull bounds the log on a full disk, so that it does not take what the ballast has left: a log that was moved is written again from its beginning.
	checkpointFull = 16
	// checkpointFits is how many pages are moved at most on a full disk. More of them may find no room in the database, and take it from the last words.
	checkpointFits = BallastSize / sqlite.PageSize / 2
)

// logMax is how many pages the log may have, and after about how many more its length is asked for. It is called with the lock held.
func (s *Store) logMax() (pages, look int) {
	if s.full {
		return checkpointFull, checkpointFull
	}
	return checkpointMax, checkpointLook
}

// wrote is called with the lock held after each write of about so many pages.
func (s *Store) wrote(pages int) {
	s.unseen += pages
	s.lastWrite = time.Now()
	if s.quietTimer == nil {
		s.quietTimer = time.AfterFunc(checkpointQuiet, s.quiet)
	}
}

// quiet moves the log when nobody has written since the timer was set, and else sets it anew.
func (s *Store) quiet() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quietTimer = nil
	wait := checkpointQuiet - time.Since(s.lastWrite)
	switch {
	case s.broken != nil:
	case s.writing || wait > 0:
		s.quietTimer = time.AfterFunc(max(wait, checkpointQuiet/10), s.quiet)
	default:
		s.alone()
		most, _ := s.logMax()
		s.checkpoint(min(checkpointPages, most))
		s.next()
	}
}

// due says that somebody must look whether the log is too long.
func (s *Store) due() bool {
	if _, look := s.logMax(); s.unseen < look || s.broken != nil {
		return false
	}
	s.unseen = 0
	return true
}

// checkpoint moves the log when it has at least so many pages. It is called with the lock held by whoever has the turn to write,
// and lets go of the lock while the disk works.
func (s *Store) checkpoint(least int) {
	most := math.MaxInt
	if s.full {
		most = checkpointFits
	}
	s.mu.Unlock()
	err := s.move(least, most)
	s.mu.Lock()
	switch {
	case err == nil:
	case sqlite.IsFull(err):
		s.full = true // nothing is lost: what could not be moved stands in the log. The ballast is for the last words
	default:
		s.breaks(fmt.Errorf("checkpoint: %w", err))
	}
}

func (s *Store) move(least, most int) error {
	ctx := context.Background()
	if pages, err := sqlite.LogPages(ctx, s.db); err != nil || pages < least || pages > most {
		return err
	}
	return sqlite.Checkpoint(ctx, s.db)
}
