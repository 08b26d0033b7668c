package line

import "time"

const (
	packetSize = 1400 // the payload of a usual packet
	// packetsMax is what may be on its way on one connection: 64 of them are about 90 kB, a usual window.
	packetsMax = 64
	// retryMin and triesMax: TCP sends again after at least 200 ms and doubles it each time; six losses in
	// a row are some ten seconds, after which another one changes nothing.
	retryMin = 200 * time.Millisecond
	triesMax = 6
	// dialLimit: the hall is on this machine; it answers at once or is not running.
	dialLimit   = 2 * time.Second
	acceptPause = 50 * time.Millisecond
	// Bounds of the figures that a hand can ask for.
	kbitMax = 10_000_000
	rttMax  = 60_000
)
