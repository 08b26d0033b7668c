package world

import (
	"fmt"
	"slices"
	"sync"
)

// Points are the instants at which the power can be cut.
var Points = []string{"now", "cash.moving", "cash.escrow", "coins.moving", "payout.moving", "receipt.half", "license.half"}

// Power is what a hand asks of the mains.
type Power struct {
	On      bool
	At      string // one of Points; "" is now
	Devices bool   // the devices lose power too, not the computer alone
	Note    string // where a note or coin on its way ends then: "in" or "out"
}

// Check says what cannot be asked.
func (p Power) Check() error {
	switch {
	case p.On && (p.At != "" || p.Devices || p.Note != ""):
		return fmt.Errorf("power: at, devices and note belong to a cut; send only \"on\":true")
	case p.On:
		return nil
	case p.At != "" && !slices.Contains(Points, p.At):
		return fmt.Errorf("at %q: one of %v", p.At, Points)
	case p.Note != "" && p.Note != "in" && p.Note != "out":
		return fmt.Errorf("note %q: in or out", p.Note)
	case p.Note != "" && !p.Devices:
		return fmt.Errorf("note: without \"devices\":true the acceptor finishes what it was told")
	}
	return nil
}

// mains is the switch of the whole terminal.
type mains struct {
	world *World

	mu    sync.Mutex
	armed *Power
	off   bool
	dark  bool // the devices are off too
}

func (m *mains) state() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.off:
		return "off"
	case m.armed != nil:
		return "armed"
	}
	return "on"
}

// Power switches the mains, now or at a point to come. The answer is on, armed or off.
func (w *World) Power(p Power) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	m := &w.mains
	m.mu.Lock()
	switch {
	case p.On:
		m.on()
	case p.At == "" || p.At == "now":
		m.cut(p)
	case !m.off:
		m.armed = &p
		w.Log.Add("desk", "hand", nil, "the power will be cut at "+p.At)
	}
	m.mu.Unlock()
	return m.state(), nil
}

// reached is called by a mechanism that stands still at a point.
func (m *mains) reached(point string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.armed != nil && m.armed.At == point {
		m.cut(*m.armed)
	}
}

// cut kills the programs first: they are to see nothing of what the devices do then. The caller holds the lock.
func (m *mains) cut(p Power) {
	w := m.world
	if !m.off && w.options.Cut != nil {
		w.options.Cut()
	}
	m.off, m.armed = true, nil
	w.Log.Add("desk", "hand", nil, "the power is cut")
	if !p.Devices || m.dark {
		return
	}
	m.dark = true
	for _, d := range w.devices {
		d.power(false, p.Note == "in")
	}
}

// on gives power to the devices first, as a common switch does: they are up before the computer.
func (m *mains) on() {
	w := m.world
	if m.dark {
		for _, d := range w.devices {
			d.power(true, false)
		}
	}
	was := m.off
	m.off, m.dark, m.armed = false, false, nil
	if was {
		w.Log.Add("desk", "hand", nil, "the power is on")
		if w.options.Restore != nil {
			w.options.Restore()
		}
	}
}
