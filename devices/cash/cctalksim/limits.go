package cctalksim

import "time"

const (
	pollWatch    = 5 * time.Second  // without polls for so long the validator shuts itself
	escrowTime   = 30 * time.Second // a note is held for so long, then given back
	eventSlice   = 200 * time.Millisecond
	eventsASlice = 2 // part 3, header 159: so that one poll may be lost without losing an event

	bootTime  = time.Second     // silent after a reset or power-up
	fraudTime = 3 * time.Second // for so long the self-check tells of a fraud attempt
)
