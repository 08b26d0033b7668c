package cctalk

import "time"

const (
	// pollEvery is the usual period (part 2, header 249). Validators shut themselves after 5 s without.
	pollEvery = 200 * time.Millisecond

	// triesMax is how often settings are given before we call the line silent.
	triesMax = 3

	// failuresMax is how many turns may fail in a row before the line is opened anew. Five take
	// about 3 s: a validator that restarts stays silent for about that long.
	failuresMax = 5

	// extendEvery keeps an undecided note in escrow, which is held for 30 s (part 3, header 154).
	extendEvery = 10 * time.Second

	// againUnheard is when a route command without an answer is given once more, and againHeard when
	// one that was acknowledged is, because nothing came of it. A stacker needs about 1 s.
	againUnheard = 1 * time.Second
	againHeard   = 6 * time.Second

	// settleLimit is how long a note may be gone from escrow without an event that says where to.
	settleLimit = 10 * time.Second

	// verifyEvery is how often inhibits and mode are read back: a validator that restarted between
	// two polls has lost them and may show nothing else of it.
	verifyEvery = 5 * time.Second

	// checkEvery is how often a validator with a fault is asked whether it is mended, and checkIdle
	// how often a fit one is asked whether it still is.
	checkEvery = 1 * time.Second
	checkIdle  = 60 * time.Second

	// faultHold is how long a fault told by an event stands before a self-check may say it is gone.
	faultHold = 2 * time.Second

	// typesMax is the number of bill types (part 3, header 157).
	typesMax = 16

	// writeLimit is how long the owner may take to write down what the device has lost, before the device is set up.
	writeLimit = 5 * time.Second
)
