package hallstore

import (
	"strings"
	"testing"

	"yichuang/kiosk/sqlite"
)

func pagesInLog(t *testing.T, s *Store) int {
	t.Helper()
	pages, err := sqlite.LogPages(t.Context(), s.db)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestLogIsMovedWhenItSuits: no batch waits for the log to be moved, and what is in it is whole before and after.
func TestLogIsMovedWhenItSuits(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	move := func() int {
		t.Helper()
		if err := s.MoveLog(t.Context()); err != nil {
			t.Fatal(err)
		}
		return pagesInLog(t, s)
	}
	few := pagesInLog(t, s)
	if got := move(); got != few {
		t.Errorf("%d pages became %d, and are not worth it", few, got)
	}
	// A batch of records that are large, as forms are.
	records := journal("T1", "e1", strings.Repeat("x", 20000), 900)
	take(t, s, records[:300])
	if got := pagesInLog(t, s); got < 1500 {
		t.Errorf("after a batch of 6 MB there are %d pages in the log: a commit has moved it", got)
	}

	other, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	take(t, s, records[300:600])
	var seen int
	if err := other.db.QueryRow(`SELECT count(*) FROM records`).Scan(&seen); err != nil || seen != 600 {
		t.Errorf("another program sees %d records (%v), want 600", seen, err)
	}
	rows, err := other.db.Query(`SELECT hash FROM records`)
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	take(t, s, records[600:])
	if got := move(); got == 0 {
		t.Error("the log was moved from under a program that reads")
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	if got := move(); got >= logPages {
		t.Errorf("when nobody reads any more %d pages are in the log", got)
	}
	if got := stored(t, s, "e1"); len(got) != 900 {
		t.Errorf("%d records, want 900", len(got))
	}

	if err := s.db.Close(); err != nil {
		t.Error(err)
	}
	if err := s.MoveLog(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "hall store: ") {
		t.Errorf("a closed database: %v", err)
	}
}
