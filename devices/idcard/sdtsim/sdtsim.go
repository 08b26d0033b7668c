// Package sdtsim is an identity card reader as a mechanism: a plate on which a card lies or does not, a
// security module behind it, and a serial line that is answered byte for byte as the SDT protocol of the
// GA 450 family says.
//
// Nothing on the plate is "absent". A card on it is present and idle until it is found, then selected,
// then read; a card that was read rests ("done") and is not found again before it was taken away and laid
// down once more. Taking it away in mid-read makes the read fail. All other behaviour follows from these
// states and from the faults that a hand arms.
//
// It does not import the driver, and the driver does not import it; the vectors in testdata pin both.
package sdtsim

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"yichuang/devices/mechanism"
)

// device is the name in events and faults.
const device = "idcard"

// ErrUnplugged is what Serve returns when the plug is out.
var ErrUnplugged = errors.New("sdtsim: the reader is unplugged")

// Options are what differs between readers. The zero value is a usual one.
type Options struct {
	Log           *mechanism.Log
	ReadTime      time.Duration // how long the card is read; 0 is a typical half second, negative is at once
	Baud          int           // the speed after power-up; 0 is 115200
	Pace          bool          // bytes take the time that they take at Baud
	NoFingerprint bool          // older firmware: 30 10 is refused with 21
	Fingers       bool          // cards have two fingers recorded
	SAM           [16]byte      // zero: 05.03-20110101-1234567890-2345678
}

// readTimeTypical is between what desk readers take with and without fingerprints.
const readTimeTypical = 500 * time.Millisecond

// state is what the reader knows of the plate.
type state string

// The states of the plate, as they are kept in a snapshot.
const (
	absent   state = "absent"
	idle     state = "idle"
	found    state = "found"
	selected state = "selected"
	done     state = "done"
)

// Reader is the mechanism.
type Reader struct {
	o      Options
	faults *mechanism.Faults

	mu      sync.Mutex // guards the fields below
	card    *Card
	block   []byte
	state   state
	taken   chan struct{} // closed when the card that lies there is taken away
	baud    int
	power   bool
	plugged bool
	pulled  chan struct{} // closed at the next unplug
	onPlug  func(in bool)
}

// New makes a reader with an empty plate, plugged in and powered.
func New(o Options) *Reader {
	if o.Baud == 0 {
		o.Baud = 115200
	}
	if o.ReadTime == 0 {
		o.ReadTime = readTimeTypical
	}
	if o.SAM == ([16]byte{}) {
		o.SAM = [16]byte{0x05, 0, 0x03, 0, 0x15, 0xDB, 0x32, 0x01, 0xD2, 0x02, 0x96, 0x49, 0xCE, 0xCA, 0x23, 0}
	}
	rows := append(mechanism.LineFaults(),
		mechanism.Fault{Name: "unplug", What: "the plug is out"},
		mechanism.Fault{Name: "reset", What: "the reader restarts instead of answering and forgets what it had found"},
		mechanism.Fault{Name: "card_gone", What: "the card is taken away while it is read"},
		mechanism.Fault{Name: "lost_reply", What: "the card is read and rests, but the answer never comes"},
		mechanism.Fault{Name: "read_failed", What: "the card is held badly: this read fails"},
		mechanism.Fault{Name: "not_genuine", What: "the security module does not believe the card"},
		mechanism.Fault{Name: "bus_card", What: "what lies there is found but is no identity card"},
		mechanism.Fault{Name: "second_card", What: "another card lies beside it: cards are found, and none can be selected"},
		mechanism.Fault{Name: "self_test", What: "the security module fails its self-test"},
	)
	r := &Reader{o: o, faults: mechanism.NewFaults(rows, "unplug", "bus_card", "second_card", "self_test"),
		state: absent, taken: make(chan struct{}), baud: o.Baud, power: true, plugged: true, pulled: make(chan struct{})}
	r.faults.OnChange(func(name string, armed int) {
		if name == "unplug" {
			r.plug(armed == 0)
		}
	})
	return r
}

