package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/cash"
	"yichuang/devices/cash/cctalkcoin"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/mechanism"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/ipp"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/wire"
	"yichuang/kiosk/daemon"
)

// Cabinet is the mechanisms of one terminal and their lines. It outlives the programs.
type Cabinet struct {
	Cash   string // which acceptor of notes it has
	notes  acceptor
	coins  *cctalkcoinsim.Sim
	Purse  Purse
	roll   *escpossim.Printer
	sheets *ippsim.Printer
	reader *sdtsim.Reader
	codes  *scannersim.Scanner

	parts   []part
	serving context.Context
	stop    context.CancelFunc
	serves  sync.WaitGroup
	server  *http.Server
	net     *Network
	Speaks  func(device string, b []byte) // before each order of a driver
	Slot    Slot                          // set before anything runs

	mu     sync.Mutex
	plugs  int            // counts the computers that the lines were plugged into
	laid   []*spoken      // the host's ends
	pulled string         // the device whose plug was pulled
	noise  map[string]int // by device, how many of its next answers arrive damaged
	lines  map[string]int // by device, how often a line to it was laid

	strange []string // what drivers did not understand
}

// part is one mechanism as all of them are.
type part struct {
	name     string
	power    func(on, in bool)      // in: what is on its way stays in the machine
	snapshot func() ([]byte, error) // nil for the printers, which are frozen whole
	restore  func([]byte) error
}

// acceptor is a pretend acceptor of notes, whatever it speaks.
type acceptor interface {
	Path() *notepath.Path
	Faults() *mechanism.Faults
	Serve(context.Context, io.ReadWriter) error
	Power(on, in bool)
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

// Frozen is a cabinet at one instant.
type Frozen struct {
	cash   string
	parts  map[string][]byte
	roll   *escpossim.Frozen
	sheets *ippsim.Frozen
}

// printerDoor is where the license printer listens.
const printerDoor = "printer:631"

// NewCabinet makes new mechanisms, with an acceptor of notes of some name, or those that were frozen.
func NewCabinet(n *Network, name string, was *Frozen) *Cabinet {
	if was != nil {
		name = was.cash
	}
	fit, ok := fittings[name]
	if !ok { // Cashless
		fit = fittings[Acceptors[0]]
	}
	notes := fit.notes()
	c := &Cabinet{Cash: name, notes: notes, coins: cctalkcoinsim.New(fit.coins), Purse: fit.purse(notes),
		roll: escpossim.New(escpossim.Options{Pace: true}), sheets: ippsim.New(ippsim.Options{}), reader: sdtsim.New(sdtsim.Options{}), codes: scannersim.New(scannersim.Options{}), net: n, lines: map[string]int{}}
	if was != nil {
		c.roll, c.sheets = was.roll.Thaw(), was.sheets.Thaw()
	}
	c.parts = []part{
		{"cash", c.notes.Power, c.notes.Snapshot, c.notes.Restore},
		{"coins", c.coins.Power, c.coins.Snapshot, c.coins.Restore},
		{"payout", c.Purse.Power, c.Purse.Snapshot, c.Purse.Restore},
		{"receipt", func(on, _ bool) { c.roll.Power(on) }, nil, nil},
		{"license", func(on, _ bool) { c.sheets.Power(on) }, nil, nil},
		{"idcard", func(on, _ bool) { c.reader.Power(on) }, c.reader.Snapshot, c.reader.Restore},
		{"scanner", func(on, _ bool) { c.codes.Power(on) }, c.codes.Snapshot, c.codes.Restore},
	}
	for _, p := range c.parts {
		if was == nil || p.restore == nil {
			continue
		}
		if err := p.restore(was.parts[p.name]); err != nil {
			panic(fmt.Sprintf("%s: %v", p.name, err)) // what it gave itself
		}
	}
	c.serving, c.stop = context.WithCancel(context.Background())
	c.server = &http.Server{Handler: c.sheets.Handler()}
	c.serves.Go(func() { c.server.Serve(n.listen(printerDoor)) }) // ends with Close
	return c
}

// Freeze keeps all mechanisms as they are now.
func (c *Cabinet) Freeze() *Frozen {
	f := &Frozen{c.Cash, map[string][]byte{}, c.roll.Freeze(), c.sheets.Freeze()}
	for _, p := range c.parts {
		if p.snapshot == nil {
			continue
		}
		raw, err := p.snapshot()
		if err != nil {
			panic(fmt.Sprintf("%s: %v", p.name, err))
		}
		f.parts[p.name] = raw
	}
	return f
}

// Power takes or gives the power of all mechanisms.
func (c *Cabinet) Power(on, in bool) {
	for _, p := range c.parts {
		p.power(on, in)
	}
}

// Stuck says whether a note sticks in the acceptor, a piece in what pays, or a blank in the printer.
func (c *Cabinet) Stuck() (stuck bool) {
	path := c.notes.Path()
	path.Sync(func() { stuck = path.Now().Stuck })
	var sheets struct{ State string }
	if err := json.Unmarshal(c.sheets.World(), &sheets); err != nil {
		panic(err) // what it told itself
	}
	_, piece := c.Purse.Paying()
	return stuck || piece || sheets.State == "jam"
}

// Unjam has a hand free what sticks.
func (c *Cabinet) Unjam() error {
	return errors.Join(c.notes.Faults().Arm("jam", 0), c.Purse.Arm(purseJam, 0), c.sheets.Faults().Arm("jam", 0))
}

// Moves tells of each instant at which something begins to move, or rests, in a mechanism.
func (c *Cabinet) Moves(fn func(point string)) {
	c.notes.Path().OnPoint(fn)
	c.coins.Path().OnPoint(fn)
	c.Purse.OnPoint(fn)
	c.roll.OnPoint(fn)
	c.sheets.OnPoint(fn)
}

// Busy says whether something is on its way where money goes.
func (c *Cabinet) Busy() bool {
	if c.notes.Path().World().Mouth != nil || len(c.coins.Path().World().Moving) > 0 {
		return true
	}
	paying, _ := c.Purse.Paying()
	return paying
}

// Unplug takes all lines from the computer that has them, as when its power goes: who still runs there hears no device any more.
func (c *Cabinet) Unplug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.plugs++
	for _, host := range c.laid {
		host.Conn.Close()
	}
	c.laid = nil
}

