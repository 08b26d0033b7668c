// Package sspsim is a pretend Innovative validator that answers SSP's and eSSP's bytes: a note path behind the protocol.
//
// It keeps what a real one keeps (counters, what became of a note when the power went) and forgets what a real one forgets
// (events, inhibits, the key). It repeats its last answer when the sequence flag does not change, holds a note in escrow for
// ten seconds from each word of the host, and lets it go on with the next poll. Its faults befall the mechanism and not the
// story of it: a jam is a note that is stuck.
//
// The state outlives a connection: a host may die and come back, and the notes are where they were. It is written from the
// protocol's description and knows no driver.
package sspsim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

// Options say which unit is pretended. The zero value is a validator that takes Chinese notes of 1 to 100 yuan.
type Options struct {
	Log           *mechanism.Log
	Unit          byte   // as SETUP_REQUEST says it
	Address       byte   // on the line
	Serial        uint32 // 5123456 when zero
	Key           uint64 // the fixed half of the key; the factory's when zero
	Version       byte   // the newest protocol version it has; 8 when zero
	Wakes         byte   // the protocol version it has after a restart; 6 when zero
	Currency      string // "CNY"
	Multiplier    int64  // a channel's value times this is its face; 100
	Faces         []int64
	Recycles      []int64 // a payout keeps notes of these faces for paying out; up to 20 yuan when nil
	PaysAtPowerUp bool    // a piece on its way when the power went comes out when it is back
	PayoutBroken  bool    // the payout does not start
	NoPositions   bool    // a Note Float does not know GET_NOTE_POSITIONS
	ByChannel     bool    // or answers it with channels and not with values
	NoKeys        bool    // it has no encryption
	NoAcks        bool    // it does not know POLL_WITH_ACK
	NoCounters    bool    // it does not know GET_COUNTERS
	CountsCleared bool    // notes that were cleared at power-up are in its counters
	HidesCleared  bool    // it does not tell of notes that were cleared at power-up
	BaudPace      bool    // answers take the time they need at 9600 baud
	Path          notepath.Options
}

func (o Options) filled() Options {
	if o.Serial == 0 {
		o.Serial = 5123456
	}
	if o.Key == 0 {
		o.Key = 0x0123456701234567
	}
	if o.Version == 0 {
		o.Version = 8
	}
	if o.Wakes == 0 {
		o.Wakes = 6
	}
	if o.Currency == "" {
		o.Currency, o.Multiplier = "CNY", 100
	}
	if o.Faces == nil && o.Unit == SmartHopper {
		o.Faces = []int64{10, 50, 100}
	}
	if o.Recycles == nil {
		o.Recycles = []int64{100, 500, 1000, 2000}
	}
	if o.Faces == nil {
		o.Faces = []int64{100, 500, 1000, 2000, 5000, 10000}
	}
	return o
}

// Sim is one unit. Make it with New.
type Sim struct {
	o       Options
	path    *notepath.Path
	faults  *mechanism.Faults
	onPlug  func(plugged bool)
	secrets uint64        // for the key agreement
	line    chan struct{} // there is one line: what an earlier host said on it comes first
	m       memory        // guarded by path.Sync
}

// New makes a unit that has just been switched on, with an empty box.
func New(o Options) *Sim {
	o = o.filled()
	s := &Sim{o: o, m: awake(o.Wakes), secrets: uint64(o.Serial) + 7, line: make(chan struct{}, 1)}
	s.path = notepath.New(s, s.o.Path)
	s.faults = s.table(faultRows(s.pays()))
	return s
}

// Path is the way of the notes: where a hand offers them.
func (s *Sim) Path() *notepath.Path { return s.path }

// Faults is what can befall this unit.
func (s *Sim) Faults() *mechanism.Faults { return s.faults }

// OnPlug sets who cuts the line when "unplug" is armed, and joins it again. Set it before use.
func (s *Sim) OnPlug(fn func(plugged bool)) { s.onPlug = fn }

