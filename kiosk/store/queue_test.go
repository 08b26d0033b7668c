package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yichuang/kiosk/casefile"
)

// filledStore has n cases in its journal.
func filledStore(t *testing.T, dir string, n int) *Store {
	t.Helper()
	s := open(t, dir)
	s.synced = func() bool { return true } // whatever keeps this machine's clock
	var entries []Entry
	for i := range n {
		entries = append(entries, opened(fmt.Sprintf("case <%d>", i+1)))
	}
	if err := s.Append(context.Background(), entries...); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadingThePartThatIsWanted(t *testing.T) {
	ctx := context.Background()
	s := filledStore(t, t.TempDir(), 7)
	defer s.Close()
	for _, tt := range []struct{ after, limit, first, n int }{{0, 0, 1, 7}, {0, 3, 1, 3}, {2, 3, 3, 3}, {5, 5, 6, 2}, {6, 0, 7, 1}, {7, 0, 0, 0}, {9, 2, 0, 0}} {
		got, err := s.Read(ctx, int64(tt.after), tt.limit)
		if err != nil || len(got) != tt.n || tt.n > 0 && got[0].Seq != int64(tt.first) {
			t.Errorf("%d after %d: got %d records (%v), want %d from %d on", tt.limit, tt.after, len(got), err, tt.n, tt.first)
		}
	}
	var walked []int64
	walk := func(r casefile.Record) bool {
		walked = append(walked, r.Seq)
		return r.Seq != 4
	}
	if err := s.Walk(ctx, 1, 6, walk); err != nil || !slices.Equal(walked, []int64{2, 3, 4}) {
		t.Errorf("a walk that has enough at 4: %v (%v)", walked, err)
	}
	walked = nil
	if err := s.Walk(ctx, 4, 2, walk); err != nil || !slices.Equal(walked, []int64{5, 6}) {
		t.Errorf("a walk of two records after 4: %v (%v)", walked, err)
	}
	r, err := s.Read(ctx, 0, 1)
	if err != nil || r[0].Terminal != "T1" || r[0].Epoch != s.Epoch() || r[0].Quality != "synced" || r[0].Case != "case <1>" || r[0].Kind != casefile.CaseOpened || r[0].Prev != casefile.Genesis("T1", s.Epoch()) {
		t.Errorf("the first record: got %+v (%v)", r, err)
	}
	if at := r[0].When(); time.Since(at) > time.Hour || at.After(time.Now()) {
		t.Errorf("time: got %s, want now", at)
	}
	if s.Terminal() != "T1" || len(s.Epoch()) != 16 {
		t.Errorf("got terminal %s, epoch %q, want T1 and 8 bytes in hex", s.Terminal(), s.Epoch())
	}
}

func TestCursor(t *testing.T) {
	ctx := context.Background()
	s := filledStore(t, t.TempDir(), 12)
	defer s.Close()
	if got, err := s.Cursor(ctx); err != nil || got != 0 {
		t.Errorf("at first: got %d (%v), want 0", got, err)
	}
	for _, tt := range []struct {
		ack  int64
		want int64
		bad  bool
	}{{12, 12, false}, {13, 12, true}, {-1, 12, true}, {0, 0, false}, {10, 10, false}} {
		err := s.Acknowledge(ctx, tt.ack)
		if want := fmt.Sprintf("journal: the hall acknowledges record %d of 12", tt.ack); tt.bad && fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
		got, readErr := s.Cursor(ctx)
		if (err != nil) != tt.bad || readErr != nil || got != tt.want {
			t.Errorf("acknowledged %d: got %v and cursor %d (%v), want %d, error %v", tt.ack, err, got, readErr, tt.want, tt.bad)
		}
	}
	if err := s.Keep(ctx, map[string][]byte{"cursor": []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cursor(ctx); err == nil {
		t.Error("a cursor that is no number was read")
	}
}

func TestKeptThings(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, dir)
	if got, err := s.Kept(ctx, "x"); err != nil || got != nil {
		t.Errorf("at first: got %q (%v), want nothing", got, err)
	}
	for _, values := range []map[string][]byte{{"x": []byte("1"), "y": []byte("2")}, {"x": []byte("3")}} {
		if err := s.Keep(ctx, values); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Keep(ctx, map[string][]byte{"y": []byte("4"), "z": nil}); err == nil || !strings.Contains(err.Error(), "keep z") {
		t.Errorf("nothing kept: got %v, want an error", err)
	}
	s.Close()
	s = open(t, dir)
	for name, want := range map[string]string{"x": "3", "y": "2", "z": ""} {
		if got, err := s.Kept(ctx, name); err != nil || string(got) != want {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, want)
		}
	}
	s.Close()
	_, keptErr := s.Kept(ctx, "x")
	_, cursorErr := s.Cursor(ctx) // not 0: the whole journal would be sent again
	_, readErr := s.Read(ctx, 0, 1)
	for what, tt := range map[string]struct {
		err  error
		want string
	}{
		"kept":   {keptErr, "journal: x: sql: database is closed"},
		"cursor": {cursorErr, "journal: cursor: sql: database is closed"},
		"read":   {readErr, "journal: sql: database is closed"},
		"keep":   {s.Keep(ctx, map[string][]byte{"x": nil}), "journal: a commit failed; the program must start again: closed"},
	} {
		if fmt.Sprint(tt.err) != tt.want {
			t.Errorf("a closed store, %s: got %v, want %s", what, tt.err, tt.want)
		}
	}
	if err := s.Append(ctx, opened("a")); !errors.Is(err, ErrBroken) {
		t.Errorf("a closed store appends: got %v, want ErrBroken", err)
	}
	if err := s.Health(); fmt.Sprint(err) != "journal: a commit failed; the program must start again: closed" {
		t.Errorf("a closed store: got health %v", err)
	}
}

// What is exported is enough to check the chain and to add up the book without the database; the twin
// file has the same lines.
func TestExportIsTheJournal(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := filledStore(t, dir, 501)
	defer s.Close()
	var out bytes.Buffer
	if err := s.Export(ctx, &out); err != nil {
		t.Fatal(err)
	}
	prev := casefile.Genesis("T1", s.Epoch())
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	for i, text := range lines {
		var l casefile.Line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		r := l.Record()
		if err := r.Check(int64(i+1), prev); err != nil {
			t.Fatalf("line %d %s: %v", i+1, text, err)
		}
		prev = r.Hash
	}
	if _, head := s.Head(); len(lines) != 501 || prev != head {
		t.Errorf("got %d lines up to %s, want 501 up to %s", len(lines), prev, head)
	}
	if !strings.Contains(lines[0], `"case":"case <1>"`) {
		t.Errorf("line 1: got %s, want the case as it is", lines[0])
	}
	if err := s.Export(ctx, broken{}); err == nil {
		t.Error("a writer that fails was not noticed")
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no more") }

// A whole twin is only written on, never over.
func TestTwinIsWrittenOn(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := filledStore(t, dir, 3)
	s.Close()
	path := filepath.Join(dir, "twin.jsonl")
	lines := bytes.SplitAfter(read(t, path), []byte("\n"))
	lines[1] = append([]byte(" "), lines[1]...) // the same record, written by another hand
	marked := bytes.Join(lines, nil)
	if err := os.WriteFile(path, marked, 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if err := s.Append(ctx, opened("x")); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if got := read(t, path); !bytes.HasPrefix(got, marked) || bytes.Count(got, []byte("\n")) != 4 {
		t.Errorf("got %s, want the marked lines and one more", got)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// The twin of a database that was lost, or that was replaced by an older one, is what totals are rebuilt
// from: it is laid aside.
func TestTwinOfALostDatabaseIsKept(t *testing.T) {
	ctx := context.Background()
	for name, lose := range map[string]func(dir string, older []byte) error{
		"lost": func(dir string, _ []byte) error { return os.Remove(filepath.Join(dir, "journal.db")) },
		"replaced": func(dir string, older []byte) error {
			return os.WriteFile(filepath.Join(dir, "journal.db"), older, 0o600)
		},
	} {
		dir := t.TempDir()
		filledStore(t, dir, 2).Close()
		older := read(t, filepath.Join(dir, "journal.db"))
		s := open(t, dir)
		if err := s.Append(ctx, opened("x")); err != nil {
			t.Fatal(err)
		}
		epoch := s.Epoch()
		s.Close()
		want := read(t, filepath.Join(dir, "twin.jsonl"))
		if err := lose(dir, older); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			s = open(t, dir)
			if err := s.Append(ctx, opened(fmt.Sprint(time.Now().UnixNano()))); err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		if got := read(t, filepath.Join(dir, "twin-"+epoch+"-3.jsonl")); !bytes.Equal(got, want) {
			t.Errorf("%s: laid aside: got %s, want %s", name, got, want)
		}
		s = open(t, dir)
		var out bytes.Buffer
		if err := s.Export(ctx, &out); err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join(dir, "twin.jsonl")); bytes.Count(got, []byte("\n")) != bytes.Count(out.Bytes(), []byte("\n")) || bytes.Contains(got, []byte(`"x"`)) {
			t.Errorf("%s: the new twin: got %s, want %s", name, got, out.Bytes())
		}
		s.Close()
	}
}

func TestAppendedTellsOfEachCommit(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	for i := range 2 {
		changed := s.Appended()
		select {
		case <-changed:
			t.Fatal("told before anything was appended")
		default:
		}
		if err := s.Append(ctx, opened(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		select {
		case <-changed:
		default:
			t.Errorf("commit %d was not told", i+1)
		}
	}
	changed := s.Appended()
	if err := s.Append(ctx, opened("1")); err == nil {
		t.Error("a case was opened twice")
	}
	select {
	case <-changed:
		t.Error("a refused event was told of as a commit")
	default:
	}
}

// Each visit has a key of its own; within a visit it is one.
func TestNewVisitNewKey(t *testing.T) {
	ctx := context.Background()
	s := open(t, t.TempDir())
	defer s.Close()
	hall := bytes.Repeat([]byte{9}, 32)
	s.UseHallKey(hall)
	var heads []string
	add := func(id string) {
		t.Helper()
		e := opened(id)
		e.Secret = "s"
		if err := s.Append(ctx, e); err != nil {
			t.Fatal(err)
		}
		seq, _ := s.Head()
		r, err := s.Read(ctx, seq-1, 1)
		if err != nil || len(r) != 1 || r[0].SealSum != casefile.SumSealed(r[0].Sealed) || r[0].SealSum == "" {
			t.Fatalf("got %+v (%v)", r, err)
		}
		heads = append(heads, string(r[0].Sealed[:41]))
	}
	add("a")
	add("b")
	s.NewVisit()
	add("c")
	s.UseHallKey(bytes.Repeat([]byte{8}, 32))
	add("d")
	if heads[0] != heads[1] || heads[1] == heads[2] || heads[2][:9] == heads[3][:9] || heads[0][:9] != heads[2][:9] {
		t.Errorf("keys: got %x", heads)
	}
	e := opened("e")
	e.Secret = func() {}
	if err := s.Append(ctx, e); err == nil || !strings.HasPrefix(err.Error(), "journal: case.opened: json: ") {
		t.Errorf("a secret that is no data: got %v, want an error that names its kind", err)
	}
	s.UseHallKey([]byte("short"))
	e.Secret = "s"
	if err := s.Append(ctx, e); err == nil || errors.Is(err, ErrBroken) {
		t.Errorf("a key that is none: got %v, want an error", err)
	}
}

func TestFolderThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(context.Background(), filepath.Join(file, "sub"), "T1"); err == nil || !strings.HasPrefix(err.Error(), "journal: mkdir ") {
		t.Errorf("a journal in a file: got %v, want an error", err)
		if err == nil {
			s.Close()
		}
	}
	deep := filepath.Join(dir, "a", "b")
	open(t, deep).Close()
	if info, err := os.Stat(deep); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: got %v (%v), want it for us alone", info.Mode(), err)
	}
	for _, name := range []string{"twin.jsonl", "ballast"} {
		if info, err := os.Stat(filepath.Join(deep, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v (%v), want it for us alone", name, info.Mode(), err)
		}
	}
	if err := os.Remove(filepath.Join(deep, "twin.jsonl")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(deep, "twin.jsonl"), 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(context.Background(), deep, "T1"); err == nil {
		s.Close()
		t.Error("a twin that cannot be was passed over")
	}
}

// A journal belongs to one terminal, also while nothing stands in it.
func TestAnotherTerminalsJournal(t *testing.T) {
	dir := t.TempDir()
	open(t, dir).Close()
	if s, err := Open(context.Background(), dir, "T2"); fmt.Sprint(err) != "journal: this is the one of terminal T1, not of T2" {
		t.Errorf("got %v, want an error that names both", err)
		if err == nil {
			s.Close()
		}
	}
	open(t, dir).Close()
}

// The journal is read back from its end, over more records than are read at once.
func TestWalkBack(t *testing.T) {
	for _, n := range []int{0, 1, backward, 2*backward + 3} {
		s := filledStore(t, t.TempDir(), n)
		want := int64(n)
		if err := s.WalkBack(t.Context(), func(r casefile.Record) bool {
			if r.Seq != want {
				t.Errorf("of %d records: got %d, want %d", n, r.Seq, want)
			}
			want--
			return true
		}); err != nil || want != 0 {
			t.Errorf("of %d records %d were not given (%v)", n, want, err)
		}
		seen := 0
		if err := s.WalkBack(t.Context(), func(casefile.Record) bool { seen++; return seen < 2 }); err != nil || seen != min(n, 2) {
			t.Errorf("of %d records %d were given to one who had enough after two (%v)", n, seen, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
