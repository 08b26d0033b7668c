// Package usbport is the one door to USB devices that no driver of the kernel serves, through gousb and libusb.
//
// Open finds a device by its numbers, claims the interfaces of one class and gives the pairs of bulk pipes in
// them. Each pair is a wire.Port: one goroutine asks the device for packets and puts them into a buffer that
// knows deadlines, so that a read that is broken off never loses a byte that was on its way. Writes have a limit.
//
// After an error other than the deadline the device is dead, as it is when it was pulled out: close it and open
// it again. It then has another number on the bus, and Open looks for it afresh.
//
// What surprises, and what is done about it:
//   - A read is one packet long, and some are asked for at a time. A longer read ends with a short packet, and many devices
//     leave out the empty one that should follow an answer of just so many packets: the read would wait for ever.
//   - Every Open has a libusb of its own. Without a running udev (a container) one that is kept is never told of a
//     device that is plugged in later.
//   - gousb cannot clear a halt of an endpoint. A device that halted one is reset when it is closed.
//   - gousb takes all drivers of the kernel away from a device when told to take one. It is told after it has chosen
//     the configuration, and then only those of the claimed interfaces go (usblp, from a printer).
//   - gousb looks settings up by place and not by number: an interface whose number is beyond their count is refused.
//   - gousb panics when libusb cannot begin; that is made an error.
//
// Facts from: Universal Serial Bus Specification 2.0, chapters 5, 8 and 9; libusb 1.0.26; gousb 1.1.3.
package usbport

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/gousb"

	"yichuang/devices/wire"
)

// ErrAbsent is told when no device with these numbers is plugged in.
var ErrAbsent = errors.New("no such device is plugged in")

// Class is what an interface is for. Any fits every interface.
type Class struct {
	Class, SubClass, Protocol byte
	Any                       bool
}

// fits says whether a setting of an interface is of this class and has pipes both ways.
func (c Class) fits(s gousb.InterfaceSetting) bool {
	same := byte(s.Class) == c.Class && byte(s.SubClass) == c.SubClass && byte(s.Protocol) == c.Protocol
	in, out := bulk(s)
	return (c.Any || same) && len(in) > 0 && len(in) == len(out)
}

// bulk is the numbers of a setting's bulk endpoints, in order.
func bulk(s gousb.InterfaceSetting) (in, out []int) {
	for _, e := range s.Endpoints {
		switch {
		case e.TransferType != gousb.TransferTypeBulk:
		case e.Direction == gousb.EndpointDirectionIn:
			in = append(in, e.Number)
		default:
			out = append(out, e.Number)
		}
	}
	slices.Sort(in)
	slices.Sort(out)
	return in, out
}

// Device is an open device with its claimed interfaces.
type Device struct {
	address Address
	context *gousb.Context
	device  *gousb.Device
	config  *gousb.Config
	claimed []*gousb.Interface
	pipes   []*Pipe

	ctx    context.Context // ends when the device is closed; every transfer runs under it
	cancel context.CancelFunc
	use    sync.RWMutex // held for reading by whoever uses the handle; Close waits for them
	once   sync.Once
	err    error

	mu      sync.Mutex
	spoiled bool // it is to be reset, guarded by mu
}

// opening is held by whoever opens a device. libusb does not ask for that; what diverts its calls on a desk does, since it
// keeps no lock while a file is opened.
var opening sync.Mutex

// Open opens the first device at the address that has an interface of the class, and claims up to most such
// interfaces. The error wraps ErrAbsent when there is no such device.
func Open(a Address, c Class, most int) (*Device, error) {
	d := &Device{address: a}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	opening.Lock()
	err := d.open(c, most)
	opening.Unlock()
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("open %s: %w", a, err)
	}
	for _, p := range d.pipes {
		go p.fill()
	}
	return d, nil
}

// begin starts libusb.
func begin() (c *gousb.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("libusb does not begin: %v", r)
		}
	}()
	return gousb.NewContext(), nil
}

// open tries the devices at the address one after the other: the first may be in use by another driver of ours.
func (d *Device) open(c Class, most int) (err error) {
	if d.context, err = begin(); err != nil {
		return err
	}
	places, err := d.look()
	if err != nil {
		return err
	}
	err = ErrAbsent
	for _, at := range places {
		wrong := d.try(at, c, most)
		if wrong == nil {
			return nil
		}
		if !errors.Is(wrong, ErrAbsent) {
			err = wrong // that the others have another serial number says less
		}
		d.release() // what is wrong has been told
		d.pipes = nil
	}
	return explain(err)
}

