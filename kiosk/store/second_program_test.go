package store

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// intruded is set for the program that this test starts a second time.
const intruded = "YICHUANG_TEST_JOURNAL"

// A second program that wants the journal is kept out, writes nothing, and harms nothing; when the first is gone it may.
func TestSecondProgramIsKeptOut(t *testing.T) {
	if dir := os.Getenv(intruded); dir != "" {
		s, err := Open(context.Background(), dir, "T1")
		if err != nil {
			os.Stderr.WriteString(err.Error())
			os.Exit(3)
		}
		s.Close()
		return
	}
	dir := t.TempDir()
	s := filledStore(t, dir, 3)
	path := filepath.Join(dir, "twin.jsonl")
	s.twin.write() // who opens a journal writes on its twin
	twin := read(t, path)
	intrude := func() ([]byte, error) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestSecondProgramIsKeptOut$")
		cmd.Env = append(os.Environ(), intruded+"="+dir)
		var said bytes.Buffer
		cmd.Stderr = &said
		err := cmd.Run()
		return said.Bytes(), err
	}
	if said, err := intrude(); err == nil || !strings.Contains(string(said), "journal: ") || !strings.Contains(string(said), "database is locked") {
		t.Errorf("got %q (%v), want that the database is locked", said, err)
	}
	if got := read(t, path); !bytes.Equal(got, twin) || len(twin) == 0 {
		t.Errorf("the twin has become %s, was %s", got, twin)
	}
	if err := s.Append(context.Background(), opened("a")); err != nil {
		t.Errorf("the first one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if said, err := intrude(); err != nil {
		t.Errorf("when the first is gone: %v (%s)", err, said)
	}
	if got := lines(t, path); got != 4 {
		t.Errorf("then the twin has %d lines, want 4", got)
	}
}
