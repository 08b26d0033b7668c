package scanner

import "time"

const (
	ackWait     = time.Second             // guides allow 5 s, devices answer within 100 ms; asked twice
	gapWait     = 100 * time.Millisecond  // ends a code without CR: 9600 baud has a byte each ms, bridges pause tens of ms
	flushWait   = 10 * time.Millisecond   // what lies in the buffer comes at once
	commandGap  = 50 * time.Millisecond   // the least pause between two commands
	retrigger   = 2500 * time.Millisecond // factory reading time-outs begin at 3 s
	sameWait    = time.Second             // the same code within this is the same showing of it
	idleEvery   = 5 * time.Second         // how soon an unplug is noticed while nobody scans
	reopenWait  = time.Second             // after an unplug; a USB scanner needs about that to come back
	ackMax      = 64                      // an answer to a command is shorter
	codeMax     = 4096                    // the largest QR symbol holds 2953 bytes
	triesMax    = 2                       // of each command
	flushMax    = 64                      // reads of one flush: a line that never falls silent is not waited for
	stopTimeout = 3 * time.Second         // for switching the light off after a scan
)
