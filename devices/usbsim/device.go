package usbsim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf16"
)

// Options say what a device is.
type Options struct {
	Vendor, Product      uint16
	Maker, Model, Serial string // "" is none
	HighSpeed            bool   // packets of 512 bytes; otherwise full speed and 64
	EmptyPackets         bool   // what it writes ends in an empty packet when it fills its last one
	Interfaces           []Interface
	// Request answers a class or vendor request on the control pipe; ok is false when the device refuses it,
	// as it also does when Request is nil.
	Request func(r Request, data []byte) (answer []byte, ok bool)
	// Serve is the device's wits: it runs while the plug is in, with one line for each of Lines, and ends
	// when ctx does or its lines break.
	Serve func(ctx context.Context, lines []io.ReadWriter)
	Lines []Pipes
}

// Interface is one interface of the device and the settings to choose from; each is a whole interface.
type Interface struct {
	Settings []Setting
	Driver   bool // a driver of the kernel has claimed it
	Number   byte // 0 is its place among the interfaces
}

// number is the interface's, which stands at place i.
func (f Interface) number(i int) byte {
	if f.Number != 0 {
		return f.Number
	}
	return byte(i)
}

// Setting is an alternate setting.
type Setting struct {
	Class, SubClass, Protocol byte
	Endpoints                 []byte // bulk; the top bit says that it leads to the host
}

// Pipes are the endpoints of a line: what the host sends comes from Out, what is written goes to In. 0 is none.
type Pipes struct {
	In, Out byte
}

// Request is the head of a request on the control pipe.
type Request struct {
	Type, Request byte
	Value, Index  uint16
	Length        uint16
}

// Device is a device that can be plugged in and pulled out.
type Device struct {
	bus    *Bus
	socket int
	o      Options

	mu sync.Mutex // guards in, and makes one plugging at a time
	in *plugged
}

// Device makes a device that is not plugged in, with a socket of its own on the bus.
func (b *Bus) Device(o Options) *Device {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := &Device{bus: b, socket: len(b.sockets) + 1, o: o}
	b.sockets[d.socket] = d
	return d
}

// The numbers of the kernel: a device gets the next number when it is plugged in, and after the last the
// first ones are used again.
const (
	numberFirst = 2
	numberLast  = 127
	busesMax    = 200
)

// nobody is a number that no device has.
var nobody = []byte{0, 0}

// Plug puts the plug in or pulls it. Twice the same is once.
func (d *Device) Plug(in bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p := d.in; p != nil && !in {
		d.in = nil
		return p.pull()
	}
	if d.in != nil || !in {
		return nil
	}
	p := d.newPlugged()
	drivers := uint32(0)
	for i, f := range d.o.Interfaces {
		if f.Driver {
			drivers |= 1 << f.number(i)
		}
	}
	body := binary.LittleEndian.AppendUint32([]byte{p.at[0], p.at[1]}, drivers)
	if err := d.bus.ask('A', body, []byte(d.describe(p.at))); err != nil {
		return errors.Join(err, p.pull())
	}
	d.in = p
	return nil
}

// Plugged says whether the plug is in.
func (d *Device) Plugged() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.in != nil
}

// Halt lets the device refuse transfers on an endpoint until the host clears that or resets the device.
func (d *Device) Halt(endpoint byte) { d.with(func(p *plugged) { p.halt(endpoint) }) }

// Noise ends the next transfer on an endpoint as a bad cable does, whatever it carried.
func (d *Device) Noise(endpoint byte) { d.with(func(p *plugged) { p.noise(endpoint) }) }

// Hold lets the device take nothing from the host while it is set, as a printer with a full buffer does. With all it also leaves
// requests on the control pipe without an answer.
func (d *Device) Hold(hold, all bool) { d.with(func(p *plugged) { p.hold(hold, all) }) }

