package failing

import "testing"

func TestNote(t *testing.T) {
	t.Run("a note", func(t *testing.T) { t.Error("a note is lost") })
}
