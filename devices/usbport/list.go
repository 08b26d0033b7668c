package usbport

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/gousb"
)

// ErrAccess is told when this user has no right to open the device.
var ErrAccess = errors.New("no access: no udev rule gives this user the device")

// ErrBusy is told when another program has claimed the interface, or a driver of the kernel does not give it up.
var ErrBusy = errors.New("in use by another program, or held by a driver of the kernel")

// explain puts libusb's words for what a person can mend into ours. Where gousb tells of a claim it has only the text of the
// cause left.
func explain(err error) error {
	if err == nil {
		return nil
	}
	for cause, word := range map[gousb.Error]error{gousb.ErrorAccess: ErrAccess, gousb.ErrorBusy: ErrBusy} {
		if errors.Is(err, cause) || strings.Contains(err.Error(), cause.Error()) {
			return fmt.Errorf("%w: %w", word, err)
		}
	}
	return err
}

// Seen is a device on the bus as its descriptors show it.
type Seen struct {
	Address Address // with the serial number where that could be read
	Classes []Class // of its interfaces' settings, each once; also of those without pipes both ways
	Err     error   // why it could not be asked for its serial number; it may have none all the same
}

// Has says whether a setting of an interface is of this class.
func (s Seen) Has(c Class) bool { return slices.Contains(s.Classes, c) }

// List gives the devices on the bus that want says yes to, which is asked without their serial numbers. No other device is
// opened: that would disturb those in use.
func List(want func(Seen) bool) (found []Seen, err error) {
	opening.Lock()
	defer opening.Unlock()
	ctx, err := begin()
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	defer ctx.Close() // no device is open any more
	var places []place
	_, err = ctx.OpenDevices(func(d *gousb.DeviceDesc) bool {
		if s := makeSeen(d); want(s) {
			found, places = append(found, s), append(places, place{d.Bus, d.Address})
		}
		return false
	})
	if err != nil && len(found) == 0 {
		return nil, fmt.Errorf("list: %w", err) // otherwise it is about a device that is none of ours
	}
	for i, at := range places {
		found[i].Address.Serial, found[i].Err = serialAt(ctx, at)
	}
	return found, nil
}

// makeSeen takes what is needed out of the descriptors.
func makeSeen(d *gousb.DeviceDesc) Seen {
	s := Seen{Address: Address{Vendor: uint16(d.Vendor), Product: uint16(d.Product)}}
	for _, c := range d.Configs {
		for _, f := range c.Interfaces {
			for _, a := range f.AltSettings {
				if class := (Class{Class: byte(a.Class), SubClass: byte(a.SubClass), Protocol: byte(a.Protocol)}); !s.Has(class) {
					s.Classes = append(s.Classes, class)
				}
			}
		}
	}
	return s
}

// serialAt asks the device at a place for its serial number.
func serialAt(ctx *gousb.Context, at place) (string, error) {
	found, err := ctx.OpenDevices(func(d *gousb.DeviceDesc) bool { return at == place{d.Bus, d.Address} })
	if len(found) == 0 {
		if err == nil {
			err = ErrAbsent // it was pulled out meanwhile
		}
		return "", explain(err)
	}
	defer found[0].Close() // nothing of it was changed
	found[0].ControlTimeout = controlLimit
	serial, err := found[0].SerialNumber()
	return serial, explain(err)
}
