package id003sim

import "time"

const (
	frameGap = 100 * time.Millisecond // a frame that pauses for longer is dropped

	bootTime = time.Second     // silent after power-up
	initTime = 2 * time.Second // after RESET, until it idles

	escrowTime = 20 * time.Second // an undecided note is held for so long, then given back
	holdTime   = 10 * time.Second // HOLD prolongs that, and is shown as HOLDING
	pollWatch  = 5 * time.Second  // without polls for so long nothing is drawn in

	stackUsual = 700 * time.Millisecond // from escrow to the box, unless the path is told otherwise
	leverShare = 2                      // VEND VALID of STACK-1 comes at this part of it
	rejectTime = 400 * time.Millisecond // the rollers drive a note out
	cheatTime  = 3 * time.Second        // for so long a cheat is told

	lateTime = 450 * time.Millisecond // longer than any host waits for an answer
	splitGap = 30 * time.Millisecond  // inside a split answer; still one frame
	byteTime = 1146 * time.Microsecond
)
