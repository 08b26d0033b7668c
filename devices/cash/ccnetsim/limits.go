package ccnetsim

import "time"

const (
	packetGap  = 50 * time.Millisecond // §2.8 says 5 ms inside a frame; a PC's serial adapter needs more
	hostWatch  = 5 * time.Second       // without polls for so long the validator disables itself
	escrowTime = 10 * time.Second      // a note is held for so long after the last HOLD, then given back

	bootTime = time.Second     // silent after a restart or power-up
	initTime = 2 * time.Second // what RESET takes; a real one needs up to 40 s

	lateTime = 350 * time.Millisecond // longer than any host waits for an answer
	splitGap = 30 * time.Millisecond  // inside a split answer; still one frame
	byteTime = 1042 * time.Microsecond

	chunksMax = 64 // what the receiver holds while an answer is on its way
)