// Unfetched is how many bytes that its wits have said lie at an endpoint, after all that the host has done up to now: the
// testbed tells of a reset a moment after the host's call is over.
func (d *Device) Unfetched(endpoint byte) (n int) {
	d.bus.ask('R', nobody) // an answer comes behind what was told before; without the testbed nothing is told
	d.with(func(p *plugged) { n = p.unfetched(endpoint) })
	return n
}

func (d *Device) with(do func(*plugged)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.in != nil {
		do(d.in)
	}
}

// describe is the device as sysfs shows it, in the words of umockdev. Its bytes must be in upper case.
func (d *Device) describe(at [2]byte) string {
	var s strings.Builder
	descriptors := fmt.Sprintf("%X", d.descriptors())
	speed := 12
	if d.o.HighSpeed {
		speed = 480
	}
	fmt.Fprintf(&s, "P: /devices/pci0000:00/0000:00:14.0/usb%d/%d-%d\n", at[0], at[0], d.socket)
	fmt.Fprintf(&s, "E: DEVNAME=/dev/bus/usb/%03d/%03d\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\n", at[0], at[1])
	fmt.Fprintf(&s, "E: BUSNUM=%03d\nE: DEVNUM=%03d\nE: MAJOR=189\nE: MINOR=%d\n", at[0], at[1], (int(at[0])-1)*128+int(at[1])-1)
	for _, a := range []struct {
		name  string
		value any
	}{{"busnum", at[0]}, {"devnum", at[1]}, {"speed", speed}, {"bConfigurationValue", 1},
		{"idVendor", fmt.Sprintf("%04x", d.o.Vendor)}, {"idProduct", fmt.Sprintf("%04x", d.o.Product)}} {
		fmt.Fprintf(&s, "A: %s=%v\\n\n", a.name, a.value)
	}
	fmt.Fprintf(&s, "H: descriptors=%s\n\n", descriptors)
	return s.String()
}

// packet is the size of a bulk packet.
func (d *Device) packet() int {
	if d.o.HighSpeed {
		return 512
	}
	return 64
}

// The numbers of the strings.
const (
	stringMaker  = 1
	stringModel  = 2
	stringSerial = 3
)

// descriptors are the device's and its configuration's (USB 2.0, §9.6).
func (d *Device) descriptors() []byte {
	le := binary.LittleEndian
	index := func(s string, n byte) byte {
		if s == "" {
			return 0
		}
		return n
	}
	b := []byte{18, 1, 0x00, 0x02, 0, 0, 0, 64}
	b = le.AppendUint16(b, d.o.Vendor)
	b = le.AppendUint16(b, d.o.Product)
	b = append(b, 0x00, 0x01, index(d.o.Maker, stringMaker), index(d.o.Model, stringModel), index(d.o.Serial, stringSerial), 1)
	var c []byte
	for i, f := range d.o.Interfaces {
		for alt, s := range f.Settings {
			c = append(c, 9, 4, f.number(i), byte(alt), byte(len(s.Endpoints)), s.Class, s.SubClass, s.Protocol, 0)
			for _, e := range s.Endpoints {
				c = le.AppendUint16(append(c, 7, 5, e, 2), uint16(d.packet()))
				c = append(c, 0)
			}
		}
	}
	b = append(b, 9, 2)
	b = le.AppendUint16(b, uint16(len(c)+9))
	b = append(b, byte(len(d.o.Interfaces)), 1, 0, 0x80, 50)
	return append(b, c...)
}

// text is a string descriptor; 0 lists the languages.
func (d *Device) text(n byte) ([]byte, bool) {
	if n == 0 {
		return []byte{4, 3, 0x09, 0x04}, true
	}
	s := map[byte]string{stringMaker: d.o.Maker, stringModel: d.o.Model, stringSerial: d.o.Serial}[n]
	if s == "" {
		return nil, false
	}
	b := []byte{0, 3}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	b[0] = byte(len(b))
	return b, true
}
