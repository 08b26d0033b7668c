package hallstore

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"yichuang/kiosk/sqlite"
)

// before makes a hall's database as it was before a migration, puts something into it, and opens it with the present program.
func before(t *testing.T, migration string, puts ...string) *Store {
	t.Helper()
	list, err := files.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	former := fstest.MapFS{}
	for _, f := range list {
		if f.Name() == migration {
			break
		}
		raw, err := files.ReadFile("migrations/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		former[f.Name()] = &fstest.MapFile{Data: raw}
	}
	if len(former) == len(list) {
		t.Fatalf("there is no migration %s", migration)
	}
	dir := t.TempDir()
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "hall.db"), former)
	if err != nil {
		t.Fatal(err)
	}
	for _, put := range puts {
		if _, err := db.Exec(put); err != nil {
			t.Fatalf("%s: %v", put, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Slips that the hall has paid before this was kept are in it, but for those of which their terminal's journal tells.
func TestWhatTheHallHadPaidItself(t *testing.T) {
	const record = `INSERT INTO records (terminal, epoch, seq, time, quality, case_id, kind, header, seal_sum, prev, hash, received) VALUES `
	s := before(t, "00008_paid_here.sql",
		`INSERT INTO owed (id, case_id, terminal, amount, claim, state, since, paid_at, paid_by, reason) VALUES
			('told', 'c', 'T1', 1, 'x1', 'paid', '', 'then', '@hall', 'r'), ('not told', 'c', 'T1', 1, 'x2', 'paid', '', 'then', '@hall', 'r'),
			('elsewhere', 'c', 'T1', 1, 'x3', 'paid', '', 'then', 'T2', 'r'), ('open', 'c', 'T1', 1, 'x4', 'open', '', '', '', '')`,
		record+`('T1', 'e', 1, '', '', 'c', 'owed.paid', CAST('{"owed":"told","where":"@hall"}' AS BLOB), '', '', '', '')`,
		record+`('T1', 'e', 2, '', '', 'c', 'owed.paid', CAST('no JSON' AS BLOB), '', '', '', '')`,
		record+`('T1', 'e', 3, '', '', 'c', 'owed.paid', CAST('{}' AS BLOB), '', '', '', '')`)
	rows, err := s.DB().Query(`SELECT owed || ' ' || at || ' ' || reason FROM paid_here`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		got = append(got, line)
	}
	if err := rows.Err(); err != nil || !slices.Equal(got, []string{"not told then r"}) {
		t.Errorf("%q, %v", got, err)
	}
}

// Who was told to pay, and has not said that it did, is known by its journal of now.
func TestPaymentsThatWereUnderWay(t *testing.T) {
	s := before(t, "00009_paid_epoch.sql",
		`INSERT INTO terminals (id, enrolled, epoch) VALUES ('T1', '', 'e1')`,
		`INSERT INTO owed (id, case_id, terminal, amount, claim, state, since, paid_by, reported) VALUES
			('a', 'c', 'T1', 1, 'x1', 'paid', '', 'T1', 0), ('b', 'c', 'T1', 1, 'x2', 'paid', '', 'T1', 1), ('c', 'c', 'T1', 1, 'x3', 'open', '', '', 0), ('d', 'c', 'T1', 1, 'x4', 'paid', '', 'T9', 0)`)
	var got string
	if err := s.DB().QueryRow(`SELECT group_concat(id || epoch, ' ') FROM (SELECT id, epoch FROM owed ORDER BY id)`).Scan(&got); err != nil || got != "ae1 b c d" {
		t.Errorf("%q, %v", got, err)
	}
}
