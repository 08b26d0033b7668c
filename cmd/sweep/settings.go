package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"yichuang/kiosk/sqlite"
	"yichuang/kiosk/store/cutdisk"
)

// settings are what decides whether a commit is on the disk.
type settings struct {
	mode, locking              string
	synchronous, page, autoWAL int
}

// settings reads how the product opens its journal, on a real disk and on one whose power can be cut, and refuses to
// go on where they differ: then the sweep would say nothing about the product.
func (r *result) settings(dir string) error {
	real, err := settingsOf(context.Background(), filepath.Join(dir, "real"))
	if err != nil {
		return err
	}
	unmount := cutdisk.New().Mount(filepath.Join(dir, "cut"))
	defer unmount()
	cut, err := settingsOf(cutdisk.Context(context.Background()), filepath.Join(dir, "cut"))
	if err != nil {
		return err
	}
	if real != cut {
		return fmt.Errorf("the product's journal is opened as %+v, the sweep's as %+v", real, cut)
	}
	r.JournalMode, r.PageSize, r.Checkpoint = cut.mode, cut.page, cut.autoWAL
	r.Synchronous = [...]string{"OFF", "NORMAL", "FULL", "EXTRA"}[cut.synchronous]
	return nil
}

func settingsOf(ctx context.Context, dir string) (s settings, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	db, err := sqlite.OpenExclusive(ctx, filepath.Join(dir, "journal.db"), nil)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for pragma, into := range map[string]any{"journal_mode": &s.mode, "locking_mode": &s.locking, "synchronous": &s.synchronous, "page_size": &s.page, "wal_autocheckpoint": &s.autoWAL} {
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(into); err != nil {
			return s, fmt.Errorf("%s: %w", pragma, err)
		}
	}
	return s, nil
}
