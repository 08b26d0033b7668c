package cctalkcoin

import "time"

const (
	// pollEvery is the usual period (part 2, header 249). An acceptor tells at most two events in that time and
	// remembers five. Many shut themselves after 5 s without a poll.
	pollEvery = 200 * time.Millisecond

	// triesMax is how often settings are given before we call the line silent.
	triesMax = 3

	// failuresMax is how many turns may fail in a row before the device is set up anew. Five take
	// about 3 s: an acceptor that restarts stays silent for about that long.
	failuresMax = 5

	// verifyEvery is how often the inhibits are read back: an acceptor that restarted between two polls has
	// lost them and may show nothing else of it.
	verifyEvery = 5 * time.Second

	// checkEvery is how often an acceptor with a fault is asked whether it is mended, and checkIdle
	// how often a fit one is asked whether it still is.
	checkEvery = 1 * time.Second
	checkIdle  = 60 * time.Second

	// faultHold is how long a fault told by an event stands before a self-check may say it is gone.
	faultHold = 2 * time.Second

	// leverHold is how long the return lever may be held before that is a fault: a hand lets go of it.
	leverHold = 5 * time.Second

	// typesMax is the number of coin types (part 3, header 184).
	typesMax = 16

	// writeLimit is how long the owner may take to write down what the device has lost, before the device is set up.
	writeLimit = 5 * time.Second
)
