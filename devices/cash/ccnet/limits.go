package ccnet

import "time"

const (
	// replyLimit is how long an answer may take. §2.8 gives the validator 10 ms; a USB adapter and a busy computer
	// add some tens, and the bill table needs 130 ms at 9600 baud.
	replyLimit = 200 * time.Millisecond

	// gapLimit ends a frame that has stopped in the middle. §2.8 says 5 ms; adapters deliver in pieces.
	gapLimit = 60 * time.Millisecond

	// frameLimit is how much longer than the first byte the rest of the longest frame may take: 250 bytes at 9600
	// baud need 260 ms.
	frameLimit = 400 * time.Millisecond

	// ackPause is the silence between our acknowledgement and the next command: 10 to 20 ms in the field.
	ackPause = 20 * time.Millisecond

	// quietLimit is the silence that must hold after an answer went missing: it may still be on its
	// way. quietMax bounds it on a line that never falls silent.
	quietLimit = 250 * time.Millisecond
	quietMax   = 1500 * time.Millisecond

	// pollEvery is the usual period, 100 to 200 ms. Validators disable themselves after 5 s without.
	pollEvery = 200 * time.Millisecond

	// triesMax is how often a question that changes nothing is asked before we call the line silent.
	triesMax = 3

	// failuresMax is how many turns may fail in a row before the line is opened anew. Five take
	// about 3 s: a validator that restarts stays silent for about that long.
	failuresMax = 5

	// holdEvery keeps an undecided note in escrow: HOLD is good for 10 s (§5.3).
	holdEvery = 5 * time.Second

	// againUnheard is when a command about a note that got no answer is given once more, and againHeard when one
	// that was acknowledged is, because the note is still in escrow.
	againUnheard = 1 * time.Second
	againHeard   = 3 * time.Second

	// goneLimit is how long a note may be neither in escrow nor moving nor told of, before nobody can tell. After
	// RESET "the state changes to stacked at once" (§5.4, 12h).
	goneLimit = 3 * time.Second

	// resetAgain is when RESET is given again to a validator that still says that it waits for it.
	resetAgain = 5 * time.Second

	// lostLimit bounds how long RESET waits until its owner has written down that the validator had restarted.
	lostLimit = 5 * time.Second

	// enableAgain is when ENABLE BILL TYPES is given again to a validator whose state does not show it.
	enableAgain = 1 * time.Second

	// verifyEvery is how often the enabled types are read back.
	verifyEvery = 5 * time.Second

	// honestyHold is how long an attempt to cheat, which the validator tells once, stands as a fault.
	honestyHold = 3 * time.Second
)
