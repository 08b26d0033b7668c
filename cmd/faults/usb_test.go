package faults

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"yichuang/devices/idcard/sdt"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/idcard/sdtusb"
	"yichuang/devices/mechanism"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/escposusb"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/printer/ippusb"
	"yichuang/devices/usbport"
	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
	"yichuang/devices/usbtest/cabletest"
	"yichuang/devices/wire"
)

// The drivers on USB run through gousb and libusb against an emulated bus, on a cable that lets the story be in virtual time.
func TestMain(m *testing.M) { usbtest.Main(m) }

// cableFaults is what befalls a USB cable and no serial line.
var cableFaults = []mechanism.Fault{
	{Name: "halt_in", What: "the device refuses to be read from until it is reset"},
	{Name: "halt_out", What: "the device refuses what is sent until it is reset"},
	{Name: "noise_in", What: "a transfer from the device breaks on a bad cable"},
	{Name: "noise_out", What: "a transfer to the device breaks on a bad cable"},
	{Name: "stuck", What: "the device takes no byte"},
	{Name: "new_number", What: "the plug slips out in mid-transfer and at once in again: another device number on the bus"},
}

// sampleOf is what stands for a driver that has these faults of a cable when there is little time.
func sampleOf(more []mechanism.Fault) []string {
	if len(more) == 0 {
		return nil
	}
	return []string{"new_number"}
}

// cableEvery is how often a fault of the cable befalls that befalls again and again.
const cableEvery = 3 * time.Second

// usbCable is a USB cable with a simulated device at its end.
type usbCable struct {
	*cabletest.Cable
	ends  usbsim.Pipes
	class usbport.Class
	join  func(*cabletest.Device) (wire.Port, error)

	served sync.WaitGroup

	mu   sync.Mutex // guards the fields below
	now  *cabletest.Device
	stop chan struct{} // ends what befalls again and again
}

// serials tells the devices of this program apart.
var serials atomic.Int64

// newUSBCable plugs a device in, in a bubble.
func newUSBCable(t *testing.T, o usbsim.Options, class usbport.Class, serve func(ctx context.Context, lines []io.ReadWriter)) *usbCable {
	o.Serial = fmt.Sprintf("F%d", serials.Add(1))
	c := &usbCable{ends: o.Lines[0], class: class, join: func(d *cabletest.Device) (wire.Port, error) { return d.Ports()[0], nil }}
	c.Cable = cabletest.New(t, o, func(ctx context.Context, lines []io.ReadWriter) {
		c.served.Add(1)
		defer c.served.Done()
		serve(ctx, lines)
	})
	c.Plug(true)
	return c
}

func (c *usbCable) device() (*cabletest.Device, error) {
	d, err := c.Open(c.class)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = d
	return d, nil
}

// alive opens the device for a program until that is dead: what of it still runs in a story has no hand on the device.
func (c *usbCable) alive(dead *atomic.Bool) func() (ippusb.Device, error) {
	return func() (ippusb.Device, error) {
		if dead.Load() {
			return nil, os.ErrClosed
		}
		d, err := c.device()
		if err != nil {
			return nil, err
		}
		return d, nil
	}
}

func (c *usbCable) open() (wire.Port, error) {
	d, err := c.device()
	if err != nil {
		return nil, err
	}
	return c.join(d)
}

func (c *usbCable) plug(in bool) { c.Plug(in) }

// power: a device that has none is not on the bus.
func (c *usbCable) power(on bool) { c.Plug(on) }

// drop is what the kernel does for a program that died.
func (c *usbCable) drop() {
	c.mu.Lock()
	d := c.now
	c.mu.Unlock()
	if d != nil {
		d.Close() // whoever had it open is gone
	}
}

func (c *usbCable) end() {
	c.Close()
	c.served.Wait()
}

func (c *usbCable) arm(name string, n int) bool {
	befall := map[string]func(){
		"halt_in":    func() { c.Halt(c.ends.In) },
		"halt_out":   func() { c.Halt(c.ends.Out) },
		"noise_in":   func() { c.Noise(c.ends.In) },
		"noise_out":  func() { c.Noise(c.ends.Out) },
		"stuck":      func() { c.Hold(true) },
		"new_number": func() { c.Plug(false); c.Plug(true) },
	}[name]
	if befall == nil {
		return false
	}
	c.mu.Lock()
	if c.stop != nil {
		close(c.stop)
		c.stop = nil
	}
	if n > 1 {
		c.stop = make(chan struct{})
		go again(befall, c.stop)
	}
	c.mu.Unlock()
	if n > 0 {
		befall()
		return true
	}
	if name == "stuck" {
		c.Hold(false)
	}
	return true
}

// again lets it befall again and again, in virtual time.
func again(befall func(), stop chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(cableEvery):
			befall()
		}
	}
}

// usbCardDesk is a card reader on USB.
func usbCardDesk(t *testing.T) *desk {
	sim := sdtsim.New(sdtsim.Options{})
	d := cardDeskOf(t, sim, sdt.Options{NoSpeed: true})
	d.more = cableFaults
	d.join = func() line {
		c := newUSBCable(t, usbsim.Options{Vendor: 0x0400, Product: 0xC35A, Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}},
			Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 0xFF, Endpoints: []byte{0x81, 0x02}}}}}}, sdtusb.Class,
			func(ctx context.Context, l []io.ReadWriter) { sim.Serve(ctx, l[0]) }) // a broken line is the pulled plug
		c.join = func(d *cabletest.Device) (wire.Port, error) { return sdtusb.Line(d.Ports()) }
		return c
	}
	return d
}

// usbRoll is the cable of a receipt printer.
func usbRoll(t *testing.T, s rollSim) line {
	sim := s.(*escpossim.Printer)
	c := newUSBCable(t, usbsim.Options{Vendor: 0x0416, Product: 0x5011, HighSpeed: true, Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}},
		Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x81, 0x02}}}, Driver: true}},
		Request:    func(r usbsim.Request, _ []byte) ([]byte, bool) { return sim.Request(r.Request) }}, escposusb.Class,
		func(ctx context.Context, l []io.ReadWriter) { sim.Serve(ctx, l[0]) }) // a broken line is the pulled plug
	c.join = func(d *cabletest.Device) (wire.Port, error) {
		d.Limit(escposusb.StallLimit)
		return escposusb.NewPort(d.Ports()[0], d, 0, 0), nil
	}
	return c
}

// usbSheets is the cable of a license printer, with two pairs of pipes.
func usbSheets(t *testing.T, sim *ippsim.Printer) *usbCable {
	set := func(in, out byte) usbsim.Interface {
		return usbsim.Interface{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 4, Endpoints: []byte{in, out}}}, Driver: true}
	}
	return newUSBCable(t, usbsim.Options{Vendor: 0x03F0, Product: 0x1234, HighSpeed: true, Interfaces: []usbsim.Interface{set(0x81, 0x01), set(0x82, 0x02)},
		Lines: []usbsim.Pipes{{In: 0x81, Out: 0x01}, {In: 0x82, Out: 0x02}}}, ippusb.Class, func(_ context.Context, lines []io.ReadWriter) {
		var both sync.WaitGroup
		for _, l := range lines {
			both.Go(func() { ippsim.ServePair(l, sim.Handler()) })
		}
		both.Wait()
	})
}
