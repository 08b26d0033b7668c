// Package world is the physical world of a desk: every peripheral as a mechanism, its plug, and the mains.
//
// It holds the simulators and the lines to them, cuts their power at the instant that a hand asked for, and
// keeps what they hold in files, so that a desk goes on where an earlier one stopped. It knows the devices
// and nothing of the programs that use them: whoever runs those says what a power cut does to them.
package world

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"

	"yichuang/cmd/devsim/answer"
	"yichuang/cmd/devsim/plug"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/cash/ccnetsim"
	"yichuang/devices/cash/cctalkcoinsim"
	"yichuang/devices/cash/cctalkhoppersim"
	"yichuang/devices/cash/cctalksim"
	"yichuang/devices/cash/id003sim"
	"yichuang/devices/cash/notepath"
	"yichuang/devices/cash/sspsim"
	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/mechanism"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/usbsim"
)

// Classes are the words for the devices of a desk, in faults, events, ports and configuration. Coins and payout are
// there only where a link names them.
var Classes = []string{"idcard", "cash", "receipt", "license", "scanner"}

// Extra are the classes that a desk has only when it is asked for them.
var Extra = []string{"coins", "payout"}

// Protocols are the protocols that there is a simulator for, by class; the first is the usual one. Those on USB need what
// emulates a bus.
var Protocols = map[string][]string{
	"idcard": {"sdt", "sdt-usb"},
	"cash":   {"cctalk", "id003", "ccnet", "ssp", "essp", "ssp-payout"},
	"coins":  {"cctalk-coin"},
	"payout": {"cctalk-hopper"},
	"receipt": {"escpos", "escpos-58", "escpos-80", "escpos-80-512", "escpos-80-gb2312", "escpos-80-latin", "escpos-presenter",
		"escpos-presenter-kpm", "escpos-usb"},
	"license": {"ipp", "ipp-usb"},
	"scanner": {"scanner"},
}

