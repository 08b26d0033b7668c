// Package cctalksim is a pretend ccTalk bill validator: a note path that answers ccTalk's bytes.
//
// It keeps what a real one keeps (an event counter with the last five events, inhibits, an operating
// mode) and forgets what a real one forgets when its power goes. It starts inhibited, shuts itself
// when nobody polls for five seconds, holds a note in escrow for thirty seconds and then gives it
// back. Its faults befall the mechanism and not the story of it: a jam is a note that is stuck.
//
// The state outlives a connection: a host may die and come back, and the notes are where they were.
// It is written from ccTalk Generic Specification 4.7, parts 1 to 3, and knows no driver.
package cctalksim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/mechanism"
)

// Options say which validator is pretended. The zero value takes Chinese notes of 1 to 100 yuan.
type Options struct {
	Log       *mechanism.Log
	CRC       bool   // CRC-16 packets instead of simple checksums
	Echo      bool   // the interface board gives the host its own bytes back
	Encrypted bool   // the validator is set to encryption and answers nothing else
	Scrambled bool   // the validator is set to encryption and scrambles all answers but for their first two bytes
	Address   byte   // 40 when zero
	Serial    uint32 // 24 bits; 123456 when zero
	Country   string // two letters, "CN"
	Currency  string // "CNY"
	Scale     int64  // a bill's digits times Scale is its face; 100
	Decimals  byte   // places of the smallest unit; 2
	Faces     []int64
	BaudPace  bool // answers take the time they need at 9600 baud
	Path      notepath.Options
}

func (o Options) filled() Options {
	if o.Address == 0 {
		o.Address = 40
	}
	if o.Serial == 0 {
		o.Serial = 123456
	}
	if o.Country == "" {
		o.Country, o.Currency, o.Scale, o.Decimals = "CN", "CNY", 100, 2
	}
	if o.Faces == nil {
		o.Faces = []int64{100, 500, 1000, 2000, 5000, 10000}
	}
	return o
}

// Sim is one validator. Make it with New.
type Sim struct {
	o      Options
	path   *notepath.Path
	faults *mechanism.Faults
	onPlug func(plugged bool)
	m      memory // guarded by path.Sync
}

// New makes a validator that has just been switched on, with an empty box.
func New(o Options) *Sim {
	s := &Sim{o: o.filled(), m: awake()}
	s.path = notepath.New(s, s.o.Path)
	s.faults = s.table(faultRows())
	return s
}

// Path is the way of the notes: where a hand offers them.
func (s *Sim) Path() *notepath.Path { return s.path }

// Faults is what can befall this validator.
func (s *Sim) Faults() *mechanism.Faults { return s.faults }

// OnPlug sets who cuts the line when "unplug" is armed, and joins it again. Set it before use.
func (s *Sim) OnPlug(fn func(plugged bool)) { s.onPlug = fn }

// Power cuts the validator's power or gives it back. A note on its way ends in the box or out.
func (s *Sim) Power(on, noteIn bool) {
	s.path.Power(on, noteIn)
	s.path.Sync(func() {
		s.m.forget()
		s.m.SilentUntil = time.Now().Add(bootTime)
	})
	s.log("hand", nil, map[bool]string{true: "power on", false: "power off"}[on])
}

// Reset restarts the validator, as header 1 does: it forgets its events and opens its escrow.
func (s *Sim) Reset() {
	s.path.Sync(func() {
		s.m.forget()
		s.m.SilentUntil = time.Now().Add(bootTime)
		s.m.Mute = s.path.Now().Leg != ""
	})
	s.path.Return() // false when nothing is held, which is as good
	s.log("device", nil, "restarts")
}

// Slave is the validator as it hangs on a line, alone or with others.
func (s *Sim) Slave() *ccslave.Slave {
	return &ccslave.Slave{Device: "cash", Address: s.o.Address, CRC: s.o.CRC, Scrambled: s.o.Scrambled, Faults: s.faults, Log: s.o.Log,
		Alive: s.alive, Answer: s.answer, Last: hdrReset, Loses: hdrRoute}
}

// Serve answers one host until its line ends or ctx does, as ccslave.Serve does for several.
func (s *Sim) Serve(ctx context.Context, rw io.ReadWriter) error {
	return ccslave.Serve(ctx, rw, ccslave.Options{Echo: s.o.Echo, BaudPace: s.o.BaudPace}, s.Slave())
}

// alive says whether the validator has power and has started.
func (s *Sim) alive() (yes bool) {
	s.path.Sync(func() { yes = s.path.Now().Powers && !time.Now().Before(s.m.SilentUntil) })
	return yes
}

func (s *Sim) log(from string, raw []byte, what string) { s.o.Log.Add("cash", from, raw, what) }

// saved is a Snapshot.
type saved struct {
	Path   json.RawMessage `json:"path"`
	Memory memory          `json:"memory"`
}

// Snapshot is the whole validator in bytes: note, box and memory at one instant.
func (s *Sim) Snapshot() ([]byte, error) {
	var m memory
	path, err := s.path.SnapshotWith(func() { m = s.m.copied() })
	if err != nil {
		return nil, fmt.Errorf("snapshot cctalk: %w", err)
	}
	return json.Marshal(saved{Path: path, Memory: m})
}

// Restore takes a Snapshot's state. Do it before Serve.
func (s *Sim) Restore(data []byte) error {
	v := saved{Memory: awake()}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("restore cctalk: %w", err)
	}
	s.path.Sync(func() { s.m = v.Memory })
	if err := s.path.Restore(v.Path); err != nil {
		return fmt.Errorf("restore cctalk: %w", err)
	}
	s.path.Sync(s.watchEscrow)
	return nil
}

// Clone makes a second validator in the same state, with the same faults armed and nobody at its line.
func (s *Sim) Clone() *Sim {
	c := &Sim{o: s.o}
	c.faults = c.table(s.faults.List()) // before its notes move
	c.path = s.path.CloneWith(c, func() { c.m = s.m.copied() })
	c.path.Sync(c.watchEscrow)
	return c
}
