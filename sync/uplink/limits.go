package uplink

import (
	"fmt"
	"hash/fnv"
	"time"
)

const (
	// pingAfter: when nothing has come from the hall for so long, it is asked for a sign of life (an
	// HTTP/2 ping). With a round trip of a second and a packet sent twice, the sign comes before silentMax.
	pingAfter = 800 * time.Millisecond
	// silentMax is the silence after which the line counts as down: a person who is told "the hall
	// cannot be asked" three seconds after the cut has not begun anything with it.
	silentMax = 2600 * time.Millisecond
	// deadAfter is the silence after which a connection is given up and made anew. Longer than silentMax:
	// a new connection costs a slow line more than the wait for the old one.
	deadAfter = 6 * time.Second
	// pingLimit is when HTTP/2 itself gives up. On a slow line the sign of life queues behind what is
	// being sent, so it is long; deadAfter, which counts any byte, comes first.
	pingLimit = time.Minute
	// watchEvery is how often the silence is looked at.
	watchEvery = 250 * time.Millisecond
	// dialLimit and shakeLimit: connecting, and the TLS handshake on a line of 64 kbit/s with losses.
	// Short, because a try that began while the line was cut delays the one that would succeed.
	dialLimit  = 2 * time.Second
	shakeLimit = 6 * time.Second
	// idleLimit: a connection that nothing uses any more, such as that of a renewed certificate, is closed.
	idleLimit = 30 * time.Second
	// sinceDown is how long the line may have been down before a question is given up, whatever time it
	// still had: a hall that is started again is back by then, a cut line is told honestly.
	sinceDown = 5 * time.Second
	// answerMax is how long the hall may take for an answer beyond the wait that it was asked for.
	answerMax = 15 * time.Second
	// garbledMax: an answer that makes no sense may have been an accident; the third one was not.
	garbledMax = 3
	// pullWait is how long the hall holds a question for notices: shorter than hallapi.WaitMax, which
	// proxies bear.
	pullWait = 25 * time.Second
	// pullPause is the pause when the hall does not hold the question although asked to.
	pullPause = time.Second
	// beatEvery is how often the hall hears how the terminal is when there is nothing to send.
	beatEvery = 5 * time.Second
	// pushMax bounds one batch in time: the smallest one passes a line of 2 kbit/s in it.
	pushMax = 90 * time.Second
	// batchMin and batchMax bound a batch in bytes. A batch that took longer than pushSlow is followed by
	// one half as large, so that a person's question does not queue behind it; a quick one by a larger.
	batchMin, batchFirst, batchMax = 16 << 10, 64 << 10, 1 << 20
	// growAfter is how many smaller batches a line has borne before one is tried again that is as large as the one on which it broke.
	growAfter = 8
	pushSlow  = 2 * time.Second
	pushQuick = 500 * time.Millisecond
	// cursorEvery is how old the cursor on the disk may be while the queue is being sent.
	cursorEvery = time.Second
	// flightsMax is how many batches are on their way at once: one on the line, one at the hall.
	flightsMax = 2
	// pieceMax is the size of a frame: half a second on a line of 64 kbit/s, and as much as it takes for
	// HTTP/2 to answer. pieceQuick is that on a quick line, as large as HTTP/2 has them.
	pieceMax, pieceQuick = 4 << 10, 16 << 10
	// quickRate, in bytes a second, is a line on which compression takes longer than what it saves. A batch of less than
	// quickLeast says nothing about that.
	quickRate  = 4 << 20
	quickLeast = 32 << 10
	// waitPiece is the longest single wait in a question that waits: each piece brings the state that
	// stands, so that it is known when the time is over.
	waitPiece = 10 * time.Second
	// waitMargin is kept of the caller's time for the answer's way back.
	waitMargin = 1500 * time.Millisecond
	// branchEvery is how soon the hall may make the journal branch again: a hall that is mistaken does not make an epoch
	// of each record.
	branchEvery = time.Hour
	// heldMax is how long after the hall's leave to print, or its word that a claim counts, what was done with it may
	// not be in the journal yet: setting the sheet in type takes seconds, on a bad day.
	heldMax = 2 * time.Minute
	// catalogLimit bounds the way of a catalogue of some hundred kilobytes over a slow line.
	catalogLimit = 3 * time.Minute
	// catalogEvery: a notice about a catalogue may have been lost with a hall's disk.
	catalogEvery = time.Hour
	// renewAfter, or half of a certificate's life when that is shorter, is when it is renewed. New sealing
	// keys come with it, so that they do not take half a year to arrive.
	renewAfter = 30 * 24 * time.Hour
	// renewEvery is how often the certificate's age is looked at.
	renewEvery = time.Hour
	// enrolAgain is the pause after a refused code: somebody has to bring another one, and a hall that
	// counts wrong codes is not to be annoyed.
	enrolAgain = 30 * time.Second
	// codeEvery is how often the code's file is looked at: whoever puts one there waits beside it.
	codeEvery = time.Second
	// codeMax is the size of a file that may hold a code.
	codeMax = 4 << 10
	// statusLimit bounds the look into the journal for a status.
	statusLimit = 2 * time.Second
	// givenMax bounds the orders whose last given state is remembered: more than a day has of them open.
	givenMax = 256
)

// The pauses between tries. A line that is down is tried again within two seconds, because somebody may be
// standing there; a hall that refuses or is in trouble is left alone longer.
var (
	lineBackoff  = backoff{least: 100 * time.Millisecond, most: 1500 * time.Millisecond}
	askBackoff   = backoff{least: 200 * time.Millisecond, most: 2 * time.Second}
	hallBackoff  = backoff{least: 500 * time.Millisecond, most: 2 * time.Second}
	slowBackoff  = backoff{least: time.Second, most: 30 * time.Second}
	renewBackoff = backoff{least: 2 * time.Second, most: time.Minute}
)

// backoff gives pauses that double from least to most, each by up to a quarter shorter, so that terminals
// that lost their hall together do not come back together. By how much follows from who tries for what and when, and
// from no chance that could not be repeated.
type backoff struct {
	least, most time.Duration
	next        time.Duration
	who         string
}

// of is the backoff of one terminal's tries for one purpose.
func (b backoff) of(l *Link, purpose string) backoff {
	b.who = l.journal.Terminal() + " " + purpose
	return b
}

func (b *backoff) pause() time.Duration {
	if b.next == 0 {
		b.next = b.least
	}
	d := b.next
	b.next = min(2*b.next, b.most)
	h := fnv.New64a()
	fmt.Fprint(h, b.who, time.Now().UnixNano())
	return d - time.Duration(h.Sum64()%uint64(d/4+1))
}

func (b *backoff) reset() { b.next = 0 }
