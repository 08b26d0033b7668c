package sdt

import "time"

const (
	shortWait  = time.Second             // status, id, find: modules answer within 0.8 s
	selectWait = 1500 * time.Millisecond // the card's anticollision may be repeated inside the reader
	readWait   = 5 * time.Second         // typical 1 to 1.5 s; 9600 baud alone takes 2.5 s for a full block
	gapWait    = 300 * time.Millisecond  // a pause this long ends an answer; USB bridges pause tens of ms
	readGap    = time.Second             // the same in a read: broken off, it asks the person to lay the card down again
	flushWait  = 2 * time.Millisecond    // what lies in the buffer comes at once
	glanceWait = time.Microsecond        // the same on a line that is in good order; nobody sleeps so short
	freshMax   = 50 * time.Millisecond   // so soon after an answer the next question is of the same conversation
	pollEvery  = 300 * time.Millisecond  // between two finds; makers use 100 ms to 1 s
	idleEvery  = 5 * time.Second         // how soon an unplug is noticed while nobody waits for a card
	idleFresh  = 4 * time.Second         // a line that answered this recently need not be asked
	reopenWait = time.Second             // after an unplug; a USB bridge needs about that to come back

	resendsMax     = 1 // the descriptions' word: resend once after 10 and 11
	settleTriesMax = 2
	selectTriesMax = 4 // about a second of trying before a card is called no identity card
	readTriesMax   = 3 // one and two repetitions: 41 is common behind a metal front

	frameLenMin = 4    // SW1 SW2 SW3 and the check
	frameLenMax = 4096 // the longest answer is 2314
	bufferMax   = 16384
	flushMax    = 64 // reads of one flush: a line that never falls silent is told as garbled, not waited for
)

// speeds are the line speeds in the order of probing.
var speeds = [...]int{115200, 57600, 38400, 19200, 9600}
