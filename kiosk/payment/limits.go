package payment

import "time"

const (
	// checkEvery is how often an open note is looked after, and whether notes are taken, when no signal comes.
	checkEvery = time.Second
	// orderMax bounds the order to stack or return; what became of it is told by a signal.
	orderMax = 3 * time.Second
	// repeatAfter is when an order that had no effect is given again: longer than any note travels.
	repeatAfter = 4 * time.Second
	// doubtAfter is when a note of which nothing is heard is called doubtful: long enough for a plug to be
	// put back, short enough for a person to wait.
	doubtAfter = 90 * time.Second
	// coinFlight is how long a coin may be under way from the slot to its signal: it falls and is polled for.
	coinFlight = 700 * time.Millisecond
	// payMax bounds a payout: a hopper gives some coins a second, a recycler a note in some seconds.
	payMax = 3 * time.Minute
	// payDoubtAfter is when pieces of which the payer says nothing are called doubtful: long enough for a plug to be put back.
	payDoubtAfter = 45 * time.Second
	// settleMax bounds how long the end of a payment waits for the note on its way.
	settleMax = doubtAfter + 10*time.Second
)
