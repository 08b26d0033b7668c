package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

var migrations = fstest.MapFS{"00001_rows.sql": {Data: []byte("-- +goose Up\nCREATE TABLE row (id INTEGER PRIMARY KEY, text TEXT UNIQUE);\n")}}

func TestOpensOurWay(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "a b?c.db")
	db, err := Open(ctx, path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "3", "foreign_keys": "1", "auto_vacuum": "2"} {
		var got string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("pragma %s: got %q (%v), want %q", pragma, got, err, want)
		}
	}
	if _, err := db.Exec("INSERT INTO row (text) VALUES ('a')"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO row (text) VALUES ('a')"); !IsUnique(err) || IsBusy(err) || IsFull(err) {
		t.Errorf("second insert: got %v, want a unique violation", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(ctx, path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	var n int
	if err := again.QueryRow("SELECT count(*) FROM row").Scan(&n); err != nil || n != 1 {
		t.Errorf("after reopening: got %d rows (%v), want 1", n, err)
	}
}

func TestSecondProgramIsKeptOut(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "j.db")
	db, err := OpenExclusive(ctx, path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if other, err := OpenExclusive(ctx, path, migrations); err == nil {
		other.Close()
		t.Error("a second program opened the journal of the first")
	} else if !IsBusy(err) {
		t.Errorf("second program: got %v, want busy", err)
	}
}

func TestFolderIsNoDatabase(t *testing.T) {
	if _, err := Open(context.Background(), t.TempDir(), nil); err == nil || !strings.Contains(err.Error(), "open ") {
		t.Errorf("a folder: got %v, want an error that names it", err)
	}
}
