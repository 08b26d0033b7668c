// Package cabletest joins a driver and a simulator in a bubble of virtual time by a USB cable that is none of the bubble's: every
// byte goes through gousb, libusb and the testbed of package usbsim, which live in real time.
//
// The bubble's clock stands still as long as bytes are on their way, and goes on when both ends have what was sent. So
// minutes of waiting cost nothing, and a slow computer changes nothing: a suite that was written for net.Pipe runs over libusb
// as it is.
//
// A write to a device that takes nothing (Hold) would stop the clock: it is given up outside at once, and the writer's limit passes
// in the bubble.
package cabletest

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"yichuang/devices/usbport"
	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
	"yichuang/devices/wire"
)

// errPulled is what the simulator gets from its lines when the plug is out.
var errPulled = errors.New("the plug is out")

// inboxMax is more than anybody says at a time.
const inboxMax = 1 << 20

// Cable is the cable of one device.
type Cable struct {
	t      *testing.T
	o      usbsim.Options
	serve  func(ctx context.Context, lines []io.ReadWriter)
	device *usbsim.Device
	moved  chan struct{}           // made outside: something has arrived
	lines  chan []io.ReadWriter    // made outside: the testbed's lines after plugging in
	kick   chan struct{}           // made in the bubble: something was sent
	ended  chan struct{}           // made in the bubble: the pump has ended
	pump   context.CancelCauseFunc // ends it

	saying sync.Mutex // held outside while the device's words are counted
	taken  *sync.Cond // on mu, waited for outside: the testbed has handed on what was sent

	mu    sync.Mutex // guards the fields below, and is held for moments only
	lanes []lane
	far   []io.ReadWriter // the testbed's lines; nil while the plug is out
	sim   []*wire.Inbox   // what the simulator reads; nil while the plug is out
	open  *Device         // as the driver has it
	held  bool            // the device takes nothing
}

// lane is one pair of pipes: what has been sent and has arrived each way, and what waits to be handed over.
type lane struct {
	sent, got     int
	said, heard   int
	toSim, toHost []byte
	broken        error // the driver's end has failed
}

// New makes a cable, in a bubble, with the device of these options at its end, whose plug is out. serve is the simulator: it
// runs in the bubble from each plugging in to the pulling out, and its lines have SetReadDeadline too. o.Serve must be nil.
func New(t *testing.T, o usbsim.Options, serve func(ctx context.Context, lines []io.ReadWriter)) *Cable {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := &Cable{t: t, serve: serve, kick: make(chan struct{}, 1), ended: make(chan struct{}), pump: cancel, lanes: make([]lane, len(o.Lines))}
	c.taken = sync.NewCond(&c.mu)
	o.Serve = c.take
	c.o = o
	usbtest.Outside(func() {
		c.moved, c.lines = make(chan struct{}, 1), make(chan []io.ReadWriter, 1)
		c.device = usbtest.Device(o)
	})
	go c.hand(ctx)
	return c
}

// Close pulls the plug and lets the bubble end. The driver must have closed the device.
func (c *Cable) Close() {
	c.Plug(false)
	c.pump(nil)
	<-c.ended
}

// Plug puts the plug in or pulls it.
func (c *Cable) Plug(in bool) {
	c.mu.Lock()
	was := c.sim
	c.mu.Unlock()
	switch {
	case in && was == nil:
		c.plug()
	case !in && was != nil:
		c.pull()
	}
}

func (c *Cable) plug() {
	var ends []io.ReadWriter
	var inboxes []*wire.Inbox
	for i := range c.lanes {
		b := wire.NewInbox(inboxMax)
		inboxes = append(inboxes, b)
		ends = append(ends, &end{c, i, b})
	}
	usbtest.Outside(func() {
		if err := c.device.Plug(true); err != nil {
			c.t.Errorf("plug: %v", err)
			return
		}
		far := <-c.lines
		c.mu.Lock()
		defer c.mu.Unlock()
		c.far, c.sim = far, inboxes
	})
	go c.serve(context.Background(), ends) // ends with its lines
}

func (c *Cable) pull() {
	c.mu.Lock()
	sim, open := c.sim, c.open
	c.far, c.sim = nil, nil
	c.mu.Unlock()
	usbtest.Outside(func() {
		if err := c.device.Plug(false); err != nil {
			c.t.Errorf("pull the plug: %v", err)
		}
		if open != nil {
			open.read.Wait() // the driver's end fails by itself
		}
		c.saying.Lock() // until nobody counts for the old plug
		defer c.saying.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, l := range c.lanes {
			c.lanes[i] = lane{toHost: l.toHost, broken: l.broken}
		}
		c.taken.Broadcast()
	})
	for _, b := range sim {
		b.Close(errPulled)
	}
	c.poke()
}

