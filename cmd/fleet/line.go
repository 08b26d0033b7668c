package fleet

import (
	"net"
	"sync"
	"time"

	"yichuang/cmd/world"
)

// lineDelay is how long a byte is on its way between a terminal and the hall.
const lineDelay = 8 * time.Millisecond

// line is one terminal's way to the hall. Bytes are on their way for a while, each chunk for itself; they arrive at the
// terminal's own instants, at both ends. What was sent before a line broke arrives all the same: so a batch comes late,
// after the same batch over the next connection, or comes in while its answer is lost.
type line struct {
	slot world.Slot

	mu     sync.Mutex
	delay  [2]time.Duration // of what is sent now, besides lineDelay: towards the hall, towards the terminal
	silent [2]bool          // what is sent now never arrives
}

// The directions.
const (
	toHall     = 0
	toTerminal = 1
)

// set changes what becomes of what is sent from now on.
func (l *line) set(direction int, delay time.Duration, silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay[direction], l.silent[direction] = delay, silent
}

// pair makes the two ends of a new connection.
func (l *line) pair() (ours, theirs net.Conn) {
	ours, near := net.Pipe()
	theirs, far := net.Pipe()
	go l.carry(toHall, near, far)
	go l.carry(toTerminal, far, near)
	return ours, theirs
}

// parcel is some bytes on their way; nil are the end.
type parcel struct {
	at   time.Time
	data []byte
}

// carry takes what comes out of one end to the other, until that ends, and then ends the other.
func (l *line) carry(direction int, from, to net.Conn) {
	way := make(chan parcel, 1<<14) // never full: a batch is a megabyte, in chunks of kilobytes
	go func() {
		defer to.Close()
		for p := range way {
			time.Sleep(time.Until(p.at))
			if p.data == nil {
				return
			}
			if _, err := to.Write(p.data); err != nil {
				return
			}
		}
	}()
	defer close(way)
	var last time.Time // chunks do not overtake each other
	lost := false      // something of this connection never arrives: then nothing that follows does
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		delay := lineDelay + l.delay[direction]
		lost = lost || l.silent[direction]
		l.mu.Unlock()
		if at := l.slot.After(time.Now().Add(delay)); at.After(last) {
			last = at
		}
		switch {
		case err != nil:
			way <- parcel{at: last}
			return
		case !lost:
			way <- parcel{at: last, data: append([]byte(nil), buffer[:n]...)}
		}
	}
}
