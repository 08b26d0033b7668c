package world

import "time"

// Slot keeps what several terminals of one land do apart. Whatever comes to a terminal from its devices, its line or its
// citizen comes at a nanosecond that only this terminal has: one that leaves the slot as the remainder of a division by
// SlotsMax. So no two terminals ever act at the same instant, and the order of what happens is the same each time. The
// only terminal of a world has slot 0, which waits for nothing.
type Slot int

// SlotsMax is how many terminals there can be.
const SlotsMax = 1000

// After is the first instant of the slot from a time on.
func (s Slot) After(t time.Time) time.Time {
	if s == 0 {
		return t
	}
	late := (int(s) - t.Nanosecond()%SlotsMax + SlotsMax) % SlotsMax
	return t.Add(time.Duration(late))
}

// Await waits for the next instant of the slot.
func (s Slot) Await() {
	if now := time.Now(); s != 0 {
		time.Sleep(s.After(now).Sub(now))
	}
}
