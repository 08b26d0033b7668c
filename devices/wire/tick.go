package wire

import "time"

// Tick is how long it is until the next turn of a driver whose device is looked at every so often: about every, and
// ended by the clock, so that all drivers of a terminal take their turns at the same instants. A processor that wakes once
// for all of them and sleeps again does a third less than one that is woken for each.
func Tick(every time.Duration) time.Duration {
	now := time.Now()
	next := now.Truncate(every).Add(every).Sub(now)
	if next < every/2 {
		next += every
	}
	return next
}
