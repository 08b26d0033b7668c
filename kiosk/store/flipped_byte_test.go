package store

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A byte of the database that the disk gives back wrong is either nobody's, or the journal is evidence and the terminal
// rests: no amount is ever another one than was written, and the twin, from which the totals come back, stays as it is.
func TestFlippedByteInTheDatabase(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	s.UseHallKey(bytes.Repeat([]byte{9}, 32))
	visits := payment("a", 1)
	for i := range 12 { // so that most pages have something in them
		visits = append(visits, payment(fmt.Sprint("b", i), int64(3+2*i))...)
	}
	for _, entries := range visits {
		if err := s.Append(context.Background(), entries...); err != nil {
			t.Fatal(err)
		}
	}
	want := bookText(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	database, twin := filepath.Join(dir, "journal.db"), filepath.Join(dir, "twin.jsonl")
	whole, lines := read(t, database), read(t, twin)
	rng := rand.New(rand.NewPCG(*cutSeed, 7))
	found := 0
	for range 60 {
		spoiled := bytes.Clone(whole)
		at := rng.IntN(len(spoiled))
		spoiled[at] ^= 1 << rng.IntN(8)
		if err := os.WriteFile(database, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(context.Background(), dir, "T1")
		if err != nil {
			found++
			if !strings.HasPrefix(err.Error(), "journal: ") {
				t.Errorf("byte %d (seed %d): got %v, want the journal's error", at, *cutSeed, err)
			}
		} else {
			if got := bookText(t, s); got != want {
				t.Errorf("byte %d (seed %d): the book is %s, want %s", at, *cutSeed, got, want)
			}
			s.Close()
		}
		if got := read(t, twin); err != nil && !bytes.Equal(got, lines) {
			t.Fatalf("byte %d (seed %d): the twin has become %s", at, *cutSeed, got)
		}
		for _, name := range []string{"journal.db-wal", "journal.db-shm"} {
			os.Remove(filepath.Join(dir, name)) // as a rule it is not there
		}
	}
	if found < 12 {
		t.Errorf("only %d of 60 flipped bytes were found", found)
	}
}
