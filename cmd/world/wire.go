package world

import (
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// lay lays a wire, both of whose ends can be written to at any time. What is written arrives after a while, which is another one
// for each door and direction: no two programs act at the same instant because they heard something, so that the order of
// what happens is the same each time.
// leaves is called before anything arrives at the far end, at an instant of its own; it may be nil.
func lay(door string, leaves func()) (near, far net.Conn) {
	nearReads, there := net.Pipe()
	farReads, back := net.Pipe()
	a, b := &end{Conn: nearReads, out: newLane(back, after(door, "there"), leaves)}, &end{Conn: farReads, out: newLane(there, after(door, "back"), nil)}
	return a, b
}

// after is about a millisecond, in whole microseconds: the slot of whoever sends stays his own. The folder of a world has another
// name each time.
func after(door, way string) time.Duration {
	h := fnv.New32a()
	io.WriteString(h, filepath.Base(door)+" "+way)
	return 20*time.Microsecond + time.Duration(h.Sum32()%2000)*time.Microsecond
}

// inTurn has the hall's answers leave at instants of their own, each question's a while after it could. One change answers several that wait, and would
// be with the terminal in one piece, in an order that is another one each time.
func inTurn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&held{ResponseWriter: w, by: after(r.URL.Path, "answer")}, r)
	})
}

// held holds an answer back.
type held struct {
	http.ResponseWriter
	by time.Duration
}

func (h *held) hold() {
	time.Sleep(h.by)
	h.by = 0
}

// WriteHeader begins the answer.
func (h *held) WriteHeader(status int) {
	h.hold()
	h.ResponseWriter.WriteHeader(status)
}

// Write goes on with it.
func (h *held) Write(b []byte) (int, error) {
	h.hold()
	return h.ResponseWriter.Write(b)
}

// Unwrap is for what else the server's own writer can do.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// end is one end of a wire.
type end struct {
	net.Conn // what is read
	out      *lane
}

// Write sends. It never waits: who writes may hold a lock, and time would stand still.
func (e *end) Write(b []byte) (int, error) {
	if !e.out.put(b) {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// Close ends both directions: what is on its way arrives.
func (e *end) Close() error {
	e.out.close()
	return e.Conn.Close()
}

// lane is one direction.
type lane struct {
	to     net.Conn
	by     time.Duration
	leaves func()

	mu     sync.Mutex
	way    []byte // what is on its way
	closed bool
	more   chan struct{}
}

func newLane(to net.Conn, by time.Duration, leaves func()) *lane {
	l := &lane{to: to, by: by, leaves: leaves, more: make(chan struct{}, 1)}
	go l.carry()
	return l
}

func (l *lane) put(b []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.way = append(l.way, b...)
	l.wake()
	return true
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.wake()
}

func (l *lane) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// arrival is how long what leaves is still on its way.
const arrival = 3 * time.Microsecond

// carry brings what was written to the other end, until it is closed.
func (l *lane) carry() {
	defer l.to.Close()
	for range l.more {
		time.Sleep(l.by)
		l.mu.Lock()
		b, last := slices.Clone(l.way), l.closed
		l.way = l.way[:0]
		l.mu.Unlock()
		if len(b) > 0 {
			if l.leaves != nil {
				l.leaves()
				time.Sleep(arrival)
			}
			if _, err := l.to.Write(b); err != nil { // nobody reads any more
				l.close()
				return
			}
		}
		if last {
			return
		}
	}
}
