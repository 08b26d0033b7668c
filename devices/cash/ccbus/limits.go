package ccbus

import "time"

const (
	// replyLimit is how long a simple answer may take. Devices answer within some 10 ms (part 1);
	// a USB adapter and a busy computer add some tens.
	replyLimit = 200 * time.Millisecond

	// gapLimit ends a packet that has stopped in the middle (part 1, "timing": 50 ms).
	gapLimit = 60 * time.Millisecond

	// packetLimit is how much longer than the first byte the rest of the longest packet may take:
	// 257 bytes at 9600 baud need 270 ms.
	packetLimit = 400 * time.Millisecond

	// quietLimit is the silence that must hold after an answer went missing: it may still be on its
	// way. quietMax bounds it on a line that never falls silent.
	quietLimit = 250 * time.Millisecond
	quietMax   = 1500 * time.Millisecond

	// triesMax is how often a question that changes nothing is asked before we call the line silent.
	triesMax = 3
)
