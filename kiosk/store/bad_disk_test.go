package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/psanford/sqlite3vfs"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store/cutdisk"
)

// A disk that fails while a journal is begun: there is none then, and it is begun anew once the disk is mended.
func TestDiskThatFailsAtTheBeginning(t *testing.T) {
	ops := 0
	for reached := true; reached; ops++ {
		synctest.Test(t, func(t *testing.T) { reached = failsAtTheBeginning(t, ops+1) }) // the migrations are tried again after seconds
	}
	if ops < 30 {
		t.Errorf("a journal was begun with only %d operations of the disk", ops-1)
	}
}

// failsAtTheBeginning begins a journal while the n-th operation of the disk and all after it fail.
func failsAtTheBeginning(t *testing.T, n int) (reached bool) {
	dir, disk := t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	ops := 0
	disk.Before(func(cutdisk.Op) error {
		if ops++; ops >= n {
			reached = true
			return sqlite3vfs.IOError
		}
		return nil
	})
	s, err := Open(cutdisk.Context(context.Background()), dir, "T1")
	during := reached // closing works on the disk too
	switch {
	case err == nil:
		s.Close()
		if during {
			t.Errorf("operation %d fails: got a journal", n)
		}
	case !strings.HasPrefix(err.Error(), "journal: "):
		t.Errorf("operation %d fails: got %v, want the journal's error", n, err)
	}
	disk.Before(nil)
	s = onDisk(t, dir, disk)
	if err := s.Append(context.Background(), opened("a")); err != nil {
		t.Errorf("operation %d failed, and the disk is mended: %v", n, err)
	}
	s.Close()
	return during
}

// A journal whose chain holds and whose content cannot be is evidence too: it is not opened, and nothing is
// written to it or to its twin.
func TestJournalThatCannotFollow(t *testing.T) {
	ctx := context.Background()
	tests := map[string]struct {
		spoil func(r *casefile.Record)
		want  string
	}{
		"a note that was never held": {func(r *casefile.Record) {
			r.Kind, r.Header = casefile.NoteStacked, []byte(`{"note":1,"face_fen":100,"currency":"CNY"}`)
		}, "journal: apply note.stacked (event 2): note 1 is not on its way"},
		"a header that is none": {func(r *casefile.Record) { r.Header = []byte(`{"visit":5}`) }, "journal: decode visit.ended: "},
		"a record is missing":   {func(r *casefile.Record) { r.Seq = 3 }, "journal: record 3: expected record 2"},
		"another chain":         {func(r *casefile.Record) { r.Prev = r.Prev[1:] + "0" }, "journal: record 2: does not follow the one before it"},
		"nothing wrong":         {func(*casefile.Record) {}, ""},
	}
	for name, tt := range tests {
		dir := t.TempDir()
		s := filledStore(t, dir, 1)
		_, head := s.Head()
		r := casefile.Record{Terminal: "T1", Epoch: s.Epoch(), Seq: 2, Time: "2026-11-20T16:00:00+08:00", Quality: "synced", Kind: casefile.VisitEnded, Header: []byte("{}"), Prev: head}
		tt.spoil(&r)
		r.Hash = r.Sum()
		if err := s.put(ctx, []casefile.Record{r}); err != nil {
			t.Fatal(err)
		}
		s.Close()
		twin := read(t, filepath.Join(dir, "twin.jsonl"))
		for range 2 { // it is tried again and again, and each time this must be heard, not that somebody has it open
			again, err := Open(ctx, dir, "T1")
			if err == nil {
				again.Close()
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("%s: got %v, want %q", name, err, tt.want)
			}
		}
		if tt.want == "" {
			continue
		}
		if got := read(t, filepath.Join(dir, "twin.jsonl")); !bytes.Equal(got, twin) {
			t.Errorf("%s: the twin has become %s, was %s", name, got, twin)
		}
	}
}

// Nothing is kept beside a record that the disk has refused, though it would take it: a mark would count that record.
func TestNothingIsKeptBehindARefusedRecord(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			return sqlite3vfs.IOError
		}
		return nil
	})
	if err := s.Append(ctx, opened("a")); err == nil {
		t.Error("a failed disk takes a record")
	}
	disk.Before(nil)
	for range 2 { // and the turn is passed on
		if err := s.Keep(ctx, map[string][]byte{"mark": []byte("2")}); !errors.Is(err, ErrBroken) {
			t.Errorf("got %v, want %v", err, ErrBroken)
		}
	}
	s.Close()
	s = onDisk(t, dir, disk)
	defer s.Close()
	if kept, err := s.Kept(ctx, "mark"); kept != nil || err != nil {
		t.Errorf("kept: %q, %v", kept, err)
	}
}

// What stands beside the journal is kept whole or not at all.
func TestDiskThatFailsUnderWhatIsKept(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	if err := s.Keep(ctx, map[string][]byte{"x": []byte("1"), "y": []byte("1")}); err != nil {
		t.Fatal(err)
	}
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			return sqlite3vfs.IOError
		}
		return nil
	})
	if err := s.Keep(ctx, map[string][]byte{"x": []byte("2"), "y": []byte("2")}); err == nil || !strings.HasPrefix(err.Error(), "journal: ") {
		t.Errorf("got %v, want the journal's error", err)
	}
	disk.Before(nil)
	s.Close()
	s = onDisk(t, dir, disk)
	defer s.Close()
	for _, name := range []string{"x", "y"} {
		if got, err := s.Kept(ctx, name); err != nil || string(got) != "1" {
			t.Errorf("%s: got %q (%v), want 1", name, got, err)
		}
	}
}