// Faults is the table that a hand arms.
func (r *Reader) Faults() *mechanism.Faults { return r.faults }

// OnPlug is told when the plug goes in or out, so that the owner of the line can hang it up and offer it
// again. It is called without locks held.
func (r *Reader) OnPlug(fn func(in bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onPlug = fn
}

// plug moves the plug. A reader on USB lives from it: out is also without power.
func (r *Reader) plug(in bool) {
	r.mu.Lock()
	if r.plugged == in {
		r.mu.Unlock()
		return
	}
	r.plugged = in
	r.restart()
	if in {
		r.pulled = make(chan struct{})
	} else {
		close(r.pulled)
	}
	fn := r.onPlug
	r.mu.Unlock()
	r.o.Log.Add(device, "hand", nil, map[bool]string{true: "puts the plug in", false: "pulls the plug"}[in])
	if fn != nil {
		fn(in)
	}
}

// Power switches the supply. A reader without it says nothing; with it again it has forgotten everything
// but the card that lies on it.
func (r *Reader) Power(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.power = on
	r.restart()
}

// restart is what the reader knows after power-up: its speed of the factory, and a card it has not seen.
func (r *Reader) restart() {
	r.baud = r.o.Baud
	if r.state != absent {
		r.state = idle
	}
}

// Lay puts a card on the plate; one that lies there is taken away first. The error names the field that
// does not fit on the card.
func (r *Reader) Lay(c Card) error {
	if c.Kind == "" {
		c.Kind = "citizen"
	}
	block, err := c.Block()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
	r.card, r.block, r.state = &c, block, idle
	r.o.Log.Add(device, "hand", nil, "lays down a card: "+c.Kind)
	return nil
}

// Take takes the card away, also in mid-read, and says whether there was one.
func (r *Reader) Take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.take()
}

func (r *Reader) take() bool {
	if r.card == nil {
		return false
	}
	close(r.taken)
	r.taken = make(chan struct{})
	r.card, r.block, r.state = nil, nil, absent
	r.o.Log.Add(device, "hand", nil, "takes the card away")
	return true
}

// World is the card on the plate, or nil.
func (r *Reader) World() *Card {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.card == nil {
		return nil
	}
	c := *r.card
	return &c
}

// Waiting says whether a card lies there that was not read yet.
func (r *Reader) Waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state != absent && r.state != done
}

// kept is the form of a snapshot.
type kept struct {
	Card  *Card `json:"card"`
	State state `json:"state"`
	Baud  int   `json:"baud"`
}

// Snapshot is all that the mechanism holds, as JSON. Armed faults and the plug are the hand's and not in it.
func (r *Reader) Snapshot() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return json.Marshal(kept{Card: r.card, State: r.state, Baud: r.baud})
}

// Restore puts a snapshot in place of what the mechanism holds.
func (r *Reader) Restore(snapshot []byte) error {
	var k kept
	if err := json.Unmarshal(snapshot, &k); err != nil {
		return err
	}
	var block []byte
	if k.Card != nil {
		var err error
		if block, err = k.Card.Block(); err != nil {
			return err
		}
	}
	switch k.State {
	case idle, found, selected, done:
	default:
		k.State = idle
	}
	if k.Card == nil {
		k.State = absent
	}
	if k.Baud == 0 {
		k.Baud = r.o.Baud
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.take()
	r.card, r.block, r.state, r.baud = k.Card, block, k.State, k.Baud
	return nil
}

// Clone is a second reader in the same state, with its own table of faults, armed alike.
func (r *Reader) Clone() *Reader {
	c := New(r.o)
	r.mu.Lock()
	defer r.mu.Unlock()
	c.card, c.block, c.state, c.baud, c.power = r.card, r.block, r.state, r.baud, r.power
	for _, f := range r.faults.List() {
		if f.Armed > 0 {
			c.faults.Arm(f.Name, f.Armed) // the name is from the same table
		}
	}
	return c
}