// Halt lets the device refuse transfers on an endpoint, until it is reset or comes anew.
func (c *Cable) Halt(endpoint byte) { c.spoil(endpoint, (*usbsim.Device).Halt) }

// Noise ends the next transfer on an endpoint as a bad cable does.
func (c *Cable) Noise(endpoint byte) { c.spoil(endpoint, (*usbsim.Device).Noise) }

// spoil lets something befall an endpoint, and waits until who reads from it has seen that: a driver that has the device open
// always reads.
func (c *Cable) spoil(endpoint byte, befall func(*usbsim.Device, byte)) {
	usbtest.Outside(func() {
		befall(c.device, endpoint)
		c.mu.Lock()
		open, in := c.open, c.sim != nil
		c.mu.Unlock()
		for i, p := range c.o.Lines {
			if open != nil && in && p.In == endpoint {
				<-open.deaf[i]
			}
		}
	})
	c.poke()
}

// Hold lets the device take nothing from the host while it is set, as a printer with a full buffer does.
func (c *Cable) Hold(hold bool) {
	usbtest.Outside(func() {
		c.mu.Lock()
		c.held = hold
		c.mu.Unlock()
		c.device.Hold(hold, false)
	})
}

// take moves what the host has sent from the testbed to the lanes, outside.
func (c *Cable) take(_ context.Context, lines []io.ReadWriter) {
	var all sync.WaitGroup
	for i, l := range lines {
		all.Go(func() {
			b := make([]byte, 4096)
			for {
				n, err := l.Read(b)
				if err != nil {
					return
				}
				c.mu.Lock()
				c.lanes[i].toSim = append(c.lanes[i].toSim, b[:n]...)
				c.lanes[i].got += n
				c.taken.Broadcast()
				c.mu.Unlock()
				c.arrived()
			}
		})
	}
	c.lines <- lines
	all.Wait()
}

// arrived tells the pump, from outside.
func (c *Cable) arrived() {
	select {
	case c.moved <- struct{}{}:
	default:
	}
}

// poke tells the pump, from the bubble.
func (c *Cable) poke() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// hand is the pump: it hands over what has arrived. While something is on its way it waits at a channel of outside, which stops
// the bubble's clock.
func (c *Cable) hand(ctx context.Context) {
	defer close(c.ended)
	for {
		if c.handOver() {
			<-c.moved
			continue
		}
		select {
		case <-c.kick:
		case <-ctx.Done():
			return
		}
	}
}

// handOver hands over what is there and says whether more is on its way.
func (c *Cable) handOver() (flying bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.lanes {
		l := &c.lanes[i]
		if c.sim != nil {
			if len(l.toSim) > 0 {
				c.sim[i].Put(l.toSim)
			}
			flying = flying || l.sent != l.got
		}
		l.toSim = nil
		if c.open == nil {
			continue
		}
		if len(l.toHost) > 0 {
			c.open.inboxes[i].Put(l.toHost)
		}
		l.toHost = nil
		if l.broken != nil {
			c.open.inboxes[i].Fail(l.broken)
		} else {
			flying = flying || l.said != l.heard
		}
	}
	return flying
}

// end is the simulator's end of a lane.
type end struct {
	c     *Cable
	i     int
	inbox *wire.Inbox
}

// Read gives what the host has sent.
func (e *end) Read(to []byte) (int, error) { return e.inbox.Read(to) }

// SetReadDeadline is in the bubble's time.
func (e *end) SetReadDeadline(t time.Time) error { return e.inbox.SetReadDeadline(t) }

// Write says something to the host.
func (e *end) Write(b []byte) (n int, err error) {
	c := e.c
	usbtest.Outside(func() {
		c.saying.Lock()
		defer c.saying.Unlock()
		c.mu.Lock()
		far, mine := c.far, c.sim != nil && c.sim[e.i] == e.inbox
		c.mu.Unlock()
		if !mine {
			err = errPulled
			return
		}
		n, err = far[e.i].Write(b)
		c.mu.Lock()
		c.lanes[e.i].said += n
		c.mu.Unlock()
		c.arrived()
	})
	c.poke()
	return n, err
}

// Device is the device as the driver has it open.
type Device struct {
	c       *Cable
	device  *usbport.Device
	inboxes []*wire.Inbox
	read    sync.WaitGroup  // for whoever reads from libusb, outside
	deaf    []chan struct{} // made outside, by lane: closed when nothing more is read
	closed  sync.Once

	using sync.RWMutex // held outside for reading by writers
	shut  bool         // guarded by using: nothing more is written
}