// A table that is gone breaks the store whether one record is written or several.
func TestDatabaseThatIsSpoiled(t *testing.T) {
	ctx := context.Background()
	for name, entries := range map[string][]Entry{"one": {opened("a")}, "two": {opened("a"), opened("b")}} {
		s := open(t, t.TempDir())
		if _, err := s.db.Exec("DROP TABLE journal"); err != nil {
			t.Fatal(err)
		}
		err := s.Append(ctx, entries...)
		if !errors.Is(err, ErrBroken) || !strings.HasPrefix(err.Error(), ErrBroken.Error()+": ") || !strings.Contains(err.Error(), "journal") {
			t.Errorf("%s: got %v, want ErrBroken and why", name, err)
		}
		if err := s.Append(ctx, entries...); !errors.Is(err, ErrBroken) {
			t.Errorf("%s, afterwards: got %v, want ErrBroken", name, err)
		}
		if _, err := s.Read(ctx, 0, 0); err == nil || !strings.HasPrefix(err.Error(), "journal: ") {
			t.Errorf("%s: read: got %v, want the journal's error", name, err)
		}
		if err := s.Export(ctx, &bytes.Buffer{}); err == nil || !strings.HasPrefix(err.Error(), "journal: ") {
			t.Errorf("%s: export: got %v, want the journal's error", name, err)
		}
		s.Close()
		for range 2 {
			if again, err := Open(ctx, s.dir, "T1"); err == nil || err.Error() != "journal: no such table: journal" {
				t.Errorf("%s, opened again: got %v, want what is missing", name, err)
				if err == nil {
					again.Close()
				}
			}
		}
	}
}

// A journal whose owner cannot be read is not taken for a new one.
func TestJournalWithoutAnOwner(t *testing.T) {
	dir := t.TempDir()
	s := filledStore(t, dir, 2)
	if _, err := s.db.Exec("DROP TABLE kept"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for range 2 {
		if again, err := Open(context.Background(), dir, "T1"); fmt.Sprint(err) != "journal: terminal: no such table: kept" {
			t.Errorf("got %v, want what is missing", err)
			if err == nil {
				again.Close()
			}
		}
	}
}

// A journal that can be read and cannot be written on is found at the start, not at the first note.
func TestJournalThatCannotBeWrittenOn(t *testing.T) {
	dir := t.TempDir()
	s := filledStore(t, dir, 2)
	if _, err := s.db.Exec("ALTER TABLE journal RENAME TO pages; CREATE VIEW journal AS SELECT * FROM pages"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for range 2 {
		if again, err := Open(context.Background(), dir, "T1"); fmt.Sprint(err) != "journal: cannot modify journal because it is a view" {
			t.Errorf("got %v, want why it cannot be written", err)
			if err == nil {
				again.Close()
			}
		}
	}
}

// Whoever is told to stop while he appends has his events written all the same: only so he knows that they stand.
func TestCallerThatIsToldToStop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := open(t, t.TempDir())
	defer s.Close()
	if err := errors.Join(s.Append(ctx, opened("a")), s.Append(ctx, opened("b"), opened("c"))); err != nil {
		t.Error(err)
	}
	if got, err := s.Read(context.Background(), 0, 0); err != nil || len(got) != 3 {
		t.Errorf("got %d records (%v), want 3", len(got), err)
	}
	if _, err := s.Read(ctx, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("read: got %v, want that it was stopped", err)
	}
	if err := s.Keep(ctx, map[string][]byte{"x": nil}); !errors.Is(err, context.Canceled) {
		t.Errorf("keep: got %v, want that it was stopped", err)
	}
}

// Whoever is told to stop while he reads hears that, and does not take what he has for the whole.
func TestReaderThatIsToldToStop(t *testing.T) {
	s := filledStore(t, t.TempDir(), 300)
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	err := s.each(ctx, 0, 0, func(casefile.Record) error {
		n++
		cancel()
		return nil
	})
	if n == 0 || n == 300 || fmt.Sprint(err) != "journal: context canceled" {
		t.Errorf("got %d records (%v), want some of the 300 and that it was stopped", n, err)
	}
}

// A terminal that starts on a full disk has no ballast: it says so, writes while it can, and leaves no half of a
// ballast behind.
func TestStartOnAFullDisk(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	path := filepath.Join(dir, "ballast")
	if err := os.Symlink("/dev/full", path); err != nil { // each write to it finds no room
		t.Fatal(err)
	}
	s := onDisk(t, dir, disk)
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ballast: got %v, want none", err)
	}
	if err := s.Health(); fmt.Sprint(err) != "journal: the disk is full; make room and start kioskd again" {
		t.Errorf("health: got %v, want that the disk is full", err)
	}
	if err := s.Append(ctx, opened("a")); err != nil {
		t.Errorf("got %v, want it written: there is room in the database", err)
	}
	tries := 0
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			tries++
			return sqlite3vfs.FullError
		}
		return nil
	})
	if err := s.Append(ctx, opened("b")); !errors.Is(err, ErrBroken) || tries != 1 {
		t.Errorf("got %v after %d tries, want ErrBroken after one: there is no ballast to give up", err, tries)
	}
	disk.Before(nil)
	s.Close()
	s = onDisk(t, dir, disk)
	defer s.Close()
	if info, err := os.Stat(path); err != nil || info.Size() != BallastSize || s.Health() != nil || cases(s) != 1 {
		t.Errorf("with room again: ballast %v (%v), health %v, %d cases; want it whole, none, 1", info, err, s.Health(), cases(s))
	}
}