// Pull pulls the plug of a device at a serial port.
func (c *Cabinet) Pull(device string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = device
	c.laid = slices.DeleteFunc(c.laid, func(s *spoken) bool {
		if s.name == device {
			s.Conn.Close()
		}
		return s.name == device
	})
}

// Plug puts it in again.
func (c *Cabinet) Plug() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pulled = ""
}

// Disturb has the next answers of a device at a serial port arrive with one bit that is wrong.
func (c *Cabinet) Disturb(device string, answers int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noise = map[string]int{device: answers}
}

// Lines is how often a line to a device was laid.
func (c *Cabinet) Lines(device string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines[device]
}

// disturbed says whether an answer is.
func (c *Cabinet) disturbed(device string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.noise[device]
	if left > 0 {
		c.noise[device]--
	}
	return left > 0
}

// lay keeps the host's end of a line that was laid for a computer, unless the power went meanwhile. A serial port is one program's alone and
// is not opened again before it was closed; the license printer has a door for many.
func (c *Cabinet) lay(host net.Conn, name string, plug int) (*spoken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plugs != plug || c.pulled == name {
		return nil, errors.Join(errNoDevice, host.Close())
	}
	if name != "license" && slices.ContainsFunc(c.laid, func(s *spoken) bool { return s.name == name }) {
		return nil, errors.Join(errTaken, host.Close())
	}
	s := &spoken{Conn: host, c: c, name: name}
	c.laid = append(c.laid, s)
	c.lines[name]++
	return s, nil
}

var errNoDevice, errTaken = errors.New("no such device"), errors.New("device or resource busy")

// drivers are new ones, as a program that starts has them.
func (c *Cabinet) drivers(o *daemon.Options) {
	plug, log := c.plugged(), slog.New(strange{c})
	o.Cash, o.Coins, o.Payer = cash.Absent{}, cash.Absent{}, cash.AbsentPayer{}
	if c.Cash != Cashless {
		o.Cash = fittings[c.Cash].driver(c.line(plug, "cash", c.notes.Serve), log)
		o.Coins = cctalkcoin.New(c.line(plug, "coins", c.coins.Serve), cctalkcoin.Options{Log: log})
		o.Payer = c.Purse.driver(c.line(plug, "payout", c.Purse.Serve), o.Cash, log)
	}
	o.Roll = escpos.New(c.line(plug, "receipt", c.roll.Serve), escpos.Profile{HasQR: true, HasCuts: true, HasClear: true})
	open := c.line(plug, "idcard", c.reader.Serve)
	o.Reader = sdt.New(func(int) (wire.Port, error) { return open() }, sdt.Options{})
	o.Scanner = scanner.New(c.line(plug, "scanner", c.codes.Serve), scanner.Options{})
	web := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		host, err := c.net.dial(ctx, network, printerDoor)
		if err != nil {
			return nil, err
		}
		return c.lay(host, "license", plug)
	}, DisableKeepAlives: true}
	o.Sheets = ipp.New("ipp://"+printerDoor+"/ipp/print", ipp.Options{Client: &http.Client{Transport: web}})
}

// line lays a line to a mechanism.
func (c *Cabinet) line(plug int, name string, serve func(context.Context, io.ReadWriter) error) wire.Opener {
	return func() (wire.Port, error) {
		if c.serving.Err() != nil || c.plugged() != plug {
			return nil, errNoDevice
		}
		host, device := net.Pipe()
		c.serves.Go(func() {
			defer device.Close()
			serve(c.serving, device)
		})
		return c.lay(host, name, plug)
	}
}

func (c *Cabinet) plugged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plugs
}

// Close ends all lines.
func (c *Cabinet) Close() {
	c.sheets.Power(false)
	c.stop()
	c.server.Close()
	c.serves.Wait()
}

// apart is how long after its driver's wish each device hears an order: no two at the same instant, so that the order of
// what happens is the same each time.
var apart = map[string]time.Duration{"cash": 1009, "coins": 2003, "payout": 3001, "receipt": 4001, "idcard": 5003, "scanner": 6007, "license": 7001}

// spoken tells of each order before the mechanism hears it.
type spoken struct {
	net.Conn
	c    *Cabinet
	name string
}

// Write gives the order.
func (s *spoken) Write(b []byte) (int, error) {
	time.Sleep(apart[s.name])
	s.c.Slot.Await()
	if s.c.Speaks != nil {
		s.c.Speaks(s.name, b)
	}
	return s.Conn.Write(b)
}

// Read hears the answer.
func (s *spoken) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	s.c.Slot.Await()
	if n > 0 && s.c.disturbed(s.name) {
		b[n/2] ^= 0x10
	}
	return n, err
}

// Close ends the line.
func (s *spoken) Close() error {
	s.c.mu.Lock()
	s.c.laid = slices.DeleteFunc(s.c.laid, func(other *spoken) bool { return other == s })
	s.c.mu.Unlock()
	return s.Conn.Close()
}
