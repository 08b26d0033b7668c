package scanner_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"yichuang/devices/barcode/barcodetest"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/fault"
	"yichuang/devices/mechanism"
	"yichuang/devices/wire"
)

// desk is a driver and a simulated scanner on a cable of net.Pipe.
type desk struct {
	t      *testing.T
	sim    *scannersim.Scanner
	log    *mechanism.Log
	driver *scanner.Scanner

	mu    sync.Mutex // guards the fields below
	lines []io.Closer
	opens int
	wg    sync.WaitGroup
}

// onDesk runs a trial in virtual time. Nothing of the desk outlives it.
func onDesk(t *testing.T, so scannersim.Options, do scanner.Options, trial func(t *testing.T, d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{t: t, log: mechanism.NewLog()}
		so.Log = d.log
		d.sim = scannersim.New(so)
		d.driver = scanner.New(d.open, do)
		d.sim.OnPlug(func(in bool) {
			if !in {
				d.hangUp()
			}
		})
		trial(t, d)
		d.hangUp()
		d.wg.Wait()
	})
}

func (d *desk) open() (wire.Port, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opens++
	if d.sim.Faults().On("unplug") {
		return nil, errors.New("no such file or directory")
	}
	host, device := net.Pipe()
	d.lines = append(d.lines, host, device)
	d.wg.Go(func() {
		d.sim.Serve(d.t.Context(), device) // ends with the line
		device.Close()
	})
	return host, nil
}

func (d *desk) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		l.Close()
	}
	d.lines = nil
}

// run starts the driver and gives a stop that waits for its end.
func (d *desk) run() (stop func()) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan struct{})
	go func() {
		d.driver.Run(ctx) // its error is the context's
		close(ended)
	}()
	return func() { cancel(); <-ended }
}

// show waits, when told, until the window looks.
func (d *desk) show(code string, wait bool) bool {
	for range 1200 {
		if err := d.sim.Show([]byte(code)); err == nil || !wait {
			return err == nil
		}
		d.pause(50 * time.Millisecond)
	}
	return false
}

func (d *desk) pause(t time.Duration) {
	ctx, cancel := context.WithTimeout(d.t.Context(), t)
	defer cancel()
	<-ctx.Done()
}

// scan scans within the suite's patience while a hand shows a code.
func (d *desk) scan(code string) (string, error) {
	ctx, cancel := context.WithTimeout(d.t.Context(), barcodetest.Patience)
	defer cancel()
	done := make(chan struct{})
	go func() { d.show(code, true); close(done) }()
	got, err := d.driver.Scan(ctx)
	<-done
	if err != nil && got != "" {
		d.t.Errorf("a fault comes with the code %q: %v", got, err)
	}
	for _, err := range []error{err, d.driver.Fault()} {
		if f, is := err.(*fault.Error); is && f != nil && (f.Device != "scanner" || f.Op == "") {
			d.t.Errorf("a fault that does not say where it befell: %#v", f)
		}
	}
	return got, err
}

func TestScannerSuite(t *testing.T) {
	for _, dialect := range []scanner.Dialect{scanner.Newland, scanner.Honeywell} {
		for name, so := range map[string]scannersim.Options{"cr": {}, "crlf": {End: "\r\n"}, "no end": {NoEnd: true}, "aim": {Prefix: "]Q1"}} {
			t.Run(string(dialect)+" "+name, func(t *testing.T) {
				barcodetest.Exercise(t, func(t *testing.T, trial func(*testing.T, barcodetest.Bench)) {
					onDesk(t, so, scanner.Options{Dialect: dialect}, func(t *testing.T, d *desk) {
						trial(t, barcodetest.Bench{Scanner: d.driver, Show: d.show,
							Unplug: func() { d.sim.Faults().Arm("unplug", 1) }, Plug: func() { d.sim.Faults().Arm("unplug", 0) }})
					})
				})
			})
		}
	}
}
