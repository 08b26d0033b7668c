package main

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"yichuang/devices/idcard/sdtsim"
	"yichuang/devices/idcard/sdtusb"
	"yichuang/devices/printer/escpossim"
	"yichuang/devices/printer/ippsim"
	"yichuang/devices/usbport"
	"yichuang/devices/usbsim"
	"yichuang/devices/usbtest"
	"yichuang/kiosk/config"
	"yichuang/kiosk/ctl"
)

func TestMain(m *testing.M) { usbtest.Main(m) }

// onePlug is a device with one pair of pipes.
func onePlug(vendor, product uint16, serial string, s usbsim.Setting, serve func(ctx context.Context, l io.ReadWriter)) usbsim.Options {
	s.Endpoints = []byte{0x81, 0x02}
	return usbsim.Options{Vendor: vendor, Product: product, Serial: serial, HighSpeed: true, Lines: []usbsim.Pipes{{In: 0x81, Out: 0x02}},
		Interfaces: []usbsim.Interface{{Settings: []usbsim.Setting{s}, Driver: s.Class == 7}},
		Serve:      func(ctx context.Context, l []io.ReadWriter) { serve(ctx, l[0]) }}
}

// deaf hears nothing and says nothing.
func deaf(ctx context.Context, _ io.ReadWriter) { <-ctx.Done() }

// named answers GET_DEVICE_ID.
func named(name string) func(usbsim.Request, []byte) ([]byte, bool) {
	return func(r usbsim.Request, _ []byte) ([]byte, bool) {
		n := len(name) + 2
		return append([]byte{byte(n >> 8), byte(n)}, name...), r.Type == 0xA1 && r.Request == 0
	}
}

// reader is a card reader.
func reader(serial string) usbsim.Options {
	sim := sdtsim.New(sdtsim.Options{})
	return onePlug(0x0400, 0xC35A, serial, usbsim.Setting{Class: 0xFF}, func(ctx context.Context, l io.ReadWriter) { sim.Serve(ctx, l) })
}

// probed is what is found, by address.
func probed(t *testing.T, device map[string]string) map[string]ctl.Found {
	t.Helper()
	found, err := probe(t.Context(), &config.Config{Device: device}, nil)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]ctl.Found{}
	for _, f := range found {
		by[f.Address] = f
	}
	return by
}

