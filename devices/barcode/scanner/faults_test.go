package scanner_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"yichuang/devices/barcode/barcodetest"
	"yichuang/devices/barcode/scanner"
	"yichuang/devices/barcode/scannersim"
	"yichuang/devices/fault"
)

// fit waits until the driver has opened the scanner.
func (d *desk) fit() {
	d.t.Helper()
	for range 60 {
		if d.driver.Fault() == nil {
			return
		}
		d.pause(time.Second)
	}
	d.t.Fatalf("not fit: %v", d.driver.Fault())
}

// TestEachLineFaultAtTheTrigger: the code comes through, or a fault is told and the next one comes through.
func TestEachLineFaultAtTheTrigger(t *testing.T) {
	for _, f := range []string{"late", "double", "split", "truncate", "garble", "checksum", "silence", "reset"} {
		t.Run(f, func(t *testing.T) {
			onDesk(t, scannersim.Options{}, scanner.Options{}, func(t *testing.T, d *desk) {
				defer d.run()()
				d.fit()
				d.sim.Faults().Arm(f, 1)
				start := time.Now()
				got, err := d.scan("134567890123456789")
				if f == "truncate" || f == "checksum" { // the code is glued to half an answer
					if !fault.Is(err, fault.Garbled) {
						t.Errorf("got %q, %v, want garbled", got, err)
					}
				} else if err != nil || got != "134567890123456789" {
					t.Errorf("got %q, %v", got, err)
				}
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("took %v", took)
				}
				d.mu.Lock()
				opens := d.opens
				d.mu.Unlock()
				if opens != 1 || d.driver.Fault() != nil {
					t.Errorf("opened %d times, fault %v", opens, d.driver.Fault())
				}
				d.pause(2 * time.Second)
				if got, err := d.scan("second"); err != nil || got != "second" {
					t.Errorf("afterwards: %q, %v", got, err)
				}
			})
		})
	}
}

// TestEachLineFaultAtTheCode: a damaged code is never taken for another, where its form can tell.
func TestEachLineFaultAtTheCode(t *testing.T) {
	for _, tc := range []struct {
		fault string
		ends  bool // the scanner has sent an end before
		kind  fault.Kind
		want  string
	}{
		{"double", true, "", "134567890123456789"}, {"split", true, "", "134567890123456789"}, {"late", true, "", "134567890123456789"},
		{"truncate", true, fault.Garbled, ""}, {"checksum", true, fault.Garbled, ""}, {"garble", true, "", "134567890d23456789"},
		{"truncate", false, "", "134567890"}, {"checksum", false, fault.Garbled, ""},
	} {
		t.Run(tc.fault, func(t *testing.T) {
			onDesk(t, scannersim.Options{}, scanner.Options{Dialect: scanner.Honeywell}, func(t *testing.T, d *desk) {
				defer d.run()()
				d.fit()
				if tc.ends {
					if _, err := d.scan("first"); err != nil {
						t.Fatal(err)
					}
				}
				d.sim.Faults().Arm(tc.fault, 1)
				got, err := d.scan("134567890123456789")
				if got != tc.want || fault.KindOf(err) != tc.kind || tc.kind == "" && err != nil {
					t.Errorf("got %q, %v, want %q %s", got, err, tc.want, tc.kind)
				}
				if err != nil && strings.Contains(err.Error(), "1345") {
					t.Errorf("%v tells the code", err)
				}
				if f := d.driver.Fault(); f != nil {
					t.Errorf("a bad code is no fault of the scanner: %v", f)
				}
				d.pause(2 * time.Second)
				if got, err := d.scan("third"); err != nil || got != "third" {
					t.Errorf("afterwards: %q, %v", got, err)
				}
			})
		})
	}
}

