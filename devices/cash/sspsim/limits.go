package sspsim

import "time"

const (
	pollWatch  = 5 * time.Second  // without commands for so long the unit shuts itself
	escrowTime = 10 * time.Second // a note is held for so long without a word, then given back

	bootTime    = time.Second            // silent after a reset or power-up
	boxGrace    = 100 * time.Millisecond // after the box was lifted a held note goes back
	lateTime    = 1200 * time.Millisecond
	splitGap    = 30 * time.Millisecond
	byteTime    = 1146 * time.Microsecond // 11 bits at 9600 baud: two stop bits
	eventsBytes = 200                     // no answer has more
	pieceTime   = 400 * time.Millisecond
	storeMax    = 70 // notes of one face in the store
	linesMax    = 64 // packets of the host that wait while the unit is busy
)
