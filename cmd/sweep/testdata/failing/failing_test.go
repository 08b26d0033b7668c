package failing

import "testing"

func TestNotes(t *testing.T) {
	t.Run("all of them", func(t *testing.T) { t.Log("all notes are here") })
	t.Run("a note", func(t *testing.T) {
		t.Error("a note is lost")
		t.Error("again with: -seed=7")
	})
}
