package escpos

import "time"

// The limits of the conversation, each with its reason.
const (
	pollEvery     = time.Second            // paper and cover are known a second after they change
	answerLimit   = 400 * time.Millisecond // the manual says 20 ms; USB bridges add up to 250 ms
	quietAfter    = 600 * time.Millisecond // an answer later than a second is none; until then we listen, not talk
	quietLimit    = 2 * time.Second        // listening for quiet has an end too
	echoGap       = 15 * time.Millisecond  // a doubled byte follows within 1 ms at 9600 baud, and a USB frame
	baudMin       = 9600                   // the slowest line; what is sent waits in the computer for it
	bitsOfByte    = 10                     // with start and stop
	echoPeek      = time.Microsecond       // what has come and was not read is there at once; nobody sleeps so short
	triesMax      = 3                      // three misses in a row are silence
	agreeMax      = 4                      // readings until two in a row agree
	reopenEvery   = time.Second            // how often an unplugged printer is looked for
	silentMax     = 5                      // silent polls until the port is opened afresh
	writeLimit    = 5 * time.Second        // 2 KiB take 2.1 s at 9600 baud; a stopped printer takes for ever
	markerLimit   = 10 * time.Second       // added to the paper's own time until GS r must be answered
	cutLimit      = 5 * time.Second        // feed to the cutter and the cut take 1.5 s
	takeTime      = 30 * time.Second       // who takes a receipt at all takes it within this
	presentLimit  = 5 * time.Second        // 84 mm of paper through the mouth take a second
	mouthEvery    = 200 * time.Millisecond // a strip is in the mouth for half a second at least
	retractMax    = 3                      // orders to draw a strip in, until staff is called
	retractWait   = 3 * time.Second        // between those: the paper moves for a second
	recoverWait   = time.Second            // an error that was lifted shows in the status within this
	blockLimit    = 500 * time.Millisecond // a text answer takes 70 ms at 9600 baud
	rowTime       = 4 * time.Millisecond   // 30 mm/s: the slowest printer with a dark picture
	stripRowsMax  = 24000                  // 3 m of paper: more is a mistake
	bandRows      = 24                     // rows of one picture command: cheap printers choke on more
	segmentBytes  = 1536                   // bytes between two looks at the state
	fillBytes     = 2048                   // more than the longest command of ours: 24 rows of 80 bytes and header
	headBytes     = 16                     // more than the bytes of a command before its data
	widthDotsMax  = 640                    // bandRows rows of it must stay below fillBytes
	qrBytesMax    = 512                    // fits a symbol of 576 dots with 4 dots a module
	blockBytesMax = 96                     // maker, model and serial texts are shorter than 80 characters
	tabColumns    = 8                      // between the stops of HT after ESC @
	blankRowsMin  = 8                      // shorter gaps inside a picture are not worth two commands
)
