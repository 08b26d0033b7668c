package usbport

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/gousb"

	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
)

// TestList: what is asked for is found with all its classes and its serial number, also while a driver has it open, and nothing
// else is.
func TestList(t *testing.T) {
	t.Parallel()
	plug := usbtest.Plug(t, plain(0x40, "N1", echo))
	usbtest.Plug(t, usbsim.Options{Vendor: 0x1234, Product: 0x41, Interfaces: []usbsim.Interface{
		{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 1, Endpoints: []byte{0x04}}, {Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x83, 0x04}}}, Driver: true},
		{Settings: []usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x85, 0x06}}}}}})
	list := func() map[uint16]Seen {
		t.Helper()
		found, err := List(func(s Seen) bool {
			if s.Address.Serial != "" || s.Err != nil {
				t.Errorf("asked with what is not known yet: %+v", s)
			}
			return s.Address.Product == 0x40 || s.Address.Product == 0x41
		})
		if err != nil {
			t.Fatal(err)
		}
		by := map[uint16]Seen{}
		for _, s := range found {
			if s.Err != nil && s.Address.Product == 0x40 {
				t.Errorf("%s: %v", s.Address, s.Err)
			}
			s.Err = nil // one without a serial number says so in its own words
			by[s.Address.Product] = s
		}
		return by
	}
	want := map[uint16]Seen{
		0x40: {Address: Address{0x1234, 0x40, "N1"}, Classes: []Class{vendor}},
		0x41: {Address: Address{0x1234, 0x41, ""}, Classes: []Class{{Class: 7, SubClass: 1, Protocol: 1}, {Class: 7, SubClass: 1, Protocol: 2}}},
	}
	p := open(t, 0x40)
	if got := list(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	talks(t, p)
	if s := want[0x41]; !s.Has(Class{Class: 7, SubClass: 1, Protocol: 2}) || s.Has(Class{Class: 7, SubClass: 1, Protocol: 4}) {
		t.Errorf("has: %+v", s)
	}
	p.Close()
	if err := plug.Plug(false); err != nil {
		t.Fatal(err)
	}
	delete(want, 0x40)
	if got := list(); !reflect.DeepEqual(got, want) {
		t.Errorf("with one out: got %+v, want %+v", got, want)
	}
}

// TestWhatAPersonCanMend: root has every right, so that these two are told from libusb's words.
func TestWhatAPersonCanMend(t *testing.T) {
	for err, want := range map[error]error{gousb.ErrorAccess: ErrAccess, gousb.ErrorBusy: ErrBusy, gousb.ErrorIO: gousb.ErrorIO} {
		got := explain(fmt.Errorf("open: %w", err))
		if !errors.Is(got, want) || !errors.Is(got, err) || errors.Is(got, ErrAccess) != (want == ErrAccess) || errors.Is(got, ErrBusy) != (want == ErrBusy) {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
	if explain(nil) != nil {
		t.Error("no error is one")
	}
}