// TestNoTextIsTold: bytes of a symbol that are no text, and those that are GB 18030.
func TestNoTextIsTold(t *testing.T) {
	onDesk(t, scannersim.Options{}, scanner.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		d.fit()
		if got, err := d.scan("\xFF\xFE\xFD"); !fault.Is(err, fault.Garbled) {
			t.Errorf("got %q, %v, want garbled", got, err)
		}
		if got, err := d.scan("\xCB\xAE\xB7\xD1"); err != nil || got != "水费" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestStaleCodeNeverCounts: what came while nobody asked is dropped, even when it lies in the line.
func TestStaleCodeNeverCounts(t *testing.T) {
	onDesk(t, scannersim.Options{}, scanner.Options{Dialect: scanner.Honeywell}, func(t *testing.T, d *desk) {
		defer d.run()()
		d.fit()
		d.sim.Faults().Arm("late", 1)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		go d.show("stale", true)
		if got, err := d.driver.Scan(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %q, %v", got, err)
		}
		d.pause(time.Second)
		if got, err := d.scan("fresh"); err != nil || got != "fresh" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestTwoCodesInOneBurst: a phone shows a bar code and a symbol; the first counts, once.
func TestTwoCodesInOneBurst(t *testing.T) {
	onDesk(t, scannersim.Options{}, scanner.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		d.fit()
		if got, err := d.scan("134567890123456789\r134567890123456789"); err != nil || got != "134567890123456789" {
			t.Errorf("got %q, %v", got, err)
		}
		d.pause(2 * time.Second)
		if got, err := d.scan("next"); err != nil || got != "next" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// TestSameShowingThenAnother: while the same code is ignored, the scanner looks on for another.
func TestSameShowingThenAnother(t *testing.T) {
	onDesk(t, scannersim.Options{}, scanner.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		d.fit()
		if _, err := d.scan("one"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), barcodetest.Patience)
		defer cancel()
		go func() { d.show("one", true); d.show("two", true) }()
		start := time.Now()
		if got, err := d.driver.Scan(ctx); err != nil || got != "two" {
			t.Errorf("got %q, %v", got, err)
		}
		if took := time.Since(start); took > 500*time.Millisecond {
			t.Errorf("looked again after %v", took)
		}
	})
}

// TestTooLong: a line that pours bytes is told and not kept.
func TestTooLong(t *testing.T) {
	onDesk(t, scannersim.Options{End: strings.Repeat("x", 4000)}, scanner.Options{}, func(t *testing.T, d *desk) {
		defer d.run()()
		d.fit()
		if got, err := d.scan(strings.Repeat("y", 200)); !fault.Is(err, fault.Garbled) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if got, err := d.scan("y"); err != nil || len(got) != 4001 {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
	})
}

// TestUnplugIsNoticedWithoutACitizen also for the dialect that answers nothing.
func TestUnplugIsNoticedWithoutACitizen(t *testing.T) {
	for _, dialect := range []scanner.Dialect{scanner.Newland, scanner.Honeywell} {
		onDesk(t, scannersim.Options{}, scanner.Options{Dialect: dialect}, func(t *testing.T, d *desk) {
			defer d.run()()
			d.fit()
			d.sim.Faults().Arm("unplug", 1)
			d.pause(7 * time.Second)
			if f := d.driver.Fault(); f == nil || f.Kind != fault.Absent {
				t.Errorf("%s: fault %v, want absent", dialect, f)
			}
			d.sim.Faults().Arm("unplug", 0)
			d.pause(3 * time.Second)
			if f := d.driver.Fault(); f != nil {
				t.Errorf("%s: after the plug: %v", dialect, f)
			}
		})
	}
}

// TestDeadScannerIsSilent: at the start, while idle and in a scan.
func TestDeadScannerIsSilent(t *testing.T) {
	onDesk(t, scannersim.Options{}, scanner.Options{}, func(t *testing.T, d *desk) {
		d.sim.Power(false)
		defer d.run()()
		d.pause(3 * time.Second)
		if f := d.driver.Fault(); f == nil || f.Kind != fault.Silent {
			t.Errorf("fault %v, want silent", f)
		}
		d.sim.Power(true)
		d.fit()
		d.sim.Power(false)
		ctx, cancel := context.WithTimeout(t.Context(), barcodetest.Patience)
		defer cancel()
		start := time.Now()
		if _, err := d.driver.Scan(ctx); !fault.Is(err, fault.Silent) || time.Since(start) > 3*time.Second {
			t.Errorf("got %v after %v, want silent", err, time.Since(start))
		}
		d.sim.Power(true)
		d.fit()
		d.sim.Power(false)
		d.pause(9 * time.Second)
		if f := d.driver.Fault(); f == nil || f.Kind != fault.Silent {
			t.Errorf("idle: fault %v, want silent", f)
		}
	})
}
