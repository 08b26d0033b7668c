// Package cctalkhoppersim is a rack of pretend ccTalk coin hoppers: bowls of coins that answer ccTalk's bytes.
//
// Each hopper holds coins of one face at an address of its own, counts what it pays with a counter of payouts that a
// restart sets to zero and a lifetime count that nothing does, and is disabled after power-up. Its faults befall
// the mechanism: a jam is a wheel that does not turn; a power cut may let the coin in the exit fall unseen.
//
// The state outlives a connection: a host may die and come back while a payout goes on. It is written from ccTalk
// Generic Specification 4.7, parts 1 to 3, and knows no driver.
package cctalkhoppersim

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"yichuang/devices/cash/ccslave"
	"yichuang/devices/mechanism"
)

// Hopper says what one hopper is. The zero value of a field takes what is usual.
type Hopper struct {
	Address   byte
	Face      int64
	Count     int    // coins inside at the start
	Serial    uint32 // address + 345670 when zero
	By        By     // how an order has to be given
	Model     string // "YC-3"
	Registers int    // how many registers header 163 answers: 3
	Low       int    // the level below which its sensor tells; 0 is no sensor
	Nameless  bool   // it does not know header 171
}

// By is how an order has to be given (part 2, header 167).
type By string

// The ways.
const (
	Plain  By = "plain"  // the number of coins alone
	Serial By = "serial" // the hopper's serial number before it
	Cipher By = "cipher" // an answer to its key before it
)

// Options say which rack is pretended. The zero value has 1 yuan at address 3 and 5 jiao at address 4.
type Options struct {
	Log       *mechanism.Log
	CRC       bool // CRC-16 packets instead of simple checksums
	Echo      bool // the interface board gives the host its own bytes back
	Encrypted bool // the hoppers are set to encryption and answer nothing else
	BaudPace  bool // answers take the time they need at 9600 baud
	Country   string
	Hoppers   []Hopper
}

// Rack is some hoppers. Make it with New.
type Rack struct {
	o      Options
	faults *mechanism.Faults
	onPlug func(plugged bool)

	mu      sync.Mutex
	hoppers []*hopper
	hook    func(point string)
	points  []string // reached under the lock, told after it
}

// New makes a rack that has just been switched on.
func New(o Options) *Rack {
	if o.Country == "" {
		o.Country = "CN"
	}
	if o.Hoppers == nil {
		o.Hoppers = []Hopper{{Address: 3, Face: 100, Count: 200, Low: 20}, {Address: 4, Face: 50, Count: 200, Low: 20}}
	}
	r := &Rack{o: o}
	for _, c := range o.Hoppers {
		if c.Serial == 0 {
			c.Serial = 345670 + uint32(c.Address)
		}
		if c.By == "" {
			c.By = Plain
		}
		if c.Model == "" {
			c.Model = "YC-3"
		}
		if c.Registers == 0 {
			c.Registers = 3
		}
		r.hoppers = append(r.hoppers, &hopper{o: c, Loaded: c.Count, Inside: c.Count, PowerUp: true})
	}
	r.faults = r.table(faultRows())
	return r
}

// Faults is what can befall this rack.
func (r *Rack) Faults() *mechanism.Faults { return r.faults }

// OnPlug sets who cuts the line when "unplug" is armed, and joins it again. Set it before use.
func (r *Rack) OnPlug(fn func(plugged bool)) { r.onPlug = fn }

