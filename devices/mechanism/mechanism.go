// Package mechanism is what all simulated devices have in common: a log of what happened, a table of
// faults that a hand can arm, and a line on which those faults disturb the bytes of an answer.
//
// A simulator is a mechanism (a box, a note in the mouth, a cover switch) that answers bytes. It is
// never imported by a driver and never imports one; the vectors in testdata pin both.
package mechanism

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"sync"
	"time"
)

// Event is one thing that happened at a device, as GET /v1/events tells it.
type Event struct {
	N      int64     `json:"n"`
	Time   time.Time `json:"time"`
	Device string    `json:"device"` // idcard cash receipt scanner license, or desk
	From   string    `json:"from"`   // host, device or hand
	Hex    string    `json:"hex,omitempty"`
	What   string    `json:"what"`
}

// eventsMax bounds the log: about an hour of polling five devices.
const eventsMax = 100000

// Log keeps the last events of all devices in order.
type Log struct {
	mu     sync.Mutex
	next   int64
	events []Event
	grown  chan struct{}
}

// NewLog makes an empty log.
func NewLog() *Log { return &Log{next: 1, grown: make(chan struct{})} }

// Add appends an event. A nil log keeps nothing.
func (l *Log) Add(device, from string, raw []byte, what string) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, Event{N: l.next, Time: time.Now(), Device: device, From: from, Hex: hex.EncodeToString(raw), What: what})
	l.next++
	if len(l.events) > eventsMax {
		l.events = append([]Event(nil), l.events[eventsMax/10:]...)
	}
	close(l.grown)
	l.grown = make(chan struct{})
}

// After gives the events later than n; when there are none yet it waits for the first until ctx ends.
func (l *Log) After(ctx context.Context, n int64) []Event {
	for {
		l.mu.Lock()
		i := sort.Search(len(l.events), func(i int) bool { return l.events[i].N > n })
		found, grown := append([]Event(nil), l.events[i:]...), l.grown
		l.mu.Unlock()
		if len(found) > 0 {
			return found
		}
		select {
		case <-ctx.Done():
			return []Event{}
		case <-grown:
		}
	}
}

// Fault is one row of a device's table of faults.
type Fault struct {
	Name  string `json:"fault"`
	What  string `json:"what"`
	Armed int    `json:"armed"` // how many times it will still befall; for a lasting state, 1 until mended
}

// Faults is the table of what can befall one device. Lasting states (paper_out, cover_open) stay armed
// until mended; single ones (double, garble) are used up one by one.
type Faults struct {
	mu      sync.Mutex
	rows    []Fault
	lasting map[string]bool
	changed func(name string, armed int)
}

// NewFaults makes a table. The rows come as name and what; lasting names the states.
func NewFaults(rows []Fault, lasting ...string) *Faults {
	f := &Faults{rows: append([]Fault(nil), rows...), lasting: map[string]bool{}}
	for _, name := range lasting {
		f.lasting[name] = true
	}
	return f
}

// OnChange is called, without the table's lock, after a hand armed or mended a fault.
func (f *Faults) OnChange(fn func(name string, armed int)) { f.changed = fn }

// List gives all rows.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Fault(nil), f.rows...)
}

// Arm sets how many times a fault will befall; 0 mends it. An unknown name is an error that lists the known.
func (f *Faults) Arm(name string, count int) error {
	f.mu.Lock()
	for i := range f.rows {
		if f.rows[i].Name != name {
			continue
		}
		if count > 0 && f.lasting[name] {
			count = 1
		}
		f.rows[i].Armed = count
		fn := f.changed
		f.mu.Unlock()
		if fn != nil {
			fn(name, count)
		}
		return nil
	}
	names := make([]string, len(f.rows))
	for i, r := range f.rows {
		names[i] = r.Name
	}
	f.mu.Unlock()
	return fmt.Errorf("fault %q: this device knows only %v", name, names)
}

// MendAll disarms every fault.
func (f *Faults) MendAll() {
	for _, r := range f.List() {
		if r.Armed > 0 {
			f.Arm(r.Name, 0) // the name is from our own table
		}
	}
}

// Take says whether the fault befalls now, and uses it up once unless it is a lasting state.
func (f *Faults) Take(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.rows {
		if f.rows[i].Name == name && f.rows[i].Armed > 0 {
			if !f.lasting[name] {
				f.rows[i].Armed--
			}
			return true
		}
	}
	return false
}

// On says whether the fault is armed, and leaves it so.
func (f *Faults) On(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rows {
		if r.Name == name {
			return r.Armed > 0
		}
	}
	return false
}

// LineFaults are the rows that every device on a line of bytes has.
func LineFaults() []Fault {
	return []Fault{
		{Name: "late", What: "the answer comes after the driver has stopped waiting"},
		{Name: "double", What: "the answer comes twice"},
		{Name: "split", What: "the answer comes in two parts with a gap between"},
		{Name: "truncate", What: "the answer ends in the middle"},
		{Name: "garble", What: "a byte of the answer is wrong"},
		{Name: "checksum", What: "the answer's checksum is wrong"},
		{Name: "silence", What: "there is no answer"},
	}
}

// Line writes a device's answers and lets the armed line faults befall them.
type Line struct {
	Device string
	W      io.Writer
	Faults *Faults
	Log    *Log
	Late   time.Duration // how late is too late for this protocol's driver
	Gap    time.Duration // the pause inside a split answer
	// Sum spoils the checksum in place; nil flips the last byte.
	Sum func(frame []byte)
}

// Answer sends one frame. what is for the log.
func (l *Line) Answer(frame []byte, what string) error {
	out := append([]byte(nil), frame...)
	f := l.Faults
	switch {
	case f.Take("silence"):
		l.Log.Add(l.Device, "device", nil, "stays silent instead of: "+what)
		return nil
	case f.Take("late"):
		l.Log.Add(l.Device, "device", nil, "answers late: "+what)
		time.Sleep(l.Late)
	case f.Take("truncate"):
		out = out[:len(out)/2]
	case f.Take("garble"):
		out[len(out)/2] ^= 0x55
	case f.Take("checksum"):
		if l.Sum != nil {
			l.Sum(out)
		} else {
			out[len(out)-1] ^= 0xFF
		}
	case f.Take("double"):
		out = append(out, out...)
	case f.Take("split"):
		half := len(out) / 2
		l.Log.Add(l.Device, "device", out[:half], what+" (first part)")
		if _, err := l.W.Write(out[:half]); err != nil {
			return err
		}
		time.Sleep(l.Gap)
		out = out[half:]
	}
	l.Log.Add(l.Device, "device", out, what)
	_, err := l.W.Write(out)
	return err
}
