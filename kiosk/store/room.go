package store

import "sync"

const (
	// roomLeast is that of most records' secrets, and roomMost that of what is kept for the next one.
	roomLeast = 4 << 10
	roomMost  = 64 << 10
)

// rooms are for what is secret and for what was sealed of it. Each is most of what a record takes and is needed for the time of a
// commit: to take new room for every one kept the collector of memory at work, and writers waited for it.
var rooms sync.Pool

// room is an empty slice with room for n bytes.
func room(n int) []byte {
	if b, ok := rooms.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, max(n, roomLeast))
}

// giveBack gives a room back, in which nothing stays.
func giveBack(b []byte) {
	if c := cap(b); c >= roomLeast && c <= roomMost {
		clear(b[:c])
		rooms.Put(&b)
	}
}
