// Package escposusb is the receipt printer of package escpos on USB, as a device of the printer class.
//
// # Data sheet
//
// Facts from: Universal Serial Bus Device Class Definition for Printing Devices, version 1.1 (January 2000); the
// device's name from IEEE 1284-2000, §7.6.
//
//   - Interface class 07, subclass 01, protocol 02: a bulk pipe out for what is printed and a bulk pipe in for answers
//     (§5.2). Protocol 01 has no pipe in; such a printer cannot prove a print, and is not found here.
//   - GET_DEVICE_ID (A1 00, §4.2.1): who the printer is, as "MFG:…;MDL:…;CMD:…;" behind a length of two bytes. The value is
//     the configuration's index, and the index is the interface in the upper byte and the setting in the lower.
//   - GET_PORT_STATUS (A1 01, §4.2.2): one byte, bit 5 paper empty, bit 4 selected, bit 3 no error; 18 is fit.
//   - SOFT_RESET (21 02, §4.2.3) is not used: version 1.0 had another type for it, and clones hang.
//   - The kernel's driver usblp takes such a printer first; it gives way when the port is opened.
//
// Real-time commands (DLE EOT) go through the same pipe as what is printed. A printer whose buffer is full takes
// neither, so that it cannot be asked why. Then GET_PORT_STATUS, on the control pipe, tells whether paper is out.
// Some printers always answer 18 to it: it is believed when it says that paper is out, and otherwise only told to staff.
//
// The device's name fills in what the printer does not say of itself to GS I.
package escposusb

import (
	"errors"
	"fmt"
	"os"
	"time"

	"yichuang/devices/fault"
	"yichuang/devices/printer/escpos"
	"yichuang/devices/usbport"
	"yichuang/devices/wire"
)

// Class is the printer class with answers.
var Class = usbport.Class{Class: 7, SubClass: 1, Protocol: 2}

// StallLimit is how long the printer may take no byte before it is asked why. The driver above gives a write 5 s.
const StallLimit = 4 * time.Second

// New makes a printer at an address usb:VVVV:PPPP[:SERIAL]. Nothing is opened before Run.
func New(address string, profile escpos.Profile) (*escpos.Printer, error) {
	a, err := usbport.ParseAddress(address)
	return escpos.New(func() (wire.Port, error) { return open(a) }, profile), err
}

func open(a usbport.Address) (wire.Port, error) {
	d, err := usbport.Open(a, Class, 1)
	if err != nil {
		return nil, err
	}
	p := d.Pipes()[0]
	p.WriteLimit = StallLimit
	return NewPort(p, d, p.Interface, p.Setting), nil
}

// Ask asks the printer at an address who it is, and writes nothing to it.
func Ask(a usbport.Address) (ID, error) {
	d, err := usbport.Open(a, Class, 1)
	if err != nil {
		return ID{}, err
	}
	p := d.Pipes()[0]
	id := NewPort(p, d, p.Interface, p.Setting).identity
	return id, d.Close()
}

// requests is the control pipe.
type requests interface {
	Control(kind, request byte, value, index uint16, data []byte) (int, error)
}

// Port is the printer's pipes, and its control pipe for what only that can tell.
type Port struct {
	wire.Port
	control  requests
	iface    int
	identity ID
}

// NewPort makes the port of an open interface and asks who the printer is.
func NewPort(p wire.Port, c requests, iface, setting int) *Port {
	port := &Port{Port: p, control: c, iface: iface}
	b := make([]byte, idBytesMax)
	n, err := c.Control(classIn, getDeviceID, 0, uint16(iface)<<8|uint16(setting), b)
	if err == nil {
		port.identity, _ = ParseID(b[:n]) // a printer without a name has a profile
	}
	return port
}

// The class requests.
const (
	classIn       = 0xA1 // from the device, of the class, to an interface
	getDeviceID   = 0
	getPortStatus = 1
)

// Identity is the maker, the model and the serial number that the device's name tells.
func (p *Port) Identity() (maker, model, serial string) {
	return p.identity.Maker, p.identity.Model, p.identity.Serial
}

// Status is the answer to GET_PORT_STATUS.
type Status struct {
	PaperEmpty, Selected, Error bool
}

// makeStatus names the bits; the others are reserved.
func makeStatus(b byte) Status {
	return Status{PaperEmpty: b&0x20 != 0, Selected: b&0x10 != 0, Error: b&0x08 == 0}
}

// Status asks the printer, past its pipes.
func (p *Port) Status() (Status, error) {
	var b [1]byte
	n, err := p.control.Control(classIn, getPortStatus, 0, uint16(p.iface), b[:])
	if err != nil {
		return Status{}, err
	}
	if n != 1 {
		return Status{}, &fault.Error{Kind: fault.Garbled, Device: "receipt", Op: "port status", Detail: fmt.Sprintf("%d bytes", n)}
	}
	return makeStatus(b[0]), nil
}

// Write sends all of data. When the printer takes nothing it is asked why, and what it says is the fault.
func (p *Port) Write(data []byte) (int, error) {
	n, err := p.Port.Write(data)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	s, asked := p.Status()
	switch {
	case asked != nil:
		return n, err
	case s.PaperEmpty:
		return n, &fault.Error{Kind: fault.Empty, Device: "receipt", Op: "port status", Detail: "no paper", Err: err}
	}
	return n, fmt.Errorf("%w; port status: selected %v, error %v", err, s.Selected, s.Error)
}
