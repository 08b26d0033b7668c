package world

import (
	"context"
	"fmt"
	"io"

	"yichuang/devices/usbsim"
)

// usbDevices make the USB side of a device, by protocol. There is no USB bus here: the devices are on an emulated one, which
// only programs that are started with World.Env see.
var usbDevices = map[string]func(*World) usbsim.Options{
	"sdt-usb": func(*World) usbsim.Options {
		return usbsim.Options{Vendor: 0x0400, Product: 0xC35A, Maker: "YICHUANG", Model: "DESK-SDT", Serial: "DESK1",
			Lines:      []usbsim.Pipes{{In: 0x81, Out: 0x02}},
			Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 0xFF, Endpoints: []byte{0x81, 0x02}}}}}}
	},
	"escpos-usb": func(w *World) usbsim.Options {
		return usbsim.Options{Vendor: 0x0416, Product: 0x5011, Maker: "YICHUANG", Model: "DESK-80", Serial: "DESK2",
			Lines:      []usbsim.Pipes{{In: 0x81, Out: 0x02}},
			Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x81, 0x02}}}, Driver: true}},
			Request:    func(r usbsim.Request, _ []byte) ([]byte, bool) { return w.Receipt.Request(r.Request) }}
	},
	"ipp-usb": func(*World) usbsim.Options {
		// The first interface may also be a printer of the old kind, which a driver of the kernel has claimed.
		old, one, two := usbsim.Setting{Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x81, 0x01}},
			usbsim.Setting{Class: 7, SubClass: 1, Protocol: 4, Endpoints: []byte{0x81, 0x01}},
			usbsim.Setting{Class: 7, SubClass: 1, Protocol: 4, Endpoints: []byte{0x82, 0x02}}
		return usbsim.Options{Vendor: 0x03F0, Product: 0x1234, Maker: "YICHUANG", Model: "DESK-A3", Serial: "DESK3", HighSpeed: true,
			Lines:      []usbsim.Pipes{{In: 0x81, Out: 0x01}, {In: 0x82, Out: 0x02}},
			Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{old, one}, Driver: true}, {Settings: []usbsim.Setting{two}}}}
	},
}

// openBus opens the emulated bus when a device needs one.
func (w *World) openBus() (err error) {
	for class, protocol := range w.options.Speaks {
		if usbDevices[protocol] != nil && w.bus == nil {
			if w.bus, err = usbsim.Open(); err != nil {
				return fmt.Errorf("%s: %w", class, err)
			}
		}
	}
	return nil
}

// usb makes a device on the bus and says its address.
func (w *World) usb(o usbsim.Options, serve func(context.Context, []io.ReadWriter)) (address string, s socket) {
	o.Serve = serve
	return fmt.Sprintf("usb:%04x:%04x:%s", o.Vendor, o.Product, o.Serial), usbSocket{w.bus.Device(o)}
}

// usbSocket is a device on the bus as a socket.
type usbSocket struct{ d *usbsim.Device }

// Set puts the plug in or pulls it out.
func (s usbSocket) Set(in bool) error { return s.d.Plug(in) }

// Close pulls the plug for good.
func (s usbSocket) Close() error { return s.d.Plug(false) }

// Env is what a program needs in its environment to see the USB devices; nothing when there are none.
func (w *World) Env() []string {
	if w.bus == nil {
		return nil
	}
	return w.bus.Env()
}
