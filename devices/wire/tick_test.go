package wire

import (
	"testing"
	"testing/synctest"
	"time"
)

// Every turn ends at a whole multiple of its period, never sooner than half a period and later than one and a half.
func TestTick(t *testing.T) {
	const every = 200 * time.Millisecond
	for after, want := range map[time.Duration]time.Duration{
		0:                      every,
		time.Millisecond:       199 * time.Millisecond,
		100 * time.Millisecond: 100 * time.Millisecond,
		101 * time.Millisecond: 299 * time.Millisecond,
		199 * time.Millisecond: 201 * time.Millisecond,
		every:                  every,
		every + 1:              every - 1,
	} {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(after) // a bubble begins on a whole second
			if got := Tick(every); got != want {
				t.Errorf("%v after a tick: got %v, want %v", after, got, want)
			}
		})
	}
}
