package passing

import "testing"

func TestNotes(t *testing.T) {
	if !testing.Short() {
		t.Error("the long tests are told")
	}
}
