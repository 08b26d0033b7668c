package wire

import (
	"os"
	"sync"
	"time"
)

// A wait that ends later than lateMin was not watched to its end: this process had no turn on the processor, and what came
// meanwhile lies where the filling goroutine has not looked yet. Then the wait goes on for as long as it was late, at
// most lateMax: a device whose host stood still for longer has given up itself. On a machine that is overrun the longer
// wait may end late as well, so that this is done lateTimes.
const (
	lateMin   = 10 * time.Millisecond
	lateMax   = 500 * time.Millisecond
	lateTimes = 4
)

// Inbox is the reading half of a Port over a library that cannot break off a read: one goroutine fills it,
// and Read knows deadlines. Silence is told only when it was heard: a deadline that passes while this process stands
// still is put off.
type Inbox struct {
	mu       sync.Mutex // guards the fields below
	buffer   []byte
	most     int
	failed   error // why nothing more comes
	deadline time.Time
	passed   bool          // the deadline lay in the past when it was set: it breaks off and is not waited for
	changed  chan struct{} // closed and made anew whenever something above changes
}

// NewInbox makes an inbox in which Room waits while so many bytes lie unread.
func NewInbox(most int) *Inbox { return &Inbox{most: most, changed: make(chan struct{})} }

// change wakes everybody who waits. Called with mu held.
func (b *Inbox) change() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Put adds what has come.
func (b *Inbox) Put(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer = append(b.buffer, data...)
	b.change()
}

// Fail says that nothing more comes: Read gives what is there, and then err for good. The first call counts.
func (b *Inbox) Fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failed == nil {
		b.failed = err
	}
	b.change()
}

// Close throws away what is there and lets Read and Room end with err.
func (b *Inbox) Close(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buffer, b.failed = nil, err
	b.change()
}

// Room waits until there is room and says whether anybody will still read.
func (b *Inbox) Room() bool {
	for {
		b.mu.Lock()
		full, failed, changed := len(b.buffer) >= b.most, b.failed != nil, b.changed
		b.mu.Unlock()
		if failed || !full {
			return !failed
		}
		<-changed
	}
}

// Read gives what has come, at least one byte, waiting for it until the deadline.
func (b *Inbox) Read(to []byte) (int, error) {
	if len(to) == 0 {
		return 0, nil
	}
	var later time.Time // until when a deadline that passed unwatched is put off
	for puts := 0; ; {
		b.mu.Lock()
		if len(b.buffer) > 0 {
			n := copy(to, b.buffer)
			b.buffer = b.buffer[:copy(b.buffer, b.buffer[n:])]
			b.change()
			b.mu.Unlock()
			return n, nil
		}
		failed, deadline, passed, changed := b.failed, b.deadline, b.passed, b.changed
		b.mu.Unlock()
		switch {
		case failed != nil:
			return 0, failed
		case passed:
			return 0, os.ErrDeadlineExceeded
		case !deadline.IsZero() && later.After(deadline):
			deadline = later
		}
		if err := await(changed, deadline); err != nil {
			late := time.Since(deadline)
			if late < lateMin || puts == lateTimes {
				return 0, err
			}
			puts, later = puts+1, time.Now().Add(min(late, lateMax))
		}
	}
}

// await waits for a change until the deadline; a zero deadline is none.
func await(changed <-chan struct{}, deadline time.Time) error {
	if deadline.IsZero() {
		<-changed
		return nil
	}
	left := time.Until(deadline)
	if left <= 0 {
		return os.ErrDeadlineExceeded
	}
	t := time.NewTimer(left)
	defer t.Stop()
	select {
	case <-changed:
		return nil
	case <-t.C:
		return os.ErrDeadlineExceeded
	}
}

// SetReadDeadline bounds the reads, also one that waits now. The zero time takes the bound away.
func (b *Inbox) SetReadDeadline(t time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.deadline, b.passed = t, !t.IsZero() && !t.After(time.Now())
	b.change()
	return nil
}
