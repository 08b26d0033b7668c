package usbport

import (
	"fmt"
	"strconv"
	"strings"
)

// Address names a device: its maker's and its own number, and its serial number where there are several alike.
type Address struct {
	Vendor, Product uint16
	Serial          string // "" is any
}

// serialMax bounds a serial number: a string descriptor holds no more.
const serialMax = 126

// ParseAddress reads usb:VVVV:PPPP or usb:VVVV:PPPP:SERIAL, the numbers in hexadecimal as lsusb prints them. A
// serial number may hold colons.
func ParseAddress(s string) (Address, error) {
	wrong := fmt.Errorf("address %q: want usb:VVVV:PPPP or usb:VVVV:PPPP:SERIAL with the numbers that lsusb prints", s)
	rest, ok := strings.CutPrefix(s, "usb:")
	if !ok {
		return Address{}, wrong
	}
	parts := strings.SplitN(rest, ":", 3)
	if len(parts) < 2 {
		return Address{}, wrong
	}
	var a Address
	for i, to := range []*uint16{&a.Vendor, &a.Product} {
		n, err := strconv.ParseUint(parts[i], 16, 16)
		if err != nil || len(parts[i]) != 4 {
			return Address{}, wrong
		}
		*to = uint16(n)
	}
	if len(parts) == 3 {
		a.Serial = parts[2]
		if a.Serial == "" || len(a.Serial) > serialMax || strings.ContainsFunc(a.Serial, unprintable) {
			return Address{}, wrong
		}
	}
	return a, nil
}

// unprintable: libusb turns all that is not ASCII into a question mark.
func unprintable(r rune) bool { return r < ' ' || r > '~' }

// String is the address as ParseAddress reads it.
func (a Address) String() string {
	s := fmt.Sprintf("usb:%04x:%04x", a.Vendor, a.Product)
	if a.Serial != "" {
		s += ":" + a.Serial
	}
	return s
}