// place is where a device is now.
type place struct{ bus, number int }

// look finds the devices at the address without opening any: that would disturb those in use.
func (d *Device) look() (places []place, err error) {
	_, err = d.context.OpenDevices(func(desc *gousb.DeviceDesc) bool {
		if uint16(desc.Vendor) == d.address.Vendor && uint16(desc.Product) == d.address.Product {
			places = append(places, place{desc.Bus, desc.Address})
		}
		return false
	})
	if len(places) > 0 {
		return places, nil // another device has descriptors that cannot be read; that is none of ours
	}
	return nil, err
}

// try opens and claims the device at a place.
func (d *Device) try(at place, c Class, most int) error {
	found, err := d.context.OpenDevices(func(desc *gousb.DeviceDesc) bool { return at == place{desc.Bus, desc.Address} })
	if len(found) == 0 {
		if err != nil {
			return err
		}
		return ErrAbsent
	}
	d.device = found[0]
	return d.claim(c, most)
}

// claim checks that d.device is the right one and takes its interfaces.
func (d *Device) claim(c Class, most int) error {
	d.device.ControlTimeout = controlLimit
	if d.address.Serial != "" {
		switch serial, err := d.device.SerialNumber(); {
		case err != nil:
			return fmt.Errorf("serial number: %w", err)
		case serial != d.address.Serial:
			return ErrAbsent
		}
	}
	number, err := d.device.ActiveConfigNum()
	if err != nil {
		return err
	}
	if number == 0 { // nobody has chosen one yet
		number = slices.Min(slices.Collect(maps.Keys(d.device.Desc.Configs)))
	}
	if d.config, err = d.device.Config(number); err != nil {
		return err
	}
	if err := d.device.SetAutoDetach(true); err != nil {
		return err
	}
	for _, f := range d.config.Desc.Interfaces {
		i := slices.IndexFunc(f.AltSettings, c.fits)
		if i < 0 || len(d.claimed) == most || f.Number >= len(d.config.Desc.Interfaces) {
			continue
		}
		claimed, err := d.config.Interface(f.Number, f.AltSettings[i].Alternate)
		if err != nil {
			return err
		}
		d.claimed = append(d.claimed, claimed)
		if err := d.pair(claimed); err != nil {
			return err
		}
	}
	if len(d.pipes) == 0 {
		return errors.New("the device has no such interface")
	}
	return nil
}

// pair makes the pipes of an interface: the first endpoint in with the first out, and so on.
func (d *Device) pair(i *gousb.Interface) error {
	ins, outs := bulk(i.Setting)
	for n := range ins {
		in, err := i.InEndpoint(ins[n])
		if err != nil {
			return err
		}
		out, err := i.OutEndpoint(outs[n])
		if err != nil {
			return err
		}
		d.pipes = append(d.pipes, &Pipe{device: d, Interface: i.Setting.Number, Setting: i.Setting.Alternate, WriteLimit: writeLimit, in: in, out: out, inbox: wire.NewInbox(bufferMax)})
	}
	return nil
}

// release gives the interfaces and the device back.
func (d *Device) release() error {
	for _, i := range d.claimed {
		i.Close()
	}
	var errs []error
	if d.config != nil {
		errs = append(errs, d.config.Close())
	}
	if d.device != nil {
		if d.spoiled {
			d.device.Reset() // a device that is gone needs none
		}
		errs = append(errs, d.device.Close())
	}
	d.claimed, d.config, d.device = nil, nil, nil
	return errors.Join(errs...)
}

// Pipes are the pairs of bulk pipes, by interface.
func (d *Device) Pipes() []*Pipe { return d.pipes }

// Ports are the pipes as ports.
func (d *Device) Ports() []wire.Port {
	var ports []wire.Port
	for _, p := range d.pipes {
		ports = append(ports, p)
	}
	return ports
}

// Control puts a request on the control pipe. The top bit of kind says that data come from the device.
func (d *Device) Control(kind, request byte, value, index uint16, data []byte) (int, error) {
	d.use.RLock()
	defer d.use.RUnlock()
	if d.ctx.Err() != nil {
		return 0, fmt.Errorf("request %s: %w", d.address, os.ErrClosed)
	}
	n, err := d.device.Control(kind, request, value, index, data)
	if errors.Is(err, gousb.ErrorTimeout) {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		return 0, fmt.Errorf("request %s: %w", d.address, err)
	}
	return n, nil
}

