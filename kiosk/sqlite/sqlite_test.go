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

// SQLite moves the log of a database that one program has alone only when its owner says so, and then all of it.
func TestLogIsItsOwners(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "j.db")
	db, err := OpenExclusive(ctx, path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before, err := LogPages(ctx, db)
	if err != nil || before == 0 {
		t.Fatalf("after the migrations: got %d pages in the log (%v), want some", before, err)
	}
	for i := range 600 {
		if _, err := db.Exec("INSERT INTO row (text) VALUES (?)", strings.Repeat("x", 5000)+string(rune(i))); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := LogPages(ctx, db); err != nil || got < before+1200 {
		t.Errorf("after 600 commits of two pages and more: got %d pages in the log (%v), want more than %d", got, err, before+1200)
	}
	if err := Checkpoint(ctx, db); err != nil {
		t.Error(err)
	}
	if got, err := LogPages(ctx, db); err != nil || got != 0 {
		t.Errorf("after a checkpoint: got %d pages in the log (%v), want none", got, err)
	}
	db.Close()
	if _, err := LogPages(ctx, db); err == nil {
		t.Error("the log of a closed database was asked for its length")
	}
	if err := Checkpoint(ctx, db); err == nil {
		t.Error("the log of a closed database was moved")
	}
}

// While somebody reads, what he may still need stays in the log, and that is told.
func TestLogThatSomebodyReads(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "j.db")
	db, err := Open(ctx, path, migrations)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	reader, err := Open(ctx, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	rows, err := reader.Query("SELECT * FROM sqlite_schema")
	if err != nil {
		t.Fatal(err)
	}
	rows.Next()
	if _, err := db.Exec("INSERT INTO row (text) VALUES ('a')"); err != nil {
		t.Fatal(err)
	}
	if err := Checkpoint(ctx, db); err == nil || !strings.HasSuffix(err.Error(), "still in the log: somebody reads") {
		t.Errorf("got %v, want that somebody reads", err)
	}
	rows.Close()
	if err := Checkpoint(ctx, db); err != nil {
		t.Errorf("nobody reads any more: %v", err)
	}
}

// A migration that cannot be made is told as one, and no database is left open.
func TestMigrationThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.db")
	bad := fstest.MapFS{"00001_rows.sql": {Data: []byte("-- +goose Up\nCREATE TABEL row (id);\n")}}
	if db, err := Open(context.Background(), path, bad); err == nil || !strings.HasPrefix(err.Error(), "open "+path+": migrations: ") {
		t.Errorf("got %v, want that the migrations failed", err)
		if err == nil {
			db.Close()
		}
	}
	db, err := OpenExclusive(context.Background(), path, migrations) // refused while another connection is open
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
