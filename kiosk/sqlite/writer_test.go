package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writerOn is a writer of rows on a new database.
func writerOn(t *testing.T) (*Writer, *sql.DB) {
	t.Helper()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "w.db"), migrations)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w, err := NewWriter(context.Background(), db, "INSERT INTO row (id, text) VALUES (?, ?)", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return w, db
}

// add writes rows with these texts, "" for none, numbered from first on.
func add(w *Writer, first int, texts ...string) error {
	return w.Write(context.Background(), len(texts), func(i int, args []driver.NamedValue) {
		args[0].Value, args[1].Value = int64(first+i), nil
		if texts[i] != "" {
			args[1].Value = texts[i]
		}
	})
}

func texts(t *testing.T, db *sql.DB) (all []string) {
	t.Helper()
	rows, err := db.Query("SELECT id || coalesce(text, '-') FROM row ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

// Rows that come together are written together or not at all, and a writer whose rows were refused writes on.
func TestRowsAreWrittenTogether(t *testing.T) {
	w, db := writerOn(t)
	for _, tt := range []struct {
		first int
		texts []string
		bad   bool
		want  []string
	}{
		{1, []string{"a"}, false, []string{"1a"}},
		{2, []string{"b", "c", ""}, false, []string{"1a", "2b", "3c", "4-"}},
		{5, []string{"d", "a", "e"}, true, []string{"1a", "2b", "3c", "4-"}}, // the second stands there already
		{5, []string{"a"}, true, []string{"1a", "2b", "3c", "4-"}},
		{4, []string{"d", "e"}, true, []string{"1a", "2b", "3c", "4-"}},
		{5, []string{"d", "e"}, false, []string{"1a", "2b", "3c", "4-", "5d", "6e"}},
		{7, []string{""}, false, []string{"1a", "2b", "3c", "4-", "5d", "6e", "7-"}},
	} {
		err := add(w, tt.first, tt.texts...)
		if tt.bad != (err != nil) || tt.bad && !IsUnique(err) {
			t.Errorf("%q from %d on: got %v, want an error: %t", tt.texts, tt.first, err, tt.bad)
		}
		if got := texts(t, db); !slices.Equal(got, tt.want) {
			t.Errorf("%q from %d on: got %q, want %q", tt.texts, tt.first, got, tt.want)
		}
	}
}

// A transaction that somebody else has begun on the connection is not ended for him.
func TestWriterBeginsItsOwnTransaction(t *testing.T) {
	w, db := writerOn(t)
	if _, err := db.Exec("BEGIN"); err != nil {
		t.Fatal(err)
	}
	if err := add(w, 1, "a", "b"); err == nil || !strings.Contains(err.Error(), "within a transaction") {
		t.Errorf("got %v, want that a transaction is open", err)
	}
	if _, err := db.Exec("ROLLBACK"); err != nil {
		t.Errorf("the other's transaction: %v", err)
	}
}

// A commit that cannot be made, here for a row that refers to nothing, leaves no transaction behind.
func TestCommitThatIsRefused(t *testing.T) {
	w, db := writerOn(t)
	if _, err := db.Exec("CREATE TABLE other (id INTEGER PRIMARY KEY REFERENCES row DEFERRABLE INITIALLY DEFERRED); CREATE TRIGGER refer AFTER INSERT ON row WHEN new.text = 'x' BEGIN INSERT INTO other VALUES (99); END"); err != nil {
		t.Fatal(err)
	}
	if err := add(w, 1, "a", "x"); err == nil || !strings.Contains(err.Error(), "FOREIGN KEY") {
		t.Errorf("got %v, want a foreign key", err)
	}
	if err := add(w, 1, "b", "c"); err != nil {
		t.Errorf("the next ones: %v", err)
	}
	if got := texts(t, db); !slices.Equal(got, []string{"1b", "2c"}) {
		t.Errorf("got %q, want the next ones alone", got)
	}
}

func TestStatementThatIsNone(t *testing.T) {
	_, db := writerOn(t)
	if _, err := NewWriter(context.Background(), db, "INSERT INTO nowhere VALUES (?)", 1); err == nil || err.Error() != "no such table: nowhere" {
		t.Errorf("got %v, want what is missing", err)
	}
}
