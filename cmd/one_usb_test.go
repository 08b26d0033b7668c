package cmd

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"yichuang/cmd/devsim/deskclient"
	"yichuang/cmd/devsim/people"
)

// aloneOnUSB starts one pretend USB device, and gives the environment in which a program sees it.
func aloneOnUSB(t *testing.T, protocol string) (hand *deskclient.Desk, address string, env []string) {
	t.Helper()
	p := begin(t, "devsim", "one", protocol)
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself, which exit tells
		if code := p.exit(); code != 0 {
			t.Errorf("%s: exit %d after SIGTERM, want 0", p.name, code)
		}
	})
	words, ok := strings.CutPrefix(p.line(), "devsim: environment ")
	if !ok {
		t.Fatalf("%s said %q, want the environment first", p.name, p.said)
	}
	hand, address = p.hands(newDir(t))
	if !strings.HasPrefix(address, "usb:") {
		t.Errorf("%s: address %s", p.name, address)
	}
	return hand, address, strings.Fields(words)
}

// TestUSBCardReaderAlone: the driver's program reads a card of the pretend reader through libusb, also after an unplug.
func TestUSBCardReaderAlone(t *testing.T) {
	t.Parallel()
	hand, address, env := aloneOnUSB(t, "sdt-usb")
	try := beginIn(t, env, "kioskd", "try", "sdt-usb", address)
	try.tells("ready", "")
	for range 2 {
		person := deskclient.Card(people.New(13).Person())
		if err := hand.LayCard(t.Context(), person); err != nil {
			t.Fatal(err)
		}
		try.order(`{"do":"read"}`)
		if got := try.tells("card", "").Card; !reflect.DeepEqual(got, &person) {
			t.Errorf("read: got %+v, want %+v", got, person)
		}
		unplugged(t, hand, "idcard", try)
	}
	try.ends()
}

// TestUSBReceiptPrinterAlone is the same with paper.
func TestUSBReceiptPrinterAlone(t *testing.T) {
	t.Parallel()
	hand, address, env := aloneOnUSB(t, "escpos-usb")
	try := beginIn(t, env, "kioskd", "try", "escpos-usb", address)
	try.tells("ready", "")
	for range 2 {
		try.order(`{"do":"text","lines":["水费 <123.45> & 其他","second line"]}`)
		try.tells("printed", "")
		unplugged(t, hand, "receipt", try)
	}
	arm(t, hand, "receipt", "paper_out", 1)
	try.tells("fault", "empty")
	try.ends()
}

// TestUSBLicensePrinterAlone is the same with a sheet from a tray, by HTTP without a network.
func TestUSBLicensePrinterAlone(t *testing.T) {
	t.Parallel()
	hand, address, env := aloneOnUSB(t, "ipp-usb")
	pdf := filepath.Join(newDir(t), "license.pdf")
	document := "%PDF-1.4\n1 0 obj << /Type /Page /MediaBox [0 0 841.89 1190.55] >> endobj\n2 0 obj << /Type /Pages >> endobj\n%%EOF\n"
	if err := os.WriteFile(pdf, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := hand.LoadTray(t.Context(), "tray-1", "iso_a3_297x420mm", 5, "A00000041"); err != nil {
		t.Fatal(err)
	}
	try := beginIn(t, env, "kioskd", "try", "ipp-usb", address)
	try.tells("ready", "")
	for range 2 {
		try.order(`{"do":"print","file":%q,"media":"iso_a3_297x420mm"}`, pdf)
		try.tells("printed", "")
		unplugged(t, hand, "license", try)
	}
	try.ends()
}

// TestUSBDeviceThatIsNotThere: without the environment, and so without such a device, the driver says so and waits.
func TestUSBDeviceThatIsNotThere(t *testing.T) {
	t.Parallel()
	try := begin(t, "kioskd", "try", "sdt-usb", "usb:0400:c35a")
	try.tells("fault", "absent")
	try.ends()
	for _, address := range []string{"usb:0400", "serial:/dev/null"} {
		try := begin(t, "kioskd", "try", "escpos-usb", address)
		if code := try.exit(); code != 1 || !strings.Contains(try.stderr.String(), "usb:VVVV:PPPP") {
			t.Errorf("%s: exit %d, %q", address, code, try.stderr.String())
		}
	}
}
