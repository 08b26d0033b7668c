package sqlite

import (
	"context"
	"database/sql/driver"
	"path/filepath"
	"testing"
)

func TestWriter(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "j.db")
	db, err := OpenExclusive(ctx, path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewWriter(ctx, db, "INSERT INTO nowhere VALUES (?)"); err == nil {
		t.Error("a statement that cannot be compiled was taken")
	}
	w, err := NewWriter(ctx, db, "INSERT INTO row (text) VALUES (?)")
	if err != nil {
		t.Fatal(err)
	}
	write := func(texts ...driver.Value) error {
		return w.Write(ctx, len(texts), func(i int, values []driver.NamedValue) { values[0].Value = texts[i] })
	}
	count := func() (n int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM row").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, tt := range []struct {
		texts []driver.Value
		want  int // rows afterwards
		bad   bool
	}{{[]driver.Value{"a"}, 1, false}, {[]driver.Value{"b", "c", nil}, 4, false}, {[]driver.Value{"a"}, 4, true}, {[]driver.Value{"d", "b", "e"}, 4, true}, {[]driver.Value{"d", "e"}, 6, false}} {
		if err := write(tt.texts...); (err != nil) != tt.bad || tt.bad && !IsUnique(err) {
			t.Errorf("%v: got %v", tt.texts, err)
		}
		if got := count(); got != tt.want {
			t.Errorf("%v: %d rows afterwards, want %d", tt.texts, got, tt.want)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	again, err := OpenExclusive(ctx, path, migrations)
	if err != nil {
		t.Fatalf("the database is still held: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
