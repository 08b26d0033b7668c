package store

import (
	"context"
	"syscall"
	"time"
)

// Clock is what a terminal takes for the time of day. Durations are never taken from it: they go on when it is set.
type Clock struct {
	Now    func() time.Time
	Synced func() bool // something keeps it right
}

type clockKey struct{}

// WithClock gives the journals that are opened under ctx a clock of their own instead of the computer's: where several
// terminals live in one program, the clock of one of them can be wrong.
func WithClock(ctx context.Context, c Clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

func clockOf(ctx context.Context) Clock {
	if c, ok := ctx.Value(clockKey{}).(Clock); ok {
		return c
	}
	return Clock{Now: time.Now, Synced: eachSecond(kernelSynced)}
}

// Now is the time of day by the clock that the records are dated by.
func (s *Store) Now() time.Time { return s.now() }

// What a record's time is worth. The order of records never depends on it.
const (
	qualitySynced  = "synced"  // something keeps the clock right
	qualityHeld    = "held"    // the clock runs by itself since it was last right
	qualityUnknown = "unknown" // it runs by itself, and stands before a time that it has shown already
)

// quality judges the clock at this time, and remembers the latest time that it has shown.
func (s *Store) quality(now time.Time) string {
	now = now.Round(0) // as it is shown: a program's own measure of time goes on when the clock is set back
	switch {
	case s.synced():
		s.latest = now // whatever it showed before, now it is right
		return qualitySynced
	case now.Before(s.latest):
		return qualityUnknown
	}
	s.latest = now
	return qualityHeld
}

// adjtimex(2): the state of a clock that nobody keeps right, and its bit in the status.
const (
	timeError = 5
	staUnsync = 0x0040
)

// kernelSynced asks the kernel whether chrony, timesyncd or their like keep the clock right.
func kernelSynced() bool {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	return err == nil && keptRight(state, t.Status)
}

// eachSecond asks at most once a second and else gives the last answer: the question costs a record as much as
// its hash does, and what keeps a clock right does not come and go within a second. One caller at a time.
func eachSecond(ask func() bool) func() bool {
	var asked time.Time
	var answer bool
	return func() bool {
		if asked.IsZero() || time.Since(asked) >= time.Second {
			asked, answer = time.Now(), ask()
		}
		return answer
	}
}

func keptRight(state int, status int32) bool { return state != timeError && status&staUnsync == 0 }
