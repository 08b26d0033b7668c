package main

import (
	"fmt"
	"log/slog"
	"testing"

	"yichuang/devices/cash/cctalkhopper"
)

func TestHopperOptions(t *testing.T) {
	for _, tt := range []struct {
		text    string
		hoppers map[byte]int64
		by      cctalkhopper.By
		bad     bool
	}{
		{"", map[byte]int64{}, "", false},
		{"3=100", map[byte]int64{3: 100}, "", false},
		{"3=100&4=50&by=serial", map[byte]int64{3: 100, 4: 50}, cctalkhopper.Serial, false},
		{"by=plain&5=0", map[byte]int64{5: 0}, cctalkhopper.Plain, false},
		{"by=cipher", nil, "", true}, {"3", nil, "", true}, {"x=100", nil, "", true}, {"1=100", nil, "", true}, {"300=100", nil, "", true},
		{"3=-1", nil, "", true}, {"3=1.00", nil, "", true},
	} {
		o, err := hopperOptions(tt.text)
		if (err != nil) != tt.bad || err == nil && (fmt.Sprint(o.Hoppers) != fmt.Sprint(tt.hoppers) || o.By != tt.by) {
			t.Errorf("%q: got %v, %q, %v, want %v, %q, an error %v", tt.text, o.Hoppers, o.By, err, tt.hoppers, tt.by, tt.bad)
		}
	}
}

// Devices that name one serial line share it, and others do not.
func TestOneLineForAll(t *testing.T) {
	a, _ := cctalkLine("serial:/dev/a", slog.Default())
	b, _ := cctalkLine("serial:/dev/a", slog.Default())
	c, err := cctalkLine("serial:/dev/c", slog.Default())
	if a != b || a == c || err != nil {
		t.Errorf("lines %p %p %p, %v", a, b, c, err)
	}
	if _, err := cctalkLine("usb:1234:5678", slog.Default()); err == nil {
		t.Error("a USB address is a serial line")
	}
	if _, err := payDrivers["cctalk-hopper"]("serial:/dev/a?3=x", slog.Default()); err == nil {
		t.Error("a face that is no number is taken")
	}
}