// OnPoint sets the function that hears "payout.moving" when a coin has fallen. It runs without the lock and may cut
// the power.
func (r *Rack) OnPoint(fn func(point string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = fn
}

// unlock gives the lock back and then tells the points that were reached under it.
func (r *Rack) unlock() {
	points, hook := r.points, r.hook
	r.points = nil
	r.mu.Unlock()
	if hook == nil {
		return
	}
	for _, point := range points {
		hook(point)
	}
}

// Power cuts the power of all hoppers or gives it back. At the cut a coin that is in the exit of a paying hopper falls
// unseen when coinOut is true.
func (r *Rack) Power(on, coinOut bool) {
	r.mu.Lock()
	defer r.unlock()
	for _, h := range r.hoppers {
		if !on && !h.Off && h.Remaining > 0 && coinOut && h.Inside > 0 {
			h.fall(false)
		}
		h.Off = !on
		h.restart(bootTime)
	}
	r.log("hand", nil, map[bool]string{true: "power on", false: "power off"}[on])
}

// Load puts coins into a hopper, or takes them out when n is negative. It does nothing at an address without one.
func (r *Rack) Load(address byte, n int) {
	r.mu.Lock()
	defer r.unlock()
	for _, h := range r.hoppers {
		if h.o.Address != address {
			continue
		}
		n = max(n, -h.Inside)
		h.Inside += n
		if n > 0 {
			h.Loaded += n
		} else {
			h.Taken -= n
		}
	}
}

// Bowl is what one hopper holds, as World shows it.
type Bowl struct {
	Address  byte   `json:"address"`
	Face     int64  `json:"face_fen"`
	Currency string `json:"currency"`
	Loaded   int    `json:"loaded"`
	Inside   int    `json:"inside"`
	Out      int    `json:"out"` // in the tray, over all time
	Taken    int    `json:"taken"`
	Paying   bool   `json:"paying"`
}

// World says what the mechanism holds now.
func (r *Rack) World() []Bowl {
	r.mu.Lock()
	defer r.unlock()
	var list []Bowl
	for _, h := range r.hoppers {
		list = append(list, Bowl{Address: h.o.Address, Face: h.o.Face, Currency: "CNY", Loaded: h.Loaded, Inside: h.Inside, Out: h.Out, Taken: h.Taken, Paying: h.Remaining > 0})
	}
	return list
}

// Balanced checks that what was loaded is in exactly one place.
func (b Bowl) Balanced() error {
	if b.Loaded != b.Inside+b.Out+b.Taken || b.Inside < 0 {
		return fmt.Errorf("hopper %d: loaded %d is not inside %d + out %d + taken %d", b.Address, b.Loaded, b.Inside, b.Out, b.Taken)
	}
	return nil
}

// Slaves are the hoppers as they hang on a line, alone or with others.
func (r *Rack) Slaves() (list []*ccslave.Slave) {
	for _, h := range r.hoppers {
		list = append(list, &ccslave.Slave{Device: "payout", Address: h.o.Address, CRC: r.o.CRC, Faults: r.faults, Log: r.o.Log,
			Alive: func() bool { return r.alive(h) }, Answer: func(q *ccslave.Request) (byte, []byte, bool) { return r.answer(h, q) }, Last: hdrReset, Loses: hdrDispense})
	}
	return list
}

// Serve answers one host until its line ends or ctx does.
func (r *Rack) Serve(ctx context.Context, rw io.ReadWriter) error {
	return ccslave.Serve(ctx, rw, ccslave.Options{Echo: r.o.Echo, BaudPace: r.o.BaudPace}, r.Slaves()...)
}

func (r *Rack) alive(h *hopper) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !h.Off && !time.Now().Before(h.SilentUntil)
}

func (r *Rack) log(from string, raw []byte, what string) { r.o.Log.Add("payout", from, raw, what) }

// Snapshot is the whole rack in bytes.
func (r *Rack) Snapshot() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return json.Marshal(r.hoppers)
}

// Restore takes a Snapshot's state; a payout that was under way goes on. Do it before Serve.
func (r *Rack) Restore(data []byte) error {
	r.mu.Lock()
	defer r.unlock()
	var list []*hopper
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("restore cctalk-hopper: %w", err)
	}
	if len(list) != len(r.hoppers) {
		return fmt.Errorf("restore cctalk-hopper: %d hoppers, and the rack has %d", len(list), len(r.hoppers))
	}
	for i, h := range list {
		h.o = r.hoppers[i].o
		*r.hoppers[i] = *h
		r.goOn(r.hoppers[i])
	}
	return nil
}

func (r *Rack) goOn(h *hopper) {
	if h.Remaining > 0 {
		r.wind(h)
	}
}

// Clone makes a second rack in the same state, with the same faults armed and nobody at its line.
func (r *Rack) Clone() *Rack {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := &Rack{o: r.o}
	c.faults = c.table(r.faults.List())
	for _, h := range r.hoppers {
		twin := *h
		c.hoppers = append(c.hoppers, &twin)
		c.goOn(&twin)
	}
	return c
}
