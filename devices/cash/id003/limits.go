package id003

import "time"

const (
	// replyLimit is how long an answer may take to begin: hosts in the field wait 300 ms, and an adapter and
	// a busy computer add some.
	replyLimit = 300 * time.Millisecond

	// gapLimit ends a frame that has stopped in the middle. Its bytes follow each other at 9600 baud; an adapter
	// hands them over in pieces.
	gapLimit = 60 * time.Millisecond

	// frameLimit is how much longer than the first byte the rest of the longest frame may take: 255 bytes of
	// eleven bits at 9600 baud need 292 ms.
	frameLimit = 450 * time.Millisecond

	// quietLimit is the silence that must hold after an answer went missing: it may still be on its
	// way. quietMax bounds it on a line that never falls silent.
	quietLimit = 300 * time.Millisecond
	quietMax   = 1500 * time.Millisecond

	// pollIdle is the period while nothing moves, pollBusy while something does.
	pollIdle = 200 * time.Millisecond
	pollBusy = 100 * time.Millisecond

	// triesMax is how often a question that changes nothing is asked before we call the line silent.
	triesMax = 3

	// failuresMax is how many turns may fail in a row before the line is opened anew. Five take about 3 s:
	// an acceptor that starts anew stays silent for about that long.
	failuresMax = 5

	// holdEvery keeps an undecided note in escrow, which is held for 10 s at least.
	holdEvery = 5 * time.Second

	// againUnheard is when a command about a note is given once more that had no answer, and againHeard when
	// one that was acknowledged is, because the note is still in escrow.
	againUnheard = 1 * time.Second
	againHeard   = 6 * time.Second

	// resetAgain is when RESET is repeated to an acceptor that still says power-up.
	resetAgain = 1 * time.Second

	// resetStuck is how long an acceptor may stand in a jam or a failure, with no note of ours in it, before
	// it is told to try again by RESET; and again after as long.
	resetStuck = 30 * time.Second

	// obeyLimit is how long an acceptor may go on showing the other of DISABLE and ENABLE after it was told.
	obeyLimit = 1 * time.Second

	// codesMax is the number of denominations: two bytes of bits.
	codesMax = 16

	// zerosMax is more zeros than any banknote has.
	zerosMax = 9
)
