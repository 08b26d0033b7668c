package scanner_test

import (
	"context"
	"os"
	"testing"

	"github.com/creack/pty"

	"yichuang/devices/barcode/barcodetest"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/wire"
)

// TestOverAPty is the smoke test of the real transport: a pseudo terminal in raw mode.
func TestOverAPty(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminal here: %v", err)
	}
	defer master.Close()
	raw(t, slave)
	ctx, cancel := context.WithTimeout(t.Context(), barcodetest.Patience)
	defer cancel()
	sim := scannersim.New(scannersim.Options{})
	go sim.Serve(ctx, master) // ends with the test's context
	s := scanner.New(func() (wire.Port, error) { return os.OpenFile(slave.Name(), os.O_RDWR|openFlags, 0) }, scanner.Options{})
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	d := &desk{t: t, sim: sim, driver: s}
	if got, err := d.scan("水费账单 20261101"); err != nil || got != "水费账单 20261101" {
		t.Errorf("got %q, %v", got, err)
	}
	cancel()
	<-ended
}
