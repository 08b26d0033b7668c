package hallstore

import (
	"context"
	"errors"
	"fmt"

	"yichuang/kiosk/sqlite"
)

// SQLite writes commits to the end of its log, and moves the log's pages into the database file later. Left alone it does so inside of each
// commit that makes the log a thousand pages long: of a terminal that hands in the queue of three days, every second batch then
// takes four times as long. So the hall moves the log when it has nothing else to do.
const (
	// logPages are worth moving in a quiet moment: a megabyte.
	logPages = 256
	// logMax bounds the log at about 64 MiB: fourteen thousand records with a sealed part of 2 KiB, more than a terminal has to hand in after
	// a month. A rush that goes on behind it meets the moving of the whole, a tenth of a second, which is still less work than moving its parts.
	logMax = 16384
)

// MoveLog moves the write-ahead log into the database when it has grown, as far as no other program reads. It is for a moment when nobody
// waits for the database.
func (s *Store) MoveLog(ctx context.Context) error {
	pages, err := sqlite.LogPages(ctx, s.db)
	if err == nil && pages >= logPages {
		err = sqlite.Checkpoint(ctx, s.db)
	}
	if err != nil && !errors.Is(err, sqlite.ErrInUse) {
		return fmt.Errorf("hall store: %w", err)
	}
	return nil
}
