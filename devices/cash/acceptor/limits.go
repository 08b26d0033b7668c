package acceptor

import "time"

const (
	// reopenFirst and reopenMax are the pauses between attempts to open.
	reopenFirst = 100 * time.Millisecond
	reopenMax   = 2 * time.Second

	// routesMax is how many commands about a note may go unanswered before the caller is told.
	routesMax = 3

	// signalsMax bounds the signals that nobody fetches. Money is never dropped; it cannot pile up,
	// since each note waits for its owner's word.
	signalsMax = 256

	// goodbyeLimit is how long after the end of Run a blocked line may hold it up.
	goodbyeLimit = 2 * time.Second
)
