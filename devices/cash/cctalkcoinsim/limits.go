package cctalkcoinsim

import "time"

const (
	pollWatch    = 5 * time.Second // without polls for so long the acceptor shuts itself
	eventSlice   = 200 * time.Millisecond
	eventsASlice = 2 // part 3, header 229: so that one poll may be lost without losing an event

	bootTime  = time.Second     // silent after a reset or power-up
	fraudTime = 3 * time.Second // for so long the self-check tells of a fraud attempt
)
