package cctalkhopper

import "time"

const (
	// chunkMax is how many coins one order may be for. A hopper takes up to 255; less limits what an order whose
	// end nobody hears can be about.
	chunkMax = 20

	// ordersMax is how often one order may be given in all, each time after the hopper has proved that it did not
	// take the one before.
	ordersMax = 3

	// pollEvery is the pace of the loop; testEvery and levelEvery are how often an idle hopper is asked for its
	// faults and its level.
	pollEvery  = 200 * time.Millisecond
	testEvery  = 1 * time.Second
	levelEvery = 10 * time.Second

	// payPoll is how often a hopper that pays is asked how far it is. Hoppers pay some 3 to 10 coins a second.
	payPoll = 200 * time.Millisecond

	// restTime is the pause between the end of a payout and disabling: the last coin is still falling.
	restTime = 500 * time.Millisecond

	// stallLimit is for how long a payout may make no progress before it is stopped. Hoppers give up by themselves after
	// some seconds without a coin.
	stallLimit = 20 * time.Second

	// stopsMax is how often a payout is told to stop before we look no further.
	stopsMax = 3

	// healLimit is how long a payout waits for a hopper that has gone silent, and healPause between two looks.
	healLimit = 60 * time.Second
	healPause = 250 * time.Millisecond

	// failuresMax is how many questions may fail in a row before an idle hopper is taken off line.
	failuresMax = 3

	// reopenFirst and reopenMax are the pauses between attempts to reach a hopper. To look for a hopper that is
	// not there takes the line some 4 s, in pieces between which the other devices are asked.
	reopenFirst = 200 * time.Millisecond
	reopenMax   = 15 * time.Second

	// firstAddress and lastAddress are where hoppers are looked for when none is named (part 1, address table).
	firstAddress = 3
	lastAddress  = 10

	// goodbyeLimit is how long after the end of Run a blocked line may hold it up. A payout is stopped and read
	// in less.
	goodbyeLimit = 5 * time.Second

	// countMask: the lifetime count has three bytes (part 2, header 168).
	countMask = 1<<24 - 1
)
