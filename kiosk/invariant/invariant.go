// Package invariant is what must hold of a terminal's journal at every instant, as code.
//
// Each invariant is one value of All: an id, a sentence, what it has to be told beside the journal, and a check. A Watch goes
// through one journal with all of them: See takes the records one after the other and names what each breaks; Rest takes
// what the hall and the mechanisms say at an instant at which nothing is on its way.
//
// The events are added up here a second time, by code that shares nothing with casefile.Book and never refuses: a
// mistake in the book, in what is written down, or in what is kept shows itself as a difference. The same invariants
// are checked by kioskctl audit in production, and by whoever lives through power cuts with simulators.
//
// The package is pure: no clock, no disk, no network.
package invariant

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"yichuang/kiosk/casefile"
)

// Need is what an invariant has to be told beside the journal. What it is not told it does not check, and its count of checks says so.
type Need string

// The needs.
const (
	Journal    Need = "journal"    // the records alone
	Sealed     Need = "sealed"     // the records with their sealed parts, which no export has
	Restart    Need = "restart"    // the journal read again after a restart (Watch.Again)
	Program    Need = "program"    // what the running program has added up (Watch.Expect)
	Quiet      Need = "quiet"      // that nothing is on its way and nobody stands there (Rest)
	Hall       Need = "hall"       // the hall's books (Rest.Hall)
	Mechanisms Need = "mechanisms" // what the mechanisms hold (Rest.Mechanisms)
	Memories   Need = "memories"   // each loss of a device's memory (Watch.Lost)
)

// Invariant is one thing that always holds. One of the checks is set: before looks at an event with what was before it,
// after at what the event has made of it, and rest at an instant of rest.
type Invariant struct {
	ID    string
	Says  string
	Needs Need

	before, after, rest func(*look)
}

// Violation is an invariant that does not hold, and where.
type Violation struct {
	ID   string
	Seq  int64 // the last event that was seen
	What string
}

func (v Violation) String() string { return fmt.Sprintf("%s: event %d: %s", v.ID, v.Seq, v.What) }

// Result is one invariant after the journal: how often it was checked, how often it did not hold, and the first time it did not.
type Result struct {
	ID      string
	Says    string
	Checked int64
	Broken  int64
	Note    string
}

// Watch goes through the journal of one terminal with every invariant. It may be used by several goroutines.
type Watch struct {
	mu       sync.Mutex // guards all below
	tally    *tally
	book     *casefile.Book // nil after it has refused an event: what follows cannot be compared with it
	sense    bool           // every event so far was one that can be counted
	at       int64          // the record that is looked at
	results  []Result
	broken   []Violation // of the call that is being made
	expected []Totals
}

// look is one check being made.
type look struct {
	*tally
	book   *casefile.Book
	r      *casefile.Record
	e      casefile.Event
	h      casefile.Header
	sense  bool // the record could be read and can be counted
	err    error
	told   Rest
	result *Result
	broken []string
}

// see counts a check, and keeps what it found.
func (l *look) see(ok bool, format string, args ...any) {
	l.result.Checked++
	if !ok {
		l.broken = append(l.broken, fmt.Sprintf(format, args...))
	}
}

// about says whether the event is of one of these families.
func (l *look) about(families ...string) bool {
	return slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(string(l.e.Kind), f) })
}

// matter is the money of the event's case; a case that nobody opened has none.
func (l *look) matter() *matter {
	if m := l.matters[l.e.Case]; m != nil {
		return m
	}
	return &matter{}
}

// New is the watch over a journal from its first record on.
func New(terminal, epoch string) *Watch {
	w := &Watch{tally: newTally(terminal, epoch), book: casefile.NewBook(), sense: true}
	for _, i := range All {
		w.results = append(w.results, Result{ID: i.ID, Says: i.Says})
	}
	return w
}

// See takes the next record and names what it breaks.
func (w *Watch) See(r casefile.Record) []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken, w.at = nil, r.Seq
	l := &look{tally: w.tally, book: w.book, r: &r, sense: w.sense}
	l.e, l.err = r.Event()
	l.h = l.e.Header
	w.sense = w.sense && l.err == nil && l.h.Uncountable() == ""
	l.sense = w.sense
	w.check(l, func(i Invariant) func(*look) { return i.before })
	w.tally.place(&r)
	if !w.sense {
		return w.broken
	}
	w.tally.add(r.Seq, r.When(), r.Quality, l.e)
	if w.book != nil {
		// By its own number: that a number is missing is another invariant's to say.
		if l.err = w.book.Apply(w.book.Seq+1, r.When(), l.e); l.err != nil {
			w.book = nil
		}
	}
	w.check(l, func(i Invariant) func(*look) { return i.after })
	w.expect()
	return w.broken
}

// check makes the checks that pick chooses.
func (w *Watch) check(l *look, pick func(Invariant) func(*look)) {
	for n, i := range All {
		fn := pick(i)
		if fn == nil {
			continue
		}
		l.result, l.broken = &w.results[n], nil
		fn(l)
		for _, what := range l.broken {
			w.breaks(n, what)
		}
	}
}

func (w *Watch) breaks(n int, what string) {
	r := &w.results[n]
	v := Violation{ID: r.ID, Seq: w.at, What: what}
	if r.Broken++; r.Broken == 1 {
		r.Note = fmt.Sprintf("event %d: %s", v.Seq, what)
	}
	w.broken = append(w.broken, v)
}

// found is a check outside the events.
func (w *Watch) found(id string, ok bool, format string, args ...any) {
	n := slices.IndexFunc(All, func(i Invariant) bool { return i.ID == id })
	w.results[n].Checked++
	if !ok {
		w.breaks(n, fmt.Sprintf(format, args...))
	}
}

// Results are all invariants in their order.
func (w *Watch) Results() []Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.results)
}

// Seq is the last record that was seen.
func (w *Watch) Seq() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tally.seq
}

// Unread says that the journal could not be read further, which breaks its chain.
func (w *Watch) Unread(err error) []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = nil
	w.found("journal.chain", false, "it cannot be read further: %v", err)
	return w.broken
}

// Lost says that a device has lost its memory of what it did, or was unheard for so long that it counts as lost: from
// then on one doubt about what it did is no fault. Who calls it once must call it for every loss.
func (w *Watch) Lost(m Memory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally.lost[m]++
}

// TellMemories says that every loss of a memory will be told by Lost: a doubt without one is then a violation.
func (w *Watch) TellMemories() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally.memories = true
}