// Power cuts the unit's power or gives it back. A note on its way ends in the box or out, and the unit finds that at
// power-up.
func (s *Sim) Power(on, noteIn bool) {
	var at notepath.Now
	var note notepath.Note
	s.path.Sync(func() {
		if at = s.path.Now(); at.Leg != "" {
			note = s.path.Held()
		}
	})
	s.path.Power(on, noteIn)
	s.path.Sync(func() {
		if !on && at.Leg != "" && at.Leg != notepath.Entering {
			s.cleared(s.path.Came(at.ID) == notepath.Stacked, note)
		}
		if on {
			s.interrupted()
		}
		s.m.forget(s.o.Wakes)
		s.m.SilentUntil = time.Now().Add(bootTime)
		s.m.Mute = on && at.Leg != ""
	})
	if on {
		s.path.Return() // of a world that was written down with a note in escrow
	}
	s.log("hand", nil, map[bool]string{true: "power on", false: "power off"}[on])
}

// Reset restarts the unit, as command 01 does: it forgets its events and opens its escrow.
func (s *Sim) Reset() {
	s.path.Sync(func() {
		s.interrupted()
		s.m.forget(s.o.Wakes)
		s.m.SilentUntil = time.Now().Add(bootTime)
		s.m.Mute = s.path.Now().Leg != ""
	})
	s.path.Return() // false when nothing is held, which is as good
	s.log("device", nil, "restarts")
}

// Serve answers one host until its line ends or ctx does, and returns why. It does not close rw; when rw knows read
// deadlines the reading goroutine ends with Serve, else with rw.
func (s *Sim) Serve(ctx context.Context, rw io.ReadWriter) error {
	if d, ok := rw.(interface{ SetReadDeadline(time.Time) error }); ok {
		defer d.SetReadDeadline(time.Now())
	}
	select {
	case s.line <- struct{}{}:
		defer func() { <-s.line }()
	case <-ctx.Done():
		return ctx.Err()
	}
	// A line takes what the host says also while the unit is busy.
	chunks, ended, done := make(chan []byte, linesMax), make(chan error, 1), make(chan struct{})
	defer close(done)
	go listen(rw, chunks, ended, done)
	line := &mechanism.Line{Device: "cash", W: pacer{rw, s.o.BaudPace}, Faults: s.faults, Log: s.o.Log, Late: lateTime, Gap: splitGap}
	var h hearing
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-ended:
			return err
		case chunk := <-chunks:
			for _, b := range chunk {
				r := h.hear(b)
				if r == nil {
					continue
				}
				if err := s.respond(line, r); err != nil {
					return err
				}
			}
		}
	}
}

// respond obeys a packet, or repeats the answer of the last one when its sequence flag is the same.
func (s *Sim) respond(line *mechanism.Line, r *request) error {
	if r.seq&0x7F != s.o.Address || !s.alive() {
		return nil
	}
	again := false
	var reply []byte
	s.path.Sync(func() {
		s.m.watch(time.Now())
		s.m.Asked = time.Now()
		if again = int(r.seq) == s.m.Seq && (len(r.data) != 1 || r.data[0] != cmdSync); again {
			reply = s.m.Reply
		}
	})
	if again {
		s.log("host", r.raw, "the same packet again")
		return s.say(line, reply, "repeats its answer")
	}
	cmd, what := s.obey(r, &reply)
	if reply == nil {
		return nil
	}
	if cmd == cmdReset {
		defer s.Reset()
	}
	return s.say(line, reply, what)
}

// say sends an answer, unless the fault befalls that it is lost after a note was sent on its way.
func (s *Sim) say(line *mechanism.Line, reply []byte, what string) error {
	routed := false
	s.path.Sync(func() { routed = s.m.Routed })
	if routed && s.faults.Take("lost_reply") {
		s.log("device", nil, "did it, but the reply is lost")
		return nil
	}
	return line.Answer(reply, what)
}

