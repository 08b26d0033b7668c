package notepath

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// The usual travel times of a stacking acceptor: a note is read while it is drawn in, and the
	// stacker's plunger needs a little longer.
	validateUsual = 600 * time.Millisecond
	stackUsual    = 700 * time.Millisecond
	returnUsual   = 500 * time.Millisecond

	// fatesMax bounds the memory of old notes.
	fatesMax = 10000
)

// Tally is how many notes of one face.
type Tally struct {
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Count    int    `json:"count"`
}

// add counts n notes more (or fewer) and keeps the list in order, without rows of nothing.
func add(list []Tally, note Note, n int) []Tally {
	list = slices.Clone(list)
	i, found := slices.BinarySearchFunc(list, note, func(t Tally, n Note) int {
		if t.Currency != n.Currency {
			if t.Currency < n.Currency {
				return -1
			}
			return 1
		}
		return int(t.Face - n.Face)
	})
	if !found {
		list = slices.Insert(list, i, Tally{Face: note.Face, Currency: note.Currency})
	}
	list[i].Count += n
	if list[i].Count == 0 {
		list = slices.Delete(list, i, i+1)
	}
	return list
}

// held is the note on the path.
type held struct {
	ID    int  `json:"id"`
	Note  Note `json:"note"`
	Leg   Leg  `json:"leg"`
	Stuck bool `json:"stuck"`
}

// state is all of the path that outlives a program.
type state struct {
	Powered  bool         `json:"powered"`
	BoxIn    bool         `json:"box_in"`
	Held     *held        `json:"held"`
	Last     int          `json:"last"`
	Fates    map[int]Fate `json:"fates"`
	Inserted []Tally      `json:"inserted"`
	Box      []Tally      `json:"box"`
	Taken    []Tally      `json:"taken"`
	Returned []Tally      `json:"returned"`
	Store    []Tally      `json:"store"`
	Loaded   []Tally      `json:"loaded"`
	Paid     []Tally      `json:"paid"`
}

func newState() state {
	return state{
		Powered: true, BoxIn: true, Fates: map[int]Fate{},
		Inserted: []Tally{}, Box: []Tally{}, Taken: []Tally{}, Returned: []Tally{}, Store: []Tally{}, Loaded: []Tally{}, Paid: []Tally{},
	}
}

// Mouth is the note on the path, as World shows it.
type Mouth struct {
	Note     int    `json:"note"`
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Kind     string `json:"kind"`
}

// World is what the mechanism holds, counted by itself.
type World struct {
	Mouth    *Mouth  `json:"mouth"`
	Inserted []Tally `json:"inserted"`
	Box      []Tally `json:"box"`
	Taken    []Tally `json:"taken"`
	Returned []Tally `json:"returned"`
	Store    []Tally `json:"store,omitempty"`  // where notes can be paid out again
	Loaded   []Tally `json:"loaded,omitempty"` // what staff filled into the store
	Paid     []Tally `json:"paid,omitempty"`   // what came out of the store
}

// World says what the mechanism holds now.
func (p *Path) World() World {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := World{Inserted: p.s.Inserted, Box: p.s.Box, Taken: p.s.Taken, Returned: p.s.Returned,
		Store: p.s.Store, Loaded: p.s.Loaded, Paid: p.s.Paid}
	if h := p.s.Held; h != nil {
		w.Mouth = &Mouth{Note: h.ID, Face: h.Note.Face, Currency: h.Note.Currency, Kind: h.Note.Kind}
	}
	return w
}

// Balanced checks that what was inserted or loaded is in exactly one place, and names what is not.
func (w World) Balanced() error {
	sum, in := []Tally{}, []Tally{}
	for _, list := range [][]Tally{w.Box, w.Taken, w.Returned, w.Store, w.Paid} {
		for _, t := range list {
			sum = add(sum, Note{Face: t.Face, Currency: t.Currency}, t.Count)
		}
	}
	for _, list := range [][]Tally{w.Inserted, w.Loaded} {
		for _, t := range list {
			in = add(in, Note{Face: t.Face, Currency: t.Currency}, t.Count)
		}
	}
	if w.Mouth != nil {
		sum = add(sum, Note{Face: w.Mouth.Face, Currency: w.Mouth.Currency}, 1)
	}
	if !slices.Equal(sum, in) {
		return fmt.Errorf("inserted %v + loaded %v is not box %v + taken %v + returned %v + store %v + paid %v + mouth %v",
			w.Inserted, w.Loaded, w.Box, w.Taken, w.Returned, w.Store, w.Paid, w.Mouth)
	}
	return nil
}

// Leg says where the note is: "" when there is none. Stuck notes are on the leg where they stuck.
func (p *Path) Leg() Leg {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.s.Held == nil {
		return ""
	}
	return p.s.Held.Leg
}

// BoxIn says whether a box is in its place.
func (p *Path) BoxIn() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.s.BoxIn
}

// Now is where everything is, for a device that answers under Sync.
type Now struct {
	Leg    Leg // "" when the path is empty
	ID     int
	Stuck  bool
	BoxIn  bool
	Powers bool
}

// Now may be called only inside Sync or by the Device: it takes no lock.
func (p *Path) Now() Now {
	n := Now{BoxIn: p.s.BoxIn, Powers: p.s.Powered}
	if h := p.s.Held; h != nil {
		n.Leg, n.ID, n.Stuck = h.Leg, h.ID, h.Stuck
	}
	return n
}

// Held is the note on the path, and Came how far a note came. They may be called only inside Sync or by the Device.
func (p *Path) Held() Note {
	if p.s.Held == nil {
		return Note{}
	}
	return p.s.Held.Note
}

// Came is Fate without the lock.
func (p *Path) Came(id int) Fate { return p.s.Fates[id] }

// Snapshot is the whole state in bytes.
func (p *Path) Snapshot() ([]byte, error) { return p.SnapshotWith(func() {}) }

// SnapshotWith runs fn at the same instant, so that the device can save its own state with it.
func (p *Path) SnapshotWith(fn func()) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
	return json.Marshal(p.s)
}

// Restore takes a Snapshot's state; a note that was moving sets out on its leg again.
func (p *Path) Restore(data []byte) error {
	s := newState()
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("restore note path: %w", err)
	}
	p.mu.Lock()
	defer p.unlock()
	p.take(s)
	return nil
}

func (p *Path) take(s state) {
	p.s = s
	p.journey++
	close(p.changed)
	p.changed = make(chan struct{})
	if h := s.Held; h != nil && !h.Stuck && h.Leg != InEscrow {
		p.arriveAfter(p.options.time(h.Leg))
	}
}

// Clone makes a second path of the same state for device d. It hears no points until OnPoint.
func (p *Path) Clone(d Device) *Path { return p.CloneWith(d, func() {}) }

// CloneWith runs fn at the same instant, so that the device can copy its own state with it.
func (p *Path) CloneWith(d Device, fn func()) *Path {
	p.mu.Lock()
	s := p.s
	s.Fates = maps.Clone(s.Fates)
	if s.Held != nil {
		h := *s.Held
		s.Held = &h
	}
	fn()
	p.mu.Unlock()
	c := New(d, p.options)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(s)
	return c
}