// Open opens the device for a driver. It must not be open.
func (c *Cable) Open(class usbport.Class) (*Device, error) {
	d := &Device{c: c}
	for range c.lanes {
		d.inboxes = append(d.inboxes, wire.NewInbox(inboxMax))
	}
	var err error
	usbtest.Outside(func() {
		d.device, err = usbport.Open(usbport.Address{Vendor: c.o.Vendor, Product: c.o.Product, Serial: c.o.Serial}, class, len(c.lanes))
		if err != nil {
			return
		}
		c.mu.Lock()
		c.open = d
		for range c.lanes {
			d.deaf = append(d.deaf, make(chan struct{}))
		}
		c.mu.Unlock()
		for i, p := range d.device.Pipes() {
			d.read.Go(func() { d.listen(i, p) })
		}
	})
	if err != nil {
		return nil, err
	}
	c.poke()
	return d, nil
}

// listen takes what libusb brings, outside.
func (d *Device) listen(i int, p *usbport.Pipe) {
	c, b := d.c, make([]byte, 4096)
	defer close(d.deaf[i])
	for {
		n, err := p.Read(b)
		c.mu.Lock()
		if c.open == d {
			c.lanes[i].toHost = append(c.lanes[i].toHost, b[:n]...)
			c.lanes[i].heard += n
			c.lanes[i].broken = err
		}
		c.mu.Unlock()
		c.arrived()
		if err != nil {
			return
		}
	}
}

// Limit sets how long the device may take no byte of what is written, before the first use of Ports.
func (d *Device) Limit(limit time.Duration) {
	for _, p := range d.device.Pipes() {
		p.WriteLimit = limit
	}
}

// Ports are the device's pairs of pipes for a driver in the bubble.
func (d *Device) Ports() []wire.Port {
	var ports []wire.Port
	for i, p := range d.device.Pipes() {
		ports = append(ports, &port{d, i, p.WriteLimit})
	}
	return ports
}

// Control is that of usbport.
func (d *Device) Control(kind, request byte, value, index uint16, data []byte) (n int, err error) {
	usbtest.Outside(func() { n, err = d.device.Control(kind, request, value, index, data) })
	return n, err
}

// Spoil is that of usbport.
func (d *Device) Spoil() { d.device.Spoil() }

// Close closes the device. What it had said and libusb not yet fetched stays in it.
func (d *Device) Close() (err error) {
	c := d.c
	d.closed.Do(func() {
		usbtest.Outside(func() {
			d.settle()
			err = d.device.Close()
			d.read.Wait()
			c.saying.Lock()
			defer c.saying.Unlock()
			var left []int
			for _, p := range c.o.Lines {
				left = append(left, c.device.Unfetched(p.In))
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.open = nil
			for i := range c.lanes {
				l := &c.lanes[i]
				l.said, l.heard, l.toHost, l.broken = left[i], 0, nil, nil
			}
		})
		for _, b := range d.inboxes {
			b.Close(io.ErrClosedPipe)
		}
		c.poke()
	})
	return err
}

// settle ends the writing and waits until the simulator has what was sent: a device that is reset when it is closed forgets what it
// has not handed on, and the clock would wait for that for ever.
func (d *Device) settle() {
	d.using.Lock()
	d.shut = true
	d.using.Unlock()
	c := d.c
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.lanes {
		for c.sim != nil && c.lanes[i].sent != c.lanes[i].got {
			c.taken.Wait()
		}
	}
}

// heldLimit is how long, outside, a device that takes nothing is given.
const heldLimit = 20 * time.Millisecond

// port is one pair of pipes, in the bubble.
type port struct {
	d     *Device
	i     int
	limit time.Duration // usbport.Pipe's WriteLimit
}

// Read gives what the device has said.
func (p *port) Read(to []byte) (int, error) { return p.d.inboxes[p.i].Read(to) }

// SetReadDeadline is in the bubble's time.
func (p *port) SetReadDeadline(t time.Time) error { return p.d.inboxes[p.i].SetReadDeadline(t) }

// Write sends something to the device. One goroutine writes at a time.
func (p *port) Write(b []byte) (n int, err error) {
	c, limit := p.d.c, p.limit
	held := false
	usbtest.Outside(func() {
		pipe := p.d.device.Pipes()[p.i]
		p.d.using.RLock()
		defer p.d.using.RUnlock()
		if p.d.shut {
			err = os.ErrClosed
			return
		}
		c.mu.Lock()
		if held = c.held; held {
			pipe.WriteLimit = heldLimit
		} else {
			pipe.WriteLimit = limit
		}
		c.mu.Unlock()
		n, err = pipe.Write(b)
		c.mu.Lock()
		if c.sim != nil {
			c.lanes[p.i].sent += n
		}
		c.mu.Unlock()
		c.arrived()
	})
	c.poke()
	if held && errors.Is(err, os.ErrDeadlineExceeded) {
		time.Sleep(limit) // virtual
	}
	return n, err
}

// Close closes the whole device.
func (p *port) Close() error { return p.d.Close() }