// Acceptor is a pretend banknote acceptor, whatever it speaks.
type Acceptor interface {
	Path() *notepath.Path
	Faults() *mechanism.Faults
	OnPlug(func(plugged bool))
	Power(on, noteIn bool)
	Serve(context.Context, io.ReadWriter) error
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

// acceptors make a pretend acceptor of each protocol.
var acceptors = map[string]func(*mechanism.Log, Options) Acceptor{
	"cctalk": func(log *mechanism.Log, o Options) Acceptor {
		return cctalksim.New(cctalksim.Options{Log: log, Echo: o.Echo, CRC: o.CRC})
	},
	"ccnet": func(log *mechanism.Log, _ Options) Acceptor { return ccnetsim.New(ccnetsim.Options{Log: log}) },
	"id003": func(log *mechanism.Log, _ Options) Acceptor { return id003sim.New(id003sim.Options{Log: log}) },
	"ssp": func(log *mechanism.Log, _ Options) Acceptor {
		return sspsim.New(sspsim.Options{Log: log, NoKeys: true})
	},
	"ssp-payout": func(log *mechanism.Log, _ Options) Acceptor {
		return sspsim.New(sspsim.Options{Log: log, Unit: sspsim.SmartPayout})
	},
	"essp": func(log *mechanism.Log, _ Options) Acceptor { return sspsim.New(sspsim.Options{Log: log}) },
}

// Options say which devices there are and where.
type Options struct {
	Dir     string            // where the state is kept; "" keeps none
	Links   map[string]string // class to the path of its serial line; a class without one is not there
	License string            // the address at which the license printer listens, or anything for one on USB; "" is none
	Speaks  map[string]string // class to protocol, where it is not the usual one
	Echo    bool              // cctalk: the interface board gives the host its own bytes back
	CRC     bool              // cctalk: CRC-16 packets
	Cut     func()            // what a power cut does to the programs, at that very instant
	Restore func()            // the power is back
}

// device is one peripheral as all of them are.
type device struct {
	class, protocol, address string
	faults                   *mechanism.Faults
	power                    func(on, noteIn bool)
	snapshot                 func() ([]byte, error)
	restore                  func([]byte) error
	plug                     socket // nil without a line of its own
}

// socket is where a device's plug is put in.
type socket interface {
	Set(in bool) error
	Close() error
}

// World is the devices and the mains. The fields of devices that are not there are nil.
type World struct {
	Log     *mechanism.Log
	IDCard  *sdtsim.Reader
	Cash    Acceptor
	Coins   *cctalkcoinsim.Sim
	Payout  *cctalkhoppersim.Rack
	Receipt *escpossim.Printer
	License *ippsim.Printer
	Scanner *scannersim.Scanner

	options Options
	devices []*device
	mains   mains
	server  *http.Server // the license printer's network socket
	keep    *keep
	bus     *usbsim.Bus // nil without a USB device
}

// Open sets the devices up as an earlier world in the same folder left them, with the power on, and puts
// their plugs in.
func Open(o Options) (*World, error) {
	w := &World{Log: mechanism.NewLog(), options: o}
	for class, protocol := range o.Speaks {
		if !slices.Contains(Protocols[class], protocol) {
			return nil, fmt.Errorf("%s: there is no simulator of %q; there are %v", class, protocol, Protocols[class])
		}
	}
	if err := w.openBus(); err != nil {
		return nil, err
	}
	w.mains.world = w
	w.build()
	if o.Dir != "" {
		k, err := openKeep(o.Dir, w.devices)
		if err != nil {
			return nil, err
		}
		w.keep = k
	}
	if err := w.connect(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	if w.keep != nil {
		w.keep.begin(w.Log)
	}
	return w, nil
}

// build makes the mechanisms.
func (w *World) build() {
	o := w.options
	if link := o.Links["idcard"]; link != "" {
		w.IDCard = sdtsim.New(sdtsim.Options{Log: w.Log})
		w.add("idcard", link, w.IDCard.Serve, device{faults: w.IDCard.Faults(), snapshot: w.IDCard.Snapshot, restore: w.IDCard.Restore,
			power: func(on, _ bool) { w.IDCard.Power(on) }}, w.IDCard.OnPlug)
	}
	if link := o.Links["cash"]; link != "" {
		w.Cash = acceptors[o.speaks("cash")](w.Log, o)
		w.Cash.Path().OnPoint(w.moved)
		w.add("cash", link, w.Cash.Serve, device{faults: w.Cash.Faults(), snapshot: w.Cash.Snapshot, restore: w.Cash.Restore,
			power: w.Cash.Power}, w.Cash.OnPlug)
	}
	if link := o.Links["coins"]; link != "" {
		w.Coins = cctalkcoinsim.New(cctalkcoinsim.Options{Log: w.Log, Echo: o.Echo, CRC: o.CRC})
		w.Coins.Path().OnPoint(w.mains.reached)
		w.add("coins", link, w.Coins.Serve, device{faults: w.Coins.Faults(), snapshot: w.Coins.Snapshot, restore: w.Coins.Restore,
			power: w.Coins.Power}, w.Coins.OnPlug)
	}
	if link := o.Links["payout"]; link != "" {
		w.Payout = cctalkhoppersim.New(cctalkhoppersim.Options{Log: w.Log, Echo: o.Echo, CRC: o.CRC})
		w.Payout.OnPoint(w.mains.reached)
		w.add("payout", link, w.Payout.Serve, device{faults: w.Payout.Faults(), snapshot: w.Payout.Snapshot, restore: w.Payout.Restore,
			power: func(on, in bool) { w.Payout.Power(on, !in) }}, w.Payout.OnPlug) // a piece that does not stay in comes out
	}
	if link := o.Links["receipt"]; link != "" {
		w.Receipt = w.receipt()
		w.Receipt.OnPoint(w.mains.reached)
		w.add("receipt", link, w.Receipt.Serve, device{faults: w.Receipt.Faults(), snapshot: w.Receipt.Snapshot, restore: w.Receipt.Restore,
			power: func(on, _ bool) { w.Receipt.Power(on) }}, w.Receipt.OnPlug)
	}
	if o.License != "" {
		w.License = ippsim.New(ippsim.Options{Log: w.Log})
		w.License.OnPoint(w.mains.reached)
		d := device{class: "license", protocol: o.speaks("license"), faults: w.License.Faults(), snapshot: w.License.Snapshot,
			restore: w.License.Restore, power: func(on, _ bool) { w.License.Power(on) }}
		if usb := usbDevices[d.protocol]; usb != nil {
			d.address, d.plug = w.usb(usb(w), overPipes(w.License.Handler()))
			w.onPlug(&d, w.License.OnPlug)
		}
		w.devices = append(w.devices, &d)
	}
	if link := o.Links["scanner"]; link != "" {
		w.Scanner = scannersim.New(scannersim.Options{Log: w.Log})
		w.add("scanner", link, w.Scanner.Serve, device{faults: w.Scanner.Faults(), snapshot: w.Scanner.Snapshot, restore: w.Scanner.Restore,
			power: func(on, _ bool) { w.Scanner.Power(on) }}, w.Scanner.OnPlug)
	}
}

// speaks is the protocol of a class of devices.
func (o Options) speaks(class string) string {
	if p := o.Speaks[class]; p != "" {
		return p
	}
	return Protocols[class][0]
}

// add gives a device its plug: a serial line's, or one on the USB bus.
func (w *World) add(class, link string, serve func(context.Context, io.ReadWriter) error, d device, onPlug func(func(bool))) {
	d.class, d.protocol, d.address = class, w.options.speaks(class), "serial:"+link
	if usb := usbDevices[d.protocol]; usb != nil {
		// A broken line is what a pulled plug is.
		d.address, d.plug = w.usb(usb(w), func(ctx context.Context, lines []io.ReadWriter) { serve(ctx, lines[0]) })
	} else {
		d.plug = plug.New(link, serve)
	}
	w.devices = append(w.devices, &d)
	w.onPlug(&d, onPlug)
}

// onPlug has the plug of a device follow the hand.
func (w *World) onPlug(d *device, follow func(func(bool))) {
	class, p := d.class, d.plug
	follow(func(in bool) {
		if err := p.Set(in); err != nil {
			w.Log.Add(class, "hand", nil, "the plug does not go in: "+err.Error())
		}
	})
}

// connect puts the plugs in, but for those that a hand had pulled out, and switches the mains on.
func (w *World) connect() error {
	for _, d := range w.devices {
		d.power(true, false)
		if d.plug != nil && !d.faults.On("unplug") {
			if err := d.plug.Set(true); err != nil {
				return err
			}
		}
	}
	if w.License == nil || w.device("license").plug != nil {
		return nil
	}
	listener, err := net.Listen("tcp", w.options.License)
	if err != nil {
		return fmt.Errorf("license printer: %w", err)
	}
	w.device("license").address = "http://" + listener.Addr().String() + "/ipp/print"
	w.server = answer.Server(w.License.Handler())
	go w.server.Serve(listener) // ends with Close
	return nil
}

// moved hears of the points of a note's way. A note that is still being drawn in is not yet "moving": it is
// nobody's money, and whatever happens it comes out again.
func (w *World) moved(point string) {
	if point == "cash.moving" && w.Cash.Path().Leg() == "entering" {
		return
	}
	w.mains.reached(point)
}

// Close pulls all plugs and writes down what the devices hold.
func (w *World) Close() error {
	var errs []error
	if w.server != nil {
		errs = append(errs, w.server.Close())
	}
	for _, d := range w.devices {
		if d.plug != nil {
			errs = append(errs, d.plug.Close())
		}
	}
	if w.bus != nil {
		errs = append(errs, w.bus.Close())
	}
	if w.keep != nil {
		errs = append(errs, w.keep.end())
	}
	return errors.Join(errs...)
}

// device finds one by its class; nil when it is not there.
func (w *World) device(class string) *device {
	for _, d := range w.devices {
		if d.class == class {
			return d
		}
	}
	return nil
}

// Faults is the table of a device, nil when it is not there.
func (w *World) Faults(class string) *mechanism.Faults {
	if d := w.device(class); d != nil {
		return d.faults
	}
	return nil
}

// AllFaults are the tables of all devices.
func (w *World) AllFaults() map[string][]mechanism.Fault {
	all := map[string][]mechanism.Fault{}
	for _, d := range w.devices {
		all[d.class] = d.faults.List()
	}
	return all
}

// Port is where a device can be spoken to.
type Port struct {
	Class    string `json:"class"`
	Protocol string `json:"protocol"`
	Address  string `json:"address"` // as in kiosk.toml
}

// Ports are the addresses of all devices.
func (w *World) Ports() []Port {
	ports := []Port{}
	for _, d := range w.devices {
		ports = append(ports, Port{d.class, d.protocol, d.address})
	}
	return ports
}

// Address is the address of a device as it stands in kiosk.toml, protocol first; "" when it is not there.
func (w *World) Address(class string) string {
	if d := w.device(class); d != nil {
		return d.protocol + " " + d.address
	}
	return ""
}

// Truth is what the mechanisms hold, counted by them.
type Truth struct {
	Power   string          `json:"power"`
	Network any             `json:"network"`
	Card    *sdtsim.Card    `json:"card"`
	Cash    any             `json:"cash"`
	Coins   any             `json:"coins,omitempty"`
	Payout  any             `json:"payout,omitempty"`
	Receipt json.RawMessage `json:"receipt"`
	License json.RawMessage `json:"license"`
	Headset bool            `json:"headset"`
	Ports   []Port          `json:"ports"`
}

// Truth says what the mechanisms hold now. The network is not theirs and left to the caller.
func (w *World) Truth() Truth {
	t := Truth{Power: w.mains.state(), Ports: w.Ports()}
	if w.IDCard != nil {
		t.Card = w.IDCard.World()
	}
	if w.Cash != nil {
		t.Cash = w.Cash.Path().World()
	}
	if w.Coins != nil {
		t.Coins = w.Coins.Path().World()
	}
	if w.Payout != nil {
		t.Payout = w.Payout.World()
	}
	if w.Receipt != nil {
		t.Receipt = w.Receipt.World()
	}
	if w.License != nil {
		t.License = w.License.World()
	}
	return t
}

// Links are the usual paths of the serial lines below a folder.
func Links(dir string) map[string]string {
	links := map[string]string{}
	for _, class := range Classes {
		if class != "license" {
			links[class] = filepath.Join(dir, class)
		}
	}
	return links
}
