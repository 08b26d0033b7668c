package store

import (
	"bytes"
	"testing"
)

// What was secret is not left lying in a room that is given back.
func TestRoomIsLeftEmpty(t *testing.T) {
	b := append(room(3), "110101199001011237"...)
	giveBack(b)
	if left := b[:cap(b)]; !bytes.Equal(left, make([]byte, len(left))) {
		t.Errorf("got %q, want nothing", bytes.Trim(left, "\x00"))
	}
	for _, n := range []int{0, roomLeast, roomLeast + 1, roomMost + 1} {
		b := room(n)
		if len(b) != 0 || cap(b) < n {
			t.Errorf("room for %d: %d of %d", n, len(b), cap(b))
		}
		giveBack(b)
	}
	giveBack(nil)
}
