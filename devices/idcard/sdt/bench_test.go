package sdt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"yichuang/devices/fault"
	"yichuang/devices/idcard"
	"yichuang/devices/idcard/idcardtest"
	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
)

// desk is a driver and a simulated reader on a cable of net.Pipe.
type desk struct {
	t      *testing.T
	sim    *sdtsim.Reader
	log    *mechanism.Log
	driver *sdt.Reader

	mu    sync.Mutex // guards the fields below
	arm   map[string]func(cmd []byte)
	lines []io.Closer
	opens []int
	wg    sync.WaitGroup
}

// onDesk runs a trial in virtual time. Nothing of the desk outlives it.
func onDesk(t *testing.T, so sdtsim.Options, do sdt.Options, trial func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, log: mechanism.NewLog(), arm: map[string]func([]byte){}}
		so.Log = d.log
		d.sim = sdtsim.New(so)
		d.driver = sdt.New(d.open, do)
		d.sim.OnPlug(func(in bool) {
			if !in {
				d.hangUp()
			}
		})
		trial(t, d)
		d.hangUp()
		d.wg.Wait()
	})
}

// open offers the driver a new line, as the kernel does for a serial device.
func (d *desk) open(baud int) (wire.Port, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens = append(d.opens, baud)
	if d.sim.Faults().On("unplug") {
		return nil, errors.New("no such file or directory")
	}
	host, device := net.Pipe()
	d.lines = append(d.lines, host, device)
	d.wg.Go(func() {
		d.sim.ServeAt(d.t.Context(), &tap{Conn: device, d: d}, baud) // ends with the line
		device.Close()
	})
	return host, nil
}

// speeds are the openings so far.
func (d *desk) speeds() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.opens)
}

// hangUp breaks every line.
func (d *desk) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		l.Close()
	}
	d.lines = nil
}

// tap sees the host's requests before the simulator does, so that a fault can befall a certain exchange.
type tap struct {
	net.Conn
	d *desk
}

func (p *tap) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.d.mu.Lock()
	defer p.d.mu.Unlock()
	for cmd, fn := range p.d.arm {
		if bytes.Contains(b[:n], append([]byte{0x96, 0x69, 0, 3}, cmd...)) {
			delete(p.d.arm, cmd)
			fn(b[:n])
		}
	}
	return n, err
}

// on arms fn for the next request with this command and parameter.
func (d *desk) on(cmd string, fn func([]byte)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.arm[cmd] = fn
}

// run starts the driver and gives a stop that waits for its end.
func (d *desk) run() (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan struct{})
	go func() {
		d.driver.Run(ctx) // its error is the context's
		close(ended)
	}()
	return func() { cancel(); <-ended }
}

// lay puts an invented person's card down.
func (d *desk) lay(c idcard.Card) {
	d.t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		d.t.Fatal(err)
	}
	var on sdtsim.Card
	if err := json.Unmarshal(raw, &on); err != nil {
		d.t.Fatal(err)
	}
	if err := d.sim.Lay(on); err != nil {
		d.t.Fatal(err)
	}
}

// read reads within the suite's patience.
func (d *desk) read() (idcard.Card, error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), idcardtest.Patience)
	defer cancel()
	return d.driver.Read(ctx)
}

// readPatiently lays the card down again whenever the driver asks the person, and waits while it heals.
func (d *desk) readPatiently(c idcard.Card) (got idcard.Card, asked int, err error) {
	for range 40 {
		if got, err = d.read(); err == nil {
			return got, asked, nil
		}
		if fault.Is(err, fault.Refused) {
			asked++
			d.sim.Take()
			d.lay(c)
			continue
		}
		pause(d.t.Context())
	}
	return got, asked, err
}

func TestReaderSuite(t *testing.T) {
	idcardtest.Exercise(t, func(t *testing.T, trial func(*testing.T, idcardtest.Bench)) {
		onDesk(t, sdtsim.Options{}, sdt.Options{}, func(t *testing.T, d *desk) {
			trial(t, idcardtest.Bench{Reader: d.driver, Lay: d.lay, Take: func() { d.sim.Take() },
				Unplug: func() { d.sim.Faults().Arm("unplug", 1) }, Plug: func() { d.sim.Faults().Arm("unplug", 0) }})
		})
	})
}
