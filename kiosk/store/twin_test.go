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
	"time"

	"yichuang/kiosk/casefile"
	"yichuang/kiosk/store/cutdisk"
)

// running tells a story of a journal whose program goes on, in virtual time. path is its twin.
func running(t *testing.T, tell func(s *Store, disk *cutdisk.Disk, path string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir, disk := t.TempDir(), cutdisk.New()
		defer disk.Mount(dir)()
		s := onDisk(t, dir, disk)
		defer s.Close() // what it says is the story's
		tell(s, disk, filepath.Join(dir, "twin.jsonl"))
	})
}

func lines(t *testing.T, path string) int { return bytes.Count(read(t, path), []byte{'\n'}) }

// When the computer is stolen the twin on its disk has all but the last tenth of a second, though nobody closed it.
func TestTwinIsWrittenWhileTheProgramRuns(t *testing.T) {
	running(t, func(s *Store, _ *cutdisk.Disk, path string) {
		want := 0
		for round := range 3 {
			for i := range 4 {
				if err := s.Append(context.Background(), opened(fmt.Sprint(round, i)), opened(fmt.Sprint(round, i, "b"))); err != nil {
					t.Fatal(err)
				}
				if got := lines(t, path); got != want {
					t.Errorf("round %d: got %d lines at once, want the %d of before: nobody waits for the twin", round+1, got, want)
				}
			}
			want += 8
			time.Sleep(100 * time.Millisecond) // virtual
			synctest.Wait()
			if got := lines(t, path); got != want {
				t.Errorf("round %d: got %d lines after 100 ms, want %d", round+1, got, want)
			}
		}
	})
}