// obey takes the encryption off, obeys, and keeps the answer for the case that it is asked for again.
func (s *Sim) obey(r *request, reply *[]byte) (cmd byte, what string) {
	var k keys
	s.path.Sync(func() { k = s.m.Keys })
	data, encrypted := r.data, r.data[0] == 0x7E
	key := aesKey(s.o.Key, k.Shared)
	if encrypted {
		plain, whole := unlock(key, k.Count, r.data)
		switch {
		case !k.Agreed:
			s.log("host", r.raw, "encrypted, but there is no key")
			s.keep(r, []byte{noKey}, false, reply)
			return 0, "answers that it has no key"
		case !whole || len(plain) == 0:
			s.log("host", r.raw, "encrypted with another key or count")
			return 0, ""
		}
		data = plain
	}
	s.log("host", r.raw, commandName(data[0]))
	said, routed := s.answer(data, encrypted)
	if !s.alive() {
		return 0, ""
	}
	if encrypted {
		s.path.Sync(func() { s.m.Keys.Count++ })
		said = lock(key, k.Count+1, said)
	}
	s.keep(r, said, routed, reply)
	return data[0], "answers " + commandName(data[0])
}

func (s *Sim) keep(r *request, said []byte, routed bool, reply *[]byte) {
	*reply = pack(r.seq, said)
	s.path.Sync(func() { s.m.Seq, s.m.Reply, s.m.Routed = int(r.seq), *reply, routed })
}

func commandName(cmd byte) string { return fmt.Sprintf("command %02X", cmd) }

// alive says whether the unit has power and has started.
func (s *Sim) alive() (yes bool) {
	s.path.Sync(func() { yes = s.path.Now().Powers && !time.Now().Before(s.m.SilentUntil) })
	return yes
}

func listen(r io.Reader, chunks chan<- []byte, ended chan<- error, done <-chan struct{}) {
	for {
		buffer := make([]byte, 1024)
		n, err := r.Read(buffer)
		if n > 0 {
			select {
			case chunks <- buffer[:n]:
			case <-done:
				return
			}
		}
		if err != nil {
			ended <- err
			return
		}
	}
}

// pacer takes as long for its bytes as the line would.
type pacer struct {
	w    io.Writer
	slow bool
}

func (p pacer) Write(b []byte) (int, error) {
	if p.slow {
		time.Sleep(time.Duration(len(b)) * byteTime)
	}
	return p.w.Write(b)
}

func (s *Sim) log(from string, raw []byte, what string) { s.o.Log.Add("cash", from, raw, what) }

// saved is a Snapshot.
type saved struct {
	Path   json.RawMessage `json:"path"`
	Memory memory          `json:"memory"`
}

// Snapshot is the whole unit in bytes: notes and memory at one instant.
func (s *Sim) Snapshot() ([]byte, error) {
	var m memory
	path, err := s.path.SnapshotWith(func() { m = s.m.copied() })
	if err != nil {
		return nil, fmt.Errorf("snapshot ssp: %w", err)
	}
	return json.Marshal(saved{Path: path, Memory: m})
}

// Restore takes a Snapshot's state. Do it before Serve.
func (s *Sim) Restore(data []byte) error {
	v := saved{Memory: awake(s.o.Wakes)}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("restore ssp: %w", err)
	}
	s.path.Sync(func() { s.m = v.Memory })
	if err := s.path.Restore(v.Path); err != nil {
		return fmt.Errorf("restore ssp: %w", err)
	}
	s.path.Sync(func() {
		s.watchEscrow()
		if p := s.m.Payout; p != nil && !p.Jammed {
			s.pieceAfter(pieceTime)
		}
	})
	return nil
}

// Clone makes a second unit in the same state, with the same faults armed and nobody at its line.
func (s *Sim) Clone() *Sim {
	c := &Sim{o: s.o, secrets: s.secrets, line: make(chan struct{}, 1)}
	c.faults = c.table(s.faults.List()) // before its notes move
	c.path = s.path.CloneWith(c, func() { c.m = s.m.copied() })
	c.path.Sync(func() {
		c.watchEscrow()
		if p := c.m.Payout; p != nil && !p.Jammed {
			c.pieceAfter(pieceTime)
		}
	})
	return c
}
