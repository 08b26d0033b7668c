// Package cctalkcoinsim is a pretend ccTalk coin acceptor: a coin path that answers ccTalk's bytes.
//
// It keeps what a real one keeps (an event counter with the last five events, inhibits; for good the sorter's paths
// and two counters of coins) and forgets what a real one forgets when its power goes. It starts inhibited and
// shuts itself when nobody polls for five seconds. Its faults befall the mechanism and not the story of it: a
// swallowed coin is in the box.
//
// The state outlives a connection: a host may die and come back, and the coins are where they were. It is written
// from ccTalk Generic Specification 4.7, parts 1 to 3, and knows no driver.
package cctalkcoinsim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/cash/coinpath"
	"yichuang/devices/mechanism"
)

// Options say which acceptor is pretended. The zero value takes Chinese coins of 1 jiao, 5 jiao and 1 yuan.
type Options struct {
	Log       *mechanism.Log
	CRC       bool // CRC-16 packets instead of simple checksums
	Echo      bool // the interface board gives the host its own bytes back
	Encrypted bool // the acceptor is set to encryption and answers nothing else
	Scrambled bool // the acceptor is set to encryption and scrambles all answers but for their first two bytes
	NoStatus  bool // it does not know header 248
	Address   byte // 2 when zero
	Serial    uint32
	Country   string // two letters, "CN"
	Currency  string // "CNY"
	Faces     []int64
	BaudPace  bool // answers take the time they need at 9600 baud
	Path      coinpath.Options
}

func (o Options) filled() Options {
	if o.Address == 0 {
		o.Address = 2
	}
	if o.Serial == 0 {
		o.Serial = 234567
	}
	if o.Country == "" {
		o.Country, o.Currency = "CN", "CNY"
	}
	if o.Faces == nil {
		o.Faces = []int64{10, 50, 100}
	}
	return o
}

// Sim is one acceptor. Make it with New.
type Sim struct {
	o      Options
	path   *coinpath.Path
	faults *mechanism.Faults
	onPlug func(plugged bool)
	m      memory // guarded by path.Sync
}

// New makes an acceptor that has just been switched on.
func New(o Options) *Sim {
	s := &Sim{o: o.filled()}
	s.m.forget()
	for i := range s.m.Paths {
		s.m.Paths[i] = 1
	}
	s.path = coinpath.New(s, s.o.Path)
	s.faults = s.table(faultRows())
	return s
}

// Path is the way of the coins: where a hand drops them.
func (s *Sim) Path() *coinpath.Path { return s.path }

// Faults is what can befall this acceptor.
func (s *Sim) Faults() *mechanism.Faults { return s.faults }

// OnPlug sets who cuts the line when "unplug" is armed, and joins it again. Set it before use.
func (s *Sim) OnPlug(fn func(plugged bool)) { s.onPlug = fn }

// Power cuts the acceptor's power or gives it back. A coin on its way to the box ends there or in the tray.
func (s *Sim) Power(on, coinIn bool) {
	s.path.Power(on, coinIn)
	s.path.Sync(func() {
		s.m.forget()
		s.m.SilentUntil = time.Now().Add(bootTime)
	})
	s.log("hand", nil, map[bool]string{true: "power on", false: "power off"}[on])
}

// Reset restarts the acceptor, as header 1 does: it forgets its events.
func (s *Sim) Reset() {
	s.path.Sync(func() {
		s.m.forget()
		s.m.SilentUntil = time.Now().Add(bootTime)
		s.path.Forget()
	})
	s.log("device", nil, "restarts")
}

// Slave is the acceptor as it hangs on a line, alone or with others.
func (s *Sim) Slave() *ccslave.Slave {
	return &ccslave.Slave{Device: "coins", Address: s.o.Address, CRC: s.o.CRC, Scrambled: s.o.Scrambled, Faults: s.faults, Log: s.o.Log,
		Alive: s.alive, Answer: s.answer, Last: hdrReset, Loses: hdrSetMaster}
}

// Serve answers one host until its line ends or ctx does.
func (s *Sim) Serve(ctx context.Context, rw io.ReadWriter) error {
	return ccslave.Serve(ctx, rw, ccslave.Options{Echo: s.o.Echo, BaudPace: s.o.BaudPace}, s.Slave())
}

// alive says whether the acceptor has power and has started.
func (s *Sim) alive() (yes bool) {
	s.path.Sync(func() { yes = s.path.Now().Powered && !time.Now().Before(s.m.SilentUntil) })
	return yes
}

func (s *Sim) log(from string, raw []byte, what string) { s.o.Log.Add("coins", from, raw, what) }

// saved is a Snapshot.
type saved struct {
	Path   json.RawMessage `json:"path"`
	Memory memory          `json:"memory"`
}

// Snapshot is the whole acceptor in bytes: coins and memory at one instant.
func (s *Sim) Snapshot() ([]byte, error) {
	var m memory
	path, err := s.path.Snapshot(func() { m = s.m.copied() })
	if err != nil {
		return nil, fmt.Errorf("snapshot cctalk-coin: %w", err)
	}
	return json.Marshal(saved{Path: path, Memory: m})
}

// Restore takes a Snapshot's state. Do it before Serve.
func (s *Sim) Restore(data []byte) error {
	v := saved{}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("restore cctalk-coin: %w", err)
	}
	s.path.Sync(func() { s.m = v.Memory })
	if err := s.path.Restore(v.Path); err != nil {
		return fmt.Errorf("restore cctalk-coin: %w", err)
	}
	return nil
}

// Clone makes a second acceptor in the same state, with the same faults armed and nobody at its line.
func (s *Sim) Clone() *Sim {
	c := &Sim{o: s.o}
	c.faults = c.table(s.faults.List()) // before its coins move
	c.path = s.path.Clone(c, func() { c.m = s.m.copied() })
	return c
}