// A twin that cannot be written is a fault of the disk: the store stops with the next record, as for any other.
func TestTwinThatCannotBeWritten(t *testing.T) {
	running(t, func(s *Store, _ *cutdisk.Disk, path string) {
		ctx := context.Background()
		s.twin.file.Close()
		if err := s.Append(ctx, opened("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		err := s.Append(ctx, opened("b"))
		if !errors.Is(err, ErrBroken) || !strings.HasPrefix(err.Error(), ErrBroken.Error()+": journal: twin: ") {
			t.Errorf("got %v, want ErrBroken because of the twin", err)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		if err := s.Append(ctx, opened("c")); !errors.Is(err, ErrBroken) || !errors.Is(s.Health(), ErrBroken) {
			t.Errorf("afterwards: got %v and health %v, want ErrBroken", err, s.Health())
		}
		if got := cases(s); got != 2 {
			t.Errorf("got %d cases, want 2: what is committed stands", got)
		}
	})
}

// A write that failed is not followed by another one: a line that is missing in the middle could not be seen.
func TestTwinIsNotWrittenOnAfterAFault(t *testing.T) {
	running(t, func(s *Store, _ *cutdisk.Disk, path string) {
		whole := s.twin.file
		readOnly, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer readOnly.Close()
		s.twin.file = readOnly
		if err := s.Append(context.Background(), opened("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // virtual
		synctest.Wait()
		s.twin.file = whole
		if err := s.Append(context.Background(), opened("b")); !errors.Is(err, ErrBroken) {
			t.Errorf("got %v, want ErrBroken", err)
		}
		if err := s.Close(); err == nil || !strings.HasPrefix(err.Error(), "journal: twin: ") {
			t.Errorf("close: got %v, want what the twin lacks", err)
		}
		if got := read(t, path); len(got) != 0 {
			t.Errorf("got %s, want nothing behind the line that is missing", got)
		}
	})
}

// A twin that finds no room does not stop the terminal: the database has the record, and the next start
// completes the twin.
func TestTwinOnAFullDisk(t *testing.T) {
	running(t, func(s *Store, disk *cutdisk.Disk, path string) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0) // each write to it finds no room
		if err != nil {
			t.Fatal(err)
		}
		s.twin.file.Close()
		s.twin.file = full
		for _, id := range []string{"a", "b"} {
			if err := s.Append(context.Background(), opened(id)); err != nil {
				t.Errorf("append %s: %v", id, err)
			}
			time.Sleep(time.Second) // virtual
			synctest.Wait()
		}
		if err := s.Health(); err != nil {
			t.Errorf("health: got %v, want none", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := full.Stat(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("after close: got %v, want the file closed", err)
		}
		if got := lines(t, path); got != 0 {
			t.Errorf("got %d lines, want none yet", got)
		}
		onDisk(t, s.dir, disk).Close()
		if got := lines(t, path); got != 2 {
			t.Errorf("after a new start: got %d lines, want 2", got)
		}
	})
}

// The twin is read by hand and by other programs, years later: a line is as it is.
func TestLineOfTheTwin(t *testing.T) {
	r := casefile.Record{Terminal: "T1", Epoch: "e", Seq: 7, Time: "2026-11-20T16:00:00+08:00", Quality: "synced", Case: "a", Kind: casefile.CaseOpened,
		Header: []byte(`{"service":"pay.water"}`), Sealed: []byte("x"), SealSum: "s", Prev: "p", Hash: "h"}
	const want = `{"terminal":"T1","epoch":"e","seq":7,"time":"2026-11-20T16:00:00+08:00","quality":"synced","case":"a","kind":"case.opened","header":{"service":"pay.water"},"sealed_sha256":"s","prev":"p","hash":"h"}` + "\n"
	var out bytes.Buffer
	if n, err := writeLines(&out, []casefile.Line{r.Line(), r.Line()}); err != nil || out.String() != want+want || n != int64(len(want+want)) {
		t.Errorf("got %s (%v), want twice %s", out.String(), err, want)
	}
	r.Header = []byte("{")
	if _, err := writeLines(&out, []casefile.Line{r.Line()}); err == nil || !strings.HasPrefix(err.Error(), "journal: twin: ") {
		t.Errorf("a header that is none: got %v, want an error", err)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// What lies in the twin's place and is none: the terminal rests with a sentence that names it, and nothing in it
// says where a file is laid.
func TestTwinThatIsNone(t *testing.T) {
	ctx := context.Background()
	tests := map[string]struct {
		lay  func(dir, path string) error
		want string
	}{
		"a folder":                {func(_, path string) error { return os.Mkdir(path, 0o700) }, "journal: open "},
		"a device":                {func(_, path string) error { return os.Symlink("/dev/null", path) }, "journal: twin: truncate "},
		"one that cannot be read": {func(_, path string) error { return os.Symlink("/proc/self/mem", path) }, "journal: twin: read "},
		"another journal's, and its place is taken": {func(dir, path string) error {
			return errors.Join(os.WriteFile(path, []byte(`{"epoch":"../x","seq":1}`+"\n"), 0o600), os.MkdirAll(filepath.Join(dir, "twin-x-1.jsonl", "taken"), 0o700))
		}, "journal: twin: rename "},
		"another journal's": {func(_, path string) error {
			return os.WriteFile(path, []byte(`{"epoch":"../x","seq":1}`+"\n"), 0o600)
		}, ""},
	}
	for name, tt := range tests {
		dir := filepath.Join(t.TempDir(), "state")
		filledStore(t, dir, 1).Close()
		path := filepath.Join(dir, "twin.jsonl")
		if err := errors.Join(os.Remove(path), tt.lay(dir, path)); err != nil {
			t.Fatal(err)
		}
		files := openFiles(t)
		s, err := Open(ctx, dir, "T1")
		if err == nil {
			s.Close()
		}
		if got := openFiles(t); got > files { // it is tried every few seconds, for days
			t.Errorf("%s: got %d open files, were %d", name, got, files)
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
		if tt.want != "" { // once it is gone the next start goes well
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			open(t, dir).Close()
			continue
		}
		if got := string(read(t, filepath.Join(dir, "twin-x-1.jsonl"))); got != `{"epoch":"../x","seq":1}`+"\n" || lines(t, path) != 1 {
			t.Errorf("%s: laid aside: got %s, and %d lines of our own; want it whole, and 1", name, got, lines(t, path))
		}
	}
}