// Spoil lets the device be reset when it is closed: something in it is not as it should be.
func (d *Device) Spoil() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spoiled = true
}

// Close breaks off what is under way, gives the interfaces back and ends libusb. A second call does nothing.
func (d *Device) Close() error {
	d.once.Do(func() {
		d.cancel()
		for _, p := range d.pipes {
			p.inbox.Close(fmt.Errorf("read %s: %w", d.address, os.ErrClosed))
		}
		d.use.Lock() // until nobody uses the handle
		defer d.use.Unlock()
		errs := []error{d.release()}
		if d.context != nil {
			errs = append(errs, d.context.Close())
		}
		if err := errors.Join(errs...); err != nil {
			d.err = fmt.Errorf("close %s: %w", d.address, err)
		}
	})
	return d.err
}

// Pipe is a pair of bulk pipes. It satisfies wire.Port.
type Pipe struct {
	Interface, Setting int           // where it is, for requests on the control pipe
	WriteLimit         time.Duration // how long the device may take no byte of a chunk; set before the first Write

	device  *Device
	in      *gousb.InEndpoint
	out     *gousb.OutEndpoint
	inbox   *wire.Inbox
	writing sync.Mutex // one Write at a time
}

var _ wire.Port = (*Pipe)(nil)

// fill takes one packet after the other until the device fails or is closed.
func (p *Pipe) fill() {
	p.device.use.RLock()
	defer p.device.use.RUnlock()
	if !p.inbox.Room() {
		return // it was closed before this goroutine began, and the handle is gone
	}
	packet := make([]byte, p.in.Desc.MaxPacketSize)
	stream, err := p.in.NewStream(len(packet), packetsAsked)
	for err == nil && p.inbox.Room() {
		n := 0
		n, err = stream.ReadContext(p.device.ctx, packet) // an error ends what is asked for, too
		if n > 0 {
			p.inbox.Put(packet[:n])
		} else if err == nil {
			time.Sleep(emptyPause)
		}
	}
	if err != nil {
		p.device.note(err)
		p.inbox.Fail(fmt.Errorf("read %s: %w", p.device.address, err))
		return
	}
	// Closed while the inbox was full: what is asked for must end before the handle goes.
	for err = nil; err == nil; {
		_, err = stream.ReadContext(p.device.ctx, packet)
	}
}

// note remembers a halt.
func (d *Device) note(err error) {
	if errors.Is(err, gousb.TransferStall) {
		d.Spoil()
	}
}

// Read gives what has come, at least one byte, waiting for it until the deadline.
func (p *Pipe) Read(to []byte) (int, error) { return p.inbox.Read(to) }

// SetReadDeadline bounds the reads, also one that waits now. The zero time takes the bound away.
func (p *Pipe) SetReadDeadline(t time.Time) error { return p.inbox.SetReadDeadline(t) }

// Write sends all of data. A device that does not take a chunk within WriteLimit ends it with
// os.ErrDeadlineExceeded; the number says how much it took.
func (p *Pipe) Write(data []byte) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.device.use.RLock()
	defer p.device.use.RUnlock()
	sent := 0
	for chunk := range slices.Chunk(data, chunkBytes) {
		ctx, cancel := context.WithTimeout(p.device.ctx, p.WriteLimit)
		n, err := p.writeSome(ctx, chunk)
		cancel()
		sent += n
		if err != nil {
			return sent, fmt.Errorf("write %s: %w", p.device.address, err)
		}
	}
	return sent, nil
}

// writeSome writes one chunk.
func (p *Pipe) writeSome(ctx context.Context, chunk []byte) (int, error) {
	if p.device.ctx.Err() != nil {
		return 0, os.ErrClosed
	}
	n, err := p.out.WriteContext(ctx, chunk)
	switch {
	case err == nil && n < len(chunk):
		return n, errors.New("the device took a part")
	case err == nil:
		return n, nil
	case p.device.ctx.Err() != nil:
		return n, os.ErrClosed
	case ctx.Err() != nil && errors.Is(err, gousb.TransferCancelled):
		return n, os.ErrDeadlineExceeded
	}
	p.device.note(err)
	return n, err
}

// Close closes the whole device.
func (p *Pipe) Close() error { return p.device.Close() }
