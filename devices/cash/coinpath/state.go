package coinpath

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	// The usual travel times: an acceptor takes some three to four coins a second.
	rollUsual  = 150 * time.Millisecond
	dropUsual  = 120 * time.Millisecond
	leaveUsual = 200 * time.Millisecond

	// fatesMax bounds the memory of old coins.
	fatesMax = 10000
)

// Tally is how many coins of one face.
type Tally struct {
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Count    int    `json:"count"`
}

// add counts n coins more (or fewer) and keeps the list in order, without rows of nothing.
func add(list []Tally, c Coin, n int) []Tally {
	list = slices.Clone(list)
	i, found := slices.BinarySearchFunc(list, c, func(t Tally, c Coin) int {
		return cmp.Or(cmp.Compare(t.Currency, c.Currency), cmp.Compare(t.Face, c.Face))
	})
	if !found {
		list = slices.Insert(list, i, Tally{Face: c.Face, Currency: c.Currency})
	}
	list[i].Count += n
	if list[i].Count == 0 {
		list = slices.Delete(list, i, i+1)
	}
	return list
}

// coin is a coin on the path.
type coin struct {
	ID    int  `json:"id"`
	Coin  Coin `json:"coin"`
	Leg   Leg  `json:"leg"`
	Path  byte `json:"path"`
	Stuck bool `json:"stuck"`
	Mute  bool `json:"mute"` // it never came to the validator: the device knows nothing of it

	journey int // counts the legs begun, so that a timer of an earlier one is known
}

// state is all of the path that outlives a program.
type state struct {
	Powered  bool             `json:"powered"`
	Lever    bool             `json:"lever"`
	Coins    []*coin          `json:"coins"`
	Last     int              `json:"last"`
	Fates    map[int]Fate     `json:"fates"`
	Inserted []Tally          `json:"inserted"`
	Kept     map[byte][]Tally `json:"kept"`
	Taken    []Tally          `json:"taken"`
	Returned []Tally          `json:"returned"`
}

func newState() state {
	return state{Powered: true, Fates: map[int]Fate{}, Kept: map[byte][]Tally{}, Inserted: []Tally{}, Taken: []Tally{}, Returned: []Tally{}}
}

// World is what the mechanism holds, counted by itself.
type World struct {
	Inserted []Tally          `json:"inserted"`
	Kept     map[byte][]Tally `json:"kept"` // by the sorter's path
	Taken    []Tally          `json:"taken"`
	Returned []Tally          `json:"returned"`
	Moving   []Tally          `json:"moving"` // stuck ones included
}

// World says what the mechanism holds now.
func (p *Path) World() World {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := World{Inserted: p.s.Inserted, Kept: maps.Clone(p.s.Kept), Taken: p.s.Taken, Returned: p.s.Returned, Moving: []Tally{}}
	for _, c := range p.s.Coins {
		w.Moving = add(w.Moving, c.Coin, 1)
	}
	return w
}

// In is what was kept of all, whichever way it went, the taken included.
func (w World) In() []Tally {
	sum := []Tally{}
	for _, t := range w.Taken {
		sum = add(sum, Coin{Face: t.Face, Currency: t.Currency}, t.Count)
	}
	for _, list := range w.Kept {
		for _, t := range list {
			sum = add(sum, Coin{Face: t.Face, Currency: t.Currency}, t.Count)
		}
	}
	return sum
}

// Balanced checks that what was inserted is in exactly one place, and names what is not.
func (w World) Balanced() error {
	sum := w.In()
	for _, list := range [][]Tally{w.Returned, w.Moving} {
		for _, t := range list {
			sum = add(sum, Coin{Face: t.Face, Currency: t.Currency}, t.Count)
		}
	}
	if !slices.Equal(sum, w.Inserted) {
		return fmt.Errorf("inserted %v is not kept %v + taken %v + returned %v + moving %v", w.Inserted, w.Kept, w.Taken, w.Returned, w.Moving)
	}
	return nil
}

// Now is how the path stands, for a device that answers under Sync.
type Now struct {
	Powered, Lever bool
	Moving         int
	Stuck          Leg // where a coin is stuck; "" for none
}

// Now may be called only inside Sync or by the Device: it takes no lock.
func (p *Path) Now() Now {
	n := Now{Powered: p.s.Powered, Lever: p.s.Lever, Moving: len(p.s.Coins)}
	for _, c := range p.s.Coins {
		if c.Stuck {
			n.Stuck = c.Leg
		}
	}
	return n
}

// Forget makes the device know nothing of the coins that are on their way: it has started anew. Only inside Sync.
func (p *Path) Forget() {
	for _, c := range p.s.Coins {
		c.Mute = true
	}
}

// Snapshot is the whole state in bytes. fn runs at the same instant, so that the device can save its own with it.
func (p *Path) Snapshot(fn func()) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
	return json.Marshal(p.s)
}

// Restore takes a Snapshot's state; coins that were moving set out on their legs again.
func (p *Path) Restore(data []byte) error {
	s := newState()
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("restore coin path: %w", err)
	}
	p.mu.Lock()
	defer p.unlock()
	p.take(s)
	return nil
}

func (p *Path) take(s state) {
	p.s = s
	close(p.changed)
	p.changed = make(chan struct{})
	for _, c := range s.Coins {
		if !c.Stuck {
			p.arriveAfter(c)
		}
	}
}

// Clone makes a second path of the same state for device d. fn runs at the same instant. It hears no points
// until OnPoint.
func (p *Path) Clone(d Device, fn func()) *Path {
	p.mu.Lock()
	s := p.s
	s.Fates, s.Kept, s.Coins = maps.Clone(s.Fates), maps.Clone(s.Kept), nil
	for _, c := range p.s.Coins {
		twin := *c
		s.Coins = append(s.Coins, &twin)
	}
	fn()
	p.mu.Unlock()
	c := New(d, p.options)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.take(s)
	return c
}
