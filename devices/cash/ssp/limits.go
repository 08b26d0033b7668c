package ssp

import "time"

const (
	// replyLimit is how long an answer may take (the maker's libraries: 1 s).
	replyLimit = time.Second

	// triesMax is how often the same packet is sent before the line is called silent. The maker's libraries
	// send it 20 times; a person at the machine does not wait for 20 s.
	triesMax = 4

	// flushMax bounds the wait for silence before we speak. A late answer needs no longer silence: its sequence byte tells
	// whose it is.
	flushMax = 500 * time.Millisecond

	// syncTries is how often a device that may be starting is asked to begin anew in one opening.
	syncTries = 2

	// pollEvery is the usual period (the maker advises at least 200 ms).
	pollEvery = 200 * time.Millisecond

	// holdEvery keeps an undecided note in escrow, which a device holds for 5 to 10 s (from memory), and shows a note that
	// is gone as soon as a poll would.
	holdEvery = pollEvery

	// settingsEvery is how soon a unit that shut itself is given its settings again.
	settingsEvery = time.Second

	// restPolls is how many answers in a row must show a device at rest before its counters are believed to be final.
	restPolls = 3

	// settleLimit is how long an open note may stay without an event and without a counter that says where it went.
	settleLimit = 5 * time.Second

	// missedMax bounds the wait for a moving note when the line was opened; it is told later then.
	missedMax = 8 * time.Second

	// writeLimit is how long the owner may take to write down what a unit that has restarted said first, before its version is set.
	writeLimit = 5 * time.Second

	// storeLimit is how long after the credit the event may come that says whether the note went into the store.
	storeLimit = 3 * time.Second

	// faultHold is how long a fault stands that no answer repeats any more.
	faultHold = 2 * time.Second

	// levelsEvery is how often a payout at rest is asked for its levels, which staff may change.
	levelsEvery = 30 * time.Second

	// stuckPolls is how many answers in a row must tell of a jam before a payout is called at rest.
	stuckPolls = 5

	// faultStays is how long a payout that would not start is called broken: until the line is opened anew.
	faultStays = 24 * 365 * time.Hour

	// piecesMax bounds one order; a count has 16 bits.
	piecesMax = 1000

	// channelsMax is the number of note channels (16 in the mask of SET_CHANNEL_INHIBITS).
	channelsMax = 16

	// primeBits is the size of the primes of the key agreement; the fields have 64 bits.
	primeBits = 62
)
