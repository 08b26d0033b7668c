// Package scannersim is a code scanner as a mechanism: a window that looks while it is triggered, a hand
// that shows it a code, and a serial line.
//
// It understands the commands of Newland's NLS series (answered) and the serial trigger of Honeywell's
// scanners (not answered). It starts in the mode in which it looks only when triggered, stops after one
// code or after its reading time-out, and can be set to look always. A code shown while it does not look
// is not read: Show says so.
//
// It does not import the driver, and the driver does not import it; the vectors in testdata pin both.
package scannersim

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"yichuang/devices/mechanism"
)

// device is the name in events and faults.
const device = "scanner"

var (
	// ErrUnplugged is what Serve returns when the plug is out.
	ErrUnplugged = errors.New("scannersim: the scanner is unplugged")
	// ErrNotLooking is the answer to a code shown while the window is dark.
	ErrNotLooking = errors.New("the scanner does not look: no code is awaited now")
	// ErrEmpty is the answer to a code without content.
	ErrEmpty = errors.New("the code is empty: a symbol holds at least one byte")
	// ErrLong is the answer to more than a symbol can hold.
	ErrLong = errors.New("the code is too long: a symbol holds at most 2953 bytes")
)

// symbolMax is the capacity of the largest QR symbol.
const symbolMax = 2953

// Options are what differs between scanners. The zero value is a usual one.
type Options struct {
	Log    *mechanism.Log
	End    string        // what follows a code; "" is CR
	NoEnd  bool          // nothing follows a code
	Prefix string        // a symbology identifier, for example "]Q1"
	Look   time.Duration // how long one trigger makes it look; 0 is five seconds
}

// lookTypical is a usual reading time-out.
const lookTypical = 5 * time.Second

// Scanner is the mechanism.
type Scanner struct {
	o      Options
	faults *mechanism.Faults
	codes  chan []byte // read and on their way to the host

	mu      sync.Mutex // guards the fields below
	set     settings
	until   time.Time // the window is dark from then on
	power   bool
	plugged bool
	serving int
	pulled  chan struct{} // closed at the next unplug
	onPlug  func(in bool)
}

// settings are what a host can change.
type settings struct {
	Mode   string `json:"mode"` // 0 when triggered, 2 senses by itself, 3 always
	LookMS int    `json:"look_ms"`
}

// queueMax is how many codes a scanner keeps for a slow host.
const queueMax = 16

// New makes a scanner, plugged in, powered and dark.
func New(o Options) *Scanner {
	if o.End == "" {
		o.End = "\r"
	}
	if o.NoEnd {
		o.End = ""
	}
	if o.Look == 0 {
		o.Look = lookTypical
	}
	rows := append(mechanism.LineFaults(),
		mechanism.Fault{Name: "unplug", What: "the plug is out"},
		mechanism.Fault{Name: "reset", What: "the scanner restarts instead of answering and stops looking"},
		mechanism.Fault{Name: "lost_reply", What: "the code is read but never comes"},
	)
	s := &Scanner{o: o, faults: mechanism.NewFaults(rows, "unplug"), codes: make(chan []byte, queueMax),
		set: factory(o), power: true, plugged: true, pulled: make(chan struct{})}
	s.faults.OnChange(func(name string, armed int) {
		if name == "unplug" {
			s.plug(armed == 0)
		}
	})
	return s
}

// factory is how the scanner leaves the factory.
func factory(o Options) settings { return settings{Mode: "0", LookMS: int(o.Look.Milliseconds())} }

// Faults is the table that a hand arms.
func (s *Scanner) Faults() *mechanism.Faults { return s.faults }

// OnPlug is told when the plug goes in or out, so that the owner of the line can hang it up and offer it
// again. It is called without locks held.
func (s *Scanner) OnPlug(fn func(in bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPlug = fn
}

// plug moves the plug.
func (s *Scanner) plug(in bool) {
	s.mu.Lock()
	if s.plugged == in {
		s.mu.Unlock()
		return
	}
	s.plugged = in
	s.restart()
	if in {
		s.pulled = make(chan struct{})
	} else {
		close(s.pulled)
	}
	fn := s.onPlug
	s.mu.Unlock()
	s.o.Log.Add(device, "hand", nil, map[bool]string{true: "puts the plug in", false: "pulls the plug"}[in])
	if fn != nil {
		fn(in)
	}
}

// Power switches the supply. With it again the scanner has forgotten what was set for a time, and is dark.
func (s *Scanner) Power(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.power = on
	s.restart()
}

// restart is what the scanner knows after power-up.
func (s *Scanner) restart() {
	s.set, s.until = factory(s.o), time.Time{}
	for {
		select {
		case <-s.codes:
		default:
			return
		}
	}
}

// Looking says whether a code shown now would be read.
func (s *Scanner) Looking() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looking()
}

func (s *Scanner) looking() bool {
	return s.power && s.plugged && s.serving > 0 && (s.set.Mode != "0" || time.Now().Before(s.until))
}

// Show holds a code before the window. ErrNotLooking means that it was not read.
func (s *Scanner) Show(code []byte) error {
	switch {
	case len(code) == 0:
		return ErrEmpty
	case len(code) > symbolMax:
		return ErrLong
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.looking() {
		return ErrNotLooking
	}
	out := append(append([]byte(s.o.Prefix), code...), s.o.End...)
	select {
	case s.codes <- out:
	default:
		return ErrNotLooking
	}
	if s.set.Mode == "0" {
		s.until = time.Time{} // one code for each trigger
	}
	s.o.Log.Add(device, "hand", nil, "shows a code")
	return nil
}

// Snapshot is all that the mechanism holds, as JSON. What it looks at ends with the power and is not in it.
func (s *Scanner) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.set)
}

// Restore puts a snapshot in place of what the mechanism holds.
func (s *Scanner) Restore(snapshot []byte) error {
	set := factory(s.o)
	if err := json.Unmarshal(snapshot, &set); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restart()
	s.set = set
	return nil
}

// Clone is a second scanner in the same state, with its own table of faults, armed alike.
func (s *Scanner) Clone() *Scanner {
	c := New(s.o)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.set, c.until, c.power = s.set, s.until, s.power
	for _, f := range s.faults.List() {
		if f.Armed > 0 {
			c.faults.Arm(f.Name, f.Armed) // the name is from the same table
		}
	}
	return c
}
