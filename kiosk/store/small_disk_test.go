package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/kiosk/store/cutdisk"
)

// A file system of 16 MB runs full under a terminal that goes on as long as it may. Nothing that was acknowledged is lost, the ballast buys
// the last words, and with room again everything is as before. Only root may mount one; for others the disk in memory tells the same stories.
func TestRealDiskThatRunsFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
		t.Logf("no file system of its own: %v", err)
		return
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	ctx := context.Background()
	s := open(t, dir)
	s.UseHallKey(bytes.Repeat([]byte{9}, 32))
	acknowledged, afterBallast := 0, 0
	var err error
	for i := 0; err == nil && i < 20000; i++ {
		e := opened(fmt.Sprint(i))
		e.Secret = strings.Repeat("x", 6000)
		full := s.Health() != nil
		if err = s.Append(ctx, e); err == nil {
			acknowledged++
			if full {
				afterBallast++
			}
		}
	}
	if !errors.Is(err, ErrBroken) || !strings.Contains(err.Error(), "full") {
		t.Fatalf("after %d records: got %v, want ErrBroken because the disk is full", acknowledged, err)
	}
	if acknowledged < 300 || afterBallast < 20 {
		t.Errorf("got %d records acknowledged, %d of them after the ballast, want hundreds and some", acknowledged, afterBallast)
	}
	s.Close() // it says that the disk is full
	s = open(t, dir)
	if got := cases(s); got != acknowledged || s.Health() == nil {
		t.Errorf("started on the full disk: got %d cases and health %v, want %d and that it is full", got, s.Health(), acknowledged)
	}
	s.Close()
	// Others take the last byte: the terminal rests, says why, and keeps what it has.
	filler, err := os.Create(filepath.Join(dir, "others"))
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if filler.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if s, err := Open(ctx, dir, "T1"); err == nil {
		if cases(s) != acknowledged || s.Health() == nil {
			t.Errorf("without a byte: got %d cases and health %v, want %d and that it is full", cases(s), s.Health(), acknowledged)
		}
		s.Close()
	} else if !strings.HasPrefix(err.Error(), "journal: ") || !strings.Contains(err.Error(), "full") && !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without a byte: got %v, want that the disk is full", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=32m"); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if err := s.Append(ctx, opened("again")); err != nil || s.Health() != nil || cases(s) != acknowledged+1 {
		t.Errorf("with room again: got %v, health %v and %d cases, want %d", err, s.Health(), cases(s), acknowledged+1)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := lines(t, filepath.Join(dir, "twin.jsonl")); got != acknowledged+1 {
		t.Errorf("the twin has %d lines, want %d", got, acknowledged+1)
	}
}

// A half line that a full disk left is taken back, and with room again the twin goes on where it was.
func TestTwinWithRoomAgain(t *testing.T) {
	running(t, func(s *Store, _ *cutdisk.Disk, path string) {
		ctx := context.Background()
		if err := s.Append(ctx, opened("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		whole := s.twin.file
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer full.Close()
		if _, err := whole.WriteString(`{"half":`); err != nil { // as a disk does that has room for a part
			t.Fatal(err)
		}
		s.twin.file = full
		for _, id := range []string{"b", "c"} {
			if err := s.Append(ctx, opened(id)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // virtual
			synctest.Wait()
		}
		s.twin.file = whole
		s.twin.takeBack()
		if got := string(read(t, path)); strings.Contains(got, "half") || lines(t, path) != 1 {
			t.Errorf("got %s, want the one whole line", got)
		}
		if err := s.Append(ctx, opened("d")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		got := string(read(t, path))
		for i, id := range []string{"a", "b", "c", "d"} {
			if all := strings.Split(got, "\n"); len(all) != 5 || !strings.Contains(all[i], `"case":"`+id+`"`) {
				t.Fatalf("got %s, want four lines, and %s in number %d", got, id, i+1)
			}
		}
	})
}
