package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/psanford/sqlite3vfs"

	"yichuang/kiosk/sqlite"
	"yichuang/kiosk/store/cutdisk"
)

// movedTo counts the writes to the database file, which come from checkpoints alone.
func movedTo(disk *cutdisk.Disk) *atomic.Int64 {
	var n atomic.Int64
	disk.Before(func(op cutdisk.Op) error {
		if op.Name == "journal.db" && op.Kind == cutdisk.Write {
			n.Add(1)
		}
		return nil
	})
	return &n
}

func logPages(t *testing.T, s *Store) int {
	t.Helper()
	n, err := sqlite.LogPages(context.Background(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// big is something large that is kept; another one each time, for SQLite does not write what is there already.
func big(i int) map[string][]byte {
	return map[string][]byte{"x": bytes.Repeat([]byte{byte(i)}, 60<<10)}
}

// fill makes the log at least so long.
func fill(t *testing.T, s *Store, pages int) {
	t.Helper()
	for i := 0; logPages(t, s) < pages; i++ {
		if err := s.Keep(context.Background(), big(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogIsMovedWhenNobodyWrites(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
		moved := movedTo(disk)
		fill(t, s, checkpointPages)
		for i := range 5 { // a person who pays note by note
			time.Sleep(1900 * time.Millisecond) // virtual
			synctest.Wait()
			if err := s.Append(context.Background(), opened(fmt.Sprint(i))); err != nil || moved.Load() > 0 {
				t.Fatalf("note %d: got %v and %d pages moved, want none while somebody writes", i, err, moved.Load())
			}
		}
		time.Sleep(2400 * time.Millisecond) // virtual
		synctest.Wait()
		if moved.Load() == 0 || logPages(t, s) != 0 {
			t.Errorf("in a quiet moment: got %d pages moved and %d left, want all moved", moved.Load(), logPages(t, s))
		}
		before := moved.Load()
		for i := range 5 {
			if err := s.Append(context.Background(), opened(fmt.Sprint("again", i))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // virtual
			synctest.Wait()
		}
		if moved.Load() != before {
			t.Errorf("got %d pages moved of a log of %d, want none: it is short", moved.Load()-before, logPages(t, s))
		}
	})
}

// Under a load that never ends the log has an end all the same, and whatever is written, records or what is kept, counts.
func TestLogIsBounded(t *testing.T) {
	ctx, dir, disk := context.Background(), t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	defer s.Close()
	moved := movedTo(disk)
	longest := 0
	for i := range 300 {
		if err := s.Keep(ctx, big(i)); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(ctx, opened(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, logPages(t, s))
		if moved.Load() > 0 && longest < checkpointMax {
			t.Fatalf("moved a log of %d pages while somebody writes, want none under %d", longest, checkpointMax)
		}
	}
	if moved.Load() == 0 || longest > checkpointMax+300 {
		t.Errorf("got a log of %d pages, want it moved when it has %d, and not 300 more", longest, checkpointMax)
	}
	s.mu.Lock()
	s.alone() // after a checkpoint that may be at work
	s.next()
	s.mu.Unlock()
}

// A disk that is full when the log is moved loses nothing: services close, what is begun can still be written, and the ballast is there for that.
func TestFullDiskUnderACheckpoint(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
		disk.Before(func(op cutdisk.Op) error {
			if op.Name == "journal.db" && op.Kind == cutdisk.Sync {
				return sqlite3vfs.FullError
			}
			return nil
		})
		fill(t, s, checkpointPages)
		time.Sleep(time.Minute) // virtual
		synctest.Wait()
		if err := s.Health(); err == nil || errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "full") {
			t.Errorf("health: got %v, want that the disk is full", err)
		}
		if logPages(t, s) == 0 {
			t.Error("nothing is in the log, which could not be moved")
		}
		if _, err := os.Stat(filepath.Join(s.dir, "ballast")); err != nil {
			t.Errorf("the ballast went for pages that are safe where they are: %v", err)
		}
		if err := s.Append(context.Background(), opened("a")); err != nil {
			t.Errorf("the last words: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		disk.Before(nil)
		again := onDisk(t, s.dir, disk)
		defer again.Close()
		if cases(again) != 1 || again.Health() != nil {
			t.Errorf("with room again: got %d cases and health %v, want 1 and none", cases(again), again.Health())
		}
	})
}

// A disk that fails when the log is moved ends the program although nobody writes: a new start reads what is there.
func TestFaultUnderACheckpoint(t *testing.T) {
	for _, kind := range []cutdisk.Kind{cutdisk.Write, cutdisk.Sync} {
		running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
			ended := make(chan error, 1)
			go func() { ended <- s.Watch(context.Background()) }()
			if err := s.Append(context.Background(), opened("a")); err != nil {
				t.Fatal(err)
			}
			fill(t, s, checkpointPages)
			tries := 0
			disk.Before(func(op cutdisk.Op) error {
				if op.Name == "journal.db" && op.Kind == kind {
					tries++
					return sqlite3vfs.IOError
				}
				return nil
			})
			if err := <-ended; !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "checkpoint: disk I/O error") {
				t.Errorf("%s fails: got %v, want ErrBroken and why", kind, err)
			}
			if err := s.Append(context.Background(), opened("b")); !errors.Is(err, ErrBroken) || tries != 1 {
				t.Errorf("%s fails: then got %v after %d tries, want ErrBroken after one", kind, err, tries)
			}
			disk.Before(nil)
			s.Close()
			again := onDisk(t, s.dir, disk)
			defer again.Close()
			if cases(again) != 1 {
				t.Errorf("%s fails: got %d cases after a new start, want 1", kind, cases(again))
			}
		})
	}
}

// A fault at the last checkpoint is told.
func TestFaultWhenTheJournalIsClosed(t *testing.T) {
	dir, disk := t.TempDir(), cutdisk.New()
	defer disk.Mount(dir)()
	s := onDisk(t, dir, disk)
	disk.Before(func(op cutdisk.Op) error {
		if op.Name == "journal.db" {
			return sqlite3vfs.IOError
		}
		return nil
	})
	if err := s.Close(); err == nil || !strings.HasPrefix(err.Error(), "checkpoint: disk I/O error") {
		t.Errorf("got %v, want what failed", err)
	}
}

// Watch is silent about a journal that is well.
func TestWatchEndsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Watch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was stopped", err)
	}
}

// Whoever comes while the log is moved waits, and is written.
func TestWriterWhoComesDuringACheckpoint(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, _ string) {
		fill(t, s, checkpointPages)
		inside, release := make(chan bool), make(chan bool)
		first := true
		disk.Before(func(op cutdisk.Op) error {
			if op.Name == "journal.db" && first {
				first = false
				close(inside)
				<-release
			}
			return nil
		})
		<-inside // the quiet moment has come
		var errs [2]error
		done := make(chan bool)
		go func() { errs[0] = s.Append(context.Background(), opened("a")); done <- true }()
		go func() { errs[1] = s.Keep(context.Background(), map[string][]byte{"y": []byte("1")}); done <- true }()
		synctest.Wait()
		if got := s.Health(); got != nil {
			t.Errorf("health: got %v, and nobody must wait for it", got)
		}
		s.mu.Lock()
		waiting := len(s.pending)
		s.mu.Unlock()
		if waiting != 2 {
			t.Errorf("%d wait for their turn, want 2: two who write at once meet in the database", waiting)
		}
		close(release)
		<-done
		<-done
		if errs[0] != nil || errs[1] != nil || cases(s) != 1 {
			t.Errorf("got %v and %d cases, want both written", errs, cases(s))
		}
	})
}
