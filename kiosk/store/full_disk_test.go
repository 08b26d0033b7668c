package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/psanford/sqlite3vfs"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/sqlite"
	"yichuang/kiosk/store/cutdisk"
)

// onDisk opens a journal on a disk of the test's own.
func onDisk(t *testing.T, dir string, disk *cutdisk.Disk) *Store {
	t.Helper()
	s, err := Open(cutdisk.Context(context.Background()), dir, "T1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cases(s *Store) (n int) {
	s.Book(func(b *casefile.Book) { n = len(b.Cases) })
	return n
}

// A mark of money is among the last words though it is no record, and a catalogue is not.
func TestFullDiskKeepsMarks(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	ballast := filepath.Join(dir, "ballast")
	disk.Before(func(op cutdisk.Op) error {
		if _, err := os.Stat(ballast); op.Kind == cutdisk.Sync && err == nil {
			return sqlite3vfs.FullError
		}
		return nil
	})
	if err := s.Keep(ctx, map[string][]byte{"catalogue": make([]byte, 2*sqlite.PageSize)}); !sqlite.IsFull(err) || s.Health() != nil {
		t.Errorf("a catalogue: got %v, health %v; want it refused and the ballast there", err, s.Health())
	}
	if err := s.Keep(ctx, map[string][]byte{"mark": []byte("1")}); err != nil || s.Health() == nil {
		t.Errorf("a mark: got %v, health %v; want it kept and a full disk", err, s.Health())
	}
	if kept, err := s.Kept(ctx, "mark"); string(kept) != "1" || err != nil {
		t.Errorf("kept: %q, %v", kept, err)
	}
}

// The last words can always be written: on a full disk the ballast is given up, once.
func TestFullDiskTakesTheBallast(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	ballast := filepath.Join(dir, "ballast")
	if info, err := os.Stat(ballast); err != nil || info.Size() != BallastSize {
		t.Fatalf("ballast: got %v (%v), want it whole", info, err)
	}
	full := true
	disk.Before(func(op cutdisk.Op) error {
		if _, err := os.Stat(ballast); op.Kind == cutdisk.Sync && full && err == nil {
			return sqlite3vfs.FullError
		}
		return nil
	})
	if err := s.Health(); err != nil {
		t.Errorf("before: got %v, want health", err)
	}
	if err := s.Append(ctx, opened("a")); err != nil {
		t.Errorf("the last words: %v", err)
	}
	if _, err := os.Stat(ballast); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("ballast: got %v, want it given up", err)
	}
	if err := s.Health(); err == nil || errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "full") {
		t.Errorf("health: got %v, want that the disk is full", err)
	}
	if err := s.Append(ctx, opened("b")); err != nil {
		t.Errorf("after them: %v", err)
	}
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			return sqlite3vfs.FullError
		}
		return nil
	})
	if err := s.Append(ctx, opened("c")); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "full") {
		t.Errorf("full once more: got %v, want ErrBroken that says so", err)
	}
	disk.Before(nil)
	if err := s.Append(ctx, opened("d")); !errors.Is(err, ErrBroken) {
		t.Errorf("a broken store was written: %v", err)
	}
	s.Close()
	s = onDisk(t, dir, disk)
	defer s.Close()
	if got := cases(s); got != 2 || s.Health() != nil {
		t.Errorf("after a new start: got %d cases, health %v; want 2 and none", got, s.Health())
	}
	if info, err := os.Stat(ballast); err != nil || info.Size() != BallastSize {
		t.Errorf("ballast after a new start: got %v (%v), want it whole", info, err)
	}
}

// What the ballast has left is enough for a long visit to come to its end: the log does not take it all.
func TestBallastIsEnoughForAVisit(t *testing.T) {
	const records = 1000
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	defer s.Close()
	given := func() bool {
		_, err := os.Stat(filepath.Join(dir, "ballast"))
		return err != nil
	}
	size := disk.Size()
	disk.Room(func() int64 {
		if given() {
			return size + BallastSize
		}
		return size
	})
	for n := range records {
		if err := s.Append(ctx, opened(fmt.Sprint("case ", n))); err != nil {
			t.Fatalf("after %d records on a full disk: %v", n, err)
		}
	}
	if !given() || s.Health() == nil {
		t.Errorf("ballast given up: %v, health: %v; want a full disk", given(), s.Health())
	}
}

// A ballast of another size is laid down anew.
func TestBallastIsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ballast")
	if err := os.WriteFile(path, make([]byte, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
	if info, err := os.Stat(path); err != nil || info.Size() != BallastSize {
		t.Errorf("got %v (%v), want it whole", info, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(context.Background(), dir, "T1"); err == nil || !strings.HasPrefix(err.Error(), "journal: ballast: ") {
		t.Errorf("a ballast that cannot be: got %v, want an error", err)
		if err == nil {
			s.Close()
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	open(t, dir).Close()
}

// A failed fsync is not tried again: nobody knows what the disk holds.
func TestFailedSyncBreaksTheStore(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	if err := s.Append(ctx, opened("a")); err != nil {
		t.Fatal(err)
	}
	tries := 0
	disk.Before(func(op cutdisk.Op) error {
		if op.Kind == cutdisk.Sync {
			tries++
			return sqlite3vfs.IOError
		}
		return nil
	})
	changed := s.Appended()
	if err := s.Append(ctx, opened("b")); !errors.Is(err, ErrBroken) {
		t.Errorf("got %v, want ErrBroken", err)
	}
	first := tries
	if err := s.Append(ctx, opened("c")); !errors.Is(err, ErrBroken) || first == 0 || tries != first {
		t.Errorf("afterwards: got %v with %d more syncs, want ErrBroken with none", err, tries-first)
	}
	if err := s.Health(); !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "disk I/O") {
		t.Errorf("health: got %v, want the cause", err)
	}
	select {
	case <-changed:
		t.Error("a failed commit was announced")
	default:
	}
	if _, err := os.Stat(filepath.Join(dir, "ballast")); err != nil {
		t.Errorf("the ballast went for nothing: %v", err)
	}
	s.Close()
}

// A half of a request never stands: the second event cannot follow, so that the first is not written.
func TestRequestIsWholeOrNothing(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	if err := s.Append(ctx, opened("a"), opened("a")); err == nil || errors.Is(err, ErrBroken) {
		t.Errorf("got %v, want what is wrong with it", err)
	}
	if err := s.Append(ctx, opened("b")); !errors.Is(err, ErrBroken) {
		t.Errorf("afterwards: got %v, want ErrBroken: the book is not the journal's any more", err)
	}
	s.Close()
	s = open(t, dir)
	defer s.Close()
	if got := cases(s); got != 0 {
		t.Errorf("got %d cases, want none", got)
	}
	if err := s.Append(ctx); err != nil {
		t.Errorf("nothing to append: %v", err)
	}
}