// TestProbeFindsPlugs: each kind of USB device is found with the line that a technician writes into kiosk.toml; what cannot be used
// is found with what to do; what is configured is not touched, and what is no terminal's is not mentioned.
func TestProbeFindsPlugs(t *testing.T) {
	usbtest.Plug(t, reader("R1"))
	roll := escpossim.New(escpossim.Options{})
	receipt := onePlug(0x0416, 0x5011, "P1", usbsim.Setting{Class: 7, SubClass: 1, Protocol: 2}, func(ctx context.Context, l io.ReadWriter) { roll.Serve(ctx, l) })
	receipt.Request = func(r usbsim.Request, _ []byte) ([]byte, bool) { return roll.Request(r.Request) }
	usbtest.Plug(t, receipt)
	sheets := ippsim.New(ippsim.Options{})
	license := onePlug(0x03F0, 0x1234, "", usbsim.Setting{Class: 7, SubClass: 1, Protocol: 4}, func(_ context.Context, l io.ReadWriter) { ippsim.ServePair(l, sheets.Handler()) })
	license.Interfaces[0].Settings = append([]usbsim.Setting{{Class: 7, SubClass: 1, Protocol: 2, Endpoints: []byte{0x81, 0x02}}}, license.Interfaces[0].Settings...)
	usbtest.Plug(t, license)
	usbtest.Plug(t, onePlug(0x0416, 0x0001, "", usbsim.Setting{Class: 7, SubClass: 1, Protocol: 1}, deaf))
	laser := onePlug(0x0416, 0x0002, "", usbsim.Setting{Class: 7, SubClass: 1, Protocol: 2}, func(_ context.Context, l io.ReadWriter) {
		if n, err := l.Read(make([]byte, 64)); err == nil {
			t.Errorf("a laser printer is sent %d bytes", n)
		}
	})
	laser.Request = named("MFG:ACME;MDL:L1;CMD:PJL,PCL;")
	usbtest.Plug(t, laser)
	usbtest.Plug(t, onePlug(0x046D, 0x0001, "KEYS", usbsim.Setting{Class: 3}, deaf))
	usbtest.Plug(t, onePlug(0x0416, 0x0003, "MINE", usbsim.Setting{Class: 7, SubClass: 1, Protocol: 2}, func(_ context.Context, l io.ReadWriter) {
		if n, err := l.Read(make([]byte, 64)); err == nil {
			t.Errorf("the configured printer is sent %d bytes", n)
		}
	}))
	want := map[string]ctl.Found{
		"usb:0400:c35a":      {Class: "idcard", Protocol: "sdt-usb", Line: `idcard = "sdt-usb usb:0400:c35a"`},
		"usb:0416:5011":      {Class: "receipt", Protocol: "escpos-usb", Line: `receipt = "escpos-usb usb:0416:5011"`},
		"usb:03f0:1234":      {Class: "license", Protocol: "ipp-usb", Line: `license = "ipp-usb usb:03f0:1234"`},
		"usb:0416:0003:MINE": {Class: "receipt", Protocol: "escpos-usb", Line: `receipt = "escpos-usb usb:0416:0003:MINE"`},
		"usb:0416:0001":      {Hint: "a printer that gives no answers: nothing that it prints can be proved, and there is no driver for it"},
		"usb:0416:0002":      {Hint: "it looks like escpos-usb, and does not answer as one: ACME L1 prints pages in PJL, and no receipts in ESC/POS"},
	}
	for address, f := range want {
		f.Address = address
		want[address] = f
	}
	capitals := onePlug(0x0ABC, 0x0004, "", usbsim.Setting{Class: 7, SubClass: 1, Protocol: 4}, deaf)
	usbtest.Plug(t, capitals)
	want["usb:0ABC:0004"] = ctl.Found{Class: "license", Protocol: "ipp-usb", Address: "usb:0ABC:0004", Line: `license = "ipp-usb usb:0ABC:0004"`}
	if got := probed(t, map[string]string{"receipt": "escpos-usb usb:0416:0003:MINE", "license": "ipp-usb usb:0ABC:0004"}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestProbeTellsTwinsApart by their serial numbers, and says of one that another program holds what to do.
func TestProbeTellsTwinsApart(t *testing.T) {
	usbtest.Plug(t, reader("R2"))
	usbtest.Plug(t, reader("R3"))
	d, err := usbport.Open(usbport.Address{Vendor: 0x0400, Product: 0xC35A, Serial: "R3"}, sdtusb.Class, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	got := probed(t, nil)
	if f := got["usb:0400:c35a:R2"]; len(got) != 2 || f.Line != `idcard = "sdt-usb usb:0400:c35a:R2"` {
		t.Errorf("got %+v", got)
	}
	if f := got["usb:0400:c35a:R3"]; f.Line != "" || !strings.Contains(f.Hint, "in use by another program") || !strings.Contains(f.Hint, "systemctl stop") {
		t.Errorf("the one that is held: %+v", f)
	}
}

// TestProbeSaysWhoIsSilent: a device with the right numbers that does not answer is no proposal.
func TestProbeSaysWhoIsSilent(t *testing.T) {
	if testing.Short() {
		return // it waits as long as a device is given
	}
	usbtest.Plug(t, onePlug(0x0400, 0xC35A, "R4", usbsim.Setting{Class: 0xFF}, deaf))
	if f := probed(t, nil)["usb:0400:c35a"]; f.Line != "" || !strings.Contains(f.Hint, "does not answer as one") {
		t.Errorf("got %+v", f)
	}
}

// TestAdvice: root may open everything, so that the lack of rights is told from the words alone.
func TestAdvice(t *testing.T) {
	for err, want := range map[error]string{usbport.ErrAccess: "60-yichuang.rules", usbport.ErrBusy: "modprobe -r usblp", usbport.ErrAbsent: "pulled out", io.EOF: "EOF"} {
		if got := advice(fmt.Errorf("open usb:0400:c35a: %w", err)); !strings.HasPrefix(got, "open usb:0400:c35a: ") || !strings.Contains(got, want) {
			t.Errorf("%v: %q, want it to say %q", err, got, want)
		}
	}
}
