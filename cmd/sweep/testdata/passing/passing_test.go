package passing

import "testing"

func TestNote(t *testing.T) {
	if testing.Short() {
		t.Log("passing_test.go:7: all notes are here")
	}
}
