package sweep

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"yichuang/kiosk/sqlite"
	"yichuang/kiosk/store/cutdisk"
	"yichuang/sync/hallstore"
)

// settings are what decides whether a commit of a database is on the disk.
type settings struct {
	Mode        string `json:"journal_mode"`
	Locking     string `json:"locking_mode"`
	Synchronous string `json:"synchronous"`
	Page        int    `json:"page_size"`
	Checkpoint  int    `json:"wal_autocheckpoint"`
}

func (s settings) print(to io.Writer, whose string) {
	fmt.Fprintf(to, "%s: journal_mode %s, synchronous %s, pages of %d bytes, checkpoints in commits at %d pages, as the product's\n", whose, s.Mode, s.Synchronous, s.Page, s.Checkpoint)
}

// settings reads how the product opens its databases, on a real disk and on one whose power can be cut, and refuses to
// go on where they differ: then the sweep would say nothing about the product.
func (r *result) settings(dir string) (err error) {
	if r.Journal, err = sameSettings(filepath.Join(dir, "journal"), openJournal); err == nil {
		r.Hall, err = sameSettings(filepath.Join(dir, "hall"), openHall)
	}
	return err
}

// opener opens one of the product's databases in a folder.
type opener func(ctx context.Context, dir string) (*sql.DB, io.Closer, error)

func openJournal(ctx context.Context, dir string) (*sql.DB, io.Closer, error) {
	db, err := sqlite.OpenExclusive(ctx, filepath.Join(dir, "journal.db"), nil)
	return db, db, err
}

func openHall(ctx context.Context, dir string) (*sql.DB, io.Closer, error) {
	s, err := hallstore.Open(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	return s.DB(), s, nil
}

func sameSettings(dir string, open opener) (settings, error) {
	real, err := settingsOf(context.Background(), filepath.Join(dir, "real"), open)
	if err != nil {
		return settings{}, err
	}
	unmount := cutdisk.New().Mount(filepath.Join(dir, "cut"))
	defer unmount()
	cut, err := settingsOf(cutdisk.Context(context.Background()), filepath.Join(dir, "cut"), open)
	if real.Locking == "normal" {
		real.Locking = cut.Locking // such a disk has no memory that programs share, and the hall's other programs are not there
	}
	if err == nil && real != cut {
		err = fmt.Errorf("the product's %s is opened as %+v, the sweep's as %+v", filepath.Base(dir), real, cut)
	}
	return cut, err
}

func settingsOf(ctx context.Context, dir string, open opener) (s settings, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, err
	}
	db, closer, err := open(ctx, dir)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, closer.Close()) }()
	var synchronous int
	for pragma, into := range map[string]any{"journal_mode": &s.Mode, "locking_mode": &s.Locking, "synchronous": &synchronous, "page_size": &s.Page, "wal_autocheckpoint": &s.Checkpoint} {
		if err := db.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(into); err != nil {
			return s, fmt.Errorf("%s: %w", pragma, err)
		}
	}
	s.Synchronous = [...]string{"OFF", "NORMAL", "FULL", "EXTRA"}[synchronous]
	return s, nil
}
